// Requests of RESP: what is one, what is bad, in whatever pieces it comes; numbers; values written.
#include "support/fault_mem.h"
#include "support/tap.h"
#include "wire/resp.h"
#include "wire/resp_write.h"

static const struct sl_resp_bounds wide = {
    .args = 64, .bulk = 4096, .line = 1024, .bytes = 65536, .known = true};

static struct fault_mem fault;
static struct sl_mem mem;

struct seen {
  enum sl_resp_state state;
  char text[2048];  // the arguments with bars between, or the error
  size_t used;
  uint64_t work;
};

// Reads one request that arrives `step` bytes at a time. The bytes move with each step, as they do
// in a server's buffer.
static struct seen read_in_steps(const char *bytes, size_t len, size_t step,
                                 const struct sl_resp_bounds *bounds) {
  struct seen seen = {.state = SL_RESP_MORE};
  struct sl_resp_parser parser;
  struct sl_str error = {.ptr = "", .len = 0};
  sl_resp_parser_init(&parser, &mem);
  char *copy = NULL;
  for (size_t have = 0; seen.state == SL_RESP_MORE && have < len;) {
    have = have + step < len ? have + step : len;
    free(copy);
    copy = malloc(have);
    memcpy(copy, bytes, have);
    seen.state = sl_resp_parse(&parser, bounds, copy, have, &seen.used, &error);
  }
  size_t at = 0;
  if (seen.state == SL_RESP_DONE) {
    for (uint32_t i = 0; i < parser.arg_count; i++) {
      struct sl_str arg = sl_resp_arg_at(&parser, copy, i);
      at += (size_t)snprintf(seen.text + at, sizeof seen.text - at, "%s%.*s", i > 0 ? "|" : "",
                             (int)arg.len, arg.ptr);
    }
  } else if (seen.state == SL_RESP_BAD) {
    snprintf(seen.text, sizeof seen.text, "%.*s", (int)error.len, error.ptr);
  }
  seen.work = parser.work;
  sl_resp_parser_close(&parser);
  free(copy);
  return seen;
}

static void is_request(const char *bytes, const char *want, const char *what) {
  bool same = true;
  struct seen seen = {.state = SL_RESP_MORE};
  for (size_t step = 1; step <= strlen(bytes) && same; step++) {
    seen = read_in_steps(bytes, strlen(bytes), step, &wide);
    same = seen.state == SL_RESP_DONE && strcmp(seen.text, want) == 0 && seen.used == strlen(bytes);
  }
  if (!ok(same, "a request, in pieces of every size: %s", what)) {
    diag("state %d, got \"%s\", want \"%s\", used %zu", (int)seen.state, seen.text, want,
         seen.used);
  }
}

static void is_bad_under(const struct sl_resp_bounds *bounds, const char *bytes, const char *want,
                         const char *what) {
  bool same = true;
  struct seen seen = {.state = SL_RESP_MORE};
  for (size_t step = 1; step <= strlen(bytes) && same; step++) {
    seen = read_in_steps(bytes, strlen(bytes), step, bounds);
    same = seen.state == SL_RESP_BAD && strcmp(seen.text, want) == 0;
  }
  if (!ok(same, "bad: %s", what)) {
    diag("state %d, got \"%s\", want \"%s\"", (int)seen.state, seen.text, want);
  }
}

static void is_bad(const char *bytes, const char *want, const char *what) {
  is_bad_under(&wide, bytes, want, what);
}

static void test_multibulk(void) {
  is_request("*1\r\n$4\r\nPING\r\n", "PING", "one word");
  is_request("*3\r\n$4\r\nECHO\r\n$0\r\n\r\n$2\r\n\r\n\r\n", "ECHO||\r\n", "empty and line ends");
  is_request("*0\r\n", "", "none at all");
  is_request("*-1\r\n", "", "less than none");
  is_request("*10\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n"
             "$1\r\nh\r\n$1\r\ni\r\n$12\r\n0123456789ab\r\n",
             "a|b|c|d|e|f|g|h|i|0123456789ab", "more words than lie near");
  is_request("*01\r\n$0004\r\nPING\r\n", "PING", "leading zeros");
}

