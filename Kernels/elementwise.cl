// What is done to every value of an activation by itself. Shapes [N][C/16][H][W][16], see layout.clh; each
// operand has a place of its own, since borders differ. Channels that only fill up a block stay zero.

#include "rows.clh"

// y = x > 0 ? x : slope * x
kernel ONE_WORK_ITEM void activate(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                   const int blocks, const int width, const float slope) {
  const size_t from = ROW(x_place, blocks), to = ROW(y_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    const lanes value = LOAD(x, from + v * LANES);
    STORE(y, to + v * LANES, ACTIVATE(value, slope));
  }
}

// dx = dy * (x > 0 ? 1 : slope)
kernel ONE_WORK_ITEM void activation_gradient(global const float* dy, const int4 dy_place, global const float* x,
                                              const int4 x_place, global float* dx, const int4 dx_place,
                                              const int blocks, const int width, const float slope) {
  const size_t gradient = ROW(dy_place, blocks), from = ROW(x_place, blocks), to = ROW(dx_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    const lanes value = LOAD(dy, gradient + v * LANES);
    STORE(dx, to + v * LANES, LOAD(x, from + v * LANES) > 0.0f ? value : slope * value);
  }
}

// y = tanh(x)
kernel ONE_WORK_ITEM void tanh_forward(global const float* x, const int4 x_place, global float* y,
                                       const int4 y_place, const int blocks, const int width) {
  const size_t from = ROW(x_place, blocks), to = ROW(y_place, blocks);
  FOR_EACH_VECTOR(v, width) STORE(y, to + v * LANES, tanh(LOAD(x, from + v * LANES)));
}

// dx = dy * (1 - y * y), y = tanh(x)
kernel ONE_WORK_ITEM void tanh_gradient(global const float* dy, const int4 dy_place, global const float* y,
                                        const int4 y_place, global float* dx, const int4 dx_place,
                                        const int blocks, const int width) {
  const size_t gradient = ROW(dy_place, blocks), from = ROW(y_place, blocks), to = ROW(dx_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    const lanes value = LOAD(y, from + v * LANES);
    STORE(dx, to + v * LANES, LOAD(dy, gradient + v * LANES) * (1.0f - value * value));
  }
}

// c = a * b
kernel ONE_WORK_ITEM void multiply(global const float* a, const int4 a_place, global const float* b,
                                   const int4 b_place, global float* c, const int4 c_place, const int blocks,
                                   const int width) {
  const size_t first = ROW(a_place, blocks), second = ROW(b_place, blocks), to = ROW(c_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    STORE(c, to + v * LANES, LOAD(a, first + v * LANES) * LOAD(b, second + v * LANES));
  }
}

// y = alpha * a + beta * b
kernel ONE_WORK_ITEM void combine(global const float* a, const int4 a_place, global const float* b,
                                  const int4 b_place, global float* y, const int4 y_place, const int blocks,
                                  const int width, const float alpha, const float beta) {
  const size_t first = ROW(a_place, blocks), second = ROW(b_place, blocks), to = ROW(y_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    STORE(y, to + v * LANES, alpha * LOAD(a, first + v * LANES) + beta * LOAD(b, second + v * LANES));
  }
}

// The same for flat arrays (weights, vectors) of `vectors` vectors; each work-item takes `run` of them.
//   range: (vectors / run rounded up)
kernel void combine_flat(global const float* a, global const float* b, global float* y, const int vectors,
                         const int run, const float alpha, const float beta) {
  const size_t first = get_global_id(0) * run;
  for (size_t v = first; v < min(first + run, (size_t)vectors); v++) {
    STORE(y, v * LANES, alpha * LOAD(a, v * LANES) + beta * LOAD(b, v * LANES));
  }
}

// Channels `from` ... of x to channels `to` ... of y, `count` of them, lane by lane: for concatenations and slices
// that do not come in whole blocks.
//   range: (1 on a CPU, W on a GPU; H; N)
kernel ONE_WORK_ITEM void copy_channels(global const float* x, const int4 x_place, global float* y,
                                        const int4 y_place, const int width, const int from, const int to,
                                        const int count) {
  const int n = get_global_id(2), row = get_global_id(1);
  FOR_EACH_VECTOR(column, width) {
    for (int c = 0; c < count; c++) {
      y[at(y_place, n, (to + c) / 16, row, column) + (to + c) % 16] =
          x[at(x_place, n, (from + c) / 16, row, column) + (from + c) % 16];
    }
  }
}

// A dropout mask, 0 or `kept`, by Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011) on the element's index
// e = ((n * C + c) * H + y) * W + x, so that the mask does not depend on the layout: word e % 4 of the block with
// key = seed and counter = (e / 4, 0, stream, low 32 bits of the step). schedule[2...7] hold the step and the seed
// in 16-bit pieces. Below `threshold` an element is dropped.
kernel ONE_WORK_ITEM void dropout_mask(global const float* schedule, global float* mask, const int4 mask_place,
                                       const int4 sizes, const uint stream, const uint threshold,
                                       const float kept) {
  const int channels = sizes.y, height = sizes.z, width = sizes.w, blocks = (channels + 15) / 16;
  const int n = get_global_id(2) / blocks, block = get_global_id(2) % blocks, row = get_global_id(1);
  const uint step = (uint)schedule[2] | (uint)schedule[3] << 16;
  const uint key0 = (uint)schedule[4] | (uint)schedule[5] << 16;
  const uint key1 = (uint)schedule[6] | (uint)schedule[7] << 16;
  const size_t to = ROW(mask_place, blocks);
  FOR_EACH_VECTOR(v, width) {
    const int channel = block * 16 + v % QUARTERS * LANES, x = v / QUARTERS;
    const ulanes element =
        (((uint)n * channels + channel + LANE_NUMBERS) * (uint)height + (uint)row) * (uint)width + (uint)x;
    ulanes c0 = element >> 2, c1 = 0, c2 = stream, c3 = step;
    uint k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
      const ulanes high0 = mul_hi(c0, (ulanes)0xD2511F53u), low0 = c0 * 0xD2511F53u;
      const ulanes high1 = mul_hi(c2, (ulanes)0xCD9E8D57u), low1 = c2 * 0xCD9E8D57u;
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    const ulanes lane = element & 3u;
    const ulanes word = lane == 0u ? c0 : lane == 1u ? c1 : lane == 2u ? c2 : c3;
    const ilanes keep = (ilanes)(word >= threshold) & real_lanes(channel, channels);
    STORE(mask, to + v * LANES, keep ? (lanes)kept : (lanes)0.0f);
  }
}
