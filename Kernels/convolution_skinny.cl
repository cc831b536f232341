// Convolutions for GPUs, in both directions, where few pixels meet many weights: the bottom of a U-Net, bound by how
// fast the weights can be read; see convolution_gpu.clh. Takes the arguments of convolution_gpu.cl's convolve.
//
// A work-group streams a panel of 32 output channels, or a part of it, for all pixels of its tile at once: eight
// work-items side by side read a row of 32 weights, the rows of one read lie one after the other in memory, and several
// reads are on their way at a time. Every work-item keeps the sums of its rows for four channels of each pixel; at the
// end they are added in a fixed order. Needs more than 8 input channels.

#include "convolution_gpu.clh"

// Output pixels of a work-group: 1, 4 or 16.
#ifndef TILE_PIXELS
#define TILE_PIXELS 4
#endif

#define WORK_ITEMS 256
// Rows that are read at once, those of two steps.
#define SLOTS (WORK_ITEMS / 8)
#define STEPS_AT_ONCE (SLOTS / 16)
// Such reads that are on their way together.
#define AHEAD 4
// Pixels whose sums meet in local memory at once.
#define PIXELS_AT_ONCE (TILE_PIXELS < 4 ? TILE_PIXELS : 4)

// One tile of one phase, or of one part of its depth. Arguments as of convolution_gpu.cl's convolve.
//   range: (tiles of TILE_PIXELS cells of the largest phase * WORK_ITEMS, panels of 32 channels, phases * splits)
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void convolve_skinny(CONVOLVE_ARGUMENTS(float)) {
  local float4 meeting[PIXELS_AT_ONCE * WORK_ITEMS];

  const int item = get_local_id(0), quad = item % 8, slot = item / 8;
  FIND_PHASE

  FIND_DEPTH

  // What lies beyond the last pixel reads that one again and is never stored.
  int load_pixel[TILE_PIXELS];
  float4 sum[TILE_PIXELS];
#pragma unroll
  for (int p = 0; p < TILE_PIXELS; p++) {
    const int pixel = min(first_pixel + p, pixels - 1);
    const int n = pixel / cells, cell = pixel % cells;
    const int iy = cell / columns.cells * rows.input_stride + rows.input;
    const int ix = cell % columns.cells * columns.input_stride + columns.input;
    load_pixel[p] = x_place.x + n * x_place.y + iy * x_place.w + ix;
    sum[p] = (float4)(0.0f);
  }

  // This work-item's channel of a step, its first step, and how far STEPS_AT_ONCE steps take it in (block, row,
  // column) of the taps, carries included.
  const int channel = slot % 16;
  int step = begin + slot / 16;
  const int per_row = max(columns.count, 1), per_block = max(taps, 1);
  int column = step % per_row, row = step % per_block / per_row, block = step / per_block;
  const int move_column = STEPS_AT_ONCE % per_row, move_row = STEPS_AT_ONCE % per_block / per_row;
  const int move_block = STEPS_AT_ONCE / per_block;
  const size_t panel = (size_t)get_group_id(1) * input.x * geometry.x * geometry.y;

  for (int turn = begin; turn < end; turn += STEPS_AT_ONCE * AHEAD) {
    float4 w[AHEAD];
    int moved[AHEAD];
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      // Beyond the end: weights of zero, and a pixel that is there.
      const bool there = step < end;
      moved[i] = there ? block * x_place.z + row * x_place.w + column : 0;
      const size_t tap = panel + block * geometry.x * geometry.y + first_tap + row * columns.taps + column;
      w[i] = there ? weight[(tap * 16 + channel) * 8 + quad] : (float4)(0.0f);
      step += STEPS_AT_ONCE;
      column += move_column;
      row += move_row;
      block += move_block;
      if (column >= per_row) {
        column -= per_row;
        row++;
      }
      if (row * per_row >= per_block) {
        row -= per_block / per_row;
        block++;
      }
    }
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
#pragma unroll
      for (int p = 0; p < TILE_PIXELS; p++) {
        const float v = x[(size_t)(load_pixel[p] + moved[i]) * 16 + channel];
        sum[p] += ACTIVATE(v, input_slope) * w[i];
      }
    }
  }

  // The slots' sums meet: first every eighth of them, then those eight sums.
#pragma unroll
  for (int first = 0; first < TILE_PIXELS; first += PIXELS_AT_ONCE) {
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int p = 0; p < PIXELS_AT_ONCE; p++) meeting[(p * SLOTS + slot) * 8 + quad] = sum[first + p];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int index = item; index < PIXELS_AT_ONCE * 64; index += WORK_ITEMS) {
      local float4* at_first = meeting + index / 64 * (SLOTS * 8) + index % 64;
      float4 total = at_first[0];
#pragma unroll
      for (int i = 1; i < SLOTS / 8; i++) total += at_first[i * 64];
      at_first[0] = total;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    // A loop and no condition: one that stands last in a loop with barriers PoCL 3.1 takes for the whole group's.
    for (int index = item; index < PIXELS_AT_ONCE * 8; index += WORK_ITEMS) {
      const int pixel = first_pixel + first + index / 8, output_quad = get_group_id(1) * 8 + index % 8;
      if (pixel >= pixels || output_quad >= output.x * 4) continue;
      local const float4* at_first = meeting + index / 8 * (SLOTS * 8) + index % 8;
      float4 total = at_first[0];
#pragma unroll
      for (int i = 1; i < 8; i++) total += at_first[i * 8];
      const int n = pixel / cells, cell = pixel % cells;
      const int oy = cell / columns.cells * rows.output_stride + rows.output;
      const int ox = cell % columns.cells * columns.output_stride + columns.output;
      if (output.w == 1) {
        finish(total, n, output_quad / 4, output_quad % 4, oy, ox, bias, has_bias, gate, gate_place, gate_slope, y,
               y_place);
      } else {
        const size_t position = ((size_t)(split * input.w + n) * output.y + oy) * output.z + ox;
        parts[position * (output.x * 4) + output_quad] = total;
      }
    }
  }
}
