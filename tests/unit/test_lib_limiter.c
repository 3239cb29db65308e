// Limiters: every algorithm through the public functions, keys, batches, and bad arguments.
#include "support/lib_fixture.h"
#include "support/tap.h"

static struct fixture f;

static enum sluice_status allow(struct sluice_limiter *limiter, const char *key, uint64_t cost,
                                struct sluice_decision *ret_decision) {
  return sluice_limiter_allow(limiter, key, strlen(key), cost, ret_decision);
}

static void test_token_bucket(void) {
  struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1));
  limit.burst = 3;
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_decision d;
  is_i64(allow(limiter, "a", 1, &d), SLUICE_ALLOWED, "a fresh bucket allows");
  is_i64(d.verdict, SLUICE_ALLOWED, "and says so");
  is_u64(d.limit, 3, "its limit is the burst");
  is_u64(d.remaining, 2, "two remain");
  is_u64(d.reset_after_ns, SLUICE_MS(100), "it is fresh again after one emission interval");
  is_u64(d.retry_after_ns | d.wait_ns | d.slot, 0, "there is nothing to wait for");
  is_i64(allow(limiter, "a", 3, &d), SLUICE_THROTTLED, "three at once are too many now");
  is_u64(d.retry_after_ns, SLUICE_MS(100), "and are admitted when the one has come back");
  is_i64(allow(limiter, "a", 4, &d), SLUICE_NEVER, "four are above the burst");
  is_i64(allow(limiter, "b", 3, &d), SLUICE_ALLOWED, "another key has a bucket of its own");
  is_i64(allow(limiter, "", 3, NULL), SLUICE_ALLOWED,
         "so has the empty key, and no decision need be asked for");
  is_i64(sluice_limiter_allow(limiter, NULL, 0, 1, &d), SLUICE_THROTTLED,
         "which may be given as NULL");
  f.now_ns += d.retry_after_ns - 1;
  is_i64(allow(limiter, "", 1, NULL), SLUICE_THROTTLED,
         "a nanosecond before its time it is throttled");
  f.now_ns += 1;
  is_i64(allow(limiter, "", 1, NULL), SLUICE_ALLOWED, "at its time it is allowed");
  is_i64(allow(limiter, "a", 0, &d), SLUICE_ALLOWED, "a cost of 0 looks");
  is_u64(d.remaining, 3, "at true figures");
  sluice_limiter_free(limiter);
}

static void test_given_times(void) {
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 1, SLUICE_S(1)));
  const uint64_t t = sluice_now(f.sluice);
  is_i64(sluice_limiter_allow_at(limiter, "k", 1, 1, t + SLUICE_S(5), NULL), SLUICE_ALLOWED,
         "a time can be given");
  is_i64(sluice_limiter_allow_at(limiter, "k", 1, 1, t, NULL), SLUICE_THROTTLED,
         "an earlier one counts as the latest");
  is_i64(sluice_limiter_allow(limiter, "k", 1, 1, NULL), SLUICE_THROTTLED,
         "so does the handle's clock when it is behind");
  is_i64(sluice_limiter_allow_at(limiter, "k", 1, 1, t + SLUICE_S(6), NULL), SLUICE_ALLOWED,
         "time goes on");
  f.now_ns += SLUICE_S(10);
  sluice_limiter_free(limiter);
}

static void test_windows(void) {
  struct sluice_limiter *fixed =
      fixture_limiter(&f, fixture_limit(SLUICE_FIXED_WINDOW, 2, SLUICE_S(10)));
  struct sluice_limiter *log =
      fixture_limiter(&f, fixture_limit(SLUICE_SLIDING_LOG, 2, SLUICE_S(10)));
  struct sluice_limiter *sliding =
      fixture_limiter(&f, fixture_limit(SLUICE_SLIDING_WINDOW, 2, SLUICE_S(10)));
  struct sluice_limit strict_limit = fixture_limit(SLUICE_SLIDING_WINDOW, 2, SLUICE_S(10));
  strict_limit.sub_windows = 10;
  struct sluice_limiter *strict = fixture_limiter(&f, strict_limit);
  struct sluice_limiter *all[] = {fixed, log, sliding, strict};
  static const char *const names[] = {"fixed_window", "sliding_log", "sliding_window", "strict"};
  f.now_ns = (f.now_ns / SLUICE_S(10) + 1) * SLUICE_S(10);
  for (size_t i = 0; i < 4; i++) {
    struct sluice_decision d;
    ok(allow(all[i], "k", 2, NULL) == SLUICE_ALLOWED &&
           allow(all[i], "k", 1, &d) == SLUICE_THROTTLED &&
           allow(all[i], "k", 3, NULL) == SLUICE_NEVER,
       "%s: two go, a third waits, three at once never", names[i]);
    ok(sluice_limiter_allow_at(all[i], "k", 1, 1, f.now_ns + d.retry_after_ns - 1, NULL) ==
               SLUICE_THROTTLED &&
           sluice_limiter_allow_at(all[i], "k", 1, 1, f.now_ns + d.retry_after_ns, NULL) ==
               SLUICE_ALLOWED,
       "%s: retry_after is the least wait", names[i]);
    f.now_ns = (sluice_now(f.sluice) / SLUICE_S(10) + 3) * SLUICE_S(10);
    sluice_limiter_free(all[i]);
  }
}

