// leaky_bucket.h - equal distances between departures.
//
// The law: requests wait in a bucket of Q places and leave one by one at the rate N/P; one that
// finds the bucket full is refused. It is the token bucket of burst Q + 1 whose admitted request
// departs at max(now, old stamp): no two departures of cost 1 are closer than P/N. A cost c takes c
// places and holds the next request back c x P/N; above Q + 1 it is `never`. The decision is
// `allowed` with `wait_ns`; the caller waits.
//
// Source: "leaky bucket as a queue", Turner, "New directions in communications", 1986.
#ifndef SL_ALGO_LEAKY_BUCKET_H
#define SL_ALGO_LEAKY_BUCKET_H

#include "algo/stamp.h"

// As sl_token_bucket_take; *ret_wait_ns is how long the admitted request waits for its departure.
enum sl_verdict sl_leaky_bucket_take(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                     uint64_t cost, uint64_t *ret_stamp, uint64_t *ret_wait_ns);

enum sl_status sl_leaky_bucket_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) SL_MUST_USE;

#endif
