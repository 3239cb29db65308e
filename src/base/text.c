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

static void escape_byte(struct sl_text *text, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  switch (c) {
  case '\n':
    sl_text_add(text, SL_STR("\\n"));
    break;
  case '\t':
    sl_text_add(text, SL_STR("\\t"));
    break;
  case '"':
    sl_text_add(text, SL_STR("\\\""));
    break;
  case '\\':
    sl_text_add(text, SL_STR("\\\\"));
    break;
  default:
    sl_text_add(text,
                (struct sl_str){.ptr = (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, .len = 4});
  }
}

void sl_text_escape(struct sl_text *text, struct sl_str bytes) {
  for (size_t i = 0; i < bytes.len; i++) {
    unsigned char c = (unsigned char)bytes.ptr[i];
    bool plain = (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') || c >= 0xa0;
    if (plain) {
      sl_text_add(text, (struct sl_str){.ptr = bytes.ptr + i, .len = 1});
    } else {
      escape_byte(text, c);
    }
  }
}
