// Normalisation, and sums over the pixels of a channel.
//
// A batch has equal parts with statistics of their own, of `images` images: one (batch norm), as many as images
// (instance norm), or between. Small maps are normalised in one launch, a work-group to a channel block, part after
// part. Large ones are cut into groups of rows and take two: the first leaves every group's sums in `partial`, in the
// second every work-group adds those of all groups up, always in the same order, and goes over its own rows.
//
// Mean and squares are taken in two passes, groups are combined by Chan's formula: the mean of squares less the
// square of the mean would lose every digit where the mean is large.
//
//   x, y, dy, dx [N][C/16][H][W][16]      mean, variance [parts][stride]      sums, scale, shift [C]
//   partial [parts * blocks][groups][2][16]: mean and sum of squared differences from it, or two sums
//   range and groups: see "Sums" in rows.clh

#include "norm.clh"
#include "philox.clh"
#include "rows.clh"
#include "split_sum.clh"

// Whether there is a shift; the argument is ignored if not.
#ifndef HAS_SHIFT
#define HAS_SHIFT 0
#endif

// Whether `norm` moves running statistics, too.
#ifndef RUNNING
#define RUNNING 0
#endif
#if RUNNING
#define RUNNING_ARGUMENTS \
  , global float *running_means, global float *running_variances, const float unbiased, const float momentum
#else
#define RUNNING_ARGUMENTS
#endif

// running += momentum * (batch - running); the variance is made unbiased first, by m / (m - 1).
#define MOVE(running, batch, momentum) ((running) + (momentum) * ((batch) - (running)))

// Further copies of y that the normalisations write beside it, with an activation each: what the convolutions of a
// CPU read. 0, 1 or 2.
#ifndef COPIES
#define COPIES 0
#endif
#if COPIES > 0
#define COPY_1_ARGUMENTS , global float* copy_1, const int4 copy_1_place, const float copy_1_slope
#else
#define COPY_1_ARGUMENTS
#endif
#if COPIES > 1
#define COPY_2_ARGUMENTS , global float* copy_2, const int4 copy_2_place, const float copy_2_slope
#else
#define COPY_2_ARGUMENTS
#endif

// A dropout mask that y is multiplied by, or dy: 1 is read, 2 is drawn and written.
#ifndef MASK
#define MASK 0
#endif
#if MASK == 2
#define MASK_ARGUMENTS \
  , global float *mask, const int4 mask_place, global const float *schedule, const uint stream, const uint threshold, \
      const float kept
#elif MASK == 1
#define MASK_ARGUMENTS , global const float *mask, const int4 mask_place
#else
#define MASK_ARGUMENTS
#endif

#define PARTIAL(part, group, shape) \
  ((((size_t)(part) * BLOCKS(shape) + BLOCK(shape)) * GROUPS + (group)) * 32 + QUARTER)

// Mean and sum of squared differences from it: of this work-group's rows, or of all rows from the groups' parts, whose
// squares are those of the groups plus those of their means' differences. Only loops depend on which: compilers of CPUs
// take long for barriers in branches.
COLLECTIVE void statistics(global const float* x, const int4 x_place, global const float* partial, const bool of_groups,
                           const int part, const int4 shape, const int rows, const int images, local lanes* shared,
                           lanes* mean, lanes* squares) {
  const float pixels =
      of_groups ? (float)images * shape.z * shape.w : GROUP_PIXELS(GROUP, shape, rows, images);
  lanes center = 0.0f, sum = 0.0f;
  if (of_groups) {
    center = LOAD(partial, PARTIAL(part, 0, shape));
    for (int g = ITEM * LANES / 16; g < GROUPS; g += PIXELS_AT_ONCE) {
      sum += GROUP_PIXELS(g, shape, rows, images) * (LOAD(partial, PARTIAL(part, g, shape)) - center);
    }
  } else {
    FOR_EACH_GROUP_ROW(row, shape, rows, images) {
      const size_t from = GROUP_ROW(x_place, shape, row, part * images);
      lanes row_sum = 0.0f;
      FOR_EACH_VECTOR(v, shape) row_sum += LOAD(x, from + v * LANES);
      sum += row_sum;
    }
  }
  center += sum_over_group(sum, shared) / pixels;
  lanes square = 0.0f, rest = 0.0f;
  if (of_groups) {
    for (int g = ITEM * LANES / 16; g < GROUPS; g += PIXELS_AT_ONCE) {
      const lanes difference = LOAD(partial, PARTIAL(part, g, shape)) - center;
      square += LOAD(partial, PARTIAL(part, g, shape) + 16) +
                GROUP_PIXELS(g, shape, rows, images) * difference * difference;
    }
  } else {
    FOR_EACH_GROUP_ROW(row, shape, rows, images) {
      const size_t from = GROUP_ROW(x_place, shape, row, part * images);
      lanes row_square = 0.0f, row_rest = 0.0f;
      FOR_EACH_VECTOR(v, shape) {
        const lanes difference = LOAD(x, from + v * LANES) - center;
        row_square += difference * difference;
        row_rest += difference;
      }
      square += row_square;
      rest += row_rest;
    }
  }
  sum_both_over_group(&rest, &square, shared);
  // The differences' own mean is what rounding took from the first sum; 0 of groups.
  const lanes correction = rest / pixels;
  *mean = center + correction;
  *squares = square - correction * correction * pixels;
}

