// Convolutions of CPU devices by Winograd's minimal filtering: fewer multiplications for large maps.
//
// A convolution of stride S is the sum of S x S convolutions of stride 1 that read every S-th pixel (the input's
// residues, side by side along the depth of the product below) with every S-th tap; a transposed one is S x S
// convolutions of one input (the output's phases, side by side along its columns). Each has R = K / S taps along an
// axis. In this file "input" and "output" are those of the pass, whichever the direction.
//
// For each of the N x N transformed positions xi a matrix product
//
//   m[xi][tile][output channel, phase] = sum over input channels and residues of v[xi][tile][..] * u[xi][..][..]
//
// of transformed tiles:
//   v  [xi][input block * residues + residue][tile][16]        u  [xi][phase, panel of 32 outputs][input row][32]
//   m  [xi][phase, output block][tile][16]
// Tiles of all images are counted through, rows of tiles first. `tiles` says how many there are:
//   .x in a row  .y in a column  .z from channel block to channel block  .w from xi to xi; the last two in vectors.

#include "hints.clh"
#include "layout.clh"
#include "winograd.clh"

#ifndef STRIDE
#define STRIDE 2
#endif
#ifndef PADDING
#define PADDING 1
#endif
#ifndef TRANSPOSED
#define TRANSPOSED 0
#endif
// Products: blocks of 16 lane channels of a work-item, 1 or 2.
#ifndef BLOCKS
#define BLOCKS 2
#endif
// Product: tiles of a work-item, which keeps TILES x BLOCKS vectors of sums in registers.
#ifndef TILES
#define TILES 11
#endif
// Weight gradient: broadcast channels of a work-item, which keeps BROADCAST x BLOCKS vectors of sums in registers.
#ifndef BROADCAST
#define BROADCAST 8
#endif

#if TRANSPOSED
#define RESIDUES 1
#define PHASES STRIDE
// The input position of the first tap of phase 0 of the first cell.
#define ORIGIN (PADDING / STRIDE - (R - 1))
#else
#define RESIDUES STRIDE
#define PHASES 1
#define ORIGIN (-PADDING)
#endif
#define KERNEL (R * STRIDE)
#define TAPS (KERNEL * KERNEL)
// Products of so many input channels or tiles in one chain of sums; longer chains would lose digits.
#define CHAIN 256

#define ONE_WORK_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))
#define VECTOR(pointer) (*(global const float16*)(pointer))

// B^T x B of every tile of a row.
//   input  .x blocks .y height .z width
//   range: (rows of tiles, input blocks * RESIDUES^2, images)
kernel ONE_WORK_ITEM void winograd_input(global const float* restrict x, const int4 x_place, const float slope,
                                         global float* restrict v, const int4 input, const int4 tiles) {
  const int block = get_group_id(1) / (RESIDUES * RESIDUES), residue = get_group_id(1) % (RESIDUES * RESIDUES);
  const int n = get_group_id(2);
  const int top = (int)get_group_id(0) * (M * RESIDUES) + residue / RESIDUES + ORIGIN;
  // A tile may reach into the border of zeros, but not beyond it.
  const int border = (x_place.w - input.z) / 2;
  const bool rows_inside = top >= -border && top + (N - 1) * RESIDUES < input.y + border;
  global float16* to = (global float16*)v + (size_t)get_group_id(1) * tiles.z +
                       ((size_t)n * tiles.y + get_group_id(0)) * tiles.x;
  for (int tile = 0; tile < tiles.x; tile++) {
    const int left = tile * (M * RESIDUES) + residue % RESIDUES + ORIGIN;
    float16 d[N * N], t[N * N];
    if (rows_inside && left >= -border && left + (N - 1) * RESIDUES < input.z + border) {
      global const float* from = x + at(x_place, n, block, top, left);
#pragma unroll
      for (int i = 0; i < N; i++)
#pragma unroll
        for (int j = 0; j < N; j++) {
          const float16 value = VECTOR(from + ((long)i * x_place.w + j) * (RESIDUES * 16));
          d[i * N + j] = select(slope * value, value, value > 0.0f);
        }
    } else {
      // What lies beyond would leave its rounding errors.
#pragma unroll
      for (int i = 0; i < N; i++)
#pragma unroll
        for (int j = 0; j < N; j++) {
          const int iy = top + i * RESIDUES, ix = left + j * RESIDUES;
          float16 value = 0.0f;
          if (iy >= 0 && iy < input.y && ix >= 0 && ix < input.z) value = VECTOR(x + at(x_place, n, block, iy, ix));
          d[i * N + j] = select(slope * value, value, value > 0.0f);
        }
    }
#pragma unroll
    for (int j = 0; j < N; j++) transform_input(d + j, N, t + j, N);
#pragma unroll
    for (int i = 0; i < N; i++) transform_input(t + i * N, 1, d + i * N, 1);
#pragma unroll
    for (int xi = 0; xi < N * N; xi++) to[(size_t)xi * tiles.w + tile] = d[xi];
  }
}

