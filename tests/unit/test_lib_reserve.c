// Waiting: reserve, acquire, try_acquire and cancel, by rules and on limiters.
#include "support/lib_fixture.h"
#include "support/tap.h"

static struct fixture f;

// ---- limiters -----------------------------------------------------------------------------------

static struct sluice_limiter *ten_a_second(uint64_t burst) {
  struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1));
  limit.burst = burst;
  limit.max_wait_ns = SLUICE_S(2);
  return fixture_limiter(&f, limit);
}

static void test_limiter_reserve(void) {
  struct sluice_limiter *limiter = ten_a_second(5);
  struct sluice_decision d;
  struct sluice_receipt receipt;
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 5, SLUICE_NOW, &receipt, &d), SLUICE_ALLOWED,
         "what is there needs no wait");
  is_u64(d.wait_ns, 0, "indeed none");
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 3, SLUICE_NOW, NULL, &d), SLUICE_ALLOWED,
         "what is not is waited for");
  is_u64(d.wait_ns, SLUICE_MS(300), "as long as it takes");
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 1, SLUICE_NOW, NULL, &d), SLUICE_ALLOWED,
         "the next stands behind");
  is_u64(d.wait_ns, SLUICE_MS(400), "and waits longer");
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 6, SLUICE_NOW, &receipt, &d), SLUICE_NEVER,
         "above the burst is never");
  is_i64(sluice_limiter_cancel(limiter, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN,
         "and cannot be cancelled");
  uint64_t n = 0;
  while (sluice_limiter_reserve(limiter, "k", 1, 1, SLUICE_NOW, NULL, &d) == SLUICE_ALLOWED) {
    n++;
  }
  is_u64(n, 16, "reservations reach as far as max_wait");
  is_u64(d.retry_after_ns, SLUICE_MS(100), "then there is a wait to wait");
  is_i64(sluice_limiter_reserve(limiter, "other", 5, 1, SLUICE_NOW, NULL, NULL), SLUICE_ALLOWED,
         "nobody need want the decision");
  sluice_limiter_free(limiter);
}

static void test_limiter_cancel(void) {
  struct sluice_limiter *limiter = ten_a_second(5);
  struct sluice_limiter *other = ten_a_second(5);
  struct sluice_decision d;
  struct sluice_receipt receipt, copy;
  (void)sluice_limiter_reserve(limiter, "k", 1, 5, SLUICE_NOW, NULL, NULL);
  (void)sluice_limiter_reserve(limiter, "k", 1, 4, SLUICE_NOW, &receipt, NULL);
  (void)sluice_limiter_reserve(limiter, "k", 1, 1, SLUICE_NOW, NULL, &d);
  is_u64(d.wait_ns, SLUICE_MS(500), "one stands behind another");
  copy = receipt;
  is_i64(sluice_limiter_cancel(other, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN,
         "another limiter does not know the receipt");
  is_i64(sluice_limiter_cancel(limiter, &receipt, SLUICE_NOW), SLUICE_OK, "its own does");
  is_i64(sluice_limiter_cancel(limiter, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN, "once");
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 1, SLUICE_NOW, &receipt, &d), SLUICE_ALLOWED,
         "what was given back is there");
  is_u64(d.wait_ns, SLUICE_MS(300), "three of four: one is behind what was promised since");
  is_i64(sluice_limiter_cancel(limiter, NULL, SLUICE_NOW), SLUICE_ERR_ARGUMENT,
         "cancel: no receipt");
  is_i64(sluice_limiter_cancel(NULL, &copy, SLUICE_NOW), SLUICE_ERR_ARGUMENT, "cancel: no limiter");
  is_i64(sluice_limiter_cancel(limiter, &receipt, UINT64_MAX), SLUICE_ERR_RANGE, "cancel: no time");
  is_i64(sluice_limiter_cancel(limiter, &receipt, f.now_ns + SLUICE_S(1)), SLUICE_OK,
         "too late gives nothing back, and is no error");
  f.now_ns += SLUICE_S(10);
  sluice_limiter_free(limiter);
  sluice_limiter_free(other);
}

