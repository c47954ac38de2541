//===- New.cpp - asgc new: a small project that works ---------------------===//
#include "Output.h"
#include "Verb.h"

#include "asgc/Syntax.h"

#include <cmath>
#include <filesystem>

namespace asgc::cli {

namespace fs = std::filesystem;

namespace {

struct NewOptions {
  std::string name;
};

const char *const kModel = R"(use nn

## Tells the three arms of a spiral apart by the place of a point.
## role point: its two coordinates
model @(point: f32[batch <= 64, 2]) -> f32[batch, 3] {
  h = point |> fc1: linear(32) |> tanh
  h = h |> fc2: linear(32) |> tanh
  return h |> head: linear(3)
}

train @ {
  data      = csv("spiral.csv", features = 0..2, label = 2, split = 0.8)
  batch     = 32
  epochs    = 60
  loss      = cross_entropy(output, label)
  optimizer = adamw(lr = cosine(peak = 1e-2, warmup = 20))
  metrics   = [accuracy]
  seed      = 1
}
)";

const char *const kMain = R"(#include "@.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef @_WEIGHTS /* asgc_add_model says where they are */
#define @_WEIGHTS "lib/@.safetensors"
#endif

/* @ X Y: prints the arm of the spiral that the point (X, Y) belongs to. */
int main(int argc, char **argv) {
  float point[2] = {argc > 1 ? atof(argv[1]) : 0, argc > 2 ? atof(argv[2]) : 0};
  float score[3];
  int best = 0;
  asgc_program *p = 0;
  if (@_create(0, &p) || @_load(p, @_WEIGHTS) || @_infer(p, 1, point, score))
    return fprintf(stderr, "%s\n", @_error(p)), 1;
  for (int i = 1; i < 3; ++i)
    if (score[i] > score[best])
      best = i;
  printf("arm %d\n", best);
  @_destroy(p);
  return 0;
}
)";

const char *const kCMake = R"(cmake_minimum_required(VERSION 3.20)
project(@ C)

find_package(asgc REQUIRED)
# Compiles the model whenever its text or its weights change.
asgc_add_model(@_model SOURCE @.asg WEIGHTS run/weights.safetensors)

add_executable(@ main.c)
target_link_libraries(@ PRIVATE @_model)
)";

const char *const kReadme = R"(# @

    asgc check @.asg                  # is the model right?
    asgc train @.asg --out run        # train it; --resume goes on after an interruption
    cmake -B build && cmake --build build
    build/@ 0.5 -0.2                  # ask it

`@.asg` is the model and how to train it, `main.c` the program around it. `asgc explain linear` says what a layer does.
)";

/// `text` with every @ replaced by `name`.
std::string fill(const std::string &text, const std::string &name) {
  std::string out;
  for (char c : text)
    out += c == '@' ? name : std::string(1, c);
  return out;
}

/// Points on three arms of a spiral; the same on every machine.
std::string makeSpiral() {
  std::string out;
  uint32_t state = 1;
  auto noise = [&state] { // in [-0.05, 0.05)
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / double(1 << 24) * 0.1 - 0.05;
  };
  for (int i = 0; i < 200; ++i)
    for (int arm = 0; arm < 3; ++arm) {
      double radius = 0.05 + 0.95 * i / 200.0;
      double angle = arm * 2.0943951 + radius * 4.0;
      out +=
          fmt::format("{:.4f},{:.4f},{}\n", radius * std::cos(angle) + noise(),
                      radius * std::sin(angle) + noise(), arm);
    }
  return out;
}

/// Whether `name` can be the name of a model and of C functions.
bool isName(const std::string &name) {
  auto isLetter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !isLetter(name[0]))
    return false;
  for (char c : name)
    if (!isLetter(c) && !(c >= '0' && c <= '9'))
      return false;
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  ast::parseModule(sources.add(name, fill(kModel, name)), diagnostics);
  return !diagnostics.hasErrors(); // `repeat` is a word of the language
}

MaybeFault writeProject(const fs::path &folder, const std::string &name) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return Fault{FaultKind::Environment,
                 fmt::format("{}: {}", folder.string(), error.message())};
  const std::pair<std::string, std::string> files[] = {
      {name + ".asg", fill(kModel, name)},
      {"main.c", fill(kMain, name)},
      {"CMakeLists.txt", fill(kCMake, name)},
      {"README.md", fill(kReadme, name)},
      {"spiral.csv", makeSpiral()},
      {".gitignore", "/build/\n/run/\n"}};
  for (const auto &[file, text] : files)
    if (MaybeFault fault = writeFile((folder / file).string(), text))
      return fault;
  return std::nullopt;
}

int runNew(const NewOptions &options, const Session &session) {
  fs::path folder(options.name);
  std::string name = folder.filename().string();
  if (!isName(name)) {
    complain(
        "'{}' cannot name a model: use letters, digits and _, a letter first, "
        "and no word of the language",
        name);
    return ExitUsage;
  }
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    complain("'{}' is there already and is not empty; nothing was changed",
             options.name);
    return ExitInput;
  }
  // All of it or nothing: the folder appears under its name when it is whole.
  fs::path draft = folder;
  draft += fmt::format(".new{}", getpid());
  MaybeFault fault = writeProject(draft, name);
  if (!fault) {
    fs::rename(draft, folder, error);
    if (error)
      fault = Fault{FaultKind::Environment,
                    fmt::format("{}: {}", options.name, error.message())};
  }
  if (fault) {
    fs::remove_all(draft, error);
    return reportFault(*fault);
  }
  if (!session.settings.isQuiet())
    say("made {0}/; next: cd {0} && asgc train {1}.asg --out run", options.name,
        name);
  return ExitOk;
}

} // namespace

void addNew(CLI::App &app, Session &session) {
  auto options = std::make_shared<NewOptions>();
  CLI::App *verb = addVerb(
      app, "new", "Make a small project that works",
      "asgc new spiral && cd spiral && asgc train spiral.asg --out run");
  verb->add_option("NAME", options->name,
                   "The folder to make; its last part names the model")
      ->required();
  setAction(verb, session, options, runNew);
}

} // namespace asgc::cli
