// top.c - SpaceSaving: a heap of counters by weight, an index by hash, and weights that grow
// instead of counters that fade.
#include "engine/top.h"

#include <stdatomic.h>

#include "base/arith.h"

enum {
  STEPS = 16,         // of a half life
  ONE_BITS = 16,      // a request at the landmark weighs 2^16
  OCTAVES_MAX = 8,    // then everything is divided and the landmark moves on
  NOTE_MAX = 1 << 20  // the largest weight of a note
};

struct entry {
  struct sl_hash hash;
  uint64_t count;      // in weights: 2^16 x 2^((t - landmark) / half_life) a request
  uint64_t throttled;  // of it
  uint64_t error;      // what of it may be another key's
  uint32_t heap_at;
  uint8_t rule_len;
  uint8_t value_count;
  bool cut;
  uint16_t value_len[SL_TOP_VALUES_MAX];
  char text[SL_TOP_TEXT_MAX];
};

struct sl_top {
  _Atomic uint32_t locked;
  _Atomic uint64_t lost;
  struct sl_mem mem;
  void (*relax)(void *ctx, unsigned round);
  void *relax_ctx;
  struct entry *entries;
  uint32_t *heap;   // entries, the lightest first
  uint32_t *index;  // entry + 1 by hash; 0: none
  uint32_t *order;  // scratch of snapshots
  size_t capacity, count, index_size;
  uint64_t half_life_ns, step_ns;
  uint64_t now_ns;
  uint64_t landmark_ns;
  bool begun;
  uint64_t total;  // N, in weights
  uint64_t noted;
};

// ---- making

static size_t index_size_of(size_t entries) {
  size_t size = 4;
  while (size < 2 * entries) {
    size *= 2;
  }
  return size;
}

enum sl_status sl_top_create(const struct sl_top_options *options, struct sl_top **ret_top) {
  size_t entries = options->entries != 0 ? options->entries : (size_t)SL_TOP_ENTRIES_DEFAULT;
  uint64_t half_life_ns =
      options->half_life_ns != 0 ? options->half_life_ns : SL_TOP_HALF_LIFE_DEFAULT_NS;
  if (entries > SL_TOP_ENTRIES_MAX || half_life_ns < SL_TOP_HALF_LIFE_MIN_NS) {
    return SL_ERR_RANGE;
  }
  struct sl_top *top = options->mem.alloc(options->mem.ctx, sizeof *top, 64);
  if (top == NULL) {
    return SL_ERR_MEMORY;
  }
  top->mem = options->mem;
  top->relax = options->relax;
  top->relax_ctx = options->relax_ctx;
  top->capacity = entries;
  top->index_size = index_size_of(entries);
  top->half_life_ns = half_life_ns;
  top->step_ns = half_life_ns / STEPS;
  top->entries = sl_mem_array(&top->mem, entries, sizeof(struct entry), 64);
  top->heap = sl_mem_array(&top->mem, entries, sizeof(uint32_t), 64);
  top->order = sl_mem_array(&top->mem, entries, sizeof(uint32_t), 64);
  top->index = sl_mem_array(&top->mem, top->index_size, sizeof(uint32_t), 64);
  if (top->entries == NULL || top->heap == NULL || top->order == NULL || top->index == NULL) {
    sl_top_destroy(top);
    return SL_ERR_MEMORY;
  }
  *ret_top = top;
  return SL_OK;
}

void sl_top_destroy(struct sl_top *top) {
  if (top == NULL) {
    return;
  }
  struct sl_mem mem = top->mem;
  sl_mem_free_aligned(&mem, top->entries, top->capacity * sizeof(struct entry), 64);
  sl_mem_free_aligned(&mem, top->heap, top->capacity * sizeof(uint32_t), 64);
  sl_mem_free_aligned(&mem, top->order, top->capacity * sizeof(uint32_t), 64);
  sl_mem_free_aligned(&mem, top->index, top->index_size * sizeof(uint32_t), 64);
  mem.free(mem.ctx, top, sizeof *top, 64);
}

// ---- the lock

