//===- Options.cpp - Which model, with which settings ---------------------===//
#include "ModuleBuilder.h"

#include <algorithm>
#include <charconv>

namespace asgc {

using ast::Item;

static std::string joinNames(const std::vector<const Item *> &items) {
  std::string text;
  for (const Item *item : items)
    text += (text.empty() ? "`" : ", `") + item->name.text + "`";
  return text;
}

/// The model asked for, or that of the recipe, or the only one.
bool ModuleBuilder::chooseModel() {
  std::vector<const Item *> models = library.getModels();
  std::vector<const Item *> recipes = library.getRecipes();
  Span start{library.getMain().file, 0, 0};
  std::string name = options.model;
  if (name.empty() && recipes.size() == 1)
    name = recipes[0]->name.text;
  if (name.empty() && models.size() == 1)
    name = models[0]->name.text;
  if (name.empty()) {
    Diagnostic diagnostic(Code::ASG0212, models.empty()
                                             ? "the file has no model"
                                             : "the file has several models");
    diagnostic.at(models.empty() ? start : models[1]->name.span);
    if (models.empty())
      diagnostic.help("define one: `model name(x: f32[batch <= 64, 8]) -> "
                      "f32[batch, 2] { … }`");
    else
      diagnostic.also(models[0]->name.span, "the first one")
          .help("choose with `--model`: " + joinNames(models));
    e.report(std::move(diagnostic));
    return false;
  }
  for (const Item *recipe : recipes)
    if (recipe->name.text == name) {
      if (train) {
        e.report(Diagnostic(Code::ASG0009, "`" + name + "` has two recipes")
                     .at(recipe->name.span, "second recipe")
                     .also(train->name.span, "first recipe"));
        return false;
      }
      train = recipe;
    }
  const Item *item = library.find(name);
  if (item && item->kind == Item::Kind::Model) {
    model = item;
    return true;
  }
  std::vector<std::string> names;
  for (const Item *each : models)
    names.push_back(each->name.text);
  Diagnostic diagnostic(Code::ASG0212, "there is no model `" + name + "`");
  diagnostic.at(train ? train->name.span : start);
  if (auto nearest = findNearest(name, names))
    diagnostic.help("did you mean `" + *nearest + "`?");
  else if (!models.empty())
    diagnostic.help("the file has " + joinNames(models));
  e.report(std::move(diagnostic));
  return false;
}

/// `batch=64` of --dim
bool ModuleBuilder::readDims() {
  for (const std::string &text : options.dims) {
    FileId file = diagnostics.getSources().add("--dim", text);
    Span span{file, 0, uint32_t(text.size())};
    size_t equal = text.find('=');
    int64_t extent = 0;
    bool isRead = false;
    if (equal != std::string::npos && equal > 0) {
      const char *end = text.data() + text.size();
      auto result = std::from_chars(text.data() + equal + 1, end, extent);
      isRead = result.ec == std::errc() && result.ptr == end && extent > 0 &&
               extent <= INT32_MAX;
    }
    if (!isRead) {
      e.report(Diagnostic(Code::ASG0216, "`--dim` needs a name and a positive "
                                         "extent")
                   .at(span)
                   .help("such as `--dim batch=64`"));
      return false;
    }
    fixedDims[text.substr(0, equal)] = {extent, span};
  }
  return true;
}

bool ModuleBuilder::unknownKey(const std::string &key, Span span) {
  std::vector<std::string> names;
  if (train)
    names = {"batch", "epochs", "steps", "seed",       "data",     "optimizer",
             "loss",  "clip",   "stop",  "checkpoint", "precision"};
  for (const ast::ParamDecl &param : model->params)
    if (param.type.kind == ast::TypeExpr::Kind::Named)
      names.push_back(param.name.text);
  Diagnostic diagnostic(Code::ASG0215, "`" + key + "` cannot be set");
  diagnostic.at(span, "neither a setting of the recipe nor an argument of `" +
                          model->name.text + "`");
  if (auto nearest = findNearest(key, names))
    diagnostic.help("did you mean `" + *nearest + "`?");
  else
    diagnostic.help("an argument of the optimizer is set as "
                    "`optimizer.lr=1e-3`");
  e.report(std::move(diagnostic));
  return false;
}

bool ModuleBuilder::override(const std::string &key, ast::ExprPtr value,
                             Span span) {
  const ast::Expr *expr = value.get();
  overrides.push_back(std::move(value));
  if (key.rfind("optimizer.", 0) == 0 && train) {
    optimizerArguments[key.substr(10)] = expr;
    return true;
  }
  for (const ast::ParamDecl &param : model->params)
    if (param.name.text == key &&
        param.type.kind == ast::TypeExpr::Kind::Named) {
      std::erase_if(modelArguments, [&](const auto &argument) {
        return argument.first.text == key;
      });
      modelArguments.push_back({{key, span}, expr});
      return true;
    }
  if (!train || !isSettingName(key))
    return unknownKey(key, span);
  // A recipe counts steps or epochs, so one replaces the other.
  std::erase_if(settings, [&](const ast::Setting *setting) {
    const std::string &name = setting->name.text;
    return name == key || (key == "epochs" && name == "steps");
  });
  auto setting = std::make_unique<ast::Setting>();
  setting->name = {key, span};
  setting->span = span;
  setting->value = std::move(overrides.back());
  overrides.pop_back();
  settings.push_back(setting.get());
  ownSettings.push_back(std::move(setting));
  return true;
}

/// `epochs=40` of --set: a name and an expression of the language.
bool ModuleBuilder::applySetting(const std::string &text) {
  FileId file = diagnostics.getSources().add("--set", text);
  Span span{file, 0, uint32_t(text.size())};
  size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0) {
    e.report(Diagnostic(Code::ASG0215, "`--set` needs a name and a value")
                 .at(span)
                 .help("such as `--set epochs=40`"));
    return false;
  }
  Span place{file, uint32_t(equal + 1), uint32_t(text.size())};
  ast::ExprPtr value = ast::parseExpr(place, diagnostics);
  if (!value)
    return false;
  return override(text.substr(0, equal), std::move(value),
                  {file, 0, uint32_t(equal)});
}

bool ModuleBuilder::applySettings() {
  bool isFine = true;
  if (train) {
    for (const ast::Setting &setting : train->settings)
      settings.push_back(&setting);
    for (const ast::Argument &argument : train->arguments) {
      std::vector<std::string> names;
      bool isKnown = false;
      for (const ast::ParamDecl &param : model->params) {
        names.push_back(param.name.text);
        isKnown |= param.name == argument.name;
      }
      if (isKnown) {
        modelArguments.push_back({argument.name, argument.value.get()});
        continue;
      }
      isFine = false;
      Diagnostic diagnostic(Code::ASG0203,
                            argument.name.text.empty()
                                ? "an argument of a model needs its name"
                                : "model `" + model->name.text +
                                      "` has no argument `" +
                                      argument.name.text + "`");
      diagnostic.at(argument.name.text.empty() ? argument.value->span
                                               : argument.name.span);
      if (auto nearest = findNearest(argument.name.text, names))
        diagnostic.fix("did you mean `" + *nearest + "`?", argument.name.span,
                       *nearest);
      e.report(std::move(diagnostic));
    }
  }
  for (const std::string &text : options.settings)
    isFine &= applySetting(text);
  return isFine;
}

} // namespace asgc
