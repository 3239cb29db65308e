#include "algo/sliding_window.h"

#define COUNT_BITS 42
#define COUNT_MAX SL_SLIDING_WINDOW_COUNT_MAX

struct counts {
  uint64_t index;  // of the current window: now / W
  uint64_t previous;
  uint64_t current;
};

static struct counts load(const void *state) {
  sl_u128 word;
  memcpy(&word, state, sizeof word);
  return (struct counts){
      .index = (uint64_t)(word >> (2 * COUNT_BITS)),
      .previous = (uint64_t)(word >> COUNT_BITS) & COUNT_MAX,
      .current = (uint64_t)word & COUNT_MAX,
  };
}

static void store(void *state, struct counts counts) {
  sl_u128 word = (sl_u128)counts.index << (2 * COUNT_BITS) |
                 (sl_u128)counts.previous << COUNT_BITS | counts.current;
  memcpy(state, &word, sizeof word);
}

enum sl_status sl_sliding_window_prepare(const struct sl_limit_spec *spec,
                                         struct sl_limit *ret_limit, struct sl_text *message) {
  (void)message;
  sl_u128 debt = (sl_u128)spec->count * spec->max_wait_ns / spec->period_ns;
  *ret_limit = (struct sl_limit){
      .algorithm = SL_SLIDING_WINDOW,
      .size = spec->count,
      .unit = 1,
      .size_units = spec->count,
      .debt_units = sl_min_u64(sl_sat_u128(spec->count + debt), COUNT_MAX),
      .timeline = sl_timeline_make(1, 1, 1, 1),
      .window_ns = spec->period_ns,
      .max_wait_ns = spec->max_wait_ns,
      .rate_count = spec->count,
      .rate_period_ns = spec->period_ns,
  };
  return SL_OK;
}

void sl_sliding_window_set(const struct sl_limit *limit, void *state, uint64_t now_ns,
                           uint64_t previous, uint64_t current) {
  store(state, (struct counts){.index = now_ns / limit->window_ns,
                               .previous = sl_min_u64(previous, COUNT_MAX),
                               .current = sl_min_u64(current, COUNT_MAX)});
}

size_t sl_sliding_window_bytes(const struct sl_limit *limit, const void *state, size_t have) {
  (void)limit;
  (void)state;
  return have > SL_SLIDING_WINDOW_BYTES ? have : SL_SLIDING_WINDOW_BYTES;
}

void sl_sliding_window_init(const struct sl_limit *limit, void *state, size_t bytes) {
  (void)limit;
  sl_assert(bytes >= SL_SLIDING_WINDOW_BYTES);
  memset(state, 0, SL_SLIDING_WINDOW_BYTES);
}

void sl_sliding_window_move(const struct sl_limit *limit, void *state, size_t bytes,
                            const void *from) {
  (void)limit;
  sl_assert(bytes >= SL_SLIDING_WINDOW_BYTES);
  memcpy(state, from, SL_SLIDING_WINDOW_BYTES);
}

void sl_sliding_window_advance(const struct sl_limit *limit, void *state, uint64_t now_ns) {
  struct counts counts = load(state);
  uint64_t index = now_ns / limit->window_ns;
  if (index == counts.index) {
    return;
  }
  if (index == counts.index + 1) {
    counts.previous = counts.current;
    counts.current = 0;
  } else if (index > counts.index) {
    counts.previous = 0;
    counts.current = 0;
  }
  // A window from the future is a clock's error and is read as this one (SEMANTICS 4).
  counts.index = index;
  store(state, counts);
}

// What is used, in units of 1/W: previous x (W - e) + current x W.
static sl_u128 used(const struct sl_limit *limit, struct counts counts, uint64_t now_ns) {
  uint64_t window = limit->window_ns;
  uint64_t left = window - now_ns % window;
  return (sl_u128)counts.previous * left + (sl_u128)counts.current * window;
}

