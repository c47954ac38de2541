//===- DotWriter.cpp - A dump as a drawing for Graphviz -------------------===//
#include "DotWriter.h"
#include "Program.h"
#include <map>

namespace asgc::rt {

namespace {

using json::Document;
using json::Value;

/// Graphviz has its own escapes: `\n` in a label breaks the line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out + "\"";
}

class DotWriter {
public:
  DotWriter(const Document &dump, const asgc_program &program)
      : dump_(dump), program_(program) {}

  std::string write();

private:
  const Value *member(const Value &object, std::string_view key) const {
    return dump_.find(object, key);
  }
  std::string_view string(const Value &object, std::string_view key) const {
    const Value *value = member(object, key);
    return value && value->isString() ? value->text() : std::string_view();
  }
  /// The integer member `key`, or -1.
  int64_t integer(const Value &object, std::string_view key) const {
    const Value *value = member(object, key);
    return value && value->isInteger() ? value->integer : -1;
  }
  /// Calls visit(item) for the items of the array member `key`.
  template <typename Visit>
  void forEach(const Value &object, std::string_view key, Visit visit) const {
    const Value *list = member(object, key);
    if (list && list->isArray())
      for (const Value &item : dump_.childrenOf(*list))
        visit(item);
  }
  std::string typeText(const Value &tensor) const;
  std::string profileText(std::string_view step) const;
  std::string location(const Value &item) const;
  void writeGraph(const Value &graph);
  void writeNodes(int64_t parent);
  void writeProgram(const Value &program);
  void beginCluster(const std::string &title);
  void node(const std::string &id, const std::string &label, const char *shape,
            const std::string &tooltip = "");
  void edge(const std::string &from, const std::string &to);

