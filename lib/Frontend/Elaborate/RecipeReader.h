//===- RecipeReader.h - The settings of a train block ---------------------===//
#ifndef ASGC_FRONTEND_RECIPEREADER_H
#define ASGC_FRONTEND_RECIPEREADER_H

#include "Elaborator.h"

namespace asgc {

/// Whether a recipe may set `name`.
bool isSettingName(const std::string &name);

/// What a recipe asks of the compiled step.
struct ClipRecipe {
  enum class Kind { None, Norm, Value } kind = Kind::None;
  double limit = 0;
  Span span;
};

/// Reads the settings of a `train` block: those of the loop into a Recipe,
/// those that are compiled into fields that ModuleBuilder uses.
class RecipeReader {
public:
  RecipeReader(Elaborator &elaborator, Frame &frame)
      : e(elaborator), frame(frame) {}

  /// False after an error.
  bool read(const std::vector<const ast::Setting *> &settings);

  Recipe recipe;
  ClipRecipe clip;
  const ast::Setting *loss = nullptr;
  mlir::Type precision; ///< of products; null if it is not set
  const ast::Setting *optimizer = nullptr;
  const ast::Setting *metrics = nullptr;
  const ast::Setting *batch = nullptr;
  std::vector<const ast::Setting *> inputs; ///< `label: i64[batch]`

private:
  using Arguments = std::vector<ast::Argument>;

  bool readSetting(const ast::Setting &setting);
  bool readData(const ast::Expr &expr);
  bool readDataArgument(const std::string &name, const ast::Expr &value);
  bool readColumns(const ast::Expr &expr);
  bool readClip(const ast::Expr &expr);
  bool readStop(const ast::Expr &expr);
  bool readEvery(const ast::Expr &expr, int64_t &steps, int64_t &epochs,
                 int64_t *keep);
  bool readSplit(const ast::Expr &expr);

  bool readInt(const ast::Expr &expr, const std::string &what, int64_t least,
               int64_t &result);
  bool readDouble(const ast::Expr &expr, const std::string &what,
                  double &result);
  bool readBool(const ast::Expr &expr, const std::string &what, bool &result);
  bool readText(const ast::Expr &expr, const std::string &what,
                std::string &result);
  /// One of `names`, as a plain name or a string; its index.
  std::optional<size_t> readChoice(const ast::Expr &expr,
                                   const std::string &what,
                                   const std::vector<std::string> &names);
  /// The call `name(…)` with one of `names`; its index.
  std::optional<size_t> readCall(const ast::Expr &expr, const std::string &what,
                                 const std::vector<std::string> &names);
  bool bad(const ast::Expr &expr, const std::string &message,
           const std::string &help);
  bool unknown(Code code, const ast::Identifier &name, const std::string &what,
               const std::vector<std::string> &names);

  Elaborator &e;
  Frame &frame;
};

} // namespace asgc

#endif
