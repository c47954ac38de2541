//===- Explain.cpp - asgc explain: what a layer, an op or an error means --===//
#include "Output.h"
#include "Verb.h"

#include "asgc/Catalog.h"
#include "asgc/Explain.h"
#include "asgc/Support.h"

namespace asgc::cli {

namespace {

struct ExplainOptions {
  std::string name, lang, file;
  bool json = false, source = false;
};

/// Words that stand around an explanation, in both languages.
struct Words {
  const char *formula, *role, *why, *example, *gradient, *fields, *source, *place;
};
const Words kEnglish = {"formula", "role",       "why",    "example",
                        "gradient", "parameters", "source", "written in"};
const Words kRussian = {"формула",  "роль",      "зачем",    "пример",
                        "градиент", "параметры", "источник", "где написано"};

/// `text` with every line after the first indented by `width`.
std::string hang(const std::string &text, size_t width) {
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '\n')
      out.append(width, ' ');
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '\n'))
    out.pop_back();
  return out;
}

void field(const char *label, const std::string &text) {
  if (!text.empty())
    print("\n{}\n  {}\n", label, hang(text, 2));
}

void explainCode(const CodeInfo &code, bool isRussian) {
  print("{}: {}\n\n{}\n", code.name, isRussian ? code.titleRu : code.title,
        isRussian ? code.explanationRu : code.explanation);
}

