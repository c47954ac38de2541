//===- EventLog.h - A file of JSON lines that can be cut back -------------===//
#ifndef ASGC_LIB_TRAIN_EVENTLOG_H
#define ASGC_LIB_TRAIN_EVENTLOG_H

#include "asgc/Train.h"

namespace asgc {

/// Lines `{"step":N,…}` in the order of their steps, each written at once.
class EventLog {
public:
  EventLog() = default;
  EventLog(EventLog &&other) noexcept;
  EventLog &operator=(EventLog &&other) noexcept;
  ~EventLog();

  /// Opens the file to append, and makes it if it is not there.
  static Result<EventLog> open(const std::string &path);
  /// Drops every line after `step`, and a last line without its end. Returns
  /// the step of the last line that stays, 0 if none does.
  Result<int64_t> cutAfter(int64_t step);
  /// Appends `{"step":N,` + `fields` + `}`; a part of a line that was written
  /// before a failure is taken back.
  MaybeFault append(int64_t step, const std::string &fields);
  /// Returns when the lines are on the disk.
  MaybeFault sync();

private:
  Fault failed(const char *verb) const;

  std::string path;
  int descriptor = -1;
};

/// `"name":1.5`, nine digits for what was computed in f32; NaN and infinities,
/// which JSON lacks, are strings.
std::string jsonField(const std::string &name, double value);

/// `text` as a JSON string.
std::string jsonString(const std::string &text);

} // namespace asgc

#endif
