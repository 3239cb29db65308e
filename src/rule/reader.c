#include "rule/reader.h"

#include "base/utf8.h"
#include "rule/attr.h"
#include "rule/suggest.h"

enum { HINT_TEXT = 400 };

struct sl_place sl_place_of(const struct sl_reader *reader, const struct sl_node *node) {
  return (struct sl_place){.file = reader->file, .line = node->line, .column = node->column};
}

SL_PRINTF(5, 0)
static void add(struct sl_reader *reader, const struct sl_node *node, enum sl_severity severity,
                const char *hint, const char *format, va_list args) {
  char message[SL_REPORT_TEXT];
  struct sl_text text;
  sl_text_init(&text, message, sizeof message);
  sl_text_vprintf(&text, format, args);
  sl_reports_add(reader->reports, severity, sl_place_of(reader, node), hint, "%s", message);
}

void sl_read_error(struct sl_reader *reader, const struct sl_node *node, const char *hint,
                   const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(reader, node, SL_SEVERITY_ERROR, hint, format, args);
  va_end(args);
}

void sl_read_warning(struct sl_reader *reader, const struct sl_node *node, const char *hint,
                     const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(reader, node, SL_SEVERITY_WARNING, hint, format, args);
  va_end(args);
}

void *sl_read_alloc(struct sl_reader *reader, size_t count, size_t size) {
  size_t bytes;
  void *memory = __builtin_mul_overflow(count, size, &bytes)
                     ? NULL
                     : sl_arena_alloc(&reader->model->arena, bytes);
  if (memory == NULL) {
    reader->out_of_memory = true;
  }
  return memory;
}

// Fields that people put one level too high or too low.
static const struct {
  struct sl_str field;
  const char *hint;
} misplaced_fields[] = {
    {SL_STR("algorithm"), "it belongs into limit"},
    {SL_STR("rate"), "it belongs into limit"},
    {SL_STR("burst"), "it belongs into limit"},
    {SL_STR("guarantee"), "it belongs into limit"},
    {SL_STR("jitter"), "it belongs into limit"},
    {SL_STR("sub_windows"), "it belongs into limit"},
    {SL_STR("slots"), "it belongs into limit"},
    {SL_STR("lease"), "it belongs into limit"},
    {SL_STR("count_refused"), "it belongs into limit"},
    {SL_STR("max_wait"), "it belongs into the rule, beside limit"},
    {SL_STR("over_limit"), "it belongs into the rule, beside limit"},
    {SL_STR("cost"), "it belongs into the rule, beside limit"},
    {SL_STR("ipv6_prefix"), "it belongs into the file, beside rules"},
    {SL_STR("trusted_proxies"), "it belongs into the file, beside rules"},
};

static const char *misplaced_hint(struct sl_str field) {
  for (size_t i = 0; i < SL_ARRAY_LEN(misplaced_fields); i++) {
    if (sl_str_eq(misplaced_fields[i].field, field) ||
        sl_edit_distance(misplaced_fields[i].field, field) == 1) {
      return misplaced_fields[i].hint;
    }
  }
  return NULL;
}

static void report_unknown(struct sl_reader *reader, const struct sl_node *key, const char *what,
                           const char *const *names, size_t count) {
  char quoted[SL_QUOTE_TEXT];
  char hint[HINT_TEXT];
  struct sl_text text;
  sl_text_init(&text, hint, sizeof hint);
  const char *elsewhere = misplaced_hint(key->text);
  if (elsewhere != NULL && sl_suggest(key->text, names, count) == NULL) {
    sl_text_add(&text, sl_str_of(elsewhere));
  } else {
    sl_suggest_write(&text, key->text, names, count);
  }
  sl_read_error(reader, key, hint, "unknown field %s in %s", sl_quote(key->text, quoted), what);
}

bool sl_read_fields(struct sl_reader *reader, const struct sl_node *node, const char *what,
                    const char *const *names, size_t count, const struct sl_node **ret_values) {
  for (size_t i = 0; i < count; i++) {
    ret_values[i] = NULL;
  }
  if (node->kind != SL_NODE_MAP) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "", "%s must be a map", what);
    }
    return false;
  }
  for (const struct sl_node *key = node->first; key != NULL; key = sl_node_after_pair(key)) {
    if (key->kind != SL_NODE_SCALAR || key->next == NULL) {
      continue;
    }
    size_t i = 0;
    while (i < count && !sl_str_eq(key->text, sl_str_of(names[i]))) {
      i++;
    }
    if (i < count) {
      ret_values[i] = key->next;
    } else {
      report_unknown(reader, key, what, names, count);
    }
  }
  return true;
}

// What YAML reads as nothing at all.
static bool is_null(const struct sl_node *node) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  for (size_t i = 0; node->plain && i < SL_ARRAY_LEN(words); i++) {
    if (sl_str_eq(node->text, sl_str_of(words[i]))) {
      return true;
    }
  }
  return false;
}

bool sl_read_text(struct sl_reader *reader, const struct sl_node *node, const char *field,
                  struct sl_str *ret_text) {
  if (node->kind == SL_NODE_BAD) {
    return false;
  }
  if (node->kind != SL_NODE_SCALAR) {
    sl_read_error(reader, node, "", "%s must be a single value, not a %s", field,
                  node->kind == SL_NODE_MAP ? "map" : "list");
    return false;
  }
  if (is_null(node)) {
    sl_read_error(reader, node, "put it in quotes where the text itself is meant",
                  "%s has no value", field);
    return false;
  }
  *ret_text = node->text;
  return true;
}

