//===- Explain.cpp - asgc explain: what a name means ----------------------===//
#include "Explain.h"

#include "Output.h"
#include "Verb.h"

#include <set>

namespace asgc::cli {

namespace {

struct ExplainOptions {
  std::string name, lang, file;
  bool json = false, source = false;
};

Result<std::vector<Topic>> collectTopics(const std::string &file,
                                         const std::string &lang) {
  std::vector<Topic> topics;
  if (!file.empty())
    if (auto text = readFile(file); !text)
      return text.fault();
  auto blocks = explainBlocks(file, lang);
  if (!blocks)
    return blocks.fault();
  std::set<std::string> blockNames;
  for (BlockExplanation &block : *blocks) {
    blockNames.insert(block.name);
    topics.push_back({block.kind, block.name, std::move(block)});
  }
  for (BuiltinExplanation &builtin : explainBuiltins(lang))
    if (!blockNames.count(builtin.name))
      topics.push_back({"function", builtin.name, std::move(builtin)});
  for (const CatalogOp &op : allOps())
    topics.push_back({"op", op.name, &op});
  for (PassExplanation &pass : explainPasses())
    topics.push_back({"pass", pass.name, std::move(pass)});
  for (const CodeInfo &code : getAllCodes())
    topics.push_back({"code", std::string(code.name), &code});
  return topics;
}

/// `linear`, `nn.linear`, `asg.tanh`, `ASG0107`, `asg107`, `asg-fuse`; an op
/// without its prefix if nothing else has the name.
const Topic *findTopic(const std::vector<Topic> &topics,
                       const std::string &name) {
  const CodeInfo *code = findCode(name);
  const Topic *op = nullptr;
  for (const Topic &topic : topics) {
    bool isCode = code && topic.name == code->name;
    if (topic.name == name || "nn." + topic.name == name || isCode)
      return &topic;
    if (topic.name == "asg." + name)
      op = &topic;
  }
  return op;
}

/// Every name there is, by kind.
void listTopics(const std::vector<Topic> &topics) {
  for (const char *kind : {"block", "loss", "metric", "optimizer", "schedule",
                           "model", "function", "op", "pass", "code"}) {
    std::vector<std::string> names;
    for (const Topic &topic : topics)
      if (topic.kind == kind)
        names.push_back(topic.name);
    if (!names.empty())
      print("{:<10} {}\n", kind, fmt::format("{}", fmt::join(names, " ")));
  }
}

int reportUnknown(const std::vector<Topic> &topics, const std::string &name) {
  std::vector<std::string> names;
  for (const Topic &topic : topics)
    names.push_back(topic.name);
  auto near = findNearest(name, names);
  complain("there is no layer, function, op, pass or error called '{}'{}; "
           "'asgc explain' lists all",
           name, near ? "; did you mean '" + *near + "'?" : "");
  return ExitInput;
}

int act(const ExplainOptions &options, const Session &session) {
  std::string lang =
      options.lang.empty() ? session.settings.get("lang") : options.lang;
  if (lang != "en" && lang != "ru") {
    complain("--lang can be en or ru, not '{}'", lang);
    return ExitUsage;
  }
  auto topics = collectTopics(options.file, lang);
  if (!topics)
    return reportFault(topics.fault());
  if (options.name.empty()) {
    if (!options.json)
      listTopics(*topics);
    else
      for (const Topic &topic : *topics)
        printText(topicJson(topic, lang));
    return ExitOk;
  }
  const Topic *topic = findTopic(*topics, options.name);
  if (!topic)
    return reportUnknown(*topics, options.name);
  printText(options.json ? topicJson(*topic, lang)
                         : topicText(*topic, lang, options.source));
  return ExitOk;
}

} // namespace

void addExplain(CLI::App &app, Session &session) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App *verb =
      addVerb(app, "explain", "Say what a layer, an op or an error code means",
              "asgc explain linear\n"
              "asgc explain asg.tanh --lang ru\n"
              "asgc explain ASG0107\n"
              "asgc explain                     lists everything");
  verb->add_option(
      "NAME", options->name,
      "A layer, loss, optimizer, function, op, pass or error code");
  verb->add_option("--lang", options->lang, "en or ru")->option_text("LANG");
  verb->add_option("--file", options->file,
                   "A model text whose own blocks are explained as well")
      ->option_text("M.asg");
  verb->add_flag("--source", options->source, "Also show how it is written");
  verb->add_flag("--json", options->json,
                 "For programs; without NAME a line for each name");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
