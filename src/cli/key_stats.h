// key_stats.h - how often each key of each rule was met and refused: exact counts, for the report.
#ifndef SL_CLI_KEY_STATS_H
#define SL_CLI_KEY_STATS_H

#include "rule/ruleset.h"

// One key of one rule. Stays where it is as long as the table lives.
struct sl_key_stat {
  struct sl_hash key;           // of rule and values: tells keys of all rules apart
  const struct sl_str *values;  // rule->key_count of them, SL_ABSENT possible
  uint64_t matched, throttled;
  uint32_t rule;  // its index in the set
};

// A hash table by the key's own hash.
struct sl_key_stats {
  const struct sl_mem *mem;
  struct sl_arena arena;  // the values
  struct sl_key_stat **chunks;
  size_t chunk_count, chunk_room;
  size_t count;
  uint32_t *slots;  // number of the entry, from 1; 0: free
  size_t slot_count;
};

// SL_OK: close it; SL_ERR_MEMORY.
enum sl_status sl_key_stats_init(struct sl_key_stats *stats, const struct sl_mem *mem) SL_MUST_USE;
void sl_key_stats_close(struct sl_key_stats *stats);

// The entry of a hit's key, made where there is none. NULL when out of memory.
struct sl_key_stat *sl_key_stats_at(struct sl_key_stats *stats, const struct sl_hit *hit);

// Entry i below stats->count, in the order in which the keys came.
struct sl_key_stat *sl_key_stats_entry(const struct sl_key_stats *stats, size_t i);

// Orders keys of one rule for a list: more throttled first, then more matched, then by the bytes of
// the values, attribute by attribute, an absent one first. <0, 0 or >0.
int sl_key_stat_compare(const struct sl_key_stat *a, const struct sl_key_stat *b, size_t key_count);

// The first `most` keys of a rule in that order, written to ret_top (room for `most`). Returns how
// many.
size_t sl_key_stats_top(const struct sl_key_stats *stats, const struct sl_rule *rule, size_t most,
                        const struct sl_key_stat **ret_top);

#endif
