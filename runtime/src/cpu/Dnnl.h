//===- Dnnl.h - oneDNN primitives for one thread --------------------------===//
#ifndef ASGC_RT_CPU_DNNL_H
#define ASGC_RT_CPU_DNNL_H

#include "DnnlApi.h"
#include "asgc/program.h"
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace asgc::rt {

/// Owns a handle of oneDNN's C API; `destroy` points to the variable that holds
/// the function.
template <auto destroy, typename Handle> struct DnnlDestroyer {
  using pointer = Handle;
  void operator()(Handle handle) const { (*destroy)(handle); }
};
template <typename Handle, auto destroy>
using DnnlOwner = std::unique_ptr<std::remove_pointer_t<Handle>,
                                  DnnlDestroyer<destroy, Handle>>;

using DnnlEngine = DnnlOwner<dnnl_engine_t, &dnnl_engine_destroy>;
using DnnlStream = DnnlOwner<dnnl_stream_t, &dnnl_stream_destroy>;
using DnnlMemory = DnnlOwner<dnnl_memory_t, &dnnl_memory_destroy>;
using DnnlPrimitive = DnnlOwner<dnnl_primitive_t, &dnnl_primitive_destroy>;
using DnnlPrimitiveDesc =
    DnnlOwner<dnnl_primitive_desc_t, &dnnl_primitive_desc_destroy>;
using DnnlAttributes =
    DnnlOwner<dnnl_primitive_attr_t, &dnnl_primitive_attr_destroy>;

/// The engine and a stream for each thread of a program's pool.
class Dnnl {
public:
  /// Null if oneDNN refuses.
  static std::unique_ptr<Dnnl> create(int threads);

  dnnl_engine_t engine() const { return engine_.get(); }
  dnnl_stream_t stream(int worker) const { return streams_[worker].get(); }
  int threads() const { return int(streams_.size()); }

private:
  DnnlEngine engine_;
  std::vector<DnnlStream> streams_;
};

/// A primitive that any thread of the pool may run, each by itself: it uses no
/// other thread, and its scratchpad is the caller's.
class DnnlOperation {
public:
  /// One argument: its DNNL_ARG_* and where its type is found.
  struct Argument {
    int id;
    dnnl_memory_desc_t desc;
  };

  /// Makes the primitive that `opDesc` describes, by the implementation whose
  /// name begins with `wanted`, or oneDNN's first choice if that is null. A
  /// gradient needs the description of its forward primitive as `hint`. False
  /// if there is none, or only reference code, which is slower than ours.
  bool create(const Dnnl &dnnl, const_dnnl_op_desc_t opDesc,
              const_dnnl_primitive_attr_t attributes,
              const char *wanted = nullptr,
              const_dnnl_primitive_desc_t hint = nullptr);
  /// Only the description of that primitive, to ask for layouts.
  bool describe(const Dnnl &dnnl, const_dnnl_op_desc_t opDesc,
                const_dnnl_primitive_attr_t attributes,
                const char *wanted = nullptr,
                const_dnnl_primitive_desc_t hint = nullptr);
  const_dnnl_primitive_desc_t description() const { return description_.get(); }
  /// Makes the primitive that changes the layout of a tensor.
  bool createReorder(const Dnnl &dnnl, const dnnl_memory_desc_t &from,
                     const dnnl_memory_desc_t &to);

  /// Sets the arguments of `run`, in order; after create.
  bool bind(const Dnnl &dnnl, std::vector<Argument> arguments);

  /// Runs on the calling thread, which is `worker`. `addresses` are those of
  /// bind's arguments, `scratch` has scratchBytes().
  bool run(const Dnnl &dnnl, int worker, void *const *addresses,
           void *scratch) const;

  /// The layout that the primitive wants for `what`.
  dnnl_memory_desc_t desc(dnnl_query_t what) const;
  size_t scratchBytes() const { return scratchBytes_; }

private:
  bool build();

  DnnlPrimitiveDesc description_;
  DnnlPrimitive primitive_;
  size_t scratchBytes_ = 0;
  size_t numArguments_ = 0;
  /// For each thread the arguments and the scratchpad, one after the other.
  std::vector<DnnlMemory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

/// oneDNN's type for `dtype`; undefined if it has none.
dnnl_data_type_t dnnlType(int32_t dtype);

/// A dense or strided tensor without blocks.
dnnl_memory_desc_t dnnlStrided(int32_t dtype,
                               std::initializer_list<int64_t> dims,
                               std::initializer_list<int64_t> strides);
/// A tensor whose layout oneDNN chooses.
dnnl_memory_desc_t dnnlAny(int32_t dtype, std::initializer_list<int64_t> dims);

/// Attributes that leave the scratchpad to the caller.
DnnlAttributes dnnlAttributes();

/// Whether two layouts are the same.
inline bool isSame(const dnnl_memory_desc_t &a, const dnnl_memory_desc_t &b) {
  return dnnl_memory_desc_equal(&a, &b) != 0;
}

} // namespace asgc::rt
#endif
