// front_resp_admin.c - what operators ask: RULES, EXPLAIN, TOP and INFO. Values of secret
// attributes appear as fingerprints only (SEMANTICS 44).
#include <inttypes.h>

#include "engine/throttle.h"
#include "rule/explain.h"
#include "server/front_resp.h"
#include "server/server.h"

enum { TEXT_ROOM = 2048 };

static void pair_text(struct sl_resp_call *call, const char *name, struct sl_str text) {
  sl_reply_text(call, name);
  sl_reply_bulk(call, text);
}

static void pair_count(struct sl_resp_call *call, const char *name, uint64_t value) {
  sl_reply_text(call, name);
  sl_reply_count(call, value);
}

// The value, or its fingerprint where the attribute is secret.
static void reply_value(struct sl_resp_call *call, struct sl_str attribute, struct sl_str value) {
  char print[SL_FINGERPRINT_TEXT];
  if (sl_is_absent(value)) {
    sl_reply_null(call);
  } else if (sl_server_is_secret(call->context->settings, attribute)) {
    sl_reply_text(call, sl_server_fingerprint(call->context->engine, value, print));
  } else {
    sl_reply_bulk(call, value);
  }
}

// ---- RULES

static void reply_rule(struct sl_resp_call *call, const struct sl_rule_model *rule) {
  char buffer[TEXT_ROOM];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  sl_limit_spec_write(&rule->limit, &text);
  sl_reply_map(call, 6);
  pair_text(call, "id", rule->id);
  sl_reply_text(call, "enabled");
  sl_reply_bool(call, rule->enabled);
  sl_reply_text(call, "key");
  sl_reply_array(call, rule->key_count);
  for (size_t i = 0; i < rule->key_count; i++) {
    sl_reply_bulk(call, rule->key[i]);
  }
  sl_reply_text(call, "limit");
  sl_reply_text(call, buffer);
  sl_reply_text(call, "over_limit");
  sl_reply_text(call, sl_over_limit_name(rule->over_limit));
  pair_count(call, "overrides", rule->override_count);
}

// FROM n and COUNT n, in any order. False: an error was answered.
static bool read_range(struct sl_resp_call *call, int64_t *from, int64_t *count) {
  for (uint32_t i = 1; i < call->argc; i += 2) {
    const struct sl_str word = sl_resp_arg(call, i);
    int64_t *to = sl_word_is(word, "from") ? from : sl_word_is(word, "count") ? count : NULL;
    if (to == NULL || i + 1 == call->argc) {
      sl_reply_error(call, "ERR syntax error");
      return false;
    }
    if (!sl_resp_parse_i64(sl_resp_arg(call, i + 1), to) || *to < 0) {
      sl_reply_error(call, "ERR value is not an integer or out of range");
      return false;
    }
  }
  return true;
}

void sl_resp_rules(struct sl_resp_call *call) {
  const struct sl_model *model = call->context->bound->set->model;
  int64_t from = 0;
  int64_t count = 100;
  if (!read_range(call, &from, &count)) {
    return;
  }
  const size_t first = sl_min_u64((uint64_t)from, model->rule_count);
  const size_t most = sl_min_u64((uint64_t)count, SL_RESP_RULES_MOST);
  const size_t end = first + sl_min_u64(most, model->rule_count - first);
  sl_reply_map(call, 3);
  pair_count(call, "version", call->context->rules_version);
  pair_count(call, "total", model->rule_count);
  sl_reply_text(call, "rules");
  sl_reply_array(call, end - first);
  for (size_t i = first; i < end; i++) {
    reply_rule(call, &model->rules[i]);
  }
}

// ---- EXPLAIN

// The line for people names values as they are: where one of them is secret, there is none.
static bool shows_secret(const struct sl_resp_call *call, const struct sl_explained *explained) {
  const struct sl_settings *settings = call->context->settings;
  if (explained->why != SL_WHY_APPLIES) {
    return explained->attr.len > 0 && sl_server_is_secret(settings, explained->attr);
  }
  for (size_t i = 0; i < explained->rule->key_count; i++) {
    if (sl_server_is_secret(settings, explained->rule->key[i])) {
      return true;
    }
  }
  return false;
}

