// front_resp.c - the RESP front end: requests out of bytes, one after the other, each answered in
// its turn; a run of CL.THROTTLE calls is decided together.
#include "server/front_resp.h"

#include "server/server.h"
#include "server/tokens.h"

// ---- bounds

static bool is_known(const struct sl_resp_conn *conn, const struct sl_context *context) {
  return context->tokens == NULL || conn->scopes != 0;
}

static struct sl_resp_bounds bounds_of(const struct sl_resp_conn *conn,
                                       const struct sl_context *context) {
  const struct sl_settings *settings = context->settings;
  uint32_t bytes = (uint32_t)sl_min_u64(settings->max_request, UINT32_MAX / 2);
  if (!is_known(conn, context)) {
    return (struct sl_resp_bounds){.args = SL_RESP_ARGS_UNKNOWN,
                                   .bulk = SL_RESP_BULK_UNKNOWN,
                                   .line = SL_RESP_LINE_MAX,
                                   .bytes = bytes};
  }
  // Two words an attribute; the command, a slot, COST n and TIMEOUT t besides.
  return (struct sl_resp_bounds){.args = (uint32_t)settings->max_attributes * 2 + 6,
                                 .bulk = (uint32_t)sl_min_u64(SL_RESP_BULK_MAX, bytes),
                                 .line = SL_RESP_LINE_MAX,
                                 .bytes = bytes,
                                 .known = true};
}

// So much may wait to be sent before the next request is looked at.
enum { WAITING_MOST = 64 * 1024 };

static bool is_full(const struct sl_out *out) {
  return out->failed || out->len >= sl_min_u64(WAITING_MOST, out->max / 2 + 1);
}

// ---- CL.THROTTLE

enum { BATCH = 32, TOP_RATE = 64 };

// Calls that were read and not yet decided.
struct batch {
  uint32_t count;
  uint32_t quota_count;
  struct {
    struct sl_hash bucket;
    const struct sl_quota *quota;
    uint64_t cost;
    struct sl_str key;
  } items[BATCH];
  struct sl_quota quotas[BATCH];
};

static inline bool is_throttle(struct sl_str name) {
  return name.len == 11 &&
         (memcmp(name.ptr, "CL.THROTTLE", 11) == 0 || sl_word_is(name, "cl.throttle"));
}

// The busiest keys are known by a sample: one call in TOP_RATE stands for all.
static void note_throttle(struct sl_resp_conn *conn, struct sl_context *context, struct sl_str key,
                          struct sl_hash bucket, bool limited) {
  if (context->top == NULL) {
    return;
  }
  if (conn->top_left > 0) {
    conn->top_left--;
    return;
  }
  conn->top_left = (uint32_t)(sl_splitmix64(&conn->top_seed) % (2 * TOP_RATE - 1));
  const struct sl_top_key top_key = {
      .hash = bucket, .rule = SL_STR("cl.throttle"), .values = &key, .value_count = 1};
  (void)sl_top_note(context->top, &top_key, TOP_RATE, limited ? TOP_RATE : 0, context->now_ns);
}

