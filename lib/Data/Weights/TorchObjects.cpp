//===- TorchObjects.cpp - What the names in PyTorch's pickles mean --------===//
#include "TorchObjects.h"
#include "../InputFile.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

namespace {
using Kind = PickleValue::Kind;
constexpr size_t kMaxRank = 64;

constexpr TorchType kTypes[] = {
    {"float32", "FloatStorage", "f32", 4, ElementType::F32, {}},
    {"float64", "DoubleStorage", "f64", 8, ElementType::F64, {}},
    {"float16", "HalfStorage", "f16", 2, ElementType::F16, {}},
    {"bfloat16", "BFloat16Storage", "bf16", 2, ElementType::BF16, {}},
    {"int64", "LongStorage", "i64", 8, ElementType::I64, {}},
    {"int32", "IntStorage", "i32", 4, ElementType::I32, {}},
    {"int16", "ShortStorage", "i16", 2, ElementType::I16, {}},
    {"int8", "CharStorage", "i8", 1, ElementType::I8, {}},
    {"uint8", "ByteStorage", "u8", 1, ElementType::U8, {}},
    {"uint16", "", "u16", 2, ElementType::U16, {}},
    {"uint32", "", "u32", 4, ElementType::U32, {}},
    {"uint64", "", "u64", 8, ElementType::U64, {}},
    {"bool", "BoolStorage", "bool", 1, ElementType::Bool, {}},
    {"float8_e4m3fn", "", "f8_e4m3", 1, ElementType::F32, Float8::E4M3},
    {"float8_e5m2", "", "f8_e5m2", 1, ElementType::F32, Float8::E5M2},
    {"float8_e4m3fnuz", "", "f8_e4m3fnuz", 1, ElementType::F32,
     Float8::E4M3Fnuz},
    {"float8_e5m2fnuz", "", "f8_e5m2fnuz", 1, ElementType::F32,
     Float8::E5M2Fnuz},
    {"float8_e8m0fnu", "", "f8_e8m0", 1, ElementType::F32, Float8::E8M0},
    {"complex32", "", "c32", 4, {}, {}},
    {"complex64", "ComplexFloatStorage", "c64", 8, {}, {}},
    {"complex128", "ComplexDoubleStorage", "c128", 16, {}, {}},
    {"quint8", "QUInt8Storage", "quint8", 1, {}, {}},
    {"qint8", "QInt8Storage", "qint8", 1, {}, {}},
    {"qint32", "QInt32Storage", "qint32", 4, {}, {}},
};

/// What a name does when it is called.
enum class Role {
  Nothing, ///< it is only named
  Dict,
  Tuple,       ///< its one argument, a tuple
  Tensor,      ///< whose storage has a type
  TypedTensor, ///< whose type is an argument
  First,       ///< its first argument: attributes are of no interest
  Call,        ///< its first argument with the third as arguments
  Ignored      ///< gives a thing of no interest
};
struct Known {
  std::string_view name;
  Role role;
};
constexpr Known kKnown[] = {
    {"collections OrderedDict", Role::Dict},
    {"collections Counter", Role::Dict},
    {"torch._utils _rebuild_tensor", Role::Tensor},
    {"torch._utils _rebuild_tensor_v2", Role::Tensor},
    {"torch._utils _rebuild_tensor_v3", Role::TypedTensor},
    {"torch._utils _rebuild_parameter", Role::First},
    {"torch._utils _rebuild_parameter_with_state", Role::First},
    {"torch._tensor _rebuild_from_type_v2", Role::Call},
    {"torch Tensor", Role::Nothing},
    {"torch.nn.parameter Parameter", Role::Nothing},
    {"torch Size", Role::Tuple},
    {"torch device", Role::Ignored},
    {"torch.storage UntypedStorage", Role::Nothing},
    {"torch UntypedStorage", Role::Nothing},
};

const TorchType *typeOfStorage(std::string_view name) {
  for (const TorchType &type : kTypes)
    if (!type.storage.empty() && name == type.storage)
      return &type;
  return nullptr;
}

const TorchType *typeCalled(std::string_view name) {
  for (const TorchType &type : kTypes)
    if (name == type.dtype)
      return &type;
  return nullptr;
}

/// The rest of "torch NAME"; empty if it is something else.
std::string_view inTorch(std::string_view name) {
  constexpr std::string_view module = "torch ";
  return name.starts_with(module) ? name.substr(module.size())
                                  : std::string_view();
}

bool isUntyped(std::string_view name) {
  return name.ends_with(" UntypedStorage");
}

/// The integers of a tuple, none negative.
std::optional<std::vector<int64_t>> sizesOf(const PickleMachine &machine,
                                            PickleRef ref) {
  const PickleValue &tuple = machine[ref];
  if (tuple.kind != Kind::Tuple || tuple.items.size() > kMaxRank)
    return std::nullopt;
  std::vector<int64_t> sizes;
  for (PickleRef item : tuple.items) {
    if (machine[item].kind != Kind::Int || machine[item].number < 0)
      return std::nullopt;
    sizes.push_back(machine[item].number);
  }
  return sizes;
}

/// Whether every element lies among `elements`, none counted beyond 2⁶³.
bool fits(const TorchTensor &tensor, int64_t elements) {
  int64_t last = tensor.first;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0)
      return true; // no element at all
    int64_t step = 0;
    if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &step) ||
        __builtin_add_overflow(last, step, &last))
      return false;
  }
  return last < elements;
}
} // namespace