static void test_leaky_bucket(void) {
  struct sluice_limit limit = fixture_limit(SLUICE_LEAKY_BUCKET, 10, SLUICE_S(1));
  limit.queue = 2;
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_decision d;
  for (uint64_t i = 0; i < 3; i++) {
    is_i64(allow(limiter, "k", 1, &d), SLUICE_ALLOWED, "place %d of the queue is given", (int)i);
    is_u64(d.wait_ns, i * SLUICE_MS(100), "with its wait");
  }
  is_i64(allow(limiter, "k", 1, &d), SLUICE_THROTTLED, "then the queue is full");
  is_i64(allow(limiter, "k", 4, &d), SLUICE_NEVER, "four find no place ever");
  sluice_limiter_free(limiter);
}

static void test_concurrency(void) {
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_CONCURRENCY);
  limit.slots = 2;
  limit.lease_ns = SLUICE_S(30);
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_decision first, second, d;
  bool held;
  is_i64(allow(limiter, "k", 1, &first), SLUICE_ALLOWED, "a slot is leased");
  is_i64(allow(limiter, "k", 1, &second), SLUICE_ALLOWED, "a second one");
  ok(first.slot != 0 && second.slot != 0 && first.slot != second.slot, "under names of their own");
  is_i64(allow(limiter, "k", 1, &d), SLUICE_THROTTLED, "there is no third");
  is_u64(d.retry_after_ns, SLUICE_S(30), "before a lease ends");
  is_i64(sluice_limiter_release(limiter, "k", 1, first.slot, SLUICE_NOW, &held), SLUICE_OK,
         "one is released");
  ok(held, "which was held");
  is_i64(sluice_limiter_release(limiter, "k", 1, first.slot, SLUICE_NOW, &held), SLUICE_OK,
         "once more");
  ok(!held, "in vain");
  is_i64(allow(limiter, "k", 1, NULL), SLUICE_ALLOWED, "it is there for another");
  f.now_ns += SLUICE_S(29);
  is_i64(sluice_limiter_renew(limiter, "k", 1, second.slot, SLUICE_NOW, &held), SLUICE_OK,
         "a lease is renewed");
  ok(held, "in time");
  f.now_ns += SLUICE_S(1);
  is_i64(allow(limiter, "k", 1, NULL), SLUICE_ALLOWED, "the other one has ended by itself");
  is_i64(allow(limiter, "k", 1, NULL), SLUICE_THROTTLED, "the renewed one has not");
  is_i64(sluice_limiter_release(limiter, "k", 1, second.slot, SLUICE_NOW, NULL), SLUICE_OK,
         "nobody need ask what was held");
  sluice_limiter_free(limiter);
}

static void test_unlimited(void) {
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_UNLIMITED);
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_decision d;
  is_i64(allow(limiter, "k", INT64_MAX, &d), SLUICE_ALLOWED, "no limit, no refusal");
  is_u64(d.remaining, UINT64_MAX, "without an end");
  is_i64(sluice_limiter_peek(limiter, "k", 1, 5, SLUICE_NOW, &d), SLUICE_ALLOWED, "peeked at, too");
  is_i64(sluice_limiter_charge(limiter, "k", 1, 5, SLUICE_NOW, &d), SLUICE_OK, "it can be charged");
  is_i64(sluice_limiter_reserve(limiter, "k", 1, 5, SLUICE_NOW, NULL, &d), SLUICE_ERR_UNSUPPORTED,
         "but not reserved");
  is_i64(sluice_limiter_reset(limiter, "k", 1, NULL), SLUICE_OK, "and reset");
  sluice_limiter_free(limiter);
}

