// front_http_decision.c - a decision as a reply: status, rate limit fields, JSON.
#include "base/arith.h"
#include "base/units.h"
#include "server/front_http.h"

// ---- the rate limit fields

// The override's spec of a hit, found by its key. Overrides of a rule with guarantee any_window
// only: elsewhere the prepared limit says what was written.
static const struct sl_limit_spec *spec_of(const struct sl_hit *hit) {
  const struct sl_rule_model *model = hit->rule->model;
  if (!hit->overridden || !model->limit.any_window) {
    return &model->limit;
  }
  for (size_t i = 0; i < model->override_count; i++) {
    bool same = true;
    for (size_t k = 0; k < model->key_count && same; k++) {
      same = sl_str_eq(model->overrides[i].values[k], hit->values[k]);
    }
    if (same) {
      return &model->overrides[i].limit;
    }
  }
  return &model->limit;
}

// In how long a cost of remaining + 1 would be admitted, by asking.
static uint64_t ask_growth(struct sl_http_call *call, const struct sl_hit *hit,
                           const struct sl_decision *decision) {
  const struct sl_ask ask = {.class = sl_hit_class(call->context->bound, hit),
                             .bucket = hit->bucket,
                             .cost = decision->remaining + 1};
  struct sl_decision larger;
  bool allowed;
  if (sl_engine_take_together(call->context->engine, &ask, 1, call->context->now_ns, true, &larger,
                              &allowed) != SL_OK) {
    return decision->reset_after_ns;
  }
  return larger.verdict == SL_THROTTLED ? larger.retry_after_ns : 0;
}

// The wait until `remaining` grows (SEMANTICS 23); 0 where it is all there, or never grows.
static uint64_t grows_after(struct sl_http_call *call, const struct sl_hit *hit,
                            const struct sl_decision *decision) {
  const struct sl_limit *limit = &sl_hit_class(call->context->bound, hit)->limit;
  if (decision->remaining >= limit->size || limit->rate_count == 0) {
    return 0;
  }
  switch (limit->algorithm) {
  case SL_TOKEN_BUCKET:
  case SL_LEAKY_BUCKET: {
    // The bucket fills evenly: the tokens between the next and the last are not waited for.
    const uint64_t later = limit->size - decision->remaining - 1;
    const sl_u128 after_next = (sl_u128)later * limit->rate_period_ns / limit->rate_count;
    return sl_max_u64(1, sl_sub_floor_u64(decision->reset_after_ns, sl_sat_u128(after_next)));
  }
  case SL_FIXED_WINDOW:
    return decision->reset_after_ns;
  default:
    return ask_growth(call, hit, decision);
  }
}

static void add_quota(struct sl_http_call *call, const struct sl_hit *hit,
                      const struct sl_decision *decision) {
  const struct sl_limit *limit = &sl_hit_class(call->context->bound, hit)->limit;
  if (limit->algorithm == SL_UNLIMITED) {
    return;
  }
  const struct sl_limit_spec *spec = spec_of(hit);
  const bool as_written = spec->any_window;
  const bool slots = limit->algorithm == SL_CONCURRENCY;
  const struct sl_http_quota quota = {
      .policy = hit->rule->id,
      .count = as_written ? spec->count : limit->rate_count,
      .period_ns = slots        ? 0
                   : as_written ? spec->period_ns
                                : limit->rate_period_ns,
      .remaining = decision->remaining,
      .grows_after_ns = grows_after(call, hit, decision),
  };
  char *at = sl_out_reserve(call->out, sl_http_quota_room(&quota));
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_http_put_quota(at, &quota) - at));
  }
}

// The hit that the answer is about, or NULL.
static const struct sl_hit *hit_of(const struct sl_http_call *call,
                                   const struct sl_answer *answer) {
  const struct sl_hits *hits = &call->context->decider.hits;
  for (size_t i = 0; i < hits->count && answer->rule != NULL; i++) {
    if (hits->items[i].rule == answer->rule) {
      return &hits->items[i];
    }
  }
  return NULL;
}

