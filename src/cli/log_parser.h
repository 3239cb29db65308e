// log_parser.h - from a line of a log to a request: its time, and the values of the attributes that
// the rules look at; others are not even cut out of the line.
#ifndef SL_CLI_LOG_PARSER_H
#define SL_CLI_LOG_PARSER_H

#include <jansson.h>

#include "base/text.h"
#include "cli/app.h"
#include "rule/ruleset.h"
#include "wire/access_log.h"

enum sl_log_form {
  SL_LOG_AUTO,  // not known yet: the first line that can be read decides between JSON and TEXT
  SL_LOG_TEXT,  // common, and combined where referer and user agent follow
  SL_LOG_COMBINED,
  SL_LOG_COMMON,
  SL_LOG_JSON,
};

struct sl_log_settings {
  enum sl_log_form form;
  const char *time_field;   // json
  bool ignore_other_types;  // json
};

enum sl_log_result {
  SL_LOG_REQUEST,   // the time and the values are there
  SL_LOG_BLANK,     // a line of white space
  SL_LOG_UNPARSED,  // `reason` and `column` say why
  SL_LOG_MEMORY,    // out of memory
};

enum { SL_LOG_REASON = 240 };

struct sl_log_parser {
  const struct sl_app *app;
  const struct sl_ruleset *set;
  struct sl_log_settings settings;
  enum sl_log_form form;  // of this log
  struct sl_access_reader access;
  struct sl_log_source *sources;  // where each attribute comes from in a line of text
  struct sl_str *values;  // of the last request, by attribute id; SL_ABSENT where it has none
  bool *seen;             // by attribute id: some request had it
  char *scratch;          // decoded values
  size_t scratch_room, scratch_used;
  size_t decoding;  // how many sources may need room in scratch
  json_t *json;     // the last line
  char reason[SL_LOG_REASON];
  size_t column;  // in bytes, from 1; 0: none
};

// The parser keeps a view of the set and of the settings. SL_OK: close it; SL_ERR_MEMORY.
enum sl_status sl_log_parser_init(struct sl_log_parser *parser, const struct sl_app *app,
                                  const struct sl_ruleset *set,
                                  const struct sl_log_settings *settings) SL_MUST_USE;
void sl_log_parser_close(struct sl_log_parser *parser);

// Another log begins: its form is looked for anew.
void sl_log_parser_begin(struct sl_log_parser *parser);

// Reads one line without its end. The values are good until the next call, and as long as the line.
enum sl_log_result sl_log_parse(struct sl_log_parser *parser, struct sl_str line,
                                uint64_t *ret_time_ns);

// log_json.c: the same for a line that is to be a JSON object.
enum sl_log_result sl_log_parse_json(struct sl_log_parser *parser, struct sl_str line,
                                     uint64_t *ret_time_ns);

// How many bytes an integer takes as text, with its end.
enum { SL_LOG_INTEGER = 24 };

// Room for `size` more bytes of decoded text until the next line; there is enough by design.
char *sl_log_scratch(struct sl_log_parser *parser, size_t size);

// Sets the reason; returns SL_LOG_UNPARSED.
enum sl_log_result sl_log_refuse(struct sl_log_parser *parser, size_t column, const char *format,
                                 ...) SL_PRINTF(3, 4);

// Whether the text is the `-` that logs write for what is not there.
static inline bool sl_log_is_dash(struct sl_str text) {
  return text.len == 1 && text.ptr[0] == '-';
}

#endif