static void test_line(void) {
  is_request("PING\r\n", "PING", "a line");
  is_request("PING\n", "PING", "a line that ends in \\n alone");
  is_request("  set  a\tb  \r\n", "set|a|b", "spaces");
  is_request("\r\n", "", "an empty line");
  is_request("ECHO \"a b\\n\\x41\\\"\\q\" 'it\\'s \\n'\r\n", "ECHO|a b\nA\"q|it's \\n", "quotes");
  is_request("a\"b\"\r\n", "ab", "a quote within a word");
  is_request("\"\" ''\n", "|", "empty words");
  is_bad("ECHO \"a\r\n", "Protocol error: unbalanced quotes in request", "an open quote");
  is_bad("ECHO \"a\"b\r\n", "Protocol error: unbalanced quotes in request", "text behind a quote");
  is_bad("ECHO 'a\\'\r\n", "Protocol error: unbalanced quotes in request", "an escaped end");
  is_bad("POST / HTTP/1.1\r\n", "", "POST, without a word");
  is_bad("host: example.org\r\n", "", "Host:, in any case");
  is_request("POSTER x\r\n", "POSTER|x", "what only begins like it");
}

static void test_bad(void) {
  is_bad("*x\r\n", "Protocol error: invalid multibulk length", "a count that is none");
  is_bad("*\r\n", "Protocol error: invalid multibulk length", "no count");
  is_bad("*65\r\n", "Protocol error: invalid multibulk length", "too many arguments");
  is_bad("*99999999999999999999\r\n", "Protocol error: invalid multibulk length", "a huge count");
  is_bad("*1\r\n+a\r\n", "Protocol error: expected '$', got '+'", "no bulk");
  is_bad("*1\r\n\001", "Protocol error: expected '$', got '?'", "a control character");
  is_bad("*1\r\n$-1\r\n", "Protocol error: invalid bulk length", "a negative length");
  is_bad("*1\r\n$4097\r\n", "Protocol error: invalid bulk length", "an argument too long");
  is_bad("*1\r\n$2000000000\r\n", "Protocol error: invalid bulk length", "a huge length");
  is_bad("*1\r\n$1\n", "Protocol error: invalid bulk length", "a bare line feed");
  is_bad("*1\r\n$1\r\nabc", "Protocol error: expected an end of line after a bulk", "a long bulk");
  is_bad("*1\rx", "Protocol error: expected an end of line", "half an end of line");
}

static void test_bounds(void) {
  struct sl_resp_bounds unknown = {
      .args = SL_RESP_ARGS_UNKNOWN, .bulk = SL_RESP_BULK_UNKNOWN, .line = 64, .bytes = 65536};
  is_bad_under(&unknown, "*11\r\n", "Protocol error: unauthenticated multibulk length",
               "11 arguments of a stranger");
  is_bad_under(&unknown, "*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length",
               "16 KB and one of a stranger");
  char line[128];
  memset(line, 'a', sizeof line);
  struct seen seen = read_in_steps(line, sizeof line, 1, &unknown);
  is_str(seen.text, "Protocol error: too big inline request", "a line without end");
  line[62] = '\n';
  is_u64(read_in_steps(line, sizeof line, 7, &unknown).used, 63, "one that just fits");
  struct sl_resp_bounds small = wide;
  small.bytes = 30;
  is_bad_under(&small, "*2\r\n$4\r\nECHO\r\n$30\r\n", "Protocol error: invalid bulk length",
               "a request beyond the bound on all of it");
}

static void test_memory(void) {
  // What is announced costs nothing; what has arrived costs in proportion.
  const char *announced = "*64\r\n$4096\r\nabc";
  fault.peak_bytes = 0;
  (void)read_in_steps(announced, strlen(announced), 1, &wide);
  is_u64(fault.peak_bytes, 0, "an announced request takes no memory");
  char many[64 * 8];
  size_t len = (size_t)snprintf(many, sizeof many, "*64\r\n");
  for (int i = 0; i < 64; i++) {
    len += (size_t)snprintf(many + len, sizeof many - len, "$0\r\n\r\n");
  }
  fault.peak_bytes = 0;
  is_i64(read_in_steps(many, len, 1, &wide).state, SL_RESP_DONE, "64 empty arguments");
  ok(fault.peak_bytes <= 4 * len, "take %llu bytes for %zu received",
     (unsigned long long)fault.peak_bytes, len);
  for (uint64_t at = 1; at <= 3; at++) {
    fault.calls = 0;
    fault.fail_at = at;
    is_str(read_in_steps(many, len, 5, &wide).text, "out of memory", "allocation %d fails",
           (int)at);
  }
  fault.calls = 0;
  fault.fail_at = 1;
  is_str(read_in_steps("PING\r\n", 6, 6, &wide).text, "out of memory", "a line without memory");
  fault.fail_at = 0;
  is_u64(fault.live, 0, "and none is lost");
}

