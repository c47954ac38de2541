//===- NpyHeader.cpp - The header of a .npy file --------------------------===//
#include "NpyHeader.h"

#include <charconv>
#include <fmt/format.h>

namespace asgc {

namespace {
/// numpy itself refuses headers over 10,000 bytes unless told otherwise.
constexpr size_t kMaxHeader = 1 << 16;
constexpr size_t kMaxRank = 32;

struct TypeCode {
  std::string_view code;
  ElementType type;
};
constexpr TypeCode kTypes[] = {
    {"f2", ElementType::F16}, {"f4", ElementType::F32},
    {"f8", ElementType::F64}, {"i1", ElementType::I8},
    {"i2", ElementType::I16}, {"i4", ElementType::I32},
    {"i8", ElementType::I64}, {"u1", ElementType::U8},
    {"u2", ElementType::U16}, {"u4", ElementType::U32},
    {"u8", ElementType::U64}, {"b1", ElementType::Bool},
};

/// Reads the dictionary literal {'descr': '<f4', 'fortran_order': False,
/// 'shape': (3, 4)}: these three keys, in any order.
class DictionaryParser {
public:
  DictionaryParser(std::string_view text, int64_t offset,
                   const std::string &name)
      : text(text), base(offset), name(name) {}

  Result<NpyHeader> parse();

private:
  void skipBlanks();
  bool accept(char c);
  MaybeFault expect(char c);
  Fault wrong(const std::string &expected);
  Result<std::string> string();
  MaybeFault descr();
  MaybeFault fortranOrder();
  MaybeFault shape();
  MaybeFault entry();

  std::string_view text;
  size_t at = 0;
  int64_t base;
  const std::string &name;
  NpyHeader header;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};

void DictionaryParser::skipBlanks() {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' ||
                              text[at] == '\t' || text[at] == '\r'))
    ++at;
}

bool DictionaryParser::accept(char c) {
  skipBlanks();
  if (at >= text.size() || text[at] != c)
    return false;
  ++at;
  return true;
}

Fault DictionaryParser::wrong(const std::string &expected) {
  skipBlanks();
  return corruptAt(name, base + int64_t(at),
                   fmt::format("expected {} in the header, found {}", expected,
                               at < text.size() ? inQuotes(text.substr(at, 16))
                                                : "its end"));
}

MaybeFault DictionaryParser::expect(char c) {
  if (accept(c))
    return std::nullopt;
  return wrong(fmt::format("'{}'", c));
}

Result<std::string> DictionaryParser::string() {
  char quote = accept('\'') ? '\'' : accept('"') ? '"' : 0;
  if (!quote)
    return wrong("a string");
  size_t end = text.find(quote, at);
  if (end == std::string_view::npos)
    return wrong("the end of a string");
  std::string value(text.substr(at, end - at));
  at = end + 1;
  return value;
}

MaybeFault DictionaryParser::descr() {
  skipBlanks();
  if (at < text.size() && text[at] == '[')
    return Fault{FaultKind::Unsupported,
                 name + ": arrays of records (a list as 'descr') are not "
                        "supported; save each field as its own array"};
  size_t start = at;
  Result<std::string> code = string();
  if (!code)
    return code.fault();
  std::string_view body = *code;
  char order = body.empty() ? 0 : body[0];
  if (order == '<' || order == '>' || order == '|' || order == '=') {
    header.isBigEndian = order == '>';
    body.remove_prefix(1);
  }
  for (const TypeCode &known : kTypes)
    if (body == known.code) {
      header.type = known.type;
      return std::nullopt;
    }
  if (!body.empty() &&
      std::string_view("OcSUVmMgGa").find(body[0]) != std::string_view::npos)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: elements of type {} are not supported; "
                             "expected floats of 2 to 8 bytes, integers or "
                             "bool",
                             name, inQuotes(*code))};
  at = start;
  return wrong("an element type such as '<f4'");
}

