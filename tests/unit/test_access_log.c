// Lines of access logs: lines out of bytes, fields, times, request lines, escapes, queries.
#include "base/units.h"
#include "support/tap.h"
#include "wire/access_log.h"
#include "wire/line.h"
#include "wire/query.h"

#define HEAD "192.0.2.1 - - [17/May/2015:10:05:03 +0000] "
#define TAIL "\"GET /a HTTP/1.1\" 200 5"

static bool same(struct sl_str got, const char *want) { return sl_str_eq(got, sl_str_of(want)); }

static enum sl_access_result read_one(enum sl_access_form form, const char *line,
                                      struct sl_access_line *ret_line,
                                      struct sl_access_error *ret_error) {
  struct sl_access_reader reader = {.form = form};
  *ret_error = (struct sl_access_error){.reason = ""};
  return sl_access_read(&reader, sl_str_of(line), ret_line, ret_error);
}

// ---- lines out of bytes
// ---------------------------------------------------------------------------

// The lines of `bytes`, each followed by '|', when they come `step` bytes at a time.
static void split(const char *bytes, size_t step, char *ret_lines) {
  struct sl_line_reader reader = {0};
  const size_t len = strlen(bytes);
  size_t begin = 0;
  size_t known = 0;
  *ret_lines = '\0';
  for (;;) {
    const struct sl_str view = {.ptr = bytes + begin, .len = known - begin};
    struct sl_str line;
    size_t used;
    if (sl_line_read(&reader, view, known == len, &line, &used)) {
      strncat(ret_lines, line.ptr, line.len);
      strcat(ret_lines, "|");
      begin += used;
    } else if (known == len) {
      return;
    } else {
      known = known + step < len ? known + step : len;
    }
  }
}

static void check_lines(void) {
  static const struct {
    const char *bytes, *want;
  } rows[] = {
      {"", ""},
      {"\n", "|"},
      {"a", "a|"},
      {"a\n", "a|"},
      {"a\nb", "a|b|"},
      {"a\r\nb\r\n", "a|b|"},
      {"\r\n\r\n", "||"},
      {"\r", "|"},
      {"a\rb\n", "a\rb|"},
      {"a\r\r\n", "a\r|"},
      {"first\n\nthird, which is longer\nlast", "first||third, which is longer|last|"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    bool good = true;
    for (size_t step = 1; step <= 40; step++) {
      char lines[128];
      split(rows[i].bytes, step, lines);
      good = good && strcmp(lines, rows[i].want) == 0;
    }
    ok(good, "lines of row %zu, in pieces of any size", i);
  }
}

// ---- fields
// ---------------------------------------------------------------------------------------

static void check_combined(void) {
  struct sl_access_line line;
  struct sl_access_error error;
  const char *text =
      "2001:db8::1 id frank [17/May/2015:10:05:03 +0000] \"GET /a?b \\\"c\\\" HTTP/1.1\" "
      "404 - \"http://a.example/\" \"say \\\\\" \"more\" 0.1";
  ok(read_one(SL_ACCESS_ANY, text, &line, &error) == SL_ACCESS_LINE, "a combined line");
  ok(same(line.host, "2001:db8::1") && same(line.ident, "id") && same(line.user, "frank"),
     "host, ident and user");
  is_u64(line.time_ns, UINT64_C(1431857103) * SL_NS_PER_S, "its time");
  ok(same(line.request, "GET /a?b \\\"c\\\" HTTP/1.1"), "the request, escapes and all");
  ok(same(line.status, "404") && same(line.bytes, "-"), "status and bytes");
  ok(same(line.referer, "http://a.example/") && same(line.agent, "say \\\\"), "referer and agent");
}

static void check_common(void) {
  struct sl_access_line line;
  struct sl_access_error error;
  ok(read_one(SL_ACCESS_ANY, HEAD TAIL, &line, &error) == SL_ACCESS_LINE, "a common line");
  ok(same(line.referer, "-") && same(line.agent, "-"), "has neither referer nor agent");
  ok(read_one(SL_ACCESS_ANY, HEAD TAIL " 0.004", &line, &error) == SL_ACCESS_LINE,
     "and may have fields of its site's own");
  ok(read_one(SL_ACCESS_COMMON, HEAD TAIL " \"torn", &line, &error) == SL_ACCESS_LINE,
     "asked for common, what follows is passed over");
  ok(read_one(SL_ACCESS_COMBINED, HEAD TAIL, &line, &error) == SL_ACCESS_BAD,
     "asked for combined, it is too short");
  ok(read_one(SL_ACCESS_ANY, "", &line, &error) == SL_ACCESS_BLANK &&
         read_one(SL_ACCESS_ANY, " \t \r", &line, &error) == SL_ACCESS_BLANK,
     "blank lines");
}

static void check_users(void) {
  static const struct {
    const char *line, *user;
  } rows[] = {
      {"h - frank [17/May/2015:10:05:03 +0000] " TAIL, "frank"},
      {"h - two words [17/May/2015:10:05:03 +0000] " TAIL, "two words"},
      {"h - [x [ [17/May/2015:10:05:03 +0000] " TAIL, "[x ["},
      {"h - eve [01/Jan/2030:00:00:00 +0000] x [17/May/2015:10:05:03 +0000] " TAIL,
       "eve [01/Jan/2030:00:00:00 +0000] x"},
      {"h -  [17/May/2015:10:05:03 +0000] " TAIL, NULL},
      {"h - - - [17/May/2015:10:05:03 +0000] " TAIL, NULL},
      {"vhost:80 h - frank [17/May/2015:10:05:03 +0000] " TAIL, NULL},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    struct sl_access_line line;
    struct sl_access_error error;
    const bool read = read_one(SL_ACCESS_ANY, rows[i].line, &line, &error) == SL_ACCESS_LINE;
    ok(read == (rows[i].user != NULL) && (!read || same(line.user, rows[i].user)), "user: %s",
       rows[i].line);
  }
}

// Where each mistake is seen.
static void check_mistakes(void) {
  static const struct {
    const char *line;
    size_t column;
  } rows[] = {
      {"x", 2},
      {" - - [", 1},
      {"h\1 - - [17/May/2015:10:05:03 +0000] " TAIL, 2},
      {"h\177 - - [17/May/2015:10:05:03 +0000] " TAIL, 2},
      {"h  - [17/May/2015:10:05:03 +0000] " TAIL, 3},
      {"h - - 17/May/2015:10:05:03 +0000 " TAIL, 5},
      {"h - - [17/May/2015:10:05:03 +0000] GET", 5},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET", 37},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\\\" 200 5", 37},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\"200 5", 41},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 20 5", 42},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 2000 5", 42},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200", 45},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 x", 46},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 5x", 47},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 5 \"r", 49},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 5 \"r\"", 51},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 5 \"r\" \"a", 53},
      {"h - - [17/May/2015:10:05:03 +0000] \"GET\" 200 5 \"r\" \"a\"b", 55},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    struct sl_access_line line;
    struct sl_access_error error;
    const bool bad = read_one(SL_ACCESS_ANY, rows[i].line, &line, &error) == SL_ACCESS_BAD;
    ok(bad && error.reason[0] != '\0', "no line: %s", rows[i].line);
    is_u64(error.column, rows[i].column, "the place, %s", error.reason);
  }
}

