// Engine time: monotonic plus an offset, corrected only forwards, and only by more than a second.
#include <errno.h>

#include "base/units.h"
#include "support/tap.h"
#include "sys/clock.h"

#define WALL_NS (1700000000 * SL_NS_PER_S)

// A system whose clocks stand where the test sets them.
static struct {
  uint64_t wall_ns, monotonic_ns;
  uint64_t reading_takes_ns;  // each reading moves both clocks on
  bool fails;
  unsigned interruptions;
  uint64_t slept_until_ns;
} machine;

static int step_clock(clockid_t which, struct timespec *ret_time) {
  if (machine.fails) {
    errno = EINVAL;
    return -1;
  }
  const uint64_t ns = which == CLOCK_REALTIME ? machine.wall_ns : machine.monotonic_ns;
  ret_time->tv_sec = (time_t)(ns / SL_NS_PER_S);
  ret_time->tv_nsec = (long)(ns % SL_NS_PER_S);
  machine.wall_ns += machine.reading_takes_ns;
  machine.monotonic_ns += machine.reading_takes_ns;
  return 0;
}

static int step_sleep(clockid_t which, int flags, const struct timespec *until,
                      struct timespec *ret_rest) {
  (void)ret_rest;
  if (which != CLOCK_MONOTONIC || flags != TIMER_ABSTIME) {
    return EINVAL;
  }
  if (machine.interruptions > 0) {
    machine.interruptions--;
    return EINTR;
  }
  machine.slept_until_ns = (uint64_t)until->tv_sec * SL_NS_PER_S + (uint64_t)until->tv_nsec;
  return 0;
}

static const struct sl_sys step_sys = {.clock_gettime = step_clock, .clock_nanosleep = step_sleep};

static unsigned corrections;
static uint64_t corrected_by_ns;

static void note(void *ctx, uint64_t forward_ns) {
  (void)ctx;
  corrections++;
  corrected_by_ns += forward_ns;
}

static struct sl_clock start(void) {
  machine.wall_ns = WALL_NS;
  machine.monotonic_ns = 5000 * SL_NS_PER_S;
  machine.reading_takes_ns = 0;
  corrections = 0;
  corrected_by_ns = 0;
  struct sl_clock clock;
  ok(sl_clock_init(&clock, &step_sys, note, NULL) == SL_OK, "the clock starts");
  return clock;
}

static void pass(uint64_t ns) {
  machine.wall_ns += ns;
  machine.monotonic_ns += ns;
}

static void test_even_time(void) {
  struct sl_clock clock = start();
  is_u64(sl_clock_now(&clock), WALL_NS, "engine time starts as the wall clock stands");
  pass(7 * SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + 7 * SL_NS_PER_S, "and goes on with the monotonic clock");
}

static void test_wall_set_back(void) {
  struct sl_clock clock = start();
  machine.wall_ns -= 3 * SL_NS_PER_D;
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + SL_NS_PER_S, "a wall clock set back changes nothing");
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + 2 * SL_NS_PER_S, "nor later");
  is_u64(corrections, 0, "nobody is told");
}

static void test_wall_a_little_ahead(void) {
  struct sl_clock clock = start();
  machine.wall_ns += SL_NS_PER_S;
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + SL_NS_PER_S, "a lead of exactly a second is let be");
  is_u64(corrections, 0, "nobody is told");
}

static void test_wall_far_ahead(void) {
  struct sl_clock clock = start();
  machine.wall_ns += SL_NS_PER_S + 1;
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + 2 * SL_NS_PER_S + 1,
         "engine time follows a lead above it");
  is_u64(corrections, 1, "the owner is told once");
  is_u64(corrected_by_ns, SL_NS_PER_S + 1, "by how much");
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + 3 * SL_NS_PER_S + 1, "then time goes on evenly");
  is_u64(corrections, 1, "without further corrections");
  machine.wall_ns -= SL_NS_PER_H;
  pass(SL_NS_PER_S);
  is_u64(sl_clock_now(&clock), WALL_NS + 4 * SL_NS_PER_S + 1,
         "and does not go back with the wall clock");
}