bool sl_read_number(struct sl_reader *reader, const struct sl_node *node, const char *field,
                    uint64_t *ret_value) {
  struct sl_str text;
  if (!sl_read_text(reader, node, field, &text)) {
    return false;
  }
  const enum sl_status status = sl_parse_u64(text, ret_value);
  if (status != SL_OK) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node, "digits only, as 100", "%s is %s, %s", field,
                  sl_quote(text, quoted),
                  status == SL_ERR_RANGE ? "which is too big" : "which is not a whole number");
    return false;
  }
  return true;
}

bool sl_read_duration(struct sl_reader *reader, const struct sl_node *node, const char *field,
                      uint64_t *ret_ns) {
  struct sl_str text;
  if (!sl_read_text(reader, node, field, &text)) {
    return false;
  }
  const enum sl_status status = sl_parse_duration(text, ret_ns);
  if (status != SL_OK) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node, "a whole number and one of ms s m h d w, as 30s", "%s is %s, %s",
                  field, sl_quote(text, quoted),
                  status == SL_ERR_RANGE ? "which is too long" : "which is not a duration");
    return false;
  }
  return true;
}

bool sl_read_choice(struct sl_reader *reader, const struct sl_node *node, const char *field,
                    const char *const *words, size_t count, size_t *ret_index) {
  struct sl_str text;
  if (!sl_read_text(reader, node, field, &text)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (sl_str_eq(text, sl_str_of(words[i]))) {
      *ret_index = i;
      return true;
    }
  }
  char quoted[SL_QUOTE_TEXT];
  char hint[HINT_TEXT];
  struct sl_text out;
  sl_text_init(&out, hint, sizeof hint);
  sl_suggest_write(&out, text, words, count);
  sl_read_error(reader, node, hint, "%s is %s, which is not known", field, sl_quote(text, quoted));
  return false;
}

bool sl_read_bool(struct sl_reader *reader, const struct sl_node *node, const char *field,
                  bool *ret_value) {
  static const char *const words[] = {"false", "true"};
  size_t index;
  if (!sl_read_choice(reader, node, field, words, SL_ARRAY_LEN(words), &index)) {
    return false;
  }
  *ret_value = index == 1;
  return true;
}

// ---- names of attributes
// -------------------------------------------------------------------------

// Names that people try, and those that Sluice's own front ends and log reader give.
static const struct {
  struct sl_str tried;
  const char *meant;
} mistaken_names[] = {
    {SL_STR("ip"), "client_ip"},
    {SL_STR("clientip"), "client_ip"},
    {SL_STR("client-ip"), "client_ip"},
    {SL_STR("client.ip"), "client_ip"},
    {SL_STR("remote_ip"), "client_ip"},
    {SL_STR("remote_addr"), "client_ip"},
    {SL_STR("src_ip"), "client_ip"},
    {SL_STR("apikey"), "api_key"},
    {SL_STR("api-key"), "api_key"},
    {SL_STR("user_agent"), "header.user-agent"},
    {SL_STR("user-agent"), "header.user-agent"},
    {SL_STR("referer"), "header.referer"},
    {SL_STR("uri"), "path"},
    {SL_STR("url"), "path"},
};

static void warn_of_mistaken(struct sl_reader *reader, const struct sl_node *node) {
  for (size_t i = 0; i < SL_ARRAY_LEN(mistaken_names); i++) {
    if (sl_str_eq(node->text, mistaken_names[i].tried)) {
      char hint[64];
      char quoted[SL_QUOTE_TEXT];
      struct sl_text text;
      sl_text_init(&text, hint, sizeof hint);
      sl_text_printf(&text, "did you mean %s?", mistaken_names[i].meant);
      sl_read_warning(reader, node, hint,
                      "the attribute %s is there only where the caller gives it",
                      sl_quote(node->text, quoted));
    }
  }
}

static bool is_printable(struct sl_str name) {
  size_t at = 0;
  while (at < name.len) {
    uint32_t point;
    const size_t len = sl_utf8_at(name, at, &point);
    if (len == 0 || point <= 0x20 || (point >= 0x7f && point < 0xa0)) {
      return false;
    }
    at += len;
  }
  return true;
}

static bool has_upper(struct sl_str name) {
  for (size_t i = 0; i < name.len; i++) {
    if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') {
      return true;
    }
  }
  return false;
}

bool sl_read_attr_name(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_str *ret_name) {
  struct sl_str name;
  char quoted[SL_QUOTE_TEXT];
  if (!sl_read_text(reader, node, "the name of an attribute", &name)) {
    return false;
  }
  if (name.len == 0 || name.len > SL_ATTR_NAME_MAX || !is_printable(name)) {
    sl_read_error(reader, node, "1 to 256 bytes without blanks and control characters",
                  "%s is no name of an attribute", sl_quote(name, quoted));
    return false;
  }
  if (sl_str_starts(name, SL_STR("header.")) && has_upper(name)) {
    sl_read_error(reader, node, "write the header's name in lower case, as header.user-agent",
                  "the attribute %s never occurs", sl_quote(name, quoted));
    return false;
  }
  warn_of_mistaken(reader, node);
  *ret_name = name;
  return true;
}
