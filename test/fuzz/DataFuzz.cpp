//===- DataFuzz.cpp - Data sets of every format from hostile hands --------===//
#include "asgc/Data.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace asgc;

namespace {
/// A file in memory, read under the name it has in /proc.
class MemoryFile {
public:
  explicit MemoryFile(std::span<const uint8_t> bytes)
      : descriptor(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (write(descriptor, bytes.data(), bytes.size()) != ssize_t(bytes.size()))
      std::abort();
  }
  ~MemoryFile() { close(descriptor); }
  std::string path() const {
    return "/proc/self/fd/" + std::to_string(descriptor);
  }

private:
  int descriptor;
};
} // namespace

/// The first bytes choose format and options, the rest is the file. A data set
/// that loads must go through an epoch of batches.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  MemoryFile file({data + 2, size - 2});
  DataRecipe recipe;
  recipe.format = DataFormat(data[0] % 5);
  recipe.path = file.path();
  recipe.tokenizer = data[1] & 1 ? Tokenizer::Chars : Tokenizer::Bytes;
  recipe.window = 1 + (data[1] >> 1 & 3);
  recipe.standardize = data[1] & 8;
  recipe.oneHot = data[1] & 16 ? 4 : 0;
  recipe.header = data[1] & 32 ? CsvHeader::Present : CsvHeader::Auto;
  if (data[1] & 64)
    recipe.label = -1;
  recipe.delimiter = data[1] & 128 ? ' ' : ',';
  Result<DataSplit> split = loadData(recipe, "");
  if (!split) {
    if (split.fault().message.empty())
      std::abort();
    return 0;
  }
  LoaderOptions options;
  options.batch = 3;
  options.shuffle = true;
  for (const Column &column : split->train.data->columns)
    options.columns.push_back({column.name, ElementType::F32});
  Result<std::unique_ptr<Loader>> loader =
      Loader::create(split->train, options);
  for (int i = 0; loader && i < 4; ++i)
    if (!(*loader)->next())
      std::abort();
  return 0;
}
