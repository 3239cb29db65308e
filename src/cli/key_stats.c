#include "cli/key_stats.h"

#include <stdlib.h>

#include "cli/app.h"

enum { CHUNK_SHIFT = 12, CHUNK = 1 << CHUNK_SHIFT, FIRST_SLOTS = 1 << 12 };

// Entries are numbered by 32 bits.
enum { ENTRIES_MAX = INT32_MAX };

enum sl_status sl_key_stats_init(struct sl_key_stats *stats, const struct sl_mem *mem) {
  *stats = (struct sl_key_stats){.mem = mem};
  sl_arena_init(&stats->arena, mem);
  stats->slots = sl_mem_array(mem, FIRST_SLOTS, sizeof stats->slots[0], _Alignof(max_align_t));
  if (stats->slots == NULL) {
    return SL_ERR_MEMORY;
  }
  stats->slot_count = FIRST_SLOTS;
  return SL_OK;
}

void sl_key_stats_close(struct sl_key_stats *stats) {
  if (stats->mem == NULL) {
    return;
  }
  for (size_t i = 0; i < stats->chunk_count; i++) {
    sl_mem_free(stats->mem, stats->chunks[i], CHUNK * sizeof(struct sl_key_stat));
  }
  sl_mem_free(stats->mem, stats->chunks, stats->chunk_room * sizeof(struct sl_key_stat *));
  sl_mem_free(stats->mem, stats->slots, stats->slot_count * sizeof stats->slots[0]);
  sl_arena_close(&stats->arena);
  *stats = (struct sl_key_stats){0};
}

struct sl_key_stat *sl_key_stats_entry(const struct sl_key_stats *stats, size_t i) {
  return &stats->chunks[i >> CHUNK_SHIFT][i & (CHUNK - 1)];
}

// The slot of a key, or the free one where it would go. The hash is keyed and good: its bits are
// used as they are.
static uint32_t *find_slot(const struct sl_key_stats *stats, const struct sl_hash *key) {
  const size_t mask = stats->slot_count - 1;
  for (size_t at = (size_t)key->lo & mask;; at = (at + 1) & mask) {
    uint32_t *slot = &stats->slots[at];
    if (*slot == 0) {
      return slot;
    }
    const struct sl_key_stat *stat = sl_key_stats_entry(stats, *slot - 1);
    if (stat->key.lo == key->lo && stat->key.hi == key->hi) {
      return slot;
    }
  }
}

static bool grow_slots(struct sl_key_stats *stats) {
  uint32_t *old = stats->slots;
  const size_t old_count = stats->slot_count;
  uint32_t *slots = sl_mem_array(stats->mem, 2 * old_count, sizeof slots[0], _Alignof(max_align_t));
  if (slots == NULL) {
    return false;
  }
  stats->slots = slots;
  stats->slot_count = 2 * old_count;
  for (size_t i = 0; i < stats->count; i++) {
    *find_slot(stats, &sl_key_stats_entry(stats, i)->key) = (uint32_t)i + 1;
  }
  sl_mem_free(stats->mem, old, old_count * sizeof old[0]);
  return true;
}

static bool add_chunk(struct sl_key_stats *stats) {
  void *chunks = stats->chunks;
  if (!sl_grow(stats->mem, &chunks, &stats->chunk_room, sizeof(struct sl_key_stat *),
               stats->chunk_count + 1)) {
    return false;
  }
  stats->chunks = chunks;
  struct sl_key_stat *chunk = sl_mem_alloc(stats->mem, CHUNK * sizeof *chunk);
  if (chunk == NULL) {
    return false;
  }
  stats->chunks[stats->chunk_count++] = chunk;
  return true;
}

// The hit's values, in one block that stays.
static const struct sl_str *copy_values(struct sl_arena *arena, const struct sl_hit *hit) {
  const size_t count = hit->rule->key_count;
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += sl_is_absent(hit->values[i]) ? 0 : hit->values[i].len;
  }
  struct sl_str *values = sl_arena_alloc(arena, count * sizeof *values + bytes);
  if (values == NULL) {
    return NULL;
  }
  char *at = (char *)(values + count);
  for (size_t i = 0; i < count; i++) {
    values[i] = hit->values[i];
    if (!sl_is_absent(values[i])) {
      values[i].ptr = at;
      if (values[i].len > 0) {
        memcpy(at, hit->values[i].ptr, values[i].len);
        at += values[i].len;
      }
    }
  }
  return values;
}

