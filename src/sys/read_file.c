#include "sys/read_file.h"

#include <errno.h>
#include <fcntl.h>

#include "base/arith.h"

enum { FIRST_ROOM = 64 << 10, ERROR_TEXT = 128 };

static enum sl_status refuse(struct sl_text *message, const char *what, int error) {
  char buffer[ERROR_TEXT];
  sl_text_printf(message, "%s: %s", what, strerror_r(error, buffer, sizeof buffer));
  return SL_ERR_IO;
}

// Makes room for more than is there; never for more than the bound, its one byte beyond and the end
// mark.
static bool grow(const struct sl_mem *mem, struct sl_file *file, size_t max_bytes) {
  size_t most = sl_add_sat_u64(max_bytes, 2);
  size_t room = file->room == 0 ? FIRST_ROOM : sl_mul_sat_u64(file->room, 2);
  room = room < most ? room : most;
  char *bytes = sl_mem_alloc(mem, room);
  if (bytes == NULL) {
    return false;
  }
  if (file->len > 0) {
    memcpy(bytes, file->bytes, file->len);
  }
  sl_mem_free(mem, file->bytes, file->room);
  file->bytes = bytes;
  file->room = room;
  return true;
}

static enum sl_status read_all(const struct sl_sys *sys, const struct sl_mem *mem, int from,
                               size_t max_bytes, struct sl_file *file, struct sl_text *message) {
  for (;;) {
    if (file->room - file->len < 2 && !grow(mem, file, max_bytes)) {
      return SL_ERR_MEMORY;
    }
    ssize_t n = sys->read(from, file->bytes + file->len, file->room - file->len - 1);
    if (n == 0) {
      file->bytes[file->len] = '\0';
      return SL_OK;
    }
    if (n < 0 && errno != EINTR) {
      return refuse(message, "cannot be read", errno);
    }
    file->len += n > 0 ? (size_t)n : 0;
    if (file->len > max_bytes) {
      sl_text_printf(message, "is longer than %zu bytes", max_bytes);
      return SL_ERR_RANGE;
    }
  }
}

enum sl_status sl_file_read(const struct sl_sys *sys, const struct sl_mem *mem, const char *path,
                            size_t max_bytes, struct sl_file *ret_file, struct sl_text *message) {
  *ret_file = (struct sl_file){0};
  int from = sys->open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) {
    return refuse(message, "cannot be opened", errno);
  }
  struct sl_file file = {0};
  enum sl_status status = read_all(sys, mem, from, max_bytes, &file, message);
  (void)sys->close(from);
  if (status == SL_OK) {
    *ret_file = file;
  } else {
    sl_file_close(mem, &file);
  }
  return status;
}

void sl_file_close(const struct sl_mem *mem, struct sl_file *file) {
  sl_mem_free(mem, file->bytes, file->room);
  *file = (struct sl_file){0};
}
