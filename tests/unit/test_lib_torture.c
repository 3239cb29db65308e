// A life with the library, once for each allocation that fails in it, alone or with all that
// follow: every call says SLUICE_ERR_MEMORY or what it always says, nothing is charged by half, and
// all is freed.
#include "support/lib_fixture.h"
#include "support/tap.h"

static const char rules_a[] =
    "rules:\n"
    "  - {id: each, key: [user], limit: {rate: 100/1s, burst: 50}}\n"
    "  - {id: all, key: [], limit: {algorithm: fixed_window, rate: 1000/1m}}\n"
    "  - {id: log, key: [user], limit: {algorithm: sliding_log, rate: 40/1s, count_refused: "
    "true}}\n"
    "  - {id: paths, match: {path: '/v1/*'}, key: [client_ip], limit: {algorithm: sliding_window, "
    "rate: 90/1s}}\n"
    "  - {id: slots, match: {path: '/v1/*'}, key: [], limit: {algorithm: concurrency, slots: 9, "
    "lease: 1s}}\n"
    "  - {id: gold, key: [user], limit: {rate: 9/1s}, overrides: [{key: {user: u1}, limit: {rate: "
    "99/1s}}]}\n";
static const char rules_b[] =
    "rules:\n"
    "  - {id: each, key: [user], max_wait: 3s, limit: {rate: 200/1s, burst: 50}}\n"
    "  - {id: trial, key: [client_ip], over_limit: shadow, limit: {algorithm: leaky_bucket, rate: "
    "10/1s, queue: 9}}\n";
static const char rules_bad[] = "rules: [{id: a, key: b, limit: {rate: none}}, {idd: c}]";

// One run. `failed` counts calls that said SLUICE_ERR_MEMORY, `wrong` those that said what they
// must not.
struct life {
  struct fixture f;
  unsigned failed, wrong;
};

// What a call may say: SLUICE_ERR_MEMORY, or anything from `least` to `most`.
static bool said(struct life *life, enum sluice_status status, int least, int most) {
  if (status == SLUICE_ERR_MEMORY) {
    life->failed++;
    return false;
  }
  const bool right = (int)status >= least && (int)status <= most;
  life->wrong += !right;
  return right;
}

static const struct sluice_request *request(struct fixture_request *r, size_t user) {
  static const char *const users[] = {"u0", "u1", "u2", "u3"};
  (void)fixture_request(r, "user", users[user % 4], 1);
  r->attrs[1] = sluice_attr_of("path", user % 2 == 0 ? "/v1/things" : "/");
  r->request.attr_count = 2;
  return &r->request;
}

static void live_with_rules(struct life *life) {
  struct sluice *sluice = life->f.sluice;
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_rule_decision rules[8];
  for (size_t i = 0; i < 30; i++) {
    said(life, sluice_allow(sluice, request(&r, i), &answer), SLUICE_ALLOWED, SLUICE_THROTTLED);
    if (i % 5 == 0) {
      said(life, sluice_allow_rules(sluice, request(&r, i), true, rules, 8, &answer),
           SLUICE_ALLOWED, SLUICE_THROTTLED);
      said(life, sluice_charge(sluice, request(&r, i), &answer), SLUICE_OK, SLUICE_OK);
      life->f.now_ns += SLUICE_MS(50);
    }
  }
  said(life, sluice_release(sluice, request(&r, 0), answer.decision.slot, NULL), SLUICE_OK,
       SLUICE_OK);
  said(life, sluice_reset(sluice, request(&r, 1), NULL), SLUICE_OK, SLUICE_OK);
}

static void live_with_waits(struct life *life) {
  struct sluice *sluice = life->f.sluice;
  struct fixture_request r;
  for (size_t i = 0; i < 8; i++) {
    struct sluice_reservation *reservation;
    if (said(life, sluice_reserve(sluice, request(&r, i), &reservation, NULL), SLUICE_ALLOWED,
             SLUICE_THROTTLED)) {
      said(life, sluice_reservation_cancel(reservation, SLUICE_NOW), SLUICE_ERR_ARGUMENT,
           SLUICE_OK);
    }
    sluice_reservation_free(reservation);
    said(life, sluice_try_acquire(sluice, request(&r, i), SLUICE_MS(1), NULL), SLUICE_ALLOWED,
         SLUICE_THROTTLED);
  }
}

