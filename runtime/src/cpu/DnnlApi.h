//===- DnnlApi.h - The functions of oneDNN, found at run time -------------===//
#ifndef ASGC_RT_CPU_DNNLAPI_H
#define ASGC_RT_CPU_DNNLAPI_H

#include <dnnl.h>
#include <string>

/// What this runtime calls of oneDNN.
#define ASGC_DNNL_FUNCTIONS(X)                                                 \
  X(dnnl_dilated_convolution_backward_data_desc_init)                          \
  X(dnnl_dilated_convolution_backward_weights_desc_init)                       \
  X(dnnl_dilated_convolution_forward_desc_init)                                \
  X(dnnl_engine_create)                                                        \
  X(dnnl_engine_destroy)                                                       \
  X(dnnl_get_effective_cpu_isa)                                                \
  X(dnnl_matmul_desc_init)                                                     \
  X(dnnl_memory_create)                                                        \
  X(dnnl_memory_desc_equal)                                                    \
  X(dnnl_memory_desc_get_size)                                                 \
  X(dnnl_memory_desc_init_by_strides)                                          \
  X(dnnl_memory_desc_init_by_tag)                                              \
  X(dnnl_memory_destroy)                                                       \
  X(dnnl_memory_set_data_handle)                                               \
  X(dnnl_primitive_attr_create)                                                \
  X(dnnl_primitive_attr_destroy)                                               \
  X(dnnl_primitive_attr_set_scratchpad_mode)                                   \
  X(dnnl_primitive_create)                                                     \
  X(dnnl_primitive_desc_destroy)                                               \
  X(dnnl_primitive_desc_iterator_create)                                       \
  X(dnnl_primitive_desc_iterator_destroy)                                      \
  X(dnnl_primitive_desc_iterator_fetch)                                        \
  X(dnnl_primitive_desc_iterator_next)                                         \
  X(dnnl_primitive_desc_query)                                                 \
  X(dnnl_primitive_desc_query_md)                                              \
  X(dnnl_primitive_destroy)                                                    \
  X(dnnl_primitive_execute)                                                    \
  X(dnnl_reorder_primitive_desc_create)                                        \
  X(dnnl_stream_create)                                                        \
  X(dnnl_stream_destroy)                                                       \
  X(dnnl_version)

namespace asgc::rt {

/// Opens oneDNN, once in a process; "" or why it cannot be used. Programs that
/// run on a device, or only look at a description, go without it: it and what
/// it loads take 10 ms.
const std::string &openDnnl();

/// Variables of the functions' names, which hide the declarations in <dnnl.h>.
/// Null before openDnnl.
#define ASGC_DNNL_DECLARE(name) extern decltype(&::name) name;
ASGC_DNNL_FUNCTIONS(ASGC_DNNL_DECLARE)
#undef ASGC_DNNL_DECLARE

/// Those of the OpenMP that oneDNN runs on.
extern void (*omp_set_num_threads)(int threads);
extern int (*omp_get_max_threads)();

} // namespace asgc::rt
#endif
