#include "sys/clock.h"

#include <errno.h>

#include "base/arith.h"
#include "base/units.h"

static bool read_clock(const struct sl_sys *sys, clockid_t which, uint64_t *ret_ns) {
  struct timespec t;
  if (sys->clock_gettime(which, &t) != 0 || t.tv_sec < 0) {
    return false;
  }
  *ret_ns = (uint64_t)t.tv_sec * SL_NS_PER_S + (uint64_t)t.tv_nsec;
  return true;
}

enum sl_status sl_clock_init(struct sl_clock *clock, const struct sl_sys *sys,
                             sl_clock_corrected_fn *corrected, void *ctx) {
  uint64_t wall_ns, monotonic_ns;
  // In this order a pause between the two readings leaves engine time behind the wall clock, never
  // ahead.
  if (!read_clock(sys, CLOCK_REALTIME, &wall_ns) ||
      !read_clock(sys, CLOCK_MONOTONIC, &monotonic_ns)) {
    return SL_ERR_IO;
  }
  *clock = (struct sl_clock){.sys = sys, .corrected = corrected, .ctx = ctx};
  atomic_init(&clock->offset_ns, wall_ns - monotonic_ns);
  atomic_init(&clock->check_ns, monotonic_ns + SL_CLOCK_CHECK_NS);
  return SL_OK;
}

// Moves the offset forward where the wall clock leads by more than a second.
static void look_at_wall(struct sl_clock *clock) {
  uint64_t offset_ns = atomic_load_explicit(&clock->offset_ns, memory_order_acquire);
  uint64_t wall_ns, monotonic_ns;
  // The monotonic clock is read last: a pause in between can only hide a lead, never feign one.
  if (!read_clock(clock->sys, CLOCK_REALTIME, &wall_ns) ||
      !read_clock(clock->sys, CLOCK_MONOTONIC, &monotonic_ns)) {
    return;
  }
  uint64_t engine_ns = monotonic_ns + offset_ns;
  if (wall_ns <= engine_ns || wall_ns - engine_ns <= SL_CLOCK_LEAD_NS) {
    return;
  }
  uint64_t lead_ns = wall_ns - engine_ns;
  // Fails where another thread has corrected meanwhile: its lead and ours are the same one.
  if (atomic_compare_exchange_strong_explicit(&clock->offset_ns, &offset_ns, offset_ns + lead_ns,
                                              memory_order_acq_rel, memory_order_relaxed) &&
      clock->corrected != NULL) {
    clock->corrected(clock->ctx, lead_ns);
  }
}

uint64_t sl_clock_now(struct sl_clock *clock) {
  uint64_t monotonic_ns;
  if (!read_clock(clock->sys, CLOCK_MONOTONIC, &monotonic_ns)) {
    return 0;
  }
  uint64_t check_ns = atomic_load_explicit(&clock->check_ns, memory_order_relaxed);
  if (SL_UNLIKELY(monotonic_ns >= check_ns) &&
      atomic_compare_exchange_strong_explicit(&clock->check_ns, &check_ns,
                                              monotonic_ns + SL_CLOCK_CHECK_NS,
                                              memory_order_relaxed, memory_order_relaxed)) {
    look_at_wall(clock);
  }
  return monotonic_ns + atomic_load_explicit(&clock->offset_ns, memory_order_acquire);
}

uint64_t sl_monotonic_ns(const struct sl_sys *sys) {
  uint64_t ns;
  return read_clock(sys, CLOCK_MONOTONIC, &ns) ? ns : 0;
}

void sl_sleep_until(const struct sl_sys *sys, uint64_t monotonic_ns) {
  const struct timespec until = {
      .tv_sec = (time_t)(monotonic_ns / SL_NS_PER_S),
      .tv_nsec = (long)(monotonic_ns % SL_NS_PER_S),
  };
  while (sys->clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}
