// Lines that are JSON objects: every field of the object is an attribute (SEMANTICS 10).
#include "base/units.h"
#include "cli/log_parser.h"
#include "rule/report.h"

// ---- the time
// -------------------------------------------------------------------------------------

// Integers say by their size what they count: 10^11 seconds lie in the year 5138, and 10^11
// milliseconds in 1973.
static bool time_of_integer(uint64_t number, uint64_t *ret_time_ns) {
  static const struct {
    uint64_t below, unit_ns;
  } scales[] = {
      {UINT64_C(100000000000), SL_NS_PER_S},
      {UINT64_C(100000000000000), SL_NS_PER_MS},
      {UINT64_C(100000000000000000), SL_NS_PER_US},
      {UINT64_MAX, 1},
  };
  size_t i = 0;
  while (number >= scales[i].below && scales[i].below != UINT64_MAX) {
    i++;
  }
  return !__builtin_mul_overflow(number, scales[i].unit_ns, ret_time_ns) &&
         *ret_time_ns < SL_TIME_MAX_NS;
}

// Seconds with decimals as a double holds them: microseconds are what it has exactly in these
// years.
static bool time_of_real(double seconds, uint64_t *ret_time_ns) {
  const uint64_t most_s = SL_TIME_MAX_NS / SL_NS_PER_S;
  if (!(seconds >= 0 && seconds < (double)most_s)) {
    return false;
  }
  const uint64_t whole = (uint64_t)seconds;
  const uint64_t micros = (uint64_t)((seconds - (double)whole) * 1e6 + 0.5);
  *ret_time_ns = whole * SL_NS_PER_S + micros * SL_NS_PER_US;
  return *ret_time_ns < SL_TIME_MAX_NS;
}

// "1431857103.25": seconds, and decimals of which nine count.
static bool time_of_decimal(struct sl_str text, uint64_t *ret_time_ns) {
  const char *point = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);
  uint64_t whole;
  const size_t whole_len = point == NULL ? text.len : (size_t)(point - text.ptr);
  if (sl_parse_u64((struct sl_str){.ptr = text.ptr, .len = whole_len}, &whole) != SL_OK) {
    return false;
  }
  if (point == NULL) {
    return time_of_integer(whole, ret_time_ns);
  }
  uint64_t fraction_ns = 0;
  uint64_t digit_ns = SL_NS_PER_S / 10;
  for (const char *at = point + 1; at < text.ptr + text.len; at++, digit_ns /= 10) {
    if (*at < '0' || *at > '9') {
      return false;
    }
    fraction_ns += (uint64_t)(*at - '0') * digit_ns;
  }
  if (point + 1 == text.ptr + text.len || whole >= SL_TIME_MAX_NS / SL_NS_PER_S) {
    return false;
  }
  *ret_time_ns = whole * SL_NS_PER_S + fraction_ns;
  return true;
}

static bool time_of_text(struct sl_log_parser *parser, struct sl_str text, uint64_t *ret_time_ns) {
  return sl_parse_rfc3339(text, ret_time_ns) == SL_OK || time_of_decimal(text, ret_time_ns) ||
         (text.len == SL_ACCESS_TIME_TEXT &&
          sl_access_time(&parser->access, text.ptr, ret_time_ns));
}

static enum sl_log_result read_time(struct sl_log_parser *parser, uint64_t *ret_time_ns) {
  const char *name = parser->settings.time_field;
  const json_t *field = json_object_get(parser->json, name);
  if (field == NULL) {
    return sl_log_refuse(parser, 0, "there is no field \"%.80s\" for the time", name);
  }
  bool good = false;
  if (json_is_integer(field)) {
    const json_int_t number = json_integer_value(field);
    good = number >= 0 && time_of_integer((uint64_t)number, ret_time_ns);
  } else if (json_is_real(field)) {
    good = time_of_real(json_real_value(field), ret_time_ns);
  } else if (json_is_string(field)) {
    const struct sl_str text = {.ptr = json_string_value(field), .len = json_string_length(field)};
    good = time_of_text(parser, text, ret_time_ns);
  }
  if (!good) {
    return sl_log_refuse(parser, 0, "the field \"%.80s\" is no time between 1970 and 2116", name);
  }
  return SL_LOG_REQUEST;
}

