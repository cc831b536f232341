#include "cpng.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// What libpng's callbacks need: where the error text goes, and the memory that stands for the file.
typedef struct {
  char *error;
  size_t error_size;
  const uint8_t *input;
  size_t input_size;
  size_t input_offset;
  uint8_t *output;
  size_t output_size;
  size_t output_capacity;
  cpng_status status;  // of a failure
} context;

static void keep_error(context *c, const char *message) {
  if (c->error_size == 0) return;
  strncpy(c->error, message, c->error_size - 1);
  c->error[c->error_size - 1] = 0;
}

static void on_error(png_structp png, png_const_charp message) {
  keep_error(png_get_error_ptr(png), message);
  png_longjmp(png, 1);
}

// Warnings are about colour profiles and text chunks, which we do not use; printing them would be noise.
static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void on_read(png_structp png, png_bytep bytes, size_t count) {
  context *c = png_get_io_ptr(png);
  if (count > c->input_size - c->input_offset) png_error(png, "the file ends too early");
  memcpy(bytes, c->input + c->input_offset, count);
  c->input_offset += count;
}

static void on_write(png_structp png, png_bytep bytes, size_t count) {
  context *c = png_get_io_ptr(png);
  if (count > c->output_capacity - c->output_size) {
    size_t capacity = c->output_capacity * 2 + count + 4096;
    uint8_t *grown = realloc(c->output, capacity);
    if (!grown) png_error(png, "out of memory");
    c->output = grown;
    c->output_capacity = capacity;
  }
  memcpy(c->output + c->output_size, bytes, count);
  c->output_size += count;
}

static void on_flush(png_structp png) { (void)png; }

static png_voidp on_malloc(png_structp png, png_alloc_size_t count) {
  void *memory = malloc(count);
  if (!memory) ((context *)png_get_mem_ptr(png))->status = CPNG_NO_MEMORY;
  return memory;
}

static void on_free(png_structp png, png_voidp memory) {
  (void)png;
  free(memory);
}

static cpng_status no_memory(context *c) {
  keep_error(c, "out of memory");
  return CPNG_NO_MEMORY;
}

static int is_little_endian(void) {
  const uint16_t one = 1;
  return *(const uint8_t *)&one;
}

static cpng_status read_png(
    context *c, uint8_t *pixels, uint32_t width, uint32_t height, int channels, int bit_depth) {
  png_structp png =
      png_create_read_struct_2(PNG_LIBPNG_VER_STRING, c, on_error, on_warning, c, on_malloc, on_free);
  if (!png) return no_memory(c);
  png_infop info = png_create_info_struct(png);
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    return no_memory(c);
  }
  // Nothing below this line assigns to png or info, so both are valid after the jump.
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return c->status;
  }
  // libpng would only warn about a wrong CRC in an ancillary chunk; a damaged file should be said.
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_read_fn(png, c, on_read);
  png_read_info(png, info);
  png_set_expand(png);  // palette to RGB, 1/2/4 bits to 8, tRNS to alpha
  if (png_get_bit_depth(png, info) == 16 && is_little_endian()) png_set_swap(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);

  size_t stride = (size_t)width * (size_t)channels * (size_t)(bit_depth / 8);
  if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height ||
      png_get_channels(png, info) != channels || png_get_bit_depth(png, info) != bit_depth ||
      png_get_rowbytes(png, info) != stride)
    png_error(png, "the header contradicts itself");
  for (int pass = 0; pass < passes; ++pass)
    for (uint32_t y = 0; y < height; ++y) png_read_row(png, pixels + stride * y, NULL);
  png_read_end(png, NULL);
  png_destroy_read_struct(&png, &info, NULL);
  return CPNG_OK;
}

cpng_status cpng_read_pixels(
    const uint8_t *data, size_t size, void *pixels, uint32_t width, uint32_t height, int channels, int bit_depth,
    char *error, size_t error_size) {
  context c = {
      .error = error, .error_size = error_size, .input = data, .input_size = size, .status = CPNG_FAILED};
  return read_png(&c, pixels, width, height, channels, bit_depth);
}

static cpng_status write_png(
    context *c, const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int bit_depth) {
  static const int color_types[] = {
      PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, c, on_error, on_warning);
  if (!png) return no_memory(c);
  png_infop info = png_create_info_struct(png);
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    return no_memory(c);
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return c->status;
  }
  png_set_write_fn(png, c, on_write, on_flush);
  png_set_IHDR(
      png, info, width, height, bit_depth, color_types[channels - 1], PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Directly behind the header: Files/OwnMark.swift.
  png_write_info_before_PLTE(png, info);
  png_write_chunk(png, (png_const_bytep)"pxPX", (png_const_bytep)"pix2pix", 7);
  png_write_info(png, info);
  if (bit_depth == 16 && is_little_endian()) png_set_swap(png);
  size_t stride = (size_t)width * channels * (bit_depth / 8);
  for (uint32_t y = 0; y < height; ++y) png_write_row(png, pixels + stride * y);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return CPNG_OK;
}

cpng_status cpng_write(
    const void *pixels, uint32_t width, uint32_t height, int channels, int bit_depth, uint8_t **png,
    size_t *png_size, char *error, size_t error_size) {
  context c = {.error = error, .error_size = error_size, .status = CPNG_FAILED};
  cpng_status status = write_png(&c, pixels, width, height, channels, bit_depth);
  if (status != CPNG_OK) {
    free(c.output);
    return status;
  }
  *png = c.output;
  *png_size = c.output_size;
  return CPNG_OK;
}

void cpng_free(uint8_t *png) { free(png); }
