//===- Pooling.cpp - 2-D pooling and its gradients ------------------------===//
#include "Dtype.h"
#include "Element.h"
#include "Kernels.h"
#include "Program.h"
#include "asgc/abi.h"
#include <algorithm>

#define ASGC_ISA_NAMESPACE asgc::rt::anytype
#include "PoolLoops.h"

namespace asgc::rt {

namespace {

/// A 16-bit or other type for the loops of PoolLoops.h.
template <typename T> struct ElementAccess {
  using Stored = T;
  using Number = NumberOf<T>;
  static Number load(T x) { return loadElement(x); }
  static T store(Number x) {
    T to;
    storeElement(to, x);
    return to;
  }
};

/// One call: the geometry, and how many planes there are.
struct Pooling {
  asgc_program &program;
  const CpuKernels &kernels;
  PoolGeometry g{};
  int32_t dtype;
  int64_t planes;

  Pooling(asgc_program &program, const asgc_pool_desc &desc,
          const int64_t *dims)
      : program(program), kernels(cpuKernels(program.isa)), dtype(desc.dtype),
        planes(resolve(desc.n, dims) * resolve(desc.c, dims)) {
    g.h = resolve(desc.h, dims);
    g.w = resolve(desc.w, dims);
    g.oh = resolve(desc.oh, dims);
    g.ow = resolve(desc.ow, dims);
    for (int i = 0; i < 2; ++i) {
      g.kernel[i] = desc.kernel[i];
      g.stride[i] = desc.stride[i];
      g.pad[i] = desc.pad_low[i];
      g.dilation[i] = desc.dilation[i];
    }
    g.countsPadding = desc.count_include_pad != 0;
  }

  int64_t inputs() const { return g.h * g.w; }
  int64_t outputs() const { return g.oh * g.ow; }

  asgc_status unsupported(const char *what) const {
    return fail(program, ASGC_UNSUPPORTED,
                text(what, " of dtype ", nameOf(dtype)));
  }

  /// Calls body(plane, scratch of this thread) for every plane; `scratchBytes`
  /// for each thread.
  template <typename Body>
  asgc_status forEachPlane(int64_t scratchBytes, const Body &body) const {
    if (!program.pool.reserveScratch(scratchBytes))
      return fail(program, ASGC_OUT_OF_MEMORY,
                  text("cannot allocate ", scratchBytes,
                       " bytes of scratch memory for pooling"));
    // About 10 microseconds for a thread to begin with.
    const int64_t work =
        inputs() + outputs() * g.kernel[0] * g.kernel[1] / 2 + 1;
    auto range = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t plane = begin; plane < end; ++plane)
        body(plane, program.pool.scratch(worker));
    };
    program.pool.forEachRange(planes, 1 + 10000 / work, range);
    return ASGC_OK;
  }
};

/// The value below all others.
template <typename T> T lowestOf() {
  T lowest;
  using Number = NumberOf<T>;
  if constexpr (std::is_floating_point_v<Number>)
    storeElement(lowest, -std::numeric_limits<Number>::infinity());
  else
    lowest = std::numeric_limits<T>::lowest();
  return lowest;
}

template <typename T>
asgc_status runMaxPool(const Pooling &p, const T *x, T *y, int32_t *indices) {
  const int64_t rowBytes = p.g.ow * int64_t(sizeof(int32_t));
  return p.forEachPlane(rowBytes, [&](int64_t plane, char *scratch) {
    const T *from = x + plane * p.inputs();
    T *to = y + plane * p.outputs();
    int32_t *places = reinterpret_cast<int32_t *>(scratch);
    int32_t *where = indices ? indices + plane * p.outputs() : nullptr;
    if constexpr (std::is_same_v<T, float>)
      p.kernels.maxPool(p.g, from, to, where, places);
    else
      anytype::maxPoolPlane<ElementAccess<T>>(p.g, from, to, where, places,
                                              lowestOf<T>());
  });
}

/// dx += dy at the places of the maxima, summed in f32 for 16-bit types.
template <typename T>
asgc_status runMaxUnpool(const Pooling &p, const T *dy, const int32_t *indices,
                         T *dx) {
  using Number = NumberOf<T>;
  const int64_t bytes = p.inputs() * int64_t(sizeof(Number));
  constexpr bool direct = std::is_same_v<T, Number>;
  return p.forEachPlane(direct ? 0 : bytes, [&](int64_t plane, char *scratch) {
    T *to = dx + plane * p.inputs();
    const T *from = dy + plane * p.outputs();
    const int32_t *where = indices + plane * p.outputs();
    Number *sums = reinterpret_cast<Number *>(direct ? (char *)to : scratch);
    std::fill_n(sums, p.inputs(), Number(0));
    for (int64_t o = 0; o < p.outputs(); ++o)
      if (where[o] >= 0 && where[o] < p.inputs())
        sums[where[o]] = addNumbers(sums[where[o]], loadElement(from[o]));
    for (int64_t i = 0; !direct && i < p.inputs(); ++i)
      storeElement(to[i], sums[i]);
  });
}