static bool try_lock(struct sl_top *top) {
  return atomic_load_explicit(&top->locked, memory_order_relaxed) == 0 &&
         atomic_exchange_explicit(&top->locked, 1, memory_order_acquire) == 0;
}

static void lock(struct sl_top *top) {
  for (unsigned round = 0; !try_lock(top); round++) {
    if (top->relax != NULL) {
      top->relax(top->relax_ctx, round);
    }
  }
}

static void unlock(struct sl_top *top) {
  atomic_store_explicit(&top->locked, 0, memory_order_release);
}

// ---- the heap

static uint64_t heap_count(const struct sl_top *top, size_t at) {
  return top->entries[top->heap[at]].count;
}

static void heap_put(struct sl_top *top, size_t at, uint32_t entry) {
  top->heap[at] = entry;
  top->entries[entry].heap_at = (uint32_t)at;
}

static void sift_up(struct sl_top *top, size_t at) {
  uint32_t entry = top->heap[at];
  uint64_t count = top->entries[entry].count;
  while (at > 0 && heap_count(top, (at - 1) / 2) > count) {
    heap_put(top, at, top->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  heap_put(top, at, entry);
}

static void sift_down(struct sl_top *top, size_t at) {
  uint32_t entry = top->heap[at];
  uint64_t count = top->entries[entry].count;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child + 1 < top->count && heap_count(top, child + 1) < heap_count(top, child)) {
      child++;
    }
    if (child >= top->count || heap_count(top, child) >= count) {
      break;
    }
    heap_put(top, at, top->heap[child]);
    at = child;
  }
  heap_put(top, at, entry);
}

// ---- the index: linear probing

static size_t index_home(const struct sl_top *top, struct sl_hash hash) {
  return (size_t)hash.lo & (top->index_size - 1);
}

// Where the hash is, or where it would go.
static size_t index_at(const struct sl_top *top, struct sl_hash hash) {
  size_t at = index_home(top, hash);
  while (top->index[at] != 0) {
    const struct entry *entry = &top->entries[top->index[at] - 1];
    if (entry->hash.lo == hash.lo && entry->hash.hi == hash.hi) {
      break;
    }
    at = (at + 1) & (top->index_size - 1);
  }
  return at;
}

// Empties a place; those behind it move up (Knuth, "The Art of Computer Programming", 6.4,
// algorithm R).
static void index_remove(struct sl_top *top, size_t at) {
  size_t mask = top->index_size - 1;
  for (size_t next = (at + 1) & mask; top->index[next] != 0; next = (next + 1) & mask) {
    size_t home = index_home(top, top->entries[top->index[next] - 1].hash);
    if (((next - home) & mask) >= ((next - at) & mask)) {
      top->index[at] = top->index[next];
      at = next;
    }
  }
  top->index[at] = 0;
}

// ---- weights

// floor(2^16 x 2^(i / 16) + 1/2)
static const uint32_t step_weights[STEPS] = {
    65536, 68438, 71468,  74632,  77936,  81386,  84990,  88752,
    92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515,
};

static uint64_t weight_of_one(const struct sl_top *top) {
  uint64_t step = (top->now_ns - top->landmark_ns) / top->step_ns;
  return (uint64_t)step_weights[step % STEPS] << (step / STEPS);
}

static uint64_t faded_up(uint64_t weight, uint64_t octaves) {
  return octaves > 63 ? 0 : (weight >> octaves) + ((weight & ((UINT64_C(1) << octaves) - 1)) != 0);
}

// Divides all by 2^octaves. Counts are rounded up and what is sure of them down: the bounds stay.
// The order of the heap stays, too.
static void fade(struct sl_top *top, uint64_t octaves) {
  for (size_t i = 0; i < top->count; i++) {
    struct entry *entry = &top->entries[i];
    entry->count = faded_up(entry->count, octaves);
    entry->error = faded_up(entry->error, octaves);
    entry->throttled = octaves > 63 ? 0 : entry->throttled >> octaves;
  }
  top->total = faded_up(top->total, octaves);
}

