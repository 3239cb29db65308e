#include "cli/log_input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// A quarter of what second-level caches hold, so that bytes are still near when they are looked at;
// the buffer holds a line of the greatest length besides.
enum {
  READ_BYTES = 128 << 10,
  BUFFER_BYTES = SL_LOG_LINE_MAX + READ_BYTES,
  RAW_BYTES = 64 << 10,
};

static enum sl_status refuse(struct sl_text *message, const char *what, int error) {
  sl_text_printf(message, "%s: %s", what, strerror(error));
  return SL_ERR_IO;
}

// Reads up to `room` bytes; 0 at the end.
static enum sl_status read_some(struct sl_log_input *input, void *bytes, size_t room,
                                size_t *ret_count, struct sl_text *message) {
  ssize_t n;
  do {
    n = input->app->sys->read(input->file, bytes, room);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return refuse(message, "cannot be read", errno);
  }
  *ret_count = (size_t)n;
  input->bytes_read += (uint64_t)n;
  input->source_ended = n == 0;
  return SL_OK;
}

static enum sl_status fill_plain(struct sl_log_input *input, struct sl_text *message) {
  size_t count = 0;
  const enum sl_status status =
      read_some(input, input->bytes + input->end, READ_BYTES, &count, message);
  input->end += count;
  input->ended = input->source_ended;
  return status;
}

// ---- gzip
// -----------------------------------------------------------------------------------------

static enum sl_status refuse_gzip(struct sl_text *message, const char *what) {
  sl_text_printf(message, "is no sound gzip file: %s", what);
  return SL_ERR_IO;
}

static enum sl_status refill_raw(struct sl_log_input *input, struct sl_text *message) {
  size_t count = 0;
  const enum sl_status status = read_some(input, input->raw, RAW_BYTES, &count, message);
  input->stream.next_in = input->raw;
  input->stream.avail_in = (uInt)count;
  return status;
}

// A member ended: zeros that pad the file are passed over, another member may follow.
static enum sl_status next_member(struct sl_log_input *input, struct sl_text *message) {
  for (;;) {
    while (input->stream.avail_in > 0 && *input->stream.next_in == 0) {
      input->stream.next_in++;
      input->stream.avail_in--;
    }
    if (input->stream.avail_in > 0) {
      input->member_open = true;
      return inflateReset(&input->stream) == Z_OK ? SL_OK : refuse_gzip(message, "zlib failed");
    }
    const enum sl_status status = refill_raw(input, message);
    if (status != SL_OK || input->source_ended) {
      input->ended = true;
      return status;
    }
  }
}

// One step: more compressed bytes, the next member, or some bytes of this one.
static enum sl_status inflate_some(struct sl_log_input *input, struct sl_text *message) {
  if (!input->member_open) {
    return next_member(input, message);
  }
  if (input->stream.avail_in == 0) {
    const enum sl_status status = refill_raw(input, message);
    if (status != SL_OK) {
      return status;
    }
    if (input->source_ended) {
      return refuse_gzip(message, "it ends in the middle");
    }
  }
  input->stream.next_out = (unsigned char *)input->bytes + input->end;
  input->stream.avail_out = READ_BYTES;
  const int result = inflate(&input->stream, Z_NO_FLUSH);
  input->end += READ_BYTES - input->stream.avail_out;
  if (result == Z_STREAM_END) {
    input->member_open = false;
    return SL_OK;
  }
  if (result == Z_OK || result == Z_BUF_ERROR) {
    return SL_OK;
  }
  return refuse_gzip(message, input->stream.msg == NULL ? "zlib failed" : input->stream.msg);
}

static enum sl_status fill_gzip(struct sl_log_input *input, struct sl_text *message) {
  const size_t before = input->end;
  enum sl_status status = SL_OK;
  while (status == SL_OK && !input->ended && input->end == before) {
    status = inflate_some(input, message);
  }
  return status;
}

