// front_http.c - the HTTP front end: bytes to requests, who may ask what, and the routes.
#include "server/front_http.h"
#include "rule/address.h"
#include "server/metrics.h"
#include "server/settings.h"
#include "server/tokens.h"
#include "wire/query.h"

// Replies of so many bytes are sent before more requests of a pipeline are answered.
enum { OUT_ENOUGH = 64 << 10 };

struct state {
  struct sl_http_parser parser;
  const struct sl_settings *settings;
  bool draining;
  struct sl_peer peer;
};

// ---- routes

enum method { GET, POST, METHODS };

struct route {
  struct sl_str path;
  enum method method;
  unsigned scope;  // of enum sl_scope; 0: none is needed
  bool operators;  // where there is an --admin listener, it is served there alone
  void (*serve)(struct sl_http_call *call);
};

#define ROUTE(path, method, scope, operators, serve) \
  { {path, sizeof(path) - 1}, method, scope, operators, serve }

// The one table of what is served. The busiest stand first.
static const struct route routes[] = {
    ROUTE("/v1/allow", POST, SL_SCOPE_DECIDE, false, sl_http_allow),
    ROUTE("/v1/check", GET, SL_SCOPE_DECIDE, false, sl_http_check),
    ROUTE("/v1/allow/batch", POST, SL_SCOPE_DECIDE, false, sl_http_batch),
    ROUTE("/v1/charge", POST, SL_SCOPE_DECIDE, false, sl_http_charge),
    ROUTE("/v1/release", POST, SL_SCOPE_DECIDE, false, sl_http_release),
    ROUTE("/v1/renew", POST, SL_SCOPE_DECIDE, false, sl_http_renew),
    ROUTE("/v1/peek", POST, SL_SCOPE_DECIDE, false, sl_http_peek),
    ROUTE("/v1/reset", POST, SL_SCOPE_ADMIN, true, sl_http_reset),
    ROUTE("/v1/explain", POST, SL_SCOPE_READ, true, sl_http_explain),
    ROUTE("/v1/top", GET, SL_SCOPE_READ, true, sl_http_top),
    ROUTE("/v1/rules", GET, SL_SCOPE_READ, true, sl_http_rules),
    ROUTE("/metrics", GET, SL_SCOPE_READ, true, sl_http_metrics),
    ROUTE("/healthz", GET, 0, false, sl_http_healthz),
    ROUTE("/readyz", GET, 0, false, sl_http_readyz),
    ROUTE("/openapi.yaml", GET, 0, false, sl_http_openapi),
};

static const struct route *find_route(struct sl_str path) {
  for (size_t i = 0; i < SL_ARRAY_LEN(routes); i++) {
    if (sl_str_eq(routes[i].path, path)) {
      return &routes[i];
    }
  }
  return NULL;
}

static bool is_method(struct sl_str method, enum method wanted) {
  return wanted == POST ? sl_str_eq(method, SL_STR("POST"))
                        : sl_str_eq(method, SL_STR("GET")) || sl_str_eq(method, SL_STR("HEAD"));
}

static void refuse_method(struct sl_http_call *call, const struct route *route) {
  static const char detail[] = "this path takes only the method that the field Allow names";
  sl_metrics_add(call->context->metrics, SL_COUNT_HTTP_ERROR, 1);
  sl_http_begin(call, 405);
  sl_http_add(call,
              route->method == POST ? SL_STR("Allow: POST\r\n") : SL_STR("Allow: GET, HEAD\r\n"));
  sl_http_open_body(call, SL_STR("application/problem+json"));
  SL_HTTP_ADD(call, "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\",\"status\":405,"
                    "\"detail\":");
  sl_http_add_string(call, SL_STR(detail));
  SL_HTTP_ADD(call, "}\n");
  sl_http_end(call);
}

// ---- who may ask

// A page in a browser can be made to ask this server under a name of the page's owner (DNS
// rebinding), but not under an address, or a name that only we are called.
static bool is_our_host(const struct sl_settings *settings, struct sl_str host) {
  struct sl_address address;
  if (sl_address_parse_peer(host, &address)) {
    return true;
  }
  const char *colon = host.len == 0 ? NULL : memrchr(host.ptr, ':', host.len);
  const struct sl_str name = {.ptr = host.ptr,
                              .len = colon == NULL ? host.len : (size_t)(colon - host.ptr)};
  if (sl_http_is(name, SL_STR("localhost"))) {
    return true;
  }
  for (size_t i = 0; settings != NULL && i < settings->hosts.count; i++) {
    const struct sl_str ours = sl_str_of(settings->hosts.items[i]);
    if (name.len == ours.len && strncasecmp(name.ptr, ours.ptr, ours.len) == 0) {
      return true;
    }
  }
  return false;
}

