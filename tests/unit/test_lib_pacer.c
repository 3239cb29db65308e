// The pacers: the waits known from Guava, and of the limiter in which each waits for its own
// permits.
#include "support/lib_fixture.h"
#include "support/tap.h"

static struct fixture f;

static const struct sluice_rate five = {.count = 5, .period_ns = SLUICE_S(1)};
static const struct sluice_rate infinite = {.count = 1, .period_ns = 0};

static void takes(struct sluice_pacer *pacer, uint64_t permits, uint64_t want_wait_ns,
                  const char *what) {
  uint64_t wait_ns;
  const uint64_t slept_ns = f.slept_ns;
  const enum sluice_status status = sluice_pacer_acquire(pacer, permits, &wait_ns);
  ok(status == SLUICE_OK && f.slept_ns - slept_ns == wait_ns, "%s: had after the wait it tells",
     what);
  is_u64(wait_ns, want_wait_ns, "%s: which is as it should be", what);
}

static void test_smooth_bursty(void) {
  struct sluice_pacer *pacer;
  is_i64(sluice_smooth_bursty_create(f.sluice, five, SLUICE_S(1), &pacer), SLUICE_OK,
         "a smooth_bursty is made");
  takes(pacer, 1, 0, "the first");
  takes(pacer, 1, SLUICE_MS(200), "the second pays for it");
  f.now_ns += SLUICE_S(3);
  takes(pacer, 3, 0, "stored permits");
  takes(pacer, 2, 0, "up to a second's worth");
  takes(pacer, 10, 0, "a large one");
  takes(pacer, 1, SLUICE_S(2), "is paid for by the next");
  is_i64(sluice_pacer_set_rate(pacer, infinite, SLUICE_NOW), SLUICE_OK,
         "the rate becomes infinite");
  takes(pacer, 1000000, SLUICE_MS(200), "what was promised before stays");
  takes(pacer, 1000000, 0, "then permits take no time");
  struct sluice_receipt receipt;
  uint64_t wait_ns;
  is_i64(sluice_pacer_reserve(pacer, 1, SLUICE_NOW, &receipt, &wait_ns), SLUICE_OK,
         "it can be reserved");
  is_i64(sluice_pacer_cancel(pacer, &receipt, SLUICE_NOW), SLUICE_ERR_UNSUPPORTED,
         "but not cancelled");
  sluice_pacer_free(pacer);
}

static void test_smooth_warming_up(void) {
  const struct sluice_rate two = {.count = 2, .period_ns = SLUICE_S(1)};
  struct sluice_pacer *pacer;
  is_i64(sluice_smooth_warming_up_create(f.sluice, two, SLUICE_S(4), 3, 1, &pacer), SLUICE_OK,
         "a smooth_warming_up is made");
  static const uint64_t waits_ms[] = {0, 1375, 1125, 875, 625, 500, 500};
  for (size_t i = 0; i < 7; i++) {
    takes(pacer, 1, SLUICE_MS(waits_ms[i]), "warming up");
  }
  sluice_pacer_free(pacer);
}

