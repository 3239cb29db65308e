// Guava's SmoothRateLimiter by its own formulas: in permits and floating point of 64 bits of
// mantissa, where the code under test counts time in whole numbers. Times are ns from the start of
// a history, for precision.
#ifndef TESTS_PROP_MODEL_GUAVA_H
#define TESTS_PROP_MODEL_GUAVA_H

#include "algo/pace.h"

struct guava {
  bool warming_up;
  long double burst_seconds, warmup, cold_factor;
  long double stored, most, stable;  // permits, permits, ns a permit
  long double threshold, slope;
  long double next_free;
  bool infinite;
};

__attribute__((unused)) static void guava_set_rate(struct guava *g, struct sl_pace pace,
                                                   bool fresh) {
  long double old_most = g->most;
  bool was_infinite = g->infinite;
  g->infinite = sl_pace_is_infinite(pace);
  if (g->infinite) {
    g->stable = 0;
    return;
  }
  g->stable = (long double)pace.period_ns / (long double)pace.count;
  if (!g->warming_up) {
    g->most = g->burst_seconds * 1e9L / g->stable;
    g->stored = was_infinite && !fresh ? g->most
                : old_most == 0        ? 0
                                       : g->stored * g->most / old_most;
    return;
  }
  long double cold = g->stable * g->cold_factor;
  g->threshold = 0.5L * g->warmup / g->stable;
  g->most = g->threshold + 2 * g->warmup / (g->stable + cold);
  g->slope = g->most > g->threshold ? (cold - g->stable) / (g->most - g->threshold) : 0;
  g->stored = was_infinite && !fresh   ? 0
              : fresh || old_most == 0 ? g->most
                                       : g->stored * g->most / old_most;
}

__attribute__((unused)) static void guava_resync(struct guava *g, long double now) {
  if (now <= g->next_free) {
    return;
  }
  if (!g->infinite) {
    long double cool_down = !g->warming_up ? g->stable : g->most > 0 ? g->warmup / g->most : 0;
    long double fresh = cool_down > 0 ? (now - g->next_free) / cool_down : 0;
    g->stored = g->stored + fresh < g->most ? g->stored + fresh : g->most;
  }
  g->next_free = now;
}

static long double guava_price(const struct guava *g, long double take) {
  if (!g->warming_up) {
    return 0;
  }
  long double above = g->stored - g->threshold;
  long double price = 0;
  if (above > 0) {
    long double taken = above < take ? above : take;
    long double length = (g->stable + above * g->slope) + (g->stable + (above - taken) * g->slope);
    price = taken * length / 2;
    take -= taken;
  }
  return price + g->stable * take;
}

__attribute__((unused)) static void guava_take(struct guava *g, uint64_t permits) {
  long double want = (long double)permits;
  if (g->infinite) {
    return;
  }
  long double take = want < g->stored ? want : g->stored;
  g->next_free += guava_price(g, take) + (want - take) * g->stable;
  g->stored -= take;
}

// The wait of a request now, before it takes anything.
__attribute__((unused)) static long double guava_wait(struct guava *g, long double now) {
  guava_resync(g, now);
  return g->next_free > now ? g->next_free - now : 0;
}

// The vectors' tolerance is 1 us; the model's own error grows with the numbers that it holds.
__attribute__((unused)) static bool guava_agrees(const struct guava *g, long double want,
                                                 uint64_t got_ns) {
  long double apart = want - (long double)got_ns;
  long double tolerance = 1000 + g->next_free * 1e-15L;
  return apart <= tolerance && -apart <= tolerance;
}

#endif
