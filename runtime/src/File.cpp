//===- File.cpp - Writes files that are either whole or not there ---------===//
#include "asgc/file.h"
#include "Error.h"
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <new>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace asgc::rt;

/// Small writes gather here; large ones pass by.
static constexpr size_t bufferBytes = 1 << 16;

struct asgc_file_writer {
  std::string path;      ///< as the caller named it, for sentences
  std::string target;    ///< with links resolved
  std::string temporary; ///< "" while the file that is written has no name
  bool isDirect = false; ///< the target itself is written
  int descriptor = -1;
  size_t buffered = 0;
  char buffer[bufferBytes];

  ~asgc_file_writer() {
    if (descriptor >= 0)
      close(descriptor);
    if (!temporary.empty())
      unlink(temporary.c_str());
  }
  asgc_status failed(const char *verb, int error) {
    return fail(ASGC_IO_ERROR,
                text("cannot ", verb, " '", path, "': ", systemReason(error)));
  }
  asgc_status writeAll(const char *data, size_t bytes);
  asgc_status flush() {
    size_t bytes = std::exchange(buffered, 0);
    return writeAll(buffer, bytes);
  }
};

asgc_status asgc_file_writer::writeAll(const char *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t written = ::write(descriptor, data, bytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return failed("write", errno);
    data += written;
    bytes -= size_t(written);
  }
  return ASGC_OK;
}

static std::string folderOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A hidden name beside `target` that no other writer uses. The target's own
/// name is cut so that the whole stays within what file systems take.
static std::string temporaryName(const std::string &target) {
  static std::atomic<unsigned> counter{0};
  std::string folder = folderOf(target);
  std::string name = target.substr(target.find_last_of('/') + 1);
  name.resize(std::min<size_t>(name.size(), 200));
  return text(folder, "/.", name, ".", getpid(), "-", counter.fetch_add(1),
              ".tmp");
}

/// Where `path` leads. A symbolic link stays a link: what it points to is
/// replaced, even when that does not exist yet.
static std::string resolveLinks(const std::string &path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved))
    return resolved;
  ssize_t length = readlink(path.c_str(), resolved, sizeof(resolved) - 1);
  if (length <= 0)
    return path;
  std::string link(resolved, size_t(length));
  return link.front() == '/' ? link : folderOf(path) + "/" + link;
}

/// The folder of the descriptors of this process, as names of what is open.
static constexpr char openFiles[] = "/proc/self/fd";

