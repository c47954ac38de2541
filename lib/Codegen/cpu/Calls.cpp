//===- Calls.cpp - Calls of the runtime's library -------------------------===//
#include "ProgramEmitter.h"
#include "Tables.h"

#include "dialects/asg/Asg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::cpu;

namespace {
RankedTensorType tensorOf(Value buffer) {
  return cast<plan::BufferType>(buffer.getType()).getTensor();
}

int32_t dtype(Value buffer) {
  return *dtypeOf(tensorOf(buffer).getElementType());
}

/// The parameters of each function of abi.def, as they stand there.
struct AbiFunction {
  const char *name, *parameters;
};
constexpr AbiFunction kAbi[] = {
#define ASGC_ABI(name, ...) {#name, #__VA_ARGS__},
#include "asgc/abi.def"
};

void copy(ArrayRef<int64_t> from, int64_t *to) {
  std::copy(from.begin(), from.end(), to);
}
} // namespace

/// The type of a function of abi.def; null if there is none of this name.
LLVM::LLVMFunctionType cpu::abiType(MLIRContext *context, StringRef name) {
  for (const AbiFunction &function : kAbi) {
    if (name != function.name)
      continue;
    SmallVector<Type> types;
    SmallVector<StringRef> parameters;
    StringRef(function.parameters).split(parameters, ',');
    for (StringRef parameter : parameters) {
      StringRef kind = parameter.trim();
      if (kind.starts_with("I32"))
        types.push_back(IntegerType::get(context, 32));
      else if (kind.starts_with("I64"))
        types.push_back(IntegerType::get(context, 64));
      else
        types.push_back(LLVM::LLVMPointerType::get(context));
    }
    return LLVM::LLVMFunctionType::get(IntegerType::get(context, 32), types);
  }
  return {};
}

//===- Operands and descriptors -------------------------------------------===//

/// The variable whose memory a buffer is, or -1.
int32_t ProgramEmitter::variableIndex(Value buffer) {
  auto variable = dyn_cast_or_null<plan::VariableOp>(
      plan::getRootBuffer(buffer).getDefiningOp());
  return variable ? variableIndices.lookup(variable.getVariable()) : -1;
}

Value ProgramEmitter::offsetPointer(Entry &entry, Value buffer,
                                    const DimExpr &offset) {
  int64_t bytes = std::max(
      1u, tensorOf(buffer).getElementType().getIntOrFloatBitWidth() / 8);
  return code->address(pointerOf(entry, buffer), code->extent(offset), bytes);
}

/// The address of a constant that holds the bytes of `desc`, zero for buffers
/// that are left out.
template <typename Desc> Value ProgramEmitter::descriptor(const Desc &desc) {
  return descriptor({reinterpret_cast<const char *>(&desc), sizeof(Desc)},
                    alignof(Desc));
}

Value ProgramEmitter::descriptor(StringRef bytes, int64_t alignment) {
  std::string symbol = symbolFor("desc");
  OpBuilder outside(builder.getContext());
  outside.setInsertionPointToStart(module->getBody());
  auto type = LLVM::LLVMArrayType::get(outside.getI8Type(), bytes.size());
  LLVM::GlobalOp::create(outside, code->loc, type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, symbol,
                         outside.getStringAttr(bytes), alignment);
  return LLVM::AddressOfOp::create(builder, code->loc, frame.getType(), symbol);
}

Value ProgramEmitter::pointerOrNull(Entry &entry, Value buffer) {
  if (buffer)
    return pointerOf(entry, buffer);
  return LLVM::ZeroOp::create(builder, code->loc, frame.getType());
}

//===- Calls --------------------------------------------------------------===//

