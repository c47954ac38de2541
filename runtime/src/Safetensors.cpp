//===- Safetensors.cpp - Reads safetensors files --------------------------===//
#include "asgc/safetensors.h"
#include "Error.h"
#include "Json.h"
#include "SafetensorsTypes.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace asgc::rt;

/// What the format's reference implementation allows too.
static constexpr uint64_t maxHeaderBytes = 100'000'000;
static constexpr uint32_t maxRank = 64;

struct asgc_safetensors {
  std::string path;
  std::string_view bytes;
  bool mapped = false;
  /// Names and metadata with a zero at the end of each.
  std::deque<std::string> strings;
  std::deque<std::vector<int64_t>> shapes;
  std::vector<asgc_safetensors_tensor> tensors;
  std::vector<uint32_t> byName; ///< indices of `tensors`, sorted by name
  std::vector<std::pair<const char *, const char *>> metadata;

  ~asgc_safetensors() {
    if (mapped)
      munmap(const_cast<char *>(bytes.data()), bytes.size());
  }
};

namespace {

/// Turns the bytes of a file into its tensors, or says what is wrong with them.
class Reader {
public:
  explicit Reader(asgc_safetensors &file) : file_(file) {}

  asgc_status read();

private:
  using Value = json::Value;

  asgc_status corrupt(size_t offset, const std::string &reason) {
    return fail(ASGC_CORRUPT_FILE,
                text(file_.path, ": ", reason, " (offset ", offset, ")"));
  }
  /// A fault at `value` of the header.
  asgc_status corrupt(const Value &value, const std::string &reason) {
    return corrupt(8 + value.offset, reason);
  }
  const char *keep(std::string_view string) {
    return file_.strings.emplace_back(string).c_str();
  }
  asgc_status readHeaderLength();
  asgc_status readMetadata(const Value &object);
  asgc_status readTensor(const Value &object);
  asgc_status readShape(const Value &object, asgc_safetensors_tensor &tensor,
                        int64_t &elements);
  asgc_status readExtent(const Value &object, const SafetensorsType &type,
                         int64_t elements, asgc_safetensors_tensor &tensor);
  asgc_status checkCoverage();
  void indexNames();

