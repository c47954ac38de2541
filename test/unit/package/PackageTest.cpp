//===- PackageTest.cpp - Packages that compilers accept -------------------===//
#include "asgc/Package.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace asgc;

extern "C" const asgc_program_desc twice_program;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    char name[] = "/tmp/asgc-package-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
};

std::string read(const fs::path &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

bool shell(const std::string &command) {
  return std::system(command.c_str()) == 0;
}

PackageOptions optionsFor(const fs::path &directory) {
  PackageOptions options;
  options.directory = directory;
  options.runtimeIncludeDir = RUNTIME_INCLUDE;
  options.runtimeLibraryDir = RUNTIME_LIBRARY_DIR;
  options.runtimeLinkFlags = {"-lstdc++", "-lpthread", "-lm"};
  return options;
}

std::string objectOfTwice(const fs::path &folder) {
  REQUIRE(shell("cc -std=c99 -O1 -fPIC -c " MODEL_SOURCE " -I" RUNTIME_INCLUDE
                " -o " + (folder / "twice.o").string()));
  return read(folder / "twice.o");
}

const char *const kApplication = R"(
#include "twice.h"
#include <stdio.h>
int main(void) {
  asgc_program *p = 0;
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6], total, pairs[4];
  if (twice_create(0, &p) || twice_infer(p, 2, x, y, &total, pairs))
    return fprintf(stderr, "%s\n", twice_error(p)), 1;
  twice_destroy(p);
  return y[5] == 12 && total == 42 && pairs[3] == 3 ? 0 : 2;
}
)";

} // namespace

TEST_SUITE("package") {
  TEST_CASE("an application links and runs, by flags, pkg-config and in C++") {
    Folder folder;
    PackageInput input{.program = &twice_program,
                       .objects = {objectOfTwice(folder.path)},
                       .source = "twice.asg"};
    PackageResult result = writePackage(input, optionsFor(folder.path / "out"));
    REQUIRE(result.error == "");
    CHECK(result.files.size() == 6);
    std::ofstream(folder.path / "main.c") << kApplication;
    std::string flags =
        " $(PKG_CONFIG_PATH=" + (folder.path / "out").string() +
        " pkg-config --cflags --libs twice)";
    std::string program = (folder.path / "main").string();
    REQUIRE(shell("cc -std=c99 -Wall -Wextra -Werror -pedantic " +
                  (folder.path / "main.c").string() + " -o " + program + flags));
    CHECK(shell(program));
    REQUIRE(shell("c++ -x c++ -Wall -Wextra -Werror " +
                  (folder.path / "main.c").string() + " -x none -o " + program +
                  flags));
    CHECK(shell(program));
  }

  TEST_CASE("the example compiles and runs") {
    Folder folder;
    PackageInput input{.program = &twice_program,
                       .objects = {objectOfTwice(folder.path)},
                       .source = "twice.asg"};
    REQUIRE(writePackage(input, optionsFor(folder.path)).error == "");
    std::string program = (folder.path / "example").string();
    REQUIRE(shell("cc -Wall -Werror " + (folder.path / "example.c").string() +
                  " -o " + program + " $(PKG_CONFIG_PATH=" +
                  folder.path.string() + " pkg-config --cflags --libs twice)"));
    CHECK(shell(program));
  }

  TEST_CASE("a shared library on request") {
    Folder folder;
    PackageInput input{.program = &twice_program,
                       .objects = {objectOfTwice(folder.path)},
                       .source = "twice.asg"};
    PackageOptions options = optionsFor(folder.path);
    options.wantsSharedLibrary = true;
    PackageResult result = writePackage(input, options);
    REQUIRE(result.error == "");
    CHECK(fs::exists(folder.path / "libtwice.so"));

    options.linker = "no-such-linker";
    result = writePackage(input, options);
    CHECK(result.error.find("no-such-linker") != std::string::npos);
  }

  TEST_CASE("the same input gives the same bytes") {
    Folder folder;
    PackageInput input{.program = &twice_program,
                       .objects = {objectOfTwice(folder.path)},
                       .source = "twice.asg"};
    REQUIRE(writePackage(input, optionsFor(folder.path / "a")).error == "");
    REQUIRE(writePackage(input, optionsFor(folder.path / "b")).error == "");
    for (const char *file : {"libtwice.a", "twice.h", "twice.json", "twice.pc"})
      CHECK(read(folder.path / "a" / file) == read(folder.path / "b" / file));
  }

  TEST_CASE("a failure leaves no file behind") {
    Folder folder;
    PackageInput input{.program = &twice_program, .objects = {"x"},
                       .source = "twice.asg"};
    std::ofstream(folder.path / "file") << "not a folder";
    PackageResult result = writePackage(input, optionsFor(folder.path / "file"));
    CHECK(result.error.find("file") != std::string::npos);
    CHECK(result.isEnvironmentError);

    // One target is a folder: nothing else may have been written.
    fs::create_directories(folder.path / "out" / "twice.json" / "x");
    result = writePackage(input, optionsFor(folder.path / "out"));
    CHECK(result.error != "");
    int files = 0;
    for (const auto &entry : fs::directory_iterator(folder.path / "out"))
      files += entry.is_regular_file();
    CHECK(files == 0);
  }

  TEST_CASE("identifiers") {
    CHECK(toIdentifier("fc1.weight") == "fc1_weight");
    CHECK(toIdentifier("2nd") == "_2nd");
    CHECK(toIdentifier("class") == "class_");
    CHECK(toIdentifier("") == "_");
    CHECK(toIdentifier("изображение").find_first_not_of('_') ==
          std::string::npos);
  }
}
