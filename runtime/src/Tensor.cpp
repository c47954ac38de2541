//===- Tensor.cpp - Tensors where a program computes, and their copies ----===//
#include "Dtype.h"
#include "Program.h"
#include "vulkan/Executor.h"
#include <cstring>
#include <new>

using namespace asgc::rt;

namespace {

/// A tensor with the memory that it owns.
struct OwnTensor {
  DLManagedTensor managed{};
  std::vector<int64_t> shape;
  Pages pages;                            ///< of the processor, or
  std::shared_ptr<vulkan::Device> device; ///< the one that the data lies on

  ~OwnTensor() {
    if (device)
      device->freeTensor(reinterpret_cast<uintptr_t>(managed.dl_tensor.data));
  }
};

void deleteTensor(DLManagedTensor *tensor) {
  delete static_cast<OwnTensor *>(tensor->manager_ctx);
}

std::string describe(DLDataType dtype, int32_t ndim, const int64_t *shape) {
  std::string out = text(nameOf(dtype), "[");
  for (int32_t i = 0; i < ndim; ++i)
    out += text(i ? ", " : "", shape[i]);
  return out + "]";
}

/// Whether it is a type that programs have.
bool isKnown(DLDataType dtype) {
  for (int32_t known = 0; sizeOf(known) > 0; ++known)
    if (isSameType(dtype, known))
      return true;
  return false;
}

/// The bytes of a tensor; -1 if an extent is negative or they overflow.
int64_t bytesOf(DLDataType dtype, int32_t ndim, const int64_t *shape) {
  int64_t bytes = dtype.bits / 8;
  for (int32_t i = 0; i < ndim; ++i)
    if (shape[i] < 0 || __builtin_mul_overflow(bytes, shape[i], &bytes))
      return -1;
  return bytes;
}

/// Where the elements of a tensor to copy lie.
struct Span {
  char *host = nullptr;
  vulkan::Place place;
  bool isOnDevice = false;
};

asgc_status refuse(asgc_program &program, const char *which,
                   const std::string &what) {
  return fail(program, ASGC_INVALID_ARGUMENT, text(which, ": ", what));
}

/// Finds the elements of `tensor`, which is called `which`.
asgc_status locate(asgc_program &program, const char *which,
                   const DLTensor &tensor, int64_t bytes, Span &out) {
  int64_t step = 1;
  for (int i = tensor.ndim - 1; tensor.strides && i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != step)
      return refuse(program, which, "expected contiguous data, got strides");
    step *= tensor.shape[i];
  }
  const int type = int(tensor.device.device_type);
  out.isOnDevice = type == kDLVulkan && program.executor;
  if (type != kDLCPU && !out.isOnDevice)
    return refuse(
        program, which,
        text("expected a tensor on the CPU",
             program.executor ? " or of the program's Vulkan device" : "",
             ", got device type ", type));
  if (bytes == 0)
    return ASGC_OK;
  if (!tensor.data)
    return refuse(program, which, "got a tensor without data");
  out.host = static_cast<char *>(tensor.data) + tensor.byte_offset;
  if (!out.isOnDevice)
    return ASGC_OK;
  vulkan::Device &device = *program.executor->sharedDevice();
  auto place = device.findTensor(reinterpret_cast<uintptr_t>(out.host), bytes);
  if (!place)
    return refuse(program, which,
                  text("expected ", bytes, " bytes within a tensor of the ",
                       "Vulkan device ", device.choice.name,
                       ", made by asgc_tensor_create; got an address that is "
                       "not"));
  out.place = *place;
  return ASGC_OK;
}

asgc_status copy(asgc_program &program, const Span &from, const Span &to,
                 int64_t bytes) {
  if (!from.isOnDevice && !to.isOnDevice) {
    std::memmove(to.host, from.host, size_t(bytes));
    return ASGC_OK;
  }
  vulkan::Device &device = *program.executor->sharedDevice();
  if (!from.isOnDevice)
    return device.upload(to.place, from.host, bytes);
  if (!to.isOnDevice)
    return device.download(to.host, from.place, bytes);
  return device.copyWithin(to.place, from.place, bytes);
}

} // namespace

