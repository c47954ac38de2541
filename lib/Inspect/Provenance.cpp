//===- Provenance.cpp - Where an op comes from, from its location ---------===//
#include "DumpParts.h"

#include <algorithm>

using namespace mlir;
using namespace asgc;

static void collect(Location loc, Provenance &result, int depth) {
  // Locations nest as deep as rewrites went; a hostile file could go deeper.
  if (depth > 64)
    return;
  if (auto line = dyn_cast<FileLineColLoc>(loc)) {
    result.lines.push_back(
        {line.getFilename().str(), line.getLine(), line.getColumn()});
  } else if (auto name = dyn_cast<NameLoc>(loc)) {
    if (result.path.empty())
      result.path = name.getName().str();
    collect(name.getChildLoc(), result, depth + 1);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collect(part, result, depth + 1);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collect(call.getCallee(), result, depth + 1);
    collect(call.getCaller(), result, depth + 1);
  }
}

Provenance asgc::getProvenance(Location loc) {
  Provenance result;
  collect(loc, result, 0);
  std::sort(result.lines.begin(), result.lines.end());
  result.lines.erase(std::unique(result.lines.begin(), result.lines.end()),
                     result.lines.end());
  return result;
}

llvm::json::Array asgc::dumpLines(const Provenance &provenance) {
  llvm::json::Array lines;
  lines.reserve(provenance.lines.size());
  for (const Provenance::Line &line : provenance.lines)
    lines.push_back(llvm::json::Object{{"file", llvm::json::fixUTF8(line.file)},
                                       {"line", line.line},
                                       {"col", line.column}});
  return lines;
}

std::string asgc::dtypeText(Type element) {
  if (element.isInteger(1))
    return "bool";
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return text;
}

llvm::json::Array asgc::dumpShape(RankedTensorType type) {
  llvm::json::Array shape;
  for (const DimExpr &dim : asg::getDims(type)) {
    if (auto constant = dim.asConstant())
      shape.push_back(*constant);
    else
      shape.push_back(dim.str());
  }
  return shape;
}

llvm::json::Object asgc::dumpType(RankedTensorType type) {
  return llvm::json::Object{{"dtype", dtypeText(type.getElementType())},
                            {"shape", dumpShape(type)}};
}

llvm::json::Object asgc::dumpDims(DictionaryAttr dims) {
  llvm::json::Object result;
  for (NamedAttribute dim : dims)
    if (auto bound = dyn_cast<IntegerAttr>(dim.getValue()))
      result[dim.getName().strref()] = bound.getInt();
  return result;
}
