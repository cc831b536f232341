// The gradients of a norm's gradient dx with respect to x and the scale, for the upstream gradient u of dx.
//
// Of every group of m values, with r = 1 / sqrt(variance + epsilon) and xhat = (x - mean) r, and covariances as means
// of products of differences from means:
//   B = cov(dy, xhat)    C = cov(u, xhat)    Q = cov(u, dy) - B C    A, U the means of dy and u
//   result = -scale r^2 (xhat Q + B (u - U - xhat C) + C (dy - A - xhat B))     scale's gradient = sum of r m Q
//
// Launches, groups and parts as in norm.cl. The means come first, then the products of differences from them; groups
// are combined by Chan's formula.
//
//   x, dy, u, result [N][C/16][H][W][16]     mean, variance [parts][stride]     scale, scale_gradient [C]
//   partial [parts * blocks][groups][6][16]: means of u, dy and x - mean, then sums of u dy, u x and dy x

#include "norm.clh"

#define OPERAND_ARGUMENTS                                                                  \
  global const float *x, const int4 x_place, global const float *dy, const int4 dy_place, \
      global const float *u, const int4 u_place
#define OPERANDS x, x_place, dy, dy_place, u, u_place

// The offsets of a row of the images from `first` on.
#define OPERAND_ROWS(row, first)                                \
  const size_t x_row = GROUP_ROW(x_place, shape, row, first);   \
  const size_t dy_row = GROUP_ROW(dy_place, shape, row, first); \
  const size_t u_row = GROUP_ROW(u_place, shape, row, first);

#define PARTIAL(part, group, shape) \
  ((((size_t)(part) * BLOCKS(shape) + BLOCK(shape)) * GROUPS + (group)) * 96 + QUARTER)

// Three quantities of every channel: of u, dy and x, or of u dy, u x and dy x. Not an array: PoCL takes minutes for
// loops over one between barriers.
typedef struct {
  lanes a, b, c;
} triple_t;

// Local memory for three sums over a work-group.
#if LANES == 16
#define SHARED_BY_THREE(name) local triple_t* name = 0
#else
#define SHARED_BY_THREE(name) local triple_t name[MOST_ITEMS]
#endif

// sum_over_group() of each of the three, behind the same barriers.
COLLECTIVE void sum_each_over_group(triple_t* values, local triple_t* shared) {
#if LANES != 16
  barrier(CLK_LOCAL_MEM_FENCE);  // the sums before may still be read
  shared[ITEM] = *values;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int distance = ITEMS / 2; distance >= 4; distance /= 2) {
    if (ITEM < distance) {
      shared[ITEM].a += shared[ITEM + distance].a;
      shared[ITEM].b += shared[ITEM + distance].b;
      shared[ITEM].c += shared[ITEM + distance].c;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  *values = shared[ITEM % 4];
#endif
}

static inline void load_triple(global const float* from, triple_t* values) {
  values->a = LOAD(from, 0);
  values->b = LOAD(from, 16);
  values->c = LOAD(from, 32);
}

static inline void store_triple(global float* to, const triple_t* values) {
  STORE(to, 0, values->a);
  STORE(to, 16, values->b);
  STORE(to, 32, values->c);
}

// This work-item's share of the sums of u, dy and x - mean over a group of rows.
static inline void sums_of_rows(OPERAND_ARGUMENTS, const lanes mean, const int part, const int4 shape, const int rows,
                                const int images, triple_t* sums) {
  lanes u_sum = 0.0f, dy_sum = 0.0f, x_sum = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, images) {
    OPERAND_ROWS(row, part * images)
    lanes u_of_row = 0.0f, dy_of_row = 0.0f, x_of_row = 0.0f;
    FOR_EACH_VECTOR(v, shape) {
      u_of_row += LOAD(u, u_row + v * LANES);
      dy_of_row += LOAD(dy, dy_row + v * LANES);
      x_of_row += LOAD(x, x_row + v * LANES) - mean;
    }
    u_sum += u_of_row;
    dy_sum += dy_of_row;
    x_sum += x_of_row;
  }
  sums->a = u_sum;
  sums->b = dy_sum;
  sums->c = x_sum;
}

// Its share of the sums of products of differences from these means.
static inline void products_of_rows(OPERAND_ARGUMENTS, const lanes mean, const triple_t* means, const int part,
                                    const int4 shape, const int rows, const int images, triple_t* products) {
  const lanes u_mean = means->a, dy_mean = means->b, x_mean = means->c;
  lanes u_dy = 0.0f, u_x = 0.0f, dy_x = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, images) {
    OPERAND_ROWS(row, part * images)
    lanes u_dy_of_row = 0.0f, u_x_of_row = 0.0f, dy_x_of_row = 0.0f;
    FOR_EACH_VECTOR(v, shape) {
      const lanes u_rest = LOAD(u, u_row + v * LANES) - u_mean, dy_rest = LOAD(dy, dy_row + v * LANES) - dy_mean;
      const lanes x_rest = LOAD(x, x_row + v * LANES) - mean - x_mean;
      u_dy_of_row += u_rest * dy_rest;
      u_x_of_row += u_rest * x_rest;
      dy_x_of_row += dy_rest * x_rest;
    }
    u_dy += u_dy_of_row;
    u_x += u_x_of_row;
    dy_x += dy_x_of_row;
  }
  products->a = u_dy;
  products->b = u_x;
  products->c = dy_x;
}

