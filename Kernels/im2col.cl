// Convolutions as products of plain matrices, which a BLAS multiplies: the way between our layout and matrices. One
// work-item makes 16 neighbouring floats, a channel block of a pixel or of a tap.
//
//   C of channels that are filled up to whole blocks of 16; p counts pixels through all images; rows of a matrix lie
//   one after the other
//
//   forward          Y [p of y][O]          = im2col(x) [p of y][tap][I]  x  W [tap][I][O]
//   input gradient   columns [p of g][tap][I] = g [p of g][O]  x  W' [O][tap][I],  then summed into x by col2im
//   weight gradient  dW [tap][I][O]         = im2col(x)^T  x  g [p of g][O]
//
// Arguments that kernels here share:
//   kernel_size   .x KH .y KW .z stride .w padding
//   map, other    .x blocks of 16 channels .y height .z width .w images

#include "layout.clh"

// 1: taps of a packed weight stand in phase order (lanes are the convolution's input channels); 0: in row order.
#ifndef LANES_INPUT
#define LANES_INPUT 0
#endif

// Where channel i of output channel o of tap (kh, kw) lies in a packed weight with `blocks` blocks of broadcast
// channels.
static inline size_t packed(int o, int i, int kh, int kw, int4 kernel_size, int blocks) {
#if LANES_INPUT
  const int lane = i, broadcast = o;
  const int tap = TAP(kh, kw, kernel_size.x, kernel_size.y, kernel_size.z);
#else
  const int lane = o, broadcast = i;
  const int tap = kh * kernel_size.y + kw;
#endif
  const size_t panel = (size_t)(lane / 32 * blocks + broadcast / 16) * (kernel_size.x * kernel_size.y) + tap;
  return (panel * 16 + broadcast % 16) * 32 + lane % 32;
}

// columns[p][tap][C] = act(x) at the pixels that p meets, 0 beyond the edge. map: of x, other: of the gradient or y.
//   range: (blocks of x, taps, pixels of other)
kernel void im2col(global const float* x, const int4 x_place, const float slope, global float* columns,
                   const int4 kernel_size, const int4 map, const int4 other) {
  const int block = get_global_id(0), tap = get_global_id(1), p = get_global_id(2);
  const int ox = p % other.z, oy = p / other.z % other.y, n = p / (other.z * other.y);
  const int iy = oy * kernel_size.z + tap / kernel_size.y - kernel_size.w;
  const int ix = ox * kernel_size.z + tap % kernel_size.y - kernel_size.w;
  const bool inside = iy >= 0 && iy < map.y && ix >= 0 && ix < map.z;
  global float* to = columns + (((size_t)p * kernel_size.x * kernel_size.y + tap) * map.x + block) * 16;
  for (int c = 0; c < 16; c++) {
    const float value = inside ? x[at(x_place, n, block, iy, ix) + c] : 0.0f;
    to[c] = ACTIVATE(value, slope);
  }
}

// A packed weight as [tap][I][O], or with by_output as [O][tap][I]. blocks: of I and O; packed_blocks: of the
// broadcast side. Channels that only fill up blocks are zero in both.
//   range: (blocks of the innermost channels, the other channels, taps)
kernel void weight_to_matrix(global const float* w, global float* matrix, const int4 kernel_size, const int inputs,
                             const int outputs, const int packed_blocks, const int by_output) {
  const int block = get_global_id(0), outer = get_global_id(1), tap = get_global_id(2);
  const int taps = kernel_size.x * kernel_size.y, kh = tap / kernel_size.y, kw = tap % kernel_size.y;
  for (int c = 0; c < 16; c++) {
    const int inner = block * 16 + c;
    if (by_output) {
      matrix[((size_t)outer * taps + tap) * inputs + inner] =
          w[packed(outer, inner, kh, kw, kernel_size, packed_blocks)];
    } else {
      matrix[((size_t)tap * inputs + outer) * outputs + inner] =
          w[packed(inner, outer, kh, kw, kernel_size, packed_blocks)];
    }
  }
}

// The other way for a gradient [tap][I][O].
//   range: as weight_to_matrix
kernel void matrix_to_weight(global const float* matrix, global float* w, const int4 kernel_size, const int inputs,
                             const int outputs, const int packed_blocks) {
  const int block = get_global_id(0), outer = get_global_id(1), tap = get_global_id(2);
  const int kh = tap / kernel_size.y, kw = tap % kernel_size.y;
  for (int c = 0; c < 16; c++) {
    const int inner = block * 16 + c;
    w[packed(inner, outer, kh, kw, kernel_size, packed_blocks)] =
        matrix[((size_t)tap * inputs + outer) * outputs + inner];
  }
}

// A value with bias, and times the derivative of an activation at the gate.
static inline float finished(float value, int channel, int has_bias, global const float* bias, int has_gate,
                             float gate_value, float gate_slope) {
  if (has_bias) value += bias[channel];
  return has_gate && !(gate_value > 0.0f) ? value * gate_slope : value;
}

// y = matrix [p][C], finished. map: of y.
//   range: (blocks of y, pixels of y)
kernel void matrix_to_map(global const float* matrix, global const float* bias, global const float* gate,
                          const int4 gate_place, const float gate_slope, global float* y, const int4 y_place,
                          const int4 map, const int has_bias,
                          const int has_gate) {
  const int block = get_global_id(0), p = get_global_id(1);
  const int ox = p % map.z, oy = p / map.z % map.y, n = p / (map.z * map.y);
  for (int c = 0; c < 16; c++) {
    const float r = has_gate ? gate[at(gate_place, n, block, oy, ox) + c] : 1.0f;
    y[at(y_place, n, block, oy, ox) + c] =
        finished(matrix[((size_t)p * map.x + block) * 16 + c], block * 16 + c, has_bias, bias, has_gate, r, gate_slope);
  }
}

// x = the sum of the columns [p of g][tap][I] that meet each pixel, finished. map: of x; other: of g.
//   range: (blocks of x, pixels of x)
kernel void col2im(global const float* columns, global const float* bias, global const float* gate,
                   const int4 gate_place, const float gate_slope, global float* x, const int4 x_place,
                   const int4 kernel_size, const int4 map, const int4 other, const int has_bias,
                   const int has_gate) {
  const int block = get_global_id(0), p = get_global_id(1);
  const int ix = p % map.z, iy = p / map.z % map.y, n = p / (map.z * map.y);
  float sum[16];
  for (int c = 0; c < 16; c++) sum[c] = 0.0f;
  for (int kh = 0; kh < kernel_size.x; kh++) {
    const int y = iy + kernel_size.w - kh;
    if (y < 0 || y % kernel_size.z || y / kernel_size.z >= other.y) continue;
    for (int kw = 0; kw < kernel_size.y; kw++) {
      const int column = ix + kernel_size.w - kw;
      if (column < 0 || column % kernel_size.z || column / kernel_size.z >= other.z) continue;
      const int from = (n * other.y + y / kernel_size.z) * other.z + column / kernel_size.z;
      const int tap = kh * kernel_size.y + kw;
      global const float* values =
          columns + (((size_t)from * kernel_size.x * kernel_size.y + tap) * map.x + block) * 16;
      for (int c = 0; c < 16; c++) sum[c] += values[c];
    }
  }
  for (int c = 0; c < 16; c++) {
    const float r = has_gate ? gate[at(gate_place, n, block, iy, ix) + c] : 1.0f;
    x[at(x_place, n, block, iy, ix) + c] =
        finished(sum[c], block * 16 + c, has_bias, bias, has_gate, r, gate_slope);
  }
}
