// prefix_set.h - many texts, and all of them that another text begins with, by one binary search.
//
// The texts are sorted by bytes. Of those not above a given text, let p be the greatest: every text
// of the set that it begins with is p or a prefix of p. (Such a q is at most p; and whatever lies
// between q and a text that begins with q begins with q itself.) So each text knows the longest of
// the set that it begins with, its parent, and the answers are on the way from p up.
//
// What all texts begin with is compared once; of what follows, eight bytes of each lie side by side
// as numbers, so the search rarely touches a text.
#ifndef SL_RULE_PREFIX_SET_H
#define SL_RULE_PREFIX_SET_H

#include "base/mem.h"

struct sl_prefix {
  struct sl_str text;
  uint32_t parent;  // or UINT32_MAX
  uint32_t value;   // the caller's
};

struct sl_prefix_set {
  struct sl_prefix *items;
  uint64_t
      *words;  // of each item: eight bytes behind what is common, big-endian, zero behind the end
  uint32_t count;
  size_t common;
};

// Makes the set of `count` texts (distinct, not empty) with their values. The texts are kept as
// views. False when out of memory.
bool sl_prefix_set_init(struct sl_prefix_set *set, struct sl_arena *arena,
                        const struct sl_prefix *items, size_t count) SL_MUST_USE;

// The longest text of the set that `text` begins with, or UINT32_MAX; the others follow by parent.
uint32_t sl_prefix_set_find(const struct sl_prefix_set *set, struct sl_str text);

#endif
