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
// Both directions are one loop: the output pixels of one phase (of the stride; a convolution has one phase) form a
// grid of cells, and its taps read input pixels side by side. The taps of a transposed convolution's phase, last one
// first, are an ordinary convolution of stride 1.
//
// Arguments that all kernels here share:
//   x, y       the input and the output, [N][C/16][H][W][16]
//   bias       [output channels], read with HAS_BIAS
//   gate       of y's shape, read with HAS_GATE: y is multiplied by 1 where it is positive, else by gate_slope
//   input      .x blocks of 16 channels .y height .z width
//   output     .x channels .y height .z width
//   cells      .x cells in a row .y tiles in a row

#include "hints.clh"
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
// Cells of a tile. TILE_H must divide the height of the grid of cells; TILE_W need not divide its width.
#ifndef TILE_H
#define TILE_H 1
#endif
#ifndef TILE_W
#define TILE_W 8
#endif
// Stream form: blocks of 16 output channels of a tile, 1 or 2. TILE_H * TILE_W * BLOCKS accumulators of 16
// floats: 4 to 28 are equally fast with AVX-512, 30 spill; 6 for AVX2.
#ifndef BLOCKS
#define BLOCKS 2
#endif
// Stream form for few inputs: the number of input channels if there are fewer than 16, else 0. Known here, because a
// loop over three channels costs as much as what it does.
#ifndef FEW_INPUTS
#define FEW_INPUTS 0
#endif
// Dot form: output channels of a tile: 4, 8 or 16, or all there are.
#ifndef OUTPUTS
#define OUTPUTS 4
#endif
// Dot form for many tiles: tiles of a work-item, and pairs of input blocks whose weights they take in turn.
#ifndef TILES
#define TILES 16
#endif
#ifndef CHUNK
#define CHUNK 1
#endif
// Dot form for few outputs: blocks of 16 input channels.
#ifndef INPUT_BLOCKS
#define INPUT_BLOCKS 4
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
#else
#define PHASES 1
#define CELL_STRIDE STRIDE
#endif

#define PIXELS (TILE_H * TILE_W)
#define TAPS (KERNEL_H * KERNEL_W)
#define ONE_WORK_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))

// A tile along one axis, in one phase.
typedef struct {
  // Its first output position, and the input position that its first cell meets under tap 0.
  int output, input;
  // The phase has this many taps, k with k % STRIDE = residue; those not in begin..<end meet only the border.
  int taps, residue, begin, end;
} axis_t;

static inline axis_t axis_of(int cell, int tile, int phase, int kernel_size, int input_size) {
  axis_t axis;
#if TRANSPOSED
  axis.residue = (phase + PADDING) % STRIDE;
  axis.taps = TAPS_OF_PHASE(axis.residue, kernel_size, STRIDE);
  axis.output = cell * STRIDE + phase;
  axis.input = cell + (phase + PADDING) / STRIDE - (axis.taps - 1);
#else
  axis.residue = 0;
  axis.taps = kernel_size;
  axis.output = cell;
  axis.input = cell * STRIDE - PADDING;
#endif
  axis.begin = max(0, -axis.input - (tile - 1) * CELL_STRIDE);
  axis.end = min(axis.taps, input_size - axis.input);
  return axis;
}

// What kernels that take one phase at a time work out first: their tile, image and phase.
#define FIND_TILE                                                                                      \
  const int tile = get_group_id(0);                                                                    \
  const int cell_y = tile / cells.y * TILE_H, cell_x = tile % cells.y * TILE_W;                        \
  const int n = get_group_id(2) / (PHASES * PHASES);                                                   \
  const int phase = get_group_id(2) % (PHASES * PHASES);                                               \
  const axis_t rows = axis_of(cell_y, TILE_H, phase / PHASES, KERNEL_H, input.y);                      \
  const axis_t columns = axis_of(cell_x, TILE_W, phase % PHASES, KERNEL_W, input.z);

