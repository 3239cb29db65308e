// front_http_view.c - what is looked at: health, metrics, the busiest keys, rules, explanations.
#include "base/units.h"
#include "rule/explain.h"
#include "server/front_http.h"
#include "server/metrics.h"
#include "server/openapi.h"
#include "server/server.h"
#include "wire/query.h"

static void text_reply(struct sl_http_call *call, unsigned status, struct sl_str type,
                       struct sl_str text) {
  sl_http_begin(call, status);
  SL_HTTP_ADD(call, "Cache-Control: no-store\r\n");
  sl_http_open_body(call, type);
  sl_http_add(call, text);
  sl_http_end(call);
}

#define PLAIN SL_STR("text/plain; charset=utf-8")

void sl_http_healthz(struct sl_http_call *call) { text_reply(call, 200, PLAIN, SL_STR("ok\n")); }

void sl_http_readyz(struct sl_http_call *call) {
  const struct sl_server *server = call->context->server;
  const bool ready =
      !call->draining && (server == NULL || sl_server_state(server) == SL_SERVER_READY);
  text_reply(call, ready ? 200 : 503, PLAIN, ready ? SL_STR("ready\n") : SL_STR("not ready\n"));
}

void sl_http_metrics(struct sl_http_call *call) {
  sl_http_begin(call, 200);
  sl_http_open_body(call, SL_STR("text/plain; version=0.0.4; charset=utf-8"));
  if (call->context->metrics != NULL) {
    sl_metrics_write(call->context, call->out);
  }
  sl_http_end(call);
}

void sl_http_openapi(struct sl_http_call *call) {
  text_reply(call, 200, SL_STR("application/yaml"), sl_openapi_text());
}

// A number from the query, from 1 (0 for "offset") to `most`. False: the problem was written.
static bool read_parameter(struct sl_http_call *call, const char *name, uint64_t least,
                           uint64_t most, uint64_t *value) {
  struct sl_str text;
  char *buffer = sl_arena_alloc(&call->arena, call->query.len + 1);
  if (buffer == NULL) {
    sl_http_problem_of(call, SL_ERR_MEMORY, NULL);
    return false;
  }
  if (!sl_query_find(call->query, sl_str_of(name), buffer, &text)) {
    return true;
  }
  if (sl_parse_u64(text, value) != SL_OK || *value < least || *value > most) {
    sl_http_problemf(call, 400, "A parameter of the query is wrong",
                     "%s is a whole number from %llu to %llu", name, (unsigned long long)least,
                     (unsigned long long)most);
    return false;
  }
  return true;
}

static void add_value(struct sl_http_call *call, struct sl_str name, struct sl_str value) {
  if (sl_is_absent(value)) {
    SL_HTTP_ADD(call, "null");
  } else if (call->context->settings != NULL &&
             sl_server_is_secret(call->context->settings, name)) {
    char buffer[SL_FINGERPRINT_TEXT];
    sl_http_add_string(call,
                       sl_str_of(sl_server_fingerprint(call->context->engine, value, buffer)));
  } else {
    sl_http_add_string(call, value);
  }
}

// ---- the busiest keys

enum { TOP_MOST = 1000 };

static const struct sl_rule_model *model_by_id(const struct sl_http_call *call, struct sl_str id) {
  const struct sl_model *model = call->context->bound->set->model;
  for (size_t i = 0; i < model->rule_count; i++) {
    if (sl_str_eq(model->rules[i].id, id)) {
      return &model->rules[i];
    }
  }
  return NULL;
}

// The names of a key's values are those of the rule in force. Where there is no such rule any more,
// nobody knows whether a value is a secret, and none is shown.
static void add_top_key(struct sl_http_call *call, const struct sl_top_item *item) {
  const struct sl_rule_model *rule = model_by_id(call, sl_top_item_rule(item));
  if (rule == NULL || rule->key_count != item->value_count) {
    SL_HTTP_ADD(call, "null");
    return;
  }
  SL_HTTP_ADD(call, "{");
  for (size_t i = 0; i < item->value_count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    sl_http_add_string(call, rule->key[i]);
    SL_HTTP_ADD(call, ":");
    add_value(call, rule->key[i], sl_top_item_value(item, i));
  }
  SL_HTTP_ADD(call, "}");
}

static void add_top_item(struct sl_http_call *call, const struct sl_top_item *item) {
  SL_HTTP_ADD(call, "{\"rule\":");
  sl_http_add_string(call, sl_top_item_rule(item));
  SL_HTTP_ADD(call, ",\"key\":");
  add_top_key(call, item);
  SL_HTTP_ADD(call, ",\"matched\":");
  sl_http_add_number(call, item->matched);
  SL_HTTP_ADD(call, ",\"throttled\":");
  sl_http_add_number(call, item->throttled);
  SL_HTTP_ADD(call, ",\"error\":");
  sl_http_add_number(call, item->error);
  SL_HTTP_ADD(call, "}");
}

