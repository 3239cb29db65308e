#include "wire/access_log.h"

#include "base/hash.h"
#include "base/units.h"

// The rest of a line under the reader's eyes.
struct cursor {
  const char *begin;
  const char *at;
  const char *end;
};

static bool bad(const struct cursor *c, const char *reason, struct sl_access_error *ret_error) {
  *ret_error = (struct sl_access_error){.reason = reason, .column = (size_t)(c->at - c->begin) + 1};
  return false;
}

static struct sl_str view(const char *from, const char *to) {
  return (struct sl_str){.ptr = from, .len = (size_t)(to - from)};
}

static bool next_is(const struct cursor *c, char byte) { return c->at < c->end && *c->at == byte; }

static const char *find(const char *from, const char *end, char byte) {
  return from == end ? NULL : memchr(from, byte, (size_t)(end - from));
}

// ---- the time -----------------------------------------------------------------------------------

static bool two_digits(const char *text, unsigned *ret_value) {
  const unsigned tens = (unsigned char)text[0] - (unsigned)'0';
  const unsigned ones = (unsigned char)text[1] - (unsigned)'0';
  *ret_value = tens * 10 + ones;
  return tens <= 9 && ones <= 9;
}

// 1 to 12, or 0.
static unsigned month_of(const char *text) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (unsigned month = 0; month < 12; month++) {
    if (memcmp(text, names + 3 * (size_t)month, 3) == 0) {
      return month + 1;
    }
  }
  return 0;
}

