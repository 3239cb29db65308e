#include "cli/app.h"

#include <stdarg.h>

int sl_complain(const struct sl_app *app, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("sluice: ", app->err);
  vfprintf(app->err, format, args);
  fputc('\n', app->err);
  va_end(args);
  return SL_EXIT_TROUBLE;
}

int sl_complain_memory(const struct sl_app *app) { return sl_complain(app, "out of memory"); }

bool sl_grow(const struct sl_mem *mem, void **items, size_t *room, size_t size, size_t count) {
  if (count <= *room) {
    return true;
  }
  size_t wanted = *room == 0 ? 16 : *room;
  while (wanted < count) {
    if (wanted > SIZE_MAX / 2) {
      return false;
    }
    wanted *= 2;
  }
  void *bigger = sl_mem_array(mem, wanted, size, _Alignof(max_align_t));
  if (bigger == NULL) {
    return false;
  }
  if (*room > 0) {
    memcpy(bigger, *items, *room * size);
    sl_mem_free(mem, *items, *room * size);
  }
  *items = bigger;
  *room = wanted;
  return true;
}
