// Distances of two maps a and b, each value's times a weight, and their gradient: see loss.cl. The weight's map has as many
// channels, or one for all of them: then its block stride is 0. Shapes [N][C/16][H][W][16], see layout.clh. The lanes that
// fill up a block are zero in a and b.

#include "loss.clh"

#ifndef ONE_WEIGHT
#define ONE_WEIGHT 0
#endif
// The weights of vector v of the row at `from`.
#if ONE_WEIGHT
#define WEIGHTS(from, v) ((lanes)weight[(from) + (v) * LANES / 16 * 16])
#else
#define WEIGHTS(from, v) LOAD(weight, (from) + (v) * LANES)
#endif

// The weighted distances, summed up times factor.  range: sums
kernel WORK_GROUP void weighted_loss(global const float* a, const int4 a_place, global const float* b,
                                     const int4 b_place, global const float* weight, const int4 weight_place,
                                     global float* sums, const int4 shape, const int rows, const float factor) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t left = GROUP_ROW(a_place, shape, row, 0), right = GROUP_ROW(b_place, shape, row, 0);
    const size_t weights = GROUP_ROW(weight_place, shape, row, 0);
    FOR_EACH_VECTOR(v, shape) {
      const lanes difference = LOAD(a, left + v * LANES) - LOAD(b, right + v * LANES);
      ADD(sum, lost, WEIGHTS(weights, v) * distance_of(difference));
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) sums[SUM_SLOT(shape)] = factor * total;
}

// da = factor * weight * the slope of a's distance from b.  range: elementwise
kernel WORK_GROUP void weighted_gradient(global const float* a, const int4 a_place, global const float* b,
                                         const int4 b_place, global const float* weight,
                                         const int4 weight_place, global float* da, const int4 da_place,
                                         const int4 shape, const int rows, const float factor) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t left = ROW(a_place, shape, row), right = ROW(b_place, shape, row);
    const size_t weights = ROW(weight_place, shape, row), to = ROW(da_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes difference = LOAD(a, left + v * LANES) - LOAD(b, right + v * LANES);
      STORE(da, to + v * LANES, factor * WEIGHTS(weights, v) * distance_slope(difference));
    }
  }
}
