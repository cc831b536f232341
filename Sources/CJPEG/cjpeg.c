#include "cjpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
// Behind jpeglib.h, as it asks.
#include <jerror.h>

// What libjpeg's callbacks need. It lies in the caller's frame of the function that calls setjmp, so that every field has its
// value after the jump.
typedef struct {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr handlers;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  cjpeg_status status;
  char *error;
  size_t error_size;
} context;

static void keep_error(context *c, const char *message) {
  if (c->error_size == 0) return;
  strncpy(c->error, message, c->error_size - 1);
  c->error[c->error_size - 1] = 0;
}

static void fail(context *c, cjpeg_status status, const char *message) {
  c->status = status;
  keep_error(c, message);
  longjmp(c->escape, 1);
}

static void fail_with_code(context *c, cjpeg_status status) {
  char message[JMSG_LENGTH_MAX];
  c->handlers.format_message((j_common_ptr)&c->jpeg, message);
  fail(c, status, message);
}

// libjpeg calls it where it cannot go on; it must not return.
static void on_error(j_common_ptr jpeg) {
  context *c = jpeg->client_data;
  switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:  // beyond the limit that JPEGMEM sets in the environment
      fail_with_code(c, CJPEG_NO_MEMORY);
      break;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_MCU_SIZE:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
    case JERR_WIDTH_OVERFLOW:
      fail_with_code(c, CJPEG_NOT_READ);
      break;
    default:
      fail_with_code(c, CJPEG_DAMAGED);
  }
}

// Levels below 0 are warnings, others tell of progress. libjpeg would put up something in the place of what is missing and go on.
static void on_message(j_common_ptr jpeg, int level) {
  context *c = jpeg->client_data;
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    case JWRN_ADOBE_XFORM:     // a colour transform of another number; the usual one is taken
    case JWRN_BOGUS_ICC:       // colour profiles are not read
    case JWRN_EXTRANEOUS_DATA: // stray bytes in front of a marker, as some cameras write them
    case JWRN_JFIF_MAJOR:      // another version of JFIF
    case JWRN_NOT_SEQUENTIAL:  // parameters of progressive files in others, where they mean nothing
    case JWRN_TOO_MUCH_DATA:   // more rows asked for than there are
      return;
    case JWRN_JPEG_EOF:
      fail(c, CJPEG_DAMAGED, "the file ends too early");
      break;
    default:
      fail_with_code(c, CJPEG_DAMAGED);
  }
}

// Nothing is printed.
static void on_output(j_common_ptr jpeg) { (void)jpeg; }

// A scan of some hundred bytes can go over all coefficients of a large picture, so that the number of scans bounds the time.
// Encoders write about ten progressive scans. 500 of up to 8 million pixels may be, fewer of larger pictures, but 64 of the
// largest; a quarter of it where decoding is slow. Of others, each component comes once.
static int most_scans(const struct jpeg_decompress_struct *jpeg) {
  if (!jpeg->progressive_mode) return jpeg->num_components;
  const uint64_t budget = (uint64_t)1 << 32, pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
  const uint64_t count = budget / (pixels ? pixels : 1);
  const int most = count > 500 ? 500 : count < 64 ? 64 : (int)count;
  return jpeg->arith_code ? most / 4 : most;
}

static void on_progress(j_common_ptr common) {
  context *c = common->client_data;
  const int most = most_scans(&c->jpeg);
  if (c->jpeg.input_scan_number > most) {
    char message[64];
    snprintf(message, sizeof message, "more than %d scans of so many pixels", most);
    fail(c, CJPEG_NOT_READ, message);
  }
}

