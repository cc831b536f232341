// Convolutions for CPU devices, in both directions and two forms.
//
//   convolution             y[n,o,oy,ox] = sum over i,kh,kw of x[n,i,oy*S+kh-P,ox*S+kw-P] * w[o,i,kh,kw]
//   transposed convolution  y[n,i,iy,ix] = sum over o,oy,ox,kh,kw with oy*S+kh-P = iy, ox*S+kw-P = ix
//                                          of x[n,o,oy,ox] * w[o,i,kh,kw]
//
// One work-item is one work-group: it keeps a tile of TILE_H x TILE_W pixels times some output channels in
// registers and streams weights past it. No local memory, no barriers, and no hope that the compiler vectorises
// across work-items. In this file "input" and "output" are those of the pass, whichever the direction.
//
// Both directions are one loop: the output pixels of one phase (of the stride; a convolution has one phase)
// form a grid of cells, and a tap moves the cell's input pixel by TAP_STEP.

#include "layout.clh"

// 1: transposed convolution. Its STRIDE x STRIDE phases are convolutions of stride 1 with every STRIDE-th tap.
#ifndef TRANSPOSED
#define TRANSPOSED 0
#endif
#ifndef KERNEL_H
#define KERNEL_H 4
#endif
#ifndef KERNEL_W
#define KERNEL_W 4
#endif
#ifndef STRIDE
#define STRIDE 2
#endif
#ifndef PADDING
#define PADDING 1
#endif
// Pixels of a tile. TILE_H must divide the height of the grid of cells; TILE_W need not divide the width.
#ifndef TILE_H
#define TILE_H 1
#endif
#ifndef TILE_W
#define TILE_W 8
#endif
// Stream form: blocks of 16 output channels of a tile, 1 or 2. TILE_H * TILE_W * BLOCKS accumulators of 16
// floats: 4 to 28 are equally fast with AVX-512, 30 spill; 12 for AVX2.
#ifndef BLOCKS
#define BLOCKS 2
#endif
// Dot form: output channels of a tile, a divisor of 16.
#ifndef OUTPUTS
#define OUTPUTS 4
#endif
// 1: fewer than 16 input channels, and the loop over them runs to their number only.
#ifndef FEW_INPUTS
#define FEW_INPUTS 0
#endif
// Epilogue: add a bias; multiply by the derivative of an activation at `gate`.
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef HAS_GATE
#define HAS_GATE 0
#endif

#if TRANSPOSED
#define PHASES STRIDE
#define CELL_STRIDE 1
#define TAP_STEP (-1)
#else
#define PHASES 1
#define CELL_STRIDE STRIDE
#define TAP_STEP 1
#endif

#define PIXELS (TILE_H * TILE_W)
#define ONE_WORK_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))

// A phase along one axis: where its taps begin in the kernel, how many there are, the input position of cell 0
// under the first of them, and the output position of cell 0.
typedef struct {
  int first, count, input, output;
} phase_t;

inline phase_t phase_of(int index, int kernel_size) {
  phase_t phase;
#if TRANSPOSED
  phase.first = (index + PADDING) % STRIDE;
  phase.count = (kernel_size - phase.first + STRIDE - 1) / STRIDE;
  phase.input = (index + PADDING) / STRIDE;
  phase.output = index;
#else
  phase.first = 0;
  phase.count = kernel_size;
  phase.input = -PADDING;
  phase.output = 0;
#endif
  return phase;
}

// Taps lie in row order where the lanes are the convolution's output channels, else ordered by phase. The stream
// form has the pass' outputs in the lanes, the dot form its inputs.
#define ROW_ORDER(th, tw) (((th) * TAP_FACTOR + rows.first) * KERNEL_W + (tw) * TAP_FACTOR + columns.first)
#define PHASE_ORDER(th, tw)                                                                \
  (TAP((th) * TAP_FACTOR + rows.first, KERNEL_H, STRIDE) * KERNEL_W +                      \
   TAP((tw) * TAP_FACTOR + columns.first, KERNEL_W, STRIDE))
#if TRANSPOSED
#define TAP_FACTOR STRIDE
#define STREAM_TAP PHASE_ORDER
#define DOT_TAP ROW_ORDER
#else
#define TAP_FACTOR 1
#define STREAM_TAP ROW_ORDER
#define DOT_TAP PHASE_ORDER
#endif

// What every kernel here works out first: its tile of cells, its image and its phase.
//   cells: .x cells per row, .y tiles per row, .z tiles per image (all of one phase)
#define FIND_TILE                                                                          \
  const int tile = get_group_id(0);                                                        \
  const int cell_y = tile / cells.y * TILE_H, cell_x = tile % cells.y * TILE_W;            \
  const int n = get_group_id(2) / (PHASES * PHASES);                                       \
  const int phase = get_group_id(2) % (PHASES * PHASES);                                   \
  const phase_t rows = phase_of(phase / PHASES, KERNEL_H);                                 \
  const phase_t columns = phase_of(phase % PHASES, KERNEL_W);                              \
  const int input_y = cell_y * CELL_STRIDE + rows.input;                                   \
  const int input_x = cell_x * CELL_STRIDE + columns.input;

#define OUTPUT_Y(p) ((cell_y + (p) / TILE_W) * PHASES + rows.output)
#define OUTPUT_X(p) ((cell_x + (p) % TILE_W) * PHASES + columns.output)
// The float offset of a tile's pixel from its first, in the input.
#define INPUT_OFFSET(p) (((p) / TILE_W * CELL_STRIDE * x_place.w + (p) % TILE_W * CELL_STRIDE) * 16)

