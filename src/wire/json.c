// json.c - the reader, and strings written.
#include "wire/json.h"

// What may come next.
enum {
  EXPECT_VALUE,
  EXPECT_NAME_OR_END,  // after {
  EXPECT_NAME,         // after , in an object
  EXPECT_ITEM_OR_END,  // after [
  EXPECT_COLON,
  EXPECT_COMMA_OR_END,
  EXPECT_NOTHING,
  EXPECT_FAILED
};

static enum sl_json_event bad(struct sl_json *json, const char *at, const char *error) {
  json->at = at;
  json->error = error;
  json->expects = EXPECT_FAILED;
  return SL_JSON_BAD;
}

void sl_json_begin(struct sl_json *json, struct sl_str bytes) {
  *json = (struct sl_json){.at = bytes.ptr, .end = bytes.ptr + bytes.len, .expects = EXPECT_VALUE};
}

static bool is_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool in_object(const struct sl_json *json) {
  return json->depth > 0 && (json->objects >> (json->depth - 1) & 1) != 0;
}

// After a value.
static void settle(struct sl_json *json) {
  json->expects = json->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

// ---- strings

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = (char)(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The number of \uXXXX at `at`, or -1.
static int32_t unit_at(const char *at, const char *end) {
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
    return -1;
  }
  int32_t unit = 0;
  for (int i = 2; i < 6; i++) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) {
      return -1;
    }
    unit = unit * 16 + digit;
  }
  return unit;
}

// The character of the escape at `at`, and its length; 0 where it is wrong.
static size_t escape_at(const char *at, const char *end, uint32_t *ret_character) {
  static const char names[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  if (end - at < 2) {
    return 0;
  }
  const char *name = at[1] == '\0' ? NULL : strchr(names, at[1]);
  if (name != NULL) {
    *ret_character = (unsigned char)meanings[name - names];
    return 2;
  }
  const int32_t high = unit_at(at, end);
  if (high < 0 || (high >= 0xdc00 && high < 0xe000)) {
    return 0;
  }
  *ret_character = (uint32_t)high;
  if (high < 0xd800 || high >= 0xe000) {
    return 6;
  }
  const int32_t low = unit_at(at + 6, end);
  if (low < 0xdc00 || low >= 0xe000) {
    return 0;
  }
  *ret_character = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
  return 12;
}

// The length of the character above 0x7f at `at`; 0 where it is no UTF-8 (table 3-7 of the Unicode
// standard).
static size_t utf8_at(const char *at, const char *end) {
  const unsigned char *p = (const unsigned char *)at;
  if (p[0] < 0xc2 || p[0] > 0xf4) {
    return 0;
  }
  const size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if ((size_t)(end - at) < len) {
    return 0;
  }
  const unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  const unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  bool valid = p[1] >= low && p[1] <= high;
  for (size_t i = 2; i < len; i++) {
    valid = valid && (p[i] & 0xc0) == 0x80;
  }
  return valid ? len : 0;
}

// Reads the string that opens at json->at.
static bool read_string(struct sl_json *json) {
  const char *at = json->at + 1;
  const char *from = at;
  json->escaped = false;
  while (at < json->end && *at != '"') {
    const unsigned char byte = (unsigned char)*at;
    if (SL_LIKELY(byte >= 0x20 && byte < 0x80 && byte != '\\')) {
      at++;
      continue;
    }
    if (byte < 0x20) {
      bad(json, at, "a string holds a control byte that is not escaped");
      return false;
    }
    uint32_t character;
    const size_t len = byte == '\\' ? escape_at(at, json->end, &character) : utf8_at(at, json->end);
    if (len == 0) {
      bad(json, at, byte == '\\' ? "a string holds a wrong escape" : "a string is not UTF-8");
      return false;
    }
    json->escaped = json->escaped || byte == '\\';
    at += len;
  }
  if (at == json->end) {
    bad(json, json->at, "a string does not end");
    return false;
  }
  json->text = (struct sl_str){.ptr = from, .len = (size_t)(at - from)};
  json->at = at + 1;
  return true;
}

static char *put_utf8(char *at, uint32_t character) {
  if (character < 0x80) {
    *at++ = (char)character;
    return at;
  }
  if (character < 0x800) {
    *at++ = (char)(0xc0 | character >> 6);
  } else {
    if (character < 0x10000) {
      *at++ = (char)(0xe0 | character >> 12);
    } else {
      *at++ = (char)(0xf0 | character >> 18);
      *at++ = (char)(0x80 | (character >> 12 & 0x3f));
    }
    *at++ = (char)(0x80 | (character >> 6 & 0x3f));
  }
  *at++ = (char)(0x80 | (character & 0x3f));
  return at;
}

struct sl_str sl_json_unescape(struct sl_str text, char *buffer) {
  if (text.len == 0 || memchr(text.ptr, '\\', text.len) == NULL) {
    return text;
  }
  const char *end = text.ptr + text.len;
  char *to = buffer;
  for (const char *at = text.ptr; at < end;) {
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    uint32_t character = 0;
    const size_t len = escape_at(at, end, &character);
    sl_assert(len > 0);  // the reader has seen to it
    to = put_utf8(to, character);
    at += len;
  }
  return (struct sl_str){.ptr = buffer, .len = (size_t)(to - buffer)};
}

// ---- numbers and words

static const char *digits_from(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9') {
    at++;
  }
  return at;
}

