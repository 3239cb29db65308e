// The engine under many threads at once: nothing is admitted twice, lost or refused for nothing.
//
// Each part makes an engine, lets 8 to 16 threads at it and counts afterwards. Where time stands
// still the sums are exact: what all threads together were admitted is what the bucket held, to the
// last token. Threads that find something wrong count it; the main thread reports.
#include <pthread.h>

#include "base/prng.h"
#include "engine/engine.h"
#include "support/engine_kit.h"
#include "support/tap.h"

enum { THREADS_MAX = 16, BUCKETS = 28, TOGETHER = 6 };

struct part {
  struct kit kit;
  uint64_t seed;
  uint64_t steps;  // of each thread
  unsigned threads;
  const struct sl_class *classes[BUCKETS];
  size_t buckets;
  _Atomic uint64_t clock_ns;
  _Atomic uint64_t wrong;
  _Atomic unsigned running;
  _Atomic uint8_t *admitted;  // by key
  uint64_t keys;
};

struct worker {
  struct part *part;
  unsigned number;
  struct sl_prng prng;
  uint64_t taken[BUCKETS];  // admitted or charged
  pthread_t thread;
};

typedef void work_fn(struct worker *w);

struct start {
  struct worker *worker;
  work_fn *work;
};

static void *run_worker(void *arg) {
  struct start *start = arg;
  start->work(start->worker);
  start->worker->part->running--;
  return NULL;
}

// Runs `work` in all threads; `meanwhile`, where given, in this one until they are done.
static void run_all(struct part *part, struct worker *workers, work_fn *work,
                    void (*meanwhile)(struct part *part)) {
  struct start starts[THREADS_MAX];
  part->running = part->threads;
  for (unsigned i = 0; i < part->threads; i++) {
    workers[i] = (struct worker){.part = part, .number = i};
    sl_prng_seed(&workers[i].prng, part->seed + i);
    starts[i] = (struct start){.worker = &workers[i], .work = work};
    if (pthread_create(&workers[i].thread, NULL, run_worker, &starts[i]) != 0) {
      perror("pthread_create");
      exit(2);
    }
  }
  while (meanwhile != NULL && part->running > 0) {
    meanwhile(part);
  }
  for (unsigned i = 0; i < part->threads; i++) {
    (void)pthread_join(workers[i].thread, NULL);
  }
}

static void open_part(struct part *part, const struct tap_args *args, uint64_t share,
                      size_t max_bytes, enum sl_when_full when_full) {
  memset(part, 0, sizeof *part);
  kit_open(&part->kit, max_bytes, when_full);
  part->seed = args->seed;
  part->threads = 8 + (unsigned)(args->seed % (THREADS_MAX - 8 + 1));
  part->steps = args->steps * share / 100 / part->threads + 1;
  part->clock_ns = sl_engine_now(part->kit.engine, KIT_START_NS);
}

static void close_part(struct part *part, const char *name) {
  struct sl_engine_stats stats = kit_stats(&part->kit);
  ok(stats.bytes <= stats.max_bytes && part->kit.fault.peak_bytes <= stats.max_bytes,
     "%s: memory stayed within the cap", name);
  ok(kit_close(&part->kit), "%s: everything was given back", name);
}

static struct sl_ask ask_of(const struct part *part, size_t bucket, uint64_t cost) {
  return kit_ask(part->kit.engine, part->classes[bucket], bucket, cost);
}

static uint64_t sum_of(const struct part *part, const struct worker *workers, size_t bucket) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < part->threads; i++) {
    sum += workers[i].taken[bucket];
  }
  return sum;
}

// What is left in the bucket, taken one by one.
static uint64_t drain(struct part *part, size_t bucket) {
  uint64_t left = 0;
  while (kit_take(&part->kit, part->classes[bucket], bucket, 1, 0).verdict == SL_ALLOWED) {
    left++;
  }
  return left;
}

// ---- time stands still: sums are exact
// -------------------------------------------------------------