template <typename T>
asgc_status runPoolGather(const Pooling &p, const T *x, const int32_t *indices,
                          T *y) {
  return p.forEachPlane(0, [&](int64_t plane, char *) {
    const T *from = x + plane * p.inputs();
    const int32_t *where = indices + plane * p.outputs();
    T *to = y + plane * p.outputs();
    for (int64_t o = 0; o < p.outputs(); ++o)
      to[o] = where[o] >= 0 && where[o] < p.inputs() ? from[where[o]] : T();
  });
}

template <typename T>
asgc_status runAvgPool(const Pooling &p, const T *x, T *y) {
  using Number = NumberOf<T>;
  const int64_t bytes = 2 * p.g.ow * int64_t(sizeof(Number));
  return p.forEachPlane(bytes, [&](int64_t plane, char *scratch) {
    const T *from = x + plane * p.inputs();
    T *to = y + plane * p.outputs();
    Number *rows = reinterpret_cast<Number *>(scratch);
    if constexpr (std::is_same_v<T, float>)
      p.kernels.avgPool(p.g, from, to, rows);
    else
      anytype::avgPoolPlane<ElementAccess<T>>(p.g, from, to, rows);
  });
}

template <typename T>
asgc_status runAvgPoolBackward(const Pooling &p, const T *dy, T *dx) {
  using Number = NumberOf<T>;
  constexpr bool direct = std::is_same_v<T, Number>;
  const int64_t numbers = 2 * p.g.ow + (direct ? 0 : p.inputs());
  return p.forEachPlane(numbers * int64_t(sizeof(Number)), [&](int64_t plane,
                                                               char *scratch) {
    const T *from = dy + plane * p.outputs();
    T *to = dx + plane * p.inputs();
    Number *rows = reinterpret_cast<Number *>(scratch);
    Number *sums = direct ? reinterpret_cast<Number *>(to) : rows + 2 * p.g.ow;
    std::fill_n(sums, p.inputs(), Number(0));
    if constexpr (std::is_same_v<T, float>)
      p.kernels.avgPoolBackward(p.g, from, sums, rows);
    else
      anytype::avgPoolBackwardPlane<ElementAccess<T>>(p.g, from, sums, rows);
    for (int64_t i = 0; !direct && i < p.inputs(); ++i)
      storeElement(to[i], sums[i]);
  });
}

/// Calls run(T *) with a null pointer of the element type.
template <typename Run>
asgc_status dispatch(const Pooling &p, const char *what, bool floatsOnly,
                     const Run &run) {
  asgc_status status = ASGC_OK;
  auto call = [&](auto element) {
    status = run(static_cast<decltype(element) *>(nullptr));
  };
  const bool known = floatsOnly ? withFloatType(p.dtype, call)
                                : withElementType(p.dtype, call);
  return known ? status : p.unsupported(what);
}

/// The address of a buffer as that of elements like `*type`.
template <typename T> T *as(T *, void *data) { return static_cast<T *>(data); }

} // namespace

} // namespace asgc::rt

using namespace asgc::rt;

int32_t asgc_rt_max_pool2d(asgc_frame *frame, int32_t kernel,
                           const asgc_pool_desc *desc, void *x, void *y,
                           void *indices) {
  ProfileScope profile(*frame->program, kernel);
  const Pooling p(*frame->program, *desc, frame->dims);
  return dispatch(p, "max_pool2d", false, [&](auto *type) {
    return runMaxPool(p, as(type, x), as(type, y),
                      static_cast<int32_t *>(indices));
  });
}

int32_t asgc_rt_max_unpool2d(asgc_frame *frame, int32_t kernel,
                             const asgc_pool_desc *desc, void *dy,
                             void *indices, void *dx) {
  ProfileScope profile(*frame->program, kernel);
  const Pooling p(*frame->program, *desc, frame->dims);
  return dispatch(p, "max_unpool2d", false, [&](auto *type) {
    return runMaxUnpool(p, as(type, dy), static_cast<int32_t *>(indices),
                        as(type, dx));
  });
}

int32_t asgc_rt_pool_gather2d(asgc_frame *frame, int32_t kernel,
                              const asgc_pool_desc *desc, void *x,
                              void *indices, void *y) {
  ProfileScope profile(*frame->program, kernel);
  const Pooling p(*frame->program, *desc, frame->dims);
  return dispatch(p, "pool_gather2d", false, [&](auto *type) {
    return runPoolGather(p, as(type, x), static_cast<int32_t *>(indices),
                         as(type, y));
  });
}

int32_t asgc_rt_avg_pool2d(asgc_frame *frame, int32_t kernel,
                           const asgc_pool_desc *desc, void *x, void *y) {
  ProfileScope profile(*frame->program, kernel);
  const Pooling p(*frame->program, *desc, frame->dims);
  return dispatch(p, "avg_pool2d", true, [&](auto *type) {
    return runAvgPool(p, as(type, x), as(type, y));
  });
}

int32_t asgc_rt_avg_pool2d_backward(asgc_frame *frame, int32_t kernel,
                                    const asgc_pool_desc *desc, void *dy,
                                    void *dx) {
  ProfileScope profile(*frame->program, kernel);
  const Pooling p(*frame->program, *desc, frame->dims);
  return dispatch(p, "avg_pool2d_backward", true, [&](auto *type) {
    return runAvgPoolBackward(p, as(type, dy), as(type, dx));
  });
}