  asgc_safetensors &file_;
  json::Document header_;
  uint64_t headerBytes_ = 0;
  size_t dataStart_ = 0;
};

std::string quoted(std::string_view name) {
  std::string out;
  json::appendQuoted(out, name);
  return out;
}

asgc_status Reader::readHeaderLength() {
  const size_t size = file_.bytes.size();
  if (size < 8)
    return corrupt(0,
                   text("expected the 8 bytes of a header length, got ", size));
  for (int i = 7; i >= 0; --i)
    headerBytes_ =
        headerBytes_ << 8 | static_cast<unsigned char>(file_.bytes[size_t(i)]);
  if (headerBytes_ > maxHeaderBytes)
    return corrupt(0,
                   text("header of ", headerBytes_,
                        " bytes is longer than the allowed ", maxHeaderBytes));
  if (headerBytes_ > size - 8)
    return corrupt(0, text("header of ", headerBytes_,
                           " bytes reaches beyond the file of ", size));
  dataStart_ = 8 + headerBytes_;
  return ASGC_OK;
}

asgc_status Reader::read() {
  if (asgc_status status = readHeaderLength())
    return status;
  json::ParseError error;
  if (!header_.parse(file_.bytes.substr(8, headerBytes_), error, 8))
    return corrupt(8 + error.offset, "header is not JSON: " + error.reason);
  const Value &root = header_.root();
  if (!root.isObject())
    return corrupt(root, "header is not a JSON object");
  file_.tensors.reserve(root.size());
  for (const Value &member : header_.childrenOf(root)) {
    asgc_status status = member.key == "__metadata__" ? readMetadata(member)
                                                      : readTensor(member);
    if (status)
      return status;
  }
  if (asgc_status status = checkCoverage())
    return status;
  indexNames();
  return ASGC_OK;
}

asgc_status Reader::readMetadata(const Value &object) {
  if (!object.isObject())
    return corrupt(object, "__metadata__ is not an object");
  for (const Value &member : header_.childrenOf(object)) {
    if (!member.isString())
      return corrupt(member,
                     text("metadata ", quoted(member.key), " is not a string"));
    file_.metadata.emplace_back(keep(member.key), keep(member.text()));
  }
  return ASGC_OK;
}

asgc_status Reader::readTensor(const Value &object) {
  const std::string name = quoted(object.key);
  if (object.key.find('\0') != std::string_view::npos)
    return corrupt(object, text("tensor name ", name, " holds a zero byte"));
  if (!object.isObject())
    return corrupt(object, text("tensor ", name, " is not an object"));
  const Value *dtype = header_.find(object, "dtype");
  if (!dtype || !dtype->isString())
    return corrupt(object, text("tensor ", name, " has no dtype"));
  const SafetensorsType *type = findSafetensorsType(dtype->text());
  if (!type)
    return corrupt(*dtype, text("tensor ", name, " has the unknown dtype ",
                                quoted(dtype->text())));
  asgc_safetensors_tensor tensor{};
  tensor.name = keep(object.key);
  tensor.dtype_name = type->name;
  tensor.dtype = type->dtype;
  int64_t elements = 0;
  if (asgc_status status = readShape(object, tensor, elements))
    return status;
  if (asgc_status status = readExtent(object, *type, elements, tensor))
    return status;
  file_.tensors.push_back(tensor);
  return ASGC_OK;
}

asgc_status Reader::readShape(const Value &object,
                              asgc_safetensors_tensor &tensor,
                              int64_t &elements) {
  const Value *shape = header_.find(object, "shape");
  if (!shape || !shape->isArray())
    return corrupt(object,
                   text("tensor ", quoted(object.key), " has no shape"));
  if (shape->size() > maxRank)
    return corrupt(*shape,
                   text("tensor ", quoted(object.key), " has ", shape->size(),
                        " dims, at most ", maxRank, " are allowed"));
  std::vector<int64_t> &dims = file_.shapes.emplace_back();
  // The product must not overflow even when another extent is 0.
  int64_t product = 1;
  elements = 1;
  for (const Value &dim : header_.childrenOf(*shape)) {
    if (!dim.isInteger() || dim.integer < 0)
      return corrupt(dim, text("tensor ", quoted(object.key),
                               " has an extent that is no size"));
    if (__builtin_mul_overflow(product, std::max<int64_t>(dim.integer, 1),
                               &product))
      return corrupt(dim, text("tensor ", quoted(object.key), " is too large"));
    elements *= dim.integer;
    dims.push_back(dim.integer);
  }
  tensor.rank = int32_t(dims.size());
  tensor.dims = dims.data();
  return ASGC_OK;
}

asgc_status Reader::readExtent(const Value &object, const SafetensorsType &type,
                               int64_t elements,
                               asgc_safetensors_tensor &tensor) {
  const std::string name = quoted(object.key);
  const Value *offsets = header_.find(object, "data_offsets");
  if (!offsets || !offsets->isArray() || offsets->size() != 2)
    return corrupt(object, text("tensor ", name, " has no data_offsets"));
  int64_t range[2], *next = range;
  for (const Value &offset : header_.childrenOf(*offsets)) {
    if (!offset.isInteger() || offset.integer < 0)
      return corrupt(offset,
                     text("tensor ", name, " has an invalid data offset"));
    *next++ = offset.integer;
  }
  const int64_t size = int64_t(file_.bytes.size() - dataStart_);
  if (range[0] > range[1] || range[1] > size)
    return corrupt(*offsets,
                   text("tensor ", name, " lies at ", range[0], " to ",
                        range[1], " of ", size, " bytes of data"));
  if (__builtin_mul_overflow(elements, type.bytes, &tensor.bytes) ||
      tensor.bytes != range[1] - range[0])
    return corrupt(*offsets, text("tensor ", name, " has ", range[1] - range[0],
                                  " bytes, its shape needs ", elements, " x ",
                                  type.bytes));
  tensor.data = file_.bytes.data() + dataStart_ + range[0];
  return ASGC_OK;
}

/// The data must be covered exactly: a gap could hide something, an overlap
/// makes one tensor change with another.
asgc_status Reader::checkCoverage() {
  std::vector<const asgc_safetensors_tensor *> order;
  order.reserve(file_.tensors.size());
  for (const asgc_safetensors_tensor &tensor : file_.tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto *a, const auto *b) {
    return a->data != b->data ? a->data < b->data : a->bytes < b->bytes;
  });
  const char *expected = file_.bytes.data() + dataStart_;
  for (const asgc_safetensors_tensor *tensor : order) {
    const char *begin = static_cast<const char *>(tensor->data);
    if (begin != expected)
      return corrupt(size_t(std::min(begin, expected) - file_.bytes.data()),
                     text("tensor ", quoted(tensor->name),
                          begin < expected ? " overlaps the one before it"
                                           : " leaves a gap before it"));
    expected = begin + tensor->bytes;
  }
  const char *end = file_.bytes.data() + file_.bytes.size();
  if (expected != end)
    return corrupt(size_t(expected - file_.bytes.data()),
                   text(end - expected, " bytes after the last tensor"));
  return ASGC_OK;
}

void Reader::indexNames() {
  file_.byName.resize(file_.tensors.size());
  for (uint32_t i = 0; i < file_.byName.size(); ++i)
    file_.byName[i] = i;
  std::sort(
      file_.byName.begin(), file_.byName.end(), [&](uint32_t a, uint32_t b) {
        return std::strcmp(file_.tensors[a].name, file_.tensors[b].name) < 0;
      });
}

