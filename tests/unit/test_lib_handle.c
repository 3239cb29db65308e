// The handle: options, errors, time, who frees what.
#include <errno.h>

#include "lib/handle.h"
#include "support/lib_fixture.h"
#include "support/tap.h"

static void test_words(void) {
  is_str(sluice_version(), SLUICE_VERSION, "the header's version is the library's");
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", SLUICE_VERSION_MAJOR, SLUICE_VERSION_MINOR,
           SLUICE_VERSION_PATCH);
  is_str(version, SLUICE_VERSION, "in numbers, too");
  static const enum sluice_status all[] = {
      SLUICE_ALLOWED,         SLUICE_THROTTLED,  SLUICE_NEVER,       SLUICE_ERR_ARGUMENT,
      SLUICE_ERR_RANGE,       SLUICE_ERR_SYNTAX, SLUICE_ERR_INVALID, SLUICE_ERR_UNKNOWN,
      SLUICE_ERR_COST,        SLUICE_ERR_MEMORY, SLUICE_ERR_FULL,    SLUICE_ERR_IO,
      SLUICE_ERR_UNSUPPORTED,
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    bool alone = strcmp(sluice_status_text(all[i]), "an unknown status") != 0;
    for (size_t j = 0; j < i; j++) {
      alone = alone && strcmp(sluice_status_text(all[i]), sluice_status_text(all[j])) != 0;
    }
    ok(alone, "status %d has a text of its own", (int)all[i]);
  }
  is_str(sluice_status_text((enum sluice_status)77), "an unknown status", "77 is unknown");
  is_str(sluice_status_text((enum sluice_status)INT32_MIN), "an unknown status", "so is the least");
}

static enum sluice_status create(const struct sluice_options *options) {
  struct sluice *sluice = NULL;
  const enum sluice_status status = sluice_create(options, &sluice);
  if ((sluice == NULL) != (status < 0)) {
    abort();
  }
  sluice_free(sluice);
  return status;
}

static void test_options(void) {
  struct sluice_options options;
  is_i64(create(NULL), SLUICE_OK, "the defaults make a handle");
  sluice_options_init(&options, sizeof options);
  is_i64(create(&options), SLUICE_OK, "written out, too");
  is_u64(options.max_bytes, SLUICE_MAX_BYTES_DEFAULT, "they have the default cap");
  is_i64(sluice_create(&options, NULL), SLUICE_ERR_ARGUMENT, "a handle needs a place");
  options.max_bytes = SLUICE_MAX_BYTES_MIN - 1;
  is_i64(create(&options), SLUICE_ERR_RANGE, "a cap below the least is refused");
  options.max_bytes = SLUICE_MAX_BYTES_MIN;
  is_i64(create(&options), SLUICE_OK, "the least is enough");
  options.when_full = (enum sluice_when_full)3;
  is_i64(create(&options), SLUICE_ERR_ARGUMENT, "an unknown when_full is refused");
  options.when_full = SLUICE_FULL_ALLOW;
  options.alloc = fixture_alloc;
  is_i64(create(&options), SLUICE_ERR_ARGUMENT, "an allocator that cannot free is refused");
  sluice_options_init(NULL, sizeof options);
}

// A program that was compiled with an older or a newer header.
static void test_sizes(void) {
  struct {
    struct sluice_options options;
    uint64_t future[2];
  } newer;
  sluice_options_init(&newer.options, sizeof newer);
  is_u64(newer.options.size, sizeof newer, "a newer program's options know their size");
  is_u64(newer.future[0] | newer.future[1], 0, "what we do not know is zero");
  is_i64(create(&newer.options), SLUICE_OK, "which is accepted");
  newer.future[1] = 1;
  is_i64(create(&newer.options), SLUICE_ERR_UNSUPPORTED, "what is asked for in vain is refused");
  struct sluice_options older;
  memset(&older, 0xff, sizeof older);
  const size_t old_size = offsetof(struct sluice_options, when_full);
  sluice_options_init(&older, old_size);
  ok(((unsigned char *)&older)[old_size] == 0xff, "an older program's options are not overrun");
  is_i64(create(&older), SLUICE_OK, "nor is anything read beyond them");
  older.size = 0;
  is_i64(create(&older), SLUICE_ERR_ARGUMENT, "no size is refused");
  older.size = SIZE_MAX;
  is_i64(create(&older), SLUICE_ERR_ARGUMENT, "a size out of reason, too");
}

