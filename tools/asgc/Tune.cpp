//===- Tune.cpp - asgc tune: how long a device takes with each tile -------===//
#include "EntryRun.h"
#include "Model.h"
#include "Output.h"
#include "TileFile.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace asgc::cli {

namespace {

struct TuneOptions {
  ModelFlags model; ///< its file may be empty
  std::vector<std::string> sizes;
  double seconds = 0.1;
  std::string output; ///< empty: standard output
};

using Clock = std::chrono::steady_clock;

/// A product that does not reach this size in each direction is none for a
/// matrix unit.
constexpr int64_t kUnit = 16;
constexpr int64_t kMostExtent = 65536;

/// "M,N,K" or "BATCH,M,N,K"; nothing if the text is neither.
std::optional<ProductShape> parseShape(std::string_view text) {
  std::vector<int64_t> extents;
  for (const char *at = text.data(), *end = at + text.size();; ++at) {
    int64_t extent = 0;
    auto [stop, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || extent < 1 || extent > kMostExtent)
      return std::nullopt;
    extents.push_back(extent);
    at = stop;
    if (at == end)
      break;
    if (*at != ',')
      return std::nullopt;
  }
  if (extents.size() == 3)
    extents.insert(extents.begin(), 1);
  if (extents.size() != 4)
    return std::nullopt;
  return ProductShape{extents[0], extents[1], extents[2], extents[3]};
}

std::string describe(const ProductShape &shape) {
  return fmt::format("{},{},{},{}", shape.batch, shape.m, shape.n, shape.k);
}
std::string describe(const DeviceTile &tile) {
  return fmt::format("{}x{}x{}{}", tile.rows, tile.columns, tile.depth,
                     tile.usesUnit ? " by matrix units" : "");
}

/// The product of `shape` as a model; matrix units multiply f16.
std::string modelOf(const ProductShape &shape, bool isHalf) {
  return fmt::format(
      "model product(a: {0}[{1}, {2}, {4}], b: {0}[{1}, {4}, {3}])"
      " -> {0}[{1}, {2}, {3}] {{\n  return a @ b\n}}\n",
      isHalf ? "f16" : "f32", shape.batch, shape.m, shape.n, shape.k);
}

/// Whole numbers so small that every sum of products is exact, in any order:
/// then a tile computes either the very numbers or others.
Array makeFactor(ElementType type, std::vector<int64_t> shape, uint32_t seed) {
  Array array{type, std::move(shape), {}};
  array.data.resize(size_t(arrayBytes(type, array.shape).value_or(0)));
  std::vector<double> values(size_t(array.elements()));
  for (double &value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = double(seed >> 29) - 4;
  }
  storeElements(type, values, array.data.data());
  return array;
}

class Tuner {
public:
  Tuner(const TuneOptions &options, const Session &session)
      : options(options), session(session), onCpu(session.settings) {
    onCpu.setFlag("device", "cpu");
  }

  /// Measures `shape` with every tile.
  MaybeFault measure(const ProductShape &shape);

  TileTable table;

private:
  Result<std::unique_ptr<Execution>>
  make(const ProductShape &shape, std::optional<DeviceTile> tile, bool isHalf);
  MaybeFault measure(const ProductShape &shape, const DeviceTile &tile,
                     const ArrayMap &factors,
                     const std::vector<NamedArray> &expected);