// Sizes between some hundreds and some ten thousands, every algorithm.
static void mixed_classes(struct part *part) {
  struct sl_prng prng;
  sl_prng_seed(&prng, part->seed);
  for (part->buckets = 0; part->buckets < BUCKETS - 2; part->buckets++) {
    uint64_t size = 100 + sl_prng_below(&prng, part->steps);
    uint64_t period = SL_NS_PER_H;
    struct sl_limit_spec spec;
    switch (part->buckets % 7) {
    case 0:
      spec = kit_token(7, period, size);
      break;
    case 1:
      spec = kit_leaky(7, period, size);
      break;
    case 2:
      spec = kit_fixed(size, period);
      break;
    case 3:
      spec = kit_log(sl_min_u64(size, 2000), period, false);
      break;
    case 4:
      spec = kit_sliding(size, period, 0);
      break;
    case 5:
      spec = kit_sliding(size, period, 12);
      break;
    default:
      spec = kit_slots(sl_min_u64(size, 2000), period);
      break;
    }
    part->classes[part->buckets] = kit_class(&part->kit, spec);
  }
  // The last two are always asked together.
  for (int i = 0; i < 2; i++) {
    part->classes[part->buckets++] = kit_class(&part->kit, kit_token(1, SL_NS_PER_H, 30000));
  }
}

static void note(struct worker *w, size_t bucket, uint64_t cost, const struct sl_decision *d,
                 bool allowed) {
  uint64_t size = w->part->classes[bucket]->limit.size;
  bool sound = d->limit == size && d->remaining <= size && d->verdict != SL_NEVER;
  w->part->wrong += !sound;
  if (allowed && d->verdict == SL_ALLOWED) {
    w->taken[bucket] += cost;
  }
}

// Different buckets in any order, without the pair, or with both of it.
static void take_some_together(struct worker *w, bool look) {
  struct part *part = w->part;
  struct sl_ask asks[TOGETHER + 2];
  size_t buckets[TOGETHER + 2];
  struct sl_decision d[TOGETHER + 2];
  size_t count = 1 + sl_prng_below(&w->prng, TOGETHER);
  size_t first = sl_prng_below(&w->prng, part->buckets - 2);
  size_t stride = 1 + 2 * sl_prng_below(&w->prng, 4);  // odd: 26 buckets, no bucket twice in 6
  for (size_t i = 0; i < count; i++) {
    buckets[i] = (first + i * stride) % (part->buckets - 2);
  }
  if (sl_prng_below(&w->prng, 2) == 0) {
    // Among the others, the pair is in no order.
    buckets[count++] = part->buckets - 1;
    buckets[count++] = part->buckets - 2;
    size_t other = sl_prng_below(&w->prng, count);
    size_t moved = buckets[other];
    buckets[other] = buckets[count - 1];
    buckets[count - 1] = moved;
  }
  for (size_t i = 0; i < count; i++) {
    asks[i] = ask_of(part, buckets[i], 1 + sl_prng_below(&w->prng, 3));
    asks[i].cost = buckets[i] >= part->buckets - 2 ? 1 : asks[i].cost;
  }
  bool allowed = false;
  enum sl_status status =
      sl_engine_take_together(part->kit.engine, asks, count, part->clock_ns, look, d, &allowed);
  part->wrong += status != SL_OK;
  for (size_t i = 0; i < count; i++) {
    note(w, buckets[i], asks[i].cost, &d[i], allowed && !look);
    part->wrong += allowed && d[i].verdict != SL_ALLOWED;
  }
}

static void take_batch(struct worker *w) {
  struct part *part = w->part;
  struct sl_ask asks[40] = {{0}};
  size_t buckets[40];
  struct sl_decision d[40];
  size_t count = sl_prng_below(&w->prng, 41);
  for (size_t i = 0; i < count; i++) {
    buckets[i] = sl_prng_below(&w->prng, part->buckets - 2);
    asks[i] = ask_of(part, buckets[i], 1);
  }
  part->wrong += sl_engine_take_each(part->kit.engine, asks, count, part->clock_ns, d) != SL_OK;
  for (size_t i = 0; i < count; i++) {
    note(w, buckets[i], 1, &d[i], true);
  }
}

static void take_frozen(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps; i++) {
    uint64_t dice = sl_prng_below(&w->prng, 16);
    size_t bucket = sl_prng_below(&w->prng, part->buckets - 2);
    if (dice < 8) {
      struct sl_ask ask = ask_of(part, bucket, 1 + sl_prng_below(&w->prng, 2));
      struct sl_decision d;
      part->wrong += sl_engine_take(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK;
      note(w, bucket, ask.cost, &d, true);
    } else if (dice < 14) {
      take_some_together(w, dice == 13);
    } else if (dice < 15) {
      take_batch(w);
      i += 20;
    } else {
      // A charge of what is surely there would need to know; one of an emptied bucket must not make
      // it negative: charges have a part of their own. Here, what is fresh may vanish.
      (void)sl_engine_sweep(part->kit.engine, 64, part->clock_ns);
    }
  }
}