// ---- the attributes
// -------------------------------------------------------------------------------

static bool is_value(const json_t *field) {
  return json_is_string(field) || json_is_integer(field) || json_is_boolean(field);
}

static const char *type_name(const json_t *field) {
  switch (json_typeof(field)) {
  case JSON_OBJECT:
    return "an object";
  case JSON_ARRAY:
    return "a list";
  case JSON_REAL:
    return "a number with decimals";
  default:
    return "null";
  }
}

// The time may be a number with decimals; everything else is a value or, unless they are to be
// ignored, an error.
static enum sl_log_result check_types(struct sl_log_parser *parser) {
  const char *name;
  json_t *field;
  if (parser->settings.ignore_other_types) {
    return SL_LOG_REQUEST;
  }
  json_object_foreach(parser->json, name, field) {
    if (!is_value(field) && strcmp(name, parser->settings.time_field) != 0) {
      char quoted[SL_QUOTE_TEXT];
      return sl_log_refuse(parser, 0, "the field %s is %s, not text, an integer or a boolean",
                           sl_quote(sl_str_of(name), quoted), type_name(field));
    }
  }
  return SL_LOG_REQUEST;
}

static struct sl_str value_of(struct sl_log_parser *parser, size_t attr) {
  const struct sl_str name = parser->set->attr_names[attr];
  const json_t *field = json_object_getn(parser->json, name.ptr, name.len);
  if (json_is_string(field)) {
    const struct sl_str text = {.ptr = json_string_value(field), .len = json_string_length(field)};
    return sl_log_is_dash(text) ? SL_ABSENT : text;
  }
  if (json_is_integer(field)) {
    struct sl_text text;
    sl_text_init(&text, sl_log_scratch(parser, SL_LOG_INTEGER), SL_LOG_INTEGER);
    sl_text_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(field));
    return (struct sl_str){.ptr = text.buffer, .len = text.len};
  }
  if (json_is_boolean(field)) {
    return json_is_true(field) ? SL_STR("true") : SL_STR("false");
  }
  return SL_ABSENT;
}

// ---- the line
// -------------------------------------------------------------------------------------

static bool is_blank(struct sl_str line) {
  for (size_t i = 0; i < line.len; i++) {
    if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r') {
      return false;
    }
  }
  return true;
}

// The library's message ends in what stands near the mistake, which may be a secret: that is cut
// off.
static enum sl_log_result refuse_syntax(struct sl_log_parser *parser, const json_error_t *error) {
  const char *near = strstr(error->text, " near ");
  const size_t len = near == NULL ? strlen(error->text) : (size_t)(near - error->text);
  return sl_log_refuse(parser, error->position > 0 ? (size_t)error->position : 1, "not JSON: %.*s",
                       (int)len, error->text);
}

static enum sl_log_result load(struct sl_log_parser *parser, struct sl_str line) {
  json_error_t error;
  json_decref(parser->json);
  parser->json = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (parser->json == NULL) {
    if (json_error_code(&error) == json_error_out_of_memory) {
      return SL_LOG_MEMORY;
    }
    return refuse_syntax(parser, &error);
  }
  if (!json_is_object(parser->json)) {
    return sl_log_refuse(parser, 1, "no JSON object");
  }
  return SL_LOG_REQUEST;
}

enum sl_log_result sl_log_parse_json(struct sl_log_parser *parser, struct sl_str line,
                                     uint64_t *ret_time_ns) {
  if (is_blank(line)) {
    return SL_LOG_BLANK;
  }
  enum sl_log_result result = load(parser, line);
  result = result == SL_LOG_REQUEST ? check_types(parser) : result;
  result = result == SL_LOG_REQUEST ? read_time(parser, ret_time_ns) : result;
  if (result != SL_LOG_REQUEST) {
    return result;
  }
  for (size_t i = 0; i < parser->set->attr_count; i++) {
    parser->values[i] = value_of(parser, i);
    parser->seen[i] |= !sl_is_absent(parser->values[i]);
  }
  return SL_LOG_REQUEST;
}
