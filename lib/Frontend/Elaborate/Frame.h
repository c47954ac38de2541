//===- Frame.h - What a block instance and a graph know while elaborated --===//
#ifndef ASGC_FRONTEND_FRAME_H
#define ASGC_FRONTEND_FRAME_H

#include "Term.h"

#include "mlir/IR/Block.h"
#include "mlir/IR/Location.h"

#include <map>
#include <optional>

namespace asgc {

using Dims = std::vector<DimExpr>;

/// A named dim and the argument that bound it.
struct DimBinding {
  DimExpr extent;
  Span argument;    ///< the value whose shape gave the extent
  std::string text; ///< its type, for notes
};

/// One block instance, the model, or the settings of a recipe.
struct Frame {
  const ast::Item *item = nullptr; ///< null for a recipe's settings
  Frame *caller = nullptr;
  Span callSpan;
  std::string path;  ///< of the instance: "body.0.fc1"
  std::string scope; ///< `path` and the `repeat … as` around the statement

  std::map<std::string, Term, std::less<>> names;
  std::map<std::string, DimBinding, std::less<>> dims;
  std::optional<Dims> ellipsis; ///< what `...` stands for
  Span ellipsisSpan;
  /// Names that `<-` may set, and the variables behind them.
  std::map<std::string, std::string, std::less<>> states;
  std::map<std::string, Span, std::less<>> declared;

  std::vector<Term> results;
  Span resultSpan;
  bool hasReturned = false;
  bool isBroken = false; ///< a statement failed, so results may be missing

  struct Assignment {
    std::string variable;
    mlir::Value value;
    mlir::Location loc;
  };
  std::vector<Assignment> assignments; ///< made when the instance is done
};

/// A parameter or state of the module.
struct Variable {
  enum class Role { Param, State, Optimizer, Step, Seed };
  Role role;
  std::string name;
  mlir::RankedTensorType type;
  Term::Init init;
  std::string doc;
  Span span;
};

/// An input of a graph.
struct GraphInput {
  std::string name;
  mlir::Value value;
  Span span;
};

/// One entry point while its ops are made. Owns them until endGraph.
struct Graph {
  Graph() = default;
  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;
  ~Graph() { delete block; }

  std::string name;
  bool isTraining = false;
  mlir::Block *block = nullptr;
  mlir::Operation *lastRead = nullptr; ///< reads stand first, in order
  std::vector<GraphInput> inputs;
  std::map<std::string, mlir::Value> reads; ///< variable -> value at start
  /// How often each instance path was used, and where first.
  std::map<std::string, std::pair<int, Span>> instances;
  int64_t nextStream = 0;
  mlir::Value step; ///< the step that is being made, from 1, in train_step
};

} // namespace asgc

#endif