  const Document &dump_;
  const asgc_program &program_;
  std::string out_, edges_;
  std::string prefix_; ///< of the node names of one graph or program
  int64_t clusters_ = 0;
  /// Nodes of the graph under way, by the node they stand in; -1 at the top.
  std::map<int64_t, std::vector<const Value *>> children_;
};

void DotWriter::beginCluster(const std::string &title) {
  out_ += text("subgraph cluster_", clusters_++, " {\n  label=", quoted(title),
               ";\n");
}

void DotWriter::node(const std::string &id, const std::string &label,
                     const char *shape, const std::string &tooltip) {
  out_ += text("  ", prefix_, id, " [label=", quoted(label), ", shape=", shape);
  if (!tooltip.empty())
    out_ += text(", tooltip=", quoted(tooltip));
  out_ += "];\n";
}

void DotWriter::edge(const std::string &from, const std::string &to) {
  edges_ += text("  ", prefix_, from, " -> ", prefix_, to, ";\n");
}

/// "f32[batch, 128]"
std::string DotWriter::typeText(const Value &tensor) const {
  std::string type(string(tensor, "dtype"));
  if (type.empty())
    return type;
  type += '[';
  bool first = true;
  forEach(tensor, "shape", [&](const Value &extent) {
    if (!first)
      type += ", ";
    first = false;
    if (extent.isInteger())
      type += std::to_string(extent.integer);
    else if (extent.isString())
      type += extent.text();
  });
  return type + "]";
}

/// "12.3 us x 100" for a step that was profiled.
std::string DotWriter::profileText(std::string_view step) const {
  for (size_t i = 0; i < program_.profile.size(); ++i) {
    const KernelProfile &kernel = program_.profile[i];
    if (kernel.calls == 0 || step != program_.desc.kernels[i].name)
      continue;
    const int64_t tenths = kernel.nanoseconds / kernel.calls / 100;
    return text("\n", tenths / 10, ".", tenths % 10, " us x ", kernel.calls);
  }
  return "";
}

/// "digits.asg:12": the first line that the item stems from.
std::string DotWriter::location(const Value &item) const {
  std::string place;
  forEach(item, "loc", [&](const Value &loc) {
    if (place.empty())
      place = text(string(loc, "file"), ":", integer(loc, "line"));
  });
  return place;
}

void DotWriter::writeNodes(int64_t parent) {
  auto found = children_.find(parent);
  if (found == children_.end())
    return;
  for (const Value *value : found->second) {
    const int64_t id = integer(*value, "id");
    std::string label(string(*value, "op"));
    for (const char *key : {"variable", "kind", "path"})
      if (std::string_view detail = string(*value, key); !detail.empty())
        label += text("\n", detail);
    forEach(*value, "outputs",
            [&](const Value &type) { label += text("\n", typeText(type)); });
    // What stands in a layer or a fusion goes into its own box.
    const bool holds = id != parent && children_.count(id) > 0;
    if (holds)
      beginCluster(std::string(string(*value, "op")));
    node(std::to_string(id), label, "box", location(*value));
    if (holds) {
      writeNodes(id);
      out_ += "}\n";
    }
    forEach(*value, "inputs", [&](const Value &input) {
      edge(std::to_string(integer(input, "node")), std::to_string(id));
    });
  }
}

void DotWriter::writeGraph(const Value &graph) {
  const std::string name(string(graph, "name"));
  prefix_ = text("g", clusters_, "_");
  children_.clear();
  forEach(graph, "nodes", [&](const Value &value) {
    // A node stands in one before it: anything else would nest for ever.
    const int64_t parent = integer(value, "parent");
    children_[parent < integer(value, "id") ? parent : -1].push_back(&value);
  });
  beginCluster(name);
  writeNodes(-1);
  int64_t index = 0;
  forEach(graph, "outputs", [&](const Value &output) {
    const std::string id = text("out", index++);
    node(id, text(string(output, "name"), "\n", typeText(output)), "ellipse");
    if (const Value *from = member(output, "from"))
      edge(std::to_string(integer(*from, "node")), id);
  });
  out_ += "}\n";
}

void DotWriter::writeProgram(const Value &program) {
  prefix_ = text("p", clusters_, "_");
  beginCluster(std::string(string(program, "name")));
  std::map<int64_t, int64_t> shownBy;        // buffer -> the buffer it shows
  std::map<int64_t, std::string> lastWriter; // buffer -> node
  auto root = [&](int64_t buffer) {
    for (size_t hops = 0; hops <= shownBy.size(); ++hops) {
      auto found = shownBy.find(buffer);
      if (found == shownBy.end())
        break;
      buffer = found->second;
    }
    return buffer;
  };
  std::vector<const Value *> outputs;
  forEach(program, "buffers", [&](const Value &buffer) {
    const int64_t id = integer(buffer, "id");
    const std::string_view kind = string(buffer, "kind");
    if (kind == "alias")
      shownBy[id] = integer(buffer, "of");
    if (kind == "output")
      outputs.push_back(&buffer);
    if (kind != "input" && kind != "variable")
      return;
    lastWriter[id] = text("b", id);
    node(text("b", id), text(string(buffer, "name"), "\n", typeText(buffer)),
         "ellipse");
  });
  forEach(program, "steps", [&](const Value &step) {
    const std::string id = text("s", integer(step, "id"));
    const std::string_view name = string(step, "name");
    node(id, text(name, "\n", string(step, "op"), profileText(name)), "box",
         location(step));
    forEach(step, "reads", [&](const Value &buffer) {
      auto writer =
          lastWriter.find(root(buffer.isInteger() ? buffer.integer : -1));
      if (writer != lastWriter.end())
        edge(writer->second, id);
    });
    forEach(step, "writes", [&](const Value &buffer) {
      if (buffer.isInteger())
        lastWriter[root(buffer.integer)] = id;
    });
  });
  for (const Value *output : outputs) {
    const int64_t id = integer(*output, "id");
    node(text("b", id), text(string(*output, "name"), "\n", typeText(*output)),
         "ellipse");
    if (auto writer = lastWriter.find(id); writer != lastWriter.end())
      edge(writer->second, text("b", id));
  }
  out_ += "}\n";
}

std::string DotWriter::write() {
  const Value *graphs = nullptr, *programs = nullptr;
  forEach(dump_.root(), "stages", [&](const Value &stage) {
    if (const Value *found = member(stage, "graphs"))
      graphs = found;
    if (const Value *found = member(stage, "programs"))
      programs = found;
  });
  out_ = text("digraph ", quoted(string(dump_.root(), "name")),
              " {\nrankdir=TB;\nnode [fontsize=10];\n");
  if (graphs && graphs->isArray())
    for (const Value &graph : dump_.childrenOf(*graphs))
      writeGraph(graph);
  if (programs && programs->isArray())
    for (const Value &program : dump_.childrenOf(*programs))
      writeProgram(program);
  return out_ + edges_ + "}\n";
}

} // namespace

std::string writeDot(const Document &dump, const asgc_program &program) {
  return DotWriter(dump, program).write();
}

} // namespace asgc::rt