static unsigned days_in(unsigned year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

// "17/May/2015:10:05" as minutes since 1970.
static bool read_minute(const char *text, int64_t *ret_minutes) {
  unsigned day, century, years, hour, minute;
  const unsigned month = month_of(text + 3);
  if (!two_digits(text, &day) || text[2] != '/' || month == 0 || text[6] != '/' ||
      !two_digits(text + 7, &century) || !two_digits(text + 9, &years) || text[11] != ':' ||
      !two_digits(text + 12, &hour) || text[14] != ':' || !two_digits(text + 15, &minute)) {
    return false;
  }
  const unsigned year = century * 100 + years;
  if (day < 1 || day > days_in(year, month) || hour > 23 || minute > 59) {
    return false;
  }
  *ret_minutes = (sl_days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
  return true;
}

// " +0000" as minutes east of Greenwich.
static bool read_zone(const char *text, int64_t *ret_minutes) {
  unsigned hours, minutes;
  if (text[0] != ' ' || (text[1] != '+' && text[1] != '-') || !two_digits(text + 2, &hours) ||
      !two_digits(text + 4, &minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  const int64_t east = (int64_t)hours * 60 + minutes;
  *ret_minutes = text[1] == '-' ? -east : east;
  return true;
}

// Reads minute and zone anew and keeps them.
static bool learn_minute(struct sl_access_reader *reader, const char *text) {
  int64_t minutes, east;
  if (!read_minute(text, &minutes) || !read_zone(text + 20, &east)) {
    return false;
  }
  minutes -= east;
  if (minutes < 0 || (uint64_t)minutes >= SL_TIME_MAX_NS / SL_NS_PER_M - 1) {
    return false;
  }
  memcpy(reader->minute, text, sizeof reader->minute);
  memcpy(reader->zone, text + 20, sizeof reader->zone);
  reader->minute_ns = (uint64_t)minutes * SL_NS_PER_M;
  reader->has_minute = true;
  return true;
}

bool sl_access_time(struct sl_access_reader *reader, const char *text, uint64_t *ret_time_ns) {
  unsigned second;
  if (text[17] != ':' || !two_digits(text + 18, &second) || second > 60) {
    return false;
  }
  const bool known = reader->has_minute &&
                     memcmp(text, reader->minute, sizeof reader->minute) == 0 &&
                     memcmp(text + 20, reader->zone, sizeof reader->zone) == 0;
  if (!known && !learn_minute(reader, text)) {
    return false;
  }
  *ret_time_ns = reader->minute_ns + second * SL_NS_PER_S;
  return true;
}

// ---- the fields ---------------------------------------------------------------------------------

// The top bit of each byte of the word that is a space, a control byte or DEL; right up to the
// lowest such byte. (Bit Twiddling Hacks, S. E. Anderson: "Determine if a word has a byte less than
// n".)
static uint64_t word_ends(uint64_t bytes) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  const uint64_t tops = ones << 7;
  const uint64_t del = bytes ^ (ones * 0x7f);
  return (((bytes - ones * 0x21) & ~bytes) | ((del - ones) & ~del)) & tops;
}

// A run of bytes up to a space. Control bytes end it, so that a torn line does not pass for a whole
// one.
static struct sl_str read_word(struct cursor *c) {
  const char *from = c->at;
  while (c->end - c->at >= 8) {
    const uint64_t ends = word_ends(sl_load64(c->at));
    if (ends != 0) {
      c->at += __builtin_ctzll(ends) / 8;
      return view(from, c->at);
    }
    c->at += 8;
  }
  while (c->at < c->end && (unsigned char)*c->at > ' ' && *c->at != 0x7f) {
    c->at++;
  }
  return view(from, c->at);
}

// A word and the space after it.
static bool read_field(struct cursor *c, const char *reason, struct sl_str *ret_field,
                       struct sl_access_error *ret_error) {
  *ret_field = read_word(c);
  if (ret_field->len == 0 || !next_is(c, ' ')) {
    return bad(c, reason, ret_error);
  }
  c->at++;
  return true;
}

// At the first byte of the user: finds ` [time] "`, leaves the cursor after the quote.
static bool read_user_and_time(struct sl_access_reader *reader, struct cursor *c,
                               struct sl_access_line *line, struct sl_access_error *ret_error) {
  enum { SHAPE = 1 + SL_ACCESS_TIME_TEXT + 3 };  // "[", the time, "] \""
  bool bracket_seen = false;
  // Most lines name no user.
  const bool nobody = c->end - c->at > 2 && memcmp(c->at, "- [", 3) == 0;
  const char *open = nobody ? c->at + 2 : find(c->at, c->end, '[');
  while (open != NULL && c->end - open >= SHAPE) {
    const bool shaped = open - c->at >= 2 && open[-1] == ' ' &&
                        memcmp(open + 1 + SL_ACCESS_TIME_TEXT, "] \"", 3) == 0;
    if (shaped && sl_access_time(reader, open + 1, &line->time_ns)) {
      line->user = view(c->at, open - 1);
      c->at = open + SHAPE;
      return true;
    }
    bracket_seen = true;
    open = find(open + 1, c->end, '[');
  }
  return bad(c,
             bracket_seen || open != NULL
                 ? "no time of the form [17/May/2015:10:05:03 +0000] before the request"
                 : "no time in brackets",
             ret_error);
}

// Whether the quote is kept from ending the text: an odd number of backslashes stands before it.
static bool is_escaped(const char *from, const char *quote) {
  const char *at = quote;
  while (at > from && at[-1] == '\\') {
    at--;
  }
  return ((quote - at) & 1) != 0;
}

// After an opening quote: the text up to the closing one, which is passed.
static bool read_quoted(struct cursor *c, const char *reason, struct sl_str *ret_text,
                        struct sl_access_error *ret_error) {
  const char *quote = c->at;
  while ((quote = find(quote, c->end, '"')) != NULL) {
    if (!is_escaped(c->at, quote)) {
      *ret_text = view(c->at, quote);
      c->at = quote + 1;
      return true;
    }
    quote++;
  }
  return bad(c, reason, ret_error);
}

// Digits, or `-`: `least` to `most` digits.
static bool read_number(struct cursor *c, size_t least, size_t most, const char *reason,
                        struct sl_str *ret_text, struct sl_access_error *ret_error) {
  const char *from = c->at;
  if (next_is(c, '-')) {
    c->at++;
  } else {
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
      c->at++;
    }
    const size_t digits = (size_t)(c->at - from);
    if (digits < least || digits > most) {
      c->at = from;
      return bad(c, reason, ret_error);
    }
  }
  if (c->at < c->end && *c->at != ' ') {
    return bad(c, reason, ret_error);
  }
  *ret_text = view(from, c->at);
  return true;
}

// Two words before the user's mean one more field in front: the virtual host. Its line would
// otherwise pass, with the host's name for the client's address.
static bool has_extra_field(struct sl_str user) {
  return user.len >= 2 && user.ptr[0] == '-' && user.ptr[1] == ' ';
}

static bool read_client(struct sl_access_reader *reader, struct cursor *c,
                        struct sl_access_line *line, struct sl_access_error *ret_error) {
  if (!read_field(c, "no client address", &line->host, ret_error) ||
      !read_field(c, "no field after the client address", &line->ident, ret_error)) {
    return false;
  }
  const struct cursor user = *c;
  if (!read_user_and_time(reader, c, line, ret_error)) {
    return false;
  }
  if (has_extra_field(line->user)) {
    return bad(&user, "one field too many before the time: is a virtual host in front?", ret_error);
  }
  return true;
}

static bool read_answer(struct cursor *c, struct sl_access_line *line,
                        struct sl_access_error *ret_error) {
  if (!read_quoted(c, "the request has no closing quote", &line->request, ret_error)) {
    return false;
  }
  if (!next_is(c, ' ')) {
    return bad(c, "no space after the request", ret_error);
  }
  c->at++;
  if (!read_number(c, 3, 3, "the status is not three digits", &line->status, ret_error)) {
    return false;
  }
  if (!next_is(c, ' ')) {
    return bad(c, "no bytes after the status", ret_error);
  }
  c->at++;
  return read_number(c, 1, SIZE_MAX, "the bytes are not a number", &line->bytes, ret_error);
}

static bool read_opening(struct cursor *c) {
  if (c->end - c->at < 2 || c->at[0] != ' ' || c->at[1] != '"') {
    return false;
  }
  c->at += 2;
  return true;
}

static bool read_combined(struct cursor *c, struct sl_access_line *line,
                          struct sl_access_error *ret_error) {
  if (!read_opening(c)) {
    return bad(c, "no referer in quotes", ret_error);
  }
  if (!read_quoted(c, "the referer has no closing quote", &line->referer, ret_error)) {
    return false;
  }
  if (!read_opening(c)) {
    return bad(c, "no user agent in quotes", ret_error);
  }
  if (!read_quoted(c, "the user agent has no closing quote", &line->agent, ret_error)) {
    return false;
  }
  if (c->at < c->end && *c->at != ' ') {
    return bad(c, "no space after the user agent", ret_error);
  }
  return true;
}

static bool read_all(struct sl_access_reader *reader, struct cursor *c, struct sl_access_line *line,
                     struct sl_access_error *ret_error) {
  if (!read_client(reader, c, line, ret_error) || !read_answer(c, line, ret_error)) {
    return false;
  }
  const bool referer_follows = c->end - c->at >= 2 && c->at[1] == '"';
  if (reader->form == SL_ACCESS_COMBINED || (reader->form == SL_ACCESS_ANY && referer_follows)) {
    return read_combined(c, line, ret_error);
  }
  line->referer = SL_STR("-");
  line->agent = SL_STR("-");
  return true;
}

static bool is_blank(struct sl_str line) {
  for (size_t i = 0; i < line.len; i++) {
    const char byte = line.ptr[i];
    if (byte != ' ' && byte != '\t' && byte != '\r') {
      return false;
    }
  }
  return true;
}

enum sl_access_result sl_access_read(struct sl_access_reader *reader, struct sl_str line,
                                     struct sl_access_line *ret_line,
                                     struct sl_access_error *ret_error) {
  if (is_blank(line)) {
    return SL_ACCESS_BLANK;
  }
  struct cursor c = {.begin = line.ptr, .at = line.ptr, .end = line.ptr + line.len};
  return read_all(reader, &c, ret_line, ret_error) ? SL_ACCESS_LINE : SL_ACCESS_BAD;
}

// ---- the request and the escapes ----------------------------------------------------------------

static bool is_token_byte(unsigned char byte) {
  const bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
  const bool digit = byte >= '0' && byte <= '9';
  return letter || digit || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

bool sl_request_line_split(struct sl_str request, struct sl_request_line *ret_parts) {
  size_t space = 0;
  while (space < request.len && is_token_byte((unsigned char)request.ptr[space])) {
    space++;
  }
  if (space == 0 || space >= request.len || request.ptr[space] != ' ') {
    return false;
  }
  struct sl_str target = view(request.ptr + space + 1, request.ptr + request.len);
  struct sl_str protocol = {.ptr = "", .len = 0};
  size_t word = target.len;
  while (word > 0 && target.ptr[word - 1] != ' ') {
    word--;
  }
  if (word > 0 && target.len - word > 5 && memcmp(target.ptr + word, "HTTP/", 5) == 0) {
    protocol = view(target.ptr + word, target.ptr + target.len);
    target.len = word - 1;
  }
  if (target.len == 0) {
    return false;
  }
  *ret_parts = (struct sl_request_line){
      .method = view(request.ptr, request.ptr + space), .target = target, .protocol = protocol};
  return true;
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = (char)(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte that an escape at `at` (a backslash, two bytes or more in the field) stands for; its
// length, or 0 where it is none.
static size_t escape_at(const char *at, const char *end, char *ret_byte) {
  static const char letters[] = "\"\\bfnrtv";
  static const char bytes[] = "\"\\\b\f\n\r\t\v";
  const char *letter = at[1] == '\0' ? NULL : strchr(letters, at[1]);
  if (letter != NULL) {
    *ret_byte = bytes[letter - letters];
    return 2;
  }
  if (at[1] != 'x' || end - at < 4) {
    return 0;
  }
  const int high = hex_digit(at[2]);
  const int low = hex_digit(at[3]);
  if (high < 0 || low < 0) {
    return 0;
  }
  *ret_byte = (char)(high * 16 + low);
  return 4;
}

struct sl_str sl_access_unescape(struct sl_str field, char *buffer) {
  const char *at = field.ptr;
  const char *end = field.ptr + field.len;
  if (find(at, end, '\\') == NULL) {
    return field;
  }
  size_t len = 0;
  while (at < end) {
    size_t used = 0;
    if (*at == '\\' && end - at >= 2) {
      used = escape_at(at, end, &buffer[len]);
    }
    if (used == 0) {
      buffer[len] = *at;
      used = 1;
    }
    at += used;
    len++;
  }
  return (struct sl_str){.ptr = buffer, .len = len};
}
