/* worker_gpu.c - Runs one entry of a program of the kit on a GPU, on request.
 *
 * Usage: worker PROGRAM ENTRY [DIM=VALUE]...
 * Inputs and outputs lie on the device. For each line "N" on stdin it runs the
 * entry N times, waits once, and prints the seconds of a run; for "memory" the
 * bytes of the device's memory that are in use. For "profile" it runs five
 * times and prints a line "SECONDS KERNEL" for each kernel, then an empty one.
 * Linked with the kit's table of programs; without arguments it prints their
 * names. Exits with 4 if there is no device. */
#include "worker_tensors.h"

typedef struct {
  const char *name;
  const asgc_program_desc *desc;
} Benchmark;
extern const Benchmark kit_benchmarks[];

enum { MOST_TENSORS = 16, PROFILED_RUNS = 5 };

static asgc_program *program;
static const asgc_entry_desc *entry;
static const DLTensor *inputs[MOST_TENSORS];
static DLTensor *outputs[MOST_TENSORS];

static const asgc_program_desc *findProgram(const char *name) {
  for (int i = 0; kit_benchmarks[i].name; ++i)
    if (!strcmp(kit_benchmarks[i].name, name))
      return kit_benchmarks[i].desc;
  return NULL;
}

/* A tensor on the device, with numbers if it is an input. */
static DLTensor *place(const asgc_tensor_desc *desc, const int64_t *dims,
                       int seed, int isInput) {
  DLTensor *host = makeTensor(desc, dims, seed);
  DLManagedTensor *made = NULL;
  if (asgc_tensor_create(program, host->dtype, host->ndim, host->shape, &made))
    exit(fail(desc->name, asgc_program_error(program)));
  if (isInput && asgc_tensor_copy(program, host, &made->dl_tensor))
    exit(fail(desc->name, asgc_program_error(program)));
  free(host->data);
  return &made->dl_tensor;
}

static void runTimes(int count) {
  for (int i = 0; i < count; ++i)
    if (asgc_program_run(program, entry->name, inputs, entry->num_inputs,
                         outputs, entry->num_outputs))
      exit(fail("run", asgc_program_error(program)));
  if (asgc_program_wait(program))
    exit(fail("run", asgc_program_error(program)));
}

static void printProfile(void) {
  asgc_program_profile(program, 1);
  runTimes(PROFILED_RUNS);
  asgc_program_profile(program, 0);
  for (int k = 0; k < asgc_program_num_kernels(program); ++k) {
    asgc_profile_entry line;
    if (!asgc_program_profile_entry(program, k, &line) && line.calls)
      printf("%.9g %s\n", line.seconds / PROFILED_RUNS, line.name);
  }
  printf("\n");
}

int main(int argc, char **argv) {
  if (argc == 1) {
    for (int i = 0; kit_benchmarks[i].name; ++i)
      puts(kit_benchmarks[i].name);
    return 0;
  }
  const asgc_program_desc *desc = findProgram(argv[1]);
  entry = desc && argc > 2 ? findEntry(desc, argv[2]) : NULL;
  if (!entry || entry->num_inputs > MOST_TENSORS ||
      entry->num_outputs > MOST_TENSORS)
    return fail("usage", "worker PROGRAM ENTRY [DIM=VALUE]...");
  int64_t *dims = evalDims(desc, argv + 3, argc - 3);
  asgc_options options = {.device = ASGC_DEVICE_VULKAN};
  if (asgc_program_create(desc, &options, &program))
    return fail("create", asgc_last_error()), 4;
  asgc_status status = asgc_program_init(program, 1);
  if (status && status != ASGC_NOT_FOUND)
    return fail("init", asgc_program_error(program));
  for (int i = 0; i < entry->num_inputs; ++i)
    inputs[i] = place(&entry->inputs[i], dims, i, 1);
  for (int i = 0; i < entry->num_outputs; ++i)
    outputs[i] = place(&entry->outputs[i], dims, i, 0);

  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (!strcmp(line, "profile\n")) {
      printProfile();
    } else if (!strcmp(line, "memory\n")) {
      printf("%lld\n", (long long)asgc_program_device_memory(program));
    } else {
      int count = atoi(line);
      double start = now();
      runTimes(count);
      printf("%.9g\n", (now() - start) / count);
    }
    fflush(stdout);
  }
  asgc_program_destroy(program);
  return 0;
}
