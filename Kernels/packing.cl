// Packed weights with the other side's channels in the lanes: each [B/32][A/16][tap][16 a][32 b] with b = outputs and
// taps in row order, into [A/32][B/16][tap][16 b][32 a] with taps ordered by phase, or back. One launch turns several
// weights, of which each has its run of the work-groups.

#include "layout.clh"
#include "batched.clh"

// 16: a work-item turns 32 channels a by 32 channels b of all taps. 4: a work-group does, of one tap; for GPUs.
#ifndef LANES
#define LANES 16
#endif

// Of each weight
//   shape    .x its first work-group  .y panels of the target, A/32 rounded up  .z source blocks, A/16 rounded up
//            .w target blocks, B/16 rounded up
//   kernel   .x height .y width .z stride of the layer  .w 1 if the source has its taps ordered by phase, 0 if the
//            target has
#define ITEM_ARGUMENTS(i) \
  global const float* source_##i, global float* target_##i, const int4 shape_##i, const int4 kernel_##i
#define TAKE_ITEM(i)                     \
  if ((int)get_group_id(0) >= shape_##i.x) { \
    source = source_##i;                 \
    target = target_##i;                 \
    shape = shape_##i;                   \
    kernel_shape = kernel_##i;           \
  }

// The weight of this work-group.
#define FIND_WEIGHT                                        \
  global const float* source = source_0;                   \
  global float* target = target_0;                         \
  int4 shape = shape_0, kernel_shape = kernel_0;           \
  TAKE_ITEMS                                               \
  const int group = (int)get_group_id(0) - shape.x;        \
  const int source_blocks = shape.z, target_blocks = shape.w; \
  const int kernel_h = kernel_shape.x, kernel_w = kernel_shape.y, taps = kernel_h * kernel_w;

#define BY_ROW(kh, kw) ((kh) * kernel_w + (kw))
#define BY_PHASE(kh, kw) TAP(kh, kw, kernel_h, kernel_w, kernel_shape.z)

#if LANES == 16

// a0 b0 a1 b1 ... a7 b7, and a8 b8 ... af bf.
static inline float16 interleave_low(float16 a, float16 b) {
  return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}
static inline float16 interleave_high(float16 a, float16 b) {
  return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}

// Lane l of row r goes to lane r of row l: each of four interleavings of the upper and lower half of the rows moves
// one bit of the row number into the lane number.
static inline void transpose(float16* rows) {
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

//   range: panels of the target times panels of the source, B/32 rounded up, of all weights
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void repack(ALL_ARGUMENTS) {
  FIND_WEIGHT
  const int a_panel = group % shape.y, b_panel = group / shape.y;
  const int a_block = a_panel * 2, b_block = b_panel * 2;
  global const float* from = source + ((size_t)b_panel * source_blocks + a_block) * taps * 512;
  global float* to = target + ((size_t)a_panel * target_blocks + b_block) * taps * 512;
  for (int kh = 0; kh < kernel_h; kh++) {
    for (int kw = 0; kw < kernel_w; kw++) {
      const int by_row = BY_ROW(kh, kw), by_phase = BY_PHASE(kh, kw);
      const int source_tap = kernel_shape.w ? by_phase : by_row, target_tap = kernel_shape.w ? by_row : by_phase;
      for (int b = 0; b < 2 && b_block + b < target_blocks; b++) {
        global const float16* block = (global const float16*)(from + source_tap * 512 + b * 16);
        global float16* turned = (global float16*)(to + (b * taps + target_tap) * 512);
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

#else

// Rows of a square that a work-group takes at a time.
#ifndef ROWS_AT_ONCE
#define ROWS_AT_ONCE 4
#endif

//   range: 32 * panels of the target times panels of the source times taps, of all weights; ROWS_AT_ONCE
kernel __attribute__((reqd_work_group_size(32, ROWS_AT_ONCE, 1))) void repack(ALL_ARGUMENTS) {
  local float square[32 * 33];
  FIND_WEIGHT
  const int a_panel = group % shape.y, rest = group / shape.y;
  const int source_panels = (target_blocks + 1) / 2, b_panel = rest % source_panels, tap = rest / source_panels;
  const int by_row = tap, by_phase = BY_PHASE(tap / kernel_w, tap % kernel_w);
  const int source_tap = kernel_shape.w ? by_phase : by_row, target_tap = kernel_shape.w ? by_row : by_phase;
  const int lane = get_local_id(0);
  for (int a = get_local_id(1); a < 32; a += ROWS_AT_ONCE) {
    const int block = a_panel * 2 + a / 16;
    const size_t row = (((size_t)b_panel * source_blocks + block) * taps + source_tap) * 16 + a % 16;
    square[a * 33 + lane] = block < source_blocks ? source[row * 32 + lane] : 0.0f;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int b = get_local_id(1); b < 32; b += ROWS_AT_ONCE) {
    const int block = b_panel * 2 + b / 16;
    const size_t row = (((size_t)a_panel * target_blocks + block) * taps + target_tap) * 16 + b % 16;
    if (block < target_blocks) target[row * 32 + lane] = square[lane * 33 + b];
  }
}

#endif
