// The files of Kernels/, embedded by the C compiler. The package manager embeds files as array literals of Swift, whose
// compilation was an eighth of a clean build.
#include "kernels.h"

#ifndef __has_embed
#error "this compiler has no #embed: pix2pix needs Swift 6.3 or later"
#endif

#include <stddef.h>
#include <string.h>

#define TEXT_OF(tokens) #tokens
#define TEXT(tokens) TEXT_OF(tokens)

static const struct {
  const char *name;
  /// As it was when the program was built. Ends with a zero byte.
  const char *text;
} kernelFiles[] = {
#define FILE adam.cl
#include "kernel_file.h"
#define FILE adam.clh
#include "kernel_file.h"
#define FILE border.cl
#include "kernel_file.h"
#define FILE collective.clh
#include "kernel_file.h"
#define FILE convolution_cpu.cl
#include "kernel_file.h"
#define FILE convolution_gpu.cl
#include "kernel_file.h"
#define FILE convolution_gpu.clh
#include "kernel_file.h"
#define FILE convolution_nvidia.cl
#include "kernel_file.h"
#define FILE convolution_skinny.cl
#include "kernel_file.h"
#define FILE cross_entropy.cl
#include "kernel_file.h"
#define FILE edge_loss.cl
#include "kernel_file.h"
#define FILE elementwise.cl
#include "kernel_file.h"
#define FILE high_pass.cl
#include "kernel_file.h"
#define FILE hints.clh
#include "kernel_file.h"
#define FILE im2col.cl
#include "kernel_file.h"
#define FILE image_pool.cl
#include "kernel_file.h"
#define FILE layout.clh
#include "kernel_file.h"
#define FILE limits.cl
#include "kernel_file.h"
#define FILE loss.cl
#include "kernel_file.h"
#define FILE loss.clh
#include "kernel_file.h"
#define FILE matrix_probe.cl
#include "kernel_file.h"
#define FILE matrix_units.clh
#include "kernel_file.h"
#define FILE norm.cl
#include "kernel_file.h"
#define FILE norm.clh
#include "kernel_file.h"
#define FILE norm_second_gradient.cl
#include "kernel_file.h"
#define FILE packing.cl
#include "kernel_file.h"
#define FILE philox.clh
#include "kernel_file.h"
#define FILE random.cl
#include "kernel_file.h"
#define FILE resampling.cl
#include "kernel_file.h"
#define FILE rows.clh
#include "kernel_file.h"
#define FILE batched.clh
#include "kernel_file.h"
#define FILE similarity.cl
#include "kernel_file.h"
#define FILE spectral_norm.cl
#include "kernel_file.h"
#define FILE split_sum.clh
#include "kernel_file.h"
#define FILE weight_gradient_cpu.cl
#include "kernel_file.h"
#define FILE weight_gradient_gpu.cl
#include "kernel_file.h"
#define FILE weight_gradient_gpu.clh
#include "kernel_file.h"
#define FILE weight_gradient_nvidia.cl
#include "kernel_file.h"
#define FILE weight_gradient_sum.cl
#include "kernel_file.h"
#define FILE weight_gradient_tile.clh
#include "kernel_file.h"
#define FILE weighted_loss.cl
#include "kernel_file.h"
#define FILE winograd.clh
#include "kernel_file.h"
#define FILE winograd_cpu.cl
#include "kernel_file.h"
};

static const long count = sizeof kernelFiles / sizeof *kernelFiles;

const char *kernelFile(long number) { return number < count ? kernelFiles[number].name : NULL; }

const char *kernelText(const char *name) {
  for (long i = 0; i < count; i++) {
    if (strcmp(kernelFiles[i].name, name) == 0) return kernelFiles[i].text;
  }
  return NULL;
}
