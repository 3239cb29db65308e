// line.h - lines out of bytes that come in pieces.
#ifndef SL_WIRE_LINE_H
#define SL_WIRE_LINE_H

#include "base/base.h"

// Zero-initialise.
struct sl_line_reader {
  size_t scanned;  // bytes of an unfinished line in which no line end was found
};

// Reads the first line of `bytes`; `last` says that no bytes follow these: then their end ends a
// line, too.
//   true    *ret_line is the line without its end ("\n" or "\r\n"), *ret_used its length with it:
//   the next
//           call takes the bytes after them
//   false   need more: nothing is used, the next call brings the same bytes and more. It does not
//   search
//           the old ones again, so all calls together are linear in the bytes. With `last` and no
//           bytes there is no line left.
bool sl_line_read(struct sl_line_reader *reader, struct sl_str bytes, bool last,
                  struct sl_str *ret_line, size_t *ret_used) SL_MUST_USE;

#endif
