// What is done to every value of an activation by itself. Shapes [N][C/16][H][W][16], see layout.clh; each operand
// has a place of its own, since borders differ, and no result lies over an operand. Channels that only fill up a
// block stay zero. Ranges: "Elementwise kernels" in rows.clh, where a kernel does not say otherwise.

#include "philox.clh"
#include "rows.clh"

// y = x > 0 ? x : slope * x
kernel WORK_GROUP void activate(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                const int4 shape, const int rows, const float slope) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(x, from + v * LANES);
      STORE(y, to + v * LANES, ACTIVATE(value, slope));
    }
  }
}

// dx = dy * (x > 0 ? 1 : slope)
kernel WORK_GROUP void activation_gradient(global const float* dy, const int4 dy_place, global const float* x,
                                           const int4 x_place, global float* dx, const int4 dx_place,
                                           const int4 shape, const int rows, const float slope) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t gradient = ROW(dy_place, shape, row), from = ROW(x_place, shape, row);
    const size_t to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(dy, gradient + v * LANES);
      STORE(dx, to + v * LANES, LOAD(x, from + v * LANES) > 0.0f ? value : slope * value);
    }
  }
}

// ---- Functions of one number, as Tape's `ElementwiseFunction` has them: NAME_VALUE(x), and NAME_SLOPE, the derivative at x
// or, where that says so, from y.

#define TANH_VALUE(x) tanh(x)
// Keeps its digits where y is near 1 or -1.
#define TANH_SLOPE(y) ((1.0f - (y)) * (1.0f + (y)))

#define EXP_VALUE(x) exp(x)
#define EXP_SLOPE(y) (y)

#define EXPM1_VALUE(x) expm1(x)
#define EXPM1_SLOPE(y) ((y) + 1.0f)

// The NAME.
#ifndef FUNCTION
#define FUNCTION TANH
#endif
// 1: the result of a zero is none, so channels that only fill up a block are set to zero.
#ifndef MASKED
#define MASKED 0
#endif

#define JOIN_NAMES(a, b) a##b
#define JOIN(a, b) JOIN_NAMES(a, b)
#if MASKED
#define KEPT(value, shape) AS_LANES(AS_ILANES(value) & real_lanes(FIRST_CHANNEL(shape), (shape).y))
#else
#define KEPT(value, shape) (value)
#endif

// y = f(x)
kernel WORK_GROUP void elementwise(global const float* x, const int4 x_place, global float* y,
                                   const int4 y_place, const int4 shape, const int rows) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(x, from + v * LANES);
      STORE(y, to + v * LANES, KEPT(JOIN(FUNCTION, _VALUE)(value), shape));
    }
  }
}

// dx = dy * f'(x), from x or from y = f(x)
kernel WORK_GROUP void elementwise_gradient(global const float* dy, const int4 dy_place ADDEND_ARGUMENTS,
                                            global const float* argument, const int4 argument_place,
                                            global float* dx, const int4 dx_place, const int4 shape,
                                            const int rows) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t gradient = ROW(dy_place, shape, row), from = ROW(argument_place, shape, row);
#if ADDEND
    const size_t other = ROW(addend_place, shape, row);
#endif
    const size_t to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const lanes value = LOAD(argument, from + v * LANES);
      lanes upstream = LOAD(dy, gradient + v * LANES);
#if ADDEND
      upstream += LOAD(addend, other + v * LANES);
#endif
      STORE(dx, to + v * LANES, KEPT(upstream * JOIN(FUNCTION, _SLOPE)(value), shape));
    }
  }
}

// c = a * b
kernel WORK_GROUP void multiply(global const float* a, const int4 a_place, global const float* b,
                                const int4 b_place, global float* c, const int4 c_place, const int4 shape,
                                const int rows) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t first = ROW(a_place, shape, row), second = ROW(b_place, shape, row);
    const size_t to = ROW(c_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(c, to + v * LANES, LOAD(a, first + v * LANES) * LOAD(b, second + v * LANES));
    }
  }
}