// First launch of `norm`, for large maps.
kernel WORK_GROUP void norm_partial(global const float* x, const int4 x_place, global float* partial,
                                    const int4 shape, const int rows, const int images SPLIT_ARGUMENTS) {
  SHARED_BY_TWO(shared);
  lanes mean, squares;
  const int part = PART(shape);
  ADD_SPLITS(part, shape, rows, images)
  statistics(x, x_place, partial, false, part, shape, rows, images, shared, &mean, &squares);
  if (ITEM < 16 / LANES) {
    STORE(partial, PARTIAL(part, GROUP, shape), mean);
    STORE(partial, PARTIAL(part, GROUP, shape) + 16, squares);
  }
}

static inline lanes norm_shift(global const float* shift, const int4 shape) {
#if HAS_SHIFT
  return LOAD(shift, FIRST_CHANNEL(shape));
#else
  return 0.0f;
#endif
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + shift with the mean and the biased variance of x itself, which
// are written, too.
kernel WORK_GROUP void norm(global const float* x, const int4 x_place, global const float* partial,
                            global float* means, global float* variances, global const float* scale,
                            global const float* shift, global float* y, const int4 y_place, const int4 shape,
                            const int rows, const int parts, const int images, const int stride,
                            const float epsilon SPLIT_ARGUMENTS RUNNING_ARGUMENTS MASK_ARGUMENTS COPY_1_ARGUMENTS
                                COPY_2_ARGUMENTS) {
  SHARED_BY_TWO(shared);
#if MASK == 2
  const mask_t dropout = mask_of(schedule, stream, threshold, kept, FIRST_CHANNEL(shape), shape);
#endif
  for (int part = 0; part < parts; part++) {
    lanes mean, squares;
    if (GROUPS == 1) {
      ADD_SPLITS(part, shape, rows, images)
    }
    statistics(x, x_place, partial, GROUPS > 1, part, shape, rows, images, shared, &mean, &squares);
    const lanes variance = squares / ((float)images * shape.z * shape.w);
    if (GROUP == 0 && ITEM < 16 / LANES) {
      STORE(means, STATISTIC_OFFSET(part, shape, stride), mean);
      STORE(variances, STATISTIC_OFFSET(part, shape, stride), variance);
#if RUNNING
      const int slot = FIRST_CHANNEL(shape);
      STORE(running_means, slot, MOVE(LOAD(running_means, slot), mean, momentum));
      STORE(running_variances, slot, MOVE(LOAD(running_variances, slot), variance * unbiased, momentum));
#endif
    }
    const lanes factor = inverse_deviation(variance, epsilon, shape) * norm_scale(scale, shape);
    const lanes offset = norm_shift(shift, shape);
    FOR_EACH_GROUP_ROW(row, shape, rows, images) {
      const size_t from = GROUP_ROW(x_place, shape, row, part * images);
      const size_t to = GROUP_ROW(y_place, shape, row, part * images);
#if MASK
      const size_t mask_row = GROUP_ROW(mask_place, shape, row, part * images);
#endif
#if COPIES > 0
      const size_t to_1 = GROUP_ROW(copy_1_place, shape, row, part * images);
#endif
#if COPIES > 1
      const size_t to_2 = GROUP_ROW(copy_2_place, shape, row, part * images);
#endif
      FOR_EACH_VECTOR(v, shape) {
        lanes value = (LOAD(x, from + v * LANES) - mean) * factor + offset;
#if MASK == 2
        const lanes drawn = mask_lanes(&dropout, part * images + row / shape.z, row % shape.z, v, shape);
        STORE(mask, mask_row + v * LANES, drawn);
        value *= drawn;
#elif MASK == 1
        value *= LOAD(mask, mask_row + v * LANES);
#endif
        STORE(y, to + v * LANES, value);
#if COPIES > 0
        STORE(copy_1, to_1 + v * LANES, ACTIVATE(value, copy_1_slope));
#endif
#if COPIES > 1
        STORE(copy_2, to_2 + v * LANES, ACTIVATE(value, copy_2_slope));
#endif
      }
    }
  }
}

// The same with given statistics [C].  range: elementwise
kernel WORK_GROUP void normalize_given(global const float* x, const int4 x_place, global const float* means,
                                       global const float* variances, global const float* scale,
                                       global const float* shift, global float* y, const int4 y_place,
                                       const int4 shape, const int rows, const float epsilon) {
  if (get_global_id(2) >= shape.x * BLOCKS(shape)) return;  // no statistics there to read
  const lanes mean = LOAD(means, FIRST_CHANNEL(shape)), variance = LOAD(variances, FIRST_CHANNEL(shape));
  const lanes factor = inverse_deviation(variance, epsilon, shape) * norm_scale(scale, shape);
  const lanes offset = norm_shift(shift, shape);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(y, to + v * LANES, (LOAD(x, from + v * LANES) - mean) * factor + offset);
    }
  }
}

