// relax.h - waiting for another thread that is about to be done.
#ifndef SL_SYS_RELAX_H
#define SL_SYS_RELAX_H

#include "sys/sys.h"

// Rounds that only pause the processor; from there on the system may run the thread that is waited
// for.
enum { SL_RELAX_PAUSES = 32 };

// One round of waiting; `round` counts from 0, `ctx` is the const struct sl_sys to yield through.
// The form is that of sl_engine_options.relax. Thread-safe.
void sl_relax(void *ctx, unsigned round);

#endif
