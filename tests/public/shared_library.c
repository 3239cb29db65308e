// The shared library as a user has it, on the system's own clock, allocator and sleep.
#include <sluice/sluice.h>
#include <time.h>

#include "support/tap.h"

static uint64_t monotonic_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void test_clock(struct sluice *sluice) {
  const uint64_t wall_ns = (uint64_t)time(NULL) * 1000000000u;
  const uint64_t now_ns = sluice_now(sluice);
  ok(now_ns + SLUICE_S(5) > wall_ns && now_ns < wall_ns + SLUICE_S(5), "engine time is Unix time");
  ok(sluice_now(sluice) >= now_ns, "and does not go back");
}

static void test_waiting(struct sluice *sluice) {
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_TOKEN_BUCKET);
  limit.count = 100;
  limit.burst = 1;
  struct sluice_limiter *limiter;
  ok(sluice_limiter_create(sluice, &limit, NULL, NULL, 0, &limiter) == SLUICE_OK,
     "a limiter is made");
  const uint64_t start_ns = monotonic_ns();
  bool fine = true;
  for (int i = 0; i < 4; i++) {
    fine = fine && sluice_limiter_acquire(limiter, "k", 1, 1, NULL) == SLUICE_ALLOWED;
  }
  ok(fine, "four acquire");
  ok(monotonic_ns() - start_ns >= SLUICE_MS(30),
     "and have waited for the three that were not there");
  sluice_limiter_free(limiter);
}

// Enough keys that the table's memory comes in big blocks, from the system directly.
static void test_many_keys(struct sluice *sluice) {
  enum { KEYS = 300000 };
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_TOKEN_BUCKET);
  limit.count = 1;
  limit.period_ns = SLUICE_S(3600);
  struct sluice_limiter *limiter;
  ok(sluice_limiter_create(sluice, &limit, NULL, NULL, 0, &limiter) == SLUICE_OK,
     "a limiter is made");
  uint64_t first = 0, second = 0;
  for (uint64_t round = 0; round < 2; round++) {
    for (uint64_t key = 0; key < KEYS; key++) {
      const bool allowed =
          sluice_limiter_allow(limiter, &key, sizeof key, 1, NULL) == SLUICE_ALLOWED;
      *(round == 0 ? &first : &second) += allowed;
    }
  }
  is_u64(first, KEYS, "each of many keys is allowed once");
  is_u64(second, 0, "and not twice");
  struct sluice_stats stats;
  ok(sluice_get_stats(sluice, &stats, sizeof stats) == SLUICE_OK, "there are figures");
  ok(stats.buckets >= KEYS, "every bucket is there");
  sluice_limiter_free(limiter);
}

int main(void) {
  struct sluice *sluice;
  ok(sluice_create(NULL, &sluice) == SLUICE_OK, "a handle is made");
  test_clock(sluice);
  test_waiting(sluice);
  test_many_keys(sluice);
  sluice_free(sluice);
  return done_testing();
}
