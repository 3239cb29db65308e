// The report as one JSON object.
#include <jansson.h>

#include "base/utf8.h"
#include "cli/report.h"
#include "rule/attr.h"

// Text that is UTF-8 in any case. At most four times as long as the bytes.
static size_t to_utf8(struct sl_str bytes, char *buffer) {
  static const char hex[] = "0123456789abcdef";
  size_t len = 0;
  size_t at = 0;
  while (at < bytes.len) {
    const size_t sequence = sl_utf8_at(bytes, at, NULL);
    if (sequence > 0) {
      memcpy(buffer + len, bytes.ptr + at, sequence);
      len += sequence;
      at += sequence;
    } else {
      const unsigned char byte = (unsigned char)bytes.ptr[at++];
      memcpy(buffer + len, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
      len += 4;
    }
  }
  return len;
}

static json_t *json_of_text(const struct sl_replay *replay, struct sl_str text) {
  const size_t room = 4 * text.len + 1;
  char *buffer = sl_mem_alloc(&replay->mem, room);
  if (buffer == NULL) {
    return NULL;
  }
  json_t *json = json_stringn(buffer, to_utf8(text, buffer));
  sl_mem_free(&replay->mem, buffer, room);
  return json;
}

static json_t *json_of_value(const struct sl_replay *replay,
                             const struct sl_report_options *options, struct sl_str attr,
                             struct sl_str value) {
  if (sl_is_absent(value)) {
    return json_null();
  }
  if (sl_report_is_secret(options, attr)) {
    char text[SL_FINGERPRINT_TEXT];
    return json_string(sl_attr_fingerprint(&options->fingerprint, attr, value, text));
  }
  return json_of_text(replay, value);
}

static json_t *json_of_key(const struct sl_replay *replay, const struct sl_report_options *options,
                           const struct sl_rule *rule, const struct sl_key_stat *stat) {
  json_t *key = json_object();
  for (size_t i = 0; i < rule->key_count; i++) {
    const struct sl_str name = sl_report_key_name(replay, rule, i);
    json_t *value = json_of_value(replay, options, name, stat->values[i]);
    if (value == NULL || json_object_setn_new(key, name.ptr, name.len, value) != 0) {
      json_decref(key);
      return NULL;
    }
  }
  return key;
}

static json_t *json_of_top(const struct sl_replay *replay, const struct sl_report_options *options,
                           const struct sl_rule *rule) {
  struct sl_top top;
  if (sl_report_top(replay, rule, options->top, &top) != SL_OK) {
    return NULL;
  }
  json_t *list = json_array();
  for (size_t i = 0; i < top.count && list != NULL; i++) {
    const struct sl_key_stat *stat = top.items[i];
    json_t *entry =
        json_pack("{s:o?,s:I,s:I}", "key", json_of_key(replay, options, rule, stat), "matched",
                  (json_int_t)stat->matched, "throttled", (json_int_t)stat->throttled);
    if (entry == NULL || json_array_append_new(list, entry) != 0 ||
        json_is_null(json_object_get(entry, "key"))) {
      json_decref(list);
      list = NULL;
    }
  }
  sl_report_top_close(replay, &top);
  return list;
}

static json_t *json_of_rule(const struct sl_replay *replay, const struct sl_report_options *options,
                            const struct sl_rule *rule) {
  const struct sl_rule_tally *tally = &replay->rules[rule->index];
  json_t *id = json_of_text(replay, rule->id);
  json_t *top = json_of_top(replay, options, rule);
  if (id == NULL || top == NULL) {
    json_decref(id);
    json_decref(top);
    return NULL;
  }
  const struct sl_limit *limit = &replay->set->limits[rule->limit_index].limit;
  return json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:o}", "id", id, "algorithm",
                   sl_algorithm_name(limit->algorithm), "matched", (json_int_t)tally->matched,
                   "allowed", (json_int_t)(tally->matched - tally->throttled), "throttled",
                   (json_int_t)tally->throttled, "keys", (json_int_t)tally->keys, "top", top);
}

static json_t *json_of_rules(const struct sl_replay *replay,
                             const struct sl_report_options *options) {
  json_t *rules = json_array();
  for (size_t i = 0; i < replay->set->rule_count && rules != NULL; i++) {
    json_t *rule = json_of_rule(replay, options, &replay->set->rules[i]);
    if (rule == NULL || json_array_append_new(rules, rule) != 0) {
      json_decref(rules);
      rules = NULL;
    }
  }
  return rules;
}

enum sl_status sl_report_json(const struct sl_app *app, const struct sl_replay *replay,
                              const struct sl_report_options *options) {
  char first[SL_RFC3339_TEXT];
  char last[SL_RFC3339_TEXT];
  const bool any = replay->requests > 0;
  json_t *rules = json_of_rules(replay, options);
  if (rules == NULL) {
    return SL_ERR_MEMORY;
  }
  json_t *root =
      json_pack("{s:I,s:I,s:I,s:I,s:s?,s:s?,s:o}", "requests", (json_int_t)replay->requests,
                "unparsed", (json_int_t)replay->unparsed, "allowed", (json_int_t)replay->allowed,
                "throttled", (json_int_t)replay->throttled, "first",
                any ? sl_format_rfc3339(replay->first_ns, first) : NULL, "last",
                any ? sl_format_rfc3339(replay->last_ns, last) : NULL, "rules", rules);
  if (root == NULL) {
    return SL_ERR_MEMORY;
  }
  (void)json_dumpf(root, app->out, JSON_COMPACT);
  fputc('\n', app->out);
  json_decref(root);
  return SL_OK;
}
