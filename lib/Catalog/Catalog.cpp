//===- Catalog.cpp - What every op is, for people and for the viewer ------===//
#include "asgc/Catalog.h"

#include "asgc/Support.h"

#include "llvm/Support/JSON.h"

namespace asgc {

namespace {
constexpr std::string_view kCatalog =
#include "dialects/asg/AsgCatalog.inc"
    ;

/// Fields of one object; the generator wrote them, so none is missing.
class Fields {
public:
  explicit Fields(const llvm::json::Object &object) : object(object) {}

  std::string text(llvm::StringRef key) const {
    return object.getString(key).value_or("").str();
  }
  bool flag(llvm::StringRef key) const {
    return object.getBoolean(key).value_or(false);
  }
  CatalogText translated(llvm::StringRef key) const {
    const llvm::json::Object *texts = object.getObject(key);
    if (!texts)
      return {};
    return {Fields(*texts).text("en"), Fields(*texts).text("ru")};
  }
  std::vector<std::string> texts(llvm::StringRef key) const {
    std::vector<std::string> result;
    for (const llvm::json::Value &value : array(key))
      result.push_back(value.getAsString().value_or("").str());
    return result;
  }
  std::vector<CatalogValue> values(llvm::StringRef key) const {
    std::vector<CatalogValue> result;
    for (const llvm::json::Value &value : array(key)) {
      Fields fields(*value.getAsObject());
      result.push_back(
          {fields.text("name"), fields.text("type"), fields.flag("variadic")});
    }
    return result;
  }
  const llvm::json::Array &array(llvm::StringRef key) const {
    static const llvm::json::Array empty;
    const llvm::json::Array *result = object.getArray(key);
    return result ? *result : empty;
  }

private:
  const llvm::json::Object &object;
};

CatalogOp readOp(const Fields &fields) {
  CatalogOp op;
  op.name = fields.text("name");
  op.category = fields.text("category");
  op.summary = fields.translated("summary");
  op.role = fields.translated("role");
  op.formula = fields.text("formula");
  op.description = fields.text("description");
  op.example = fields.text("example");
  op.cases = fields.texts("cases");
  op.operands = fields.values("operands");
  op.results = fields.values("results");
  op.attributes = fields.values("attributes");
  op.isDifferentiable = fields.flag("differentiable");
  op.isElementwise = fields.flag("elementwise");
  op.gradient = fields.texts("gradient");
  const llvm::json::Array &domain = fields.array("domain");
  op.domainLow = domain[0].getAsNumber().value_or(0);
  op.domainHigh = domain[1].getAsNumber().value_or(0);
  op.isSmooth = fields.flag("smooth");
  op.source = fields.text("source");
  return op;
}

std::vector<CatalogOp> readCatalog() {
  std::vector<CatalogOp> ops;
  llvm::Expected<llvm::json::Value> catalog = llvm::json::parse(kCatalog);
  if (!catalog) {
    // The generator made it: it cannot be malformed.
    llvm::consumeError(catalog.takeError());
    return ops;
  }
  Fields fields(*catalog->getAsObject());
  for (const llvm::json::Value &op : fields.array("ops"))
    ops.push_back(readOp(Fields(*op.getAsObject())));
  return ops;
}

std::string_view withoutDialect(std::string_view name) {
  if (name.starts_with("asg."))
    name.remove_prefix(4);
  return name;
}
} // namespace

const std::vector<CatalogOp> &allOps() {
  static const std::vector<CatalogOp> ops = readCatalog();
  return ops;
}

const CatalogOp *findOp(std::string_view name) {
  for (const CatalogOp &op : allOps())
    if (withoutDialect(op.name) == withoutDialect(name))
      return &op;
  return nullptr;
}

std::optional<std::string> nearestOp(std::string_view name) {
  std::vector<std::string> names;
  for (const CatalogOp &op : allOps())
    names.emplace_back(withoutDialect(op.name));
  std::optional<std::string> nearest =
      findNearest(withoutDialect(name), names);
  if (nearest)
    nearest = "asg." + *nearest;
  return nearest;
}

std::string_view catalogJson() { return kCatalog; }

} // namespace asgc