// Where pixel p of the tile lies in the output, and whether it does.
#define OUTPUT_Y(p) (rows.output + (p) / TILE_W * PHASES)
#define OUTPUT_X(p) (columns.output + (p) % TILE_W * PHASES)
#define EXISTS(p) (OUTPUT_Y(p) < output.y && OUTPUT_X(p) < output.z && cell_x + (p) % TILE_W < cells.x)
// The float offset of pixel p from the tile's first, in the input, whose rows are `row` pixels.
#define INPUT_OFFSET(p, row) (((p) / TILE_W * CELL_STRIDE * (row) + (p) % TILE_W * CELL_STRIDE) * 16)

// Stream form: input channels times weights, added to the sums of every pixel of a tile.
//   a  the input channel at the tile's first pixel, in rows of `row` pixels    k  its weights, 16 for each output block
static inline void add_products(float16 sum[PIXELS][BLOCKS], global const float* a, const int row,
                                global const float* k) {
  float16 weights[BLOCKS];
#pragma unroll
  for (int b = 0; b < BLOCKS; b++) weights[b] = *(global const float16*)(k + b * 16);
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    const float16 value = a[INPUT_OFFSET(p, row)];
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) sum[p][b] += value * weights[b];
  }
}

// Stream form: the biases of a tile's output blocks that exist, else zeros.
static inline void load_bias(float16 offset[BLOCKS], global const float* bias, const int block,
                             const int output_blocks) {
#pragma unroll
  for (int b = 0; b < BLOCKS; b++) {
    offset[b] = 0.0f;
#if HAS_BIAS
    if (block + b < output_blocks) offset[b] = *(global const float16*)(bias + (block + b) * 16);
#endif
  }
}

// Stream form: stores the output blocks of a pixel that exist.
static inline void store_pixel(const float16 values[BLOCKS], const int n, const int block, const int output_blocks,
                               const int oy, const int ox, global const float* gate, const int4 gate_place,
                               const float gate_slope, global float* y, const int4 y_place) {
#pragma unroll
  for (int b = 0; b < BLOCKS; b++) {
    if (block + b < output_blocks) {
      float16 value = values[b];
#if HAS_GATE
      const float16 r = *(global const float16*)(gate + at(gate_place, n, block + b, oy, ox));
      value *= select((float16)gate_slope, (float16)1.0f, r > 0.0f);
#endif
      *(global float16*)(y + at(y_place, n, block + b, oy, ox)) = value;
    }
  }
}

// Stream form: weights [B/32][A/16][tap][16 a][32 b] with b the output channels, so that a work-item reads one
// panel from end to end and broadcasts input values to it.
//   range: (tiles, output blocks / BLOCKS rounded up, N * PHASES * PHASES)
kernel ONE_WORK_ITEM void convolve_stream(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 input, const int4 output, const int4 cells) {
  FIND_TILE
  const int block = get_group_id(1) * BLOCKS;
  const int output_blocks = (output.x + 15) / 16;
  global const float* panel = w + (size_t)(block / 2) * input.x * (TAPS * 512) + block % 2 * 16;
#if TRANSPOSED
  panel += TAP_START(rows.residue, columns.residue, KERNEL_H, KERNEL_W, STRIDE) * 512;
#endif

  // Sums of one input block in registers, added to the total block by block: one chain of several thousand sums
  // would lose a digit more.
  float16 total[PIXELS][BLOCKS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) total[p][b] = 0.0f;

  for (int input_block = 0; input_block < input.x; input_block++) {
    float16 sum[PIXELS][BLOCKS];
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) sum[p][b] = 0.0f;

    global const float* image = x + at(x_place, n, input_block, rows.input, columns.input);
    for (int th = rows.begin; th < rows.end; th++) {
      for (int tw = columns.begin; tw < columns.end; tw++) {
        global const float* a = image + ((long)th * x_place.w + tw) * 16;
        global const float* k = panel + (th * columns.taps + tw) * 512;
#pragma unroll 4
        for (int i = 0; i < 16; i++) add_products(sum, a + i, x_place.w, k + i * 32);
      }
    }
    panel += TAPS * 512;
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) total[p][b] += sum[p][b];
  }

  float16 offset[BLOCKS];
  load_bias(offset, bias, block, output_blocks);
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) total[p][b] += offset[b];
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
    if (EXISTS(p))
      store_pixel(total[p], n, block, output_blocks, OUTPUT_Y(p), OUTPUT_X(p), gate, gate_place, gate_slope, y,
                  y_place);
}

