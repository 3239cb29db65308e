// front_http_body.c - bodies of requests: JSON to attributes and a cost.
#include "base/units.h"
#include "rule/report.h"
#include "server/front_http.h"
#include "server/settings.h"

// Bounds without settings (tests): those of the rules themselves.
static size_t most_attributes(const struct sl_settings *settings) {
  return settings == NULL ? SL_ATTRS_MAX : settings->max_attributes;
}

static size_t most_value(const struct sl_settings *settings) {
  return settings == NULL ? SL_ATTR_VALUE_MAX : settings->max_attribute;
}

#define BAD_BODY "The body is not what is asked here"

static bool refuse(struct sl_http_call *call, struct sl_str name, const char *what) {
  char quoted[SL_QUOTE_TEXT];
  sl_http_problemf(call, 400, BAD_BODY, "%s: %s", sl_quote(name, quoted), what);
  return false;
}

void sl_http_problem_json(struct sl_http_call *call, const struct sl_json *json) {
  sl_http_problemf(call, 400, "The body is not JSON", "byte %zu: %s",
                   (size_t)(json->at - call->body.ptr) + 1, json->error);
}

// The text of a name or string, without its escapes. False: out of memory, and told.
static bool take_text(struct sl_http_call *call, const struct sl_json *json,
                      struct sl_str *ret_text) {
  *ret_text = json->text;
  if (SL_LIKELY(!json->escaped)) {
    return true;
  }
  char *buffer = sl_arena_alloc(&call->arena, json->text.len);
  if (buffer == NULL) {
    sl_http_problem_of(call, SL_ERR_MEMORY, NULL);
    return false;
  }
  *ret_text = sl_json_unescape(json->text, buffer);
  return true;
}

// ---- attributes

// Names met so far, to tell a name that comes twice: most are told apart by one bit of a small
// filter, and only where that is set are they compared.
struct seen {
  uint64_t bits[16];
};

static bool is_repeated(struct seen *seen, const struct sl_http_ask *ask, struct sl_str name) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.len; i++) {
    hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
  }
  hash ^= hash >> 15;
  uint64_t *word = &seen->bits[hash >> 6 & 15];
  const uint64_t bit = UINT64_C(1) << (hash & 63);
  const bool maybe = (*word & bit) != 0;
  *word |= bit;
  for (size_t i = 0; maybe && i < ask->request.attr_count; i++) {
    if (sl_str_eq(ask->attrs[i].name, name)) {
      return true;
    }
  }
  return false;
}

static bool read_value(struct sl_http_call *call, struct sl_json *json, struct sl_str name,
                       struct sl_str *ret_value) {
  switch (sl_json_next(json)) {
  case SL_JSON_STRING:
    if (!take_text(call, json, ret_value)) {
      return false;
    }
    break;
  case SL_JSON_INTEGER:
  case SL_JSON_TRUE:
  case SL_JSON_FALSE:
    *ret_value = json->text;
    break;
  case SL_JSON_BAD:
    sl_http_problem_json(call, json);
    return false;
  default:
    return refuse(call, name,
                  "the value of an attribute is text, an integer, true or false, nothing else");
  }
  return ret_value->len <= most_value(call->context->settings)
             ? true
             : refuse(call, name, "the value is longer than this server's bound for attributes");
}

static bool read_attributes(struct sl_http_call *call, struct sl_json *json,
                            struct sl_http_ask *ask) {
  struct seen seen = {{0}};
  enum sl_json_event event = sl_json_next(json);
  if (event != SL_JSON_OBJECT) {
    if (event == SL_JSON_BAD) {
      sl_http_problem_json(call, json);
      return false;
    }
    return refuse(call, SL_STR("attributes"), "is no object");
  }
  while ((event = sl_json_next(json)) == SL_JSON_NAME) {
    struct sl_attr *attr = &ask->attrs[ask->request.attr_count];
    struct sl_str name;
    if (ask->request.attr_count == most_attributes(call->context->settings)) {
      return refuse(call, SL_STR("attributes"), "are more than this server's bound");
    }
    if (!take_text(call, json, &name)) {
      return false;
    }
    if (name.len == 0 || name.len > SL_ATTR_NAME_MAX) {
      return refuse(call, name, "an attribute's name has 1 to 256 bytes");
    }
    if (is_repeated(&seen, ask, name)) {
      return refuse(call, name, "the attribute is given twice");
    }
    if (!read_value(call, json, name, &attr->value)) {
      return false;
    }
    attr->name = name;
    ask->request.attr_count++;
  }
  if (event == SL_JSON_BAD) {
    sl_http_problem_json(call, json);
    return false;
  }
  return true;
}