static void frozen(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 30, 16 << 20, SL_FULL_EVICT);
  mixed_classes(&part);
  run_all(&part, workers, take_frozen, NULL);
  is_u64(part.wrong, 0, "frozen: every answer is sound");
  uint64_t pair[2] = {0};
  for (size_t i = 0; i < part.buckets; i++) {
    uint64_t taken = sum_of(&part, workers, i);
    if (i >= part.buckets - 2) {
      pair[i - (part.buckets - 2)] = taken;
    }
    uint64_t left = kit_peek(&part.kit, part.classes[i], i, 0, 0).remaining;
    is_u64(taken + left, part.classes[i]->limit.size, "frozen: %s %zu holds what was not admitted",
           sl_algorithm_name(part.classes[i]->limit.algorithm), i);
    is_u64(drain(&part, i), left, "frozen: and admits that to the last");
  }
  is_u64(pair[0], pair[1], "frozen: two that are always charged together are charged alike");
  ok(pair[0] > 0, "frozen: and they were charged");
  is_u64(kit_stats(&part.kit).dropped_lossy, 0, "frozen: no bucket was lost");
  close_part(&part, "frozen");
}

// ---- charges, resets aside
// -------------------------------------------------------------------------

static void charge_frozen(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps; i++) {
    size_t bucket = sl_prng_below(&w->prng, part->buckets);
    struct sl_ask ask = ask_of(part, bucket, 1 + sl_prng_below(&w->prng, 5));
    struct sl_decision d;
    if (sl_prng_below(&w->prng, 2) == 0) {
      part->wrong += sl_engine_charge(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK;
    } else {
      // There is always room.
      part->wrong += sl_engine_take(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK ||
                     d.verdict != SL_ALLOWED;
    }
    w->taken[bucket] += ask.cost;
  }
}

static void charges(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 10, 4 << 20, SL_FULL_EVICT);
  uint64_t plenty = 5 * part.steps * part.threads;
  part.classes[part.buckets++] = kit_class(&part.kit, kit_token(1, SL_NS_PER_MS, plenty));
  part.classes[part.buckets++] = kit_class(&part.kit, kit_fixed(plenty, SL_NS_PER_H));
  part.classes[part.buckets++] = kit_class(&part.kit, kit_sliding(plenty, SL_NS_PER_H, 0));
  part.classes[part.buckets++] = kit_class(&part.kit, kit_sliding(plenty, SL_NS_PER_H, 6));
  run_all(&part, workers, charge_frozen, NULL);
  is_u64(part.wrong, 0, "charges: a bucket that holds enough refuses nothing");
  for (size_t i = 0; i < part.buckets; i++) {
    uint64_t left = kit_peek(&part.kit, part.classes[i], i, 0, 0).remaining;
    is_u64(left, plenty - sum_of(&part, workers, i), "charges: none is lost in %s",
           sl_algorithm_name(part.classes[i]->limit.algorithm));
  }
  close_part(&part, "charges");
}

// ---- slots: taken and given back
// ---------------------------------------------------------------------

static void borrow(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps; i++) {
    struct sl_ask ask = ask_of(part, 0, 1);
    struct sl_decision d;
    part->wrong += sl_engine_take(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK;
    if (d.verdict != SL_ALLOWED) {
      continue;
    }
    // `running` of the bucket: never more than its slots hold one at a time.
    uint64_t holders = (uint64_t)atomic_fetch_add(&part->admitted[0], 1) + 1;
    part->wrong += holders > part->classes[0]->limit.size;
    bool held = false;
    if (sl_prng_below(&w->prng, 4) == 0) {
      part->wrong +=
          sl_engine_renew(part->kit.engine, &ask, d.slot, part->clock_ns, &held) != SL_OK || !held;
    }
    atomic_fetch_sub(&part->admitted[0], 1);
    part->wrong +=
        sl_engine_release(part->kit.engine, &ask, d.slot, part->clock_ns, &held) != SL_OK || !held;
    part->wrong +=
        sl_engine_release(part->kit.engine, &ask, d.slot, part->clock_ns, &held) != SL_OK || held;
    w->taken[0]++;
  }
}

