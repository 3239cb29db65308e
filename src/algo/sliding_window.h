// sliding_window.h - the weighted sliding window: two counters that stand for a whole log.
//
// The law: time is cut into aligned windows of W. At e into a window, the count of the previous
// window is taken as spread evenly over it, and a request of cost c is admitted when
//       previous x (W - e) + (current + c) x W <= N x W
// in 128 bits, without rounding. It is exact where the previous window's requests came evenly, and
// within the weight of a burst at its edge otherwise; sub_windows.h is the form that never exceeds
// N.
//
// The state is 16 bytes: the window's index (44 bits: 2^62 ns of windows of 1 ms), and the two
// counts (42 bits each). All zero is fresh. A count may exceed N by charges (SEMANTICS 21), up to
// N + floor(N x max_wait / W) where that fits the 42 bits.
//
// Source: the "sliding window counter" of Cloudflare ("How we built rate limiting capable of
// scaling to millions of domains", 2017), with the weights kept whole.
#ifndef SL_ALGO_SLIDING_WINDOW_H
#define SL_ALGO_SLIDING_WINDOW_H

#include "algo/record.h"

enum { SL_SLIDING_WINDOW_BYTES = 16 };

// The largest count that one of the two counters holds.
#define SL_SLIDING_WINDOW_COUNT_MAX ((UINT64_C(1) << 42) - 1)

// Derives the limit; ranges are already checked. Always SL_OK.
enum sl_status sl_sliding_window_prepare(const struct sl_limit_spec *spec,
                                         struct sl_limit *ret_limit,
                                         struct sl_text *message) SL_MUST_USE;

// Makes `state` (16 bytes) say that `previous` was counted in the window before the one of now_ns,
// and `current` in it. Counts above the most that a counter holds are cut to it.
void sl_sliding_window_set(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t previous, uint64_t current);

// The operations of record.h. Thread-safe as far as the caller holds the state.
size_t sl_sliding_window_bytes(const struct sl_limit *limit, const void *state, size_t have);
void sl_sliding_window_init(const struct sl_limit *limit, void *state, size_t bytes);
void sl_sliding_window_move(const struct sl_limit *limit, void *state, size_t bytes,
                            const void *from);
void sl_sliding_window_advance(const struct sl_limit *limit, void *state, uint64_t now_ns);
enum sl_verdict sl_sliding_window_test(const struct sl_limit *limit, const void *state,
                                       uint64_t now_ns, uint64_t cost);
void sl_sliding_window_take(const struct sl_limit *limit, void *state, uint64_t now_ns,
                            uint64_t cost, uint64_t slot);
void sl_sliding_window_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                              uint64_t cost);
void sl_sliding_window_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                               uint64_t cost, enum sl_verdict verdict,
                               struct sl_decision *ret_decision);
bool sl_sliding_window_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns);

bool sl_sliding_window_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                             struct sl_record_entry *ret_entry);

#endif
