//===- ExplainText.cpp - Topics of asgc explain for people ----------------===//
#include "Explain.h"

#include "asgc/ErrorExamples.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc::cli {

namespace {

/// Headings, in both languages.
struct Words {
  const char *formula, *role, *why, *arguments, *parameters, *operands,
      *attributes, *results, *gradient, *description, *example, *wrong, *right,
      *source, *place, *inPipeline;
};
const Words kEnglish = {"formula",    "role",     "why",        "arguments",
                        "parameters", "operands", "attributes", "results",
                        "gradient",   "exactly",  "example",    "wrong",
                        "right",      "source",   "written in",
                        "runs alone with"};
const Words kRussian = {"формула",   "роль",     "зачем",    "аргументы",
                        "параметры", "операнды", "атрибуты", "результаты",
                        "градиент",  "точно",    "пример",   "неверно",
                        "верно",     "источник", "где написано",
                        "запуск отдельно"};

/// Columns that `text` takes: UTF-8 characters.
size_t width(const std::string &text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (c & 0xc0) != 0x80; });
}

/// Writes headed sections, each indented by two.
class Page {
public:
  explicit Page(const std::string &lang)
      : words(lang == "ru" ? kRussian : kEnglish) {}

  const Words &words;
  std::string text;

  void section(const char *heading, const std::string &body) {
    if (!body.empty())
      text += fmt::format("\n{}\n{}", heading, indented(body));
  }

  /// Names in a column, what they are beside them.
  void table(const char *heading,
             const std::vector<std::pair<std::string, std::string>> &rows) {
    if (rows.empty())
      return;
    constexpr size_t kMostColumn = 36;
    size_t column = 0;
    for (const auto &[head, tail] : rows)
      if (width(head) <= kMostColumn)
        column = std::max(column, width(head));
    text += fmt::format("\n{}\n", heading);
    for (const auto &[head, tail] : rows) {
      text += "  " + head;
      if (!tail.empty() && width(head) > column)
        text += "\n  " + std::string(column, ' ');
      else if (!tail.empty())
        text += std::string(column - width(head), ' ');
      text += (tail.empty() ? "" : "  " + tail) + "\n";
    }
  }

  static std::string indented(const std::string &body) {
    std::string out;
    size_t begin = 0;
    for (size_t end = body.find_last_not_of(" \n") + 1; begin < end;) {
      size_t stop = std::min(body.find('\n', begin), end);
      if (stop > begin)
        out += "  " + body.substr(begin, stop - begin);
      out += '\n';
      begin = stop + 1;
    }
    return out;
  }
};

std::vector<std::pair<std::string, std::string>>
rowsOf(const std::vector<CatalogValue> &values) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CatalogValue &value : values)
    rows.emplace_back(value.name + (value.isVariadic ? "…" : ""), value.type);
  return rows;
}

struct TextWriter {
  Page &page;
  const std::string &lang;
  bool withSource;

  void operator()(const CatalogOp *op) const {
    const Words &words = page.words;
    page.text = fmt::format("{}: {}\n", op->name, op->summary.in(lang));
    page.section(words.formula, op->formula);
    page.section(words.role, op->role.in(lang));
    page.section(words.description, op->description);
    page.table(words.operands, rowsOf(op->operands));
    page.table(words.attributes, rowsOf(op->attributes));
    page.table(words.results, rowsOf(op->results));
    page.section(words.gradient,
                 fmt::format("{}", fmt::join(op->gradient, "\n")));
    page.section(words.example, op->example);
    page.text += fmt::format("\n{}: {}\n", words.place, op->source);
  }

  void operator()(const CodeInfo *code) const {
    bool isRussian = lang == "ru";
    page.text = fmt::format("{}: {}\n\n{}\n", code->name,
                            isRussian ? code->titleRu : code->title,
                            isRussian ? code->explanationRu
                                      : code->explanation);
    if (const ErrorExample *example = findExample(code->code)) {
      page.section(page.words.wrong, shown(example->wrongOptions, example->wrong));
      page.section(page.words.right, shown(example->rightOptions, example->right));
    }
  }

  /// A text, below the command that reads it if that matters.
  static std::string shown(std::string_view options, std::string_view text) {
    return options.empty() ? std::string(text)
                           : fmt::format("$ asgc check model.asg {}\n{}", options,
                                         text);
  }

  void operator()(const BlockExplanation &block) const {
    const Words &words = page.words;
    page.text = fmt::format("{} {}: {}\n\n{}", block.kind, block.name,
                            block.meaning, Page::indented(block.signature));
    page.section(words.formula, block.formula);
    page.section(words.why, block.why);
    std::vector<std::pair<std::string, std::string>> arguments, parameters;
    for (const BlockField &field : block.fields) {
      bool isArgument = field.kind == "argument";
      std::string head = (isArgument ? "" : field.kind + " ") + field.name + ": " +
                         field.type;
      if (!field.initial.empty())
        head += " = " + field.initial;
      (isArgument ? arguments : parameters).emplace_back(head, field.role);
    }
    page.table(words.arguments, arguments);
    page.table(words.parameters, parameters);
    page.section(words.source, block.source);
    if (withSource)
      page.text += "\n" + block.text + "\n";
    page.text += fmt::format("\n{}: {}\n", words.place, block.place);
  }

  void operator()(const BuiltinExplanation &function) const {
    page.text = fmt::format("function {}: {}\n\n  {}\n", function.name,
                            function.meaning, function.signature);
  }

  void operator()(const PassExplanation &pass) const {
    page.text = fmt::format("pass {0}: {1}\n\n{2}: asgc opt M.mlir --{0}\n",
                            pass.name, pass.summary, page.words.inPipeline);
  }
};

} // namespace

std::string topicText(const Topic &topic, const std::string &lang,
                      bool withSource) {
  Page page(lang);
  std::visit(TextWriter{page, lang, withSource}, topic.content);
  return page.text;
}

} // namespace asgc::cli
