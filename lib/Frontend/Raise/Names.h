//===- Names.h - Names for the variables of a raised text -----------------===//
// Private to lib/Frontend/Raise.
#ifndef ASGC_LIB_FRONTEND_RAISE_NAMES_H
#define ASGC_LIB_FRONTEND_RAISE_NAMES_H

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace asgc::raise {

/// A statement whose text refers to variables by number.
struct Statement {
  int target = -1; ///< the variable it sets; -1: none
  std::string code;
};

/// Hands out names that mean nothing else in the text.
class NamePool {
public:
  NamePool();

  /// `wanted` made an identifier that is free; takes it.
  std::string take(std::string_view wanted);
  /// Takes an instance path, such as `layer1.0.conv`.
  std::string takePath(std::string_view wanted);
  /// A variable that is called `name` from the start, an input or a parameter.
  int addFixed(const std::string &name);
  /// A variable that a statement will set.
  int addVariable();

  /// How a statement refers to a variable until the names are known.
  static std::string reference(int variable);

  /// Names the variables so that a name is taken again once its variable has
  /// had its last use, and writes the statements.
  std::vector<std::string> assign(const std::vector<Statement> &statements);

private:
  bool isTaken(const std::string &name) const;

  std::set<std::string, std::less<>> taken, paths;
  std::vector<std::string> variables; ///< empty: not named yet
};

/// `text` with everything that no identifier has made `_`.
std::string makeIdentifier(std::string_view text);
/// Whether the language has `word` for itself.
bool isKeyword(std::string_view word);
/// An instance path as it stands before a colon: in quotes if it needs them.
std::string writePath(const std::string &path);

} // namespace asgc::raise

#endif
