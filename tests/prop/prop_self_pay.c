// self_pay against a balance of permits in whole numbers: waits to the nanosecond, rates that
// change, cancels, and the bound on departures in every interval.
#include "algo/self_pay.h"
#include "prop/model_balance.h"
#include "prop/prop.h"

enum { LAW_WAIT, LAW_TRY, LAW_REFUND, LAW_INTERVAL, LAW_END, LAW_COUNT };

static const char *const laws[LAW_COUNT] = {
    [LAW_WAIT] = "each wait is the least until the request's own permits have come in",
    [LAW_TRY] = "a try is granted exactly when its wait is within the timeout, else takes nothing",
    [LAW_REFUND] =
        "a cancel gives back cost - r x max(time since, latest promise - its own), within 2 ns",
    [LAW_INTERVAL] =
        "departures that were not cancelled keep within the burst + r x D in every interval",
    [LAW_END] = "permits without bound wait for the end of time and overflow nothing",
};

enum { MOST = 200 };

struct departure {
  uint64_t time_ns;
  uint64_t charged_ns;
  sl_u128 cost;  // permits x period
  bool cancelled;
};

struct history {
  struct prop *p;
  struct sl_self_pay limiter;
  struct balance balance;
  uint64_t now_ns;
  bool one_rate;
  struct departure all[MOST];
  struct sl_self_pay_receipt receipts[MOST];
  size_t count;
};

static void describe(const void *context) {
  const struct history *h = context;
  const struct balance *b = &h->balance;
  diag("self_pay: %" PRIu64 " per %" PRIu64 " ns, burst %" PRIu64
       " ns, balance %lld ns; now %" PRIu64,
       b->pace.count, b->pace.period_ns, b->burst_ns,
       (long long)(b->permits / (sl_i128)b->pace.count), h->now_ns);
}

static struct sl_pace draw_pace(struct prop *p) {
  struct sl_pace pace = SL_PACE_INFINITE;
  if (!prop_one_in(p, 12)) {
    prop_rate(p, &pace.count, &pace.period_ns);
    pace.count = sl_min_u64(pace.count, UINT64_C(1) << 30);  // the balance converts in 127 bits
  }
  return pace;
}

static void start(struct history *h, struct prop *p) {
  struct sl_pace pace = draw_pace(p);
  uint64_t burst_ns = prop_one_in(p, 12)  ? 0
                      : prop_one_in(p, 3) ? 2 * SL_NS_PER_S
                                          : prop_magnitude(p, SL_NS_PER_D);
  h->p = p;
  h->now_ns = prop_start(p) / 2;
  h->one_rate = pace.period_ns > 0;
  h->count = 0;
  balance_init(&h->balance, pace, burst_ns, h->now_ns);
  enum sl_status status = sl_self_pay_init(&h->limiter, pace, burst_ns, h->now_ns);
  sl_assert(status == SL_OK);
  p->describe = describe;
  p->context = h;
}

static bool reserve(struct history *h, uint64_t permits, uint64_t timeout_ns) {
  struct prop *p = h->p;
  uint64_t want = balance_wait(&h->balance, permits);
  uint64_t wait_ns;
  bool granted = sl_self_pay_try(&h->limiter, h->now_ns, permits, timeout_ns, &wait_ns,
                                 &h->receipts[h->count]);
  if (!prop_equal(p, LAW_WAIT, want, wait_ns) ||
      !prop_equal(p, LAW_TRY, want <= timeout_ns, granted)) {
    return false;
  }
  if (granted) {
    sl_u128 cost = (sl_u128)permits * h->balance.pace.period_ns;
    h->all[h->count++] =
        (struct departure){.time_ns = h->now_ns + want, .charged_ns = h->now_ns, .cost = cost};
    balance_take(&h->balance, h->now_ns, permits);
  }
  return true;
}

// The balance that the limiter's instant of being full stands for.
static sl_i128 balance_of(const struct history *h) {
  sl_u128 covered = (sl_u128)(h->now_ns + h->balance.burst_ns) * h->balance.pace.count;
  return (sl_i128)covered - (sl_i128)h->limiter.full;
}

static bool cancel(struct history *h, size_t which) {
  struct departure *d = &h->all[which];
  if (d->cancelled) {
    return true;
  }
  d->cancelled = true;
  sl_i128 before = h->balance.permits;
  uint64_t got_ns = sl_self_pay_cancel(&h->limiter, h->now_ns, &h->receipts[which]);
  h->balance.permits = balance_of(h);
  sl_u128 got = (sl_u128)(h->balance.permits - before);
  sl_u128 want = balance_refund(&h->balance, h->now_ns, d->charged_ns, d->time_ns, d->cost);
  balance_cap(&h->balance);
  if (!h->one_rate) {
    return true;  // the charge was at another rate; the other laws judge what came back
  }
  sl_u128 count = h->balance.pace.count;
  return prop_holds(h->p, LAW_REFUND, got <= want && want - got <= 2 * count, want, got) &&
         prop_equal(h->p, LAW_REFUND, (uint64_t)(got / count), got_ns);
}

