//===- Data.h - Files of examples become batches of tensors ---------------===//
#ifndef ASGC_DATA_H
#define ASGC_DATA_H

#include "asgc/Recipe.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace asgc {

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

/// Whose failure it is; decides the exit code of a program.
enum class FaultKind {
  Input,       ///< a file or a recipe is wrong
  Unsupported, ///< well-formed, but not supported
  Environment, ///< a file that is not there, a full disk, no memory
  Internal
};

/// A failure: one sentence that names the file, the place, what was expected
/// and what was found.
struct Fault {
  FaultKind kind = FaultKind::Input;
  std::string message;
};

/// Empty on success.
using MaybeFault = std::optional<Fault>;

/// A value, or why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::move(value)) {}
  Result(Fault fault) : state(std::move(fault)) {}
  explicit operator bool() const { return state.index() == 0; }
  T &operator*() { return std::get<0>(state); }
  const T &operator*() const { return std::get<0>(state); }
  T *operator->() { return &std::get<0>(state); }
  const T *operator->() const { return &std::get<0>(state); }
  const Fault &fault() const { return std::get<1>(state); }

private:
  std::variant<T, Fault> state;
};

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

/// The element types that data files hold; more than compiled programs take.
enum class ElementType : uint8_t {
  F16,
  BF16,
  F32,
  F64,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  Bool
};

size_t elementBytes(ElementType type);
/// "f32", "u8", "bool".
std::string_view elementName(ElementType type);
bool isFloat(ElementType type);

/// Bytes of `shape` elements of `type`, or nothing if that overflows or an
/// extent is negative.
std::optional<int64_t> arrayBytes(ElementType type,
                                  std::span<const int64_t> shape);

/// Reads elements [first, first + out.size()) at `data` as doubles; u64 and i64
/// beyond 2⁵³ are rounded.
void loadElements(ElementType type, const std::byte *data, size_t first,
                  std::span<double> out);
/// Writes `values` as `type`: floats are rounded to nearest even, integers
/// truncated (the value must be in range), bool is value ≠ 0.
void storeElements(ElementType type, std::span<const double> values,
                   std::byte *data);

/// Writes `count` elements at `data` as elements of type `to`. Floats round to
/// nearest; other types must hold every number as it is: the fault names the
/// first element of `what` ("input 'x'") that they cannot.
MaybeFault convertElements(ElementType from, const std::byte *data,
                           size_t count, ElementType to, std::byte *out,
                           const std::string &what);

/// A row-major array in memory.
struct Array {
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;

  int64_t elements() const;
};

/// A named array of a file.
struct NamedArray {
  std::string name;
  Array array;
};

/// Reads a .npy file (versions 1 to 3, both byte orders, C and Fortran order);
/// arrays of objects or records are Unsupported.
Result<Array> readNpy(const std::string &path);
/// The same from memory; `name` stands in messages.
Result<Array> parseNpy(std::span<const std::byte> file,
                       const std::string &name);
/// Reads every array of a .npz file, in the order of the file.
Result<std::vector<NamedArray>> readNpz(const std::string &path);
/// The bytes of a .npy file (version 1; 2 if the header is long).
std::vector<std::byte> formatNpy(const Array &array);
/// Writes a .npy file: to a temporary name beside `path`, then rename.
MaybeFault writeNpy(const std::string &path, const Array &array);
/// Reads an onnx.TensorProto, as ONNX's test data are stored (.pb).
Result<Array> readTensorProto(const std::string &path);
/// The same from memory; `name` stands in messages.
Result<Array> parseTensorProto(std::span<const std::byte> file,
                               const std::string &name);
/// Reads an IDX file, plain or gzip.
Result<Array> readIdx(const std::string &path);

//===----------------------------------------------------------------------===//
// Data sets
//===----------------------------------------------------------------------===//

/// What happens to an element on its way into a batch:
/// y = ((x · scale + offset) − mean[i]) / deviation[i], then one-hot.
struct Transform {
  double scale = 1.0;
  double offset = 0.0;
  std::vector<double> mean;      ///< empty, or one per element of an item
  std::vector<double> deviation; ///< as many; never 0
  int64_t oneHot = 0;            ///< classes; 0 leaves the number

  bool isIdentity() const;
  /// True if only the type may change, not the number.
  bool isAffineIdentity() const;
};

/// One named array whose leading dim counts items. Storage is shared, so that
/// columns may overlap (the next tokens of a text are its tokens, one later).
struct Column {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> itemShape; ///< of the stored item, before one-hot
  int64_t itemElements = 1;
  std::shared_ptr<const std::vector<std::byte>> storage;
  int64_t offset = 0; ///< bytes before item 0
  int64_t stride = 0; ///< bytes from item to item
  /// What the ids stand for, if they are ids of names: classes or characters.
  std::vector<std::string> names;
  Transform transform;