// G w G^T of the weights [B/32][A/16][tap][16 a][32 b], b the pass' output channels.
//   sizes  .x input blocks .y panels of 32 output channels .z from xi to xi in vectors
//   range: (input blocks, panels)
kernel ONE_WORK_ITEM void winograd_weight(global const float* restrict w, global float* restrict u,
                                          const int4 sizes) {
  const int block = get_group_id(0), panel = get_group_id(1);
  global const float* from = w + ((size_t)panel * sizes.x + block) * (TAPS * 512);
  for (int part = 0; part < STRIDE * STRIDE; part++) {
#if TRANSPOSED
    // A phase's taps are a run, in the order in which they meet the input.
    const int py = (part / STRIDE + PADDING) % STRIDE, px = (part % STRIDE + PADDING) % STRIDE;
    const int first_tap = TAP_START(py, px, KERNEL, KERNEL, STRIDE), row = R, column = 1;
    const size_t to_row = ((size_t)part * sizes.y + panel) * sizes.x + block;
#else
    const int first_tap = part / STRIDE * KERNEL + part % STRIDE, row = STRIDE * KERNEL, column = STRIDE;
    const size_t to_row = ((size_t)panel * sizes.x + block) * (STRIDE * STRIDE) + part;
#endif
    global float16* to = (global float16*)u + to_row * 32;
    for (int vector = 0; vector < 32; vector++) {
      float16 g[R * R], t[N * R], transformed[N];
#pragma unroll
      for (int i = 0; i < R; i++)
#pragma unroll
        for (int j = 0; j < R; j++) g[i * R + j] = VECTOR(from + ((first_tap + i * row + j * column) * 32 + vector) * 16);
#pragma unroll
      for (int j = 0; j < R; j++) transform_weight(g + j, R, t + j, R);
#pragma unroll
      for (int i = 0; i < N; i++) {
        transform_weight(t + i * R, 1, transformed, 1);
#pragma unroll
        for (int j = 0; j < N; j++)
          STORE_PAST_CACHES(transformed[j], to + (size_t)(i * N + j) * sizes.z + vector);
      }
    }
  }
}

// Where the weights of output block b begin, of position xi.
#define PANEL(b) (u + ((size_t)xi * sizes.y + (size_t)((b) / 2) * sizes.x * 32 + (b) % 2) * 16)

// The matrix products.
//   sizes  .x input blocks * residues .y vectors from xi to xi of u
//   v_tiles, m_tiles  as `tiles` above
//   range: (tiles / TILES rounded up, panels * PHASES^2 * 2 / BLOCKS, N^2)
kernel ONE_WORK_ITEM void winograd_product(global const float* restrict v, global const float* restrict u,
                                           global float* restrict m, const int4 sizes, const int4 v_tiles,
                                           const int4 m_tiles) {
  const int xi = get_group_id(2), output_block = get_group_id(1) * BLOCKS;
  const size_t first_tile = (size_t)get_group_id(0) * TILES;
  global const float* a = v + ((size_t)xi * v_tiles.w + first_tile) * 16;
  global const float* k = PANEL(output_block);
  global float16* to = (global float16*)m + (size_t)xi * m_tiles.w + (size_t)output_block * m_tiles.z + first_tile;
#pragma unroll
  for (int t = 0; t < TILES; t++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) PREFETCH_TO_WRITE(to + (size_t)b * m_tiles.z + t);
  // Work-items follow each other from tile to tile: between them they ask for the weights that all need after these, in
  // each block of 16 rows for some of its lines.
  global const float* next = PANEL(output_block + BLOCKS);
  const int share = (16 * BLOCKS + get_num_groups(0) - 1) / get_num_groups(0);
  const int first_line = get_group_id(0) * share, end_line = min(first_line + share, 16 * BLOCKS);

  float16 total[TILES][BLOCKS];
#pragma unroll
  for (int t = 0; t < TILES; t++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) total[t][b] = 0.0f;
  for (int block = 0; block < sizes.x;) {
    const int end = min(block + CHAIN / 16, sizes.x);
    float16 sum[TILES][BLOCKS];
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) sum[t][b] = 0.0f;
    for (; block < end; block++) {
      for (int line = first_line; line < end_line; line++)
        PREFETCH(next + line / BLOCKS * 32 + line % BLOCKS * 16);
#pragma unroll 4
      for (int i = 0; i < 16; i++) {
        float16 weights[BLOCKS];
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) weights[b] = VECTOR(k + i * 32 + b * 16);
#pragma unroll
        for (int t = 0; t < TILES; t++) {
          const float16 value = a[t * 16 + i];
#pragma unroll
          for (int b = 0; b < BLOCKS; b++) sum[t][b] += value * weights[b];
        }
      }
      a += (size_t)v_tiles.z * 16;
      k += 512;
      next += 512;
    }
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) total[t][b] += sum[t][b];
  }
