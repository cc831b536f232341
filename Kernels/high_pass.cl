// The part of maps beyond a radius of spatial frequencies: x less what lies within it. That is made by four products of
// matrices, for each channel of each image by itself: B_H B_H' x B_W B_W', where the columns of B_W and B_H are waves of
// the lowest frequencies of a row and of a column, and the coefficients between B_H' and B_H that lie beyond the radius
// are set to 0.
//
// The bases are real and orthonormal. Column 0 of one for n pixels is 1 / sqrt(n), column 2 k - 1 is sqrt(2 / n)
// cos(2 pi k p / n), and column 2 k the sine; of an even n the last is (-1)^p / sqrt(n). The sines and cosines of one
// frequency are kept or left out together, so a disc of frequencies is a set of products of columns.
//
// x and y lie as in layout.clh; everything between lies as [N C][rows][pitch], with rows a multiple of 16 floats long.

#include "rows.clh"

// Rows of a product that a work-item computes.
#ifndef ROWS
#define ROWS 4
#endif
// Whether the left matrices are activations' maps, in their layout.
#ifndef MAPS
#define MAPS 0
#endif
// Whether the product is set to 0 beyond the radius: rows are frequencies of columns, columns those of rows.
#ifndef DISC
#define DISC 0
#endif

// A basis for n pixels, or its transpose, with zeros between its end and the pitch.  range: rows * pitch
//   columns: of the basis
kernel void fourier_basis(global float* basis, const int n, const int columns, const int pitch,
                          const int transposed) {
  const int row = get_global_id(0) / pitch, column = get_global_id(0) % pitch;
  const int pixel = transposed ? column : row, wave = transposed ? row : column;
  const int k = (wave + 1) / 2;
  float value = 0.0f;
  if (pixel < n && wave < columns) {
    // In (-1/2, 1/2] turns, exact but for one division.
    int turns = (k * pixel) % n;
    if (2 * turns > n) turns -= n;
    const float half_turns = 2.0f * (float)turns / (float)n;
    const int is_single = k == 0 || 2 * k == n;
    value = (wave % 2 || k == 0 ? cospi(half_turns) : sinpi(half_turns));
    value *= sqrt((is_single ? 1.0f : 2.0f) / (float)n);
  }
  basis[get_global_id(0)] = value;
}

// The most periods over a row that lie within the radius together with ky over a column; -1 when none do.
static inline int reach_of(const int ky, const int height, const int width, const long limit) {
  const long side = (long)ky * width, rest = limit - side * side, unit = (long)height * height;
  if (rest < 0) return -1;
  long k = (long)sqrt((float)rest / (float)unit);
  while ((k + 1) * (k + 1) * unit <= rest) k++;
  while (k * k * unit > rest) k--;
  return (int)k;
}

// y = a b, of every plane.  range (pitch / LANES, rows / ROWS, planes), rounded up
//   size: (planes, rows of y, pitch of y and b, channels)
//   terms: (terms of a sum, a's floats from plane to plane, from row to row, from term to term)
//   b_plane: b's floats from plane to plane
//   map: (0, 0, H, W), and limit: (kx H)^2 + (ky W)^2 of the radius
kernel WORK_GROUP void fourier_product(global const float* a, const int4 a_place, global const float* b,
                                       global float* y, const int4 size, const int4 terms, const int b_plane,
                                       const int4 map, const long limit) {
  const int column = get_global_id(0) * LANES, first = get_global_id(1) * ROWS, plane = get_global_id(2);
  if (column >= size.z || first >= size.y || plane >= size.x) return;
#if MAPS
  const int channel = plane % size.w;
  a += at(a_place, plane / size.w, channel / 16, first, 0) + channel % 16;
#else
  a += (size_t)plane * terms.y + (size_t)first * terms.z;
#endif
  b += (size_t)plane * b_plane + column;
  // Rows beyond the last are the last one again.
  const int last = min(ROWS, size.y - first) - 1;
  size_t rows[ROWS];
  lanes sums[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    rows[r] = (size_t)min(r, last) * terms.z;
    sums[r] = 0.0f;
  }
  for (int s = 0; s < terms.x; s++) {
    const lanes value = LOAD(b, (size_t)s * size.z);
#pragma unroll
    for (int r = 0; r < ROWS; r++) sums[r] += a[rows[r] + (size_t)s * terms.w] * value;
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    if (r > last) break;
#if DISC
    const ilanes waves = (AS_ILANES(LANE_NUMBERS) + column + 1) / 2;
    sums[r] = AS_LANES(AS_ILANES(sums[r]) & (waves <= reach_of((first + r + 1) / 2, map.z, map.w, limit)));
#endif
    STORE(y, ((size_t)plane * size.y + first + r) * size.z + column, sums[r]);
  }
}

// y = x less its low frequencies, [N C][H][pitch].  range: elementwise
kernel WORK_GROUP void without_low(global const float* x, const int4 x_place, global float* y, const int4 y_place,
                                   global const float* low, const int4 shape, const int rows, const int pitch) {
  FOR_EACH_ROW(row, shape, rows) {
    const size_t from = ROW(x_place, shape, row), to = ROW(y_place, shape, row);
    FOR_EACH_VECTOR(v, shape) {
      union {
        lanes all;
        float lane[LANES];
      } below;
      for (int l = 0; l < LANES; l++) {
        const int channel = FIRST_CHANNEL(shape) + l;
        const size_t plane = (size_t)IMAGE(shape) * shape.y + channel;
        below.lane[l] = channel < shape.y ? low[(plane * shape.z + row) * pitch + v * LANES / 16] : 0.0f;
      }
      STORE(y, to + v * LANES, LOAD(x, from + v * LANES) - below.all);
    }
  }
}
