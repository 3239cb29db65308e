#include "rule/explain.h"

#include "rule/attr.h"
#include "rule/client.h"
#include "rule/glob.h"
#include "rule/path.h"
#include "rule/report.h"
#include "rule/ruleset_private.h"

// The request with its two canonical attributes worked out.
struct facts {
  const struct sl_request *request;
  struct sl_client client;  // where client_ip is there
  struct sl_str client_text;
  struct sl_str path;
  char client_buffer[SL_ADDRESS_TEXT];
};

const char *sl_why_name(enum sl_why why) {
  static const char *const names[] = {"applies",  "absent",  "no_match",
                                      "excepted", "skipped", "bad_cost"};
  return (unsigned)why < SL_ARRAY_LEN(names) ? names[why] : "unknown";
}

static struct sl_str raw_value(const struct sl_request *request, struct sl_str attr) {
  for (size_t i = 0; i < request->attr_count; i++) {
    if (sl_str_eq(request->attrs[i].name, attr)) {
      return request->attrs[i].value;
    }
  }
  return SL_ABSENT;
}

static enum sl_status init_facts(const struct sl_ruleset *set, const struct sl_request *request,
                                 struct sl_arena *arena, struct facts *facts) {
  facts->request = request;
  facts->client_text = raw_value(request, SL_STR("client_ip"));
  if (!sl_is_absent(facts->client_text)) {
    sl_client_read(&facts->client, facts->client_text, set->model->ipv6_prefix);
    // The explanation outlives these facts.
    const char *key = sl_arena_copy(arena, facts->client.key);
    const struct sl_str text =
        sl_client_text(&facts->client, facts->client_text, facts->client_buffer);
    const char *kept = sl_arena_copy(arena, text);
    if (key == NULL || kept == NULL) {
      return SL_ERR_MEMORY;
    }
    facts->client.key.ptr = key;
    facts->client_text = (struct sl_str){.ptr = kept, .len = text.len};
  }
  facts->path = raw_value(request, SL_STR("path"));
  if (!sl_is_absent(facts->path)) {
    char *buffer = sl_arena_alloc(arena, sl_path_room(facts->path.len));
    if (buffer == NULL) {
      return SL_ERR_MEMORY;
    }
    facts->path = sl_path_normalise(facts->path, buffer);
  }
  return SL_OK;
}

// The value that patterns are held against, or (for_key) that enters keys.
static struct sl_str value_of(const struct facts *facts, struct sl_str attr, bool for_key) {
  switch (sl_attr_kind_of(attr)) {
  case SL_ATTR_ADDRESS:
    return sl_is_absent(facts->client_text) || !for_key ? facts->client_text : facts->client.key;
  case SL_ATTR_PATH:
    return facts->path;
  case SL_ATTR_PLAIN:
    break;
  }
  return raw_value(facts->request, attr);
}

static bool pattern_holds(const struct facts *facts, struct sl_str attr, struct sl_str pattern,
                          struct sl_str value) {
  struct sl_cidr cidr;
  if (sl_attr_kind_of(attr) == SL_ATTR_ADDRESS && sl_cidr_parse(pattern, &cidr, NULL)) {
    return facts->client.is_address && sl_cidr_contains(&cidr, facts->client.address);
  }
  return sl_is_glob(pattern) ? sl_glob_match(pattern, value, NULL) : sl_str_eq(pattern, value);
}

static bool condition_holds(const struct facts *facts, const struct sl_condition *condition,
                            struct sl_str value) {
  if (sl_is_absent(value)) {
    return false;
  }
  for (size_t i = 0; i < condition->pattern_count; i++) {
    if (pattern_holds(facts, condition->attr, condition->patterns[i], value)) {
      return true;
    }
  }
  return false;
}

static void say(struct sl_explained *to, enum sl_why why, const struct sl_condition *condition,
                struct sl_str attr, struct sl_str value) {
  to->why = why;
  to->condition = condition;
  to->attr = attr;
  to->value = value;
}

