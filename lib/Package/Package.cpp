//===- Package.cpp - Writes all files of a package, or none ---------------===//
#include "PackageText.h"

#include "asgc/file.h"

#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <fmt/format.h>

namespace fs = std::filesystem;

namespace asgc {

namespace {

/// Files that are complete on the disk under temporary names, to be renamed
/// together.
class Staging {
public:
  ~Staging() {
    for (auto &[path, writer] : writers)
      asgc_file_discard(writer);
  }

  bool add(const fs::path &path, std::string_view content, std::string &error) {
    // The rename at the end would fail, after others have succeeded.
    if (fs::is_directory(path)) {
      error = fmt::format("cannot write '{}': it is a folder", path.string());
      return false;
    }
    asgc_file_writer *writer = nullptr;
    if (asgc_file_create(path.c_str(), &writer) != ASGC_OK) {
      error = asgc_last_error();
      return false;
    }
    writers.emplace_back(path, writer);
    if (asgc_file_write(writer, content.data(), content.size()) == ASGC_OK)
      return true;
    error = asgc_last_error();
    return false;
  }

  bool commit(std::vector<fs::path> &files, std::string &error) {
    for (auto &[path, writer] : writers) {
      asgc_file_writer *current = writer;
      writer = nullptr;
      if (asgc_file_commit(current) != ASGC_OK) {
        error = asgc_last_error();
        return false;
      }
      files.push_back(path);
    }
    return true;
  }

private:
  std::vector<std::pair<fs::path, asgc_file_writer *>> writers;
};

/// The bytes of an archive of the objects; no dates, no owners.
std::string makeArchive(const std::vector<std::string> &objects,
                        const std::string &name, std::string &error) {
  std::vector<std::string> names;
  for (size_t i = 0; i < objects.size(); ++i)
    names.push_back(fmt::format("{}.{}.o", name, i));
  std::vector<llvm::NewArchiveMember> members;
  for (size_t i = 0; i < objects.size(); ++i)
    members.emplace_back(llvm::MemoryBufferRef(objects[i], names[i]));
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive) {
    error = llvm::toString(archive.takeError());
    return {};
  }
  return (*archive)->getBuffer().str();
}

/// Links the archive and the runtime into a shared library; its bytes.
std::string linkShared(const std::string &archive,
                       const PackageOptions &options, const std::string &name,
                       std::string &error) {
  llvm::SmallString<128> objects, library, log;
  llvm::sys::fs::createTemporaryFile("asgc", "a", objects);
  llvm::sys::fs::createTemporaryFile("asgc", "so", library);
  llvm::sys::fs::createTemporaryFile("asgc", "log", log);
  std::string content;
  auto linker = llvm::sys::findProgramByName(options.linker);
  if (!linker) {
    error = fmt::format("cannot find the C compiler '{}' that links lib{}.so",
                        options.linker, name);
  } else if (asgc_file_replace(objects.c_str(), archive.data(),
                               archive.size()) != ASGC_OK) {
    error = asgc_last_error();
  } else {
    std::string runtime = (options.runtimeLibraryDir / "libasgc_rt.a").string();
    std::string soname = fmt::format("-Wl,-soname,lib{}.so", name);
    std::vector<llvm::StringRef> arguments = {*linker,
                                              "-shared",
                                              "-o",
                                              library,
                                              "-Wl,--whole-archive",
                                              objects,
                                              runtime,
                                              "-Wl,--no-whole-archive",
                                              soname};
    for (const std::string &flag : options.runtimeLinkFlags)
      arguments.push_back(flag);
    std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""),
                                                  log.str(), log.str()};
    int status =
        llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects);
    auto result = llvm::MemoryBuffer::getFile(status ? log : library);
    if (!result)
      error = fmt::format("cannot read what '{}' wrote", options.linker);
    else if (status)
      error = fmt::format("'{}' failed to link lib{}.so: {}", options.linker,
                          name, (*result)->getBuffer().str());
    else
      content = (*result)->getBuffer().str();
  }
  for (llvm::StringRef path : {objects.str(), library.str(), log.str()})
    llvm::sys::fs::remove(path);
  return content;
}

} // namespace

PackageResult writePackage(const PackageInput &input,
                           const PackageOptions &options) {
  PackageResult result;
  auto fail = [&](std::string message) {
    result.files.clear();
    result.error = std::move(message);
    result.isEnvironmentError = true;
    return result;
  };
  std::string name = toIdentifier(input.program->name);
  std::string error;
  std::string archive = makeArchive(input.objects, name, error);
  std::string shared;
  if (error.empty() && options.wantsSharedLibrary)
    shared = linkShared(archive, options, name, error);
  if (!error.empty())
    return fail(error);

  std::error_code code;
  fs::create_directories(options.directory, code);
  if (code)
    return fail(fmt::format("cannot make the folder '{}': {}",
                            options.directory.string(), code.message()));
  const bool hasWeights = !input.weights.empty();
  std::vector<std::pair<std::string, std::string>> files = {
      {name + ".h", writeHeader(*input.program, input.source)},
      {"lib" + name + ".a", std::move(archive)},
      {name + ".pc", writePkgConfig(input, options)},
      {name + "Config.cmake", writeCMakeConfig(input, options)},
      {name + ".json", writeManifest(input)},
      {"example.c", writeExample(*input.program, hasWeights)}};
  if (hasWeights)
    files.emplace_back(name + ".safetensors", input.weights);
  if (options.wantsSharedLibrary)
    files.emplace_back("lib" + name + ".so", std::move(shared));

  Staging staging;
  for (const auto &[file, content] : files)
    if (!staging.add(options.directory / file, content, error))
      return fail(error);
  if (!staging.commit(result.files, error))
    return fail(error);
  return result;
}

} // namespace asgc
