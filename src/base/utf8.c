#include "base/utf8.h"

size_t sl_utf8_at(struct sl_str text, size_t at, uint32_t *ret_point) {
  const unsigned char *c = (const unsigned char *)text.ptr + at;
  uint32_t unused = 0;
  ret_point = ret_point == NULL ? &unused : ret_point;
  *ret_point = c[0];
  if (c[0] < 0x80) {
    return 1;
  }
  if (c[0] < 0xc2 || c[0] > 0xf4) {
    return 0;
  }
  const size_t len = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
  if (text.len - at < len) {
    return 0;
  }
  // The second byte's range keeps out overlong forms, surrogates, and what lies beyond U+10FFFF.
  const unsigned low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
  const unsigned high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
  if (c[1] < low || c[1] > high) {
    return 0;
  }
  uint32_t point = c[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((c[i] & 0xc0) != 0x80) {
      return 0;
    }
    point = point << 6 | (c[i] & 0x3fu);
  }
  *ret_point = point;
  return len;
}