// The work for bytes that come one by one grows with their number, not with its square.
static void test_work(void) {
  static const struct sl_resp_bounds vast = {
      .args = 1000000, .bulk = 1 << 24, .line = 1 << 24, .bytes = 1 << 25, .known = true};
  uint64_t work[3][2];
  for (int twice = 0; twice < 2; twice++) {
    size_t n = twice ? 8000 : 4000;
    char *bytes = malloc(n + 64);
    int head = snprintf(bytes, 64, "*1\r\n$%zu\r\n", n - 32);
    memset(bytes + head, 'x', n);
    work[0][twice] = read_in_steps(bytes, n, 1, &vast).work;
    size_t len = (size_t)snprintf(bytes, 64, "*%zu\r\n", n / 7);
    for (size_t i = 0; i < n / 7; i++) {
      len += (size_t)sprintf(bytes + len, "$1\r\na\r\n");
      if (len > n - 16) {
        break;
      }
    }
    work[1][twice] = read_in_steps(bytes, len, 1, &vast).work;
    memset(bytes, 'x', n);
    work[2][twice] = read_in_steps(bytes, n, 1, &vast).work;
    free(bytes);
  }
  static const char *const names[] = {"a long bulk", "many bulks", "a long line"};
  for (int i = 0; i < 3; i++) {
    ok(work[i][0] > 0 && work[i][1] * 10 <= work[i][0] * 22, "%s: %llu for n, %llu for 2n",
       names[i], (unsigned long long)work[i][0], (unsigned long long)work[i][1]);
  }
}

static void test_integers(void) {
  static const struct {
    const char *text;
    bool is;
    int64_t value;
  } cases[] = {
      {"0", true, 0},
      {"-0", true, 0},
      {"+7", true, 7},
      {"9223372036854775807", true, INT64_MAX},
      {"-9223372036854775808", true, INT64_MIN},
      {"9223372036854775808", false, 0},
      {"-9223372036854775809", false, 0},
      {"99999999999999999999", false, 0},
      {"", false, 0},
      {"-", false, 0},
      {"1 ", false, 0},
      {" 1", false, 0},
      {"1.0", false, 0},
      {"0x1", false, 0},
      {"--1", false, 0},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    int64_t value = 0;
    bool is = sl_resp_parse_i64(sl_str_of(cases[i].text), &value);
    ok(is == cases[i].is && value == cases[i].value, "\"%s\" is %s", cases[i].text,
       cases[i].is ? "an integer" : "none");
  }
}

static void is_written(char *from, char *to, const char *want) {
  *to = '\0';
  is_str(from, want, "written: %.*s", (int)strcspn(want, "\r"), want);
}

static void test_write(void) {
  char at[256];
  is_written(at, sl_resp_put_int(at, 0), ":0\r\n");
  is_written(at, sl_resp_put_int(at, 9), ":9\r\n");
  is_written(at, sl_resp_put_int(at, 10), ":10\r\n");
  is_written(at, sl_resp_put_int(at, 99), ":99\r\n");
  is_written(at, sl_resp_put_int(at, 100), ":100\r\n");
  is_written(at, sl_resp_put_int(at, 12345), ":12345\r\n");
  is_written(at, sl_resp_put_int(at, -1), ":-1\r\n");
  is_written(at, sl_resp_put_int(at, INT64_MAX), ":9223372036854775807\r\n");
  is_written(at, sl_resp_put_int(at, INT64_MIN), ":-9223372036854775808\r\n");
  is_written(at, sl_resp_put_bulk(at, SL_STR("")), "$0\r\n\r\n");
  is_written(at, sl_resp_put_bulk(at, SL_STR("a\r\nb")), "$4\r\na\r\nb\r\n");
  is_written(at, sl_resp_put_line(at, '-', SL_STR("ERR a\r\nb\x7f")), "-ERR a  b \r\n");
  is_written(at, sl_resp_put_null(at, false), "$-1\r\n");
  is_written(at, sl_resp_put_null(at, true), "_\r\n");
  is_written(at, sl_resp_put_bool(at, true, false), ":1\r\n");
  is_written(at, sl_resp_put_bool(at, false, true), "#f\r\n");
  is_written(at, sl_resp_put_map(at, 7, true), "%7\r\n");
  is_written(at, sl_resp_put_map(at, 7, false), "*14\r\n");
  is_written(at, sl_resp_put_set(at, 2, true), "~2\r\n");
  is_written(at, sl_resp_put_array(at, 5), "*5\r\n");
  is_written(at, sl_resp_put_double(at, SL_STR("1.5"), true), ",1.5\r\n");
  is_written(at, sl_resp_put_double(at, SL_STR("1.5"), false), "$3\r\n1.5\r\n");
}

int main(void) {
  mem = fault_mem_init(&fault);
  test_multibulk();
  test_line();
  test_bad();
  test_bounds();
  test_memory();
  test_work();
  test_integers();
  test_write();
  is_u64(fault.live, 0, "all memory is given back");
  return done_testing();
}
