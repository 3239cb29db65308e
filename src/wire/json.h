// json.h - JSON (RFC 8259) read event by event: strict, in place, without memory of its own; and
// texts written as JSON.
//
// Strict means: UTF-8 only and well formed, no byte-order mark, no control bytes in strings, every
// escape and surrogate pair whole, numbers by the grammar, nothing after the value. Nesting is
// bounded. Names that occur twice in one object are the caller's to refuse: it knows its fields.
#ifndef SL_WIRE_JSON_H
#define SL_WIRE_JSON_H

#include "base/base.h"

enum { SL_JSON_DEPTH_MAX = 32 };

enum sl_json_event {
  SL_JSON_OBJECT,      // {
  SL_JSON_OBJECT_END,  // }
  SL_JSON_ARRAY,       // [
  SL_JSON_ARRAY_END,   // ]
  SL_JSON_NAME,        // a name of an object; its value is the next event
  SL_JSON_STRING,
  SL_JSON_INTEGER,  // a number without fraction and exponent
  SL_JSON_NUMBER,   // another number
  SL_JSON_TRUE,
  SL_JSON_FALSE,
  SL_JSON_NULL,
  SL_JSON_END,  // the value is whole, and nothing but white space is left
  SL_JSON_BAD,  // json->error; every further event is BAD
};

struct sl_json {
  // Of the event.
  struct sl_str
      text;           // of names and strings between their quotes, as written; of numbers and words
  bool escaped;       // text holds escapes: sl_json_unescape
  const char *error;  // constant, a sentence without a full stop
  const char *at;     // where the next event is looked for, or what is wrong stands

  // Inside.
  const char *end;
  uint32_t objects;  // bit d: at depth d stands an object, else an array
  unsigned depth;
  unsigned char expects;
};

void sl_json_begin(struct sl_json *json, struct sl_str bytes);
enum sl_json_event sl_json_next(struct sl_json *json);

// Passes over the rest of the value whose first event was `event`. False when it is bad.
bool sl_json_skip(struct sl_json *json, enum sl_json_event event) SL_MUST_USE;

// The text without its escapes: the text itself where there are none, else written to `buffer`
// (text.len bytes are enough).
struct sl_str sl_json_unescape(struct sl_str text, char *buffer);

// The most bytes that sl_json_put_string writes.
static inline size_t sl_json_string_room(struct sl_str text) { return 6 * text.len + 2; }

// Writes the text as a JSON string, quotes included. A byte that is no UTF-8 is written as the
// escape of its number (\u00e9 for the byte e9). Returns the end.
char *sl_json_put_string(char *at, struct sl_str text);

#endif
