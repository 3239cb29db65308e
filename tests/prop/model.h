// Exact models of the limits of rules, written from their laws and not from their code: in wide
// arithmetic, in other terms (levels, not stamps; all entries, not the newest; windows by number),
// with nothing cut for speed.
//
// Every limit admits the costs up to some room that only time enlarges, so a model is one question:
// how large is the room at an instant from now on, when nothing else happens? What code under test
// says of remaining, retry_after and reset_after follows from it.
#ifndef TESTS_PROP_MODEL_H
#define TESTS_PROP_MODEL_H

#include <stdio.h>

#include "algo/limit.h"

enum { MODEL_ENTRIES = 512 };

struct model_entry {
  uint64_t time_ns;
  uint64_t ends_ns;  // no longer counted from here on
  uint64_t cost;
  uint64_t slot;
  bool admitted;  // else charged, or a refusal that counts
};

struct model {
  struct sl_limit_spec spec;
  uint64_t now_ns;
  // The limit in the spec's own terms.
  uint64_t size;   // the largest cost ever admitted
  uint64_t count;  // the rate, as derived
  uint64_t period_ns;
  uint64_t unit;      // ticks a token
  sl_u128 debt_most;  // in ticks or tokens: how far below empty a charge may go
  // token_bucket, leaky_bucket: the level in ticks, at most size x unit.
  sl_i128 level;
  // The law over every interval so far, ending now: most of (admitted x period - count x time).
  sl_u128 strain;
  bool on_grid;        // every admission so far stood on the exact grid
  uint64_t strain_ns;  // when `strain` was taken
  // fixed_window: what is used, from window `index` on; admitted in it.
  // sliding_window, weighted: counts of window `index` and of the one before.
  uint64_t index;
  sl_u128 used;
  uint64_t admitted;
  uint64_t previous;
  // sliding_log, sub_windows, concurrency.
  struct model_entry entries[MODEL_ENTRIES];
  size_t entry_count;
};

// ---- ticks: the clock of a bucket, by division
// -----------------------------------------------------------

static inline sl_u128 model_ticks(const struct model *m, uint64_t t_ns) {
  return (sl_u128)t_ns * ((sl_u128)m->count * m->unit) / m->period_ns;
}

// ---- set up
// ----------------------------------------------------------------------------------------------

static inline bool model_is_bucket(const struct model *m) {
  return m->spec.algorithm == SL_TOKEN_BUCKET || m->spec.algorithm == SL_LEAKY_BUCKET;
}

static inline bool model_is_weighted(const struct model *m) {
  return m->spec.algorithm == SL_SLIDING_WINDOW && m->spec.sub_windows == 0;
}

// `unit` is the one number taken from the code: how many ticks it cuts a token into.
__attribute__((unused)) static void model_init(struct model *m, const struct sl_limit_spec *spec,
                                               uint64_t unit, uint64_t now_ns) {
  m->spec = *spec;
  m->now_ns = m->strain_ns = now_ns;
  m->count = spec->count;
  m->period_ns = spec->period_ns;
  m->unit = unit;
  m->strain = m->used = 0;
  m->admitted = m->previous = 0;
  m->entry_count = 0;
  m->on_grid = true;
  m->size = spec->count;
  if (spec->algorithm == SL_TOKEN_BUCKET && spec->any_window) {
    m->size = spec->has_burst ? spec->burst : 1 + spec->count / 50;
    m->count = spec->count + 1 - m->size;
    m->period_ns = spec->period_ns + spec->jitter_ns;
  } else if (spec->algorithm == SL_TOKEN_BUCKET && spec->has_burst) {
    m->size = spec->burst;
  } else if (spec->algorithm == SL_LEAKY_BUCKET) {
    m->size = spec->queue + 1;
  } else if (spec->algorithm == SL_CONCURRENCY) {
    m->size = spec->slots;
    m->period_ns = spec->lease_ns;
  }
  if (spec->count == 0 && spec->algorithm != SL_CONCURRENCY) {
    m->size = 0;
  }
  m->level = (sl_i128)m->size * unit;
  m->debt_most = (sl_u128)spec->max_wait_ns * ((sl_u128)m->count * unit) / m->period_ns;
  m->index = now_ns / m->period_ns;
}

// ---- entries
// -----------------------------------------------------------------------------------------------

static inline uint64_t model_end_of(const struct model *m, uint64_t t_ns) {
  if (m->spec.algorithm == SL_SLIDING_WINDOW) {
    uint64_t part_ns = m->period_ns / m->spec.sub_windows;
    return (t_ns / part_ns + m->spec.sub_windows + 1) * part_ns;
  }
  return t_ns + m->period_ns;
}

static inline sl_u128 model_entries_at(const struct model *m, uint64_t t_ns) {
  sl_u128 sum = 0;
  for (size_t i = 0; i < m->entry_count; i++) {
    sum += m->entries[i].ends_ns > t_ns ? m->entries[i].cost : 0;
  }
  return sum;
}

