//===- OnnxTest.cpp - What an ONNX model may not be -----------------------===//
#include "asgc/Interop.h"

#include "mlir/IR/MLIRContext.h"

#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

using namespace asgc;

namespace {

/// A model of one input x of f32 and one output y, to be filled.
onnx::ModelProto makeModel(std::vector<int64_t> shape) {
  onnx::ModelProto model;
  model.add_opset_import()->set_version(17);
  auto *input = model.mutable_graph()->add_input();
  input->set_name("x");
  auto *type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape();
  for (int64_t extent : shape)
    type->mutable_shape()->add_dim()->set_dim_value(extent);
  model.mutable_graph()->add_output()->set_name("y");
  return model;
}

onnx::NodeProto &addNode(onnx::GraphProto &graph, const std::string &op,
                         std::vector<std::string> inputs,
                         std::vector<std::string> outputs) {
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type(op);
  for (const std::string &input : inputs)
    node.add_input(input);
  for (const std::string &output : outputs)
    node.add_output(output);
  return node;
}

void addIntegers(onnx::ModelProto &model, const std::string &name,
                 std::vector<int64_t> values, bool isScalar = false) {
  auto *tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  if (!isScalar)
    tensor->add_dims(int64_t(values.size()));
  for (int64_t value : values)
    tensor->add_int64_data(value);
}

Result<OnnxModel> parse(const std::string &bytes) {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return parseOnnx(
      {reinterpret_cast<const std::byte *>(bytes.data()), bytes.size()},
      "m.onnx", context);
}

std::string faultOf(const onnx::ModelProto &model) {
  auto result = parse(model.SerializeAsString());
  return result ? "" : result.fault().message;
}

} // namespace

TEST_SUITE("ONNX import") {
  TEST_CASE("a good model is imported") {
    onnx::ModelProto model = makeModel({2, 3});
    addNode(*model.mutable_graph(), "Relu", {"x"}, {"y"});
    CHECK(faultOf(model) == "");
  }

  TEST_CASE("a file that ends early is refused with the offset") {
    onnx::ModelProto model = makeModel({2, 3});
    addNode(*model.mutable_graph(), "Relu", {"x"}, {"y"});
    std::string bytes = model.SerializeAsString();
    auto result = parse(bytes.substr(0, bytes.size() - 30));
    REQUIRE(!result);
    CHECK(result.fault().kind == FaultKind::Input);
    CHECK(result.fault().message.find("m.onnx: a field of ") == 0);
    CHECK(result.fault().message.find("(offset ") != std::string::npos);
  }

  TEST_CASE("a loop without an end is refused") {
    onnx::ModelProto model = makeModel({2});
    addIntegers(model, "count", {INT64_MAX}, true);
    auto &node =
        addNode(*model.mutable_graph(), "Loop", {"count", "", "x"}, {"y"});
    auto *body = node.add_attribute();
    body->set_name("body");
    for (const char *name : {"i", "go", "v"})
      body->mutable_g()->add_input()->set_name(name);
    for (const char *name : {"go", "v"})
      body->mutable_g()->add_output()->set_name(name);
    CHECK(faultOf(model).find("more than 65536 steps") != std::string::npos);
  }

  TEST_CASE("an extent below zero is refused") {
    onnx::ModelProto model = makeModel({2});
    addIntegers(model, "shape", {-2});
    addNode(*model.mutable_graph(), "Reshape", {"x", "shape"}, {"y"});
    CHECK(faultOf(model).find("an extent would be -2") != std::string::npos);
  }

  TEST_CASE("a weight that is larger than its data is refused") {
    onnx::ModelProto model = makeModel({2});
    addIntegers(model, "shape", {1});
    model.mutable_graph()->mutable_initializer(0)->set_dims(0, int64_t(1)
                                                                   << 40);
    addNode(*model.mutable_graph(), "Reshape", {"x", "shape"}, {"y"});
    CHECK(faultOf(model).find("wants more elements than are there") !=
          std::string::npos);
  }

  TEST_CASE("external data is refused from memory") {
    onnx::ModelProto model = makeModel({2});
    addIntegers(model, "w", {1});
    auto *entry =
        model.mutable_graph()->mutable_initializer(0)->add_external_data();
    entry->set_key("location");
    entry->set_value("../../secret");
    CHECK(faultOf(model).find("is external data") != std::string::npos);
  }

  TEST_CASE("what is not supported is listed at once") {
    onnx::ModelProto model = makeModel({2});
    addNode(*model.mutable_graph(), "Frobnicate", {"x"}, {"a"});
    addNode(*model.mutable_graph(), "Unique", {"a"}, {"y"});
    auto result = parse(model.SerializeAsString());
    REQUIRE(!result);
    CHECK(result.fault().kind == FaultKind::Unsupported);
    CHECK(result.fault().message == "m.onnx: 2 operators are not supported: "
                                    "Frobnicate (1: a); Unique (1: y)");
  }

  TEST_CASE("a run-time dim goes through shape arithmetic") {
    onnx::ModelProto model = makeModel({0, 6});
    model.mutable_graph()
        ->mutable_input(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(0)
        ->set_dim_param("batch size");
    addIntegers(model, "zero", {0});
    addIntegers(model, "rest", {-1, 3});
    auto &graph = *model.mutable_graph();
    addNode(graph, "Shape", {"x"}, {"shape"});
    addNode(graph, "Gather", {"shape", "zero"}, {"batch"});
    auto *axis =
        addNode(graph, "Concat", {"batch", "rest"}, {"wanted"}).add_attribute();
    axis->set_name("axis");
    axis->set_i(0);
    addNode(graph, "Reshape", {"x", "wanted"}, {"y"});
    auto result = parse(model.SerializeAsString());
    REQUIRE(result);
    std::string text;
    llvm::raw_string_ostream stream(text);
    result->module->print(stream);
    CHECK(text.find("tensor<?x2x3xf32, #asg.dims<batch_size, 2, 3>>") !=
          std::string::npos);
  }
}
