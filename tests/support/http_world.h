// A server's HTTP front end without a network: an engine, a rule set, a clock that the test moves,
// and what a client would send and see.
#ifndef TESTS_SUPPORT_HTTP_WORLD_H
#define TESTS_SUPPORT_HTTP_WORLD_H

#include <jansson.h>

#include "server/front.h"
#include "server/metrics.h"
#include "support/engine_kit.h"
#include "support/rules.h"
#include "support/tap.h"

// ---- a server without a network

struct world {
  struct fault_mem fault;
  struct sl_mem mem;
  struct sl_engine *engine;
  struct sl_ruleset *set;
  struct sl_bound *bound;
  struct sl_metrics_all *metrics;
  struct sl_top *top;
  struct sl_context context;
  struct sl_peer peer;
  void *state;
  struct sl_out out;
  uint64_t real_ns;  // what reading the clock again would tell
  unsigned rereads;
  enum sl_feed verdict;
  size_t used;
};

static struct world w;

__attribute__((unused)) static uint64_t reread(struct sl_context *context) {
  w.rereads++;
  context->now_ns = w.real_ns > context->now_ns ? w.real_ns : context->now_ns;
  return context->now_ns;
}

__attribute__((unused)) static void connect_front(void) {
  if (w.state != NULL) {
    sl_front_http.close(w.state, &w.context);
    free(w.state);
  }
  w.state = calloc(1, sl_front_http.state_bytes);
  if (w.state == NULL || !sl_front_http.open(w.state, &w.context, &w.peer)) {
    abort();
  }
}

__attribute__((unused)) static void open_world(const char *yaml) {
  memset(&w, 0, sizeof w);
  w.mem = fault_mem_init(&w.fault);
  struct sl_engine_options options = kit_options(&w.mem, 8 << 20, SL_FULL_EVICT);
  options.secret = rules_secret;
  struct sl_top_options top = {.mem = w.mem, .entries = 64};
  w.set = rules_set(yaml, &w.mem);
  if (sl_engine_create(&options, &w.engine) != SL_OK ||
      sl_bind(w.engine, w.set, &w.mem, &w.bound) != SL_OK ||
      sl_metrics_create(&w.mem, 2, KIT_START_NS, &w.metrics) != SL_OK ||
      sl_top_create(&top, &w.top) != SL_OK) {
    abort();
  }
  w.context = (struct sl_context){.engine = w.engine,
                                  .bound = w.bound,
                                  .rules_version = 1,
                                  .decider = {.hits = {.mem = &w.mem}},
                                  .top = w.top,
                                  .metrics = sl_metrics_of(w.metrics, 0),
                                  .mem = &w.mem,
                                  .now_ns = sl_engine_now(w.engine, KIT_START_NS),
                                  .reread = reread};
  w.peer = (struct sl_peer){.address = "127.0.0.1", .loopback = true};
  w.out = (struct sl_out){.mem = &w.mem, .max = 1 << 20};
  connect_front();
}

// True when all memory is given back.
__attribute__((unused)) static bool free_world(void) {
  sl_front_http.close(w.state, &w.context);
  free(w.state);
  w.state = NULL;
  sl_out_close(&w.out);
  sl_decider_close(&w.context.decider);
  sl_metrics_destroy(w.metrics);
  sl_top_destroy(w.top);
  sl_unbind(w.bound);
  sl_ruleset_free(w.set);
  sl_engine_destroy(w.engine);
  return w.fault.live == 0;
}

__attribute__((unused)) static void close_world(void) {
  ok(free_world(), "all memory is given back");
}

__attribute__((unused)) static void wait_ms(uint64_t ms) {
  w.context.now_ns = sl_engine_now(w.engine, w.context.now_ns + ms * SL_NS_PER_MS);
}

// ---- a client

static char reply[2 << 20];  // what the last request was answered with

__attribute__((unused)) static void send_bytes(const char *bytes, size_t len) {
  w.out.len = 0;
  size_t before;
  w.used = 0;
  do {
    before = w.used;
    size_t used = 0;
    w.verdict =
        sl_front_http.feed(w.state, &w.context, bytes + w.used, len - w.used, &used, &w.out);
    w.used += used;
  } while (w.verdict == SL_FEED_MORE && w.used > before && w.used < len);
  if (w.out.len >= sizeof reply) {
    abort();
  }
  if (w.out.len > 0) {
    memcpy(reply, w.out.bytes, w.out.len);
  }
  reply[w.out.len] = '\0';
}

