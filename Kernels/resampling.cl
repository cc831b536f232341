// Maps of other sizes: mirrored beyond their edges, enlarged, reduced, pooled, made of a number or summed up to one. Shapes [N][C/16][H][W][16], see layout.clh.
//   shape: the result's     range: "Elementwise kernels" in rows.clh, over the result

#include "rows.clh"

// The column of vector v of a row, and its first channel within the pixel.
#define COLUMN(v) ((v) * LANES / 16)
#define CHANNEL(v) ((v) * LANES % 16)

// The position in a line of `size` that a position before or behind it mirrors, without repeating the edge.
static inline int mirrored(const int position, const int size) {
  const int distance = abs(position);
  return distance < size ? distance : 2 * (size - 1) - distance;
}

// y = x with `padding` mirrored pixels on every side
kernel WORK_GROUP void reflection_pad(global const float* x, const int4 x_place, global float* y,
                                      const int4 y_place, const int4 shape, const int rows, const int padding) {
  const int height = shape.z - 2 * padding, width = shape.w - 2 * padding;
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, mirrored(row - padding, height)), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(y, to + v * LANES, LOAD(x, from + mirrored(COLUMN(v) - padding, width) * 16 + CHANNEL(v)));
    }
  }
}

// Where a position of a line lies in the padded line: itself, its image before the first, its image behind the last;
// -1 where it has none.
static inline int image_of(const int position, const int which, const int size, const int padding) {
  const int last = size - 1;
  if (which == 0) return padding + position;
  if (which == 1) return position > 0 && position <= padding ? padding - position : -1;
  return position < last && last - position <= padding ? padding + 2 * last - position : -1;
}

// dx = the sum of dy over all images of a pixel, in a fixed order
kernel WORK_GROUP void reflection_pad_gradient(global const float* dy, const int4 dy_place, global float* dx,
                                               const int4 dx_place, const int4 shape, const int rows,
                                               const int padding) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(dx_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      lanes sum = 0.0f;
      for (int i = 0; i < 3; i++) {
        const int image_row = image_of(row, i, shape.z, padding);
        if (image_row < 0) continue;
        const size_t from = ROW(dy_place, shape, image_row);
        for (int j = 0; j < 3; j++) {
          const int column = image_of(COLUMN(v), j, shape.w, padding);
          if (column >= 0) sum += LOAD(dy, from + column * 16 + CHANNEL(v));
        }
      }
      STORE(dx, to + v * LANES, sum);
    }
  }
}

// y = coefficient * the pixel of x that lies there, when x is enlarged by `factor`
kernel WORK_GROUP void upsample_nearest(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                const int4 shape, const int rows, const int factor, const float coefficient) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row / factor), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      STORE(y, to + v * LANES, coefficient * LOAD(x, from + COLUMN(v) / factor * 16 + CHANNEL(v)));
    }
  }
}

// y = coefficient * the sum of the factor x factor pixels of x that lie there
kernel WORK_GROUP void downsample_sum(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                  const int4 shape, const int rows, const int factor, const float coefficient) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      lanes sum = 0.0f;
      for (int i = 0; i < factor; i++) {
        const size_t from = ROW(x_place, shape, row * factor + i);
        for (int j = 0; j < factor; j++) sum += LOAD(x, from + (COLUMN(v) * factor + j) * 16 + CHANNEL(v));
      }
      STORE(y, to + v * LANES, coefficient * sum);
    }
  }
}

// y = coefficient * the number of x for each map
kernel WORK_GROUP void broadcast(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                 const int4 shape, const int rows, const float coefficient) {
  const lanes value = coefficient * LOAD(x, ROW(x_place, shape, 0) + QUARTER);
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) STORE(y, to + v * LANES, value);
  }
}

// y = coefficient * the sum of x over a group of rows of each map. With several groups this is launched twice: what the
// first launch leaves are maps of height `groups` and width 1.
//   shape: that of x     range: "Sums" in rows.clh, of images by themselves
kernel WORK_GROUP void spatial_sum(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                   const int4 shape, const int rows, const float coefficient) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  FOR_EACH_GROUP_ROW(row, shape, rows, 1) {
    const size_t from = GROUP_ROW(x_place, shape, row, IMAGE(shape));
    FOR_EACH_VECTOR(v, shape) ADD(sum, lost, LOAD(x, from + v * LANES));
  }
  sum = sum_over_group(sum, shared);
  if (ITEM < 16 / LANES) STORE(y, ROW(y_place, shape, get_group_id(1)) + QUARTER, coefficient * sum);
}

// In which lanes b goes before a that comes first: where it is larger, or NaN, which is not to be lost.
static inline ilanes goes_before(const lanes b, const lanes a) { return (b > a) | isnan(b); }

// y = the largest of window x window pixels of x, two apart
kernel WORK_GROUP void max_pool(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                const int4 shape, const int rows, const int window) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, 2 * row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      const size_t first = from + COLUMN(v) * 32 + CHANNEL(v);
      lanes largest = LOAD(x, first);
      for (int i = 1; i < window * window; i++) {
        const lanes value = LOAD(x, first + (i / window * x_place.w + i % window) * 16);
        largest = select(largest, value, goes_before(value, largest));
      }
      STORE(y, to + v * LANES, largest);
    }
  }
}

// dx = dy where y was taken from, 0 elsewhere; shape: that of x and dx
kernel WORK_GROUP void max_pool_gradient(global const float* dy, const int4 dy_place, global const float* x,
                                         const int4 x_place, global float* dx, const int4 dx_place,
                                         const int4 shape, const int rows) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t to = ROW(dx_place, shape, row);
    const size_t window = ROW(x_place, shape, row / 2 * 2), from = ROW(dy_place, shape, row / 2);
    FOR_EACH_VECTOR(v, shape) {
      const int column = COLUMN(v);
      lanes gradient = 0.0f;
      // A last row or column without a partner belongs to no window.
      if (row / 2 < shape.z / 2 && column / 2 < shape.w / 2) {
        const size_t first = window + column / 2 * 32 + CHANNEL(v);
        lanes largest = LOAD(x, first);
        ilanes winner = 0;
        for (int i = 1; i < 4; i++) {
          const lanes value = LOAD(x, first + (i / 2 * x_place.w + i % 2) * 16);
          const ilanes wins = goes_before(value, largest);
          largest = select(largest, value, wins);
          winner = select(winner, (ilanes)i, wins);
        }
        gradient = select(gradient, LOAD(dy, from + column / 2 * 16 + CHANNEL(v)),
                          winner == (ilanes)(row % 2 * 2 + column % 2));
      }
      STORE(dx, to + v * LANES, gradient);
    }
  }
}
