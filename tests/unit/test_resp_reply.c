// Replies of RESP2 and RESP3 as a client reads them: any type in any place, whole or in pieces,
// bounded.
#include "support/fault_mem.h"
#include "support/tap.h"
#include "wire/resp_reply.h"

static const struct sl_resp_reply_bounds wide = {.nodes = 1000, .bytes = 65536};
static struct fault_mem fault;
static struct sl_mem mem;

struct seen {
  enum sl_resp_state state;
  char text[4096];
  size_t used;
  uint64_t work;
};

static const char *const kinds[] = {"null",   "simple", "error", "int", "bulk", "bool",
                                    "double", "big",    "array", "map", "set",  "push"};

// The nodes as a tree in words: "array(int:1 bulk:a)".
static void print(const struct sl_resp_decoder *d, const char *bytes, char *text, size_t room) {
  uint32_t ends[SL_RESP_DEPTH + 1];
  size_t depth = 0, at = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < d->count; i++) {
    const struct sl_resp_node *node = &d->nodes[i];
    struct sl_str value = sl_resp_text(node, bytes);
    at += (size_t)snprintf(text + at, room - at, "%s%s", at == 0 || text[at - 1] == '(' ? "" : " ",
                           kinds[node->type]);
    if (node->type >= SL_RESP_ARRAY) {
      at += (size_t)snprintf(text + at, room - at, "(");
      ends[depth++] = i + node->span;
    } else if (node->type == SL_RESP_INTEGER || node->type == SL_RESP_BOOL) {
      at += (size_t)snprintf(text + at, room - at, ":%lld", (long long)node->integer);
    } else if (node->type != SL_RESP_NULL) {
      at += (size_t)snprintf(text + at, room - at, ":%.*s", (int)value.len, value.ptr);
    }
    for (; depth > 0 && ends[depth - 1] == i + 1; depth--) {
      at += (size_t)snprintf(text + at, room - at, ")");
    }
  }
}

static struct seen decode(const char *bytes, size_t len, size_t step,
                          const struct sl_resp_reply_bounds *bounds) {
  struct seen seen = {.state = SL_RESP_MORE};
  struct sl_resp_decoder d;
  struct sl_str error = {.ptr = "", .len = 0};
  sl_resp_decoder_init(&d, &mem);
  char *copy = NULL;
  for (size_t have = 0; seen.state == SL_RESP_MORE && have < len;) {
    have = have + step < len ? have + step : len;
    free(copy);
    copy = malloc(have);
    memcpy(copy, bytes, have);
    seen.state = sl_resp_decode(&d, bounds, copy, have, &seen.used, &error);
  }
  if (seen.state == SL_RESP_DONE) {
    print(&d, copy, seen.text, sizeof seen.text);
  } else if (seen.state == SL_RESP_BAD) {
    snprintf(seen.text, sizeof seen.text, "%.*s", (int)error.len, error.ptr);
  }
  seen.work = d.work;
  sl_resp_decoder_close(&d);
  free(copy);
  return seen;
}

static void is_reply(const char *bytes, const char *want) {
  bool same = true;
  struct seen seen = {.state = SL_RESP_MORE};
  for (size_t step = 1; step <= strlen(bytes) && same; step++) {
    seen = decode(bytes, strlen(bytes), step, &wide);
    same = seen.state == SL_RESP_DONE && strcmp(seen.text, want) == 0 && seen.used == strlen(bytes);
  }
  if (!ok(same, "in pieces of every size: %s", want)) {
    diag("state %d, got \"%s\", used %zu", (int)seen.state, seen.text, seen.used);
  }
}

static void is_bad(const char *bytes, const char *want) {
  bool same = true;
  struct seen seen = {.state = SL_RESP_MORE};
  for (size_t step = 1; step <= strlen(bytes) && same; step++) {
    seen = decode(bytes, strlen(bytes), step, &wide);
    same = seen.state == SL_RESP_BAD && strcmp(seen.text, want) == 0;
  }
  if (!ok(same, "bad: %.*s", (int)strcspn(bytes, "\r\n"), bytes)) {
    diag("state %d, got \"%s\", want \"%s\"", (int)seen.state, seen.text, want);
  }
}

static void test_types(void) {
  is_reply("+OK\r\n", "simple:OK");
  is_reply("-ERR no\r\n", "error:ERR no");
  is_reply(":-42\r\n", "int:-42");
  is_reply("$4\r\na\rbc\r\n", "bulk:a\rbc");
  is_reply("$0\r\n\r\n", "bulk:");
  is_reply("$-1\r\n", "null");
  is_reply("*-1\r\n", "null");
  is_reply("_\r\n", "null");
  is_reply("#t\r\n", "bool:1");
  is_reply(",1.5e3\r\n", "double:1.5e3");
  is_reply("(123456789012345678901234567890\r\n", "big:123456789012345678901234567890");
  is_reply("!5\r\nERR x\r\n", "error:ERR x");
  is_reply("=7\r\ntxt:abc\r\n", "bulk:abc");
  is_reply("*0\r\n", "array()");
  is_reply("*2\r\n*1\r\n:1\r\n%1\r\n+k\r\n*0\r\n", "array(array(int:1) map(simple:k array()))");
  is_reply("~2\r\n#f\r\n_\r\n", "set(bool:0 null)");
  is_reply(">2\r\n+invalidate\r\n:1\r\n", "push(simple:invalidate int:1)");
  is_reply("*3\r\n:1\r\n$-1\r\n*-1\r\n", "array(int:1 null null)");
}

