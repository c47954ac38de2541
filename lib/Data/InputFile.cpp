//===- InputFile.cpp - Reads plain and gzip files alike -------------------===//
#include "InputFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace asgc {

void InputFile::Close::operator()(gzFile_s *file) const { gzclose_r(file); }

Result<InputFile> InputFile::open(const std::string &path) {
  auto environment = [&](const std::string &reason) {
    return Fault{FaultKind::Environment, path + ": " + reason};
  };
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return environment(std::strerror(errno));
  struct stat info;
  if (fstat(descriptor, &info) != 0 || S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    return environment("expected a file, found a folder");
  }
  gzFile stream = gzdopen(descriptor, "rb");
  if (!stream) {
    ::close(descriptor);
    return environment("not enough memory to open the file");
  }
  InputFile result;
  result.file.reset(stream);
  result.filePath = path;
  gzbuffer(stream, 1 << 17);
  // zlib looks at the first two bytes here; plain files pass unchanged.
  result.compressed = !gzdirect(stream);
  if (path.ends_with(".gz") && !result.compressed)
    return corruptAt(path, 0,
                     "expected a gzip file, as the name says, but the bytes "
                     "1f 8b at its start are missing");
  if (!result.compressed && S_ISREG(info.st_mode))
    result.plainSize = info.st_size;
  return result;
}

Result<size_t> InputFile::read(std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    unsigned chunk = unsigned(std::min<size_t>(out.size() - done, 1u << 30));
    int got = gzread(file.get(), out.data() + done, chunk);
    int code = Z_OK;
    const char *reason = gzerror(file.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      if (code == Z_ERRNO)
        return Fault{FaultKind::Environment,
                     filePath + ": " + std::strerror(errno)};
      if (code == Z_BUF_ERROR)
        return corruptAt(filePath, gzoffset(file.get()),
                         "the gzip file is truncated");
      return corruptAt(filePath, gzoffset(file.get()),
                       fmt::format("the gzip file is damaged: {}", reason));
    }
    if (got == 0)
      break;
    done += size_t(got);
    position += got;
  }
  return done;
}

MaybeFault InputFile::readRest(int64_t bytes, const std::string &what,
                               std::vector<std::byte> *data) {
  int64_t start = position - int64_t(data->size());
  auto wrongSize = [&](const std::string &found) {
    return corruptAt(
        filePath, start,
        fmt::format("expected {} bytes for {}, found {}", bytes, what, found));
  };
  if (plainSize && *plainSize - start != bytes)
    return wrongSize(std::to_string(*plainSize - start));
  if (int64_t(data->size()) > bytes)
    return wrongSize("more");
  while (int64_t(data->size()) < bytes) {
    size_t before = data->size();
    size_t step = plainSize ? size_t(bytes) : std::max<size_t>(before, 1 << 16);
    data->resize(before + std::min(step, size_t(bytes) - before));
    Result<size_t> got = read(std::span(*data).subspan(before));
    if (!got)
      return got.fault();
    if (before + *got < data->size())
      return wrongSize(std::to_string(before + *got));
  }
  std::byte extra;
  Result<size_t> got = read({&extra, 1});
  if (!got)
    return got.fault();
  if (*got)
    return wrongSize("more");
  return std::nullopt;
}

Result<std::vector<std::byte>> InputFile::readAll() {
  std::vector<std::byte> bytes;
  while (true) {
    size_t before = bytes.size();
    // One byte beyond the known size finds the end without another round.
    size_t step = plainSize && position < *plainSize
                      ? size_t(*plainSize - position) + 1
                      : std::max<size_t>(before, 1 << 16);
    bytes.resize(before + step);
    Result<size_t> got = read(std::span(bytes).subspan(before));
    if (!got)
      return got.fault();
    bytes.resize(before + *got);
    if (*got < step)
      return bytes;
  }
}

std::string inQuotes(std::string_view text) {
  std::string result = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    // Cut before a character, never inside one.
    if (i >= 40 && ((c & 0xc0) != 0x80 || i >= 44)) {
      result += "…";
      break;
    }
    if (c < 0x20 || c == 0x7f)
      result += fmt::format("\\x{:02x}", c);
    else if (c == '"' || c == '\\')
      result += {'\\', char(c)};
    else
      result += char(c);
  }
  return result + "\"";
}

std::string shapeText(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Fault corruptAt(const std::string &path, int64_t offset,
                const std::string &reason) {
  return {FaultKind::Input,
          fmt::format("{}: {} (offset {})", path, reason, offset)};
}

} // namespace asgc