// ---- the other members

// A whole number up to `most`; as text too where `quoted` says so.
static bool read_number(struct sl_http_call *call, struct sl_json *json, struct sl_str name,
                        uint64_t most, bool quoted, uint64_t *ret_number) {
  const enum sl_json_event event = sl_json_next(json);
  if (event == SL_JSON_BAD) {
    sl_http_problem_json(call, json);
    return false;
  }
  const bool kind = event == SL_JSON_INTEGER || (quoted && event == SL_JSON_STRING);
  if (!kind || sl_parse_u64(json->text, ret_number) != SL_OK || *ret_number > most) {
    return refuse(call, name,
                  quoted ? "is no slot that this server has given"
                         : "is no whole number from 0 to 2^63 - 1");
  }
  return true;
}

static bool read_rule(struct sl_http_call *call, struct sl_json *json, struct sl_http_ask *ask) {
  const enum sl_json_event event = sl_json_next(json);
  if (event == SL_JSON_BAD) {
    sl_http_problem_json(call, json);
    return false;
  }
  if (event != SL_JSON_STRING || json->text.len == 0) {
    return refuse(call, SL_STR("rule"), "is no rule's id");
  }
  return take_text(call, json, &ask->rule);
}

enum { HAS_ATTRIBUTES = 1 << 8 };

// Which member a name is; 0: none that is known here.
static unsigned member_of(struct sl_str name, unsigned members) {
  const unsigned member = sl_str_eq(name, SL_STR("attributes")) ? (unsigned)HAS_ATTRIBUTES
                          : sl_str_eq(name, SL_STR("cost"))     ? SL_ASK_COST
                          : sl_str_eq(name, SL_STR("slot"))     ? SL_ASK_SLOT
                          : sl_str_eq(name, SL_STR("rule"))     ? SL_ASK_RULE
                                                                : 0;
  return member & (members | HAS_ATTRIBUTES);
}

static bool read_member(struct sl_http_call *call, struct sl_json *json, unsigned member,
                        struct sl_http_ask *ask) {
  switch (member) {
  case SL_ASK_COST:
    return read_number(call, json, SL_STR("cost"), SL_COST_MAX, false, &ask->request.cost);
  case SL_ASK_SLOT:
    return read_number(call, json, SL_STR("slot"), UINT64_MAX, true, &ask->slot);
  case SL_ASK_RULE:
    return read_rule(call, json, ask);
  default:
    return read_attributes(call, json, ask);
  }
}

bool sl_http_read_ask(struct sl_http_call *call, struct sl_json *json, unsigned members,
                      struct sl_http_ask *ret_ask) {
  unsigned given = 0;
  ret_ask->request = (struct sl_request){.attrs = ret_ask->attrs, .cost = 1};
  ret_ask->rule = (struct sl_str){.ptr = "", .len = 0};
  ret_ask->slot = 0;
  enum sl_json_event event;
  while ((event = sl_json_next(json)) == SL_JSON_NAME) {
    const unsigned member = member_of(json->text, members);
    if (member == 0 || (given & member) != 0) {
      return refuse(call, json->text,
                    member == 0 ? "is no member that is known here" : "is given twice");
    }
    given |= member;
    if (!read_member(call, json, member, ret_ask)) {
      return false;
    }
  }
  if (event == SL_JSON_BAD) {
    sl_http_problem_json(call, json);
    return false;
  }
  if ((given & HAS_ATTRIBUTES) == 0) {
    return refuse(call, SL_STR("attributes"),
                  "is missing: {\"attributes\": {\"name\": \"value\"}}");
  }
  return true;
}

bool sl_http_read_body(struct sl_http_call *call, unsigned members, struct sl_http_ask *ret_ask) {
  struct sl_json json;
  sl_json_begin(&json, call->body);
  const enum sl_json_event event = sl_json_next(&json);
  if (event != SL_JSON_OBJECT && event != SL_JSON_BAD) {
    sl_http_problemf(call, 400, BAD_BODY, "the body is no object");
    return false;
  }
  if (event == SL_JSON_BAD) {
    sl_http_problem_json(call, &json);
    return false;
  }
  if (!sl_http_read_ask(call, &json, members, ret_ask)) {
    return false;
  }
  if (sl_json_next(&json) != SL_JSON_END) {
    sl_http_problem_json(call, &json);
    return false;
  }
  return true;
}