#pragma unroll
  for (int t = 0; t < TILES; t++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) to[(size_t)b * m_tiles.z + t] = total[t][b];
}

// A^T m A of every tile of a row, finished and stored.
//   output  .x channels .y height .z width
//   sizes   .x blocks of 16 outputs of a phase in m .y whether to add a bias .z whether to multiply by the derivative of
//           an activation at `gate`: arguments, since a program of its own would take longer than they do
//   range: (rows of tiles, output blocks * PHASES^2, images)
kernel ONE_WORK_ITEM void winograd_output(global const float* restrict m, global const float* restrict bias,
                                          global const float* gate, const int4 gate_place, const float gate_slope,
                                          global float* restrict y, const int4 y_place, const int4 output,
                                          const int4 sizes, const int4 tiles) {
  const int block = get_group_id(1) / (PHASES * PHASES), phase = get_group_id(1) % (PHASES * PHASES);
  const int py = phase / PHASES, px = phase % PHASES;
  const int n = get_group_id(2);
  // Phases whose first tap meets the next input pixel are a pixel behind in the same tiles.
  const int behind_y = (py + PADDING) / STRIDE - PADDING / STRIDE, behind_x = (px + PADDING) / STRIDE - PADDING / STRIDE;
  const int top = TRANSPOSED ? ((int)get_group_id(0) * M - behind_y) * PHASES + py : (int)get_group_id(0) * M;
  global const float16* from = (global const float16*)m + (size_t)(phase * sizes.x + block) * tiles.z +
                               ((size_t)n * tiles.y + get_group_id(0)) * tiles.x;
  const float16 offset = sizes.y ? VECTOR(bias + block * 16) : 0.0f;
  for (int tile = 0; tile < tiles.x; tile++) {
    const int left = TRANSPOSED ? (tile * M - behind_x) * PHASES + px : tile * M;
    float16 values[N * N], t[M * N], result[M];
#pragma unroll
    for (int xi = 0; xi < N * N; xi++) values[xi] = from[(size_t)xi * tiles.w + tile];
#pragma unroll
    for (int j = 0; j < N; j++) transform_output(values + j, N, t + j, N);
#pragma unroll
    for (int i = 0; i < M; i++) {
      const int oy = top + i * PHASES;
      transform_output(t + i * N, 1, result, 1);
#pragma unroll
      for (int j = 0; j < M; j++) {
        const int ox = left + j * PHASES;
        if (oy >= 0 && oy < output.y && ox >= 0 && ox < output.z) {
          float16 value = result[j] + offset;
          if (sizes.z) {
            const float16 r = VECTOR(gate + at(gate_place, n, block, oy, ox));
            value *= select((float16)gate_slope, (float16)1.0f, r > 0.0f);
          }
          *(global float16*)(y + at(y_place, n, block, oy, ox)) = value;
        }
      }
    }
  }
}

// A g A^T of every tile of a row of a convolution's output gradient, into [xi][block][tile][16].
//   gradient_size  .x blocks .y height .z width
//   range: (rows of tiles, blocks, images)
kernel ONE_WORK_ITEM void winograd_gradient(global const float* restrict gradient, const int4 place,
                                            const float slope, global float* restrict transformed,
                                            const int4 gradient_size, const int4 tiles) {
  const int top = (int)get_group_id(0) * M, block = get_group_id(1), n = get_group_id(2);
  global float16* to = (global float16*)transformed + (size_t)block * tiles.z +
                       ((size_t)n * tiles.y + get_group_id(0)) * tiles.x;
  for (int tile = 0; tile < tiles.x; tile++) {
    const int left = tile * M;
    float16 g[M * M], t[N * M], d[N];
#pragma unroll
    for (int i = 0; i < M; i++)
#pragma unroll
      for (int j = 0; j < M; j++) {
        float16 value = 0.0f;
        if (top + i < gradient_size.y && left + j < gradient_size.z)
          value = VECTOR(gradient + at(place, n, block, top + i, left + j));
        g[i * M + j] = select(slope * value, value, value > 0.0f);
      }
#pragma unroll
    for (int j = 0; j < M; j++) transform_gradient(g + j, M, t + j, M);
#pragma unroll
    for (int i = 0; i < N; i++) {
      transform_gradient(t + i * M, 1, d, 1);
#pragma unroll
      for (int j = 0; j < N; j++) to[(size_t)(i * N + j) * tiles.w + tile] = d[j];
    }
  }
}

