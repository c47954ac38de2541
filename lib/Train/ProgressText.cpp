//===- ProgressText.cpp - A run in one line -------------------------------===//
#include "asgc/Train.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace asgc {

namespace {
std::string durationText(double seconds) {
  if (!(seconds >= 0) || seconds > 1e8)
    return "?";
  int64_t whole = int64_t(seconds + 0.5);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60,
                       whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string rateText(double perSecond) {
  return perSecond >= 100 ? fmt::format("{:.0f} it/s", perSecond)
                          : fmt::format("{:.3g} it/s", perSecond);
}
} // namespace

std::string progressBar(const Progress &progress, int columns) {
  std::string left;
  if (progress.epochs > 0)
    left = fmt::format("epoch {}/{}  ", progress.epoch, progress.epochs);
  left += fmt::format("step {}/{} ", progress.step, progress.totalSteps);
  std::string right = fmt::format(" loss {:.4g}  {}  ETA {}", progress.loss,
                                  rateText(progress.stepsPerSecond),
                                  durationText(progress.secondsLeft));
  int room = std::min(columns - int(left.size() + right.size()) - 3, 40);
  std::string line = left;
  if (room >= 4) {
    double done = progress.totalSteps > 0
                      ? double(progress.step) / double(progress.totalSteps)
                      : 0;
    int filled = std::clamp(int(done * room), 0, room);
    line += "[" + std::string(size_t(filled), '=');
    if (filled < room)
      line += ">" + std::string(size_t(room - filled - 1), ' ');
    line += "]";
  }
  line += right;
  // A terminal that is too narrow must not wrap: the line could not be redrawn.
  if (int(line.size()) >= columns)
    line.resize(size_t(std::max(columns - 1, 0)));
  return line;
}

std::string progressLine(const Progress &progress) {
  return fmt::format("step {}/{}  loss {:.6g}  {}", progress.step,
                     progress.totalSteps, progress.loss,
                     rateText(progress.stepsPerSecond));
}

std::string summaryLine(const Summary &summary) {
  std::string line = fmt::format("epoch {}  {}", summary.epoch,
                                 summary.isEvaluation ? "test: " : "train:");
  for (const NamedValue &value : summary.values)
    line += fmt::format(" {} {:.6g}", value.name, value.value);
  return line;
}

} // namespace asgc