// Stream form for FEW_INPUTS channels: a tile is done so soon that its start would be felt. A work-item goes along a
// row of tiles, past weights that stay in the first-level cache, for one run of output channels after the other, which
// all read the same few rows.
//   range: (rows of tiles, 1, N * PHASES * PHASES)
#if FEW_INPUTS
kernel ONE_WORK_ITEM void convolve_stream_few(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 input, const int4 output, const int4 cells) {
  const int cell_y = get_group_id(0) * TILE_H;
  const int n = get_group_id(2) / (PHASES * PHASES), phase = get_group_id(2) % (PHASES * PHASES);
  const axis_t rows = axis_of(cell_y, TILE_H, phase / PHASES, KERNEL_H, input.y);
  const int output_blocks = (output.x + 15) / 16;
  for (int block = 0; block < output_blocks; block += BLOCKS) {
    global const float* panel = w + (size_t)(block / 2) * (TAPS * 512) + block % 2 * 16;
    float16 offset[BLOCKS];
    load_bias(offset, bias, block, output_blocks);

    for (int cell_x = 0; cell_x < cells.x; cell_x += TILE_W) {
      const axis_t columns = axis_of(cell_x, TILE_W, phase % PHASES, KERNEL_W, input.z);
#if TRANSPOSED
      global const float* phase_panel =
          panel + TAP_START(rows.residue, columns.residue, KERNEL_H, KERNEL_W, STRIDE) * 512;
#else
      global const float* phase_panel = panel;
#endif
      float16 sum[PIXELS][BLOCKS];
#pragma unroll
      for (int p = 0; p < PIXELS; p++)
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) sum[p][b] = offset[b];

      global const float* image = x + at(x_place, n, 0, rows.input, columns.input);
      for (int th = rows.begin; th < rows.end; th++) {
        for (int tw = 0; tw < columns.taps; tw++) {
          global const float* a = image + ((long)th * x_place.w + tw) * 16;
          global const float* k = phase_panel + (th * columns.taps + tw) * 512;
#pragma unroll
          for (int i = 0; i < FEW_INPUTS; i++) add_products(sum, a + i, x_place.w, k + i * 32);
        }
      }

#pragma unroll
      for (int p = 0; p < PIXELS; p++)
        if (EXISTS(p))
          store_pixel(sum[p], n, block, output_blocks, OUTPUT_Y(p), OUTPUT_X(p), gate, gate_place, gate_slope, y,
                      y_place);
    }
  }
}
#endif

// Lanes of two vectors added up in pairs: eight sums of a, then eight of b.
static inline float16 pairs(float16 a, float16 b) {
  return (float16)(a.even, b.even) + (float16)(a.odd, b.odd);
}

// The sums of four vectors' lanes, for a third of the shuffles that four sums of their own would take.
static inline float4 sums_of(float16 a, float16 b, float16 c, float16 d) {
  const float16 quads = pairs(pairs(a, b), pairs(c, d));
  const float8 halves = quads.even + quads.odd;
  return halves.even + halves.odd;
}

