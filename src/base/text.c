#include "base/text.h"

#include <stdio.h>

#include "base/utf8.h"

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

// The bytes of the character at the start, 0 where there is none that can be shown: bytes below a
// space, the controls of ASCII and of Latin-1 (C1), and what is no UTF-8.
static size_t shown_at(struct sl_str bytes, size_t at) {
  uint32_t point;
  size_t len = sl_utf8_at(bytes, at, &point);
  bool shown = (point >= 0x20 && point < 0x7f && point != '"' && point != '\\') || point >= 0xa0;
  return shown ? len : 0;
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
    char hex_form[4];
    struct sl_str form = {.ptr = bytes.ptr + i, .len = shown_at(bytes, i)};
    size_t used = form.len > 0 ? form.len : 1;
    if (form.len == 0) {
      form = escape_of((unsigned char)bytes.ptr[i], hex_form);
    }
    if (form.len > text->size - text->len - 1) {
      text->cut = true;  // half a character or half an escape would be worse than none
      return;
    }
    sl_text_add(text, form);
    i += used;
  }
}
