//===- TempFolder.h - A folder that a test fills and that then goes away --===//
#ifndef ASGC_TEST_UNIT_DATA_TEMPFOLDER_H
#define ASGC_TEST_UNIT_DATA_TEMPFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>
#include <zlib.h>

namespace asgc::test {

class TempFolder {
public:
  TempFolder() {
    // In memory where that is possible: tests flush to the disk a lot.
    std::filesystem::path base = "/dev/shm";
    if (access(base.c_str(), W_OK) != 0)
      base = std::filesystem::temp_directory_path();
    std::string pattern = (base / "asgc-test-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempFolder(const TempFolder &) = delete;

  std::string operator/(const std::string &name) const {
    return (path / name).string();
  }

  /// Writes a file and returns its path.
  std::string write(const std::string &name, std::string_view content) const {
    std::ofstream(*this / name, std::ios::binary)
        .write(content.data(), std::streamsize(content.size()));
    return *this / name;
  }

  std::string writeGzip(const std::string &name,
                        std::string_view content) const {
    gzFile file = gzopen((*this / name).c_str(), "wb");
    gzwrite(file, content.data(), unsigned(content.size()));
    gzclose(file);
    return *this / name;
  }

  std::string read(const std::string &name) const {
    std::ifstream file(*this / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path path;
};

} // namespace asgc::test

#endif
