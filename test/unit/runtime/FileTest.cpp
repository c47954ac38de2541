//===- FileTest.cpp - Atomic files ----------------------------------------===//
#include "asgc/file.h"
#include "Samples.h"
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace asgc::test;

TEST_SUITE("atomic files") {
  TEST_CASE("writes small and large pieces in order") {
    TemporaryFolder folder;
    std::string path = folder / "data.bin", expected;
    asgc_file_writer *writer = nullptr;
    REQUIRE(asgc_file_create(path.c_str(), &writer) == ASGC_OK);
    for (size_t size : {1, 100, 70000, 65535, 2, 65536, 0, 300000}) {
      std::string piece(size, char('a' + size % 26));
      REQUIRE(asgc_file_write(writer, piece.data(), size) == ASGC_OK);
      expected += piece;
    }
    CHECK_FALSE(std::filesystem::exists(path));
    REQUIRE(asgc_file_commit(writer) == ASGC_OK);
    CHECK(readFile(path) == expected);
    CHECK(folder.size() == 1);
  }

  TEST_CASE("discarding leaves the old file and nothing else") {
    TemporaryFolder folder;
    std::string path = folder / "data.bin";
    writeFile(path, "old");
    asgc_file_writer *writer = nullptr;
    REQUIRE(asgc_file_create(path.c_str(), &writer) == ASGC_OK);
    REQUIRE(asgc_file_write(writer, "new", 3) == ASGC_OK);
    asgc_file_discard(writer);
    CHECK(readFile(path) == "old");
    CHECK(folder.size() == 1);
  }

  TEST_CASE("replacing keeps the permissions, and a link stays a link") {
    TemporaryFolder folder;
    std::string path = folder / "data.bin", link = folder / "link";
    writeFile(path, "old");
    chmod(path.c_str(), 0640);
    std::filesystem::create_symlink("data.bin", link);
    REQUIRE(asgc_file_replace(link.c_str(), "new", 3) == ASGC_OK);
    CHECK(readFile(path) == "new");
    CHECK(std::filesystem::is_symlink(link));
    struct stat info;
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
    std::string dangling = folder / "dangling";
    std::filesystem::create_symlink("fresh", dangling);
    REQUIRE(asgc_file_replace(dangling.c_str(), "x", 1) == ASGC_OK);
    CHECK(readFile(folder / "fresh") == "x");
  }

  TEST_CASE("names the path and the reason") {
    TemporaryFolder folder;
    std::string path = folder / "missing/data.bin";
    CHECK(asgc_file_replace(path.c_str(), "x", 1) == ASGC_IO_ERROR);
    CHECK(std::string(asgc_last_error()) ==
          "cannot create '" + path + "': No such file or directory");
    CHECK(asgc_file_replace(folder.path.c_str(), "x", 1) == ASGC_IO_ERROR);
    CHECK(std::string(asgc_last_error()) ==
          "cannot create '" + folder.path.string() + "': Is a directory");
    CHECK(asgc_file_replace("", "x", 1) == ASGC_IO_ERROR);
    CHECK(asgc_file_replace(nullptr, "x", 1) == ASGC_INVALID_ARGUMENT);
    std::string longName = folder / std::string(250, 'n');
    CHECK(asgc_file_replace(longName.c_str(), "x", 1) == ASGC_OK);
  }

  TEST_CASE("a process that is killed leaves nothing") {
    TemporaryFolder folder;
    int probe = open((folder / "").c_str(), O_WRONLY | O_TMPFILE, 0666);
    if (probe < 0)
      return; // no files without names here
    close(probe);
    std::string path = folder / "data.bin";
    pid_t child = fork();
    if (child == 0) {
      asgc_file_writer *writer = nullptr;
      std::string piece(300000, 'a');
      if (asgc_file_create(path.c_str(), &writer) == ASGC_OK &&
          asgc_file_write(writer, piece.data(), piece.size()) == ASGC_OK)
        kill(getpid(), SIGKILL);
      _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(folder.size() == 0);
  }

  TEST_CASE("a device is written, not replaced; a full one is an error") {
    CHECK(asgc_file_replace("/dev/null", "x", 1) == ASGC_OK);
    CHECK(std::filesystem::is_character_file("/dev/null"));
    CHECK(asgc_file_replace("/dev/full", "x", 1) == ASGC_IO_ERROR);
    CHECK(std::string(asgc_last_error()) ==
          "cannot write '/dev/full': No space left on device");
  }
}
