// front_resp_decide.c - ALLOW, PEEK, CHARGE, RELEASE, RENEW and RESET: requests as pairs of
// attributes and values.
#include "rule/ruleset.h"
#include "server/front_resp.h"
#include "server/server.h"

// ---- reading a request

static bool read_cost(struct sl_resp_call *call, struct sl_str text, uint64_t *ret_cost) {
  int64_t cost;
  if (!sl_resp_parse_i64(text, &cost) || cost < 0) {
    sl_reply_error(call, "ERR COST is an integer from 0 to 9223372036854775807");
    return false;
  }
  *ret_cost = (uint64_t)cost;
  return true;
}

// Takes COST n off the end. False: an error was answered.
static bool read_options(struct sl_resp_call *call, uint32_t from, uint32_t *end,
                         struct sl_resp_asked *asked) {
  while (*end - from >= 2) {
    const struct sl_str name = sl_resp_arg(call, *end - 2);
    if (sl_word_is(name, "timeout")) {
      sl_reply_error(call, "ERR TIMEOUT is a reserved name, and nothing waits here");
      return false;
    }
    if (!sl_word_is(name, "cost")) {
      return true;
    }
    if (asked->has_cost) {
      sl_reply_error(call, "ERR COST is given twice");
      return false;
    }
    if (!read_cost(call, sl_resp_arg(call, *end - 1), &asked->request.cost)) {
      return false;
    }
    asked->has_cost = true;
    *end -= 2;
  }
  return true;
}

static bool read_pair(struct sl_resp_call *call, uint32_t at, struct sl_attr *ret_attr) {
  const struct sl_attr attr = {.name = sl_resp_arg(call, at), .value = sl_resp_arg(call, at + 1)};
  if (sl_word_is(attr.name, "cost") || sl_word_is(attr.name, "timeout")) {
    sl_reply_error(call, "ERR COST and TIMEOUT are reserved names and come last");
    return false;
  }
  if (attr.name.len == 0 || attr.name.len > SL_ATTR_NAME_MAX) {
    sl_reply_error(call, "ERR the name of an attribute has 1 to %d bytes", SL_ATTR_NAME_MAX);
    return false;
  }
  if (attr.value.len > call->context->settings->max_attribute) {
    sl_reply_error(call, "ERR the value of an attribute has more than %llu bytes",
                   (unsigned long long)call->context->settings->max_attribute);
    return false;
  }
  *ret_attr = attr;
  return true;
}

bool sl_resp_read_request(struct sl_resp_call *call, uint32_t from,
                          struct sl_resp_asked *ret_asked) {
  uint32_t end = call->argc;
  ret_asked->has_cost = false;
  ret_asked->request = (struct sl_request){.attrs = ret_asked->attrs, .cost = 1};
  if ((end - from) % 2 != 0) {
    sl_reply_error(call, "ERR attributes come in pairs of a name and a value");
    return false;
  }
  if (!read_options(call, from, &end, ret_asked)) {
    return false;
  }
  const size_t most = sl_min_u64(call->context->settings->max_attributes, SL_ATTRS_MAX);
  if ((end - from) / 2 > most) {
    sl_reply_error(call, "ERR a request has at most %zu attributes", most);
    return false;
  }
  for (uint32_t at = from; at < end; at += 2) {
    if (!read_pair(call, at, &ret_asked->attrs[ret_asked->request.attr_count])) {
      return false;
    }
    ret_asked->request.attr_count++;
  }
  return true;
}

static void reply_failed(struct sl_resp_call *call, enum sl_status status,
                         const struct sl_rule *rule) {
  if (status == SL_ERR_COST && rule != NULL) {
    sl_reply_error(call,
                   "ERR the cost that rule %.*s takes from the request is not an integer >= 0",
                   (int)rule->id.len, rule->id.ptr);
  } else {
    sl_reply_error(call, "ERR %s", sl_status_text(status));
  }
}

// Reads the request and finds its rules, in context->decider.hits. False: an error was answered.
static bool identify(struct sl_resp_call *call, uint32_t from, struct sl_resp_asked *asked) {
  if (!sl_resp_read_request(call, from, asked)) {
    return false;
  }
  struct sl_context *context = call->context;
  const struct sl_rule *rule = NULL;
  enum sl_status status =
      sl_identify(context->bound->set, &asked->request, &context->decider.hits, &rule);
  if (status != SL_OK) {
    reply_failed(call, status, rule);
  }
  return status == SL_OK;
}

// ---- answering a decision

static int64_t ms_up(uint64_t ns) { return (int64_t)sl_ceil_div_u64(ns, SL_NS_PER_MS); }

static void pair_int(struct sl_resp_call *call, const char *name, int64_t value) {
  sl_reply_text(call, name);
  sl_reply_int(call, value);
}

static void reply_answer(struct sl_resp_call *call, const struct sl_answer *answer) {
  const struct sl_decision *decision = &answer->decision;
  const bool has_rule = answer->rule != NULL;
  const bool limited = has_rule && decision->limit != UINT64_MAX;
  const bool waits = decision->wait_ns > 0 && answer->verdict == SL_ALLOWED;
  const bool slot = decision->slot != 0 && answer->verdict == SL_ALLOWED;
  sl_reply_map(call, 1 + (size_t)has_rule + 4 * (size_t)limited + (size_t)waits + (size_t)slot);
  sl_reply_text(call, "allowed");
  sl_reply_bool(call, answer->verdict == SL_ALLOWED);
  if (has_rule) {
    sl_reply_text(call, "rule");
    sl_reply_bulk(call, answer->rule->id);
  }
  if (limited) {
    pair_int(call, "limit", (int64_t)decision->limit);
    pair_int(call, "remaining", (int64_t)decision->remaining);
    pair_int(call, "retry_after_ms",
             answer->verdict == SL_NEVER ? -1 : ms_up(decision->retry_after_ns));
    pair_int(call, "reset_after_ms", ms_up(decision->reset_after_ns));
  }
  if (waits) {
    pair_int(call, "wait_ms", ms_up(decision->wait_ns));
  }
  if (slot) {
    pair_int(call, "slot", (int64_t)decision->slot);
  }
}

