// The gradient of a convolution's weight, for CPU devices:
//
//   dw[o,i,kh,kw] = sum over n,oy,ox of g[n,o,oy,ox] * x[n,i,oy*S+kh-P,ox*S+kw-P]
//
// written in the packing of the weight, [B/32][A/16][tap][16 a][32 b]. The lanes' channels b come from one of the
// two tensors, the broadcast channels a from the other. One work-item is one work-group: it keeps
// BROADCAST x BLOCKS * 16 sums of one tap in registers while it walks over all pixels of all images.

#include "layout.clh"

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

// One step along the gradient's rows moves the image by STRIDE pixels.
#if LANES_INPUT
#define LANE_STEP STRIDE
#define BROADCAST_STEP 1
#define TAP_INDEX (TAP(kh, KERNEL_H, STRIDE) * KERNEL_W + TAP(kw, KERNEL_W, STRIDE))
#else
#define LANE_STEP 1
#define BROADCAST_STEP STRIDE
#define TAP_INDEX (kh * KERNEL_W + kw)
#endif

//   lane_tensor, broadcast_tensor: g and x, or x and g with LANES_INPUT
//   sizes: .x blocks of broadcast channels, .y images, .z height of g, .w width of g
//   range: (taps * parts, blocks of lane channels / BLOCKS rounded up, blocks of broadcast channels),
//   where parts * BROADCAST broadcast channels are computed of each block
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void weight_gradient(
    global const float* restrict lane_tensor, const int4 lane_place,
    global const float* restrict broadcast_tensor, const int4 broadcast_place, global float* restrict dw,
    const int4 sizes, const int parts) {
  const int part = get_group_id(0) % parts;
  const int tap = get_group_id(0) / parts;
  const int kh = tap / KERNEL_W, kw = tap % KERNEL_W;
  const int lane_block = get_group_id(1) * BLOCKS;
  const int broadcast_block = get_group_id(2);

  float16 sum[BROADCAST][BLOCKS];
#pragma unroll
  for (int a = 0; a < BROADCAST; a++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) sum[a][b] = 0.0f;

  for (int n = 0; n < sizes.y; n++) {
    for (int oy = 0; oy < sizes.z; oy++) {
#if LANES_INPUT
      global const float* lanes = lane_tensor + at(lane_place, n, lane_block, oy * STRIDE + kh - PADDING, kw - PADDING);
      global const float* values = broadcast_tensor + at(broadcast_place, n, broadcast_block, oy, 0);
#else
      global const float* lanes = lane_tensor + at(lane_place, n, lane_block, oy, 0);
      global const float* values =
          broadcast_tensor + at(broadcast_place, n, broadcast_block, oy * STRIDE + kh - PADDING, kw - PADDING);
#endif
      values += part * BROADCAST;
      for (int ox = 0; ox < sizes.w; ox++) {
        float16 lane[BLOCKS];
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) lane[b] = *(global const float16*)(lanes + (size_t)b * lane_place.z * 16);
#pragma unroll
        for (int a = 0; a < BROADCAST; a++) {
          const float16 value = values[a];
#pragma unroll
          for (int b = 0; b < BLOCKS; b++) sum[a][b] += value * lane[b];
        }
        lanes += LANE_STEP * 16;
        values += BROADCAST_STEP * 16;
      }
    }
  }

  global float* target =
      dw + (((size_t)(lane_block / 2) * sizes.x + broadcast_block) * (KERNEL_H * KERNEL_W) + TAP_INDEX) * 512 +
      part * (BROADCAST * 32) + lane_block % 2 * 16;
#pragma unroll
  for (int a = 0; a < BROADCAST; a++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) *(global float16*)(target + a * 32 + b * 16) = sum[a][b];
}
