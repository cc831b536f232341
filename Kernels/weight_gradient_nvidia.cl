// Weight gradients for NVIDIA GPUs, as implicit matrix products on the matrix units; see matrix_units.clh and
// weight_gradient_gpu.clh. Takes the arguments and the launch range of weight_gradient_gpu.cl's kernel.
//
// A work-group makes a tile of TILE_ROWS x TILE_LANES; each of its warps WARP_ROWS x WARP_LANES of it, in fragments of
// 16 rows x 8 lane channels. Two steps have room in local memory: while one is multiplied, the next one is on its way
// from global memory through registers into the other half.

// Rows of a work-group, a multiple of WARP_ROWS.
#ifndef TILE_ROWS
#define TILE_ROWS 64
#endif
// Lane channels of a work-group, a multiple of WARP_LANES.
#ifndef TILE_LANES
#define TILE_LANES 64
#endif
// Rows and lane channels of a warp, multiples of 32.
#ifndef WARP_ROWS
#define WARP_ROWS 32
#endif
#ifndef WARP_LANES
#define WARP_LANES 32
#endif

#define WARPS_ACROSS (TILE_LANES / WARP_LANES)
#define WORK_ITEMS (TILE_ROWS / WARP_ROWS * WARPS_ACROSS * 32)

#include "matrix_units.clh"
#include "weight_gradient_tile.clh"

#define QUADS_DOWN (WARP_ROWS / 32)
#define QUADS_ACROSS (WARP_LANES / 32)

// A team of work-items loads one block of 16 channels of a step's 16 pixels, four values of each of OPERAND_VALUES
// pixels a work-item: 1 KB side by side where the pixels are.
#define TEAM (OPERAND_ROWS * 4)
#define TEAMS (WORK_ITEMS / TEAM)
#define ROW_LOADS (TILE_ROWS / 16 / TEAMS)
#define LANE_LOADS (TILE_LANES / 16 / TEAMS)

#if TILE_ROWS % WARP_ROWS || TILE_LANES % WARP_LANES || WARP_ROWS % 32 || WARP_LANES % 32
#error the warps do not divide the tile
#endif
#if WORK_ITEMS % TEAM || TILE_ROWS / 16 % TEAMS || TILE_LANES / 16 % TEAMS
#error the work-items do not divide the tiles
#endif

