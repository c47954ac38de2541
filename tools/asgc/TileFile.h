//===- TileFile.h - What asgc tune measured, as a file --------------------===//
#ifndef ASGC_TOOLS_TILEFILE_H
#define ASGC_TOOLS_TILEFILE_H

#include "asgc/Data.h"
#include "asgc/TileTable.h"

namespace asgc::cli {

/// The table as JSON (docs/gpu.md).
std::string tileTableToJson(const TileTable &table);

/// Reads a file of such JSON. Input with the file, the field, what was expected
/// and what stands there; Environment if there is no such file.
Result<TileTable> readTileTable(const std::string &path);

} // namespace asgc::cli

#endif
