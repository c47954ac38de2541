//===- Frontend.h - Turns a model text into an asg module -----------------===//
#ifndef ASGC_FRONTEND_H
#define ASGC_FRONTEND_H

#include "asgc/Recipe.h"
#include "asgc/Syntax.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace asgc {

/// A model text, the files it uses, and the standard library: every definition
/// by name. Own definitions hide those of the standard library.
class Library {
public:
  /// Reads the file called `path` and what it uses. Every error is reported;
  /// the result holds what could be read.
  static Library load(const std::string &path, DiagnosticEngine &diagnostics);
  /// The same for a text that `sources` already holds; `use "other.asg"` is
  /// relative to its path.
  static Library load(FileId file, DiagnosticEngine &diagnostics);
  /// The same with a standard library that was read before, from sources that
  /// those of `diagnostics` are a copy of.
  static Library load(FileId file, DiagnosticEngine &diagnostics,
                      const Library &standard);
  /// The standard library alone.
  static Library standard(DiagnosticEngine &diagnostics);

  /// The tree of the file that was asked for.
  const ast::Module &getMain() const;
  /// The block, loss, metric, optimizer, schedule or model called `name`, which
  /// may be a path such as "nn.linear"; null if there is none.
  const ast::Item *find(std::string_view name) const;
  /// The same in the standard library alone: what its own blocks see.
  const ast::Item *findStandard(std::string_view name) const;
  /// All of them, sorted by name.
  std::vector<const ast::Item *> getItems() const;
  /// Models and recipes of the main file, in the order written.
  std::vector<const ast::Item *> getModels() const;
  std::vector<const ast::Item *> getRecipes() const;
  /// Whether `item` is of the standard library.
  bool isStandard(const ast::Item &item) const;

private:
  friend class LibraryLoader;
  // Main first, then in the order of `use`; the standard library last.
  std::vector<std::shared_ptr<const ast::Module>> modules;
  std::vector<std::shared_ptr<const ast::Module>> standardModules;
  std::map<std::string, const ast::Item *, std::less<>> items;
  std::map<std::string, const ast::Item *, std::less<>> standardItems;
};

/// What `asgc explain` says of one definition of the language.
struct Explanation {
  std::string kind; ///< "block", "optimizer", …
  std::string name;
  std::string signature; ///< `linear(x: f32[..., in], out: int, …) -> …`
  std::string place;     ///< "nn/layers.asg:12"
  ast::DocText doc; ///< fields missing in the language asked for are English
  /// Parameters, states and arguments: name, type as written, what it is for.
  struct Field {
    std::string kind; ///< "argument", "param" or "state"
    std::string name, type, initial, role;
  };
  std::vector<Field> fields;
  std::string source; ///< the text of the definition, formatted
};

/// `language` is "en" or "ru".
Explanation explain(const ast::Item &item, const SourceManager &sources,
                    std::string_view language);

struct ElaborateOptions {
  /// The model to elaborate; empty: the recipe's, or the only one.
  std::string model;
  /// `key=value` of `--set`: settings of the recipe (epochs=40), arguments
  /// of what a setting calls (optimizer.lr=1e-3), arguments of the model.
  std::vector<std::string> settings;
  /// `name=extent` of `--dim`: fixes a run-time dim.
  std::vector<std::string> dims;
  /// Leaves out train_step and eval_step.
  bool inferOnly = false;
};

/// Elaborates the model of `library`'s main file into a module with the graphs
/// @infer and @init and, if there is a recipe, @train_step and @eval_step.
///
/// The context needs the asg dialect loaded. Null if anything was wrong, which
/// is then reported. `*recipe`, if not null, is filled from the `train` block
/// and left as it is if there is none; the module has it too, as the string
/// attribute `asg.recipe` (JSON).
mlir::OwningOpRef<mlir::ModuleOp> elaborate(const Library &library,
                                            mlir::MLIRContext &context,
                                            const ElaborateOptions &options,
                                            DiagnosticEngine &diagnostics,
                                            Recipe *recipe = nullptr);

} // namespace asgc

#endif
