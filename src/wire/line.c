#include "wire/line.h"

bool sl_line_read(struct sl_line_reader *reader, struct sl_str bytes, bool last,
                  struct sl_str *ret_line, size_t *ret_used) {
  sl_assert(reader->scanned <= bytes.len);
  const size_t fresh = bytes.len - reader->scanned;
  const char *newline = fresh == 0 ? NULL : memchr(bytes.ptr + reader->scanned, '\n', fresh);
  struct sl_str line = bytes;
  if (newline != NULL) {
    line.len = (size_t)(newline - bytes.ptr);
    *ret_used = line.len + 1;
  } else if (last && bytes.len > 0) {
    *ret_used = line.len;
  } else {
    reader->scanned = bytes.len;
    *ret_used = 0;
    return false;
  }
  reader->scanned = 0;
  if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
    line.len--;
  }
  *ret_line = line;
  return true;
}
