// Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) of two maps x and y as a loss, from maps blurred by its
// window: means of x, y, x^2, y^2 and x y. Shapes [N][C/16][H][W][16], see layout.clh.

#include "loss.clh"

// Pixels from the window's centre to its edge.
#define RADIUS 5

// One axis of the blur: y = the sum over k = -RADIUS to RADIUS of the weight at |k| times the value k pixels further, of
// which there is none beyond the edge.  range: elementwise
//   inner, outer: the weights at 0 to 3, and at 4 and 5    vertical: the axis is H instead of W
kernel WORK_GROUP void blur(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                            const int4 shape, const int rows, const float4 inner, const float4 outer,
                            const int vertical) {
  const float weights[RADIUS + 1] = {inner.x, inner.y, inner.z, inner.w, outer.x, outer.y};
  const int size = vertical ? shape.z : shape.w;
  const size_t stride = 16 * (vertical ? x_place.w : 1);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const int position = vertical ? row : v * LANES / 16;
      const size_t centre = from + v * LANES;
      lanes sum = weights[0] * LOAD(x, centre);
      // Away from the edges without asking at every pixel.
      if (position >= RADIUS && position + RADIUS < size) {
#pragma unroll
        for (int k = 1; k <= RADIUS; k++) {
          sum += weights[k] * (LOAD(x, centre - k * stride) + LOAD(x, centre + k * stride));
        }
      } else {
        for (int k = 1; k <= RADIUS; k++) {
          if (position >= k) sum += weights[k] * LOAD(x, centre - k * stride);
          if (position + k < size) sum += weights[k] * LOAD(x, centre + k * stride);
        }
      }
      STORE(y, to + v * LANES, sum);
    }
  }
}

// Whether the window around a pixel lies inside the map.
static inline int is_whole(const int row, const int column, const int4 shape) {
  return row >= RADIUS && row < shape.z - RADIUS && column >= RADIUS && column < shape.w - RADIUS;
}

// The arguments of a kernel that reads the five blurred maps.
#define MOMENT_ARGUMENTS                                                                              \
  global const float *mean_x, const int4 mean_x_place, global const float *mean_y,                    \
      const int4 mean_y_place, global const float *square_x, const int4 square_x_place,               \
      global const float *square_y, const int4 square_y_place, global const float *product,           \
      const int4 product_place

// What similarity is made of, each with its constant: S = (mean_product covariance) / (mean_squares variances), and what
// numerators and denominators differ by.
typedef struct {
  lanes x, y;
  lanes mean_product, mean_squares, mean_difference;
  lanes covariance, variances, variance_difference;
} similarity_t;

static inline similarity_t similarity(const lanes x, const lanes y, const lanes square_x, const lanes square_y,
                                      const lanes product, const float c1, const float c2) {
  similarity_t s;
  s.x = x;
  s.y = y;
  s.mean_product = 2.0f * x * y + c1;
  s.mean_squares = x * x + y * y + c1;
  s.mean_difference = (x - y) * (x - y);
  const lanes covariance = 2.0f * (product - x * y), variances = (square_x - x * x) + (square_y - y * y);
  s.covariance = covariance + c2;
  s.variances = variances + c2;
  s.variance_difference = variances - covariance;
  return s;
}

// The sum over whole windows of 1 - S, times factor. Taken as a difference of 1 and S it would have no digits left where
// the maps are nearly equal. In channels that only fill up a block it is 0.  range: sums
kernel WORK_GROUP void similarity_loss(MOMENT_ARGUMENTS, global float* losses, const int4 shape, const int rows,
                                       const float c1, const float c2, const float factor) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t from_x = GROUP_ROW(mean_x_place, shape, row, 0), from_y = GROUP_ROW(mean_y_place, shape, row, 0);
    const size_t from_xx = GROUP_ROW(square_x_place, shape, row, 0);
    const size_t from_yy = GROUP_ROW(square_y_place, shape, row, 0);
    const size_t from_xy = GROUP_ROW(product_place, shape, row, 0);
    FOR_EACH_VECTOR(v, shape) {
      if (!is_whole(row % shape.z, v * LANES / 16, shape)) continue;
      const similarity_t s = similarity(LOAD(mean_x, from_x + v * LANES), LOAD(mean_y, from_y + v * LANES),
                                        LOAD(square_x, from_xx + v * LANES), LOAD(square_y, from_yy + v * LANES),
                                        LOAD(product, from_xy + v * LANES), c1, c2);
      const lanes loss = (s.mean_difference * s.variances + s.mean_product * s.variance_difference) /
                         (s.mean_squares * s.variances);
      ADD(sum, lost, loss);
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) losses[SUM_SLOT(shape)] = factor * total;
}

// The gradients of factor * sum of S over whole windows at the mean of x, at the mean of its squares (which is that at y's,
// too) and at the product's mean; 0 where a window is not whole.  range: elementwise
kernel WORK_GROUP void similarity_gradient(MOMENT_ARGUMENTS, global float* d_mean, const int4 d_mean_place,
                                           global float* d_square, const int4 d_square_place,
                                           global float* d_product, const int4 d_product_place, const int4 shape,
                                           const int rows, const float c1, const float c2, const float factor) {
  const ilanes real = real_lanes(FIRST_CHANNEL(shape), shape.y);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from_x = ROW(mean_x_place, shape, row), from_y = ROW(mean_y_place, shape, row);
    const size_t from_xx = ROW(square_x_place, shape, row), from_yy = ROW(square_y_place, shape, row);
    const size_t from_xy = ROW(product_place, shape, row);
    const size_t to_mean = ROW(d_mean_place, shape, row), to_square = ROW(d_square_place, shape, row);
    const size_t to_product = ROW(d_product_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      lanes mean = 0.0f, square = 0.0f, covariance = 0.0f;
      if (is_whole(row, v * LANES / 16, shape)) {
        const similarity_t s = similarity(LOAD(mean_x, from_x + v * LANES), LOAD(mean_y, from_y + v * LANES),
                                          LOAD(square_x, from_xx + v * LANES), LOAD(square_y, from_yy + v * LANES),
                                          LOAD(product, from_xy + v * LANES), c1, c2);
        const lanes share = factor / (s.mean_squares * s.variances);
        const lanes index = s.mean_product * s.covariance / (s.mean_squares * s.variances);
        mean = 2.0f * share *
               (s.y * (s.covariance - s.mean_product) - s.x * index * (s.variances - s.mean_squares));
        square = -factor * index / s.variances;
        covariance = 2.0f * share * s.mean_product;
      }
      STORE(d_mean, to_mean + v * LANES, mean);
      STORE(d_square, to_square + v * LANES, real ? square : (lanes)0.0f);
      STORE(d_product, to_product + v * LANES, real ? covariance : (lanes)0.0f);
    }
  }
}
