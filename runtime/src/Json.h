//===- Json.h - A small strict JSON reader --------------------------------===//
#ifndef ASGC_RT_JSON_H
#define ASGC_RT_JSON_H

#include <cstdint>
#include <deque>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace asgc::rt::json {

enum class Kind : uint8_t { Null, Bool, Integer, Real, String, Array, Object };

/// One value. Strings point into the text that was parsed, or into the document
/// where they had escapes.
struct Value {
  Kind kind = Kind::Null;
  uint32_t nextSibling = 0; ///< 0 after the last
  std::string_view key;     ///< when this is the member of an object
  size_t offset = 0;        ///< where the value begins in the text
  union {
    bool boolean;
    int64_t integer;
    double real;
    struct {
      const char *data;
      size_t size;
    } string;
    struct {
      uint32_t first; ///< index in the document, if there are any
      uint32_t count;
    } children{0, 0};
  };

  std::string_view text() const { return {string.data, string.size}; }
  bool isInteger() const { return kind == Kind::Integer; }
  bool isString() const { return kind == Kind::String; }
  bool isArray() const { return kind == Kind::Array; }
  bool isObject() const { return kind == Kind::Object; }
  /// The elements or members; 0 for the other kinds.
  uint32_t size() const { return isArray() || isObject() ? children.count : 0; }
};

struct ParseError {
  size_t offset = 0;
  std::string reason;
};

/// A parsed text. The text must outlive the document.
class Document {
public:
  /// Bounds what a hostile text can make us allocate: about 200 MiB.
  static constexpr size_t maxValues = 1 << 22;

  /// Reads `text` by RFC 8259, nothing more: no comments, no duplicate keys, no
  /// lone surrogates, valid UTF-8, at most `maxDepth` open brackets and
  /// maxValues values. False with `error` set if it is not that.
  bool parse(std::string_view text, ParseError &error, int maxDepth = 64);

  const Value &root() const { return values_.front(); }

  /// The member `key` of `object`; null if there is none, or `object` is none.
  const Value *find(const Value &object, std::string_view key) const;

  class Iterator {
  public:
    Iterator(const Document *document, uint32_t index)
        : document_(document), index_(index) {}
    const Value &operator*() const { return document_->values_[index_]; }
    Iterator &operator++() {
      index_ = document_->values_[index_].nextSibling;
      return *this;
    }
    bool operator!=(const Iterator &other) const {
      return index_ != other.index_;
    }

  private:
    const Document *document_;
    uint32_t index_;
  };
  struct Children {
    Iterator first, last;
    Iterator begin() const { return first; }
    Iterator end() const { return last; }
  };
  /// The elements or members of `value`, in the order of the text.
  Children childrenOf(const Value &value) const {
    return {Iterator(this, value.size() ? value.children.first : 0),
            Iterator(this, 0)};
  }

private:
  friend class Parser;
  std::vector<Value> values_;         ///< the root is first
  std::deque<std::string> unescaped_; ///< strings that had escapes
};

/// Appends `string` to `out` as a JSON string with its quotes.
void appendQuoted(std::string &out, std::string_view string);

/// The length of the UTF-8 sequence at `position`; 0 if it is invalid.
size_t utf8Length(std::string_view text, size_t position);

} // namespace asgc::rt::json
#endif
