// fixed_window.h - a count per aligned window.
//
// The law: windows [kW, (k+1)W) are aligned to engine time and own their first instant; each admits
// at most N. Up to 2N can pass across an edge, which is the price of the simplest limit. It is the
// bucket of stamp.h on a clock that stands still within a window and jumps by N tokens at its end:
// one stamp holds window and count, and a charge beyond N is debt of the windows to come.
//
// Source: the fixed window counter as used by most web APIs; the single-stamp form is ours.
#ifndef SL_ALGO_FIXED_WINDOW_H
#define SL_ALGO_FIXED_WINDOW_H

#include "algo/stamp.h"

static inline enum sl_verdict sl_fixed_window_take(const struct sl_limit *limit, uint64_t stamp,
                                                   uint64_t now_ns, uint64_t cost,
                                                   uint64_t *ret_stamp) {
  return sl_stamp_take(limit, stamp, sl_timeline_now(&limit->timeline, now_ns), cost, ret_stamp);
}

enum sl_status sl_fixed_window_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) SL_MUST_USE;

#endif
