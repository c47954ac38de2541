//===- Page.cpp - docs/reference/onnx.md ----------------------------------===//
#include "Page.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <fmt/format.h>
#include <set>

namespace asgc {

namespace {

/// The cells "passed" of a row: a number for each engine.
using Passed = std::array<std::string, 3>;

/// The rows of both tables of a page, by their first cells. Each table's cells
/// begin with a name, how many tests there are, and who passes them.
std::map<std::string, Passed> readRows(const std::string &page) {
  std::map<std::string, Passed> rows;
  llvm::SmallVector<llvm::StringRef> lines, cells;
  llvm::StringRef(page).split(lines, '\n');
  for (llvm::StringRef line : lines) {
    cells.clear();
    line.split(cells, " | ");
    if (cells.size() >= 5 && cells[0].consume_front("| "))
      rows[cells[0].str()] = {cells[2].str(), cells[3].str(),
                              cells[4].split(' ').first.str()};
  }
  return rows;
}

} // namespace

std::string formatPage(const std::string &before, Engine engine,
                       const CountsByName &operators,
                       const CountsByName &groups) {
  std::map<std::string, Passed> rows = readRows(before);
  auto cellsOf = [&](const std::string &row, const CountsByName &counts,
                     const std::string &name) {
    auto found = counts.find(name);
    if (found == counts.end())
      return fmt::format("| {} | none | | |", row);
    Passed &passed = rows[row];
    passed[size_t(engine)] = std::to_string(found->second.pass);
    return fmt::format("| {} | {} | {} |", row, found->second.total(),
                       fmt::join(passed, " | "));
  };
  std::string page =
      "# ONNX operators\n\n"
      "Made by `onnx-suite --engine interpreter --write-page "
      "docs/reference/onnx.md` (and with `cpu` and `vulkan`) from\n"
      "`lib/Interop/OnnxOps.def` and the tests of Debian's libonnx-testdata "
      "(opsets up to 17); `ctest -R onnx-suite` fails when it is out of\n"
      "date. *Tests* counts the models with the operator in them, the three "
      "columns behind it those whose outputs agree: on the reference\n"
      "interpreter, compiled for the CPU, and compiled for Vulkan (lavapipe). "
      "The others are refused, none gives another answer. Element types\n"
      "are f32, f16, bf16, f64 (not in compiled programs), i8, i32, i64 and "
      "bool; those with a star take u8, u16 and i16, too,\n"
      "carried by i32, and u32, by i64.\n\n"
      "| operator | tests | interpreter | CPU | Vulkan | since opset | family "
      "| limits |\n"
      "|---|---|---|---|---|---|---|---|\n";
  std::set<std::string> known = {"Constant"};
  for (const OnnxOperator &op : onnxOperators()) {
    known.insert(op.name);
    std::string row = op.domain.empty() ? op.name : op.domain + "." + op.name;
    row += op.takesCarried ? "\\*" : "";
    page += fmt::format("{} {} | {} | {} |\n", cellsOf(row, operators, op.name),
                        op.since, op.family, op.limits);
  }
  page += "\nOperators of the suite that are not supported:";
  const char *comma = " ";
  for (const auto &[name, counts] : operators)
    if (!known.count(name)) {
      page += comma + fmt::format("{} ({})", name, counts.total());
      comma = ", ";
    }
  page += ".\n\n## Export\n\n"
          "What `asgc convert -o m.onnx` writes for each op of asg, and for "
          "the blocks of `dialects/nn` that ONNX has an operator for;\n"
          "`ctest -R onnx-suite-export` writes every model that imports and "
          "reads it back.\n\n"
          "| op or block | operators |\n|---|---|\n";
  for (const OnnxExport &row : onnxExports())
    page +=
        fmt::format("| {}`{}` | {} |\n", row.isBlock ? "block " : "", row.what,
                    row.operators.empty() ? "none of its own" : row.operators);
  page += "\n## Groups\n\n"
          "\"Other types\" are models with an input or output that is not f32, "
          "i32, i64 or bool.\n\n"
          "| group | tests | interpreter | CPU | Vulkan |\n"
          "|---|---|---|---|---|\n";
  for (const auto &[name, counts] : groups)
    page += cellsOf(name, groups, name) + "\n";
  return page;
}

} // namespace asgc
