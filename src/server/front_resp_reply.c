// front_resp_reply.c - answers into the output, RESP2 or RESP3 as the connection speaks.
#include <stdarg.h>

#include "server/front_resp.h"

static void put_number(struct sl_resp_call *call, char kind, uint64_t number) {
  char *at = sl_out_reserve(call->out, SL_RESP_NUMBER_ROOM);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_number(at, kind, number) - at));
  }
}

void sl_reply_int(struct sl_resp_call *call, int64_t value) {
  char *at = sl_out_reserve(call->out, SL_RESP_NUMBER_ROOM);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_int(at, value) - at));
  }
}

void sl_reply_count(struct sl_resp_call *call, uint64_t value) {
  put_number(call, ':', sl_min_u64(value, INT64_MAX));
}

void sl_reply_bulk(struct sl_resp_call *call, struct sl_str text) {
  char *at = sl_out_reserve(call->out, sl_resp_bulk_room(text.len));
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_bulk(at, text) - at));
  }
}

void sl_reply_text(struct sl_resp_call *call, const char *text) {
  sl_reply_bulk(call, sl_str_of(text));
}

static void put_line(struct sl_resp_call *call, char kind, struct sl_str text) {
  char *at = sl_out_reserve(call->out, text.len + 3);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_line(at, kind, text) - at));
  }
}

void sl_reply_simple(struct sl_resp_call *call, const char *text) {
  put_line(call, '+', sl_str_of(text));
}

void sl_reply_null(struct sl_resp_call *call) {
  char *at = sl_out_reserve(call->out, SL_RESP_NULL_ROOM);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_null(at, call->conn->three) - at));
  }
}

void sl_reply_bool(struct sl_resp_call *call, bool value) {
  char *at = sl_out_reserve(call->out, SL_RESP_BOOL_ROOM);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_resp_put_bool(at, value, call->conn->three) - at));
  }
}

void sl_reply_array(struct sl_resp_call *call, size_t count) { put_number(call, '*', count); }

void sl_reply_map(struct sl_resp_call *call, size_t pairs) {
  put_number(call, call->conn->three ? '%' : '*', call->conn->three ? pairs : 2 * pairs);
}

void sl_reply_set(struct sl_resp_call *call, size_t count) {
  put_number(call, call->conn->three ? '~' : '*', count);
}

void sl_reply_words(struct sl_resp_call *call, const char *words) {
  size_t count = *words != '\0';
  for (const char *p = words; *p != '\0'; p++) {
    count += *p == ' ';
  }
  sl_reply_set(call, count);
  for (const char *p = words; count > 0; count--) {
    const size_t len = strcspn(p, " ");
    put_line(call, '+', (struct sl_str){.ptr = p, .len = len});
    p += len + 1;
  }
}

enum { ERROR_MOST = 512 };

void sl_reply_error(struct sl_resp_call *call, const char *format, ...) {
  char buffer[ERROR_MOST];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  va_list args;
  va_start(args, format);
  sl_text_vprintf(&text, format, args);
  va_end(args);
  put_line(call, '-', (struct sl_str){.ptr = buffer, .len = text.len});
  sl_metrics_add(call->context->metrics, SL_COUNT_RESP_ERROR, 1);
}

void sl_reply_wrong_args(struct sl_resp_call *call, const char *name) {
  sl_reply_error(call, "ERR wrong number of arguments for '%s' command", name);
}
