#ifndef KERNELS_H
#define KERNELS_H

/// The name of an embedded file of Kernels/ by its number from 0; NULL behind the last.
const char *kernelFile(long number);

/// The text of the file of that name; NULL if there is none.
const char *kernelText(const char *name);

#endif