// Whether match and except let the request through; where not, says why.
static bool explain_scope(const struct facts *facts, struct sl_explained *to) {
  const struct sl_rule_model *rule = to->rule;
  for (size_t i = 0; i < rule->match_count; i++) {
    const struct sl_condition *condition = &rule->match[i];
    const struct sl_str value = value_of(facts, condition->attr, false);
    if (!condition_holds(facts, condition, value)) {
      say(to, sl_is_absent(value) ? SL_WHY_ABSENT : SL_WHY_NO_MATCH, condition, condition->attr,
          value);
      return false;
    }
  }
  bool excepted = rule->except_count > 0;
  for (size_t i = 0; i < rule->except_count && excepted; i++) {
    excepted =
        condition_holds(facts, &rule->except[i], value_of(facts, rule->except[i].attr, false));
  }
  if (excepted) {
    const struct sl_condition *first = &rule->except[0];
    say(to, SL_WHY_EXCEPTED, first, first->attr, value_of(facts, first->attr, false));
  }
  return !excepted;
}

static bool explain_key(const struct facts *facts, struct sl_explained *to) {
  const struct sl_rule_model *rule = to->rule;
  for (size_t i = 0; i < rule->key_count; i++) {
    to->key[i] = value_of(facts, rule->key[i], true);
    if (sl_is_absent(to->key[i]) && rule->missing_skip) {
      say(to, SL_WHY_SKIPPED, NULL, rule->key[i], SL_ABSENT);
      return false;
    }
  }
  return true;
}

static bool explain_cost(const struct facts *facts, struct sl_explained *to) {
  const struct sl_rule_model *rule = to->rule;
  if (!rule->has_cost_attr) {
    to->cost = rule->has_cost_number ? rule->cost_number : facts->request->cost;
    return true;
  }
  const struct sl_str value = value_of(facts, rule->cost_attr, false);
  if (sl_is_absent(value)) {
    to->cost = 1;
    return true;
  }
  if (sl_parse_u64(value, &to->cost) == SL_OK && to->cost <= SL_COST_MAX) {
    return true;
  }
  to->cost = 0;
  say(to, SL_WHY_BAD_COST, NULL, rule->cost_attr, value);
  return false;
}

static const struct sl_override_model *override_of(const struct sl_explained *to) {
  const struct sl_rule_model *rule = to->rule;
  for (size_t i = 0; i < rule->override_count; i++) {
    size_t same = 0;
    while (same < rule->key_count && !sl_is_absent(to->key[same]) &&
           sl_str_eq(rule->overrides[i].values[same], to->key[same])) {
      same++;
    }
    if (same == rule->key_count) {
      return &rule->overrides[i];
    }
  }
  return NULL;
}

// `compiled` is the rule in the set, or NULL where it is disabled.
static void explain_rule(const struct sl_ruleset *set, const struct facts *facts,
                         const struct sl_rule *compiled, struct sl_explained *to) {
  to->value = SL_ABSENT;
  to->limit = &to->rule->limit;
  if (!explain_scope(facts, to) || !explain_key(facts, to) || !explain_cost(facts, to)) {
    return;
  }
  const struct sl_override_model *override = override_of(to);
  to->overridden = override != NULL;
  to->limit = override != NULL ? &override->limit : &to->rule->limit;
  if (compiled == NULL) {
    return;
  }
  const struct sl_hash key = sl_rule_key(compiled, to->key);
  uint32_t limit_index = compiled->limit_index;
  if (override != NULL) {
    limit_index = sl_overrides_find(compiled->overrides, key);
    sl_assert(limit_index != SL_NONE);
  }
  const struct sl_hash print = set->limits[limit_index].print;
  to->has_bucket = true;
  to->bucket = (struct sl_hash){.lo = key.lo ^ print.lo, .hi = key.hi ^ print.hi};
}

static enum sl_status check_request(const struct sl_request *request) {
  if (request->attr_count > SL_ATTRS_MAX) {
    return SL_ERR_ARGUMENT;
  }
  for (size_t i = 0; i < request->attr_count; i++) {
    const struct sl_attr *attr = &request->attrs[i];
    if (attr->name.len < 1 || attr->name.len > SL_ATTR_NAME_MAX ||
        attr->value.len > SL_ATTR_VALUE_MAX) {
      return SL_ERR_ARGUMENT;
    }
  }
  return request->cost > SL_COST_MAX ? SL_ERR_COST : SL_OK;
}

