// smooth_bursty and smooth_warming_up against Guava's own formulas, in permits and floating point
// of 64 bits of mantissa; and, exactly, the law that a bursty flow keeps in every interval.
#include "algo/smooth.h"
#include "prop/model_guava.h"
#include "prop/prop.h"

enum { LAW_WAIT, LAW_TRY, LAW_INTERVAL, LAW_PACE, LAW_COUNT };

static const char *const laws[LAW_COUNT] = {
    [LAW_WAIT] = "each wait is Guava's",
    [LAW_TRY] = "a try is granted exactly when its wait is within the timeout",
    [LAW_INTERVAL] =
        "smooth_bursty: permits before the last keep within max_burst + r x D in every interval",
    [LAW_PACE] = "the last request before saturation waits for at most the end of time",
};

struct history {
  struct prop *p;
  struct sl_smooth smooth;
  struct guava guava;
  uint64_t start_ns, now_ns;
  bool one_rate;
  // Permits before the last, in units of 1/period, strained over every interval of departures.
  sl_u128 strain;
  sl_u128 last_cost;
  uint64_t last_ns;
};

static void describe(const void *context) {
  const struct history *h = context;
  const struct sl_smooth *s = &h->smooth;
  diag("%s: %" PRIu64 " per %" PRIu64 " ns, span %" PRIu64 " ns, cold factor %u/%u; now %" PRIu64
       " from %" PRIu64,
       s->warming_up ? "smooth_warming_up" : "smooth_bursty", s->pace.count, s->pace.period_ns,
       s->span_ns, s->cold_num, s->cold_den, h->now_ns, h->start_ns);
}

static struct sl_pace draw_pace(struct prop *p) {
  struct sl_pace pace = SL_PACE_INFINITE;
  if (!prop_one_in(p, 12)) {
    prop_rate(p, &pace.count, &pace.period_ns);
  }
  return pace;
}

static void start(struct history *h, struct prop *p) {
  struct sl_pace pace = draw_pace(p);
  uint64_t span_ns = prop_one_in(p, 12)  ? 0
                     : prop_one_in(p, 3) ? SL_NS_PER_S
                                         : prop_magnitude(p, SL_NS_PER_D);
  enum sl_status status;
  *h = (struct history){.p = p, .one_rate = true};
  h->start_ns = h->now_ns = h->last_ns = prop_start(p) / 2;
  h->guava.warming_up = prop_one_in(p, 2);
  if (h->guava.warming_up) {
    uint32_t den = (uint32_t)prop_between(p, 1, 20);
    uint32_t num = den + (uint32_t)prop_below(p, 9 * den + 1);
    h->guava.warmup = (long double)span_ns;
    h->guava.cold_factor = (long double)num / den;
    status = sl_smooth_warming_up_init(&h->smooth, pace, span_ns, num, den, h->start_ns);
  } else {
    h->guava.burst_seconds = (long double)span_ns / 1e9L;
    status = sl_smooth_bursty_init(&h->smooth, pace, span_ns, h->start_ns);
  }
  sl_assert(status == SL_OK);
  guava_set_rate(&h->guava, pace, true);
  p->describe = describe;
  p->context = h;
}

// A bursty flow: of the requests that departed in an interval, all but the last keep within the
// bound; exactly, but for the ns to which departures are rounded up.
static bool check_interval(struct history *h, uint64_t wait_ns, uint64_t permits) {
  if (h->guava.warming_up || !h->one_rate || h->guava.infinite) {
    return true;
  }
  struct sl_pace pace = h->smooth.pace;
  uint64_t departs_ns = h->now_ns + wait_ns;
  sl_u128 leaked = (sl_u128)(departs_ns - h->last_ns) * pace.count;
  sl_u128 strain = h->strain + h->last_cost;
  h->strain = strain > leaked ? strain - leaked : 0;
  h->last_cost = (sl_u128)permits * pace.period_ns;
  h->last_ns = departs_ns;
  sl_u128 most = ((sl_u128)h->smooth.span_ns + 1) * pace.count;
  return prop_holds(h->p, LAW_INTERVAL, h->strain <= most, most, h->strain);
}

