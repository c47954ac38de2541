//===- Dump.cpp - The program's own description, with its profile ---------===//
#include "DotWriter.h"
#include "Json.h"
#include "Program.h"
#include <charconv>

using namespace asgc::rt;

namespace {

/// Digits that read back as the same number, whatever the locale.
void appendNumber(std::string &out, double value) {
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

bool wasProfiled(const asgc_program &program) {
  for (const KernelProfile &kernel : program.profile)
    if (kernel.calls > 0)
      return true;
  return program.profiling;
}

/// ,"profile":[{"name":...,"calls":...,"seconds":...},...]
std::string profileMember(const asgc_program &program, bool first) {
  std::string out = first ? "\"profile\":[" : ",\"profile\":[";
  for (size_t i = 0; i < program.profile.size(); ++i) {
    const KernelProfile &kernel = program.profile[i];
    out += i ? ",{\"name\":" : "{\"name\":";
    json::appendQuoted(out, program.desc.kernels[i].name);
    out += text(",\"calls\":", kernel.calls, ",\"seconds\":");
    appendNumber(out, double(kernel.nanoseconds) * 1e-9);
    out += '}';
  }
  return out + "]";
}

/// Hands pieces of text to the caller's function until it declines.
class Output {
public:
  Output(asgc_write_fn write, void *user) : write_(write), user_(user) {}

  void put(std::string_view text) {
    ok_ = ok_ && (text.empty() || write_(user_, text.data(), text.size()) == 0);
  }
  bool ok() const { return ok_; }

private:
  asgc_write_fn write_;
  void *user_;
  bool ok_ = true;
};

} // namespace

asgc_status asgc_program_dump(asgc_program *program, asgc_dump_format format,
                              asgc_write_fn write, void *user) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  if (!write || (format != ASGC_DUMP_JSON && format != ASGC_DUMP_DOT))
    return fail(*program, ASGC_INVALID_ARGUMENT,
                "the write function is null or the format is unknown");
  const asgc_program_desc &desc = program->desc;
  if (!desc.metadata || desc.metadata_bytes <= 0)
    return fail(*program, ASGC_NOT_FOUND,
                text("'", desc.name, "' was compiled without its metadata"));
  const std::string_view metadata(desc.metadata, size_t(desc.metadata_bytes));
  json::Document document;
  json::ParseError error;
  if (!document.parse(metadata, error) || !document.root().isObject())
    return fail(*program, ASGC_INTERNAL,
                text("the metadata of '", desc.name, "' is not JSON: ",
                     error.reason, " (offset ", error.offset, ")"));
  Output output(write, user);
  if (format == ASGC_DUMP_DOT) {
    output.put(writeDot(document, *program));
  } else {
    // The object's end is the last brace: the parser has seen to that.
    const size_t end = metadata.find_last_of('}');
    output.put(metadata.substr(0, end));
    if (wasProfiled(*program))
      output.put(profileMember(*program, document.root().size() == 0));
    output.put(metadata.substr(end));
  }
  if (!output.ok())
    return fail(*program, ASGC_IO_ERROR, "the caller stopped the dump");
  return ASGC_OK;
}
