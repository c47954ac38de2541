/* program.h - What the compiler writes into an artifact and the runtime reads.
 *
 * A compiled model is one constant `asgc_program_desc` plus the functions and
 * tables it points to. Every field is a fixed-width integer or a pointer, in an
 * order without padding holes, so that the compiler can emit the structs as
 * plain constants. ASGC_ABI_VERSION changes whenever a struct here or an entry
 * of abi.def changes.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ASGC_PROGRAM_H
#define ASGC_PROGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASGC_ABI_VERSION 7

/** Element types; the values are part of the ABI. */
typedef enum asgc_dtype {
  ASGC_F32 = 0,
  ASGC_F16 = 1,
  ASGC_BF16 = 2,
  ASGC_I8 = 3,
  ASGC_I32 = 4,
  ASGC_I64 = 5,
  ASGC_BOOL = 6, /**< one byte, 0 or 1 */
  ASGC_F64 = 7
} asgc_dtype;

/** One extent or stride, in elements: a value >= 0 is itself; a value < 0 is
 * entry `-1 - value` of the frame's `dims` table (a run-time expression). */
typedef int64_t asgc_dim;

/** Name, type and extents of one tensor at the program's boundary. Row-major,
 * contiguous. */
typedef struct asgc_tensor_desc {
  const char *name;
  const asgc_dim *dims; /**< `rank` entries */
  int32_t rank;
  int32_t dtype;        /**< asgc_dtype */
} asgc_tensor_desc;

/** What a variable is for; the values are part of the ABI. */
typedef enum asgc_variable_role {
  ASGC_ROLE_PARAM = 0,     /**< trained; saved with the weights */
  ASGC_ROLE_STATE = 1,     /**< model state such as running_mean; saved too */
  ASGC_ROLE_OPTIMIZER = 2, /**< moments; saved in checkpoints only */
  ASGC_ROLE_STEP = 3,      /**< i64 scalar `step`: optimizer steps done */
  ASGC_ROLE_SEED = 4       /**< i64 scalar `seed` of all random draws */
} asgc_variable_role;

typedef struct asgc_variable_desc {
  asgc_tensor_desc tensor; /**< static extents only */
  int32_t role;            /**< asgc_variable_role */
  int32_t reserved;
} asgc_variable_desc;

struct asgc_frame;

/** Handles tasks [begin, end) of a kernel. `args` are buffer addresses, `dims`
 * the frame's table, `scratch` this thread's own `scratch_bytes` (64-aligned). */
typedef void (*asgc_kernel_fn)(void *const *args, const int64_t *dims,
                               int64_t begin, int64_t end, void *scratch);

/** Instruction sets a kernel is compiled for; index of `asgc_kernel_desc.fn`. */
enum { ASGC_ISA_AVX2 = 0, ASGC_ISA_AVX512 = 1, ASGC_ISA_COUNT = 2 };

/** One generated kernel or library call: a line of the profile. */
typedef struct asgc_kernel_desc {
  const char *name;                  /**< unique in the program */
  asgc_kernel_fn fn[ASGC_ISA_COUNT]; /**< null for library calls, and for
                                          instruction sets not compiled in */
  int64_t scratch_bytes;             /**< per thread */
} asgc_kernel_desc;

/** One entry point: infer, train_step, eval_step, init. */
typedef struct asgc_entry_desc {
  const char *name;
  const asgc_tensor_desc *inputs;
  const asgc_tensor_desc *outputs;
  int32_t num_inputs;
  int32_t num_outputs;
  int64_t arena_bytes;       /**< at the bound of every run-time dim */
  int32_t assigns_variables; /**< 1 if any variable changes */
  int32_t reserved;
  /** Runs the entry on the CPU; 0, or a status set by a failing call of
   * abi.def. Null if not compiled for the CPU. */
  int32_t (*run)(struct asgc_frame *frame);
} asgc_entry_desc;

/* ---- Code for Vulkan devices ---- */

/** What an operand of a dispatch lies in. */
typedef enum asgc_place_kind {
  ASGC_PLACE_ARENA = 0,
  ASGC_PLACE_INPUT = 1,
  ASGC_PLACE_OUTPUT = 2,
  ASGC_PLACE_VARIABLE = 3,
  ASGC_PLACE_CONSTANT = 4 /**< asgc_vulkan_desc.constants */
} asgc_place_kind;

