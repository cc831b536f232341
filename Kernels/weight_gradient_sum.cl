// Adds the parts of split weight gradients in their order, of several weights in one launch; see weight_gradient_gpu.clh.

#include "batched.clh"
#include "weight_gradient_gpu.clh"

#define WORK_ITEMS 64

// Of each weight
//   parts      [splits][tap][quads.w][4][lane quads]    dw    the weight's packing
//   quads      as weight_gradient's
//   geometry   kernel height and width, stride
//   settings   .x its first work-group .y splits .z 1 if the lanes are the convolution's input channels
#define ITEM_ARGUMENTS(i)                                                                       \
  global const float4 *parts_##i, global float4 *dw_##i, const int4 quads_##i, const int4 geometry_##i, \
      const int4 settings_##i
#define TAKE_ITEM(i)                            \
  if ((int)get_group_id(0) >= settings_##i.x) { \
    parts = parts_##i;                          \
    dw = dw_##i;                                \
    quads = quads_##i;                          \
    geometry = geometry_##i;                    \
    settings = settings_##i;                    \
  }

//   range: of each weight taps * quads.x * 4 * lane blocks * 4, rounded up to whole work-groups
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void weight_gradient_sum(ALL_ARGUMENTS) {
  global const float4* parts = parts_0;
  global float4* dw = dw_0;
  int4 quads = quads_0, geometry = geometry_0, settings = settings_0;
  TAKE_ITEMS
  const int index = ((int)get_group_id(0) - settings.x) * WORK_ITEMS + get_local_id(0);
  const int taps = geometry.x * geometry.y, lane_quads = quads.z * 4;
  const int lane_quad = index % lane_quads, row = index / lane_quads;  // row: (tap, quad, channel of the quad)
  const int r = row % 4, quad = row / 4 % quads.x, tap = row / 4 / quads.x;
  if (tap >= taps) return;
  float4 sum = (float4)(0.0f);
  for (int split = 0; split < settings.y; split++) {
    sum += parts[((((size_t)split * taps + tap) * quads.w + quad) * 4 + r) * lane_quads + lane_quad];
  }
  dw[packed(quad, tap / geometry.y, tap % geometry.y, lane_quad, quads.y, geometry, settings.z) + r * 8] = sum;
}
