// The engine against its model: random limits of every algorithm, few keys, random requests to one
// and to several, shadows, looks, charges, resets, reservations, slots, batches and sweeps, while
// time stands still, walks, leaps years and steps back.
#include "prop/prop.h"
#include "support/engine_world.h"

static uint64_t small(struct prop *p) { return prop_one_in(p, 3) ? 1 : prop_magnitude(p, 40); }

static void draw_spec(struct prop *p, struct sl_limit_spec *ret_spec) {
  enum sl_algorithm algorithm = (enum sl_algorithm)prop_below(p, SL_ALGORITHM_COUNT);
  struct sl_limit_spec spec = sl_limit_spec_default(algorithm);
  prop_rate(p, &spec.count, &spec.period_ns);
  bool entries = algorithm == SL_SLIDING_LOG;
  if (entries || prop_one_in(p, 2)) {
    spec.count = small(p);
  }
  if (!entries && prop_one_in(p, 40)) {
    spec.count = SL_COUNT_MAX;
    spec.period_ns = SL_PERIOD_MIN_NS;
  }
  spec.count = prop_one_in(p, 50) ? 0 : spec.count;
  spec.has_burst = prop_one_in(p, 2);
  spec.burst = prop_one_in(p, 50) ? 0 : small(p);
  spec.queue = prop_one_in(p, 3) ? 0 : small(p);
  spec.any_window = algorithm == SL_TOKEN_BUCKET && prop_one_in(p, 6);
  spec.count_refused = prop_one_in(p, 2);
  spec.sub_windows = prop_one_in(p, 2) ? 0 : prop_between(p, 1, 8);
  spec.slots = prop_one_in(p, 50) ? 0 : small(p);
  spec.lease_ns = prop_one_in(p, 2) ? SL_NS_PER_S : spec.period_ns;
  if (prop_one_in(p, 2)) {
    spec.max_wait_ns = prop_one_in(p, 3) ? 0 : prop_magnitude(p, SL_PERIOD_MAX_NS);
  }
  *ret_spec = spec;
}

static struct world_ask draw_ask(struct prop *p, struct world *w) {
  struct world_ask ask = {.shadow = prop_one_in(p, 5)};
  do {
    ask.bucket = prop_below(p, w->class_count * WORLD_KEYS);
  } while (!world_usable(w, ask.bucket) && !prop_one_in(p, 100));
  const struct model *m = &w->buckets[ask.bucket].model;
  ask.cost = prop_cost(p, world_unlimited(w, ask.bucket) ? 10 : m->size, w->last.remaining);
  ask.cost = sl_min_u64(ask.cost, SL_COST_MAX);
  return ask;
}

// Asks for several buckets; with `different`, each only once. Buckets whose model is full are left
// out.
static size_t draw_asks(struct prop *p, struct world *w, bool different, struct world_ask *asks) {
  size_t want = prop_between(p, 0, 6);
  size_t count = 0;
  for (size_t i = 0; i < want; i++) {
    struct world_ask ask = draw_ask(p, w);
    bool fits = world_usable(w, ask.bucket);
    for (size_t j = 0; different && j < count; j++) {
      fits = fits && asks[j].bucket != ask.bucket;
    }
    if (fits) {
      asks[count++] = ask;
    }
  }
  return count;
}

static void pass_time(struct prop *p, struct world *w) {
  const struct world_class *c = &w->classes[prop_below(p, w->class_count)];
  struct prop_habits habits = {.interval_ns = SL_NS_PER_MS,
                               .window_ns = SL_NS_PER_S,
                               .retry_ns = sl_min_u64(w->last.retry_after_ns, SL_PERIOD_MAX_NS),
                               .reset_ns = sl_min_u64(w->last.reset_after_ns, SL_PERIOD_MAX_NS),
                               .grid_ns = 1};
  if (c->limit.rate_count > 0 && c->limit.algorithm != SL_UNLIMITED) {
    habits.interval_ns = c->limit.rate_period_ns / c->limit.rate_count;
    habits.window_ns = c->limit.rate_period_ns;
  }
  if (prop_one_in(p, 16)) {
    // A clock that was set back, by up to decades.
    uint64_t back = prop_magnitude(p, UINT64_C(1) << 60);
    world_clock(w, back < w->now_ns ? w->now_ns - back : 0);
    return;
  }
  uint64_t step_ns = prop_step_ns(p, &habits, w->now_ns);
  // Leaps of years are for the end of a history: few steps fit behind them.
  if (step_ns > 400 * SL_NS_PER_D && !prop_one_in(p, 4)) {
    step_ns = 0;
  }
  world_clock(w, w->now_ns + step_ns);
}

