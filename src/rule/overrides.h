// overrides.h - a rule's overrides by key: which limit a bucket has instead of the rule's.
//
// An open-addressing table of keys. They are keyed hashes already, so their own bits say where they
// lie, and nobody can crowd a place. At most half of the slots are taken.
#ifndef SL_RULE_OVERRIDES_H
#define SL_RULE_OVERRIDES_H

#include "base/hash.h"
#include "base/mem.h"

struct sl_override_slot {
  struct sl_hash key;
  uint32_t limit_index;  // UINT32_MAX: empty
};

struct sl_overrides {
  struct sl_override_slot *slots;
  uint64_t mask;
  size_t count;
};

// Room for `most` overrides. False when out of memory.
bool sl_overrides_init(struct sl_overrides *overrides, struct sl_arena *arena,
                       size_t most) SL_MUST_USE;

// Sets the limit of a key that has none yet.
void sl_overrides_add(struct sl_overrides *overrides, struct sl_hash key, uint32_t limit_index);

// The index of the key's limit, or UINT32_MAX.
static inline uint32_t sl_overrides_find(const struct sl_overrides *overrides, struct sl_hash key) {
  for (uint64_t at = key.lo & overrides->mask;; at = (at + 1) & overrides->mask) {
    const struct sl_override_slot *slot = &overrides->slots[at];
    if (slot->limit_index == UINT32_MAX || (slot->key.lo == key.lo && slot->key.hi == key.hi)) {
      return slot->limit_index;
    }
  }
}

#endif
