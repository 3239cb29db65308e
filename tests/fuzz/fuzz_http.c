// HTTP requests of any bytes. The first byte says how the rest is cut. Whatever the cuts, the
// parser comes to the same ends with bounded work, and the front end gives whole replies, as many
// and with the same statuses as for the bytes in one piece.
#include "support/fuzz.h"
#include "support/http_world.h"
#include "wire/http1.h"

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

// ---- the parser alone

static const struct sl_http_bounds bounds = {
    .target = 300, .head = 2000, .fields = 20, .body = 4000, .whole = 6000};

struct end {
  enum sl_http_result result;
  size_t used, body_len;
  unsigned status;
};

static struct end parse(const char *bytes, size_t len, size_t step) {
  struct sl_http_parser parser = {0};
  struct sl_http_request request;
  struct end end = {.result = SL_HTTP_MORE};
  for (size_t at = step == 0 ? len : 0;; at = at + step < len ? at + step : len) {
    end.result = sl_http_parse(&parser, &bounds, bytes, at, &request);
    if (end.result <= SL_HTTP_CONTINUE && at < len) {
      continue;
    }
    break;
  }
  end.result = end.result == SL_HTTP_CONTINUE ? SL_HTTP_MORE : end.result;
  must(parser.work <= 6 * len + 16);
  if (end.result == SL_HTTP_BAD) {
    must(parser.status >= 400 && parser.reason != NULL);
    end.status = parser.status;
  }
  if (end.result == SL_HTTP_REQUEST) {
    static char body[6000];
    must(parser.used <= len && request.body_len <= bounds.body && request.target.len > 0);
    end.used = parser.used;
    end.body_len = request.body_len;
    if (request.chunked) {
      sl_http_dechunk(&request, body);
    }
  }
  return end;
}

static void fuzz_parser(const char *bytes, size_t len, size_t step) {
  const struct end whole = parse(bytes, len, 0);
  const struct end pieces = parse(bytes, len, step);
  must(whole.result == pieces.result && whole.used == pieces.used &&
       whole.body_len == pieces.body_len && whole.status == pieces.status);
}

// ---- the front end

static const char FUZZ_RULES[] =
    "rules:\n"
    "  - {id: user, match: {user: '*'}, key: [user], limit: {rate: 2/1s}}\n"
    "  - {id: path, match: {path: '/*'}, key: [path], limit: {rate: 2/1s}}\n"
    "  - {id: head, match: {header.x: '*', query.y: '*'}, key: [header.x], limit: {rate: 1/1s}}\n"
    "  - {id: log, match: {l: '*'}, key: [l], limit: {algorithm: sliding_log, rate: 2/1m}}\n";

enum { STATUSES = 256 };

struct talk {
  size_t replies;
  unsigned statuses[STATUSES];
};

// What was answered; every reply must be whole.
static void read_replies(bool to_head, struct talk *talk) {
  const char *at = w.out.bytes;
  const char *end = w.out.bytes + w.out.len;
  talk->replies = 0;
  while (at < end && !to_head) {
    unsigned status = 0;
    must(end - at > 13 && sscanf(at, "HTTP/1.1 %u ", &status) == 1);
    const char *head_end = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    must(head_end != NULL);
    size_t len = 0;
    if (status != 100) {
      const char *field = memmem(at, (size_t)(head_end - at), "Content-Length: ", 16);
      must(field != NULL && sscanf(field + 16, "%zu", &len) == 1);
      must(talk->replies < STATUSES);
      talk->statuses[talk->replies++] = status;
    }
    must((size_t)(end - head_end) >= 4 + len);
    at = head_end + 4 + len;
  }
}

static void talk_to(const char *bytes, size_t len, size_t step, struct talk *talk) {
  static char zero;
  connect_front();
  wait_ms(180 * UINT64_C(1000));  // all buckets are fresh again
  w.out.len = 0;
  size_t done = 0;
  enum sl_feed verdict = SL_FEED_MORE;
  for (size_t at = step == 0 ? len : 0; verdict == SL_FEED_MORE;) {
    size_t used = 0;
    verdict = sl_front_http.feed(w.state, &w.context, len > 0 ? bytes + done : &zero, at - done,
                                 &used, &w.out);
    must(used <= at - done && !w.out.failed);
    done += used;
    if (used == 0 || done == at) {
      if (at == len) {
        break;
      }
      at = at + step < len ? at + step : len;
    }
  }
  // A reply to HEAD tells the length of a body that it has not.
  read_replies(len >= 4 && memmem(bytes, len, "HEAD", 4) != NULL, talk);
}

static void fuzz_front(const char *bytes, size_t len, size_t step) {
  static struct talk whole, pieces;
  talk_to(bytes, len, 0, &whole);
  talk_to(bytes, len, step, &pieces);
  must(whole.replies == pieces.replies &&
       memcmp(whole.statuses, pieces.statuses, whole.replies * sizeof whole.statuses[0]) == 0);
}

static void end_world(void) { must(free_world()); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1 || size > 8192) {
    return 0;
  }
  if (w.state == NULL) {
    open_world(FUZZ_RULES);
    must(atexit(end_world) == 0);
  }
  if (w.context.now_ns > SL_TIME_MAX_NS / 2) {  // the world's time is nearly over
    must(free_world());
    open_world(FUZZ_RULES);
  }
  const size_t step = 1 + data[0] % 40;
  const char *bytes = (const char *)data + 1;
  fuzz_parser(bytes, size - 1, step);
  fuzz_front(bytes, size - 1, step);
  return 0;
}
