/* runtime.h - Runs a compiled model from C.
 *
 * Ownership: every `_create` has a `_destroy`; `out_` parameters come last.
 * Errors: a status, and a sentence from asgc_program_error() (or
 * asgc_last_error() where there is no program yet) that names the tensor, the
 * expected and the actual value. Nothing here prints, throws, or ends the
 * process. Threads: a program may be used by one thread at a time; distinct
 * programs are independent.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ASGC_RUNTIME_H
#define ASGC_RUNTIME_H

#include "asgc/program.h"
#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum asgc_status {
  ASGC_OK = 0,
  ASGC_INVALID_ARGUMENT = 1, /**< wrong shape, dtype, device, null */
  ASGC_NOT_FOUND = 2,        /**< no such entry, variable, tensor in a file */
  ASGC_OUT_OF_MEMORY = 3,
  ASGC_IO_ERROR = 4,     /**< the sentence has the path and the reason */
  ASGC_CORRUPT_FILE = 5, /**< the sentence has the path and the offset */
  ASGC_UNSUPPORTED = 6,  /**< CPU, ABI version, dtype */
  ASGC_INTERNAL = 7,
  ASGC_NO_DEVICE = 8,  /**< no driver, no device, a feature it lacks */
  ASGC_DEVICE_LOST = 9 /**< the device gave up; make a new program */
} asgc_status;

typedef struct asgc_program asgc_program;

/** Where a program runs. */
typedef enum asgc_device {
  ASGC_DEVICE_DEFAULT = 0, /**< what ASGC_DEVICE says (cpu, vulkan, auto), else
                                the CPU if the program has code for it */
  ASGC_DEVICE_CPU = 1,
  ASGC_DEVICE_VULKAN = 2,
  ASGC_DEVICE_AUTO = 3 /**< a usable Vulkan device, else the CPU */
} asgc_device;

/** How to run a program. All zero means the defaults. */
typedef struct asgc_options {
  int32_t threads; /**< workers, the caller included; 0 = ASGC_THREADS or the
                        cores this process may use */
  int32_t poison;  /**< 1: fill the arena with NaN before every run, and freed
                        buffers as they die (for tests) */
  int32_t isa;     /**< 0 = best the CPU has, else 1 + ASGC_ISA_* */
  int32_t device;  /**< asgc_device */
  int64_t device_memory; /**< bytes of a Vulkan device that this process may
                            use, all programs and tensors together; 0 = what
                            ASGC_DEVICE_MEMORY says, else all */
} asgc_options;

/** The version of the runtime library, such as "0.1.0". */
const char *asgc_version(void);

/** The sentence for the last failure on this thread; "" if there was none. */
const char *asgc_last_error(void);

/** Makes an instance of `desc` with its own variables (all zero, or the
 * embedded weights), arena and threads. `options` may be null. `desc` must
 * outlive it. */
asgc_status asgc_program_create(const asgc_program_desc *desc,
                                const asgc_options *options,
                                asgc_program **out_program);
void asgc_program_destroy(asgc_program *program);

/** The sentence for the last failure of `program`; "" if there was none. */
const char *asgc_program_error(const asgc_program *program);

/** Sets the seed and the step to (seed, 0) and runs the entry `init`. */
asgc_status asgc_program_init(asgc_program *program, int64_t seed);

/** Runs `entry`. Tensors are contiguous (strides null or row-major), in the
 * entry's order; run-time dims are bound by the inputs and checked. Outputs
 * must have the resulting shape. Each tensor lies in the processor's memory
 * (kDLCPU) or, if the program runs on a Vulkan device, in that device's
 * (kDLVulkan, from asgc_tensor_create), where a step's output becomes the next
 * one's input without a copy; it starts at a multiple of 16 bytes.
 * ASGC_INVALID_ARGUMENT for a tensor of another device.
 *
 * If any output lies in the processor's memory, the run is done when the call
 * returns. Else it may be under way still: inputs of the processor have been
 * read, later calls see what it writes, at most two are under way, and a
 * failure is reported by a later call. */
asgc_status asgc_program_run(asgc_program *program, const char *entry,
                             const DLTensor *const *inputs, int32_t num_inputs,
                             DLTensor *const *outputs, int32_t num_outputs);

/** Waits for all runs; returns the failure of one, such as ASGC_DEVICE_LOST. */
asgc_status asgc_program_wait(asgc_program *program);

/** DLPack's type for an `asgc_dtype` of program.h; kDLOpaqueHandle if it is none. */
DLDataType asgc_dlpack_type(int32_t dtype);

/** Makes a row-major tensor of zeros where `program` computes: in the memory of
 * its Vulkan device (kDLVulkan; `data` is an address of the device), or of the
 * processor (kDLCPU). Every program on the same device may use it, and it may
 * outlive `program`. ASGC_INVALID_ARGUMENT for a type that programs do not have
 * or an extent below 0, ASGC_OUT_OF_MEMORY with the bytes asked for. */
