// Reservations on a rule's bucket, with cancels: waits and refunds against exact ticks, and for the
// departures that were not cancelled at most B + r x D in every interval, whatever was cancelled
// when.
#include "prop/model.h"
#include "prop/prop.h"
#include "support/bucket.h"

enum { LAW_VERDICT, LAW_WAIT, LAW_RETRY, LAW_REFUND, LAW_STATE, LAW_INTERVAL, LAW_COUNT };

static const char *const laws[LAW_COUNT] = {
    [LAW_VERDICT] =
        "a cost above the burst is never, a wait above max_wait throttled, all else allowed",
    [LAW_WAIT] = "the wait is the least after which the request's own permits have come in",
    [LAW_RETRY] = "retry_after is the least wait after which a reservation succeeds",
    [LAW_REFUND] = "a cancel gives back cost - r x max(time since, latest promise - its own)",
    [LAW_STATE] = "remaining and reset_after are those of the level that is left",
    [LAW_INTERVAL] = "departures that were not cancelled keep within B + r x D in every interval",
};

enum { MOST = 200 };

struct departure {
  sl_u128 tick;
  uint64_t cost;
  bool cancelled;
};

struct history {
  struct prop *p;
  struct sl_limit limit;
  struct model model;  // its level is the bucket's
  uint64_t stamp, promise;
  uint64_t now_ns;
  struct departure all[MOST];  // reservations and requests
  struct sl_receipt receipts[MOST];
  bool held[MOST];  // has a receipt that was not cancelled
  size_t count;
  sl_u128 latest;  // the latest departure ever promised, in ticks
};

static void describe(const void *context) {
  const struct history *h = context;
  model_print(&h->model);
  diag("level %lld ticks, stamp %" PRIu64 ", promise %" PRIu64 ", %zu reservations",
       (long long)h->model.level, h->stamp, h->promise, h->count);
}

static bool is_fixed(const struct history *h) { return h->limit.algorithm == SL_FIXED_WINDOW; }

static bool is_leaky(const struct history *h) { return h->limit.algorithm == SL_LEAKY_BUCKET; }

static sl_u128 debt_of(const struct history *h) {
  return (sl_u128)((sl_i128)h->model.size * h->model.unit - h->model.level);
}

static sl_u128 debt_most(const struct history *h) {
  return (sl_u128)((sl_i128)h->model.size * h->model.unit - model_least_level(&h->model));
}

// The limit's clock: that of a fixed window jumps by N at each edge and stands still between.
static sl_u128 ticks_at(const struct history *h, uint64_t t_ns) {
  return is_fixed(h) ? (sl_u128)(t_ns / h->model.period_ns) * h->model.count
                     : model_ticks(&h->model, t_ns);
}

// The tick at which a wait of so many is over.
static sl_u128 tick_after(const struct history *h, sl_u128 ticks) {
  sl_u128 step = is_fixed(h) ? h->model.count : 1;
  return ticks_at(h, h->now_ns) + sl_ceil_div_u128(ticks, step) * step;
}

static uint64_t room_of(const struct history *h) {
  return h->model.level > 0 ? (uint64_t)((sl_u128)h->model.level / h->model.unit) : 0;
}

static void advance(struct history *h, uint64_t now_ns) {
  sl_i128 full = (sl_i128)h->model.size * h->model.unit;
  h->model.level += (sl_i128)(ticks_at(h, now_ns) - ticks_at(h, h->now_ns));
  h->model.level = h->model.level < full ? h->model.level : full;
  h->model.now_ns = h->now_ns = now_ns;
}

// The ticks from now until `wait_ns` later.
static sl_u128 ticks_in(const struct history *h, uint64_t wait_ns) {
  return ticks_at(h, h->now_ns + wait_ns) - ticks_at(h, h->now_ns);
}

// Is wait_ns the least in which that many ticks pass?
static bool is_least(const struct history *h, uint64_t wait_ns, sl_u128 ticks) {
  return ticks_in(h, wait_ns) >= ticks && (wait_ns == 0 || ticks_in(h, wait_ns - 1) < ticks);
}

static void promise(struct history *h, sl_u128 tick) {
  h->latest = tick > h->latest ? tick : h->latest;
}

static void record(struct history *h, sl_u128 tick, uint64_t cost,
                   const struct sl_receipt *receipt) {
  if (cost > 0) {
    promise(h, tick);  // nobody stands behind a look
  }
  h->held[h->count] = receipt != NULL;
  if (receipt != NULL) {
    h->receipts[h->count] = *receipt;
  }
  h->all[h->count++] = (struct departure){.tick = tick, .cost = cost};
}

static bool check_state(struct history *h, const struct sl_decision *d) {
  return prop_equal(h->p, LAW_STATE, room_of(h), d->remaining) &&
         prop_holds(h->p, LAW_STATE, is_least(h, d->reset_after_ns, debt_of(h)), debt_of(h),
                    d->reset_after_ns);
}

