#include "digits.h"
#include "image.h"
#include <stdio.h>
int main(void) {
  float score[DIGITS_INFER_OUTPUT_SIZE(1)];
  digits *model = digits_create();
  if (!model || digits_infer(model, 1, image, score)) return puts(digits_error(model)), 1;
  int best = 0;
  for (int i = 1; i < 10; ++i) best = score[i] > score[best] ? i : best;
  return printf("this is a %d\n", best), digits_destroy(model), 0;
}
