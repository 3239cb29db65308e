// Many threads on one handle: decisions by rules and on limiters, batches, charges and
// reservations, while the rules are replaced again and again. Totals are exact: what was admitted
// is what the limits hold.
#include <pthread.h>

#include "base/prng.h"
#include "support/lib_fixture.h"
#include "support/tap.h"

enum { THREADS = 4, KEYS = 64, BATCH = 40 };
// Each bucket holds this many, for an hour: time stands still, so the sum over all threads is
// exact.
enum { HOLDS = 500 };

static struct fixture f;
static struct sluice_limiter *shared, *scarce, *logged;
static struct sluice_pacer *pacer;
static uint64_t steps;
static _Atomic bool done;
static _Atomic uint64_t by_rule[KEYS], by_limiter[KEYS], by_log;
static _Atomic uint64_t errors, paced, replaced, never_refused;

// Both sets hold the rule that is counted; the other rules come and go.
static const char *const sets[] = {
    "rules:\n"
    "  - {id: counted, key: [user], limit: {rate: 500/1h}}\n"
    "  - {id: wide, key: [], limit: {rate: 1000000000/1s}}\n",
    "rules:\n"
    "  - {id: other, match: {user: nobody}, key: [], limit: {rate: 0/1s}}\n"
    "  - {id: counted, key: [user], limit: {rate: 500/1h}}\n"
    "  - {id: trial, key: [user], over_limit: shadow, limit: {algorithm: sliding_window, rate: "
    "10/1s}}\n",
    "rules: [{id: counted, key: [user], limit: {rate: 500/1h}}]\n",
};

static void decide_by_rules(struct sl_prng *prng, uint64_t key) {
  char user[2] = {(char)('0' + key), '\0'};
  struct fixture_request r;
  struct sluice_answer answer;
  const struct sluice_request *request =
      fixture_request(&r, "user", user, 1 + sl_prng_below(prng, 3));
  const enum sluice_status status = sluice_allow(f.sluice, request, &answer);
  if (status == SLUICE_ALLOWED) {
    by_rule[key] += request->cost;
  }
  errors += status < 0 || (status == SLUICE_THROTTLED && strcmp(answer.rule, "counted") != 0);
}

static void decide_batch(struct sl_prng *prng) {
  uint64_t numbers[BATCH];
  struct sluice_key keys[BATCH];
  struct sluice_decision decisions[BATCH];
  for (size_t i = 0; i < BATCH; i++) {
    numbers[i] = sl_prng_below(prng, KEYS);
    keys[i] = (struct sluice_key){.bytes = &numbers[i], .len = sizeof numbers[i]};
  }
  errors +=
      sluice_limiter_allow_batch(shared, keys, NULL, BATCH, SLUICE_NOW, decisions) != SLUICE_OK;
  for (size_t i = 0; i < BATCH; i++) {
    by_limiter[numbers[i]] += decisions[i].verdict == SLUICE_ALLOWED;
  }
}

static void decide_one(uint64_t key) {
  const enum sluice_status status = sluice_limiter_allow(shared, &key, sizeof key, 1, NULL);
  by_limiter[key] += status == SLUICE_ALLOWED;
  errors += status < 0;
}

// A slot is taken and given back: with one more slot than threads nobody is ever refused.
static void hold_a_slot(void) {
  struct sluice_decision decision;
  bool held = false;
  if (sluice_limiter_allow(scarce, "slot", 4, 1, &decision) == SLUICE_ALLOWED) {
    errors +=
        sluice_limiter_release(scarce, "slot", 4, decision.slot, SLUICE_NOW, &held) != SLUICE_OK ||
        !held;
  } else {
    never_refused++;
  }
}

static void do_something(struct sl_prng *prng) {
  const uint64_t key = sl_prng_below(prng, KEYS);
  uint64_t wait_ns;
  switch (sl_prng_below(prng, 8)) {
  case 0:
    decide_batch(prng);
    break;
  case 1:
    decide_one(key);
    break;
  case 2:
    hold_a_slot();
    break;
  case 3:
    by_log += sluice_limiter_allow(logged, "log", 3, 1, NULL) == SLUICE_ALLOWED;
    break;
  case 4:
    errors += sluice_pacer_reserve(pacer, 1, SLUICE_NOW, NULL, &wait_ns) != SLUICE_OK;
    paced++;
    break;
  default:
    decide_by_rules(prng, key);
  }
}