static void slots(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  _Atomic uint8_t holders = 0;
  open_part(&part, args, 5, 4 << 20, SL_FULL_EVICT);
  part.classes[0] = kit_class(&part.kit, kit_slots(3, SL_NS_PER_H));
  part.admitted = &holders;
  run_all(&part, workers, borrow, NULL);
  is_u64(part.wrong, 0, "slots: never more holders than slots, each released once");
  ok(sum_of(&part, workers, 0) > 0, "slots: and some were held");
  is_u64(kit_peek(&part.kit, part.classes[0], 0, 0, 0).remaining, 3, "slots: all are free again");
  is_u64(kit_stats(&part.kit).buckets, 0, "slots: and the bucket, fresh again, is gone");
  close_part(&part, "slots");
}

// ---- time goes on
// ------------------------------------------------------------------------------------

enum { TICK_NS = 1000 };

static void sweep_on(struct part *part) {
  (void)sl_engine_sweep(part->kit.engine, 512, sl_engine_now(part->kit.engine, part->clock_ns));
  kit_relax(NULL, 100);
}

// Each request brings the clock a tick on. Bucket 0 gets a token a tick and is asked for one;
// bucket 1 gets less than it is asked for. A thread that was held up has an old reading, and asks
// again with a new one before it believes a refusal, as whoever asks the engine does. What it must
// not hear is a refusal at the latest tick: each request so far came with a tick of its own, and at
// most one of each thread is late, so the bucket's burst, one for each thread, covers them.
static void take_ticking(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps; i++) {
    uint64_t reading = atomic_fetch_add(&part->clock_ns, TICK_NS) + TICK_NS;
    struct sl_ask ask = ask_of(part, 0, 1);
    struct sl_ask greedy = ask_of(part, 1, 1);
    struct sl_decision d;
    uint64_t now_ns = sl_engine_now(part->kit.engine, reading);
    part->wrong += sl_engine_take(part->kit.engine, &ask, now_ns, &d) != SL_OK;
    while (d.verdict != SL_ALLOWED) {
      reading = part->clock_ns;
      now_ns = sl_engine_now(part->kit.engine, reading);
      part->wrong += sl_engine_take(part->kit.engine, &ask, now_ns, &d) != SL_OK;
      if (d.verdict != SL_ALLOWED && part->clock_ns == reading) {
        part->wrong++;
        break;
      }
    }
    w->taken[0]++;
    part->wrong += sl_engine_take(part->kit.engine, &greedy, now_ns, &d) != SL_OK;
    w->taken[1] += d.verdict == SL_ALLOWED;
  }
}

static void ticking(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 10, 4 << 20, SL_FULL_EVICT);
  uint64_t start_ns = part.clock_ns;
  part.classes[0] =
      kit_class(&part.kit, kit_token(SL_NS_PER_MS / TICK_NS, SL_NS_PER_MS, part.threads));
  part.classes[1] = kit_class(&part.kit, kit_token(SL_NS_PER_MS / TICK_NS / 3, SL_NS_PER_MS, 5));
  run_all(&part, workers, take_ticking, sweep_on);
  is_u64(part.wrong, 0, "ticking: a bucket that is asked for less than its rate never refuses");
  uint64_t passed = part.clock_ns - start_ns;
  uint64_t most = 5 + (uint64_t)((sl_u128)passed * (SL_NS_PER_MS / TICK_NS / 3) / SL_NS_PER_MS) + 1;
  uint64_t got = sum_of(&part, workers, 1);
  ok(got <= most, "ticking: one that is asked for more keeps within burst + rate x time");
  if (got > most) {
    diag("admitted %" PRIu64 " of %" PRIu64, got, most);
  }
  ok(got > 0, "ticking: and admits some");
  close_part(&part, "ticking");
}

// ---- records see no time going back
// --------------------------------------------------------------------

enum { WINDOW_TICKS = 50, LOG_SIZE = 10, SEEN_MAX = 200000 };

// An admission was decided at some time in [from, to].
struct seen {
  uint64_t from_ns, to_ns;
};

static struct seen seen[SEEN_MAX];
static _Atomic size_t seen_count;

static void take_logged(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps && seen_count < SEEN_MAX - 4 * THREADS_MAX; i++) {
    uint64_t reading = atomic_fetch_add(&part->clock_ns, TICK_NS) + TICK_NS;
    uint64_t now_ns = sl_engine_now(part->kit.engine, reading);
    if (sl_prng_below(&w->prng, 8) == 0) {
      sched_yield();  // meanwhile others decide later than this one's reading
    }
    struct sl_ask ask = ask_of(part, 0, 1);
    struct sl_decision d;
    part->wrong += sl_engine_take(part->kit.engine, &ask, now_ns, &d) != SL_OK;
    if (d.verdict == SL_ALLOWED) {
      seen[atomic_fetch_add(&seen_count, 1)] =
          (struct seen){.from_ns = now_ns, .to_ns = part->clock_ns};
    }
  }
}