// JSON is what a page of another site cannot send without asking first.
static bool is_json(struct sl_str type) {
  const char *semicolon = type.len == 0 ? NULL : memchr(type.ptr, ';', type.len);
  if (semicolon != NULL) {
    type.len = (size_t)(semicolon - type.ptr);
  }
  while (type.len > 0 && (type.ptr[type.len - 1] == ' ' || type.ptr[type.len - 1] == '\t')) {
    type.len--;
  }
  return sl_http_is(type, SL_STR("application/json"));
}

static bool check_type(struct sl_http_call *call, const struct route *route) {
  if (route->method != POST) {
    return true;
  }
  const struct sl_http_field *type = sl_http_find(call->request, SL_STR("content-type"));
  if (type != NULL && is_json(type->value)) {
    return true;
  }
  sl_http_problem(call, 415, SL_STR("Unsupported Media Type"),
                  SL_STR("send JSON, with the header Content-Type: application/json"));
  return false;
}

// The scopes of whoever asks: of the bearer token, or all where no tokens are in use.
static unsigned scopes_of(const struct sl_http_call *call) {
  static const struct sl_str scheme = {"bearer ", 7};
  const struct sl_tokens *tokens = call->context->tokens;
  if (tokens == NULL) {
    return SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN;
  }
  const struct sl_http_field *field = sl_http_find(call->request, SL_STR("authorization"));
  if (field == NULL || field->value.len <= scheme.len ||
      !sl_http_is((struct sl_str){.ptr = field->value.ptr, .len = scheme.len}, scheme)) {
    return 0;
  }
  return sl_tokens_check(tokens, (struct sl_str){.ptr = field->value.ptr + scheme.len,
                                                 .len = field->value.len - scheme.len});
}

static bool check_scope(struct sl_http_call *call, const struct route *route) {
  if (route->scope == 0) {
    return true;
  }
  const unsigned scopes = scopes_of(call);
  if ((scopes & route->scope) != 0) {
    return true;
  }
  if (scopes == 0) {
    sl_http_problem(call, 401, SL_STR("Unauthorized"),
                    SL_STR("send a token that this server knows: Authorization: Bearer TOKEN"));
  } else {
    sl_http_problemf(call, 403, "Forbidden", "the token has not the scope \"%s\"",
                     route->scope == SL_SCOPE_DECIDE ? "decide"
                     : route->scope == SL_SCOPE_READ ? "read"
                                                     : "admin");
  }
  return false;
}

// Is the route served on the listener that this connection came in on?
static bool is_served_here(const struct sl_http_call *call, const struct route *route) {
  const struct sl_settings *settings = call->context->settings;
  const bool apart = settings != NULL && strcmp(settings->admin, "none") != 0;
  return !route->operators || !apart || call->peer->admin;
}

// ---- one request

static void serve(struct sl_http_call *call) {
  const struct sl_http_request *request = call->request;
  if (request->host.len > 0 && !is_our_host(call->context->settings, request->host)) {
    sl_http_problem(call, 421, SL_STR("Misdirected Request"),
                    SL_STR("the Host field is neither an IP address nor localhost nor a name "
                           "given with --host"));
    return;
  }
  call->path = sl_target_path(request->target, &call->query);
  const struct route *route = find_route(call->path);
  if (route == NULL || !is_served_here(call, route)) {
    sl_http_problem(call, 404, SL_STR("Not Found"),
                    SL_STR("nothing is served under this path; /openapi.yaml lists what is"));
    return;
  }
  if (!is_method(request->method, route->method)) {
    refuse_method(call, route);
    return;
  }
  if (!check_scope(call, route) || !check_type(call, route)) {
    return;
  }
  route->serve(call);
}

// The body without its chunks. False: out of memory.
static bool decode_body(struct sl_http_call *call) {
  const struct sl_http_request *request = call->request;
  call->body = request->body;
  if (!request->chunked) {
    return true;
  }
  char *buffer = sl_arena_alloc(&call->arena, request->body_len);
  if (buffer == NULL) {
    return false;
  }
  sl_http_dechunk(request, buffer);
  call->body = (struct sl_str){.ptr = buffer, .len = request->body_len};
  return true;
}