MaybeFault DictionaryParser::fortranOrder() {
  skipBlanks();
  for (bool value : {false, true}) {
    std::string_view word = value ? "True" : "False";
    if (text.substr(at).starts_with(word)) {
      at += word.size();
      header.isFortran = value;
      return std::nullopt;
    }
  }
  return wrong("True or False");
}

MaybeFault DictionaryParser::shape() {
  if (MaybeFault fault = expect('('))
    return fault;
  while (!accept(')')) {
    skipBlanks();
    int64_t extent = 0;
    auto [end, code] =
        std::from_chars(text.data() + at, text.data() + text.size(), extent);
    if (code == std::errc::result_out_of_range)
      return wrong("an extent that fits 63 bits");
    if (code != std::errc() || extent < 0)
      return wrong("an extent");
    at = size_t(end - text.data());
    if (at < text.size() && text[at] == 'L') // as Python 2 wrote it
      ++at;
    header.shape.push_back(extent);
    if (header.shape.size() > kMaxRank)
      return wrong(fmt::format("at most {} extents", kMaxRank));
    if (!accept(',')) {
      if (MaybeFault fault = expect(')'))
        return fault;
      break;
    }
  }
  return std::nullopt;
}

MaybeFault DictionaryParser::entry() {
  size_t start = at;
  Result<std::string> key = string();
  if (!key)
    return key.fault();
  bool *seen = *key == "descr"           ? &hasDescr
               : *key == "fortran_order" ? &hasOrder
               : *key == "shape"         ? &hasShape
                                         : nullptr;
  if (!seen || *seen) {
    at = start;
    return wrong("one each of 'descr', 'fortran_order' and 'shape'");
  }
  *seen = true;
  if (MaybeFault fault = expect(':'))
    return fault;
  return seen == &hasDescr   ? descr()
         : seen == &hasOrder ? fortranOrder()
                             : shape();
}

Result<NpyHeader> DictionaryParser::parse() {
  if (MaybeFault fault = expect('{'))
    return *fault;
  while (!accept('}')) {
    if (MaybeFault fault = entry())
      return *fault;
    if (!accept(',')) {
      if (MaybeFault fault = expect('}'))
        return *fault;
      break;
    }
  }
  skipBlanks();
  if (at != text.size())
    return wrong("nothing after the dictionary");
  if (!hasDescr || !hasOrder || !hasShape)
    return wrong("'descr', 'fortran_order' and 'shape'");
  return header;
}
} // namespace

Result<NpyHeader> parseNpyHeader(std::span<const std::byte> file,
                                 const std::string &name) {
  std::string_view bytes(reinterpret_cast<const char *>(file.data()),
                         file.size());
  if (!bytes.starts_with("\x93NUMPY"))
    return corruptAt(name, 0,
                     "expected a .npy file (93 4e 55 4d 50 59), found " +
                         inQuotes(bytes.substr(0, 6)));
  if (bytes.size() < 10)
    return corruptAt(name, int64_t(bytes.size()), "the header is truncated");
  auto byteAt = [&](size_t i) { return std::to_integer<size_t>(file[i]); };
  size_t major = byteAt(6);
  if (major < 1 || major > 3)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: version {}.{} of the .npy format is not "
                             "supported; expected 1 to 3",
                             name, major, byteAt(7))};
  size_t start = major == 1 ? 10 : 12;
  if (bytes.size() < start)
    return corruptAt(name, int64_t(bytes.size()), "the header is truncated");
  size_t length = byteAt(8) | byteAt(9) << 8;
  if (major > 1)
    length |= byteAt(10) << 16 | byteAt(11) << 24;
  if (length > kMaxHeader)
    return corruptAt(name, 8,
                     fmt::format("expected a header of at most {} bytes, found "
                                 "a length of {}",
                                 kMaxHeader, length));
  if (length > bytes.size() - start)
    return corruptAt(name, 8,
                     fmt::format("expected a header of {} bytes, found {}",
                                 length, bytes.size() - start));
  Result<NpyHeader> header =
      DictionaryParser(bytes.substr(start, length), int64_t(start), name)
          .parse();
  if (header)
    header->dataOffset = start + length;
  return header;
}

} // namespace asgc
