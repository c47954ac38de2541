//===- OnnxTest.cpp - What an ONNX model may not be -----------------------===//
#include "asgc/Interop.h"
#include "asgc/Interpreter.h"

#include "test/unit/data/TempFolder.h"

#include "mlir/IR/MLIRContext.h"

#include <cstring>
#include <doctest/doctest.h>
#include <google/protobuf/unknown_field_set.h>
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

mlir::MLIRContext &sharedContext() {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return context;
}

Result<OnnxModel> parse(const std::string &bytes) {
  return parseOnnx(
      {reinterpret_cast<const std::byte *>(bytes.data()), bytes.size()},
      "m.onnx", sharedContext());
}

std::string faultOf(const onnx::ModelProto &model) {
  auto result = parse(model.SerializeAsString());
  return result ? "" : result.fault().message;
}

/// y = x + large, z = −small; `seed` tells models apart.
onnx::ModelProto makeWeighted(float seed) {
  onnx::ModelProto model = makeModel({20'000});
  for (auto [name, count] :
       {std::pair("small", 1000), std::pair("large", 20'000)}) {
    std::vector<float> values(size_t(count), seed);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] += float(i);
    auto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    tensor->add_dims(count);
    tensor->set_raw_data(values.data(), values.size() * sizeof(float));
  }
  addNode(*model.mutable_graph(), "Add", {"x", "large"}, {"y"});
  addNode(*model.mutable_graph(), "Neg", {"small"}, {"z"});
  model.mutable_graph()->add_output()->set_name("z");
  return model;
}

/// Whether `weights` are those of `model`, bit for bit.
void checkWeights(const std::vector<NamedView> &weights,
                  const onnx::ModelProto &model) {
  REQUIRE(weights.size() == 2);
  for (const onnx::TensorProto &tensor : model.graph().initializer()) {
    auto found =
        std::find_if(weights.begin(), weights.end(), [&](const NamedView &w) {
          return w.name == tensor.name();
        });
    REQUIRE(found != weights.end());
    CHECK(found->shape == std::vector<int64_t>{tensor.dims(0)});
    REQUIRE(found->data.size() == tensor.raw_data().size());
    CHECK(std::memcmp(found->data.data(), tensor.raw_data().data(),
                      found->data.size()) == 0);
  }
}

void setType(onnx::ModelProto &model, onnx::TensorProto::DataType type) {
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->set_elem_type(type);
}

/// The first output of a model of one input.
std::vector<int64_t> evaluate(const onnx::ModelProto &model,
                              const Array &input) {
  auto result = parse(model.SerializeAsString());
  REQUIRE_MESSAGE(result, faultOf(model));
  auto graph = *result->module->getOps<asg::GraphOp>().begin();
  auto outputs = interpret(graph, {*toHostTensor(input)});
  REQUIRE(mlir::succeeded(outputs));
  const HostTensor &output = outputs->outputs[0];
  std::vector<int64_t> values;
  for (int64_t i = 0; i < output.numElements(); ++i)
    values.push_back(output.getInteger(i));
  return values;
}

Array bytes(std::vector<int64_t> shape, std::vector<uint8_t> values) {
  Array array{ElementType::U8, std::move(shape), {}};
  for (uint8_t value : values)
    array.data.push_back(std::byte(value));
  return array;
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

  TEST_CASE("a constant with two outputs, or none, is refused") {
    for (std::vector<std::string> outputs :
         {std::vector<std::string>{"y", "z"}, std::vector<std::string>()}) {
      onnx::ModelProto model = makeModel({2, 3});
      addNode(*model.mutable_graph(), "Constant", {}, outputs);
      CHECK(faultOf(model).find("a constant has one output, not " +
                                std::to_string(outputs.size())) !=
            std::string::npos);
    }
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
    CHECK(faultOf(model).find("it would never end") != std::string::npos);
    // With a row of results for each step it would have to be unrolled.
    body->mutable_g()->add_output()->set_name("v");
    node.add_output("rows");
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

  TEST_CASE("u8 and u16 wrap around") {
    onnx::ModelProto model = makeModel({4});
    setType(model, onnx::TensorProto::UINT8);
    addNode(*model.mutable_graph(), "Add", {"x", "x"}, {"z"});
    addNode(*model.mutable_graph(), "Sub", {"z", "x"}, {"y"});
    CHECK(evaluate(model, bytes({4}, {0, 3, 200, 255})) ==
          std::vector<int64_t>{0, 3, 200, 255});
    model.mutable_graph()->mutable_node(1)->set_op_type("Mul");
    CHECK(evaluate(model, bytes({4}, {0, 3, 200, 255})) ==
          std::vector<int64_t>{0, 18, 128, 2}); // (2 x mod 256) x mod 256
    setType(model, onnx::TensorProto::UINT16);
    CHECK(evaluate(model, {ElementType::U16,
                           {4},
                           {std::byte(0), std::byte(1), std::byte(255),
                            std::byte(255), std::byte(2), std::byte(0),
                            std::byte(0), std::byte(128)}}) ==
          std::vector<int64_t>{0, 2, 8, 0}); // of 256, 65535, 2, 32768
  }

  TEST_CASE("running sums of u32 wrap around") {
    onnx::ModelProto model = makeModel({3});
    setType(model, onnx::TensorProto::UINT32);
    addIntegers(model, "axis", {0}, true);
    addNode(*model.mutable_graph(), "CumSum", {"x", "axis"}, {"y"});
    Array input{ElementType::U32, {3}, std::vector<std::byte>(12)};
    storeElements(ElementType::U32, std::vector<double>{4294967295.0, 2, 3},
                  input.data.data());
    CHECK(evaluate(model, input) == std::vector<int64_t>{4294967295, 1, 4});
  }

  TEST_CASE("a cast to i16 keeps the low bits") {
    onnx::ModelProto model = makeModel({3});
    setType(model, onnx::TensorProto::INT32);
    auto &node = addNode(*model.mutable_graph(), "Cast", {"x"}, {"y"});
    auto *to = node.add_attribute();
    to->set_name("to");
    to->set_i(onnx::TensorProto::INT16);
    Array input{ElementType::I32, {3}, std::vector<std::byte>(12)};
    storeElements(ElementType::I32, std::vector<double>{-5, 40000, 65536},
                  input.data.data());
    CHECK(evaluate(model, input) == std::vector<int64_t>{-5, -25536, 0});
  }

  TEST_CASE("an operator that says nothing of u8 refuses it") {
    onnx::ModelProto model = makeModel({2});
    setType(model, onnx::TensorProto::UINT8);
    addNode(*model.mutable_graph(), "Relu", {"x"}, {"y"});
    CHECK(faultOf(model) == "m.onnx: node 'y' (Relu): elements of type u8 are "
                            "not supported");
    setType(model, onnx::TensorProto::UINT64);
    CHECK(faultOf(model) ==
          "m.onnx: input 'x': elements of type u64 are not supported");
  }

  TEST_CASE("sums of products of bytes are exact beyond 2^24") {
    // 575 · 255 · 127 + 254 · 127, which is odd.
    onnx::ModelProto model = makeModel({1, 64, 3, 3});
    setType(model, onnx::TensorProto::UINT8);
    auto *weight = model.mutable_graph()->add_initializer();
    weight->set_name("w");
    weight->set_data_type(onnx::TensorProto::INT8);
    for (int64_t extent : {1, 64, 3, 3})
      weight->add_dims(extent);
    weight->set_raw_data(std::string(576, char(127)));
    addNode(*model.mutable_graph(), "ConvInteger", {"x", "w"}, {"y"});
    std::vector<uint8_t> image(576, 255);
    image[100] = 254;
    CHECK(evaluate(model, bytes({1, 64, 3, 3}, image)) ==
          std::vector<int64_t>{18653633});
  }

  TEST_CASE(
      "large weights keep their bits, and outlive the bytes they lay in") {
    onnx::ModelProto model = makeWeighted(0.5f);
    auto result = [&] { return parse(model.SerializeAsString()); }();
    REQUIRE_MESSAGE(result, faultOf(model));
    checkWeights(result->weights, model);
  }

  TEST_CASE("a large weight of another size than its shape is refused") {
    onnx::ModelProto model = makeWeighted(0.5f);
    model.mutable_graph()->mutable_initializer(1)->set_dims(0, 19'999);
    CHECK(faultOf(model).find("tensor 'large': its data do not fit the shape "
                              "[19999] of f32") != std::string::npos);
  }

  TEST_CASE("of weights written twice the last ones count, as in protobuf") {
    onnx::ModelProto model = makeWeighted(0.5f), other = makeWeighted(8.0f);
    // Messages one after another are one, whose graphs are joined; a tensor
    // that gives its data again does not have the first ones.
    onnx::ModelProto both = model;
    both.mutable_graph()->clear_initializer();
    std::string bytes = both.SerializeAsString();
    onnx::GraphProto weights;
    for (int i = 0; i < 2; ++i) {
      onnx::TensorProto again;
      again.set_raw_data(other.graph().initializer(i).raw_data());
      std::string tensor = model.graph().initializer(i).SerializeAsString() +
                           again.SerializeAsString();
      weights.mutable_unknown_fields()->AddLengthDelimited(5, tensor);
    }
    onnx::ModelProto more;
    more.mutable_unknown_fields()->AddLengthDelimited(
        7, weights.SerializeAsString());
    auto result = parse(bytes + more.SerializeAsString());
    REQUIRE(result);
    checkWeights(result->weights, other);
  }
}

TEST_SUITE("ONNX export") {
  TEST_CASE("weights too large for the model go to a file beside it") {
    onnx::ModelProto model = makeWeighted(0.5f);
    auto original = parse(model.SerializeAsString());
    REQUIRE(original);
    OnnxExportOptions options{.dataFile = "m.onnx.data", .maxInline = 80'000};
    auto files =
        exportOnnx(*original->module, "infer", original->weights, options);
    REQUIRE(files);
    REQUIRE(files->data.size() == 2);
    CHECK(files->model.size() < 1000);
    test::TempFolder folder;
    std::string data;
    for (const OnnxDataPart &part : files->data) {
      CHECK(part.offset % 4096 == 0);
      REQUIRE(part.offset >= int64_t(data.size()));
      data.resize(size_t(part.offset));
      data.append(reinterpret_cast<const char *>(part.value.data.data()),
                  part.value.data.size());
    }
    std::string path = folder.write("m.onnx", files->model);
    folder.write("m.onnx.data", data);
    auto again = importOnnx(path, sharedContext());
    REQUIRE(again);
    checkWeights(again->weights, model);

    folder.write("m.onnx.data", data.substr(0, data.size() - 1));
    auto cut = importOnnx(path, sharedContext());
    REQUIRE(!cut);
    CHECK(cut.fault().message.find("of 'm.onnx.data', which has") !=
          std::string::npos);
  }

  TEST_CASE("weights that fit stay in the model") {
    auto original = parse(makeWeighted(0.5f).SerializeAsString());
    REQUIRE(original);
    OnnxExportOptions options{.dataFile = "m.onnx.data", .maxInline = 84'000};
    auto files =
        exportOnnx(*original->module, "infer", original->weights, options);
    REQUIRE(files);
    CHECK(files->data.empty());
    CHECK(files->model.size() > 84'000);
  }
}
