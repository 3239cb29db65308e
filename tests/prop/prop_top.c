// The sketch of the busiest keys against exact sums: streams of many keys, some of them heavy, at
// rates and half lives of any size.
#include <math.h>

#include "engine/top.h"
#include "prop/prop.h"
#include "support/fault_mem.h"

enum {
  LAW_HEAVY,
  LAW_ABOVE,
  LAW_BELOW,
  LAW_ERROR,
  LAW_THROTTLED,
  LAW_ORDER,
  LAW_NAMES,
  LAW_TOTAL,
  LAW_MEMORY,
  LAW_COUNT
};

static const char *const laws[LAW_COUNT] = {
    [LAW_HEAVY] = "every key above N / k is among the entries",
    [LAW_ABOVE] = "no count is below the truth",
    [LAW_BELOW] = "no count is above the truth by more than its error",
    [LAW_ERROR] = "no error is above N / k",
    [LAW_THROTTLED] = "what was throttled is at most the truth, and at least that less the error",
    [LAW_ORDER] = "a snapshot is in order",
    [LAW_NAMES] = "every entry has the name of its key, and no key has two",
    [LAW_TOTAL] = "the total is that of all notes",
    [LAW_MEMORY] = "nothing is allocated after the beginning, and all is given back",
};

enum { KEYS = 3000, ENTRIES_MOST = 200 };

struct world {
  struct prop *p;
  struct sl_top *top;
  struct fault_mem fault;
  uint64_t calls;
  size_t entries;
  size_t keys;
  uint64_t half_life_ns;
  uint64_t first_ns, now_ns, faded_step;
  bool begun;
  double skew;
  double matched[KEYS], throttled[KEYS], total;
  struct sl_top_item items[ENTRIES_MOST];
};

static void describe(const void *context) {
  const struct world *w = context;
  diag("%zu entries, %zu keys, half life %" PRIu64 " ns, skew %g, N %g", w->entries, w->keys,
       w->half_life_ns, w->skew, w->total);
}

static struct sl_hash hash_of(uint64_t key) {
  static const struct sl_secret secret = {{5, 6}};
  return sl_hash_bytes(&secret, &key, sizeof key);
}

// Everything noted so far fades: by 2^(-1/16) for each sixteenth of a half life that began.
static void fade(struct world *w) {
  uint64_t step = (w->now_ns - w->first_ns) / (w->half_life_ns / 16);
  if (step == w->faded_step) {
    return;
  }
  double factor = exp2(-(double)(step - w->faded_step) / 16);
  for (size_t i = 0; i < w->keys; i++) {
    w->matched[i] *= factor;
    w->throttled[i] *= factor;
  }
  w->total *= factor;
  w->faded_step = step;
}

// Few keys often, many rarely.
static size_t some_key(struct world *w) {
  double u = (double)(sl_prng_next(&w->p->prng) >> 11) / 9007199254740992.0;
  return (size_t)(pow(u, w->skew) * (double)w->keys);
}

static void note(struct world *w) {
  struct prop *p = w->p;
  size_t number = some_key(w);
  bool first = !w->begun;
  if (first) {
    w->begun = true;
    w->first_ns = w->now_ns;
  }
  fade(w);
  char text[32];
  (void)snprintf(text, sizeof text, "%zu", number);
  struct sl_str values[2] = {sl_str_of(text), SL_STR("value")};
  struct sl_top_key key = {
      .hash = hash_of(number), .rule = SL_STR("some-rule"), .values = values, .value_count = 2};
  uint64_t weight = prop_one_in(p, 8) ? prop_magnitude(p, 1 << 10) : 1;
  uint64_t throttled = prop_one_in(p, 2) ? 0 : prop_below(p, weight + 1);
  uint64_t told_ns = w->now_ns;
  if (!first && prop_one_in(p, 16)) {
    // A thread whose reading is older than one that was seen.
    struct sl_top_stats seen;
    sl_top_get_stats(w->top, w->now_ns, &seen);
    told_ns = w->now_ns / 2;
  }
  (void)prop_holds(p, LAW_TOTAL, sl_top_note(w->top, &key, weight, throttled, told_ns), 1, 0);
  w->matched[number] += (double)weight;
  w->throttled[number] += (double)throttled;
  w->total += (double)weight;
}

// A request is counted in whole weights: 2^-16 of it may be lost in each of many notes and in every
// eighth half life, and figures are rounded to whole requests.
static double slack(double value) { return 1.01 + value * 1e-4; }