static bool single_step(struct prop *p, struct world *w) {
  struct world_ask ask = draw_ask(p, w);
  if (!world_usable(w, ask.bucket)) {
    return true;
  }
  ask.shadow = false;
  uint64_t dice = prop_below(p, 64);
  if (dice < 36) {
    return world_take(w, &ask);
  }
  if (dice < 41) {
    return world_together(w, &ask, 1, true);
  }
  if (dice < 45) {
    return world_charge(w, ask.bucket, ask.cost);
  }
  if (dice < 46) {
    world_reset(w, ask.bucket);
    return true;
  }
  if (dice < 52) {
    return world_reserve(w, ask.bucket, ask.cost);
  }
  if (dice < 57) {
    return world_cancel(w, ask.bucket, prop_below(p, WORLD_RECEIPTS));
  }
  uint64_t slot = prop_one_in(p, 8) ? sl_prng_next(&p->prng)
                                    : w->buckets[ask.bucket].slots[prop_below(p, WORLD_SLOTS)];
  return world_slot(w, ask.bucket, slot, prop_one_in(p, 2));
}

static bool step(struct prop *p, struct world *w) {
  struct world_ask asks[WORLD_TOGETHER];
  uint64_t dice = prop_below(p, 64);
  if (dice < 20) {
    pass_time(p, w);
    return !w->failure.happened;
  }
  if (dice < 48) {
    return single_step(p, w);
  }
  if (dice < 58) {
    size_t count = draw_asks(p, w, true, asks);
    p->step += count;
    return world_together(w, asks, count, prop_one_in(p, 6));
  }
  if (dice < 59) {
    size_t count = draw_asks(p, w, true, asks);
    // Mostly of what can be reserved at all.
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
      if (world_is_stamp(w, asks[i].bucket) || prop_one_in(p, 32)) {
        asks[kept++] = asks[i];
      }
    }
    p->step += kept;
    uint64_t longest_ns = prop_one_in(p, 2) ? UINT64_MAX : prop_magnitude(p, SL_NS_PER_H);
    return world_reserve_together(w, asks, kept, longest_ns);
  }
  if (dice < 62) {
    size_t count = draw_asks(p, w, false, asks);
    p->step += count;
    return world_take_each(w, asks, count);
  }
  // What is fresh may vanish, and nobody can tell.
  (void)sl_engine_sweep(w->kit.engine, prop_one_in(p, 8) ? 2048 : prop_below(p, 300), w->now_ns);
  return true;
}

static bool run(struct prop *p, struct world *w) {
  world_open(w, prop_start(p));
  uint64_t classes = prop_between(p, 1, WORLD_CLASSES);
  while (w->class_count < classes) {
    struct sl_limit_spec spec;
    draw_spec(p, &spec);
    (void)world_add_class(w, &spec);
  }
  uint64_t length = 500 + prop_magnitude(p, 20000);
  bool right = true;
  for (uint64_t i = 0; right && i < length && p->step < p->args.steps; i++) {
    p->step++;
    w->step = p->step;
    right = step(p, w);
  }
  world_close(w);
  return !w->failure.happened;
}

int main(int argc, char **argv) {
  static struct world world;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, world_laws, WORLD_LAWS);
  while (p.step < p.args.steps && run(&p, &world)) {
  }
  memcpy(p.checked, world.checked, sizeof world.checked);
  if (world.failure.happened) {
    p.broken = (size_t)world.failure.law + 1;
    world_print(&world);
    diag("replay with --seed %" PRIu64 " --steps %" PRIu64, p.args.seed, p.args.steps);
  }
  return prop_done(&p);
}
