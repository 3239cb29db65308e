// What the property tests of the limits share: laws that are counted, random numbers with the
// habits that find mistakes, and a failure that says how to replay it.
//
// A program names its laws, runs random histories and checks the laws at each step. The first
// failure ends the run with the step, what was expected and what came. At the end each law is one
// test, and a law that was never put to the test in a run of some length fails, too.
#ifndef TESTS_PROP_PROP_H
#define TESTS_PROP_PROP_H

#include "algo/limit.h"
#include "base/prng.h"
#include "support/tap.h"

enum { PROP_LAWS_MAX = 16, PROP_VACUOUS_BELOW = 100000 };

struct prop {
  struct tap_args args;
  struct sl_prng prng;
  const char *const *laws;
  size_t law_count;
  uint64_t checked[PROP_LAWS_MAX];
  uint64_t step;
  size_t broken;  // the law that failed, from 1; 0: none
  // Tells people what the history was, after a failure.
  void (*describe)(const void *context);
  const void *context;
};

__attribute__((unused)) static void prop_init(struct prop *p, int argc, char **argv, uint64_t steps,
                                              const char *const *laws, size_t law_count) {
  *p = (struct prop){.args = tap_parse(argc, argv, steps), .laws = laws, .law_count = law_count};
  sl_prng_seed(&p->prng, p->args.seed);
}

__attribute__((noinline, unused)) static bool prop_fail(struct prop *p, size_t law, sl_u128 want,
                                                        sl_u128 got) {
  if (p->broken != 0) {
    return false;
  }
  p->broken = law + 1;
  diag("%s: step %" PRIu64 ", expected %" PRIu64 ", got %" PRIu64, p->laws[law], p->step,
       sl_sat_u128(want), sl_sat_u128(got));
  if (p->describe != NULL) {
    p->describe(p->context);
  }
  diag("replay with --seed %" PRIu64 " --steps %" PRIu64, p->args.seed, p->args.steps);
  return false;
}

// Law number `law` holds when `condition` does.
static inline bool prop_holds(struct prop *p, size_t law, bool condition, sl_u128 want,
                              sl_u128 got) {
  p->checked[law]++;
  return SL_LIKELY(condition) ? true : prop_fail(p, law, want, got);
}

// Law number `law` holds when both are equal.
static inline bool prop_equal(struct prop *p, size_t law, uint64_t want, uint64_t got) {
  return prop_holds(p, law, want == got, want, got);
}

__attribute__((unused)) static int prop_done(struct prop *p) {
  for (size_t law = 0; law < p->law_count; law++) {
    bool vacuous = p->checked[law] == 0 && p->step >= PROP_VACUOUS_BELOW;
    bool cut = p->broken != 0 && p->broken != law + 1;
    ok(p->broken != law + 1 && !(vacuous && !cut), "%s (%" PRIu64 " checks)", p->laws[law],
       p->checked[law]);
  }
  return done_testing();
}

// ---- random numbers
// ------------------------------------------------------------------------------------

static inline uint64_t prop_below(struct prop *p, uint64_t bound) {
  return sl_prng_below(&p->prng, bound);
}

static inline uint64_t prop_between(struct prop *p, uint64_t least, uint64_t most) {
  return least + sl_prng_below(&p->prng, most - least + 1);
}

static inline bool prop_one_in(struct prop *p, uint64_t many) {
  return sl_prng_below(&p->prng, many) == 0;
}

// From 1 to most, every order of magnitude as likely as another.
__attribute__((unused)) static uint64_t prop_magnitude(struct prop *p, uint64_t most) {
  unsigned bits = 64 - (unsigned)__builtin_clzll(most);
  uint64_t number = sl_prng_next(&p->prng) >> (64 - prop_between(p, 1, bits));
  return number == 0 ? 1 : (number > most ? most : number);
}

