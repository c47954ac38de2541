//===- Interpreter.cpp - The executable meaning of asg --------------------===//
#include "asgc/Interpreter.h"

#include "lib/Interpreter/Evaluation.h"

using namespace mlir;

namespace asgc {

DType getDType(Type elementType) {
  if (elementType.isF64())
    return DType::F64;
  if (elementType.isF16())
    return DType::F16;
  if (elementType.isBF16())
    return DType::BF16;
  if (elementType.isInteger(1))
    return DType::Bool;
  if (elementType.isInteger(8))
    return DType::I8;
  if (elementType.isInteger(32))
    return DType::I32;
  if (elementType.isInteger(64))
    return DType::I64;
  return DType::F32;
}

namespace interpreter {
namespace {
const Evaluators &allEvaluators() {
  static const Evaluators evaluators = [] {
    Evaluators all;
    addElementwise(all);
    addReductions(all);
    addScans(all);
    addContractions(all);
    addAttention(all);
    addPooling(all);
    addLayout(all);
    addIndexing(all);
    addRandom(all);
    return all;
  }();
  return evaluators;
}

/// Evaluates the ops of one graph.
class Machine {
public:
  explicit Machine(const InterpreterOptions &options)
      : options(options), iterationsLeft(options.maxIterations) {
    for (const auto &[name, value] : options.dims)
      dims[name] = value;
  }

  LogicalResult bindInputs(asg::GraphOp graph, ArrayRef<HostTensor> inputs);
  LogicalResult bindInput(asg::GraphOp graph, unsigned index,
                          const HostTensor &input);
  LogicalResult runBlock(Block &block, const Variables &variables);
  FailureOr<Array> makeResult(Operation *op, RankedTensorType type);
  FailureOr<int64_t> evaluateExtent(Operation *op, const DimExpr &extent);
  FailureOr<std::vector<Array>> evaluate(Operation *op,
                                         std::vector<const Array *> operands);

  DenseMap<Value, Array> environment;
  InterpreterResult result;

private:
  LogicalResult runOp(Operation *op, const Variables &variables);
  LogicalResult runRead(asg::ReadOp read, const Variables &variables);
  LogicalResult runRegion(Operation *op, const Variables &variables);
  LogicalResult runLoop(asg::LoopOp loop, const Variables &variables);
  LogicalResult runIf(asg::IfOp choice, const Variables &variables);
  FailureOr<std::vector<Array>> call(Operation *op, FlatSymbolRefAttr name,
                                     std::vector<Array> arguments,
                                     const Variables &variables);
  LogicalResult finish(Operation *op, std::vector<Array> results);
  void round(Array &array) const;
  void define(Value value, Array array);
  void release(Operation *op);