// dy as it is read, where `gradient` is the row's offset: a sum of two, or times a mask.
#define GRADIENT_ARGUMENTS \
  global const float *dy, const int4 dy_place ADDEND_ARGUMENTS GRADIENT_MASK_ARGUMENTS
#if ADDEND
#define ADDEND_OPERANDS , addend, addend_place
#define ADDEND_ROW(row, first) const size_t addend_row = GROUP_ROW(addend_place, shape, row, first);
#define WITH_ADDEND(v) +LOAD(addend, addend_row + (v) * LANES)
#else
#define ADDEND_OPERANDS
#define ADDEND_ROW(row, first)
#define WITH_ADDEND(v)
#endif
#if MASK == 1
#define GRADIENT_MASK_ARGUMENTS MASK_ARGUMENTS
#define MASK_OPERANDS , mask, mask_place
#define MASK_ROW(row, first) const size_t mask_row = GROUP_ROW(mask_place, shape, row, first);
#define WITH_MASK(v) *LOAD(mask, mask_row + (v) * LANES)
#else
#define GRADIENT_MASK_ARGUMENTS
#define MASK_OPERANDS
#define MASK_ROW(row, first)
#define WITH_MASK(v)
#endif
#define GRADIENT_OPERANDS dy, dy_place ADDEND_OPERANDS MASK_OPERANDS
#define GRADIENT_ROW(row, first)                                   \
  const size_t gradient = GROUP_ROW(dy_place, shape, row, first);  \
  ADDEND_ROW(row, first)                                           \
  MASK_ROW(row, first)
#define GRADIENT(v) ((LOAD(dy, gradient + (v) * LANES) WITH_ADDEND(v)) WITH_MASK(v))

// This work-item's share of the sums over a group of rows of dy, and of dy * (x - mean).
static inline void gradient_sums_of_rows(global const float* x, const int4 x_place, GRADIENT_ARGUMENTS,
                                         const lanes mean, const int part, const int4 shape, const int rows,
                                         const int images, lanes* shift_sum, lanes* scale_sum) {
  lanes sum = 0.0f, product = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, images) {
    const size_t from = GROUP_ROW(x_place, shape, row, part * images);
    GRADIENT_ROW(row, part * images)
    lanes row_sum = 0.0f, row_product = 0.0f;
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = GRADIENT(v);
      row_sum += value;
      row_product += value * (LOAD(x, from + v * LANES) - mean);
    }
    sum += row_sum;
    product += row_product;
  }
  *shift_sum = sum;
  *scale_sum = product;
}

// First launch of `norm_gradient`, for large maps. The parts of a split convolution may hold other channels besides
// those that are normalised, as the gradient of a concatenation does: work-groups of their own add those up.
kernel WORK_GROUP void norm_gradient_partial(global const float* x, const int4 x_place, GRADIENT_ARGUMENTS,
                                             global const float* means,
                                             global const float* variances, global float* partial,
                                             const int4 shape, const int rows, const int images, const int stride,
                                             const float epsilon SPLIT_ARGUMENTS) {
  SHARED_BY_TWO(shared);
#if SPLIT
  if (OTHER_SPLITS >= 0) {
    const int block = OTHER_BLOCK(OTHER_SPLITS % OTHER_BLOCKS(shape), shape);
    ADD_SPLITS_OF(block, OTHER_SPLITS / OTHER_BLOCKS(shape), shape, rows, images)
    return;  // the whole group
  }
#endif
  const int part = PART(shape);
  const size_t statistic = STATISTIC_OFFSET(part, shape, stride);
  const lanes inverse = inverse_deviation(LOAD(variances, statistic), epsilon, shape);
  ADD_SPLITS(part, shape, rows, images)
  lanes sum, product;
  gradient_sums_of_rows(x, x_place, GRADIENT_OPERANDS, LOAD(means, statistic), part, shape, rows, images, &sum,
                        &product);
  sum_both_over_group(&sum, &product, shared);
  // Of dy * xhat, xhat = (x - mean) / sqrt(variance + epsilon).
  product *= inverse;
  if (ITEM < 16 / LANES) {
    STORE(partial, PARTIAL(part, GROUP, shape), sum);
    STORE(partial, PARTIAL(part, GROUP, shape) + 16, product);
  }
}

