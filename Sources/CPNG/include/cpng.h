#ifndef CPNG_H
#define CPNG_H

#include <stddef.h>
#include <stdint.h>

// A narrow door to libpng for Swift. libpng reports errors with longjmp, which must never cross a Swift
// frame: every call below sets its own jump target and returns CPNG_OK on success, otherwise another status with
// libpng's text in `error` (always terminated). Nothing here keeps state between calls.

typedef enum {
  CPNG_OK = 0,
  CPNG_FAILED,
  CPNG_NO_MEMORY,
} cpng_status;

// Decodes the PNG file in data[0 ..< size] into pixels: rows top to bottom, channels interleaved, no padding; 16-bit
// samples in the machine's byte order. Palettes become colours, fewer than 8 bits 8, tRNS alpha. The picture must have
// `width` x `height` pixels and, after that, `channels` (1 gray, 2 gray + alpha, 3 RGB, 4 RGBA) of `bit_depth` bits
// (8 or 16), which the buffer is for. A wrong CRC in any chunk, missing data or a missing end is an error.
cpng_status cpng_read_pixels(
    const uint8_t *data, size_t size, void *pixels, uint32_t width, uint32_t height, int channels, int bit_depth,
    char *error, size_t error_size);

// Encodes pixels (laid out as above) into a buffer at *png of *png_size bytes, to be given to cpng_free.
cpng_status cpng_write(
    const void *pixels, uint32_t width, uint32_t height, int channels, int bit_depth, uint8_t **png,
    size_t *png_size, char *error, size_t error_size);

void cpng_free(uint8_t *png);

#endif