asgc_status asgc_tensor_create(asgc_program *program, DLDataType dtype,
                               int32_t ndim, const int64_t *shape,
                               DLManagedTensor **out_tensor) {
  if (!program || !out_tensor)
    return fail(ASGC_INVALID_ARGUMENT, "the program or out_tensor is null");
  *out_tensor = nullptr;
  if (ndim < 0 || (ndim > 0 && !shape))
    return fail(
        *program, ASGC_INVALID_ARGUMENT,
        text("a tensor of ", ndim, " dims", shape ? "" : " with a null shape"));
  const int64_t bytes = isKnown(dtype) ? bytesOf(dtype, ndim, shape) : -1;
  if (bytes < 0)
    return fail(*program, ASGC_INVALID_ARGUMENT,
                text("there is no tensor ", describe(dtype, ndim, shape)));
  std::unique_ptr<OwnTensor> made(new (std::nothrow) OwnTensor());
  if (!made)
    return fail(*program, ASGC_OUT_OF_MEMORY, "cannot allocate the tensor");
  made->shape.assign(shape, shape + ndim);
  DLTensor &tensor = made->managed.dl_tensor;
  tensor.ndim = ndim;
  tensor.dtype = dtype;
  tensor.shape = made->shape.data();
  if (program->executor) {
    const auto &device = program->executor->sharedDevice();
    VkDeviceAddress address = 0;
    if (asgc_status status = device->makeTensor(
            bytes, program->executor->getMemoryLimit(), address))
      return fail(*program, status, asgc_last_error());
    made->device = device;
    tensor.device = {kDLVulkan, 0};
    tensor.data = reinterpret_cast<void *>(address);
  } else {
    if (!made->pages.allocate(bytes))
      return fail(*program, ASGC_OUT_OF_MEMORY,
                  text("cannot allocate ", bytes, " bytes for a tensor ",
                       describe(dtype, ndim, shape)));
    tensor.device = {kDLCPU, 0};
    tensor.data = made->pages.data();
  }
  made->managed.manager_ctx = made.get();
  made->managed.deleter = deleteTensor;
  *out_tensor = &made.release()->managed;
  return ASGC_OK;
}

void asgc_tensor_destroy(DLManagedTensor *tensor) {
  if (tensor && tensor->deleter)
    tensor->deleter(tensor);
}

asgc_status asgc_tensor_copy(asgc_program *program, const DLTensor *from,
                             DLTensor *to) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  if (!from || !to)
    return fail(*program, ASGC_INVALID_ARGUMENT, "a tensor is null");
  for (const DLTensor *tensor : {from, static_cast<const DLTensor *>(to)})
    if (tensor->ndim < 0 || (tensor->ndim > 0 && !tensor->shape))
      return fail(*program, ASGC_INVALID_ARGUMENT,
                  text("a tensor of ", tensor->ndim, " dims",
                       tensor->shape ? "" : " with a null shape"));
  const std::string want = describe(from->dtype, from->ndim, from->shape);
  const std::string got = describe(to->dtype, to->ndim, to->shape);
  if (want != got)
    return refuse(*program, "to", text("expected ", want, ", got ", got));
  const int64_t bytes = bytesOf(from->dtype, from->ndim, from->shape);
  if (!isKnown(from->dtype) || bytes < 0)
    return refuse(*program, "from", text("there is no tensor ", want));
  Span source, target;
  if (asgc_status status = locate(*program, "from", *from, bytes, source))
    return status;
  if (asgc_status status = locate(*program, "to", *to, bytes, target))
    return status;
  if (bytes == 0)
    return ASGC_OK;
  asgc_status status = copy(*program, source, target, bytes);
  return status ? fail(*program, status, asgc_last_error()) : ASGC_OK;
}
