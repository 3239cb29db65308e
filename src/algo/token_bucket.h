// token_bucket.h - the default limit.
//
// The law: a bucket of B tokens starts full and gains N tokens per period P, up to B; a request of
// cost c is admitted when c tokens are there, and takes them. Any interval of length D admits at
// most B + N/P x D. One stamp holds it (stamp.h), on the limit's own clock (timeline.h).
//
// `guarantee: any_window` (SEMANTICS 25): a bucket of depth B and rate r admits at most B - 1 +
// ceil(r W) in a half-open window of length W. To honour N per W in every window, whatever its
// start, and for any receiver whose delay varies by at most J, the rate is derived:   r = (N + 1 -
// B) / (W + J).
//
// Source: the token bucket of RFC 2697 and ATM's generic cell rate algorithm (ITU-T I.371, Annex
// A).
#ifndef SL_ALGO_TOKEN_BUCKET_H
#define SL_ALGO_TOKEN_BUCKET_H

#include "algo/stamp.h"

// One decision: see sl_stamp_take and sl_stamp_figures. A stamp at or before the present tick is a
// fresh bucket.
static inline enum sl_verdict sl_token_bucket_take(const struct sl_limit *limit, uint64_t stamp,
                                                   uint64_t now_ns, uint64_t cost,
                                                   uint64_t *ret_stamp) {
  return sl_stamp_take(limit, stamp, sl_timeline_now(&limit->timeline, now_ns), cost, ret_stamp);
}

// Derives rate and burst; ranges are already checked. SL_OK (message empty or a warning),
// SL_ERR_INVALID.
enum sl_status sl_token_bucket_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) SL_MUST_USE;

#endif
