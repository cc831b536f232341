// The gradient of a convolution's weight, for CPU devices:
//
//   dw[o,i,kh,kw] = sum over n,oy,ox of g[n,o,oy,ox] * x[n,i,oy*S+kh-P,ox*S+kw-P]
//
// written in the packing of the weight, [B/32][A/16][tap][16 a][32 b]. The lanes' channels b come from one of the
// two tensors, the broadcast channels a from the other. One work-item is one work-group: it keeps
// ROW_TAPS x BROADCAST x BLOCKS vectors of 16 sums in registers while it walks over all pixels of all images.

#include "layout.clh"

// 1: the sums are not stored but used, for a step of Adam on the weight itself. A layer with more weights than pixels
// then moves 24 bytes for each of them and not 36.
#ifndef ADAM
#define ADAM 0
#endif
#if ADAM
typedef float16 lanes;
#include "adam.clh"
static inline bool are_zero(const lanes a, const lanes b) { return !any((a != 0.0f) | (b != 0.0f)); }
#define TARGET                                                                                           \
  global float* restrict w, global float* restrict first_moment, global float* restrict second_moment, \
      global const float* restrict schedule, const float4 adam
#else
#define TARGET global float* restrict dw
#endif

#ifndef KERNEL_H
#define KERNEL_H 4
#endif
#ifndef KERNEL_W
#define KERNEL_W 4
#endif
#ifndef STRIDE
#define STRIDE 2
#endif
#ifndef PADDING
#define PADDING 1
#endif
// 1: the lanes are the image's channels i (taps then lie ordered by phase), 0: the gradient's channels o.
#ifndef LANES_INPUT
#define LANES_INPUT 0
#endif
// Broadcast channels of a work-item: at most 16, and what divides 16 or is all there are.
#ifndef BROADCAST
#define BROADCAST 8
#endif
// Blocks of 16 lane channels of a work-item, 1 or 2.
#ifndef BLOCKS
#define BLOCKS 2
#endif
// Taps of a kernel's row that are summed up side by side, a divisor of KERNEL_W: 1 where there are channels enough
// to fill the registers, more where there are few.
#ifndef ROW_TAPS
#define ROW_TAPS 1
#endif

#if LANES_INPUT
#define TAP_INDEX(kh, kw) TAP(kh, kw, KERNEL_H, KERNEL_W, STRIDE)
#else
#define TAP_INDEX(kh, kw) ((kh) * KERNEL_W + (kw))
#endif
#define TAPS (KERNEL_H * KERNEL_W)
// Sums of so many pixels, or a row, in registers, and then added to the total: one chain over all pixels would lose
// two digits more.
#define SUM_PIXELS 256

// The taps' rows and columns in the order in which they are computed: as they lie in memory, since the gradients of
// small maps are as fast as they can be written.
static inline int2 tap_at(int index) {
#if LANES_INPUT && ROW_TAPS == 1
  int r = 0, c = 0;
  for (; index >= TAPS_OF_PHASE(r, KERNEL_H, STRIDE) * KERNEL_W; r++)
    index -= TAPS_OF_PHASE(r, KERNEL_H, STRIDE) * KERNEL_W;
  const int rows = TAPS_OF_PHASE(r, KERNEL_H, STRIDE);
  for (; index >= rows * TAPS_OF_PHASE(c, KERNEL_W, STRIDE); c++) index -= rows * TAPS_OF_PHASE(c, KERNEL_W, STRIDE);
  const int columns = TAPS_OF_PHASE(c, KERNEL_W, STRIDE);
  return (int2)(r + (rows - 1 - index / columns) * STRIDE, c + (columns - 1 - index % columns) * STRIDE);
#else
  return (int2)(index / KERNEL_W, index % KERNEL_W);
#endif
}

