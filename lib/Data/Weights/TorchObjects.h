//===- TorchObjects.h - What the names in PyTorch's pickles mean ----------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_TORCHOBJECTS_H
#define ASGC_LIB_DATA_WEIGHTS_TORCHOBJECTS_H

#include "Float8.h"
#include "Pickle.h"

namespace asgc {

/// An element type of PyTorch.
struct TorchType {
  std::string_view dtype;   ///< "float16"
  std::string_view storage; ///< "HalfStorage"; empty if it has none of its own
  std::string_view name;    ///< "f16"
  int64_t bytes;
  std::optional<ElementType> type; ///< nothing if it cannot be read
  std::optional<Float8> small;     ///< then it is read as f32
};

/// A piece of memory that tensors lie in.
struct TorchStorage {
  std::string_view key;            ///< of the memory, which several may name
  const TorchType *type = nullptr; ///< null: bytes, which tensors give a type
  int64_t first = 0;               ///< element of the memory where it begins
  int64_t elements = 0;            ///< bytes of an untyped storage
  int64_t memoryElements = 0;      ///< of the whole memory
  PickleRef id = 0;                ///< where the pickle names it

  int64_t elementBytes() const { return type ? type->bytes : 1; }
};

struct TorchTensor {
  size_t storage = 0; ///< index in TorchObjects
  const TorchType *type = nullptr;
  int64_t first = 0; ///< element of the storage
  std::vector<int64_t> shape, strides;
  PickleRef id = 0; ///< where the pickle names its storage
};

/// Knows the few names that a file of tensors needs: ordered dicts, storages,
/// types, and the functions that put a tensor together. Objects of the machine
/// are tensors (number ≥ 0), or things of no interest (−1), or storages (−2 −
/// n).
class TorchObjects final : public PickleMachine::Host {
public:
  bool knows(std::string_view name) const override;
  Result<PickleValue> call(PickleMachine &machine, std::string_view name,
                           const std::vector<PickleRef> &arguments) override;
  Result<PickleValue> load(PickleMachine &machine, PickleRef id) override;

  std::vector<TorchStorage> storages;
  std::vector<TorchTensor> tensors;

private:
  Result<PickleValue> makeTensor(PickleMachine &machine,
                                 const std::vector<PickleRef> &arguments,
                                 bool isTyped);
};

} // namespace asgc

#endif
