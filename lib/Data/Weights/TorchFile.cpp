//===- TorchFile.cpp - Tensors of a PyTorch pickle and their memory -------===//
#include "TorchFile.h"
#include "../InputFile.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace asgc {

using Kind = PickleValue::Kind;

/// Tensors may share memory, or be one number many times; but not without end.
static constexpr int64_t kMaxExpansion = 16, kHarmlessBytes = 1 << 20;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

bool TorchFile::holdsTensor(const PickleValue &dict) const {
  for (size_t i = 1; i < dict.items.size(); i += 2) {
    const PickleValue &value = (*machine)[dict.items[i]];
    if (value.kind == Kind::Object && value.number >= 0)
      return true;
  }
  return false;
}

/// A checkpoint holds its weights under one of a few names, beside the state of
/// the optimizer and the like.
PickleRef TorchFile::findStateDict(PickleRef root) const {
  for (int depth = 0; depth < 8; ++depth) {
    const PickleValue &dict = (*machine)[root];
    if (dict.kind != Kind::Dict || holdsTensor(dict))
      return root;
    PickleRef inner = root;
    for (std::string_view key : {"state_dict", "model_state_dict", "model"})
      for (size_t i = 0; inner == root && i + 1 < dict.items.size(); i += 2)
        if ((*machine)[dict.items[i]].text == key &&
            (*machine)[dict.items[i]].kind == Kind::Text &&
            (*machine)[dict.items[i + 1]].kind == Kind::Dict)
          inner = dict.items[i + 1];
    if (inner == root)
      return root;
    root = inner;
  }
  return root;
}

/// Names every tensor below `ref` by the keys that lead to it.
MaybeFault TorchFile::collect(PickleRef ref, const std::string &name,
                              unsigned depth) {
  const PickleValue &value = (*machine)[ref];
  if (value.kind == Kind::Object && value.number >= 0) {
    const TorchTensor &tensor = objects.tensors[size_t(value.number)];
    chosen.push_back(size_t(value.number));
    list.push_back({name.empty() ? "tensor" : name,
                    std::string(tensor.type->name), tensor.type->type,
                    tensor.shape});
    if (list.back().name.find('\0') != std::string::npos)
      return machine->corrupt(value, "the name of a tensor holds a zero byte");
    return std::nullopt;
  }
  bool isDict = value.kind == Kind::Dict;
  if (!isDict && value.kind != Kind::List && value.kind != Kind::Tuple)
    return std::nullopt;
  // What refers to itself has no end, and what is shared has one far away.
  visited += value.items.size();
  if (depth > 64 || visited > (1 << 22))
    return machine->corrupt(value, "the values are nested without end");
  for (size_t i = 0; i < value.items.size(); i += isDict ? 2 : 1) {
    std::string part = std::to_string(i);
    if (isDict) {
      const PickleValue &key = (*machine)[value.items[i]];
      part = key.kind == Kind::Text  ? std::string(key.text)
             : key.kind == Kind::Int ? std::to_string(key.number)
                                     : "?";
    }
    PickleRef item = value.items[isDict ? i + 1 : i];
    if (MaybeFault fault =
            collect(item, name.empty() ? part : name + "." + part, depth + 1))
      return fault;
  }
  return std::nullopt;
}

