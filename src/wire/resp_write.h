// resp_write.h - values as RESP writes them, into the caller's buffer.
//
// Each function writes at `at`, which has the room that is stated with it, and returns the end of
// what it wrote. Where RESP2 and RESP3 differ, `three` says which is spoken.
#ifndef SL_WIRE_RESP_WRITE_H
#define SL_WIRE_RESP_WRITE_H

#include "base/base.h"

enum {
  SL_RESP_NUMBER_ROOM = 24,  // of an integer, and of the head of a bulk or of an aggregate
  SL_RESP_NULL_ROOM = 8,
  SL_RESP_BOOL_ROOM = 8,
};

// Room that a bulk of `len` bytes takes.
static inline size_t sl_resp_bulk_room(size_t len) { return len + SL_RESP_NUMBER_ROOM + 2; }

char *sl_resp_put_long_number(char *at, char kind, uint64_t number);

// `kind`, the decimal digits, the end of line.
static inline char *sl_resp_put_number(char *at, char kind, uint64_t number) {
  if (SL_LIKELY(number < 10)) {
    at[0] = kind;
    at[1] = (char)('0' + number);
    at[2] = '\r';
    at[3] = '\n';
    return at + 4;
  }
  return sl_resp_put_long_number(at, kind, number);
}

char *sl_resp_put_negative(char *at, int64_t value);

static inline char *sl_resp_put_int(char *at, int64_t value) {
  return SL_LIKELY(value >= 0) ? sl_resp_put_number(at, ':', (uint64_t)value)
                               : sl_resp_put_negative(at, value);
}

static inline char *sl_resp_put_array(char *at, size_t count) {
  return sl_resp_put_number(at, '*', count);
}

// In RESP2 a map is an array of its keys and values in turn, a set an array.
static inline char *sl_resp_put_map(char *at, size_t pairs, bool three) {
  return three ? sl_resp_put_number(at, '%', pairs) : sl_resp_put_number(at, '*', 2 * pairs);
}
static inline char *sl_resp_put_set(char *at, size_t count, bool three) {
  return sl_resp_put_number(at, three ? '~' : '*', count);
}

// sl_resp_bulk_room(text.len) bytes.
static inline char *sl_resp_put_bulk(char *at, struct sl_str text) {
  at = sl_resp_put_number(at, '$', text.len);
  if (text.len > 0) {
    memcpy(at, text.ptr, text.len);
    at += text.len;
  }
  at[0] = '\r';
  at[1] = '\n';
  return at + 2;
}

// Simple strings ('+') and errors ('-'): a line each. text.len + 3 bytes. Bytes that would end the
// line, and other controls, become spaces.
char *sl_resp_put_line(char *at, char kind, struct sl_str text);

static inline char *sl_resp_put_null(char *at, bool three) {
  memcpy(at, three ? "_\r\n\0" : "$-1\r\n", 5);
  return at + (three ? 3 : 5);
}

// In RESP2 the integers 1 and 0.
static inline char *sl_resp_put_bool(char *at, bool value, bool three) {
  memcpy(at, three ? "#f\r\n" : ":0\r\n", 4);
  at[1] = three ? (value ? 't' : 'f') : (value ? '1' : '0');
  return at + 4;
}

// A double that was written as text by the caller ("1.5", "inf"): in RESP2 a bulk.
static inline char *sl_resp_put_double(char *at, struct sl_str text, bool three) {
  return three ? sl_resp_put_line(at, ',', text) : sl_resp_put_bulk(at, text);
}

#endif
