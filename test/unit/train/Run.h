//===- Run.h - Runs train() in a temporary folder and reads what it left --===//
#ifndef ASGC_TEST_UNIT_TRAIN_RUN_H
#define ASGC_TEST_UNIT_TRAIN_RUN_H

#include "../data/TempFolder.h"
#include "LinearProgram.h"

#include <sstream>

namespace asgc::test {

/// One call of train(), with its messages.
struct Run {
  TrainResult result;
  std::vector<std::string> messages;
  std::vector<Summary> summaries;

  bool said(const std::string &text) const {
    for (const std::string &message : messages)
      if (message.find(text) != std::string::npos)
        return true;
    return false;
  }
};

inline Run runTraining(const std::string &folder, bool resume,
                       const Recipe &recipe, TrainableProgram &program,
                       const volatile std::sig_atomic_t *interrupted = nullptr,
                       uint32_t items = 100) {
  Run run;
  TrainOptions options;
  options.runFolder = folder;
  options.resume = resume;
  options.resumeCommand = "resume-me";
  options.interrupted = interrupted;
  options.message = [&](MessageKind, const std::string &text) {
    run.messages.push_back(text);
  };
  options.summary = [&](const Summary &summary) {
    run.summaries.push_back(summary);
  };
  run.result = train(program, recipe, threeClouds(items), options);
  return run;
}

/// The lines of a .jsonl file without their times.
inline std::vector<std::string> linesOf(const TempFolder &folder,
                                        const std::string &name) {
  std::vector<std::string> lines;
  std::istringstream text(folder.read(name));
  for (std::string line; std::getline(text, line);)
    lines.push_back(line.substr(0, line.find(",\"t\":")));
  return lines;
}

inline std::vector<int64_t> stepsOf(const std::string &runFolder) {
  std::vector<int64_t> steps;
  for (const auto &[step, path] : listCheckpoints(runFolder))
    steps.push_back(step);
  return steps;
}

} // namespace asgc::test

#endif
