// app.h - what every command of the program `sluice` is given: the system, memory, where to write.
#ifndef SL_CLI_APP_H
#define SL_CLI_APP_H

#include <stdio.h>

#include "base/mem.h"
#include "sys/sys.h"

// Exit statuses, for scripts. (3 is kept for `never`, SEMANTICS 22.)
enum {
  SL_EXIT_OK = 0,
  SL_EXIT_INVALID = 1,  // the rules are not valid
  SL_EXIT_TROUBLE = 2,  // a mistake in the call, or the system refused something
};

struct sl_app {
  const struct sl_sys *sys;
  struct sl_mem mem;
  FILE *out, *err;
  bool out_is_terminal, err_is_terminal;
  bool colour;  // for out: a terminal, and NO_COLOR is not set
};

// Writes "sluice: MESSAGE\n" to err. Returns SL_EXIT_TROUBLE.
int sl_complain(const struct sl_app *app, const char *format, ...) SL_PRINTF(2, 3);

// Says that memory ran out. Returns SL_EXIT_TROUBLE.
int sl_complain_memory(const struct sl_app *app);

// Makes room for `count` items of `size` bytes in an array that holds *room of them: allocates the
// next power of two and moves them. False when out of memory: the array is as before.
bool sl_grow(const struct sl_mem *mem, void **items, size_t *room, size_t size,
             size_t count) SL_MUST_USE;

#endif