static void reply_explained(struct sl_resp_call *call, const struct sl_explained *explained) {
  const bool applies = explained->why == SL_WHY_APPLIES;
  const bool about = !applies && explained->attr.len > 0;
  const bool open = !shows_secret(call, explained);
  char buffer[TEXT_ROOM];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  sl_reply_map(call, 2 + 3 * (size_t)applies + 2 * (size_t)about + (size_t)open);
  pair_text(call, "rule", explained->rule->id);
  sl_reply_text(call, "why");
  sl_reply_text(call, sl_why_name(explained->why));
  if (about) {
    pair_text(call, "attribute", explained->attr);
    sl_reply_text(call, "value");
    reply_value(call, explained->attr, explained->value);
  }
  if (applies) {
    sl_reply_text(call, "key");
    sl_reply_map(call, explained->rule->key_count);
    for (size_t i = 0; i < explained->rule->key_count; i++) {
      sl_reply_bulk(call, explained->rule->key[i]);
      reply_value(call, explained->rule->key[i], explained->key[i]);
    }
    pair_count(call, "cost", explained->cost);
    sl_limit_spec_write(explained->limit, &text);
    sl_reply_text(call, "limit");
    sl_reply_text(call, buffer);
  }
  if (open) {
    sl_text_init(&text, buffer, sizeof buffer);
    sl_explained_write(explained, &text);
    sl_reply_text(call, "text");
    sl_reply_text(call, buffer);
  }
}

void sl_resp_explain(struct sl_resp_call *call) {
  struct sl_resp_asked asked SL_UNINITIALIZED;
  if (!sl_resp_read_request(call, 1, &asked)) {
    return;
  }
  struct sl_arena arena;
  sl_arena_init(&arena, call->context->mem);
  struct sl_explanation explanation;
  enum sl_status status =
      sl_explain(call->context->bound->set, &asked.request, &arena, &explanation);
  if (status != SL_OK) {
    sl_reply_error(call, "ERR %s", sl_status_text(status));
  } else {
    const size_t shown = sl_min_u64(explanation.count, SL_RESP_RULES_MOST);
    sl_reply_array(call, shown);
    for (size_t i = 0; i < shown; i++) {
      reply_explained(call, &explanation.rules[i]);
    }
  }
  sl_arena_close(&arena);
}

// ---- TOP

static const struct sl_rule_model *find_rule(const struct sl_model *model, struct sl_str id) {
  for (size_t i = 0; i < model->rule_count; i++) {
    if (sl_str_eq(model->rules[i].id, id)) {
      return &model->rules[i];
    }
  }
  return NULL;
}

// Of a rule that is gone nobody knows what its values were: they are all treated as secret.
static void reply_top_values(struct sl_resp_call *call, const struct sl_top_item *item) {
  const struct sl_rule_model *rule =
      find_rule(call->context->bound->set->model, sl_top_item_rule(item));
  const bool throttle = sl_str_eq(sl_top_item_rule(item), SL_STR("cl.throttle"));
  sl_reply_array(call, item->value_count);
  for (size_t i = 0; i < item->value_count; i++) {
    const struct sl_str attribute = rule != NULL && i < rule->key_count ? rule->key[i]
                                    : throttle                          ? SL_STR("key")
                                                                        : SL_STR("api_key");
    reply_value(call, attribute, sl_top_item_value(item, i));
  }
}

static void reply_top(struct sl_resp_call *call, const struct sl_top_item *items, size_t count) {
  sl_reply_array(call, count);
  for (size_t i = 0; i < count; i++) {
    sl_reply_map(call, 5);
    pair_text(call, "rule", sl_top_item_rule(&items[i]));
    sl_reply_text(call, "key");
    reply_top_values(call, &items[i]);
    pair_count(call, "matched", items[i].matched);
    pair_count(call, "throttled", items[i].throttled);
    pair_count(call, "error", items[i].error);
  }
}

