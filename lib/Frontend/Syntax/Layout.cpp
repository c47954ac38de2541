//===- Layout.cpp - Breaks lines so that a text fits a width --------------===//
#include "Layout.h"

namespace asgc::ast {

static Layout make(LayoutNode::Kind kind, std::string text, int indent,
                   std::vector<Layout> children) {
  return std::make_shared<const LayoutNode>(
      LayoutNode{kind, std::move(text), indent, std::move(children)});
}

Layout text(std::string text) {
  return make(LayoutNode::Kind::Text, std::move(text), 0, {});
}
Layout line(std::string flat) {
  return make(LayoutNode::Kind::Line, std::move(flat), 0, {});
}
Layout concat(std::vector<Layout> children) {
  return make(LayoutNode::Kind::Concat, "", 0, std::move(children));
}
Layout nest(int indent, Layout child) {
  return make(LayoutNode::Kind::Nest, "", indent, {std::move(child)});
}
Layout align(Layout child) {
  return make(LayoutNode::Kind::Align, "", 0, {std::move(child)});
}
Layout group(Layout child) {
  return make(LayoutNode::Kind::Group, "", 0, {std::move(child)});
}

Layout fill(const std::vector<Layout> &contents, std::string_view separator) {
  std::vector<Layout> children;
  for (size_t i = 0; i < contents.size(); ++i) {
    bool isLast = i + 1 == contents.size();
    children.push_back(
        isLast ? contents[i]
               : concat({contents[i], text(std::string(separator))}));
    if (!isLast)
      children.push_back(line());
  }
  return make(LayoutNode::Kind::Fill, "", 0, std::move(children));
}

int countChars(std::string_view text) {
  int count = 0;
  for (char c : text)
    count += (c & 0xc0) != 0x80;
  return count;
}

namespace {

struct Command {
  int indent;
  bool isFlat;
  const LayoutNode *node;
  size_t next = 0; // Fill: the first child not yet laid out
};

using Kind = LayoutNode::Kind;

/// Whether `command`, and what stands in `rest` behind it, stays within
/// `remaining` columns up to the next line break.
bool fits(int remaining, Command command, const std::vector<Command> &rest) {
  std::vector<Command> stack = {command};
  size_t restAt = rest.size();
  while (remaining >= 0) {
    if (stack.empty()) {
      if (restAt == 0)
        return true;
      stack.push_back(rest[--restAt]);
      continue;
    }
    Command top = stack.back();
    stack.pop_back();
    const LayoutNode &node = *top.node;
    if (node.kind == Kind::Text) {
      remaining -= countChars(node.text);
    } else if (node.kind == Kind::Line) {
      if (!top.isFlat)
        return true;
      remaining -= countChars(node.text);
    } else {
      for (size_t i = node.children.size(); i > top.next; --i)
        stack.push_back({top.indent, top.isFlat, node.children[i - 1].get()});
    }
  }
  return false;
}

class Renderer {
public:
  Renderer(int width, int column) : width(width), column(column) {}

  std::string run(const Layout &layout, int indent) {
    stack.push_back({indent, false, layout.get()});
    while (!stack.empty()) {
      Command top = stack.back();
      stack.pop_back();
      step(top);
    }
    return std::move(out);
  }

private:
  void put(const std::string &text) {
    out += text;
    column += countChars(text);
  }

  void breakLine(int indent) {
    while (!out.empty() && out.back() == ' ')
      out.pop_back();
    out += '\n' + std::string(indent, ' ');
    column = indent;
  }

  void pushChildren(Command command) {
    const auto &children = command.node->children;
    for (size_t i = children.size(); i > 0; --i)
      stack.push_back({command.indent, command.isFlat, children[i - 1].get()});
  }

  void step(Command top) {
    const LayoutNode &node = *top.node;
    switch (node.kind) {
    case Kind::Text:
      return put(node.text);
    case Kind::Line:
      return top.isFlat ? put(node.text) : breakLine(top.indent);
    case Kind::Nest:
      top.indent += node.indent;
      return pushChildren(top);
    case Kind::Align:
      top.indent = column;
      return pushChildren(top);
    case Kind::Group:
      top.isFlat = top.isFlat ||
                   fits(width - column, {top.indent, true, top.node}, stack);
      return pushChildren(top);
    case Kind::Concat:
      return pushChildren(top);
    case Kind::Fill:
      return top.isFlat ? pushChildren(top) : stepFill(top);
    }
  }

  /// Lays out one content, then the line behind it and the rest.
  void stepFill(Command top) {
    const auto &children = top.node->children;
    if (top.next >= children.size())
      return;
    Command rest = top;
    bool isLine = top.next % 2 == 1;
    if (isLine) {
      // The line stays flat if the content behind it fits beside.
      Command content{top.indent, true, children[top.next + 1].get()};
      rest.next = top.next + 2;
      if (rest.next < children.size())
        stack.push_back(rest);
      Command separator{top.indent, true, children[top.next].get()};
      bool isBeside = fits(width - column - countChars(separator.node->text),
                           content, stack);
      separator.isFlat = isBeside;
      content.isFlat = isBeside;
      stack.push_back(content);
      stack.push_back(separator);
      return;
    }
    rest.next = top.next + 1;
    if (rest.next < children.size())
      stack.push_back(rest);
    Command content{top.indent, true, children[top.next].get()};
    content.isFlat = fits(width - column, content, stack);
    stack.push_back(content);
  }

  int width;
  int column;
  std::string out;
  std::vector<Command> stack;
};

} // namespace

std::string render(const Layout &layout, int width, int indent, int column) {
  return Renderer(width, column).run(layout, indent);
}

} // namespace asgc::ast