//   image      x, activated
//   gradient   g, activated
//   sizes      .x blocks of broadcast channels .y images .z parts: BROADCAST * parts channels of a block are computed
//              .w pieces that one work-item computes one after the other: more than 1 where maps are small and the
//              start of a work-item takes as long as its sums
//   maps       .x height .y width of the image, .z height .w width of the gradient
//   range: (parts * KERNEL_H * KERNEL_W / ROW_TAPS / pieces rounded up, lane blocks / BLOCKS, broadcast blocks)
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void weight_gradient(
    global const float* restrict image, const int4 image_place, global const float* restrict gradient,
    const int4 gradient_place, TARGET, const int4 sizes, const int4 maps) {
  const int lane_block = get_group_id(1) * BLOCKS;
  const int broadcast_block = get_group_id(2);
  const int image_block = LANES_INPUT ? lane_block : broadcast_block;
  const int gradient_block = LANES_INPUT ? broadcast_block : lane_block;
  const size_t panel = ((size_t)(lane_block / 2) * sizes.x + broadcast_block) * (TAPS * 512) + lane_block % 2 * 16;
  const int first_piece = get_group_id(0) * sizes.w;
  const int end_piece = min(first_piece + sizes.w, TAPS / ROW_TAPS * sizes.z);
  const int rows_of_sum = (SUM_PIXELS - 1) / maps.w + 1;

  for (int piece = first_piece; piece < end_piece; piece++) {
    const int part = piece % sizes.z;
    const int2 tap = tap_at(piece / sizes.z * ROW_TAPS);
    const int kh = tap.x, first_kw = tap.y;
    // Rows of g that meet the image under this row of taps, and pixels that do under one tap; the others meet zeros.
    const int first_y = max(0, (PADDING - kh + STRIDE - 1) / STRIDE);
    const int end_y = min(maps.z, (maps.x - 1 + PADDING - kh + STRIDE) / STRIDE);
#if ROW_TAPS == 1
    const int first_x = max(0, (PADDING - first_kw + STRIDE - 1) / STRIDE);
    const int end_x = min(maps.w, (maps.y - 1 + PADDING - first_kw + STRIDE) / STRIDE);
#else
    const int first_x = 0, end_x = maps.w;
#endif

    float16 total[ROW_TAPS][BROADCAST][BLOCKS];
#pragma unroll
    for (int t = 0; t < ROW_TAPS; t++)
#pragma unroll
      for (int a = 0; a < BROADCAST; a++)
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) total[t][a][b] = 0.0f;

    for (int n = 0; n < sizes.y; n++) {
      global const float* x = image + at(image_place, n, image_block, first_y * STRIDE + kh - PADDING,
                                         first_x * STRIDE + first_kw - PADDING);
      global const float* g = gradient + at(gradient_place, n, gradient_block, first_y, first_x);
      for (int y = first_y; y < end_y; y += rows_of_sum) {
        float16 sum[ROW_TAPS][BROADCAST][BLOCKS];
#pragma unroll
        for (int t = 0; t < ROW_TAPS; t++)
#pragma unroll
          for (int a = 0; a < BROADCAST; a++)
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) sum[t][a][b] = 0.0f;
        for (int oy = y; oy < min(y + rows_of_sum, end_y); oy++) {
          for (int ox = 0; ox < end_x - first_x; ox++) {
#if LANES_INPUT
            float values[BROADCAST];
#pragma unroll
            for (int a = 0; a < BROADCAST; a++) values[a] = g[ox * 16 + part * BROADCAST + a];
#pragma unroll
            for (int t = 0; t < ROW_TAPS; t++) {
              float16 lanes[BLOCKS];
#pragma unroll
              for (int b = 0; b < BLOCKS; b++)
                lanes[b] = *(global const float16*)(x + (ox * STRIDE + t) * 16 + (size_t)b * image_place.z * 16);
#pragma unroll
              for (int a = 0; a < BROADCAST; a++)
#pragma unroll
                for (int b = 0; b < BLOCKS; b++) sum[t][a][b] += (float16)values[a] * lanes[b];
            }
#else
            float16 lanes[BLOCKS];
#pragma unroll
            for (int b = 0; b < BLOCKS; b++)
              lanes[b] = *(global const float16*)(g + ox * 16 + (size_t)b * gradient_place.z * 16);
#pragma unroll
            for (int t = 0; t < ROW_TAPS; t++)
#pragma unroll
              for (int a = 0; a < BROADCAST; a++) {
                const float16 value = x[(ox * STRIDE + t) * 16 + part * BROADCAST + a];
#pragma unroll
                for (int b = 0; b < BLOCKS; b++) sum[t][a][b] += value * lanes[b];
              }
#endif
          }
          x += (long)STRIDE * image_place.w * 16;
          g += (long)gradient_place.w * 16;
        }
#pragma unroll
        for (int t = 0; t < ROW_TAPS; t++)
#pragma unroll
          for (int a = 0; a < BROADCAST; a++)
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) total[t][a][b] += sum[t][a][b];
      }
    }

#pragma unroll
    for (int t = 0; t < ROW_TAPS; t++) {
      const size_t target = panel + TAP_INDEX(kh, first_kw + t) * 512 + part * (BROADCAST * 32);
#if ADAM
      // Padding channels beyond the last part have no gradient. Taps that meet zeros alone have none either, as all but
      // the middle ones of a map of one pixel: while their moments are zero, the step leaves them and the weight as
      // they are, and two thirds of its traffic need not be.
      const bool has_gradient = first_y < end_y && first_x < end_x;
#pragma unroll
      for (int a = 0; a < BROADCAST; a++)
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) {
          const size_t i = target + a * 32 + b * 16;
          if (!has_gradient && are_zero(*(global float16*)(first_moment + i), *(global float16*)(second_moment + i)))
            continue;
          adam_step((global float16*)(w + i), total[t][a][b], (global float16*)(first_moment + i),
                    (global float16*)(second_moment + i), schedule[0], schedule[1], adam);
        }
#else
#pragma unroll
      for (int a = 0; a < BROADCAST; a++)
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) *(global float16*)(dw + target + a * 32 + b * 16) = total[t][a][b];
      // Padding channels beyond the last part.
      if (part == sizes.z - 1)
        for (int a = BROADCAST; a < 16 - part * BROADCAST; a++)
#pragma unroll
          for (int b = 0; b < BLOCKS; b++) *(global float16*)(dw + target + a * 32 + b * 16) = 0.0f;
#endif
    }
  }
}
