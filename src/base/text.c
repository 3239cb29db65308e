#include "base/text.h"

#include <stdio.h>

void sl_text_init(struct sl_text *text, char *buffer, size_t size) {
  sl_assert(size > 0);
  *text = (struct sl_text){.buffer = buffer, .size = size};
  buffer[0] = '\0';
}

void sl_text_add(struct sl_text *text, struct sl_str bytes) {
  size_t room = text->size - text->len - 1;
  size_t n = bytes.len;
  if (n > room) {
    n = room;
    text->cut = true;
  }
  if (n > 0) {
    memcpy(text->buffer + text->len, bytes.ptr, n);
    text->len += n;
  }
  text->buffer[text->len] = '\0';
}

void sl_text_vprintf(struct sl_text *text, const char *format, va_list args) {
  size_t room = text->size - text->len;
  int n = vsnprintf(text->buffer + text->len, room, format, args);
  if (n < 0) {
    text->buffer[text->len] = '\0';
    text->cut = true;
  } else if ((size_t)n >= room) {
    text->len = text->size - 1;
    text->cut = true;
  } else {
    text->len += (size_t)n;
  }
}

void sl_text_printf(struct sl_text *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  sl_text_vprintf(text, format, args);
  va_end(args);
}

// The length of the UTF-8 sequence of a printable character at `p`, of which `left` bytes are
// there; 0 where there is none: continuations without a beginning, overlong forms, surrogates, what
// lies beyond U+10FFFF (table 3-7 of the Unicode standard), and the C1 controls, which terminals
// obey.
static size_t utf8_len(const unsigned char *p, size_t left) {
  if (p[0] < 0xc2 || p[0] > 0xf4) {
    return 0;
  }
  size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if (left < len) {
    return 0;
  }
  unsigned low = p[0] == 0xc2 || p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  bool valid = p[1] >= low && p[1] <= high;
  for (size_t i = 2; i < len; i++) {
    valid = valid && (p[i] & 0xc0) == 0x80;
  }
  return valid ? len : 0;
}

static struct sl_str escape_of(unsigned char c, char hex_form[4]) {
  static const char hex[] = "0123456789abcdef";
  switch (c) {
  case '\n':
    return SL_STR("\\n");
  case '\t':
    return SL_STR("\\t");
  case '"':
    return SL_STR("\\\"");
  case '\\':
    return SL_STR("\\\\");
  default:
    hex_form[0] = '\\';
    hex_form[1] = 'x';
    hex_form[2] = hex[c >> 4];
    hex_form[3] = hex[c & 15];
    return (struct sl_str){.ptr = hex_form, .len = 4};
  }
}

void sl_text_escape(struct sl_text *text, struct sl_str bytes) {
  for (size_t i = 0; i < bytes.len;) {
    const unsigned char *p = (const unsigned char *)bytes.ptr + i;
    char hex_form[4];
    struct sl_str form = {.ptr = bytes.ptr + i, .len = utf8_len(p, bytes.len - i)};
    if (p[0] >= 0x20 && p[0] < 0x7f && p[0] != '"' && p[0] != '\\') {
      form.len = 1;
    }
    size_t used = form.len > 0 ? form.len : 1;
    if (form.len == 0) {
      form = escape_of(p[0], hex_form);
    }
    if (form.len > text->size - text->len - 1) {
      text->cut = true;  // half a character or half an escape would be worse than none
      return;
    }
    sl_text_add(text, form);
    i += used;
  }
}