static void test_ban(void) {
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 0, SLUICE_S(1)));
  is_i64(allow(limiter, "k", 1, NULL), SLUICE_NEVER, "a rate of 0 is a ban");
  is_i64(allow(limiter, "k", 0, NULL), SLUICE_ALLOWED, "that can be looked at");
  sluice_limiter_free(limiter);
}

static void test_peek_charge_reset(void) {
  struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1));
  limit.max_wait_ns = SLUICE_S(2);
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_decision d;
  bool existed;
  is_i64(sluice_limiter_peek(limiter, "k", 1, 10, SLUICE_NOW, &d), SLUICE_ALLOWED,
         "a peek tells what would be");
  is_i64(sluice_limiter_peek(limiter, "k", 1, 10, SLUICE_NOW, NULL), SLUICE_ALLOWED,
         "and charges nothing");
  is_i64(sluice_limiter_reset(limiter, "k", 1, &existed), SLUICE_OK,
         "an untouched key can be reset");
  ok(!existed, "though there is nothing");
  is_i64(sluice_limiter_charge(limiter, "k", 1, 15, SLUICE_NOW, &d), SLUICE_OK,
         "a charge is not asked about");
  is_u64(d.remaining, 0, "nothing remains");
  is_u64(d.reset_after_ns, SLUICE_MS(1500), "it went into debt");
  is_i64(sluice_limiter_charge(limiter, "k", 1, INT64_MAX, SLUICE_NOW, &d), SLUICE_OK,
         "by any amount");
  is_u64(d.reset_after_ns, SLUICE_S(3), "but not further than max_wait");
  is_i64(sluice_limiter_peek(limiter, "k", 1, 1, SLUICE_NOW, &d), SLUICE_THROTTLED,
         "which a peek sees");
  is_u64(d.retry_after_ns, SLUICE_MS(2100), "with the wait");
  is_i64(sluice_limiter_reset(limiter, "k", 1, &existed), SLUICE_OK, "the key is reset");
  ok(existed, "that existed");
  is_i64(allow(limiter, "k", 10, NULL), SLUICE_ALLOWED, "and is fresh");
  sluice_limiter_free(limiter);
}

static struct sluice_limiter *named(const struct sluice_limit *limit, const char *name) {
  struct sluice_limiter *limiter;
  if (sluice_limiter_create(f.sluice, limit, name, NULL, 0, &limiter) != SLUICE_OK) {
    abort();
  }
  return limiter;
}

// Names decide which limiters share buckets.
static void test_names(void) {
  const struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 1, SLUICE_S(1));
  const struct sluice_limit other = fixture_limit(SLUICE_TOKEN_BUCKET, 2, SLUICE_S(1));
  struct sluice_limiter *a1 = named(&limit, "a");
  struct sluice_limiter *a2 = named(&limit, "a");
  struct sluice_limiter *b = named(&limit, "b");
  struct sluice_limiter *a_other = named(&other, "a");
  struct sluice_limiter *none1 = named(&limit, NULL);
  struct sluice_limiter *none2 = named(&limit, NULL);
  is_i64(allow(a1, "k", 1, NULL), SLUICE_ALLOWED, "the first of a name decides");
  is_i64(allow(a2, "k", 1, NULL), SLUICE_THROTTLED, "the second shares its bucket");
  is_i64(allow(b, "k", 1, NULL), SLUICE_ALLOWED, "another name does not");
  is_i64(allow(a_other, "k", 2, NULL), SLUICE_ALLOWED, "nor does another limit");
  is_i64(allow(none1, "k", 1, NULL), SLUICE_ALLOWED, "nor one without a name");
  is_i64(allow(none2, "k", 1, NULL), SLUICE_ALLOWED, "nor another without a name");
  struct sluice_limiter *all[] = {a1, a2, b, a_other, none1, none2};
  for (size_t i = 0; i < 6; i++) {
    sluice_limiter_free(all[i]);
  }
}

enum { BATCH = 100 };

static bool is_same(const struct sluice_decision *a, const struct sluice_decision *b) {
  return a->verdict == b->verdict && a->limit == b->limit && a->remaining == b->remaining &&
         a->retry_after_ns == b->retry_after_ns && a->reset_after_ns == b->reset_after_ns &&
         a->wait_ns == b->wait_ns && a->slot == b->slot;
}

