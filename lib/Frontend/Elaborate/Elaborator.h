//===- Elaborator.h - Runs a model text and records its tensors -----------===//
#ifndef ASGC_FRONTEND_ELABORATOR_H
#define ASGC_FRONTEND_ELABORATOR_H

#include "Builtin.h"
#include "Frame.h"
#include "asgc/Frontend.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/Builders.h"

namespace asgc {

/// Axes a tensor may have; the runtime's tables have room for no more.
inline constexpr size_t kMaxRank = 8;

/// A tensor or number as an operand, with the place to point at.
struct Operand {
  Term term;
  Span span;
};

inline Operand operand(const BuiltinCall &call, size_t i) {
  return {call[i], call.spans[i]};
}

/// Elaborates one module. Functions that fail report why and return poison (or
/// a null value or type); poison passes through silently, so that one error is
/// reported once and elaboration goes on to find the others.
class Elaborator {
public:
  Elaborator(const Library &library, mlir::MLIRContext &context,
             const ElaborateOptions &options, DiagnosticEngine &diagnostics);

  //===- Errors (Elaborator.cpp) ------------------------------------------===//
  void report(Diagnostic diagnostic);
  Term fail(Diagnostic diagnostic);
  /// "`text of the span`" for messages, short.
  std::string quote(Span span) const;
  /// Adds a note on where the shape of `operand` comes from.
  void noteOrigin(Diagnostic &diagnostic, const Operand &operand) const;
  /// Spends a unit of the work that compile-time code may cause.
  bool spend(Span span);
  bool hasErrors() const { return diagnostics.hasErrors(); }

  //===- Places -----------------------------------------------------------===//
  mlir::Location locate(Span span, const Frame &frame) const;
  mlir::Location locate(Span span, const std::string &path) const;

  //===- Expressions (Expr.cpp) -------------------------------------------===//
  Term eval(const ast::Expr &expr, Frame &frame);
  Term evalBinaryExpr(const ast::Expr &expr, Frame &frame);
  /// Of a name; null if nothing is called so.
  std::optional<Term> lookup(const std::string &name, Frame &frame);
  Term evalBinary(ast::BinaryOp op, const Operand &lhs, const Operand &rhs,
                  Span opSpan, Frame &frame);
  Term negate(const Operand &x, Span span, Frame &frame);
  Term invert(const Operand &x, Span span, Frame &frame);
  std::optional<std::string> evalString(const ast::Expr &expr, Frame &frame);
  Term unknownName(const ast::Expr &expr, Frame &frame);
  Term unknownInput(const Operand &operand);

  //===- Compile-time values (Arithmetic.cpp) -----------------------------===//
  Term foldBinary(ast::BinaryOp op, const Operand &lhs, const Operand &rhs,
                  Span opSpan);
  Term foldCompare(ast::BinaryOp op, const Operand &lhs, const Operand &rhs,
                   Span opSpan);
  Term makeRange(const Operand &begin, const Operand &end, Span span);
  bool checkSize(const Term &term, Span span);

  //===- What a term must be (Convert.cpp) --------------------------------===//
  // Each reports what is wrong, naming `what` ("axis", "the count").
  std::optional<int64_t> toInt(const Operand &x, const std::string &what);
  std::optional<DimExpr> toExtent(const Operand &x, const std::string &what);
  std::optional<Number> toNumber(const Operand &x, const std::string &what);
  std::optional<double> toDouble(const Operand &x, const std::string &what);
  std::optional<bool> toBool(const Operand &x, const std::string &what);
  std::optional<std::string> toString(const Operand &x,
                                      const std::string &what);
  std::optional<mlir::Type> toDType(const Operand &x, const std::string &what);
  std::optional<Dims> toShape(const Operand &x, const std::string &what);
  std::optional<std::vector<int64_t>> toInts(const Operand &x,
                                             const std::string &what);
  /// The tensor behind `x`; numbers become rank-0 tensors of `likeType`, or of
  /// f32 and i64 if that is null.
  mlir::Value toTensor(const Operand &x, mlir::Location loc,
                       mlir::Type likeType = {});
  bool fits(const Operand &x, const Number &value, mlir::Type element);
  /// `value`, which fits, as an element of a tensor; floats round.
  static mlir::TypedAttr toElement(const Number &value, mlir::Type element);
  mlir::Value listTensor(const Operand &x, mlir::Location loc,
                         mlir::Type likeType);
  Term wrongKind(const Operand &x, const std::string &what,
                 const std::string &expected);

