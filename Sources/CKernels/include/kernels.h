#ifndef KERNELS_H
#define KERNELS_H

/// A file of Kernels/ as it was when the program was built.
struct KernelFile {
  const char *name;
  /// Ends with a zero byte.
  const char *text;
};

/// All of them; the last one has no name.
extern const struct KernelFile kernelFiles[];

/// The text of the file of that name; NULL if there is none.
const char *kernelText(const char *name);

#endif
