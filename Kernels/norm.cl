// Normalisation, and other sums over the pixels of a channel.
//
// Statistics are taken in two launches. First every group of `rows` rows of a channel block of an image gives its
// mean and its sum of squared differences from that mean, computed in two passes over values that are in the
// cache; then the groups are combined in a fixed order by Chan's formula. (The mean of squares less the square of
// the mean would lose every digit where the mean is large.)
//
//   partial  [N][blocks][groups][2][16]: mean and M2, or two sums
//   mean, variance, sums: [rows of statistics][stride]
//   range of the partial kernels: (1 on a CPU, 4 on a GPU; groups; N * blocks)
//   range of the combining kernels: (1 or 4; blocks; 1 per batch, N per image)

#include "rows.clh"

#define QUARTER (get_global_id(0) * LANES)

// Rows [first, last) of this work-item's group.
#define GROUP_ROWS                                   \
  const int first = get_global_id(1) * rows;         \
  const int last = min(first + rows, height);        \
  const int n = get_global_id(2) / blocks;           \
  const int block = get_global_id(2) % blocks;       \
  const int groups = get_global_size(1);             \
  const size_t slot = ((size_t)get_global_id(2) * groups + get_global_id(1)) * 32 + QUARTER;

kernel void statistics_partial(global const float* x, const int4 x_place, global float* partial, const int blocks,
                               const int height, const int width, const int rows) {
  GROUP_ROWS
  lanes sum = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t row = at(x_place, n, block, y, 0) + QUARTER;
    lanes row_sum = 0.0f;
    for (int column = 0; column < width; column++) row_sum += LOAD(x, row + column * 16);
    sum += row_sum;
  }
  const lanes mean = sum / (float)((last - first) * width);
  lanes squares = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t row = at(x_place, n, block, y, 0) + QUARTER;
    lanes row_squares = 0.0f;
    for (int column = 0; column < width; column++) {
      const lanes difference = LOAD(x, row + column * 16) - mean;
      row_squares += difference * difference;
    }
    squares += row_squares;
  }
  STORE(partial, slot, mean);
  STORE(partial, slot + 16, squares);
}

// images: how many images one statistic covers, all or 1.
kernel void statistics_combine(global const float* partial, global float* mean, global float* variance,
                               const int images, const int groups, const int stride, const int height,
                               const int width, const int rows) {
  const int block = get_global_id(1), blocks = get_global_size(1), row = get_global_id(2);
  lanes total_mean = 0.0f, squares = 0.0f;
  float count = 0.0f;
  for (int n = row * images; n < (row + 1) * images; n++) {
    for (int group = 0; group < groups; group++) {
      const size_t slot = (((size_t)n * blocks + block) * groups + group) * 32 + QUARTER;
      const float added = (float)((min((group + 1) * rows, height) - group * rows) * width);
      const lanes difference = LOAD(partial, slot) - total_mean;
      const float share = added / (count + added);
      total_mean += difference * share;
      squares += LOAD(partial, slot + 16) + difference * difference * (count * share);
      count += added;
    }
  }
  const size_t target = (size_t)row * stride + block * 16 + QUARTER;
  STORE(mean, target, total_mean);
  STORE(variance, target, squares / count);
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + shift
//   statistics_stride: floats from image to image in mean and variance; 0 per batch
#ifndef HAS_SCALE
#define HAS_SCALE 0
#endif
#ifndef HAS_SHIFT
#define HAS_SHIFT 0
#endif

kernel ONE_WORK_ITEM void norm_apply(global const float* x, const int4 x_place, global const float* mean,
                                    global const float* variance, global const float* scale,
                                    global const float* shift, global float* y, const int4 y_place,
                                    const int blocks, const int width, const int statistics_stride,
                                    const float epsilon) {
  const size_t from = ROW(x_place, blocks), to = ROW(y_place, blocks);
  const size_t image = (size_t)(get_global_id(2) / blocks) * statistics_stride;
  const int block = get_global_id(2) % blocks;
  FOR_EACH_VECTOR(v, width) {
    const int channel = block * 16 + v % QUARTERS * LANES;
    lanes factor = 1.0f / sqrt(LOAD(variance, image + channel) + epsilon);
#if HAS_SCALE
    factor *= LOAD(scale, channel);
#endif
    lanes value = (LOAD(x, from + v * LANES) - LOAD(mean, image + channel)) * factor;
#if HAS_SHIFT
    value += LOAD(shift, channel);
#endif
    STORE(y, to + v * LANES, value);
  }
}

// Sums over a group of dy, and of dy * xhat with xhat = (x - mean) / sqrt(variance + epsilon).
kernel void gradient_partial(global const float* x, const int4 x_place, global const float* dy,
                             const int4 dy_place, global const float* mean, global const float* variance,
                             global float* partial, const int blocks, const int height, const int width,
                             const int rows, const int statistics_stride, const float epsilon) {
  GROUP_ROWS
  const size_t statistics = (size_t)n * statistics_stride + block * 16 + QUARTER;
  const lanes center = LOAD(mean, statistics);
  const lanes inverse = 1.0f / sqrt(LOAD(variance, statistics) + epsilon);
  lanes sum = 0.0f, product = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t from = at(x_place, n, block, y, 0) + QUARTER, gradient = at(dy_place, n, block, y, 0) + QUARTER;
    lanes row_sum = 0.0f, row_product = 0.0f;
    for (int column = 0; column < width; column++) {
      const lanes value = LOAD(dy, gradient + column * 16);
      row_sum += value;
      row_product += value * (LOAD(x, from + column * 16) - center);
    }
    sum += row_sum;
    product += row_product;
  }
  STORE(partial, slot, sum);
  STORE(partial, slot + 16, product * inverse);
}