// The debt behind which the next reservation stands. Of a fixed window's: what is left of the last
// window promised goes unused when the cost does not fit into it, for a window admits N and lends
// nothing.
static sl_u128 debt_before(const struct history *h, uint64_t cost) {
  sl_u128 debt = debt_of(h);
  sl_u128 whole = sl_ceil_div_u128(debt, h->model.count) * h->model.count;
  return is_fixed(h) && cost <= h->model.size && debt + cost > whole && debt < whole ? whole : debt;
}

// Would a reservation that owes `after` and waits for `wait` ticks succeed after another `in_ns`,
// when nothing else happens? Its debt is within the most, and it goes within max_wait.
static bool succeeds_in(const struct history *h, uint64_t in_ns, uint64_t cost, sl_u128 after,
                        sl_u128 wait) {
  return after <= debt_most(h) + ticks_in(h, in_ns) &&
         (cost == 0 || wait <= ticks_in(h, in_ns + h->model.spec.max_wait_ns));
}

static bool reserve(struct history *h, uint64_t cost) {
  struct prop *p = h->p;
  struct sl_receipt receipt;
  struct sl_decision d;
  uint64_t stamp = h->stamp;
  sl_u128 before = debt_before(h, cost);
  sl_u128 size = (sl_u128)h->model.size * h->model.unit;
  sl_u128 after = before + (sl_u128)cost * h->model.unit;
  sl_u128 wait = is_leaky(h) ? before : after > size ? after - size : 0;
  enum sl_verdict want = cost > h->model.size                   ? SL_NEVER
                         : succeeds_in(h, 0, cost, after, wait) ? SL_ALLOWED
                                                                : SL_THROTTLED;
  enum sl_verdict got = sl_stamp_reserve(&h->limit, stamp, h->now_ns, cost, &stamp, &receipt, &d);
  if (!prop_equal(p, LAW_VERDICT, want, got) || !prop_equal(p, LAW_VERDICT, want, d.verdict)) {
    return false;
  }
  if (want == SL_THROTTLED) {
    uint64_t retry_ns = d.retry_after_ns;
    return prop_holds(p, LAW_RETRY, succeeds_in(h, retry_ns, cost, after, wait), 1, retry_ns) &&
           prop_holds(p, LAW_RETRY, !succeeds_in(h, retry_ns - 1, cost, after, wait), 0,
                      retry_ns) &&
           check_state(h, &d);
  }
  if (want == SL_NEVER) {
    return prop_equal(p, LAW_RETRY, 0, d.retry_after_ns) && check_state(h, &d);
  }
  h->stamp = stamp;
  h->model.level = (sl_i128)size - (sl_i128)after;
  record(h, tick_after(h, wait), cost, &receipt);
  return prop_holds(p, LAW_WAIT, is_least(h, d.wait_ns, wait), wait, d.wait_ns) &&
         check_state(h, &d);
}

// A request that goes now or not at all.
static bool request(struct history *h, uint64_t cost) {
  uint64_t y = sl_timeline_now(&h->limit.timeline, h->now_ns);
  uint64_t room = room_of(h);
  enum sl_verdict want = cost == 0              ? SL_ALLOWED
                         : cost > h->model.size ? SL_NEVER
                         : cost <= room         ? SL_ALLOWED
                                                : SL_THROTTLED;
  enum sl_verdict got = sl_stamp_take(&h->limit, h->stamp, y, cost, &h->stamp);
  if (want == SL_ALLOWED && cost > 0) {
    sl_u128 wait = is_leaky(h) ? debt_of(h) : 0;
    record(h, tick_after(h, wait), cost, NULL);
    h->model.level -= (sl_i128)((sl_u128)cost * h->model.unit);
  }
  return prop_equal(h->p, LAW_VERDICT, want, got);
}

// What is charged after the fact holds the others back as a departure of its own would.
static bool charge(struct history *h, uint64_t cost) {
  sl_u128 size = (sl_u128)h->model.size * h->model.unit;
  h->stamp = sl_stamp_charge(&h->limit, h->stamp, h->now_ns, cost);
  sl_i128 level = h->model.level - (sl_i128)((sl_u128)cost * h->model.unit);
  sl_i128 least = model_least_level(&h->model);
  h->model.level = level > least ? level : least;
  sl_u128 debt = debt_of(h);
  promise(h, tick_after(h, debt > size ? debt - size : 0));
  return true;
}