static void test_allocator(void) {
  struct fixture f;
  fixture_open(&f);
  ok(f.blocks > 0, "the handle is made by the caller's allocator");
  ok(fixture_close(&f), "everything goes back to it, with the sizes it was asked for");
}

static void test_time(void) {
  struct fixture f;
  fixture_open(&f);
  is_u64(sluice_now(f.sluice), FIXTURE_START_NS, "time is the caller's clock");
  f.now_ns -= SLUICE_S(100);
  is_u64(sluice_now(f.sluice), FIXTURE_START_NS, "it does not go back");
  f.now_ns += SLUICE_S(101);
  is_u64(sluice_now(f.sluice), FIXTURE_START_NS + SLUICE_S(1), "and goes on with it");
  f.now_ns = UINT64_MAX;
  is_u64(sluice_now(f.sluice), FIXTURE_START_NS + SLUICE_S(1),
         "a reading that cannot be lets it stand still");
  is_u64(sluice_now(NULL), 0, "without a handle there is no time");
  ok(fixture_close(&f), "all is freed");
}

// ---- the system's calls fail --------------------------------------------------------------------

static bool fails_clock, fails_random, fails_memory;

static int clock_or_not(clockid_t which, struct timespec *ret_time) {
  return fails_clock ? -1 : clock_gettime(which, ret_time);
}

static ssize_t random_or_not(void *ret_bytes, size_t len, unsigned flags) {
  errno = ENOSYS;
  return fails_random ? -1 : getrandom(ret_bytes, len, flags);
}

static void *calloc_or_not(size_t count, size_t size) {
  return fails_memory ? NULL : calloc(count, size);
}

static enum sluice_status create_on(const struct sl_sys *sys) {
  struct sluice *sluice = NULL;
  const enum sluice_status status = sl_sluice_create(NULL, sys, &sluice);
  sluice_free(sluice);
  return status;
}

static void test_system(void) {
  struct sl_sys sys = sl_sys_real;
  sys.clock_gettime = clock_or_not;
  sys.getrandom = random_or_not;
  sys.calloc = calloc_or_not;
  is_i64(create_on(&sys), SLUICE_OK, "a handle is made on a system that works");
  fails_clock = true;
  is_i64(create_on(&sys), SLUICE_ERR_IO, "not without a clock");
  fails_clock = false;
  fails_random = true;
  is_i64(create_on(&sys), SLUICE_ERR_IO, "not without a secret");
  fails_random = false;
  fails_memory = true;
  is_i64(create_on(&sys), SLUICE_ERR_MEMORY, "not without memory");
}

// ---- figures and lives --------------------------------------------------------------------------

static void test_stats(void) {
  struct fixture f;
  fixture_open(&f);
  struct sluice_stats stats;
  is_i64(sluice_get_stats(NULL, &stats, sizeof stats), SLUICE_ERR_ARGUMENT,
         "figures need a handle");
  is_i64(sluice_get_stats(f.sluice, NULL, sizeof stats), SLUICE_ERR_ARGUMENT, "and a place");
  is_i64(sluice_get_stats(f.sluice, &stats, sizeof stats), SLUICE_OK, "there are figures");
  is_u64(stats.buckets, 0, "no bucket yet");
  ok(stats.bytes > 0 && stats.bytes <= stats.max_bytes && stats.max_bytes == 4 << 20,
     "the bytes are within the cap");
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1)));
  for (char key = 'a'; key <= 'c'; key++) {
    (void)sluice_limiter_allow(limiter, &key, 1, 1, NULL);
  }
  is_i64(sluice_get_stats(f.sluice, &stats, sizeof stats.buckets), SLUICE_OK,
         "a part of them will do");
  is_u64(stats.buckets, 3, "each key has a bucket");
  sluice_limiter_free(limiter);
  ok(fixture_close(&f), "all is freed");
}

