// A small face over libpng: decoding and encoding in memory, errors as text. libpng reports errors by longjmp,
// which must not cross Swift frames, so every call into it is made here.
#ifndef CPNG_H
#define CPNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t width, height;
  // 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA; palettes are expanded to colours, 1- to 4-bit gray to 8 bits.
  uint32_t channels;
  // 8 or 16.
  uint32_t bit_depth;
  int is_palette;
  // Row-major, interleaved; 16-bit samples in the machine's byte order. Freed by cpng_free.
  void *samples;
} cpng_image;

// Bytes of a message, its final 0 included.
#define CPNG_MESSAGE 256

// Decodes a PNG file that lies in memory. Pictures of more than `largest` pixels on a side, or of none, are refused
// before anything is allocated for them. Returns 0, or -1 with `message` set and nothing to free.
int cpng_decode(const uint8_t *bytes, size_t count, uint32_t largest, cpng_image *image, char *message);

void cpng_free(cpng_image *image);

// Encodes 8- or 16-bit gray (1 channel) or RGB (3) samples. Returns 0 with *bytes to be freed by free(), or -1 with
// `message` set.
int cpng_encode(const cpng_image *image, uint8_t **bytes, size_t *count, char *message);

#endif