static inline void model_forget(struct model *m) {
  size_t kept = 0;
  for (size_t i = 0; i < m->entry_count; i++) {
    // A strict window is judged by what was admitted, so admissions stay for a window at least.
    if (m->entries[i].ends_ns > m->now_ns) {
      if (kept != i) {
        m->entries[kept] = m->entries[i];
      }
      kept++;
    }
  }
  m->entry_count = kept;
}

static inline bool model_is_full(const struct model *m) { return m->entry_count == MODEL_ENTRIES; }

static inline void model_add(struct model *m, uint64_t cost, uint64_t slot, bool admitted) {
  sl_assert(!model_is_full(m));
  m->entries[m->entry_count++] = (struct model_entry){.time_ns = m->now_ns,
                                                      .ends_ns = model_end_of(m, m->now_ns),
                                                      .cost = cost,
                                                      .slot = slot,
                                                      .admitted = admitted};
}

// ---- the one question
// ------------------------------------------------------------------------------------

static inline sl_i128 model_level_at(const struct model *m, uint64_t t_ns) {
  sl_i128 level = m->level + (sl_i128)(model_ticks(m, t_ns) - model_ticks(m, m->now_ns));
  sl_i128 most = (sl_i128)m->size * m->unit;
  return level < most ? level : most;
}

static inline sl_u128 model_used_at(const struct model *m, uint64_t t_ns) {
  sl_u128 came = (sl_u128)(t_ns / m->period_ns - m->index) * m->count;
  return m->used > came ? m->used - came : 0;
}

static inline uint64_t model_weighted_room(const struct model *m, uint64_t t_ns) {
  uint64_t windows = t_ns / m->period_ns - m->index;
  sl_u128 current = windows == 0 ? m->used : 0;
  sl_u128 previous = windows == 0 ? m->previous : windows == 1 ? m->used : 0;
  uint64_t into = t_ns % m->period_ns;
  sl_u128 most = (sl_u128)m->count * m->period_ns;
  sl_u128 used = previous * (m->period_ns - into) + current * m->period_ns;
  return used < most ? (uint64_t)((most - used) / m->period_ns) : 0;
}

// The largest cost admitted at t_ns >= now.
static inline uint64_t model_room(const struct model *m, uint64_t t_ns) {
  if (m->size == 0) {
    return 0;
  }
  if (model_is_bucket(m)) {
    sl_i128 level = model_level_at(m, t_ns);
    return level > 0 ? (uint64_t)((sl_u128)level / m->unit) : 0;
  }
  if (model_is_weighted(m)) {
    return model_weighted_room(m, t_ns);
  }
  sl_u128 used =
      m->spec.algorithm == SL_FIXED_WINDOW ? model_used_at(m, t_ns) : model_entries_at(m, t_ns);
  return used < m->size ? m->size - (uint64_t)used : 0;
}

// Equal to a fresh bucket at t_ns, and ever after?
static inline bool model_is_fresh(const struct model *m, uint64_t t_ns) {
  if (m->size == 0) {
    return true;
  }
  if (model_is_bucket(m)) {
    return model_level_at(m, t_ns) == (sl_i128)m->size * m->unit;
  }
  if (model_is_weighted(m)) {
    uint64_t windows = t_ns / m->period_ns - m->index;
    return (windows > 0 || (m->used == 0 && m->previous == 0)) && (windows > 1 || m->used == 0);
  }
  return (m->spec.algorithm == SL_FIXED_WINDOW ? model_used_at(m, t_ns)
                                               : model_entries_at(m, t_ns)) == 0;
}

// ---- what happens
// ------------------------------------------------------------------------------------------

static inline void model_advance(struct model *m, uint64_t now_ns) {
  if (m->size == 0) {
    m->now_ns = now_ns;
    return;
  }
  if (model_is_bucket(m)) {
    m->level = model_level_at(m, now_ns);
  } else if (model_is_weighted(m)) {
    uint64_t windows = now_ns / m->period_ns - m->index;
    m->previous = windows == 0 ? m->previous : windows == 1 ? (uint64_t)m->used : 0;
    m->used = windows == 0 ? m->used : 0;
    m->index += windows;
  } else if (m->spec.algorithm == SL_FIXED_WINDOW) {
    uint64_t windows = now_ns / m->period_ns - m->index;
    m->used = model_used_at(m, now_ns);
    m->admitted = windows == 0 ? m->admitted : 0;
    m->index += windows;
  }
  m->now_ns = now_ns;
  model_forget(m);
}

static inline sl_i128 model_least_level(const struct model *m) {
  sl_u128 size = (sl_u128)m->size * m->unit;
  sl_u128 debt = size + m->debt_most;
  sl_u128 most = ((sl_u128)1 << 62) - 1;  // documented: debts are told from ages by half of 63 bits
  return (sl_i128)size - (sl_i128)(debt < most ? debt : most);
}

