//===- Pickle.h - Reads pickles without executing anything ----------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_PICKLE_H
#define ASGC_LIB_DATA_WEIGHTS_PICKLE_H

#include "asgc/Data.h"

#include <deque>

namespace asgc {

/// A value of a pickle: its index in the machine.
using PickleRef = uint32_t;

struct PickleValue {
  enum class Kind : uint8_t {
    None,
    Bool,   ///< `number`
    Int,    ///< `number`
    Big,    ///< an integer beyond 64 bits: its bytes in `text`
    Float,  ///< nobody here needs which
    Text,   ///< `text`: of str and bytes
    Tuple,  ///< `items`
    List,   ///< `items`
    Dict,   ///< `items`: key, value, key, value, …
    Global, ///< `text`: "torch._utils _rebuild_tensor_v2"
    Object  ///< what the host made: `number` is its own
  };
  Kind kind = Kind::None;
  uint32_t offset = 0; ///< of the opcode, from the start of the pickle
  int64_t number = 0;
  std::string_view text = {};
  std::vector<PickleRef> items = {};
};

/// A stack machine that builds values and nothing else. Opcodes that run code
/// ask the host, which knows a few names and refuses all others.
class PickleMachine {
public:
  /// What the names in a pickle mean.
  class Host {
  public:
    virtual ~Host() = default;
    /// Whether the global called `name` ("collections OrderedDict") is known;
    /// the machine refuses the pickle otherwise, naming it.
    virtual bool knows(std::string_view name) const = 0;
    /// The result of calling `name` with `arguments`.
    virtual Result<PickleValue>
    call(PickleMachine &machine, std::string_view name,
         const std::vector<PickleRef> &arguments) = 0;
    /// What a persistent id stands for.
    virtual Result<PickleValue> load(PickleMachine &machine, PickleRef id) = 0;
  };

  /// Messages say "`name`: … (offset N)", N counted from `start` of the file.
  PickleMachine(Host &host, std::string name, int64_t start = 0)
      : host(host), name(std::move(name)), start(start) {}

  /// Runs the pickle at the beginning of `bytes`, which must outlive the
  /// machine, up to its STOP; its value.
  Result<PickleRef> run(std::span<const std::byte> bytes);
  /// Bytes that the pickle took.
  size_t size() const { return at; }

  const PickleValue &operator[](PickleRef ref) const { return values[ref]; }
  /// A fault at the opcode that made the value, or at the one being run.
  Fault corrupt(const PickleValue &value, const std::string &reason) const;
  Fault corrupt(const std::string &reason) const;

private:
  using Kind = PickleValue::Kind;

  MaybeFault step(uint8_t opcode);
  MaybeFault stepCollection(uint8_t opcode);
  MaybeFault stepMemo(uint8_t opcode);
  MaybeFault stepCall(uint8_t opcode);
  MaybeFault push(PickleValue value);
  MaybeFault pushNumber(uint8_t opcode);
  MaybeFault pushText(int lengthBytes);
  MaybeFault pushLong(int lengthBytes);
  MaybeFault pushGlobal(std::string_view spelled);
  MaybeFault pushItems(Kind kind, size_t count);
  MaybeFault append(size_t count);
  MaybeFault setItems(size_t count);
  MaybeFault setState();
  MaybeFault remember(uint64_t slot);
  MaybeFault recall(uint64_t slot);
  /// The number of `bytes` bytes, unsigned.
  Result<uint64_t> number(int bytes);
  Result<std::string_view> take(uint64_t bytes);
  Result<std::string_view> takeCounted(int lengthBytes);
  Result<std::string_view> line();
  /// How many values lie above the last mark, which is removed.
  Result<size_t> aboveMark();
  /// Whether `count` values may be taken off the stack.
  MaybeFault need(size_t count) const;

  Host &host;
  std::string name;
  int64_t start;
  std::span<const std::byte> bytes;
  size_t at = 0, opcodeAt = 0;
  std::vector<PickleValue> values;
  std::vector<PickleRef> stack, memo;
  std::vector<size_t> marks;     ///< heights of the stack
  std::deque<std::string> names; ///< of globals
};

} // namespace asgc

#endif
