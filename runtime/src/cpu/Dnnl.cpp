//===- Dnnl.cpp - oneDNN primitives for one thread ------------------------===//
#include "Dnnl.h"
#include <algorithm>
#include <cstring>

namespace asgc::rt {

std::unique_ptr<Dnnl> Dnnl::create(int threads) {
  if (!openDnnl().empty())
    return nullptr;
  auto dnnl = std::make_unique<Dnnl>();
  dnnl_engine_t engine = nullptr;
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
    return nullptr;
  dnnl->engine_.reset(engine);
  for (int worker = 0; worker < threads; ++worker) {
    dnnl_stream_t stream = nullptr;
    if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) !=
        dnnl_success)
      return nullptr;
    dnnl->streams_.emplace_back(stream);
  }
  return dnnl;
}

bool DnnlOperation::describe(const Dnnl &dnnl, const_dnnl_op_desc_t opDesc,
                             const_dnnl_primitive_attr_t attributes,
                             const char *wanted,
                             const_dnnl_primitive_desc_t hint) {
  dnnl_primitive_desc_iterator_t position = nullptr;
  if (dnnl_primitive_desc_iterator_create(&position, opDesc, attributes,
                                          dnnl.engine(), hint) != dnnl_success)
    return false;
  DnnlOwner<dnnl_primitive_desc_iterator_t,
            &dnnl_primitive_desc_iterator_destroy>
      iterator(position);
  do {
    description_.reset(dnnl_primitive_desc_iterator_fetch(position));
    const char *name = nullptr;
    dnnl_primitive_desc_query(description_.get(), dnnl_query_impl_info_str, 0,
                              &name);
    if (!name || std::strncmp(name, "ref", 3) == 0)
      break; // the last of the list
    if (!wanted || std::strncmp(name, wanted, std::strlen(wanted)) == 0)
      return true;
  } while (dnnl_primitive_desc_iterator_next(position) == dnnl_success);
  return false;
}

bool DnnlOperation::create(const Dnnl &dnnl, const_dnnl_op_desc_t opDesc,
                           const_dnnl_primitive_attr_t attributes,
                           const char *wanted,
                           const_dnnl_primitive_desc_t hint) {
  return describe(dnnl, opDesc, attributes, wanted, hint) && build();
}

bool DnnlOperation::build() {
  dnnl_primitive_t primitive = nullptr;
  if (dnnl_primitive_create(&primitive, description_.get()) != dnnl_success)
    return false;
  primitive_.reset(primitive);
  return true;
}

bool DnnlOperation::createReorder(const Dnnl &dnnl,
                                  const dnnl_memory_desc_t &from,
                                  const dnnl_memory_desc_t &to) {
  DnnlAttributes attributes = dnnlAttributes();
  dnnl_primitive_desc_t description = nullptr;
  if (!attributes || dnnl_reorder_primitive_desc_create(
                         &description, &from, dnnl.engine(), &to, dnnl.engine(),
                         attributes.get()) != dnnl_success)
    return false;
  description_.reset(description);
  return build() && bind(dnnl, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

dnnl_memory_desc_t DnnlOperation::desc(dnnl_query_t what) const {
  const dnnl_memory_desc_t *found =
      dnnl_primitive_desc_query_md(description_.get(), what, 0);
  return found ? *found : dnnl_memory_desc_t{};
}

bool DnnlOperation::bind(const Dnnl &dnnl, std::vector<Argument> arguments) {
  numArguments_ = arguments.size();
  const dnnl_memory_desc_t scratchpad = desc(dnnl_query_scratchpad_md);
  scratchBytes_ = dnnl_memory_desc_get_size(&scratchpad);
  arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad});
  for (int worker = 0; worker < dnnl.threads(); ++worker)
    for (const Argument &argument : arguments) {
      dnnl_memory_t memory = nullptr;
      if (dnnl_memory_create(&memory, &argument.desc, dnnl.engine(),
                             DNNL_MEMORY_NONE) != dnnl_success)
        return false;
      memories_.emplace_back(memory);
      arguments_.push_back({argument.id, memory});
    }
  return true;
}

bool DnnlOperation::run(const Dnnl &dnnl, int worker, void *const *addresses,
                        void *scratch) const {
  const size_t count = numArguments_ + 1;
  const dnnl_exec_arg_t *arguments = &arguments_[size_t(worker) * count];
  for (size_t i = 0; i < numArguments_; ++i)
    if (dnnl_memory_set_data_handle(arguments[i].memory, addresses[i]) !=
        dnnl_success)
      return false;
  if (scratchBytes_ > 0)
    dnnl_memory_set_data_handle(arguments[numArguments_].memory, scratch);
  return dnnl_primitive_execute(primitive_.get(), dnnl.stream(worker),
                                int(count), arguments) == dnnl_success;
}

dnnl_data_type_t dnnlType(int32_t dtype) {
  switch (dtype) {
  case ASGC_F32:
    return dnnl_f32;
  case ASGC_F16:
    return dnnl_f16;
  case ASGC_BF16:
    return dnnl_bf16;
  case ASGC_I8:
    return dnnl_s8;
  case ASGC_I32:
    return dnnl_s32;
  default:
    return dnnl_data_type_undef;
  }
}

dnnl_memory_desc_t dnnlStrided(int32_t dtype,
                               std::initializer_list<int64_t> dims,
                               std::initializer_list<int64_t> strides) {
  dnnl_memory_desc_t desc{};
  dnnl_memory_desc_init_by_strides(&desc, int(dims.size()), dims.begin(),
                                   dnnlType(dtype), strides.begin());
  return desc;
}

dnnl_memory_desc_t dnnlAny(int32_t dtype, std::initializer_list<int64_t> dims) {
  dnnl_memory_desc_t desc{};
  dnnl_memory_desc_init_by_tag(&desc, int(dims.size()), dims.begin(),
                               dnnlType(dtype), dnnl_format_tag_any);
  return desc;
}

DnnlAttributes dnnlAttributes() {
  dnnl_primitive_attr_t attributes = nullptr;
  if (dnnl_primitive_attr_create(&attributes) != dnnl_success)
    return nullptr;
  DnnlAttributes owner(attributes);
  if (dnnl_primitive_attr_set_scratchpad_mode(
          attributes, dnnl_scratchpad_mode_user) != dnnl_success)
    return nullptr;
  return owner;
}

} // namespace asgc::rt
