// log_refused.c - the sampled log of refusals, and secrets in it.
#include <stdio.h>

#include "server/worker.h"

enum { VALUES_TEXT = 512 };

bool sl_server_is_secret(const struct sl_settings *settings, struct sl_str attribute) {
  static const char *const always[] = {"api_key", "header.authorization", "header.cookie"};
  bool secret = false;
  for (size_t i = 0; i < SL_ARRAY_LEN(always); i++) {
    secret = secret || sl_str_eq(attribute, sl_str_of(always[i]));
  }
  for (size_t i = 0; settings != NULL && i < settings->secret_attributes.count; i++) {
    secret = secret || sl_str_eq(attribute, sl_str_of(settings->secret_attributes.items[i]));
  }
  return secret;
}

const char *sl_server_fingerprint(const struct sl_engine *engine, struct sl_str value,
                                  char *buffer) {
  const struct sl_hash hash = sl_hash_bytes(sl_engine_secret(engine), value.ptr, value.len);
  snprintf(buffer, SL_FINGERPRINT_TEXT, "%016llx", (unsigned long long)(hash.lo ^ hash.hi));
  return buffer;
}

static void write_key(const struct sl_context *context, const struct sl_hit *hit,
                      struct sl_text *text) {
  const struct sl_rule *rule = hit->rule;
  for (size_t i = 0; i < rule->key_count; i++) {
    struct sl_str name = context->bound->set->attr_names[rule->key_attrs[i]];
    struct sl_str value = hit->values[i];
    char buffer[SL_FINGERPRINT_TEXT];
    sl_text_add(text, i == 0 ? SL_STR("") : SL_STR(" "));
    sl_text_add(text, name);
    if (sl_is_absent(value)) {
      sl_text_add(text, SL_STR(" absent"));
      continue;
    }
    sl_text_add(text, SL_STR("="));
    if (sl_server_is_secret(context->settings, name)) {
      value = sl_str_of(sl_server_fingerprint(context->engine, value, buffer));
    }
    sl_text_add(text, value);
  }
}

static void log_refusal(struct sl_context *context, const struct sl_answer *answer) {
  char key[VALUES_TEXT];
  struct sl_text text;
  sl_text_init(&text, key, sizeof key);
  for (size_t i = 0; i < context->decider.hits.count; i++) {
    if (context->decider.hits.items[i].rule == answer->rule) {
      write_key(context, &context->decider.hits.items[i], &text);
    }
  }
  sl_log(context->server->log, SL_LOG_INFO, "refused", sl_verdict_name(answer->verdict),
         SL_LOG_STR("rule", answer->rule->id), SL_LOG_TEXT("key", key),
         SL_LOG_NUMBER("retry_after_ms",
                       (answer->decision.retry_after_ns + SL_NS_PER_MS - 1) / SL_NS_PER_MS));
}

void sl_server_note_refused(struct sl_context *context, const struct sl_answer *answer) {
  const uint64_t every = context->settings->log_refused;
  if (SL_LIKELY(every == 0) || answer->rule == NULL) {
    return;
  }
  if (atomic_fetch_add_explicit(&context->server->refusals, 1, memory_order_relaxed) % every == 0) {
    log_refusal(context, answer);
  }
}
