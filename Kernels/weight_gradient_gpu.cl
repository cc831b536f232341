// Weight gradients for GPUs, as implicit matrix products in fp32; see weight_gradient_gpu.clh.
//
// A work-group makes a tile of TILE_ROWS x TILE_LANES, a work-item ITEM_ROWS x ITEM_LANES of it. Each step passes
// through local memory, while the next one is on its way from global memory to registers.

#include "weight_gradient_gpu.clh"

// Rows of a work-group, a multiple of 16: 64; 128 where that leaves tiles enough; 16 for few broadcast channels.
#ifndef TILE_ROWS
#define TILE_ROWS 64
#endif
// Lane channels of a work-group, a multiple of 16: 64; 16 where there are no more.
#ifndef TILE_LANES
#define TILE_LANES 64
#endif
// Rows and lane channels of a work-item, multiples of 4.
#ifndef ITEM_ROWS
#define ITEM_ROWS 8
#endif
#ifndef ITEM_LANES
#define ITEM_LANES 4
#endif

#define DEPTH 16
#define TILE_ROW_QUADS (TILE_ROWS / 4)
#define TILE_LANE_QUADS (TILE_LANES / 4)
#define ITEM_ROW_QUADS (ITEM_ROWS / 4)
#define ITEM_LANE_QUADS (ITEM_LANES / 4)
#define ITEMS_DOWN (TILE_ROWS / ITEM_ROWS)
#define ITEMS_ACROSS (TILE_LANES / ITEM_LANES)
#define WORK_ITEMS (ITEMS_DOWN * ITEMS_ACROSS)

// 64 work-items load one block of 16 channels of a step's 16 pixels: 1 KB side by side where the pixels are.
#define TEAMS (WORK_ITEMS / 64)
#define ROW_LOADS (TILE_ROWS / 16 / TEAMS)
#define LANE_LOADS (TILE_LANES / 16 / TEAMS)

// Vectors from pixel to pixel of the tiles: four of padding, so that two pixels side by side lie in different banks.
#define ROW_STRIDE (TILE_ROW_QUADS + 4)
#define LANE_STRIDE (TILE_LANE_QUADS + 4)

#if WORK_ITEMS % 64 || TILE_ROWS / 16 % TEAMS || TILE_LANES / 16 % TEAMS
#error the work-items do not divide the tiles
#endif