// zlib asks for memory by this, and gives no size back: the size stands in front.
enum { SIZE_ROOM = 16 };

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size) {
  const struct sl_mem *mem = opaque;
  const size_t bytes = (size_t)items * size + SIZE_ROOM;
  char *block = sl_mem_alloc(mem, bytes);
  if (block == NULL) {
    return NULL;
  }
  memcpy(block, &bytes, sizeof bytes);
  return block + SIZE_ROOM;
}

static void zlib_free(voidpf opaque, voidpf address) {
  char *block = (char *)address - SIZE_ROOM;
  size_t bytes;
  memcpy(&bytes, block, sizeof bytes);
  sl_mem_free(opaque, block, bytes);
}

// The bytes read so far turn out to be compressed.
static enum sl_status begin_gzip(struct sl_log_input *input) {
  struct sl_mem *mem = (struct sl_mem *)(uintptr_t)&input->app->mem;
  input->raw = sl_mem_alloc(mem, RAW_BYTES);
  if (input->raw == NULL) {
    return SL_ERR_MEMORY;
  }
  input->stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = mem};
  enum { WINDOW_BITS = 15, GZIP = 16 };
  if (inflateInit2(&input->stream, WINDOW_BITS + GZIP) != Z_OK) {
    return SL_ERR_MEMORY;
  }
  input->is_gzip = true;
  input->member_open = true;
  input->ended = false;
  memcpy(input->raw, input->bytes, input->end);
  input->stream.next_in = input->raw;
  input->stream.avail_in = (uInt)input->end;
  input->end = 0;
  return SL_OK;
}

// ---- the whole
// ------------------------------------------------------------------------------------

// The first bytes, at most as many as the buffer of compressed ones holds; then what they are.
static enum sl_status begin(struct sl_log_input *input, struct sl_text *message) {
  enum sl_status status = SL_OK;
  while (status == SL_OK && input->end < 2 && !input->source_ended) {
    size_t count = 0;
    status = read_some(input, input->bytes + input->end, RAW_BYTES - 2, &count, message);
    input->end += count;
  }
  input->ended = input->source_ended;
  const bool is_gzip = input->end >= 2 && input->bytes[0] == '\x1f' && input->bytes[1] == '\x8b';
  return status == SL_OK && is_gzip ? begin_gzip(input) : status;
}

enum sl_status sl_log_input_open(struct sl_log_input *input, const struct sl_app *app,
                                 const char *path, struct sl_text *message) {
  *input = (struct sl_log_input){.app = app, .file = STDIN_FILENO};
  input->is_stdin = strcmp(path, "-") == 0;
  if (!input->is_stdin) {
    input->file = app->sys->open(path, O_RDONLY | O_CLOEXEC);
    if (input->file < 0) {
      return refuse(message, "cannot be opened", errno);
    }
  }
  input->bytes = sl_mem_alloc(&app->mem, BUFFER_BYTES);
  const enum sl_status status = input->bytes == NULL ? SL_ERR_MEMORY : begin(input, message);
  if (status != SL_OK) {
    sl_log_input_close(input);
  }
  return status;
}

void sl_log_input_close(struct sl_log_input *input) {
  if (input->is_gzip) {
    (void)inflateEnd(&input->stream);
  }
  sl_mem_free(&input->app->mem, input->raw, RAW_BYTES);
  sl_mem_free(&input->app->mem, input->bytes, BUFFER_BYTES);
  if (!input->is_stdin) {
    (void)input->app->sys->close(input->file);
  }
  input->raw = NULL;
  input->bytes = NULL;
}

enum sl_status sl_log_input_fill(struct sl_log_input *input, struct sl_text *message) {
  const size_t unread = input->end - input->begin;
  sl_assert(unread < SL_LOG_LINE_MAX);
  if (input->ended) {
    return SL_OK;
  }
  if (input->begin > 0) {
    memmove(input->bytes, input->bytes + input->begin, unread);
  }
  input->begin = 0;
  input->end = unread;
  return input->is_gzip ? fill_gzip(input, message) : fill_plain(input, message);
}