static void advance(struct sl_top *top, uint64_t now_ns) {
  if (!top->begun) {
    top->begun = true;
    top->now_ns = top->landmark_ns = now_ns;
  }
  top->now_ns = sl_max_u64(top->now_ns, now_ns);
  uint64_t octaves = (top->now_ns - top->landmark_ns) / top->step_ns / STEPS;
  if (octaves >= OCTAVES_MAX) {
    fade(top, octaves);
    top->landmark_ns += octaves * STEPS * top->step_ns;
  }
}

// ---- notes

// Copies what fits behind `used` bytes of text; returns how much that is.
static size_t keep(struct entry *entry, size_t used, struct sl_str text, size_t most) {
  size_t len = text.len;
  size_t room = sl_min_u64(sizeof entry->text - used, most);
  if (len > room) {
    len = room;
    entry->cut = true;
  }
  if (len > 0) {
    memcpy(entry->text + used, text.ptr, len);
  }
  return len;
}

static void name(struct entry *entry, const struct sl_top_key *key) {
  entry->hash = key->hash;
  entry->cut = key->value_count > SL_TOP_VALUES_MAX;
  entry->value_count = (uint8_t)sl_min_u64(key->value_count, SL_TOP_VALUES_MAX);
  size_t used = keep(entry, 0, key->rule, UINT8_MAX);
  entry->rule_len = (uint8_t)used;
  for (size_t i = 0; i < entry->value_count; i++) {
    if (key->values[i].ptr == NULL && key->values[i].len != 0) {
      entry->value_len[i] = SL_TOP_ABSENT;
      continue;
    }
    size_t len = keep(entry, used, key->values[i], SIZE_MAX);
    entry->value_len[i] = (uint16_t)len;
    used += len;
  }
}

// The key takes a free entry, or the lightest one and its weight as error.
static struct entry *admit(struct sl_top *top, const struct sl_top_key *key) {
  struct entry *entry;
  if (top->count < top->capacity) {
    entry = &top->entries[top->count];
    *entry = (struct entry){0};
    heap_put(top, top->count, (uint32_t)top->count);
    top->count++;
    sift_up(top, top->count - 1);
  } else {
    entry = &top->entries[top->heap[0]];
    index_remove(top, index_at(top, entry->hash));
    entry->error = entry->count;
    entry->throttled = 0;
  }
  name(entry, key);
  top->index[index_at(top, key->hash)] = (uint32_t)(entry - top->entries) + 1;
  return entry;
}

bool sl_top_note(struct sl_top *top, const struct sl_top_key *key, uint64_t weight,
                 uint64_t throttled, uint64_t now_ns) {
  if (!try_lock(top)) {
    atomic_fetch_add_explicit(&top->lost, 1, memory_order_relaxed);
    return false;
  }
  advance(top, now_ns);
  uint64_t one = weight_of_one(top);
  weight = sl_min_u64(weight, NOTE_MAX);
  uint32_t found = top->index[index_at(top, key->hash)];
  struct entry *entry = found != 0 ? &top->entries[found - 1] : admit(top, key);
  entry->count = sl_add_sat_u64(entry->count, weight * one);
  entry->throttled = sl_add_sat_u64(entry->throttled, sl_min_u64(throttled, weight) * one);
  top->total = sl_add_sat_u64(top->total, weight * one);
  top->noted++;
  sift_down(top, entry->heap_at);
  unlock(top);
  return true;
}

// ---- looking

struct sl_str sl_top_item_rule(const struct sl_top_item *item) {
  return (struct sl_str){.ptr = item->text, .len = item->rule_len};
}

struct sl_str sl_top_item_value(const struct sl_top_item *item, size_t index) {
  size_t at = item->rule_len;
  for (size_t i = 0; i < index; i++) {
    at += item->value_len[i] == SL_TOP_ABSENT ? 0 : item->value_len[i];
  }
  if (item->value_len[index] == SL_TOP_ABSENT) {
    return (struct sl_str){.ptr = NULL, .len = SIZE_MAX};
  }
  return (struct sl_str){.ptr = item->text + at, .len = item->value_len[index]};
}

