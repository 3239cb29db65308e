// resp_request.c - reading requests.
#include "wire/resp.h"

// What comes next. START is 0: a parser rests there between requests.
enum { START, COUNT, COUNT_END, DOLLAR, LENGTH, LENGTH_END, BODY, LINE };

enum { DIGITS_MAX = 18 };  // so that a number fits

static const struct sl_str no_words = {.ptr = "", .len = 0};

void sl_resp_parser_init(struct sl_resp_parser *parser, const struct sl_mem *mem) {
  *parser = (struct sl_resp_parser){.mem = mem, .arg_room = SL_RESP_ARGS_NEAR};
  parser->args = parser->near;
}

static void drop_args(struct sl_resp_parser *parser) {
  if (parser->args != parser->near) {
    sl_mem_free(parser->mem, parser->args, parser->arg_room * sizeof parser->args[0]);
    parser->args = parser->near;
    parser->arg_room = SL_RESP_ARGS_NEAR;
  }
}

static void drop_words(struct sl_resp_parser *parser) {
  sl_mem_free(parser->mem, parser->words, parser->words_room);
  parser->words = NULL;
}

void sl_resp_parser_close(struct sl_resp_parser *parser) {
  drop_args(parser);
  drop_words(parser);
}

static enum sl_resp_state bad(struct sl_str text, struct sl_str *ret_error) {
  *ret_error = text;
  return SL_RESP_BAD;
}

static bool add_arg(struct sl_resp_parser *parser, uint32_t at, uint32_t len) {
  if (SL_UNLIKELY(parser->arg_count == parser->arg_room)) {
    uint32_t room = parser->arg_room * 2;
    struct sl_resp_arg *args = sl_mem_array(parser->mem, room, sizeof *args, _Alignof(max_align_t));
    if (args == NULL) {
      return false;
    }
    memcpy(args, parser->args, parser->arg_count * sizeof *args);
    drop_args(parser);
    parser->args = args;
    parser->arg_room = room;
  }
  parser->args[parser->arg_count++] = (struct sl_resp_arg){.at = at, .len = len};
  return true;
}

// ---- a line of words

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static int hex(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// What stands for an escaped character in double quotes.
static char unescape(char c) {
  switch (c) {
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  case 'b':
    return '\b';
  case 'a':
    return '\a';
  default:
    return c;
  }
}

struct words {
  const char *line;
  size_t len;
  size_t at;
  char *out;
  uint32_t out_len;
};

// One character within quotes. In double ones \xHH and the usual escapes, in single ones \' only.
static void take_quoted(struct words *w, char quote) {
  const char *p = w->line + w->at;
  size_t left = w->len - w->at;
  char c = p[0];
  size_t used = 1;
  if (c == '\\' && quote == '"' && left > 3 && p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
    c = (char)(hex(p[2]) * 16 + hex(p[3]));
    used = 4;
  } else if (c == '\\' && quote == '"' && left > 1) {
    c = unescape(p[1]);
    used = 2;
  } else if (c == '\\' && left > 1 && p[1] == '\'') {
    c = '\'';
    used = 2;
  }
  w->out[w->out_len++] = c;
  w->at += used;
}

// The rest of a word from an opening quote on. False when the quote is not closed, or something
// follows it.
static bool take_quotes(struct words *w) {
  char quote = w->line[w->at++];
  while (w->at < w->len && w->line[w->at] != quote) {
    take_quoted(w, quote);
  }
  if (w->at == w->len) {
    return false;
  }
  w->at++;
  return w->at == w->len || is_space(w->line[w->at]);
}

static bool take_word(struct words *w) {
  while (w->at < w->len && !is_space(w->line[w->at])) {
    if (w->line[w->at] == '"' || w->line[w->at] == '\'') {
      return take_quotes(w);
    }
    w->out[w->out_len++] = w->line[w->at++];
  }
  return true;
}

static bool begins(const char *line, size_t len, const char *word, size_t word_len) {
  for (size_t i = 0; i < word_len; i++) {
    char c = i < len ? line[i] : '\0';
    if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != word[i]) {
      return false;
    }
  }
  return true;
}

