#include "algo/concurrency.h"

// Places in the array of leases are counted from 1; 0 is none. So zeroed memory is an empty record.
struct lease {
  uint64_t slot;  // 0: a charge
  uint64_t end_ns;
  uint32_t cost;
  uint32_t chain;  // next of the same chain; in a free lease the next free one
  uint32_t older;
  uint32_t newer;
};

struct leases {
  uint32_t capacity;
  uint32_t used;   // leases that were ever taken from the array
  uint32_t free;   // those given back
  uint32_t count;  // that run
  uint32_t oldest;
  uint32_t newest;
  uint32_t named;    // units held by slots
  uint32_t charged;  // units held by charges
  struct lease lease[];
  // behind them uint32_t heads[capacity]: the chains
};

enum { FRESH_LEASES = 2, RECORD_ALIGN = 16 };

enum sl_status sl_concurrency_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) {
  (void)message;
  *ret_limit = (struct sl_limit){
      .algorithm = SL_CONCURRENCY,
      .size = spec->slots,
      .unit = 1,
      .size_units = spec->slots,
      .debt_units = spec->slots,
      .timeline = sl_timeline_make(1, 1, 1, 1),
      .window_ns = spec->lease_ns,
      .max_wait_ns = spec->max_wait_ns,
      .rate_count = spec->slots,
      .rate_period_ns = spec->lease_ns,
  };
  return SL_OK;
}

static size_t bytes_of(uint64_t leases) {
  size_t bytes = sizeof(struct leases) + leases * (sizeof(struct lease) + sizeof(uint32_t));
  return (bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static struct lease *lease_at(struct leases *record, uint32_t place) {
  sl_assert(place > 0 && place <= record->used);
  return &record->lease[place - 1];
}

static uint32_t *chain_of(struct leases *record, uint64_t slot) {
  uint32_t *heads = (uint32_t *)(void *)(record->lease + record->capacity);
  uint64_t mixed = (slot * UINT64_C(0x9e3779b97f4a7c15)) >> 32;  // Knuth's multiplicative hash
  return &heads[(mixed * record->capacity) >> 32];
}

size_t sl_concurrency_bytes(const struct sl_limit *limit, const void *state, size_t have) {
  const struct leases *record = state;
  (void)limit;
  if (record == NULL) {
    return bytes_of(FRESH_LEASES);
  }
  // Named leases and charges each hold at most `slots` units, so this ends at twice the slots.
  return record->count < record->capacity ? have : bytes_of(2 * (uint64_t)record->capacity);
}

void sl_concurrency_init(const struct sl_limit *limit, void *state, size_t bytes) {
  (void)limit;
  sl_assert(bytes >= bytes_of(1));
  struct leases *record = state;
  uint64_t fits = (bytes - sizeof *record) / (sizeof(struct lease) + sizeof(uint32_t));
  *record = (struct leases){.capacity = (uint32_t)sl_min_u64(fits, 4 * (uint64_t)SL_LOG_COUNT_MAX)};
}

static void link_newest(struct leases *record, uint32_t place) {
  struct lease *lease = lease_at(record, place);
  lease->newer = 0;
  lease->older = record->newest;
  if (record->newest != 0) {
    lease_at(record, record->newest)->newer = place;
  } else {
    record->oldest = place;
  }
  record->newest = place;
}

static void unlink_lease(struct leases *record, uint32_t place) {
  const struct lease *lease = lease_at(record, place);
  if (lease->older != 0) {
    lease_at(record, lease->older)->newer = lease->newer;
  } else {
    record->oldest = lease->newer;
  }
  if (lease->newer != 0) {
    lease_at(record, lease->newer)->older = lease->older;
  } else {
    record->newest = lease->older;
  }
}

static uint32_t *held_by(struct leases *record, const struct lease *lease) {
  return lease->slot != 0 ? &record->named : &record->charged;
}

static void add(struct leases *record, uint64_t slot, uint64_t cost, uint64_t end_ns) {
  sl_assert(record->count < record->capacity);
  uint32_t place = record->free;
  if (place != 0) {
    record->free = lease_at(record, place)->chain;
  } else {
    place = ++record->used;
  }
  struct lease *lease = lease_at(record, place);
  *lease = (struct lease){.slot = slot, .end_ns = end_ns, .cost = (uint32_t)cost};
  if (slot != 0) {
    uint32_t *chain = chain_of(record, slot);
    lease->chain = *chain;
    *chain = place;
  }
  link_newest(record, place);
  record->count++;
  *held_by(record, lease) += lease->cost;
}

static void end(struct leases *record, uint32_t place) {
  struct lease *lease = lease_at(record, place);
  if (lease->slot != 0) {
    uint32_t *link = chain_of(record, lease->slot);
    while (*link != place) {
      link = &lease_at(record, *link)->chain;
    }
    *link = lease->chain;
  }
  unlink_lease(record, place);
  record->count--;
  *held_by(record, lease) -= lease->cost;
  lease->chain = record->free;
  record->free = place;
}

void sl_concurrency_move(const struct sl_limit *limit, void *state, size_t bytes,
                         const void *from) {
  const struct leases *old = from;
  sl_concurrency_init(limit, state, bytes);
  for (uint32_t place = old->oldest; place != 0; place = old->lease[place - 1].newer) {
    const struct lease *lease = &old->lease[place - 1];
    add(state, lease->slot, lease->cost, lease->end_ns);
  }
}

void sl_concurrency_advance(const struct sl_limit *limit, void *state, uint64_t now_ns) {
  struct leases *record = state;
  while (record->oldest != 0 && lease_at(record, record->oldest)->end_ns <= now_ns) {
    end(record, record->oldest);
  }
  // No lease runs for longer than one that starts now: not by a clock's error, nor by a former
  // limit.
  for (uint32_t place = record->newest; place != 0; place = lease_at(record, place)->older) {
    struct lease *lease = lease_at(record, place);
    if (lease->end_ns <= now_ns + limit->window_ns) {
      break;
    }
    lease->end_ns = now_ns + limit->window_ns;
  }
}

static uint64_t held(const struct leases *record) {
  return (uint64_t)record->named + record->charged;
}

enum sl_verdict sl_concurrency_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost) {
  (void)now_ns;
  if (cost > limit->size) {
    return SL_NEVER;
  }
  return cost == 0 || held(state) + cost <= limit->size ? SL_ALLOWED : SL_THROTTLED;
}

void sl_concurrency_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot) {
  sl_assert(slot != 0 && cost > 0 && cost <= limit->size);
  add(state, slot, cost, now_ns + limit->window_ns);
}

