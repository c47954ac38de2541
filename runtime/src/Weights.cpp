//===- Weights.cpp - Loads and saves the variables of a program -----------===//
#include "Weights.h"
#include "Dtype.h"
#include "Half.h"
#include "Program.h"
#include "asgc/safetensors.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace asgc::rt;

namespace {

/// Whether a variable belongs in a file of weights.
bool isSaved(const asgc_variable_desc &variable) {
  return variable.role == ASGC_ROLE_PARAM || variable.role == ASGC_ROLE_STATE;
}

/// f32 and the half types become each other.
bool converts(int32_t from, int32_t to) {
  auto isKnown = [](int32_t dtype) {
    return dtype == ASGC_F32 || dtype == ASGC_F16 || dtype == ASGC_BF16;
  };
  return from == to || (isKnown(from) && isKnown(to));
}

uint16_t roundTo(int32_t half, float value) {
  return half == ASGC_F16 ? floatToF16(value) : floatToBf16(value);
}

/// The element at `place`, perhaps not aligned in a file.
float readFloat(const char *place, int32_t dtype) {
  if (dtype == ASGC_F32) {
    float value;
    std::memcpy(&value, place, sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, place, sizeof(bits));
  return dtype == ASGC_F16 ? f16ToFloat(bits) : bf16ToFloat(bits);
}

std::string shapeText(const char *dtype, const int64_t *dims, int32_t rank) {
  std::string shape = text(dtype, "[");
  for (int32_t i = 0; i < rank; ++i)
    shape += text(i ? ", " : "", dims[i]);
  return shape + "]";
}

/// Files spell types in capitals.
std::string lower(const char *name) {
  std::string out = name;
  for (char &c : out)
    c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return out;
}

void copyConverted(const asgc_safetensors_tensor &from, int32_t dtype,
                   void *to) {
  if (from.dtype == dtype) {
    if (from.bytes > 0)
      std::memcpy(to, from.data, size_t(from.bytes));
    return;
  }
  const int64_t size = sizeOf(from.dtype), count = from.bytes / size;
  const char *source = static_cast<const char *>(from.data);
  for (int64_t i = 0; i < count; ++i) {
    const float value = readFloat(source + size * i, from.dtype);
    if (dtype == ASGC_F32)
      static_cast<float *>(to)[i] = value;
    else
      static_cast<uint16_t *>(to)[i] = roundTo(dtype, value);
  }
}

/// "'fc1.weight' has 1e+06, which f16 cannot hold", or "" if the variable's
/// type can hold all that the file has.
std::string overflowOf(const asgc_safetensors_tensor &from,
                       const asgc_tensor_desc &wanted) {
  const int32_t half = wanted.dtype;
  if (half == from.dtype || (half != ASGC_F16 && half != ASGC_BF16))
    return "";
  const int64_t size = sizeOf(from.dtype);
  const char *source = static_cast<const char *>(from.data);
  for (int64_t at = 0; at < from.bytes; at += size) {
    const float value = readFloat(source + at, from.dtype);
    const uint16_t rounded = roundTo(half, value);
    const float held =
        half == ASGC_F16 ? f16ToFloat(rounded) : bf16ToFloat(rounded);
    if (!std::isfinite(value) || std::isfinite(held))
      continue;
    char number[32];
    std::snprintf(number, sizeof(number), "%g", double(value));
    return text("'", wanted.name, "' has ", number, ", which ", nameOf(half),
                " cannot hold");
  }
  return "";
}

/// "'fc1.weight' is missing", "'fc1.bias' is f32[64] instead of f32[128]", or
/// "" if the file has what the variable needs.
std::string faultOf(const asgc_safetensors &file,
                    const asgc_tensor_desc &wanted,
                    asgc_safetensors_tensor &found) {
  if (asgc_safetensors_find(&file, wanted.name, &found) != ASGC_OK)
    return text("'", wanted.name, "' is missing");
  bool same = converts(found.dtype, wanted.dtype) &&
              found.rank == wanted.rank &&
              std::equal(found.dims, found.dims + found.rank, wanted.dims);
  if (same)
    return overflowOf(found, wanted);
  return text(
      "'", wanted.name, "' is ",
      shapeText(lower(found.dtype_name).c_str(), found.dims, found.rank),
      " instead of ",
      shapeText(nameOf(wanted.dtype), wanted.dims, wanted.rank));
}

/// "'head' is unexpected" for each tensor of the file that is no variable's,
/// the first twenty of them, after `faults`.
void appendUnexpected(const asgc_safetensors &file,
                      const asgc_program_desc &desc, std::string &faults) {
  constexpr int64_t maxNamed = 20;
  if (holdsMore(file))
    return;
  std::vector<std::string_view> names;
  for (int32_t i = 0; i < desc.num_variables; ++i)
    if (isSaved(desc.variables[i]))
      names.push_back(desc.variables[i].tensor.name);
  std::sort(names.begin(), names.end());
  int64_t count = 0;
  for (int64_t i = 0; i < asgc_safetensors_count(&file); ++i) {
    asgc_safetensors_tensor tensor;
    asgc_safetensors_get(&file, i, &tensor);
    if (std::binary_search(names.begin(), names.end(), tensor.name) ||
        isCounter(tensor.name))
      continue;
    if (count++ < maxNamed)
      faults +=
          text(faults.empty() ? "'" : ", '", tensor.name, "' is unexpected");
  }
  if (count > maxNamed)
    faults += text(", and ", count - maxNamed, " more are unexpected");
}

/// Checks everything, then copies everything.
asgc_status loadFrom(asgc_program &program, const asgc_safetensors &file,
                     const char *label) {
  const asgc_program_desc &desc = program.desc;
  std::vector<asgc_safetensors_tensor> found(size_t(desc.num_variables));
  std::string faults;
  for (int32_t i = 0; i < desc.num_variables; ++i) {
    if (!isSaved(desc.variables[i]))
      continue;
    std::string fault =
        faultOf(file, desc.variables[i].tensor, found[size_t(i)]);
    if (!fault.empty())
      faults += (faults.empty() ? "" : ", ") + fault;
  }
  appendUnexpected(file, desc, faults);
  if (!faults.empty())
    return fail(program, ASGC_NOT_FOUND,
                text(label, " does not fit '", desc.name, "': ", faults));
  if (asgc_status status = asgc_program_sync(&program))
    return status;
  for (int32_t i = 0; i < desc.num_variables; ++i)
    if (isSaved(desc.variables[i]))
      copyConverted(found[size_t(i)], desc.variables[i].tensor.dtype,
                    program.variables[size_t(i)]);
  asgc_program_touch(&program);
  return ASGC_OK;
}

} // namespace

bool asgc::rt::isCounter(std::string_view name) {
  return name == "num_batches_tracked" ||
         name.ends_with(".num_batches_tracked");
}

bool asgc::rt::holdsMore(const asgc_safetensors &file) {
  return asgc_safetensors_metadata(&file, "asgc") != nullptr;
}

asgc_status asgc::rt::loadEmbedded(asgc_program &program) {
  asgc_safetensors *file = nullptr;
  const std::string label = text("the embedded file of '", program.desc.name, "'");
  if (asgc_status status = asgc_safetensors_open_memory(
          program.desc.weights, program.desc.weights_bytes, label.c_str(),
          &file))
    return fail(program, status, asgc_last_error());
  asgc_status status = loadFrom(program, *file, label.c_str());
  asgc_safetensors_close(file);
  return status;
}

asgc_status asgc_program_load(asgc_program *program, const char *path) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  asgc_safetensors *file = nullptr;
  if (asgc_status status = asgc_safetensors_open(path, &file))
    return fail(*program, status, asgc_last_error());
  asgc_status status = loadFrom(*program, *file, path);
  asgc_safetensors_close(file);
  return status;
}

asgc_status asgc_program_save(asgc_program *program, const char *path) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  if (asgc_status status = asgc_program_sync(program))
    return status;
  std::vector<asgc_safetensors_source> sources;
  for (int32_t i = 0; i < program->desc.num_variables; ++i) {
    const asgc_variable_desc &variable = program->desc.variables[i];
    if (isSaved(variable))
      sources.push_back({variable.tensor.name, variable.tensor.dims,
                         program->variables[size_t(i)], variable.tensor.dtype,
                         variable.tensor.rank});
  }
  // PyTorch's loaders ask for "format".
  const char *const metadata[] = {"format", "pt"};
  if (asgc_status status = asgc_safetensors_write(
          path, sources.data(), int64_t(sources.size()), metadata, 1))
    return fail(*program, status, asgc_last_error());
  return ASGC_OK;
}
