#include "wire/resp_write.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

char *sl_resp_put_long_number(char *at, char kind, uint64_t number) {
  char digits[20];
  char *p = digits + sizeof digits;
  while (number >= 100) {
    p -= 2;
    memcpy(p, pairs + number % 100 * 2, 2);
    number /= 100;
  }
  if (number >= 10) {
    p -= 2;
    memcpy(p, pairs + number * 2, 2);
  } else {
    *--p = (char)('0' + number);
  }
  size_t len = (size_t)(digits + sizeof digits - p);
  *at++ = kind;
  memcpy(at, p, len);
  at += len;
  at[0] = '\r';
  at[1] = '\n';
  return at + 2;
}

char *sl_resp_put_negative(char *at, int64_t value) {
  *at = ':';
  return sl_resp_put_number(at + 1, '-', 0 - (uint64_t)value);
}

char *sl_resp_put_line(char *at, char kind, struct sl_str text) {
  *at++ = kind;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    *at++ = c < ' ' || c == 0x7f ? ' ' : (char)c;
  }
  at[0] = '\r';
  at[1] = '\n';
  return at + 2;
}