static enum sl_json_event read_number(struct sl_json *json) {
  const char *from = json->at;
  const char *end = json->end;
  const char *first = from + (*from == '-');
  const char *at = digits_from(first, end);
  bool valid = at > first && (*first != '0' || at == first + 1);
  enum sl_json_event event = SL_JSON_INTEGER;
  if (valid && at < end && *at == '.') {
    const char *fraction = at + 1;
    at = digits_from(fraction, end);
    valid = at > fraction;
    event = SL_JSON_NUMBER;
  }
  if (valid && at < end && (*at == 'e' || *at == 'E')) {
    const char *exponent = at + 1;
    exponent += exponent < end && (*exponent == '+' || *exponent == '-');
    at = digits_from(exponent, end);
    valid = at > exponent;
    event = SL_JSON_NUMBER;
  }
  if (!valid) {
    return bad(json, from, "a number is not written as JSON writes numbers");
  }
  json->text = (struct sl_str){.ptr = from, .len = (size_t)(at - from)};
  json->at = at;
  settle(json);
  return event;
}

static enum sl_json_event read_word(struct sl_json *json) {
  static const struct {
    struct sl_str word;
    enum sl_json_event event;
  } words[] = {
      {{"true", 4}, SL_JSON_TRUE}, {{"false", 5}, SL_JSON_FALSE}, {{"null", 4}, SL_JSON_NULL}};
  for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
    const struct sl_str word = words[i].word;
    if ((size_t)(json->end - json->at) >= word.len && memcmp(json->at, word.ptr, word.len) == 0) {
      json->text = (struct sl_str){.ptr = json->at, .len = word.len};
      json->at += word.len;
      settle(json);
      return words[i].event;
    }
  }
  return bad(json, json->at, "a value is missing, or no value begins like this");
}

// ---- structure

static enum sl_json_event open_nest(struct sl_json *json, bool object) {
  if (json->depth == SL_JSON_DEPTH_MAX) {
    return bad(json, json->at, "the nesting is deeper than 32");
  }
  const uint32_t bit = UINT32_C(1) << json->depth;
  json->objects = object ? json->objects | bit : json->objects & ~bit;
  json->depth++;
  json->at++;
  json->expects = object ? EXPECT_NAME_OR_END : EXPECT_ITEM_OR_END;
  return object ? SL_JSON_OBJECT : SL_JSON_ARRAY;
}

static enum sl_json_event close_nest(struct sl_json *json) {
  const bool object = in_object(json);
  if (*json->at != (object ? '}' : ']')) {
    return bad(json, json->at,
               object ? "an object does not go on with , or }"
                      : "an array does not go on with , or ]");
  }
  json->at++;
  json->depth--;
  settle(json);
  return object ? SL_JSON_OBJECT_END : SL_JSON_ARRAY_END;
}

