/* worker_asgc.c - Runs one entry of a compiled model on request.
 *
 * Usage: worker ENTRY THREADS SETS [DIM=VALUE]...
 * Then, for each line "N" on stdin, runs the entry N times and prints the
 * seconds of one run and the process's peak memory in bytes. Runs go round
 * SETS sets of inputs and outputs. Built with -DPROGRAM=<name>_program. */
#include <asgc/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

extern const asgc_program_desc PROGRAM;

static const size_t kBytes[] = {4, 2, 2, 1, 4, 8, 1, 8};
static const DLDataType kTypes[] = {{kDLFloat, 32, 1}, {kDLFloat, 16, 1},
                                    {kDLBfloat, 16, 1}, {kDLInt, 8, 1},
                                    {kDLInt, 32, 1}, {kDLInt, 64, 1},
                                    {kDLUInt, 8, 1}, {kDLFloat, 64, 1}};

enum { MOST_SETS = 64 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char *what, const char *why) {
  fprintf(stderr, "worker: %s: %s\n", what, why);
  return 1;
}

/* A tensor of `desc` with pseudo-random content in [-1, 1], or class numbers
 * below 10 for integers. */
static DLTensor *makeTensor(const asgc_tensor_desc *desc, const int64_t *dims) {
  DLTensor *tensor = calloc(1, sizeof *tensor);
  tensor->ndim = desc->rank;
  tensor->shape = calloc(desc->rank + 1, sizeof(int64_t));
  tensor->dtype = kTypes[desc->dtype];
  tensor->device.device_type = kDLCPU;
  size_t count = 1;
  for (int i = 0; i < desc->rank; ++i) {
    asgc_dim dim = desc->dims[i];
    tensor->shape[i] = dim >= 0 ? dim : dims[-1 - dim];
    count *= tensor->shape[i];
  }
  size_t bytes = count * kBytes[desc->dtype];
  tensor->data = aligned_alloc(64, (bytes + 64) / 64 * 64);
  memset(tensor->data, 0, bytes);
  unsigned state = 12345;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    if (desc->dtype == ASGC_F32)
      ((float *)tensor->data)[i] = (float)(state >> 8) / (1 << 23) - 1.0f;
    else if (desc->dtype == ASGC_I64)
      ((int64_t *)tensor->data)[i] = (state >> 8) % 10;
    else if (desc->dtype == ASGC_I32)
      ((int32_t *)tensor->data)[i] = (state >> 8) % 10;
  }
  return tensor;
}

int main(int argc, char **argv) {
  int sets = argc > 3 ? atoi(argv[3]) : 0;
  if (sets < 1 || sets > MOST_SETS)
    return fail("usage", "worker ENTRY THREADS SETS [DIM=VALUE]...");
  const asgc_program_desc *desc = &PROGRAM;
  const asgc_entry_desc *entry = NULL;
  for (int i = 0; i < desc->num_entries; ++i)
    if (!strcmp(desc->entries[i].name, argv[1]))
      entry = &desc->entries[i];
  if (!entry)
    return fail(argv[1], "no such entry");

  int64_t *dims = calloc(desc->num_dims + 1, sizeof *dims);
  for (int s = 0; s < desc->num_symbols; ++s) {
    dims[s] = desc->symbol_bounds[s];
    size_t length = strlen(desc->symbols[s]);
    for (int a = 4; a < argc; ++a)
      if (!strncmp(argv[a], desc->symbols[s], length) && argv[a][length] == '=')
        dims[s] = atoll(argv[a] + length + 1);
  }
  if (desc->eval_dims)
    desc->eval_dims(dims);

  asgc_options options = {.threads = atoi(argv[2])};
  asgc_program *program;
  if (asgc_program_create(desc, &options, &program))
    return fail("create", asgc_last_error());
  if (asgc_program_init(program, 1) == ASGC_NOT_FOUND)
    fprintf(stderr, "worker: no init entry; variables stay as they are\n");
  DLTensor *inputs[MOST_SETS][16], *outputs[MOST_SETS][16];
  if (entry->num_inputs > 16 || entry->num_outputs > 16)
    return fail(argv[1], "more than 16 inputs or outputs");
  for (int set = 0; set < sets; ++set) {
    for (int i = 0; i < entry->num_inputs; ++i)
      inputs[set][i] = makeTensor(&entry->inputs[i], dims);
    for (int i = 0; i < entry->num_outputs; ++i)
      outputs[set][i] = makeTensor(&entry->outputs[i], dims);
  }

  char line[64];
  int set = 0;
  while (fgets(line, sizeof line, stdin)) {
    int count = atoi(line);
    double start = now();
    for (int i = 0; i < count; ++i, set = (set + 1) % sets)
      if (asgc_program_run(program, argv[1],
                           (const DLTensor *const *)inputs[set],
                           entry->num_inputs, outputs[set], entry->num_outputs))
        return fail("run", asgc_program_error(program));
    double seconds = (now() - start) / count;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.9g %ld\n", seconds, usage.ru_maxrss * 1024L);
    fflush(stdout);
  }
  asgc_program_destroy(program);
  return 0;
}