  //===- Tensors (Tensor.cpp) ---------------------------------------------===//
  mlir::RankedTensorType tensorType(const Dims &dims, mlir::Type element);
  mlir::Value splat(mlir::Location loc, mlir::RankedTensorType type,
                    const Number &value);
  mlir::Value extentTensor(mlir::Location loc, const DimExpr &extent,
                           mlir::Type element);
  mlir::Value cast(mlir::Location loc, mlir::Value x, mlir::Type element);
  mlir::Value reshape(mlir::Location loc, mlir::Value x, const Dims &dims);
  mlir::Value transpose(mlir::Location loc, mlir::Value x,
                        const std::vector<int64_t> &perm);
  mlir::Value broadcast(mlir::Location loc, mlir::Value x, const Dims &dims);
  /// Operands with one element type and one shape, numpy's rules; empty after
  /// an error. `mustBeFloat` makes integers f32.
  std::vector<mlir::Value> unify(const std::vector<Operand> &operands,
                                 Span span, mlir::Location loc,
                                 bool mustBeFloat = false);
  mlir::Type commonType(const std::vector<Operand> &operands, Span span,
                        bool mustBeFloat);
  std::optional<Dims> commonDims(const std::vector<Operand> &operands,
                                 Span span);
  std::optional<Dims> commonBatch(const Operand &lhs, const Operand &rhs,
                                  Span opSpan);
  void reportBroadcast(const Operand &a, const Operand &b, int64_t axis,
                       Span span);
  Term tensorBinary(ast::BinaryOp op, const Operand &lhs, const Operand &rhs,
                    Span opSpan, Frame &frame);
  Term power(const Operand &base, const Operand &exponent, Span opSpan,
             mlir::Location loc);
  Term matmul(const Operand &lhs, const Operand &rhs, Span opSpan,
              mlir::Location loc);
  /// Whether an extent is simple enough to be written and read back.
  static bool isWritable(const DimExpr &extent);
  /// Number of elements; null if it has too many terms.
  static std::optional<DimExpr> countElements(const Dims &dims);
  /// Checks the size of a shape that is about to be made.
  bool checkShape(const Dims &dims, Span span);
  /// Extent with every dim at its bound; null if that overflows.
  std::optional<int64_t> atBound(const DimExpr &extent) const;
  /// `value` as a term that remembers where it was made.
  Term made(mlir::Value value, Span span) const { return Term(value, span); }

  //===- Indices (Index.cpp) ----------------------------------------------===//
  Term evalIndex(const ast::Expr &expr, Frame &frame);
  Term evalMember(const ast::Expr &expr, Frame &frame);
  std::optional<int64_t> toAxis(const Operand &axis, int64_t rank,
                                const std::string &what = "axis");
  /// An axis, a list of axes, or none for all of them; sorted and distinct.
  std::optional<std::vector<int64_t>> toAxes(const Operand &axes, int64_t rank);
  /// What one index takes of an axis: begin, begin + step, …, `count` of them.
  struct Stretch {
    DimExpr begin, count;
    int64_t step = 1;
    bool isDropped = false; ///< a single place: the axis goes
    mlir::Value places;     ///< a tensor of places instead
  };
  std::optional<Stretch> evalStretch(const ast::Index &index,
                                     const DimExpr &extent, int64_t axis,
                                     Frame &frame);
  std::optional<DimExpr> evalBound(const ast::Expr &expr, const DimExpr &extent,
                                   Frame &frame);
  mlir::Value takeStretches(mlir::Location loc, mlir::Value x,
                            std::vector<Stretch> stretches);
  Term indexList(const ast::Expr &expr, const Operand &base, Frame &frame);
  mlir::Value iota(mlir::Location loc, const DimExpr &count);

