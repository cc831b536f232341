// A packed weight with the other side's channels in the lanes: [B/32][A/16][tap][16 a][32 b] with b = outputs and
// taps in row order, into [A/32][B/16][tap][16 b][32 a] with taps ordered by phase, or back.

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
// 1: the source has its taps ordered by phase, 0: the target.
#ifndef FROM_PHASE_ORDER
#define FROM_PHASE_ORDER 0
#endif

#define BY_ROW (kh * KERNEL_W + kw)
#define BY_PHASE TAP(kh, kw, KERNEL_H, KERNEL_W, STRIDE)

// a0 b0 a1 b1 ... a7 b7, and a8 b8 ... af bf.
inline float16 interleave_low(float16 a, float16 b) {
  return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}
inline float16 interleave_high(float16 a, float16 b) {
  return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}

// Lane l of row r goes to lane r of row l: each of four interleavings of the upper and lower half of the rows moves
// one bit of the row number into the lane number.
inline void transpose(float16* rows) {
#pragma unroll
  for (int bit = 0; bit < 4; bit++) {
    float16 next[16];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      next[2 * i] = interleave_low(rows[i], rows[i + 8]);
      next[2 * i + 1] = interleave_high(rows[i], rows[i + 8]);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) rows[i] = next[i];
  }
}

// One work-item turns 32 channels a by 32 channels b of all taps, so that it reads and writes whole lines.
//   source_blocks: A/16 rounded up; target_blocks: B/16 rounded up
//   range: (panels of the target, A/32 rounded up; panels of the source, B/32 rounded up)
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void repack(
    global const float* restrict source, global float* restrict target, const int source_blocks,
    const int target_blocks) {
  const int a_block = get_group_id(0) * 2, b_block = get_group_id(1) * 2;
  const int taps = KERNEL_H * KERNEL_W;
  global const float* from = source + ((size_t)get_group_id(1) * source_blocks + a_block) * taps * 512;
  global float* to = target + ((size_t)get_group_id(0) * target_blocks + b_block) * taps * 512;
  for (int kh = 0; kh < KERNEL_H; kh++) {
    for (int kw = 0; kw < KERNEL_W; kw++) {
      for (int b = 0; b < 2 && b_block + b < target_blocks; b++) {
        global const float16* block =
            (global const float16*)(from + (FROM_PHASE_ORDER ? BY_PHASE : BY_ROW) * 512 + b * 16);
        global float16* turned =
            (global float16*)(to + (b * taps + (FROM_PHASE_ORDER ? BY_ROW : BY_PHASE)) * 512);
        float16 low[16], high[16];
#pragma unroll
        for (int i = 0; i < 16; i++) low[i] = block[i * 2];
        transpose(low);
        if (a_block + 1 < source_blocks) {
#pragma unroll
          for (int i = 0; i < 16; i++) high[i] = block[taps * 32 + i * 2];
          transpose(high);
        } else {
#pragma unroll
          for (int i = 0; i < 16; i++) high[i] = 0.0f;
        }
#pragma unroll
        for (int i = 0; i < 16; i++) {
          turned[i * 2] = low[i];
          turned[i * 2 + 1] = high[i];
        }
      }
    }
  }
}