// Ends the oldest units of charges until at most `most` are left.
static void keep_newest_charges(struct leases *record, uint64_t most) {
  uint32_t place = record->oldest;
  while (record->charged > most) {
    struct lease *lease = lease_at(record, place);
    uint32_t newer = lease->newer;
    uint64_t excess = record->charged - most;
    if (lease->slot == 0 && lease->cost <= excess) {
      end(record, place);
    } else if (lease->slot == 0) {
      lease->cost -= (uint32_t)excess;
      record->charged -= (uint32_t)excess;
    }
    place = newer;
  }
}

void sl_concurrency_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost) {
  cost = sl_min_u64(cost, limit->size);
  if (cost > 0) {
    keep_newest_charges(state, limit->size - cost);
    add(state, 0, cost, now_ns + limit->window_ns);
  }
}

// The place of a slot's lease; 0 when none runs.
static uint32_t find(struct leases *record, uint64_t slot) {
  uint32_t place = slot != 0 ? *chain_of(record, slot) : 0;
  while (place != 0 && lease_at(record, place)->slot != slot) {
    place = lease_at(record, place)->chain;
  }
  return place;
}

bool sl_concurrency_release(const struct sl_limit *limit, void *state, uint64_t now_ns,
                            uint64_t slot) {
  (void)limit;
  (void)now_ns;
  uint32_t place = find(state, slot);
  if (place == 0) {
    return false;
  }
  end(state, place);
  return true;
}

bool sl_concurrency_renew(const struct sl_limit *limit, void *state, uint64_t now_ns,
                          uint64_t slot) {
  struct leases *record = state;
  uint32_t place = find(record, slot);
  if (place == 0) {
    return false;
  }
  unlink_lease(record, place);
  lease_at(record, place)->end_ns = now_ns + limit->window_ns;
  link_newest(record, place);
  return true;
}

// The wait until `need` units have ended by themselves; need is from 1 to what is held. Every lease
// holds a unit or more, so this looks at no more leases than `need`.
static uint64_t wait_for(const struct leases *record, uint64_t now_ns, uint64_t need) {
  uint64_t freed = 0;
  uint64_t end_ns = now_ns;
  for (uint32_t place = record->oldest; freed < need;) {
    sl_assert(place != 0);
    const struct lease *lease = &record->lease[place - 1];
    freed += lease->cost;
    end_ns = lease->end_ns;
    place = lease->newer;
  }
  return end_ns - now_ns;
}

void sl_concurrency_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision) {
  const struct leases *record = state;
  struct sl_decision d = {.verdict = verdict, .limit = limit->size};
  d.remaining = sl_sub_floor_u64(limit->size, held(record));
  if (record->newest != 0) {
    d.reset_after_ns = record->lease[record->newest - 1].end_ns - now_ns;
  }
  if (verdict == SL_THROTTLED) {
    d.retry_after_ns = wait_for(record, now_ns, held(record) + cost - limit->size);
  }
  *ret_decision = d;
}

bool sl_concurrency_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns) {
  (void)limit;
  (void)now_ns;
  return ((const struct leases *)state)->count == 0;
}

// *cursor is the place of the lease that was given last.
bool sl_concurrency_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry) {
  const struct leases *record = state;
  uint32_t place = *cursor == 0 ? record->oldest : record->lease[*cursor - 1].newer;
  if (place == 0) {
    return false;
  }
  const struct lease *lease = &record->lease[place - 1];
  *cursor = place;
  *ret_entry =
      (struct sl_record_entry){.time_ns = sl_sub_floor_u64(lease->end_ns, limit->window_ns),
                               .cost = lease->cost,
                               .slot = lease->slot};
  return true;
}
