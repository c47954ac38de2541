//===- Weights.h - Parameters in the files of other systems ---------------===//
#ifndef ASGC_WEIGHTS_H
#define ASGC_WEIGHTS_H

#include "asgc/Data.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace asgc {

/// A tensor of a file of weights.
struct WeightTensor {
  std::string name;
  std::string typeName; ///< as the file calls it: "f16", "q4_k", "c64"
  /// What its elements are read as: floats of 8 bits and quantized blocks as
  /// f32. Nothing if they cannot be read; all else about the tensor holds.
  std::optional<ElementType> type;
  std::vector<int64_t> shape;

  /// "f16[3, 4]".
  std::string describe() const;
};

/// An open file of weights, checked as a whole before anything of it is used:
/// every tensor lies in the file, and no two have the same name.
class WeightFile {
public:
  virtual ~WeightFile();
  /// The file as the caller named it, for messages.
  const std::string &path() const { return filePath; }
  /// In an order in which reading them is cheapest.
  const std::vector<WeightTensor> &tensors() const { return list; }
  /// Whether it is a checkpoint of `asgc train`, which holds more than weights.
  virtual bool isCheckpoint() const { return false; }

  /// The elements of tensor `index`, row-major and contiguous, perhaps not
  /// aligned; valid until the next call. They are not copied if the file holds
  /// them so. A tensor without a type is Unsupported.
  Result<std::span<const std::byte>> read(size_t index);
  /// Whether these lie in mapped pages of the file, and so stay valid as long
  /// as it is open.
  virtual bool isMapped(size_t) const { return false; }

protected:
  explicit WeightFile(std::string path) : filePath(std::move(path)) {}
  virtual Result<std::span<const std::byte>> readElements(size_t index) = 0;

  std::string filePath;
  std::vector<WeightTensor> list;
};

/// Whether `path` is called like a file that openWeights can read.
bool isWeightFile(const std::string &path);

/// Opens a file of weights, which its name says the kind of: .safetensors;
/// .pt, .pth, .bin and .ckpt (PyTorch); .gguf; .npz; .index.json (names the
/// files beside it that hold the tensors). `map`, if not empty, is a file of
/// rules by which tensors are renamed (docs/interop.md).
///
/// Nothing in a file is ever executed. A file that is not what it should be is
/// a fault of one line, "FILE: reason (offset N)".
Result<std::unique_ptr<WeightFile>> openWeights(const std::string &path,
                                                const std::string &map = "");

/// What `file` is called and holds; these are read from memory, for tests of
/// the readers. `name` stands in messages.
Result<std::unique_ptr<WeightFile>>
parseTorchWeights(std::span<const std::byte> file, const std::string &name);
Result<std::unique_ptr<WeightFile>>
parseGgufWeights(std::span<const std::byte> file, const std::string &name);

/// A variable that wants a value, and the memory for it; null to check only.
struct WeightTarget {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::byte *data = nullptr;
};

/// Gives every target its tensor, converted as convertElements does. Checks
/// everything before it writes anything: tensors that are missing, unexpected
/// or of another shape are all in one fault, which says that they do not fit
/// `model`. With `isPartial`, targets may be without a tensor, and keep their
/// values, and tensors without a target; shapes must agree all the same.
///
/// Passed over in any case: PyTorch's `num_batches_tracked`, which counts and
/// is read by nobody here, and what a checkpoint of ours holds besides weights.
MaybeFault loadWeights(WeightFile &file, std::span<const WeightTarget> targets,
                       const std::string &model, bool isPartial);

} // namespace asgc

#endif