// y = alpha * a + beta * b
kernel WORK_GROUP void combine(global const float* a, const int4 a_place, global const float* b,
                               const int4 b_place, global float* y, const int4 y_place, const int4 shape,
                               const int rows, const float alpha, const float beta) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t first = ROW(a_place, shape, row), second = ROW(b_place, shape, row);
    const size_t to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(y, to + v * LANES, alpha * LOAD(a, first + v * LANES) + beta * LOAD(b, second + v * LANES));
    }
  }
}

// The same for flat arrays (weights, vectors) of `vectors` vectors; each work-item takes `run` of them.
//   range: (vectors / run, rounded up)
kernel void combine_flat(global const float* restrict a, global const float* restrict b, global float* restrict y,
                         const int vectors, const int run, const float alpha, const float beta) {
  const size_t first = get_global_id(0) * run, end = min(first + run, (size_t)vectors);
  for (size_t v = first; v < end; v++) {
    STORE(y, v * LANES, alpha * LOAD(a, v * LANES) + beta * LOAD(b, v * LANES));
  }
}

// Channels of x, from channel `from` on, to those of y from channel `to` on, number by number, and behind those `first`
// channels the ones of z: for concatenations and slices that do not come in whole blocks.
//   shape: (N, channels of both, H, W)     range: (1 on a CPU, W on a GPU; H / rows; N), rounded up
kernel WORK_GROUP void copy_channels(global const float* x, const int4 x_place, global const float* z,
                                     const int4 z_place, global float* y, const int4 y_place, const int4 shape,
                                     const int rows, const int from, const int to, const int first) {
  const int n = get_global_id(2), first_row = get_global_id(1) * rows;
  for (int row = first_row; row < min(first_row + rows, n < shape.x ? shape.z : 0); row++) {
    for (int c = 0; c < shape.y; c++) {
      const size_t target = at(y_place, n, (to + c) / 16, row, 0) + (to + c) % 16;
      const int channel = c < first ? from + c : c - first;
      global const float* source =
          (c < first ? x : z) + at(c < first ? x_place : z_place, n, channel / 16, row, 0) + channel % 16;
      for (int column = get_global_id(0); column < shape.w; column += get_global_size(0)) {
        y[target + column * 16] = source[column * 16];
      }
    }
  }
}

// y = zero but for `count` channels from channel `first` on, which are those of x: the adjoint of a slice.
//   shape: y's     range: as copy_channels
kernel WORK_GROUP void embed_channels(global const float* x, const int4 x_place, global float* y,
                                      const int4 y_place, const int4 shape, const int rows, const int first,
                                      const int count) {
  const int n = get_global_id(2), first_row = get_global_id(1) * rows;
  for (int row = first_row; row < min(first_row + rows, n < shape.x ? shape.z : 0); row++) {
    for (int c = 0; c < shape.y; c++) {
      const int channel = c - first;
      const bool inside = channel >= 0 && channel < count;
      const size_t target = at(y_place, n, c / 16, row, 0) + c % 16;
      const size_t source = at(x_place, n, inside ? channel / 16 : 0, row, 0) + (inside ? channel % 16 : 0);
      for (int column = get_global_id(0); column < shape.w; column += get_global_size(0)) {
        y[target + column * 16] = inside ? x[source + column * 16] : 0.0f;
      }
    }
  }
}

// A dropout mask, see philox.clh.
kernel WORK_GROUP void dropout_mask(global const float* schedule, global float* mask, const int4 mask_place,
                                    const int4 shape, const int rows, const uint stream, const uint threshold,
                                    const float kept) {
  const mask_t dropout = mask_of(schedule, stream, threshold, kept, FIRST_CHANNEL(shape), shape);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(mask_place, shape, row);
    FOR_EACH_VECTOR(v, shape) STORE(mask, to + v * LANES, mask_lanes(&dropout, IMAGE(shape), row, v, shape));
  }
}
