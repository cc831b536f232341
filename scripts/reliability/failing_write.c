// Preloaded: write() to files fails from a number on, and standard output and error stay, which strace cannot tell apart.
//   FAILING_WRITE_FROM=N  FAILING_WRITE_ERROR=errno
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

ssize_t write(int file, const void *bytes, size_t count) {
  static ssize_t (*original)(int, const void *, size_t);
  static atomic_int written;
  if (!original) original = dlsym(RTLD_NEXT, "write");
  const char *from = getenv("FAILING_WRITE_FROM");
  if (from && file > 2 && ++written >= atoi(from)) {
    errno = atoi(getenv("FAILING_WRITE_ERROR"));
    return -1;
  }
  return original(file, bytes, count);
}