// Decides and answers what the batch holds. Before a refusal the clock is read again, if it is old.
static void run_batch(struct sl_resp_conn *conn, struct sl_context *context, struct batch *batch,
                      struct sl_out *out) {
  if (batch->count == 0) {
    return;
  }
  struct sl_slot *slots[BATCH];
  for (uint32_t i = 0; i < batch->count; i++) {
    slots[i] = sl_throttle_find(context->throttles, batch->items[i].bucket);
  }
  uint64_t refused[2] = {0, 0};
  char *at = sl_out_reserve(out, batch->count * SL_CL_ANSWER_ROOM);
  char *const from = at;
  for (uint32_t i = 0; i < batch->count && from != NULL; i++) {
    struct sl_throttled throttled;
    uint64_t now_ns = context->now_ns;
    sl_throttle_take(context->throttles, slots[i], batch->items[i].bucket, batch->items[i].quota,
                     batch->items[i].cost, now_ns, &throttled);
    if (SL_UNLIKELY(throttled.limited) && !throttled.never && context->reread(context) != now_ns) {
      sl_throttle_take(context->throttles, slots[i], batch->items[i].bucket, batch->items[i].quota,
                       batch->items[i].cost, context->now_ns, &throttled);
    }
    at = sl_cl_answer_write(at, &throttled);
    refused[throttled.never] += throttled.limited;
    note_throttle(conn, context, batch->items[i].key, batch->items[i].bucket, throttled.limited);
  }
  if (from != NULL) {
    sl_out_commit(out, (size_t)(at - from));
    sl_metrics_add(context->metrics, SL_COUNT_RESP_ALLOWED, batch->count - refused[0] - refused[1]);
  }
  if (refused[0] + refused[1] > 0) {
    sl_metrics_add(context->metrics, SL_COUNT_RESP_THROTTLED, refused[0]);
    sl_metrics_add(context->metrics, SL_COUNT_RESP_NEVER, refused[1]);
  }
  batch->count = 0;
  batch->quota_count = 0;
}

// Puts a call into the batch. An error is answered at once, behind what the batch holds.
static void add_throttle(struct sl_resp_call *call, struct batch *batch) {
  struct sl_str numbers[4];
  const uint32_t count = call->argc < 2 ? 0 : call->argc - 2;
  for (uint32_t i = 0; i < count && i < SL_ARRAY_LEN(numbers); i++) {
    numbers[i] = sl_resp_arg(call, i + 2);
  }
  struct sl_cl_memo *memo = &call->conn->memo;
  struct sl_cl_call asked = {.cost = 0};
  struct sl_str bad = {.ptr = NULL};
  enum sl_cl_error error = sl_cl_read(numbers, count, &asked, &bad);
  const bool same = batch->quota_count > 0 && memo->set && memo->max_burst == asked.max_burst &&
                    memo->count == asked.count && memo->period_s == asked.period_s;
  error = error == SL_CL_OK ? sl_cl_quota(memo, &asked) : error;
  if (SL_UNLIKELY(error != SL_CL_OK)) {
    char buffer[SL_CL_ERROR_ROOM];
    struct sl_text text;
    sl_text_init(&text, buffer, sizeof buffer);
    sl_cl_error_write(error, bad, &text);
    run_batch(call->conn, call->context, batch, call->out);
    sl_reply_error(call, "%s", buffer);
    return;
  }
  if (!same) {
    batch->quotas[batch->quota_count++] = memo->quota;
  }
  const struct sl_str key = sl_resp_arg(call, 1);
  const uint32_t at = batch->count++;
  batch->items[at].key = key;
  batch->items[at].bucket = sl_throttle_bucket(call->context->throttles, key);
  batch->items[at].quota = &batch->quotas[batch->quota_count - 1];
  batch->items[at].cost = asked.cost;
  sl_throttle_prefetch(call->context->throttles, batch->items[at].bucket);
}

// ---- other commands

enum { ARGS_SHOWN = 128 };

static void unknown_command(struct sl_resp_call *call) {
  char buffer[2 * ARGS_SHOWN];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  for (uint32_t i = 1; i < call->argc && text.len < ARGS_SHOWN; i++) {
    struct sl_str arg = sl_resp_arg(call, i);
    sl_text_printf(&text, "'%.*s' ", (int)sl_min_u64(arg.len, ARGS_SHOWN - text.len), arg.ptr);
  }
  const struct sl_str name = sl_resp_arg(call, 0);
  sl_reply_error(call, "ERR unknown command '%.*s', with args beginning with: %s",
                 (int)sl_min_u64(name.len, ARGS_SHOWN), name.ptr, buffer);
}

static void run_ping(struct sl_resp_call *call) {
  if (call->argc > 2) {
    sl_reply_wrong_args(call, "ping");
  } else if (call->argc == 2) {
    sl_reply_bulk(call, sl_resp_arg(call, 1));
  } else {
    sl_reply_simple(call, "PONG");
  }
}

