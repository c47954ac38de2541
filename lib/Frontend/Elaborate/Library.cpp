//===- Library.cpp - A model text and all it uses -------------------------===//
#include "StandardTexts.h"
#include "asgc/Frontend.h"

#include <algorithm>
#include <filesystem>

namespace asgc {

using ast::Item;

/// Loads files, each once, and gathers what they define.
class LibraryLoader {
public:
  LibraryLoader(Library &library, DiagnosticEngine &diagnostics)
      : library(library), diagnostics(diagnostics) {}

  void loadStandard();
  void defineStandard();
  void loadMain(FileId file);

private:
  void loadFile(FileId file);
  void use(const Item &item, FileId user);
  void define(const Item &item, bool isStandard);
  void checkNames(const Item &item);

  Library &library;
  DiagnosticEngine &diagnostics;
  std::vector<FileId> loaded;
  std::vector<FileId> open; // the chain of `use` that led here
};

/// Parameters, and the names after `for`, are told apart by name.
void LibraryLoader::checkNames(const Item &item) {
  std::map<std::string, Span> seen;
  auto check = [&](const ast::Identifier &name) {
    if (name.text.empty())
      return;
    auto [it, isNew] = seen.try_emplace(name.text, name.span);
    if (!isNew)
      diagnostics.report(
          Diagnostic(Code::ASG0009, "`" + name.text +
                                        "` is declared twice in `" +
                                        item.name.text + "`")
              .at(name.span, "second declaration")
              .also(it->second, "first declaration"));
  };
  for (const ast::ParamDecl &param : item.params)
    check(param.name);
  for (const ast::Identifier &name : item.given)
    check(name);
}

void LibraryLoader::define(const Item &item, bool isStandard) {
  if (item.kind == Item::Kind::Use || item.kind == Item::Kind::Train)
    return;
  checkNames(item);
  if (isStandard)
    library.standardItems.emplace(item.name.text, &item);
  auto [it, isNew] = library.items.try_emplace(item.name.text, &item);
  if (isNew || isStandard)
    return;
  diagnostics.report(
      Diagnostic(Code::ASG0009, "`" + item.name.text + "` is defined twice")
          .at(item.name.span, "second definition")
          .also(it->second->name.span, "first definition")
          .help("leave one of them out, or give it another name"));
}

void LibraryLoader::loadStandard() {
  SourceManager &sources = diagnostics.getSources();
  for (const StandardText &text : getStandardTexts()) {
    auto file = sources.find(text.path);
    if (!file)
      file = sources.add(text.path, std::string(text.text));
    library.standardModules.push_back(std::make_shared<const ast::Module>(
        ast::parseModule(*file, diagnostics)));
  }
  defineStandard();
}

void LibraryLoader::defineStandard() {
  for (const auto &module : library.standardModules)
    for (const Item &item : module->items)
      define(item, true);
}

void LibraryLoader::use(const Item &item, FileId user) {
  if (item.path.empty()) {
    if (item.name.text != "nn")
      diagnostics.report(
          Diagnostic(Code::ASG0011,
                     "there is no library `" + item.name.text + "`")
              .at(item.name.span, "only `nn` comes with the compiler")
              .help("a file is named as a string: `use \"" + item.name.text +
                    ".asg\"`"));
    return;
  }
  namespace fs = std::filesystem;
  SourceManager &sources = diagnostics.getSources();
  fs::path folder = fs::path(sources.getFile(user).getPath()).parent_path();
  std::string path = (folder / item.path).lexically_normal().string();
  auto file = sources.find(path);
  if (!file) {
    std::string error;
    file = sources.load(path, &error);
    if (!file) {
      diagnostics.report(
          Diagnostic(Code::ASG0011, "cannot read " + path + ": " + error)
              .at(item.name.span, "used here"));
      return;
    }
  }
  if (std::find(open.begin(), open.end(), *file) != open.end()) {
    diagnostics.report(Diagnostic(Code::ASG0012, path + " uses itself")
                           .at(item.name.span, open.back() == *file
                                                   ? "this very file"
                                                   : "leads back to this file")
                           .help("move what both files need into a third"));
    return;
  }
  loadFile(*file);
}

void LibraryLoader::loadFile(FileId file) {
  if (std::find(loaded.begin(), loaded.end(), file) != loaded.end())
    return;
  // A chain of that many files is a mistake, and each is a level of the stack.
  constexpr size_t kMaxChain = 64;
  loaded.push_back(file);
  auto module =
      std::make_shared<const ast::Module>(ast::parseModule(file, diagnostics));
  library.modules.push_back(module);
  for (const Item &item : module->items)
    define(item, false);
  open.push_back(file);
  for (const Item &item : module->items) {
    if (item.kind != Item::Kind::Use)
      continue;
    if (open.size() < kMaxChain)
      use(item, file);
    else
      diagnostics.report(Diagnostic(Code::ASG0011, "files use each other more "
                                                   "than 64 levels deep")
                             .at(item.name.span));
  }
  open.pop_back();
}

void LibraryLoader::loadMain(FileId file) {
  loadFile(file);
  // Last, so that own definitions come first.
  if (library.standardModules.empty())
    loadStandard();
  else
    defineStandard();
}

Library Library::load(const std::string &path, DiagnosticEngine &diagnostics) {
  std::string error;
  SourceManager &sources = diagnostics.getSources();
  auto file = sources.load(path, &error);
  if (!file) {
    diagnostics.report(
        Diagnostic(Code::ASG0011, "cannot read " + path + ": " + error));
    return standard(diagnostics);
  }
  return load(*file, diagnostics);
}

Library Library::load(FileId file, DiagnosticEngine &diagnostics) {
  Library library;
  LibraryLoader(library, diagnostics).loadMain(file);
  return library;
}

Library Library::load(FileId file, DiagnosticEngine &diagnostics,
                      const Library &standard) {
  Library library;
  library.standardModules = standard.standardModules;
  LibraryLoader(library, diagnostics).loadMain(file);
  return library;
}

Library Library::standard(DiagnosticEngine &diagnostics) {
  Library library;
  library.modules.push_back(std::make_shared<const ast::Module>());
  LibraryLoader(library, diagnostics).loadStandard();
  return library;
}

const ast::Module &Library::getMain() const { return *modules.front(); }

const Item *Library::find(std::string_view name) const {
  if (name.rfind("nn.", 0) == 0)
    return findStandard(name.substr(3));
  auto it = items.find(name);
  return it == items.end() ? nullptr : it->second;
}

const Item *Library::findStandard(std::string_view name) const {
  auto it = standardItems.find(name);
  return it == standardItems.end() ? nullptr : it->second;
}

std::vector<const Item *> Library::getItems() const {
  std::vector<const Item *> result;
  for (const auto &[name, item] : items)
    result.push_back(item);
  return result;
}

static std::vector<const Item *> ofKind(const ast::Module &module,
                                        Item::Kind kind) {
  std::vector<const Item *> result;
  for (const Item &item : module.items)
    if (item.kind == kind)
      result.push_back(&item);
  return result;
}

std::vector<const Item *> Library::getModels() const {
  return ofKind(getMain(), Item::Kind::Model);
}

std::vector<const Item *> Library::getRecipes() const {
  return ofKind(getMain(), Item::Kind::Train);
}

bool Library::isStandard(const Item &item) const {
  return findStandard(item.name.text) == &item;
}

} // namespace asgc
