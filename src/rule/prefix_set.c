#include "rule/prefix_set.h"

#include "rule/sort.h"

static bool begins_with(struct sl_str text, struct sl_str prefix) {
  return text.len >= prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

static uint64_t word_at(struct sl_str text, size_t from) {
  uint64_t word = 0;
  if (text.len >= from + 8) {
    memcpy(&word, text.ptr + from, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
  }
  for (size_t i = 0; i < 8; i++) {
    word = word << 8 | (from + i < text.len ? (unsigned char)text.ptr[from + i] : 0u);
  }
  return word;
}

static size_t common_len(struct sl_str a, struct sl_str b) {
  size_t len = 0;
  while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len]) {
    len++;
  }
  return len;
}

static int compare_items(const void *ctx, uint32_t a, uint32_t b) {
  const struct sl_prefix *items = ctx;
  return sl_str_cmp(items[a].text, items[b].text);
}

// The parent of each is the item before it, or one of that one's ancestors.
static void link_parents(struct sl_prefix_set *set) {
  for (uint32_t i = 0; i < set->count; i++) {
    uint32_t parent = i == 0 ? UINT32_MAX : i - 1;
    while (parent != UINT32_MAX && !begins_with(set->items[i].text, set->items[parent].text)) {
      parent = set->items[parent].parent;
    }
    set->items[i].parent = parent;
  }
}

bool sl_prefix_set_init(struct sl_prefix_set *set, struct sl_arena *arena,
                        const struct sl_prefix *items, size_t count) {
  *set = (struct sl_prefix_set){0};
  if (count == 0) {
    return true;
  }
  sl_assert(count < UINT32_MAX);
  set->items = sl_arena_alloc(arena, count * sizeof *set->items);
  set->words = sl_arena_alloc(arena, count * sizeof *set->words);
  uint32_t *order = sl_mem_array(arena->mem, count, sizeof *order, _Alignof(uint64_t));
  if (set->items == NULL || set->words == NULL || order == NULL) {
    sl_mem_free_aligned(arena->mem, order, count * sizeof *order, _Alignof(uint64_t));
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    order[i] = (uint32_t)i;
  }
  sl_sort_u32(order, count, compare_items, items);
  set->count = (uint32_t)count;
  for (size_t i = 0; i < count; i++) {
    set->items[i] = items[order[i]];
  }
  sl_mem_free_aligned(arena->mem, order, count * sizeof *order, _Alignof(uint64_t));
  // Sorted, the first and the last have the least in common.
  set->common = common_len(set->items[0].text, set->items[count - 1].text);
  for (size_t i = 0; i < count; i++) {
    set->words[i] = word_at(set->items[i].text, set->common);
  }
  link_parents(set);
  return true;
}

// How many items are not above `text`, which begins with what is common.
static uint32_t count_below(const struct sl_prefix_set *set, struct sl_str text) {
  const uint64_t word = word_at(text, set->common);
  uint32_t low = 0;  // items before it are not above
  uint32_t high = set->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const uint64_t its = set->words[middle];
    // Equal words decide nothing: the texts may go on, or be shorter.
    const bool above = its != word ? its > word : sl_str_cmp(set->items[middle].text, text) > 0;
    if (above) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

uint32_t sl_prefix_set_find(const struct sl_prefix_set *set, struct sl_str text) {
  if (set->count == 0 || text.len == 0 || text.len < set->common ||
      memcmp(text.ptr, set->items[0].text.ptr, set->common) != 0) {
    return UINT32_MAX;
  }
  const uint32_t below = count_below(set, text);
  if (below == 0) {
    return UINT32_MAX;
  }
  uint32_t at = below - 1;
  const size_t common = common_len(set->items[at].text, text);
  while (at != UINT32_MAX && set->items[at].text.len > common) {
    at = set->items[at].parent;
  }
  return at;
}