static asgc_status openTemporary(asgc_file_writer &writer, mode_t mode) {
  // Without a name nothing is left of it, however the process ends. Not every
  // file system has such files.
  if (access(openFiles, X_OK) == 0)
    writer.descriptor = open(folderOf(writer.target).c_str(),
                             O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
  while (writer.descriptor < 0) {
    writer.temporary = temporaryName(writer.target);
    writer.descriptor =
        open(writer.temporary.c_str(),
             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (writer.descriptor >= 0)
      break;
    int error = errno;
    writer.temporary.clear(); // not ours to remove
    if (error != EEXIST)
      return writer.failed("create", error);
  }
  return ASGC_OK;
}

/// Gives the file that is written a name if it has none: 0, or why not.
static int nameTemporary(asgc_file_writer &writer) {
  const std::string open = text(openFiles, "/", writer.descriptor);
  while (writer.temporary.empty()) {
    const std::string name = temporaryName(writer.target);
    if (linkat(AT_FDCWD, open.c_str(), AT_FDCWD, name.c_str(),
               AT_SYMLINK_FOLLOW) == 0)
      writer.temporary = name;
    else if (errno != EEXIST)
      return errno;
  }
  return 0;
}

asgc_status asgc_file_create(const char *path, asgc_file_writer **out_writer) {
  if (!path || !out_writer)
    return fail(ASGC_INVALID_ARGUMENT, "the path or out_writer is null");
  *out_writer = nullptr;
  if (!*path)
    return fail(ASGC_IO_ERROR, "cannot create '': the path is empty");
  std::unique_ptr<asgc_file_writer> writer(new (std::nothrow) asgc_file_writer);
  if (!writer)
    return fail(ASGC_OUT_OF_MEMORY, "cannot allocate a file writer");
  writer->path = path;
  writer->target = resolveLinks(path);

  struct stat info;
  const bool exists = stat(writer->target.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return writer->failed("create", EISDIR);
  if (exists && !S_ISREG(info.st_mode)) {
    writer->isDirect = true;
    writer->descriptor = open(writer->target.c_str(), O_WRONLY | O_CLOEXEC);
    if (writer->descriptor < 0)
      return writer->failed("open", errno);
  } else {
    // Renaming needs no right to write the target; asking keeps a file that was
    // made read-only as safe as it looks.
    if (exists && access(writer->target.c_str(), W_OK) != 0)
      return writer->failed("write", errno);
    if (asgc_status status = openTemporary(*writer, 0666))
      return status;
    if (exists)
      (void)!fchmod(writer->descriptor, info.st_mode & 07777);
  }
  *out_writer = writer.release();
  return ASGC_OK;
}

asgc_status asgc_file_write(asgc_file_writer *writer, const void *data,
                            size_t bytes) {
  if (!writer || (!data && bytes > 0))
    return fail(ASGC_INVALID_ARGUMENT, "the writer or its data is null");
  const char *from = static_cast<const char *>(data);
  if (bytes > bufferBytes - writer->buffered) {
    if (asgc_status status = writer->flush())
      return status;
    if (bytes >= bufferBytes)
      return writer->writeAll(from, bytes);
  }
  if (bytes > 0)
    std::memcpy(writer->buffer + writer->buffered, from, bytes);
  writer->buffered += bytes;
  return ASGC_OK;
}

/// Makes a rename in `folder` durable. File systems that cannot sync a folder
/// say EINVAL: the data itself is on the disk by then.
static int syncFolder(const std::string &folder) {
  int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return errno == EACCES ? 0 : errno;
  int error = fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
  close(descriptor);
  return error;
}

asgc_status asgc_file_sync(asgc_file_writer *writer) {
  if (!writer)
    return fail(ASGC_INVALID_ARGUMENT, "the writer is null");
  if (asgc_status status = writer->flush())
    return status;
  if (!writer->isDirect && fsync(writer->descriptor) != 0)
    return writer->failed("flush", errno);
  return ASGC_OK;
}

asgc_status asgc_file_commit(asgc_file_writer *writer) {
  if (!writer)
    return fail(ASGC_INVALID_ARGUMENT, "the writer is null");
  std::unique_ptr<asgc_file_writer> owner(writer);
  if (asgc_status status = asgc_file_sync(writer))
    return status;
  if (int error = writer->isDirect ? 0 : nameTemporary(*writer))
    return writer->failed("name", error);
  if (close(std::exchange(writer->descriptor, -1)) != 0 && errno != EINTR)
    return writer->failed("close", errno);
  if (writer->isDirect)
    return ASGC_OK;
  if (rename(writer->temporary.c_str(), writer->target.c_str()) != 0)
    return writer->failed("replace", errno);
  writer->temporary.clear();
  if (int error = syncFolder(folderOf(writer->target)))
    return writer->failed("flush the folder of", error);
  return ASGC_OK;
}

void asgc_file_discard(asgc_file_writer *writer) { delete writer; }

asgc_status asgc_file_replace(const char *path, const void *data,
                              size_t bytes) {
  asgc_file_writer *writer = nullptr;
  if (asgc_status status = asgc_file_create(path, &writer))
    return status;
  if (asgc_status status = asgc_file_write(writer, data, bytes)) {
    asgc_file_discard(writer);
    return status;
  }
  return asgc_file_commit(writer);
}