// ---- JSON

static char *put_figure(char *at, struct sl_str name, uint64_t figure) {
  at = sl_http_put_str(at, name);
  return figure == UINT64_MAX ? sl_http_put_str(at, SL_STR("null"))
                              : sl_http_put_number(at, figure);
}

static uint64_t ms_of(uint64_t ns) { return sl_ceil_div_u64(ns, SL_NS_PER_MS); }

// The figures; `verdict` false leaves out what only a decision has.
static char *put_figures(char *at, const struct sl_decision *decision, enum sl_verdict verdict,
                         bool with_verdict) {
  at = put_figure(at, SL_STR(",\"limit\":"), decision->limit);
  at = put_figure(at, SL_STR(",\"remaining\":"), decision->remaining);
  if (with_verdict) {
    at = put_figure(at, SL_STR(",\"retry_after_ms\":"),
                    verdict == SL_NEVER ? UINT64_MAX : ms_of(decision->retry_after_ns));
  }
  at = put_figure(at, SL_STR(",\"reset_after_ms\":"), ms_of(decision->reset_after_ns));
  if (decision->wait_ns > 0) {
    at = put_figure(at, SL_STR(",\"wait_ms\":"), ms_of(decision->wait_ns));
  }
  if (decision->slot != 0) {
    // As text: JSON's numbers lose the last digits in many readers.
    at = sl_http_put_number(sl_http_put_str(at, SL_STR(",\"slot\":\"")), decision->slot);
    *at++ = '"';
  }
  return at;
}

enum { FIGURES_ROOM = 256 };

static char *put_verdict(char *at, enum sl_verdict verdict) {
  static const struct sl_str texts[] = {
      [SL_ALLOWED] = {"\"allowed\":true,\"decision\":\"allowed\"", 35},
      [SL_THROTTLED] = {"\"allowed\":false,\"decision\":\"throttled\"", 38},
      [SL_NEVER] = {"\"allowed\":false,\"decision\":\"never\"", 34},
  };
  return sl_http_put_str(at, texts[verdict]);
}

void sl_http_add_hit(struct sl_http_call *call, const struct sl_hit *hit,
                     const struct sl_decision *decision, bool with_verdict) {
  const size_t room = FIGURES_ROOM + sl_json_string_room(hit->rule->id);
  char *from = sl_out_reserve(call->out, room);
  if (from == NULL) {
    return;
  }
  char *at = sl_http_put_str(from, SL_STR("{\"rule\":"));
  at = sl_json_put_string(at, hit->rule->id);
  if (hit->rule->over_limit == SL_OVER_SHADOW) {
    at = sl_http_put_str(at, SL_STR(",\"shadow\":true"));
  }
  if (with_verdict) {
    *at++ = ',';
    at = put_verdict(at, decision->verdict);
  }
  at = put_figures(at, decision, decision->verdict, with_verdict);
  *at++ = '}';
  sl_out_commit(call->out, (size_t)(at - from));
}

static void add_rules(struct sl_http_call *call) {
  const struct sl_decider *decider = &call->context->decider;
  SL_HTTP_ADD(call, ",\"rules\":[");
  for (size_t i = 0; i < decider->hits.count; i++) {
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    sl_http_add_hit(call, &decider->hits.items[i], &decider->decisions[i], true);
  }
  SL_HTTP_ADD(call, "]");
}

void sl_http_add_decision(struct sl_http_call *call, const struct sl_answer *answer) {
  const struct sl_str id = answer->rule == NULL ? SL_STR("") : answer->rule->id;
  char *from = sl_out_reserve(call->out, FIGURES_ROOM + sl_json_string_room(id));
  if (from == NULL) {
    return;
  }
  char *at = put_verdict(from, answer->verdict);
  at = sl_http_put_str(at, SL_STR(",\"rule\":"));
  at = answer->rule == NULL ? sl_http_put_str(at, SL_STR("null")) : sl_json_put_string(at, id);
  at = put_figures(at, &answer->decision, answer->verdict, true);
  sl_out_commit(call->out, (size_t)(at - from));
  if (call->context->decider.hits.count > 1) {
    add_rules(call);
  }
}

