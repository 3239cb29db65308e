// Any bytes as a path, and as a glob with a text: the first line of the input is the pattern.
#include "rule/glob.h"
#include "rule/path.h"
#include "support/fuzz.h"

enum { LONGEST = 1 << 16 };

static void must(bool holds) {
  if (!holds) {
    __builtin_trap();
  }
}

static bool holds(struct sl_str text, const char *part) {
  return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void check_path(struct sl_str path) {
  static char buffer[3 * LONGEST], again[9 * LONGEST];
  const struct sl_str normal = sl_path_normalise(path, buffer);
  must(normal.len <= sl_path_room(path.len));
  const struct sl_str twice = sl_path_normalise(normal, again);
  must(sl_str_eq(normal, twice));
  must(!holds(normal, "//") && !holds(normal, "/./") && !holds(normal, "/../") &&
       !holds(normal, "?"));
  must(!sl_path_is_normal(path) || sl_str_eq(path, normal));
  // A rooted path stays rooted, whatever it climbs.
  must(path.len == 0 || path.ptr[0] != '/' || (normal.len > 0 && normal.ptr[0] == '/'));
}

static void check_glob(struct sl_str pattern, struct sl_str text) {
  if (pattern.len > SL_PATTERN_MAX || sl_glob_is_costly(pattern)) {
    return;
  }
  uint64_t steps = 0;
  const bool matches = sl_glob_match(pattern, text, &steps);
  must(steps <= (uint64_t)text.len * (SL_GLOB_PIECE_MAX + 3) + pattern.len);
  if (!sl_is_glob(pattern)) {
    must(matches == sl_str_eq(pattern, text));
    return;
  }
  // What a glob begins with, each text that it matches begins with.
  const size_t prefix = sl_glob_prefix(pattern);
  must(!matches || (text.len >= prefix && memcmp(text.ptr, pattern.ptr, prefix) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > LONGEST) {
    return 0;
  }
  const struct sl_str all = {.ptr = (const char *)data, .len = size};
  check_path(all);
  const char *end = size == 0 ? NULL : memchr(data, '\n', size);
  if (end != NULL) {
    const size_t len = (size_t)(end - all.ptr);
    const struct sl_str text = {.ptr = end + 1, .len = size - len - 1};
    check_glob((struct sl_str){.ptr = all.ptr, .len = len}, text);
    check_path(text);
  }
  return 0;
}
