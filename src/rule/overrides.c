#include "rule/overrides.h"

bool sl_overrides_init(struct sl_overrides *overrides, struct sl_arena *arena, size_t most) {
  size_t slots = 2;
  while (slots < 2 * most) {
    slots *= 2;
  }
  *overrides = (struct sl_overrides){.mask = slots - 1};
  overrides->slots = sl_arena_alloc(arena, slots * sizeof *overrides->slots);
  for (size_t i = 0; overrides->slots != NULL && i < slots; i++) {
    overrides->slots[i].limit_index = UINT32_MAX;
  }
  return overrides->slots != NULL;
}

void sl_overrides_add(struct sl_overrides *overrides, struct sl_hash key, uint32_t limit_index) {
  sl_assert(2 * overrides->count <= overrides->mask && limit_index != UINT32_MAX);
  uint64_t at = key.lo & overrides->mask;
  while (overrides->slots[at].limit_index != UINT32_MAX) {
    at = (at + 1) & overrides->mask;
  }
  overrides->slots[at] = (struct sl_override_slot){.key = key, .limit_index = limit_index};
  overrides->count++;
}
