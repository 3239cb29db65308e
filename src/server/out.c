// out.c - the block that replies are written into.
#include "server/front.h"

enum { FIRST_ROOM = 4096 };

// The block with room for `wanted` bytes; doubling, so that appending costs the same per byte
// however much there is.
static bool grow(struct sl_out *out, size_t wanted) {
  size_t room = out->room == 0 ? FIRST_ROOM : out->room;
  while (room < wanted) {
    room *= 2;
  }
  room = room < out->max ? room : out->max;
  char *bytes = sl_mem_alloc(out->mem, room);
  if (bytes == NULL) {
    return false;
  }
  if (out->len > 0) {
    memcpy(bytes, out->bytes, out->len);
  }
  sl_mem_free(out->mem, out->bytes, out->room);
  out->bytes = bytes;
  out->room = room;
  return true;
}

char *sl_out_reserve(struct sl_out *out, size_t len) {
  if (out->failed) {
    return NULL;
  }
  if (SL_UNLIKELY(len > out->room - out->len)) {
    if (len > out->max - out->len || !grow(out, out->len + len)) {
      out->failed = true;
      return NULL;
    }
  }
  return out->bytes + out->len;
}

void sl_out_add(struct sl_out *out, struct sl_str bytes) {
  char *at = bytes.len == 0 ? NULL : sl_out_reserve(out, bytes.len);
  if (at != NULL) {
    memcpy(at, bytes.ptr, bytes.len);
    sl_out_commit(out, bytes.len);
  }
}

void sl_out_close(struct sl_out *out) {
  sl_mem_free(out->mem, out->bytes, out->room);
  *out = (struct sl_out){.mem = out->mem, .max = out->max};
}