// A rate: the nice, the ugly, and the random ones, from 1 in 366 days to 100 million a second.
__attribute__((unused)) static void prop_rate(struct prop *p, uint64_t *ret_count,
                                              uint64_t *ret_period_ns) {
  static const struct {
    uint64_t count, period_ns;
  } known[] = {
      {1, SL_NS_PER_D},        {1, 366 * SL_NS_PER_D},   {10, SL_NS_PER_S},
      {7, SL_NS_PER_S},        {8701, 30 * SL_NS_PER_S}, {9000, 30 * SL_NS_PER_S},
      {600, 30 * SL_NS_PER_S}, {99999989, SL_NS_PER_S},  {100000000, SL_NS_PER_S},
      {1, SL_NS_PER_MS},       {193, 10 * SL_NS_PER_S},  {1000003, SL_NS_PER_H},
      {3, SL_NS_PER_S},        {1, SL_NS_PER_S},         {SL_COUNT_MAX, 366 * SL_NS_PER_D},
      {12345678, SL_NS_PER_W},
  };
  static const uint64_t units[] = {SL_NS_PER_MS, SL_NS_PER_S, SL_NS_PER_M, SL_NS_PER_H,
                                   SL_NS_PER_D};
  if (prop_one_in(p, 2)) {
    size_t i = prop_below(p, SL_ARRAY_LEN(known));
    *ret_count = known[i].count;
    *ret_period_ns = known[i].period_ns;
    return;
  }
  uint64_t unit = units[prop_below(p, SL_ARRAY_LEN(units))];
  uint64_t most = SL_PERIOD_MAX_NS / unit;
  *ret_period_ns = prop_one_in(p, 8)
                       ? SL_PERIOD_MIN_NS + prop_magnitude(p, SL_PERIOD_MAX_NS - SL_PERIOD_MIN_NS)
                       : unit * prop_magnitude(p, most < 100 ? most : 100);
  uint64_t fastest = *ret_period_ns / 10;
  *ret_count = prop_magnitude(p, fastest < SL_COUNT_MAX ? fastest : SL_COUNT_MAX);
}

// The first instant of a history: the epoch, today, the far end of time, or any.
__attribute__((unused)) static uint64_t prop_start(struct prop *p) {
  switch (prop_below(p, 5)) {
  case 0:
    return 0;
  case 1:
    return prop_below(p, SL_NS_PER_W);
  case 2:
    return prop_below(p, SL_TIME_MAX_NS);
  default:
    return UINT64_C(1700000000) * SL_NS_PER_S + prop_below(p, 400 * SL_NS_PER_D);
  }
}

// The time until the next step: standing still, some ns, about an emission interval, about a
// window, exactly what the last decision told (and 1 ns to both sides), the edge of a window, days,
// leaping years.
struct prop_habits {
  uint64_t interval_ns;  // of one token
  uint64_t window_ns;
  uint64_t retry_ns, reset_ns;  // of the last decision
  uint64_t grid_ns;             // steps are multiples of this; 1 is none
};

__attribute__((unused)) static uint64_t prop_step_ns(struct prop *p, const struct prop_habits *h,
                                                     uint64_t now_ns) {
  uint64_t dice = prop_below(p, 256);
  uint64_t step;
  if (dice < 64) {
    return 0;
  }
  if (dice < 100) {
    step = prop_between(p, 1, 3);
  } else if (dice < 156) {
    step = prop_below(p, 4 * h->interval_ns + 2);
  } else if (dice < 200) {
    step = (prop_one_in(p, 4) ? h->reset_ns : h->retry_ns) + prop_below(p, 3);
    step = step > 0 ? step - 1 : 0;
  } else if (dice < 228) {
    step = prop_below(p, 2 * h->window_ns + 2);
  } else if (dice < 244) {
    step = h->window_ns - now_ns % h->window_ns + prop_below(p, 3);
    step = step > 0 ? step - 1 : 0;
  } else if (dice < 254) {
    step = prop_below(p, SL_NS_PER_D);
  } else {
    step = prop_below(p, 40 * 365 * SL_NS_PER_D);
  }
  return h->grid_ns > 1 ? step / h->grid_ns * h->grid_ns : step;
}

__attribute__((unused)) static uint64_t prop_cost(struct prop *p, uint64_t size,
                                                  uint64_t remaining) {
  uint64_t dice = prop_below(p, 64);
  if (dice < 5) {
    return 0;
  }
  if (dice < 34) {
    return 1;
  }
  if (dice < 44) {
    return prop_between(p, 1, 5);
  }
  if (dice < 48) {
    return remaining;
  }
  if (dice < 52) {
    return remaining + 1;
  }
  if (dice < 55) {
    return size;
  }
  if (dice < 57) {
    return size + 1;
  }
  return dice < 58 ? SL_COST_MAX : prop_below(p, size + 1);
}

#endif