enum sl_verdict sl_sliding_window_test(const struct sl_limit *limit, const void *state,
                                       uint64_t now_ns, uint64_t cost) {
  if (cost > limit->size) {
    return SL_NEVER;
  }
  sl_u128 after = used(limit, load(state), now_ns) + (sl_u128)cost * limit->window_ns;
  return cost == 0 || after <= (sl_u128)limit->size * limit->window_ns ? SL_ALLOWED : SL_THROTTLED;
}

void sl_sliding_window_take(const struct sl_limit *limit, void *state, uint64_t now_ns,
                            uint64_t cost, uint64_t slot) {
  (void)now_ns;
  (void)slot;
  sl_assert(cost <= limit->size);
  struct counts counts = load(state);
  counts.current = sl_min_u64(counts.current + cost, COUNT_MAX);
  store(state, counts);
}

void sl_sliding_window_charge(const struct sl_limit *limit, void *state, uint64_t now_ns,
                              uint64_t cost) {
  (void)now_ns;
  struct counts counts = load(state);
  counts.current += sl_min_u64(cost, sl_sub_floor_u64(limit->debt_units, counts.current));
  store(state, counts);
}

// The least e in [0, W] at which count x (W - e) <= room x W; W stands for "not in this window".
static uint64_t least_offset(uint64_t count, uint64_t room, uint64_t window_ns) {
  if (count <= room) {
    return 0;
  }
  return window_ns - (uint64_t)((sl_u128)room * window_ns / count);
}

// The wait of a cost that fits the limit, but not now.
static uint64_t retry_after(const struct sl_limit *limit, struct counts counts, uint64_t now_ns,
                            uint64_t cost) {
  uint64_t window = limit->window_ns;
  uint64_t into = now_ns % window;
  // In this window, while the previous one's weight falls.
  if (counts.current + cost <= limit->size) {
    uint64_t offset = least_offset(counts.previous, limit->size - counts.current - cost, window);
    if (offset < window) {
      return offset - into;
    }
  }
  // In the next, while this one's does; else at the start of the one after, when it is forgotten.
  return window - into + least_offset(counts.current, limit->size - cost, window);
}

static uint64_t reset_after(const struct sl_limit *limit, struct counts counts, uint64_t now_ns) {
  uint64_t left = limit->window_ns - now_ns % limit->window_ns;
  if (counts.current > 0) {
    return left + limit->window_ns;
  }
  return counts.previous > 0 ? left : 0;
}

void sl_sliding_window_figures(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                               uint64_t cost, enum sl_verdict verdict,
                               struct sl_decision *ret_decision) {
  struct counts counts = load(state);
  sl_u128 most = (sl_u128)limit->size * limit->window_ns;
  sl_u128 now = used(limit, counts, now_ns);
  *ret_decision = (struct sl_decision){
      .verdict = verdict,
      .limit = limit->size,
      .remaining = now < most ? (uint64_t)((most - now) / limit->window_ns) : 0,
      .retry_after_ns = verdict == SL_THROTTLED ? retry_after(limit, counts, now_ns, cost) : 0,
      .reset_after_ns = reset_after(limit, counts, now_ns),
  };
}

bool sl_sliding_window_is_fresh(const struct sl_limit *limit, const void *state, uint64_t now_ns) {
  (void)limit;
  (void)now_ns;
  struct counts counts = load(state);
  return counts.previous == 0 && counts.current == 0;
}

bool sl_sliding_window_entry(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                             struct sl_record_entry *ret_entry) {
  struct counts counts = load(state);
  while (*cursor < 2) {
    bool previous = (*cursor)++ == 0;
    uint64_t cost = previous ? counts.previous : counts.current;
    if (cost > 0 && counts.index >= previous) {
      *ret_entry = (struct sl_record_entry){.time_ns = (counts.index - previous) * limit->window_ns,
                                            .cost = cost};
      return true;
    }
  }
  return false;
}