static int earlier(const void *a, const void *b) {
  const struct seen *x = a;
  const struct seen *y = b;
  return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

static void records(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 5, 4 << 20, SL_FULL_EVICT);
  uint64_t window_ns = WINDOW_TICKS * TICK_NS;
  struct sl_limit_spec spec = kit_log(LOG_SIZE, SL_PERIOD_MIN_NS, false);
  struct sl_limit limit = kit_limit(&spec);
  limit.window_ns = window_ns;  // shorter than a rule may have it, so that threads straddle it
  if (sl_engine_hold_class(part.kit.engine, &limit, &part.classes[0]) != SL_OK) {
    abort();
  }
  seen_count = 0;
  run_all(&part, workers, take_logged, NULL);
  qsort(seen, seen_count, sizeof seen[0], earlier);
  unsigned over = 0;
  for (size_t i = 0; i < seen_count; i++) {
    // Those that were surely decided within a window that begins at this one's reading.
    unsigned inside = 0;
    for (size_t j = i; j < seen_count && seen[j].from_ns < seen[i].from_ns + window_ns; j++) {
      inside += seen[j].to_ns < seen[i].from_ns + window_ns;
    }
    over += inside > LOG_SIZE;
  }
  is_u64(part.wrong, 0, "records: every decision is taken");
  is_u64(over, 0, "records: no window holds more than the limit, whoever read the clock when");
  ok(seen_count > LOG_SIZE, "records: %zu admissions", (size_t)seen_count);
  close_part(&part, "records");
}

// ---- growing
// -----------------------------------------------------------------------------------------

// Key k's bucket holds one token, whatever its algorithm.
static const struct sl_class *class_of_key(const struct part *part, uint64_t key) {
  return part->classes[key % 64 == 0 ? 1 : key % 64 == 1 ? 2 : 0];
}

static void admit_key(struct part *part, uint64_t key) {
  part->wrong += atomic_fetch_add(&part->admitted[key], 1) != 0;
}

static void take_key(struct part *part, uint64_t key) {
  struct sl_ask ask = kit_ask(part->kit.engine, class_of_key(part, key), key, 1);
  struct sl_decision d;
  part->wrong += sl_engine_take(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK;
  if (d.verdict == SL_ALLOWED) {
    admit_key(part, key);
  }
}

// Several keys or none: their buckets are locked while the table grows beneath them.
static void take_keys(struct worker *w, uint64_t key) {
  struct part *part = w->part;
  struct sl_ask asks[TOGETHER];
  uint64_t keys[TOGETHER];
  struct sl_decision d[TOGETHER];
  size_t count = 1 + sl_prng_below(&w->prng, TOGETHER);
  for (size_t i = 0; i < count; i++) {
    keys[i] = (key + i * (1 + part->keys / 7)) % part->keys;
    asks[i] = kit_ask(part->kit.engine, class_of_key(part, keys[i]), keys[i], 1);
  }
  bool allowed = false;
  part->wrong += sl_engine_take_together(part->kit.engine, asks, count, part->clock_ns, false, d,
                                         &allowed) != SL_OK;
  for (size_t i = 0; allowed && i < count; i++) {
    admit_key(part, keys[i]);
  }
}

static void take_all_keys(struct worker *w) {
  struct part *part = w->part;
  // Each thread goes its own way through the keys; each key is met by several threads.
  uint64_t start = sl_prng_below(&w->prng, part->keys);
  for (uint64_t i = 0; i < part->steps; i++) {
    uint64_t key = (start + i) % part->keys;
    if (sl_prng_below(&w->prng, 16) == 0) {
      take_keys(w, key);
    } else {
      take_key(part, key);
    }
  }
}

static void growing(const struct tap_args *args) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 25, 256 << 20, SL_FULL_EVICT);
  part.keys = part.steps * part.threads / 3 + 5000;
  part.admitted = calloc(part.keys, sizeof *part.admitted);
  if (part.admitted == NULL) {
    abort();
  }
  part.classes[0] = kit_class(&part.kit, kit_token(1, SL_NS_PER_H, 1));
  part.classes[1] = kit_class(&part.kit, kit_sliding(1, SL_NS_PER_H, 0));
  part.classes[2] = kit_class(&part.kit, kit_log(1, SL_NS_PER_H, false));
  run_all(&part, workers, take_all_keys, sweep_on);
  for (uint64_t key = 0; key < part.keys; key++) {
    take_key(&part, key);
  }
  uint64_t once = 0;
  for (uint64_t key = 0; key < part.keys; key++) {
    once += part.admitted[key] == 1;
  }
  is_u64(once, part.keys, "growing: each of the keys is admitted exactly once");
  is_u64(part.wrong, 0, "growing: none twice, no call failed");
  struct sl_engine_stats stats = kit_stats(&part.kit);
  is_u64(stats.buckets, part.keys, "growing: each key has one bucket");
  is_u64(stats.dropped_lossy + stats.denied_full, 0, "growing: none was lost");
  free((void *)(uintptr_t)part.admitted);
  close_part(&part, "growing");
}