// Words without quotes are never longer than the line.
static bool reserve_words(struct sl_resp_parser *parser, size_t len) {
  parser->words = sl_mem_array(parser->mem, len + 1, 1, _Alignof(max_align_t));
  parser->words_room = (uint32_t)len + 1;
  return parser->words != NULL;
}

static enum sl_resp_state split_line(struct sl_resp_parser *parser,
                                     const struct sl_resp_bounds *bounds, const char *line,
                                     size_t len, struct sl_str *ret_error) {
  if (begins(line, len, "post ", 5) || begins(line, len, "host:", 5)) {
    return bad(no_words, ret_error);
  }
  if (!reserve_words(parser, len)) {
    return bad(SL_STR("out of memory"), ret_error);
  }
  struct words w = {.line = line, .len = len, .out = parser->words};
  for (;;) {
    while (w.at < len && is_space(line[w.at])) {
      w.at++;
    }
    if (w.at == len) {
      return SL_RESP_DONE;
    }
    uint32_t from = w.out_len;
    if (!take_word(&w)) {
      return bad(SL_STR("Protocol error: unbalanced quotes in request"), ret_error);
    }
    if (parser->arg_count == bounds->args || w.out_len - from > bounds->bulk) {
      return bad(SL_STR("Protocol error: too big inline request"), ret_error);
    }
    if (!add_arg(parser, from, w.out_len - from)) {
      return bad(SL_STR("out of memory"), ret_error);
    }
  }
}

static enum sl_resp_state read_line(struct sl_resp_parser *parser,
                                    const struct sl_resp_bounds *bounds, const char *bytes,
                                    size_t len, size_t *ret_used, struct sl_str *ret_error) {
  size_t most = bounds->line < bounds->bytes ? bounds->line : bounds->bytes;
  size_t end = len < most ? len : most;
  const char *newline = memchr(bytes + parser->pos, '\n', end - parser->pos);
  if (newline == NULL) {
    parser->work += end - parser->pos;
    parser->pos = (uint32_t)end;
    return end == most ? bad(SL_STR("Protocol error: too big inline request"), ret_error)
                       : SL_RESP_MORE;
  }
  size_t line_len = (size_t)(newline - bytes);
  parser->work += 2 * line_len + 1 - parser->pos;  // and once more for its words
  bool carriage = line_len > 0 && bytes[line_len - 1] == '\r';
  enum sl_resp_state state = split_line(parser, bounds, bytes, line_len - carriage, ret_error);
  *ret_used = state == SL_RESP_DONE ? line_len + 1 : 0;
  return state;
}

// ---- a multibulk

// The digits of a number from parser->pos on. True when something that is no digit follows.
static inline bool read_digits(struct sl_resp_parser *parser, const char *bytes, size_t len) {
  uint32_t pos = parser->pos;
  uint64_t number = parser->number;
  uint8_t digits = parser->digits;
  if (digits == 0 && pos < len && bytes[pos] == '-' && !parser->negative) {
    parser->negative = true;
    pos++;
  }
  for (; pos < len && bytes[pos] >= '0' && bytes[pos] <= '9' && digits < DIGITS_MAX; pos++) {
    number = number * 10 + (uint64_t)(bytes[pos] - '0');
    digits++;
  }
  parser->pos = pos;
  parser->number = number;
  parser->digits = digits;
  return pos < len;
}

static inline void begin_number(struct sl_resp_parser *parser, uint8_t stage) {
  parser->stage = stage;
  parser->number = 0;
  parser->digits = 0;
  parser->negative = false;
}

// The number has ended with \r, and this is to be the \n behind it. `stage` is what comes then.
static enum sl_resp_state end_count(struct sl_resp_parser *parser,
                                    const struct sl_resp_bounds *bounds, struct sl_str *ret_error) {
  if (parser->digits == 0) {
    return bad(SL_STR("Protocol error: invalid multibulk length"), ret_error);
  }
  if (!parser->negative && parser->number > bounds->args) {
    return bad(bounds->known ? SL_STR("Protocol error: invalid multibulk length")
                             : SL_STR("Protocol error: unauthenticated multibulk length"),
               ret_error);
  }
  parser->left = parser->negative ? 0 : (uint32_t)parser->number;
  parser->stage = DOLLAR;
  return SL_RESP_MORE;
}