// Output channels first..<first+OUTPUTS of a pixel, finished and stored in fours. What a four has more than there
// are channels is zero, and lands in the block's padding.
static inline void finish(const float16* sum, int n, int first, int oy, int ox, global const float* bias,
                          global const float* gate, int4 gate_place, float gate_slope, global float* y, int4 y_place) {
#pragma unroll
  for (int o = 0; o < OUTPUTS; o += 4) {
    const float16 none = 0.0f;
    float4 value = sums_of(sum[o], o + 1 < OUTPUTS ? sum[o + 1] : none, o + 2 < OUTPUTS ? sum[o + 2] : none,
                           o + 3 < OUTPUTS ? sum[o + 3] : none);
    const int channel = (first + o) % 16;
#if HAS_BIAS
    value += *(global const float4*)(bias + first + o);
#endif
#if HAS_GATE
    const float4 r = *(global const float4*)(gate + at(gate_place, n, first / 16, oy, ox) + channel);
    value *= select((float4)gate_slope, (float4)1.0f, r > 0.0f);
#endif
    *(global float4*)(y + at(y_place, n, first / 16, oy, ox) + channel) = value;
  }
}

// Where a tap of the phase stands in the packing whose lanes are the pass' inputs.
#if TRANSPOSED
#define DOT_TAP(th, tw)                                                                                \
  ((rows.residue + (rows.taps - 1 - (th)) * STRIDE) * KERNEL_W + columns.residue +                     \
   (columns.taps - 1 - (tw)) * STRIDE)
#else
#define DOT_TAP(th, tw) TAP(th, tw, KERNEL_H, KERNEL_W, STRIDE)
#endif

// Dot form: weights [B/32][A/16][tap][16 a][32 b] with b the INPUT channels, so that lanes are summed over at the
// end. For input gradients of layers whose weights are too large to be repacked for a few pixels.
//   range: (tiles, output channels / OUTPUTS rounded up, N * PHASES * PHASES)
kernel ONE_WORK_ITEM void convolve_dot(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 input, const int4 output, const int4 cells) {
  FIND_TILE
  const int first = get_group_id(1) * OUTPUTS;
  const size_t panel_stride = (size_t)((output.x + 15) / 16) * (TAPS * 512);
  global const float* panel = w + (size_t)(first / 16) * (TAPS * 512) + first % 16 * 32;

  float16 sum[PIXELS][OUTPUTS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++)
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) sum[p][o] = 0.0f;

  for (int input_block = 0; input_block < input.x; input_block += 2) {
    global const float* image = x + at(x_place, n, input_block, rows.input, columns.input);
    for (int th = rows.begin; th < rows.end; th++) {
      for (int tw = columns.begin; tw < columns.end; tw++) {
        global const float* k = panel + DOT_TAP(th, tw) * 512;
        // A few lines here, a few there: no hardware sees what comes next.
#pragma unroll
        for (int o = 0; o < OUTPUTS * 2; o++) PREFETCH(k + panel_stride + o * 16);
        for (int upper = 0; upper < 2 && input_block + upper < input.x; upper++) {
          global const float* a = image + ((long)th * x_place.w + tw + (long)upper * x_place.z) * 16;
          float16 values[PIXELS];
#pragma unroll
          for (int p = 0; p < PIXELS; p++) values[p] = *(global const float16*)(a + INPUT_OFFSET(p, x_place.w));
#pragma unroll
          for (int o = 0; o < OUTPUTS; o++) {
            const float16 weights = *(global const float16*)(k + o * 32 + upper * 16);
#pragma unroll
            for (int p = 0; p < PIXELS; p++) sum[p][o] += values[p] * weights;
          }
        }
      }
    }
    panel += panel_stride;
  }

#pragma unroll
  for (int p = 0; p < PIXELS; p++)
    if (EXISTS(p))
      finish(sum[p], n, first, OUTPUT_Y(p), OUTPUT_X(p), bias, gate, gate_place, gate_slope, y, y_place);
}

