/* worker_tensors.h - Inputs, outputs and run-time dims for the workers. */
#ifndef ASGC_BENCHMARKS_WORKER_TENSORS_H
#define ASGC_BENCHMARKS_WORKER_TENSORS_H

#include <asgc/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const size_t kBytes[] = {4, 2, 2, 1, 4, 8, 1, 8};
static const DLDataType kTypes[] = {{kDLFloat, 32, 1},  {kDLFloat, 16, 1},
                                    {kDLBfloat, 16, 1}, {kDLInt, 8, 1},
                                    {kDLInt, 32, 1},    {kDLInt, 64, 1},
                                    {kDLUInt, 8, 1},    {kDLFloat, 64, 1}};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char *what, const char *why) {
  fprintf(stderr, "worker: %s: %s\n", what, why);
  return 1;
}

/* An f32, f16 or bf16 element. */
static double valueAt(const DLTensor *tensor, int64_t i) {
  if (tensor->dtype.bits == 32)
    return ((const float *)tensor->data)[i];
  uint32_t half = ((const uint16_t *)tensor->data)[i], bits = half << 16;
  if (tensor->dtype.code ==
      kDLFloat) { /* f16: the exponent's bias is 112 less */
    if (!(half & 0x7c00))
      return (half & 0x8000 ? -1.0 : 1.0) * (half & 0x3ff) / (1 << 24);
    uint32_t bias = (half & 0x7c00) == 0x7c00 ? 224u : 112u;
    bits = (half & 0x8000) << 16 | (((half & 0x7fff) << 13) + (bias << 23));
  }
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The nearest f16 towards zero of x in [-1, 1]. */
static uint16_t halfOf(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  int exponent = (int)(bits >> 23 & 0xFF) - 127 + 15;
  uint16_t sign = bits >> 16 & 0x8000;
  return exponent <= 0 ? sign : sign | exponent << 10 | (bits >> 13 & 0x3FF);
}

/* A tensor of `desc` with pseudo-random content in [-1, 1], or class numbers
 * below 10 for integers; other numbers for another seed. */
static DLTensor *makeTensor(const asgc_tensor_desc *desc, const int64_t *dims,
                            unsigned seed) {
  DLTensor *tensor = calloc(1, sizeof *tensor);
  tensor->ndim = desc->rank;
  tensor->shape = calloc(desc->rank + 1, sizeof(int64_t));
  tensor->dtype = kTypes[desc->dtype];
  tensor->device.device_type = kDLCPU;
  size_t count = 1;
  for (int i = 0; i < desc->rank; ++i) {
    asgc_dim dim = desc->dims[i];
    tensor->shape[i] = dim >= 0 ? dim : dims[-1 - dim];
    count *= tensor->shape[i];
  }
  size_t bytes = count * kBytes[desc->dtype];
  tensor->data = aligned_alloc(64, (bytes + 64) / 64 * 64);
  memset(tensor->data, 0, bytes);
  unsigned state = 12345 + seed;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    float value = (float)(state >> 8) / (1 << 23) - 1.0f;
    if (desc->dtype == ASGC_F32)
      ((float *)tensor->data)[i] = value;
    else if (desc->dtype == ASGC_F16)
      ((uint16_t *)tensor->data)[i] = halfOf(value);
    else if (desc->dtype == ASGC_BF16)
      memcpy((uint16_t *)tensor->data + i, (char *)&value + 2, 2);
    else if (desc->dtype == ASGC_I64)
      ((int64_t *)tensor->data)[i] = (state >> 8) % 10;
    else if (desc->dtype == ASGC_I32)
      ((int32_t *)tensor->data)[i] = (state >> 8) % 10;
  }
  return tensor;
}

/* The entry called `name`, or NULL. */
static const asgc_entry_desc *findEntry(const asgc_program_desc *desc,
                                        const char *name) {
  for (int i = 0; i < desc->num_entries; ++i)
    if (!strcmp(desc->entries[i].name, name))
      return &desc->entries[i];
  return NULL;
}

/* The run-time dims: those that the arguments "DIM=VALUE" give, others at their
 * bounds. */
static int64_t *evalDims(const asgc_program_desc *desc, char **arguments,
                         int count) {
  int64_t *dims = calloc(desc->num_dims + 1, sizeof *dims);
  for (int s = 0; s < desc->num_symbols; ++s) {
    dims[s] = desc->symbol_bounds[s];
    size_t length = strlen(desc->symbols[s]);
    for (int a = 0; a < count; ++a)
      if (!strncmp(arguments[a], desc->symbols[s], length) &&
          arguments[a][length] == '=')
        dims[s] = atoll(arguments[a] + length + 1);
  }
  if (desc->eval_dims)
    desc->eval_dims(dims);
  return dims;
}

#endif