static bool check_item(struct world *w, const struct sl_top_item *item) {
  struct prop *p = w->p;
  char text[32] = {0};
  struct sl_str name = sl_top_item_value(item, 0);
  memcpy(text, name.ptr, name.len < 31 ? name.len : 31);
  size_t number = (size_t)strtoul(text, NULL, 10);
  bool named = number < w->keys && item->hash.lo == hash_of(number).lo &&
               sl_str_eq(sl_top_item_rule(item), SL_STR("some-rule")) &&
               sl_str_eq(sl_top_item_value(item, 1), SL_STR("value"));
  if (!prop_holds(p, LAW_NAMES, named, 1, 0)) {
    return false;
  }
  double truth = w->matched[number];
  double refused = w->throttled[number];
  double matched = (double)item->matched;
  double error = (double)item->error;
  double throttled = (double)item->throttled;
  w->matched[number] = -truth - 1e-300;  // seen
  return prop_holds(p, LAW_NAMES, truth >= 0, 1, 0) &&
         prop_holds(p, LAW_ABOVE, matched >= truth - slack(truth), (uint64_t)truth,
                    item->matched) &&
         prop_holds(p, LAW_BELOW, matched <= truth + error + slack(truth), (uint64_t)truth,
                    item->matched) &&
         prop_holds(p, LAW_ERROR,
                    error <= w->total / (double)w->entries + slack(w->total / (double)w->entries),
                    (uint64_t)(w->total / (double)w->entries), item->error) &&
         prop_holds(p, LAW_THROTTLED,
                    throttled <= refused + slack(refused) &&
                        throttled >= refused - error - slack(refused),
                    (uint64_t)refused, item->throttled);
}

static bool check(struct world *w) {
  struct prop *p = w->p;
  enum sl_top_order order = prop_one_in(p, 2) ? SL_TOP_BY_MATCHED : SL_TOP_BY_THROTTLED;
  size_t most = prop_one_in(p, 4) ? prop_below(p, w->entries + 1) : w->entries;
  fade(w);
  size_t count = sl_top_snapshot(w->top, order, w->now_ns, most, w->items);
  bool right = true;
  for (size_t i = 0; right && i < count; i++) {
    right = check_item(w, &w->items[i]);
    if (i > 0) {
      const struct sl_top_item *a = &w->items[i - 1];
      const struct sl_top_item *b = &w->items[i];
      bool ordered =
          order == SL_TOP_BY_MATCHED ? a->matched >= b->matched : a->throttled >= b->throttled;
      right = right && prop_holds(p, LAW_ORDER, ordered, i, 0);
    }
  }
  double heavy = w->total / (double)w->entries;
  for (size_t i = 0; i < w->keys; i++) {
    bool seen = w->matched[i] < 0;
    w->matched[i] = seen ? -w->matched[i] : w->matched[i];
    bool must =
        most == w->entries && w->matched[i] > heavy * (1 + 1e-4) + 0.01 && w->matched[i] > 1;
    right =
        right && prop_holds(p, LAW_HEAVY, seen || !must, (uint64_t)w->matched[i], (uint64_t)heavy);
  }
  struct sl_top_stats stats;
  sl_top_get_stats(w->top, w->now_ns, &stats);
  double total = (double)stats.total;
  return right &&
         prop_holds(p, LAW_TOTAL, fabs(total - w->total) <= slack(w->total), (uint64_t)w->total,
                    stats.total) &&
         prop_holds(p, LAW_MEMORY, w->fault.calls == w->calls, w->calls, w->fault.calls);
}

static void pass_time(struct world *w) {
  struct prop *p = w->p;
  uint64_t dice = prop_below(p, 64);
  if (dice < 50) {
    w->now_ns += prop_below(p, w->half_life_ns / 1000 + 1);
  } else if (dice < 62) {
    w->now_ns += prop_below(p, w->half_life_ns / 4);
  } else if (dice == 63 && prop_one_in(p, 40)) {
    w->now_ns += prop_below(p, 30) * w->half_life_ns;
  }
}

static bool run(struct prop *p, struct world *w) {
  memset(w, 0, sizeof *w);
  w->p = p;
  w->entries = prop_magnitude(p, ENTRIES_MOST);
  w->keys = prop_magnitude(p, KEYS);
  w->half_life_ns = SL_TOP_HALF_LIFE_MIN_NS + prop_magnitude(p, SL_NS_PER_H);
  w->now_ns = prop_below(p, UINT64_C(1) << 60);
  w->skew = 1 + (double)prop_below(p, 60) / 10;
  struct sl_top_options options = {
      .mem = fault_mem_init(&w->fault), .entries = w->entries, .half_life_ns = w->half_life_ns};
  if (sl_top_create(&options, &w->top) != SL_OK) {
    abort();
  }
  w->calls = w->fault.calls;
  p->describe = describe;
  p->context = w;
  uint64_t length = prop_magnitude(p, 40000);
  bool right = true;
  for (uint64_t i = 0; right && i < length && p->step < p->args.steps; i++) {
    p->step++;
    if (prop_one_in(p, 8)) {
      pass_time(w);
    }
    note(w);
    right = p->broken == 0 && (!prop_one_in(p, 400 + w->keys) || check(w));
  }
  right = right && check(w);
  sl_top_destroy(w->top);
  (void)prop_holds(p, LAW_MEMORY, w->fault.live == 0, 0, w->fault.live);
  p->describe = NULL;
  return right;
}

int main(int argc, char **argv) {
  static struct world world;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &world)) {
  }
  return prop_done(&p);
}
