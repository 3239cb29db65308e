// The Throttle Rule Cache: every seat is one thread's at a time, and rules stay while somebody
// reads them.
#include <pthread.h>
#include <sched.h>

#include "lib/handle.h"
#include "support/lib_fixture.h"
#include "support/tap.h"

static struct fixture f;

static pthread_t start(void *(*run)(void *), void *with) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, with) != 0) {
    abort();
  }
  return thread;
}

static void *sit_and_rise(void *unused) {
  (void)unused;
  struct sl_rules *rules;
  struct sl_seat *seat = sl_rule_cache_sit(&f.sluice->cache, &rules);
  sl_rule_cache_rise(seat);
  return seat;
}

static void test_seats(void) {
  struct sl_seat *seats[SL_SEAT_COUNT];
  struct sl_rules *rules;
  unsigned doubles = 0;
  for (size_t i = 0; i < SL_SEAT_COUNT; i++) {
    seats[i] = sl_rule_cache_sit(&f.sluice->cache, &rules);
    for (size_t j = 0; j < i; j++) {
      doubles += seats[i] == seats[j];
    }
  }
  is_u64(doubles, 0, "no seat is given twice");
  pthread_t late = start(sit_and_rise, NULL);
  for (int i = 0; i < 100; i++) {
    sched_yield();
  }
  sl_rule_cache_rise(seats[77]);
  void *found;
  pthread_join(late, &found);
  ok(found == seats[77], "who finds none waits for the first that is free");
  for (size_t i = 0; i < SL_SEAT_COUNT; i++) {
    if (i != 77) {
      sl_rule_cache_rise(seats[i]);
    }
  }
  struct sl_seat *again = sl_rule_cache_sit(&f.sluice->cache, &rules);
  ok(again == seats[0], "a thread comes back to its own");
  sl_rule_cache_rise(again);
}

static void *replace(void *unused) {
  return fixture_load(&f, "rules: [{id: b, key: [], limit: {rate: 2/1s}}]") == SLUICE_OK ? &f
                                                                                         : unused;
}

static void test_replacing(void) {
  if (fixture_load(&f, "rules: [{id: a, key: [], limit: {rate: 1/1s}}]") != SLUICE_OK) {
    abort();
  }
  struct sl_rules *old, *now;
  struct sl_seat *seat = sl_rule_cache_sit(&f.sluice->cache, &old);
  sl_rules_hold(old);
  pthread_t replacer = start(replace, NULL);
  while (atomic_load(&f.sluice->cache.rules) == old) {
    sched_yield();
  }
  for (int i = 0; i < 1000; i++) {
    sched_yield();
  }
  is_u64(atomic_load(&old->holders), 2, "rules stay in being while somebody reads them");
  struct sl_seat *second = sl_rule_cache_sit(&f.sluice->cache, &now);
  ok(now != old && now->set->rules[0].id.ptr[0] == 'b', "who sits down now has the new ones");
  sl_rule_cache_rise(second);
  sl_rule_cache_rise(seat);
  void *done;
  pthread_join(replacer, &done);
  ok(done == &f, "the replacer is done when the reader is");
  is_u64(atomic_load(&old->holders), 1, "and has let the old ones go");
  sl_rules_let_go(old);
}

int main(void) {
  fixture_open(&f);
  test_seats();
  test_replacing();
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