static bool busier(const struct entry *a, const struct entry *b, enum sl_top_order order) {
  uint64_t first_a = order == SL_TOP_BY_MATCHED ? a->count : a->throttled;
  uint64_t first_b = order == SL_TOP_BY_MATCHED ? b->count : b->throttled;
  uint64_t second_a = order == SL_TOP_BY_MATCHED ? a->throttled : a->count;
  uint64_t second_b = order == SL_TOP_BY_MATCHED ? b->throttled : b->count;
  if (first_a != first_b) {
    return first_a > first_b;
  }
  if (second_a != second_b) {
    return second_a > second_b;
  }
  return a->hash.lo != b->hash.lo ? a->hash.lo < b->hash.lo : a->hash.hi < b->hash.hi;
}

// Shell sort of all entries into top->order (gaps of Ciura, continued by 9/4).
static void sort(struct sl_top *top, enum sl_top_order order) {
  static const size_t gaps[] = {45196, 20087, 8928, 3968, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
  uint32_t *by = top->order;
  for (size_t i = 0; i < top->count; i++) {
    by[i] = (uint32_t)i;
  }
  for (size_t g = 0; g < SL_ARRAY_LEN(gaps); g++) {
    size_t gap = gaps[g];
    for (size_t i = gap; i < top->count; i++) {
      uint32_t entry = by[i];
      size_t j = i;
      for (; j >= gap && busier(&top->entries[entry], &top->entries[by[j - gap]], order);
           j -= gap) {
        by[j] = by[j - gap];
      }
      by[j] = entry;
    }
  }
}

static uint64_t rounded(uint64_t weight, uint64_t one) {
  return weight / one + (weight % one >= one - one / 2);
}

static void copy_out(const struct entry *entry, uint64_t one, struct sl_top_item *ret_item) {
  ret_item->hash = entry->hash;
  ret_item->matched = rounded(entry->count, one);
  ret_item->throttled = rounded(entry->throttled, one);
  ret_item->error = sl_ceil_div_u64(entry->error, one);
  ret_item->rule_len = entry->rule_len;
  ret_item->value_count = entry->value_count;
  ret_item->cut = entry->cut;
  memcpy(ret_item->value_len, entry->value_len, sizeof ret_item->value_len);
  memcpy(ret_item->text, entry->text, sizeof ret_item->text);
}

size_t sl_top_snapshot(struct sl_top *top, enum sl_top_order order, uint64_t now_ns, size_t most,
                       struct sl_top_item *ret_items) {
  size_t items = 0;
  lock(top);
  advance(top, now_ns);
  uint64_t one = weight_of_one(top);
  sort(top, order);
  for (size_t i = 0; i < top->count && items < most; i++) {
    const struct entry *entry = &top->entries[top->order[i]];
    if (rounded(entry->count, one) > 0) {
      copy_out(entry, one, &ret_items[items++]);
    }
  }
  unlock(top);
  return items;
}

size_t sl_top_forget(struct sl_top *top, struct sl_str rule) {
  lock(top);
  size_t kept = 0;
  size_t had = top->count;
  for (size_t i = 0; i < had; i++) {
    const struct entry *entry = &top->entries[i];
    struct sl_str own = {.ptr = entry->text, .len = entry->rule_len};
    if (rule.len == 0 || sl_str_eq(own, rule)) {
      continue;
    }
    if (kept != i) {
      top->entries[kept] = *entry;
    }
    kept++;
  }
  memset(top->index, 0, top->index_size * sizeof top->index[0]);
  for (top->count = 0; top->count < kept;) {
    uint32_t entry = (uint32_t)top->count++;
    top->index[index_at(top, top->entries[entry].hash)] = entry + 1;
    heap_put(top, entry, entry);
    sift_up(top, entry);
  }
  unlock(top);
  return had - kept;
}

void sl_top_get_stats(struct sl_top *top, uint64_t now_ns, struct sl_top_stats *ret_stats) {
  lock(top);
  advance(top, now_ns);
  *ret_stats = (struct sl_top_stats){
      .entries = top->count,
      .noted = top->noted,
      .total = rounded(top->total, weight_of_one(top)),
      .lost = atomic_load_explicit(&top->lost, memory_order_relaxed),
  };
  unlock(top);
}
