// Weight gradients for GPUs, as implicit matrix products in fp32; see weight_gradient_gpu.clh.
//
// A work-group makes a tile of TILE_ROWS x TILE_LANES, a work-item ITEM_ROWS x ITEM_LANES of it. Each step passes
// through local memory, while the next one is on its way from global memory to registers.

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

#include "weight_gradient_tile.clh"

#define DEPTH 16
// So many steps are summed up in registers before they are added to the total where the result will be: one chain over
// all pixels would lose a digit for every hundredfold of its length.
#define CHAIN_STEPS 64
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
//   range: WORK_ITEMS for each tile and split of every weight
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void weight_gradient_gpu(ALL_ARGUMENTS) {
  local float4 row_tile[DEPTH * ROW_STRIDE];
  local float4 lane_tile[DEPTH * LANE_STRIDE];

  const int item = get_local_id(0);
  FIND_TILE

  FIND_SIDES

  // This work-item's part in loading: one pixel of a step, one quad of ROW_LOADS and LANE_LOADS blocks. Where in
  // its tensor each lies, in vectors from the pixel under tap (0, 0); -1: there is nothing.
  const int load_depth = item / 4 % DEPTH, team = item / 64;
  int row_offset[ROW_LOADS], lane_offset[LANE_LOADS];
#pragma unroll
  for (int i = 0; i < ROW_LOADS; i++) {
    const int row = first_row + (team + i * TEAMS) * 4 + item % 4;
    const int tap = row / quads.w, quad = row % quads.w;
    const int moved = LANES_INPUT ? 0 : tap / geometry.y * image_place.w + tap % geometry.y;
    const int block_stride = LANES_INPUT ? gradient_place.z : image_place.z;
    row_offset[i] = tap < taps && quad < quads.x
                        ? (quad / 4 * block_stride + moved) * 4 + quad % 4
                        : -1;
  }
  const int tile_tap = first_row / quads.w;
#pragma unroll
  for (int i = 0; i < LANE_LOADS; i++) {
    const int quad = first_lane + (team + i * TEAMS) * 4 + item % 4;
    const int moved = LANES_INPUT ? tile_tap / geometry.y * image_place.w + tile_tap % geometry.y : 0;
    const int block_stride = LANES_INPUT ? image_place.z : gradient_place.z;
    lane_offset[i] = quad < quads.z * 4 ? (quad / 4 * block_stride + moved) * 4 + quad % 4 : -1;
  }

  FIND_DEPTH

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

  // Two turns more than steps: each turn computes what the turn before has loaded, and stores what is summed up.
  for (int step = begin; step <= end + 1; step++) {
    if (step > begin && step <= end) {
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

    const int summed = step - 1 - begin;
    if (step > end || (summed > 0 && summed % CHAIN_STEPS == 0)) {
#pragma unroll
      for (int r = 0; r < ITEM_ROW_QUADS; r++) {
        const int row = first_row + item_y + r * ITEMS_DOWN;
        const int tap = row / quads.w, quad = row % quads.w;
#pragma unroll
        for (int q = 0; q < ITEM_LANE_QUADS; q++) {
          const int lane_quad = first_lane + item_x + q * ITEMS_ACROSS;
          const bool whole = pixels.w == 1;
          const int stride = whole ? 8 : quads.z * 4;
          const bool exists = tap < taps && quad < quads.x && lane_quad < quads.z * 4;
          global float4* to =
              whole ? dw + packed(quad, tap / geometry.y, tap % geometry.y, lane_quad, quads.y, geometry, LANES_INPUT)
                    : parts + ((size_t)split * taps * quads.w + row) * 4 * (quads.z * 4) + lane_quad;
#pragma unroll
          for (int i = 0; i < 4; i++) {
            if (exists) to[i * stride] = summed > CHAIN_STEPS ? to[i * stride] + sum[r * 4 + i][q] : sum[r * 4 + i][q];
            sum[r * 4 + i][q] = (float4)(0.0f);
          }
        }
      }
    }

    if (step < end) {
      const bool there = pixel < count;
      const long row_pixel = MOVED(row_move, n, oy, ox), lane_pixel = MOVED(lane_move, n, oy, ox);
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

    if (step > begin && step <= end) {
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
}