// ?by=matched or throttled (the default). False: the problem was written.
static bool read_order(struct sl_http_call *call, enum sl_top_order *ret_order) {
  struct sl_str text;
  char buffer[256];
  *ret_order = SL_TOP_BY_THROTTLED;
  if (call->query.len > sizeof buffer || !sl_query_find(call->query, SL_STR("by"), buffer, &text)) {
    return true;
  }
  if (sl_str_eq(text, SL_STR("matched"))) {
    *ret_order = SL_TOP_BY_MATCHED;
    return true;
  }
  if (!sl_str_eq(text, SL_STR("throttled"))) {
    sl_http_problemf(call, 400, "A parameter of the query is wrong", "by is matched or throttled");
    return false;
  }
  return true;
}

void sl_http_top(struct sl_http_call *call) {
  uint64_t most = 10;
  enum sl_top_order order;
  if (!read_parameter(call, "n", 1, TOP_MOST, &most) || !read_order(call, &order)) {
    return;
  }
  struct sl_top_item *items = sl_arena_alloc(&call->arena, most * sizeof *items);
  if (items == NULL) {
    sl_http_problem_of(call, SL_ERR_MEMORY, NULL);
    return;
  }
  size_t count = 0;
  if (call->context->top != NULL) {
    count = sl_top_snapshot(call->context->top, order, call->context->now_ns, most, items);
  }
  sl_http_begin(call, 200);
  SL_HTTP_ADD(call, "Cache-Control: no-store\r\n");
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"top\":[");
  for (size_t i = 0; i < count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    add_top_item(call, &items[i]);
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}

// ---- the rules in force

enum { RULES_MOST = 1000 };

static void add_conditions(struct sl_http_call *call, struct sl_str member,
                           const struct sl_condition *conditions, size_t count) {
  sl_http_add(call, member);
  SL_HTTP_ADD(call, "{");
  for (size_t i = 0; i < count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    sl_http_add_string(call, conditions[i].attr);
    SL_HTTP_ADD(call, ":[");
    for (size_t k = 0; k < conditions[i].pattern_count; k++) {
      if (k > 0) {
        SL_HTTP_ADD(call, ",");
      }
      add_value(call, conditions[i].attr, conditions[i].patterns[k]);
    }
    SL_HTTP_ADD(call, "]");
  }
  SL_HTTP_ADD(call, "}");
}

static void add_duration(struct sl_http_call *call, uint64_t ns) {
  char buffer[SL_DURATION_TEXT];
  sl_http_add(call, sl_str_of(sl_format_duration(ns, buffer)));
}

static void add_rate(struct sl_http_call *call, const struct sl_limit_spec *spec) {
  SL_HTTP_ADD(call, ",\"rate\":\"");
  sl_http_add_number(call, spec->count);
  SL_HTTP_ADD(call, "/");
  add_duration(call, spec->period_ns);
  SL_HTTP_ADD(call, "\"");
}

static void add_figure(struct sl_http_call *call, struct sl_str member, uint64_t figure) {
  sl_http_add(call, member);
  sl_http_add_number(call, figure);
}

static void add_token_bucket(struct sl_http_call *call, const struct sl_limit_spec *spec) {
  if (spec->has_burst) {
    add_figure(call, SL_STR(",\"burst\":"), spec->burst);
  }
  if (spec->any_window) {
    SL_HTTP_ADD(call, ",\"guarantee\":\"any_window\",\"jitter\":\"");
    add_duration(call, spec->jitter_ns);
    SL_HTTP_ADD(call, "\"");
  }
}

// The limit as a rule file would have it.
static void add_limit(struct sl_http_call *call, const struct sl_limit_spec *spec) {
  if (spec->algorithm == SL_UNLIMITED) {
    SL_HTTP_ADD(call, "\"unlimited\"");
    return;
  }
  SL_HTTP_ADD(call, "{\"algorithm\":\"");
  sl_http_add(call, sl_str_of(sl_algorithm_name(spec->algorithm)));
  SL_HTTP_ADD(call, "\"");
  if (spec->algorithm == SL_CONCURRENCY) {
    add_figure(call, SL_STR(",\"slots\":"), spec->slots);
    SL_HTTP_ADD(call, ",\"lease\":\"");
    add_duration(call, spec->lease_ns);
    SL_HTTP_ADD(call, "\"");
  } else {
    add_rate(call, spec);
  }
  if (spec->algorithm == SL_TOKEN_BUCKET) {
    add_token_bucket(call, spec);
  } else if (spec->algorithm == SL_LEAKY_BUCKET) {
    add_figure(call, SL_STR(",\"queue\":"), spec->queue);
  } else if (spec->sub_windows > 0) {
    add_figure(call, SL_STR(",\"sub_windows\":"), spec->sub_windows);
  } else if (spec->count_refused) {
    SL_HTTP_ADD(call, ",\"count_refused\":true");
  }
  SL_HTTP_ADD(call, "}");
}

