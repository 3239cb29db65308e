// How a vector's failure is told.
#include "vectors/vectors.h"

#include <stdarg.h>
#include <stdio.h>

void vector_say(struct vector *v, const char *format, ...) {
  if (v->failed) {
    return;
  }
  v->failed = true;
  printf("not ok %s: ", v->id);
  if (v->step > 0) {
    printf("step %zu, ", v->step);
  }
  va_list list;
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  putchar('\n');
}
