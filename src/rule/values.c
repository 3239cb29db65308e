#include "rule/values.h"

bool sl_values_init(struct sl_values *values, struct sl_arena *arena, size_t most) {
  sl_assert(most <= (size_t)1 << 30);
  uint32_t slots = 2;
  while (slots < 2 * most) {
    slots *= 2;
  }
  *values = (struct sl_values){.room = (uint32_t)most, .mask = slots - 1};
  values->items = sl_arena_alloc(arena, most * sizeof *values->items);
  values->slots = sl_arena_alloc(arena, slots * sizeof *values->slots);
  for (uint32_t i = 0; values->slots != NULL && i < slots; i++) {
    values->slots[i].index = SL_NONE;
  }
  return values->items != NULL && values->slots != NULL;
}

struct sl_sip sl_values_prefix(const struct sl_secret *secret, uint32_t attr,
                               enum sl_value_kind kind) {
  struct sl_sip sip = sl_sip_init(secret);
  sl_sip_word(&sip, (uint64_t)attr << 8 | (uint64_t)kind);
  sip.length += 8;
  return sip;
}

// The slot that holds the value, or the empty one where it belongs.
static struct sl_value_slot *find_slot(const struct sl_values *values, uint64_t hash, uint32_t attr,
                                       enum sl_value_kind kind, struct sl_str text) {
  const uint32_t tag = (uint32_t)(hash >> 32);
  for (uint32_t at = (uint32_t)hash & values->mask;; at = (at + 1) & values->mask) {
    struct sl_value_slot *slot = &values->slots[at];
    if (slot->index == SL_NONE) {
      return slot;
    }
    const struct sl_value *value = &values->items[slot->index];
    if (slot->tag == tag && value->attr == attr && value->kind == (uint32_t)kind &&
        sl_str_eq(value->text, text)) {
      return slot;
    }
  }
}

uint32_t sl_values_find(const struct sl_values *values, const struct sl_sip *prefix, uint32_t attr,
                        enum sl_value_kind kind, struct sl_str text) {
  const uint64_t hash = sl_sip_finish(*prefix, text.ptr, text.len).lo;
  return find_slot(values, hash, attr, kind, text)->index;
}

uint32_t sl_values_add(struct sl_values *values, const struct sl_sip *prefix, uint32_t attr,
                       enum sl_value_kind kind, struct sl_str text) {
  const uint64_t hash = sl_sip_finish(*prefix, text.ptr, text.len).lo;
  struct sl_value_slot *slot = find_slot(values, hash, attr, kind, text);
  if (slot->index == SL_NONE) {
    sl_assert(values->count < values->room);
    values->items[values->count] = (struct sl_value){
        .text = text, .hash = hash, .attr = attr, .kind = (uint32_t)kind, .head = SL_NONE};
    *slot = (struct sl_value_slot){.tag = (uint32_t)(hash >> 32), .index = values->count++};
  }
  return slot->index;
}