static void test_limiter_acquire(void) {
  struct sluice_limiter *limiter = ten_a_second(5);
  struct sluice_decision d;
  f.sleeps = 0;
  f.slept_ns = 0;
  is_i64(sluice_limiter_acquire(limiter, "k", 1, 5, &d), SLUICE_ALLOWED,
         "what is there is had at once");
  is_u64(f.sleeps, 0, "without sleep");
  is_i64(sluice_limiter_acquire(limiter, "k", 1, 2, NULL), SLUICE_ALLOWED,
         "what is not is had after a sleep");
  is_u64(f.slept_ns, SLUICE_MS(200), "as long as it takes");
  is_i64(sluice_limiter_try_acquire(limiter, "k", 1, 3, SLUICE_MS(299), &d), SLUICE_THROTTLED,
         "a wait above the timeout is not begun");
  is_u64(d.wait_ns, SLUICE_MS(300), "it would have been so long");
  is_u64(d.retry_after_ns, SLUICE_MS(1), "and is within the timeout a little later");
  is_u64(f.slept_ns, SLUICE_MS(200), "nobody slept");
  is_i64(sluice_limiter_try_acquire(limiter, "k", 1, 3, SLUICE_MS(300), &d), SLUICE_ALLOWED,
         "one within is");
  is_u64(f.slept_ns, SLUICE_MS(500), "and slept");
  is_i64(sluice_limiter_try_acquire(limiter, "k", 1, 6, SLUICE_S(9), &d), SLUICE_NEVER,
         "above the burst is never");
  is_i64(sluice_limiter_try_acquire(limiter, "k", 1, 1, 0, NULL), SLUICE_THROTTLED,
         "no time at all is a timeout, too");
  is_i64(sluice_limiter_acquire(NULL, "k", 1, 1, &d), SLUICE_ERR_ARGUMENT, "acquire: no limiter");
  is_i64(sluice_limiter_acquire(limiter, "k", 1, UINT64_MAX, &d), SLUICE_ERR_COST,
         "acquire: no cost");
  sluice_limiter_free(limiter);
}

static void test_other_algorithms(void) {
  struct sluice_limit leaky_limit = fixture_limit(SLUICE_LEAKY_BUCKET, 10, SLUICE_S(1));
  leaky_limit.queue = 4;
  struct sluice_limiter *leaky = fixture_limiter(&f, leaky_limit);
  struct sluice_limiter *window =
      fixture_limiter(&f, fixture_limit(SLUICE_FIXED_WINDOW, 2, SLUICE_S(10)));
  struct sluice_limiter *log =
      fixture_limiter(&f, fixture_limit(SLUICE_SLIDING_LOG, 2, SLUICE_S(10)));
  struct sluice_decision d;
  f.now_ns = (f.now_ns / SLUICE_S(10) + 1) * SLUICE_S(10) + SLUICE_S(3);
  f.slept_ns = 0;
  is_i64(sluice_limiter_acquire(leaky, "k", 1, 3, &d), SLUICE_ALLOWED,
         "leaky_bucket: the first goes at once");
  is_i64(sluice_limiter_try_acquire(leaky, "k", 1, 1, SLUICE_MS(299), &d), SLUICE_THROTTLED,
         "leaky_bucket: the next would wait longer than it will");
  is_i64(sluice_limiter_acquire(leaky, "k", 1, 1, &d), SLUICE_ALLOWED,
         "leaky_bucket: or waits for those before");
  is_u64(f.slept_ns, SLUICE_MS(300), "leaky_bucket: which takes so long");
  f.slept_ns = 0;
  f.now_ns = (f.now_ns / SLUICE_S(10)) * SLUICE_S(10) + SLUICE_S(4);
  (void)sluice_limiter_acquire(window, "k", 1, 2, NULL);
  is_i64(sluice_limiter_try_acquire(window, "k", 1, 1, SLUICE_S(5), &d), SLUICE_THROTTLED,
         "fixed_window: the next window is too far");
  is_i64(sluice_limiter_acquire(window, "k", 1, 1, &d), SLUICE_ALLOWED,
         "fixed_window: or is waited for");
  is_u64(f.now_ns % SLUICE_S(10), 0, "fixed_window: until it begins");
  is_i64(sluice_limiter_acquire(log, "k", 1, 1, &d), SLUICE_ERR_UNSUPPORTED,
         "sliding_log: cannot be reserved");
  is_i64(sluice_limiter_try_acquire(log, "k", 1, 1, 5, &d), SLUICE_ERR_UNSUPPORTED,
         "sliding_log: nor tried");
  sluice_limiter_free(leaky);
  sluice_limiter_free(window);
  sluice_limiter_free(log);
}

