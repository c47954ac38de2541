/* worker_devices.c - Runs one entry of a compiled model on the CPU and on a
 * GPU.
 *
 * Usage: worker ENTRY STEPS [DIM=VALUE]... [profile]
 * Gives both the same variables and inputs, runs the entry STEPS times on each
 * and compares every float output after each step; then times it. The model is
 * compiled with `--target=cpu,vulkan`, this file with -DPROGRAM=<name>_program.
 * Exits with 1 if an output differs by more than 1e-3 of its largest element.
 * Inputs and outputs lie on the device and stay there. It prints the time of a
 * run that is waited for, of one of many that are not, of the kernels alone
 * (each kernel's with `profile`), and of copying inputs and outputs.
 */
#include "worker_tensors.h"

#include <math.h>

extern const asgc_program_desc PROGRAM;

enum { MOST_TENSORS = 16, TIMED_RUNS = 50, TIMED_COPIES = 5 };
static const char *const kDevices[] = {"cpu", "vulkan"};

/* A device with tensors in its own memory, and the same in the processor's. */
typedef struct {
  asgc_program *program;
  DLTensor *inputs[MOST_TENSORS], *outputs[MOST_TENSORS];
  DLTensor *hostInputs[MOST_TENSORS], *hostOutputs[MOST_TENSORS];
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

static DLTensor *likeOn(asgc_program *program, const DLTensor *host) {
  DLManagedTensor *made = NULL;
  if (asgc_tensor_create(program, host->dtype, host->ndim, host->shape, &made))
    exit(fail("tensor", asgc_program_error(program)));
  return &made->dl_tensor;
}

/* Copies all inputs to where they are used, or all outputs from there. */
static void copyAll(Side *side, const asgc_entry_desc *entry, int isInput) {
  int n = isInput ? entry->num_inputs : entry->num_outputs;
  for (int i = 0; i < n; ++i)
    if (asgc_tensor_copy(side->program,
                         isInput ? side->hostInputs[i] : side->outputs[i],
                         isInput ? side->inputs[i] : side->hostOutputs[i]))
      exit(fail("copy", asgc_program_error(side->program)));
}

/* The milliseconds of a run: each waited for, or only the last. */
static double timeRuns(Side *side, const asgc_entry_desc *entry, int waits) {
  double start = now();
  for (int i = 0; i < TIMED_RUNS; ++i) {
    run(side, entry);
    if (waits || i == TIMED_RUNS - 1)
      asgc_program_wait(side->program);
  }
  return (now() - start) / TIMED_RUNS * 1e3;
}

static double timeCopies(Side *side, const asgc_entry_desc *entry,
                         int isInput) {
  double start = now();
  for (int i = 0; i < TIMED_COPIES; ++i)
    copyAll(side, entry, isInput);
  return (now() - start) / TIMED_COPIES * 1e3;
}

/* The largest difference beside the largest element; NaN if one is. */
static double difference(const DLTensor *a, const DLTensor *b) {
  double largest = 1e-30, worst = 0;
  for (int64_t i = 0; i < count(a); ++i) {
    double x = valueAt(a, i), d = fabs(x - valueAt(b, i));
    if (!(d <= worst))
      worst = d;
    if (fabs(x) > largest)
      largest = fabs(x);
  }
  return worst / largest;
}

/* Prints the time of the GPU's kernels, and of each if `isWhole`. */
static void printProfile(Side *side, const asgc_entry_desc *entry,
                         int isWhole) {
  asgc_program_profile(side->program, 1);
  for (int i = 0; i < TIMED_RUNS; ++i)
    run(side, entry);
  asgc_program_profile(side->program, 0);
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
        printf("\n  %-40s %8.4f ms %3.0f %%", line.name, ms, 100 * ms / sum);
    }
    if (pass == 0)
      printf(", kernels %.4f ms", sum);
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
    for (int i = 0; i < entry->num_inputs; ++i) {
      side->hostInputs[i] = makeTensor(&entry->inputs[i], dims, i);
      side->inputs[i] = likeOn(side->program, side->hostInputs[i]);
    }
    for (int i = 0; i < entry->num_outputs; ++i) {
      side->hostOutputs[i] = makeTensor(&entry->outputs[i], dims, i);
      side->outputs[i] = likeOn(side->program, side->hostOutputs[i]);
    }
    copyAll(side, entry, 1);
  }
  double worst = 0;
  for (int step = 0; step < atoi(argv[2]); ++step) {
    for (int d = 0; d < 2; ++d) {
      if (run(&sides[d], entry))
        return fail(kDevices[d], asgc_program_error(sides[d].program));
      copyAll(&sides[d], entry, 0);
    }
    for (int i = 0; i < entry->num_outputs; ++i) {
      int32_t type = entry->outputs[i].dtype;
      if (type != ASGC_F32 && type != ASGC_F16 && type != ASGC_BF16)
        continue;
      double d = difference(sides[0].hostOutputs[i], sides[1].hostOutputs[i]);
      if (!(d <= worst))
        worst = d;
    }
  }
  printf("%s: worst difference %.2g", argv[1], worst);
  for (int d = 0; d < 2; ++d)
    printf(", %s %.4f ms", kDevices[d], timeRuns(&sides[d], entry, 1));
  printf(", not waited for %.4f ms", timeRuns(&sides[1], entry, 0));
  printf(", copies in %.4f ms, out %.4f ms", timeCopies(&sides[1], entry, 1),
         timeCopies(&sides[1], entry, 0));
  printProfile(&sides[1], entry, !strcmp(argv[argc - 1], "profile"));
  printf("\n");
  for (int d = 0; d < 2; ++d)
    asgc_program_destroy(sides[d].program);
  return !(worst <= 1e-3);
}
