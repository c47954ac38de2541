#include "digits.h"
#include "image.h" /* static const float image[64] */
#include <stdio.h>
int main(void) {
  asgc_program *p = 0; float score[10]; int best = 0;
  if (digits_create(0, &p) || digits_load(p, "digits.safetensors") || digits_infer(p, 1, image, score))
    return fprintf(stderr, "%s\n", digits_error(p)), 1;
  for (int i = 1; i < 10; ++i) best = score[i] > score[best] ? i : best;
  return printf("this is a %d\n", best), digits_destroy(p), 0;
}