static void live_with_limiter(struct life *life, enum sluice_algorithm algorithm) {
  struct sluice_limit limit = fixture_limit(algorithm, 20, SLUICE_S(1));
  limit.slots = 5;
  limit.queue = 5;
  struct sluice_limiter *limiter;
  if (!said(life, sluice_limiter_create(life->f.sluice, &limit, NULL, NULL, 0, &limiter), SLUICE_OK,
            SLUICE_OK)) {
    return;
  }
  struct sluice_decision decisions[5];
  const struct sluice_key keys[5] = {{"a", 1}, {"b", 1}, {"a", 1}, {"c", 1}, {"d", 1}};
  for (size_t i = 0; i < 30; i++) {
    said(life, sluice_limiter_allow(limiter, &i, 1, 1, NULL), SLUICE_ALLOWED, SLUICE_THROTTLED);
    said(life, sluice_limiter_allow(limiter, "hot", 3, 1, NULL), SLUICE_ALLOWED, SLUICE_THROTTLED);
  }
  said(life, sluice_limiter_allow_batch(limiter, keys, NULL, 5, SLUICE_NOW, decisions), SLUICE_OK,
       SLUICE_OK);
  said(life, sluice_limiter_peek(limiter, "a", 1, 1, SLUICE_NOW, decisions), SLUICE_ALLOWED,
       SLUICE_THROTTLED);
  said(life, sluice_limiter_charge(limiter, "e", 1, 3, SLUICE_NOW, decisions), SLUICE_OK,
       SLUICE_OK);
  said(life, sluice_limiter_release(limiter, "a", 1, 1, SLUICE_NOW, NULL), SLUICE_ERR_UNSUPPORTED,
       SLUICE_OK);
  struct sluice_receipt receipt;
  if (said(life, sluice_limiter_reserve(limiter, "f", 1, 2, SLUICE_NOW, &receipt, NULL),
           SLUICE_ERR_UNSUPPORTED, SLUICE_ALLOWED)) {
    said(life, sluice_limiter_cancel(limiter, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN, SLUICE_OK);
  }
  sluice_limiter_free(limiter);
}

static void live_with_pacer(struct life *life) {
  const struct sluice_rate rate = {.count = 10, .period_ns = SLUICE_S(1)};
  struct sluice_pacer *pacer;
  if (said(life, sluice_self_pay_create(life->f.sluice, rate, SLUICE_S(1), &pacer), SLUICE_OK,
           SLUICE_OK)) {
    said(life, sluice_pacer_acquire(pacer, 3, NULL), SLUICE_OK, SLUICE_OK);
  }
  sluice_pacer_free(pacer);
}

// A load that fails leaves the rules that are in force.
static bool load(struct life *life, const char *rules, enum sluice_status want) {
  struct sluice_reports *reports;
  const size_t before = sluice_rule_count(life->f.sluice);
  const enum sluice_status status =
      sluice_load_text(life->f.sluice, "r.yaml", rules, strlen(rules), &reports);
  said(life, status, want, want);
  if (status < 0) {
    life->wrong += sluice_rule_count(life->f.sluice) != before;
  }
  life->wrong += sluice_reports_count(reports) > 0 && sluice_reports_text(reports)[0] == '\0';
  sluice_reports_free(reports);
  return status == SLUICE_OK;
}

static void live(struct life *life, size_t fail_at, bool fail_on) {
  *life = (struct life){.f = {.now_ns = FIXTURE_START_NS, .fail_at = fail_at, .fail_on = fail_on}};
  const struct sluice_options options = fixture_options(&life->f);
  if (!said(life, sluice_create(&options, &life->f.sluice), SLUICE_OK, SLUICE_OK)) {
    return;
  }
  (void)load(life, rules_a, SLUICE_OK);
  live_with_rules(life);
  (void)load(life, rules_bad, SLUICE_ERR_INVALID);
  // The rules before cannot be reserved.
  if (load(life, rules_b, SLUICE_OK)) {
    live_with_waits(life);
  }
  for (int algorithm = SLUICE_UNLIMITED; algorithm <= SLUICE_CONCURRENCY; algorithm++) {
    live_with_limiter(life, (enum sluice_algorithm)algorithm);
  }
  live_with_pacer(life);
}

static void torture(bool fail_on, const char *what) {
  struct life life;
  size_t runs = 0, unfreed = 0, wrong = 0, silent = 0;
  for (size_t n = 1;; n++) {
    live(&life, n, fail_on);
    const bool reached = life.f.allocations >= n;
    unfreed += !fixture_close(&life.f);
    wrong += life.wrong > 0;
    silent += life.failed == 0;
    if (!reached) {
      break;
    }
    runs++;
  }
  ok(runs > 50, "%s: %zu allocations failed", what, runs);
  is_u64(wrong, 0, "%s: no call says what it must not", what);
  is_u64(unfreed, 0, "%s: all is freed, rightly", what);
  // Some failures harm nobody, as of making the table larger.
  ok(silent < runs, "%s: %zu of them were told", what, runs - silent + 1);
}

int main(void) {
  struct life life;
  live(&life, 0, false);
  const bool freed = fixture_close(&life.f);
  ok(life.failed == 0 && life.wrong == 0 && freed, "with memory enough all goes well");
  torture(false, "one fails");
  torture(true, "all fail from there on");
  return done_testing();
}
