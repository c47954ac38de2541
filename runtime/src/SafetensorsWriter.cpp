//===- SafetensorsWriter.cpp - Writes safetensors files -------------------===//
#include "Error.h"
#include "Json.h"
#include "SafetensorsTypes.h"
#include "Weights.h"
#include "asgc/file.h"
#include "asgc/safetensors.h"
#include <algorithm>
#include <cstring>
#include <vector>

using namespace asgc::rt;

namespace {

struct Placed {
  const asgc_safetensors_source *source;
  const SafetensorsType *type;
  int64_t bytes;
};

bool isUtf8(std::string_view string) {
  for (size_t i = 0; i < string.size();) {
    size_t length = json::utf8Length(string, i);
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

asgc_status refuse(const char *path, const std::string &reason) {
  return fail(ASGC_INVALID_ARGUMENT,
              text("cannot write '", path, "': ", reason));
}

asgc_status measure(const char *path, const asgc_safetensors_source &source,
                    Placed &placed) {
  if (!source.name || !isUtf8(source.name))
    return refuse(path, "a tensor's name is null or not UTF-8");
  if (std::strcmp(source.name, "__metadata__") == 0)
    return refuse(path, "no tensor can be called '__metadata__'");
  const std::string tensor = text("tensor '", source.name, "'");
  placed = {&source, findSafetensorsType(source.dtype), 0};
  if (!placed.type)
    return refuse(path, text(tensor, " has dtype ", source.dtype,
                             ", which the format lacks"));
  if (source.rank < 0 || (source.rank > 0 && !source.dims))
    return refuse(path, text(tensor, " has no dims"));
  int64_t bytes = placed.type->bytes;
  for (int32_t i = 0; i < source.rank; ++i)
    if (source.dims[i] < 0 ||
        __builtin_mul_overflow(bytes, source.dims[i], &bytes))
      return refuse(path,
                    text(tensor, " has an invalid extent ", source.dims[i]));
  placed.bytes = bytes;
  return ASGC_OK;
}

asgc_status checkNames(const char *path, const std::vector<Placed> &order) {
  std::vector<std::string_view> names;
  for (const Placed &placed : order)
    names.push_back(placed.source->name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    return refuse(path, text("there are two tensors '", *twice, "'"));
  return ASGC_OK;
}

asgc_status appendMetadata(const char *path, std::string &header,
                           const char *const *metadata, int64_t count) {
  if (count == 0)
    return ASGC_OK;
  std::vector<std::string_view> keys;
  header += "\"__metadata__\":{";
  for (int64_t i = 0; i < count; ++i) {
    const char *key = metadata[2 * i], *value = metadata[2 * i + 1];
    if (!key || !value || !isUtf8(key) || !isUtf8(value))
      return refuse(path, "a metadata key or value is null or not UTF-8");
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      return refuse(path, text("there are two metadata keys '", key, "'"));
    keys.push_back(key);
    header += i ? "," : "";
    json::appendQuoted(header, key);
    header += ':';
    json::appendQuoted(header, value);
  }
  header += "},";
  return ASGC_OK;
}

asgc_status appendTensors(const char *path, std::string &header,
                          const std::vector<Placed> &order) {
  int64_t offset = 0, end = 0;
  for (const Placed &placed : order) {
    if (__builtin_add_overflow(offset, placed.bytes, &end))
      return refuse(path, "the tensors are too large together");
    json::appendQuoted(header, placed.source->name);
    header += text(":{\"dtype\":\"", placed.type->name, "\",\"shape\":[");
    for (int32_t i = 0; i < placed.source->rank; ++i)
      header += text(i ? "," : "", placed.source->dims[i]);
    header += text("],\"data_offsets\":[", offset, ",", end, "]},");
    offset = end;
  }
  return ASGC_OK;
}

/// Closes the object and pads it so that the data begins at a multiple of 64.
void finishHeader(std::string &header) {
  if (header.back() == ',')
    header.pop_back();
  header += '}';
  while ((8 + header.size()) % 64 != 0)
    header += ' ';
}

/// The header of a file, and the tensors in the order of their data.
struct Layout {
  std::string header;
  std::vector<Placed> order;
};

asgc_status layOut(const char *path, const asgc_safetensors_source *tensors,
                   int64_t num_tensors, const char *const *metadata,
                   int64_t num_metadata, Layout &layout) {
  if (!path || (!tensors && num_tensors > 0) ||
      (!metadata && num_metadata > 0) || num_tensors < 0 || num_metadata < 0)
    return fail(ASGC_INVALID_ARGUMENT,
                "the path, the tensors or the metadata are null");
  std::vector<Placed> &order = layout.order;
  order.resize(size_t(num_tensors));
  for (size_t i = 0; i < order.size(); ++i)
    if (asgc_status status = measure(path, tensors[i], order[i]))
      return status;
  if (asgc_status status = checkNames(path, order))
    return status;
  std::stable_sort(order.begin(), order.end(),
                   [](const Placed &a, const Placed &b) {
                     return a.type->bytes > b.type->bytes;
                   });
  std::string header = "{";
  if (asgc_status status = appendMetadata(path, header, metadata, num_metadata))
    return status;
  if (asgc_status status = appendTensors(path, header, order))
    return status;
  finishHeader(header);
  for (int i = 0; i < 8; ++i)
    layout.header += char(uint64_t(header.size()) >> (8 * i));
  layout.header += header;
  return ASGC_OK;
}

/// Passes the bytes of the file to `append`, a piece at a time.
template <typename Append>
asgc_status writeAll(const char *path, const Layout &layout,
                     const asgc_safetensors_source *tensors,
                     asgc_safetensors_read read, void *context,
                     const Append &append) {
  if (asgc_status status = append(layout.header.data(), layout.header.size()))
    return status;
  for (const Placed &placed : layout.order) {
    const void *data = read(context, placed.source - tensors);
    if (placed.bytes > 0 && !data)
      return refuse(path,
                    text("tensor '", placed.source->name, "' has no data"));
    if (asgc_status status = append(data, size_t(placed.bytes)))
      return status;
  }
  return ASGC_OK;
}

const void *readSource(void *tensors, int64_t index) {
  return static_cast<const asgc_safetensors_source *>(tensors)[index].data;
}

} // namespace

asgc_status asgc::rt::formatSafetensors(
    const char *label, std::span<const asgc_safetensors_source> tensors,
    asgc_safetensors_read read, void *context, std::string *out_file) {
  Layout layout;
  if (asgc_status status = layOut(label, tensors.data(),
                                  int64_t(tensors.size()), nullptr, 0, layout))
    return status;
  return writeAll(label, layout, tensors.data(), read, context,
                  [&](const void *data, size_t bytes) {
                    out_file->append(static_cast<const char *>(data), bytes);
                    return ASGC_OK;
                  });
}

asgc_status asgc_safetensors_write(const char *path,
                                   const asgc_safetensors_source *tensors,
                                   int64_t num_tensors,
                                   const char *const *metadata,
                                   int64_t num_metadata) {
  return asgc_safetensors_write_from(
      path, tensors, num_tensors, metadata, num_metadata, readSource,
      const_cast<asgc_safetensors_source *>(tensors));
}

asgc_status asgc_safetensors_write_from(
    const char *path, const asgc_safetensors_source *tensors,
    int64_t num_tensors, const char *const *metadata, int64_t num_metadata,
    asgc_safetensors_read read, void *context) {
  if (!read)
    return fail(ASGC_INVALID_ARGUMENT, "read is null");
  Layout layout;
  if (asgc_status status =
          layOut(path, tensors, num_tensors, metadata, num_metadata, layout))
    return status;
  asgc_file_writer *writer = nullptr;
  if (asgc_status status = asgc_file_create(path, &writer))
    return status;
  auto append = [&](const void *data, size_t bytes) {
    return asgc_file_write(writer, data, bytes);
  };
  if (asgc_status status =
          writeAll(path, layout, tensors, read, context, append)) {
    asgc_file_discard(writer);
    return status;
  }
  return asgc_file_commit(writer);
}