void ProgramEmitter::callMatmul(Entry &entry, plan::MatmulOp op) {
  asgc_matmul_desc desc{};
  auto encode = [&](ArrayAttr extents, int64_t *to) {
    for (const DimExpr &extent : plan::readExtents(extents))
      *to++ = dims.encode(extent, entry.dimNames);
  };
  int64_t sizes[3];
  encode(op.getSizes(), sizes);
  desc.dtype_a = dtype(op.getA());
  desc.dtype_b = dtype(op.getB());
  desc.dtype_c = dtype(op.getC());
  desc.batch_rank = op.getBatch().size();
  desc.m = sizes[0], desc.n = sizes[1], desc.k = sizes[2];
  encode(op.getBatch(), desc.batch);
  encode(op.getAStrides(), desc.a_strides);
  encode(op.getBStrides(), desc.b_strides);
  encode(op.getCStrides(), desc.c_strides);
  desc.activation = static_cast<int32_t>(op.getActivation());
  SmallVector<DimExpr> offsets = plan::readExtents(op.getOffsets());
  // A slice that moves with the run-time dims is no part that may be packed.
  desc.b_variable = offsets[1].asConstant() ? variableIndex(op.getB()) : -1;
  Value line = code->i32(addLine(op.getName()));
  call("asgc_rt_matmul", {frame, line, descriptor(desc),
                          offsetPointer(entry, op.getA(), offsets[0]),
                          offsetPointer(entry, op.getB(), offsets[1]),
                          pointerOrNull(entry, op.getBias()),
                          pointerOrNull(entry, op.getResidual()),
                          offsetPointer(entry, op.getC(), offsets[2])});
}

void ProgramEmitter::callConv2d(Entry &entry, plan::Conv2dOp op) {
  using Kind = plan::ConvKind;
  Value x = op.getKind() == Kind::input_grad ? op.getOut() : op.getIn0();
  Value w = op.getKind() == Kind::weight_grad ? op.getOut() : op.getIn1();
  Value y = op.getKind() == Kind::forward      ? op.getOut()
            : op.getKind() == Kind::input_grad ? op.getIn0()
                                               : op.getIn1();
  asgc_conv_desc desc{};
  auto extent = [&](Value buffer, int64_t axis) {
    return dims.encode(asg::getDim(tensorOf(buffer), axis), entry.dimNames);
  };
  desc.kind = static_cast<int32_t>(op.getKind());
  desc.dtype = dtype(x);
  desc.n = extent(x, 0), desc.c = extent(x, 1);
  desc.h = extent(x, 2), desc.w = extent(x, 3);
  desc.o = extent(y, 1), desc.oh = extent(y, 2), desc.ow = extent(y, 3);
  desc.kh = tensorOf(w).getDimSize(2), desc.kw = tensorOf(w).getDimSize(3);
  copy(op.getStrides(), desc.stride);
  copy(op.getPadLow(), desc.pad_low);
  copy(op.getPadHigh(), desc.pad_high);
  copy(op.getDilations(), desc.dilation);
  desc.groups = op.getGroups();
  desc.activation = static_cast<int32_t>(op.getActivation());
  desc.w_variable =
      op.getKind() == Kind::weight_grad ? -1 : variableIndex(op.getIn1());
  Value line = code->i32(addLine(op.getName()));
  call("asgc_rt_conv2d",
       {frame, line, descriptor(desc), pointerOf(entry, op.getIn0()),
        pointerOf(entry, op.getIn1()), pointerOrNull(entry, op.getBias()),
        pointerOf(entry, op.getOut())});
}

/// The extents of a pooling from the whole planes to the pooled ones.
asgc_pool_desc ProgramEmitter::poolDescriptor(Entry &entry, Value whole,
                                              Value pooled) {
  asgc_pool_desc desc{};
  auto extent = [&](Value buffer, int64_t axis) {
    return dims.encode(asg::getDim(tensorOf(buffer), axis), entry.dimNames);
  };
  desc.dtype = dtype(whole);
  desc.n = extent(whole, 0), desc.c = extent(whole, 1);
  desc.h = extent(whole, 2), desc.w = extent(whole, 3);
  desc.oh = extent(pooled, 2), desc.ow = extent(pooled, 3);
  return desc;
}

template <typename Op> static void setWindow(asgc_pool_desc &desc, Op op) {
  copy(op.getKernel(), desc.kernel);
  copy(op.getStrides(), desc.stride);
  copy(op.getPadLow(), desc.pad_low);
  copy(op.getPadHigh(), desc.pad_high);
  copy(op.getDilations(), desc.dilation);
}

void ProgramEmitter::callMaxPool2d(Entry &entry, plan::MaxPool2dOp op) {
  asgc_pool_desc desc = poolDescriptor(entry, op.getX(), op.getY());
  setWindow(desc, op);
  Value line = code->i32(addLine(op.getName()));
  call("asgc_rt_max_pool2d",
       {frame, line, descriptor(desc), pointerOf(entry, op.getX()),
        pointerOf(entry, op.getY()), pointerOf(entry, op.getIndices())});
}

