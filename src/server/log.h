// log.h - what happened, a line an event: text on a terminal, JSON elsewhere.
//
//   2026-05-04T12:00:00.123Z info  ready  serving  http=127.0.0.1:8080 resp=127.0.0.1:6390
//   {"time":"2026-05-04T12:00:00.123Z","level":"info","event":"ready","message":"serving",...}
//
// Each line is one write, so lines of several threads do not mix. Nothing is logged for a request,
// but for the sample of refusals that was asked for.
#ifndef SL_SERVER_LOG_H
#define SL_SERVER_LOG_H

#include <stdatomic.h>

#include "base/text.h"
#include "sys/sys.h"

enum sl_log_level { SL_LOG_INFO, SL_LOG_WARNING, SL_LOG_ERROR };

struct sl_log {
  const struct sl_sys *sys;
  int file;  // descriptor
  bool json;
};

enum { SL_LOG_LINE = 4096 };

// A field: text, or where `text.ptr` is NULL the number.
struct sl_log_field {
  const char *name;
  struct sl_str text;
  uint64_t number;
};

#define SL_LOG_TEXT(field_name, value) \
  { .name = (field_name), .text = sl_str_of(value) }
#define SL_LOG_STR(field_name, value) \
  { .name = (field_name), .text = (value) }
#define SL_LOG_NUMBER(field_name, value) \
  { .name = (field_name), .number = (value) }

// Writes one line. `event` is one word for machines, `message` a sentence for people; text of any
// content is escaped. A line longer than SL_LOG_LINE loses its last fields, never its form.
// Thread-safe.
void sl_log_write(const struct sl_log *log, enum sl_log_level level, const char *event,
                  const char *message, const struct sl_log_field *fields, size_t count);

// sl_log(log, SL_LOG_INFO, "ready", "serving", SL_LOG_TEXT("http", address));
#define sl_log(log, level, event, ...) sl_log_all(log, level, event, __VA_ARGS__, {.name = NULL})
#define sl_log_all(log, level, event, message, ...)                                               \
  sl_log_write(log, level, event, message, (const struct sl_log_field[]){__VA_ARGS__},            \
               sizeof((const struct sl_log_field[]){__VA_ARGS__}) / sizeof(struct sl_log_field) - \
                   1)

#endif
