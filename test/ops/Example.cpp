//===- Example.cpp - The examples of the catalog, as modules --------------===//
#include "test/ops/Example.h"
#include "test/ops/CpuBackend.h"

#include <regex>

using namespace mlir;

namespace asgc::test {

namespace {
/// Names that ops use but none defines, in order.
std::vector<std::string> inputNames(const std::string &text) {
  static const std::regex definition(R"((^|\n)\s*(%[\w, %:]+?)\s*=\s*asg\.)");
  static const std::regex name(R"(%\w+)");
  std::set<std::string> defined;
  using Matches = std::sregex_iterator;
  for (Matches it(text.begin(), text.end(), definition), end; it != end; ++it) {
    std::string left = (*it)[2];
    for (Matches each(left.begin(), left.end(), name); each != end; ++each)
      defined.insert(each->str());
  }
  std::vector<std::string> names;
  for (Matches it(text.begin(), text.end(), name), end; it != end; ++it)
    if (defined.insert(it->str()).second)
      names.push_back(it->str());
  return names;
}

std::string wrap(const std::string &text, const std::vector<std::string> &names,
                 const std::map<std::string, std::string> &types) {
  std::string arguments;
  for (const std::string &name : names)
    arguments += (arguments.empty() ? "" : ", ") + name + ": " + types.at(name) +
                 " {asg.name = \"" + name.substr(1) + "\"}";
  return "asg.graph @example(" + arguments + ") {\n" + text + "\n}\n";
}

/// Reads ops whose inputs have types that only the ops tell: each is tried as a
/// scalar, and the parser's complaint names the type that its use expects.
OwningOpRef<ModuleOp> readOps(Reader &reader, const std::string &text) {
  static const std::regex mismatch(
      R"(use of value '(%\w+)' expects different type than prior uses: '([^']+)')");
  std::vector<std::string> names = inputNames(text);
  std::map<std::string, std::string> types;
  for (const std::string &name : names)
    types[name] = "tensor<f32>";
  ParserConfig config(&reader.context, /*verifyAfterParse=*/false);
  for (size_t attempt = 0; attempt <= names.size(); ++attempt) {
    reader.errors.clear();
    auto module = parseSourceString<ModuleOp>(wrap(text, names, types), config);
    std::smatch match;
    if (module || !std::regex_search(reader.errors, match, mismatch))
      return module;
    types[match[1]] = match[2];
  }
  return nullptr;
}

/// Gives the graph its results, their names, and bounds for its dims.
void finish(asg::GraphOp graph) {
  MLIRContext *context = graph.getContext();
  Block &block = graph.getBody().front();
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  Operation *last = &block.back();
  asg::ReturnOp::create(builder, last->getLoc(), last->getResults());
  graph.setFunctionType(FunctionType::get(context, block.getArgumentTypes(),
                                          last->getResultTypes()));
  SmallVector<Attribute> results;
  for (unsigned i = 0; i < last->getNumResults(); ++i)
    results.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        "asg.name", builder.getStringAttr("out" + std::to_string(i)))));
  graph.setResAttrsAttr(builder.getArrayAttr(results));
  std::set<std::string> symbols;
  for (BlockArgument argument : block.getArguments())
    for (const DimExpr &dim :
         asg::getDims(cast<RankedTensorType>(argument.getType())))
      for (const std::string &symbol : dim.symbols())
        symbols.insert(symbol);
  SmallVector<NamedAttribute> bounds;
  int64_t bound = 4;
  for (const std::string &symbol : symbols)
    bounds.push_back(
        builder.getNamedAttr(symbol, builder.getI64IntegerAttr(bound++)));
  graph.setDimsAttr(builder.getDictionaryAttr(bounds));
}
} // namespace

Example readExample(Reader &reader, const std::string &text) {
  Example example;
  example.isWholeModule = text.find("asg.graph") != std::string::npos;
  if (example.isWholeModule) {
    example.module = reader.read(text);
  } else {
    example.module = readOps(reader, text);
    if (example.module) {
      finish(*example.module->getOps<asg::GraphOp>().begin());
      if (failed(verify(*example.module)))
        example.module = nullptr;
    }
  }
  if (example.module)
    example.graph = firstEntry(*example.module);
  return example;
}

std::vector<NamedExample> allExamples() {
  std::vector<NamedExample> examples;
  for (const CatalogOp &op : allOps()) {
    examples.push_back({&op, op.example});
    for (const std::string &text : op.cases)
      examples.push_back({&op, text});
  }
  return examples;
}

int64_t testExtent(asg::GraphOp graph, const DimExpr &extent) {
  auto value = extent.evaluate([&](std::string_view name) {
    auto bound = graph.getDimBound(name);
    return bound ? std::optional<int64_t>(*bound - 1) : std::nullopt;
  });
  return value.value_or(-1);
}

namespace {
HostTensor drawTensor(asg::GraphOp graph, RankedTensorType type,
                      const CatalogOp &op, bool isExact,
                      std::mt19937_64 &random) {
  DType dtype = getDType(type.getElementType());
  std::vector<int64_t> shape;
  for (const DimExpr &dim : asg::getDims(type))
    shape.push_back(graph ? testExtent(graph, dim) : *dim.asConstant());
  bool floats = isFloat(dtype);
  HostTensor tensor =
      *HostTensor::make(isExact && floats ? DType::F64 : dtype, shape);
  std::uniform_real_distribution<double> domain(op.domainLow, op.domainHigh);
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    if (floats)
      tensor.set(i, domain(random));
    else
      tensor.setInteger(i, static_cast<int64_t>(
                               random() % (dtype == DType::Bool ? 2 : 4)));
  }
  return tensor;
}
} // namespace

std::vector<HostTensor> drawInputs(asg::GraphOp graph, const CatalogOp &op,
                                   bool isExact, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<HostTensor> inputs;
  for (BlockArgument argument : graph.getArguments())
    inputs.push_back(drawTensor(graph, cast<RankedTensorType>(argument.getType()),
                                op, isExact, random));
  return inputs;
}

Variables drawVariables(ModuleOp module, const CatalogOp &op, unsigned seed) {
  std::mt19937_64 random(seed);
  Variables variables;
  auto draw = [&](StringRef name, Type type) {
    variables[name.str()] =
        drawTensor(nullptr, cast<RankedTensorType>(type), op, false, random);
  };
  for (auto param : module.getOps<asg::ParamOp>())
    draw(param.getSymName(), param.getType());
  for (auto state : module.getOps<asg::StateOp>())
    draw(state.getSymName(), state.getType());
  return variables;
}

} // namespace asgc::test
