// Weights divided by their largest singular value. A packed weight, [B/32][A/16][tap][16][32], is a matrix of rows r and
// columns c, cut into tiles of 16 x 32: the lanes are the columns' innermost part, and taps belong to the side of the
// input channels. u goes with one side of the matrix, v with the other.
//
//   grid           .x tiles side by side  .y one below the other  .z taps that run along the columns, 1 if along the rows
//   row_stride     element r of a vector of the rows' side lies at r * row_stride
//   column_stride  element c of one of the columns' side at c / 32 * column_stride + c % 32
//
// u lies one element behind the other, v as the weight of output channel 0. What only fills up is zero everywhere.

#include "rows.clh"

// The float offset of a tile.
static inline size_t tile_at(const int4 grid, const int column, const int row) {
  return (((size_t)(column / grid.z) * grid.y + row) * grid.z + column % grid.z) * 512;
}

// y[r] = the sum over c of w[r][c] x[c].  range: a work-group to a row
kernel WORK_GROUP void row_products(global const float* w, global const float* x, global float* y, const int4 grid,
                                    const int row_stride, const int column_stride) {
  SHARED(shared);
  const int r = get_group_id(0), vectors = 32 / LANES;
  lanes sum = 0.0f, lost = 0.0f;
  for (int i = ITEM; i < grid.x * vectors; i += ITEMS) {
    const int column = i / vectors, lane = i % vectors * LANES;
    const size_t from = tile_at(grid, column, r / 16) + r % 16 * 32 + lane;
    ADD(sum, lost, LOAD(w, from) * LOAD(x, (size_t)column * column_stride + lane));
  }
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) y[(size_t)r * row_stride] = total;
}

// y[c] = the sum over r of w[r][c] x[r].  range: a work-group to 16 columns
kernel WORK_GROUP void column_products(global const float* w, global const float* x, global float* y,
                                       const int4 grid, const int row_stride, const int column_stride) {
  SHARED(shared);
  const int column = get_group_id(0) / 2, lane = get_group_id(0) % 2 * 16 + ITEM * LANES % 16;
  lanes sum = 0.0f, lost = 0.0f;
  for (int r = ITEM * LANES / 16; r < grid.y * 16; r += PIXELS_AT_ONCE) {
    ADD(sum, lost, LOAD(w, tile_at(grid, column, r / 16) + r % 16 * 32 + lane) * x[(size_t)r * row_stride]);
  }
  sum = sum_over_group(sum, shared);
  if (ITEM < 16 / LANES) STORE(y, (size_t)column * column_stride + lane, sum);
}

// v = w^T u, and the product w v, are divided by |w^T u|; then u = w v / |w v|, if it is updated, and sigma = u^T w v.
//   v: element k at k / run * step + k % run     range: one work-group
kernel WORK_GROUP void power_iteration(global float* v, global const float* product, global float* u,
                                       global float* sigma, const int count, const int run, const int step,
                                       const int outputs, const int updates) {
  SHARED(shared);
  lanes sum = 0.0f, lost = 0.0f;
  for (int k = ITEM; k < count; k += ITEMS) {
    const float value = v[(size_t)(k / run) * step + k % run];
    ADD(sum, lost, (lanes)(value * value));
  }
  const float v_norm = fmax(sqrt(total_of_group(LANE_NUMBERS == 0u ? sum : (lanes)0.0f, shared)), 1e-12f);
  for (int k = ITEM; k < count; k += ITEMS) v[(size_t)(k / run) * step + k % run] /= v_norm;
  sum = 0.0f;
  lost = 0.0f;
  for (int o = ITEM; o < outputs; o += ITEMS) {
    const float value = product[o] / v_norm;
    ADD(sum, lost, (lanes)(value * (updates ? value : u[o])));
  }
  const float total = total_of_group(LANE_NUMBERS == 0u ? sum : (lanes)0.0f, shared);
  const float norm = updates ? fmax(sqrt(total), 1e-12f) : 1.0f;
  if (updates) {
    for (int o = ITEM; o < outputs; o += ITEMS) u[o] = product[o] / v_norm / norm;
  }
  if (ITEM == 0) sigma[0] = total / norm;
}

// y = w / sigma.  range: flat arrays, each work-item takes `item_run` of their vectors
kernel void divide(global const float* restrict w, global const float* restrict sigma, global float* restrict y,
                   const int vectors, const int item_run) {
  const size_t first = get_global_id(0) * item_run, end = min(first + item_run, (size_t)vectors);
  for (size_t i = first; i < end; i++) STORE(y, i * LANES, LOAD(w, i * LANES) / sigma[0]);
}

// Sums of a * b, a work-group to `group_run` vectors of flat arrays.
kernel WORK_GROUP void product_sums(global const float* a, global const float* b, global float* sums,
                                    const int vectors, const int group_run) {
  SHARED(shared);
  const size_t first = get_group_id(0) * group_run, end = min(first + group_run, (size_t)vectors);
  lanes sum = 0.0f, lost = 0.0f;
  for (size_t i = first + ITEM; i < end; i += ITEMS) ADD(sum, lost, LOAD(a, i * LANES) * LOAD(b, i * LANES));
  const float total = total_of_group(sum, shared);
  if (ITEM == 0) sums[get_group_id(0)] = total;
}

// dw = (dy - sum * the product of both vectors' elements) / sigma.  range: as `divide`
kernel void spectral_norm_gradient(global const float* restrict dy, global const float* restrict row_vector,
                                   global const float* restrict column_vector,
                                   global const float* restrict sigma, global const float* restrict sum,
                                   global float* restrict dw, const int vectors, const int item_run, const int4 grid,
                                   const int row_stride, const int column_stride) {
  const size_t first = get_global_id(0) * item_run, end = min(first + item_run, (size_t)vectors);
  for (size_t i = first; i < end; i++) {
    const int tile = i * LANES / 512, within = i * LANES % 512;
    const int row = tile / grid.z % grid.y, column = tile / grid.z / grid.y * grid.z + tile % grid.z;
    const size_t r = (size_t)row * 16 + within / 32;
    const lanes columns = LOAD(column_vector, (size_t)column * column_stride + within % 32);
    STORE(dw, i * LANES, (LOAD(dy, i * LANES) - sum[0] * row_vector[r * row_stride] * columns) / sigma[0]);
  }
}
