// progress.h - how far a long reading has come, on a terminal.
#ifndef SL_CLI_PROGRESS_H
#define SL_CLI_PROGRESS_H

#include "cli/app.h"

// Zeroed: shows nothing.
struct sl_progress {
  const struct sl_app *app;
  bool on;                          // err is a terminal
  bool visible;                     // something stands on the line
  uint64_t total_bytes;             // of all logs; 0: not known
  uint64_t done_bytes, done_lines;  // of the logs before this one
  uint64_t begin_ns, next_ns;       // monotonic
};

void sl_progress_init(struct sl_progress *progress, const struct sl_app *app,
                      const char *const *paths, size_t count);
// May be called often: it looks at the clock, and writes a few times a second once a second has
// passed.
void sl_progress_show(struct sl_progress *progress, uint64_t bytes, uint64_t lines);
// Adds up a log that was read to its end.
void sl_progress_end_log(struct sl_progress *progress, uint64_t bytes, uint64_t lines);
// Takes the line away, so that something else can be written.
void sl_progress_clear(struct sl_progress *progress);

#endif