static bool set_rate(struct history *h) {
  struct sl_pace pace = draw_pace(h->p);
  h->one_rate = false;
  balance_set_rate(&h->balance, pace);
  return sl_self_pay_set_rate(&h->limiter, h->now_ns, pace) == SL_OK;
}

static int earlier(const void *a, const void *b) {
  const struct departure *x = a;
  const struct departure *y = b;
  return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

// All intervals at once. Where costs above the burst are served, the largest that was ever reserved
// stands for the burst; departures are told in whole ns, so an interval may be 1 ns short.
static bool check_intervals(struct history *h) {
  struct departure sorted[MOST];
  size_t count = 0;
  sl_u128 bound = (sl_u128)balance_most(&h->balance);
  for (size_t i = 0; h->one_rate && i < h->count; i++) {
    if (!h->all[i].cancelled) {
      sorted[count++] = h->all[i];
    }
    bound = h->all[i].cost > bound ? h->all[i].cost : bound;
  }
  qsort(sorted, count, sizeof sorted[0], earlier);
  sl_u128 strain = 0;
  for (size_t i = 0; i < count; i++) {
    sl_u128 leaked =
        i > 0 ? (sl_u128)(sorted[i].time_ns - sorted[i - 1].time_ns) * h->balance.pace.count : 0;
    strain = (strain > leaked ? strain - leaked : 0) + sorted[i].cost;
    if (!prop_holds(h->p, LAW_INTERVAL, strain <= bound + h->balance.pace.count, bound, strain)) {
      return false;
    }
  }
  return true;
}

static uint64_t draw_permits(const struct history *h) {
  struct prop *p = h->p;
  sl_u128 burst = h->balance.pace.period_ns == 0
                      ? 1000
                      : (sl_u128)balance_most(&h->balance) / h->balance.pace.period_ns;
  uint64_t bound = (uint64_t)(burst < (UINT64_C(1) << 31) ? burst : (UINT64_C(1) << 31));
  uint64_t dice = prop_below(p, 16);
  if (dice < 8) {
    return prop_between(p, 0, 4);
  }
  return dice < 14 ? prop_below(p, bound + 1) : prop_below(p, 2 * bound + 2);
}

static bool step(struct history *h) {
  struct prop *p = h->p;
  uint64_t dice = prop_below(p, 64);
  if (dice < 30) {
    return reserve(h, draw_permits(h), UINT64_MAX);
  }
  if (dice < 40) {
    return reserve(h, draw_permits(h), prop_one_in(p, 2) ? 0 : prop_magnitude(p, 10 * SL_NS_PER_S));
  }
  if (dice < 61 && h->count > 0) {
    return cancel(h, prop_one_in(p, 2) ? h->count - 1 : prop_below(p, h->count));
  }
  return dice < 62 ? set_rate(h) : check_intervals(h);
}

static bool saturate(struct history *h) {
  static const uint64_t many[] = {INT64_MAX, UINT64_MAX, UINT64_C(1) << 62};
  struct sl_self_pay_receipt receipt;
  uint64_t least = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(many); i++) {
    uint64_t wait = sl_self_pay_reserve(&h->limiter, h->now_ns, many[i], &receipt);
    if (!prop_holds(h->p, LAW_END, wait >= least && wait <= SL_PACE_END_NS - h->now_ns, least,
                    wait)) {
      return false;
    }
    least = wait;
  }
  (void)sl_self_pay_cancel(&h->limiter, h->now_ns, &receipt);
  return sl_self_pay_set_rate(&h->limiter, h->now_ns, draw_pace(h->p)) == SL_OK;
}

static bool run(struct prop *p, struct history *h) {
  start(h, p);
  bool steady = prop_one_in(p, 2);
  struct prop_habits habits = {.interval_ns = h->balance.pace.period_ns / h->balance.pace.count,
                               .window_ns = SL_NS_PER_S,
                               .grid_ns = 1};
  uint64_t length = prop_between(p, 1, MOST);
  for (uint64_t i = 0; i < length && p->step < p->args.steps; i++) {
    uint64_t passes = prop_step_ns(p, &habits, h->now_ns);
    // What is promised beyond some decades is the other law's.
    if (h->now_ns + passes >= SL_TIME_MAX_NS ||
        h->balance.latest_ns > SL_TIME_MAX_NS + SL_TIME_MAX_NS / 2) {
      break;
    }
    h->now_ns += passes;
    balance_pass(&h->balance, passes);
    p->step++;
    // Half of the histories let time pass slowly, so that reservations pile up.
    if (!step(h) || (steady && !reserve(h, 0, UINT64_MAX))) {
      return false;
    }
    if (h->count + 2 > MOST) {
      break;
    }
  }
  return check_intervals(h) && (prop_one_in(p, 4) ? saturate(h) : true);
}

int main(int argc, char **argv) {
  static struct history history;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &history)) {
  }
  return prop_done(&p);
}