static enum sl_resp_state end_length(struct sl_resp_parser *parser,
                                     const struct sl_resp_bounds *bounds,
                                     struct sl_str *ret_error) {
  if (parser->digits == 0 || parser->negative) {
    return bad(SL_STR("Protocol error: invalid bulk length"), ret_error);
  }
  if (parser->number > bounds->bulk || parser->pos + parser->number + 2 > bounds->bytes) {
    return bad(bounds->known ? SL_STR("Protocol error: invalid bulk length")
                             : SL_STR("Protocol error: unauthenticated bulk length"),
               ret_error);
  }
  parser->stage = BODY;
  return SL_RESP_MORE;
}

// The bytes of an argument and the end of line behind them. True when they are all there.
static bool have_body(const struct sl_resp_parser *parser, size_t len) {
  return len - parser->pos >= parser->number + 2;
}

static enum sl_resp_state end_body(struct sl_resp_parser *parser, const char *bytes,
                                   struct sl_str *ret_error) {
  uint32_t size = (uint32_t)parser->number;
  const char *end = bytes + parser->pos + size;
  if (end[0] != '\r' || end[1] != '\n') {
    return bad(SL_STR("Protocol error: expected an end of line after a bulk"), ret_error);
  }
  if (!add_arg(parser, parser->pos, size)) {
    return bad(SL_STR("out of memory"), ret_error);
  }
  parser->pos += size + 2;
  parser->left--;
  parser->stage = DOLLAR;
  return SL_RESP_MORE;
}

// The text is put where the arguments were, which nobody asks for any more.
static enum sl_resp_state expected_dollar(struct sl_resp_parser *parser, char got,
                                          struct sl_str *ret_error) {
  static const char text[] = "Protocol error: expected '$', got ' '";
  char *at = (char *)parser->near;
  _Static_assert(sizeof text <= sizeof parser->near, "it has room there");
  memcpy(at, text, sizeof text);
  at[sizeof text - 3] = got >= ' ' && got < 0x7f ? got : '?';
  return bad((struct sl_str){.ptr = at, .len = sizeof text - 1}, ret_error);
}

// Takes what is there, stage after stage. SL_RESP_MORE: it has all been taken.
static enum sl_resp_state read_multibulk(struct sl_resp_parser *parser,
                                         const struct sl_resp_bounds *bounds, const char *bytes,
                                         size_t len, struct sl_str *ret_error) {
  enum sl_resp_state state = SL_RESP_MORE;
  while (state == SL_RESP_MORE) {
    if (parser->stage == DOLLAR && parser->left == 0) {
      return SL_RESP_DONE;
    }
    if (parser->pos >= len) {
      return SL_RESP_MORE;
    }
    switch (parser->stage) {
    case DOLLAR:
      if (bytes[parser->pos] != '$') {
        return expected_dollar(parser, bytes[parser->pos], ret_error);
      }
      parser->pos++;
      begin_number(parser, LENGTH);
      break;
    case COUNT:
    case LENGTH:
      if (!read_digits(parser, bytes, len)) {
        return SL_RESP_MORE;
      }
      if (bytes[parser->pos] != '\r') {
        return bad(parser->stage == COUNT ? SL_STR("Protocol error: invalid multibulk length")
                                          : SL_STR("Protocol error: invalid bulk length"),
                   ret_error);
      }
      parser->pos++;
      parser->stage++;
      break;
    case COUNT_END:
    case LENGTH_END:
      if (bytes[parser->pos++] != '\n') {
        return bad(SL_STR("Protocol error: expected an end of line"), ret_error);
      }
      state = parser->stage == COUNT_END ? end_count(parser, bounds, ret_error)
                                         : end_length(parser, bounds, ret_error);
      break;
    default:
      if (!have_body(parser, len)) {
        return SL_RESP_MORE;
      }
      state = end_body(parser, bytes, ret_error);
      break;
    }
  }
  return state;
}

// ---- the usual case: everything is there at once

