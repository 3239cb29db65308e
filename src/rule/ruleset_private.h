// ruleset_private.h - what a rule set keeps to itself.
#ifndef SL_RULE_RULESET_PRIVATE_H
#define SL_RULE_RULESET_PRIVATE_H

#include "rule/match_index.h"
#include "rule/overrides.h"
#include "rule/ruleset.h"

struct sl_name_slot {
  uint64_t hash;
  uint32_t id;  // SL_NONE: empty
};

struct sl_ruleset_private {
  struct sl_arena arena;
  struct sl_match_index index;
  struct sl_name_slot *names;
  uint64_t name_mask;
  uint64_t name_seed;
  struct sl_cidr_set trusted_proxies;
};

// A cheap hash of an attribute's name. Only names of rules are in the table, so a stranger's name
// can at worst meet one of them and be compared; it cannot make a place crowded.
static inline uint64_t sl_name_hash(struct sl_str name, uint64_t seed) {
  const unsigned char *p = (const unsigned char *)name.ptr;
  uint64_t head, tail;
  if (name.len >= 8) {
    head = sl_load64(p);
    tail = sl_load64(p + name.len - 8);
  } else {
    head = sl_load_tail(p, name.len);
    tail = name.len;
  }
  const sl_u128 mix =
      (sl_u128)(head ^ seed) * (tail ^ (name.len * UINT64_C(0x9e3779b97f4a7c15)) ^ ~seed);
  return (uint64_t)mix ^ (uint64_t)(mix >> 64);
}

// The attribute's id, or SL_NONE.
static inline uint32_t sl_name_find(const struct sl_ruleset *set, struct sl_str name) {
  const struct sl_ruleset_private *priv = set->priv;
  const uint64_t hash = sl_name_hash(name, priv->name_seed);
  for (uint64_t at = hash & priv->name_mask;; at = (at + 1) & priv->name_mask) {
    const struct sl_name_slot *slot = &priv->names[at];
    if (slot->id == SL_NONE || (slot->hash == hash && sl_str_eq(set->attr_names[slot->id], name))) {
      return slot->id;
    }
  }
}

// The key of a rule and its values (rule->key_count of them, canonical, SL_ABSENT possible):
// injective over the rule's id, the names of its key, and the values, because each is absorbed with
// its length.
static inline struct sl_hash sl_rule_key(const struct sl_rule *rule, const struct sl_str *values) {
  struct sl_sip sip = rule->key_prefix;
  for (unsigned i = 0; i < rule->key_count; i++) {
    sl_sip_element(&sip, values[i]);
  }
  return sl_sip_finish(sip, "", 0);
}

#endif
