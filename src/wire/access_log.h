// access_log.h - lines of an access log in the common and the combined format, as Apache, nginx and
// many others write them:
//
//   host ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referer" "user
//   agent"
//
// The common format ends after the bytes. Between quotes a backslash keeps the next byte from
// ending the text. What follows the last field after a space is passed over: sites like to add
// fields of their own. A user may hold spaces; the time is the first place that reads `[time] "`,
// which no user can forge, because servers escape quotes.
//
// Source: Apache HTTP Server 2.4, mod_log_config, and its escaping (util.c, ap_escape_logitem).
#ifndef SL_WIRE_ACCESS_LOG_H
#define SL_WIRE_ACCESS_LOG_H

#include "base/base.h"

enum sl_access_form {
  SL_ACCESS_ANY,       // combined where a referer follows, else common; line by line
  SL_ACCESS_COMMON,    // whatever follows the bytes is passed over
  SL_ACCESS_COMBINED,  // referer and user agent must be there
};

// Fields as they stand in the line, escapes and `-` included; all are views of the caller's bytes.
struct sl_access_line {
  uint64_t time_ns;  // Unix time
  struct sl_str host, ident, user;
  struct sl_str request;  // without its quotes
  struct sl_str status, bytes;
  struct sl_str referer, agent;  // without their quotes; `-` in a line of the common format
};

// What is wrong with a line: a sentence without a full stop, and the byte, from 1, where it shows.
struct sl_access_error {
  const char *reason;
  size_t column;
};

enum sl_access_result {
  SL_ACCESS_LINE,   // *ret_line is filled
  SL_ACCESS_BLANK,  // nothing but white space
  SL_ACCESS_BAD,    // *ret_error says why
};

// What a reader keeps between lines. Zero-initialise and set `form`.
struct sl_access_reader {
  enum sl_access_form form;
  // The last minute and zone read and its first instant: neighbours share them.
  char minute[17], zone[6];
  bool has_minute;
  uint64_t minute_ns;
};

// Reads one line without its end (wire/line.h). Linear in its bytes, which may be any; copies
// nothing, and keeps no state but the reader's.
enum sl_access_result sl_access_read(struct sl_access_reader *reader, struct sl_str line,
                                     struct sl_access_line *ret_line,
                                     struct sl_access_error *ret_error);

// "17/May/2015:10:05:03 +0000" as Unix nanoseconds: SL_ACCESS_TIME_TEXT bytes. Second 60 is read as
// the first of the next minute. False where it is no such time or lies before 1970 or after 2116.
enum { SL_ACCESS_TIME_TEXT = 26 };
bool sl_access_time(struct sl_access_reader *reader, const char *text,
                    uint64_t *ret_time_ns) SL_MUST_USE;

// The parts of a request line; views of it, escapes included.
struct sl_request_line {
  struct sl_str method;
  struct sl_str target;    // may hold spaces
  struct sl_str protocol;  // len 0 where the line names none
};

// METHOD TARGET [HTTP/...]. False where the request is none of that form (`-`, an attempt of TLS,
// noise): the method is a token of RFC 9110 section 5.6.2, the target is not empty.
bool sl_request_line_split(struct sl_str request, struct sl_request_line *ret_parts) SL_MUST_USE;

// Undoes the escapes of a field: \" \\ \xHH and \b \f \n \r \t \v; another backslash stands for
// itself. Gives `field` itself where nothing is escaped, else a view of `buffer` (field.len bytes).
struct sl_str sl_access_unescape(struct sl_str field, char *buffer);

#endif