static bool cancel(struct history *h, size_t which) {
  const struct sl_receipt *receipt = &h->receipts[which];
  const struct model *m = &h->model;
  // A promise that is past need not be kept.
  if (prop_one_in(h->p, 2) && ticks_at(h, h->now_ns) >= h->latest) {
    h->promise = sl_timeline_now(&h->limit.timeline, h->now_ns);
  }
  sl_u128 since = sl_ceil_div_u128(
      (sl_u128)(h->now_ns - receipt->charged_ns) * ((sl_u128)m->count * m->unit), m->period_ns);
  sl_u128 steps = ticks_at(h, h->now_ns) - ticks_at(h, receipt->charged_ns);
  since = is_fixed(h) && steps > since ? steps : since;
  sl_u128 own = h->all[which].tick;
  sl_u128 behind = h->latest > own ? h->latest - own : 0;
  sl_u128 lost = since > behind ? since : behind;
  sl_u128 cost = (sl_u128)h->all[which].cost * m->unit;
  sl_u128 want = cost > lost ? cost - lost : 0;
  want = want < debt_of(h) ? want : debt_of(h);
  uint64_t got =
      sl_stamp_cancel(&h->limit, h->stamp, h->promise, h->now_ns, receipt, &h->stamp, &h->promise);
  h->held[which] = false;
  h->all[which].cancelled = true;
  h->model.level += got;
  // A leaky bucket's stamp does not say what the last one cost: its refund may be smaller, never
  // larger.
  bool holds = is_leaky(h) ? got <= want : got == want;
  struct sl_decision d;
  sl_stamp_figures(&h->limit, h->stamp, h->now_ns, 0, SL_ALLOWED, &d);
  return prop_holds(h->p, LAW_REFUND, holds, want, got) && check_state(h, &d);
}

static int earlier(const void *a, const void *b) {
  const struct departure *x = a;
  const struct departure *y = b;
  return (x->tick > y->tick) - (x->tick < y->tick);
}

// All intervals between departures at once: what is strained leaks away a tick a tick.
static bool check_intervals(struct history *h) {
  struct departure sorted[MOST];
  size_t count = 0;
  for (size_t i = 0; i < h->count; i++) {
    if (!h->all[i].cancelled) {
      sorted[count++] = h->all[i];
    }
  }
  qsort(sorted, count, sizeof sorted[0], earlier);
  sl_u128 strain = 0;
  sl_u128 most = (sl_u128)h->model.size * h->model.unit;
  for (size_t i = 0; i < count; i++) {
    sl_u128 passed = i > 0 ? sorted[i].tick - sorted[i - 1].tick : 0;
    strain = (strain > passed ? strain - passed : 0) + (sl_u128)sorted[i].cost * h->model.unit;
    if (!prop_holds(h->p, LAW_INTERVAL, strain <= most, most, strain)) {
      return false;
    }
  }
  return true;
}

static bool start(struct history *h, struct prop *p) {
  static const enum sl_algorithm all[] = {SL_TOKEN_BUCKET, SL_TOKEN_BUCKET, SL_LEAKY_BUCKET,
                                          SL_FIXED_WINDOW};
  struct sl_limit_spec spec = sl_limit_spec_default(all[prop_below(p, SL_ARRAY_LEN(all))]);
  char buffer[512];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  prop_rate(p, &spec.count, &spec.period_ns);
  if (spec.algorithm == SL_FIXED_WINDOW) {
    spec.count = prop_magnitude(p, 50);
  }
  spec.has_burst = true;
  spec.burst = spec.queue = prop_magnitude(p, 50);
  spec.max_wait_ns =
      prop_below(p, 8) == 0 ? 0 : prop_magnitude(p, 400) * (spec.period_ns / spec.count);
  spec.max_wait_ns = sl_min_u64(spec.max_wait_ns, SL_PERIOD_MAX_NS);
  if (sl_limit_prepare(&spec, &h->limit, &message) != SL_OK) {
    return false;
  }
  // Stamps are told apart for decades only; the latter half of time is far enough for the laws.
  h->now_ns = prop_start(p) / 2;
  h->p = p;
  h->count = 0;
  h->stamp = h->promise = sl_timeline_now(&h->limit.timeline, h->now_ns);
  model_init(&h->model, &spec, h->limit.unit, h->now_ns);
  h->latest = ticks_at(h, h->now_ns);
  p->describe = describe;
  p->context = h;
  return true;
}

static bool step(struct history *h) {
  struct prop *p = h->p;
  uint64_t dice = prop_below(p, 32);
  uint64_t cost = prop_cost(p, h->limit.size, room_of(h));
  if (dice < 14) {
    return reserve(h, cost);
  }
  if (dice < 18) {
    return request(h, cost);
  }
  if (dice < 19) {
    return charge(h, cost % (2 * h->limit.size));
  }
  if (h->count > 0 && dice < 31) {
    size_t which = prop_one_in(p, 2) ? h->count - 1 : prop_below(p, h->count);
    return h->held[which] ? cancel(h, which) : true;
  }
  return check_intervals(h);
}

static bool run(struct prop *p, struct history *h) {
  while (!start(h, p)) {
  }
  const struct model *m = &h->model;
  struct prop_habits habits = {
      .interval_ns = m->period_ns / m->count, .window_ns = m->period_ns, .grid_ns = 1};
  uint64_t length = prop_between(p, 1, MOST);
  bool holds = true;
  for (uint64_t i = 0; holds && i < length && p->step < p->args.steps; i++) {
    uint64_t passes = prop_step_ns(p, &habits, h->now_ns);
    if (passes > 5 * SL_PERIOD_MAX_NS) {
      break;
    }
    advance(h, h->now_ns + passes);
    p->step++;
    holds = step(h);
  }
  holds = holds && check_intervals(h);
  p->describe = NULL;
  return holds;
}

int main(int argc, char **argv) {
  static struct history history;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &history)) {
  }
  return prop_done(&p);
}
