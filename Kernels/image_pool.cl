// The exchange of a batch's images x with those of a pool. Shapes [N or slots][C/16][H][W][16], see layout.clh.

#include "rows.clh"

// What becomes of an image: it passes, or the slot's is given out in its place. If it does not just pass it is stored in
// the slot.
#define PASS 0
#define SWAP 2

//   choices [2 images]: slot and use of each image
//   shape:  of one image    range: elementwise
kernel WORK_GROUP void image_pool(global const float* x, const int4 x_place, global float* pool,
                                  const int4 pool_place, global const float* choices, global float* y,
                                  const int4 y_place, const int4 shape, const int rows, const int images) {
  FOR_EACH_ROW(row, shape, rows) {
    for (int n = 0; n < images; n++) {
      const int slot = choices[2 * n], use = choices[2 * n + 1];
      const size_t from = at(x_place, n, BLOCK(shape), row, 0), to = at(y_place, n, BLOCK(shape), row, 0);
      const size_t stored = at(pool_place, slot, BLOCK(shape), row, 0);
      FOR_EACH_VECTOR(v, shape) {
        const lanes image = LOAD(x, from + v * LANES);
        STORE(y, to + v * LANES, use == SWAP ? LOAD(pool, stored + v * LANES) : image);
        if (use != PASS) STORE(pool, stored + v * LANES, image);
      }
    }
  }
}