typedef struct asgc_place {
  int32_t kind;   /**< asgc_place_kind */
  int32_t index;  /**< of the input, output or variable; else 0 */
  int64_t offset; /**< in bytes */
} asgc_place;

/** A compute shader: SPIR-V, packed as in runtime/src/vulkan/ShaderCode.h, with
 * the entry point `main` and this push constant block: the address of the dims
 * table, then either the addresses of the operands or, if `is_indirect`, one
 * address where those stand. */
typedef struct asgc_shader {
  const uint8_t *code;
  int64_t num_bytes, num_words;
  int32_t features;    /**< ASGC_SHADER_*, what it needs beyond the baseline */
  int32_t is_indirect;
  /** The product that a subgroup forms at once, [rows, depth] by [depth,
   * columns] into f32, and the items of that subgroup; 0 without matrices. */
  int32_t matrix_rows, matrix_columns, matrix_depth, subgroup_size;
} asgc_shader;

/** ATOMIC_F32: additions to f32 in memory (VK_EXT_shader_atomic_float).
 * MATRIX_*: cooperative matrices of that type (VK_KHR_cooperative_matrix,
 * VK_KHR_shader_bfloat16) in the shape that the shader names. */
enum {
  ASGC_SHADER_FLOAT64 = 1,
  ASGC_SHADER_MATRIX_F16 = 2,
  ASGC_SHADER_MATRIX_BF16 = 4,
  ASGC_SHADER_ATOMIC_F32 = 8
};

/** Bytes of push constants, which every device has. */
#define ASGC_PUSH_BYTES 128

/** One step of an entry on a device, or a part of it. A step may be there in
 * several forms; used is the lowest of which the device can run all shaders. */
typedef struct asgc_dispatch {
  int32_t kernel;       /**< index in asgc_program_desc.kernels */
  int32_t shader;       /**< index in asgc_vulkan_desc.shaders */
  int32_t level;        /**< those of a level may run at once; levels rise */
  int32_t num_operands;
  const asgc_place *operands;
  asgc_dim groups;      /**< work groups; beyond what a grid has in x they go
                             on in y, and the shader ignores those too many */
  int32_t step;         /**< rises; dispatches of one step have the same */
  int32_t form;
} asgc_dispatch;

typedef struct asgc_dispatch_list {
  const asgc_dispatch *dispatches;
  int32_t num_dispatches;
  int32_t reserved;
  int64_t arena_bytes; /**< with what dispatches need beyond the entry's */
} asgc_dispatch_list;

typedef struct asgc_vulkan_desc {
  const asgc_shader *shaders;
  const asgc_dispatch_list *entries; /**< one per entry of the program */
  const void *constants;
  int64_t constants_bytes;
  int32_t num_shaders;
  int32_t num_arena_blocks;
  /** The arena may come in blocks, since few devices give more than 2 to 4 GiB
   * in one piece: the first byte of each, from 0 and rising. No buffer of any
   * entry lies in two. Null without blocks: it is whole. */
  const int64_t *arena_blocks;
  int64_t block_bytes; /**< the most of one, also of blocks for variables, but
                            for what is larger itself; 0: any */
} asgc_vulkan_desc;

typedef struct asgc_program_desc {
  int32_t abi_version;
  int32_t num_entries;
  const char *name;
  const asgc_entry_desc *entries;
  const asgc_variable_desc *variables;
  const asgc_kernel_desc *kernels;
  int32_t num_variables;
  int32_t num_kernels;
  const char *const *symbols;    /**< names of run-time dims: "batch" */
  const int64_t *symbol_bounds;  /**< largest value of each */
  int32_t num_symbols;
  int32_t num_dims;              /**< entries of the dims table; the first
                                      num_symbols are the symbols */
  /** Fills dims[num_symbols..num_dims) from dims[0..num_symbols). Null when
   * num_dims == num_symbols. */
  void (*eval_dims)(int64_t *dims);
  const char *metadata;          /**< JSON: graph, plan (asgc-dump/1); null when
                                      stripped */
  int64_t metadata_bytes;
  const void *weights;           /**< an embedded safetensors file, or null */
  int64_t weights_bytes;
  const asgc_vulkan_desc *vulkan; /**< null if not compiled for Vulkan */
} asgc_program_desc;

/** What generated code sees of one run. */
typedef struct asgc_frame {
  struct asgc_program *program;
  char *arena;
  void *const *inputs;
  void *const *outputs;
  void *const *variables;
  const int64_t *dims;
} asgc_frame;