std::string join(const std::vector<std::string> &lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

void explainOp(const CatalogOp &op, const std::string &lang) {
  const Words &words = lang == "ru" ? kRussian : kEnglish;
  print("{}: {}\n", op.name, op.summary.in(lang));
  field(words.formula, op.formula);
  field(words.role, op.role.in(lang));
  field(words.gradient, join(op.gradient));
  field(words.example, op.example);
  print("\n{}: {}\n", words.place, op.source);
}

void explainBlock(const BlockExplanation &block, const std::string &lang,
                  bool withSource) {
  const Words &words = lang == "ru" ? kRussian : kEnglish;
  print("{} {}: {}\n\n  {}\n", block.kind, block.name, block.meaning,
        hang(block.signature, 2));
  field(words.formula, block.formula);
  field(words.why, block.why);
  if (!block.fields.empty()) {
    print("\n{}\n", words.fields);
    for (const BlockField &f : block.fields) {
      std::string head = f.name + ": " + f.type;
      print("  {:<34} {}{}\n", head, f.kind, f.role.empty() ? "" : ", " + f.role);
    }
  }
  field(words.source, block.source);
  if (withSource)
    print("\n{}\n", block.text);
  print("\n{}: {}\n", words.place, block.place);
}

std::string jsonOf(const BlockExplanation &block) {
  std::string out = fmt::format(
      "{{\"kind\": {}, \"name\": {}, \"signature\": {}, \"place\": {}, "
      "\"meaning\": {}, \"formula\": {}, \"why\": {}, \"source\": {}, "
      "\"fields\": [",
      quoteJson(block.kind), quoteJson(block.name), quoteJson(block.signature),
      quoteJson(block.place), quoteJson(block.meaning), quoteJson(block.formula),
      quoteJson(block.why), quoteJson(block.source));
  const char *comma = "";
  for (const BlockField &f : block.fields) {
    out += fmt::format("{}{{\"kind\": {}, \"name\": {}, \"type\": {}, \"role\": "
                       "{}}}",
                       comma, quoteJson(f.kind), quoteJson(f.name),
                       quoteJson(f.type), quoteJson(f.role));
    comma = ", ";
  }
  return out + "], \"text\": " + quoteJson(block.text) + "}\n";
}

std::string jsonOf(const CatalogOp &op, const std::string &lang) {
  return fmt::format("{{\"kind\": \"op\", \"name\": {}, \"category\": {}, "
                     "\"summary\": {}, \"formula\": {}, \"role\": {}, "
                     "\"example\": {}, \"place\": {}}}\n",
                     quoteJson(op.name), quoteJson(op.category),
                     quoteJson(op.summary.in(lang)), quoteJson(op.formula),
                     quoteJson(op.role.in(lang)), quoteJson(op.example),
                     quoteJson(op.source));
}

std::string jsonOf(const CodeInfo &code, bool isRussian) {
  return fmt::format("{{\"kind\": \"code\", \"name\": {}, \"title\": {}, "
                     "\"explanation\": {}}}\n",
                     quoteJson(code.name),
                     quoteJson(isRussian ? code.titleRu : code.title),
                     quoteJson(isRussian ? code.explanationRu
                                         : code.explanation));
}

/// Everything there is to explain, by kind.
int listTopics(const std::vector<BlockExplanation> &blocks) {
  for (const char *kind :
       {"block", "loss", "metric", "optimizer", "schedule", "model"}) {
    std::vector<std::string> names;
    for (const BlockExplanation &block : blocks)
      if (block.kind == kind)
        names.push_back(block.name);
    if (!names.empty())
      print("{:<10} {}\n", kind, fmt::format("{}", fmt::join(names, " ")));
  }
  std::vector<std::string> names;
  for (const CatalogOp &op : allOps())
    names.push_back(op.name);
  print("{:<10} {}\n", "op", fmt::format("{}", fmt::join(names, " ")));
  names.clear();
  for (const CodeInfo &code : getAllCodes())
    names.push_back(std::string(code.name));
  print("{:<10} {}\n", "error", fmt::format("{}", fmt::join(names, " ")));
  return ExitOk;
}

int act(const ExplainOptions &options, const Session &session) {
  std::string lang =
      options.lang.empty() ? session.settings.get("lang") : options.lang;
  if (lang != "en" && lang != "ru") {
    complain("--lang can be en or ru, not '{}'", lang);
    return ExitUsage;
  }
  bool isRussian = lang == "ru";
  if (const CodeInfo *code = findCode(options.name)) {
    if (options.json)
      printText(jsonOf(*code, isRussian));
    else
      explainCode(*code, isRussian);
    return ExitOk;
  }
  if (const CatalogOp *op = findOp(options.name);
      op && options.name.starts_with("asg.")) {
    if (options.json)
      printText(jsonOf(*op, lang));
    else
      explainOp(*op, lang);
    return ExitOk;
  }
  auto blocks = explainBlocks(options.file, lang);
  if (!blocks)
    return reportFault(blocks.fault());
  if (options.name.empty())
    return listTopics(*blocks);
  std::vector<std::string> names;
  for (const BlockExplanation &block : *blocks) {
    names.push_back(block.name);
    if (block.name != options.name && "nn." + block.name != options.name)
      continue;
    if (options.json)
      printText(jsonOf(block));
    else
      explainBlock(block, lang, options.source);
    return ExitOk;
  }
  if (const CatalogOp *op = findOp(options.name)) {
    if (options.json)
      printText(jsonOf(*op, lang));
    else
      explainOp(*op, lang);
    return ExitOk;
  }
  for (const CatalogOp &op : allOps())
    names.push_back(op.name);
  for (const CodeInfo &code : getAllCodes())
    names.push_back(std::string(code.name));
  auto near = findNearest(options.name, names);
  complain("there is no layer, op or error called '{}'{}; 'asgc explain' lists "
           "all",
           options.name, near ? "; did you mean '" + *near + "'?" : "");
  return ExitInput;
}

} // namespace

void addExplain(CLI::App &app, Session &session) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App *verb = addVerb(app, "explain",
                           "Say what a layer, an op or an error code means",
                           "asgc explain linear\n"
                           "asgc explain asg.tanh --lang ru\n"
                           "asgc explain ASG0107\n"
                           "asgc explain                     lists everything");
  verb->add_option("NAME", options->name,
                   "A layer, loss, optimizer, op or error code");
  verb->add_option("--lang", options->lang, "en or ru")->option_text("LANG");
  verb->add_option("--file", options->file,
                   "A model text whose own blocks are explained as well")
      ->option_text("M.asg");
  verb->add_flag("--source", options->source, "Also show how it is written");
  verb->add_flag("--json", options->json, "For programs");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
