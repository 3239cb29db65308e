// http1_chars.h - private to wire/http1*.c: what each byte may be part of.
#ifndef SL_WIRE_HTTP1_CHARS_H
#define SL_WIRE_HTTP1_CHARS_H

#include "base/base.h"

// Of a token; of a method (the letters that all of them are made of: a strange one is rather the
// rest of something else); of a field's value (obs-text too, RFC 9110 section 5.5); of a request
// target (what is printable, but '#', which no request has and some servers cut at); of a name in
// Host, and of an address in brackets there.
enum {
  SL_HTTP_TOKEN = 1,
  SL_HTTP_VALUE = 2,
  SL_HTTP_TARGET = 4,
  SL_HTTP_HOST = 8,
  SL_HTTP_METHOD = 16,
  SL_HTTP_HOST6 = 32,
};

extern const unsigned char sl_http_chars[256];

static inline bool sl_http_is_char(unsigned char byte, unsigned char kind) {
  return (sl_http_chars[byte] & kind) != 0;
}

// The worth of a hexadecimal digit, or -1.
static inline int sl_http_hex(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = (char)(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