__attribute__((unused)) static void send_text(const char *text) { send_bytes(text, strlen(text)); }

__attribute__((unused, format(printf, 1, 2))) static void sendf(const char *format, ...) {
  static char text[1 << 20];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  send_text(text);
}

__attribute__((unused)) static unsigned status_of(void) {
  unsigned status = 0;
  return sscanf(reply, "HTTP/1.1 %u ", &status) == 1 ? status : 0;
}

__attribute__((unused)) static const char *body_of(void) {
  const char *end = strstr(reply, "\r\n\r\n");
  return end == NULL ? "" : end + 4;
}

// Is the reply one whole message whose length is the one it tells?
__attribute__((unused)) static bool is_framed(void) {
  const char *field = strstr(reply, "\r\nContent-Length: ");
  size_t len;
  return field != NULL && sscanf(field + 18, "%zu", &len) == 1 && strlen(body_of()) == len;
}

__attribute__((unused)) static unsigned post(const char *path, const char *json) {
  sendf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        path, strlen(json), json);
  json_error_t error;
  json_t *parsed = json_loads(body_of(), JSON_REJECT_DUPLICATES, &error);
  if (parsed == NULL || !is_framed()) {
    diag("no whole reply with JSON: %s in %s", error.text, reply);
    json_decref(parsed);
    return 0;
  }
  json_decref(parsed);
  return status_of();
}

__attribute__((unused)) static unsigned get(const char *target, const char *fields) {
  sendf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n%s\r\n", target, fields);
  return is_framed() ? status_of() : 0;
}

__attribute__((unused)) static bool has(const char *text) { return strstr(reply, text) != NULL; }

// The member's number at the top of the body, -1 where it has none (null too).
__attribute__((unused)) static int64_t number(const char *member) {
  json_t *body = json_loads(body_of(), 0, NULL);
  const json_t *value = json_object_get(body, member);
  const int64_t result = json_is_integer(value) ? json_integer_value(value) : -1;
  json_decref(body);
  return result;
}

#define says(text, ...)                           \
  do {                                            \
    if (!ok(has(text), __VA_ARGS__)) {            \
      diag("  no \"%s\" in \"%s\"", text, reply); \
    }                                             \
  } while (0)

__attribute__((unused)) static const char RULES[] =
    "rules:\n"
    "  - {id: per-user, match: {user: '*'}, key: [user], limit: {rate: 10/1s, burst: 3}}\n"
    "  - {id: all, match: {user: '*'}, key: [], limit: {rate: 100/30s}}\n"
    "  - {id: quiet, match: {user: '*'}, key: [user], limit: {rate: 1/1h}, over_limit: shadow}\n"
    "  - {id: slots, match: {job: '*'}, key: [job], limit: {algorithm: concurrency, slots: 2, "
    "lease: 10s}}\n"
    "  - {id: paid, match: {paid: '*'}, key: [paid], cost: units, limit: {rate: 10/1s}}\n"
    "  - {id: free, match: {free: '*'}, key: [], limit: unlimited}\n"
    "  - {id: banned, match: {bad: '*'}, key: [], limit: {rate: 0/1s}}\n"
    "  - {id: window, match: {w: '*'}, key: [w], limit: {algorithm: fixed_window, rate: 2/1m}}\n"
    "  - {id: slide, match: {s: '*'}, key: [s], limit: {algorithm: sliding_window, rate: 2/1m}}\n"
    "  - {id: log, match: {l: '*'}, key: [l], limit: {algorithm: sliding_log, rate: 2/1m, "
    "count_refused: true}}\n"
    "  - {id: promise, match: {p: '*'}, key: [p], limit: {rate: 600/30s, guarantee: any_window},\n"
    "     overrides: [{key: {p: gold}, limit: {rate: 1200/30s}}]}\n"
    "  - {id: fast, match: {f: '*'}, key: [f], limit: {rate: 5/500ms}}\n"
    "  - {id: slow, match: {z: '*'}, key: [z], limit: {rate: 60/1m}}\n"
    "  - {id: line, match: {q: '*'}, key: [q], limit: {algorithm: leaky_bucket, rate: 10/1s, "
    "queue: 1}}\n";

#endif