enum sl_status sl_explain(const struct sl_ruleset *set, const struct sl_request *request,
                          struct sl_arena *arena, struct sl_explanation *ret_explanation) {
  *ret_explanation = (struct sl_explanation){0};
  enum sl_status status = check_request(request);
  struct facts facts = {0};
  if (status == SL_OK) {
    status = init_facts(set, request, arena, &facts);
  }
  if (status != SL_OK) {
    return status;
  }
  const struct sl_model *model = set->model;
  struct sl_explained *rules = sl_arena_alloc(arena, model->rule_count * sizeof *rules);
  if (rules == NULL) {
    return SL_ERR_MEMORY;
  }
  size_t compiled = 0;
  for (size_t i = 0; i < model->rule_count; i++) {
    rules[i].rule = &model->rules[i];
    explain_rule(set, &facts, model->rules[i].enabled ? &set->rules[compiled++] : NULL, &rules[i]);
  }
  *ret_explanation = (struct sl_explanation){.rules = rules, .count = model->rule_count};
  return SL_OK;
}

// ---- words
// ---------------------------------------------------------------------------------------

static void write_value(struct sl_text *text, struct sl_str value) {
  char quoted[SL_QUOTE_TEXT];
  sl_text_printf(text, "%s", sl_is_absent(value) ? "absent" : sl_quote(value, quoted));
}

static void write_name(struct sl_text *text, struct sl_str name) { sl_text_escape(text, name); }

static void write_patterns(struct sl_text *text, const struct sl_condition *condition) {
  enum { SHOWN = 3 };
  for (size_t i = 0; i < condition->pattern_count && i < SHOWN; i++) {
    sl_text_add(text, i == 0 ? SL_STR("") : SL_STR(" or "));
    write_value(text, condition->patterns[i]);
  }
  if (condition->pattern_count > SHOWN) {
    sl_text_printf(text, " or %zu others", condition->pattern_count - SHOWN);
  }
}

static void write_applies(struct sl_text *text, const struct sl_explained *to) {
  const struct sl_rule_model *rule = to->rule;
  sl_text_add(text, rule->enabled ? SL_STR("applies: ") : SL_STR("is disabled, or would apply: "));
  sl_text_add(text, rule->key_count == 0 ? SL_STR("one bucket for everybody") : SL_STR("key"));
  for (size_t i = 0; i < rule->key_count; i++) {
    sl_text_add(text, i == 0 ? SL_STR(" ") : SL_STR(", "));
    write_name(text, rule->key[i]);
    sl_text_add(text, SL_STR("="));
    write_value(text, to->key[i]);
  }
  sl_text_printf(text, "; charges %llu; %s", (unsigned long long)to->cost,
                 to->overridden ? "by an override " : "");
  sl_limit_spec_write(to->limit, text);
  if (rule->over_limit != SL_OVER_REJECT) {
    sl_text_printf(text, "; over the limit: %s", sl_over_limit_name(rule->over_limit));
  }
}

void sl_explained_write(const struct sl_explained *explained, struct sl_text *text) {
  const struct sl_explained *to = explained;
  if (to->why == SL_WHY_APPLIES) {
    write_applies(text, to);
    return;
  }
  sl_text_add(text, to->rule->enabled ? SL_STR("") : SL_STR("is disabled; besides, it "));
  switch (to->why) {
  case SL_WHY_ABSENT:
    sl_text_add(text, SL_STR("does not match: the request has no "));
    write_name(text, to->attr);
    break;
  case SL_WHY_NO_MATCH:
    sl_text_add(text, SL_STR("does not match: "));
    write_name(text, to->attr);
    sl_text_add(text, SL_STR(" is "));
    write_value(text, to->value);
    sl_text_add(text, SL_STR(", not "));
    write_patterns(text, to->condition);
    break;
  case SL_WHY_EXCEPTED:
    sl_text_add(text, SL_STR("does not apply: except takes it out, "));
    write_name(text, to->attr);
    sl_text_add(text, SL_STR(" is "));
    write_value(text, to->value);
    break;
  case SL_WHY_SKIPPED:
    sl_text_add(text, SL_STR("does not apply: the request has no "));
    write_name(text, to->attr);
    sl_text_add(text, SL_STR(", which the key names (missing: skip)"));
    break;
  case SL_WHY_BAD_COST:
    sl_text_add(text, SL_STR("applies, but its cost is no whole number: "));
    write_name(text, to->attr);
    sl_text_add(text, SL_STR(" is "));
    write_value(text, to->value);
    break;
  case SL_WHY_APPLIES:
    break;
  }
}