// dx = scale / sqrt(variance + epsilon) * (dy - shift_sum / m - xhat * scale_sum / m), m values to a statistic;
// shift_sum, the sum of dy, and scale_sum, that of dy * xhat, are written, too, added up over the parts.
kernel WORK_GROUP void norm_gradient(global const float* x, const int4 x_place, GRADIENT_ARGUMENTS,
                                     global const float* means,
                                     global const float* variances, global const float* scale,
                                     global const float* partial, global float* shift_sums,
                                     global float* scale_sums, global float* dx, const int4 dx_place,
                                     const int4 shape, const int rows, const int parts, const int images,
                                     const int stride, const float epsilon SPLIT_ARGUMENTS) {
  SHARED_BY_TWO(shared);
#if SPLIT
  if (OTHER_SPLITS >= 0) {
    for (int part = 0; part < parts; part++) {
      ADD_SPLITS_OF(OTHER_BLOCK(OTHER_SPLITS, shape), part, shape, rows, images)
    }
    return;  // the whole group
  }
#endif
  lanes shift_sum = 0.0f, scale_sum = 0.0f;
  for (int part = 0; part < parts; part++) {
    const size_t statistic = STATISTIC_OFFSET(part, shape, stride);
    const lanes mean = LOAD(means, statistic);
    const lanes inverse = inverse_deviation(LOAD(variances, statistic), epsilon, shape);
    lanes sum = 0.0f, product = 0.0f;
    if (GROUPS == 1) {
      ADD_SPLITS(part, shape, rows, images)
      gradient_sums_of_rows(x, x_place, GRADIENT_OPERANDS, mean, part, shape, rows, images, &sum, &product);
    } else {
      for (int g = ITEM * LANES / 16; g < GROUPS; g += PIXELS_AT_ONCE) {
        sum += LOAD(partial, PARTIAL(part, g, shape));
        product += LOAD(partial, PARTIAL(part, g, shape) + 16);
      }
    }
    sum_both_over_group(&sum, &product, shared);
    // The groups' are of dy * xhat already.
    if (GROUPS == 1) product *= inverse;
    shift_sum += sum;
    scale_sum += product;
    const float m = (float)images * shape.z * shape.w;
    const lanes sum_share = sum / m, slope = product / m * inverse;
    const lanes factor = inverse * norm_scale(scale, shape);
    FOR_EACH_GROUP_ROW(row, shape, rows, images) {
      const size_t from = GROUP_ROW(x_place, shape, row, part * images);
      const size_t to = GROUP_ROW(dx_place, shape, row, part * images);
      GRADIENT_ROW(row, part * images)
      FOR_EACH_VECTOR(v, shape) {
        const lanes difference = LOAD(x, from + v * LANES) - mean;
        STORE(dx, to + v * LANES, factor * (GRADIENT(v) - sum_share - difference * slope));
      }
    }
  }
  if (GROUP == 0 && ITEM < 16 / LANES) {
    STORE(shift_sums, FIRST_CHANNEL(shape), shift_sum);
    STORE(scale_sums, FIRST_CHANNEL(shape), scale_sum);
  }
}

// The sum over a group of rows of all images. With several groups this is launched twice: what the first launch
// leaves, [blocks][groups][16], is a map of height `groups` and width 1 to the second.
kernel WORK_GROUP void channel_sum(global const float* x, const int4 x_place, global float* sums,
                                   const int4 shape, const int rows) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t from = GROUP_ROW(x_place, shape, row, 0);
    FOR_EACH_VECTOR(v, shape) ADD(sum, lost, LOAD(x, from + v * LANES));
  }
  sum = sum_over_group(sum, shared);
  if (ITEM < 16 / LANES) STORE(sums, ((size_t)get_group_id(2) * GROUPS + GROUP) * 16 + QUARTER, sum);
}

// The running statistics by themselves, in place, `numbers` of them, padding and all, by those of each part in turn.
// range: (numbers)
kernel void running_statistics(global const float* mean, global const float* variance, global float* running_mean,
                               global float* running_variance, const int numbers, const int parts,
                               const float unbiased, const float momentum) {
  const int c = get_global_id(0);
  if (c >= numbers) return;
  for (int part = 0; part < parts; part++) {
    const size_t i = (size_t)part * numbers + c;
    running_mean[c] = MOVE(running_mean[c], mean[i], momentum);
    running_variance[c] = MOVE(running_variance[c], variance[i] * unbiased, momentum);
  }
}
