//===- ExplainJson.cpp - Topics of asgc explain for programs --------------===//
#include "Explain.h"

#include "asgc/ErrorExamples.h"

#include <nlohmann/json.hpp>

namespace asgc::cli {

namespace {

using Json = nlohmann::ordered_json;

Json jsonOf(const std::vector<CatalogValue> &values) {
  Json array = Json::array();
  for (const CatalogValue &value : values)
    array.push_back({{"name", value.name},
                     {"type", value.type},
                     {"variadic", value.isVariadic}});
  return array;
}

struct JsonWriter {
  Json &json;
  const std::string &lang;

  void operator()(const CatalogOp *op) const {
    json["category"] = op->category;
    json["summary"] = op->summary.in(lang);
    json["formula"] = op->formula;
    json["role"] = op->role.in(lang);
    json["description"] = op->description;
    json["operands"] = jsonOf(op->operands);
    json["attributes"] = jsonOf(op->attributes);
    json["results"] = jsonOf(op->results);
    json["differentiable"] = op->isDifferentiable;
    json["gradient"] = op->gradient;
    json["example"] = op->example;
    json["place"] = op->source;
  }

  void operator()(const CodeInfo *code) const {
    bool isRussian = lang == "ru";
    json["severity"] = code->severity == Severity::Error ? "error" : "warning";
    json["title"] = isRussian ? code->titleRu : code->title;
    json["explanation"] = isRussian ? code->explanationRu : code->explanation;
    if (const ErrorExample *example = findExample(code->code)) {
      json["wrong"] = {{"options", example->wrongOptions},
                       {"text", example->wrong}};
      json["right"] = {{"options", example->rightOptions},
                       {"text", example->right}};
    }
  }

  void operator()(const BlockExplanation &block) const {
    json["signature"] = block.signature;
    json["place"] = block.place;
    json["meaning"] = block.meaning;
    json["formula"] = block.formula;
    json["why"] = block.why;
    json["source"] = block.source;
    json["fields"] = Json::array();
    for (const BlockField &field : block.fields)
      json["fields"].push_back({{"kind", field.kind},
                                {"name", field.name},
                                {"type", field.type},
                                {"initial", field.initial},
                                {"role", field.role}});
    json["text"] = block.text;
  }

  void operator()(const BuiltinExplanation &function) const {
    json["family"] = function.family;
    json["signature"] = function.signature;
    json["meaning"] = function.meaning;
  }

  void operator()(const PassExplanation &pass) const {
    json["summary"] = pass.summary;
  }
};

} // namespace

std::string topicJson(const Topic &topic, const std::string &lang) {
  Json json = {{"kind", topic.kind}, {"name", topic.name}};
  std::visit(JsonWriter{json, lang}, topic.content);
  // Texts of a user's file may hold bytes that are not UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace asgc::cli
