// report.h - what is wrong with a rule file, all of it in one go: where, what, and what would be
// right.
#ifndef SL_RULE_REPORT_H
#define SL_RULE_REPORT_H

#include "base/text.h"
#include "rule/model.h"

enum sl_severity { SL_SEVERITY_ERROR, SL_SEVERITY_WARNING };

// Each kind keeps this many; further ones are only counted. A person mends the first hundred first.
enum { SL_REPORTS_KEPT = 100, SL_REPORT_TEXT = 640 };

struct sl_report {
  enum sl_severity severity;
  struct sl_place place;  // line 0: the file as a whole
  const char *message;    // one line of printable text: what is wrong
  const char *hint;       // what would be right; "" where the message says all
  uint32_t file_order;    // of the place's file among those read
};

// Owns its texts, also the names of the files.
struct sl_reports {
  struct sl_arena arena;
  struct sl_report *items;  // errors and warnings by place, once sl_reports_sort was called
  size_t count, room;
  size_t errors, warnings;            // found, kept or not
  size_t kept_errors, kept_warnings;  // in items
  bool out_of_memory;                 // a report was lost; the functions that report say so too
  uint32_t files;
};

void sl_reports_init(struct sl_reports *reports, const struct sl_mem *mem);
void sl_reports_close(struct sl_reports *reports);

// Adds one. `format` makes the message; `hint` is copied. Text from outside is to be escaped before
// (sl_quote). Never fails: what does not fit in memory is counted, and noted in out_of_memory.
void sl_reports_add(struct sl_reports *reports, enum sl_severity severity, struct sl_place place,
                    const char *hint, const char *format, ...) SL_PRINTF(5, 6);

// Orders the items by file (as first reported), line and column; equal places stay in order.
void sl_reports_sort(struct sl_reports *reports);

// "rules.yaml:12:5: error: message (hint)" into `text`.
void sl_report_write(const struct sl_report *report, struct sl_text *text);

const char *sl_severity_name(enum sl_severity severity);  // "error", "warning"

// A text from outside, escaped and cut to some 60 characters, in quotes, for use in messages:
// returns buffer. Not thread-safe only in so far as the buffer is the caller's.
enum { SL_QUOTE_TEXT = 280 };
const char *sl_quote(struct sl_str text, char *buffer);

#endif