// The gradient of u, sums over all tiles: [xi][residue][panel of 32 lane channels][broadcast channel][32].
//   image, gradient  transformed, [xi][block (and residue)][tile][16]
//   sizes   .x blocks of broadcast channels .y panels .z tiles .w vectors from xi to xi of du
//   lanes_input  1 if the lanes are the image's channels, 0 if they are the gradient's
//   range: (broadcast channels / BROADCAST, panels * RESIDUES^2 * 2 / BLOCKS, N^2)
kernel ONE_WORK_ITEM void winograd_weight_product(global const float* restrict image,
                                                  global const float* restrict gradient, global float* restrict du,
                                                  const int4 sizes, const int lanes_input,
                                                  const int4 image_tiles, const int4 gradient_tiles) {
  const int first = get_group_id(0) * BROADCAST, block = first / 16;
  const int lane_block = get_group_id(1) / (RESIDUES * RESIDUES) * BLOCKS;
  const int residue = get_group_id(1) % (RESIDUES * RESIDUES);
  const int xi = get_group_id(2);
  const int image_block = (lanes_input ? lane_block : block) * (RESIDUES * RESIDUES) + residue;
  const int gradient_block = lanes_input ? block : lane_block;
  global const float* x = image + ((size_t)xi * image_tiles.w + (size_t)image_block * image_tiles.z) * 16;
  global const float* g = gradient + ((size_t)xi * gradient_tiles.w + (size_t)gradient_block * gradient_tiles.z) * 16;
  global const float* broadcast = (lanes_input ? g : x) + first % 16;
  global const float* lanes = lanes_input ? x : g;
  const size_t next_block =
      (lanes_input ? (size_t)image_tiles.z * (RESIDUES * RESIDUES) : (size_t)gradient_tiles.z) * 16;

  float16 total[BROADCAST][BLOCKS];
#pragma unroll
  for (int a = 0; a < BROADCAST; a++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) total[a][b] = 0.0f;
  for (int tile = 0; tile < sizes.z;) {
    const int end = min(tile + CHAIN, sizes.z);
    float16 sum[BROADCAST][BLOCKS];
#pragma unroll
    for (int a = 0; a < BROADCAST; a++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) sum[a][b] = 0.0f;
    for (; tile < end; tile++) {
      float16 vectors[BLOCKS];
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) vectors[b] = VECTOR(lanes + b * next_block + tile * 16);
#pragma unroll
      for (int a = 0; a < BROADCAST; a++) {
        const float16 value = broadcast[tile * 16 + a];
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) sum[a][b] += value * vectors[b];
      }
    }
#pragma unroll
    for (int a = 0; a < BROADCAST; a++)
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) total[a][b] += sum[a][b];
  }
  global float16* to = (global float16*)du + (size_t)xi * sizes.w +
                       ((size_t)(residue * sizes.y + lane_block / 2) * sizes.x * 16 + first) * 2 + lane_block % 2;
#pragma unroll
  for (int a = 0; a < BROADCAST; a++)
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) to[a * 2 + b] = total[a][b];
}

// G^T du G, in the packing of the weight.
//   sizes, lanes_input  as above
//   range: (blocks of broadcast channels, panels)
kernel ONE_WORK_ITEM void winograd_weight_gradient(global const float* restrict du, global float* restrict dw,
                                                   const int4 sizes, const int lanes_input) {
  const int block = get_group_id(0), panel = get_group_id(1);
  global float* to = dw + ((size_t)panel * sizes.x + block) * (TAPS * 512);
  for (int residue = 0; residue < RESIDUES * RESIDUES; residue++) {
    const int ry = residue / RESIDUES, rx = residue % RESIDUES;
    global const float16* from =
        (global const float16*)du + ((size_t)(residue * sizes.y + panel) * sizes.x + block) * 32;
    for (int vector = 0; vector < 32; vector++) {
      float16 values[N * N], t[R * N], taps[R];
#pragma unroll
      for (int xi = 0; xi < N * N; xi++) values[xi] = from[(size_t)xi * sizes.w + vector];
#pragma unroll
      for (int j = 0; j < N; j++) transform_weight_gradient(values + j, N, t + j, N);
#pragma unroll
      for (int i = 0; i < R; i++) {
        transform_weight_gradient(t + i * N, 1, taps, 1);
#pragma unroll
        for (int j = 0; j < R; j++) {
          const int kh = i * RESIDUES + ry, kw = j * RESIDUES + rx;
          const int tap = lanes_input ? TAP(kh, kw, KERNEL, KERNEL, STRIDE) : kh * KERNEL + kw;
          *(global float16*)(to + (tap * 32 + vector) * 16) = taps[j];
        }
      }
    }
  }
}
