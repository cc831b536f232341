// Losses, as means over all values, and their gradients. Sums go from rows to groups of rows to one number, in a
// fixed order; the lanes that only fill up a block are left out.
//
//   partial [N * blocks * groups * (1 on a CPU, 4 on a GPU)]
//   range of the partial kernels: (1 or 4; groups; N * blocks)

#include "rows.clh"

#define QUARTER (get_global_id(0) * LANES)

#if LANES == 16
inline float sum_of(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  return (b.x + b.y) + (b.z + b.w);
}
#else
inline float sum_of(float4 v) { return (v.x + v.y) + (v.z + v.w); }
#endif

#define GROUP_ROWS                                                                                        \
  const int first = get_global_id(1) * rows;                                                              \
  const int last = min(first + rows, height);                                                             \
  const int n = get_global_id(2) / blocks;                                                                \
  const int block = get_global_id(2) % blocks;                                                            \
  const size_t slot = (get_global_id(2) * get_global_size(1) + get_global_id(1)) * QUARTERS + get_global_id(0);

// Binary cross-entropy of logits x against target t: max(x, 0) - x t + log(1 + exp(-|x|)).
kernel void bce_partial(global const float* x, const int4 x_place, global float* partial, const int blocks,
                        const int channels, const int height, const int width, const int rows,
                        const float target) {
  GROUP_ROWS
  lanes sum = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t from = at(x_place, n, block, y, 0) + QUARTER;
    lanes row_sum = 0.0f;
    for (int column = 0; column < width; column++) {
      const lanes value = LOAD(x, from + column * 16);
      row_sum += fmax(value, 0.0f) - value * target + log1p(exp(-fabs(value)));
    }
    sum += row_sum;
  }
  partial[slot] = sum_of(real_lanes(block * 16 + QUARTER, channels) ? sum : (lanes)0.0f);
}

// dx = factor * (sigmoid(x) - target)
kernel ONE_WORK_ITEM void bce_gradient(global const float* x, const int4 x_place, global float* dx,
                                       const int4 dx_place, const int blocks, const int channels, const int width,
                                       const float target, const float factor) {
  const size_t from = ROW(x_place, blocks), to = ROW(dx_place, blocks);
  const int block = get_global_id(2) % blocks;
  FOR_EACH_VECTOR(v, width) {
    const lanes value = factor * (1.0f / (1.0f + exp(-LOAD(x, from + v * LANES))) - target);
    const int channel = block * 16 + v % QUARTERS * LANES;
    STORE(dx, to + v * LANES, real_lanes(channel, channels) ? value : (lanes)0.0f);
  }
}

// 1: |a - b|, 2: (a - b)^2
#ifndef DISTANCE
#define DISTANCE 1
#endif

// The lanes that fill up a block are zero in both, and so is their distance.
kernel void pixel_partial(global const float* a, const int4 a_place, global const float* b, const int4 b_place,
                          global float* partial, const int blocks, const int height, const int width,
                          const int rows) {
  GROUP_ROWS
  lanes sum = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t left = at(a_place, n, block, y, 0) + QUARTER, right = at(b_place, n, block, y, 0) + QUARTER;
    lanes row_sum = 0.0f;
    for (int column = 0; column < width; column++) {
      const lanes difference = LOAD(a, left + column * 16) - LOAD(b, right + column * 16);
      row_sum += DISTANCE == 1 ? fabs(difference) : difference * difference;
    }
    sum += row_sum;
  }
  partial[slot] = sum_of(sum);
}

// da = factor * sign(a - b), or factor * 2 (a - b); sign(0) = 0
kernel ONE_WORK_ITEM void pixel_gradient(global const float* a, const int4 a_place, global const float* b,
                                         const int4 b_place, global float* da, const int4 da_place,
                                         const int blocks, const int width, const float factor) {
  const size_t left = ROW(a_place, blocks), right = ROW(b_place, blocks), to = ROW(da_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    const lanes difference = LOAD(a, left + v * LANES) - LOAD(b, right + v * LANES);
    STORE(da, to + v * LANES, factor * (DISTANCE == 1 ? sign(difference) : 2.0f * difference));
  }
}

// result = factor * the sum of `count` partial sums, with Kahan's compensation.  range: (1)
kernel void loss_combine(global const float* partial, global float* result, const int count, const float factor) {
  float sum = 0.0f, lost = 0.0f;
  for (int i = 0; i < count; i++) {
    const float value = partial[i] - lost;
    const float next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  result[0] = sum * factor;
}