void ProgramEmitter::callAvgPool2d(Entry &entry, plan::AvgPool2dOp op) {
  bool isBackward = op.getBackward();
  asgc_pool_desc desc = isBackward
                            ? poolDescriptor(entry, op.getOut(), op.getIn())
                            : poolDescriptor(entry, op.getIn(), op.getOut());
  setWindow(desc, op);
  desc.count_include_pad = op.getCountIncludePad();
  Value line = code->i32(addLine(op.getName()));
  call(isBackward ? "asgc_rt_avg_pool2d_backward" : "asgc_rt_avg_pool2d",
       {frame, line, descriptor(desc), pointerOf(entry, op.getIn()),
        pointerOf(entry, op.getOut())});
}

/// in, indices -> out with the extents of a pooling.
void ProgramEmitter::callPlane(Entry &entry, Operation *op,
                               const asgc_pool_desc &desc, StringRef function) {
  StringRef name = cast<plan::StepInterface>(op).getStepName();
  Value line = code->i32(addLine(name));
  call(function,
       {frame, line, descriptor(desc), pointerOf(entry, op->getOperand(0)),
        pointerOf(entry, op->getOperand(1)),
        pointerOf(entry, op->getOperand(2))});
}

/// gather and scatter_add; `whole` is the operand that the indices point into.
template <typename Op>
void ProgramEmitter::callIndexed(Entry &entry, Op op, Value whole,
                                 StringRef function) {
  RankedTensorType type = tensorOf(whole), indices = tensorOf(op.getIndices());
  auto product = [&](RankedTensorType of, int64_t from, int64_t to) {
    DimExpr count(1);
    for (int64_t axis = from; axis < to; ++axis)
      count = count * asg::getDim(of, axis);
    return dims.encode(count, entry.dimNames);
  };
  int64_t axis = op.getAxis(), batchDims = op.getBatchDims();
  asgc_gather_desc desc{};
  desc.dtype = dtype(whole);
  desc.index_dtype = dtype(op.getIndices());
  desc.batch = product(type, 0, batchDims);
  desc.outer = product(type, batchDims, axis);
  desc.axis = product(type, axis, axis + 1);
  desc.indices = product(indices, batchDims, indices.getRank());
  desc.inner = product(type, axis + 1, type.getRank());
  Value line = code->i32(addLine(op.getName()));
  call(function,
       {frame, line, descriptor(desc), pointerOf(entry, op.getIn()),
        pointerOf(entry, op.getIndices()), pointerOf(entry, op.getOut())});
}

LogicalResult ProgramEmitter::callCopy(Entry &entry, plan::CopyOp op) {
  asgc_copy_desc desc{};
  if (op.getExtents().size() > ASGC_MAX_RANK)
    return op.emitOpError() << "has " << op.getExtents().size()
                            << " dims, more than " << ASGC_MAX_RANK;
  auto encode = [&](ArrayAttr extents, int64_t *to) {
    for (const DimExpr &extent : plan::readExtents(extents))
      *to++ = dims.encode(extent, entry.dimNames);
  };
  desc.dtype = dtype(op.getX());
  desc.rank = op.getExtents().size();
  encode(op.getExtents(), desc.extents);
  encode(op.getXStrides(), desc.x_strides);
  encode(op.getYStrides(), desc.y_strides);
  SmallVector<DimExpr> offsets = plan::readExtents(op.getOffsets());
  Value line = code->i32(addLine(op.getName()));
  call("asgc_rt_copy", {frame, line, descriptor(desc),
                        offsetPointer(entry, op.getX(), offsets[0]),
                        offsetPointer(entry, op.getY(), offsets[1])});
  return success();
}

//===- Programs that a program runs ---------------------------------------===//

/// The address of the function of a program that stands before.
Value ProgramEmitter::functionOf(FlatSymbolRefAttr program) {
  auto found = llvm::find_if(entries, [&](Entry &entry) {
    return entry.program.getSymNameAttr() == program.getAttr();
  });
  return LLVM::AddressOfOp::create(builder, code->loc, found->function);
}

