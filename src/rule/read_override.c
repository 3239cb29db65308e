#include "rule/reader.h"

// The place of the attribute in the rule's key, or SL_KEY_MAX.
static size_t key_index(const struct sl_rule_model *rule, struct sl_str attr) {
  for (size_t i = 0; i < rule->key_count; i++) {
    if (sl_str_eq(rule->key[i], attr)) {
      return i;
    }
  }
  return SL_KEY_MAX;
}

static void list_key(const struct sl_rule_model *rule, struct sl_text *text) {
  char quoted[SL_QUOTE_TEXT];
  sl_text_add(text, SL_STR("the rule's key is ["));
  for (size_t i = 0; i < rule->key_count; i++) {
    sl_text_printf(text, "%s%s", i == 0 ? "" : ", ", sl_quote(rule->key[i], quoted));
  }
  sl_text_add(text, SL_STR("]"));
}

// The key of an override gives every attribute of the rule's key, and no other.
static bool read_key(struct sl_reader *reader, const struct sl_node *node,
                     const struct sl_rule_model *rule, struct sl_override_model *override) {
  if (node->kind != SL_NODE_MAP) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "as { api_key: gold }", "the key of an override must be a map");
    }
    return false;
  }
  char hint[SL_REPORT_TEXT];
  struct sl_text text;
  sl_text_init(&text, hint, sizeof hint);
  list_key(rule, &text);
  char quoted[SL_QUOTE_TEXT];
  unsigned seen = 0;
  bool good = true;
  for (const struct sl_node *key = node->first; key != NULL; key = sl_node_after_pair(key)) {
    if (key->kind != SL_NODE_SCALAR || key->next == NULL) {
      good = false;
      continue;
    }
    const size_t index = key_index(rule, key->text);
    if (index == SL_KEY_MAX) {
      sl_read_error(reader, key, hint, "%s is no attribute of the key",
                    sl_quote(key->text, quoted));
      good = false;
      continue;
    }
    seen |= 1u << index;
    good = sl_read_text(reader, key->next, "a value of the key", &override->values[index]) && good;
  }
  for (size_t i = 0; i < rule->key_count; i++) {
    if ((seen & 1u << i) == 0) {
      sl_read_error(reader, node, hint, "the override's key lacks %s",
                    sl_quote(rule->key[i], quoted));
      good = false;
    }
  }
  return good;
}

static bool read_one(struct sl_reader *reader, const struct sl_node *node,
                     const struct sl_rule_model *rule, struct sl_override_model *override) {
  static const char *const names[] = {"key", "limit"};
  const struct sl_node *values[SL_ARRAY_LEN(names)];
  if (!sl_read_fields(reader, node, "an override", names, SL_ARRAY_LEN(names), values)) {
    return false;
  }
  override->place = sl_place_of(reader, node);
  bool good = true;
  for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
    if (values[i] == NULL) {
      sl_read_error(reader, node, "as { key: { api_key: gold }, limit: { rate: 100/1s } }",
                    "an override needs %s", names[i]);
      good = false;
    }
  }
  if (values[0] != NULL) {
    good = read_key(reader, values[0], rule, override) && good;
  }
  if (values[1] != NULL) {
    good =
        sl_read_limit(reader, values[1], &rule->limit, rule->limit.max_wait_ns, &override->limit) &&
        good;
  }
  return good;
}

bool sl_read_overrides(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_rule_model *rule) {
  if (node->kind != SL_NODE_LIST) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "as [ { key: { api_key: gold }, limit: { rate: 100/1s } } ]",
                    "overrides must be a list");
    }
    return false;
  }
  if (node->count == 0) {
    return true;
  }
  struct sl_override_model *overrides = sl_read_alloc(reader, node->count, sizeof *overrides);
  if (overrides == NULL) {
    return false;
  }
  bool good = true;
  size_t count = 0;
  for (const struct sl_node *item = node->first; item != NULL; item = item->next) {
    const bool read = read_one(reader, item, rule, &overrides[count]);
    count += read;
    good = good && read;
  }
  rule->overrides = overrides;
  rule->override_count = count;
  return good;
}
