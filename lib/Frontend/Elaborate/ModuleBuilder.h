//===- ModuleBuilder.h - Elaborates a model and its recipe ----------------===//
#ifndef ASGC_FRONTEND_MODULEBUILDER_H
#define ASGC_FRONTEND_MODULEBUILDER_H

#include "Elaborator.h"
#include "RecipeReader.h"

namespace asgc {

/// Makes the graphs @infer, @train_step, @eval_step and @init of one model.
class ModuleBuilder {
public:
  ModuleBuilder(const Library &library, mlir::MLIRContext &context,
                const ElaborateOptions &options, DiagnosticEngine &diagnostics);

  mlir::OwningOpRef<mlir::ModuleOp> build(Recipe *recipe);

private:
  using Outputs = std::vector<std::pair<std::string, mlir::Value>>;

  //===- What to build (Options.cpp) --------------------------------------===//
  bool chooseModel();
  bool readDims();
  bool applySettings();
  bool applySetting(const std::string &text);
  bool override(const std::string &key, ast::ExprPtr value, Span span);
  bool unknownKey(const std::string &key, Span span);

  //===- Graphs (ModuleBuilder.cpp) ---------------------------------------===//
  bool buildInfer();
  bool buildInit();
  /// Runs the model in the current graph; its results, or empty after an error.
  std::vector<Term> runModel(Frame &frame);
  bool bindModel(Frame &frame);
  bool bindInput(const ast::ParamDecl &param, Frame &frame);
  std::optional<DimExpr> bindInputDim(const ast::DimSpec &spec, Frame &frame);
  std::vector<std::string> outputNames(size_t count) const;

  //===- Training (TrainStep.cpp) -----------------------------------------===//
  bool buildTrainStep();
  bool buildEvalStep();
  /// Forward, loss and metrics in the current graph.
  bool runForward(Frame &frame, Outputs &outputs);
  bool bindRecipeNames(Frame &frame, const std::vector<Term> &results,
                       const Frame &model);
  void findHoles(const ast::Expr &expr, Frame &frame);
  bool declareInputs(Frame &frame);
  bool runMetrics(Frame &frame, Outputs &outputs);
  std::optional<Term> runMetric(const ast::Expr &expr, Frame &frame,
                                std::string &name);
  bool takeScalar(const Term &value, Span span, const std::string &what,
                  Code code, mlir::Value &result);
  std::vector<mlir::Value> clipGradients(std::vector<mlir::Value> gradients,
                                         mlir::Value norm);
  mlir::Value gradientNorm(const std::vector<mlir::Value> &gradients);
  bool runOptimizer(Frame &frame, const std::vector<Variable *> &params,
                    const std::vector<mlir::Value> &gradients,
                    Outputs &outputs);
  bool updateParam(const ast::Item &item, const Frame &arguments,
                   const Variable &param, mlir::Value gradient);
  /// Which exceptions of the optimizer hold for a parameter.
  std::vector<bool> matchExceptions(const std::string &param);
  bool prepareOptimizer(const ast::Item &item, const std::vector<bool> &mask,
                        Frame &frame, Frame &prepared);
  bool finishRecipe();
  bool checkBatch();

  Elaborator e;
  const ElaborateOptions &options;
  DiagnosticEngine &diagnostics;
  const Library &library;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ast::Item *model = nullptr;
  const ast::Item *train = nullptr;

  /// Settings and arguments, with those of `--set` in place.
  std::vector<ast::ExprPtr> overrides; // owns the trees
  std::vector<const ast::Setting *> settings;
  std::vector<std::unique_ptr<ast::Setting>> ownSettings;
  std::vector<std::pair<ast::Identifier, const ast::Expr *>> modelArguments;
  std::map<std::string, const ast::Expr *> optimizerArguments;

  std::map<std::string, std::pair<int64_t, Span>> fixedDims;
  Frame recipeFrame; ///< names that settings may use
  std::unique_ptr<RecipeReader> reader;
  std::vector<std::string> metricNames;
  std::vector<std::string> modelInputs, labelInputs;
  std::vector<GivenArgument> baseArguments; ///< of the optimizer, evaluated
};

} // namespace asgc

#endif