// [count] [BY matched|throttled]. False: an error was answered.
static bool read_top(struct sl_resp_call *call, int64_t *count, enum sl_top_order *order) {
  uint32_t at = 1;
  if (at < call->argc && !sl_word_is(sl_resp_arg(call, at), "by")) {
    if (!sl_resp_parse_i64(sl_resp_arg(call, at), count) || *count < 1 ||
        *count > SL_RESP_TOP_MOST) {
      sl_reply_error(call, "ERR count is an integer from 1 to %d", SL_RESP_TOP_MOST);
      return false;
    }
    at++;
  }
  if (at == call->argc) {
    return true;
  }
  const bool by = at + 2 == call->argc && sl_word_is(sl_resp_arg(call, at), "by");
  if (by && sl_word_is(sl_resp_arg(call, at + 1), "throttled")) {
    *order = SL_TOP_BY_THROTTLED;
  } else if (!by || !sl_word_is(sl_resp_arg(call, at + 1), "matched")) {
    sl_reply_error(call, "ERR syntax error");
    return false;
  }
  return true;
}

void sl_resp_top(struct sl_resp_call *call) {
  struct sl_context *context = call->context;
  int64_t most = 10;
  enum sl_top_order order = SL_TOP_BY_MATCHED;
  if (!read_top(call, &most, &order)) {
    return;
  }
  if (context->top == NULL) {
    sl_reply_array(call, 0);
    return;
  }
  const size_t bytes = (size_t)most * sizeof(struct sl_top_item);
  struct sl_top_item *items = sl_mem_alloc(context->mem, bytes);
  if (items == NULL) {
    sl_reply_error(call, "ERR out of memory");
    return;
  }
  reply_top(call, items,
            sl_top_snapshot(context->top, order, context->now_ns, (size_t)most, items));
  sl_mem_free(context->mem, items, bytes);
}

// ---- INFO

static void info_server(const struct sl_context *context, struct sl_text *text) {
  struct sl_server_stats stats = {.rules_version = context->rules_version};
  if (context->server != NULL) {
    sl_server_get_stats(context->server, &stats);
  }
  sl_text_printf(text, "# Server\r\nsluice_version:%s\r\nredis_mode:standalone\r\n", SL_VERSION);
  sl_text_printf(text, "uptime_in_seconds:%" PRIu64 "\r\n", stats.uptime_ns / SL_NS_PER_S);
  sl_text_printf(text, "loading:0\r\n");
  sl_text_printf(text, "\r\n# Clients\r\nconnected_clients:%" PRIu64 "\r\n", stats.connections);
  sl_text_printf(text, "total_connections_received:%" PRIu64 "\r\n", stats.accepted);
  sl_text_printf(text, "rejected_connections:%" PRIu64 "\r\n", stats.refused_full);
}

static void info_rules(const struct sl_context *context, struct sl_text *text) {
  sl_text_printf(text, "\r\n# Rules\r\nrules:%zu\r\nrules_version:%" PRIu64 "\r\n",
                 context->bound->set->rule_count, context->rules_version);
}

static void info_buckets(const struct sl_context *context, struct sl_text *text) {
  struct sl_engine_stats stats;
  struct sl_throttles_stats cl;
  sl_engine_get_stats(context->engine, &stats);
  sl_throttles_get_stats(context->throttles, &cl);
  sl_text_printf(text, "\r\n# Buckets\r\nbuckets:%zu\r\nused_memory:%zu\r\nmaxmemory:%zu\r\n",
                 stats.buckets, stats.bytes, stats.max_bytes);
  sl_text_printf(text, "dropped_fresh:%" PRIu64 "\r\ndropped_lossy:%" PRIu64 "\r\n",
                 stats.dropped_fresh, stats.dropped_lossy);
  sl_text_printf(text, "cl_buckets:%zu\r\ncl_used_memory:%zu\r\ncl_maxmemory:%zu\r\n", cl.buckets,
                 cl.bytes, cl.max_bytes);
  sl_text_printf(text, "cl_dropped_fresh:%" PRIu64 "\r\ncl_dropped_lossy:%" PRIu64 "\r\n",
                 cl.dropped_fresh, cl.dropped_lossy);
}

// All of it, whatever section was asked for: it is short.
void sl_resp_info(struct sl_resp_call *call) {
  char buffer[TEXT_ROOM];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  info_server(call->context, &text);
  info_rules(call->context, &text);
  info_buckets(call->context, &text);
  sl_reply_bulk(call, (struct sl_str){.ptr = buffer, .len = text.len});
}