static void add_key(struct sl_http_call *call, const struct sl_rule_model *rule) {
  SL_HTTP_ADD(call, ",\"key\":[");
  for (size_t i = 0; i < rule->key_count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    sl_http_add_string(call, rule->key[i]);
  }
  sl_http_add(call, rule->missing_skip ? SL_STR("],\"missing\":\"skip\"")
                                       : SL_STR("],\"missing\":\"absent\""));
}

static void add_rule(struct sl_http_call *call, const struct sl_rule_model *rule) {
  SL_HTTP_ADD(call, "{\"id\":");
  sl_http_add_string(call, rule->id);
  sl_http_add(call, rule->enabled ? SL_STR(",\"enabled\":true") : SL_STR(",\"enabled\":false"));
  add_conditions(call, SL_STR(",\"match\":"), rule->match, rule->match_count);
  add_conditions(call, SL_STR(",\"except\":"), rule->except, rule->except_count);
  add_key(call, rule);
  SL_HTTP_ADD(call, ",\"limit\":");
  add_limit(call, &rule->limit);
  if (rule->has_cost_number) {
    add_figure(call, SL_STR(",\"cost\":"), rule->cost_number);
  } else if (rule->has_cost_attr) {
    SL_HTTP_ADD(call, ",\"cost\":");
    sl_http_add_string(call, rule->cost_attr);
  }
  SL_HTTP_ADD(call, ",\"over_limit\":\"");
  sl_http_add(call, sl_str_of(sl_over_limit_name(rule->over_limit)));
  SL_HTTP_ADD(call, "\"");
  add_figure(call, SL_STR(",\"overrides\":"), rule->override_count);
  SL_HTTP_ADD(call, "}");
}

void sl_http_rules(struct sl_http_call *call) {
  const struct sl_model *model = call->context->bound->set->model;
  uint64_t offset = 0;
  uint64_t most = 100;
  if (!read_parameter(call, "offset", 0, UINT32_MAX, &offset) ||
      !read_parameter(call, "n", 1, RULES_MOST, &most)) {
    return;
  }
  sl_http_begin(call, 200);
  SL_HTTP_ADD(call, "Cache-Control: no-store\r\n");
  sl_http_open_body(call, SL_HTTP_JSON);
  add_figure(call, SL_STR("{\"version\":"), call->context->rules_version);
  add_figure(call, SL_STR(",\"count\":"), model->rule_count);
  SL_HTTP_ADD(call, ",\"rules\":[");
  for (size_t i = offset; i < model->rule_count && i - offset < most; i++) {
    if (i > offset) {
      SL_HTTP_ADD(call, ",");
    }
    add_rule(call, &model->rules[i]);
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}

// ---- why a rule applies or not

static void add_explained(struct sl_http_call *call, const struct sl_explained *one) {
  char buffer[2048];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  sl_explained_write(one, &text);
  SL_HTTP_ADD(call, "{\"rule\":");
  sl_http_add_string(call, one->rule->id);
  sl_http_add(call, one->rule->enabled ? SL_STR(",\"enabled\":true,\"why\":\"")
                                       : SL_STR(",\"enabled\":false,\"why\":\""));
  sl_http_add(call, sl_str_of(sl_why_name(one->why)));
  SL_HTTP_ADD(call, "\",\"text\":");
  sl_http_add_string(call, (struct sl_str){.ptr = buffer, .len = text.len});
  if (one->why == SL_WHY_APPLIES) {
    SL_HTTP_ADD(call, ",\"key\":{");
    for (size_t i = 0; i < one->rule->key_count; i++) {
      if (i > 0) {
        SL_HTTP_ADD(call, ",");
      }
      sl_http_add_string(call, one->rule->key[i]);
      SL_HTTP_ADD(call, ":");
      add_value(call, one->rule->key[i], one->key[i]);
    }
    add_figure(call, SL_STR("},\"cost\":"), one->cost);
    sl_http_add(call, one->overridden ? SL_STR(",\"overridden\":true,\"limit\":")
                                      : SL_STR(",\"overridden\":false,\"limit\":"));
    add_limit(call, one->limit);
  }
  SL_HTTP_ADD(call, "}");
}

void sl_http_explain(struct sl_http_call *call) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  struct sl_explanation explanation;
  struct sl_answer answer;
  const struct sl_rule *rule = NULL;
  if (!sl_http_read_body(call, SL_ASK_COST, &ask)) {
    return;
  }
  enum sl_status status =
      sl_explain(call->context->bound->set, &ask.request, &call->arena, &explanation);
  if (status == SL_OK) {
    status = sl_http_decide(call, &ask.request, true, &answer, &rule);
  }
  if (status != SL_OK) {
    sl_http_problem_of(call, status, rule);
    return;
  }
  sl_http_begin(call, 200);
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"answer\":{");
  sl_http_add_decision(call, &answer);
  SL_HTTP_ADD(call, "},\"explained\":[");
  for (size_t i = 0; i < explanation.count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    add_explained(call, &explanation.rules[i]);
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}