static void test_batch(void) {
  const struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 3, SLUICE_S(1));
  struct sluice_limiter *limiter = fixture_limiter(&f, limit);
  struct sluice_limiter *single = fixture_limiter(&f, limit);
  char bytes[BATCH];
  struct sluice_key keys[BATCH];
  uint64_t costs[BATCH];
  struct sluice_decision decisions[BATCH], d;
  for (size_t i = 0; i < BATCH; i++) {
    bytes[i] = (char)('a' + i * 7 % 20);
    keys[i] = (struct sluice_key){.bytes = &bytes[i], .len = 1};
    costs[i] = i % 3;
  }
  is_i64(sluice_limiter_allow_batch(limiter, keys, costs, BATCH, SLUICE_NOW, decisions), SLUICE_OK,
         "a batch is decided");
  bool same = true;
  for (size_t i = 0; i < BATCH; i++) {
    (void)sluice_limiter_allow(single, &bytes[i], 1, costs[i], &d);
    same = same && is_same(&d, &decisions[i]);
  }
  ok(same, "as if one by one, in order");
  is_i64(sluice_limiter_allow_batch(limiter, keys, NULL, 33, f.now_ns + SLUICE_S(9), decisions),
         SLUICE_OK, "without costs it is 1 each");
  is_u64(decisions[32].limit, 3, "also behind the first 32");
  is_i64(sluice_limiter_allow_batch(limiter, NULL, NULL, 0, SLUICE_NOW, NULL), SLUICE_OK,
         "none is easily done");
  costs[99] = UINT64_MAX;
  memset(decisions, 0, sizeof decisions);
  is_i64(sluice_limiter_allow_batch(limiter, keys, costs, BATCH, SLUICE_NOW, decisions),
         SLUICE_ERR_COST, "a bad cost is refused");
  is_u64(decisions[0].limit, 0, "before anything was decided");
  keys[50].bytes = NULL;
  is_i64(sluice_limiter_allow_batch(limiter, keys, NULL, BATCH, SLUICE_NOW, decisions),
         SLUICE_ERR_ARGUMENT, "so is a missing key");
  is_i64(sluice_limiter_allow_batch(limiter, keys, NULL, 50, UINT64_MAX, decisions),
         SLUICE_ERR_RANGE, "so is a bad time");
  is_i64(sluice_limiter_allow_batch(NULL, keys, NULL, 50, SLUICE_NOW, decisions),
         SLUICE_ERR_ARGUMENT, "so is no limiter");
  is_i64(sluice_limiter_allow_batch(limiter, keys, NULL, 50, SLUICE_NOW, NULL), SLUICE_ERR_ARGUMENT,
         "so is no place for decisions");
  f.now_ns += SLUICE_S(20);
  sluice_limiter_free(limiter);
  sluice_limiter_free(single);
}

static enum sluice_status create(const struct sluice_limit *limit, const char *name,
                                 char *message) {
  struct sluice_limiter *limiter = (struct sluice_limiter *)&f;
  const enum sluice_status status =
      sluice_limiter_create(f.sluice, limit, name, message, 200, &limiter);
  if ((limiter == NULL) != (status < 0)) {
    abort();
  }
  sluice_limiter_free(limiter);
  return status;
}

