// front_http_reply.c - replies: heads, bodies of a length not known before, errors.
#include <stdio.h>

#include "base/arith.h"
#include "base/text.h"
#include "base/units.h"
#include "server/front_http.h"
#include "server/metrics.h"

// A reply's Date changes once a second. A thread keeps the text: writing it anew costs as much as
// the rest of the head.
static _Thread_local struct {
  uint64_t second;
  char line[sizeof "Date: \r\n" + SL_HTTP_DATE];
  size_t len;
} date_line;

static struct sl_str date_of(uint64_t now_ns) {
  const uint64_t second = now_ns / SL_NS_PER_S;
  if (date_line.len == 0 || date_line.second != second) {
    char *at = sl_http_put_str(date_line.line, SL_STR("Date: "));
    at = sl_http_put_date(at, second);
    at = sl_http_put_str(at, SL_STR("\r\n"));
    date_line.len = (size_t)(at - date_line.line);
    date_line.second = second;
  }
  return (struct sl_str){.ptr = date_line.line, .len = date_line.len};
}

// Digits of a length, the empty line, and nothing more.
enum { LENGTH_GAP = 20 + 4, HEAD_ROOM = 256 };

void sl_http_begin(struct sl_http_call *call, unsigned status) {
  char *from = sl_out_reserve(call->out, HEAD_ROOM);
  if (from == NULL) {
    return;
  }
  char *at = sl_http_put_str(from, SL_STR("HTTP/1.1 "));
  at = sl_http_put_str(at, sl_http_status_text(status));
  at = sl_http_put_str(at, SL_STR("\r\n"));
  at = sl_http_put_str(at, date_of(call->context->now_ns));
  if (call->close) {
    at = sl_http_put_str(at, SL_STR("Connection: close\r\n"));
  } else if (call->request != NULL && call->request->minor == 0) {
    at = sl_http_put_str(at, SL_STR("Connection: keep-alive\r\n"));
  }
  sl_out_commit(call->out, (size_t)(at - from));
}

void sl_http_open_body(struct sl_http_call *call, struct sl_str content_type) {
  SL_HTTP_ADD(call, "Content-Type: ");
  sl_http_add(call, content_type);
  SL_HTTP_ADD(call, "\r\nContent-Length: ");
  call->length_at = call->out->len;
  if (sl_out_reserve(call->out, LENGTH_GAP) != NULL) {
    sl_out_commit(call->out, LENGTH_GAP);
  }
  call->body_at = call->out->len;
}

// Writes the length where its place was kept, and moves the body up to it.
void sl_http_end(struct sl_http_call *call) {
  struct sl_out *out = call->out;
  if (out->failed) {
    return;
  }
  const size_t body_len = out->len - call->body_at;
  char *at = sl_http_put_number(out->bytes + call->length_at, body_len);
  at = sl_http_put_str(at, SL_STR("\r\n\r\n"));
  const bool is_head = call->request != NULL && sl_str_eq(call->request->method, SL_STR("HEAD"));
  if (!is_head) {
    memmove(at, out->bytes + call->body_at, body_len);
    at += body_len;
  }
  out->len = (size_t)(at - out->bytes);
}

void sl_http_add_number(struct sl_http_call *call, uint64_t number) {
  char *at = sl_out_reserve(call->out, 20);
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_http_put_number(at, number) - at));
  }
}

void sl_http_add_ms(struct sl_http_call *call, uint64_t ns) {
  sl_http_add_number(call, sl_ceil_div_u64(ns, SL_NS_PER_MS));
}

void sl_http_add_string(struct sl_http_call *call, struct sl_str text) {
  char *at = sl_out_reserve(call->out, sl_json_string_room(text));
  if (at != NULL) {
    sl_out_commit(call->out, (size_t)(sl_json_put_string(at, text) - at));
  }
}

// ---- errors

void sl_http_problem(struct sl_http_call *call, unsigned status, struct sl_str title,
                     struct sl_str detail) {
  sl_metrics_add(call->context->metrics, SL_COUNT_HTTP_ERROR, 1);
  sl_http_begin(call, status);
  if (status == 401) {
    SL_HTTP_ADD(call, "WWW-Authenticate: Bearer realm=\"sluice\"\r\n");
  }
  sl_http_open_body(call, SL_STR("application/problem+json"));
  SL_HTTP_ADD(call, "{\"type\":\"about:blank\",\"title\":");
  sl_http_add_string(call, title);
  SL_HTTP_ADD(call, ",\"status\":");
  sl_http_add_number(call, status);
  SL_HTTP_ADD(call, ",\"detail\":");
  sl_http_add_string(call, detail);
  SL_HTTP_ADD(call, "}\n");
  sl_http_end(call);
}

void sl_http_problemf(struct sl_http_call *call, unsigned status, const char *title,
                      const char *format, ...) {
  char buffer[1024];
  struct sl_text text;
  va_list args;
  sl_text_init(&text, buffer, sizeof buffer);
  va_start(args, format);
  sl_text_vprintf(&text, format, args);
  va_end(args);
  sl_http_problem(call, status, sl_str_of(title), (struct sl_str){.ptr = buffer, .len = text.len});
}

void sl_http_problem_of(struct sl_http_call *call, enum sl_status status,
                        const struct sl_rule *rule) {
  switch (status) {
  case SL_ERR_COST:
    sl_http_problemf(call, 400, "The request's cost is no whole number from 0 to 2^63 - 1",
                     "rule %.*s charges by an attribute whose value is no such number",
                     rule == NULL ? 1 : (int)rule->id.len, rule == NULL ? "?" : rule->id.ptr);
    return;
  case SL_ERR_ARGUMENT:
    sl_http_problemf(call, 400, "The request is out of bounds",
                     "more than %d rules match it, or an attribute is longer than its bound",
                     SL_TOGETHER_MAX);
    return;
  case SL_ERR_UNSUPPORTED:
    sl_http_problemf(call, 400, "No slots here",
                     "none of the rules that match the attributes is a concurrency limit");
    return;
  default:
    sl_http_problemf(call, 503, "Not decided", "%s", sl_status_text(status));
  }
}
