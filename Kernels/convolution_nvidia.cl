// Convolutions for NVIDIA GPUs, in both directions, as implicit matrix products on the matrix units; see
// matrix_units.clh and convolution_gpu.clh. Takes the arguments and the launch range of convolution_gpu.cl's convolve.
//
// A work-group makes a tile of TILE_PIXELS x TILE_CHANNELS; each of its warps WARP_PIXELS x WARP_CHANNELS of it, in
// fragments of 16 pixels x 8 channels. Two steps have room in local memory: while one is multiplied, the next one is
// on its way from global memory through registers into the other half. The zero border makes every tap of every pixel
// readable, so nothing is checked in the loop.

// Output pixels of a work-group, a multiple of WARP_PIXELS.
#ifndef TILE_PIXELS
#define TILE_PIXELS 64
#endif
// Output channels of a work-group, a multiple of WARP_CHANNELS.
#ifndef TILE_CHANNELS
#define TILE_CHANNELS 64
#endif
// Output pixels of a warp, a multiple of 16.
#ifndef WARP_PIXELS
#define WARP_PIXELS 32
#endif
// Output channels of a warp, a multiple of 32.
#ifndef WARP_CHANNELS
#define WARP_CHANNELS 32
#endif

#define WARPS_ACROSS (TILE_CHANNELS / WARP_CHANNELS)
#define WORK_ITEMS (TILE_PIXELS / WARP_PIXELS * WARPS_ACROSS * 32)

#include "convolution_gpu.clh"
#include "matrix_units.clh"

#define TILE_QUADS (TILE_CHANNELS / 4)
#define FRAGMENTS_DOWN (WARP_PIXELS / 16)
#define QUADS_ACROSS (WARP_CHANNELS / 32)

// Each lane's channels of a warp's 32: quad g holds column g of four fragments, so that it is read as a vector.
#define FRAGMENTS_ACROSS (QUADS_ACROSS * 4)

// Vectors of four values that each work-item moves per step: of the input tile, and of the weight tile, there those
// of OPERAND_VALUES rows.
#define INPUT_LOADS (TILE_PIXELS * 4 / WORK_ITEMS)
#define WEIGHT_VECTORS (OPERAND_ROWS * TILE_QUADS)
#define WEIGHT_LOADS ((WEIGHT_VECTORS + WORK_ITEMS - 1) / WORK_ITEMS)

#if TILE_PIXELS % WARP_PIXELS || TILE_CHANNELS % WARP_CHANNELS || WARP_PIXELS % 16 || WARP_CHANNELS % 32
#error the warps do not divide the tile
#endif
#if TILE_PIXELS * 4 % WORK_ITEMS
#error the work-items do not divide the input tile
#endif

