// A step of Adam over flat arrays: a weight in its packing, or a vector.
//
//   p, g, m, v [vectors][LANES]: parameter, gradient, first and second moment

// Floats in a vector: 16 for CPUs, 4 for GPUs.
#ifndef LANES
#define LANES 16
#endif
#if LANES == 16
typedef float16 lanes;
#else
typedef float4 lanes;
#endif

#include "adam.clh"

// range: (vectors / run, rounded up): each work-item takes `run` vectors, pages of them on a CPU, one on a GPU
kernel void adam(global lanes* restrict p, global const lanes* restrict g, global lanes* restrict m,
                 global lanes* restrict v, global const float* restrict schedule, const int vectors, const int run,
                 const float4 constants) {
  const float step_size = schedule[0], inverse_root_correction = schedule[1];
  const size_t first = get_global_id(0) * run, end = min(first + run, (size_t)vectors);
  for (size_t i = first; i < end; i++)
    adam_step(p + i, g[i], m + i, v + i, step_size, inverse_root_correction, constants);
}