static void test_bad_limits(void) {
  char message[200], name[140];
  struct sluice_limit limit = fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1));
  struct sluice_limiter *limiter;
  is_i64(create(&limit, NULL, message), SLUICE_OK, "a good limit is accepted");
  is_str(message, "", "without a word");
  limit.count = UINT64_MAX;
  is_i64(create(&limit, NULL, message), SLUICE_ERR_RANGE, "a count out of range is not");
  ok(strstr(message, "count") != NULL && strstr(message, "1099511627776") != NULL,
     "with the numbers: %s", message);
  limit.count = 10;
  limit.any_window = true;
  limit.burst = 11;
  is_i64(create(&limit, NULL, message), SLUICE_ERR_INVALID,
         "numbers that do not fit each other are not");
  ok(message[0] != '\0', "with the reason: %s", message);
  limit.burst = 5;
  is_i64(create(&limit, NULL, message), SLUICE_OK, "a limit worth a warning is accepted");
  ok(message[0] != '\0', "with the warning: %s", message);
  limit.algorithm = (enum sluice_algorithm)99;
  is_i64(create(&limit, NULL, NULL), SLUICE_ERR_RANGE, "an unknown algorithm is refused");
  limit.algorithm = (enum sluice_algorithm) - 1;
  is_i64(create(&limit, NULL, message), SLUICE_ERR_RANGE, "a negative one, too");
  limit = fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1));
  limit.size = 3;
  is_i64(create(&limit, NULL, message), SLUICE_ERR_ARGUMENT, "a size that is none is refused");
  limit.size = sizeof limit;
  memset(name, 'n', sizeof name);
  name[129] = '\0';
  is_i64(create(&limit, name, message), SLUICE_ERR_ARGUMENT, "a name of 129 bytes is refused");
  is_i64(create(&limit, name + 1, message), SLUICE_OK, "one of 128 is not");
  is_i64(sluice_limiter_create(NULL, &limit, NULL, NULL, 0, &limiter), SLUICE_ERR_ARGUMENT,
         "a limiter needs a handle");
  is_i64(sluice_limiter_create(f.sluice, NULL, NULL, NULL, 0, &limiter), SLUICE_ERR_ARGUMENT,
         "and a limit");
  is_i64(sluice_limiter_create(f.sluice, &limit, NULL, NULL, 0, NULL), SLUICE_ERR_ARGUMENT,
         "and a place");
  sluice_limit_init(NULL, sizeof limit, SLUICE_TOKEN_BUCKET);
}

static void test_bad_arguments(void) {
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1)));
  struct sluice_decision d;
  const uint64_t bad_cost = (uint64_t)INT64_MAX + 1;
  const uint64_t bad_time = UINT64_C(1) << 62;
  is_i64(sluice_limiter_allow(NULL, "k", 1, 1, &d), SLUICE_ERR_ARGUMENT, "no limiter");
  is_i64(sluice_limiter_allow(limiter, NULL, 1, 1, &d), SLUICE_ERR_ARGUMENT, "no key");
  is_i64(sluice_limiter_allow(limiter, "k", 1, bad_cost, &d), SLUICE_ERR_COST, "no cost");
  is_i64(sluice_limiter_allow(limiter, "k", 1, INT64_MAX, &d), SLUICE_NEVER,
         "the greatest cost is one");
  is_i64(sluice_limiter_allow_at(limiter, "k", 1, 1, bad_time, &d), SLUICE_ERR_RANGE, "no time");
  is_i64(sluice_limiter_peek(NULL, "k", 1, 1, SLUICE_NOW, &d), SLUICE_ERR_ARGUMENT,
         "peek: no limiter");
  is_i64(sluice_limiter_peek(limiter, "k", 1, bad_cost, SLUICE_NOW, &d), SLUICE_ERR_COST,
         "peek: no cost");
  is_i64(sluice_limiter_charge(limiter, NULL, 1, 1, SLUICE_NOW, &d), SLUICE_ERR_ARGUMENT,
         "charge: no key");
  is_i64(sluice_limiter_charge(limiter, "k", 1, 1, bad_time, &d), SLUICE_ERR_RANGE,
         "charge: no time");
  is_i64(sluice_limiter_reset(NULL, "k", 1, NULL), SLUICE_ERR_ARGUMENT, "reset: no limiter");
  is_i64(sluice_limiter_reset(limiter, NULL, 1, NULL), SLUICE_ERR_ARGUMENT, "reset: no key");
  is_i64(sluice_limiter_release(limiter, "k", 1, 1, SLUICE_NOW, NULL), SLUICE_ERR_UNSUPPORTED,
         "release: no slots");
  is_i64(sluice_limiter_renew(limiter, "k", 1, 1, SLUICE_NOW, NULL), SLUICE_ERR_UNSUPPORTED,
         "renew: no slots");
  is_i64(sluice_limiter_release(NULL, "k", 1, 1, SLUICE_NOW, NULL), SLUICE_ERR_ARGUMENT,
         "release: no limiter");
  is_i64(sluice_limiter_allow(limiter, "k", 1, 10, &d), SLUICE_ALLOWED,
         "after all that nothing is charged");
  sluice_limiter_free(limiter);
}

int main(void) {
  fixture_open(&f);
  test_token_bucket();
  test_given_times();
  test_windows();
  test_leaky_bucket();
  test_concurrency();
  test_unlimited();
  test_ban();
  test_peek_charge_reset();
  test_names();
  test_batch();
  test_bad_limits();
  test_bad_arguments();
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
