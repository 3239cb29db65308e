// What replies are written with, and JSON: what is read, what is refused, what is written.
#include "base/units.h"
#include "support/tap.h"
#include "wire/http1.h"
#include "wire/json.h"

static char buffer[4096];

static const char *written(char *end) {
  *end = '\0';
  return buffer;
}

static void test_numbers(void) {
  is_str(written(sl_http_put_number(buffer, 0)), "0", "zero");
  is_str(written(sl_http_put_number(buffer, 10)), "10", "ten");
  is_str(written(sl_http_put_number(buffer, UINT64_MAX)), "18446744073709551615", "the largest");
}

static void test_dates(void) {
  is_str(written(sl_http_put_date(buffer, 784111777)), "Sun, 06 Nov 1994 08:49:37 GMT",
         "of the RFC");
  is_str(written(sl_http_put_date(buffer, 0)), "Thu, 01 Jan 1970 00:00:00 GMT", "the first");
  is_str(written(sl_http_put_date(buffer, 951827696)), "Tue, 29 Feb 2000 12:34:56 GMT",
         "a leap day");
  is_str(written(sl_http_put_date(buffer, 4107542399)), "Sun, 28 Feb 2100 23:59:59 GMT",
         "no leap year");
  is_str(written(sl_http_put_date(buffer, 4107542400)), "Mon, 01 Mar 2100 00:00:00 GMT",
         "the next second");
}

static void test_statuses(void) {
  static const unsigned all[] = {200, 400, 401, 403, 404, 405, 413, 414, 415,
                                 417, 421, 422, 429, 431, 500, 503, 505};
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    const struct sl_str text = sl_http_status_text(all[i]);
    snprintf(buffer, sizeof buffer, "%.*s", (int)text.len, text.ptr);
    unsigned number = 0;
    ok(strlen(buffer) == text.len && sscanf(buffer, "%u ", &number) == 1 && number == all[i] &&
           buffer[text.len - 1] != ' ',
       "%s", buffer);
  }
  ok(sl_str_eq(sl_http_status_text(299), SL_STR("500 Internal Server Error")), "an unknown one");
}

// Nothing that a rule's id holds can leave its quotes (header injection).
static void test_sf_strings(void) {
  is_str(written(sl_http_put_sf_string(buffer, SL_STR("per-user.1_a"))), "\"per-user.1_a\"",
         "an id");
  is_str(written(sl_http_put_sf_string(buffer, SL_STR("a\"b\\c"))), "\"a\\\"b\\\\c\"", "quotes");
  is_str(written(sl_http_put_sf_string(buffer, SL_STR("a\r\nB: c\x7f\xe9"))), "\"a__B: c__\"",
         "lines");
}

static const char *quota(uint64_t count, uint64_t period_ns, uint64_t remaining, uint64_t grows) {
  const struct sl_http_quota q = {.policy = SL_STR("r"),
                                  .count = count,
                                  .period_ns = period_ns,
                                  .remaining = remaining,
                                  .grows_after_ns = grows};
  char *end = sl_http_put_quota(buffer, &q);
  ok((size_t)(end - buffer) <= sl_http_quota_room(&q), "it fits");
  return written(end);
}

static void test_quotas(void) {
  is_str(quota(600, 30 * SL_NS_PER_S, 599, 1),
         "RateLimit-Policy: \"r\";q=600;w=30\r\nRateLimit: \"r\";r=599;t=1\r\n", "a quota");
  is_str(quota(5, SL_NS_PER_S - 1, 5, 0), "RateLimit-Policy: \"r\";q=5\r\nRateLimit: \"r\";r=5\r\n",
         "no window, no growth");
  is_str(quota(5, 1500 * SL_NS_PER_MS, 0, SL_NS_PER_S + 1),
         "RateLimit-Policy: \"r\";q=5;w=2\r\nRateLimit: \"r\";r=0;t=2\r\n", "rounded up");
  is_str(quota(UINT64_MAX, SL_NS_PER_S, UINT64_MAX, 0),
         "RateLimit-Policy: \"r\";q=999999999999999;w=1\r\nRateLimit: \"r\";r=999999999999999\r\n",
         "15 digits");
  is_str(written(sl_http_put_retry_after(buffer, 0)), "Retry-After: 1\r\n", "at least a second");
  is_str(written(sl_http_put_retry_after(buffer, SL_NS_PER_S)), "Retry-After: 1\r\n", "a second");
  is_str(written(sl_http_put_retry_after(buffer, SL_NS_PER_S + 1)), "Retry-After: 2\r\n",
         "rounded up");
}

// ---- JSON

// The events of a text as letters: { } [ ] n(ame) s i d t f z(null) . !
static const char *events(const char *text) {
  static const char letters[] = "{}[]nsidtfz.!";
  static char seen[256];
  struct sl_json json;
  size_t count = 0;
  sl_json_begin(&json, sl_str_of(text));
  for (;;) {
    const enum sl_json_event event = sl_json_next(&json);
    seen[count++] = letters[event];
    if (event == SL_JSON_END || event == SL_JSON_BAD || count == sizeof seen - 1) {
      seen[count] = '\0';
      return seen;
    }
  }
}

