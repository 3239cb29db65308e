// text.h - building messages in bounded buffers.
#ifndef SL_BASE_TEXT_H
#define SL_BASE_TEXT_H

#include <stdarg.h>

#include "base/base.h"

// A text under construction in the caller's buffer; always terminated, cut (never overrun) when
// full.
struct sl_text {
  char *buffer;
  size_t size;  // of the buffer, > 0
  size_t len;   // without the terminator
  bool cut;
};

void sl_text_init(struct sl_text *text, char *buffer, size_t size);
void sl_text_add(struct sl_text *text, struct sl_str bytes);
void sl_text_printf(struct sl_text *text, const char *format, ...) SL_PRINTF(2, 3);
void sl_text_vprintf(struct sl_text *text, const char *format, va_list args) SL_PRINTF(2, 0);
// Printable ASCII and well-formed UTF-8 as they are, but for C1 controls; quotes, backslashes,
// controls and all other bytes as \xHH (or \n, \t, \", \\): text from outside cannot forge a line
// of a log or a terminal sequence. A character or escape that does not fit whole is left out and
// all after it.
void sl_text_escape(struct sl_text *text, struct sl_str bytes);

#endif
