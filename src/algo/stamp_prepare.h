// stamp_prepare.h - private to the stamp algorithms: the constants they derive the same way.
#ifndef SL_ALGO_STAMP_PREPARE_H
#define SL_ALGO_STAMP_PREPARE_H

#include "algo/stamp.h"

// Fills *ret_limit for `size` tokens at count / period_ns; step_ns > 1 for aligned windows. A count
// or size of 0 is a ban. SL_ERR_RANGE when size x interval exceeds SL_DEBT_MAX_NS; `size_name` is
// what the message calls it.
enum sl_status sl_stamp_prepare(enum sl_algorithm algorithm, uint64_t count, uint64_t period_ns,
                                uint64_t step_ns, uint64_t size, const char *size_name,
                                uint64_t max_wait_ns, struct sl_limit *ret_limit,
                                struct sl_text *message) SL_MUST_USE;

#endif