// Answers a whole request. A reply that fails midway (out of memory, or longer than its bound) is
// taken back, and an error takes its place where that fits.
static void answer(struct sl_http_call *call) {
  const size_t before = call->out->len;
  if (decode_body(call)) {
    serve(call);
  } else {
    sl_http_problem_of(call, SL_ERR_MEMORY, NULL);
  }
  if (SL_UNLIKELY(call->out->failed)) {
    call->out->failed = false;
    call->out->len = before;
    call->close = true;
    sl_http_problem(call, 500, SL_STR("Internal Server Error"),
                    SL_STR("memory ran out, or the reply is longer than --max-reply: ask for less "
                           "at a time (n=, offset=)"));
    call->out->len = call->out->failed ? before : call->out->len;
  }
}

// ---- the connection

static struct sl_http_bounds bounds_of(const struct sl_settings *settings) {
  struct sl_http_bounds bounds = {
      .target = 8192, .head = 32768, .fields = 100, .body = 1 << 20, .whole = 1 << 20};
  if (settings != NULL) {
    bounds.head = settings->max_header_bytes;
    bounds.target = bounds.head / 2;
    bounds.fields =
        settings->max_headers < SL_HTTP_FIELDS_MAX ? settings->max_headers : SL_HTTP_FIELDS_MAX;
    bounds.body = settings->max_request;
    bounds.whole = settings->max_request;
  }
  return bounds;
}

static bool open_front(void *state, struct sl_context *context, const struct sl_peer *peer) {
  struct state *http = state;
  http->peer = *peer;
  http->settings = context->settings;
  sl_metrics_add(context->metrics, SL_COUNT_HTTP_ACCEPTED, 1);
  sl_metrics_add(context->metrics, SL_COUNT_HTTP_OPEN, 1);
  return true;
}

static void close_front(void *state, struct sl_context *context) {
  (void)state;
  sl_metrics_sub(context->metrics, SL_COUNT_HTTP_OPEN, 1);
}

// A request that is none: answered, and the connection ends, because nobody knows where the next
// one begins.
static void refuse(struct state *http, struct sl_context *context, struct sl_out *out) {
  struct sl_http_call call = {.context = context, .peer = &http->peer, .out = out, .close = true};
  const size_t before = out->len;
  struct sl_str title = sl_http_status_text(http->parser.status);
  title.ptr += 4;  // past the number
  title.len -= 4;
  sl_http_problem(&call, http->parser.status, title, sl_str_of(http->parser.reason));
  out->len = out->failed ? before : out->len;
}

// Answers the request that the parser has found whole. False: the connection ends.
static bool take(struct state *http, struct sl_context *context,
                 const struct sl_http_request *request, struct sl_out *out) {
  struct sl_http_call call = {.context = context,
                              .peer = &http->peer,
                              .request = request,
                              .out = out,
                              .close = !request->keep_alive || http->draining,
                              .draining = http->draining};
  sl_arena_init(&call.arena, context->mem);
  answer(&call);
  sl_arena_close(&call.arena);
  http->parser = (struct sl_http_parser){0};
  return !call.close && !out->failed;
}

static enum sl_feed feed(void *state, struct sl_context *context, const char *bytes, size_t len,
                         size_t *ret_used, struct sl_out *out) {
  struct state *http = state;
  struct sl_http_request request SL_UNINITIALIZED;
  const struct sl_http_bounds bounds = bounds_of(http->settings);
  *ret_used = 0;
  while (*ret_used < len && out->len < OUT_ENOUGH) {
    switch (sl_http_parse(&http->parser, &bounds, bytes + *ret_used, len - *ret_used, &request)) {
    case SL_HTTP_MORE:
      return SL_FEED_MORE;
    case SL_HTTP_CONTINUE:
      sl_out_add(out, SL_STR("HTTP/1.1 100 Continue\r\n\r\n"));
      return SL_FEED_MORE;
    case SL_HTTP_BAD:
      refuse(http, context, out);
      *ret_used = len;
      return SL_FEED_CLOSE;
    case SL_HTTP_REQUEST: {
      const size_t used = http->parser.used;
      const bool goes_on = take(http, context, &request, out);
      *ret_used += used;
      if (!goes_on) {
        return SL_FEED_CLOSE;
      }
    }
    }
  }
  return SL_FEED_MORE;
}

static bool in_request(const void *state) {
  const struct state *http = state;
  return sl_http_begun(&http->parser);
}

static bool drain(void *state) {
  struct state *http = state;
  http->draining = true;
  return !sl_http_begun(&http->parser);
}

const struct sl_front sl_front_http = {
    .name = "http",
    .state_bytes = sizeof(struct state),
    .open = open_front,
    .feed = feed,
    .in_request = in_request,
    .drain = drain,
    .close = close_front,
};