// At the cap, new keys fare as the options say.
static void test_when_full(enum sluice_when_full when_full, const char *what) {
  struct fixture f = {.now_ns = FIXTURE_START_NS};
  struct sluice_options options = fixture_options(&f);
  options.max_bytes = SLUICE_MAX_BYTES_MIN;
  options.when_full = when_full;
  if (sluice_create(&options, &f.sluice) != SLUICE_OK) {
    abort();
  }
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 1, SLUICE_S(1000)));
  uint64_t allowed = 0;
  for (uint64_t key = 0; key < 50000; key++) {
    allowed += sluice_limiter_allow(limiter, &key, sizeof key, 1, NULL) == SLUICE_ALLOWED;
  }
  struct sluice_stats stats;
  (void)sluice_get_stats(f.sluice, &stats, sizeof stats);
  ok(stats.bytes <= stats.max_bytes, "%s: the cap holds", what);
  if (when_full == SLUICE_FULL_DENY) {
    ok(allowed < 50000 && stats.denied_full == 50000 - allowed,
       "%s: new keys are throttled and counted", what);
  } else {
    is_u64(allowed, 50000, "%s: new keys are allowed", what);
    ok((when_full == SLUICE_FULL_EVICT ? stats.dropped_lossy : stats.allowed_full) > 0,
       "%s: at a price that is counted", what);
  }
  sluice_limiter_free(limiter);
  ok(fixture_close(&f), "%s: all is freed", what);
}

// The handle goes when the last of what it made goes, in whatever order.
static void test_lives(void) {
  struct fixture f;
  fixture_open(&f);
  (void)fixture_load(&f, "rules: [{id: a, key: [], limit: {rate: 10/1s}}]");
  struct sluice_limiter *limiter =
      fixture_limiter(&f, fixture_limit(SLUICE_TOKEN_BUCKET, 10, SLUICE_S(1)));
  const struct sluice_rate rate = {.count = 5, .period_ns = SLUICE_S(1)};
  struct sluice_pacer *pacer;
  struct sluice_reservation *reservation;
  struct fixture_request r;
  ok(sluice_self_pay_create(f.sluice, rate, SLUICE_S(1), &pacer) == SLUICE_OK, "a pacer is made");
  ok(sluice_reserve(f.sluice, fixture_request(&r, "a", "b", 1), &reservation, NULL) ==
         SLUICE_ALLOWED,
     "a reservation is made");
  sluice_free(f.sluice);
  ok(f.blocks > 0, "freeing the handle leaves what others hold");
  uint64_t wait_ns;
  ok(sluice_limiter_allow(limiter, "k", 1, 1, NULL) == SLUICE_ALLOWED, "the limiter works");
  ok(sluice_pacer_acquire(pacer, 1, &wait_ns) == SLUICE_OK, "the pacer works");
  ok(sluice_reservation_cancel(reservation, SLUICE_NOW) == SLUICE_OK,
     "the reservation can be cancelled");
  sluice_limiter_free(limiter);
  sluice_pacer_free(pacer);
  sluice_reservation_free(reservation);
  is_u64(f.blocks, 0, "with the last of them all is freed");
  sluice_free(NULL);
  sluice_limiter_free(NULL);
  sluice_pacer_free(NULL);
  sluice_reservation_free(NULL);
  sluice_reports_free(NULL);
}

int main(void) {
  test_words();
  test_options();
  test_sizes();
  test_allocator();
  test_time();
  test_system();
  test_stats();
  test_when_full(SLUICE_FULL_EVICT, "evict");
  test_when_full(SLUICE_FULL_DENY, "deny");
  test_when_full(SLUICE_FULL_ALLOW, "allow");
  test_lives();
  return done_testing();
}
