// The gradient difference loss of two maps a and b, and its gradient: with d = a - b, of differences of d between
// neighbours, horizontal ones times one factor and vertical ones times another. Shapes [N][C/16][H][W][16], see layout.clh.
// In channels that only fill up a block all differences are 0.

#include "loss.clh"

// d at a vector of each map.
#define DIFFERENCE(left, right) (LOAD(a, left) - LOAD(b, right))

// Sums up the sizes of differences, times factor.  range: sums
kernel WORK_GROUP void edge_loss(global const float* a, const int4 a_place, global const float* b,
                                 const int4 b_place, global float* losses, const int4 shape, const int rows,
                                 const float horizontal, const float vertical, const float factor) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t left = GROUP_ROW(a_place, shape, row, 0), right = GROUP_ROW(b_place, shape, row, 0);
    FOR_EACH_VECTOR(v, shape) {
      const size_t i = left + v * LANES, j = right + v * LANES;
      const lanes d = DIFFERENCE(i, j);
      lanes edges = 0.0f;
      if (v * LANES / 16 + 1 < shape.w) edges += horizontal * fabs(DIFFERENCE(i + 16, j + 16) - d);
      if (row % shape.z + 1 < shape.z) {
        edges += vertical * fabs(DIFFERENCE(i + 16 * a_place.w, j + 16 * b_place.w) - d);
      }
      ADD(sum, lost, edges);
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) losses[SUM_SLOT(shape)] = factor * total;
}

// da: what raising a pixel adds to the differences from its left and upper neighbours, less what it takes from those to its
// right and lower ones.  range: elementwise
kernel WORK_GROUP void edge_gradient(global const float* a, const int4 a_place, global const float* b,
                                     const int4 b_place, global float* da, const int4 da_place,
                                     const int4 shape, const int rows, const float horizontal,
                                     const float vertical) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t left = ROW(a_place, shape, row), right = ROW(b_place, shape, row);
    const size_t to = ROW(da_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const size_t i = left + v * LANES, j = right + v * LANES;
      const int column = v * LANES / 16;
      const lanes d = DIFFERENCE(i, j);
      lanes gradient = 0.0f;
      if (column > 0) gradient += horizontal * sign(d - DIFFERENCE(i - 16, j - 16));
      if (column + 1 < shape.w) gradient -= horizontal * sign(DIFFERENCE(i + 16, j + 16) - d);
      if (row > 0) gradient += vertical * sign(d - DIFFERENCE(i - 16 * a_place.w, j - 16 * b_place.w));
      if (row + 1 < shape.z) {
        gradient -= vertical * sign(DIFFERENCE(i + 16 * a_place.w, j + 16 * b_place.w) - d);
      }
      STORE(da, to + v * LANES, gradient);
    }
  }
}