// ---- times
// ----------------------------------------------------------------------------------------

static void check_times(void) {
  static const struct {
    const char *text;
    int64_t seconds;  // -1: none
  } rows[] = {
      {"01/Jan/1970:00:00:00 +0000", 0},
      {"01/Jan/1970:00:00:00 -0001", 60},
      {"01/Jan/1970:00:00:00 +0001", -1},
      {"31/Dec/1969:23:59:59 +0000", -1},
      {"29/Feb/1972:00:00:00 +0000", 68169600},
      {"29/Feb/2000:12:00:00 +0000", 951825600},
      {"29/Feb/2016:23:59:59 +0000", 1456790399},
      {"29/Feb/2016:23:59:60 +0000", 1456790400},
      {"29/Feb/2100:00:00:00 +0000", -1},
      {"28/Feb/2100:00:00:00 +0000", INT64_C(4107456000)},
      {"29/Feb/2015:00:00:00 +0000", -1},
      {"30/Feb/2016:00:00:00 +0000", -1},
      {"31/Dec/2015:23:59:59 +0000", 1451606399},
      {"00/Jan/2016:00:00:00 +0000", -1},
      {"32/Jan/2016:00:00:00 +0000", -1},
      {"31/Jun/2016:00:00:00 +0000", -1},
      {"17/May/2015:10:05:03 +0530", 1431837303},
      {"17/May/2015:10:05:03 -0930", 1431891303},
      {"17/May/2015:24:00:00 +0000", -1},
      {"17/May/2015:10:60:00 +0000", -1},
      {"17/May/2015:10:05:61 +0000", -1},
      {"17/may/2015:10:05:03 +0000", -1},
      {"17/Mai/2015:10:05:03 +0000", -1},
      {"17-May-2015:10:05:03 +0000", -1},
      {"17/May/2015 10:05:03 +0000", -1},
      {"17/May/2015:10:05:03 0000 ", -1},
      {"17/May/2015:10:05:03 +2400", -1},
      {"17/May/2015:10:05:03 +0060", -1},
      {"17/May/2015:10:05:0x +0000", -1},
      {"1x/May/2015:10:05:03 +0000", -1},
      {"17/May/9999:10:05:03 +0000", -1},
      {"                          ", -1},
  };
  // One reader for all: what it keeps of one must not show in another. And each twice.
  struct sl_access_reader reader = {0};
  for (size_t i = 0; i < 2 * SL_ARRAY_LEN(rows); i++) {
    uint64_t time_ns = UINT64_MAX;
    const int64_t want = rows[i / 2].seconds;
    const bool read = sl_access_time(&reader, rows[i / 2].text, &time_ns);
    ok(read == (want >= 0) && (!read || time_ns == (uint64_t)want * SL_NS_PER_S), "time %s",
       rows[i / 2].text);
  }
}

