// What is drawn anew at every replay, from the counters of philox.clh; dropout masks are drawn in elementwise.cl and
// norm.cl. Shapes [N][C/16][H][W][16], see layout.clh. Ranges: "Elementwise kernels" in rows.clh.

#include "philox.clh"

// -log((u + 1) / 2^32) by the side of 1/2 that has all its digits.
static inline lanes minus_log(const ulanes u) {
  const lanes below = log((CONVERT_LANES(u) + 1.0f) * 0x1p-32f), above = log1p(CONVERT_LANES(~u) * -0x1p-32f);
  return -(u < 0x80000000u ? below : above);
}

// Standard normal numbers: of an element's block, words u0, v0, u1, v1, number e % 4 of r0 cos(a0), r0 sin(a0),
// r1 cos(a1), r1 sin(a1), with r = sqrt(-2 log((u + 1) / 2^32)) and a = 2 pi v / 2^32.
kernel WORK_GROUP void gaussian_noise(global const float* schedule, global float* y, const int4 y_place,
                                      const int4 shape, const int rows, const uint stream) {
  const stream_t random = stream_of(schedule, stream);
  const ullanes channels = channel_offsets(shape);
  const ilanes real = real_lanes(FIRST_CHANNEL(shape), shape.y);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const ullanes element = channels + first_element(IMAGE(shape), FIRST_CHANNEL(shape), row, v, shape);
      const words_t words = philox(&random, element >> 2);
      const ulanes position = CONVERT_ULANES(element) & 3u;
      const lanes radius = sqrt(2.0f * minus_log(position < 2u ? words.x : words.z));
      // In half turns from -1 to 1: the nearer zero, the more digits.
      const lanes angle = CONVERT_LANES(AS_ILANES(position < 2u ? words.y : words.w)) * 0x1p-31f;
      const lanes number = radius * ((position & 1u) == 0u ? cospi(angle) : sinpi(angle));
      STORE(y, to + v * LANES, real ? number : (lanes)0.0f);
    }
  }
}

// t of image n: the upper 24 bits of word n % 4 of block n / 4.
static inline float share_of_image(global const float* schedule, const uint stream, const int n) {
  const stream_t random = stream_of(schedule, stream);
  const words_t words = philox(&random, (ullanes)(ulong)(n / 4));
  const uint word = (n % 4 == 0 ? words.x : n % 4 == 1 ? words.y : n % 4 == 2 ? words.z : words.w).s0;
  return (word >> 8) * 0x1p-24f;
}

// y = t a + (1 - t) b
kernel WORK_GROUP void mix_images(global const float* schedule, global const float* a, const int4 a_place,
                                  global const float* b, const int4 b_place, global float* y, const int4 y_place,
                                  const int4 shape, const int rows, const uint stream) {
  const float t = share_of_image(schedule, stream, IMAGE(shape));
  FOR_EACH_ROW(row, shape, rows) {
    const size_t left = ROW(a_place, shape, row), right = ROW(b_place, shape, row);
    const size_t to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(y, to + v * LANES, t * LOAD(a, left + v * LANES) + (1.0f - t) * LOAD(b, right + v * LANES));
    }
  }
}

// dx = t dy, or (1 - t) dy
kernel WORK_GROUP void mix_gradient(global const float* schedule, global const float* dy, const int4 dy_place,
                                    global float* dx, const int4 dx_place, const int4 shape, const int rows,
                                    const uint stream, const int is_first) {
  const float t = share_of_image(schedule, stream, IMAGE(shape)), share = is_first ? t : 1.0f - t;
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(dy_place, shape, row), to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) STORE(dx, to + v * LANES, share * LOAD(dy, from + v * LANES));
  }
}
