// ruleset.h - the compiled, immutable rule set: what the Throttle Rule Cache holds and the Client
// Identifier Builder works with. It is made whole, shared by any number of threads, and swapped
// whole.
#ifndef SL_RULE_RULESET_H
#define SL_RULE_RULESET_H

#include "algo/limit.h"
#include "base/hash.h"
#include "base/mem.h"
#include "rule/model.h"
#include "rule/request.h"

struct sl_overrides;  // a rule's overrides by key (overrides.h)

enum sl_cost_kind { SL_COST_REQUEST, SL_COST_NUMBER, SL_COST_ATTRIBUTE };

// One enabled rule, compiled.
struct sl_rule {
  struct sl_str id;
  uint32_t index;                     // in ruleset->rules: file order
  uint32_t limit_index;               // in ruleset->limits
  const struct sl_rule_model *model;  // as written, for explaining and listing
  enum sl_over_limit over_limit;      // reject, queue, shadow
  enum sl_cost_kind cost_kind;
  bool missing_skip;
  uint8_t key_count;          // 0 to SL_KEY_MAX
  uint32_t cost_attr;         // attribute id, with SL_COST_ATTRIBUTE
  uint64_t cost_number;       // with SL_COST_NUMBER
  const uint32_t *key_attrs;  // attribute ids, in the order of `key`
  struct sl_sip key_prefix;   // the rule's id and the names of its key absorbed under the secret:
                              // continue it with the values
  const struct sl_overrides *overrides;  // NULL when none
};

// A distinct prepared limit of the set. Rules and overrides with equal limits share one.
struct sl_limit_entry {
  struct sl_limit limit;
  struct sl_hash print;  // keyed fingerprint of the limit: bucket = key xor print
};

struct sl_ruleset {
  const struct sl_rule *rules;  // enabled rules only, in file order
  size_t rule_count;
  const struct sl_limit_entry *limits;
  size_t limit_count;
  const struct sl_str *attr_names;  // the attributes that any rule looks at, by attribute id
  size_t attr_count;
  const struct sl_model *model;  // owned: the set as written
  struct sl_secret secret;
  size_t bytes;  // memory taken, for reports
  // Private to rule/: the match index, settings of client_ip and path, the arena.
  const struct sl_ruleset_private *priv;
};

// Compiles a valid model. Takes the model over when it succeeds (the set frees it).
//   SL_OK; SL_ERR_MEMORY, or SL_ERR_INVALID where the model's limits are not valid after all:
//   nothing is kept, the model stays the caller's.
// `secret` keys every hash; buckets of two sets agree only under the same secret.
enum sl_status sl_ruleset_compile(struct sl_model *model, const struct sl_secret *secret,
                                  const struct sl_mem *mem,
                                  struct sl_ruleset **ret_set) SL_MUST_USE;

// NULL is ignored. No thread may be using the set.
void sl_ruleset_free(struct sl_ruleset *set);

// The id of an attribute that some rule looks at (match, except, key, cost), or -1. "client_ip" and
// "path" are known by these names.
int64_t sl_ruleset_attr(const struct sl_ruleset *set, struct sl_str name);

// ---- the Client Identifier Builder: attributes -> rules and keys
// ---------------------------------------

// One rule that applies to the request, with everything the Rate Limiter needs.
struct sl_hit {
  const struct sl_rule *rule;
  uint32_t limit_index;  // the rule's, or the override's
  bool overridden;
  uint64_t cost;          // what this rule charges
  struct sl_hash key;     // of rule id and key values, under the secret
  struct sl_hash bucket;  // key xor the limit's print: the bucket's identity (SEMANTICS 14)
  const struct sl_str
      *values;  // rule->key_count values, SL_ABSENT possible; valid until the next identify
};

// The hits of one request and the scratch memory behind them. One per thread; reused, it allocates
// only while it grows. Zero-initialise and set `mem`.
struct sl_hits {
  const struct sl_mem *mem;
  struct sl_hit *items;
  size_t count;
  size_t room;
  struct sl_hits_private *priv;
};

void sl_hits_close(struct sl_hits *hits);

// Finds the rules that match, builds their keys, costs and buckets; hits in file order.
//   SL_OK         hits->count may be 0: no rule matches, the request is allowed
//   SL_ERR_COST   a rule's cost attribute is present but no integer in [0, SL_COST_MAX]; *ret_rule
//                 (may be NULL) names the rule; hits->count is 0
//   SL_ERR_ARGUMENT  more than SL_ATTRS_MAX attributes, a name or value longer than its bound
//   SL_ERR_MEMORY
// Thread-safe with one `hits` per thread.
enum sl_status sl_identify(const struct sl_ruleset *set, const struct sl_request *request,
                           struct sl_hits *hits, const struct sl_rule **ret_rule) SL_MUST_USE;

// The same for a caller that knows the attribute ids (sl_ruleset_attr): values[id] for each id
// below set->attr_count, SL_ABSENT where the request has none. `client_ip` and `path` as received:
// they are brought to canonical form here, once.
enum sl_status sl_identify_values(const struct sl_ruleset *set, const struct sl_str *values,
                                  uint64_t cost, struct sl_hits *hits,
                                  const struct sl_rule **ret_rule) SL_MUST_USE;

#endif
