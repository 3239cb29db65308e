// model.h - rules as written: the YAML form (DESIGN section 5) as data, with the place of each part
// for reports. Produced by the parser, checked by the validator, compiled by ruleset.h.
#ifndef SL_RULE_MODEL_H
#define SL_RULE_MODEL_H

#include "algo/limit.h"
#include "base/mem.h"

enum { SL_KEY_MAX = 8, SL_RULE_ID_MAX = 128 };
enum { SL_IPV6_PREFIX_MIN = 32, SL_IPV6_PREFIX_MAX = 128, SL_IPV6_PREFIX_DEFAULT = 64 };
#define SL_QUEUE_ITEMS_DEFAULT UINT64_C(10000)
#define SL_QUEUE_BYTES_DEFAULT (UINT64_C(64) << 20)

enum sl_over_limit { SL_OVER_REJECT, SL_OVER_QUEUE, SL_OVER_SHADOW };
enum sl_share { SL_SHARE_EXACT, SL_SHARE_LEASED, SL_SHARE_LOCAL };
enum sl_store_down { SL_DOWN_ALLOW, SL_DOWN_DENY, SL_DOWN_SPLIT };

struct sl_place {
  const char *file;  // as the user named it
  uint32_t line;     // from 1; 0: unknown
  uint32_t column;   // from 1, in characters
};

// One attribute's condition: any of the patterns.
struct sl_condition {
  struct sl_str attr;
  const struct sl_str *patterns;  // exact text, glob, or CIDR where the attribute is an address
  size_t pattern_count;
  struct sl_place place;
};

struct sl_override_model {
  struct sl_str values[SL_KEY_MAX];  // in the order of the rule's key; canonical, as keys are built
  struct sl_limit_spec limit;        // the rule's, with the named fields replaced
  struct sl_place place;
};

struct sl_rule_model {
  struct sl_str id;
  struct sl_condition *match, *except;
  size_t match_count, except_count;
  struct sl_str key[SL_KEY_MAX];
  size_t key_count;
  bool missing_skip;
  bool enabled;
  bool has_cost_number, has_cost_attr;
  uint64_t cost_number;
  struct sl_str cost_attr;
  struct sl_limit_spec limit;
  enum sl_share share;
  bool has_share;
  enum sl_over_limit over_limit;
  enum sl_store_down store_down;
  uint64_t queue_items, queue_bytes;
  struct sl_override_model *overrides;
  size_t override_count;
  struct sl_place place;
};

// The words of these enums as files write them: "reject", "exact", "split", ...
const char *sl_over_limit_name(enum sl_over_limit over_limit);
const char *sl_share_name(enum sl_share share);
const char *sl_store_down_name(enum sl_store_down store_down);

// A whole set of rules. Everything hangs on the arena.
struct sl_model {
  struct sl_arena arena;
  struct sl_rule_model *rules;
  size_t rule_count;
  struct sl_str *trusted_proxies;  // CIDRs
  size_t trusted_proxy_count;
  unsigned ipv6_prefix;  // 32 to 128, default 64
};

// An empty model with the defaults; NULL when out of memory.
struct sl_model *sl_model_new(const struct sl_mem *mem);
void sl_model_free(struct sl_model *model);  // NULL is ignored

// The limit in words: "token_bucket 600/30s, burst 20, any_window, jitter 20ms"; "unlimited";
// "banned (rate 0/1s)".
void sl_limit_spec_write(const struct sl_limit_spec *spec, struct sl_text *text);

#endif