// Dot form for maps of many tiles: a work-item takes the weights of CHUNK pairs of input blocks to TILES tiles one after
// the other, while those tiles' sums wait on the stack. So weights come from memory once, and then from the
// first-level cache, side by side: where they lie they would crowd into a few of its sets.
//   cells  also .z tiles of an image
//   input  .x is even; taps of all phases are equally many
//   range: (tiles / TILES rounded up, output channels / OUTPUTS rounded up, N * PHASES * PHASES)
#define TAPS_DOWN (KERNEL_H / PHASES)
#define TAPS_ACROSS (KERNEL_W / PHASES)
kernel ONE_WORK_ITEM void convolve_dot_tiles(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 input, const int4 output, const int4 cells) {
  const int first_tile = get_group_id(0) * TILES, tiles = min(TILES, cells.z - first_tile);
  const int n = get_group_id(2) / (PHASES * PHASES), phase = get_group_id(2) % (PHASES * PHASES);
  const int first = get_group_id(1) * OUTPUTS;
  const size_t panel_stride = (size_t)((output.x + 15) / 16) * (TAPS * 512);
  global const float* panel = w + (size_t)(first / 16) * (TAPS * 512) + first % 16 * 32;

  float16 total[TILES][PIXELS][OUTPUTS];
  for (int t = 0; t < tiles; t++)
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
      for (int o = 0; o < OUTPUTS; o++) total[t][p][o] = 0.0f;

  for (int chunk = 0; chunk < input.x; chunk += 2 * CHUNK) {
    const int pairs = min(CHUNK, (input.x - chunk) / 2);
    // [pair][tap][upper][output]
    float16 kept[CHUNK * TAPS_DOWN * TAPS_ACROSS * 2 * OUTPUTS];
    float16* to = kept;
    {
      const axis_t rows = axis_of(0, 1, phase / PHASES, KERNEL_H, 1);
      const axis_t columns = axis_of(0, 1, phase % PHASES, KERNEL_W, 1);
      for (int pair = 0; pair < pairs; pair++, panel += panel_stride)
        for (int th = 0; th < TAPS_DOWN; th++)
          for (int tw = 0; tw < TAPS_ACROSS; tw++) {
            global const float* k = panel + DOT_TAP(th, tw) * 512;
#pragma unroll
            for (int o = 0; o < OUTPUTS * 2; o++) PREFETCH(k + CHUNK * panel_stride + o * 16);
#pragma unroll
            for (int upper = 0; upper < 2; upper++)
#pragma unroll
              for (int o = 0; o < OUTPUTS; o++) *to++ = *(global const float16*)(k + o * 32 + upper * 16);
          }
    }

    int cell_y = first_tile / cells.y * TILE_H, cell_x = first_tile % cells.y * TILE_W;
    for (int t = 0; t < tiles; t++) {
      const axis_t rows = axis_of(cell_y, TILE_H, phase / PHASES, KERNEL_H, input.y);
      const axis_t columns = axis_of(cell_x, TILE_W, phase % PHASES, KERNEL_W, input.z);
      float16 sum[PIXELS][OUTPUTS];
#pragma unroll
      for (int p = 0; p < PIXELS; p++)
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) sum[p][o] = total[t][p][o];

      for (int pair = 0; pair < pairs; pair++) {
        global const float* image = x + at(x_place, n, chunk + 2 * pair, rows.input, columns.input);
        for (int th = rows.begin; th < rows.end; th++) {
          const float16* k = kept + (pair * TAPS_DOWN + th) * (TAPS_ACROSS * 2 * OUTPUTS);
#pragma unroll
          for (int tw = 0; tw < TAPS_ACROSS; tw++)
#pragma unroll
            for (int upper = 0; upper < 2; upper++) {
              global const float* a = image + ((long)th * x_place.w + tw + (long)upper * x_place.z) * 16;
              float16 values[PIXELS];
#pragma unroll
              for (int p = 0; p < PIXELS; p++) values[p] = *(global const float16*)(a + INPUT_OFFSET(p, x_place.w));
#pragma unroll
              for (int o = 0; o < OUTPUTS; o++) {
                const float16 weights = k[(tw * 2 + upper) * OUTPUTS + o];
#pragma unroll
                for (int p = 0; p < PIXELS; p++) sum[p][o] += values[p] * weights;
              }
            }
        }
      }

#pragma unroll
      for (int p = 0; p < PIXELS; p++)
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) total[t][p][o] = sum[p][o];
      cell_x += TILE_W;
      if (cell_x >= cells.x) cell_x = 0, cell_y += TILE_H;
    }
  }

  int cell_y = first_tile / cells.y * TILE_H, cell_x = first_tile % cells.y * TILE_W;
  for (int t = 0; t < tiles; t++) {
    const axis_t rows = axis_of(cell_y, TILE_H, phase / PHASES, KERNEL_H, input.y);
    const axis_t columns = axis_of(cell_x, TILE_W, phase % PHASES, KERNEL_W, input.z);
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
      if (EXISTS(p))
        finish(total[t][p], n, first, OUTPUT_Y(p), OUTPUT_X(p), bias, gate, gate_place, gate_slope, y, y_place);
    cell_x += TILE_W;
    if (cell_x >= cells.x) cell_x = 0, cell_y += TILE_H;
  }
}

