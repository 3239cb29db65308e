// log_input.h - the bytes of a log: a file or standard input, plain or compressed (gzip, known by
// its first bytes, any number of members).
#ifndef SL_CLI_LOG_INPUT_H
#define SL_CLI_LOG_INPUT_H

#include <zlib.h>

#include "base/status.h"
#include "base/text.h"
#include "cli/app.h"

// A line is at most this long, its end included: longer ones are the caller's to pass over.
enum { SL_LOG_LINE_MAX = 1 << 20 };

struct sl_log_input {
  const struct sl_app *app;
  int file;
  bool is_stdin;
  bool is_gzip;
  bool member_open;    // gzip: inside a member
  bool source_ended;   // read() said so
  bool ended;          // no bytes follow those in `bytes`
  char *bytes;         // SL_LOG_BUFFER of them
  size_t begin, end;   // what is not used yet
  unsigned char *raw;  // gzip: compressed bytes
  z_stream stream;
  uint64_t bytes_read;  // from the file, as stored
};

// Opens a log; "-" is standard input. Reads its first bytes.
//   SL_OK           close it
//   SL_ERR_IO       `message` has the reason; SL_ERR_MEMORY
enum sl_status sl_log_input_open(struct sl_log_input *input, const struct sl_app *app,
                                 const char *path, struct sl_text *message) SL_MUST_USE;
void sl_log_input_close(struct sl_log_input *input);

// The bytes not used yet.
static inline struct sl_str sl_log_input_view(const struct sl_log_input *input) {
  return (struct sl_str){.ptr = input->bytes + input->begin, .len = input->end - input->begin};
}

// Marks the first `count` bytes of the view as used.
static inline void sl_log_input_use(struct sl_log_input *input, size_t count) {
  input->begin += count;
}

// Reads more behind the view, which then stands elsewhere; `ended` is set once there is no more.
// Not to be called with SL_LOG_LINE_MAX bytes or more in the view.
//   SL_OK; SL_ERR_IO: it cannot be read, or is no sound gzip, said in `message`
enum sl_status sl_log_input_fill(struct sl_log_input *input, struct sl_text *message) SL_MUST_USE;

#endif
