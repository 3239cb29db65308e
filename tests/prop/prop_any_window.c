// guarantee: any_window under arrivals that try to break it: no window of any start sees more than
// N, by the decisions' times, and with jitter J at a receiver whose delay varies by at most J.
#include "prop/prop.h"
#include "support/bucket.h"

enum { LAW_DECISIONS, LAW_RECEIVER, LAW_DERIVED, LAW_NEVER, LAW_COUNT };

static const char *const laws[LAW_COUNT] = {
    [LAW_DECISIONS] = "no window of W + J, of any start, admits more than N",
    [LAW_RECEIVER] = "no window of W at a receiver with delays that vary by J sees more than N",
    [LAW_DERIVED] = "the derived rate is the largest: B - 1 + r (W + J) = N",
    [LAW_NEVER] = "a cost above the burst is never",
};

enum { MOST = 3000 };

struct arrival {
  uint64_t time_ns;
  uint64_t cost;
};

struct history {
  struct prop *p;
  struct sl_limit_spec spec;
  struct sl_limit limit;
  struct bucket bucket;
  struct arrival admitted[MOST];
  size_t count;
  size_t window_first;  // the first admission of the window that ends now
  uint64_t window_sum;
};

static void describe(const void *context) {
  const struct history *h = context;
  diag("any_window %" PRIu64 " per %" PRIu64 " ns, jitter %" PRIu64 " ns, burst %" PRIu64
       "; %zu admitted",
       h->spec.count, h->spec.period_ns, h->spec.jitter_ns, h->limit.size, h->count);
}

static bool start(struct history *h, struct prop *p) {
  char buffer[512];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  h->spec = sl_limit_spec_default(SL_TOKEN_BUCKET);
  h->spec.any_window = true;
  prop_rate(p, &h->spec.count, &h->spec.period_ns);
  h->spec.count = prop_magnitude(p, 1500);
  h->spec.has_burst = prop_one_in(p, 2);
  h->spec.burst = prop_between(p, 1, h->spec.count);
  h->spec.jitter_ns = prop_one_in(p, 2) ? 0 : prop_magnitude(p, h->spec.period_ns);
  if (sl_limit_prepare(&h->spec, &h->limit, &message) != SL_OK) {
    return false;
  }
  h->p = p;
  h->count = h->window_first = 0;
  h->window_sum = 0;
  p->describe = describe;
  p->context = h;
  return true;
}

// (B - 1) (W + J) P' + N' ... in whole numbers: r = (N + 1 - B) / (W + J).
static bool check_derived(const struct history *h) {
  uint64_t burst = h->spec.has_burst ? h->spec.burst : 1 + h->spec.count / 50;
  sl_u128 window = (sl_u128)h->spec.period_ns + h->spec.jitter_ns;
  sl_u128 in_window = (sl_u128)h->limit.rate_count * window;
  sl_u128 left = (sl_u128)(h->spec.count + 1 - burst) * h->limit.rate_period_ns;
  return prop_equal(h->p, LAW_DERIVED, burst, h->limit.size) &&
         prop_holds(h->p, LAW_DERIVED, in_window == left, left, in_window);
}

static bool admit(struct history *h, uint64_t now_ns, uint64_t cost) {
  uint64_t window_ns = h->spec.period_ns + h->spec.jitter_ns;
  h->admitted[h->count++] = (struct arrival){.time_ns = now_ns, .cost = cost};
  h->window_sum += cost;
  // (t - W, t]: what came exactly W ago has left.
  while (h->admitted[h->window_first].time_ns + window_ns <= now_ns) {
    h->window_sum -= h->admitted[h->window_first++].cost;
  }
  return prop_holds(h->p, LAW_DECISIONS, h->window_sum <= h->spec.count, h->spec.count,
                    h->window_sum);
}

static int earlier(const void *a, const void *b) {
  const struct arrival *x = a;
  const struct arrival *y = b;
  return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

// A receiver: early ones come as late as they may, later ones at once; or anyhow.
static bool check_receiver(struct history *h) {
  static struct arrival seen[MOST];
  struct prop *p = h->p;
  bool anyhow = prop_one_in(p, 3);
  size_t pivot = prop_below(p, h->count + 1);
  for (size_t i = 0; i < h->count; i++) {
    uint64_t delay = anyhow      ? prop_below(p, h->spec.jitter_ns + 1)
                     : i < pivot ? h->spec.jitter_ns
                                 : 0;
    seen[i] =
        (struct arrival){.time_ns = h->admitted[i].time_ns + delay, .cost = h->admitted[i].cost};
  }
  if (h->spec.jitter_ns > 0) {
    qsort(seen, h->count, sizeof seen[0], earlier);
  }
  uint64_t sum = 0;
  for (size_t first = 0, i = 0; i < h->count; i++) {
    sum += seen[i].cost;
    while (seen[first].time_ns + h->spec.period_ns <= seen[i].time_ns) {
      sum -= seen[first++].cost;
    }
    if (!prop_holds(p, LAW_RECEIVER, sum <= h->spec.count, h->spec.count, sum)) {
      return false;
    }
  }
  return true;
}

// How the caller tries: all at once and then each token as it comes; after idling; at the edges of
// aligned windows; anyhow.
enum manner { DRAIN, BURST_THEN_DRIP, EDGES, ANYHOW, MANNERS };

static uint64_t next_ns(struct history *h, enum manner manner, uint64_t now_ns,
                        const struct sl_decision *last) {
  struct prop *p = h->p;
  uint64_t window_ns = h->spec.period_ns + h->spec.jitter_ns;
  if (last->verdict == SL_ALLOWED && manner != ANYHOW) {
    return now_ns;
  }
  if (manner == BURST_THEN_DRIP && prop_one_in(p, 64)) {
    return now_ns + prop_below(p, 2 * window_ns);
  }
  if (manner == EDGES && prop_one_in(p, 16)) {
    return now_ns + h->spec.period_ns - now_ns % h->spec.period_ns - prop_below(p, 2);
  }
  if (manner == ANYHOW) {
    return now_ns + prop_below(p, 3 * (h->limit.rate_period_ns / h->limit.rate_count) + 1);
  }
  return now_ns + sl_max_u64(last->retry_after_ns, 1);
}

static bool run(struct prop *p, struct history *h) {
  while (!start(h, p)) {
  }
  uint64_t now_ns = prop_start(p) / 2;
  enum manner manner = (enum manner)prop_below(p, MANNERS);
  bool units = prop_one_in(p, 2);
  bucket_init(&h->bucket, &h->limit, now_ns);
  bool holds = check_derived(h);
  struct sl_decision last = {0};
  uint64_t most = prop_between(p, 1, 2 * h->spec.count + 100);
  for (uint64_t i = 0; holds && i < most && h->count < MOST && p->step < p->args.steps; i++) {
    uint64_t cost = units ? 1 : prop_between(p, 1, h->limit.size + 1);
    now_ns = next_ns(h, manner, now_ns, &last);
    p->step++;
    if (now_ns >= SL_TIME_MAX_NS) {
      break;
    }
    last = bucket_decide(&h->bucket, now_ns, cost, true);
    if (cost > h->limit.size) {
      holds = prop_equal(p, LAW_NEVER, SL_NEVER, last.verdict);
    } else if (last.verdict == SL_ALLOWED) {
      holds = admit(h, now_ns, cost);
    }
  }
  return holds && check_receiver(h);
}

int main(int argc, char **argv) {
  static struct history history;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &history)) {
  }
  return prop_done(&p);
}
