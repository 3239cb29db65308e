// explain.h - why each rule of a set applies to a request or not, for people who write rules. It
// reads the rules one after the other as they are written, without the index: slower, and a check
// on it.
#ifndef SL_RULE_EXPLAIN_H
#define SL_RULE_EXPLAIN_H

#include "rule/ruleset.h"

enum sl_why {
  SL_WHY_APPLIES,
  SL_WHY_ABSENT,    // match names an attribute that the request lacks
  SL_WHY_NO_MATCH,  // an attribute of match has another value
  SL_WHY_EXCEPTED,  // it matches, but except takes it out
  SL_WHY_SKIPPED,   // missing: skip, and the request lacks an attribute of the key
  SL_WHY_BAD_COST   // the attribute that says the cost is no whole number from 0 to 2^63 - 1
};

// "applies", "absent", "no_match", "excepted", "skipped", "bad_cost"
const char *sl_why_name(enum sl_why why);

// About one rule. For a disabled rule everything is said as if it were enabled.
struct sl_explained {
  const struct sl_rule_model *rule;
  enum sl_why why;
  // What the answer is about: the first condition of match that fails, or the first of except; NULL
  // otherwise. `attr` and `value` (canonical; SL_ABSENT) also for SKIPPED and BAD_COST.
  const struct sl_condition *condition;
  struct sl_str attr, value;

  // Where it applies:
  struct sl_str key[SL_KEY_MAX];  // rule->key_count values, canonical, SL_ABSENT possible
  uint64_t cost;                  // what would be charged
  bool overridden;
  const struct sl_limit_spec *limit;  // the rule's, or the override's
  bool has_bucket;                    // false where the rule is disabled: it has no bucket
  struct sl_hash bucket;              // under the set's secret
};

struct sl_explanation {
  struct sl_explained *rules;  // every rule of the model, in file order
  size_t count;
};

// Explains one request. Everything lives in `arena` or points into the set and the request.
//   SL_OK; SL_ERR_ARGUMENT, SL_ERR_COST: the request itself is out of bounds, as for sl_identify;
//   SL_ERR_MEMORY
// Thread-safe.
enum sl_status sl_explain(const struct sl_ruleset *set, const struct sl_request *request,
                          struct sl_arena *arena,
                          struct sl_explanation *ret_explanation) SL_MUST_USE;

// One line for people, without the rule's id: "applies: key client_ip=\"10.0.0.1\", charges 1,
// ...".
void sl_explained_write(const struct sl_explained *explained, struct sl_text *text);

#endif
