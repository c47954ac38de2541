//===- ProgramDump.cpp - A program of the plan dialect as JSON ------------===//
#include "DumpParts.h"

using namespace mlir;
using namespace asgc;
namespace json = llvm::json;

namespace {

class ProgramDumper {
public:
  json::Object dump(plan::ProgramOp program) {
    bounds = program.getDims();
    // Growing arrays of JSON values copy them.
    size_t count = program.getBody().front().getOperations().size();
    buffers.reserve(count + program.getInputs().size() +
                    program.getOutputs().size());
    steps.reserve(count);
    for (auto [value, name] :
         llvm::zip(program.getInputs(), program.getInputNames()))
      addBuffer(value, "input", cast<StringAttr>(name).getValue());
    for (auto [value, name] :
         llvm::zip(program.getOutputs(), program.getOutputNames()))
      addBuffer(value, "output", cast<StringAttr>(name).getValue());
    for (Operation &op : program.getBody().front())
      visit(&op);
    auto optional = [](std::optional<uint64_t> value) -> json::Value {
      if (!value)
        return nullptr;
      return static_cast<int64_t>(*value);
    };
    // An initializer list would copy them all.
    json::Object result;
    result["name"] = program.getSymName().str();
    if (program.isPrivate())
      result["private"] = true;
    result["dims"] = dumpDims(program.getDims());
    result["arena"] = optional(program.getArena());
    result["lower_bound"] = optional(program.getLowerBound());
    result["buffers"] = std::move(buffers);
    result["steps"] = std::move(steps);
    return result;
  }

private:
  json::Object &addBuffer(Value value, StringRef kind, StringRef name) {
    auto type = cast<plan::BufferType>(value.getType()).getTensor();
    int64_t id = static_cast<int64_t>(idOf.size());
    idOf[value] = id;
    json::Object buffer = dumpType(type);
    buffer["id"] = id;
    buffer["kind"] = kind;
    buffer["name"] = json::fixUTF8(name);
    if (auto bytes = byteBound(type))
      buffer["bytes"] = *bytes;
    buffer["loc"] = dumpLines(getProvenance(value.getLoc()));
    buffers.push_back(std::move(buffer));
    return *buffers.back().getAsObject();
  }

  std::optional<int64_t> atBounds(const DimExpr &expr) {
    return expr.evaluate([&](std::string_view name) -> std::optional<int64_t> {
      if (!bounds)
        return std::nullopt;
      auto bound = bounds.getAs<IntegerAttr>(StringRef(name));
      if (!bound)
        return std::nullopt;
      return bound.getInt();
    });
  }

  /// Bytes at the bounds of run-time dims.
  std::optional<int64_t> byteBound(RankedTensorType type) {
    auto count = atBounds(asg::getNumElements(type));
    int64_t bits = type.getElementTypeBitWidth();
    if (!count)
      return std::nullopt;
    return *count * (bits == 1 ? 1 : bits / 8);
  }

  json::Array ids(ValueRange values) {
    json::Array result;
    for (Value value : values)
      if (auto it = idOf.find(value); it != idOf.end())
        result.push_back(it->second);
    return result;
  }

  void visit(Operation *op) {
    Provenance provenance = getProvenance(op->getLoc());
    if (auto variable = dyn_cast<plan::VariableOp>(op)) {
      addBuffer(variable.getBuffer(), "variable", variable.getVariable());
    } else if (auto constant = dyn_cast<plan::ConstantOp>(op)) {
      addBuffer(constant.getBuffer(), "constant", "");
    } else if (auto alias = dyn_cast<plan::AliasOp>(op)) {
      json::Object &buffer =
          addBuffer(alias.getBuffer(), "alias", provenance.path);
      if (auto it = idOf.find(alias.getSource()); it != idOf.end())
        buffer["of"] = it->second;
    } else if (auto alloc = dyn_cast<plan::AllocOp>(op)) {
      json::Object &buffer =
          addBuffer(alloc.getBuffer(), "arena", provenance.path);
      auto set = [&](StringRef key, std::optional<uint64_t> value) {
        if (value)
          buffer[key] = static_cast<int64_t>(*value);
      };
      set("offset", alloc.getOffset());
      set("first", alloc.getFirst());
      set("last", alloc.getLast());
    } else if (auto step = dyn_cast<plan::StepInterface>(op)) {
      json::Object object{{"id", static_cast<int64_t>(steps.size())},
                          {"op", op->getName().getStringRef().str()},
                          {"name", step.getStepName().str()},
                          {"reads", ids(step.getReadBuffers())},
                          {"writes", ids(step.getWrittenBuffers())},
                          {"path", json::fixUTF8(provenance.path)},
                          {"loc", dumpLines(provenance)}};
      if (auto kernel = dyn_cast<plan::KernelOp>(op)) {
        object["kind"] = plan::stringifyKernelKind(kernel.getKind()).str();
        json::Array space;
        for (Attribute extent : kernel.getSpace()) {
          if (auto number = dyn_cast<IntegerAttr>(extent))
            space.push_back(number.getInt());
          else if (auto text = dyn_cast<StringAttr>(extent))
            space.push_back(text.getValue());
        }
        object["space"] = std::move(space);
      } else if (isa<plan::UpdateOp>(op)) {
        object["kind"] = "update";
      }
      if (op->getNumRegions() && !op->getRegion(0).empty())
        object["ops"] = static_cast<int64_t>(
            op->getRegion(0).front().getOperations().size() - 1);
      if (auto flop = atBounds(countFlop(op)))
        object["flop"] = *flop;
      steps.push_back(std::move(object));
    }
  }

  DictionaryAttr bounds;
  json::Array buffers, steps;
  llvm::DenseMap<Value, int64_t> idOf;
};

} // namespace

json::Object asgc::dumpProgram(plan::ProgramOp program) {
  return ProgramDumper().dump(program);
}