// Dot form for few output channels, OUTPUTS of them: the weights are so few that a work-item first lays them side by
// side, where they stay in the first-level cache, and then goes along a row of tiles in all phases.
//   range: (rows of tiles, 1, N)
kernel ONE_WORK_ITEM void convolve_dot_few(
    global const float* restrict x, const int4 x_place, global const float* restrict w,
    global const float* restrict bias, global const float* gate, const int4 gate_place, const float gate_slope,
    global float* restrict y, const int4 y_place, const int4 input, const int4 output, const int4 cells) {
  const int cell_y = get_group_id(0) * TILE_H, n = get_group_id(2);

  // [phase][input block][tap][output]
  float16 kept[TAPS * INPUT_BLOCKS * OUTPUTS];
  float16* to = kept;
  for (int phase = 0; phase < PHASES * PHASES; phase++) {
    const axis_t rows = axis_of(0, 1, phase / PHASES, KERNEL_H, 1);
    const axis_t columns = axis_of(0, 1, phase % PHASES, KERNEL_W, 1);
    for (int input_block = 0; input_block < INPUT_BLOCKS; input_block++) {
      global const float* panel = w + input_block / 2 * (TAPS * 512) + input_block % 2 * 16;
      for (int th = 0; th < rows.taps; th++)
        for (int tw = 0; tw < columns.taps; tw++)
#pragma unroll
          for (int o = 0; o < OUTPUTS; o++)
            *to++ = *(global const float16*)(panel + DOT_TAP(th, tw) * 512 + o * 32);
    }
  }

  for (int cell_x = 0; cell_x < cells.x; cell_x += TILE_W) {
    const float16* weights = kept;
    for (int phase = 0; phase < PHASES * PHASES; phase++) {
      const axis_t rows = axis_of(cell_y, TILE_H, phase / PHASES, KERNEL_H, input.y);
      const axis_t columns = axis_of(cell_x, TILE_W, phase % PHASES, KERNEL_W, input.z);

      float16 sum[PIXELS][OUTPUTS];
#pragma unroll
      for (int p = 0; p < PIXELS; p++)
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) sum[p][o] = 0.0f;

      for (int input_block = 0; input_block < INPUT_BLOCKS; input_block++) {
        global const float* image = x + at(x_place, n, input_block, rows.input, columns.input);
        for (int th = 0; th < rows.taps; th++) {
          for (int tw = 0; tw < columns.taps; tw++) {
            global const float* a = image + ((long)th * x_place.w + tw) * 16;
            float16 values[PIXELS];
#pragma unroll
            for (int p = 0; p < PIXELS; p++) values[p] = *(global const float16*)(a + INPUT_OFFSET(p, x_place.w));
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++)
#pragma unroll
              for (int p = 0; p < PIXELS; p++) sum[p][o] += values[p] * weights[o];
            weights += OUTPUTS;
          }
        }
      }

#pragma unroll
      for (int p = 0; p < PIXELS; p++)
        if (EXISTS(p))
          finish(sum[p], n, 0, OUTPUT_Y(p), OUTPUT_X(p), bias, gate, gate_place, gate_slope, y, y_place);
    }
  }
}