bool TorchObjects::knows(std::string_view name) const {
  std::string_view member = inTorch(name);
  return typeOfStorage(member) || typeCalled(member) ||
         std::any_of(std::begin(kKnown), std::end(kKnown),
                     [&](const Known &known) { return known.name == name; });
}

Result<PickleValue>
TorchObjects::call(PickleMachine &machine, std::string_view name,
                   const std::vector<PickleRef> &arguments) {
  auto known = std::find_if(std::begin(kKnown), std::end(kKnown),
                            [&](const Known &k) { return k.name == name; });
  Role role = known == std::end(kKnown) ? Role::Nothing : known->role;
  auto wrong = [&] {
    return machine.corrupt(fmt::format("{} is called with arguments that it "
                                       "does not take",
                                       inQuotes(name)));
  };
  switch (role) {
  case Role::Nothing:
    return machine.corrupt(
        fmt::format("{} is called, which is no function", inQuotes(name)));
  case Role::Ignored:
    return PickleValue{.kind = Kind::Object, .number = -1};
  case Role::Dict: {
    PickleValue dict{.kind = Kind::Dict};
    if (arguments.empty())
      return dict;
    const PickleValue &first = machine[arguments[0]];
    if (first.kind == Kind::Dict)
      dict.items = first.items;
    else if (first.kind != Kind::List)
      return wrong();
    else
      for (PickleRef pair : first.items) { // [key, value], as Python 2 wrote it
        const PickleValue &item = machine[pair];
        if ((item.kind != Kind::List && item.kind != Kind::Tuple) ||
            item.items.size() != 2)
          return wrong();
        dict.items.insert(dict.items.end(), item.items.begin(),
                          item.items.end());
      }
    return dict;
  }
  case Role::Tuple:
    if (arguments.size() != 1 || machine[arguments[0]].kind != Kind::Tuple)
      return wrong();
    return machine[arguments[0]];
  case Role::Tensor:
    return makeTensor(machine, arguments, false);
  case Role::TypedTensor:
    return makeTensor(machine, arguments, true);
  case Role::First:
    if (arguments.empty() || machine[arguments[0]].kind != Kind::Object)
      return wrong();
    return machine[arguments[0]];
  case Role::Call:
    if (arguments.size() < 3 || machine[arguments[0]].kind != Kind::Global ||
        machine[arguments[0]].text == name ||
        machine[arguments[2]].kind != Kind::Tuple)
      return wrong();
    return call(machine, machine[arguments[0]].text,
                machine[arguments[2]].items);
  }
  return wrong();
}