  const InterpreterOptions &options;
  int64_t iterationsLeft; // of all loops and branches
  std::map<std::string, int64_t, std::less<>> dims;
  DenseMap<Value, int64_t> pendingUses;
};

void Machine::define(Value value, Array array) {
  if (options.keepValues)
    result.values.emplace_back(value, toHost(array, options.roundToStorage));
  environment[value] = std::move(array);
}

/// Forgets the operands of `op` that nothing will read any more.
void Machine::release(Operation *op) {
  for (Value operand : op->getOperands()) {
    auto [it, isNew] = pendingUses.try_emplace(operand, 0);
    if (isNew)
      it->second = std::distance(operand.use_begin(), operand.use_end());
    if (--it->second <= 0)
      environment.erase(operand);
  }
}

void Machine::round(Array &array) const {
  for (int64_t &value : array.integers)
    value = wrapTo(array.type, value);
  if (options.roundToStorage && array.type != DType::F64)
    for (double &value : array.floats)
      value = roundTo(array.type, value);
}

//===- Inputs -------------------------------------------------------------===//

LogicalResult Machine::bindInputs(asg::GraphOp graph,
                                  ArrayRef<HostTensor> inputs) {
  if (inputs.size() != graph.getNumArguments())
    return graph.emitOpError() << "takes " << graph.getNumArguments()
                               << " inputs, not " << inputs.size();
  for (auto [index, input] : llvm::enumerate(inputs))
    if (failed(bindInput(graph, index, input)))
      return failure();
  // Extents that are expressions are checked when every symbol has a value.
  for (auto [argument, input] : llvm::zip_equal(graph.getArguments(), inputs)) {
    auto type = cast<RankedTensorType>(argument.getType());
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      FailureOr<int64_t> value =
          evaluateExtent(graph, asg::getDim(type, axis));
      if (failed(value))
        return failure();
      if (*value != input.shape()[axis])
        return graph.emitOpError()
               << "input '" << graph.getInputName(argument.getArgNumber())
               << "' is " << asg::describe(type) << ", whose axis " << axis
               << " has " << *value << " elements here, but got "
               << input.describe();
    }
    Array array = fromHost(input, getDType(type.getElementType()));
    round(array);
    define(argument, std::move(array));
  }
  return success();
}

/// Checks one input's type, and takes the values of plain symbols from it.
LogicalResult Machine::bindInput(asg::GraphOp graph, unsigned index,
                                 const HostTensor &input) {
  auto type = cast<RankedTensorType>(graph.getArgument(index).getType());
  DType declared = getDType(type.getElementType());
  bool isExact = !options.roundToStorage && isFloat(declared) &&
                 input.dtype() == DType::F64;
  if ((input.dtype() != declared && !isExact) ||
      static_cast<int64_t>(input.shape().size()) != type.getRank())
    return graph.emitOpError() << "input '" << graph.getInputName(index)
                               << "' is " << asg::describe(type) << ", but got "
                               << input.describe();
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    auto symbol = asg::getDim(type, axis).asSymbol();
    if (!symbol)
      continue;
    int64_t extent = input.shape()[axis];
    auto [it, isNew] = dims.try_emplace(*symbol, extent);
    if (it->second != extent)
      return graph.emitOpError()
             << "input '" << graph.getInputName(index) << "' has " << extent
             << " elements along '" << *symbol << "', which is " << it->second;
    auto bound = graph.getDimBound(*symbol);
    if (bound && (extent < 1 || extent > *bound))
      return graph.emitOpError()
             << "input '" << graph.getInputName(index) << "' has " << extent
             << " elements along '" << *symbol << "', not between 1 and "
             << *bound;
  }
  return success();
}

//===- Ops ----------------------------------------------------------------===//

FailureOr<int64_t> Machine::evaluateExtent(Operation *op,
                                           const DimExpr &extent) {
  for (const std::string &name : extent.symbols())
    if (!dims.contains(name))
      return op->emitOpError() << "has no value for the dim '" << name << "'";
  auto value = extent.evaluate(
      [&](std::string_view name) -> std::optional<int64_t> {
        return dims.find(name)->second;
      });
  if (!value)
    return op->emitOpError() << "overflows at the extent " << extent.str();
  return *value;
}

FailureOr<Array> Machine::makeResult(Operation *op, RankedTensorType type) {
  Array array;
  array.type = getDType(type.getElementType());
  int64_t count = 1, guarded = 1;
  for (const DimExpr &dim : asg::getDims(type)) {
    FailureOr<int64_t> extent = evaluateExtent(op, dim);
    if (failed(extent))
      return failure();
    if (*extent < 0)
      return op->emitOpError() << "has the extent " << dim.str() << " = "
                               << *extent << " in " << asg::describe(type);
    array.shape.push_back(*extent);
    if (__builtin_mul_overflow(guarded, std::max<int64_t>(*extent, 1),
                               &guarded) ||
        guarded > options.maxElements)
      return op->emitOpError() << "makes " << asg::describe(type)
                               << ", more than " << options.maxElements
                               << " elements, too large for the interpreter";
    count *= *extent;
  }
  if (array.isFloat())
    array.floats.resize(count);
  else
    array.integers.resize(count);
  return array;
}

FailureOr<std::vector<Array>>
Machine::evaluate(Operation *op, std::vector<const Array *> operands) {
  const Evaluators &evaluators = allEvaluators();
  auto evaluator = evaluators.find(op->getName().getStringRef());
  if (evaluator == evaluators.end()) {
    if (isa<asg::GradientOp>(op))
      return op->emitOpError("has no value before asg-differentiate expands it");
    return op->emitOpError("has no meaning to the interpreter");
  }
  Evaluation evaluation{op, std::move(operands), {}, options,
                        [&](const DimExpr &extent) {
                          return evaluateExtent(op, extent);
                        }};
  for (Type type : op->getResultTypes()) {
    FailureOr<Array> array = makeResult(op, cast<RankedTensorType>(type));
    if (failed(array))
      return failure();
    evaluation.results.push_back(std::move(*array));
  }
  if (failed(evaluator->second(evaluation)))
    return failure();
  for (Array &array : evaluation.results)
    round(array);
  return std::move(evaluation.results);
}

LogicalResult Machine::runRead(asg::ReadOp read, const Variables &variables) {
  auto it = variables.find(read.getVariable().str());
  if (it == variables.end())
    return read.emitOpError() << "finds no value of @" << read.getVariable();
  auto type = read.getY().getType();
  DType declared = getDType(type.getElementType());
  const HostTensor &value = it->second;
  bool isExact = !options.roundToStorage && isFloat(declared) &&
                 value.dtype() == DType::F64;
  if ((value.dtype() != declared && !isExact) ||
      ArrayRef<int64_t>(value.shape().data(), value.shape().size()) !=
          type.getShape())
    return read.emitOpError() << "finds " << value.describe() << " for @"
                              << read.getVariable() << ", a "
                              << asg::describe(type);
  Array array = fromHost(value, declared);
  round(array);
  define(read.getY(), std::move(array));
  return success();
}

LogicalResult Machine::runRegion(Operation *op, const Variables &variables) {
  Block &block = op->getRegion(0).front();
  if (failed(runBlock(block, variables)))
    return failure();
  Operation *end = block.getTerminator();
  for (auto [outer, inner] : llvm::zip_equal(op->getResults(), end->getOperands()))
    define(outer, environment.lookup(inner));
  release(end);
  return success();
}

LogicalResult Machine::finish(Operation *op, std::vector<Array> results) {
  for (auto [value, array] : llvm::zip_equal(op->getResults(), results))
    define(value, std::move(array));
  release(op);
  return success();
}

//===- Graphs that are called ---------------------------------------------===//

/// What the private graph `name` makes of `arguments`.
FailureOr<std::vector<Array>> Machine::call(Operation *op,
                                            FlatSymbolRefAttr name,
                                            std::vector<Array> arguments,
                                            const Variables &variables) {
  auto body = SymbolTable::lookupNearestSymbolFrom<asg::GraphOp>(op, name);
  if (!body || body.getNumArguments() != arguments.size())
    return op->emitOpError() << "calls " << name << ", which is no such graph";
  if (iterationsLeft-- <= 0)
    return op->emitOpError() << "takes more than " << options.maxIterations
                             << " steps, too many for the interpreter";
  Machine machine(options);
  machine.dims = dims;
  machine.iterationsLeft = iterationsLeft;
  for (auto [value, array] : llvm::zip_equal(body.getArguments(), arguments))
    machine.environment[value] = std::move(array);
  Block &block = body.getBody().front();
  if (failed(machine.runBlock(block, variables)))
    return failure();
  iterationsLeft = machine.iterationsLeft;
  std::vector<Array> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(machine.environment.at(value));
  return results;
}

LogicalResult Machine::runLoop(asg::LoopOp loop, const Variables &variables) {
  auto numberOf = [&](Value value) {
    return environment.find(value)->second.integers[0];
  };
  int64_t count = loop.getCount() ? numberOf(loop.getCount()) : INT64_MAX;
  bool goesOn = !loop.getCondition() || numberOf(loop.getCondition()) != 0;
  std::vector<Array> carried, collected;
  for (Value value : loop.getInits())
    carried.push_back(environment.find(value)->second);
  for (Value value : loop.getCollected()) {
    auto all = makeResult(loop, cast<RankedTensorType>(value.getType()));
    if (failed(all))
      return failure();
    count = std::min(count, all->shape[0]);
    collected.push_back(std::move(*all));
  }
  for (int64_t i = 0; i < count && goesOn; ++i) {
    std::vector<Array> arguments{Array{DType::I64, {}, {}, {i}}};
    std::move(carried.begin(), carried.end(), std::back_inserter(arguments));
    for (Value value : loop.getInvariants())
      arguments.push_back(environment.find(value)->second);
    auto results =
        call(loop, loop.getBodyAttr(), std::move(arguments), variables);
    if (failed(results))
      return failure();
    if (loop.getCondition()) {
      goesOn = results->front().integers[0] != 0;
      results->erase(results->begin());
    }
    for (size_t k = 0; k < collected.size(); ++k) {
      const Array &one = (*results)[carried.size() + k];
      auto place = [&](auto &numbers, const auto &given) {
        std::copy(given.begin(), given.end(),
                  numbers.begin() + i * int64_t(given.size()));
      };
      place(collected[k].floats, one.floats);
      place(collected[k].integers, one.integers);
    }
    results->resize(carried.size());
    carried = std::move(*results);
  }
  std::move(collected.begin(), collected.end(), std::back_inserter(carried));
  return finish(loop, std::move(carried));
}

LogicalResult Machine::runIf(asg::IfOp choice, const Variables &variables) {
  bool isThen = environment.find(choice.getCondition())->second.integers[0];
  std::vector<Array> arguments;
  for (Value value : choice.getInputs())
    arguments.push_back(environment.find(value)->second);
  auto results =
      call(choice, isThen ? choice.getThenBodyAttr() : choice.getElseBodyAttr(),
           std::move(arguments), variables);
  return failed(results) ? failure() : finish(choice, std::move(*results));
}

LogicalResult Machine::runOp(Operation *op, const Variables &variables) {
  if (auto read = dyn_cast<asg::ReadOp>(op))
    return runRead(read, variables);
  if (auto assign = dyn_cast<asg::AssignOp>(op)) {
    result.assigned[assign.getVariable().str()] =
        toHost(environment.at(assign.getValue()), options.roundToStorage);
    release(op);
    return success();
  }
  if (isa<asg::LayerOp, asg::FusionOp>(op))
    return runRegion(op, variables);
  if (auto loop = dyn_cast<asg::LoopOp>(op))
    return runLoop(loop, variables);
  if (auto choice = dyn_cast<asg::IfOp>(op))
    return runIf(choice, variables);
  std::vector<const Array *> operands;
  for (Value operand : op->getOperands())
    operands.push_back(&environment.find(operand)->second);
  FailureOr<std::vector<Array>> results = evaluate(op, std::move(operands));
  return failed(results) ? failure() : finish(op, std::move(*results));
}

LogicalResult Machine::runBlock(Block &block, const Variables &variables) {
  for (Operation &op : block.without_terminator())
    if (failed(runOp(&op, variables)))
      return failure();
  return success();
}
} // namespace
} // namespace interpreter

