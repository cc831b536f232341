// A few functions that the libraries of scripts/packaging/sysroot expect from elsewhere: from a newer glibc than the one
// that the archive's binary is to run with, and from Fortran's runtime, which would bring half a megabyte, and libquadmath,
// for one concatenation. They are compiled to be hidden in the binary, so that no library of the system is given them.

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// glibc 2.32: libstdc++ counts references without atomic instructions where it is true. False is right for any program.
const char __libc_single_threaded = 0;

// glibc 2.36: what std::random_device draws from.
uint32_t arc4random(void) {
  uint32_t number;
  while (getrandom(&number, sizeof number, 0) != sizeof number) {
    if (errno != EINTR) abort();
  }
  return number;
}

// Fortran's first // second, cut off or filled up with spaces as an assignment does. LAPACK names its variants by it.
void _gfortran_concat_string(
    size_t length, char *result, size_t firstLength, const char *first, size_t secondLength, const char *second) {
  if (firstLength > length) firstLength = length;
  if (secondLength > length - firstLength) secondLength = length - firstLength;
  memcpy(result, first, firstLength);
  memcpy(result + firstLength, second, secondLength);
  memset(result + firstLength + secondLength, ' ', length - firstLength - secondLength);
}

// What LAPACK and BLAS call with a wrong argument. Theirs, in Fortran, writes the same line and stops, too.
void xerbla_(const char *name, const int *argument, size_t length) {
  fprintf(stderr, " ** On entry to %.*s parameter number %d had an illegal value\n", (int)length, name, *argument);
  exit(1);
}