static void test_self_pay(void) {
  const struct sluice_rate ten = {.count = 10, .period_ns = SLUICE_S(1)};
  struct sluice_pacer *pacer, *other;
  struct sluice_receipt receipt;
  uint64_t wait_ns;
  is_i64(sluice_self_pay_create(f.sluice, ten, SLUICE_S(2), &pacer), SLUICE_OK,
         "a self_pay is made");
  is_i64(sluice_self_pay_create(f.sluice, ten, SLUICE_S(2), &other), SLUICE_OK, "and another");
  takes(pacer, 10, 0, "a second's worth");
  takes(pacer, 5, SLUICE_MS(500), "each waits for its own");
  is_i64(sluice_pacer_reserve(pacer, 30, SLUICE_NOW, &receipt, &wait_ns), SLUICE_OK,
         "any number can be reserved");
  is_u64(wait_ns, SLUICE_S(3), "for its price");
  is_i64(sluice_pacer_cancel(other, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN,
         "another does not know the receipt");
  is_i64(sluice_pacer_cancel(pacer, &receipt, SLUICE_NOW), SLUICE_OK, "its own gives back");
  is_i64(sluice_pacer_cancel(pacer, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN, "once");
  is_i64(sluice_pacer_reserve(pacer, 1, SLUICE_NOW, NULL, &wait_ns), SLUICE_OK, "the next");
  is_u64(wait_ns, SLUICE_MS(100), "does not wait for what was given back");
  is_i64(sluice_pacer_set_rate(pacer, five, SLUICE_NOW), SLUICE_OK, "the rate is halved");
  takes(pacer, 1, SLUICE_MS(300), "and permits take twice the time");
  sluice_pacer_free(pacer);
  sluice_pacer_free(other);
}

static void test_timeouts(void) {
  struct sluice_pacer *pacer;
  uint64_t wait_ns;
  (void)sluice_smooth_bursty_create(f.sluice, five, SLUICE_S(1), &pacer);
  is_i64(sluice_pacer_try_acquire(pacer, 5, 0, &wait_ns), SLUICE_OK,
         "the first is had without waiting");
  is_i64(sluice_pacer_try_acquire(pacer, 1, SLUICE_MS(999), &wait_ns), SLUICE_THROTTLED,
         "a wait above the timeout is not begun");
  is_u64(wait_ns, SLUICE_S(1), "it would have been so long");
  is_i64(sluice_pacer_try_acquire(pacer, 1, SLUICE_S(1), NULL), SLUICE_OK,
         "one within is, and nothing was taken before");
  sluice_pacer_free(pacer);
}

static void test_bad_arguments(void) {
  struct sluice_pacer *pacer = NULL;
  uint64_t wait_ns;
  struct sluice_receipt receipt;
  const struct sluice_rate none = {.count = 0, .period_ns = 1};
  const struct sluice_rate slow = {.count = 1, .period_ns = UINT64_MAX};
  is_i64(sluice_smooth_bursty_create(f.sluice, none, 1, &pacer), SLUICE_ERR_RANGE,
         "a rate of 0 is none");
  ok(pacer == NULL, "and makes no pacer");
  is_i64(sluice_self_pay_create(f.sluice, slow, 1, &pacer), SLUICE_ERR_RANGE,
         "nor does one of ages");
  is_i64(sluice_self_pay_create(f.sluice, five, UINT64_MAX, &pacer), SLUICE_ERR_RANGE,
         "nor a burst of ages");
  is_i64(sluice_smooth_warming_up_create(f.sluice, five, 1, 1, 2, &pacer), SLUICE_ERR_RANGE,
         "nor a cold factor below 1");
  is_i64(sluice_smooth_warming_up_create(f.sluice, five, 1, 1, 0, &pacer), SLUICE_ERR_RANGE,
         "nor one of no number");
  is_i64(sluice_self_pay_create(NULL, five, 1, &pacer), SLUICE_ERR_ARGUMENT, "nor no handle");
  is_i64(sluice_self_pay_create(f.sluice, five, 1, NULL), SLUICE_ERR_ARGUMENT, "nor no place");
  is_i64(sluice_smooth_bursty_create(NULL, five, 1, NULL), SLUICE_ERR_ARGUMENT, "nor neither");
  is_i64(sluice_smooth_warming_up_create(NULL, five, 1, 3, 1, &pacer), SLUICE_ERR_ARGUMENT,
         "of any kind");
  (void)sluice_self_pay_create(f.sluice, five, 1, &pacer);
  is_i64(sluice_pacer_reserve(NULL, 1, SLUICE_NOW, NULL, &wait_ns), SLUICE_ERR_ARGUMENT,
         "reserve: no pacer");
  is_i64(sluice_pacer_reserve(pacer, 1, SLUICE_NOW, NULL, NULL), SLUICE_ERR_ARGUMENT,
         "reserve: no place for the wait");
  is_i64(sluice_pacer_reserve(pacer, 1, UINT64_MAX, NULL, &wait_ns), SLUICE_ERR_RANGE,
         "reserve: no time");
  is_i64(sluice_pacer_cancel(NULL, &receipt, SLUICE_NOW), SLUICE_ERR_ARGUMENT, "cancel: no pacer");
  is_i64(sluice_pacer_cancel(pacer, NULL, SLUICE_NOW), SLUICE_ERR_ARGUMENT, "cancel: no receipt");
  memset(&receipt, 0, sizeof receipt);
  is_i64(sluice_pacer_cancel(pacer, &receipt, SLUICE_NOW), SLUICE_ERR_UNKNOWN,
         "cancel: an empty receipt");
  is_i64(sluice_pacer_cancel(pacer, &receipt, UINT64_MAX), SLUICE_ERR_RANGE, "cancel: no time");
  is_i64(sluice_pacer_acquire(NULL, 1, &wait_ns), SLUICE_ERR_ARGUMENT, "acquire: no pacer");
  is_i64(sluice_pacer_set_rate(NULL, five, SLUICE_NOW), SLUICE_ERR_ARGUMENT, "set_rate: no pacer");
  is_i64(sluice_pacer_set_rate(pacer, none, SLUICE_NOW), SLUICE_ERR_RANGE, "set_rate: no rate");
  is_i64(sluice_pacer_set_rate(pacer, five, UINT64_MAX), SLUICE_ERR_RANGE, "set_rate: no time");
  sluice_pacer_free(pacer);
}

int main(void) {
  fixture_open(&f);
  test_smooth_bursty();
  test_smooth_warming_up();
  test_self_pay();
  test_timeouts();
  test_bad_arguments();
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
