/* TwiceModel.c - A program description as the compiler would write it:
 * output[batch, 3] = 2 * image[batch, 3], with awkward names. */
#include "asgc/program.h"

static const asgc_dim shape[] = {-1, 3};
static const asgc_dim pairs[] = {-2};
static const asgc_tensor_desc inputs[] = {{"class", shape, 2, ASGC_F32}};
static const asgc_tensor_desc outputs[] = {{"out put", shape, 2, ASGC_F32},
                                           {"total", 0, 0, ASGC_F32},
                                           {"pairs", pairs, 1, ASGC_F32}};

static int32_t run(asgc_frame *frame) {
  const float *x = (const float *)frame->inputs[0];
  float *y = (float *)frame->outputs[0], total = 0;
  for (int64_t i = 0; i < 3 * frame->dims[0]; ++i)
    total += y[i] = 2 * x[i];
  *(float *)frame->outputs[1] = total;
  for (int64_t i = 0; i < frame->dims[1]; ++i)
    ((float *)frame->outputs[2])[i] = (float)i;
  return 0;
}

static void evalDims(int64_t *dims) { dims[1] = 2 * dims[0]; }

static const asgc_entry_desc entries[] = {
    {"infer", inputs, outputs, 1, 3, 0, 0, 0, run}};
static const char *const symbols[] = {"batch"};
static const int64_t bounds[] = {8};

const asgc_program_desc twice_program = {
    .abi_version = ASGC_ABI_VERSION, .num_entries = 1, .name = "twice",
    .entries = entries, .symbols = symbols, .symbol_bounds = bounds,
    .num_symbols = 1, .num_dims = 2, .eval_dims = evalDims};
