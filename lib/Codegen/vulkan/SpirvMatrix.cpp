//===- SpirvMatrix.cpp - Matrices that a subgroup holds -------------------===//
#include "SpirvBuilder.h"

#include "asgc/program.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::vulkan;
using spirv::CooperativeMatrixUseKHR;

Value SpirvBuilder::subgroup() {
  capabilities.insert(spirv::Capability::GroupNonUniform);
  return builtIn("subgroup", spirv::BuiltIn::SubgroupId, builder.getI32Type());
}

Type SpirvBuilder::matrixType(Type element, CooperativeMatrixUseKHR use) {
  const MatrixUnit &unit = options.unit;
  capabilities.insert(spirv::Capability::VulkanMemoryModel);
  capabilities.insert(spirv::Capability::CooperativeMatrixKHR);
  extensions.insert(spirv::Extension::SPV_KHR_cooperative_matrix);
  if (element.isF16()) {
    capabilities.insert(spirv::Capability::Float16);
    features |= ASGC_SHADER_MATRIX_F16;
  }
  if (element.isBF16()) {
    capabilities.insert(spirv::Capability::BFloat16TypeKHR);
    capabilities.insert(spirv::Capability::BFloat16CooperativeMatrixKHR);
    extensions.insert(spirv::Extension::SPV_KHR_bfloat16);
    features |= ASGC_SHADER_MATRIX_BF16;
  }
  int64_t rows =
      use == CooperativeMatrixUseKHR::MatrixB ? unit.depth : unit.rows;
  int64_t columns =
      use == CooperativeMatrixUseKHR::MatrixA ? unit.depth : unit.columns;
  return spirv::CooperativeMatrixType::get(element, rows, columns,
                                           spirv::Scope::Subgroup, use);
}

Value SpirvBuilder::loadFactor(Factor factor, Type element, int64_t array,
                               Value index, int64_t stride, bool isTransposed) {
  auto use = factor == Factor::A ? CooperativeMatrixUseKHR::MatrixA
                                 : CooperativeMatrixUseKHR::MatrixB;
  auto layout = isTransposed ? spirv::CooperativeMatrixLayoutKHR::ColumnMajor
                             : spirv::CooperativeMatrixLayoutKHR::RowMajor;
  return make<spirv::KHRCooperativeMatrixLoadOp>(
      matrixType(element, use), sharedPlace(array, index), layout, i32(stride),
      sharedAccess(), IntegerAttr());
}

Value SpirvBuilder::joinRounded(Value first, Value second) {
  capabilities.insert(spirv::Capability::BFloat16TypeKHR);
  extensions.insert(spirv::Extension::SPV_KHR_bfloat16);
  Value numbers[] = {first, second};
  Value rounded = make<spirv::FConvertOp>(
      VectorType::get(2, builder.getBF16Type()), join(numbers));
  return make<spirv::BitcastOp>(builder.getI32Type(), rounded);
}

Value SpirvBuilder::zeroSum() {
  Type type = matrixType(f32Type(), CooperativeMatrixUseKHR::MatrixAcc);
  return make<spirv::CompositeConstructOp>(type, ValueRange{f32(0)});
}

Value SpirvBuilder::multiplyAdd(Value a, Value b, Value sum) {
  return make<spirv::KHRCooperativeMatrixMulAddOp>(a, b, sum);
}

void SpirvBuilder::storeSum(int64_t array, Value index, int64_t stride,
                            Value sum) {
  spirv::KHRCooperativeMatrixStoreOp::create(
      builder, loc, sharedPlace(array, index), sum,
      spirv::CooperativeMatrixLayoutKHR::RowMajor, i32(stride), sharedAccess(),
      IntegerAttr());
}

Value SpirvBuilder::loadSum(int64_t array, Value index, int64_t stride) {
  return make<spirv::KHRCooperativeMatrixLoadOp>(
      matrixType(f32Type(), CooperativeMatrixUseKHR::MatrixAcc),
      sharedPlace(array, index), spirv::CooperativeMatrixLayoutKHR::RowMajor,
      i32(stride), sharedAccess(), IntegerAttr());
}

Value SpirvBuilder::multiplySums(Value x, Value y) {
  return make<spirv::FMulOp>(x, y);
}

Value SpirvBuilder::nativeExp2(Value x) { return make<spirv::GLExp2Op>(x); }