static void test_wall_looked_at_seldom(void) {
  struct sl_clock clock = start();
  machine.wall_ns += SL_NS_PER_H;
  pass(SL_CLOCK_CHECK_NS - 1);
  is_u64(sl_clock_now(&clock), WALL_NS + SL_CLOCK_CHECK_NS - 1,
         "the wall clock is not looked at before its time");
  pass(1);
  is_u64(sl_clock_now(&clock), WALL_NS + SL_NS_PER_H + SL_CLOCK_CHECK_NS, "then it is");
}

// A thread that loses the processor between two readings must not take that for a lead.
static void test_slow_readings(void) {
  struct sl_clock clock = start();
  machine.reading_takes_ns = 3 * SL_NS_PER_S;
  for (int i = 0; i < 10; i++) {
    (void)sl_clock_now(&clock);
  }
  is_u64(corrections, 0, "pauses of 3 s between readings feign no lead");
  machine.wall_ns = WALL_NS;
  machine.monotonic_ns = 0;
  ok(sl_clock_init(&clock, &step_sys, note, NULL) == SL_OK, "a clock starts slowly");
  machine.reading_takes_ns = 0;
  ok(sl_clock_now(&clock) <= machine.wall_ns, "and is not ahead of the wall clock for that");
}

static void test_failure(void) {
  struct sl_clock clock = start();
  machine.fails = true;
  is_u64(sl_clock_now(&clock), 0, "no reading is told as 0");
  is_u64(sl_monotonic_ns(&step_sys), 0, "of the monotonic clock, too");
  ok(sl_clock_init(&clock, &step_sys, NULL, NULL) == SL_ERR_IO, "no clock starts without readings");
  machine.fails = false;
}

static void test_wall_before_monotonic(void) {
  machine.wall_ns = 0;
  machine.monotonic_ns = SL_NS_PER_H;
  struct sl_clock clock;
  ok(sl_clock_init(&clock, &step_sys, NULL, NULL) == SL_OK,
     "a machine without a set clock starts in 1970");
  is_u64(sl_clock_now(&clock), 0, "at its first instant");
  machine.wall_ns = WALL_NS;
  machine.monotonic_ns += SL_NS_PER_S;
  is_u64(sl_clock_now(&clock), WALL_NS, "and follows once its clock is set, also untold");
}

static void test_sleep(void) {
  machine.interruptions = 3;
  sl_sleep_until(&step_sys, 12345678901);
  is_u64(machine.slept_until_ns, 12345678901, "signals do not cut a sleep short");
}

static void test_real(void) {
  struct sl_clock clock;
  ok(sl_clock_init(&clock, &sl_sys_real, NULL, NULL) == SL_OK, "the system's clock starts");
  const uint64_t first_ns = sl_clock_now(&clock);
  const uint64_t until_ns = sl_monotonic_ns(&sl_sys_real) + SL_NS_PER_MS;
  sl_sleep_until(&sl_sys_real, until_ns);
  ok(sl_monotonic_ns(&sl_sys_real) >= until_ns, "a sleep lasts");
  ok(sl_clock_now(&clock) >= first_ns + SL_NS_PER_MS / 2, "and engine time has moved on");
  sl_sleep_until(&sl_sys_real, 0);
  ok(first_ns > 1600000000 * SL_NS_PER_S, "engine time is Unix time");
}

int main(void) {
  test_even_time();
  test_wall_set_back();
  test_wall_a_little_ahead();
  test_wall_far_ahead();
  test_wall_looked_at_seldom();
  test_slow_readings();
  test_failure();
  test_wall_before_monotonic();
  test_sleep();
  test_real();
  return done_testing();
}
