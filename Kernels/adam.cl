// One step of Adam (Kingma and Ba 2015, in PyTorch's form) over flat arrays: a weight in its packing, or a vector.
//
//   m += (1 - beta1) (g - m)      v = beta2 v + (1 - beta2) g g
//   p -= schedule[0] m / (sqrt(v) schedule[1] + epsilon)
//
// schedule[0] = rate / (1 - beta1^t), schedule[1] = 1 / sqrt(1 - beta2^t). Padding has g = 0 and stays as it is.

#ifndef LANES
#define LANES 16
#endif
#if LANES == 16
typedef float16 lanes;
#else
typedef float4 lanes;
#endif

// range: (vectors / run rounded up): each work-item takes `run` vectors of LANES floats
kernel void adam(global lanes* restrict p, global const lanes* restrict g, global lanes* restrict m,
                 global lanes* restrict v, global const float* restrict schedule, const int vectors, const int run,
                 const float one_minus_beta1, const float beta2, const float one_minus_beta2,
                 const float epsilon) {
  const float step_size = schedule[0], inverse_root_correction = schedule[1];
  const size_t first = get_global_id(0) * run;
  for (size_t i = first; i < min(first + run, (size_t)vectors); i++) {
    const lanes gradient = g[i];
    const lanes moment = m[i] + one_minus_beta1 * (gradient - m[i]);
    const lanes square = beta2 * v[i] + one_minus_beta2 * gradient * gradient;
    m[i] = moment;
    v[i] = square;
    p[i] -= step_size * moment / (sqrt(square) * inverse_root_correction + epsilon);
  }
}