// One tile, or one part of its depth. Arguments and range as of weight_gradient_gpu.cl's kernel.
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void weight_gradient_units(ALL_ARGUMENTS) {
  // [step % 2][operand row of pixels][row or lane channel], the vectors swizzled
  local uint4 row_tile[2 * OPERAND_ROWS * TILE_ROW_QUADS];
  local uint4 lane_tile[2 * OPERAND_ROWS * TILE_LANE_QUADS];
  MMA_EXCHANGE(exchange);

  const int item = get_local_id(0);
  FIND_TILE

  FIND_SIDES

  // This work-item's part in loading: an operand row of a step's pixels, one quad of ROW_LOADS and LANE_LOADS blocks.
  // Where in its tensor each lies, in vectors from the pixel under tap (0, 0); -1: there is nothing.
  const int load_depth = item / 4 % OPERAND_ROWS, team = item / TEAM;
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

  // The pixels this work-item loads, and how far a step takes them: 16 pixels on in (n, oy, ox), carries included.
  int pixel[OPERAND_VALUES], ox[OPERAND_VALUES], oy[OPERAND_VALUES], n[OPERAND_VALUES];
#pragma unroll
  for (int value = 0; value < OPERAND_VALUES; value++) {
    pixel[value] = begin * DEPTH + load_depth * OPERAND_VALUES + value;
    ox[value] = pixel[value] % pixels.z;
    oy[value] = pixel[value] / pixels.z % pixels.y;
    n[value] = pixel[value] / (pixels.z * pixels.y);
  }
  const int move_x = DEPTH % pixels.z, move_y = DEPTH / pixels.z % pixels.y, move_n = DEPTH / (pixels.z * pixels.y);

  float4 sum[QUADS_DOWN * 2][QUADS_ACROSS * 4];
  UNROLL
  for (int m = 0; m < QUADS_DOWN * 2; m++) {
    UNROLL
    for (int c = 0; c < QUADS_ACROSS * 4; c++) sum[m][c] = (float4)(0.0f);
  }

  const int g = item % 32 / 4, t = item % 4;
  const int warp_row = item / 32 / WARPS_ACROSS * (WARP_ROWS / 4);  // quads
  const int warp_lane = item / 32 % WARPS_ACROSS * (WARP_LANES / 4);
  float4 next_row[ROW_LOADS][OPERAND_VALUES], next_lane[LANE_LOADS][OPERAND_VALUES];

  // One turn more than steps: each turn computes what the turn before has stored.
  for (int step = begin; step <= end; step++) {
    if (step < end) {
#pragma unroll
      for (int value = 0; value < OPERAND_VALUES; value++) {
        const bool there = pixel[value] < count;
        const long row_pixel = MOVED(row_move, n[value], oy[value], ox[value]);
        const long lane_pixel = MOVED(lane_move, n[value], oy[value], ox[value]);
#pragma unroll
        for (int i = 0; i < ROW_LOADS; i++) {
          next_row[i][value] = there && row_offset[i] >= 0 ? row_side[row_pixel + row_offset[i]] : (float4)(0.0f);
        }
#pragma unroll
        for (int i = 0; i < LANE_LOADS; i++) {
          next_lane[i][value] = there && lane_offset[i] >= 0 ? lane_side[lane_pixel + lane_offset[i]] : (float4)(0.0f);
        }
        pixel[value] += DEPTH;
        ox[value] += move_x;
        oy[value] += move_y;
        n[value] += move_n;
        if (ox[value] >= pixels.z) {
          ox[value] -= pixels.z;
          oy[value]++;
        }
        if (oy[value] >= pixels.y) {
          oy[value] -= pixels.y;
          n[value]++;
        }
      }
    }

    if (step > begin) {
      local const uint4* row_step = row_tile + (step - 1) % 2 * (OPERAND_ROWS * TILE_ROW_QUADS);
      local const uint4* lane_step = lane_tile + (step - 1) % 2 * (OPERAND_ROWS * TILE_LANE_QUADS);
      // Rows g and g + 8 of two fragments are the four rows of quad g.
      fragment_a a[QUADS_DOWN * 2][STEP_FRAGMENTS];
      UNROLL
      for (int q = 0; q < QUADS_DOWN; q++) {
        UNROLL
        for (int f = 0; f < STEP_FRAGMENTS; f++) {
          const int even = LANE_ROWS * t + 2 * f, odd = even + 1;
          const uint4 a0 = row_step[even * TILE_ROW_QUADS + SWIZZLED(even, warp_row + q * 8 + g)];
          const uint4 a1 = row_step[odd * TILE_ROW_QUADS + SWIZZLED(odd, warp_row + q * 8 + g)];
          a[q * 2][f] = make_a(a0.x, a0.y, a1.x, a1.y);
          a[q * 2 + 1][f] = make_a(a0.z, a0.w, a1.z, a1.w);
        }
      }
      UNROLL
      for (int q = 0; q < QUADS_ACROSS; q++) {
        // Column g of the four fragments that this lane's vectors belong to.
        fragment_b b[4][STEP_FRAGMENTS];
        UNROLL
        for (int f = 0; f < STEP_FRAGMENTS; f++) {
          const int even = LANE_ROWS * t + 2 * f, odd = even + 1;
          const uint4 b0 = lane_step[even * TILE_LANE_QUADS + SWIZZLED(even, warp_lane + q * 8 + g)];
          const uint4 b1 = lane_step[odd * TILE_LANE_QUADS + SWIZZLED(odd, warp_lane + q * 8 + g)];
          b[0][f] = make_b(b0.x, b1.x);
          b[1][f] = make_b(b0.y, b1.y);
          b[2][f] = make_b(b0.z, b1.z);
          b[3][f] = make_b(b0.w, b1.w);
        }
        UNROLL
        for (int c = 0; c < 4; c++) {
          UNROLL
          for (int m = 0; m < QUADS_DOWN * 2; m++) {
            sum[m][q * 4 + c] = accumulate(sum[m][q * 4 + c], a[m], b[c], exchange);
          }
        }
      }
    }

    if (step < end) {
      local uint4* row_step = row_tile + step % 2 * (OPERAND_ROWS * TILE_ROW_QUADS) + load_depth * TILE_ROW_QUADS;
      local uint4* lane_step = lane_tile + step % 2 * (OPERAND_ROWS * TILE_LANE_QUADS) + load_depth * TILE_LANE_QUADS;
#pragma unroll
      for (int i = 0; i < ROW_LOADS; i++) {
#pragma unroll
        for (int value = 0; value < OPERAND_VALUES; value++) {
          next_row[i][value] = activated(next_row[i][value], row_slope);
        }
        row_step[SWIZZLED(load_depth, (team + i * TEAMS) * 4 + item % 4)] = staged_row(next_row[i]);
      }
#pragma unroll
      for (int i = 0; i < LANE_LOADS; i++) {
#pragma unroll
        for (int value = 0; value < OPERAND_VALUES; value++) {
          next_lane[i][value] = activated(next_lane[i][value], lane_slope);
        }
        lane_step[SWIZZLED(load_depth, (team + i * TEAMS) * 4 + item % 4)] = staged_row(next_lane[i]);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

#pragma unroll
  for (int r = 0; r < QUADS_DOWN; r++) {
    const int row = first_row + warp_row + r * 8 + g;
    const int tap = row / quads.w, quad = row % quads.w;
    if (tap >= taps || quad >= quads.x) continue;
#pragma unroll
    for (int q = 0; q < QUADS_ACROSS * 2; q++) {
      // Columns 2t and 2t + 1 of four fragments are two whole quads of lane channels.
      const int lane_quad = first_lane + warp_lane + q / 2 * 8 + 2 * t + q % 2;
      if (lane_quad >= quads.z * 4) continue;
      const bool whole = pixels.w == 1;
      global float4* to =
          whole ? dw + packed(quad, tap / geometry.y, tap % geometry.y, lane_quad, quads.y, geometry, LANES_INPUT)
                : parts + ((size_t)split * taps * quads.w + row) * 4 * (quads.z * 4) + lane_quad;
      const int stride = whole ? 8 : quads.z * 4;
#pragma unroll
      for (int i = 0; i < 4; i++) to[i * stride] = sums_of_quad(sum[r * 2 + i / 2] + q / 2 * 4, i % 2, q % 2);
    }
  }
}