// One tile, or one part of its depth.
//   image      x [N, I, H, W], gradient g [N, O, OH, OW], activated with their slopes as they are read
//   dw         written if splits is 1
//   parts      [splits][taps * row_quads][4][lane_blocks * 16], written otherwise
//   row_quads  of one tap: the quads of broadcast channels. With LANES_INPUT rounded up to whole tiles, since there
//              a tile's lanes move with the tap, so a tile must not hold two.
//   quads      .x quads of broadcast channels that hold anything .y broadcast blocks .z lane blocks .w row_quads
//   pixels     .x N .y OH .z OW .w splits
//   geometry    .x KH .y KW .z stride .w padding
//   range: (tiles of taps * row_quads * WORK_ITEMS, tiles of lane channels, splits)
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void weight_gradient(
    global const float4* restrict image, const int4 image_place, const float image_slope,
    global const float4* restrict gradient, const int4 gradient_place, const float gradient_slope,
    global float4* restrict dw, global float4* restrict parts, const int4 quads, const int4 pixels,
    const int4 geometry) {
  local float4 row_tile[DEPTH * ROW_STRIDE];
  local float4 lane_tile[DEPTH * LANE_STRIDE];

  const int item = get_local_id(0);
  const int taps = geometry.x * geometry.y;
  const int first_row = get_group_id(0) * TILE_ROW_QUADS;  // quads
  const int first_lane = get_group_id(1) * TILE_LANE_QUADS;

#if LANES_INPUT
  global const float4 *restrict row_side = gradient, *restrict lane_side = image;
  const float row_slope = gradient_slope, lane_slope = image_slope;
#else
  global const float4 *restrict row_side = image, *restrict lane_side = gradient;
  const float row_slope = image_slope, lane_slope = gradient_slope;
#endif

  // This work-item's part in loading: one pixel of a step, one quad of ROW_LOADS and LANE_LOADS blocks. Where in
  // its tensor each lies, in vectors from the pixel under tap (0, 0); -1: there is nothing.
  const int load_depth = item / 4 % DEPTH, team = item / 64;
  long row_offset[ROW_LOADS], lane_offset[LANE_LOADS];
#pragma unroll
  for (int i = 0; i < ROW_LOADS; i++) {
    const int row = first_row + (team + i * TEAMS) * 4 + item % 4;
    const int tap = row / quads.w, quad = row % quads.w;
    const int moved = LANES_INPUT ? 0 : tap / geometry.y * image_place.w + tap % geometry.y;
    const int block_stride = LANES_INPUT ? gradient_place.z : image_place.z;
    row_offset[i] = tap < taps && quad < quads.x
                        ? ((long)(quad / 4) * block_stride + moved) * 4 + quad % 4
                        : -1;
  }
  const int tile_tap = first_row / quads.w;
#pragma unroll
  for (int i = 0; i < LANE_LOADS; i++) {
    const int quad = first_lane + (team + i * TEAMS) * 4 + item % 4;
    const int moved = LANES_INPUT ? tile_tap / geometry.y * image_place.w + tile_tap % geometry.y : 0;
    const int block_stride = LANES_INPUT ? image_place.z : gradient_place.z;
    lane_offset[i] = quad < quads.z * 4 ? ((long)(quad / 4) * block_stride + moved) * 4 + quad % 4 : -1;
  }

  const int count = pixels.x * pixels.y * pixels.z;
  const int steps = (count + DEPTH - 1) / DEPTH;
  const int steps_per_split = (steps + pixels.w - 1) / pixels.w;
  const int split = get_group_id(2);
  const int begin = min(steps, split * steps_per_split), end = min(steps, begin + steps_per_split);

  // The pixel this work-item loads, and how far a step takes it: 16 pixels on in (n, oy, ox), carries included.
  int pixel = begin * DEPTH + load_depth;
  int ox = pixel % pixels.z, oy = pixel / pixels.z % pixels.y, n = pixel / (pixels.z * pixels.y);
  const int move_x = DEPTH % pixels.z, move_y = DEPTH / pixels.z % pixels.y, move_n = DEPTH / (pixels.z * pixels.y);

  float4 sum[ITEM_ROWS][ITEM_LANE_QUADS];
#pragma unroll
  for (int r = 0; r < ITEM_ROWS; r++) {
#pragma unroll
    for (int q = 0; q < ITEM_LANE_QUADS; q++) sum[r][q] = (float4)(0.0f);
  }

  const int item_x = item % ITEMS_ACROSS, item_y = item / ITEMS_ACROSS;
  float4 next_row[ROW_LOADS], next_lane[LANE_LOADS];

  // One turn more than steps: each turn computes what the turn before has loaded.
  for (int step = begin; step <= end; step++) {
    if (step > begin) {
      barrier(CLK_LOCAL_MEM_FENCE);  // the tiles of the step before are read
#pragma unroll
      for (int i = 0; i < ROW_LOADS; i++) {
        row_tile[load_depth * ROW_STRIDE + (team + i * TEAMS) * 4 + item % 4] = activated(next_row[i], row_slope);
      }
#pragma unroll
      for (int i = 0; i < LANE_LOADS; i++) {
        lane_tile[load_depth * LANE_STRIDE + (team + i * TEAMS) * 4 + item % 4] = activated(next_lane[i], lane_slope);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }

    if (step < end) {
      const bool there = pixel < count;
      const long on_image = ((long)image_place.x + (long)n * image_place.y +
                             (long)(oy * geometry.z - geometry.w) * image_place.w + ox * geometry.z - geometry.w) * 4;
      const long on_gradient = ((long)gradient_place.x + (long)n * gradient_place.y + oy * gradient_place.w + ox) * 4;
      const long row_pixel = LANES_INPUT ? on_gradient : on_image;
      const long lane_pixel = LANES_INPUT ? on_image : on_gradient;
#pragma unroll
      for (int i = 0; i < ROW_LOADS; i++) {
        next_row[i] = there && row_offset[i] >= 0 ? row_side[row_pixel + row_offset[i]] : (float4)(0.0f);
      }
#pragma unroll
      for (int i = 0; i < LANE_LOADS; i++) {
        next_lane[i] = there && lane_offset[i] >= 0 ? lane_side[lane_pixel + lane_offset[i]] : (float4)(0.0f);
      }
      pixel += DEPTH;
      ox += move_x;
      oy += move_y;
      n += move_n;
      if (ox >= pixels.z) {
        ox -= pixels.z;
        oy++;
      }
      if (oy >= pixels.y) {
        oy -= pixels.y;
        n++;
      }
    }

    if (step > begin) {
#pragma unroll 4
      for (int k = 0; k < DEPTH; k++) {
        float4 a[ITEM_ROW_QUADS], b[ITEM_LANE_QUADS];
#pragma unroll
        for (int r = 0; r < ITEM_ROW_QUADS; r++) a[r] = row_tile[k * ROW_STRIDE + item_y + r * ITEMS_DOWN];
#pragma unroll
        for (int q = 0; q < ITEM_LANE_QUADS; q++) b[q] = lane_tile[k * LANE_STRIDE + item_x + q * ITEMS_ACROSS];
#pragma unroll
        for (int r = 0; r < ITEM_ROW_QUADS; r++) {
#pragma unroll
          for (int q = 0; q < ITEM_LANE_QUADS; q++) {
            sum[r * 4 + 0][q] += a[r].x * b[q];
            sum[r * 4 + 1][q] += a[r].y * b[q];
            sum[r * 4 + 2][q] += a[r].z * b[q];
            sum[r * 4 + 3][q] += a[r].w * b[q];
          }
        }
      }
    }
  }

#pragma unroll
  for (int r = 0; r < ITEM_ROW_QUADS; r++) {
    const int row = first_row + item_y + r * ITEMS_DOWN;
    const int tap = row / quads.w, quad = row % quads.w;
    if (tap >= taps || quad >= quads.x) continue;
#pragma unroll
    for (int q = 0; q < ITEM_LANE_QUADS; q++) {
      const int lane_quad = first_lane + item_x + q * ITEMS_ACROSS;
      if (lane_quad >= quads.z * 4) continue;
      const bool whole = pixels.w == 1;
      global float4* to =
          whole ? dw + packed(quad, tap / geometry.y, tap % geometry.y, lane_quad, quads.y, geometry, LANES_INPUT)
                : parts + ((size_t)split * taps * quads.w + row) * 4 * (quads.z * 4) + lane_quad;
      const int stride = whole ? 8 : quads.z * 4;
      to[0] = sum[r * 4 + 0][q];
      to[stride] = sum[r * 4 + 1][q];
      to[2 * stride] = sum[r * 4 + 2][q];
      to[3 * stride] = sum[r * 4 + 3][q];
    }
  }
}
