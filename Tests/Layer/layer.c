// A layer between the OpenCL loader and the drivers that counts calls, and has chosen ones go wrong: the tests' way to a
// driver that fails, hangs or computes wrongly. Loaded by OPENCL_LAYERS=/path/layer.so; the loader must be of ocl-icd 2.3 or
// Khronos' own. It does, by the environment:
//
//   LAYER_LOG=FILE          a line for each call: its number, its name, the kernel or buffer
//   LAYER_TOLD=FILE         the same for each call that was made to go wrong
//   LAYER_FAIL_CALL=N       call N returns LAYER_FAIL_CODE (-5) without being made; with LAYER_FAIL_ONCE=0 so do all after it
//   LAYER_HANG_CALL=N       call N never returns
//   LAYER_HANG_NAME=NAME    calls of that name never return
//   LAYER_HANG_AFTER=N      from call N on, calls that wait for the device never return
//   LAYER_DROP=KERNEL       launches of the kernel return success and are not made
//   LAYER_FLIP=KERNEL       bit LAYER_FLIP_BIT (30) of one number that the kernel has written is flipped after each launch
//
// A KERNEL is NAME@PROGRAM as the log has it, PROGRAM a hash of source and options, or of the binary; or NAME for all.

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define _GNU_SOURCE
#include <CL/cl.h>
#include <CL/cl_layer.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cl_icd_dispatch *next;
static cl_icd_dispatch own;

static struct {
  long fail_call, hang_call, hang_after;
  cl_int code;
  bool once;
  int bit;
  const char *drop, *flip, *hang_name;
  int log, told;
} settings;

static long number_of(const char *name, long standard) {
  const char *text = getenv(name);
  return text != NULL && *text != '\0' ? strtol(text, NULL, 10) : standard;
}

static const char *text_of(const char *name) {
  const char *text = getenv(name);
  return text != NULL && *text != '\0' ? text : NULL;
}