  //===- Calls (Call.cpp) -------------------------------------------------===//
  Term evalCall(const ast::Expr &expr, Frame &frame,
                const GivenArgument *piped = nullptr,
                const ast::Expr *instance = nullptr);
  /// A stage of a pipe: a name, a call or an instance.
  Term evalStage(const ast::Expr &stage, const GivenArgument &piped,
                 Frame &frame);
  std::vector<Term> call(const BlockRef &block, Span nameSpan, Span span,
                         std::vector<GivenArgument> arguments, Frame &frame,
                         const std::string &instance = "");
  Term callBuiltin(const Builtin &builtin, Span nameSpan, Span span,
                   std::vector<GivenArgument> arguments, Frame &frame);
  std::vector<Term> callBlock(const ast::Item &item, Span nameSpan, Span span,
                              std::vector<GivenArgument> arguments,
                              Frame &frame, const std::string &instance);
  Term unknownArgument(const GivenArgument &argument, const Builtin &builtin,
                       Span nameSpan);
  std::optional<std::string> nameInstance(const std::string &own,
                                          const ast::Item &item, Span span,
                                          Frame &frame);
  std::vector<Term> runInstance(const ast::Item &item, Frame &callee,
                                Span span);
  std::string nameBlock(const ast::Item &item) const;
  mlir::DictionaryAttr describeArguments(const ast::Item &item,
                                         const Frame &callee);
  /// Whether a block of this kind can be called where elaboration is.
  bool isUsableHere(const ast::Item &item, Span span);
  /// The block that `expr` names; arguments of a call are bound.
  std::optional<BlockRef> toBlock(const ast::Expr &expr, Frame &frame);
  /// Evaluates an argument for `parameter` of `block`.
  GivenArgument evalArgument(const ast::Identifier &name,
                             const ast::Expr &value, bool isBlock,
                             Frame &frame);
  /// Own definitions hide standard ones, but not from the standard library.
  const ast::Item *findItem(const std::string &name, const Frame &frame) const;

  //===- Arguments (Arguments.cpp) ----------------------------------------===//
  /// Puts `arguments` into the names of `callee`, checks types, binds dims.
  bool bindArguments(const ast::Item &item, Frame &callee, Span nameSpan,
                     Span span, std::vector<GivenArgument> arguments);
  bool assignArguments(const ast::Item &item, Span nameSpan,
                       std::vector<GivenArgument> &arguments,
                       std::vector<std::optional<GivenArgument>> &byParam);
  bool bindDefault(const ast::ParamDecl &param, const ast::Item &item,
                   Frame &callee, Span span);
  bool bindGiven(const ast::ParamDecl &param, GivenArgument &argument,
                 const ast::Item &item, Frame &callee);
  bool fillHole(const ast::ParamDecl &param, const GivenArgument &argument,
                Frame &callee);
  bool checkResults(const ast::Item &item, Frame &callee);

  //===- Types (Type.cpp) -------------------------------------------------===//
  /// Checks that `value` is of `type`, and makes it so where that loses
  /// nothing. Names of dims that are free are bound in `frame`.
  bool checkType(const ast::TypeExpr &type, Operand &value,
                 const std::string &what, Frame &frame);
  bool checkNamedType(const ast::TypeExpr &type, Operand &value,
                      const std::string &what);
  bool checkScalar(const ast::TypeExpr &type, mlir::Type element,
                   Operand &value, const std::string &what);
  bool wrongType(const ast::TypeExpr &type, const Operand &value,
                 const std::string &what);
  bool matchDims(const ast::TypeExpr &type, const Operand &value,
                 const std::string &what, Frame &frame);
  bool matchDim(const ast::TypeExpr &type, const ast::DimSpec &spec,
                const DimExpr &extent, int64_t axis, const Operand &value,
                const std::string &what, Frame &frame);
  /// The type written, with dims from `frame`; null after an error.
  mlir::RankedTensorType resolveType(const ast::TypeExpr &type, Frame &frame);
  std::optional<mlir::Type> findDType(std::string_view name) const;