  const TuneOptions &options;
  const Session &session;
  Settings onCpu;
};

/// The product on the CPU or, with a tile, on the device.
Result<std::unique_ptr<Execution>> Tuner::make(const ProductShape &shape,
                                               std::optional<DeviceTile> tile,
                                               bool isHalf) {
  CompileOptions compile = hostOptions(ModelFlags(), session);
  compile.inferOnly = compile.stripMetadata = true;
  compile.cpu = !tile;
  compile.vulkan = tile.has_value();
  compile.onlyTile = tile;
  compile.tileTimes.clear();
  Compilation compilation(compile);
  if (MaybeFault fault =
          compilation.loadText("product.asg", modelOf(shape, isHalf)))
    return *fault;
  return Execution::create(compilation, tile ? session.settings : onCpu, false,
                           /*isProbe=*/true);
}

MaybeFault Tuner::measure(const ProductShape &shape) {
  for (bool isHalf : {false, true}) {
    if (isHalf && std::min({shape.m, shape.n, shape.k}) < kUnit)
      continue;
    ElementType type = isHalf ? ElementType::F16 : ElementType::F32;
    ArrayMap factors = {
        {"a", makeFactor(type, {shape.batch, shape.m, shape.k}, 1)},
        {"b", makeFactor(type, {shape.batch, shape.k, shape.n}, 2)}};
    auto reference = make(shape, std::nullopt, isHalf);
    if (!reference)
      return reference.fault();
    auto expected = (*reference)->run("infer", factors);
    if (!expected)
      return expected.fault();
    for (const DeviceTile &tile : deviceTiles())
      if (tile.usesUnit == isHalf)
        if (MaybeFault fault = measure(shape, tile, factors, *expected))
          return fault;
  }
  return std::nullopt;
}

MaybeFault Tuner::measure(const ProductShape &shape, const DeviceTile &tile,
                          const ArrayMap &factors,
                          const std::vector<NamedArray> &expected) {
  auto execution = make(shape, tile, tile.usesUnit);
  if (!execution && tile.usesUnit &&
      execution.fault().kind == FaultKind::Environment) {
    say("{} {}: not here ({})", describe(shape), describe(tile),
        execution.fault().message);
    return std::nullopt;
  }
  if (!execution)
    return execution.fault();
  asgc_program *handle = (*execution)->handle();
  if (const asgc_vulkan_device *device = asgc_program_device(handle))
    table.device = device->name, table.driver = device->driver;
  auto found = (*execution)->run("infer", factors);
  if (!found)
    return found.fault();
  if (found->front().array.data != expected.front().array.data)
    return Fault{FaultKind::Internal,
                 fmt::format("the product {} in tiles of {} is not what the "
                             "CPU computes; nothing was written",
                             describe(shape), describe(tile))};
  auto entry = EntryRun::create(**execution, "infer");
  if (!entry)
    return entry.fault();
  double best = 0;
  auto start = Clock::now();
  for (int round = 0;
       round < 3 ||
       std::chrono::duration<double>(Clock::now() - start).count() <
           options.seconds;
       ++round) {
    asgc_program_profile(handle, 1); // from zero
    if (MaybeFault fault = (*entry)->start())
      return fault;
    if (MaybeFault fault = (*entry)->wait())
      return fault;
    double seconds = 0;
    for (int32_t i = 0; i < asgc_program_num_kernels(handle); ++i)
      if (asgc_profile_entry line;
          asgc_program_profile_entry(handle, i, &line) == ASGC_OK)
        seconds += line.seconds;
    best = round == 0 ? seconds : std::min(best, seconds);
  }
  if (!(best > 0))
    return Fault{FaultKind::Environment,
                 "the device measures no time, so there is nothing to tune"};
  table.times.push_back({shape, tile, best * 1e6});
  say("{} {}: {:.1f} us", describe(shape), describe(tile), best * 1e6);
  return std::nullopt;
}

/// What is measured if nothing is asked for: squares, and the long and flat
/// ones that layers have. A device that is a processor gets small ones.
std::vector<ProductShape> commonShapes(bool isProcessor) {
  if (isProcessor)
    return {{1, 64, 64, 64}, {1, 128, 128, 128}, {1, 32, 256, 64}};
  return {{1, 256, 256, 256},    {1, 512, 512, 512},    {1, 1024, 1024, 1024},
          {1, 2048, 2048, 2048}, {1, 4096, 4096, 4096}, {1, 64, 4096, 1024},
          {1, 64, 1024, 4096},   {96, 512, 512, 64},    {1, 4096, 768, 3072}};
}

bool isProcessor() {
  bool result = false;
  asgc_vulkan_devices(
      [](void *user, const asgc_vulkan_device *device) {
        if (device->is_chosen && std::string_view(device->kind) == "CPU")
          *static_cast<bool *>(user) = true;
      },
      &result);
  return result;
}

int act(const TuneOptions &options, const Session &session) {
  if (session.settings.device() == ASGC_DEVICE_CPU) {
    complain("the tiles of the CPU are not tuned; give --device vulkan");
    return ExitUsage;
  }
  std::vector<ProductShape> shapes;
  for (const std::string &text : options.sizes)
    shapes.push_back(*parseShape(text));
  if (!options.model.file.empty()) {
    CompileOptions compile = hostOptions(options.model, session);
    Compilation compilation(compile);
    if (auto code = loadModel(compilation, options.model, session))
      return *code;
    auto found = compilation.products();
    if (!found)
      return reportCompilation(compilation, found.fault(), session);
    if (found->empty())
      return reportFault(
          {FaultKind::Input,
           fmt::format("{}: the model has no products", options.model.file)});
    shapes.insert(shapes.end(), found->begin(), found->end());
  }
  if (shapes.empty())
    shapes = commonShapes(isProcessor());
  std::sort(shapes.begin(), shapes.end());
  shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
  Tuner tuner(options, session);
  for (const ProductShape &shape : shapes)
    if (MaybeFault fault = tuner.measure(shape))
      return reportFault(*fault);
  const std::string text = tileTableToJson(tuner.table);
  if (options.output.empty()) {
    printText(text);
    return ExitOk;
  }
  if (MaybeFault fault = writeFile(options.output, text))
    return reportFault(*fault);
  return ExitOk;
}

} // namespace

void addTune(CLI::App &app, Session &session) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App *verb = addVerb(
      app, "tune", "Measure a Vulkan device, for --device-table",
      "asgc tune --device vulkan -o device.json\n"
      "asgc tune gpt.asg --device vulkan --size 4096,4096,4096 -o device.json\n"
      "asgc compile gpt.asg --target=vulkan --device-table device.json");
  addModelFlags(verb, options->model);
  verb->get_option("MODEL")->required(false);
  verb->add_option("--size", options->sizes,
                   "A product to measure: [m, k] by [k, n], BATCH times (1)")
      ->option_text("[BATCH,]M,N,K")
      ->expected(1)
      ->take_all()
      ->check([](const std::string &text) -> std::string {
        if (parseShape(text))
          return "";
        return fmt::format(
            "expected M,N,K or BATCH,M,N,K, each from 1 to {}, got '{}'",
            kMostExtent, text);
      });
  verb->add_option("--seconds", options->seconds,
                   "How long each tile runs (0.1)")
      ->option_text("N")
      ->check(CLI::Range(0.001, 3600.0));
  verb->add_option("-o,--output", options->output,
                   "The file to write; standard output by default")
      ->option_text("FILE");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
