// self_pay.h - the library's limiter in which every request waits for its own permits.
//
// The law: permits come in at the rate, up to `burst` of time's worth. A request takes its permits
// at once, into debt where there are not enough, and waits until its own have come in; those behind
// it wait for theirs on top. So departures keep within burst + r x D in any interval of length D
// once the caller goes no sooner than told. A cost above the burst waits; it is never refused.
// Fresh: one second of permits (or the burst, where that is less).
//
// One instant holds it all: when the permits would be full again. A change of the rate keeps that
// instant: stored permits keep their proportion to the most, and what was promised stays. An
// infinite rate takes no time, but waits behind earlier promises; from there to a finite rate it is
// full.
//
// Cancel (SEMANTICS 35) gives back, as time, cost / r - max(time since it was charged, latest
// departure ever promised - its own), where that is positive: later reservations keep their times,
// and no interval exceeds the bound. (A full refund would let the same permits go twice in one
// interval.) Where costs above the burst are served, the largest that was ever reserved stands for
// the burst in that bound.
//
// Source: the common Redis port of Guava's RateLimiter, in the form of the generic cell rate
// algorithm (ITU-T I.371, Annex A) with the debt that Go's x/time/rate calls a reservation.
//
// Times are ns in [0, SL_TIME_MAX_NS) on any clock; one that steps back stands still. The caller
// owns the structs; one thread at a time.
#ifndef SL_ALGO_SELF_PAY_H
#define SL_ALGO_SELF_PAY_H

#include "algo/pace.h"

struct sl_self_pay {
  struct sl_pace pace;
  uint64_t burst_ns;
  uint64_t latest_ns;    // the latest time seen
  uint64_t promised_ns;  // the latest departure ever promised
  sl_u128 full;          // the instant of being full, in 1/count ns; past: full
};

// What the holder of a reservation keeps, to cancel it once. A zeroed one gives nothing back.
struct sl_self_pay_receipt {
  uint64_t charged_ns;
  uint64_t departs_ns;
  uint64_t count;  // `charge` is in 1/count ns
  sl_u128 charge;
};

// burst_ns from 0 to SL_PERIOD_MAX_NS. SL_OK, SL_ERR_RANGE (pace or burst).
enum sl_status sl_self_pay_init(struct sl_self_pay *limiter, struct sl_pace pace, uint64_t burst_ns,
                                uint64_t now_ns) SL_MUST_USE;

// Takes the permits; returns how many ns to wait for them.
uint64_t sl_self_pay_reserve(struct sl_self_pay *limiter, uint64_t now_ns, uint64_t permits,
                             struct sl_self_pay_receipt *ret_receipt);

// Takes them only where the wait is at most timeout_ns. True: taken, *ret_wait_ns is the wait.
// False: nothing was taken, *ret_wait_ns is what the wait would have been, and the receipt gives
// nothing back.
bool sl_self_pay_try(struct sl_self_pay *limiter, uint64_t now_ns, uint64_t permits,
                     uint64_t timeout_ns, uint64_t *ret_wait_ns,
                     struct sl_self_pay_receipt *ret_receipt);

// Gives a reservation back, as far as the law allows. Returns what came back as time at the present
// rate, in whole ns rounded down. Once for each receipt.
uint64_t sl_self_pay_cancel(struct sl_self_pay *limiter, uint64_t now_ns,
                            const struct sl_self_pay_receipt *receipt);

// SL_OK, SL_ERR_RANGE (nothing changed).
enum sl_status sl_self_pay_set_rate(struct sl_self_pay *limiter, uint64_t now_ns,
                                    struct sl_pace pace) SL_MUST_USE;

#endif
