#include "rule/attr.h"
#include "rule/client.h"
#include "rule/glob.h"
#include "rule/path.h"
#include "rule/reader.h"
#include "rule/sort.h"

// Above so many pairs of patterns nobody looks for a rule that its own except empties.
#define PAIRS_MAX UINT64_C(10000)

static void place_hint(struct sl_text *text, struct sl_place place) {
  sl_text_add(text, SL_STR("the first is at "));
  sl_text_escape(text, sl_str_of(place.file));
  sl_text_printf(text, ":%u:%u", place.line, place.column);
}

// ---- ids
// -----------------------------------------------------------------------------------------

static int compare_ids(const void *ctx, uint32_t a, uint32_t b) {
  const struct sl_model *model = ctx;
  const int order = sl_str_cmp(model->rules[a].id, model->rules[b].id);
  return order != 0 ? order : (a > b) - (a < b);
}

// Numbers 0 to count - 1, in the order that `compare` gives them; NULL when out of memory or count
// is 0.
static uint32_t *sorted(const struct sl_mem *mem, size_t count, sl_compare *compare,
                        const void *ctx) {
  uint32_t *order = sl_mem_array(mem, count, sizeof *order, _Alignof(uint64_t));
  for (size_t i = 0; order != NULL && i < count; i++) {
    order[i] = (uint32_t)i;
  }
  if (order != NULL) {
    sl_sort_u32(order, count, compare, ctx);
  }
  return order;
}

static void free_sorted(const struct sl_mem *mem, uint32_t *order, size_t count) {
  sl_mem_free_aligned(mem, order, count * sizeof *order, _Alignof(uint64_t));
}

static bool check_ids(const struct sl_model *model, struct sl_reports *reports) {
  const size_t count = model->rule_count;
  if (count < 2) {
    return true;
  }
  uint32_t *order = sorted(model->arena.mem, count, compare_ids, model);
  if (order == NULL) {
    return false;
  }
  size_t first = 0;
  for (size_t i = 1; i < count; i++) {
    const struct sl_rule_model *before = &model->rules[order[first]];
    const struct sl_rule_model *rule = &model->rules[order[i]];
    if (rule->id.len == 0 || !sl_str_eq(before->id, rule->id)) {
      first = i;
      continue;
    }
    char hint[SL_REPORT_TEXT];
    char quoted[SL_QUOTE_TEXT];
    struct sl_text text;
    sl_text_init(&text, hint, sizeof hint);
    place_hint(&text, before->place);
    sl_reports_add(reports, SL_SEVERITY_ERROR, rule->place, hint, "the id %s is used twice",
                   sl_quote(rule->id, quoted));
  }
  free_sorted(model->arena.mem, order, count);
  return true;
}

// ---- overrides
// -----------------------------------------------------------------------------------

static bool canonical_client(struct sl_model *model, const struct sl_override_model *override,
                             struct sl_reports *reports, struct sl_str *value) {
  struct sl_client client;
  struct sl_cidr cidr;
  char quoted[SL_QUOTE_TEXT];
  sl_client_read(&client, *value, model->ipv6_prefix);
  if (client.key.ptr != value->ptr) {
    const char *copy = sl_arena_copy(&model->arena, client.key);
    *value = (struct sl_str){.ptr = copy, .len = client.key.len};
    return copy != NULL;
  }
  if (client.is_address) {
    return true;
  }
  if (sl_cidr_parse(*value, &cidr, NULL)) {
    sl_reports_add(reports, SL_SEVERITY_ERROR, override->place,
                   "an override is for one key; for a block write a rule that matches it",
                   "%s is a block of addresses", sl_quote(*value, quoted));
  } else {
    sl_reports_add(reports, SL_SEVERITY_WARNING, override->place, "",
                   "the override's client_ip %s is no address", sl_quote(*value, quoted));
  }
  return true;
}

static bool canonical_path(struct sl_model *model, struct sl_str *value) {
  if (sl_path_is_normal(*value)) {
    return true;
  }
  char *buffer = sl_arena_alloc(&model->arena, sl_path_room(value->len));
  if (buffer == NULL) {
    return false;
  }
  *value = sl_path_normalise(*value, buffer);
  return true;
}

static bool canonical_values(struct sl_model *model, const struct sl_rule_model *rule, size_t key,
                             struct sl_reports *reports) {
  const enum sl_attr_kind kind = sl_attr_kind_of(rule->key[key]);
  for (size_t i = 0; kind != SL_ATTR_PLAIN && i < rule->override_count; i++) {
    struct sl_override_model *override = &rule->overrides[i];
    struct sl_str *value = &override->values[key];
    if (kind == SL_ATTR_PATH ? !canonical_path(model, value)
                             : !canonical_client(model, override, reports, value)) {
      return false;
    }
  }
  return true;
}

static int compare_values(const struct sl_rule_model *rule, uint32_t a, uint32_t b) {
  for (size_t i = 0; i < rule->key_count; i++) {
    const int order = sl_str_cmp(rule->overrides[a].values[i], rule->overrides[b].values[i]);
    if (order != 0) {
      return order;
    }
  }
  return 0;
}

static int compare_overrides(const void *ctx, uint32_t a, uint32_t b) {
  const int order = compare_values(ctx, a, b);
  return order != 0 ? order : (a > b) - (a < b);
}

