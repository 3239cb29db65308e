// default_mem.h - struct sl_mem over the system's allocator: what is used where the caller brings
// none.
//
// Blocks of SL_BIG_BLOCK bytes and more are mapped on their own, at a multiple of 2 MiB and with
// huge pages asked for: a table of buckets is read at random places, and a walk through the page
// tables costs more than the reading. Their pages are zero and come into being when they are first
// touched.
#ifndef SL_SYS_DEFAULT_MEM_H
#define SL_SYS_DEFAULT_MEM_H

#include "base/mem.h"
#include "sys/sys.h"

enum { SL_BIG_BLOCK = 4 << 20 };

// `sys` must outlive the result. Thread-safe, also its use.
struct sl_mem sl_default_mem(const struct sl_sys *sys);

#endif
