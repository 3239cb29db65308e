// smooth.h - the library's two limiters that smooth a flow: smooth_bursty and smooth_warming_up.
//
// The law of both: a limiter knows the moment at which it is next free. A request waits until then,
// whatever its own size; its permits move the next moment on, so the request after it pays. What is
// idle time is credited: permits are stored up to a bound, and are spent before fresh ones. A cost
// of any size is served; the next one waits.
//
//   smooth_bursty      stores what came in max_burst of idle time; stored permits take no time.
//   Fresh: none
//                      stored.
//   smooth_warming_up  stores permits as it cools down, over the warm-up period. Stored permits
//   cost more
//                      than fresh ones: the interval rises in a straight line from the stable one
//                      (at half a warm-up's permits stored, and below) to cold_factor times that
//                      (at the most that is stored), and a request pays the area under the line.
//                      Fresh: cold.
//
// Stored permits are held as the time s that fresh ones would take, so that a change of the rate
// keeps their proportion to the most by changing nothing. In this form the line costs, for the
// spent part A of the B that is stored above W/2 (W the warm-up, f the cold factor),
//       A + A (2B - A) (f^2 - 1) / 4W
// the most is W/2 + 2W/(1 + f), and it fills in W. The second term is rounded up by less than 5 ns;
// all else is exact (pace.h).
//
// An infinite rate takes no time, but what was promised before it. From an infinite to a finite
// rate, smooth_bursty is full and smooth_warming_up warm.
//
// Source: Guava's SmoothRateLimiter (com.google.common.util.concurrent), of which these have the
// waits.
//
// Times are ns in [0, SL_TIME_MAX_NS) on any clock; one that steps back stands still. The caller
// owns the structs; one thread at a time.
#ifndef SL_ALGO_SMOOTH_H
#define SL_ALGO_SMOOTH_H

#include "algo/pace.h"

enum { SL_COLD_FACTOR_MAX = 10000 };

struct sl_smooth {
  struct sl_pace pace;
  bool warming_up;
  uint32_t cold_num, cold_den;  // the cold factor; 1 and 1 in smooth_bursty
  uint64_t span_ns;             // max_burst, or the warm-up period
  uint64_t latest_ns;           // the latest time seen
  uint64_t grain;               // `stored` counts 1/(count x grain) ns ...
  uint64_t gain;      // ... and gains so many a unit of idle time, up to so many a unit of span
  sl_u128 next_free;  // in 1/count ns
  sl_u128 stored;
};

// max_burst_ns from 0 to SL_PERIOD_MAX_NS. SL_OK, SL_ERR_RANGE (pace or max_burst).
enum sl_status sl_smooth_bursty_init(struct sl_smooth *smooth, struct sl_pace pace,
                                     uint64_t max_burst_ns, uint64_t now_ns) SL_MUST_USE;

// warmup_ns from 0 to SL_PERIOD_MAX_NS; the cold factor is cold_num / cold_den, each from 1 to
// SL_COLD_FACTOR_MAX, and at least 1. SL_OK, SL_ERR_RANGE.
enum sl_status sl_smooth_warming_up_init(struct sl_smooth *smooth, struct sl_pace pace,
                                         uint64_t warmup_ns, uint32_t cold_num, uint32_t cold_den,
                                         uint64_t now_ns) SL_MUST_USE;

// Takes the permits and returns how many ns to wait for them. 0 permits wait for their turn and
// take none.
uint64_t sl_smooth_reserve(struct sl_smooth *smooth, uint64_t now_ns, uint64_t permits);

// Takes them only where the wait is at most timeout_ns. True: taken, *ret_wait_ns is the wait.
// False: nothing was taken, and *ret_wait_ns is what the wait would have been.
bool sl_smooth_try(struct sl_smooth *smooth, uint64_t now_ns, uint64_t permits, uint64_t timeout_ns,
                   uint64_t *ret_wait_ns);

// Changes the rate. What was promised stays, the request after it still pays for the last one at
// the old rate. SL_OK, SL_ERR_RANGE (nothing changed).
enum sl_status sl_smooth_set_rate(struct sl_smooth *smooth, uint64_t now_ns,
                                  struct sl_pace pace) SL_MUST_USE;

// ---- between smooth.c, smooth_bursty.c and smooth_warming_up.c
// ---------------------------------------------

// The most that `stored` holds.
sl_u128 sl_smooth_most(const struct sl_smooth *smooth);

// What spending so much of `stored` costs beyond the stable interval, in 1/count ns.
sl_u128 sl_smooth_warming_up_price(const struct sl_smooth *smooth, sl_u128 spent);

#endif
