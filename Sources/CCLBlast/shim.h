// CLBlast's C interface; the same OpenCL as COpenCL's.
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <clblast_c.h>
