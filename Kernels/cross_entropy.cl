// The cross-entropy of softmax over classes, the channels of x, against target weights t, and its gradient. A work-item
// takes all classes of a pixel. Shapes [N][C/16][H][W][16], see layout.clh.

#include "loss.clh"

static inline float largest_lane(const lanes x) {
#if LANES == 16
  const float8 half_ = fmax(x.lo, x.hi);
  const float4 quarter = fmax(half_.lo, half_.hi);
#else
  const float4 quarter = x;
#endif
  return fmax(fmax(quarter.x, quarter.y), fmax(quarter.z, quarter.w));
}

static inline float sum_of_lanes(const lanes x) {
#if LANES == 16
  const float8 half_ = x.lo + x.hi;
  const float4 quarter = half_.lo + half_.hi;
#else
  const float4 quarter = x;
#endif
  return (quarter.x + quarter.y) + (quarter.z + quarter.w);
}

// The vectors of a pixel's classes, and the float offset of vector v from the pixel in the first block.
#define FOR_EACH_CLASS_VECTOR(v, classes) for (int v = 0; v < ((classes) + 15) / 16 * 16 / LANES; v++)
#define CLASS_VECTOR(place, v) ((size_t)((v) * LANES / 16) * (place).z * 16 + (v) * LANES % 16)

// The largest logit, and the sum over the classes of exp(logit - largest), which cannot overflow.
typedef struct {
  float largest, total;
} softmax_t;

//   x: the pixel's first logit
static inline softmax_t softmax_of(global const float* x, const int4 x_place, const int classes) {
  softmax_t s = {-INFINITY, 0.0f};
  FOR_EACH_CLASS_VECTOR(v, classes) {
    const ilanes real = real_lanes(v * LANES, classes);
    s.largest = fmax(s.largest, largest_lane(real ? LOAD(x, CLASS_VECTOR(x_place, v)) : (lanes)-INFINITY));
  }
  FOR_EACH_CLASS_VECTOR(v, classes) {
    const ilanes real = real_lanes(v * LANES, classes);
    const lanes value = exp(LOAD(x, CLASS_VECTOR(x_place, v)) - s.largest);
    s.total += sum_of_lanes(real ? value : (lanes)0.0f);
  }
  return s;
}

// The sum over pixels and classes of -t log softmax(x), times factor. In channels that only fill up a block t is 0.
//   shape: with the channels of the first block    range: sums
kernel WORK_GROUP void cross_entropy(global const float* x, const int4 x_place, global const float* t,
                                     const int4 t_place, global float* losses, const int4 shape, const int rows,
                                     const int classes, const float factor) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, shape.x) {
    const size_t from_x = GROUP_ROW(x_place, shape, row, 0), from_t = GROUP_ROW(t_place, shape, row, 0);
    for (int column = get_local_id(0); column < shape.w; column += get_local_size(0)) {
      global const float* logits = x + from_x + column * 16;
      global const float* weights = t + from_t + column * 16;
      const softmax_t s = softmax_of(logits, x_place, classes);
      const float log_total = log(s.total);
      lanes loss = 0.0f;
      FOR_EACH_CLASS_VECTOR(v, classes) {
        loss += LOAD(weights, CLASS_VECTOR(t_place, v)) *
                (log_total - (LOAD(logits, CLASS_VECTOR(x_place, v)) - s.largest));
      }
      ADD(sum, lost, loss);
    }
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) losses[SUM_SLOT(shape)] = factor * total;
}

// dx = factor * (softmax(x) * the sum of t over the classes - t)
//   shape: (N, classes, H, W)     range: (1 on a CPU, W on a GPU; H / rows; N), rounded up
kernel WORK_GROUP void cross_entropy_gradient(global const float* x, const int4 x_place, global const float* t,
                                              const int4 t_place, global float* dx, const int4 dx_place,
                                              const int4 shape, const int rows, const float factor) {
  const int n = get_global_id(2), first_row = get_global_id(1) * rows;
  for (int row = first_row; row < min(first_row + rows, n < shape.x ? shape.z : 0); row++) {
    for (int column = get_global_id(0); column < shape.w; column += get_global_size(0)) {
      global const float* logits = x + at(x_place, n, 0, row, column);
      global const float* weights = t + at(t_place, n, 0, row, column);
      global float* gradients = dx + at(dx_place, n, 0, row, column);
      const softmax_t s = softmax_of(logits, x_place, shape.y);
      float weight = 0.0f;
      FOR_EACH_CLASS_VECTOR(v, shape.y) weight += sum_of_lanes(LOAD(weights, CLASS_VECTOR(t_place, v)));
      FOR_EACH_CLASS_VECTOR(v, shape.y) {
        const ilanes real = real_lanes(v * LANES, shape.y);
        const lanes share = exp(LOAD(logits, CLASS_VECTOR(x_place, v)) - s.largest) * (weight / s.total);
        const lanes gradient = factor * (share - LOAD(weights, CLASS_VECTOR(t_place, v)));
        STORE(gradients, CLASS_VECTOR(dx_place, v), real ? gradient : (lanes)0.0f);
      }
    }
  }
}
