// One step of Adam (Kingma and Ba 2015, in PyTorch's form) over flat arrays: a weight in its packing, or a vector.
//
//   m += (1 - beta1) (g - m)      v = beta2 v + (1 - beta2) g g
//   p -= schedule[0] m / (sqrt(v) schedule[1] + epsilon)
//
// schedule[0] = rate / (1 - beta1^t), schedule[1] = 1 / sqrt(1 - beta2^t). Padding has g = 0 and stays as it is.
//
//   p, g, m, v [vectors][LANES]

// Floats in a vector: 16 for CPUs, 4 for GPUs.
#ifndef LANES
#define LANES 16
#endif
#if LANES == 16
typedef float16 lanes;
#else
typedef float4 lanes;
#endif

// Moments of a weight that gets no more gradient would shrink into the denormal numbers and stay there, and many
// CPUs take a hundred times as long for one of those.
#define FLUSH(x) (fabs(x) < 0x1p-126f ? (lanes)0.0f : (x))

// range: (vectors / run, rounded up): each work-item takes `run` vectors, pages of them on a CPU, one on a GPU
kernel void adam(global lanes* restrict p, global const lanes* restrict g, global lanes* restrict m,
                 global lanes* restrict v, global const float* restrict schedule, const int vectors, const int run,
                 const float one_minus_beta1, const float beta2, const float one_minus_beta2,
                 const float epsilon) {
  const float step_size = schedule[0], inverse_root_correction = schedule[1];
  const size_t first = get_global_id(0) * run, end = min(first + run, (size_t)vectors);
  for (size_t i = first; i < end; i++) {
    const lanes gradient = g[i];
    const lanes moment = m[i] + one_minus_beta1 * (gradient - m[i]);
    const lanes square = beta2 * v[i] + one_minus_beta2 * gradient * gradient;
    m[i] = FLUSH(moment);
    v[i] = FLUSH(square);
    p[i] -= step_size * moment / (sqrt(square) * inverse_root_correction + epsilon);
  }
}
