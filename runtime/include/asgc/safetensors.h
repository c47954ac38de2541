/* safetensors.h - Reads and writes safetensors files.
 *
 * A file is mapped and checked as a whole before anything of it is used: header
 * length, JSON, names, types, sizes, and that the tensors cover the data
 * without gaps or overlaps, as the format demands.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ASGC_SAFETENSORS_H
#define ASGC_SAFETENSORS_H

#include "asgc/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asgc_safetensors asgc_safetensors;

/** One tensor of an open file; everything points into the file. */
typedef struct asgc_safetensors_tensor {
  const char *name;
  const char *dtype_name; /**< as in the file: "F32", "BF16", "U8" */
  int32_t dtype;          /**< asgc_dtype, or -1 for a type we do not compute with */
  int32_t rank;
  const int64_t *dims;    /**< `rank` extents, row-major */
  const void *data;       /**< perhaps not aligned to the type */
  int64_t bytes;
} asgc_safetensors_tensor;

/** Maps and checks `path`. ASGC_CORRUPT_FILE names the offset and the fault. */
asgc_status asgc_safetensors_open(const char *path,
                                  asgc_safetensors **out_file);

/** The same for bytes in memory, which must outlive the result; `label` stands
 * for the path in sentences. */
asgc_status asgc_safetensors_open_memory(const void *data, int64_t bytes,
                                         const char *label,
                                         asgc_safetensors **out_file);
void asgc_safetensors_close(asgc_safetensors *file);

/** Number of tensors; they are numbered in the order of the header. */
int64_t asgc_safetensors_count(const asgc_safetensors *file);
asgc_status asgc_safetensors_get(const asgc_safetensors *file, int64_t index,
                                 asgc_safetensors_tensor *out_tensor);
/** ASGC_NOT_FOUND if there is no tensor `name`; `out_tensor` may be null. */
asgc_status asgc_safetensors_find(const asgc_safetensors *file,
                                  const char *name,
                                  asgc_safetensors_tensor *out_tensor);

/** The free text stored under `key`, or null. */
const char *asgc_safetensors_metadata(const asgc_safetensors *file,
                                      const char *key);
/** Number of metadata entries, and the key and value of each. */
int64_t asgc_safetensors_metadata_count(const asgc_safetensors *file);
asgc_status asgc_safetensors_metadata_at(const asgc_safetensors *file,
                                         int64_t index, const char **out_key,
                                         const char **out_value);

/** One tensor to write: row-major, contiguous. */
typedef struct asgc_safetensors_source {
  const char *name;
  const int64_t *dims;
  const void *data;
  int32_t dtype; /**< asgc_dtype */
  int32_t rank;
} asgc_safetensors_source;

/** Writes `path` atomically (see file.h). `metadata` holds `num_metadata` pairs
 * key, value. Tensors are laid out by falling element size, so that each is
 * aligned in a mapped file, and otherwise in the given order: equal arguments
 * give equal bytes. */
asgc_status asgc_safetensors_write(const char *path,
                                   const asgc_safetensors_source *tensors,
                                   int64_t num_tensors,
                                   const char *const *metadata,
                                   int64_t num_metadata);

/** Gives the elements of tensor `index`, valid until the next call; null gives
 * up. */
typedef const void *(*asgc_safetensors_read)(void *context, int64_t index);

/** The same for tensors that need not be in memory together: their `data` is
 * not looked at, `read` is called once for each, in the order of the file.
 * ASGC_INVALID_ARGUMENT if it gives up. */
asgc_status asgc_safetensors_write_from(
    const char *path, const asgc_safetensors_source *tensors,
    int64_t num_tensors, const char *const *metadata, int64_t num_metadata,
    asgc_safetensors_read read, void *context);

#ifdef __cplusplus
}
#endif
#endif