static enum sl_json_event read_value(struct sl_json *json) {
  switch (*json->at) {
  case '{':
    return open_nest(json, true);
  case '[':
    return open_nest(json, false);
  case '"':
    if (!read_string(json)) {
      return SL_JSON_BAD;
    }
    settle(json);
    return SL_JSON_STRING;
  case '-':
  case '0' ... '9':
    return read_number(json);
  default:
    return read_word(json);
  }
}

static enum sl_json_event read_name(struct sl_json *json) {
  if (*json->at != '"') {
    return bad(json, json->at, "a name in quotes is missing");
  }
  if (!read_string(json)) {
    return SL_JSON_BAD;
  }
  json->expects = EXPECT_COLON;
  return SL_JSON_NAME;
}

static void skip_space(struct sl_json *json) {
  while (json->at < json->end && is_space(*json->at)) {
    json->at++;
  }
}

// Passes over the colon or comma that stands before the next event. False when it is missing.
static bool pass_separator(struct sl_json *json) {
  if (json->at == json->end) {
    return true;
  }
  if (json->expects == EXPECT_COLON) {
    if (*json->at != ':') {
      bad(json, json->at, "a colon is missing after a name");
      return false;
    }
    json->at++;
    json->expects = EXPECT_VALUE;
  } else if (json->expects == EXPECT_COMMA_OR_END && *json->at == ',') {
    json->at++;
    json->expects = in_object(json) ? EXPECT_NAME : EXPECT_VALUE;
  }
  skip_space(json);
  return true;
}

enum sl_json_event sl_json_next(struct sl_json *json) {
  if (json->expects == EXPECT_FAILED) {
    return SL_JSON_BAD;
  }
  skip_space(json);
  if (!pass_separator(json)) {
    return SL_JSON_BAD;
  }
  if (json->at == json->end) {
    return json->expects == EXPECT_NOTHING ? SL_JSON_END
                                           : bad(json, json->at, "the text ends too soon");
  }
  switch (json->expects) {
  case EXPECT_NOTHING:
    return bad(json, json->at, "something stands after the value");
  case EXPECT_COMMA_OR_END:
    return close_nest(json);
  case EXPECT_NAME_OR_END:
    return *json->at == '}' ? close_nest(json) : read_name(json);
  case EXPECT_NAME:
    return read_name(json);
  case EXPECT_ITEM_OR_END:
    return *json->at == ']' ? close_nest(json) : read_value(json);
  default:
    return read_value(json);
  }
}

bool sl_json_skip(struct sl_json *json, enum sl_json_event event) {
  unsigned open = 0;
  for (;; event = sl_json_next(json)) {
    if (event == SL_JSON_OBJECT || event == SL_JSON_ARRAY) {
      open++;
    } else if (event == SL_JSON_OBJECT_END || event == SL_JSON_ARRAY_END) {
      open--;
    } else if (event == SL_JSON_BAD || event == SL_JSON_END) {
      return false;
    }
    if (open == 0 && event != SL_JSON_NAME) {
      return true;
    }
  }
}

// ---- writing

static char *put_unit(char *at, unsigned char byte) {
  static const char hex[] = "0123456789abcdef";
  const char unit[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
  memcpy(at, unit, sizeof unit);
  return at + sizeof unit;
}

static char *put_escape(char *at, unsigned char byte) {
  const char *name = byte == '"'    ? "\""
                     : byte == '\\' ? "\\"
                     : byte == '\n' ? "n"
                     : byte == '\t' ? "t"
                                    : NULL;
  if (name == NULL) {
    return put_unit(at, byte);
  }
  *at++ = '\\';
  *at++ = *name;
  return at;
}

char *sl_json_put_string(char *at, struct sl_str text) {
  const char *end = text.ptr + text.len;
  *at++ = '"';
  for (const char *from = text.ptr; from < end;) {
    const unsigned char byte = (unsigned char)*from;
    if (SL_LIKELY(byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')) {
      *at++ = *from++;
      continue;
    }
    const size_t len = byte < 0x80 ? 0 : utf8_at(from, end);
    if (len > 0) {
      memcpy(at, from, len);
      at += len;
      from += len;
    } else {
      at = put_escape(at, byte);
      from++;
    }
  }
  *at++ = '"';
  return at;
}