/* ---- Descriptors of library calls (constants in the artifact) ---- */

/** Activations applied to the result of a contraction; part of the ABI. */
typedef enum asgc_activation {
  ASGC_ACT_NONE = 0,
  ASGC_ACT_RELU = 1,
  ASGC_ACT_TANH = 2,
  ASGC_ACT_GELU_ERF = 3,
  ASGC_ACT_GELU_TANH = 4,
  ASGC_ACT_SIGMOID = 5,
  ASGC_ACT_SILU = 6
} asgc_activation;

#define ASGC_MAX_RANK 8

/** c[batch..., m, n] = act(sum_k a[batch..., m, k] * b[batch..., k, n]
 *                          + bias[n] + residual[batch..., m, n]).
 * Strides are in elements; a batch stride of 0 repeats the operand. bias and
 * residual are used when their argument is not null; residual has c's strides.
 * Accumulates in f32. */
typedef struct asgc_matmul_desc {
  int32_t dtype_a, dtype_b, dtype_c;
  int32_t batch_rank;      /**< at most ASGC_MAX_RANK - 2 */
  asgc_dim m, n, k;
  asgc_dim batch[ASGC_MAX_RANK - 2];
  asgc_dim a_strides[ASGC_MAX_RANK]; /**< batch..., m, k */
  asgc_dim b_strides[ASGC_MAX_RANK]; /**< batch..., k, n */
  asgc_dim c_strides[ASGC_MAX_RANK]; /**< batch..., m, n */
  int32_t activation;      /**< asgc_activation */
  int32_t b_variable;      /**< index of the variable that b is, or -1: then
                                b may be packed once while it stays the same */
} asgc_matmul_desc;

/** Geometry of a 2-D convolution: x [n, c, h, w], w [o, c / groups, kh, kw],
 * y [n, o, oh, ow], all contiguous. */
typedef struct asgc_conv_desc {
  int32_t kind;            /**< 0 forward, 1 backward input, 2 backward weight */
  int32_t dtype;
  asgc_dim n, c, h, w, o, oh, ow;
  int64_t kh, kw;
  int64_t stride[2], pad_low[2], pad_high[2], dilation[2], groups;
  int32_t activation;      /**< forward only */
  int32_t w_variable;      /**< as asgc_matmul_desc.b_variable */
} asgc_conv_desc;

/** Geometry of 2-D pooling over x [n, c, h, w] -> y [n, c, oh, ow]. Indices are
 * i32, flat within one h*w plane. */
typedef struct asgc_pool_desc {
  int32_t dtype;
  int32_t count_include_pad; /**< average pooling: divide by kh * kw */
  asgc_dim n, c, h, w, oh, ow;
  int64_t kernel[2], stride[2], pad_low[2], pad_high[2], dilation[2];
} asgc_pool_desc;

/** y[b, o, i, r] = x[b, o, index[b, i], r] seen as 4-D: b batch dims merged, o
 * the dims before the axis, i the index dims merged, r the dims after. An index
 * below 0 or beyond the axis is clamped into it. scatter_add is the transpose:
 * y[b, o, index[b, i], r] += x[b, o, i, r] into zeros, in index order. */
typedef struct asgc_gather_desc {
  int32_t dtype;
  int32_t index_dtype;     /**< ASGC_I32 or ASGC_I64 */
  asgc_dim batch, outer, axis, indices, inner;
} asgc_gather_desc;

/** A loop over a program of the artifact (asgc_entry_desc.run). */
typedef struct asgc_loop_desc {
  int32_t
      has_condition; /**< the program's first output says whether to go on */
  int32_t num_invariants;
  int32_t num_carried;
  int32_t num_collected; /**< outputs after the carried ones, kept one by one */
  asgc_dim places;       /**< of each collected value; bounds the steps */
  asgc_dim step_bytes[1]; /**< of each carried and collected output */
} asgc_loop_desc;

/** y[i...] = x[i...] over `rank` extents with these strides (elements). */
typedef struct asgc_copy_desc {
  int32_t dtype;
  int32_t rank;
  asgc_dim extents[ASGC_MAX_RANK];
  asgc_dim x_strides[ASGC_MAX_RANK];
  asgc_dim y_strides[ASGC_MAX_RANK];
} asgc_copy_desc;

#ifdef __cplusplus
}
#endif
#endif