static int file_of(const char *name) {
  const char *path = text_of(name);
  return path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

// MARK: What is known of handles

enum { kind_program = 1, kind_kernel, kind_memory };

// Never freed: a handle that is used again is written over.
typedef struct Known {
  struct Known *following;
  const void *handle;
  int kind;
  uint64_t hash;
  char name[128];
  cl_mem arguments[64];
} Known;

static Known *table[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static Known *find(const void *handle, int kind, bool add) {
  Known **slot = &table[((uintptr_t)handle >> 4) % 4096];
  for (Known *known = *slot; known != NULL; known = known->following)
    if (known->handle == handle && known->kind == kind) return known;
  if (!add || handle == NULL) return NULL;
  Known *known = calloc(1, sizeof *known);
  known->handle = handle;
  known->kind = kind;
  known->following = *slot;
  *slot = known;
  return known;
}

static uint64_t hash_of(uint64_t hash, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
  return hash;
}

static void note_program(cl_program program, uint64_t hash) {
  pthread_mutex_lock(&lock);
  Known *known = find(program, kind_program, true);
  if (known != NULL) known->hash = hash;
  pthread_mutex_unlock(&lock);
}

static uint64_t hash_of_program(cl_program program) {
  pthread_mutex_lock(&lock);
  Known *known = find(program, kind_program, false);
  uint64_t hash = known == NULL ? 0 : known->hash;
  pthread_mutex_unlock(&lock);
  return hash;
}

static void name_kernel(cl_kernel kernel, char *text, size_t size) {
  pthread_mutex_lock(&lock);
  Known *known = find(kernel, kind_kernel, false);
  if (known == NULL) snprintf(text, size, "?");
  else snprintf(text, size, "%s@%08x", known->name, (unsigned)(known->hash ^ known->hash >> 32));
  pthread_mutex_unlock(&lock);
}

// MARK: Every call

static atomic_long calls;

static void write_line(int file, long number, const char *name, const char *detail) {
  if (file < 0) return;
  char line[320];
  int length = snprintf(line, sizeof line, "%ld %s %s\n", number, name, detail);
  if (length > 0) (void)!write(file, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

// Counts a call. Whether it is to fail with settings.code.
static bool fails(const char *name, const char *detail, bool waits) {
  long number = atomic_fetch_add(&calls, 1) + 1;
  write_line(settings.log, number, name, detail);
  if (number == settings.hang_call || (settings.hang_name != NULL && strcmp(name, settings.hang_name) == 0)
      || (waits && settings.hang_after > 0 && number >= settings.hang_after)) {
    write_line(settings.told, number, name, detail);
    for (;;) pause();
  }
  if (settings.fail_call <= 0 || number < settings.fail_call) return false;
  if (settings.once && number != settings.fail_call) return false;
  write_line(settings.told, number, name, detail);
  return true;
}

#define STATUS(name, parameters, arguments, detail, waits)        \
  static cl_int CL_API_CALL my_##name parameters {                \
    if (fails(#name, detail, waits)) return settings.code;        \
    return next->name arguments;                                  \
  }
#define OBJECT(type, name, parameters, arguments, detail, made)   \
  static type CL_API_CALL my_##name parameters {                  \
    if (fails(#name, detail, false)) {                            \
      if (errcode_ret != NULL) *errcode_ret = settings.code;      \
      return NULL;                                                \
    }                                                             \
    type result = next->name arguments;                           \
    made;                                                         \
    return result;                                                \
  }

STATUS(clGetPlatformIDs, (cl_uint n, cl_platform_id *p, cl_uint *count), (n, p, count), "", false)
STATUS(clGetPlatformInfo, (cl_platform_id p, cl_platform_info what, size_t size, void *value, size_t *needed),
       (p, what, size, value, needed), "", false)
STATUS(clGetDeviceIDs, (cl_platform_id p, cl_device_type type, cl_uint n, cl_device_id *d, cl_uint *count),
       (p, type, n, d, count), "", false)
STATUS(clGetDeviceInfo, (cl_device_id d, cl_device_info what, size_t size, void *value, size_t *needed),
       (d, what, size, value, needed), "", false)
OBJECT(cl_context, clCreateContext,
       (const cl_context_properties *properties, cl_uint n, const cl_device_id *d,
        void(CL_CALLBACK *tell)(const char *, const void *, size_t, void *), void *data, cl_int *errcode_ret),
       (properties, n, d, tell, data, errcode_ret), "", )
STATUS(clReleaseContext, (cl_context c), (c), "", false)
OBJECT(cl_command_queue, clCreateCommandQueue,
       (cl_context c, cl_device_id d, cl_command_queue_properties properties, cl_int *errcode_ret),
       (c, d, properties, errcode_ret), "", )
STATUS(clReleaseCommandQueue, (cl_command_queue q), (q), "", true)
STATUS(clGetCommandQueueInfo, (cl_command_queue q, cl_command_queue_info what, size_t size, void *value, size_t *needed),
       (q, what, size, value, needed), "", false)

static void note_memory(cl_mem memory) {
  pthread_mutex_lock(&lock);
  (void)find(memory, kind_memory, true);
  pthread_mutex_unlock(&lock);
}
OBJECT(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags flags, size_t size, void *pages, cl_int *errcode_ret),
       (c, flags, size, pages, errcode_ret), "", note_memory(result))
OBJECT(cl_mem, clCreateSubBuffer,
       (cl_mem m, cl_mem_flags flags, cl_buffer_create_type type, const void *info, cl_int *errcode_ret),
       (m, flags, type, info, errcode_ret), "", note_memory(result))
STATUS(clReleaseMemObject, (cl_mem m), (m), "", false)
STATUS(clGetMemObjectInfo, (cl_mem m, cl_mem_info what, size_t size, void *value, size_t *needed),
       (m, what, size, value, needed), "", false)
STATUS(clSetMemObjectDestructorCallback, (cl_mem m, void(CL_CALLBACK *tell)(cl_mem, void *), void *data),
       (m, tell, data), "", false)

// MARK: Programs and kernels

static uint64_t hash_of_source(cl_uint n, const char **texts, const size_t *lengths) {
  uint64_t hash = 0xcbf29ce484222325;
  for (cl_uint i = 0; i < n; i++)
    hash = hash_of(hash, texts[i], lengths != NULL && lengths[i] > 0 ? lengths[i] : strlen(texts[i]));
  return hash;
}
OBJECT(cl_program, clCreateProgramWithSource,
       (cl_context c, cl_uint n, const char **texts, const size_t *lengths, cl_int *errcode_ret),
       (c, n, texts, lengths, errcode_ret), "", note_program(result, hash_of_source(n, texts, lengths)))
OBJECT(cl_program, clCreateProgramWithBinary,
       (cl_context c, cl_uint n, const cl_device_id *d, const size_t *lengths, const unsigned char **binaries,
        cl_int *status, cl_int *errcode_ret),
       (c, n, d, lengths, binaries, status, errcode_ret), "",
       note_program(result, hash_of(0xcbf29ce484222325, binaries[0], lengths[0])))
STATUS(clReleaseProgram, (cl_program p), (p), "", false)

// The options belong to a program as its source does.
static void note_options(cl_program program, const char *options) {
  if (options == NULL || *options == '\0') return;
  note_program(program, hash_of(hash_of_program(program), options, strlen(options)));
}

static cl_int CL_API_CALL my_clBuildProgram(
    cl_program p, cl_uint n, const cl_device_id *d, const char *options,
    void(CL_CALLBACK *tell)(cl_program, void *), void *data) {
  if (fails("clBuildProgram", "", false)) return settings.code;
  note_options(p, options);
  return next->clBuildProgram(p, n, d, options, tell, data);
}

static cl_int CL_API_CALL my_clCompileProgram(
    cl_program p, cl_uint n, const cl_device_id *d, const char *options, cl_uint headers,
    const cl_program *programs, const char **names, void(CL_CALLBACK *tell)(cl_program, void *), void *data) {
  if (fails("clCompileProgram", "", false)) return settings.code;
  note_options(p, options);
  return next->clCompileProgram(p, n, d, options, headers, programs, names, tell, data);
}

OBJECT(cl_program, clLinkProgram,
       (cl_context c, cl_uint n, const cl_device_id *d, const char *options, cl_uint count,
        const cl_program *programs, void(CL_CALLBACK *tell)(cl_program, void *), void *data, cl_int *errcode_ret),
       (c, n, d, options, count, programs, tell, data, errcode_ret), "",
       note_program(result, hash_of_program(programs[0])))
STATUS(clGetProgramInfo, (cl_program p, cl_program_info what, size_t size, void *value, size_t *needed),
       (p, what, size, value, needed), "", false)
STATUS(clGetProgramBuildInfo,
       (cl_program p, cl_device_id d, cl_program_build_info what, size_t size, void *value, size_t *needed),
       (p, d, what, size, value, needed), "", false)

static void note_kernel(cl_kernel kernel, cl_program program, const char *name) {
  uint64_t hash = hash_of_program(program);
  pthread_mutex_lock(&lock);
  Known *known = find(kernel, kind_kernel, true);
  if (known != NULL) {
    known->hash = hash;
    snprintf(known->name, sizeof known->name, "%s", name);
    memset(known->arguments, 0, sizeof known->arguments);
  }
  pthread_mutex_unlock(&lock);
}
OBJECT(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *errcode_ret), (p, name, errcode_ret), name,
       note_kernel(result, p, name))
STATUS(clReleaseKernel, (cl_kernel k), (k), "", false)
STATUS(clGetKernelInfo, (cl_kernel k, cl_kernel_info what, size_t size, void *value, size_t *needed),
       (k, what, size, value, needed), "", false)
STATUS(clGetKernelWorkGroupInfo,
       (cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size, void *value, size_t *needed),
       (k, d, what, size, value, needed), "", false)

static cl_int CL_API_CALL my_clSetKernelArg(cl_kernel k, cl_uint index, size_t size, const void *value) {
  char name[160];
  name_kernel(k, name, sizeof name);
  if (fails("clSetKernelArg", name, false)) return settings.code;
  if (size == sizeof(cl_mem) && value != NULL && index < 64) {
    cl_mem memory;
    memcpy(&memory, value, sizeof memory);
    pthread_mutex_lock(&lock);
    Known *known = find(k, kind_kernel, false);
    // Any argument of eight bytes may look so.
    if (known != NULL) known->arguments[index] = find(memory, kind_memory, false) != NULL ? memory : NULL;
    pthread_mutex_unlock(&lock);
  }
  return next->clSetKernelArg(k, index, size, value);
}

// MARK: Commands

// Whether the kernel called name@program is the one that is meant.
static bool is_meant(const char *kernel, const char *meant) {
  if (meant == NULL) return false;
  if (strchr(meant, '@') != NULL) return strcmp(kernel, meant) == 0;
  size_t length = strlen(meant);
  return strncmp(kernel, meant, length) == 0 && kernel[length] == '@';
}

typedef struct {
  cl_mem memory;
  size_t size;
  uint32_t *before;
} Content;

// The buffers that a kernel was given, as they are.
static int contents(cl_command_queue q, cl_kernel k, Content *result) {
  cl_mem memories[64];
  pthread_mutex_lock(&lock);
  Known *known = find(k, kind_kernel, false);
  memcpy(memories, known->arguments, sizeof memories);
  pthread_mutex_unlock(&lock);
  int count = 0;
  for (int i = 0; i < 64; i++) {
    if (memories[i] == NULL) continue;
    bool seen = false;
    for (int j = 0; j < count; j++) seen = seen || result[j].memory == memories[i];
    size_t size = 0;
    if (seen || next->clGetMemObjectInfo(memories[i], CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS) continue;
    Content content = {memories[i], size, malloc(size)};
    if (next->clEnqueueReadBuffer(q, memories[i], CL_TRUE, 0, size, content.before, 0, NULL, NULL) != CL_SUCCESS)
      free(content.before);
    else result[count++] = content;
  }
  return count;
}

// Flips a bit of the middle one of the numbers that have changed. Whether there was one.
static bool flip(cl_command_queue q, const Content *content, int count) {
  for (int i = 0; i < count; i++) {
    size_t words = content[i].size / 4, changed = 0, seen = 0;
    uint32_t *after = malloc(content[i].size);
    next->clEnqueueReadBuffer(q, content[i].memory, CL_TRUE, 0, content[i].size, after, 0, NULL, NULL);
    for (size_t j = 0; j < words; j++) changed += after[j] != content[i].before[j];
    for (size_t j = 0; j < words && changed > 0; j++) {
      if (after[j] == content[i].before[j] || seen++ != changed / 2) continue;
      uint32_t word = after[j] ^ (uint32_t)1 << settings.bit;
      next->clEnqueueWriteBuffer(q, content[i].memory, CL_TRUE, 4 * j, 4, &word, 0, NULL, NULL);
      free(after);
      return true;
    }
    free(after);
  }
  return false;
}

static cl_int CL_API_CALL my_clEnqueueNDRangeKernel(
    cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset, const size_t *global,
    const size_t *local, cl_uint waits, const cl_event *wait_list, cl_event *event) {
  char name[160];
  name_kernel(k, name, sizeof name);
  if (fails("clEnqueueNDRangeKernel", name, false)) return settings.code;
  if (is_meant(name, settings.drop)) {
    write_line(settings.told, 0, "dropped", name);
    return event == NULL ? CL_SUCCESS : next->clEnqueueMarkerWithWaitList(q, waits, wait_list, event);
  }
  bool flips = is_meant(name, settings.flip);
  Content content[64];
  int count = flips ? contents(q, k, content) : 0;
  cl_int status = next->clEnqueueNDRangeKernel(q, k, dimensions, offset, global, local, waits, wait_list, event);
  if (flips && status == CL_SUCCESS) {
    next->clFinish(q);
    if (flip(q, content, count)) write_line(settings.told, 0, "flipped", name);
  }
  for (int i = 0; i < count; i++) free(content[i].before);
  return status;
}

STATUS(clEnqueueReadBuffer,
       (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, void *p, cl_uint n,
        const cl_event *list, cl_event *event),
       (q, m, blocking, offset, size, p, n, list, event), "", blocking)
STATUS(clEnqueueWriteBuffer,
       (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, const void *p, cl_uint n,
        const cl_event *list, cl_event *event),
       (q, m, blocking, offset, size, p, n, list, event), "", blocking)
STATUS(clEnqueueCopyBuffer,
       (cl_command_queue q, cl_mem from, cl_mem to, size_t start, size_t target, size_t size, cl_uint n,
        const cl_event *list, cl_event *event),
       (q, from, to, start, target, size, n, list, event), "", false)
STATUS(clEnqueueFillBuffer,
       (cl_command_queue q, cl_mem m, const void *pattern, size_t length, size_t offset, size_t size, cl_uint n,
        const cl_event *list, cl_event *event),
       (q, m, pattern, length, offset, size, n, list, event), "", false)

static void *CL_API_CALL my_clEnqueueMapBuffer(
    cl_command_queue q, cl_mem m, cl_bool blocking, cl_map_flags flags, size_t offset, size_t size, cl_uint n,
    const cl_event *list, cl_event *event, cl_int *errcode_ret) {
  if (fails("clEnqueueMapBuffer", "", blocking)) {
    if (errcode_ret != NULL) *errcode_ret = settings.code;
    return NULL;
  }
  return next->clEnqueueMapBuffer(q, m, blocking, flags, offset, size, n, list, event, errcode_ret);
}
STATUS(clEnqueueUnmapMemObject,
       (cl_command_queue q, cl_mem m, void *p, cl_uint n, const cl_event *list, cl_event *event),
       (q, m, p, n, list, event), "", false)
STATUS(clEnqueueMarkerWithWaitList, (cl_command_queue q, cl_uint n, const cl_event *list, cl_event *event),
       (q, n, list, event), "", false)
STATUS(clFlush, (cl_command_queue q), (q), "", false)
STATUS(clFinish, (cl_command_queue q), (q), "", true)
STATUS(clWaitForEvents, (cl_uint n, const cl_event *list), (n, list), "", true)
STATUS(clGetEventInfo, (cl_event e, cl_event_info what, size_t size, void *value, size_t *needed),
       (e, what, size, value, needed), "", false)
STATUS(clGetEventProfilingInfo, (cl_event e, cl_profiling_info what, size_t size, void *value, size_t *needed),
       (e, what, size, value, needed), "", false)
STATUS(clReleaseEvent, (cl_event e), (e), "", false)

// MARK: The loader's side

CL_API_ENTRY cl_int CL_API_CALL
clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *needed) {
  const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  const char *name = "pix2pix tests";
  const void *answer = what == CL_LAYER_API_VERSION ? (const void *)&version : name;
  size_t length = what == CL_LAYER_API_VERSION ? sizeof version : strlen(name) + 1;
  if (what != CL_LAYER_API_VERSION && what != CL_LAYER_NAME) return CL_INVALID_VALUE;
  if (value != NULL && size < length) return CL_INVALID_VALUE;
  if (value != NULL) memcpy(value, answer, length);
  if (needed != NULL) *needed = length;
  return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL
clInitLayer(cl_uint entries, const cl_icd_dispatch *target, cl_uint *entries_ret, const cl_icd_dispatch **layer) {
  if (target == NULL || entries_ret == NULL || layer == NULL) return CL_INVALID_VALUE;
  if (entries < sizeof own / sizeof(void *)) return CL_INVALID_VALUE;
  settings.fail_call = number_of("LAYER_FAIL_CALL", 0);
  settings.code = (cl_int)number_of("LAYER_FAIL_CODE", CL_OUT_OF_RESOURCES);
  settings.once = number_of("LAYER_FAIL_ONCE", 1) != 0;
  settings.hang_call = number_of("LAYER_HANG_CALL", 0);
  settings.hang_name = text_of("LAYER_HANG_NAME");
  settings.hang_after = number_of("LAYER_HANG_AFTER", 0);
  settings.bit = (int)number_of("LAYER_FLIP_BIT", 30);
  settings.drop = text_of("LAYER_DROP");
  settings.flip = text_of("LAYER_FLIP");
  settings.log = file_of("LAYER_LOG");
  settings.told = file_of("LAYER_TOLD");
  next = target;
  own = *target;
#define PUT(name) own.name = my_##name;
  PUT(clGetPlatformIDs) PUT(clGetPlatformInfo) PUT(clGetDeviceIDs) PUT(clGetDeviceInfo)
  PUT(clCreateContext) PUT(clReleaseContext)
  PUT(clCreateCommandQueue) PUT(clReleaseCommandQueue) PUT(clGetCommandQueueInfo)
  PUT(clCreateBuffer) PUT(clCreateSubBuffer) PUT(clReleaseMemObject) PUT(clGetMemObjectInfo)
  PUT(clSetMemObjectDestructorCallback)
  PUT(clCreateProgramWithSource) PUT(clCreateProgramWithBinary) PUT(clReleaseProgram)
  PUT(clBuildProgram) PUT(clCompileProgram) PUT(clLinkProgram) PUT(clGetProgramInfo) PUT(clGetProgramBuildInfo)
  PUT(clCreateKernel) PUT(clReleaseKernel) PUT(clGetKernelInfo) PUT(clGetKernelWorkGroupInfo) PUT(clSetKernelArg)
  PUT(clEnqueueNDRangeKernel) PUT(clEnqueueReadBuffer) PUT(clEnqueueWriteBuffer) PUT(clEnqueueCopyBuffer)
  PUT(clEnqueueFillBuffer) PUT(clEnqueueMapBuffer) PUT(clEnqueueUnmapMemObject) PUT(clEnqueueMarkerWithWaitList)
  PUT(clFlush) PUT(clFinish) PUT(clWaitForEvents) PUT(clGetEventInfo) PUT(clGetEventProfilingInfo) PUT(clReleaseEvent)
  *entries_ret = sizeof own / sizeof(void *);
  *layer = &own;
  return CL_SUCCESS;
}
