// Losses, as means over all values, and their gradients, in the same pass where both are wanted. Every work-group sums
// up a group of rows of one channel block over all images; one group's sum is the loss already, of several a second
// launch makes one. The lanes that only fill up a block are left out.
//
//   sums or losses [blocks][groups]      range and groups: see "Sums" in rows.clh

#include "loss.clh"
#include "split_sum.clh"

// Whether a loss writes its gradient, too.
#ifndef GRADIENT
#define GRADIENT 0
#endif
#if GRADIENT
#define GRADIENT_MAP , global float *dx, int4 dx_place
#define GRADIENT_FACTOR , float gradient_factor
#else
#define GRADIENT_MAP
#define GRADIENT_FACTOR
#endif

// Whether a launch does the same to a second map of that shape, by the work-groups behind those of the first: D's
// logits of real pictures beside those of fakes.
#ifndef PAIR
#define PAIR 0
#endif
#if PAIR && GRADIENT
#define PAIR_GRADIENT , global float *second_dx, const int4 second_dx_place, const float second_factor
#else
#define PAIR_GRADIENT
#endif
#if PAIR
#define PAIR_ARGUMENTS \
  , global const float *second_x, const int4 second_x_place, global float *second_losses, const float second_target \
      PAIR_GRADIENT
#else
#define PAIR_ARGUMENTS
#endif

// What a loss takes of logits x and its target t:
//   1  binary cross-entropy  max(x, 0) - x t + log(1 + exp(-|x|))
//   2  least squares         (x - t)^2
//   3  hinge                 max(0, 1 - t x), t a sign
//   4  linear                x
#ifndef LOGIT_LOSS
#define LOGIT_LOSS 1
#endif

static inline lanes logit_value(const lanes x, const float target) {
#if LOGIT_LOSS == 1
  return fmax(x, 0.0f) - x * target + log1p(exp(-fabs(x)));
#elif LOGIT_LOSS == 2
  return (x - target) * (x - target);
#elif LOGIT_LOSS == 3
  return fmax(1.0f - target * x, 0.0f);
#else
  return x;
#endif
}

static inline lanes logit_slope(const lanes x, const float target) {
#if LOGIT_LOSS == 1
  // sigmoid(x) - target, as (1 - target) sigmoid(x) - target sigmoid(-x): the difference of a sigmoid near 1 from 1
  // would have no digits left.
  const lanes small = exp(-fabs(x)), large = 1.0f / (1.0f + small);
  const lanes sigmoid = x > 0.0f ? large : small * large, rest = x > 0.0f ? small * large : large;
  return (1.0f - target) * sigmoid - target * rest;
#elif LOGIT_LOSS == 2
  return 2.0f * (x - target);
#elif LOGIT_LOSS == 3
  return 1.0f - target * x > 0.0f ? (lanes)-target : (lanes)0.0f;
#else
  return 1.0f;
#endif
}

// The loss of logits x, summed up times factor.
kernel WORK_GROUP void logit_loss(global const float* x, int4 x_place, global float* losses GRADIENT_MAP,
                                  const int4 shape, const int rows, float target, const float factor GRADIENT_FACTOR
                                      SPLIT_ARGUMENTS PAIR_ARGUMENTS) {
  SHARED(shared);
  ADD_SPLITS(IMAGE(shape), shape, rows, shape.x)
#if PAIR
  if (IMAGE(shape) == 1) {
    x = second_x;
    x_place = second_x_place;
    losses = second_losses;
    target = second_target;
#if GRADIENT
    dx = second_dx;
    dx_place = second_dx_place;
    gradient_factor = second_factor;
#endif
  }
#endif
  const ilanes real = real_lanes(FIRST_CHANNEL(shape), shape.y);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t from = GROUP_ROW(x_place, shape, row, 0);
#if GRADIENT
    const size_t to = GROUP_ROW(dx_place, shape, row, 0);
#endif
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(x, from + v * LANES);
      ADD(sum, lost, logit_value(value, target));
#if GRADIENT
      STORE(dx, to + v * LANES, real ? gradient_factor * logit_slope(value, target) : (lanes)0.0f);
#endif
    }
  }
  const float total = total_of_group(real ? sum : (lanes)0.0f, shared);
  if (ITEM == 0) losses[SUM_SLOT(shape)] = factor * total;
}

// dx = factor * the slope of the loss at x.  range: elementwise
kernel WORK_GROUP void logit_gradient(global const float* x, const int4 x_place, global float* dx,
                                      const int4 dx_place, const int4 shape, const int rows, const float target,
                                      const float factor) {
  const ilanes real = real_lanes(FIRST_CHANNEL(shape), shape.y);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes gradient = factor * logit_slope(LOAD(x, from + v * LANES), target);
      STORE(dx, to + v * LANES, real ? gradient : (lanes)0.0f);
    }
  }
}

