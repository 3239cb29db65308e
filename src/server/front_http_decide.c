// front_http_decide.c - the requests that decide or change buckets.
#include "server/front_http.h"
#include "server/metrics.h"
#include "server/server.h"

// A batch decides at most so many requests: the worker serves nobody else meanwhile.
enum { BATCH_MAX = 1000 };

static uint64_t reread(struct sl_context *context) {
  return context->reread == NULL ? context->now_ns : context->reread(context);
}

// Does a refusal itself leave a trace (count_refused)? Then the request may be decided only once.
static bool counts_refusals(const struct sl_context *context) {
  const struct sl_hits *hits = &context->decider.hits;
  for (size_t i = 0; i < hits->count; i++) {
    if (sl_hit_class(context->bound, &hits->items[i])->limit.count_refused) {
      return true;
    }
  }
  return false;
}

static void note(struct sl_http_call *call, const struct sl_answer *answer) {
  struct sl_context *context = call->context;
  sl_metrics_decided(context, SL_METRICS_HTTP, answer);
  if (answer->verdict != SL_ALLOWED && context->server != NULL) {
    sl_server_note_refused(context, answer);
  }
}

enum sl_status sl_http_decide(struct sl_http_call *call, const struct sl_request *request,
                              bool look, struct sl_answer *ret_answer,
                              const struct sl_rule **ret_rule) {
  struct sl_context *context = call->context;
  struct sl_decider *decider = &context->decider;
  enum sl_status status = sl_identify(context->bound->set, request, &decider->hits, ret_rule);
  if (status != SL_OK) {
    return status;
  }
  const bool once = !look && counts_refusals(context);
  uint64_t now_ns = once ? reread(context) : context->now_ns;
  status = sl_decide_hits(context->bound, decider, now_ns, look, ret_answer);
  if (status == SL_OK && ret_answer->verdict == SL_THROTTLED && !once && reread(context) > now_ns) {
    // The clock has gone on since this turn began: perhaps it may go now (SEMANTICS 3).
    now_ns = context->now_ns;
    status = sl_decide_hits(context->bound, decider, now_ns, look, ret_answer);
  }
  if (status == SL_OK && !look) {
    note(call, ret_answer);
  }
  return status;
}

static void decide_body(struct sl_http_call *call, bool look) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  struct sl_answer answer;
  const struct sl_rule *rule = NULL;
  if (!sl_http_read_body(call, SL_ASK_COST, &ask)) {
    return;
  }
  const enum sl_status status = sl_http_decide(call, &ask.request, look, &answer, &rule);
  if (status != SL_OK) {
    sl_http_problem_of(call, status, rule);
    return;
  }
  sl_http_answer(call, &answer, 429);
}

void sl_http_allow(struct sl_http_call *call) { decide_body(call, false); }
void sl_http_peek(struct sl_http_call *call) { decide_body(call, true); }

// ---- batches

// Up to the first item of {"requests": [...]}. False: the problem was written.
static bool open_batch(struct sl_http_call *call, struct sl_json *json) {
  sl_json_begin(json, call->body);
  static const enum sl_json_event begin[] = {SL_JSON_OBJECT, SL_JSON_NAME, SL_JSON_ARRAY};
  bool form = true;
  for (size_t i = 0; i < SL_ARRAY_LEN(begin) && form; i++) {
    const enum sl_json_event event = sl_json_next(json);
    form =
        event == begin[i] && (event != SL_JSON_NAME || sl_str_eq(json->text, SL_STR("requests")));
  }
  if (form) {
    return true;
  }
  if (json->error != NULL) {
    sl_http_problem_json(call, json);
  } else {
    sl_http_problemf(call, 400, "The body is not what is asked here",
                     "a batch is {\"requests\": [{\"attributes\": {...}}, ...]}");
  }
  return false;
}

// Reads the whole batch, so that a mistake in its last request is told before the first is charged.
static bool check_batch(struct sl_http_call *call, struct sl_http_ask *ask) {
  struct sl_json json;
  if (!open_batch(call, &json)) {
    return false;
  }
  size_t count = 0;
  enum sl_json_event event;
  while ((event = sl_json_next(&json)) == SL_JSON_OBJECT) {
    if (++count > BATCH_MAX) {
      sl_http_problemf(call, 413, "Too many requests in one batch", "a batch has at most %d",
                       BATCH_MAX);
      return false;
    }
    if (!sl_http_read_ask(call, &json, SL_ASK_COST, ask)) {
      return false;
    }
  }
  const bool closed = event == SL_JSON_ARRAY_END && sl_json_next(&json) == SL_JSON_OBJECT_END;
  if (closed && sl_json_next(&json) == SL_JSON_END) {
    return true;
  }
  if (json.error != NULL) {
    sl_http_problem_json(call, &json);
  } else {
    sl_http_problemf(call, 400, "The body is not what is asked here",
                     "a batch has one member, requests, whose items are objects");
  }
  return false;
}

static void add_batch_item(struct sl_http_call *call, const struct sl_http_ask *ask) {
  struct sl_answer answer;
  const struct sl_rule *rule = NULL;
  const enum sl_status status = sl_http_decide(call, &ask->request, false, &answer, &rule);
  if (status == SL_OK) {
    SL_HTTP_ADD(call, "{");
    sl_http_add_decision(call, &answer);
    SL_HTTP_ADD(call, "}");
    return;
  }
  sl_metrics_add(call->context->metrics, SL_COUNT_HTTP_ERROR, 1);
  SL_HTTP_ADD(call, "{\"allowed\":false,\"decision\":null,\"error\":");
  sl_http_add_string(call, sl_str_of(sl_status_text(status)));
  SL_HTTP_ADD(call, ",\"rule\":");
  if (rule != NULL) {
    sl_http_add_string(call, rule->id);
  } else {
    SL_HTTP_ADD(call, "null");
  }
  SL_HTTP_ADD(call, "}");
}

