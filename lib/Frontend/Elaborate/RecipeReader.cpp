//===- RecipeReader.cpp - The settings of a train block -------------------===//
#include "RecipeReader.h"

#include <algorithm>
#include <map>

using namespace mlir;

namespace asgc {

using ast::Expr;
using ast::Setting;

static constexpr int64_t kAny = INT64_MIN;

//===----------------------------------------------------------------------===//
// Values of settings
//===----------------------------------------------------------------------===//

bool RecipeReader::bad(const Expr &expr, const std::string &message,
                       const std::string &help) {
  Diagnostic diagnostic(Code::ASG0503, message);
  diagnostic.at(expr.span);
  if (!help.empty())
    diagnostic.help(help);
  e.report(std::move(diagnostic));
  return false;
}

bool RecipeReader::unknown(Code code, const ast::Identifier &name,
                           const std::string &what,
                           const std::vector<std::string> &names) {
  Diagnostic diagnostic(code, "there is no " + what + " `" + name.text + "`");
  diagnostic.at(name.span, "unknown");
  std::string all;
  for (const std::string &each : names)
    all += (all.empty() ? "" : ", ") + each;
  if (auto nearest = findNearest(name.text, names))
    diagnostic.fix("did you mean `" + *nearest + "`?", name.span, *nearest);
  else
    diagnostic.help("known are " + all);
  e.report(std::move(diagnostic));
  return false;
}

bool RecipeReader::readInt(const Expr &expr, const std::string &what,
                           int64_t least, int64_t &result) {
  auto value = e.toInt({e.eval(expr, frame), expr.span}, what);
  if (!value)
    return false;
  if (*value < least)
    return bad(expr,
               what + " must be at least " + std::to_string(least) + ", not " +
                   std::to_string(*value),
               "");
  result = *value;
  return true;
}

bool RecipeReader::readDouble(const Expr &expr, const std::string &what,
                              double &result) {
  auto value = e.toDouble({e.eval(expr, frame), expr.span}, what);
  if (value)
    result = *value;
  return value.has_value();
}

bool RecipeReader::readBool(const Expr &expr, const std::string &what,
                            bool &result) {
  auto value = e.toBool({e.eval(expr, frame), expr.span}, what);
  if (value)
    result = *value;
  return value.has_value();
}

bool RecipeReader::readText(const Expr &expr, const std::string &what,
                            std::string &result) {
  auto value = e.toString({e.eval(expr, frame), expr.span}, what);
  if (value)
    result = *value;
  return value.has_value();
}

std::optional<size_t>
RecipeReader::readChoice(const Expr &expr, const std::string &what,
                         const std::vector<std::string> &names) {
  ast::Identifier name{"", expr.span};
  if (expr.kind == Expr::Kind::Name) {
    name.text = expr.text;
  } else if (!readText(expr, what, name.text)) {
    return std::nullopt;
  }
  auto it = std::find(names.begin(), names.end(), name.text);
  if (it != names.end())
    return it - names.begin();
  unknown(Code::ASG0503, name, what, names);
  return std::nullopt;
}

std::optional<size_t>
RecipeReader::readCall(const Expr &expr, const std::string &what,
                       const std::vector<std::string> &names) {
  bool isCall =
      expr.kind == Expr::Kind::Call && expr.operand(0).kind == Expr::Kind::Name;
  if (!isCall) {
    bad(expr, what + " must be a call such as " + names[0] + "(…)", "");
    return std::nullopt;
  }
  const Expr &callee = expr.operand(0);
  auto it = std::find(names.begin(), names.end(), callee.text);
  if (it != names.end())
    return it - names.begin();
  unknown(Code::ASG0503, {callee.text, callee.span}, what, names);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// 0..64, 7, [0..3, 5], "width", ["width", "height"]
bool RecipeReader::readColumns(const Expr &expr) {
  DataRecipe &data = recipe.data;
  if (expr.kind == Expr::Kind::List) {
    for (const ast::ExprPtr &each : expr.operands)
      if (!readColumns(*each))
        return false;
    return true;
  }
  bool isRange =
      expr.kind == Expr::Kind::Binary && expr.binaryOp == ast::BinaryOp::Range;
  if (isRange) {
    ColumnRange range;
    if (!readInt(expr.operand(0), "a column", kAny, range.begin) ||
        !readInt(expr.operand(1), "a column", kAny, range.end))
      return false;
    data.features.push_back(range);
    return true;
  }
  Term value = e.eval(expr, frame);
  if (value.is<std::string>()) {
    if (data.format == DataFormat::Npz)
      data.featuresKey = value.as<std::string>();
    else
      data.featureNames.push_back(value.as<std::string>());
    return true;
  }
  auto column = e.toInt({value, expr.span}, "a column");
  if (column)
    data.features.push_back({*column, *column + 1});
  return column.has_value();
}

/// Arguments of each source, in the order of DataFormat.
static const std::vector<std::vector<std::string>> &getSourceArguments() {
  static const std::vector<std::string> common = {
      "split",       "split_order", "split_seed", "scale", "offset",
      "standardize", "shape",       "one_hot",    "test",  "test_labels"};
  auto with = [](std::vector<std::string> own) {
    own.insert(own.end(), common.begin(), common.end());
    return own;
  };
  static const std::vector<std::vector<std::string>> arguments = {
      with({"features", "label", "labels", "header", "delimiter"}),
      with({"labels"}),
      with({"labels"}),
      with({"features", "label"}),
      {"tokenizer", "window", "split", "test"}};
  return arguments;
}

bool RecipeReader::readDataArgument(const std::string &name,
                                    const Expr &value) {
  DataRecipe &data = recipe.data;
  if (name == "features")
    return readColumns(value);
  if (name == "label") {
    Term term = e.eval(value, frame);
    if (term.is<std::string>()) {
      (data.format == DataFormat::Npz ? data.labelKey : data.labelName) =
          term.as<std::string>();
      return true;
    }
    auto column = e.toInt({term, value.span}, "`label`");
    if (column)
      data.label = *column;
    return column.has_value();
  }
  if (name == "labels")
    return readText(value, "`labels`", data.labelPath);
  if (name == "test")
    return readText(value, "`test`", data.testPath);
  if (name == "test_labels")
    return readText(value, "`test_labels`", data.testLabelPath);
  if (name == "header") {
    bool hasHeader;
    if (!readBool(value, "`header`", hasHeader))
      return false;
    data.header = hasHeader ? CsvHeader::Present : CsvHeader::Absent;
    return true;
  }
  if (name == "delimiter") {
    std::string text;
    if (!readText(value, "`delimiter`", text))
      return false;
    if (text.size() != 1)
      return bad(value, "`delimiter` must be one character", "");
    data.delimiter = text[0];
    return true;
  }
  if (name == "tokenizer") {
    auto choice = readChoice(value, "tokenizer", {"bytes", "chars"});
    if (choice)
      data.tokenizer = *choice == 0 ? Tokenizer::Bytes : Tokenizer::Chars;
    return choice.has_value();
  }
  if (name == "split_order") {
    auto choice = readChoice(value, "split order", {"shuffled", "file"});
    if (choice)
      data.splitOrder = *choice == 0 ? SplitOrder::Shuffled : SplitOrder::File;
    return choice.has_value();
  }
  if (name == "shape") {
    auto shape = e.toInts({e.eval(value, frame), value.span}, "`shape`");
    if (shape)
      data.shape = *shape;
    return shape.has_value();
  }
  if (name == "window")
    return readInt(value, "`window`", 1, data.window);
  if (name == "split")
    return readDouble(value, "`split`", data.split);
  if (name == "split_seed")
    return readInt(value, "`split_seed`", kAny, data.splitSeed);
  if (name == "scale")
    return readDouble(value, "`scale`", data.scale);
  if (name == "offset")
    return readDouble(value, "`offset`", data.offset);
  if (name == "standardize")
    return readBool(value, "`standardize`", data.standardize);
  return readInt(value, "`one_hot`", 0, data.oneHot);
}

/// csv("file.csv", features = 0..64, label = 64)
bool RecipeReader::readData(const Expr &expr) {
  auto format =
      readCall(expr, "data source", {"csv", "idx", "npy", "npz", "text"});
  if (!format)
    return false;
  recipe.data.format = DataFormat(*format);
  const std::vector<std::string> &known = getSourceArguments()[*format];
  bool isFine = true, hasPath = false;
  for (const ast::Argument &argument : expr.arguments) {
    if (argument.name.text.empty()) {
      if (hasPath)
        return bad(*argument.value, "a data source has one path",
                   "name the other arguments: `labels = \"…\"`");
      hasPath = readText(*argument.value, "the path", recipe.data.path);
      isFine &= hasPath;
      continue;
    }
    if (std::find(known.begin(), known.end(), argument.name.text) ==
        known.end())
      isFine = unknown(Code::ASG0203, argument.name,
                       "argument of `" + expr.operand(0).text + "`", known);
    else
      isFine &= readDataArgument(argument.name.text, *argument.value);
  }
  if (isFine && !hasPath)
    return bad(expr, "a data source needs the path of a file",
               "`" + expr.operand(0).text + "(\"file\", …)`");
  return isFine;
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

/// norm(1.0), value(0.5)
bool RecipeReader::readClip(const Expr &expr) {
  auto kind = readCall(expr, "clip", {"norm", "value"});
  if (!kind)
    return false;
  if (expr.arguments.size() != 1)
    return bad(expr, "`clip` needs one limit", "clip = norm(1.0)");
  if (!readDouble(*expr.arguments[0].value, "the limit", clip.limit))
    return false;
  if (!(clip.limit > 0))
    return bad(*expr.arguments[0].value, "the limit must be positive", "");
  clip.kind = *kind == 0 ? ClipRecipe::Kind::Norm : ClipRecipe::Kind::Value;
  clip.span = expr.span;
  return true;
}

/// patience(accuracy, 5, min_delta = 0.001, mode = max)
bool RecipeReader::readStop(const Expr &expr) {
  if (!readCall(expr, "stop", {"patience"}))
    return false;
  StopRecipe &stop = recipe.stop;
  size_t position = 0;
  for (const ast::Argument &argument : expr.arguments) {
    const Expr &value = *argument.value;
    std::string name = argument.name.text;
    if (name.empty())
      name = position == 0 ? "metric" : position == 1 ? "count" : "";
    position += argument.name.text.empty();
    bool isFine;
    if (name == "metric") {
      isFine = value.kind == Expr::Kind::Name ||
               readText(value, "the metric", stop.metric);
      if (value.kind == Expr::Kind::Name)
        stop.metric = value.text;
    } else if (name == "count") {
      isFine = readInt(value, "the patience", 1, stop.patience);
    } else if (name == "min_delta") {
      isFine = readDouble(value, "`min_delta`", stop.minDelta);
    } else if (name == "mode") {
      auto choice = readChoice(value, "mode", {"auto", "min", "max"});
      isFine = choice.has_value();
      if (choice)
        stop.mode = MetricMode(*choice);
    } else {
      isFine =
          name.empty()
              ? bad(value, "`patience` takes a metric and a count", "")
              : unknown(Code::ASG0203, argument.name, "argument of `patience`",
                        {"metric", "count", "min_delta", "mode"});
    }
    if (!isFine)
      return false;
  }
  if (stop.patience == 0)
    return bad(expr, "`patience` needs a count of evaluations",
               "stop = patience(" + stop.metric + ", 5)");
  return true;
}

/// every(200 steps, keep = 3); every(epochs…)
bool RecipeReader::readEvery(const Expr &expr, int64_t &steps, int64_t &epochs,
                             int64_t *keep) {
  if (!readCall(expr, "interval", {"every"}))
    return false;
  steps = epochs = 0;
  for (const ast::Argument &argument : expr.arguments) {
    const Expr &value = *argument.value;
    if (argument.name.text == "keep" && keep) {
      if (!readInt(value, "`keep`", 0, *keep))
        return false;
      continue;
    }
    if (!argument.name.text.empty())
      return unknown(Code::ASG0203, argument.name, "argument of `every`",
                     keep ? std::vector<std::string>{"keep"}
                          : std::vector<std::string>{});
    Term term = e.eval(value, frame);
    if (term.isPoison())
      return false;
    if (!term.is<Quantity>() || term.as<Quantity>().count < 1)
      return bad(value, "an interval is a number of steps or epochs",
                 "every(200 steps), every(1 epoch)");
    (term.as<Quantity>().unit == "step" ? steps : epochs) =
        term.as<Quantity>().count;
  }
  if (steps == 0 && epochs == 0)
    return bad(expr, "`every` needs a number of steps or epochs",
               "every(200 steps), every(1 epoch)");
  return true;
}

static const std::vector<std::string> &getSettingNames() {
  static const std::vector<std::string> names = {
      "data",     "batch", "drop_last", "shuffle",    "epochs",     "steps",
      "seed",     "loss",  "metrics",   "optimizer",  "clip",       "precision",
      "evaluate", "best",  "stop",      "checkpoint", "non_finite", "log"};
  return names;
}

bool isSettingName(const std::string &name) {
  const auto &names = getSettingNames();
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool RecipeReader::readSetting(const Setting &setting) {
  const std::string &name = setting.name.text;
  if (!setting.value) {
    inputs.push_back(&setting);
    return true;
  }
  const Expr &value = *setting.value;
  if (!setting.exceptions.empty() && name != "optimizer") {
    e.report(Diagnostic(Code::ASG0509, "only an optimizer has exceptions")
                 .at(setting.exceptions[0].span)
                 .also(setting.name.span, "this is `" + name + "`")
                 .help("put it behind `optimizer = …`"));
    return false;
  }
  int64_t unused = 0;
  if (name == "data")
    return readData(value);
  if (name == "batch") {
    batch = &setting;
    return readInt(value, "`batch`", 1, recipe.batch);
  }
  if (name == "drop_last")
    return readBool(value, "`drop_last`", recipe.dropLast);
  if (name == "shuffle")
    return readBool(value, "`shuffle`", recipe.shuffle);
  if (name == "epochs")
    return readInt(value, "`epochs`", 1, recipe.epochs);
  if (name == "steps") {
    if (!readInt(value, "`steps`", 1, recipe.steps))
      return false;
    e.knownSteps = recipe.steps;
    return true;
  }
  if (name == "seed")
    return readInt(value, "`seed`", kAny, recipe.seed);
  if (name == "clip")
    return readClip(value);
  if (name == "stop")
    return readStop(value);
  if (name == "checkpoint")
    return readEvery(value, recipe.checkpoint.everySteps,
                     recipe.checkpoint.everyEpochs, &recipe.checkpoint.keep);
  if (name == "evaluate")
    return readEvery(value, recipe.evalEverySteps, recipe.evalEveryEpochs,
                     nullptr);
  if (name == "log")
    return readEvery(value, recipe.logEverySteps, unused, nullptr);
  if (name == "best") {
    if (value.kind != Expr::Kind::Name)
      return readText(value, "`best`", recipe.best);
    recipe.best = value.text;
    return true;
  }
  if (name == "non_finite") {
    auto choice = readChoice(value, "policy", {"stop", "continue"});
    if (choice)
      recipe.nonFinite =
          *choice == 0 ? NonFinitePolicy::Stop : NonFinitePolicy::Continue;
    return choice.has_value();
  }
  if (name == "precision") {
    auto type = e.toDType({e.eval(value, frame), value.span}, "`precision`");
    if (!type)
      return false;
    if (!isa<FloatType>(*type) || type->isF64())
      return bad(value, "`precision` must be f32, bf16 or f16", "");
    // Gradients of f16 vanish without a scaled loss.
    if (type->isF16())
      return bad(value, "products in f16 are not built yet",
                 "bf16 is as wide and has the exponents of f32: "
                 "`precision = bf16`");
    precision = *type;
    return true;
  }
  if (name == "loss")
    loss = &setting;
  else if (name == "optimizer")
    optimizer = &setting;
  else if (name == "metrics")
    metrics = &setting;
  else
    return unknown(Code::ASG0501, setting.name, "setting", getSettingNames());
  return true;
}

bool RecipeReader::read(const std::vector<const Setting *> &settings) {
  bool isFine = true;
  std::map<std::string, Span> seen;
  for (const Setting *setting : settings) {
    auto [it, isNew] = seen.try_emplace(setting->name.text, setting->name.span);
    if (!isNew) {
      e.report(
          Diagnostic(Code::ASG0508, "`" + setting->name.text + "` is set twice")
              .at(setting->name.span, "again")
              .also(it->second, "first")
              .help("leave one of them out"));
      isFine = false;
      continue;
    }
    isFine &= readSetting(*setting);
  }
  // A recipe by steps alone evaluates and saves by epochs as any other.
  return isFine;
}

} // namespace asgc