static void test_attributes(void) {
  is_reply("|1\r\n+ttl\r\n:3\r\n+OK\r\n", "simple:OK");
  is_reply("*2\r\n|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n:7\r\n:8\r\n", "array(int:7 int:8)");
  is_reply("|0\r\n:1\r\n", "int:1");
  is_reply("%1\r\n+k\r\n|1\r\n+a\r\n+b\r\n+v\r\n", "map(simple:k simple:v)");
}

static void test_bad(void) {
  is_bad("?\r\n", "a reply has a value of an unknown type");
  is_bad(":x\r\n", "a value of a reply is malformed");
  is_bad(":\r\n", "a value of a reply is malformed");
  is_bad("#x\r\n", "a value of a reply is malformed");
  is_bad("_x\r\n", "a value of a reply is malformed");
  is_bad("+a\n", "a line of a reply has no proper end");
  is_bad("+a\rb\r\n", "a value of a reply is malformed");
  is_bad("$x\r\n", "a size in a reply is no number");
  is_bad("$?\r\n", "a size in a reply is no number");
  is_bad("$-2\r\n", "a bulk of a reply is too large");
  is_bad("$1\r\nabc", "a bulk of a reply is malformed");
  is_bad("=3\r\nabc\r\n", "a bulk of a reply is malformed");
  is_bad("$2000000000\r\n", "a bulk of a reply is too large");
  is_bad("*1001\r\n", "an aggregate of a reply is too large");
  is_bad("*9223372036854775807\r\n", "an aggregate of a reply is too large");
  is_bad("~-1\r\n", "an aggregate of a reply is too large");
  is_bad("*1\r\n>1\r\n:1\r\n", "a push within a reply");
  is_bad("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "a reply is nested too deeply");
}

static void test_bounds(void) {
  is_reply("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
           "array(array(array(array(array(array(array(array(int:1))))))))");
  // Each level announces a thousand: it costs what arrives.
  fault.peak_bytes = 0;
  const char *announced = "*1000\r\n*1000\r\n*1000\r\n";
  (void)decode(announced, strlen(announced), 1, &wide);
  ok(fault.peak_bytes < 2048, "announced elements take no memory");
  char many[8192] = "*999\r\n";
  size_t len = strlen(many);
  for (int i = 0; i < 999; i++) {
    len += (size_t)snprintf(many + len, sizeof many - len, "*1\r\n");
  }
  is_str(decode(many, len, 100, &wide).text, "a reply is nested too deeply", "depth is bounded");
  len = 6;
  for (int i = 0; i < 1000; i++) {
    len += (size_t)snprintf(many + len, sizeof many - len, "*0\r\n");
  }
  is_str(decode(many, len, 100, &(struct sl_resp_reply_bounds){.nodes = 999, .bytes = 65536}).text,
         "a reply is too large", "nodes are bounded");
  for (uint64_t at = 1; at <= 3; at++) {
    fault.calls = 0;
    fault.fail_at = at;
    is_str(decode(many, len, 50, &wide).text, "out of memory", "allocation %d fails", (int)at);
  }
  fault.fail_at = 0;
}

static void test_work(void) {
  static const struct sl_resp_reply_bounds vast = {.nodes = 1 << 20, .bytes = 1 << 25};
  uint64_t work[3][2];
  for (int twice = 0; twice < 2; twice++) {
    size_t n = twice ? 8000 : 4000;
    char *bytes = malloc(n + 64);
    int head = snprintf(bytes, 64, "$%zu\r\n", n);
    memset(bytes + head, 'x', n);
    work[0][twice] = decode(bytes, n, 1, &vast).work;
    size_t len = (size_t)snprintf(bytes, 64, "*100000\r\n");
    while (len < n - 4) {
      len += (size_t)sprintf(bytes + len, ":1\r\n");
    }
    work[1][twice] = decode(bytes, len, 1, &vast).work;
    memset(bytes, '+', n);
    work[2][twice] = decode(bytes, n, 1, &vast).work;
    free(bytes);
  }
  static const char *const names[] = {"a long bulk", "many integers", "a long line"};
  for (int i = 0; i < 3; i++) {
    ok(work[i][0] > 0 && work[i][1] * 10 <= work[i][0] * 22, "%s: %llu for n, %llu for 2n",
       names[i], (unsigned long long)work[i][0], (unsigned long long)work[i][1]);
  }
}

// Several replies behind each other, read by one decoder.
static void test_several(void) {
  const char *bytes = "+OK\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n";
  struct sl_resp_decoder d;
  struct sl_str error;
  char text[256];
  size_t used, at = 0;
  static const char *const want[] = {"simple:OK", "array(int:1 int:2)", "bulk:x"};
  sl_resp_decoder_init(&d, &mem);
  for (size_t i = 0; i < 3; i++) {
    enum sl_resp_state state =
        sl_resp_decode(&d, &wide, bytes + at, strlen(bytes) - at, &used, &error);
    print(&d, bytes + at, text, sizeof text);
    ok(state == SL_RESP_DONE && strcmp(text, want[i]) == 0, "reply %zu of three: %s", i, text);
    at += used;
  }
  is_u64(at, strlen(bytes), "nothing is left");
  sl_resp_decoder_close(&d);
}

int main(void) {
  mem = fault_mem_init(&fault);
  test_types();
  test_attributes();
  test_bad();
  test_bounds();
  test_work();
  test_several();
  is_u64(fault.live, 0, "all memory is given back");
  return done_testing();
}