void sl_http_batch(struct sl_http_call *call) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  struct sl_json json;
  if (!check_batch(call, &ask) || !open_batch(call, &json)) {
    return;
  }
  sl_http_begin(call, 200);
  SL_HTTP_ADD(call, "Cache-Control: no-store\r\n");
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"decisions\":[");
  for (bool first = true; sl_json_next(&json) == SL_JSON_OBJECT; first = false) {
    if (!first) {
      SL_HTTP_ADD(call, ",");
    }
    // It was read without a mistake a moment ago, so only memory can be wanting now.
    if (!sl_http_read_ask(call, &json, SL_ASK_COST, &ask)) {
      call->out->failed = true;
      return;
    }
    add_batch_item(call, &ask);
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}

// ---- what is done to each bucket of a request

// Reads the body and finds its rules; those of another id than "rule" names are left out. False:
// the problem was written.
static bool find_hits(struct sl_http_call *call, unsigned members, struct sl_http_ask *ask) {
  const struct sl_rule *rule = NULL;
  if (!sl_http_read_body(call, members, ask)) {
    return false;
  }
  struct sl_hits *hits = &call->context->decider.hits;
  const enum sl_status status = sl_identify(call->context->bound->set, &ask->request, hits, &rule);
  if (status != SL_OK) {
    sl_http_problem_of(call, status, rule);
    return false;
  }
  if (ask->rule.len == 0) {
    return true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < hits->count; i++) {
    if (sl_str_eq(hits->items[i].rule->id, ask->rule)) {
      hits->items[kept++] = hits->items[i];
    }
  }
  hits->count = kept;
  if (kept == 0) {
    sl_http_problemf(call, 404, "No such rule here",
                     "no rule of this id is in force and matches these attributes");
  }
  return kept > 0;
}

static struct sl_ask ask_of(const struct sl_http_call *call, const struct sl_hit *hit) {
  return (struct sl_ask){
      .class = sl_hit_class(call->context->bound, hit), .bucket = hit->bucket, .cost = hit->cost};
}

void sl_http_charge(struct sl_http_call *call) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  if (!find_hits(call, SL_ASK_COST | SL_ASK_RULE, &ask)) {
    return;
  }
  const struct sl_hits *hits = &call->context->decider.hits;
  sl_http_begin(call, 200);
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"rules\":[");
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_ask one = ask_of(call, &hits->items[i]);
    struct sl_decision decision = {.verdict = SL_ALLOWED};
    if (sl_engine_charge(call->context->engine, &one, call->context->now_ns, &decision) != SL_OK) {
      call->out->failed = true;
      return;
    }
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    sl_http_add_hit(call, &hits->items[i], &decision, false);
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}

typedef enum sl_status slot_op(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                               uint64_t now_ns, bool *ret_held);

// One slot may be held under several rules of the request: it is released, or renewed, under all.
static void on_slot(struct sl_http_call *call, slot_op *op, struct sl_str done) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  if (!find_hits(call, SL_ASK_SLOT | SL_ASK_RULE, &ask)) {
    return;
  }
  if (ask.slot == 0) {
    sl_http_problemf(call, 400, "The body is not what is asked here",
                     "\"slot\" is missing: what the admission answered as slot");
    return;
  }
  const struct sl_hits *hits = &call->context->decider.hits;
  bool held = false;
  bool any = false;
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_ask one = ask_of(call, &hits->items[i]);
    bool here = false;
    const enum sl_status status =
        op(call->context->engine, &one, ask.slot, call->context->now_ns, &here);
    if (status != SL_OK && status != SL_ERR_UNSUPPORTED) {
      sl_http_problem_of(call, status, NULL);
      return;
    }
    any = any || status == SL_OK;
    held = held || here;
  }
  if (!any) {
    sl_http_problem_of(call, SL_ERR_UNSUPPORTED, NULL);
    return;
  }
  sl_http_begin(call, 200);
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"");
  sl_http_add(call, done);
  sl_http_add(call, held ? SL_STR("\":true}\n") : SL_STR("\":false}\n"));
  sl_http_end(call);
}

void sl_http_release(struct sl_http_call *call) {
  on_slot(call, sl_engine_release, SL_STR("released"));
}

void sl_http_renew(struct sl_http_call *call) { on_slot(call, sl_engine_renew, SL_STR("renewed")); }

void sl_http_reset(struct sl_http_call *call) {
  struct sl_http_ask ask SL_UNINITIALIZED;
  if (!find_hits(call, SL_ASK_RULE, &ask)) {
    return;
  }
  const struct sl_hits *hits = &call->context->decider.hits;
  sl_http_begin(call, 200);
  sl_http_open_body(call, SL_HTTP_JSON);
  SL_HTTP_ADD(call, "{\"rules\":[");
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_hit *hit = &hits->items[i];
    const struct sl_class *class = sl_hit_class(call->context->bound, hit);
    const bool was = sl_engine_reset(call->context->engine, class, hit->bucket);
    if (i > 0) {
      SL_HTTP_ADD(call, ",");
    }
    SL_HTTP_ADD(call, "{\"rule\":");
    sl_http_add_string(call, hit->rule->id);
    sl_http_add(call, was ? SL_STR(",\"had_bucket\":true}") : SL_STR(",\"had_bucket\":false}"));
  }
  SL_HTTP_ADD(call, "]}\n");
  sl_http_end(call);
}