// One tile of one phase, or of one part of its depth. Arguments and range as of convolution_gpu.cl's convolve.
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void convolve_units(CONVOLVE_ARGUMENTS(float4)) {
  // [step % 2][pixel][operand row] and [step % 2][operand row][channel], the latter with its vectors swizzled
  local quad_operands input_tile[2 * TILE_PIXELS * 4];
  local uint4 weight_tile[2 * WEIGHT_VECTORS];
  MMA_EXCHANGE(exchange);

  const int item = get_local_id(0);
  FIND_PHASE

  // This work-item's part in loading the input tile: one quad of channels of INPUT_LOADS pixels. Tiles overhang the
  // last pixel; what lies there reads that pixel again and is never stored.
  const int load_quad = item % 4;
  int load_pixel[INPUT_LOADS];
#pragma unroll
  for (int i = 0; i < INPUT_LOADS; i++) {
    const int pixel = min(first_pixel + item / 4 + i * (WORK_ITEMS / 4), pixels - 1);
    const int n = pixel / cells, cell = pixel % cells;
    const int iy = cell / columns.cells * rows.input_stride + rows.input;
    const int ix = cell % columns.cells * columns.input_stride + columns.input;
    load_pixel[i] = x_place.x + n * x_place.y + iy * x_place.w + ix;
  }

  // And in loading the weight tile. Panels that are not there give zero.
  const int panel_stride = input.x * geometry.x * geometry.y * (DEPTH * 8);  // in vectors
  const int panels = (output.x + 1) / 2;

  FIND_DEPTH

  float4 sum[FRAGMENTS_DOWN][FRAGMENTS_ACROSS];
  UNROLL
  for (int m = 0; m < FRAGMENTS_DOWN; m++) {
    UNROLL
    for (int n = 0; n < FRAGMENTS_ACROSS; n++) sum[m][n] = (float4)(0.0f);
  }

  const int g = item % 32 / 4, t = item % 4;
  const int warp_pixel = item / 32 / WARPS_ACROSS * WARP_PIXELS;
  const int warp_quad = item / 32 % WARPS_ACROSS * (WARP_CHANNELS / 4);
  float4 next_input[INPUT_LOADS], next_weight[WEIGHT_LOADS][OPERAND_VALUES];

  FIRST_TAP

  // One turn more than steps: each turn computes what the turn before has stored.
  for (int step = begin; step <= end; step++) {
    if (step < end) {
      FIND_TAP
#pragma unroll
      for (int i = 0; i < INPUT_LOADS; i++) {
        next_input[i] = there ? x[(size_t)(load_pixel[i] + moved) * 4 + channel_quad] : (float4)(0.0f);
      }
#pragma unroll
      for (int i = 0; i < WEIGHT_LOADS; i++) {
        const int vector = item + i * WORK_ITEMS;
        const int quad = get_group_id(1) * TILE_QUADS + vector % TILE_QUADS;  // of the output channels
#pragma unroll
        for (int value = 0; value < OPERAND_VALUES; value++) {
          int depth = vector / TILE_QUADS * OPERAND_VALUES + value;
          bool wanted = quad / 8 < panels && depth < DEPTH;
#if INPUT_QUADS != 4
          const int weight_tap = step * TAPS_PER_STEP + depth / (4 * INPUT_QUADS);
          wanted = wanted && weight_tap < taps;
          const int tap = first_tap + weight_tap / columns.count * columns.taps + weight_tap % columns.count;
          depth %= 4 * INPUT_QUADS;
#endif
          next_weight[i][value] =
              wanted ? weight[(size_t)(quad / 8) * panel_stride + (tap * DEPTH + depth) * 8 + quad % 8]
                     : (float4)(0.0f);
        }
      }
      NEXT_TAP
    }

    if (step > begin) {
      local const quad_operands* input_step = input_tile + (step - 1) % 2 * (TILE_PIXELS * 4);
      local const uint4* weight_step = weight_tile + (step - 1) % 2 * WEIGHT_VECTORS;
      fragment_a a[FRAGMENTS_DOWN][STEP_FRAGMENTS];
      UNROLL
      for (int m = 0; m < FRAGMENTS_DOWN; m++) {
        local const quad_operands* from = input_step + (warp_pixel + m * 16 + g) * 4 + t;
        const quad_operands upper = from[0], lower = from[8 * 4];
        a[m][0] = make_a(upper.s0, lower.s0, upper.s1, lower.s1);
#if STEP_FRAGMENTS == 2
        a[m][1] = make_a(upper.s2, lower.s2, upper.s3, lower.s3);
#endif
      }
      UNROLL
      for (int q = 0; q < QUADS_ACROSS; q++) {
        // Column g of the four fragments that this lane's vectors belong to.
        fragment_b b[4][STEP_FRAGMENTS];
        UNROLL
        for (int f = 0; f < STEP_FRAGMENTS; f++) {
          const int even = LANE_ROWS * t + 2 * f, odd = even + 1;
          const uint4 b0 = weight_step[even * TILE_QUADS + SWIZZLED(even, warp_quad + q * 8 + g)];
          const uint4 b1 = weight_step[odd * TILE_QUADS + SWIZZLED(odd, warp_quad + q * 8 + g)];
          b[0][f] = make_b(b0.x, b1.x);
          b[1][f] = make_b(b0.y, b1.y);
          b[2][f] = make_b(b0.z, b1.z);
          b[3][f] = make_b(b0.w, b1.w);
        }
        UNROLL
        for (int n = 0; n < 4; n++) {
          UNROLL
          for (int m = 0; m < FRAGMENTS_DOWN; m++) {
            sum[m][q * 4 + n] = accumulate(sum[m][q * 4 + n], a[m], b[n], exchange);
          }
        }
      }
    }

    if (step < end) {
      local quad_operands* input_step = input_tile + step % 2 * (TILE_PIXELS * 4);
      local uint4* weight_step = weight_tile + step % 2 * WEIGHT_VECTORS;
#pragma unroll
      for (int i = 0; i < INPUT_LOADS; i++) {
        float4 v = next_input[i];
        if (input_slope != 1.0f) v = select(input_slope * v, v, v > 0.0f);
        input_step[(item / 4 + i * (WORK_ITEMS / 4)) * 4 + load_quad] = staged_quad(v);
      }
#pragma unroll
      for (int i = 0; i < WEIGHT_LOADS; i++) {
        const int vector = item + i * WORK_ITEMS, row = vector / TILE_QUADS;
        if (WEIGHT_VECTORS % WORK_ITEMS == 0 || vector < WEIGHT_VECTORS) {
          weight_step[row * TILE_QUADS + SWIZZLED(row, vector % TILE_QUADS)] = staged_row(next_weight[i]);
        }
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

#pragma unroll
  for (int m = 0; m < FRAGMENTS_DOWN * 2; m++) {
    const int pixel = first_pixel + warp_pixel + m * 8 + g;
    if (pixel >= pixels) continue;
    const int n = pixel / cells, cell = pixel % cells;
    const int oy = cell / columns.cells * rows.output_stride + rows.output;
    const int ox = cell % columns.cells * columns.output_stride + columns.output;
#pragma unroll
    for (int q = 0; q < QUADS_ACROSS * 2; q++) {
      // Columns 2t and 2t + 1 of four fragments are two whole quads of channels.
      const int quad = get_group_id(1) * TILE_QUADS + warp_quad + q / 2 * 8 + 2 * t + q % 2;
      if (quad >= output.x * 4) continue;
      const float4 v = sums_of_quad(sum[m / 2] + q / 2 * 4, m % 2, q % 2);
      if (output.w == 1) {
        finish(v, n, quad / 4, quad % 4, oy, ox, bias, has_bias, gate, gate_place, gate_slope, y, y_place);
      } else {
        const size_t position = ((size_t)(split * input.w + n) * output.y + oy) * output.z + ox;
        parts[position * (output.x * 4) + quad] = v;
      }
    }
  }
}
