// The cases of the any-window guarantee: the rule in exact arithmetic, and the real token bucket
// under the arrivals that fill a window most.
#include "vectors/vectors.h"

#include <inttypes.h>
#include <stdlib.h>

#include "algo/token_bucket.h"

struct promise {
  uint64_t n;
  uint64_t window_ns;  // with the jitter
  uint64_t burst;
  uint64_t count, period_ns;
};

// B - 1 + r x W <= N, in whole numbers: (B - 1) P + count x W <= N P.
static bool rule_holds(const struct promise *p) {
  return p->burst == 0 ||
         (sl_u128)(p->burst - 1) * p->period_ns + (sl_u128)p->count * p->window_ns <=
             (sl_u128)p->n * p->period_ns;
}

enum { TAKES_MAX = 4000000 };

// The most that a window [s, s + W) sees when every token is taken the moment it is there, from a
// full bucket at s. Beyond `enough` it stops counting.
static uint64_t greedy(const struct sl_limit *limit, uint64_t start_ns, uint64_t window_ns,
                       uint64_t enough) {
  uint64_t now_ns = start_ns;
  uint64_t stamp = sl_timeline_now(&limit->timeline, now_ns);
  uint64_t taken = 0;
  // Where there are too many tokens to take one by one, a step gathers some; the last instant is a
  // step.
  uint64_t step_ns = window_ns / TAKES_MAX;
  while (now_ns - start_ns < window_ns && taken <= enough) {
    struct sl_decision figures;
    sl_stamp_figures(limit, stamp, now_ns, 1, SL_ALLOWED, &figures);
    uint64_t cost = figures.remaining;
    if (cost > 0) {
      (void)sl_token_bucket_take(limit, stamp, now_ns, cost, &stamp);
      taken += cost;
    }
    sl_stamp_figures(limit, stamp, now_ns, 1, SL_THROTTLED, &figures);
    uint64_t wait_ns = sl_max_u64(sl_max_u64(figures.retry_after_ns, step_ns), 1);
    uint64_t left_ns = window_ns - (now_ns - start_ns);
    now_ns += wait_ns >= left_ns && left_ns > 1 ? left_ns - 1 : wait_ns;
  }
  return taken;
}

static uint64_t most_admitted(const struct sl_limit *limit, const struct promise *p) {
  static const uint64_t starts_ns[] = {0, 1, 7, 999999937, UINT64_C(1700000000123456789)};
  uint64_t most = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(starts_ns); i++) {
    most = sl_max_u64(most, greedy(limit, starts_ns[i], p->window_ns, p->n));
  }
  return most;
}

static bool read_case(struct vector *v, const json_t *test, struct promise *p, bool *ret_holds) {
  static const char *const known[] = {"id",       "title", "note", "n",
                                      "window_*", "burst", "rate", "rate_per_s",
                                      "jitter_*", "holds", NULL};
  struct span window, jitter;
  const json_t *holds = json_object_get(test, "holds");
  if (!fields_known(v, test, "case", known) || !field_u64(v, test, "n", &p->n) ||
      !field_u64(v, test, "burst", &p->burst) || !field_span(v, test, "window", &window) ||
      !field_span(v, test, "jitter", &jitter)) {
    return false;
  }
  const char *rate = json_object_get(test, "rate") != NULL ? "rate" : "rate_per_s";
  if (!field_rate(v, test, rate, &p->count, &p->period_ns)) {
    return false;
  }
  if (json_object_get(test, "n") == NULL || json_object_get(test, "burst") == NULL ||
      !window.found || window.ns == 0 || !json_is_boolean(holds)) {
    return vector_fail(v, "expected n, window, burst and holds");
  }
  p->window_ns = window.ns + jitter.ns;
  *ret_holds = json_is_true(holds);
  return true;
}

bool any_window_run(struct vector *v, const json_t *test) {
  struct promise p = {0};
  bool holds;
  if (!read_case(v, test, &p, &holds)) {
    return false;
  }
  if (p.period_ns == 0) {
    return holds ? vector_fail(v, "expected holds true, got false: the rate is infinite") : true;
  }
  if (rule_holds(&p) != holds) {
    return vector_fail(v, "expected holds %s, got %s from burst - 1 + rate x window <= n",
                       holds ? "true" : "false", holds ? "false" : "true");
  }
  struct sl_limit_spec spec = sl_limit_spec_default(SL_TOKEN_BUCKET);
  spec.count = p.count;
  spec.period_ns = p.period_ns;
  spec.has_burst = true;
  spec.burst = p.burst;
  struct sl_limit limit;
  char buffer[512];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  if (sl_limit_prepare(&spec, &limit, &message) != SL_OK) {
    return vector_fail(v, "limiter: %s", buffer);
  }
  uint64_t most = most_admitted(&limit, &p);
  if ((most <= p.n) != holds) {
    return vector_fail(v, "expected holds %s, got a window with %" PRIu64 " admitted of %" PRIu64,
                       holds ? "true" : "false", most, p.n);
  }
  return true;
}
