// reader.h - private to the parser of rules: from a tree of values to the model, collecting
// mistakes. A function that reads says whether what it read may be used; where not, it has reported
// why.
#ifndef SL_RULE_READER_H
#define SL_RULE_READER_H

#include "rule/tree.h"

struct sl_reader {
  struct sl_model *model;
  struct sl_reports *reports;
  const char *file;  // lives in the model
  bool out_of_memory;
};

struct sl_place sl_place_of(const struct sl_reader *reader, const struct sl_node *node);

// Report at a node.
void sl_read_error(struct sl_reader *reader, const struct sl_node *node, const char *hint,
                   const char *format, ...) SL_PRINTF(4, 5);
void sl_read_warning(struct sl_reader *reader, const struct sl_node *node, const char *hint,
                     const char *format, ...) SL_PRINTF(4, 5);

// Memory of the model; NULL sets out_of_memory.
void *sl_read_alloc(struct sl_reader *reader, size_t count, size_t size);

// The node after a key or item; the pairs of a map are (key, key->next).
static inline const struct sl_node *sl_node_after_pair(const struct sl_node *key) {
  return key->next == NULL ? NULL : key->next->next;
}

// Sorts the values of a map by field: ret_values[i] is that of names[i], or NULL. Unknown fields
// are errors with a suggestion. `what` names the map in messages: "a rule". False when node is no
// map.
bool sl_read_fields(struct sl_reader *reader, const struct sl_node *node, const char *what,
                    const char *const *names, size_t count, const struct sl_node **ret_values);

// A scalar's text; empty plain scalars and null are refused. `field` names it in messages: "id".
bool sl_read_text(struct sl_reader *reader, const struct sl_node *node, const char *field,
                  struct sl_str *ret_text);
bool sl_read_number(struct sl_reader *reader, const struct sl_node *node, const char *field,
                    uint64_t *ret_value);
bool sl_read_duration(struct sl_reader *reader, const struct sl_node *node, const char *field,
                      uint64_t *ret_ns);
bool sl_read_bool(struct sl_reader *reader, const struct sl_node *node, const char *field,
                  bool *ret_value);
// One of the words; *ret_index is its place among them.
bool sl_read_choice(struct sl_reader *reader, const struct sl_node *node, const char *field,
                    const char *const *words, size_t count, size_t *ret_index);

// A name of an attribute, as rules may use it.
bool sl_read_attr_name(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_str *ret_name);

// read_limit.c: a limit of its own, or (base not NULL) an override's: base with the named fields
// replaced. max_wait_ns is the rule's.
bool sl_read_limit(struct sl_reader *reader, const struct sl_node *node,
                   const struct sl_limit_spec *base, uint64_t max_wait_ns,
                   struct sl_limit_spec *ret_spec);

// read_match.c: the conditions of match or except.
bool sl_read_conditions(struct sl_reader *reader, const struct sl_node *node, const char *field,
                        struct sl_condition **ret_conditions, size_t *ret_count);

// read_override.c: overrides of a rule whose key and limit were read.
bool sl_read_overrides(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_rule_model *rule);

// read_rule.c: one rule. It is filled in as far as it can be read.
void sl_read_rule(struct sl_reader *reader, const struct sl_node *node,
                  struct sl_rule_model *ret_rule);

// model_check.c: what only the whole set shows, once all files are read: ids used twice, overrides
// used twice, rules that never apply, keys that a client may choose. Brings the overrides' values
// to the canonical form. False when out of memory.
bool sl_model_check(struct sl_model *model, struct sl_reports *reports) SL_MUST_USE;

#endif
