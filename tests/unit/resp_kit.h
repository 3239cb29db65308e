// A RESP front end for tests: a context of its own with rules, memory that counts, a clock that the
// test moves, and connections that are bytes.
#ifndef TESTS_UNIT_RESP_KIT_H
#define TESTS_UNIT_RESP_KIT_H

#include "engine/throttle.h"
#include "server/front.h"
#include "server/metrics.h"
#include "server/settings.h"
#include "server/tokens.h"
#include "support/engine_kit.h"
#include "support/rules.h"

struct resp_kit {
  struct fault_mem fault;
  struct sl_mem mem;
  struct sl_settings settings;
  struct sl_metrics_all *metrics;
  struct sl_ruleset *set;
  struct sl_bound *bound;
  struct sl_tokens *tokens;
  struct sl_context context;
  uint64_t later_ns;  // what reading the clock again adds
};

static struct resp_kit resp_kit;

static uint64_t resp_kit_reread(struct sl_context *context) {
  context->now_ns = sl_engine_now(context->engine, context->now_ns + resp_kit.later_ns);
  return context->now_ns;
}

static void resp_kit_must(enum sl_status status) {
  if (status != SL_OK) {
    fprintf(stderr, "the kit: %s\n", sl_status_text(status));
    exit(2);
  }
}

// What stays as it is: settings, rules, tokens.
static void resp_kit_load(const char *yaml, const char *tokens) {
  struct resp_kit *kit = &resp_kit;
  memset(kit, 0, sizeof *kit);
  kit->mem = fault_mem_init(&kit->fault);
  resp_kit_must(sl_settings_init(&kit->settings, &kit->mem));
  kit->set = rules_set(yaml, &kit->mem);
  if (tokens != NULL) {
    char buffer[256];
    struct sl_text message;
    sl_text_init(&message, buffer, sizeof buffer);
    resp_kit_must(sl_tokens_parse(&kit->mem, sl_str_of(tokens), &message, &kit->tokens));
  }
}

// An engine without buckets, and everything that counts.
static void resp_kit_start(void) {
  struct resp_kit *kit = &resp_kit;
  struct sl_context *context = &kit->context;
  struct sl_engine_options options = kit_options(&kit->mem, 4 << 20, SL_FULL_EVICT);
  options.secret = rules_secret;
  memset(context, 0, sizeof *context);
  resp_kit_must(sl_engine_create(&options, &context->engine));
  resp_kit_must(sl_throttles_create(context->engine, 0, &context->throttles));
  resp_kit_must(sl_bind(context->engine, kit->set, &kit->mem, &kit->bound));
  resp_kit_must(sl_metrics_create(&kit->mem, 1, KIT_START_NS, &kit->metrics));
  resp_kit_must(
      sl_top_create(&(struct sl_top_options){.mem = kit->mem, .entries = 64}, &context->top));
  context->settings = &kit->settings;
  context->bound = kit->bound;
  context->rules_version = 7;
  context->decider.hits.mem = &kit->mem;
  context->metrics = sl_metrics_of(kit->metrics, 0);
  context->tokens = kit->tokens;
  context->mem = &kit->mem;
  context->now_ns = sl_engine_now(context->engine, KIT_START_NS);
  context->reread = resp_kit_reread;
}

static void resp_kit_stop(void) {
  struct resp_kit *kit = &resp_kit;
  sl_decider_close(&kit->context.decider);
  sl_top_destroy(kit->context.top);
  sl_unbind(kit->bound);
  sl_throttles_destroy(kit->context.throttles);
  sl_engine_destroy(kit->context.engine);
  sl_metrics_destroy(kit->metrics);
}

__attribute__((unused)) static void resp_kit_open(const char *yaml, const char *tokens) {
  resp_kit_load(yaml, tokens);
  resp_kit_start();
}

// True when all memory is back.
__attribute__((unused)) static bool resp_kit_close(void) {
  struct resp_kit *kit = &resp_kit;
  resp_kit_stop();
  sl_ruleset_free(kit->set);
  sl_tokens_free(kit->tokens);
  sl_settings_close(&kit->settings);
  return kit->fault.live == 0;
}

__attribute__((unused)) static void resp_kit_pass(uint64_t ns) {
  resp_kit.context.now_ns = sl_engine_now(resp_kit.context.engine, resp_kit.context.now_ns + ns);
}

// ---- a connection

struct resp_client {
  void *state;
  char *in;  // bytes not used yet, in a block of exactly their size
  size_t in_len;
  struct sl_out out;
  bool closed;
};

static void resp_client_open(struct resp_client *client) {
  static const struct sl_peer peer = {.address = "127.0.0.1", .loopback = true};
  *client = (struct resp_client){.state = calloc(1, sl_front_resp.state_bytes),
                                 .out = {.mem = &resp_kit.mem, .max = resp_kit.settings.max_reply}};
  if (client->state == NULL || !sl_front_resp.open(client->state, &resp_kit.context, &peer)) {
    abort();
  }
}

static void resp_client_close(struct resp_client *client) {
  sl_front_resp.close(client->state, &resp_kit.context);
  free(client->state);
  free(client->in);
  sl_out_close(&client->out);
}

// What a worker does with bytes that came in.
static void resp_client_send(struct resp_client *client, const char *bytes, size_t len) {
  char *all = malloc(client->in_len + len + (client->in_len + len == 0));
  if (client->in_len > 0) {
    memcpy(all, client->in, client->in_len);
  }
  memcpy(all + client->in_len, bytes, len);
  free(client->in);
  client->in = all;
  client->in_len += len;
  for (size_t used = 1; used > 0 && client->in_len > 0 && !client->closed;) {
    client->closed = sl_front_resp.feed(client->state, &resp_kit.context, client->in,
                                        client->in_len, &used, &client->out) == SL_FEED_CLOSE;
    char *rest = malloc(client->in_len - used + 1);
    memcpy(rest, client->in + used, client->in_len - used);
    free(client->in);
    client->in = rest;
    client->in_len -= used;
  }
}

// A fresh connection is sent all the bytes, `step` at a time; what it answered, terminated.
__attribute__((unused)) static const char *resp_talk_in_steps(const char *bytes, size_t len,
                                                              size_t step, bool *ret_closed) {
  static char answer[1 << 20];
  struct resp_client client;
  resp_client_open(&client);
  for (size_t at = 0; at < len; at += step) {
    resp_client_send(&client, bytes + at, step < len - at ? step : len - at);
  }
  size_t got = client.out.len < sizeof answer ? client.out.len : sizeof answer - 1;
  if (got > 0) {
    memcpy(answer, client.out.bytes, got);
  }
  answer[got] = '\0';
  *ret_closed = client.closed;
  resp_client_close(&client);
  return answer;
}

__attribute__((unused)) static const char *resp_talk(const char *bytes) {
  bool closed;
  return resp_talk_in_steps(bytes, strlen(bytes), strlen(bytes), &closed);
}

#endif
