#include "wire/query.h"

struct sl_str sl_target_path(struct sl_str target, struct sl_str *ret_query) {
  const char *mark = target.len == 0 ? NULL : memchr(target.ptr, '?', target.len);
  if (mark == NULL) {
    *ret_query = (struct sl_str){.ptr = "", .len = 0};
    return target;
  }
  const size_t len = (size_t)(mark - target.ptr);
  *ret_query = (struct sl_str){.ptr = mark + 1, .len = target.len - len - 1};
  return (struct sl_str){.ptr = target.ptr, .len = len};
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = (char)(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte that stands at `at`, and how long its escape is: 1 where it is none.
static size_t decode_at(struct sl_str text, size_t at, char *ret_byte) {
  if (text.ptr[at] == '%' && text.len - at >= 3) {
    const int high = hex_digit(text.ptr[at + 1]);
    const int low = hex_digit(text.ptr[at + 2]);
    if (high >= 0 && low >= 0) {
      *ret_byte = (char)(high * 16 + low);
      return 3;
    }
  }
  *ret_byte = text.ptr[at];
  return 1;
}

struct sl_str sl_percent_decode(struct sl_str text, char *buffer) {
  if (text.len == 0 || memchr(text.ptr, '%', text.len) == NULL) {
    return text;
  }
  size_t len = 0;
  for (size_t at = 0; at < text.len; len++) {
    at += decode_at(text, at, &buffer[len]);
  }
  return (struct sl_str){.ptr = buffer, .len = len};
}

// Whether the text, decoded, is the name.
static bool decodes_to(struct sl_str text, struct sl_str name) {
  size_t at = 0;
  size_t matched = 0;
  while (at < text.len && matched < name.len) {
    char byte;
    at += decode_at(text, at, &byte);
    if (byte != name.ptr[matched]) {
      return false;
    }
    matched++;
  }
  return at == text.len && matched == name.len;
}

bool sl_query_find(struct sl_str query, struct sl_str name, char *buffer,
                   struct sl_str *ret_value) {
  size_t at = 0;
  while (at < query.len) {
    const char *from = query.ptr + at;
    const char *amp = memchr(from, '&', query.len - at);
    const size_t len = amp == NULL ? query.len - at : (size_t)(amp - from);
    const char *equals = len == 0 ? NULL : memchr(from, '=', len);
    const size_t name_len = equals == NULL ? len : (size_t)(equals - from);
    if (len > 0 && decodes_to((struct sl_str){.ptr = from, .len = name_len}, name)) {
      const size_t skip = equals == NULL ? len : name_len + 1;
      const struct sl_str raw = {.ptr = from + skip, .len = len - skip};
      *ret_value = sl_percent_decode(raw, buffer);
      return true;
    }
    at += len + 1;
  }
  return false;
}