asgc_status readInto(std::unique_ptr<asgc_safetensors> file,
                     asgc_safetensors **out_file) {
  if (asgc_status status = Reader(*file).read())
    return status;
  *out_file = file.release();
  return ASGC_OK;
}

asgc_status ioError(const char *path, int error) {
  return fail(ASGC_IO_ERROR,
              text("cannot read '", path, "': ", systemReason(error)));
}

} // namespace

asgc_status asgc_safetensors_open(const char *path,
                                  asgc_safetensors **out_file) {
  if (!path || !out_file)
    return fail(ASGC_INVALID_ARGUMENT, "the path or out_file is null");
  *out_file = nullptr;
  auto file = std::unique_ptr<asgc_safetensors>(new asgc_safetensors);
  file->path = path;
  // A pipe would block: only regular files can be mapped.
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return ioError(path, errno);
  struct stat info;
  int error = fstat(descriptor, &info) == 0 ? 0 : errno;
  if (!error && S_ISDIR(info.st_mode))
    error = EISDIR;
  if (!error && !S_ISREG(info.st_mode))
    error = EINVAL;
  if (!error && info.st_size > 0) {
    void *address = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_PRIVATE,
                         descriptor, 0);
    if (address == MAP_FAILED) {
      error = errno;
    } else {
      file->bytes = {static_cast<const char *>(address), size_t(info.st_size)};
      file->mapped = true;
    }
  }
  close(descriptor);
  if (error)
    return ioError(path, error);
  return readInto(std::move(file), out_file);
}

asgc_status asgc_safetensors_open_memory(const void *data, int64_t bytes,
                                         const char *label,
                                         asgc_safetensors **out_file) {
  if (!out_file || bytes < 0 || (!data && bytes > 0))
    return fail(ASGC_INVALID_ARGUMENT,
                "the data or out_file is null, or the size is negative");
  *out_file = nullptr;
  auto file = std::unique_ptr<asgc_safetensors>(new asgc_safetensors);
  file->path = label ? label : "safetensors";
  file->bytes = {static_cast<const char *>(data), size_t(bytes)};
  return readInto(std::move(file), out_file);
}

void asgc_safetensors_close(asgc_safetensors *file) { delete file; }

int64_t asgc_safetensors_count(const asgc_safetensors *file) {
  return file ? int64_t(file->tensors.size()) : 0;
}

asgc_status asgc_safetensors_get(const asgc_safetensors *file, int64_t index,
                                 asgc_safetensors_tensor *out_tensor) {
  if (!file || !out_tensor)
    return fail(ASGC_INVALID_ARGUMENT, "the file or out_tensor is null");
  if (index < 0 || index >= int64_t(file->tensors.size()))
    return fail(ASGC_NOT_FOUND, text(file->path, ": tensor ", index, " of ",
                                     file->tensors.size()));
  *out_tensor = file->tensors[size_t(index)];
  return ASGC_OK;
}

asgc_status asgc_safetensors_find(const asgc_safetensors *file,
                                  const char *name,
                                  asgc_safetensors_tensor *out_tensor) {
  if (!file || !name)
    return fail(ASGC_INVALID_ARGUMENT, "the file or the name is null");
  auto found = std::lower_bound(file->byName.begin(), file->byName.end(), name,
                                [&](uint32_t index, const char *wanted) {
                                  return std::strcmp(file->tensors[index].name,
                                                     wanted) < 0;
                                });
  if (found == file->byName.end() ||
      std::strcmp(file->tensors[*found].name, name) != 0)
    return fail(ASGC_NOT_FOUND,
                text(file->path, ": there is no tensor '", name, "'"));
  if (out_tensor)
    *out_tensor = file->tensors[*found];
  return ASGC_OK;
}

const char *asgc_safetensors_metadata(const asgc_safetensors *file,
                                      const char *key) {
  if (file && key)
    for (const auto &[name, value] : file->metadata)
      if (std::strcmp(name, key) == 0)
        return value;
  return nullptr;
}

int64_t asgc_safetensors_metadata_count(const asgc_safetensors *file) {
  return file ? int64_t(file->metadata.size()) : 0;
}

asgc_status asgc_safetensors_metadata_at(const asgc_safetensors *file,
                                         int64_t index, const char **out_key,
                                         const char **out_value) {
  if (!file || !out_key || !out_value)
    return fail(ASGC_INVALID_ARGUMENT,
                "the file, out_key or out_value is null");
  if (index < 0 || index >= int64_t(file->metadata.size()))
    return fail(ASGC_NOT_FOUND, text(file->path, ": metadata ", index, " of ",
                                     file->metadata.size()));
  *out_key = file->metadata[size_t(index)].first;
  *out_value = file->metadata[size_t(index)].second;
  return ASGC_OK;
}
