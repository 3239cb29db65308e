// Globs: what they match, and that no pattern makes them slow.
#include "rule/glob.h"
#include "support/tap.h"

static const struct {
  const char *pattern, *text;
  bool want;
} rows[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"a", "a", true},
    {"a", "ab", false},
    {"a", "A", false},
    {"*", "", true},
    {"*", "anything/at/all", true},
    {"**", "", true},
    {"***", "x", true},
    {"/v1/*", "/v1/", true},
    {"/v1/*", "/v1/a/b", true},
    {"/v1/*", "/v1", false},
    {"/v1/*", "/v2/a", false},
    {"*.php", "/a/b.php", true},
    {"*.php", ".php", true},
    {"*.php", "/a.php5", false},
    {"*bot*", "Googlebot/2.1", true},
    {"*bot*", "bot", true},
    {"*bot*", "Bot", false},
    {"a*b", "ab", true},
    {"a*b", "axxb", true},
    {"a*b", "axxbx", false},
    {"a*b", "a", false},
    {"aa*aa", "aaa", false},
    {"aa*aa", "aaaa", true},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "abcbc", true},
    {"a*b*c", "acb", false},
    {"*a*b", "aab", true},
    {"*ab*ab*", "abab", true},
    {"*ab*ab*", "aba", false},
    {"a**b", "ab", true},
    {"a***b", "axb", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"?", "*", true},
    {"??", "ab", true},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"?*", "", false},
    {"?*", "a", true},
    {"*?", "", false},
    {"*?", "abc", true},
    {"*??", "a", false},
    {"*?b", "ab", true},
    {"*?b", "b", false},
    {"a?*b", "axb", true},
    {"a?*b", "ab", false},
    {"*a?c*", "xxabcxx", true},
    {"*a?c*", "xxacxx", false},
    {"*a?b*c?d", "aXbcYd", true},
    {"*a?a?a*", "aaaaa", true},
    {"*a?a?a*", "aaaa", false},
    // Characters are those of UTF-8, and single bytes where it is none.
    {"?", "\xc3\xa9", true},
    {"??", "\xc3\xa9", false},
    {"*??", "\xe2\x82\xac", false},
    {"*?", "\xe2\x82\xac", true},
    {"a?b",
     "a\xf0\x9f\x98\x80"
     "b",
     true},
    {"?\xc3\xa9", "\xc3\xa9\xc3\xa9", true},
    {"*\xc3\xa9", "x\xc3\xa9", true},
    {"??", "\xff\xfe", true},
    {"?", "\xff\xfe", false},
    {"??", "\xc3(", true},
    {"???", "\xed\xa0\x80", true},  // a surrogate is three bytes, not a character
    {"?", "\xed\xa0\x80", false},
    {"??", "\xc0\x80", true},  // so is an overlong form
    {"*?", "\xc3", true},
};

static void table(void) {
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    ok(sl_glob_match(sl_str_of(rows[i].pattern), sl_str_of(rows[i].text), NULL) == rows[i].want,
       "\"%s\" and text %zu", rows[i].pattern, i);
  }
  const struct sl_str nothing = {.ptr = NULL, .len = 0};
  ok(sl_glob_match(SL_STR("*"), nothing, NULL), "no bytes at all fit *");
  ok(!sl_glob_match(SL_STR("*?*"), nothing, NULL), "no bytes at all do not fit ?");
}

// Patterns that make backtracking matchers take forever, against 64 KiB of what they wait for.
static void steps_are_bounded(void) {
  enum { TEXT = 65536 };
  static char text[TEXT];
  static const char *const patterns[] = {
      "*a*a*a*a*a*a*a*a*a*a*b",
      "*a?a*a?a*a?a*a?a*a?a*b",
      "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*",
      "*a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*",
      "*???????????????????????????????????????????????????????????????b*",
      "*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*b",
      "a*a*a*a*a*a*a*a*b*a*a*a*a*a*a*a*a",
      "*?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
  };
  memset(text, 'a', sizeof text);
  const struct sl_str subject = {.ptr = text, .len = sizeof text};
  for (size_t i = 0; i < SL_ARRAY_LEN(patterns); i++) {
    uint64_t steps = 0;
    const struct sl_str pattern = sl_str_of(patterns[i]);
    const bool matched = sl_glob_match(pattern, subject, &steps);
    const uint64_t bound = (uint64_t)TEXT * (SL_GLOB_PIECE_MAX + 3) + pattern.len;
    ok(!matched && !sl_glob_is_costly(pattern) && steps <= bound,
       "\"%.40s\": %llu steps, at most %llu", patterns[i], (unsigned long long)steps,
       (unsigned long long)bound);
  }
}

static void costly_patterns(void) {
  char pattern[SL_PATTERN_MAX];
  for (size_t len = SL_GLOB_PIECE_MAX - 1; len <= SL_GLOB_PIECE_MAX + 1; len++) {
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '*';
    pattern[1] = '?';
    pattern[len + 1] = '*';
    const struct sl_str text = {.ptr = pattern, .len = len + 2};
    ok(sl_glob_is_costly(text) == (len > SL_GLOB_PIECE_MAX), "a piece of %zu bytes with ?", len);
    pattern[1] = 'a';
    ok(!sl_glob_is_costly(text), "a piece of %zu bytes without ?", len);
  }
}

static void prefixes(void) {
  is_u64(sl_glob_prefix(SL_STR("/v1/*")), 4, "what a glob begins with");
  is_u64(sl_glob_prefix(SL_STR("a?*")), 1, "up to ?");
  is_u64(sl_glob_prefix(SL_STR("abc")), 3, "all of an exact text");
  is_u64(sl_glob_prefix(SL_STR("*")), 0, "nothing");
  ok(!sl_is_glob(SL_STR("a.b[c]{d}")), "only * and ? make a glob");
}

int main(void) {
  table();
  steps_are_bounded();
  costly_patterns();
  prefixes();
  return done_testing();
}
