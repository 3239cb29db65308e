#include "rule/reader.h"

enum field {
  F_ID,
  F_MATCH,
  F_EXCEPT,
  F_KEY,
  F_MISSING,
  F_LIMIT,
  F_COST,
  F_SHARE,
  F_OVER_LIMIT,
  F_QUEUE,
  F_STORE_DOWN,
  F_MAX_WAIT,
  F_ENABLED,
  F_OVERRIDES,
  FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    "id",    "match",      "except", "key",        "missing",  "limit",   "cost",
    "share", "over_limit", "queue",  "store_down", "max_wait", "enabled", "overrides",
};

static bool is_id(struct sl_str id) {
  for (size_t i = 0; i < id.len; i++) {
    const char c = id.ptr[i];
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') {
      return false;
    }
  }
  return id.len > 0 && id.len <= SL_RULE_ID_MAX;
}

static void read_id(struct sl_reader *reader, const struct sl_node *node,
                    struct sl_rule_model *rule) {
  struct sl_str id;
  if (!sl_read_text(reader, node, "id", &id)) {
    return;
  }
  if (!is_id(id)) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node, "1 to 128 of a-z 0-9 . _ -", "id is %s", sl_quote(id, quoted));
    return;
  }
  rule->id = id;
}

static bool in_key(const struct sl_rule_model *rule, struct sl_str attr) {
  for (size_t i = 0; i < rule->key_count; i++) {
    if (sl_str_eq(rule->key[i], attr)) {
      return true;
    }
  }
  return false;
}

static bool read_key(struct sl_reader *reader, const struct sl_node *node,
                     struct sl_rule_model *rule) {
  if (node->kind != SL_NODE_LIST) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "as [client_ip]; [] is one bucket for everybody",
                    "key must be a list of attributes");
    }
    return false;
  }
  if (node->count > SL_KEY_MAX) {
    sl_read_error(reader, node, "at most 8", "key has %u attributes", node->count);
    return false;
  }
  bool good = true;
  for (const struct sl_node *item = node->first; item != NULL; item = item->next) {
    struct sl_str attr;
    char quoted[SL_QUOTE_TEXT];
    if (!sl_read_attr_name(reader, item, &attr)) {
      good = false;
    } else if (in_key(rule, attr)) {
      sl_read_error(reader, item, "take one out", "key names %s twice", sl_quote(attr, quoted));
      good = false;
    } else {
      rule->key[rule->key_count++] = attr;
    }
  }
  return good;
}

// Text that begins like a number is meant as one.
static bool looks_like_number(struct sl_str text) {
  const char c = text.len > 0 ? text.ptr[0] : '\0';
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
}

static void read_cost(struct sl_reader *reader, const struct sl_node *node,
                      struct sl_rule_model *rule) {
  struct sl_str text;
  if (!sl_read_text(reader, node, "cost", &text)) {
    return;
  }
  if (!looks_like_number(text)) {
    rule->has_cost_attr = sl_read_attr_name(reader, node, &rule->cost_attr);
    return;
  }
  if (sl_parse_u64(text, &rule->cost_number) != SL_OK || rule->cost_number > SL_COST_MAX) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node, "a whole number from 0 to 9223372036854775807, or an attribute",
                  "cost is %s", sl_quote(text, quoted));
    return;
  }
  rule->has_cost_number = true;
}

static void read_queue(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_rule_model *rule) {
  static const char *const names[] = {"items", "bytes"};
  const struct sl_node *values[SL_ARRAY_LEN(names)];
  if (!sl_read_fields(reader, node, "queue", names, SL_ARRAY_LEN(names), values)) {
    return;
  }
  if (values[0] != NULL && sl_read_number(reader, values[0], "items", &rule->queue_items) &&
      (rule->queue_items == 0 || rule->queue_items > SL_COUNT_MAX)) {
    sl_read_error(reader, values[0], "from 1 to 1099511627776", "items is %llu",
                  (unsigned long long)rule->queue_items);
  }
  struct sl_str text;
  if (values[1] == NULL || !sl_read_text(reader, values[1], "bytes", &text)) {
    return;
  }
  if (sl_parse_size(text, &rule->queue_bytes) != SL_OK || rule->queue_bytes == 0 ||
      rule->queue_bytes > SL_COUNT_MAX) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, values[1],
                  "1 to 1024GiB: a whole number and one of B KiB MiB GiB kB MB GB", "bytes is %s",
                  sl_quote(text, quoted));
  }
}

// The fields that are one of a few words.
static void read_words(struct sl_reader *reader, const struct sl_node *const *values,
                       struct sl_rule_model *rule) {
  static const char *const missing[] = {"absent", "skip"};
  static const char *const share[] = {"exact", "leased", "local"};
  static const char *const over_limit[] = {"reject", "queue", "shadow"};
  static const char *const store_down[] = {"allow", "deny", "split"};
  size_t index;
  if (values[F_MISSING] != NULL && sl_read_choice(reader, values[F_MISSING], "missing", missing,
                                                  SL_ARRAY_LEN(missing), &index)) {
    rule->missing_skip = index == 1;
  }
  if (values[F_SHARE] != NULL &&
      sl_read_choice(reader, values[F_SHARE], "share", share, SL_ARRAY_LEN(share), &index)) {
    rule->has_share = true;
    rule->share = (enum sl_share)index;
  }
  if (values[F_OVER_LIMIT] != NULL &&
      sl_read_choice(reader, values[F_OVER_LIMIT], "over_limit", over_limit,
                     SL_ARRAY_LEN(over_limit), &index)) {
    rule->over_limit = (enum sl_over_limit)index;
  }
  if (values[F_STORE_DOWN] != NULL &&
      sl_read_choice(reader, values[F_STORE_DOWN], "store_down", store_down,
                     SL_ARRAY_LEN(store_down), &index)) {
    rule->store_down = (enum sl_store_down)index;
  }
}