// The same of the groups' differences from the first group's means.
static inline void sums_of_groups(global const float* partial, const triple_t* first, const int part, const int4 shape,
                                  const int rows, const int images, triple_t* sums) {
  sums->a = sums->b = sums->c = 0.0f;
  for (int g = ITEM * LANES / 16; g < GROUPS; g += PIXELS_AT_ONCE) {
    triple_t group;
    load_triple(partial + PARTIAL(part, g, shape), &group);
    const float count = GROUP_PIXELS(g, shape, rows, images);
    sums->a += count * (group.a - first->a);
    sums->b += count * (group.b - first->b);
    sums->c += count * (group.c - first->c);
  }
}

// The groups' products plus those of their means' differences from all rows' means.
static inline void products_of_groups(global const float* partial, const triple_t* means, const int part,
                                      const int4 shape, const int rows, const int images, triple_t* products) {
  products->a = products->b = products->c = 0.0f;
  for (int g = ITEM * LANES / 16; g < GROUPS; g += PIXELS_AT_ONCE) {
    triple_t group, within;
    load_triple(partial + PARTIAL(part, g, shape), &group);
    load_triple(partial + PARTIAL(part, g, shape) + 48, &within);
    const float count = GROUP_PIXELS(g, shape, rows, images);
    const lanes u_rest = group.a - means->a, dy_rest = group.b - means->b;
    const lanes x_rest = group.c - means->c;
    products->a += within.a + count * u_rest * dy_rest;
    products->b += within.b + count * u_rest * x_rest;
    products->c += within.c + count * dy_rest * x_rest;
  }
}

// First launch, for large maps.
kernel WORK_GROUP void norm_second_gradient_partial(OPERAND_ARGUMENTS, global const float* means,
                                                    global float* partial, const int4 shape, const int rows,
                                                    const int images, const int stride) {
  SHARED_BY_THREE(shared);
  const int part = PART(shape);
  const lanes mean = LOAD(means, STATISTIC_OFFSET(part, shape, stride));
  triple_t local_means, products;
  sums_of_rows(OPERANDS, mean, part, shape, rows, images, &local_means);
  sum_each_over_group(&local_means, shared);
  const float pixels = GROUP_PIXELS(GROUP, shape, rows, images);
  local_means.a /= pixels;
  local_means.b /= pixels;
  local_means.c /= pixels;
  products_of_rows(OPERANDS, mean, &local_means, part, shape, rows, images, &products);
  sum_each_over_group(&products, shared);
  if (ITEM < 16 / LANES) {
    store_triple(partial + PARTIAL(part, GROUP, shape), &local_means);
    store_triple(partial + PARTIAL(part, GROUP, shape) + 48, &products);
  }
}

kernel WORK_GROUP void norm_second_gradient(OPERAND_ARGUMENTS, global const float* means,
                                            global const float* variances, global const float* scale,
                                            global const float* partial, global float* scale_gradient,
                                            global float* result, const int4 result_place, const int4 shape,
                                            const int rows, const int images, const int stride, const int parts,
                                            const float epsilon) {
  SHARED_BY_THREE(shared);
  const float m = (float)images * shape.z * shape.w;
  lanes scale_sum = 0.0f;
  for (int part = 0; part < parts; part++) {
    const size_t statistic = STATISTIC_OFFSET(part, shape, stride);
    const lanes mean = LOAD(means, statistic);
    const lanes r = inverse_deviation(LOAD(variances, statistic), epsilon, shape);
    // Means of the groups are added up as differences from the first.
    triple_t center, all, products;
    if (GROUPS == 1) {
      center.a = center.b = center.c = 0.0f;
      sums_of_rows(OPERANDS, mean, part, shape, rows, images, &all);
    } else {
      load_triple(partial + PARTIAL(part, 0, shape), &center);
      sums_of_groups(partial, &center, part, shape, rows, images, &all);
    }
    sum_each_over_group(&all, shared);
    all.a = center.a + all.a / m;
    all.b = center.b + all.b / m;
    all.c = center.c + all.c / m;
    if (GROUPS == 1) {
      products_of_rows(OPERANDS, mean, &all, part, shape, rows, images, &products);
    } else {
      products_of_groups(partial, &all, part, shape, rows, images, &products);
    }
    sum_each_over_group(&products, shared);
    const lanes u_mean = all.a, dy_mean = all.b;
    const lanes b = products.c / m * r, c = products.b / m * r, q = products.a / m - b * c;
    scale_sum += r * m * q;
    const lanes factor = -r * r * norm_scale(scale, shape);
    FOR_EACH_GROUP_ROW(row, shape, rows, images) {
      OPERAND_ROWS(row, part * images)
      const size_t to = GROUP_ROW(result_place, shape, row, part * images);
      FOR_EACH_VECTOR(v, shape) {
        const lanes xhat = (LOAD(x, x_row + v * LANES) - mean) * r;
        const lanes u_rest = LOAD(u, u_row + v * LANES) - u_mean - xhat * c;
        const lanes dy_rest = LOAD(dy, dy_row + v * LANES) - dy_mean - xhat * b;
        STORE(result, to + v * LANES, factor * (xhat * q + b * u_rest + c * dy_rest));
      }
    }
  }
  if (GROUP == 0 && ITEM < 16 / LANES) STORE(scale_gradient, FIRST_CHANNEL(shape), scale_sum);
}
