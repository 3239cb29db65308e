// sub_windows.h - the strict sliding window: one that moves by a fraction of itself.
//
// The law: the window W is cut into k aligned sub-windows of W/k. A request of cost c is admitted
// when the sum of the current and the k previous sub-windows, plus c, is at most N. Any window of
// W, whatever its start, touches at most k + 1 sub-windows in a row, and their sum was at most N
// when the last request in it was admitted: never above N in any window. The price is that a
// request counts for up to W + W/k.
//
// The state is a record of a header and k + 1 counters. Only the newest N units are kept: older
// ones leave the sum before these do, so nobody can tell them from forgotten ones. A charge
// (SEMANTICS 21) therefore needs no bound of its own: it holds the limit for W + W/k at most.
//
// Source: the common "sliding window with sub-windows" (sentinel-golang's leap array, Hystrix's
// rolling number); counting one sub-window more than the window has makes it strict.
#ifndef SL_ALGO_SUB_WINDOWS_H
#define SL_ALGO_SUB_WINDOWS_H

#include "algo/record.h"

// Derives the limit; ranges are already checked. SL_OK; SL_ERR_INVALID when sub_windows does not
// divide the period into whole nanoseconds.
enum sl_status sl_sub_windows_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) SL_MUST_USE;

// The operations of record.h. A record may pass to a limit that differs in N alone: the counts
// stay.
size_t sl_sub_windows_bytes(const struct sl_limit *limit, const void *state, size_t have);
void sl_sub_windows_init(const struct sl_limit *limit, void *state, size_t bytes);
void sl_sub_windows_move(const struct sl_limit *limit, void *state, size_t bytes, const void *from);
void sl_sub_windows_advance(const struct sl_limit *limit, void *state, uint64_t now_ns);
enum sl_verdict sl_sub_windows_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost);
void sl_sub_windows_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot);
void sl_sub_windows_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost);
void sl_sub_windows_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision);
bool sl_sub_windows_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns);

bool sl_sub_windows_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry);

#endif
