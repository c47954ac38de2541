/* worker_asgc.c - Runs one entry of a compiled model on request.
 *
 * Usage: worker ENTRY THREADS SETS [DIM=VALUE]...
 * Then, for each line "N" on stdin, runs the entry N times and prints the
 * seconds of one run and the process's peak memory in bytes. Runs go round
 * SETS sets of inputs and outputs. Built with -DPROGRAM=<name>_program. */
#include "worker_tensors.h"

#include <sys/resource.h>

extern const asgc_program_desc PROGRAM;

enum { MOST_SETS = 64 };

int main(int argc, char **argv) {
  int sets = argc > 3 ? atoi(argv[3]) : 0;
  if (sets < 1 || sets > MOST_SETS)
    return fail("usage", "worker ENTRY THREADS SETS [DIM=VALUE]...");
  const asgc_program_desc *desc = &PROGRAM;
  const asgc_entry_desc *entry = findEntry(desc, argv[1]);
  if (!entry)
    return fail(argv[1], "no such entry");

  int64_t *dims = evalDims(desc, argv + 4, argc > 4 ? argc - 4 : 0);
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
      inputs[set][i] = makeTensor(&entry->inputs[i], dims, i);
    for (int i = 0; i < entry->num_outputs; ++i)
      outputs[set][i] = makeTensor(&entry->outputs[i], dims, i);
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
