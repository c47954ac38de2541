//===- Names.cpp - Names for the variables of a raised text ---------------===//
#include "lib/Frontend/Raise/Names.h"

#include "asgc/Frontend.h"
#include "asgc/Functions.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <array>
#include <map>

namespace asgc::raise {

/// A reference is a number between these, which no text has.
static constexpr char kOpen = '\x01', kClose = '\x02';

std::string makeIdentifier(std::string_view text) {
  std::string name;
  for (char c : text) {
    bool isGood = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '_';
    name += isGood ? c : '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
    name = "_" + name;
  return name;
}

NamePool::NamePool() {
  for (const char *word :
       {"pi",    "inf",   "nan",        "training",  "step", "seed",
        "infer", "init",  "train_step", "eval_step", "nn",   "like",
        "int",   "float", "bool",       "string",    "list", "shape",
        "dtype", "block", "any",        "f32",       "f16",  "bf16",
        "f64",   "i8",    "i32",        "i64"})
    taken.insert(word);
  for (const FunctionExplanation &function : explainFunctions("en"))
    taken.insert(function.name);
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  Library standard = Library::standard(diagnostics);
  for (const ast::Item *item : standard.getItems())
    taken.insert(item->name.text);
}

bool NamePool::isTaken(const std::string &name) const {
  return isKeyword(name) || taken.count(name) > 0;
}

std::string NamePool::take(std::string_view wanted) {
  std::string name = makeIdentifier(wanted);
  for (int i = 1; isTaken(name); ++i)
    name = makeIdentifier(wanted) + "_" + (i > 1 ? std::to_string(i) : "");
  taken.insert(name);
  return name;
}

std::string NamePool::takePath(std::string_view wanted) {
  std::string base;
  for (char c : wanted) {
    bool isGood = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    bool isEmptyPart = c == '.' && (base.empty() || base.back() == '.');
    if (!isEmptyPart)
      base += isGood ? c : '_';
  }
  while (!base.empty() && base.back() == '.')
    base.pop_back();
  if (base.empty())
    base = "layer";
  std::string path = base;
  for (int i = 1; !paths.insert(path).second; ++i)
    path = base + "_" + std::to_string(i);
  return path;
}

bool isKeyword(std::string_view word) {
  static constexpr std::array<std::string_view, 17> kKeywords = {
      "and",    "const",   "else",   "except", "false", "for",
      "if",     "is",      "none",   "not",    "or",    "param",
      "repeat", "require", "return", "state",  "true"};
  return llvm::is_contained(kKeywords, word);
}

std::string writePath(const std::string &path) {
  bool isBare = true;
  for (size_t at = 0; at < path.size();) {
    size_t dot = std::min(path.find('.', at), path.size());
    std::string part = path.substr(at, dot - at);
    bool isIndex = at > 0 && part.find_first_not_of("0123456789") == part.npos;
    isBare &= isIndex || (makeIdentifier(part) == part && !isKeyword(part));
    at = dot + 1;
  }
  return isBare ? path : "\"" + path + "\"";
}

int NamePool::addFixed(const std::string &name) {
  variables.push_back(name);
  return int(variables.size()) - 1;
}

int NamePool::addVariable() {
  variables.emplace_back();
  return int(variables.size()) - 1;
}

std::string NamePool::reference(int variable) {
  return kOpen + std::to_string(variable) + kClose;
}

/// Calls back for every reference of `code`; other text is passed on as well.
template <typename OnText, typename OnReference>
static void scan(const std::string &code, OnText onText,
                 OnReference onReference) {
  for (size_t at = 0; at < code.size();) {
    size_t open = std::min(code.find(kOpen, at), code.size());
    onText(std::string_view(code).substr(at, open - at));
    if (open == code.size())
      return;
    size_t close = code.find(kClose, open);
    onReference(std::atoi(code.c_str() + open + 1));
    at = close + 1;
  }
}

std::vector<std::string>
NamePool::assign(const std::vector<Statement> &statements) {
  std::map<int, size_t> lastUse;
  for (size_t i = 0; i < statements.size(); ++i)
    scan(
        statements[i].code, [](std::string_view) {},
        [&](int variable) { lastUse[variable] = i; });
  std::vector<std::string> pool;
  for (const char *name : {"x", "y", "z", "u", "v", "w", "a", "b", "c", "d"})
    if (!isTaken(name))
      pool.push_back(name);
  std::set<std::string> inUse;
  std::vector<std::string> lines;
  for (size_t i = 0; i < statements.size(); ++i) {
    std::string line;
    std::vector<std::string> dying;
    scan(
        statements[i].code, [&](std::string_view text) { line += text; },
        [&](int variable) {
          const std::string &name = variables[variable];
          line += name;
          if (lastUse[variable] == i && inUse.count(name))
            dying.push_back(name);
        });
    for (const std::string &name : dying)
      inUse.erase(name);
    if (int target = statements[i].target; target >= 0) {
      // A step of a chain keeps the name of what it goes on from.
      std::string name = dying.empty() ? "" : dying.front();
      for (size_t p = 0; name.empty() && p < pool.size(); ++p)
        if (!inUse.count(pool[p]))
          name = pool[p];
      for (int n = 1; name.empty(); ++n) {
        std::string numbered = "x" + std::to_string(n);
        if (isTaken(numbered) || inUse.count(numbered))
          continue;
        name = numbered;
      }
      inUse.insert(name);
      variables[target] = name;
      line = name + " = " + line;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace asgc::raise
