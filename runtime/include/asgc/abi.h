/* abi.h - C prototypes of abi.def, for the runtime itself and for a linker in
 * memory that needs the addresses of these functions.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ASGC_ABI_H
#define ASGC_ABI_H

#include "asgc/program.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FRAME asgc_frame *
#define I32 int32_t
#define I64 int64_t
#define PTR void *
#define DESC(type) const type *
#define ASGC_ABI(name, ...) int32_t name(__VA_ARGS__);
#include "asgc/abi.def"
#undef FRAME
#undef I32
#undef I64
#undef PTR
#undef DESC

#ifdef __cplusplus
}
#endif
#endif
