#include "rule/address.h"
#include "rule/attr.h"
#include "rule/glob.h"
#include "rule/path.h"
#include "rule/reader.h"

// ---- patterns of client_ip
// -----------------------------------------------------------------------

// Text that was surely meant as an address: digits and dots only, or with a colon or slash.
static bool looks_like_address(struct sl_str text) {
  bool numeric = true;
  for (size_t i = 0; i < text.len; i++) {
    const char c = text.ptr[i];
    if (c == ':' || c == '/') {
      return true;
    }
    numeric = numeric && ((c >= '0' && c <= '9') || c == '.');
  }
  return numeric;
}

static bool check_address(struct sl_reader *reader, const struct sl_node *node,
                          struct sl_str pattern) {
  char quoted[SL_QUOTE_TEXT];
  struct sl_cidr cidr;
  bool extra_bits;
  if (sl_cidr_parse(pattern, &cidr, &extra_bits)) {
    if (extra_bits) {
      char block[SL_ADDRESS_TEXT];
      char hint[SL_ADDRESS_TEXT + 16];
      struct sl_text text;
      sl_text_init(&text, hint, sizeof hint);
      sl_cidr_format(&cidr, block);
      sl_text_printf(&text, "it is read as %s", block);
      sl_read_warning(reader, node, hint, "%s has bits beyond its prefix",
                      sl_quote(pattern, quoted));
    }
    return true;
  }
  if (sl_is_glob(pattern)) {
    return true;
  }
  if (looks_like_address(pattern)) {
    sl_read_error(reader, node,
                  "write an address or a block, as 10.0.0.1, 10.0.0.0/8, 2001:db8::/32",
                  "%s is no address and no block of addresses", sl_quote(pattern, quoted));
    return false;
  }
  sl_read_warning(reader, node, "write an address or a block, as 10.0.0.0/8",
                  "%s is no address: it matches only a client_ip that reads just so",
                  sl_quote(pattern, quoted));
  return true;
}

// ---- patterns of path
// ----------------------------------------------------------------------------

// Exact paths are compared in normal form, so they are brought there; a glob is only looked at.
static bool check_path(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_str *pattern) {
  char quoted[SL_QUOTE_TEXT];
  if (pattern->len > 0 && pattern->ptr[0] != '/' && pattern->ptr[0] != '*' &&
      pattern->ptr[0] != '?') {
    sl_read_warning(reader, node, "begin it with a slash, or with *", "%s matches no ordinary path",
                    sl_quote(*pattern, quoted));
  }
  if (sl_is_glob(*pattern)) {
    if (memmem(pattern->ptr, pattern->len, "//", 2) != NULL ||
        memmem(pattern->ptr, pattern->len, "/./", 3) != NULL ||
        memmem(pattern->ptr, pattern->len, "/../", 4) != NULL) {
      sl_read_warning(reader, node,
                      "paths are normalised before: use path_raw for those as received",
                      "%s matches no path", sl_quote(*pattern, quoted));
    }
    return true;
  }
  char *buffer = sl_read_alloc(reader, sl_path_room(pattern->len), 1);
  if (buffer == NULL) {
    return false;
  }
  const struct sl_str normal = sl_path_normalise(*pattern, buffer);
  if (!sl_str_eq(normal, *pattern)) {
    char hint[SL_QUOTE_TEXT + 32];
    struct sl_text text;
    char quoted_normal[SL_QUOTE_TEXT];
    sl_text_init(&text, hint, sizeof hint);
    sl_text_printf(&text, "it is read as %s", sl_quote(normal, quoted_normal));
    sl_read_warning(reader, node, hint, "%s is not a path in normal form",
                    sl_quote(*pattern, quoted));
  }
  *pattern = normal;
  return true;
}

// ---- conditions
// ----------------------------------------------------------------------------------

static bool check_glob(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_str pattern) {
  if (!sl_is_glob(pattern)) {
    return true;
  }
  if (pattern.len > SL_PATTERN_MAX) {
    sl_read_error(reader, node, "at most 1024 bytes", "this pattern is too long: %zu bytes",
                  pattern.len);
    return false;
  }
  if (sl_glob_is_costly(pattern)) {
    sl_read_error(reader, node, "at most 64 bytes between two stars, where they hold a ?",
                  "this pattern is too costly");
    return false;
  }
  return true;
}

static bool read_pattern(struct sl_reader *reader, const struct sl_node *node, struct sl_str attr,
                         struct sl_str *ret_pattern) {
  if (!sl_read_text(reader, node, "a pattern", ret_pattern) ||
      !check_glob(reader, node, *ret_pattern)) {
    return false;
  }
  switch (sl_attr_kind_of(attr)) {
  case SL_ATTR_ADDRESS:
    return check_address(reader, node, *ret_pattern);
  case SL_ATTR_PATH:
    return check_path(reader, node, ret_pattern);
  case SL_ATTR_PLAIN:
    break;
  }
  return true;
}

static bool read_patterns(struct sl_reader *reader, const struct sl_node *node,
                          struct sl_condition *condition) {
  if (node->kind == SL_NODE_BAD) {
    return false;
  }
  const bool list = node->kind == SL_NODE_LIST;
  const size_t count = list ? node->count : 1;
  if (count == 0) {
    sl_read_error(reader, node, "give at least one", "an empty list of patterns matches nothing");
    return false;
  }
  struct sl_str *patterns = sl_read_alloc(reader, count, sizeof *patterns);
  if (patterns == NULL) {
    return false;
  }
  bool good = true;
  size_t at = 0;
  for (const struct sl_node *item = list ? node->first : node; item != NULL && at < count;
       item = list ? item->next : NULL) {
    good = read_pattern(reader, item, condition->attr, &patterns[at++]) && good;
  }
  condition->patterns = patterns;
  condition->pattern_count = count;
  return good;
}

bool sl_read_conditions(struct sl_reader *reader, const struct sl_node *node, const char *field,
                        struct sl_condition **ret_conditions, size_t *ret_count) {
  if (node->kind != SL_NODE_MAP) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "as { path: \"/v1/*\" }", "%s must be a map", field);
    }
    return false;
  }
  struct sl_condition *conditions = sl_read_alloc(reader, node->count / 2 + 1, sizeof *conditions);
  if (conditions == NULL) {
    return false;
  }
  bool good = true;
  size_t count = 0;
  for (const struct sl_node *key = node->first; key != NULL; key = sl_node_after_pair(key)) {
    if (key->kind != SL_NODE_SCALAR || key->next == NULL) {
      good = false;
      continue;
    }
    struct sl_condition *condition = &conditions[count];
    condition->place = sl_place_of(reader, key);
    const bool named = sl_read_attr_name(reader, key, &condition->attr);
    const bool filled = read_patterns(reader, key->next, condition);
    good = good && named && filled;
    count += named && filled;
  }
  *ret_conditions = conditions;
  *ret_count = count;
  return good;
}
