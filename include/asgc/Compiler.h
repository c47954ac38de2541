//===- Compiler.h - From a model text to a program, without MLIR ----------===//
#ifndef ASGC_COMPILER_H
#define ASGC_COMPILER_H

#include "asgc/OnnxFiles.h"
#include "asgc/Recipe.h"
#include "asgc/Stretch.h"
#include "asgc/Support.h"
#include "asgc/TileTable.h"
#include "asgc/runtime.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asgc {

/// What a compilation is asked for. All defaults give the whole program,
/// optimized, for this machine.
struct CompileOptions {
  std::string model;                 ///< of several in a file; empty: the recipe's
  std::vector<std::string> settings; ///< `--set`: "epochs=40", "optimizer.lr=1e-3"
  std::vector<std::string> dims;     ///< `--dim`: "batch=64" fixes a run-time dim
  bool inferOnly = false;            ///< no train_step, no eval_step
  /// Adds the entry `grad`: infer's inputs, then a cotangent for each floating
  /// output, to the gradients of Σ output · cotangent.
  bool wantsGradients = false;
  int optimize = 2;                  ///< 0: no fusion, for comparison
  /// Instruction sets to make code for (ASGC_ISA_*); empty: all of them.
  std::vector<int32_t> isas;
  bool cpu = true;                   ///< make code for the CPU
  bool vulkan = false;               ///< make shaders for Vulkan devices
  bool splitsF32 = false;            ///< see DeviceOptions
  bool addsAtomically = false;       ///< see DeviceOptions
  std::vector<TileTime> tileTimes;   ///< the same
  std::optional<DeviceTile> onlyTile; ///< the same
  /// The arena comes in blocks of at most so many bytes for devices that give
  /// no more in one piece, a multiple of 64; 0: of 2 GiB.
  int64_t blockBytes = 0;
  /// The type of products in `infer`, as asg-mixed-precision makes them: "f16",
  /// "bf16"; empty: that of their factors.
  std::string precision;
  bool poison = false;               ///< fill dead buffers with NaN
  bool stripMetadata = false;        ///< leave graph and plan out of the program
  std::vector<std::string> remarks;  ///< "fusion", "memory"
  std::string after;                 ///< stop after this pass
  std::string dumpFolder;            ///< write the IR after every pass there
  bool wantsSnapshots = false;       ///< keep the IR of every pass for `json`
  /// Given the names of the inputs of an ONNX model, what values are known of
  /// them; see OnnxOptions::inputs.
  std::function<std::map<std::string, Array>(const std::vector<std::string> &)>
      inputs;
};

/// A form that a compilation can be printed in.
enum class Emit {
  Asg,  ///< tensor ops as text
  Plan, ///< buffers and kernels as text
  Llvm, ///< LLVM IR
  Spirv, ///< the shaders for Vulkan devices
  Asm,  ///< assembly
  Obj,  ///< a relocatable object
  Dot,  ///< the graph of the last stage reached, for Graphviz
  Json  ///< every stage, in the format of docs/json.md
};

/// The form called `name` ("plan"); nothing if there is none.
std::optional<Emit> parseEmit(std::string_view name);
/// The names of all forms.
const std::vector<std::string> &emitNames();

/// The categories of remarks: "fusion", "memory".
const std::vector<std::string> &remarkNames();

/// The value of a parameter or a state of a model text.
struct TextWeight {
  NamedView value;
  bool isTransposed =
      false; ///< `value` is a matrix whose axes are to be swapped
  /// What of `value` it is, one after the other; empty: all of it.
  std::vector<Stretch> stretches = {};
  std::vector<int64_t> shape = {}; ///< of the stretches
};

/// A model as a text of the language, and what it needs besides.
struct ModelText {
  std::string text;                 ///< as `asgc fmt` writes it
  std::vector<TextWeight> weights;  ///< values of its parameters and states
  std::vector<std::string> missing; ///< variables that no value was given for
  /// Inputs, outputs and dims that took another name: old and new.
  std::vector<std::pair<std::string, std::string>> renamed;
};

/// A variable of a model.
struct ModelVariable {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  /// A parameter or a state, which files of weights hold; not what only
  /// training has: moments, step, seed.
  bool isWeight = false;
};

