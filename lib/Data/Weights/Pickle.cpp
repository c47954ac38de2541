//===- Pickle.cpp - Reads pickles without executing anything --------------===//
#include "Pickle.h"
#include "../InputFile.h"
#include "asgc/FileBytes.h"

#include <fmt/format.h>

namespace asgc {

namespace {
/// Bounds what a hostile pickle can make us allocate: about 300 MB.
constexpr size_t kMaxValues = 1 << 22;
constexpr size_t kMaxDepth = 512;
constexpr PickleRef kNothing = ~PickleRef(0);

/// The opcodes that a pickle of tensors may have, of protocols 0 to 5. All that
/// need text to be evaluated, make instances or reach for code are missing.
enum Opcode : uint8_t {
  Mark = '(',
  Stop = '.',
  Pop = '0',
  PopMark = '1',
  Dup = '2',
  Proto = 0x80,
  Frame = 0x95,
  PushNone = 'N',
  NewTrue = 0x88,
  NewFalse = 0x89,
  BinInt = 'J',
  BinInt1 = 'K',
  BinInt2 = 'M',
  Long1 = 0x8a,
  Long4 = 0x8b,
  BinFloat = 'G',
  BinString = 'T',
  ShortBinString = 'U',
  BinUnicode = 'X',
  ShortBinUnicode = 0x8c,
  BinUnicode8 = 0x8d,
  BinBytes = 'B',
  ShortBinBytes = 'C',
  BinBytes8 = 0x8e,
  EmptyTuple = ')',
  Tuple1 = 0x85,
  Tuple2 = 0x86,
  Tuple3 = 0x87,
  Tuple = 't',
  EmptyList = ']',
  Append = 'a',
  Appends = 'e',
  List = 'l',
  EmptyDict = '}',
  SetItem = 's',
  SetItems = 'u',
  Dict = 'd',
  BinPut = 'q',
  LongBinPut = 'r',
  BinGet = 'h',
  LongBinGet = 'j',
  Memoize = 0x94,
  Global = 'c',
  StackGlobal = 0x93,
  Reduce = 'R',
  Build = 'b',
  BinPersId = 'Q'
};
} // namespace

Fault PickleMachine::corrupt(const PickleValue &value,
                             const std::string &reason) const {
  return corruptAt(name, start + value.offset, reason);
}

Fault PickleMachine::corrupt(const std::string &reason) const {
  return corruptAt(name, start + int64_t(opcodeAt), reason);
}

Result<PickleRef> PickleMachine::run(std::span<const std::byte> pickle) {
  bytes = pickle.first(std::min<size_t>(pickle.size(), UINT32_MAX));
  at = 0;
  while (true) {
    opcodeAt = at;
    if (at == bytes.size())
      return corrupt("the pickle ends without its STOP");
    uint8_t opcode = uint8_t(bytes[at++]);
    if (opcode == Stop) {
      if (MaybeFault fault = need(1))
        return *fault;
      return stack.back();
    }
    if (MaybeFault fault = step(opcode))
      return *fault;
  }
}

MaybeFault PickleMachine::step(uint8_t opcode) {
  switch (opcode) {
  case Proto: {
    auto protocol = number(1);
    if (!protocol)
      return protocol.fault();
    if (*protocol > 5)
      return corrupt(fmt::format("pickle protocol {} is unknown", *protocol));
    return std::nullopt;
  }
  case Frame: { // only says how far a reader may read ahead
    auto length = number(8);
    return length ? MaybeFault() : length.fault();
  }
  case PushNone:
    return push({});
  case NewTrue:
  case NewFalse:
    return push({.kind = Kind::Bool, .number = opcode == NewTrue});
  case BinInt:
  case BinInt1:
  case BinInt2:
    return pushNumber(opcode);
  case Long1:
    return pushLong(1);
  case Long4:
    return pushLong(4);
  case BinFloat: {
    auto bits = take(8);
    return bits ? push({.kind = Kind::Float}) : bits.fault();
  }
  case ShortBinString:
  case ShortBinUnicode:
  case ShortBinBytes:
    return pushText(1);
  case BinString:
  case BinUnicode:
  case BinBytes:
    return pushText(4);
  case BinUnicode8:
  case BinBytes8:
    return pushText(8);
  case BinPut:
  case LongBinPut:
  case BinGet:
  case LongBinGet:
  case Memoize:
    return stepMemo(opcode);
  case Global:
  case StackGlobal:
  case Reduce:
  case Build:
  case BinPersId:
    return stepCall(opcode);
  default:
    return stepCollection(opcode);
  }
}

MaybeFault PickleMachine::stepCollection(uint8_t opcode) {
  switch (opcode) {
  case Mark:
    if (marks.size() >= kMaxDepth)
      return corrupt(
          fmt::format("values are nested more than {} deep", kMaxDepth));
    marks.push_back(stack.size());
    return std::nullopt;
  case Pop:
    if (!marks.empty() && marks.back() == stack.size()) {
      marks.pop_back();
      return std::nullopt;
    }
    if (MaybeFault fault = need(1))
      return fault;
    stack.pop_back();
    return std::nullopt;
  case Dup:
    if (MaybeFault fault = need(1))
      return fault;
    stack.push_back(stack.back());
    return std::nullopt;
  case EmptyTuple:
    return push({.kind = Kind::Tuple});
  case EmptyList:
    return push({.kind = Kind::List});
  case EmptyDict:
    return push({.kind = Kind::Dict});
  case Tuple1:
  case Tuple2:
  case Tuple3:
    return pushItems(Kind::Tuple, size_t(opcode - Tuple1) + 1);
  case Append:
    return append(1);
  case SetItem:
    return setItems(2);
  default:
    break;
  }
  if (opcode != Tuple && opcode != List && opcode != Dict &&
      opcode != Appends && opcode != SetItems && opcode != PopMark)
    return corrupt(fmt::format("opcode {:#04x} has no place in a pickle of "
                               "tensors",
                               opcode));
  auto count = aboveMark();
  if (!count)
    return count.fault();
  switch (opcode) {
  case Tuple:
    return pushItems(Kind::Tuple, *count);
  case List:
    return pushItems(Kind::List, *count);
  case Appends:
    return append(*count);
  case SetItems:
    return setItems(*count);
  case Dict:
    if (*count % 2)
      return corrupt("a dict has a key without a value");
    return pushItems(Kind::Dict, *count);
  default:
    stack.resize(stack.size() - *count);
    return std::nullopt;
  }
}

MaybeFault PickleMachine::stepMemo(uint8_t opcode) {
  if (opcode == Memoize)
    return remember(memo.size());
  auto slot = number(opcode == BinPut || opcode == BinGet ? 1 : 4);
  if (!slot)
    return slot.fault();
  return opcode == BinPut || opcode == LongBinPut ? remember(*slot)
                                                  : recall(*slot);
}

MaybeFault PickleMachine::remember(uint64_t slot) {
  if (MaybeFault fault = need(1))
    return fault;
  // Slots are given one after the other; a leap would only cost memory.
  if (slot > kMaxValues)
    return corrupt(fmt::format("memo slot {} is out of range", slot));
  if (slot >= memo.size())
    memo.resize(size_t(slot) + 1, kNothing);
  memo[size_t(slot)] = stack.back();
  return std::nullopt;
}

MaybeFault PickleMachine::recall(uint64_t slot) {
  if (slot >= memo.size() || memo[size_t(slot)] == kNothing)
    return corrupt(fmt::format("memo slot {} is empty", slot));
  stack.push_back(memo[size_t(slot)]);
  return std::nullopt;
}

MaybeFault PickleMachine::stepCall(uint8_t opcode) {
  if (opcode == Build)
    return setState();
  if (opcode == Global) {
    auto module = line();
    if (!module)
      return module.fault();
    auto member = line();
    if (!member)
      return member.fault();
    // The newline between the two stands where the name has a space.
    return pushGlobal({module->data(), module->size() + 1 + member->size()});
  }
  if (MaybeFault fault = need(opcode == BinPersId ? 1 : 2))
    return fault;
  PickleRef last = stack.back();
  stack.pop_back();
  if (opcode == BinPersId) {
    auto value = host.load(*this, last);
    return value ? push(std::move(*value)) : value.fault();
  }
  PickleRef first = stack.back();
  stack.pop_back();
  if (opcode == StackGlobal) {
    if (values[first].kind != Kind::Text || values[last].kind != Kind::Text)
      return corrupt("a global is not named by two strings");
    std::string joined =
        fmt::format("{}\n{}", values[first].text, values[last].text);
    return pushGlobal(joined);
  }
  if (values[first].kind != Kind::Global || values[last].kind != Kind::Tuple)
    return corrupt("what is called is no global with a tuple of arguments");
  auto value = host.call(*this, values[first].text, values[last].items);
  return value ? push(std::move(*value)) : value.fault();
}

/// `spelled` is "module\nmember".
MaybeFault PickleMachine::pushGlobal(std::string_view spelled) {
  std::string known(spelled);
  known[known.find('\n')] = ' ';
  if (!host.knows(known))
    return corrupt(fmt::format("the pickle wants {}, which no file of tensors "
                               "needs; nothing of it is executed",
                               inQuotes(known)));
  // A name of StackGlobal lives nowhere else.
  names.push_back(std::move(known));
  return push({.kind = Kind::Global, .text = names.back()});
}

/// OrderedDict and parameters may carry attributes, which nobody here reads.
MaybeFault PickleMachine::setState() {
  if (MaybeFault fault = need(2))
    return fault;
  stack.pop_back();
  Kind kind = values[stack.back()].kind;
  if (kind != Kind::Dict && kind != Kind::Object)
    return corrupt("what gets attributes is neither a dict nor a tensor");
  return std::nullopt;
}

MaybeFault PickleMachine::push(PickleValue value) {
  if (values.size() >= kMaxValues)
    return corrupt(
        fmt::format("the pickle has more than {} values", kMaxValues));
  value.offset = uint32_t(opcodeAt);
  stack.push_back(PickleRef(values.size()));
  values.push_back(std::move(value));
  return std::nullopt;
}

MaybeFault PickleMachine::pushNumber(uint8_t opcode) {
  auto value = number(opcode == BinInt ? 4 : opcode == BinInt2 ? 2 : 1);
  if (!value)
    return value.fault();
  int64_t result =
      opcode == BinInt ? int32_t(uint32_t(*value)) : int64_t(*value);
  return push({.kind = Kind::Int, .number = result});
}

/// What follows the number of its bytes.
Result<std::string_view> PickleMachine::takeCounted(int lengthBytes) {
  auto length = number(lengthBytes);
  if (!length)
    return length.fault();
  return take(*length);
}

MaybeFault PickleMachine::pushLong(int lengthBytes) {
  auto digits = takeCounted(lengthBytes);
  if (!digits)
    return digits.fault();
  if (digits->size() > 8)
    return push({.kind = Kind::Big, .text = *digits});
  // Two's complement, little-endian, as few bytes as hold the sign.
  uint64_t value = 0;
  for (size_t i = digits->size(); i-- > 0;)
    value = value << 8 | uint8_t((*digits)[i]);
  unsigned unused = unsigned(64 - 8 * digits->size());
  int64_t result = digits->empty() ? 0 : int64_t(value << unused) >> unused;
  return push({.kind = Kind::Int, .number = result});
}

MaybeFault PickleMachine::pushText(int lengthBytes) {
  auto text = takeCounted(lengthBytes);
  if (!text)
    return text.fault();
  return push({.kind = Kind::Text, .text = *text});
}

MaybeFault PickleMachine::pushItems(Kind kind, size_t count) {
  if (MaybeFault fault = need(count))
    return fault;
  PickleValue value{.kind = kind};
  value.items.assign(stack.end() - int64_t(count), stack.end());
  stack.resize(stack.size() - count);
  return push(std::move(value));
}

MaybeFault PickleMachine::append(size_t count) {
  if (MaybeFault fault = need(count + 1))
    return fault;
  PickleValue &list = values[stack[stack.size() - count - 1]];
  if (list.kind != Kind::List)
    return corrupt("what is appended to is no list");
  list.items.insert(list.items.end(), stack.end() - int64_t(count),
                    stack.end());
  stack.resize(stack.size() - count);
  return std::nullopt;
}

MaybeFault PickleMachine::setItems(size_t count) {
  if (count % 2)
    return corrupt("a dict has a key without a value");
  if (MaybeFault fault = need(count + 1))
    return fault;
  PickleValue &dict = values[stack[stack.size() - count - 1]];
  if (dict.kind != Kind::Dict)
    return corrupt("what gets items is no dict");
  dict.items.insert(dict.items.end(), stack.end() - int64_t(count),
                    stack.end());
  stack.resize(stack.size() - count);
  return std::nullopt;
}

Result<uint64_t> PickleMachine::number(int size) {
  auto digits = take(uint64_t(size));
  if (!digits)
    return digits.fault();
  uint64_t value = 0;
  for (int i = size; i-- > 0;)
    value = value << 8 | uint8_t((*digits)[size_t(i)]);
  return value;
}

Result<std::string_view> PickleMachine::take(uint64_t count) {
  if (count > bytes.size() - at)
    return corrupt(
        fmt::format("the pickle ends within an opcode of {} bytes", count));
  auto data = reinterpret_cast<const char *>(bytes.data() + at);
  at += size_t(count);
  return std::string_view(data, size_t(count));
}

Result<std::string_view> PickleMachine::line() {
  auto rest = reinterpret_cast<const char *>(bytes.data() + at);
  std::string_view text(rest, std::min<size_t>(bytes.size() - at, 1 << 10));
  size_t end = text.find('\n');
  if (end == std::string_view::npos)
    return corrupt("the name of a global does not end");
  at += end + 1;
  return text.substr(0, end);
}

Result<size_t> PickleMachine::aboveMark() {
  if (marks.empty())
    return corrupt("there is no mark to go back to");
  size_t count = stack.size() - marks.back();
  marks.pop_back();
  return count;
}

/// What lies below a mark is out of reach until the mark is removed.
MaybeFault PickleMachine::need(size_t count) const {
  size_t floor = marks.empty() ? 0 : marks.back();
  if (stack.size() - floor < count)
    return corrupt(fmt::format("an opcode wants {} values, the stack has {}",
                               count, stack.size() - floor));
  return std::nullopt;
}

} // namespace asgc
