//===- Json.cpp - A small strict JSON reader ------------------------------===//
#include "Json.h"
#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace asgc::rt::json {

size_t utf8Length(std::string_view text, size_t position) {
  auto byte = [&](size_t i) -> unsigned {
    return position + i < text.size()
               ? static_cast<unsigned char>(text[position + i])
               : 0;
  };
  auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    bool overlong = lead == 0xF0 && byte(1) < 0x90;
    bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4
                                                                          : 0;
  }
  return 0;
}

static void appendUtf8(std::string &out, uint32_t point) {
  auto put = [&](uint32_t byte) { out += char(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

class Parser {
public:
  Parser(std::string_view text, Document &document, ParseError &error,
         int maxDepth)
      : text_(text), document_(document), error_(error), maxDepth_(maxDepth) {}

  bool parse() {
    document_.values_.emplace_back();
    skipSpace();
    if (!parseValue(0, 0))
      return false;
    skipSpace();
    return position_ == text_.size() || fail("text after the end of the value");
  }

private:
  bool fail(std::string reason) {
    error_ = {position_, std::move(reason)};
    return false;
  }
  char peek() const {
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char c) {
    if (position_ == text_.size() || text_[position_] != c)
      return false;
    ++position_;
    return true;
  }
  void skipSpace() {
    while (position_ < text_.size() &&
           (text_[position_] == ' ' || text_[position_] == '\n' ||
            text_[position_] == '\r' || text_[position_] == '\t'))
      ++position_;
  }
  Value &at(uint32_t index) { return document_.values_[index]; }

  bool parseValue(uint32_t index, int depth);
  bool parseWord(std::string_view word);
  bool parseText(uint32_t index) {
    std::string_view string;
    if (!parseString(string))
      return false;
    at(index).string = {string.data(), string.size()};
    return true;
  }
  bool parseNumber(uint32_t index);
  bool parseString(std::string_view &string);
  bool parseEscape(std::string &out);
  bool parseHex(uint32_t &unit);
  bool parseItems(uint32_t index, int depth, char close);
  bool checkKeys(uint32_t object);

  std::string_view text_;
  Document &document_;
  ParseError &error_;
  int maxDepth_;
  size_t position_ = 0;
};

/// Fills value `index`; by index because the vector moves as it grows.
bool Parser::parseValue(uint32_t index, int depth) {
  at(index).offset = position_;
  switch (peek()) {
  case '{':
  case '[': {
    bool object = peek() == '{';
    if (depth >= maxDepth_)
      return fail("nested deeper than " + std::to_string(maxDepth_));
    ++position_;
    at(index).kind = object ? Kind::Object : Kind::Array;
    return parseItems(index, depth + 1, object ? '}' : ']');
  }
  case '"':
    at(index).kind = Kind::String;
    return parseText(index);
  case 't':
    at(index).kind = Kind::Bool;
    at(index).boolean = true;
    return parseWord("true");
  case 'f':
    at(index).kind = Kind::Bool;
    at(index).boolean = false;
    return parseWord("false");
  case 'n':
    return parseWord("null");
  default:
    return parseNumber(index);
  }
}

bool Parser::parseWord(std::string_view word) {
  if (text_.substr(position_, word.size()) != word)
    return fail("expected a value");
  position_ += word.size();
  return true;
}

bool Parser::parseNumber(uint32_t index) {
  const size_t begin = position_;
  auto digits = [&] {
    size_t first = position_;
    while (peek() >= '0' && peek() <= '9')
      ++position_;
    return position_ - first;
  };
  accept('-');
  const bool zero = peek() == '0';
  size_t whole = digits();
  if (whole == 0)
    return fail("expected a value");
  if (zero && whole > 1)
    return fail("number with a leading zero");
  bool integer = true;
  if (accept('.')) {
    integer = false;
    if (digits() == 0)
      return fail("expected digits after the point");
  }
  if (peek() == 'e' || peek() == 'E') {
    integer = false;
    ++position_;
    if (!accept('+'))
      accept('-');
    if (digits() == 0)
      return fail("expected digits in the exponent");
  }
  const char *first = text_.data() + begin, *last = text_.data() + position_;
  Value &value = at(index);
  if (integer &&
      std::from_chars(first, last, value.integer).ec == std::errc()) {
    value.kind = Kind::Integer;
    return true;
  }
  value.kind = Kind::Real;
  // Beyond the range of a double: strtod says whether that is 0 or infinity.
  if (std::from_chars(first, last, value.real).ec != std::errc())
    value.real = std::strtod(std::string(first, last).c_str(), nullptr);
  return true;
}

bool Parser::parseHex(uint32_t &unit) {
  unit = 0;
  const char *first = text_.data() + position_;
  if (position_ + 4 > text_.size() ||
      std::from_chars(first, first + 4, unit, 16).ptr != first + 4)
    return fail("expected four hexadecimal digits");
  position_ += 4;
  return true;
}

bool Parser::parseEscape(std::string &out) {
  static constexpr std::string_view names = "\"\\/bfnrt";
  static constexpr std::string_view values = "\"\\/\b\f\n\r\t";
  size_t which = names.find(peek());
  if (position_ < text_.size() && which != std::string_view::npos) {
    ++position_;
    out += values[which];
    return true;
  }
  if (!accept('u'))
    return fail("unknown escape");
  uint32_t unit, low;
  if (!parseHex(unit))
    return false;
  if (unit >= 0xD800 && unit <= 0xDFFF) {
    if (unit > 0xDBFF || !accept('\\') || !accept('u') || !parseHex(low) ||
        low < 0xDC00 || low > 0xDFFF)
      return fail("lone surrogate");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  appendUtf8(out, unit);
  return true;
}

bool Parser::parseString(std::string_view &string) {
  ++position_; // the quote
  const size_t begin = position_;
  std::string *copy = nullptr;
  size_t copied = begin; ///< the text up to here is in *copy
  auto flush = [&] { copy->append(text_.substr(copied, position_ - copied)); };
  for (;;) {
    if (position_ == text_.size())
      return fail("string without an end");
    unsigned char c = static_cast<unsigned char>(text_[position_]);
    if (c == '"')
      break;
    if (c < 0x20)
      return fail("control character in a string");
    if (c == '\\') {
      if (!copy)
        copy = &document_.unescaped_.emplace_back();
      flush();
      ++position_;
      if (!parseEscape(*copy))
        return false;
      copied = position_;
      continue;
    }
    size_t length = utf8Length(text_, position_);
    if (length == 0)
      return fail("invalid UTF-8");
    position_ += length;
  }
  if (copy) {
    flush();
    string = *copy;
  } else {
    string = text_.substr(begin, position_ - begin);
  }
  ++position_;
  return true;
}

/// The elements of an array or the members of an object, up to `close`.
bool Parser::parseItems(uint32_t index, int depth, char close) {
  const bool object = close == '}';
  skipSpace();
  if (accept(close))
    return true;
  uint32_t previous = 0;
  do {
    skipSpace();
    std::string_view key;
    if (object) {
      if (peek() != '"')
        return fail("expected a key");
      if (!parseString(key))
        return false;
      skipSpace();
      if (!accept(':'))
        return fail("expected ':'");
      skipSpace();
    }
    if (document_.values_.size() >= Document::maxValues)
      return fail("more than " + std::to_string(Document::maxValues) +
                  " values");
    uint32_t item = uint32_t(document_.values_.size());
    document_.values_.emplace_back().key = key;
    if (previous)
      at(previous).nextSibling = item;
    else
      at(index).children.first = item;
    previous = item;
    ++at(index).children.count;
    if (!parseValue(item, depth))
      return false;
    skipSpace();
  } while (accept(','));
  if (!accept(close))
    return fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
  return !object || checkKeys(index);
}

bool Parser::checkKeys(uint32_t object) {
  std::vector<const Value *> members;
  members.reserve(at(object).size());
  for (const Value &member : document_.childrenOf(at(object)))
    members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const Value *a, const Value *b) { return a->key < b->key; });
  for (size_t i = 1; i < members.size(); ++i)
    if (members[i - 1]->key == members[i]->key) {
      position_ = std::max(members[i - 1]->offset, members[i]->offset);
      std::string reason = "duplicate key ";
      appendQuoted(reason, members[i]->key);
      return fail(std::move(reason));
    }
  return true;
}

bool Document::parse(std::string_view text, ParseError &error, int maxDepth) {
  values_.clear();
  unescaped_.clear();
  return Parser(text, *this, error, maxDepth).parse();
}

const Value *Document::find(const Value &object, std::string_view key) const {
  if (object.kind != Kind::Object)
    return nullptr;
  for (const Value &member : childrenOf(object))
    if (member.key == key)
      return &member;
  return nullptr;
}

void appendQuoted(std::string &out, std::string_view string) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (char c : string) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

} // namespace asgc::rt::json