// Where a wait is above max_wait, too, it is told all the same.
static void test_beyond_max_wait(void) {
  struct sluice_limiter *limiter = ten_a_second(5);
  struct sluice_limit leaky_limit = fixture_limit(SLUICE_LEAKY_BUCKET, 10, SLUICE_S(1));
  leaky_limit.queue = 4;
  leaky_limit.max_wait_ns = 0;
  struct sluice_limiter *leaky = fixture_limiter(&f, leaky_limit);
  struct sluice_decision d;
  (void)sluice_limiter_charge(limiter, "k", 1, 25, SLUICE_NOW, NULL);
  (void)sluice_limiter_charge(leaky, "k", 1, 5, SLUICE_NOW, NULL);
  is_i64(sluice_limiter_try_acquire(limiter, "k", 1, 3, SLUICE_S(1), &d), SLUICE_THROTTLED,
         "a wait above max_wait and the timeout is not begun");
  is_u64(d.wait_ns, SLUICE_MS(2300), "it would have been so long");
  is_i64(sluice_limiter_try_acquire(leaky, "k", 1, 1, SLUICE_MS(10), &d), SLUICE_THROTTLED,
         "nor is one in a leaky bucket's queue");
  is_u64(d.wait_ns, SLUICE_MS(500), "which would have been so long");
  sluice_limiter_free(limiter);
  sluice_limiter_free(leaky);
}

// ---- rules --------------------------------------------------------------------------------------

// The founding example: one call that sends m messages costs 1 and m.
static const char quotas[] =
    "rules:\n"
    "  - {id: calls, key: [], max_wait: 10s, limit: {rate: 30/1s, burst: 300}}\n"
    "  - {id: messages, key: [], max_wait: 10s, cost: m, limit: {rate: 20/1s, burst: 20}}\n"
    "  - {id: trial, key: [], over_limit: shadow, limit: {rate: 5/1s, burst: 5}}\n"
    "  - {id: free, key: [], limit: unlimited}\n";

static const struct sluice_request *messages(struct fixture_request *r, const char *m) {
  return fixture_request(r, "m", m, 1);
}

static uint64_t remaining(const char *rule) {
  struct fixture_request r;
  struct sluice_rule_decision rules[8];
  struct sluice_answer answer;
  (void)sluice_allow_rules(f.sluice, messages(&r, "0"), true, rules, 8, &answer);
  for (size_t i = 0; i < answer.rule_count; i++) {
    if (strcmp(rules[i].rule, rule) == 0) {
      return rules[i].decision.remaining;
    }
  }
  return UINT64_MAX;
}

static void test_rules_reserve(void) {
  is_i64(fixture_load(&f, quotas), SLUICE_OK, "rules are loaded");
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_reservation *reservation;
  is_i64(sluice_reserve(f.sluice, messages(&r, "15"), &reservation, &answer), SLUICE_ALLOWED,
         "all rules reserve");
  is_u64(answer.decision.wait_ns, 0, "what is there");
  is_str(answer.rule, "messages", "the answer names the emptiest");
  is_u64(answer.decision.remaining, 5, "with its figures");
  is_u64(answer.rule_count, 4, "all that match are counted");
  is_u64(remaining("calls"), 299, "each is charged its own cost");
  is_u64(remaining("trial"), 4, "the shadow rule, too");
  is_i64(sluice_reservation_cancel(reservation, SLUICE_NOW), SLUICE_OK, "it is cancelled");
  is_u64(remaining("calls"), 300, "and given back at each");
  is_u64(remaining("messages"), 20, "wholly, as nobody came behind");
  is_i64(sluice_reservation_cancel(reservation, SLUICE_NOW), SLUICE_ERR_UNKNOWN, "once");
  sluice_reservation_free(reservation);
  is_i64(sluice_reserve(f.sluice, messages(&r, "20"), NULL, NULL), SLUICE_ALLOWED,
         "who will not cancel needs no reservation");
  is_i64(sluice_reserve(f.sluice, messages(&r, "10"), &reservation, &answer), SLUICE_ALLOWED,
         "the next waits");
  is_u64(answer.decision.wait_ns, SLUICE_MS(500), "for the slowest of its rules");
  sluice_reservation_free(reservation);
  is_u64(remaining("messages"), 0, "freeing a reservation gives nothing back");
}

