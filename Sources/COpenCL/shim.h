// OpenCL 1.2 is all we ask of a device; newer headers must not warn about the older calls.
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>

// Drivers' compilers leave much freed memory behind: malloc_trim, where there is one.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