static void run_select(struct sl_resp_call *call) {
  int64_t index;
  if (!sl_resp_parse_i64(sl_resp_arg(call, 1), &index)) {
    sl_reply_error(call, "ERR value is not an integer or out of range");
  } else if (index != 0) {
    sl_reply_error(call, "ERR DB index is out of range");
  } else {
    sl_reply_simple(call, "OK");
  }
}

static void run_reset(struct sl_resp_call *call) {
  if (call->argc == 1) {
    sl_resp_session_reset(call->conn, call->context);
    sl_reply_simple(call, "RESET");
  } else {
    sl_resp_reset(call);
  }
}

static void run_command(struct sl_resp_call *call) {
  switch (call->command->id) {
  case SL_CMD_ALLOW:
  case SL_CMD_PEEK:
    sl_resp_allow(call);
    break;
  case SL_CMD_CHARGE:
    sl_resp_charge(call);
    break;
  case SL_CMD_RELEASE:
  case SL_CMD_RENEW:
    sl_resp_slot(call);
    break;
  case SL_CMD_RESET:
    run_reset(call);
    break;
  case SL_CMD_RULES:
    sl_resp_rules(call);
    break;
  case SL_CMD_EXPLAIN:
    sl_resp_explain(call);
    break;
  case SL_CMD_TOP:
    sl_resp_top(call);
    break;
  case SL_CMD_INFO:
    sl_resp_info(call);
    break;
  case SL_CMD_PING:
    run_ping(call);
    break;
  case SL_CMD_ECHO:
    sl_reply_bulk(call, sl_resp_arg(call, 1));
    break;
  case SL_CMD_HELLO:
    sl_resp_hello(call);
    break;
  case SL_CMD_AUTH:
    sl_resp_auth(call);
    break;
  case SL_CMD_CLIENT:
    sl_resp_client(call);
    break;
  case SL_CMD_COMMAND:
    sl_resp_command(call);
    break;
  case SL_CMD_SELECT:
    run_select(call);
    break;
  default:
    call->conn->closing = true;
    sl_reply_simple(call, "OK");
    break;
  }
}

static bool right_count(const struct sl_resp_call *call) {
  const int arity = call->command->arity;
  return arity >= 0 ? call->argc == (uint32_t)arity : call->argc >= (uint32_t)-arity;
}

// RESET without arguments is the connection's own affair.
static bool needs_scope(const struct sl_resp_call *call) {
  return call->context->tokens != NULL && call->command->scopes != 0 &&
         !(call->command->id == SL_CMD_RESET && call->argc == 1);
}

// Whether the client may; where not, an error was answered.
static bool may_run(struct sl_resp_call *call) {
  const unsigned scopes = call->conn->scopes;
  if (!needs_scope(call) || (call->command->scopes & scopes) != 0) {
    return true;
  }
  if (scopes == 0) {
    sl_reply_error(call, "NOAUTH Authentication required.");
  } else {
    sl_reply_error(call, "NOPERM this token does not allow the '%s' command", call->command->name);
  }
  return false;
}

// A browser that was lured into sending a request here names one of these first (SEMANTICS 45).
static bool is_lured(struct sl_str name) {
  return sl_word_is(name, "post") || sl_word_is(name, "host:");
}

static void execute(struct sl_resp_call *call) {
  const struct sl_str name = sl_resp_arg(call, 0);
  call->command = sl_resp_command_find(name);
  if (call->command == NULL) {
    if (is_lured(name)) {
      call->conn->closing = true;
    } else if (!is_known(call->conn, call->context)) {
      sl_reply_error(call, "NOAUTH Authentication required.");
    } else {
      unknown_command(call);
    }
  } else if (!right_count(call)) {
    sl_reply_wrong_args(call, call->command->name);
  } else if (may_run(call)) {
    run_command(call);
  }
}