// ---- refusals

// The rules that refuse, as the problem type quota-exceeded wants them.
static void add_violated(struct sl_http_call *call) {
  const struct sl_decider *decider = &call->context->decider;
  bool first = true;
  SL_HTTP_ADD(call, ",\"violated-policies\":[");
  for (size_t i = 0; i < decider->hits.count; i++) {
    const struct sl_rule *rule = decider->hits.items[i].rule;
    if (rule->over_limit == SL_OVER_SHADOW || decider->decisions[i].verdict == SL_ALLOWED) {
      continue;
    }
    if (!first) {
      SL_HTTP_ADD(call, ",");
    }
    first = false;
    sl_http_add_string(call, rule->id);
  }
  SL_HTTP_ADD(call, "]");
}

static void add_detail(struct sl_http_call *call, const struct sl_answer *answer) {
  char id[SL_RULE_ID_MAX + 1];
  char detail[512];
  struct sl_text text;
  sl_text_init(&text, detail, sizeof detail);
  (void)sl_http_put_str(id, answer->rule->id);
  id[answer->rule->id.len] = '\0';
  if (answer->verdict == SL_NEVER) {
    sl_text_printf(&text, "rule %s admits a cost of at most %llu", id,
                   (unsigned long long)answer->decision.limit);
  } else {
    sl_text_printf(&text, "rule %s admits it in %llu ms", id,
                   (unsigned long long)ms_of(answer->decision.retry_after_ns));
  }
  sl_http_add_string(call, (struct sl_str){.ptr = detail, .len = text.len});
}

static void add_refusal(struct sl_http_call *call, const struct sl_answer *answer,
                        unsigned status) {
  sl_http_add(call, answer->verdict == SL_NEVER
                        ? SL_STR("{\"type\":\"about:blank\",\"title\":\"The request costs more "
                                 "than its limit ever admits\",\"status\":")
                        : SL_STR("{\"type\":\"https://iana.org/assignments/http-problem-types#"
                                 "quota-exceeded\",\"title\":\"Request cannot be satisfied as "
                                 "assigned quota has been exceeded\",\"status\":"));
  sl_http_add_number(call, status);
  SL_HTTP_ADD(call, ",\"detail\":");
  add_detail(call, answer);
  add_violated(call);
  SL_HTTP_ADD(call, ",");
}

static void add_retry_after(struct sl_http_call *call, uint64_t retry_after_ns) {
  char *at = sl_out_reserve(call->out, 40);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_http_put_retry_after(at, retry_after_ns) - at));
  }
}

void sl_http_answer(struct sl_http_call *call, const struct sl_answer *answer, unsigned deny) {
  const bool allowed = answer->verdict == SL_ALLOWED;
  const unsigned refused = answer->verdict == SL_NEVER && deny == 429 ? 422 : deny;
  const unsigned status = allowed ? 200 : refused;
  const struct sl_hit *hit = hit_of(call, answer);
  sl_http_begin(call, status);
  if (hit != NULL) {
    add_quota(call, hit, &answer->decision);
  }
  if (answer->verdict == SL_THROTTLED) {
    add_retry_after(call, answer->decision.retry_after_ns);
  }
  if (call->request->method.ptr[0] == 'G') {
    SL_HTTP_ADD(call, "Cache-Control: no-store\r\n");  // replies to POST are not kept anyway
  }
  sl_http_open_body(call, allowed ? SL_HTTP_JSON : SL_STR("application/problem+json"));
  if (allowed) {
    SL_HTTP_ADD(call, "{");
  } else {
    add_refusal(call, answer, status);
  }
  sl_http_add_decision(call, answer);
  SL_HTTP_ADD(call, "}\n");
  sl_http_end(call);
}
