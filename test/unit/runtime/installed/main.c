/* main.c - A C program that uses the installed runtime. */
#include <asgc/abi.h>
#include <asgc/file.h>
#include <asgc/safetensors.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  asgc_program *program = NULL;
  asgc_program_desc desc;
  memset(&desc, 0, sizeof(desc));
  desc.abi_version = ASGC_ABI_VERSION;
  desc.name = "empty";
  if (asgc_program_create(&desc, NULL, &program) != ASGC_OK ||
      asgc_program_run(program, "infer", NULL, 0, NULL, 0) != ASGC_NOT_FOUND) {
    fprintf(stderr, "unexpected: %s\n", asgc_last_error());
    return 1;
  }
  asgc_program_destroy(program);
  printf("%s %s\n", asgc_version(), asgc_cpu_isa());
  return 0;
}
