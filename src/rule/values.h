// values.h - the texts that conditions name, each with a number: what a request's value is looked
// up in, once, whatever the number of rules.
//
// An open-addressing table hashed by SipHash under the set's secret: values come from strangers,
// who then cannot aim at one place of the table. Built once, then only read.
#ifndef SL_RULE_VALUES_H
#define SL_RULE_VALUES_H

#include "base/hash.h"
#include "base/mem.h"

#define SL_NONE UINT32_MAX

enum sl_value_kind {
  SL_VALUE_EXACT,   // the whole value
  SL_VALUE_PREFIX,  // what a glob begins with
  SL_VALUE_BLOCK    // a block of addresses
};

struct sl_value {
  struct sl_str text;
  uint64_t hash;
  uint32_t attr;
  uint32_t kind;
  uint32_t uses;  // how many rules name it in match
  uint32_t head;  // the first filing of rules under it (match_index.h), or SL_NONE
};

struct sl_value_slot {
  uint32_t tag;
  uint32_t index;  // SL_NONE: empty
};

struct sl_values {
  struct sl_value *items;
  struct sl_value_slot *slots;
  uint32_t count, room;
  uint32_t mask;
};

// Room for `most` values (0 to 2^30). False when out of memory.
bool sl_values_init(struct sl_values *values, struct sl_arena *arena, size_t most) SL_MUST_USE;

// What lookups of one attribute and kind continue.
struct sl_sip sl_values_prefix(const struct sl_secret *secret, uint32_t attr,
                               enum sl_value_kind kind);

// The value's number, or SL_NONE.
uint32_t sl_values_find(const struct sl_values *values, const struct sl_sip *prefix, uint32_t attr,
                        enum sl_value_kind kind, struct sl_str text);

// The same, adding it where it is new; the text is kept as a view. More than `most` is a bug.
uint32_t sl_values_add(struct sl_values *values, const struct sl_sip *prefix, uint32_t attr,
                       enum sl_value_kind kind, struct sl_str text);

#endif
