// Any bytes as a rule file: read, compiled, asked and explained. What is refused is told with a
// place, what is accepted compiles, and the index agrees with the explanation, which does not use
// it.
#include "rule/explain.h"
#include "support/fail_mem.h"
#include "support/fuzz.h"
#include "support/rules.h"

static void must(bool holds) {
  if (!holds) {
    __builtin_trap();
  }
}

static void check_reports(const struct sl_reports *reports, enum sl_status status) {
  static char line[4 * SL_REPORT_TEXT];
  must((status == SL_OK) == (reports->errors == 0));
  for (size_t i = 0; i < reports->count; i++) {
    struct sl_text text;
    sl_text_init(&text, line, sizeof line);
    sl_report_write(&reports->items[i], &text);
    // One line, and printable: nothing of the file forges a line or a terminal sequence.
    for (size_t at = 0; at < text.len; at++) {
      must((unsigned char)line[at] >= 0x20 && line[at] != 0x7f);
    }
  }
}

// A request made of the set's own names and, as values, of the rules' patterns.
static size_t make_request(const struct sl_ruleset *set, struct sl_attr *attrs) {
  const struct sl_model *model = set->model;
  size_t count = 0;
  for (size_t i = 0; i < model->rule_count; i++) {
    for (size_t j = 0; j < model->rules[i].match_count && count < SL_ATTRS_MAX; j++) {
      const struct sl_condition *condition = &model->rules[i].match[j];
      attrs[count++] = (struct sl_attr){.name = condition->attr, .value = condition->patterns[0]};
    }
  }
  for (size_t i = 0; i < set->attr_count && count < SL_ATTRS_MAX; i += 2) {
    attrs[count++] = (struct sl_attr){.name = set->attr_names[i], .value = SL_STR("10.0.0.1")};
  }
  return count;
}

static void ask(const struct sl_ruleset *set, const struct sl_mem *mem) {
  static struct sl_attr attrs[SL_ATTRS_MAX];
  const struct sl_request request = {
      .attrs = attrs, .attr_count = make_request(set, attrs), .cost = 1};
  struct sl_hits hits = {.mem = mem};
  const struct sl_rule *wrong;
  struct sl_arena arena;
  struct sl_explanation explanation;
  const enum sl_status status = sl_identify(set, &request, &hits, &wrong);
  must(status == SL_OK || status == SL_ERR_COST);
  sl_arena_init(&arena, mem);
  must(sl_explain(set, &request, &arena, &explanation) == SL_OK);
  size_t applied = 0;
  for (size_t i = 0; i < explanation.count && status == SL_OK; i++) {
    const struct sl_explained *rule = &explanation.rules[i];
    if (rule->why == SL_WHY_APPLIES && rule->rule->enabled) {
      must(applied < hits.count && hits.items[applied].rule->model == rule->rule);
      must(hits.items[applied].bucket.lo == rule->bucket.lo);
      applied++;
    }
    char line[8192];
    struct sl_text text;
    sl_text_init(&text, line, sizeof line);
    sl_explained_write(rule, &text);
  }
  must(status != SL_OK || applied == hits.count);
  sl_arena_close(&arena);
  sl_hits_close(&hits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fail_mem fail;
  struct sl_reports reports;
  struct sl_model *model;
  const struct sl_mem *mem = fail_mem_init(&fail, 0);
  sl_reports_init(&reports, mem);
  const enum sl_status status = sl_rules_parse("rules.yaml", data, size, mem, &reports, &model);
  must(status == SL_OK || status == SL_ERR_SYNTAX || status == SL_ERR_INVALID);
  check_reports(&reports, status);
  sl_reports_close(&reports);
  if (status == SL_OK) {
    struct sl_ruleset *set;
    must(sl_ruleset_compile(model, &rules_secret, mem, &set) == SL_OK);
    ask(set, mem);
    sl_ruleset_free(set);
  }
  must(fail.live == 0);
  return 0;
}