// A number of up to four digits and its end of line. 0 when it is anything else; else the bytes of
// it.
static inline uint32_t quick_number(const char *p, const char *end, uint32_t *ret_number) {
  if (end - p < 6) {
    return 0;
  }
  uint32_t number = (uint32_t)(unsigned char)p[0] - '0';
  if (number > 9) {
    return 0;
  }
  uint32_t at = 1;
  for (; at < 4; at++) {
    uint32_t digit = (uint32_t)(unsigned char)p[at] - '0';
    if (digit > 9) {
      break;
    }
    number = number * 10 + digit;
  }
  if (p[at] != '\r' || p[at + 1] != '\n') {
    return 0;
  }
  *ret_number = number;
  return at + 2;
}

// Takes a whole multibulk of few arguments. False when it is not that; then the parser stands where
// it stood, and the careful way finds out what it is.
static bool read_quickly(struct sl_resp_parser *parser, const struct sl_resp_bounds *bounds,
                         const char *bytes, size_t len, size_t *ret_used) {
  const char *p = bytes + 1;
  const char *end = bytes + (len < bounds->bytes ? len : bounds->bytes);
  uint32_t count, size;
  uint32_t used = quick_number(p, end, &count);
  parser->work++;
  if (used == 0 || count > parser->arg_room || count > bounds->args) {
    return false;
  }
  p += used;
  for (uint32_t i = 0; i < count; i++) {
    if (end - p < 1 || *p != '$' || (used = quick_number(p + 1, end, &size)) == 0) {
      parser->work += (uint64_t)(p - bytes);
      return false;
    }
    p += 1 + used;
    if (size > bounds->bulk || end - p < (ptrdiff_t)size + 2 || p[size] != '\r' ||
        p[size + 1] != '\n') {
      parser->work += (uint64_t)(p - bytes);
      return false;
    }
    parser->args[i] = (struct sl_resp_arg){.at = (uint32_t)(p - bytes), .len = size};
    p += size + 2;
  }
  parser->arg_count = count;
  *ret_used = (size_t)(p - bytes);
  parser->work += *ret_used;
  return true;
}

static void begin(struct sl_resp_parser *parser) {
  parser->arg_count = 0;
  if (SL_UNLIKELY(parser->words != NULL)) {
    drop_words(parser);
  }
  if (SL_UNLIKELY(parser->args != parser->near)) {
    drop_args(parser);
  }
}

enum sl_resp_state sl_resp_parse(struct sl_resp_parser *parser, const struct sl_resp_bounds *bounds,
                                 const char *bytes, size_t len, size_t *ret_used,
                                 struct sl_str *ret_error) {
  *ret_used = 0;
  if (len == 0) {
    return SL_RESP_MORE;
  }
  if (parser->stage == START) {
    begin(parser);
    if (SL_LIKELY(bytes[0] == '*')) {
      if (SL_LIKELY(read_quickly(parser, bounds, bytes, len, ret_used))) {
        return SL_RESP_DONE;
      }
      begin_number(parser, COUNT);
      parser->pos = 1;
      parser->work++;
    } else {
      parser->stage = LINE;
    }
  }
  enum sl_resp_state state;
  if (parser->stage == LINE) {
    state = read_line(parser, bounds, bytes, len, ret_used, ret_error);
  } else {
    uint32_t from = parser->pos;
    state = read_multibulk(parser, bounds, bytes, len, ret_error);
    parser->work += parser->pos - from;
    *ret_used = state == SL_RESP_DONE ? parser->pos : 0;
  }
  if (state == SL_RESP_DONE) {
    parser->stage = START;
    parser->pos = 0;
  }
  return state;
}

// ---- numbers

bool sl_resp_parse_i64(struct sl_str text, int64_t *ret_value) {
  const char *p = text.ptr;
  const char *end = text.len > 0 ? p + text.len : p;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) {
    p++;
  }
  if (p == end) {
    return false;
  }
  uint64_t most = (uint64_t)INT64_MAX + negative;
  uint64_t value = 0;
  for (; p < end; p++) {
    uint64_t digit = (uint64_t)(unsigned char)*p - '0';
    if (digit > 9 || value > (most - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
  }
  *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
  return true;
}