FailureOr<InterpreterResult> interpret(asg::GraphOp graph,
                                       ArrayRef<HostTensor> inputs,
                                       const Variables &variables,
                                       const InterpreterOptions &options) {
  interpreter::Machine machine(options);
  if (failed(machine.bindInputs(graph, inputs)) ||
      failed(machine.runBlock(graph.getBody().front(), variables)))
    return failure();
  for (Value value : graph.getBody().front().getTerminator()->getOperands())
    machine.result.outputs.push_back(interpreter::toHost(
        machine.environment.at(value), options.roundToStorage));
  return std::move(machine.result);
}

FailureOr<std::vector<HostTensor>>
interpretOp(Operation *op, ArrayRef<HostTensor> operands,
            const InterpreterOptions &options) {
  interpreter::Machine machine(options);
  if (operands.size() != op->getNumOperands())
    return op->emitOpError() << "takes " << op->getNumOperands()
                             << " operands, not " << operands.size();
  std::vector<interpreter::Array> arrays;
  std::vector<const interpreter::Array *> pointers;
  arrays.reserve(operands.size());
  for (auto [value, operand] : llvm::zip_equal(op->getOperands(), operands)) {
    auto type = cast<RankedTensorType>(value.getType());
    FailureOr<interpreter::Array> expected = machine.makeResult(op, type);
    if (failed(expected))
      return failure();
    if (llvm::ArrayRef(operand.shape().data(), operand.shape().size()) !=
        ArrayRef(expected->shape))
      return op->emitOpError() << "takes " << asg::describe(type) << ", not "
                               << operand.describe();
    arrays.push_back(interpreter::fromHost(operand, expected->type));
    pointers.push_back(&arrays.back());
  }
  auto results = machine.evaluate(op, std::move(pointers));
  if (failed(results))
    return failure();
  std::vector<HostTensor> tensors;
  for (const interpreter::Array &array : *results)
    tensors.push_back(interpreter::toHost(array, options.roundToStorage));
  return tensors;
}

} // namespace asgc
