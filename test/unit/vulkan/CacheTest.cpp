//===- CacheTest.cpp - Built pipelines on disk ----------------------------===//
#include "VulkanSample.h"

#include <optional>

using namespace asgc::test;

namespace {
/// Sets an environment variable for a scope.
struct Setting {
  const char *name;
  std::optional<std::string> before;
  Setting(const char *name, const std::string &value) : name(name) {
    if (const char *old = std::getenv(name))
      before = old;
    setenv(name, value.c_str(), 1);
  }
  ~Setting() { before ? setenv(name, before->c_str(), 1) : unsetenv(name); }
};

/// Makes a program, and a new device with it: no other is alive.
void makeProgram() {
  Sample sample;
  Program program(sample.desc, onVulkan());
  REQUIRE_MESSAGE(program.status == ASGC_OK, asgc_last_error());
}

/// The only file of a folder.
std::string onlyFile(const std::string &folder) {
  std::vector<std::string> files;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  return files[0];
}
} // namespace

TEST_SUITE("pipeline cache") {
  TEST_CASE("a file for the device is written in the folder for caches") {
    TemporaryFolder folder;
    Setting own("ASGC_VULKAN_CACHE", ""), xdg("XDG_CACHE_HOME", folder / "new");
    makeProgram();
    const std::string path = onlyFile(folder / "new/asgc");
    CHECK(path.find("/vulkan-") != std::string::npos);
    const std::string first = readFile(path);
    CHECK(first.substr(0, 8) == "asgcvpc1");
    // The driver's own header follows ours.
    CHECK(first.size() >= 24 + 32);
    makeProgram();
    CHECK(readFile(onlyFile(folder / "new/asgc")).substr(0, 8) == "asgcvpc1");
  }

  TEST_CASE("a damaged file is as good as none, and is replaced") {
    TemporaryFolder folder;
    Setting own("ASGC_VULKAN_CACHE", folder.path);
    makeProgram();
    const std::string path = onlyFile(folder.path), whole = readFile(path);
    std::string flipped = whole;
    flipped.back() = char(flipped.back() ^ 1);
    std::string endless = whole;
    endless.replace(8, 8, 8, '\xFF');
    for (const std::string &damaged :
         {std::string(), whole.substr(0, 7), whole.substr(0, whole.size() - 1),
          flipped, endless, std::string(100, 'x')}) {
      writeFile(path, damaged);
      makeProgram();
      CHECK(readFile(onlyFile(folder.path)).size() >= whole.size());
      CHECK(readFile(path) != damaged);
    }
  }

  TEST_CASE("without a folder to write there is no cache and no failure") {
    TemporaryFolder folder;
    writeFile(folder / "file", "");
    Setting own("ASGC_VULKAN_CACHE", folder / "file");
    makeProgram();
    CHECK(readFile(folder / "file").empty());
  }

  TEST_CASE("off is off") {
    TemporaryFolder folder;
    Setting own("ASGC_VULKAN_CACHE", "off"), xdg("XDG_CACHE_HOME", folder.path);
    makeProgram();
    CHECK(!std::filesystem::exists(folder / "asgc"));
  }
}
