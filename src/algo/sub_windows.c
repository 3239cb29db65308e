#include "algo/sub_windows.h"

// The counters are a ring: `at` is the current sub-window's, the one behind it (cyclically) the
// oldest's.
struct sub_windows {
  uint64_t index;  // of the current sub-window: now / (W / k)
  uint64_t sum;    // of all counters
  uint64_t at;
  uint64_t count[];  // k + 1
};

enum { RECORD_ALIGN = 16 };

enum sl_status sl_sub_windows_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                      struct sl_text *message) {
  uint64_t parts = spec->sub_windows;
  if (parts == 0 || spec->period_ns % parts != 0) {
    char period[SL_DURATION_TEXT];
    sl_text_printf(
        message,
        "sub_windows is %llu, which does not divide the period of %s into whole nanoseconds",
        (unsigned long long)parts, sl_format_duration(spec->period_ns, period));
    return SL_ERR_INVALID;
  }
  *ret_limit = (struct sl_limit){
      .algorithm = SL_SLIDING_WINDOW,
      .size = spec->count,
      .unit = 1,
      .size_units = spec->count,
      .debt_units = spec->count,
      .timeline = sl_timeline_make(1, 1, 1, 1),
      .window_ns = spec->period_ns,
      .sub_window_ns = spec->period_ns / parts,
      .sub_windows = parts,
      .max_wait_ns = spec->max_wait_ns,
      .rate_count = spec->count,
      .rate_period_ns = spec->period_ns,
  };
  return SL_OK;
}

static uint64_t ring_next(const struct sl_limit *limit, uint64_t at) {
  return at == limit->sub_windows ? 0 : at + 1;
}

static size_t record_bytes(const struct sl_limit *limit) {
  size_t bytes = sizeof(struct sub_windows) + (limit->sub_windows + 1) * sizeof(uint64_t);
  return (bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

size_t sl_sub_windows_bytes(const struct sl_limit *limit, const void *state, size_t have) {
  (void)state;
  size_t need = record_bytes(limit);
  return have > need ? have : need;
}

void sl_sub_windows_init(const struct sl_limit *limit, void *state, size_t bytes) {
  sl_assert(bytes >= record_bytes(limit));
  memset(state, 0, record_bytes(limit));
}

void sl_sub_windows_move(const struct sl_limit *limit, void *state, size_t bytes,
                         const void *from) {
  sl_assert(bytes >= record_bytes(limit));
  memcpy(state, from, record_bytes(limit));
}

void sl_sub_windows_advance(const struct sl_limit *limit, void *state, uint64_t now_ns) {
  struct sub_windows *record = state;
  uint64_t index = now_ns / limit->sub_window_ns;
  // A sub-window from the future is a clock's error and is read as this one (SEMANTICS 4).
  uint64_t steps = sl_sub_floor_u64(index, record->index);
  record->index = index;
  if (steps > limit->sub_windows) {
    steps = limit->sub_windows + 1;
  }
  for (; steps > 0 && record->sum > 0; steps--) {
    record->at = ring_next(limit, record->at);
    record->sum -= record->count[record->at];
    record->count[record->at] = 0;
  }
}

enum sl_verdict sl_sub_windows_test(const struct sl_limit *limit, const void *state,
                                    uint64_t now_ns, uint64_t cost) {
  (void)now_ns;
  const struct sub_windows *record = state;
  if (cost > limit->size) {
    return SL_NEVER;
  }
  return cost == 0 || record->sum + cost <= limit->size ? SL_ALLOWED : SL_THROTTLED;
}

void sl_sub_windows_take(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
                         uint64_t slot) {
  (void)now_ns;
  (void)slot;
  struct sub_windows *record = state;
  sl_assert(cost <= limit->size);
  record->count[record->at] += cost;
  record->sum += cost;
}

void sl_sub_windows_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t cost) {
  (void)now_ns;
  struct sub_windows *record = state;
  cost = sl_min_u64(cost, limit->size);
  record->count[record->at] += cost;
  record->sum += cost;
  for (uint64_t at = record->at; record->sum > limit->size;) {
    at = ring_next(limit, at);
    uint64_t drop = sl_min_u64(record->count[at], record->sum - limit->size);
    record->count[at] -= drop;
    record->sum -= drop;
  }
}

// The wait until `need` units of the oldest have left; need is from 1 to the sum.
static uint64_t wait_for(const struct sl_limit *limit, const struct sub_windows *record,
                         uint64_t now_ns, uint64_t need) {
  uint64_t steps = 0;
  uint64_t freed = 0;
  for (uint64_t at = record->at; freed < need; steps++) {
    at = ring_next(limit, at);
    freed += record->count[at];
  }
  return (record->index + steps) * limit->sub_window_ns - now_ns;
}

void sl_sub_windows_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict verdict,
                            struct sl_decision *ret_decision) {
  const struct sub_windows *record = state;
  struct sl_decision d = {.verdict = verdict, .limit = limit->size};
  d.remaining = sl_sub_floor_u64(limit->size, record->sum);
  if (record->sum > 0) {
    d.reset_after_ns = wait_for(limit, record, now_ns, record->sum);
  }
  if (verdict == SL_THROTTLED) {
    d.retry_after_ns = wait_for(limit, record, now_ns, record->sum + cost - limit->size);
  }
  *ret_decision = d;
}

bool sl_sub_windows_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns) {
  (void)limit;
  (void)now_ns;
  return ((const struct sub_windows *)state)->sum == 0;
}

// *cursor counts the sub-windows from the oldest on, which stands behind the current one.
bool sl_sub_windows_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                          struct sl_record_entry *ret_entry) {
  const struct sub_windows *record = state;
  while (*cursor <= limit->sub_windows) {
    uint64_t back = limit->sub_windows - (*cursor)++;
    uint64_t at = (record->at + limit->sub_windows + 1 - back) % (limit->sub_windows + 1);
    if (record->count[at] > 0 && record->index >= back) {
      *ret_entry = (struct sl_record_entry){
          .time_ns = (record->index - back) * limit->sub_window_ns, .cost = record->count[at]};
      return true;
    }
  }
  return false;
}
