//===- Control.cpp - Programs that a program runs -------------------------===//
#include "../Program.h"

#include "asgc/abi.h"

#include <algorithm>
#include <cstring>

using namespace asgc::rt;

namespace {
using Run = int32_t (*)(asgc_frame *);

/// A place that a kernel may read and write as it does a buffer.
struct alignas(64) Scalar {
  char bytes[64];
};
} // namespace

int32_t asgc_rt_loop(asgc_frame *frame, const asgc_loop_desc *desc, void *body,
                     void *args) {
  void **const table = static_cast<void **>(args);
  const int64_t carried = desc->num_carried, collected = desc->num_collected;
  const int64_t places = collected ? resolve(desc->places, frame->dims) : 0;
  int64_t count =
      table[0] ? *static_cast<const int64_t *>(table[0]) : INT64_MAX;
  if (collected)
    count = std::min(count, places);
  void **const inits = table + 2;
  void **const invariants = inits + carried;
  void **const values = invariants + desc->num_invariants;
  void **const spares = values + carried + collected;
  void **const workspace = spares + carried + collected;
  void **const inputs = workspace + 1;
  void **const outputs = inputs + 1 + carried + desc->num_invariants;
  void **const results = outputs + desc->has_condition;

  Scalar index{}, goesOn{};
  goesOn.bytes[0] = table[1] ? *static_cast<const char *>(table[1]) : 1;
  inputs[0] = &index;
  std::copy_n(invariants, desc->num_invariants, inputs + 1 + carried);
  outputs[0] = &goesOn;
  std::copy_n(spares + carried, collected, results + carried);

  // Where step `place` of a collected value is.
  auto placeOf = [&](int64_t value, int64_t place) {
    return static_cast<char *>(values[value]) +
           place * resolve(desc->step_bytes[value], frame->dims);
  };
  asgc_frame inner = *frame;
  inner.arena = static_cast<char *>(*workspace);
  inner.inputs = inputs;
  inner.outputs = outputs;
  void **current = inits;
  int64_t step = 0;
  for (; step < count && goesOn.bytes[0]; ++step) {
    void **const next = current == values ? spares : values;
    std::memcpy(&index, &step, sizeof step);
    std::copy_n(current, carried, inputs + 1);
    std::copy_n(next, carried, results);
    if (int32_t status = reinterpret_cast<Run>(body)(&inner))
      return status;
    current = next;
    for (int64_t i = carried; i < carried + collected; ++i)
      std::memcpy(placeOf(i, step), spares[i],
                  size_t(resolve(desc->step_bytes[i], frame->dims)));
  }
  for (int64_t i = carried; i < carried + collected; ++i)
    std::memset(placeOf(i, step), 0,
                size_t(placeOf(i, places) - placeOf(i, step)));
  for (int64_t i = 0; i < carried && current != values; ++i)
    std::memcpy(values[i], current[i],
                size_t(resolve(desc->step_bytes[i], frame->dims)));
  return ASGC_OK;
}

int32_t asgc_rt_if(asgc_frame *frame, void *then_body, void *else_body,
                   void *args, void *outputs) {
  void **const table = static_cast<void **>(args);
  const bool isThen = *static_cast<const char *>(table[0]);
  asgc_frame inner = *frame;
  inner.arena = static_cast<char *>(table[1]);
  inner.inputs = table + 2;
  inner.outputs = static_cast<void **>(outputs);
  return reinterpret_cast<Run>(isThen ? then_body : else_body)(&inner);
}
