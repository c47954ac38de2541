//===- Usage.cpp - Help texts and what to say of a wrong command line -----===//
#include "Usage.h"

#include "Output.h"
#include "asgc/Support.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc::cli {

const char *const kTour =
    R"(asgc turns a text that describes a neural network into a trained C library.

  asgc new digits && cd digits       a small project: model, recipe, C program
  asgc check digits.asg              find every mistake, with its place and a fix
  asgc train digits.asg --out run    train; --resume goes on after an interruption
  asgc compile digits.asg --weights run/weights.safetensors -o lib
                                     a C header, a static library, CMake and pkg-config
  asgc run digits.asg --weights run/weights.safetensors --input image=x.npy
                                     run it here; outputs become .npy files
  asgc compile digits.asg --emit=plan    look at any stage: asg, plan, llvm, asm, dot, json
  asgc convert m.onnx -o m.asg       a model of another system, as text and weights
  asgc explain layer_norm            what a layer, an op or an error code means
  asgc doctor                        what this machine offers

asgc VERB --help says more; asgc --help lists all verbs.
)";

namespace {

/// Lines of `text`, each indented by two spaces.
std::string indent(const std::string &text) {
  std::string out = "  ";
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '\n' && i + 1 < text.size())
      out += "  ";
  }
  return out + "\n";
}

/// Summary, examples, usage, arguments, options.
class HelpFormatter final : public CLI::Formatter {
public:
  HelpFormatter() {
    column_width(28);
    label("Positionals", "Arguments");
  }

  std::string make_help(const CLI::App *app, std::string,
                        CLI::AppFormatMode mode) const override {
    std::string out = app->get_description() + "\n";
    if (std::string examples = app->get_footer(); !examples.empty())
      out += "\n" + indent(examples);
    bool isVerb = app->get_parent() != nullptr;
    out += isVerb ? "\nUsage: asgc " + app->get_name() + " [OPTION...]"
                  : "\nUsage: asgc VERB [OPTION...]";
    for (const CLI::Option *option : app->get_options())
      if (option->get_positional())
        out += " " + make_option_usage(option);
    out += "\n" + make_positionals(app);
    std::vector<std::string> groups = app->get_groups();
    std::stable_partition(groups.begin(), groups.end(),
                          [](const auto &g) { return g != kEverywhere; });
    for (const std::string &group : groups)
      out += makeOptions(app, group);
    return out + make_subcommands(app, mode);
  }

  std::string make_option_opts(const CLI::Option *option) const override {
    std::string text = option->get_option_text();
    return text.empty() ? "" : " " + text;
  }

private:
  std::string makeOptions(const CLI::App *app, const std::string &group) const {
    std::vector<const CLI::Option *> options =
        app->get_options([&](const CLI::Option *option) {
          return option->get_group() == group && option->nonpositional();
        });
    return group.empty() || options.empty() ? ""
                                            : make_group(group, false, options);
  }
};

/// `app` or the verb that was given.
const CLI::App *verbOf(const CLI::App &app) {
  for (const CLI::App *verb : app.get_subcommands())
    return verb;
  return &app;
}

std::string fullName(const CLI::App &app, const CLI::App *verb) {
  return verb == &app ? "asgc" : "asgc " + verb->get_name();
}

/// The names that could have stood where `word` did.
std::vector<std::string> candidatesFor(const CLI::App *app,
                                       const std::string &word) {
  std::vector<std::string> names;
  if (word.starts_with("-")) {
    for (const CLI::Option *option : app->get_options())
      for (const std::string &name : option->get_lnames())
        names.push_back("--" + name);
  } else {
    for (const CLI::App *verb : app->get_subcommands({}))
      names.push_back(verb->get_name());
  }
  return names;
}

} // namespace

void setHelpFormat(CLI::App &app) {
  app.formatter(std::make_shared<HelpFormatter>());
}

std::optional<int> reportExtras(const CLI::App &app) {
  std::vector<std::string> words = app.remaining(true);
  if (words.empty())
    return std::nullopt;
  const CLI::App *verb = verbOf(app);
  std::string word = words.front();
  word = word.substr(0, word.find('='));
  const char *what = word.starts_with("-") ? "unknown option"
                     : verb == &app        ? "unknown verb"
                                           : "unexpected argument";
  std::string hint;
  if (auto near = findNearest(word, candidatesFor(verb, word)))
    hint = fmt::format("; did you mean '{}'?", *near);
  complain("{} '{}'{}", what, word, hint);
  say("see '{} --help'", fullName(app, verb));
  return ExitUsage;
}

int reportParseError(const CLI::App &app, const CLI::ParseError &error) {
  if (error.get_exit_code() == 0) { // --help, --help-all, --version
    const CLI::App *verb = verbOf(app);
    bool isVersion = error.get_name() == "CallForVersion";
    print("{}", isVersion ? std::string(error.what()) + "\n"
                          : verb->help());
    return ExitOk;
  }
  if (auto code = reportExtras(app))
    return *code;
  const CLI::App *verb = verbOf(app);
  std::string text = error.what();
  if (verb == &app && error.get_name() == "RequiredError")
    text = "no verb given";
  complain("{}", text);
  say("see '{} --help'", fullName(app, verb));
  return ExitUsage;
}

CLI::App *addVerb(CLI::App &app, const std::string &name,
                  const std::string &summary, const std::string &examples) {
  CLI::App *verb = app.add_subcommand(name, summary);
  verb->footer(examples);
  verb->allow_extras();
  verb->group("Verbs");
  return verb;
}

} // namespace asgc::cli