static uint64_t read_max_wait(struct sl_reader *reader, const struct sl_node *node) {
  uint64_t ns = SL_MAX_WAIT_DEFAULT_NS;
  if (node == NULL || !sl_read_duration(reader, node, "max_wait", &ns)) {
    return SL_MAX_WAIT_DEFAULT_NS;
  }
  if (ns > SL_PERIOD_MAX_NS) {
    char duration[SL_DURATION_TEXT];
    sl_read_error(reader, node, "from 0 to 366d", "max_wait is %s",
                  sl_format_duration(ns, duration));
    return SL_MAX_WAIT_DEFAULT_NS;
  }
  return ns;
}

// What fields ask of each other.
static void check_together(struct sl_reader *reader, const struct sl_node *const *values,
                           const struct sl_rule_model *rule) {
  const enum sl_algorithm algorithm = rule->limit.algorithm;
  if (rule->share == SL_SHARE_LEASED && algorithm != SL_TOKEN_BUCKET &&
      algorithm != SL_FIXED_WINDOW && algorithm != SL_UNLIMITED) {
    sl_read_error(reader, values[F_SHARE], "share: exact, or token_bucket or fixed_window",
                  "share: leased is not possible with %s", sl_algorithm_name(algorithm));
  }
  if (values[F_QUEUE] != NULL && rule->over_limit != SL_OVER_QUEUE) {
    sl_read_warning(reader, values[F_QUEUE], "add over_limit: queue", "queue has no effect");
  } else if (values[F_QUEUE] != NULL && algorithm == SL_LEAKY_BUCKET) {
    sl_read_warning(reader, values[F_QUEUE], "",
                    "the queue of the leaky_bucket is the bound; "
                    "items has no effect");
  }
  if (values[F_MISSING] != NULL && rule->missing_skip && rule->key_count == 0) {
    sl_read_warning(reader, values[F_MISSING], "", "missing has no effect: the key is empty");
  }
}

static void read_scope(struct sl_reader *reader, const struct sl_node *const *values,
                       struct sl_rule_model *rule) {
  if (values[F_MATCH] != NULL) {
    (void)sl_read_conditions(reader, values[F_MATCH], "match", &rule->match, &rule->match_count);
  }
  if (values[F_EXCEPT] != NULL &&
      sl_read_conditions(reader, values[F_EXCEPT], "except", &rule->except, &rule->except_count) &&
      rule->except_count == 0) {
    sl_read_error(reader, values[F_EXCEPT], "leave except out, or name an attribute",
                  "an empty except would take every request out");
  }
}

static void check_required(struct sl_reader *reader, const struct sl_node *node,
                           const struct sl_node *const *values) {
  static const struct {
    enum field field;
    const char *hint;
  } required[] = {
      {F_ID, "add id, 1 to 128 of a-z 0-9 . _ -"},
      {F_KEY, "add key, as [client_ip]; [] is one bucket for everybody"},
      {F_LIMIT, "add limit, as { rate: 100/1s }; or unlimited"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(required); i++) {
    if (values[required[i].field] == NULL) {
      sl_read_error(reader, node, required[i].hint, "the rule has no %s",
                    field_names[required[i].field]);
    }
  }
}

void sl_read_rule(struct sl_reader *reader, const struct sl_node *node,
                  struct sl_rule_model *ret_rule) {
  struct sl_rule_model *rule = ret_rule;
  *rule = (struct sl_rule_model){
      .enabled = true,
      .store_down = SL_DOWN_SPLIT,
      .queue_items = SL_QUEUE_ITEMS_DEFAULT,
      .queue_bytes = SL_QUEUE_BYTES_DEFAULT,
      .limit = sl_limit_spec_default(SL_UNLIMITED),
      .place = sl_place_of(reader, node),
  };
  const struct sl_node *values[FIELD_COUNT];
  if (!sl_read_fields(reader, node, "a rule", field_names, FIELD_COUNT, values)) {
    return;
  }
  check_required(reader, node, values);
  if (values[F_ID] != NULL) {
    read_id(reader, values[F_ID], rule);
  }
  read_scope(reader, values, rule);
  read_words(reader, values, rule);
  if (values[F_ENABLED] != NULL) {
    (void)sl_read_bool(reader, values[F_ENABLED], "enabled", &rule->enabled);
  }
  if (values[F_COST] != NULL) {
    read_cost(reader, values[F_COST], rule);
  }
  if (values[F_QUEUE] != NULL) {
    read_queue(reader, values[F_QUEUE], rule);
  }
  const uint64_t max_wait_ns = read_max_wait(reader, values[F_MAX_WAIT]);
  const bool key_read = values[F_KEY] != NULL && read_key(reader, values[F_KEY], rule);
  const bool limit_read = values[F_LIMIT] != NULL &&
                          sl_read_limit(reader, values[F_LIMIT], NULL, max_wait_ns, &rule->limit);
  if (limit_read) {
    check_together(reader, values, rule);
  }
  // Overrides can be judged only against a key and a limit that are understood.
  if (values[F_OVERRIDES] != NULL && key_read && limit_read) {
    (void)sl_read_overrides(reader, values[F_OVERRIDES], rule);
  }
}