/// (storage, first element, shape, strides), and behind what is of no interest
/// here (requires_grad, hooks) perhaps the type.
Result<PickleValue>
TorchObjects::makeTensor(PickleMachine &machine,
                         const std::vector<PickleRef> &arguments,
                         bool isTyped) {
  auto wrong = [&](const char *what) {
    return machine.corrupt(fmt::format("a tensor is made of {}", what));
  };
  if (arguments.size() < (isTyped ? 7 : 4))
    return wrong("too few arguments");
  const PickleValue &storage = machine[arguments[0]];
  if (storage.kind != Kind::Object || storage.number > -2)
    return wrong("something that is no storage");
  TorchTensor tensor;
  tensor.storage = size_t(-2 - storage.number);
  const TorchStorage &memory = storages[tensor.storage];
  tensor.type = memory.type;
  if (isTyped) {
    const PickleValue &type = machine[arguments[6]];
    tensor.type =
        type.kind == Kind::Global ? typeCalled(inTorch(type.text)) : nullptr;
  }
  if (!tensor.type)
    return wrong("a storage without a type");
  const PickleValue &first = machine[arguments[1]];
  auto shape = sizesOf(machine, arguments[2]);
  auto strides = sizesOf(machine, arguments[3]);
  if (first.kind != Kind::Int || first.number < 0 || !shape || !strides ||
      shape->size() != strides->size())
    return wrong("an offset, a shape and strides that are none");
  tensor.first = first.number;
  tensor.shape = std::move(*shape);
  tensor.strides = std::move(*strides);
  int64_t elements =
      memory.elements * memory.elementBytes() / tensor.type->bytes;
  // f64 has the most bytes of the types that are read.
  if (!arrayBytes(ElementType::F64, tensor.shape) || !fits(tensor, elements))
    return machine.corrupt(
        fmt::format("a tensor of shape {} and strides {} from element {} on "
                    "lies outside its storage of {} elements",
                    shapeText(tensor.shape), shapeText(tensor.strides),
                    tensor.first, elements));
  tensor.id = memory.id;
  tensors.push_back(std::move(tensor));
  return PickleValue{.kind = Kind::Object,
                     .number = int64_t(tensors.size()) - 1};
}

/// ("storage", type, key, device, elements), and in legacy files a view: null,
/// or (its key, first element, elements).
Result<PickleValue> TorchObjects::load(PickleMachine &machine, PickleRef id) {
  const PickleValue &tuple = machine[id];
  auto item = [&](size_t index) -> const PickleValue & {
    return machine[tuple.items[index]];
  };
  bool isStorage = tuple.kind == Kind::Tuple && tuple.items.size() >= 5 &&
                   item(0).kind == Kind::Text && item(0).text == "storage" &&
                   item(1).kind == Kind::Global && item(2).kind == Kind::Text &&
                   item(4).kind == Kind::Int && item(4).number >= 0;
  if (!isStorage)
    return machine.corrupt(
        "expected the id of a storage, found something else");
  TorchStorage storage;
  storage.key = item(2).text;
  storage.type = typeOfStorage(inTorch(item(1).text));
  if (!storage.type && !isUntyped(item(1).text))
    return machine.corrupt(
        fmt::format("{} is no kind of storage", inQuotes(item(1).text)));
  storage.id = id;
  storage.elements = storage.memoryElements = item(4).number;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(storage.elements, storage.elementBytes(), &bytes))
    return machine.corrupt(
        fmt::format("a storage of {} elements is too large", storage.elements));
  if (tuple.items.size() > 5 && item(5).kind == Kind::Tuple) {
    const PickleValue &view = item(5);
    if (view.items.size() != 3 || machine[view.items[1]].kind != Kind::Int ||
        machine[view.items[2]].kind != Kind::Int)
      return machine.corrupt("the view of a storage is malformed");
    storage.first = machine[view.items[1]].number;
    int64_t count = machine[view.items[2]].number;
    if (storage.first < 0 || count < 0 || storage.first > storage.elements ||
        count > storage.elements - storage.first)
      return machine.corrupt(
          fmt::format("the view of {} elements from {} on lies outside its "
                      "storage of {} elements",
                      count, storage.first, storage.elements));
    storage.elements = count;
  }
  storages.push_back(storage);
  return PickleValue{.kind = Kind::Object,
                     .number = -1 - int64_t(storages.size())};
}

} // namespace asgc