asgc_status asgc_tensor_create(asgc_program *program, DLDataType dtype,
                               int32_t ndim, const int64_t *shape,
                               DLManagedTensor **out_tensor);
/** Waits for runs that use it, then frees it, as its deleter does. Null is
 * fine. */
void asgc_tensor_destroy(DLManagedTensor *tensor);

/** Copies all elements of `from` to `to`, after the runs before. Both have the
 * same type and shape, are contiguous, and lie in the processor's memory or in
 * that of the program's device. Done when it returns. */
asgc_status asgc_tensor_copy(asgc_program *program, const DLTensor *from,
                             DLTensor *to);

/** A view of a variable, valid until destroy. Writing through it must be
 * followed by asgc_program_touch(). On a Vulkan device the view shows the
 * variable as it was at the last call of this function or of
 * asgc_program_sync(), one of which must come between a run and writing. */
asgc_status asgc_program_variable(asgc_program *program, const char *name,
                                  DLTensor *out_tensor);
/** Tells that variables changed from outside, so that packed copies are remade.
 */
void asgc_program_touch(asgc_program *program);

/** Makes all views show the variables as they are now. */
asgc_status asgc_program_sync(asgc_program *program);

/** Reads parameters and state by name from a safetensors file. All of them must
 * be there with the compiled shape, and nothing else: ASGC_NOT_FOUND names what
 * is missing, different and unexpected at once. Passed over are PyTorch's
 * `num_batches_tracked` and what a checkpoint of training holds besides. f32,
 * f16 and bf16 become each other. On failure nothing has changed. */
asgc_status asgc_program_load(asgc_program *program, const char *path);
/** Writes parameters and state as a safetensors file: to a temporary name
 * beside `path`, fsync, rename, so that `path` is always whole. */
asgc_status asgc_program_save(asgc_program *program, const char *path);

/** Formats of asgc_program_dump. */
typedef enum asgc_dump_format {
  ASGC_DUMP_JSON = 0, /**< asgc-dump/1 with the last profile merged in */
  ASGC_DUMP_DOT = 1   /**< the graph for Graphviz */
} asgc_dump_format;

/** Receives `bytes` bytes; returns 0 to go on. */
typedef int (*asgc_write_fn)(void *user, const char *data, size_t bytes);

/** Writes the program's graph, plan and last profile. ASGC_NOT_FOUND if the
 * metadata was stripped. */
asgc_status asgc_program_dump(asgc_program *program, asgc_dump_format format,
                              asgc_write_fn write, void *user);

/** Turns the profile of the following runs on (1) or off (0); on clears it. */
void asgc_program_profile(asgc_program *program, int32_t enable);

/** One line of the profile: kernel `index` of the description. */
typedef struct asgc_profile_entry {
  const char *name;
  int64_t calls;
  double seconds;
} asgc_profile_entry;

/** Number of kernels; the profile of each is at asgc_program_profile_entry. */
int32_t asgc_program_num_kernels(const asgc_program *program);
asgc_status asgc_program_profile_entry(const asgc_program *program,
                                       int32_t index,
                                       asgc_profile_entry *out_entry);

/** "avx512", "avx2", or "none" with the reason in asgc_last_error(). */
const char *asgc_cpu_isa(void);

/** The version of oneDNN, which multiplies and convolves on the CPU, and the
    instruction set it uses: "2.6.3, uses avx2"; or "none" with the reason in
    asgc_last_error(). It is opened when the first program for the CPU is made;
    without it, entries that multiply or convolve fail with ASGC_IO_ERROR. */
const char *asgc_cpu_library(void);

/** A Vulkan device of this machine. */
typedef struct asgc_vulkan_device {
  const char *name;
  const char *kind;     /**< "discrete GPU", "integrated GPU", "CPU", … */
  const char *reason;   /**< why it is, or is not, the one that is used */
  int64_t memory_bytes; /**< of the largest heap that is its own */
  int32_t is_usable;
  int32_t is_chosen;
  const char *driver; /**< its name and version, as it says them */
} asgc_vulkan_device;

/** Shows all Vulkan devices to `visit`, the best first. ASGC_NO_DEVICE with a
 * sentence in asgc_last_error() if there is no Vulkan here. */
asgc_status asgc_vulkan_devices(void (*visit)(void *user,
                                              const asgc_vulkan_device *device),
                                void *user);

/** The Vulkan device that `program` runs on; null if it runs on the CPU. */
const asgc_vulkan_device *asgc_program_device(const asgc_program *program);

/** Bytes that all programs and tensors of this process have taken of the memory
 * of the Vulkan device that `program` runs on; 0 if it runs on the CPU. */
int64_t asgc_program_device_memory(const asgc_program *program);

/** Why `program` runs on the CPU where ASGC_DEVICE_AUTO, or ASGC_DEVICE=auto,
 * asked for a Vulkan device first; "" if it does not. */
const char *asgc_program_fallback(const asgc_program *program);

#ifdef __cplusplus
}
#endif
#endif
