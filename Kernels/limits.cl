// What a device can do at most: arithmetic from registers, and memory traffic. `pix2pix benchmark` measures both
// in the same run as the layers it sets beside them.

// Floats per work-item and step: 16 fill an AVX-512 register, 8 an AVX one, 4 are a GPU's widest load.
#ifndef LANES
#define LANES 16
#endif

#if LANES == 16
typedef float16 lanes;
#elif LANES == 8
typedef float8 lanes;
#else
typedef float4 lanes;
#endif

// 12 independent chains of multiply-adds, enough to hide their latency: `steps` times 12 x LANES x 2 operations
// per work-item. The result is stored so that nothing can be left out.
kernel void multiply_add(global float* result, const int steps, const float a, const float b) {
  lanes c0 = 0.0f, c1 = 0.1f, c2 = 0.2f, c3 = 0.3f, c4 = 0.4f, c5 = 0.5f;
  lanes c6 = 0.6f, c7 = 0.7f, c8 = 0.8f, c9 = 0.9f, c10 = 1.0f, c11 = 1.1f;
  const lanes x = (lanes)a, y = (lanes)b;
  for (int step = 0; step < steps; step++) {
    c0 = c0 * x + y;
    c1 = c1 * x + y;
    c2 = c2 * x + y;
    c3 = c3 * x + y;
    c4 = c4 * x + y;
    c5 = c5 * x + y;
    c6 = c6 * x + y;
    c7 = c7 * x + y;
    c8 = c8 * x + y;
    c9 = c9 * x + y;
    c10 = c10 * x + y;
    c11 = c11 * x + y;
  }
  const lanes sum = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11;
  result[get_global_id(0)] = sum.s0 + sum.s1 + sum.s2 + sum.s3;
}

// y = a * x over count vectors: as much read as written. Each work-group takes a run of `run` vectors; its
// work-items take neighbours.
kernel void scale(global const lanes* restrict x, global lanes* restrict y, const int run, const float a) {
  const size_t start = (size_t)get_group_id(0) * run;
  for (int i = get_local_id(0); i < run; i += get_local_size(0)) y[start + i] = x[start + i] * a;
}