// Both sums over all groups (and images) that a statistic covers.
kernel void sums_combine(global const float* partial, global float* first_sum, global float* second_sum,
                         const int images, const int groups, const int stride) {
  const int block = get_global_id(1), blocks = get_global_size(1), row = get_global_id(2);
  lanes first = 0.0f, second = 0.0f;
  for (int n = row * images; n < (row + 1) * images; n++) {
    lanes image_first = 0.0f, image_second = 0.0f;
    for (int group = 0; group < groups; group++) {
      const size_t slot = (((size_t)n * blocks + block) * groups + group) * 32 + QUARTER;
      image_first += LOAD(partial, slot);
      image_second += LOAD(partial, slot + 16);
    }
    first += image_first;
    second += image_second;
  }
  const size_t target = (size_t)row * stride + block * 16 + QUARTER;
  STORE(first_sum, target, first);
  STORE(second_sum, target, second);
}

// dx = scale / sqrt(variance + epsilon) * (dy - shift_sum / m - xhat * scale_sum / m), m values to a statistic.
kernel ONE_WORK_ITEM void norm_gradient(global const float* x, const int4 x_place, global const float* dy,
                                        const int4 dy_place, global const float* mean,
                                        global const float* variance, global const float* scale,
                                        global const float* shift_sum, global const float* scale_sum,
                                        global float* dx, const int4 dx_place, const int blocks, const int width,
                                        const int statistics_stride, const float epsilon, const float inverse_m) {
  const size_t from = ROW(x_place, blocks), gradient = ROW(dy_place, blocks), to = ROW(dx_place, blocks);
  const size_t image = (size_t)(get_global_id(2) / blocks) * statistics_stride;
  const int block = get_global_id(2) % blocks;
  FOR_EACH_VECTOR(v, width) {
    const int channel = block * 16 + v % QUARTERS * LANES;
    const lanes inverse = 1.0f / sqrt(LOAD(variance, image + channel) + epsilon);
    const lanes xhat = (LOAD(x, from + v * LANES) - LOAD(mean, image + channel)) * inverse;
    lanes value = LOAD(dy, gradient + v * LANES) - LOAD(shift_sum, image + channel) * inverse_m -
                  xhat * (LOAD(scale_sum, image + channel) * inverse_m);
#if HAS_SCALE
    value *= LOAD(scale, channel);
#endif
    STORE(dx, to + v * LANES, value * inverse);
  }
}

// Sums of x over a group; `sums_combine` adds them up (its second sums are zero).
kernel void channel_partial(global const float* x, const int4 x_place, global float* partial, const int blocks,
                            const int height, const int width, const int rows) {
  GROUP_ROWS
  lanes sum = 0.0f;
  for (int y = first; y < last; y++) {
    const size_t from = at(x_place, n, block, y, 0) + QUARTER;
    lanes row_sum = 0.0f;
    for (int column = 0; column < width; column++) row_sum += LOAD(x, from + column * 16);
    sum += row_sum;
  }
  STORE(partial, slot, sum);
  STORE(partial, slot + 16, (lanes)0.0f);
}

// running += momentum * (batch - running); the variance made unbiased first.  range: (C rounded up to 16)
kernel void running_statistics(global const float* mean, global const float* variance, global float* running_mean,
                               global float* running_variance, const int channels, const float unbiased,
                               const float momentum) {
  const int c = get_global_id(0);
  if (c >= channels) return;
  running_mean[c] += momentum * (mean[c] - running_mean[c]);
  running_variance[c] += momentum * (variance[c] * unbiased - running_variance[c]);
}