/// How a graph is kept in a file.
enum class GraphForm {
  Text,     ///< MLIR's textual form
  Bytecode, ///< MLIR's bytecode, which newer versions read
  Json      ///< the dump of docs/json.md, whole
};

/// How long a pass took.
struct PassTime {
  std::string pass;
  double seconds = 0;
};

/// A program compiled into this process.
class LinkedProgram {
public:
  virtual ~LinkedProgram();
  /// Alive as long as this object.
  virtual const asgc_program_desc &description() const = 0;
};

/// One model on its way from text to program. Stages run when they are first
/// needed, and once. After a failure nothing but the diagnostics may be asked for.
class Compilation {
public:
  explicit Compilation(CompileOptions options);
  ~Compilation();
  Compilation(const Compilation &) = delete;

  /// Reads and elaborates the model text at `path`, imports the ONNX model
  /// there if it is called `.onnx`, or reads asg IR, text, bytecode or JSON, if
  /// it is called `.mlir`, `.mlirbc` or `.json`. A fault with an empty message
  /// means that the diagnostics say what is wrong; here and below.
  MaybeFault load(const std::string &path);
  /// The same for a text in memory; `path` stands in messages.
  MaybeFault loadText(const std::string &path, std::string text);

  /// Whether the passes over asg find no fault: shapes and gradients.
  MaybeFault check();
  /// Compiles as far as `form` needs and prints it.
  Result<std::string> emit(Emit form);
  /// The module as it is, for a file that `load` reads.
  Result<std::string> serialize(GraphForm form);
  /// Writes the graph @infer as a model text with a model called `name`; `values`
  /// are those of the module's variables. Unsupported lists what the language
  /// cannot say. The module is of no more use then.
  Result<ModelText> toText(const std::string &name,
                           const std::vector<NamedView> &values);
  /// Writes the entry `entry` (infer, train_step) as an ONNX model; `values`
  /// are those of the module's variables. The module is of no more use then.
  Result<OnnxFiles> toOnnx(const std::string &entry,
                           const std::vector<NamedView> &values,
                           const OnnxExportOptions &options);
  /// Puts `weights`, the bytes of a safetensors file, into the program; before
  /// code is made.
  void embed(std::string weights);
  /// Relocatable objects that together define `<name>_program`.
  Result<std::vector<std::string>> makeObjects();
  /// The same objects, linked into this process.
  Result<std::unique_ptr<LinkedProgram>> link();

  /// Lowers the module to the plan: its products, each shape once, at the
  /// bounds of run-time dims.
  Result<std::vector<ProductShape>> products();

  /// The `train` block's settings; null if the file has none for the model.
  const Recipe *recipe() const;
  /// The variables of the model as it was loaded, in its order.
  std::vector<ModelVariable> variables() const;
  /// Values of the parameters that the model came with; an ONNX model has all.
  const std::vector<NamedView> &weights() const;
  /// Inputs and outputs whose integers the program carries by wider ones, and
  /// their types in the ONNX model.
  const std::map<std::string, ElementType> &carried() const;
  /// The model's name.
  std::string name() const;

  SourceManager &sources();
  const DiagnosticEngine &diagnostics() const;
  /// Remarks of the categories asked for, one line each.
  const std::vector<std::string> &remarks() const;
  /// The time of each pass and stage so far, in order.
  const std::vector<PassTime> &times() const;
  /// What reproduces a failure of the compiler itself: the IR before the pass
  /// that failed, with its name; empty if none did.
  const std::string &reproducer() const;

private:
  class State;
  std::unique_ptr<State> state;
};

/// The tiles that products on a Vulkan device may have.
std::vector<DeviceTile> deviceTiles();

/// The best instruction set of this machine (ASGC_ISA_*); -1 if it has none.
int32_t bestIsa();

/// Checks IR (asg or plan), text or bytecode: parses and verifies it.
MaybeFault checkIr(const std::string &path, std::vector<std::string> *messages);

/// The names of all passes, in pipeline order.
std::vector<std::string> passNames();

} // namespace asgc

#endif