__attribute__((unused)) static void model_charge(struct model *m, uint64_t cost) {
  if (m->size == 0) {
    return;
  }
  if (model_is_bucket(m)) {
    sl_i128 level = m->level - (sl_i128)((sl_u128)cost * m->unit);
    sl_i128 least = model_least_level(m);
    m->level = level > least ? level : least;
  } else if (m->spec.algorithm == SL_FIXED_WINDOW || model_is_weighted(m)) {
    sl_u128 most = m->size + m->debt_most;
    sl_u128 cap = ((sl_u128)1 << (model_is_weighted(m) ? 42 : 62)) - 1;
    most = most < cap ? most : cap;
    sl_u128 room = most > m->used ? most - m->used : 0;
    m->used += cost < room ? cost : room;
  } else if (cost > 0) {
    model_add(m, cost, 0, false);
  }
}

// ---- the law over every interval
// ---------------------------------------------------------------------------

// A bucket of B tokens and rate N/P: no interval admits more than B + N/P x its length, for all
// intervals that end now at once. Off the grid a clock that is read in ticks may be one tick
// generous, and a tick is no longer than a ns (2 ns in a bucket so deep that its ticks would not
// fit).
static inline bool model_bucket_law(struct model *m, uint64_t cost) {
  sl_u128 leaked = (sl_u128)(m->now_ns - m->strain_ns) * m->count;
  m->strain = (m->strain > leaked ? m->strain - leaked : 0) + (sl_u128)cost * m->period_ns;
  m->strain_ns = m->now_ns;
  m->on_grid = m->on_grid && (sl_u128)m->now_ns * ((sl_u128)m->count * m->unit) % m->period_ns == 0;
  sl_u128 most = (sl_u128)m->size * m->period_ns;
  bool coarse = (sl_u128)m->count * m->unit < m->period_ns;
  sl_u128 tick = (coarse ? 2 : 1) * (sl_u128)m->count;
  return m->on_grid ? m->strain <= most : m->strain < most + tick;
}

// At most N in every window: admissions in (t - W, t].
static inline bool model_window_law(const struct model *m) {
  sl_u128 sum = 0;
  for (size_t i = 0; i < m->entry_count; i++) {
    const struct model_entry *e = &m->entries[i];
    bool inside = e->time_ns + m->period_ns > m->now_ns;
    sum += e->admitted && inside ? e->cost : 0;
  }
  return sum <= m->size;
}

// Takes an admitted cost > 0. Returns whether the limit's law still holds over every interval.
__attribute__((unused)) static bool model_take(struct model *m, uint64_t cost, uint64_t slot) {
  if (model_is_bucket(m)) {
    m->level -= (sl_i128)((sl_u128)cost * m->unit);
    return model_bucket_law(m, cost);
  }
  if (m->spec.algorithm == SL_FIXED_WINDOW || model_is_weighted(m)) {
    m->used += cost;
    m->admitted += cost;
    return model_is_weighted(m) || m->admitted <= m->size;
  }
  model_add(m, cost, slot, true);
  return model_window_law(m);
}

// ---- slots
// -------------------------------------------------------------------------------------------------

static inline struct model_entry *model_find(struct model *m, uint64_t slot) {
  for (size_t i = 0; i < m->entry_count; i++) {
    if (slot != 0 && m->entries[i].slot == slot && m->entries[i].ends_ns > m->now_ns) {
      return &m->entries[i];
    }
  }
  return NULL;
}

__attribute__((unused)) static bool model_release(struct model *m, uint64_t slot) {
  struct model_entry *entry = model_find(m, slot);
  if (entry == NULL) {
    return false;
  }
  *entry = m->entries[--m->entry_count];
  return true;
}

__attribute__((unused)) static bool model_renew(struct model *m, uint64_t slot) {
  struct model_entry *entry = model_find(m, slot);
  if (entry == NULL) {
    return false;
  }
  entry->ends_ns = model_end_of(m, m->now_ns);
  return true;
}

// ---- for people
// --------------------------------------------------------------------------------------------

__attribute__((unused)) static void model_print(const struct model *m) {
  const struct sl_limit_spec *s = &m->spec;
  printf("# %s: rate %llu per %llu ns, size %llu, unit %llu, sub_windows %llu, max_wait %llu ns, "
         "jitter %llu ns"
         ", count_refused %d; now %llu ns\n",
         sl_algorithm_name(s->algorithm), (unsigned long long)s->count,
         (unsigned long long)m->period_ns, (unsigned long long)m->size, (unsigned long long)m->unit,
         (unsigned long long)s->sub_windows, (unsigned long long)s->max_wait_ns,
         (unsigned long long)s->jitter_ns, s->count_refused, (unsigned long long)m->now_ns);
}

#endif
