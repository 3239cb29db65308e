// reorder.h - requests of a log in the order of their times, as far as they are not later than a
// window: a request waits until a line has come that is younger by the window, or the log ends.
// Equal times stay in the order in which they came.
#ifndef SL_CLI_REORDER_H
#define SL_CLI_REORDER_H

#include "base/mem.h"
#include "base/status.h"

struct sl_waiting;  // a request with copies of its values

struct sl_reorder {
  const struct sl_mem *mem;
  uint64_t window_ns;
  size_t value_count;
  uint64_t latest_ns;        // the latest time that came
  uint64_t sequence;         // of the next to come
  struct sl_waiting **heap;  // the earliest on top
  size_t count, room;
  struct sl_waiting *taken;  // the last one given out
};

// Zeroed by init; `value_count` values go with each request.
void sl_reorder_init(struct sl_reorder *reorder, const struct sl_mem *mem, uint64_t window_ns,
                     size_t value_count);
void sl_reorder_close(struct sl_reorder *reorder);

// Takes a request in; the values are copied. SL_OK; SL_ERR_MEMORY: nothing was taken.
enum sl_status sl_reorder_put(struct sl_reorder *reorder, uint64_t time_ns,
                              const struct sl_str *values) SL_MUST_USE;

// The next request that is due; with `all`, the next one at any rate. False where there is none.
// The values are good until the next call.
bool sl_reorder_take(struct sl_reorder *reorder, bool all, uint64_t *ret_time_ns,
                     const struct sl_str **ret_values);

#endif