  /// Shape of an item in a batch.
  std::vector<int64_t> batchItemShape() const;
  const std::byte *item(int64_t index) const {
    return storage->data() + offset + index * stride;
  }
};

/// Columns of equal length.
struct Dataset {
  std::string source; ///< the file, for messages
  int64_t items = 0;
  std::vector<Column> columns;

  const Column *find(std::string_view name) const;
};

/// Some items of a data set, in an order.
struct DataPart {
  std::shared_ptr<const Dataset> data;
  std::vector<uint32_t> items;
};

/// A data set as a recipe describes it.
struct DataSplit {
  DataPart train;
  DataPart test; ///< no items if the recipe leaves none to test
  /// CRC-32 of the columns' types, shapes and bytes: tells a resumed run that
  /// the data changed.
  uint32_t fingerprint = 0;
};

/// Loads what `recipe` describes; relative paths are relative to `baseDir`.
Result<DataSplit> loadData(const DataRecipe &recipe,
                           const std::string &baseDir);

/// CRC-32 (as in gzip) of `bytes`, continuing from `seed`.
uint32_t crc32Of(std::span<const std::byte> bytes, uint32_t seed = 0);

//===----------------------------------------------------------------------===//
// Batches
//===----------------------------------------------------------------------===//

/// A column as the consumer wants it.
struct BatchColumn {
  std::string column;
  ElementType type = ElementType::F32;
};

/// Says why items of `part` cannot become `wanted` without losing what they
/// mean (no such column, 3.5 as an integer, 300 as i8).
MaybeFault checkColumn(const DataPart &part, const BatchColumn &wanted);

/// Writes `items` of `column`, transformed and converted, at `out`.
void gatherItems(const Column &column, ElementType type,
                 std::span<const uint32_t> items, std::byte *out);

/// The permutation of 0..count that (seed, stream) determines: a Fisher-Yates
/// shuffle drawn from Philox 4x32-10.
std::vector<uint32_t> permutation(uint32_t count, uint64_t seed,
                                  uint64_t stream);

/// Bytes aligned to a cache line.
class AlignedBytes {
public:
  /// Makes room for `bytes`; the old contents are lost when it grows.
  void resize(size_t bytes);
  std::byte *data() { return memory.get(); }
  const std::byte *data() const { return memory.get(); }
  size_t size() const { return used; }

private:
  struct Delete {
    void operator()(std::byte *bytes) const;
  };
  std::unique_ptr<std::byte, Delete> memory;
  size_t used = 0, capacity = 0;
};

/// The place of a batch in a run, which is all the state a loader has.
struct LoaderPosition {
  int64_t epoch = 0;
  int64_t batch = 0;
  bool operator==(const LoaderPosition &) const = default;
};

struct Batch {
  LoaderPosition position;
  int64_t items = 0;
  bool isLastOfEpoch = false;
  std::vector<AlignedBytes> columns; ///< as LoaderOptions::columns
};

struct LoaderOptions {
  std::vector<BatchColumn> columns;
  int64_t batch = 1;
  bool dropLast = false;
  bool shuffle = false;
  uint64_t seed = 0;
};

/// Produces what `fill` makes one batch ahead, on its own thread, in order.
class Prefetcher {
public:
  /// Fills `batch` for the position it carries; called by one thread at a time.
  using Fill = std::function<MaybeFault(Batch &batch)>;

  Prefetcher(Fill fill, int64_t batchesPerEpoch, LoaderPosition start);
  ~Prefetcher(); ///< ends the thread, whatever it waits for
  Prefetcher(const Prefetcher &) = delete;
  Prefetcher &operator=(const Prefetcher &) = delete;

  /// The next batch, valid until the next call; or the failure of its fill,
  /// which every later call repeats.
  Result<const Batch *> next();

private:
  struct State;
  std::unique_ptr<State> state;
};

/// Walks through a part epoch after epoch.
class Loader {
public:
  /// Fails if a column is missing or cannot be converted, or if the part holds
  /// no batch.
  static Result<std::unique_ptr<Loader>> create(DataPart part,
                                                LoaderOptions options);
  ~Loader();

  int64_t batchesPerEpoch() const;
  /// Where the next batch comes from.
  LoaderPosition position() const;
  /// Fails if the part has no such batch; the position then stays.
  MaybeFault seek(LoaderPosition position);
  /// The next batch, valid until the next call of next() or seek().
  Result<const Batch *> next();

private:
  struct State;
  explicit Loader(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace asgc

#endif