static bool check_overrides(struct sl_model *model, const struct sl_rule_model *rule,
                            struct sl_reports *reports) {
  const size_t count = rule->override_count;
  for (size_t i = 0; i < rule->key_count; i++) {
    if (!canonical_values(model, rule, i, reports)) {
      return false;
    }
  }
  if (count < 2) {
    return true;
  }
  uint32_t *order = sorted(model->arena.mem, count, compare_overrides, rule);
  if (order == NULL) {
    return false;
  }
  size_t first = 0;
  for (size_t i = 1; i < count; i++) {
    if (compare_values(rule, order[first], order[i]) != 0) {
      first = i;
      continue;
    }
    char hint[SL_REPORT_TEXT];
    struct sl_text text;
    sl_text_init(&text, hint, sizeof hint);
    place_hint(&text, rule->overrides[order[first]].place);
    sl_reports_add(reports, SL_SEVERITY_ERROR, rule->overrides[order[i]].place, hint,
                   "two overrides have one key");
  }
  free_sorted(model->arena.mem, order, count);
  return true;
}

// ---- rules that never apply
// ----------------------------------------------------------------------

static bool has_pattern(const struct sl_condition *condition, struct sl_str pattern) {
  for (size_t i = 0; i < condition->pattern_count; i++) {
    if (sl_str_eq(condition->patterns[i], pattern) ||
        sl_str_eq(condition->patterns[i], SL_STR("*"))) {
      return true;
    }
  }
  return false;
}

// Whether whatever fulfils `match` also fulfils `except`, as far as equal patterns show it.
static bool is_covered(const struct sl_condition *match, const struct sl_condition *except) {
  if (!sl_str_eq(match->attr, except->attr) ||
      (uint64_t)match->pattern_count * except->pattern_count > PAIRS_MAX) {
    return false;
  }
  for (size_t i = 0; i < match->pattern_count; i++) {
    if (!has_pattern(except, match->patterns[i])) {
      return false;
    }
  }
  return true;
}

static void check_reachable(const struct sl_rule_model *rule, struct sl_reports *reports) {
  for (size_t i = 0; i < rule->except_count; i++) {
    bool covered = false;
    for (size_t j = 0; j < rule->match_count && !covered; j++) {
      covered = is_covered(&rule->match[j], &rule->except[i]);
    }
    if (!covered) {
      return;
    }
  }
  if (rule->except_count > 0) {
    char quoted[SL_QUOTE_TEXT];
    sl_reports_add(reports, SL_SEVERITY_WARNING, rule->except[0].place, "",
                   "the rule %s never applies: its except takes out all that it matches",
                   sl_quote(rule->id, quoted));
  }
}

// ---- keys that a client may choose
// ---------------------------------------------------------------

// Whether match holds the attribute to values that the rule's author chose.
static bool is_pinned(const struct sl_rule_model *rule, struct sl_str attr) {
  for (size_t i = 0; i < rule->match_count; i++) {
    const struct sl_condition *condition = &rule->match[i];
    bool exact = sl_str_eq(condition->attr, attr);
    for (size_t j = 0; j < condition->pattern_count && exact; j++) {
      exact = !sl_is_glob(condition->patterns[j]);
    }
    if (exact) {
      return true;
    }
  }
  return false;
}

// The first attribute of the key whose values a client makes up, or NULL.
static const struct sl_str *claimed_attr(const struct sl_rule_model *rule) {
  for (size_t i = 0; i < rule->key_count; i++) {
    if (sl_attr_is_claimed(rule->key[i]) && !is_pinned(rule, rule->key[i])) {
      return &rule->key[i];
    }
  }
  return NULL;
}

static bool enforces(const struct sl_rule_model *rule) {
  return rule->enabled && rule->over_limit != SL_OVER_SHADOW &&
         rule->limit.algorithm != SL_UNLIMITED;
}

static bool limits_clients(const struct sl_rule_model *rule) {
  bool by_client = false;
  for (size_t i = 0; i < rule->key_count; i++) {
    by_client = by_client || sl_attr_kind_of(rule->key[i]) == SL_ATTR_ADDRESS;
  }
  return by_client && enforces(rule) && claimed_attr(rule) == NULL;
}

static void check_claimed(const struct sl_model *model, struct sl_reports *reports) {
  for (size_t i = 0; i < model->rule_count; i++) {
    if (limits_clients(&model->rules[i])) {
      return;
    }
  }
  for (size_t i = 0; i < model->rule_count; i++) {
    const struct sl_rule_model *rule = &model->rules[i];
    const struct sl_str *attr = enforces(rule) ? claimed_attr(rule) : NULL;
    if (attr != NULL) {
      char id[SL_QUOTE_TEXT];
      char name[SL_QUOTE_TEXT];
      sl_reports_add(
          reports, SL_SEVERITY_WARNING, rule->place, "put a rule with key [client_ip] beside it",
          "the rule %s counts by %s, which every client chooses freely: a new value is a "
          "new bucket",
          sl_quote(rule->id, id), sl_quote(*attr, name));
    }
  }
}

bool sl_model_check(struct sl_model *model, struct sl_reports *reports) {
  if (!check_ids(model, reports)) {
    return false;
  }
  for (size_t i = 0; i < model->rule_count; i++) {
    if (!check_overrides(model, &model->rules[i], reports)) {
      return false;
    }
    check_reachable(&model->rules[i], reports);
  }
  check_claimed(model, reports);
  return true;
}