void ProgramEmitter::callLoop(Entry &entry, plan::LoopOp op) {
  SmallVector<Value> arguments{op.getCount(), op.getCondition()};
  for (OperandRange group :
       {op.getInits(), op.getInvariants(), op.getValues(), op.getSpares()})
    llvm::append_range(arguments, group);
  arguments.push_back(op.getWorkspace());
  for (auto [index, buffer] : llvm::enumerate(arguments))
    LLVM::StoreOp::create(builder, code->loc, pointerOrNull(entry, buffer),
                          code->address(argumentTable, code->i64(index), 8));
  asgc_loop_desc desc{};
  desc.has_condition = bool(op.getCondition());
  desc.num_invariants = op.getInvariants().size();
  desc.num_carried = op.getInits().size();
  desc.num_collected = op.getValues().size() - op.getInits().size();
  if (auto places = op.getPlaces())
    desc.places = dims.encode(*plan::readExtent(*places), entry.dimNames);
  std::string bytes(reinterpret_cast<const char *>(&desc),
                    offsetof(asgc_loop_desc, step_bytes));
  for (Value value : op.getSpares()) {
    RankedTensorType type = tensorOf(value);
    int64_t size = std::max(1u, type.getElementTypeBitWidth() / 8);
    asgc_dim dim =
        dims.encode(asg::getNumElements(type) * DimExpr(size), entry.dimNames);
    bytes.append(reinterpret_cast<const char *>(&dim), sizeof dim);
  }
  call("asgc_rt_loop", {frame, descriptor(bytes, alignof(asgc_loop_desc)),
                        functionOf(op.getBodyAttr()), argumentTable});
}

void ProgramEmitter::callIf(Entry &entry, plan::IfOp op) {
  SmallVector<Value> arguments{op.getCondition(), op.getWorkspace()};
  llvm::append_range(arguments, op.getInputs());
  int64_t numBefore = arguments.size();
  llvm::append_range(arguments, op.getValues());
  for (auto [index, buffer] : llvm::enumerate(arguments))
    LLVM::StoreOp::create(builder, code->loc, pointerOf(entry, buffer),
                          code->address(argumentTable, code->i64(index), 8));
  call("asgc_rt_if", {frame, functionOf(op.getThenBodyAttr()),
                      functionOf(op.getElseBodyAttr()), argumentTable,
                      code->address(argumentTable, code->i64(numBefore), 8)});
}

LogicalResult ProgramEmitter::emitCall(Entry &entry, Operation *step) {
  for (Value operand : step->getOperands())
    if (!dtypeOf(tensorOf(operand).getElementType()))
      return step->emitOpError()
             << "uses " << tensorOf(operand).getElementType()
             << ", which the CPU backend does not compute";
  return TypeSwitch<Operation *, LogicalResult>(step)
      .Case([&](plan::MatmulOp op) { return callMatmul(entry, op), success(); })
      .Case([&](plan::Conv2dOp op) { return callConv2d(entry, op), success(); })
      .Case([&](plan::MaxPool2dOp op) {
        return callMaxPool2d(entry, op), success();
      })
      .Case([&](plan::AvgPool2dOp op) {
        return callAvgPool2d(entry, op), success();
      })
      .Case([&](plan::MaxUnpool2dOp op) {
        asgc_pool_desc desc = poolDescriptor(entry, op.getOut(), op.getIn());
        return callPlane(entry, op, desc, "asgc_rt_max_unpool2d"), success();
      })
      .Case([&](plan::PoolGather2dOp op) {
        asgc_pool_desc desc = poolDescriptor(entry, op.getIn(), op.getOut());
        return callPlane(entry, op, desc, "asgc_rt_pool_gather2d"), success();
      })
      .Case([&](plan::GatherOp op) {
        return callIndexed(entry, op, op.getIn(), "asgc_rt_gather"), success();
      })
      .Case([&](plan::ScatterAddOp op) {
        return callIndexed(entry, op, op.getOut(), "asgc_rt_scatter_add"),
               success();
      })
      .Case([&](plan::CopyOp op) { return callCopy(entry, op); })
      .Case([&](plan::LoopOp op) { return callLoop(entry, op), success(); })
      .Case([&](plan::IfOp op) { return callIf(entry, op), success(); })
      .Default([](Operation *op) {
        return op->emitOpError("is a step without code on the CPU");
      });
}