// The distances of a from b, summed up times factor. The lanes that fill up a block are zero in both.
kernel WORK_GROUP void pixel_loss(global const float* a, const int4 a_place, global const float* b,
                                  const int4 b_place, global float* sums GRADIENT_MAP, const int4 shape,
                                  const int rows, const float factor GRADIENT_FACTOR) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t left = GROUP_ROW(a_place, shape, row, 0), right = GROUP_ROW(b_place, shape, row, 0);
#if GRADIENT
    const size_t to = GROUP_ROW(dx_place, shape, row, 0);
#endif
    FOR_EACH_VECTOR(v, shape) {
      const lanes difference = LOAD(a, left + v * LANES) - LOAD(b, right + v * LANES);
      ADD(sum, lost, distance_of(difference));
#if GRADIENT
      STORE(dx, to + v * LANES, gradient_factor * distance_slope(difference));
#endif
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) sums[SUM_SLOT(shape)] = factor * total;
}

// da = factor * the slope of a's distance from b.  range: elementwise
kernel WORK_GROUP void pixel_gradient(global const float* a, const int4 a_place, global const float* b,
                                      const int4 b_place, global float* da, const int4 da_place,
                                      const int4 shape, const int rows, const float factor) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t left = ROW(a_place, shape, row), right = ROW(b_place, shape, row);
    const size_t to = ROW(da_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes difference = LOAD(a, left + v * LANES) - LOAD(b, right + v * LANES);
      STORE(da, to + v * LANES, factor * distance_slope(difference));
    }
  }
}

// The divergences of Gaussians from the standard one, by their means and logarithms of variances, summed up times factor. The
// lanes that fill up a block are zero in both, and so is their divergence.
kernel WORK_GROUP void gaussian_kl(global const float* mean, const int4 mean_place, global const float* log_variance,
                                   const int4 log_variance_place, global float* sums, const int4 shape,
                                   const int rows, const float factor) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t left = GROUP_ROW(mean_place, shape, row, 0), right = GROUP_ROW(log_variance_place, shape, row, 0);
    FOR_EACH_VECTOR(v, shape) {
      const lanes mu = LOAD(mean, left + v * LANES), lv = LOAD(log_variance, right + v * LANES);
      ADD(sum, lost, 0.5f * (mu * mu + (expm1(lv) - lv)));
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) sums[SUM_SLOT(shape)] = factor * total;
}

// Sums of the squares of an image's values, by groups of rows: [N][blocks][groups].
kernel WORK_GROUP void square_sums(global const float* x, const int4 x_place, global float* sums, const int4 shape,
                                   const int rows) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, 1) {
    const size_t from = GROUP_ROW(x_place, shape, row, IMAGE(shape));
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(x, from + v * LANES);
      ADD(sum, lost, value * value);
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) sums[(size_t)get_group_id(2) * get_num_groups(1) + get_group_id(1)] = total;
}

// The sum of `count` numbers; all work-items of the group get it.
COLLECTIVE float sum_of_numbers(global const float* numbers, const int count, local lanes* shared) {
  lanes sum = 0.0f, lost = 0.0f;
  for (int i = ITEM; i < count; i += ITEMS) ADD(sum, lost, (lanes)numbers[i]);
  return total_of_group(LANE_NUMBERS == 0u ? sum : (lanes)0.0f, shared);
}

// norms = sqrt(the sum of an image's `count` sums + 1e-16), result = the mean of (norm - 1)^2.  range: one work-group
kernel WORK_GROUP void gradient_penalty(global const float* sums, global float* norms, global float* result,
                                        const int images, const int count) {
  SHARED(shared);
  float penalty = 0.0f;
  for (int n = 0; n < images; n++) {
    const float norm = sqrt(sum_of_numbers(sums + (size_t)n * count, count, shared) + 1e-16f);
    penalty += (norm - 1.0f) * (norm - 1.0f);
    if (ITEM == 0) norms[n] = norm;
  }
  if (ITEM == 0) result[0] = penalty / images;
}

// dx = factor * (norm - 1) / norm * x.  range: elementwise
kernel WORK_GROUP void gradient_penalty_gradient(global const float* x, const int4 x_place,
                                                 global const float* norms, global float* dx,
                                                 const int4 dx_place, const int4 shape, const int rows,
                                                 const float factor) {
  if (get_global_id(2) >= shape.x * BLOCKS(shape)) return;  // no norm there to read
  const float norm = norms[IMAGE(shape)], slope = factor * (norm - 1.0f) / norm;
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) STORE(dx, to + v * LANES, slope * LOAD(x, from + v * LANES));
  }
}

// result = factor * the sum of `count` sums.  range: one work-group
kernel WORK_GROUP void loss_total(global const float* sums, global float* result, const int count,
                                  const float factor) {
  SHARED(shared);
  const float total = sum_of_numbers(sums, count, shared);
  if (ITEM == 0) result[0] = factor * total;
}