static void test_rules_refuse(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_reservation *reservation;
  is_i64(fixture_load(&f, quotas), SLUICE_OK, "rules are loaded");
  f.now_ns += SLUICE_S(100);
  is_i64(sluice_reserve(f.sluice, messages(&r, "21"), &reservation, &answer), SLUICE_NEVER,
         "a rule whose burst is below never reserves");
  ok(reservation == NULL, "so there is no reservation");
  is_str(answer.rule, "messages", "the rule is named");
  is_u64(remaining("calls"), 300, "the rules before it are as they were");
  is_u64(remaining("trial"), 5, "and those behind it");
  uint64_t n = 0;
  while (sluice_reserve(f.sluice, messages(&r, "20"), NULL, &answer) == SLUICE_ALLOWED) {
    n++;
  }
  is_u64(n, 11, "reservations reach as far as max_wait");
  is_i64(answer.status, SLUICE_THROTTLED, "then they are throttled");
  is_u64(answer.decision.retry_after_ns, SLUICE_S(1), "for as long as it takes");
  is_u64(remaining("calls"), 300 - 11, "without a charge elsewhere");
  f.now_ns += SLUICE_S(100);
}

static void test_rules_acquire(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  f.slept_ns = 0;
  is_i64(sluice_acquire(f.sluice, messages(&r, "20"), &answer), SLUICE_ALLOWED,
         "what is there is had at once");
  is_i64(sluice_try_acquire(f.sluice, messages(&r, "5"), SLUICE_MS(249), &answer), SLUICE_THROTTLED,
         "a wait above the timeout is not begun");
  is_u64(answer.decision.wait_ns, SLUICE_MS(250), "it would have been so long");
  is_u64(answer.decision.retry_after_ns, SLUICE_MS(1), "and is within it a little later");
  is_str(answer.rule, "messages", "by the rule that is named");
  is_u64(remaining("calls"), 299, "nothing was charged");
  is_u64(f.slept_ns, 0, "nobody slept");
  is_i64(sluice_try_acquire(f.sluice, messages(&r, "5"), SLUICE_MS(250), &answer), SLUICE_ALLOWED,
         "one within is");
  is_u64(f.slept_ns, SLUICE_MS(250), "and slept");
  is_i64(sluice_acquire(f.sluice, messages(&r, "2"), NULL), SLUICE_ALLOWED,
         "nobody need want the answer");
  is_u64(f.slept_ns, SLUICE_MS(350), "to sleep");
  is_i64(sluice_try_acquire(f.sluice, messages(&r, "21"), 0, &answer), SLUICE_NEVER,
         "never is never, whatever the timeout");
  is_i64(sluice_acquire(NULL, messages(&r, "2"), NULL), SLUICE_ERR_ARGUMENT, "acquire: no handle");
  is_i64(sluice_acquire(f.sluice, messages(&r, "x"), &answer), SLUICE_ERR_COST, "acquire: no cost");
  is_i64(sluice_reserve(f.sluice, NULL, NULL, NULL), SLUICE_ERR_ARGUMENT, "reserve: no request");
  is_i64(sluice_reservation_cancel(NULL, SLUICE_NOW), SLUICE_ERR_ARGUMENT,
         "cancel: no reservation");
}