// ---- the memory cap
// ------------------------------------------------------------------------------------

enum { VICTIM = 0 };

static void flood(struct worker *w) {
  struct part *part = w->part;
  for (uint64_t i = 0; i < part->steps; i++) {
    uint64_t dice = sl_prng_below(&w->prng, 64);
    struct sl_decision d;
    if (dice == 0) {
      // The attacker's victim: it has nothing left, and nobody can make it forget.
      struct sl_ask ask = ask_of(part, VICTIM, 1);
      part->wrong += sl_engine_take(part->kit.engine, &ask, part->clock_ns, &d) != SL_OK;
      part->wrong += d.verdict != SL_THROTTLED;
      continue;
    }
    uint64_t key = 1000 + i * part->threads + w->number;
    struct sl_ask asks[2] = {kit_ask(part->kit.engine, part->classes[1 + dice % 3], key, 1),
                             kit_ask(part->kit.engine, part->classes[1], key + (1ull << 40), 1)};
    bool allowed = false;
    enum sl_status status =
        dice % 8 == 1 ? sl_engine_take_together(part->kit.engine, asks, 2, part->clock_ns, false,
                                                (struct sl_decision[2]){{0}}, &allowed)
                      : sl_engine_take(part->kit.engine, asks, part->clock_ns, &d);
    part->wrong += status != SL_OK;
    struct sl_engine_stats stats;
    sl_engine_get_stats(part->kit.engine, &stats);
    part->wrong += stats.bytes > stats.max_bytes;
  }
}

static void cap(const struct tap_args *args, enum sl_when_full when_full, const char *name) {
  struct part part;
  static struct worker workers[THREADS_MAX];
  open_part(&part, args, 2, SL_ENGINE_BYTES_MIN, when_full);
  part.steps += 20000 / part.threads;
  part.classes[VICTIM] = kit_class(&part.kit, kit_token(10, SL_NS_PER_H, 10));
  part.classes[1] = kit_class(&part.kit, kit_token(10, SL_NS_PER_H, 10));
  part.classes[2] = kit_class(&part.kit, kit_log(10, SL_NS_PER_M, false));
  part.classes[3] = kit_class(&part.kit, kit_sliding(10, SL_NS_PER_M, 4));
  part.buckets = 4;
  (void)kit_take(&part.kit, part.classes[VICTIM], VICTIM, 10, 0);
  run_all(&part, workers, flood, NULL);
  is_u64(part.wrong, 0, "%s: who is out stays out under a flood of keys, nothing fails", name);
  struct sl_engine_stats stats = kit_stats(&part.kit);
  bool evict = when_full == SL_FULL_EVICT;
  ok((stats.dropped_lossy > 0) == evict, "%s: buckets are lost only where that is wanted", name);
  ok((stats.denied_full > 0) == (when_full == SL_FULL_DENY), "%s: new keys are denied only there",
     name);
  ok((stats.allowed_full > 0) == (when_full == SL_FULL_ALLOW), "%s: or let pass only there", name);
  close_part(&part, name);
}

int main(int argc, char **argv) {
  struct tap_args args = tap_parse(argc, argv, 2000000);
  frozen(&args);
  charges(&args);
  slots(&args);
  ticking(&args);
  records(&args);
  growing(&args);
  cap(&args, SL_FULL_EVICT, "evict");
  cap(&args, SL_FULL_DENY, "deny");
  cap(&args, SL_FULL_ALLOW, "allow");
  return done_testing();
}
