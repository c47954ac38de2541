/* worker_devices.c - Runs one entry of a compiled model on the CPU and on a
 * GPU.
 *
 * Usage: worker ENTRY STEPS [DIM=VALUE]... [profile]
 * Gives both the same variables and inputs, runs the entry STEPS times on each
 * and compares every f32 output after each step; then times it. The model is
 * compiled with `--target=cpu,vulkan`, this file with -DPROGRAM=<name>_program.
 * Exits with 1 if an output differs by more than 1e-3 of its largest element.
 * Times contain the copies of inputs to the device and of outputs from it; the
 * time of the kernels alone stands in brackets, each kernel's with `profile`.
 */
#include "worker_tensors.h"

#include <math.h>

extern const asgc_program_desc PROGRAM;

enum { MOST_TENSORS = 16, TIMED_RUNS = 50 };
static const char *const kDevices[] = {"cpu", "vulkan"};

typedef struct {
  asgc_program *program;
  DLTensor *inputs[MOST_TENSORS], *outputs[MOST_TENSORS];
} Side;

static int64_t count(const DLTensor *tensor) {
  int64_t n = 1;
  for (int i = 0; i < tensor->ndim; ++i)
    n *= tensor->shape[i];
  return n;
}

static asgc_status run(Side *side, const asgc_entry_desc *entry) {
  return asgc_program_run(side->program, entry->name,
                          (const DLTensor *const *)side->inputs,
                          entry->num_inputs, side->outputs, entry->num_outputs);
}

/* The largest difference beside the largest element; NaN if one is. */
static double difference(const DLTensor *a, const DLTensor *b) {
  const float *x = a->data, *y = b->data;
  double largest = 1e-30, worst = 0;
  for (int64_t i = 0; i < count(a); ++i) {
    double d = fabs((double)x[i] - y[i]);
    if (!(d <= worst))
      worst = d;
    if (fabs(x[i]) > largest)
      largest = fabs(x[i]);
  }
  return worst / largest;
}

/* Prints the time of the GPU's kernels, and of each if `isWhole`. */
static void printProfile(Side *side, const asgc_entry_desc *entry,
                         int isWhole) {
  asgc_program_profile(side->program, 1);
  for (int i = 0; i < TIMED_RUNS; ++i)
    run(side, entry);
  double sum = 0;
  for (int pass = 0; pass <= isWhole; ++pass) {
    for (int k = 0; k < asgc_program_num_kernels(side->program); ++k) {
      asgc_profile_entry line;
      if (asgc_program_profile_entry(side->program, k, &line) || !line.calls)
        continue;
      double ms = line.seconds * 1e3 / TIMED_RUNS;
      if (pass == 0)
        sum += ms;
      else
        printf("  %-40s %8.4f ms %3.0f %%\n", line.name, ms, 100 * ms / sum);
    }
    if (pass == 0)
      printf(" (kernels %.4f ms)\n", sum);
  }
}

int main(int argc, char **argv) {
  const asgc_program_desc *desc = &PROGRAM;
  const asgc_entry_desc *entry = argc > 2 ? findEntry(desc, argv[1]) : NULL;
  if (!entry || entry->num_inputs > MOST_TENSORS ||
      entry->num_outputs > MOST_TENSORS)
    return fail("usage", "worker ENTRY STEPS [DIM=VALUE]...");
  int64_t *dims = evalDims(desc, argv + 3, argc - 3);
  Side sides[2] = {0};
  for (int d = 0; d < 2; ++d) {
    Side *side = &sides[d];
    setenv("ASGC_DEVICE", kDevices[d], 1);
    asgc_options options = {0};
    if (asgc_program_create(desc, &options, &side->program))
      return fail(kDevices[d], asgc_last_error());
    asgc_program_init(side->program, 1);
    for (int i = 0; i < entry->num_inputs; ++i)
      side->inputs[i] = makeTensor(&entry->inputs[i], dims, i);
    for (int i = 0; i < entry->num_outputs; ++i)
      side->outputs[i] = makeTensor(&entry->outputs[i], dims, i);
  }
  double worst = 0;
  for (int step = 0; step < atoi(argv[2]); ++step) {
    for (int d = 0; d < 2; ++d)
      if (run(&sides[d], entry))
        return fail(kDevices[d], asgc_program_error(sides[d].program));
    for (int i = 0; i < entry->num_outputs; ++i) {
      if (entry->outputs[i].dtype != ASGC_F32)
        continue;
      double d = difference(sides[0].outputs[i], sides[1].outputs[i]);
      if (!(d <= worst))
        worst = d;
    }
  }
  printf("%s: worst difference %.2g", argv[1], worst);
  for (int d = 0; d < 2; ++d) {
    double start = now();
    for (int i = 0; i < TIMED_RUNS; ++i)
      run(&sides[d], entry);
    printf(", %s %.3f ms", kDevices[d], (now() - start) / TIMED_RUNS * 1e3);
  }
  printProfile(&sides[1], entry, !strcmp(argv[argc - 1], "profile"));
  for (int d = 0; d < 2; ++d)
    asgc_program_destroy(sides[d].program);
  return !(worst <= 1e-3);
}
