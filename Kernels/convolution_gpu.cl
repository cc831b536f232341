// Convolutions for GPUs, in both directions, as implicit matrix products in fp32; see convolution_gpu.clh.
//
// A work-group makes a tile of TILE_PIXELS x TILE_CHANNELS; a work-item keeps ITEM_PIXELS x ITEM_CHANNELS of it in
// registers. Each step passes through local memory, while the next one is on its way from global memory to
// registers. The zero border makes every tap of every pixel readable, so nothing is checked in the loop.

#include "convolution_gpu.clh"

// Output pixels of a work-group: 64, 128 where that leaves tiles enough to fill the device, 16 for tiny maps.
#ifndef TILE_PIXELS
#define TILE_PIXELS 64
#endif
// Output channels of a work-group: 64; 16 or 4 where there are no more.
#ifndef TILE_CHANNELS
#define TILE_CHANNELS 64
#endif
// Output pixels of a work-item. With 8 x 4 sums a work-item reads 12 vectors from local memory for 128 products.
#ifndef ITEM_PIXELS
#define ITEM_PIXELS 8
#endif
// Output channels of a work-item, a multiple of 4.
#ifndef ITEM_CHANNELS
#define ITEM_CHANNELS 4
#endif

#define DEPTH 16
#define ITEMS_DOWN (TILE_PIXELS / ITEM_PIXELS)
#define ITEMS_ACROSS (TILE_CHANNELS / ITEM_CHANNELS)
#define WORK_ITEMS (ITEMS_DOWN * ITEMS_ACROSS)
#define TILE_QUADS (TILE_CHANNELS / 4)
#define ITEM_QUADS (ITEM_CHANNELS / 4)

// Vectors from pixel to pixel of the input tile: four and one of padding, so that eight pixels side by side lie in
// different banks.
#define PIXEL_STRIDE 5

// Vectors that each work-item moves per step, of the input tile and of the weight tile.
#define INPUT_LOADS (TILE_PIXELS * 4 / WORK_ITEMS)
#define WEIGHT_LOADS ((DEPTH * TILE_QUADS + WORK_ITEMS - 1) / WORK_ITEMS)

#if TILE_PIXELS * 4 % WORK_ITEMS || WORK_ITEMS % 4
#error the work-items do not divide the input tile
#endif

// One tile of one phase, or of one part of its depth.
//   x          the input [N, C, H, W], activated with input_slope as it is read
//   weight     [outputs/32][C/16][tap][16][32 outputs]
//   bias       read if has_bias; gate: read unless gate_slope is 1
//   y          the output, written if splits is 1
//   parts      [splits][N * OH * OW][outputs, whole blocks], written otherwise
//   input      .x channel blocks .y H .z W .w N
//   output     .x channel blocks .y OH .z OW .w splits
//   geometry   .x KH .y KW .z stride .w padding
//   range: (tiles of TILE_PIXELS cells of the largest phase * WORK_ITEMS, tiles of TILE_CHANNELS, phases * splits)
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void convolve(CONVOLVE_ARGUMENTS(float4)) {
  local float4 input_tile[TILE_PIXELS * PIXEL_STRIDE];
  local float4 weight_tile[DEPTH * TILE_QUADS];

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

  // And in loading the weight tile: four channels of WEIGHT_LOADS rows of 16. Panels that are not there give zero.
  const int panel_stride = input.x * geometry.x * geometry.y * (DEPTH * 8);  // in vectors
  const int panels = (output.x + 1) / 2;

  FIND_DEPTH

  float4 sum[ITEM_PIXELS][ITEM_QUADS];
#pragma unroll
  for (int p = 0; p < ITEM_PIXELS; p++) {
#pragma unroll
    for (int q = 0; q < ITEM_QUADS; q++) sum[p][q] = (float4)(0.0f);
  }

  const int item_x = item % ITEMS_ACROSS, item_y = item / ITEMS_ACROSS;
  float4 next_input[INPUT_LOADS], next_weight[WEIGHT_LOADS];

  FIRST_TAP

  // One turn more than steps: each turn computes what the turn before has loaded.
  for (int step = begin; step <= end; step++) {
    if (step > begin) {
      barrier(CLK_LOCAL_MEM_FENCE);  // the tiles of the step before are read
#pragma unroll
      for (int i = 0; i < INPUT_LOADS; i++) {
        float4 v = next_input[i];
        if (input_slope != 1.0f) v = select(input_slope * v, v, v > 0.0f);
        input_tile[(item / 4 + i * (WORK_ITEMS / 4)) * PIXEL_STRIDE + load_quad] = v;
      }
#pragma unroll
      for (int i = 0; i < WEIGHT_LOADS; i++) {
        const int vector = item + i * WORK_ITEMS;
        if (DEPTH * TILE_QUADS % WORK_ITEMS == 0 || vector < DEPTH * TILE_QUADS) weight_tile[vector] = next_weight[i];
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }

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
        int depth = vector / TILE_QUADS;
        bool wanted = quad / 8 < panels && depth < DEPTH;
#if INPUT_QUADS != 4
        const int weight_tap = step * TAPS_PER_STEP + depth / (4 * INPUT_QUADS);
        wanted = wanted && weight_tap < taps;
        const int tap = first_tap + weight_tap / columns.count * columns.taps + weight_tap % columns.count;
        depth %= 4 * INPUT_QUADS;
#endif
        next_weight[i] = wanted ? weight[(size_t)(quad / 8) * panel_stride + (tap * DEPTH + depth) * 8 + quad % 8]
                                : (float4)(0.0f);
      }
      NEXT_TAP
    }

    if (step > begin) {
#pragma unroll
      for (int k = 0; k < DEPTH / 4; k++) {
        float4 a[ITEM_PIXELS];
#pragma unroll
        for (int p = 0; p < ITEM_PIXELS; p++) a[p] = input_tile[(item_y + p * ITEMS_DOWN) * PIXEL_STRIDE + k];
#pragma unroll
        for (int q = 0; q < ITEM_QUADS; q++) {
          local const float4* b = weight_tile + k * 4 * TILE_QUADS + item_x + q * ITEMS_ACROSS;
          const float4 b0 = b[0], b1 = b[TILE_QUADS], b2 = b[2 * TILE_QUADS], b3 = b[3 * TILE_QUADS];
#pragma unroll
          for (int p = 0; p < ITEM_PIXELS; p++) {
            sum[p][q] += a[p].x * b0;
            sum[p][q] += a[p].y * b1;
            sum[p][q] += a[p].z * b2;
            sum[p][q] += a[p].w * b3;
          }
        }
      }
    }
  }

#pragma unroll
  for (int p = 0; p < ITEM_PIXELS; p++) {
    const int pixel = first_pixel + item_y + p * ITEMS_DOWN;
    if (pixel >= pixels) continue;
    const int n = pixel / cells, cell = pixel % cells;
    const int oy = cell / columns.cells * rows.output_stride + rows.output;
    const int ox = cell % columns.cells * columns.output_stride + columns.output;
#pragma unroll
    for (int q = 0; q < ITEM_QUADS; q++) {
      const int quad = get_group_id(1) * TILE_QUADS + item_x + q * ITEMS_ACROSS;
      if (quad >= output.x * 4) continue;
      if (output.w == 1) {
        finish(sum[p][q], n, quad / 4, quad % 4, oy, ox, bias, has_bias, gate, gate_place, gate_slope, y, y_place);
      } else {
        const size_t position = ((size_t)(split * input.w + n) * output.y + oy) * output.z + ox;
        parts[position * (output.x * 4) + quad] = sum[p][q];
      }
    }
  }
}
