// What must be zero in an activation, and nothing else writes, where it lies in memory that others use before it.

#include "layout.clh"

// The border of every map of [maps][H + 2 border][W + 2 border][16], or all of it.
//   size  .x H .y W .z border .w 1: all
//   range: (work-items that share a map, maps)
kernel void clear(global float* x, const int4 size) {
  const int width = size.y + 2 * size.z, height = size.x + 2 * size.z;
  global float16* map = (global float16*)x + (size_t)get_global_id(1) * width * height;
  // Above and below, then left and right of each row.
  const int above = size.z * width, beside = 2 * size.z;
  const int count = size.w ? width * height : 2 * above + size.x * beside;
  for (int i = get_global_id(0); i < count; i += get_global_size(0)) {
    int pixel;
    if (size.w || i < above) {
      pixel = i;
    } else if (i < 2 * above) {
      pixel = (size.z + size.x) * width + i - above;
    } else {
      const int row = (i - 2 * above) / beside, side = (i - 2 * above) % beside;
      pixel = (size.z + row) * width + (side < size.z ? side : size.y + side);
    }
    map[pixel] = 0.0f;
  }
}
