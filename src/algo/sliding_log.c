#include "algo/sliding_log.h"

struct entry {
  uint64_t time_ns;
  uint64_t cost;
};

struct log {
  uint32_t capacity;  // entries that fit
  uint32_t head;      // the oldest
  uint32_t count;     // entries in use
  uint32_t total;     // sum of their costs
  struct entry entries[];
};

// A fresh log is 64 bytes, a cache line, with room for three.
enum { FRESH_ENTRIES = 3 };

enum sl_status sl_sliding_log_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) {
  (void)message;
  *ret_limit = (struct sl_limit){
      .algorithm = SL_SLIDING_LOG,
      .count_refused = spec->count_refused,
      .size = spec->count,
      .unit = 1,
      .size_units = spec->count,
      .debt_units = spec->count,
      .timeline = sl_timeline_make(1, 1, 1, 1),
      .window_ns = spec->period_ns,
      .max_wait_ns = spec->max_wait_ns,
      .rate_count = spec->count,
      .rate_period_ns = spec->period_ns,
  };
  return SL_OK;
}

static size_t bytes_of(uint64_t entries) {
  return sizeof(struct log) + entries * sizeof(struct entry);
}

static uint32_t ring_at(const struct log *log, uint32_t nth) {
  uint32_t at = log->head + nth;
  return at >= log->capacity ? at - log->capacity : at;
}

size_t sl_sliding_log_bytes(const struct sl_limit *limit, const void *state, size_t have) {
  const struct log *log = state;
  if (log == NULL) {
    return bytes_of(sl_min_u64(FRESH_ENTRIES, sl_max_u64(limit->size, 1)));
  }
  // With N entries there is no more to admit, and what is charged first drops the oldest.
  if (log->count < log->capacity || log->capacity >= limit->size) {
    return have;
  }
  return bytes_of(sl_min_u64(2 * (uint64_t)log->capacity, limit->size));
}

void sl_sliding_log_init(const struct sl_limit *limit, void *state, size_t bytes) {
  (void)limit;
  sl_assert(bytes >= bytes_of(1));
  struct log *log = state;
  uint64_t entries = (bytes - sizeof *log) / sizeof(struct entry);
  *log = (struct log){.capacity = (uint32_t)sl_min_u64(entries, SL_LOG_COUNT_MAX)};
}

void sl_sliding_log_move(const struct sl_limit *limit, void *state, size_t bytes,
                         const void *from) {
  const struct log *old = from;
  struct log *log = state;
  sl_sliding_log_init(limit, state, bytes);
  sl_assert(log->capacity >= old->count);
  for (uint32_t i = 0; i < old->count; i++) {
    log->entries[i] = old->entries[ring_at(old, i)];
  }
  log->count = old->count;
  log->total = old->total;
}

static void drop_oldest(struct log *log) {
  log->total -= (uint32_t)log->entries[log->head].cost;
  log->head = ring_at(log, 1);
  log->count--;
}

// Forgets the oldest units until at most `most` are left.
static void keep_newest(struct log *log, uint64_t most) {
  while (log->total > most) {
    struct entry *oldest = &log->entries[log->head];
    uint64_t excess = log->total - most;
    if (oldest->cost <= excess) {
      drop_oldest(log);
    } else {
      oldest->cost -= excess;
      log->total -= (uint32_t)excess;
    }
  }
}

void sl_sliding_log_advance(const struct sl_limit *limit, void *state, uint64_t now_ns) {
  struct log *log = state;
  while (log->count > 0 && now_ns >= log->entries[log->head].time_ns + limit->window_ns) {
    drop_oldest(log);
  }
  // An entry from the future is a clock's error and is read as one of now (SEMANTICS 4).
  for (uint32_t i = log->count; i > 0; i--) {
    struct entry *entry = &log->entries[ring_at(log, i - 1)];
    if (entry->time_ns <= now_ns) {
      break;
    }
    entry->time_ns = now_ns;
  }
}

enum sl_verdict sl_sliding_log_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost) {
  (void)now_ns;
  const struct log *log = state;
  if (cost > limit->size) {
    return SL_NEVER;
  }
  return cost == 0 || log->total + cost <= limit->size ? SL_ALLOWED : SL_THROTTLED;
}

static void append(struct log *log, uint64_t now_ns, uint64_t cost) {
  if (cost == 0) {
    return;
  }
  log->total += (uint32_t)cost;
  if (log->count > 0) {
    struct entry *newest = &log->entries[ring_at(log, log->count - 1)];
    if (newest->time_ns == now_ns) {
      newest->cost += cost;
      return;
    }
  }
  sl_assert(log->count < log->capacity);
  log->entries[ring_at(log, log->count)] = (struct entry){.time_ns = now_ns, .cost = cost};
  log->count++;
}

void sl_sliding_log_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot) {
  (void)slot;
  sl_assert(cost <= limit->size);
  append(state, now_ns, cost);
}

void sl_sliding_log_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost) {
  struct log *log = state;
  cost = sl_min_u64(cost, limit->size);
  keep_newest(log, limit->size - cost);
  append(log, now_ns, cost);
}

void sl_sliding_log_refuse(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost) {
  sl_sliding_log_charge(limit, state, now_ns, cost);
}

// The wait until `need` units of the oldest have left; need is from 1 to the total. Every entry
// holds a unit or more, so this looks at no more entries than the refused cost has units.
static uint64_t wait_for(const struct sl_limit *limit, const struct log *log, uint64_t now_ns,
                         uint64_t need) {
  uint64_t freed = 0;
  const struct entry *entry = NULL;
  for (uint32_t i = 0; freed < need; i++) {
    entry = &log->entries[ring_at(log, i)];
    freed += entry->cost;
  }
  sl_assert(entry != NULL);
  return entry->time_ns + limit->window_ns - now_ns;
}

void sl_sliding_log_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision) {
  const struct log *log = state;
  struct sl_decision d = {.verdict = verdict, .limit = limit->size};
  d.remaining = sl_sub_floor_u64(limit->size, log->total);
  if (log->count > 0) {
    const struct entry *newest = &log->entries[ring_at(log, log->count - 1)];
    d.reset_after_ns = newest->time_ns + limit->window_ns - now_ns;
  }
  if (verdict == SL_THROTTLED) {
    d.retry_after_ns = wait_for(limit, log, now_ns, log->total + cost - limit->size);
  }
  *ret_decision = d;
}

bool sl_sliding_log_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns) {
  (void)limit;
  (void)now_ns;
  return ((const struct log *)state)->count == 0;
}

bool sl_sliding_log_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry) {
  (void)limit;
  const struct log *log = state;
  if (*cursor >= log->count) {
    return false;
  }
  const struct entry *entry = &log->entries[ring_at(log, (uint32_t)(*cursor)++)];
  *ret_entry = (struct sl_record_entry){.time_ns = entry->time_ns, .cost = entry->cost};
  return true;
}