static struct sl_key_stat *add(struct sl_key_stats *stats, const struct sl_hit *hit) {
  if (stats->count >= ENTRIES_MAX ||
      (stats->count == stats->chunk_count << CHUNK_SHIFT && !add_chunk(stats)) ||
      (stats->count >= stats->slot_count / 2 && !grow_slots(stats))) {
    return NULL;
  }
  const struct sl_str *values = copy_values(&stats->arena, hit);
  if (values == NULL) {
    return NULL;
  }
  struct sl_key_stat *stat = sl_key_stats_entry(stats, stats->count);
  *stat = (struct sl_key_stat){.key = hit->key, .values = values, .rule = hit->rule->index};
  *find_slot(stats, &hit->key) = (uint32_t)++stats->count;
  return stat;
}

struct sl_key_stat *sl_key_stats_at(struct sl_key_stats *stats, const struct sl_hit *hit) {
  const uint32_t number = *find_slot(stats, &hit->key);
  return SL_LIKELY(number != 0) ? sl_key_stats_entry(stats, number - 1) : add(stats, hit);
}

// ---- lists
// ----------------------------------------------------------------------------------------

static int compare_values(struct sl_str a, struct sl_str b) {
  if (sl_is_absent(a) || sl_is_absent(b)) {
    return sl_is_absent(b) - sl_is_absent(a);
  }
  return sl_str_cmp(a, b);
}

int sl_key_stat_compare(const struct sl_key_stat *a, const struct sl_key_stat *b,
                        size_t key_count) {
  if (a->throttled != b->throttled) {
    return a->throttled > b->throttled ? -1 : 1;
  }
  if (a->matched != b->matched) {
    return a->matched > b->matched ? -1 : 1;
  }
  int order = 0;
  for (size_t i = 0; i < key_count && order == 0; i++) {
    order = compare_values(a->values[i], b->values[i]);
  }
  return order;
}

// A heap of the best so far, the worst of them on top: an entry that is better takes its place.
struct heap {
  const struct sl_key_stat **items;
  size_t count;
  size_t key_count;
};

static bool is_worse(const struct heap *heap, size_t a, size_t b) {
  return sl_key_stat_compare(heap->items[a], heap->items[b], heap->key_count) > 0;
}

static void swap(struct heap *heap, size_t a, size_t b) {
  const struct sl_key_stat *item = heap->items[a];
  heap->items[a] = heap->items[b];
  heap->items[b] = item;
}

static void sift_down(struct heap *heap, size_t at, size_t count) {
  for (;;) {
    size_t worst = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
      worst = is_worse(heap, child, worst) ? child : worst;
    }
    if (worst == at) {
      return;
    }
    swap(heap, at, worst);
    at = worst;
  }
}

static void sift_up(struct heap *heap, size_t at) {
  while (at > 0 && is_worse(heap, at, (at - 1) / 2)) {
    swap(heap, at, (at - 1) / 2);
    at = (at - 1) / 2;
  }
}

size_t sl_key_stats_top(const struct sl_key_stats *stats, const struct sl_rule *rule, size_t most,
                        const struct sl_key_stat **ret_top) {
  struct heap heap = {.items = ret_top, .key_count = rule->key_count};
  for (size_t i = 0; i < stats->count && most > 0; i++) {
    const struct sl_key_stat *stat = sl_key_stats_entry(stats, i);
    if (stat->rule != rule->index) {
      continue;
    }
    if (heap.count < most) {
      heap.items[heap.count] = stat;
      sift_up(&heap, heap.count++);
    } else if (sl_key_stat_compare(stat, heap.items[0], heap.key_count) < 0) {
      heap.items[0] = stat;
      sift_down(&heap, 0, heap.count);
    }
  }
  // Heap sort: the worst goes to the end.
  for (size_t rest = heap.count; rest > 1; rest--) {
    swap(&heap, 0, rest - 1);
    sift_down(&heap, 0, rest - 1);
  }
  return heap.count;
}