// ---- the front end

static bool resp_open(void *state, struct sl_context *context, const struct sl_peer *peer) {
  struct sl_resp_conn *conn = state;
  (void)peer;
  sl_resp_parser_init(&conn->parser, context->mem);
  conn->id = context->server != NULL ? sl_server_next_id(context->server) : 1;
  conn->top_seed = conn->id ^ context->now_ns;
  conn->top_left = (uint32_t)(sl_splitmix64(&conn->top_seed) % TOP_RATE);
  sl_metrics_add(context->metrics, SL_COUNT_RESP_OPEN, 1);
  sl_metrics_add(context->metrics, SL_COUNT_RESP_ACCEPTED, 1);
  return true;
}

// One whole request. True where it waits in the batch.
static bool take_request(struct sl_resp_call *call, struct batch *batch) {
  call->argc = call->conn->parser.arg_count;
  if (is_throttle(sl_resp_arg(call, 0))) {
    call->command = &sl_resp_commands[SL_CMD_CL_THROTTLE];
    if (!needs_scope(call) || (call->conn->scopes & call->command->scopes) != 0) {
      add_throttle(call, batch);
      // The words of a line lie in the parser, which is about to read on.
      return call->conn->parser.words == NULL;
    }
  }
  run_batch(call->conn, call->context, batch, call->out);
  execute(call);
  return false;
}

static void answer_bad(struct sl_resp_call *call, struct sl_str error) {
  call->conn->closing = true;
  if (error.len > 0) {
    sl_reply_error(call, "ERR %.*s", (int)error.len, error.ptr);
  }
}

static enum sl_feed resp_feed(void *state, struct sl_context *context, const char *bytes,
                              size_t len, size_t *ret_used, struct sl_out *out) {
  struct sl_resp_conn *conn = state;
  struct sl_resp_call call = {.conn = conn, .context = context, .out = out};
  struct sl_resp_bounds bounds = bounds_of(conn, context);
  struct batch batch;
  batch.count = 0;
  batch.quota_count = 0;
  size_t at = 0;
  // One request at least: else the caller could not tell that more is to come.
  while (!conn->closing && (at == 0 || !is_full(out))) {
    size_t used;
    struct sl_str error = {.ptr = "", .len = 0};
    call.bytes = bytes + at;
    enum sl_resp_state read =
        sl_resp_parse(&conn->parser, &bounds, bytes + at, len - at, &used, &error);
    at += used;
    if (read == SL_RESP_BAD) {
      run_batch(conn, context, &batch, out);
      answer_bad(&call, error);
    } else if (read == SL_RESP_MORE) {
      break;
    } else if (conn->parser.arg_count > 0 && !take_request(&call, &batch)) {
      run_batch(conn, context, &batch, out);
      bounds = bounds_of(conn, context);
    }
    if (batch.count == BATCH) {
      run_batch(conn, context, &batch, out);
    }
  }
  run_batch(conn, context, &batch, out);
  *ret_used = conn->closing ? len : at;
  return conn->closing || out->failed ? SL_FEED_CLOSE : SL_FEED_MORE;
}

static bool resp_in_request(const void *state) {
  const struct sl_resp_conn *conn = state;
  return sl_resp_in_request(&conn->parser);
}

static bool resp_drain(void *state) { return !resp_in_request(state); }

static void resp_close(void *state, struct sl_context *context) {
  struct sl_resp_conn *conn = state;
  sl_resp_parser_close(&conn->parser);
  sl_mem_free(context->mem, conn->name, conn->name_len);
  conn->name = NULL;
  sl_metrics_sub(context->metrics, SL_COUNT_RESP_OPEN, 1);
}

const struct sl_front sl_front_resp = {
    .name = "resp",
    .state_bytes = sizeof(struct sl_resp_conn),
    .open = resp_open,
    .feed = resp_feed,
    .in_request = resp_in_request,
    .drain = resp_drain,
    .close = resp_close,
};
