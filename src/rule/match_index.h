// match_index.h - private to the rule set: which rules may match a request, found without looking
// at the others.
//
// A rule's match is a conjunction of conditions, so all of them fail where one does. Each rule is
// filed under its most selective condition alone: once for each of the condition's patterns, under
// the exact text (values.h), the block of addresses (cidr_set.h), or what a glob begins with
// (prefix_set.h). A glob that begins with a star is filed with the attribute and looked at whenever
// that is present. A request then finds its candidates by its own values; each candidate's other
// conditions are checked in full. Selective is what few rules name: a condition's price is how many
// rules share its patterns.
#ifndef SL_RULE_MATCH_INDEX_H
#define SL_RULE_MATCH_INDEX_H

#include "rule/attr.h"
#include "rule/cidr_set.h"
#include "rule/prefix_set.h"
#include "rule/ruleset.h"
#include "rule/values.h"

// A rule under one pattern: a link of that pattern's list.
struct sl_filing {
  uint32_t
      candidate;  // rule index x 2, plus 1 where the pattern's condition is still to be checked
  uint32_t next;  // or SL_NONE
};

// A compiled condition: any of its parts holds.
struct sl_test {
  uint32_t attr;
  uint32_t exact_count, glob_count;
  bool present;           // holds wherever the attribute is there: a pattern of stars alone
  const uint32_t *exact;  // numbers of values, ascending
  const struct sl_str *globs;
  const struct sl_cidr_set *blocks;  // or NULL
};

// The conditions of one rule, in sl_match_index.tests.
struct sl_scope {
  uint32_t first;  // its match_count conditions, then its except_count
  uint32_t match_count, except_count;
  uint32_t filed;  // the condition that it is filed under, below match_count; SL_NONE: none
};

// What the index knows of one attribute.
struct sl_attr_index {
  enum sl_attr_kind kind;
  bool has_text;         // some pattern needs the text, not only the address
  bool has_filed_exact;  // some rule is filed under an exact text
  size_t exact_max;      // the longest exact text
  struct sl_sip exact_prefix;
  uint32_t present_head;  // filings that hold wherever the attribute is there
  uint32_t scan_head;     // filings of globs that begin with a star
  struct sl_prefix_set prefixes;
  struct sl_cidr_set blocks;
};

struct sl_match_index {
  struct sl_values values;
  struct sl_attr_index *attrs;
  struct sl_scope *scopes;  // by rule index
  struct sl_test *tests;
  struct sl_filing *filings;
  uint32_t filing_count;
  uint32_t always_head;  // filings of rules without conditions
};

// Builds the index over the rules' models (enabled rules, in order). attr_id gives the number of an
// attribute's name. Everything lives in `arena`. False when out of memory.
typedef uint32_t sl_attr_id(const void *ctx, struct sl_str name);
bool sl_match_index_build(struct sl_match_index *index, struct sl_arena *arena,
                          const struct sl_rule *rules, size_t rule_count, size_t attr_count,
                          const struct sl_secret *secret, sl_attr_id *attr_id, const void *ctx,
                          const struct sl_str *attr_names) SL_MUST_USE;

#endif