// Stream form: weights [B/32][A/16][tap][16 a][32 b] with b the output channels, so that a work-item reads one
// panel from end to end and broadcasts input values to it.
//   sizes: .x input blocks, .y output blocks, .z output height, .w output width
//   range: (tiles, output blocks / BLOCKS rounded up, N * PHASES * PHASES)
kernel ONE_WORK_ITEM void convolve_stream(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 sizes, const int4 cells, const int inputs) {
  FIND_TILE
  const int block = get_group_id(1) * BLOCKS;
  global const float* panel = w + (size_t)(block / 2) * sizes.x * (KERNEL_H * KERNEL_W * 512) + block % 2 * 16;

  // Sums of one input block in registers, added to the total block by block: one chain of several thousand sums
  // would lose a digit more.
  float16 total[PIXELS][BLOCKS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) total[p][b] = 0.0f;

  for (int input_block = 0; input_block < sizes.x; input_block++) {
    float16 sum[PIXELS][BLOCKS];
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) sum[p][b] = 0.0f;
    global const float* image = x + at(x_place, n, input_block, input_y, input_x);
    for (int th = 0; th < rows.count; th++) {
      for (int tw = 0; tw < columns.count; tw++) {
        global const float* a = image + (long)TAP_STEP * (th * x_place.w + tw) * 16;
        global const float* k = panel + STREAM_TAP(th, tw) * 512;
#if FEW_INPUTS
        for (int i = 0; i < inputs; i++) {
#else
        for (int i = 0; i < 16; i++) {
#endif
          float16 weights[BLOCKS];
#pragma unroll
          for (int b = 0; b < BLOCKS; b++) weights[b] = *(global const float16*)(k + i * 32 + b * 16);
#pragma unroll
          for (int p = 0; p < PIXELS; p++) {
            const float16 value = a[INPUT_OFFSET(p) + i];
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) sum[p][b] += value * weights[b];
          }
        }
      }
    }
    panel += KERNEL_H * KERNEL_W * 512;
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) total[p][b] += sum[p][b];
  }

#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    const int oy = OUTPUT_Y(p), ox = OUTPUT_X(p);
    if (oy < sizes.z && ox < sizes.w && cell_x + p % TILE_W < cells.x) {
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) {
        if (block + b < sizes.y) {
          float16 value = total[p][b];
#if HAS_BIAS
          value += *(global const float16*)(bias + (block + b) * 16);
#endif
#if HAS_GATE
          const float16 r = *(global const float16*)(gate + at(gate_place, n, block + b, oy, ox));
          value *= select((float16)gate_slope, (float16)1.0f, r > 0.0f);
#endif
          *(global float16*)(y + at(y_place, n, block + b, oy, ox)) = value;
        }
      }
    }
  }
}

inline float sum_of(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

// Dot form: weights [B/32][A/16][tap][16 a][32 b] with b the INPUT channels, so that lanes are summed over at the
// end. For few output channels, and for input gradients of layers whose weights are too large to be repacked.
//   sizes: .x input blocks, .y output channels, .z output height, .w output width
//   range: (tiles, output channels / OUTPUTS rounded up, N * PHASES * PHASES)
kernel ONE_WORK_ITEM void convolve_dot(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 sizes, const int4 cells) {
  FIND_TILE
  const int output = get_group_id(1) * OUTPUTS;
  const int output_blocks = (sizes.y + 15) / 16;
  global const float* panel =
      w + (size_t)(output / 16) * (KERNEL_H * KERNEL_W * 512) + output % 16 * 32;

  float16 sum[PIXELS][OUTPUTS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) sum[p][o] = 0.0f;

  for (int input_block = 0; input_block < sizes.x; input_block++) {
    global const float* image = x + at(x_place, n, input_block, input_y, input_x);
    global const float* half_panel =
        panel + (size_t)(input_block / 2) * output_blocks * (KERNEL_H * KERNEL_W * 512) + input_block % 2 * 16;
    for (int th = 0; th < rows.count; th++) {
      for (int tw = 0; tw < columns.count; tw++) {
        global const float* a = image + (long)TAP_STEP * (th * x_place.w + tw) * 16;
        global const float* k = half_panel + DOT_TAP(th, tw) * 512;
        float16 values[PIXELS];
#pragma unroll
        for (int p = 0; p < PIXELS; p++) values[p] = *(global const float16*)(a + INPUT_OFFSET(p));
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) {
          const float16 weights = *(global const float16*)(k + o * 32);
#pragma unroll
          for (int p = 0; p < PIXELS; p++) sum[p][o] += values[p] * weights;
        }
      }
    }
  }

#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    const int oy = OUTPUT_Y(p), ox = OUTPUT_X(p);
    if (oy < sizes.z && ox < sizes.w && cell_x + p % TILE_W < cells.x) {
      const size_t target = at(y_place, n, output / 16, oy, ox) + output % 16;
#if HAS_GATE
      const size_t gated = at(gate_place, n, output / 16, oy, ox) + output % 16;
#endif
#pragma unroll
      for (int o = 0; o < OUTPUTS; o++) {
        if (output + o < sizes.y) {
          float value = sum_of(sum[p][o]);
#if HAS_BIAS
          value += bias[output + o];
#endif
#if HAS_GATE
          value *= gate[gated + o] > 0.0f ? 1.0f : gate_slope;
#endif
          y[target + o] = value;
        }
      }
    }
  }
}
