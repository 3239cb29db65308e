// read_file.h - reading a whole file.
#ifndef SL_SYS_READ_FILE_H
#define SL_SYS_READ_FILE_H

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "sys/sys.h"

// A file's content, owned. Zeroed: none.
struct sl_file {
  char *bytes;  // terminated by a 0 byte beyond `len`
  size_t len;
  size_t room;  // of the allocation
};

// Reads a file (or pipe) of at most `max_bytes` bytes to its end.
//   SL_OK
//   SL_ERR_IO      it cannot be opened or read; `message` has the system's reason
//   SL_ERR_RANGE   it is longer than max_bytes, said in `message`
//   SL_ERR_MEMORY
// On failure *ret_file is zeroed. Thread-safe.
enum sl_status sl_file_read(const struct sl_sys *sys, const struct sl_mem *mem, const char *path,
                            size_t max_bytes, struct sl_file *ret_file,
                            struct sl_text *message) SL_MUST_USE;
void sl_file_close(const struct sl_mem *mem, struct sl_file *file);

#endif
