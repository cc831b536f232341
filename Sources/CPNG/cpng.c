#include "cpng.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  jmp_buf jump;
  char *message;
} failure_t;

static void on_error(png_structp png, png_const_charp text) {
  failure_t *failure = png_get_error_ptr(png);
  snprintf(failure->message, CPNG_MESSAGE, "%s", text);
  longjmp(failure->jump, 1);
}

// Warnings (an odd colour profile, a late chunk) do not stop anybody.
static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

typedef struct {
  const uint8_t *bytes;
  size_t count, position;
} source_t;

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  source_t *source = png_get_io_ptr(png);
  if (count > source->count - source->position) png_error(png, "the file is cut short");
  memcpy(target, source->bytes + source->position, count);
  source->position += count;
}

int cpng_decode(const uint8_t *bytes, size_t count, uint32_t largest, cpng_image *image, char *message) {
  failure_t failure = {.message = message};
  source_t source = {bytes, count, 0};
  // Set after setjmp and read after longjmp, so volatile.
  void *volatile samples = NULL;
  png_bytep *volatile rows = NULL;
  png_infop info = NULL;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  if (png) info = png_create_info_struct(png);
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    snprintf(message, CPNG_MESSAGE, "out of memory");
    return -1;
  }
  if (setjmp(failure.jump)) {
    free(samples);
    free(rows);
    png_destroy_read_struct(&png, &info, NULL);
    return -1;
  }
  png_set_read_fn(png, &source, read_bytes);
  // The limit below speaks first, and more clearly than libpng's own.
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png, info);
  image->width = png_get_image_width(png, info);
  image->height = png_get_image_height(png, info);
  if (image->width > largest || image->height > largest) {
    char text[CPNG_MESSAGE];
    snprintf(text, sizeof text, "%u x %u pixels are more than %u on a side", image->width, image->height, largest);
    png_error(png, text);
  }
  image->is_palette = png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE;
  png_set_expand(png);
  if (png_get_bit_depth(png, info) == 16) {
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe) png_set_swap(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  image->channels = png_get_channels(png, info);
  image->bit_depth = png_get_bit_depth(png, info);

  const size_t row_bytes = png_get_rowbytes(png, info);
  samples = malloc(row_bytes * image->height);
  rows = malloc(sizeof(png_bytep) * image->height);
  if (!samples || !rows) png_error(png, "out of memory");
  for (uint32_t y = 0; y < image->height; y++) rows[y] = (png_bytep)samples + y * row_bytes;
  png_read_image(png, rows);
  // The end's checksum counts too.
  png_read_end(png, NULL);
  free(rows);
  png_destroy_read_struct(&png, &info, NULL);
  image->samples = samples;
  return 0;
}

void cpng_free(cpng_image *image) {
  free(image->samples);
  image->samples = NULL;
}

typedef struct {
  uint8_t *bytes;
  size_t count, capacity;
} sink_t;

static void write_bytes(png_structp png, png_bytep source, size_t count) {
  sink_t *sink = png_get_io_ptr(png);
  if (count > sink->capacity - sink->count) {
    size_t capacity = sink->capacity * 2 + count;
    uint8_t *grown = realloc(sink->bytes, capacity);
    if (!grown) png_error(png, "out of memory");
    sink->bytes = grown;
    sink->capacity = capacity;
  }
  memcpy(sink->bytes + sink->count, source, count);
  sink->count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

int cpng_encode(const cpng_image *image, uint8_t **bytes, size_t *count, char *message) {
  failure_t failure = {.message = message};
  sink_t sink = {NULL, 0, 0};
  png_infop info = NULL;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  if (png) info = png_create_info_struct(png);
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    snprintf(message, CPNG_MESSAGE, "out of memory");
    return -1;
  }
  if (setjmp(failure.jump)) {
    free(sink.bytes);
    png_destroy_write_struct(&png, &info);
    return -1;
  }
  png_set_write_fn(png, &sink, write_bytes, flush_bytes);
  png_set_IHDR(png, info, image->width, image->height, (int)image->bit_depth,
               image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  if (image->bit_depth == 16) {
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe) png_set_swap(png);
  }
  const size_t row_bytes = (size_t)image->width * image->channels * (image->bit_depth / 8);
  for (uint32_t y = 0; y < image->height; y++) {
    png_write_row(png, (png_const_bytep)image->samples + y * row_bytes);
  }
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  *bytes = sink.bytes;
  *count = sink.count;
  return 0;
}