// A refusal that is itself written down must not be decided twice.
static bool logs_refusals(const struct sl_context *context) {
  const struct sl_hits *hits = &context->decider.hits;
  for (size_t i = 0; i < hits->count; i++) {
    if (sl_hit_class(context->bound, &hits->items[i])->limit.count_refused) {
      return true;
    }
  }
  return false;
}

// Decides; before it refuses, the clock is read again if the last reading is old.
static enum sl_status decide(struct sl_context *context, bool look, struct sl_answer *ret_answer) {
  if (!look && logs_refusals(context)) {
    (void)context->reread(context);
  }
  uint64_t now_ns = context->now_ns;
  enum sl_status status =
      sl_decide_hits(context->bound, &context->decider, now_ns, look, ret_answer);
  if (status == SL_OK && ret_answer->verdict == SL_THROTTLED &&
      context->reread(context) != now_ns) {
    status = sl_decide_hits(context->bound, &context->decider, context->now_ns, look, ret_answer);
  }
  return status;
}

void sl_resp_allow(struct sl_resp_call *call) {
  struct sl_context *context = call->context;
  const bool look = call->command->id == SL_CMD_PEEK;
  struct sl_resp_asked asked SL_UNINITIALIZED;
  if (!identify(call, 1, &asked)) {
    return;
  }
  struct sl_answer answer;
  enum sl_status status = decide(context, look, &answer);
  if (status != SL_OK) {
    reply_failed(call, status, NULL);
    return;
  }
  if (!look) {
    sl_metrics_decided(context, SL_METRICS_RESP, &answer);
    if (answer.verdict != SL_ALLOWED && context->server != NULL) {
      sl_server_note_refused(context, &answer);
    }
  }
  reply_answer(call, &answer);
}

// ---- what is done to the buckets of a request

static struct sl_ask ask_of(const struct sl_context *context, const struct sl_hit *hit) {
  return (struct sl_ask){.class = sl_hit_class(context->bound, hit),
                         .bucket = hit->bucket,
                         .cost = hit->cost,
                         .shadow = hit->rule->over_limit == SL_OVER_SHADOW};
}

// Charges each rule's bucket, then says what a look would.
void sl_resp_charge(struct sl_resp_call *call) {
  struct sl_context *context = call->context;
  struct sl_resp_asked asked SL_UNINITIALIZED;
  if (!identify(call, 1, &asked)) {
    return;
  }
  const struct sl_hits *hits = &context->decider.hits;
  enum sl_status status = SL_OK;
  for (size_t i = 0; i < hits->count && status == SL_OK; i++) {
    const struct sl_ask ask = ask_of(context, &hits->items[i]);
    struct sl_decision decision;
    status = sl_engine_charge(context->engine, &ask, context->now_ns, &decision);
    hits->items[i].cost = 0;  // what follows only looks
  }
  struct sl_answer answer;
  if (status == SL_OK) {
    status = sl_decide_hits(context->bound, &context->decider, context->now_ns, true, &answer);
  }
  if (status != SL_OK) {
    reply_failed(call, status, NULL);
    return;
  }
  reply_answer(call, &answer);
}

void sl_resp_slot(struct sl_resp_call *call) {
  struct sl_context *context = call->context;
  int64_t slot;
  if (!sl_resp_parse_i64(sl_resp_arg(call, 1), &slot) || slot < 0) {
    sl_reply_error(call, "ERR a slot is the number that ALLOW gave");
    return;
  }
  struct sl_resp_asked asked SL_UNINITIALIZED;
  if (!identify(call, 2, &asked)) {
    return;
  }
  const struct sl_hits *hits = &context->decider.hits;
  bool any = false;
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_ask ask = ask_of(context, &hits->items[i]);
    bool held = false;
    if (ask.class->limit.algorithm != SL_CONCURRENCY) {
      continue;
    }
    enum sl_status status =
        call->command->id == SL_CMD_RELEASE
            ? sl_engine_release(context->engine, &ask, (uint64_t)slot, context->now_ns, &held)
            : sl_engine_renew(context->engine, &ask, (uint64_t)slot, context->now_ns, &held);
    if (status != SL_OK) {
      reply_failed(call, status, NULL);
      return;
    }
    any = any || held;
  }
  sl_reply_int(call, any);
}

void sl_resp_reset(struct sl_resp_call *call) {
  struct sl_context *context = call->context;
  struct sl_resp_asked asked SL_UNINITIALIZED;
  if (!identify(call, 1, &asked)) {
    return;
  }
  const struct sl_hits *hits = &context->decider.hits;
  int64_t count = 0;
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_ask ask = ask_of(context, &hits->items[i]);
    if (ask.class->limit.algorithm != SL_UNLIMITED) {
      count += sl_engine_reset(context->engine, ask.class, ask.bucket);
    }
  }
  sl_reply_int(call, count);
}
