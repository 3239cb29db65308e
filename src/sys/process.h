// process.h - this process: its signals, its limits, its processors.
#ifndef SL_SYS_PROCESS_H
#define SL_SYS_PROCESS_H

#include "base/status.h"
#include "sys/sys.h"

// From now on SIGTERM, SIGINT and SIGHUP are read from the descriptor, in this thread and those it
// starts, and SIGPIPE is ignored. The descriptor does not block. -1 with errno where it fails.
int sl_signals_open(void);
// The next signal that came, 0 when there is none.
int sl_signals_next(const struct sl_sys *sys, int signals);

// Processors that this process may run on, at least 1.
unsigned sl_processors(void);

// Raises the limit of open descriptors towards `wanted`; returns what it is then, `wanted` where
// the system does not say.
uint64_t sl_descriptors_raise(uint64_t wanted);

// Neither this process nor one that it starts can gain rights by executing a file.
void sl_no_new_privileges(void);

#endif