MaybeFault TorchFile::parse(std::span<const std::byte> bytes,
                            const std::string &where, int64_t start,
                            int64_t *end) {
  machine.emplace(objects, where, start);
  auto root = machine->run(bytes);
  if (!root)
    return root.fault();
  *end = start + int64_t(machine->size());
  if (MaybeFault fault = collect(findStateDict(*root), "", 0))
    return fault;
  std::set<std::string_view> names;
  for (size_t i = 0; i < list.size(); ++i)
    if (!names.insert(list[i].name).second)
      return machine->corrupt(
          (*machine)[objects.tensors[chosen[i]].id],
          fmt::format("two tensors are called {}", inQuotes(list[i].name)));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

namespace {
int64_t elementsOf(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

bool isContiguous(const TorchTensor &tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride)
      return false;
    stride *= tensor.shape[i];
  }
  return true;
}

/// Copies the elements of a tensor without any order in memory, row by row.
void gather(const TorchTensor &tensor, const std::byte *from, std::byte *to) {
  size_t bytes = size_t(tensor.type->bytes);
  size_t rank = tensor.shape.size();
  int64_t count = elementsOf(tensor.shape);
  std::vector<int64_t> place(rank, 0);
  int64_t row = tensor.shape[rank - 1], step = tensor.strides[rank - 1];
  for (int64_t done = 0, start = 0; done < count; done += row) {
    for (int64_t i = 0; i < row; ++i, to += bytes)
      std::memcpy(to, from + (start + i * step) * int64_t(bytes), bytes);
    for (size_t axis = rank - 1; axis-- > 0;) {
      start += tensor.strides[axis];
      if (++place[axis] < tensor.shape[axis])
        break;
      start -= tensor.strides[axis] * tensor.shape[axis];
      place[axis] = 0;
    }
  }
}

} // namespace

bool TorchFile::isMapped(size_t index) const {
  const TorchTensor &tensor = objects.tensors[chosen[index]];
  return isContiguous(tensor) && !tensor.type->small &&
         memory->isMapped(objects.storages[tensor.storage].key);
}

Result<std::span<const std::byte>> TorchFile::readElements(size_t index) {
  const TorchTensor &tensor = objects.tensors[chosen[index]];
  size_t size = size_t(elementsOf(tensor.shape) * tensor.type->bytes);
  if (size == 0)
    return std::span<const std::byte>();
  const TorchStorage &storage = objects.storages[tensor.storage];
  auto found = memory->read(storage.key);
  if (!found)
    return found.fault();
  std::span<const std::byte> bytes =
      found->subspan(size_t(storage.first * storage.elementBytes() +
                            tensor.first * tensor.type->bytes));
  if (isContiguous(tensor)) {
    bytes = bytes.first(size);
  } else {
    gathered.resize(size);
    gather(tensor, bytes.data(), gathered.data());
    bytes = gathered;
  }
  if (!tensor.type->small)
    return bytes;
  floats.resize(bytes.size());
  decodeFloat8(*tensor.type->small, bytes, floats);
  return std::as_bytes(std::span(floats));
}

MaybeFault TorchFile::finish(std::unique_ptr<TorchMemory> found,
                             int64_t fileBytes) {
  memory = std::move(found);
  if (MaybeFault fault = memory->check(objects, *machine))
    return fault;
  double bytes = 0;
  for (size_t tensor : chosen)
    bytes += double(elementsOf(objects.tensors[tensor].shape)) *
             double(objects.tensors[tensor].type->bytes);
  if (bytes > kHarmlessBytes &&
      bytes > double(kMaxExpansion) * double(fileBytes))
    return corruptAt(
        filePath, 0,
        fmt::format("the tensors expand the {} bytes of the file to "
                    "{:.0f}, more than {} times",
                    fileBytes, bytes, kMaxExpansion));
  // Storages are read one after the other, each once.
  std::map<std::string_view, size_t> order;
  for (size_t tensor : chosen)
    order.emplace(objects.storages[objects.tensors[tensor].storage].key,
                  order.size());
  std::vector<size_t> places(list.size());
  for (size_t i = 0; i < places.size(); ++i)
    places[i] = i;
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    auto key = [&](size_t i) {
      return order[objects.storages[objects.tensors[chosen[i]].storage].key];
    };
    return key(a) < key(b);
  });
  std::vector<WeightTensor> sortedList;
  std::vector<size_t> sortedChosen;
  for (size_t place : places) {
    sortedList.push_back(std::move(list[place]));
    sortedChosen.push_back(chosen[place]);
  }
  list = std::move(sortedList);
  chosen = std::move(sortedChosen);
  return std::nullopt;
}

} // namespace asgc