static void *work(void *seed) {
  struct sl_prng prng;
  sl_prng_seed(&prng, *(const uint64_t *)seed);
  for (uint64_t i = 0; i < steps; i++) {
    do_something(&prng);
  }
  return NULL;
}

static void *replace_rules(void *unused) {
  for (size_t i = 0; !done; i++) {
    errors += fixture_load(&f, sets[i % 3]) != SLUICE_OK;
    struct fixture_request r;
    struct sluice_reservation *reservation;
    // A reservation outlives the rules that it was made under.
    if (sluice_reserve(f.sluice, fixture_request(&r, "user", "reserver", 1), &reservation, NULL) <
        0) {
      continue;
    }
    errors += fixture_load(&f, sets[(i + 1) % 3]) != SLUICE_OK;
    sluice_reservation_free(reservation);
    replaced += 2;
  }
  return unused;
}

static pthread_t start(void *(*run)(void *), void *with) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, with) != 0) {
    abort();
  }
  return thread;
}

static void run_threads(uint64_t seed) {
  pthread_t threads[THREADS];
  uint64_t seeds[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    seeds[i] = seed + i;
    threads[i] = start(work, &seeds[i]);
  }
  pthread_t replacer = start(replace_rules, NULL);
  for (size_t i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  done = true;
  pthread_join(replacer, NULL);
}

// What is left of each bucket is asked for, so that admitted and left must make the whole.
static void check_totals(void) {
  uint64_t wrong = 0, spent = 0;
  for (uint64_t key = 0; key < KEYS; key++) {
    char user[2] = {(char)('0' + key), '\0'};
    struct fixture_request r;
    struct sluice_answer answer;
    struct sluice_decision decision;
    (void)sluice_peek(f.sluice, fixture_request(&r, "user", user, 0), &answer);
    (void)sluice_limiter_peek(shared, &key, sizeof key, 0, SLUICE_NOW, &decision);
    wrong += by_rule[key] + answer.decision.remaining != HOLDS;
    wrong += by_limiter[key] + decision.remaining != HOLDS;
    spent += by_rule[key] + by_limiter[key];
  }
  is_u64(wrong, 0, "of every bucket, admitted and remaining make the whole");
  ok(spent > 0, "%" PRIu64 " were admitted", spent);
  struct sluice_decision decision;
  (void)sluice_limiter_peek(logged, "log", 3, 0, SLUICE_NOW, &decision);
  is_u64(by_log + decision.remaining, HOLDS, "of the sliding log, too");
  uint64_t wait_ns;
  (void)sluice_pacer_reserve(pacer, 0, SLUICE_NOW, NULL, &wait_ns);
  is_u64(wait_ns, paced > 0 ? paced * SLUICE_MS(1) : 0, "the pacer has counted each");
}

int main(int argc, char **argv) {
  const struct tap_args args = tap_parse(argc, argv, 100000);
  steps = args.steps / THREADS < 200000 ? args.steps / THREADS : 200000;
  fixture_open(&f);
  ok(fixture_load(&f, sets[2]) == SLUICE_OK, "rules are loaded");
  struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, HOLDS, SLUICE_S(3600));
  shared = fixture_limiter(&f, limit);
  limit.algorithm = SLUICE_SLIDING_LOG;
  logged = fixture_limiter(&f, limit);
  sluice_limit_init(&limit, sizeof limit, SLUICE_CONCURRENCY);
  limit.slots = THREADS;
  scarce = fixture_limiter(&f, limit);
  const struct sluice_rate rate = {.count = 1000, .period_ns = SLUICE_S(1)};
  ok(sluice_smooth_bursty_create(f.sluice, rate, 0, &pacer) == SLUICE_OK, "a pacer is made");
  run_threads(args.seed);
  is_u64(errors, 0, "no call failed");
  is_u64(never_refused, 0, "who always finds a slot free is never refused");
  ok(replaced > 0, "the rules were replaced %" PRIu64 " times meanwhile", replaced);
  if (fixture_load(&f, sets[2]) == SLUICE_OK) {
    check_totals();
  }
  sluice_pacer_free(pacer);
  sluice_limiter_free(shared);
  sluice_limiter_free(logged);
  sluice_limiter_free(scarce);
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
