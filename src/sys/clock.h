// clock.h - engine time (SEMANTICS 2), and sleeping.
//
// Engine time is Unix time in nanoseconds, made of the monotonic clock plus an offset. The offset
// is the wall clock's lead over the monotonic clock, taken at the start. A wall clock that is set
// back changes nothing: engine time goes on evenly. One that turns out to be more than a second
// ahead (set forward, or the machine slept) moves the offset forward, once, and the owner is told:
// it costs at most one burst.
#ifndef SL_SYS_CLOCK_H
#define SL_SYS_CLOCK_H

#include <stdatomic.h>

#include "base/status.h"
#include "sys/sys.h"

// How far the wall clock may lead before engine time follows, and how often it is looked at.
#define SL_CLOCK_LEAD_NS UINT64_C(1000000000)
#define SL_CLOCK_CHECK_NS UINT64_C(250000000)

// Told after engine time was moved forward by `forward_ns`; called by whatever thread found it.
typedef void sl_clock_corrected_fn(void *ctx, uint64_t forward_ns);

struct sl_clock {
  const struct sl_sys *sys;
  _Atomic uint64_t offset_ns;        // modulo 2^64
  _Atomic uint64_t check_ns;         // monotonic: when the wall clock is next looked at
  sl_clock_corrected_fn *corrected;  // may be NULL
  void *ctx;
};

// SL_OK; SL_ERR_IO: the system has no such clocks. `sys` must outlive the clock. Free of resources.
enum sl_status sl_clock_init(struct sl_clock *clock, const struct sl_sys *sys,
                             sl_clock_corrected_fn *corrected, void *ctx) SL_MUST_USE;

// Engine time now. 0 where the clock cannot be read: whoever sees to it that time never goes back
// then lets it stand still. Thread-safe; lock-free.
uint64_t sl_clock_now(struct sl_clock *clock);

// The monotonic clock in nanoseconds from an arbitrary start; 0 where it cannot be read.
// Thread-safe.
uint64_t sl_monotonic_ns(const struct sl_sys *sys);

// Returns when the monotonic clock has reached `monotonic_ns`, at once where it has; signals do not
// cut the sleep short. Thread-safe.
void sl_sleep_until(const struct sl_sys *sys, uint64_t monotonic_ns);

#endif
