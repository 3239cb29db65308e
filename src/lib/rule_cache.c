#include "lib/rule_cache.h"

#include "sys/relax.h"
#include "sys/thread.h"

enum sl_status sl_rule_cache_init(struct sl_rule_cache *cache, const struct sl_mem *mem,
                                  const struct sl_sys *sys) {
  struct sl_seat *seats =
      sl_mem_array(mem, SL_SEAT_COUNT, sizeof(struct sl_seat), _Alignof(struct sl_seat));
  if (seats == NULL) {
    return SL_ERR_MEMORY;
  }
  for (size_t i = 0; i < SL_SEAT_COUNT; i++) {
    seats[i].decider.hits.mem = mem;
  }
  *cache = (struct sl_rule_cache){.seats = seats, .mem = mem, .sys = sys};
  return SL_OK;
}

void sl_rule_cache_close(struct sl_rule_cache *cache) {
  sl_rules_let_go(atomic_load_explicit(&cache->rules, memory_order_acquire));
  for (size_t i = 0; i < SL_SEAT_COUNT; i++) {
    sl_decider_close(&cache->seats[i].decider);
  }
  sl_mem_free_aligned(cache->mem, cache->seats, SL_SEAT_COUNT * sizeof(struct sl_seat),
                      _Alignof(struct sl_seat));
  *cache = (struct sl_rule_cache){.rules = NULL};
}

static void relax(const struct sl_rule_cache *cache, unsigned round) {
  sl_relax((void *)(uintptr_t)cache->sys, round);
}

static bool try_seat(struct sl_seat *seat) {
  uint64_t turn = atomic_load_explicit(&seat->turn, memory_order_relaxed);
  return turn % 2 == 0 && atomic_compare_exchange_strong(&seat->turn, &turn, turn + 1);
}

struct sl_seat *sl_rule_cache_sit(struct sl_rule_cache *cache, struct sl_rules **ret_rules) {
  size_t at = sl_thread_hint();
  struct sl_seat *seat = &cache->seats[at % SL_SEAT_COUNT];
  for (unsigned tries = 1; !try_seat(seat); tries++) {
    seat = &cache->seats[(at + tries) % SL_SEAT_COUNT];
    if (tries % SL_SEAT_COUNT == 0) {
      relax(cache, tries / SL_SEAT_COUNT);
    }
  }
  *ret_rules = atomic_load(&cache->rules);
  return seat;
}

void sl_rule_cache_rise(struct sl_seat *seat) {
  // Only who sits changes an odd turn.
  uint64_t turn = atomic_load_explicit(&seat->turn, memory_order_relaxed);
  atomic_store_explicit(&seat->turn, turn + 1, memory_order_release);
}

void sl_rule_cache_wait(struct sl_rule_cache *cache) {
  for (size_t i = 0; i < SL_SEAT_COUNT; i++) {
    struct sl_seat *seat = &cache->seats[i];
    uint64_t turn = atomic_load(&seat->turn);
    for (unsigned round = 0; turn % 2 == 1 && atomic_load(&seat->turn) == turn; round++) {
      relax(cache, round);
    }
  }
}

void sl_rule_cache_replace(struct sl_rule_cache *cache, struct sl_rules *rules) {
  if (rules != NULL) {
    rules->version = atomic_fetch_add(&cache->versions, 1) + 1;
  }
  struct sl_rules *old = atomic_exchange(&cache->rules, rules);
  sl_rule_cache_wait(cache);
  sl_rules_let_go(old);
}

enum sl_status sl_rules_create(struct sl_engine *engine, struct sl_ruleset *set,
                               const struct sl_mem *mem, struct sl_rules **ret_rules) {
  struct sl_rules *rules = sl_mem_alloc(mem, sizeof *rules);
  if (rules == NULL) {
    return SL_ERR_MEMORY;
  }
  struct sl_bound *bound;
  enum sl_status status = sl_bind(engine, set, mem, &bound);
  if (status != SL_OK) {
    sl_mem_free(mem, rules, sizeof *rules);
    return status;
  }
  *rules = (struct sl_rules){.holders = 1, .mem = mem, .set = set, .bound = bound};
  *ret_rules = rules;
  return SL_OK;
}

void sl_rules_hold(struct sl_rules *rules) {
  atomic_fetch_add_explicit(&rules->holders, 1, memory_order_relaxed);
}

void sl_rules_let_go(struct sl_rules *rules) {
  if (rules == NULL || atomic_fetch_sub_explicit(&rules->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  sl_unbind(rules->bound);
  sl_ruleset_free(rules->set);
  sl_mem_free(rules->mem, rules, sizeof *rules);
}