static void test_events(void) {
  static const char *const all[][2] = {
      {"{}", "{}."},
      {"[]", "[]."},
      {" { \"a\" : [ 1 , -2.5e+3 , \"x\" , true , false , null , { } ] } ", "{n[idstfz{}]}."},
      {"\"\"", "s."},
      {"0", "i."},
      {"-0", "i."},
      {"-1", "i."},
      {"10", "i."},
      {"0.0", "d."},
      {"1E5", "d."},
      {"1e-5", "d."},
      {"", "!"},
      {" ", "!"},
      {"{", "{!"},
      {"}", "!"},
      {"[1,]", "[i!"},
      {"[,1]", "[!"},
      {"[1 2]", "[i!"},
      {"[1}", "[i!"},
      {"{\"a\"}", "{n!"},
      {"{\"a\":}", "{n!"},
      {"{\"a\":1,}", "{ni!"},
      {"{\"a\":1]", "{ni!"},
      {"{\"a\" 1}", "{n!"},
      {"{\"a\"::1}", "{n!"},
      {"{1:1}", "{!"},
      {"{a:1}", "{!"},
      {"{,}", "{!"},
      {"01", "!"},
      {"+1", "!"},
      {"-", "!"},
      {"1.", "!"},
      {".5", "!"},
      {"1e", "!"},
      {"1e+", "!"},
      {"0x1", "i!"},
      {"1 1", "i!"},
      {"tru", "!"},
      {"truer", "t!"},
      {"True", "!"},
      {"NaN", "!"},
      {"'a'", "!"},
      {"\"a", "!"},
      {"\"\t\"", "!"},
      {"\"\n\"", "!"},
      {"\"\\a\"", "!"},
      {"\"\\u12\"", "!"},
      {"\"\\u12g4\"", "!"},
      {"\"\\\"", "!"},
      {"\"\\ud800\"", "!"},
      {"\"\\ud800\\u0041\"", "!"},
      {"\"\\udc00\"", "!"},
      {"\"\\ud83d\\ude00\"", "s."},
      {"\"\xc3\xa9\"", "s."},
      {"\"\xc3\"", "!"},
      {"\"\xa9\"", "!"},
      {"\"\xc0\x80\"", "!"},
      {"\"\xed\xa0\x80\"", "!"},
      {"\"\xf4\x90\x80\x80\"", "!"},
      {"\"\xe0\x80\x80\"", "!"},
      {"\xef\xbb\xbf{}", "!"},
      {"// a\n1", "!"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    is_str(events(all[i][0]), all[i][1], "text %zu", i);
  }
}

static void test_depth(void) {
  char deep[128];
  memset(deep, '[', 64);
  memset(deep + 32, ']', 32);
  deep[64] = '\0';
  ok(strchr(events(deep), '.') != NULL, "32 deep");
  memset(deep, '[', 66);
  memset(deep + 33, ']', 33);
  deep[66] = '\0';
  ok(strchr(events(deep), '!') != NULL, "33 deep");
  ok(strcmp(events("[{\"a\":[{}]},[]]"), "[{n[{}]}[]].") == 0, "objects and arrays are told apart");
}

static void test_texts(void) {
  struct sl_json json;
  sl_json_begin(&json,
                SL_STR("\"a\\n\\\"\\\\\\/\\b\\f\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00z\""));
  ok(sl_json_next(&json) == SL_JSON_STRING && json.escaped, "a string of escapes");
  const struct sl_str text = sl_json_unescape(json.text, buffer);
  ok(sl_str_eq(text, SL_STR("a\n\"\\/\b\f\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z")),
     "is the bytes it stands for");
  char again[256];
  char *end = sl_json_put_string(again, text);
  *end = '\0';
  is_str(again, "\"a\\n\\\"\\\\/\\u0008\\u000c\\u000d\\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\"",
         "and is written again");
  end = sl_json_put_string(again, (struct sl_str){.ptr = "\xff\x00\x7f", .len = 3});
  *end = '\0';
  is_str(again, "\"\\u00ff\\u0000\\u007f\"", "bytes that are no text");
  sl_json_begin(&json, SL_STR("[{\"a\":[1,{}]},2]"));
  ok(sl_json_next(&json) == SL_JSON_ARRAY && sl_json_skip(&json, sl_json_next(&json)) &&
         sl_json_next(&json) == SL_JSON_INTEGER && sl_str_eq(json.text, SL_STR("2")),
     "a value is passed over");
  sl_json_begin(&json, SL_STR("[{\"a\":[1,{]},2]"));
  ok(sl_json_next(&json) == SL_JSON_ARRAY && !sl_json_skip(&json, sl_json_next(&json)),
     "but not a bad one");
}

int main(void) {
  test_numbers();
  test_dates();
  test_statuses();
  test_sf_strings();
  test_quotas();
  test_events();
  test_depth();
  test_texts();
  return done_testing();
}
