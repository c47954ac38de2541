//===- Layout.h - Breaks lines so that a text fits a width ----------------===//
#ifndef ASGC_FRONTEND_LAYOUT_H
#define ASGC_FRONTEND_LAYOUT_H

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asgc::ast {

struct LayoutNode;
/// A text that may be laid out in several ways (after Wadler, "A prettier
/// printer"). Shared and never changed once made.
using Layout = std::shared_ptr<const LayoutNode>;

struct LayoutNode {
  enum class Kind {
    Text,   // text
    Line,   // text when flat, a new line when broken
    Concat, // children
    Nest,   // children, new lines `indent` further right
    Align,  // children, new lines at the column where it starts
    Group,  // children: flat if that fits, else all its lines broken
    Fill    // children: contents and lines in turn, as many as fit on a line
  };
  Kind kind;
  std::string text;
  int indent = 0;
  std::vector<Layout> children;
};

Layout text(std::string text);
/// A place to break; `flat` stands there otherwise.
Layout line(std::string flat = " ");
Layout concat(std::vector<Layout> children);
Layout nest(int indent, Layout child);
Layout align(Layout child);
Layout group(Layout child);
/// `contents` with `separator` and a place to break between them.
Layout fill(const std::vector<Layout> &contents, std::string_view separator);

/// Lays `layout` out from column `column` on; new lines start at `indent`.
std::string render(const Layout &layout, int width, int indent, int column);

/// Characters of UTF-8 text.
int countChars(std::string_view text);

} // namespace asgc::ast

#endif