static cjpeg_status read_pixels(
    context *c, const uint8_t *data, size_t size, uint8_t *pixels, uint32_t width, uint32_t height, int channels) {
  struct jpeg_decompress_struct *jpeg = &c->jpeg;
  // Nothing below this line assigns to a local variable, so all are valid after the jump. Destroying what was never
  // created is allowed, since everything is zero.
  if (setjmp(c->escape)) {
    jpeg_destroy_decompress(jpeg);
    return c->status;
  }
  jpeg_create_decompress(jpeg);
  jpeg->progress = &c->progress;
  jpeg_mem_src(jpeg, data, size);
  jpeg_read_header(jpeg, TRUE);
  if (jpeg->image_width != width || jpeg->image_height != height || jpeg->num_components != channels)
    fail(c, CJPEG_DAMAGED, "the header contradicts itself");

  jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  // The exact integer transform and smooth chroma, equal on every machine.
  jpeg->dct_method = JDCT_ISLOW;
  jpeg->do_fancy_upsampling = TRUE;
  jpeg_start_decompress(jpeg);
  if (jpeg->output_width != width || jpeg->output_height != height || jpeg->output_components != channels)
    fail(c, CJPEG_DAMAGED, "the header contradicts itself");
  while (jpeg->output_scanline < height) {
    JSAMPROW row = pixels + (size_t)jpeg->output_scanline * width * (size_t)channels;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);  // reads on to the end marker
  jpeg_destroy_decompress(jpeg);
  return CJPEG_OK;
}

cjpeg_status cjpeg_read_pixels(
    const uint8_t *data, size_t size, uint8_t *pixels, uint32_t width, uint32_t height, int channels,
    char *error, size_t error_size) {
  context c;
  memset(&c, 0, sizeof c);
  c.error = error;
  c.error_size = error_size;
  c.jpeg.err = jpeg_std_error(&c.handlers);
  c.jpeg.client_data = &c;
  c.handlers.error_exit = on_error;
  c.handlers.emit_message = on_message;
  c.handlers.output_message = on_output;
  c.progress.progress_monitor = on_progress;
  if (error_size > 0) error[0] = 0;
  if (width == 0 || height == 0 || (channels != 1 && channels != 3)) {
    keep_error(&c, "no size");
    return CJPEG_DAMAGED;
  }
  return read_pixels(&c, data, size, pixels, width, height, channels);
}

// What the encoder's callback needs, in the caller's frame.
typedef struct {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr handlers;
  jmp_buf escape;
  cjpeg_status status;
  char *error;
  size_t error_size;
  unsigned char *data;
  unsigned long size;
} write_context;

static void on_write_error(j_common_ptr jpeg) {
  write_context *c = jpeg->client_data;
  c->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? CJPEG_NO_MEMORY : CJPEG_DAMAGED;
  if (c->error_size > 0) {
    char message[JMSG_LENGTH_MAX];
    c->handlers.format_message(jpeg, message);
    strncpy(c->error, message, c->error_size - 1);
    c->error[c->error_size - 1] = 0;
  }
  longjmp(c->escape, 1);
}

static cjpeg_status write_pixels(
    write_context *c, const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality) {
  struct jpeg_compress_struct *jpeg = &c->jpeg;
  // As in read_pixels: no local variable changes below this line.
  if (setjmp(c->escape)) {
    jpeg_destroy_compress(jpeg);
    free(c->data);
    c->data = NULL;
    return c->status;
  }
  jpeg_create_compress(jpeg);
  jpeg_mem_dest(jpeg, &c->data, &c->size);
  jpeg->image_width = width;
  jpeg->image_height = height;
  jpeg->input_components = channels;
  jpeg->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(jpeg);
  jpeg_set_quality(jpeg, quality, TRUE);
  // The exact integer transform, equal on every machine.
  jpeg->dct_method = JDCT_ISLOW;
  jpeg_start_compress(jpeg, TRUE);
  while (jpeg->next_scanline < height) {
    // libjpeg reads through a pointer that is not const.
    JSAMPROW row = (JSAMPROW)pixels + (size_t)jpeg->next_scanline * width * (size_t)channels;
    jpeg_write_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_compress(jpeg);
  jpeg_destroy_compress(jpeg);
  return CJPEG_OK;
}

cjpeg_status cjpeg_write_pixels(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality, uint8_t **data, size_t *size,
    char *error, size_t error_size) {
  write_context c;
  memset(&c, 0, sizeof c);
  c.error = error;
  c.error_size = error_size;
  c.jpeg.err = jpeg_std_error(&c.handlers);
  c.jpeg.client_data = &c;
  c.handlers.error_exit = on_write_error;
  c.handlers.output_message = on_output;
  if (error_size > 0) error[0] = 0;
  const cjpeg_status status = write_pixels(&c, pixels, width, height, channels, quality);
  *data = c.data;
  *size = c.size;
  return status;
}

int cjpeg_reads_arithmetic_coding(void) {
#ifdef D_ARITH_CODING_SUPPORTED
  return 1;
#else
  return 0;
#endif
}