// ---- the request line, escapes, queries
// ---------------------------------------------------------------

static void check_requests(void) {
  static const struct {
    const char *request, *method, *target, *protocol;
  } rows[] = {
      {"GET /a HTTP/1.1", "GET", "/a", "HTTP/1.1"},
      {"GET /a", "GET", "/a", ""},
      {"GET /a b c HTTP/1.0", "GET", "/a b c", "HTTP/1.0"},
      {"GET  HTTP/1.1", NULL, NULL, NULL},
      {"GET HTTP/1.1", "GET", "HTTP/1.1", ""},
      {"GET /a HTTP/", "GET", "/a HTTP/", ""},
      {"GET /a http/1.1", "GET", "/a http/1.1", ""},
      {"M-SEARCH * HTTP/1.1", "M-SEARCH", "*", "HTTP/1.1"},
      {"CONNECT a.example:443 HTTP/1.1", "CONNECT", "a.example:443", "HTTP/1.1"},
      {"GET", NULL, NULL, NULL},
      {"GET ", NULL, NULL, NULL},
      {" /a HTTP/1.1", NULL, NULL, NULL},
      {"-", NULL, NULL, NULL},
      {"", NULL, NULL, NULL},
      {"\\x16\\x03 /a HTTP/1.1", NULL, NULL, NULL},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    struct sl_request_line parts;
    const bool split_up = sl_request_line_split(sl_str_of(rows[i].request), &parts);
    ok(split_up == (rows[i].method != NULL) &&
           (!split_up ||
            (same(parts.method, rows[i].method) && same(parts.target, rows[i].target) &&
             same(parts.protocol, rows[i].protocol))),
       "request \"%s\"", rows[i].request);
  }
}

static void check_escapes(void) {
  static const struct {
    const char *field, *want;
  } rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"\\\"", "\""},
      {"\\\\", "\\"},
      {"\\\\x41", "\\x41"},
      {"\\x41\\x4a\\x4A", "AJJ"},
      {"\\b\\f\\n\\r\\t\\v", "\b\f\n\r\t\v"},
      {"\\", "\\"},
      {"\\q", "\\q"},
      {"\\x4", "\\x4"},
      {"\\xg0", "\\xg0"},
      {"end\\x", "end\\x"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[32];
    ok(same(sl_access_unescape(sl_str_of(rows[i].field), buffer), rows[i].want), "unescaped: %s",
       rows[i].field);
  }
  char buffer[4];
  const struct sl_str nul = sl_access_unescape(SL_STR("\\x00"), buffer);
  ok(nul.len == 1 && nul.ptr[0] == '\0', "a NUL byte");
}

static void check_queries(void) {
  static const struct {
    const char *query, *name, *want;
  } rows[] = {
      {"q=1", "q", "1"},
      {"a=0&q=1&q=2", "q", "1"},
      {"q", "q", ""},
      {"q=", "q", ""},
      {"&&q=1", "q", "1"},
      {"q=a=b", "q", "a=b"},
      {"q=%41%zz%4", "q", "A%zz%4"},
      {"%71=1", "q", "1"},
      {"qq=1", "q", NULL},
      {"xq=1", "q", NULL},
      {"", "q", NULL},
      {"a&b", "q", NULL},
      {"q=a+b", "q", "a+b"},
      {"=1", "q", NULL},
      {"q%00=1", "q", NULL},
      {"a=q", "q", NULL},
      {"long.name=x", "long.name", "x"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[32];
    struct sl_str value;
    const bool found =
        sl_query_find(sl_str_of(rows[i].query), sl_str_of(rows[i].name), buffer, &value);
    ok(found == (rows[i].want != NULL) && (!found || same(value, rows[i].want)), "query %s",
       rows[i].query);
  }
  struct sl_str query;
  ok(same(sl_target_path(SL_STR("/a?b?c"), &query), "/a") && same(query, "b?c"), "a target is cut");
  ok(same(sl_target_path(SL_STR("/a"), &query), "/a") && query.len == 0, "or has no query");
}

int main(void) {
  check_lines();
  check_combined();
  check_common();
  check_users();
  check_mistakes();
  check_times();
  check_requests();
  check_escapes();
  check_queries();
  return done_testing();
}
