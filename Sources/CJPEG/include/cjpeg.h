#ifndef CJPEG_H
#define CJPEG_H

#include <stddef.h>
#include <stdint.h>

// A narrow door to libjpeg for Swift. libjpeg reports errors by a function that must not return, and warnings by a text: here
// errors end in a longjmp that stays in C, and warnings count by their code. Nothing here keeps state between calls.

typedef enum {
  CJPEG_OK = 0,
  CJPEG_DAMAGED,   // pixels are missing or wrong
  CJPEG_NOT_READ,  // whole, but of a kind that libjpeg does not read
  CJPEG_NO_MEMORY,
} cjpeg_status;

// Whether libjpeg was built with arithmetic decoding.
int cjpeg_reads_arithmetic_coding(void);

// Decodes the JPEG file in data[0 ..< size] into pixels: rows top to bottom, channels interleaved, 8 bits, no padding. The picture
// must have `width` x `height` pixels, and one component for 1 channel (gray), three for 3 (RGB); another one is CJPEG_DAMAGED. The
// buffer has width * height * channels bytes.
//
// Warnings that cost pixels are errors: missing data, codes that there are not, restart markers out of order, scans out of order.
// Others are not: foreign versions, stray bytes in front of a marker, parameters that have no meaning. What is not CJPEG_OK comes
// with a text in `error`, which is always terminated.
cjpeg_status cjpeg_read_pixels(
    const uint8_t *data, size_t size, uint8_t *pixels, uint32_t width, uint32_t height, int channels,
    char *error, size_t error_size);

// Encodes pixels, as cjpeg_read_pixels has them, as a baseline JPEG of a quality from 1 to 100, libjpeg's usual chroma sampling
// (2x2), and no metadata. The file's bytes are at *data, which the caller frees with free(); NULL where the status is not CJPEG_OK.
cjpeg_status cjpeg_write_pixels(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality, uint8_t **data, size_t *size,
    char *error, size_t error_size);

#endif
