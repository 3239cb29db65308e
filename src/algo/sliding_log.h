// sliding_log.h - the exact sliding window, at the price of remembering every admission.
//
// The law: at most N in every window (t - W, t]. Each admitted request is one entry (time, cost);
// entries of one instant are merged. A request of cost c is admitted at t when the entries after t
// - W, plus c, are at most N. The window is half-open: what was admitted at t - W has just left.
//
// With `count_refused` the requests that the rule itself refuses are logged too (SEMANTICS 18): who
// keeps knocking stays out. The log keeps the newest N units, whatever logged them. Older units
// leave the window before these do, so nobody can tell them from forgotten ones; so a log never has
// more than N entries, and a charge (SEMANTICS 21) needs no other bound: it holds the limit for W
// at most.
//
// Source: the "sliding window log" (the sorted-set recipe common with Redis; ClassDojo's "rolling
// rate limiter", 2015).
#ifndef SL_ALGO_SLIDING_LOG_H
#define SL_ALGO_SLIDING_LOG_H

#include "algo/record.h"

// Derives the limit; ranges are already checked (N at most SL_LOG_COUNT_MAX). Always SL_OK.
enum sl_status sl_sliding_log_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) SL_MUST_USE;

// The operations of record.h. The record is a ring that grows by doubling, to N entries at most. It
// may pass to a limit that differs in N alone: what was logged stays.
size_t sl_sliding_log_bytes(const struct sl_limit *limit, const void *state, size_t have);
void sl_sliding_log_init(const struct sl_limit *limit, void *state, size_t bytes);
void sl_sliding_log_move(const struct sl_limit *limit, void *state, size_t bytes, const void *from);
void sl_sliding_log_advance(const struct sl_limit *limit, void *state, uint64_t now_ns);
enum sl_verdict sl_sliding_log_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost);
void sl_sliding_log_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot);
void sl_sliding_log_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost);
void sl_sliding_log_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision);
bool sl_sliding_log_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns);
// For limits with count_refused: logs a refused cost, `never` included (as the newest N units).
void sl_sliding_log_refuse(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost);

bool sl_sliding_log_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry);

#endif