static bool take(struct history *h, uint64_t permits, uint64_t timeout_ns) {
  struct prop *p = h->p;
  long double want = guava_wait(&h->guava, (long double)(h->now_ns - h->start_ns));
  uint64_t wait_ns;
  bool granted = sl_smooth_try(&h->smooth, h->now_ns, permits, timeout_ns, &wait_ns);
  if (!prop_holds(p, LAW_WAIT, guava_agrees(&h->guava, want, wait_ns), (sl_u128)want, wait_ns) ||
      !prop_equal(p, LAW_TRY, wait_ns <= timeout_ns, granted)) {
    return false;
  }
  if (!granted) {
    return true;
  }
  guava_take(&h->guava, permits);
  return check_interval(h, wait_ns, permits);
}

static bool set_rate(struct history *h) {
  struct sl_pace pace = draw_pace(h->p);
  guava_resync(&h->guava, (long double)(h->now_ns - h->start_ns));
  guava_set_rate(&h->guava, pace, false);
  h->one_rate = false;
  return sl_smooth_set_rate(&h->smooth, h->now_ns, pace) == SL_OK;
}

static uint64_t draw_permits(struct prop *p, const struct history *h) {
  uint64_t a_second = h->smooth.pace.period_ns == 0 ? 1000 : (uint64_t)(1e9L / h->guava.stable);
  return prop_one_in(p, 2) ? prop_between(p, 1, 4) : prop_magnitude(p, 4 * a_second + 4);
}

static bool step(struct history *h) {
  struct prop *p = h->p;
  uint64_t dice = prop_below(p, 64);
  if (dice < 40) {
    return take(h, draw_permits(p, h), UINT64_MAX);
  }
  if (dice < 60) {
    return take(h, draw_permits(p, h), prop_one_in(p, 2) ? 0 : prop_magnitude(p, 10 * SL_NS_PER_S));
  }
  return dice < 62 ? set_rate(h) : take(h, 0, UINT64_MAX);
}

// Permits without bound: the wait ends at the end of time, and nothing overflows.
static bool saturate(struct history *h) {
  static const uint64_t many[] = {INT64_MAX, UINT64_MAX, UINT64_C(1) << 62, INT64_MAX};
  uint64_t wait_ns = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(many); i++) {
    uint64_t wait = sl_smooth_reserve(&h->smooth, h->now_ns, many[i]);
    if (!prop_holds(h->p, LAW_PACE, wait >= wait_ns && wait <= SL_PACE_END_NS - h->now_ns, wait_ns,
                    wait)) {
      return false;
    }
    wait_ns = wait;
  }
  return set_rate(h) &&
         prop_holds(h->p, LAW_PACE, sl_smooth_reserve(&h->smooth, h->now_ns, 1) <= SL_PACE_END_NS,
                    0, 1);
}

static bool run(struct prop *p, struct history *h) {
  start(h, p);
  struct prop_habits habits = {
      .interval_ns = (uint64_t)h->guava.stable, .window_ns = SL_NS_PER_S, .grid_ns = 1};
  uint64_t length = prop_between(p, 1, 200);
  for (uint64_t i = 0; i < length && p->step < p->args.steps; i++) {
    uint64_t passes = prop_step_ns(p, &habits, h->now_ns);
    // What is promised beyond a century is the other law's.
    if (h->now_ns + passes >= SL_TIME_MAX_NS || h->guava.next_free > 3e18L) {
      break;
    }
    h->now_ns += passes;
    p->step++;
    if (!step(h)) {
      return false;
    }
    long double waits = h->guava.next_free - (long double)(h->now_ns - h->start_ns);
    habits.retry_ns = waits > 0 && waits < 1e18L ? (uint64_t)waits : 0;
  }
  return prop_one_in(p, 4) ? saturate(h) : true;
}

int main(int argc, char **argv) {
  static struct history history;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &history)) {
  }
  return prop_done(&p);
}
