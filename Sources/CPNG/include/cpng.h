#ifndef CPNG_H
#define CPNG_H

#include <stddef.h>
#include <stdint.h>

// A narrow door to libpng for Swift. libpng reports errors with longjmp, which must never cross a Swift
// frame: every call below sets its own jump target, returns 0 on success, and otherwise returns -1 with
// libpng's text in `error` (always terminated). Nothing here keeps state between calls.

typedef struct {
  uint32_t width;     // pixels
  uint32_t height;    // pixels
  int channels;       // after expansion: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA
  int bit_depth;      // after expansion: 8 or 16
  int palette_size;   // how many colours the file's palette has, 1 to 256; 0 when it stores no palette indices
  uint8_t palette[256][3];  // red, green, blue, in the file's order
} cpng_info;

// Reads everything before the pixels of the PNG file in data[0 ..< size].
int cpng_read_info(const uint8_t *data, size_t size, cpng_info *info, char *error, size_t error_size);

// Decodes into pixels: rows top to bottom, channels interleaved, no padding; 16-bit samples in the
// machine's byte order. `capacity` is in bytes and must be what cpng_read_info's numbers multiply to.
// A wrong CRC in any chunk, missing data or a missing end is an error.
int cpng_read_pixels(
    const uint8_t *data, size_t size, void *pixels, size_t capacity, char *error, size_t error_size);

// Encodes pixels (laid out as above) into a buffer at *png of *png_size bytes, to be given to cpng_free.
int cpng_write(
    const void *pixels, uint32_t width, uint32_t height, int channels, int bit_depth, uint8_t **png,
    size_t *png_size, char *error, size_t error_size);

void cpng_free(uint8_t *png);

#endif
