// concurrency.h - at most so many at once: slots that are leased, not spent.
//
// The law: a request of cost c is admitted while the leases that run hold at most slots - c. Its
// lease starts now, is named by a slot number, and ends by RELEASE, or by itself at start + lease:
// a holder that died keeps nobody out for longer. RENEW lets the lease run from now. Both are
// idempotent: releasing again, or renewing what has ended, changes nothing and says so. A lease
// covers [start, end): at its end it is free.
//
// A charge (SEMANTICS 21) is a lease without a name, which only time ends. Of these the newest
// `slots` units are kept: they end in order, so nobody can tell older ones from forgotten ones.
//
// The record: a header, leases linked from the oldest end to the newest (all leases are equally
// long, so a new or renewed one goes last), and chains by slot number, so that each operation is
// O(1) but for the leases it ends.
//
// Source: the counting semaphore of Dijkstra, "Over de sequentialiteit van procesbeschrijvingen"
// (EWD 35), with the leases of Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism
// for distributed file cache consistency", SOSP 1989.
#ifndef SL_ALGO_CONCURRENCY_H
#define SL_ALGO_CONCURRENCY_H

#include "algo/record.h"

// Derives the limit (window_ns is the lease); ranges are already checked. Always SL_OK.
enum sl_status sl_concurrency_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) SL_MUST_USE;

// The operations of record.h. `slot` numbers come from the caller: not 0, and no two that run are
// equal. A record may pass to a limit with other slots or another lease: a lease that would run for
// longer than the new one is cut to it.
size_t sl_concurrency_bytes(const struct sl_limit *limit, const void *state, size_t have);
void sl_concurrency_init(const struct sl_limit *limit, void *state, size_t bytes);
void sl_concurrency_move(const struct sl_limit *limit, void *state, size_t bytes, const void *from);
void sl_concurrency_advance(const struct sl_limit *limit, void *state, uint64_t now_ns);
enum sl_verdict sl_concurrency_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost);
void sl_concurrency_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot);
void sl_concurrency_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost);
void sl_concurrency_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision);
bool sl_concurrency_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns);
bool sl_concurrency_release(const struct sl_limit *limit, void *state, uint64_t now_ns,
                            uint64_t slot);
bool sl_concurrency_renew(const struct sl_limit *limit, void *state, uint64_t now_ns,
                          uint64_t slot);

bool sl_concurrency_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry);

#endif
