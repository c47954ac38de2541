//===- Catalog.cpp - What every op is, for people and for the viewer ------===//
#include "OpRecords.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;

namespace asgc {

namespace {
/// "Asg_FloatTensor" -> "float tensor".
std::string spellType(StringRef name) {
  name.consume_front("Asg_");
  std::string text;
  for (char c : name) {
    if (isUpper(c) && !text.empty() && !isUpper(text.back()) &&
        !isDigit(text.back()))
      text += ' ';
    text += toLower(c);
  }
  return text;
}

StringRef spellAttribute(const mlir::tblgen::Attribute &attribute) {
  StringRef name = attribute.getBaseAttr().getAttrDefName();
  return StringSwitch<StringRef>(name)
      .Case("DenseI64ArrayAttr", "integers")
      .Case("I64Attr", "integer")
      .Case("F64Attr", "number")
      .Cases({"BoolAttr", "UnitAttr"}, "bool")
      .Cases({"StrAttr", "SymbolNameAttr", "FlatSymbolRefAttr"}, "name")
      .Case("DictionaryAttr", "table")
      .Case("ElementsAttr", "values")
      .Case("Asg_Predicate", "eq, ne, lt, le, gt or ge")
      .Default(name);
}

/// (Asg_MulOp $dy, $rhs) -> "mul(dy, rhs)".
std::string spellDag(const DagInit &dag) {
  auto argument = [&](unsigned index) -> std::string {
    if (auto *nested = dyn_cast<DagInit>(dag.getArg(index)))
      return spellDag(*nested);
    if (auto *text = dyn_cast<StringInit>(dag.getArg(index)))
      return text->getValue().str();
    return dag.getArgNameStr(index).str();
  };
  const Record *head = dag.getOperatorAsDef({});
  StringRef name = head->getName();
  if (name == "none" || name == "zero")
    return name == "none" ? "" : "0";
  if (name == "id" || name == "scalar")
    return argument(0);
  std::string text = head->getValueAsString("opName").str() + "(";
  for (unsigned i = 0; i < dag.getNumArgs(); ++i)
    text += (i ? ", " : "") + argument(i);
  return text + ")";
}

/// "dialects/asg/AsgElementwise.td:31".
std::string sourceOf(const Record &def) {
  SMLoc loc = def.getLoc().front();
  unsigned buffer = SrcMgr.FindBufferContainingLoc(loc);
  StringRef path = SrcMgr.getMemoryBuffer(buffer)->getBufferIdentifier();
  size_t start = path.rfind("dialects/");
  if (start != StringRef::npos)
    path = path.drop_front(start);
  return formatv("{0}:{1}", path, SrcMgr.FindLineNumber(loc, buffer));
}

/// A text field without the indentation of the record around it.
std::string unindent(StringRef text) {
  SmallVector<StringRef> lines;
  text.trim("\n").rtrim().split(lines, '\n');
  size_t margin = StringRef::npos;
  for (StringRef line : lines)
    if (!line.trim().empty())
      margin = std::min(margin, line.find_first_not_of(' '));
  std::string result;
  for (StringRef line : lines)
    result += (result.empty() ? "" : "\n") + line.drop_front(std::min(margin, line.size())).rtrim().str();
  return result;
}

/// Writes one op; false if a field is malformed.
bool writeOp(const OpRecord &record, json::OStream &out) {
  const mlir::tblgen::Operator &op = record.op;
  auto text = [&](StringRef field) { return unindent(record.text(field)); };
  auto translated = [&](StringRef key, StringRef en, StringRef ru) {
    out.attributeObject(key, [&] {
      out.attribute("en", unindent(en));
      out.attribute("ru", unindent(ru));
    });
  };
  auto [low, high] = record.text("domain").split(':');
  double lowest, highest;
  if (low.getAsDouble(lowest) || high.getAsDouble(highest) || lowest >= highest) {
    PrintError(record.def->getFieldLoc("domain"),
               op.getOperationName() + " has no interval 'low:high' as domain");
    return false;
  }
  out.object([&] {
    out.attribute("name", op.getOperationName());
    out.attribute("class", op.getCppClassName());
    out.attribute("category", text("category"));
    translated("summary", op.getSummary(), record.text("summaryRu"));
    translated("role", record.text("role"), record.text("roleRu"));
    out.attribute("formula", text("formula"));
    out.attribute("description",
                  op.hasDescription() ? unindent(op.getDescription()) : "");
    out.attribute("example", text("example"));
    out.attributeArray("cases", [&] {
      for (StringRef example : record.def->getValueAsListOfStrings("cases"))
        out.value(unindent(example));
    });
    auto values = [&](StringRef key, auto range) {
      out.attributeArray(key, [&] {
        for (const mlir::tblgen::NamedTypeConstraint &value : range)
          out.object([&] {
            // A variadic constraint wraps the one that is meant.
            const Record *type = &value.constraint.getDef();
            if (value.isVariableLength())
              type = type->getValueAsDef("baseType");
            out.attribute("name", value.name);
            out.attribute("type", spellType(type->getName()));
            out.attribute("variadic", value.isVariableLength());
          });
      });
    };
    values("operands", op.getOperands());
    values("results", op.getResults());
    out.attributeArray("attributes", [&] {
      for (const mlir::tblgen::NamedAttribute &attribute : op.getAttributes())
        out.object([&] {
          out.attribute("name", attribute.name);
          out.attribute("type", spellAttribute(attribute.attr));
        });
    });
    out.attribute("differentiable", record.hasGradientInterface());
    out.attribute("elementwise", record.hasScalarInterface());
    out.attributeArray("gradient", [&] {
      const ListInit *dags = record.def->getValueAsListInit("gradient");
      for (size_t i = 0; i < dags->size(); ++i) {
        std::string rule = spellDag(*cast<DagInit>(dags->getElement(i)));
        if (!rule.empty())
          out.value(("d" + op.getOperand(i).name + " = " + rule).str());
      }
    });
    out.attributeArray("domain", [&] {
      out.value(lowest);
      out.value(highest);
    });
    out.attribute("smooth", record.def->getValueAsBit("smooth"));
    out.attribute("source", sourceOf(*record.def));
  });
  return true;
}

bool writeCatalog(const RecordKeeper &records, raw_ostream &os) {
  bool isValid = true;
  std::vector<OpRecord> ops = readOps(records, isValid);
  json::OStream out(os, 1);
  out.object([&] {
    out.attribute("schema", "asgc-catalog/1");
    out.attributeArray("ops", [&] {
      for (const OpRecord &record : ops)
        isValid &= writeOp(record, out);
    });
  });
  return isValid;
}
} // namespace

bool emitCatalog(const RecordKeeper &records, raw_ostream &os) {
  return !writeCatalog(records, os);
}

bool emitCatalogLiteral(const RecordKeeper &records, raw_ostream &os) {
  std::string catalog;
  raw_string_ostream text(catalog);
  if (!writeCatalog(records, text))
    return true;
  os << "R\"catalog(" << catalog << ")catalog\"";
  return false;
}

} // namespace asgc
