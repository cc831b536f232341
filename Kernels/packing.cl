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

// Lane `lane` of the sixteen rows r0..rf: one row of the transposed 16 x 16 block.
#define COLUMN(lane)                                                                               \
  (float16)(r0.s##lane, r1.s##lane, r2.s##lane, r3.s##lane, r4.s##lane, r5.s##lane, r6.s##lane,    \
            r7.s##lane, r8.s##lane, r9.s##lane, ra.s##lane, rb.s##lane, rc.s##lane, rd.s##lane,    \
            re.s##lane, rf.s##lane)

// One work-item makes one block of the target: 32 channels a by 16 channels b, all taps.
//   source_blocks: A/16 rounded up; target_blocks: B/16 rounded up
//   range: (panels of the target, A/32 rounded up; blocks of the target, B/16 rounded up)
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void repack(
    global const float* restrict source, global float* restrict target, const int source_blocks,
    const int target_blocks) {
  const int a_panel = get_group_id(0), b_block = get_group_id(1);
  const int taps = KERNEL_H * KERNEL_W;
  for (int kh = 0; kh < KERNEL_H; kh++) {
    for (int kw = 0; kw < KERNEL_W; kw++) {
      const int source_tap = FROM_PHASE_ORDER ? BY_PHASE : BY_ROW;
      const int target_tap = FROM_PHASE_ORDER ? BY_ROW : BY_PHASE;
      global float16* to =
          (global float16*)(target + (((size_t)a_panel * target_blocks + b_block) * taps + target_tap) * 512);
      for (int half_panel = 0; half_panel < 2 && 2 * a_panel + half_panel < source_blocks; half_panel++) {
        const int a_block = 2 * a_panel + half_panel;
        global const float16* rows =
            (global const float16*)(source +
                                    (((size_t)(b_block / 2) * source_blocks + a_block) * taps + source_tap) * 512 +
                                    b_block % 2 * 16);
        const float16 r0 = rows[0], r1 = rows[2], r2 = rows[4], r3 = rows[6], r4 = rows[8], r5 = rows[10],
                      r6 = rows[12], r7 = rows[14], r8 = rows[16], r9 = rows[18], ra = rows[20],
                      rb = rows[22], rc = rows[24], rd = rows[26], re = rows[28], rf = rows[30];
        to[0 + half_panel] = COLUMN(0);
        to[2 + half_panel] = COLUMN(1);
        to[4 + half_panel] = COLUMN(2);
        to[6 + half_panel] = COLUMN(3);
        to[8 + half_panel] = COLUMN(4);
        to[10 + half_panel] = COLUMN(5);
        to[12 + half_panel] = COLUMN(6);
        to[14 + half_panel] = COLUMN(7);
        to[16 + half_panel] = COLUMN(8);
        to[18 + half_panel] = COLUMN(9);
        to[20 + half_panel] = COLUMN(a);
        to[22 + half_panel] = COLUMN(b);
        to[24 + half_panel] = COLUMN(c);
        to[26 + half_panel] = COLUMN(d);
        to[28 + half_panel] = COLUMN(e);
        to[30 + half_panel] = COLUMN(f);
      }
    }
  }
}