  //===- Statements (Stmt.cpp) --------------------------------------------===//
  void runBody(const ast::Body &body, Frame &frame);
  void runStmt(const ast::Stmt &stmt, Frame &frame);
  void runBind(const ast::Stmt &stmt, Frame &frame);
  void runIf(const ast::Stmt &stmt, Frame &frame);
  void runFor(const ast::Stmt &stmt, Frame &frame);
  void runRepeat(const ast::Stmt &stmt, Frame &frame);
  void runRequire(const ast::Stmt &stmt, Frame &frame);
  void runReturn(const ast::Stmt &stmt, Frame &frame);
  void runAssign(const ast::Stmt &stmt, Frame &frame);
  void bindName(const ast::Identifier &name, Term value, Frame &frame);
  void badAssign(const ast::Stmt &stmt, Frame &frame);

  //===- Variables (Variables.cpp) ----------------------------------------===//
  void runDeclaration(const ast::Stmt &stmt, Frame &frame);
  Term evalInitial(const ast::Expr &expr, Frame &frame);
  /// Whether `path` can be a part of an instance path.
  bool checkPath(const std::string &path, Span span);
  bool mayDeclare(const ast::Stmt &stmt, const Frame &frame);
  void runConst(const ast::Stmt &stmt, Frame &frame);
  /// Adds a variable, or finds the one of this name; null if it differs.
  const Variable *declare(Variable variable);
  mlir::Value read(const std::string &variable);
  /// Makes the assignments that `frame` collected.
  void flushAssignments(Frame &frame);
  void assign(const std::string &variable, mlir::Value value,
              mlir::Location loc);
  Term::Init toInitializer(const Operand &value, mlir::RankedTensorType type);
  bool checkFan(const Initializer &init, mlir::RankedTensorType type,
                Span span);

  //===- Random values (Initial.cpp) --------------------------------------===//
  mlir::Value buildInitial(const Variable &variable);
  mlir::Value randomUniform(mlir::Location loc, mlir::RankedTensorType type);
  mlir::Value randomNormal(mlir::Location loc, mlir::RankedTensorType type);
  mlir::Value truncatedNormal(mlir::Location loc, mlir::RankedTensorType type,
                              const Initializer &init);
  mlir::Value inverseErf(mlir::Location loc, mlir::Value x);

  //===- Graphs (Graph.cpp) -----------------------------------------------===//
  void beginGraph(Graph &graph);
  /// Puts the finished graph into `module`.
  void
  endGraph(mlir::ModuleOp module, Span span,
           const std::vector<std::pair<std::string, mlir::Value>> &outputs);
  mlir::Value addInput(const std::string &name, mlir::RankedTensorType type,
                       Span span);
  mlir::Value seed();
  mlir::Value step();
  /// The number of steps of the whole run, for schedules.
  Term totalSteps(Span span);
  /// Writes the declarations of all variables at the start of `module`.
  void writeVariables(mlir::ModuleOp module);

  mlir::OpBuilder builder;
  const Library &library;
  const ElaborateOptions &options;
  DiagnosticEngine &diagnostics;
  Graph *graph = nullptr;
  std::map<std::string, int64_t> bounds; ///< of run-time dims
  std::map<std::string, Span> boundSpans;
  std::vector<std::unique_ptr<Variable>> variables; ///< in order of declaration
  std::map<std::string, Variable *> variablesByName;
  Frame *current = nullptr;          ///< the frame that is being elaborated
  std::string rootName;              ///< path of the ops that no instance holds
  Span rootSpan;                     ///< place of what no text declares
  bool canSchedule = false;          ///< in the optimizer of a recipe
  std::optional<int64_t> knownSteps; ///< `steps = …` of the recipe
  unsigned depth = 0;                ///< of nested evaluations
  unsigned callDepth = 0;            ///< of nested calls of blocks

private:
  int64_t work = 0;
  bool isExhausted = false;
};

/// Counts a level of evaluation as long as it lives.
struct DepthGuard {
  explicit DepthGuard(unsigned &depth) : depth(depth) { ++depth; }
  ~DepthGuard() { --depth; }
  unsigned &depth;
};

} // namespace asgc

#endif