static void test_rules_unsupported(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_reservation *reservation;
  is_i64(fixture_load(&f, "rules:\n"
                          "  - {id: fine, key: [], limit: {rate: 10/1s}}\n"
                          "  - {id: log, key: [], limit: {algorithm: sliding_log, rate: 10/1s}}\n"
                          "  - {id: quiet, key: [], over_limit: shadow, limit: {algorithm: "
                          "sliding_log, rate: 10/1s}}\n"),
         SLUICE_OK, "rules are loaded, one of which cannot be reserved");
  is_i64(sluice_reserve(f.sluice, messages(&r, "1"), &reservation, &answer), SLUICE_ERR_UNSUPPORTED,
         "nor can a request that it matches");
  is_str(answer.rule, "log", "the rule is named");
  ok(reservation == NULL, "there is no reservation");
  is_u64(remaining("fine"), 10, "the others are as they were");
  is_i64(fixture_load(&f, "rules: [{id: quiet, key: [], over_limit: shadow, limit: {algorithm: "
                          "sliding_log, rate: 10/1s}}]"),
         SLUICE_OK, "a shadow rule alone");
  is_i64(sluice_reserve(f.sluice, messages(&r, "1"), &reservation, &answer), SLUICE_ALLOWED,
         "has no part in it");
  is_i64(sluice_reservation_cancel(reservation, SLUICE_NOW), SLUICE_OK,
         "a reservation of nothing can be cancelled");
  sluice_reservation_free(reservation);
  is_i64(sluice_reservation_cancel(NULL, SLUICE_NOW), SLUICE_ERR_ARGUMENT, "no reservation cannot");
}

// Of several rules one is slow, another too small, in whatever order.
static void test_rules_mixed(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  is_i64(fixture_load(&f, "rules:\n"
                          "  - {id: slow, key: [], limit: {rate: 1/1s}}\n"
                          "  - {id: small, key: [], cost: m, limit: {rate: 5/1s, burst: 5}}\n"
                          "  - {id: fast, key: [], limit: {rate: 1000/1s, burst: 1}}\n"),
         SLUICE_OK, "rules are loaded");
  is_i64(sluice_reserve(f.sluice, messages(&r, "1"), NULL, &answer), SLUICE_ALLOWED, "one goes");
  is_i64(sluice_reserve(f.sluice, messages(&r, "1"), NULL, &answer), SLUICE_ALLOWED,
         "the next waits");
  is_u64(answer.decision.wait_ns, SLUICE_S(1), "for the slow rule, though others come later");
  is_i64(sluice_try_acquire(f.sluice, messages(&r, "6"), 0, &answer), SLUICE_NEVER,
         "what never fits one rule is not told to wait for another");
  is_str(answer.rule, "small", "by the rule that it never fits");
}

// Rules may be replaced while reservations under the former ones are out.
static void test_replaced(void) {
  struct fixture_request r;
  struct sluice_reservation *reservation;
  struct sluice_answer answer;
  is_i64(fixture_load(&f, quotas), SLUICE_OK, "rules are loaded");
  f.now_ns += SLUICE_S(100);
  is_i64(sluice_reserve(f.sluice, messages(&r, "20"), &reservation, &answer), SLUICE_ALLOWED,
         "a reservation is made");
  is_i64(fixture_load(&f, "rules: []"), SLUICE_OK, "the rules go");
  is_i64(fixture_load(&f, quotas), SLUICE_OK, "and come again");
  is_u64(remaining("messages"), 0, "their buckets are as they were");
  is_i64(sluice_reservation_cancel(reservation, SLUICE_NOW), SLUICE_OK,
         "the reservation is cancelled");
  is_u64(remaining("messages"), 20, "in the same buckets");
  sluice_reservation_free(reservation);
}

int main(void) {
  fixture_open(&f);
  test_limiter_reserve();
  test_limiter_cancel();
  test_limiter_acquire();
  test_other_algorithms();
  test_beyond_max_wait();
  test_rules_reserve();
  test_rules_refuse();
  test_rules_acquire();
  test_rules_unsupported();
  test_rules_mixed();
  test_replaced();
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
