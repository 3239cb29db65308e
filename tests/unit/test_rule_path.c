// Paths in normal form.
#include "rule/path.h"
#include "support/tap.h"

static const struct {
  const char *path, *want;
} rows[] = {
    {"", ""},
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/b", "/a/b"},
    {"*", "*"},
    // Slashes.
    {"//", "/"},
    {"///", "/"},
    {"//a", "/a"},
    {"/a//b", "/a/b"},
    {"/a///b//", "/a/b/"},
    // Dot segments.
    {"/.", "/"},
    {"/./", "/"},
    {"/..", "/"},
    {"/../", "/"},
    {"/../..", "/"},
    {"/../a", "/a"},
    {"/a/.", "/a/"},
    {"/a/./b", "/a/b"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a/b/../../c", "/c"},
    {"/a/../../../c", "/c"},
    {"/a//../b", "/b"},
    {"/...", "/..."},
    {"/.a", "/.a"},
    {"/a./b", "/a./b"},
    {"/a../b", "/a../b"},
    {"/..a/b", "/..a/b"},
    {"/.well-known/x", "/.well-known/x"},
    // Without a slash before: not what a server sees, but it must not crash.
    {".", ""},
    {"..", ""},
    {"a", "a"},
    {"a/..", ""},
    {"a/../b", "b"},
    {"../a", "a"},
    {"a//b", "a/b"},
    {"a/b/..", "a/"},
    // Escapes.
    {"/%61", "/a"},
    {"/%7E%2d%2E%5f", "/~-._"},
    {"/%41%5A%30", "/AZ0"},
    {"/%2f", "/%2F"},
    {"/a%2Fb", "/a%2Fb"},
    {"/%3f", "/%3F"},
    {"/%c3%a9", "/%C3%A9"},
    {"/%00", "/%00"},
    {"/%25", "/%25"},
    {"/%2541", "/%2541"},
    {"/%", "/%25"},
    {"/%4", "/%254"},
    {"/%zz", "/%25zz"},
    {"/%%341", "/%2541"},
    {"/%2e", "/"},
    {"/a/%2e%2e/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a/%2E/b", "/a/b"},
    // Query and fragment.
    {"/a?b", "/a"},
    {"/a?b/../c", "/a"},
    {"/a#b", "/a"},
    {"/a#b?c", "/a"},
    {"?a", ""},
    {"/%3fa", "/%3Fa"},
    {"/a;b=c", "/a;b=c"},
    {"/\xc3\xa9", "/\xc3\xa9"},
};

int main(void) {
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[256];
    char again[256];
    const struct sl_str path = sl_str_of(rows[i].path);
    const struct sl_str got = sl_path_normalise(path, buffer);
    const struct sl_str twice = sl_path_normalise(got, again);
    ok(sl_str_eq(got, sl_str_of(rows[i].want)), "path \"%s\" is \"%s\", got \"%.*s\"", rows[i].path,
       rows[i].want, (int)got.len, got.ptr);
    ok(sl_str_eq(twice, got), "once more changes nothing: \"%s\"", rows[i].want);
    ok(!sl_path_is_normal(path) || sl_str_eq(got, path), "what counts as normal is: \"%s\"",
       rows[i].path);
  }
  const struct sl_str nothing = {.ptr = NULL, .len = 0};
  char buffer[1];
  is_u64(sl_path_normalise(nothing, buffer).len, 0, "no bytes at all");
  return done_testing();
}
