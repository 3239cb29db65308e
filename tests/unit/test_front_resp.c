// The RESP front end, driven with bytes alone: every command in both protocols, what is refused,
// and pipelines that come in pieces.
#include "support/tap.h"
#include "unit/resp_kit.h"

static const char yaml[] =
    "rules:\n"
    "  - { id: user, match: { user: \"*\" }, key: [user], limit: { rate: 2/10s, burst: 2 } }\n"
    "  - { id: secret, match: { api_key: \"*\" }, key: [api_key], limit: { rate: 5/1s } }\n"
    "  - { id: slots, match: { job: \"*\" }, key: [job], limit: { algorithm: concurrency, slots: 1 "
    "} }\n"
    "  - { id: queue, match: { q: \"*\" }, key: [q], limit: { algorithm: leaky_bucket, rate: 1/1s, "
    "queue: 2 } }\n"
    "  - { id: free, match: { free: \"*\" }, key: [], limit: unlimited }\n"
    "  - { id: banned, match: { bad: \"*\" }, key: [], limit: { rate: 0/1s } }\n"
    "  - { id: sized, match: { size: \"*\" }, key: [], limit: { rate: 100/1s }, cost: size }\n"
    "  - { id: off, key: [], limit: { rate: 1/1s }, enabled: false }\n";

// The answer with bars for line ends.
static const char *barred(const char *text) {
  static char line[65536];
  size_t at = 0;
  for (; *text != '\0' && at + 1 < sizeof line; text++) {
    if (*text == '\n') {
      line[at++] = '|';
    } else if (*text != '\r') {
      line[at++] = *text;
    }
  }
  line[at] = '\0';
  return line;
}

#define says(bytes, want) \
  is_str(barred(resp_talk(bytes)), want, "%.*s", (int)strcspn(bytes, "\r"), bytes)

static void test_connection(void) {
  says("PING\r\n", "+PONG|");
  says("PING hello\r\n", "$5|hello|");
  says("PING a b\r\n", "-ERR wrong number of arguments for 'ping' command|");
  says("ECHO \"a\\r\\nb\"\r\n", "$4|a|b|");
  says("ECHO\r\n", "-ERR wrong number of arguments for 'echo' command|");
  says("SELECT 0\r\n", "+OK|");
  says("SELECT 1\r\n", "-ERR DB index is out of range|");
  says("SELECT x\r\n", "-ERR value is not an integer or out of range|");
  says("GET a\r\n", "-ERR unknown command 'GET', with args beginning with: 'a' |");
  says("CLIENT ID\r\n", ":1|");
  says("CLIENT GETNAME\r\n", "$-1|");
  says("CLIENT SETNAME web-1\r\nCLIENT GETNAME\r\nCLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n",
       "+OK|$5|web-1|+OK|$-1|");
  says("CLIENT SETNAME \"a b\"\r\n",
       "-ERR Client names cannot contain spaces, newlines or special characters.|");
  says("CLIENT SETINFO LIB-NAME redis-py\r\nCLIENT SETINFO lib-ver 5.0\r\n", "+OK|+OK|");
  says("CLIENT SETINFO colour red\r\n", "-ERR Unrecognized option 'colour'|");
  says("CLIENT SETNAME\r\n", "-ERR wrong number of arguments for 'client|setname' command|");
  says("CLIENT KILL x\r\n", "-ERR unknown subcommand 'KILL'. Try COMMAND DOCS CLIENT.|");
  says("AUTH secret\r\n",
       "-ERR AUTH <password> called without any password configured for the default user. Are you "
       "sure your configuration is correct?|");
  says("AUTH me secret\r\n", "-WRONGPASS invalid username-password pair or user is disabled.|");
}

static void test_hello(void) {
  says("HELLO\r\n", "*14|$6|server|$6|sluice|$7|version|$5|0.1.0|$5|proto|:2|$2|id|:1|$4|mode|$10|"
                    "standalone|$4|role|$6|master|$7|modules|*0|");
  says("HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\n",
       "%7|$6|server|$6|sluice|$7|version|$5|0.1.0|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|"
       "role|$6|master|$7|modules|*0|$2|me|");
  says("HELLO 3\r\nRESET\r\nCLIENT GETNAME\r\n",
       "%7|$6|server|$6|sluice|$7|version|$5|0.1.0|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|"
       "role|$6|master|$7|modules|*0|+RESET|$-1|");
  says("HELLO 4\r\n", "-NOPROTO unsupported protocol version|");
  says("HELLO x\r\n", "-ERR Protocol version is not an integer or out of range|");
  says("HELLO 2 AUTH me\r\n", "-ERR Syntax error in HELLO option 'AUTH'|");
}

static void test_throttle(void) {
  says("CL.THROTTLE a 1 1 10\r\ncl.throttle a 1 1 10\r\nCl.Throttle a 1 1 10 1\r\n",
       "*5|:0|:2|:1|:-1|:10|*5|:0|:2|:0|:-1|:20|*5|:1|:2|:0|:10|:20|");
  says("CL.THROTTLE a 1 1 10 0\r\n", "*5|:0|:2|:0|:-1|:20|");
  says("CL.THROTTLE a 1 1 10 3\r\n", "*5|:1|:2|:0|:-1|:20|");
  resp_kit_pass(SL_NS_PER_S / 2);
  says("CL.THROTTLE a 1 1 10\r\n", "*5|:1|:2|:0|:10|:20|");
  resp_kit_pass(10 * SL_NS_PER_S - SL_NS_PER_S / 2);
  says("CL.THROTTLE a 1 1 10\r\n", "*5|:0|:2|:0|:-1|:20|");
  resp_kit_pass(30 * SL_NS_PER_S);
  says("CL.THROTTLE a 1 1 10 0\r\n", "*5|:0|:2|:2|:-1|:0|");
  // The cases of redis-cell's own test: burst 5, one a second.
  says("CL.THROTTLE b 4 1 1 6\r\n", "*5|:1|:5|:5|:-1|:0|");
  says("CL.THROTTLE b 4 1 1 5\r\nCL.THROTTLE b 4 1 1\r\n", "*5|:0|:5|:0|:-1|:5|*5|:1|:5|:0|:1|:5|");
  resp_kit_pass(3 * SL_NS_PER_S);
  says("CL.THROTTLE b 4 1 1\r\n", "*5|:0|:5|:2|:-1|:3|");
  resp_kit_pass(SL_NS_PER_S / 10);
  says("CL.THROTTLE b 4 1 1\r\n", "*5|:0|:5|:1|:-1|:4|");
  says("CL.THROTTLE \"\" 0 1 1\r\n", "*5|:0|:1|:0|:-1|:1|");
}

static void test_throttle_edges(void) {
  says("CL.THROTTLE\r\n", "-Cell error: Store error: Usage: cl.throttle <key> <max_burst> "
                          "<count per period> <period> [<quantity>]|");
  says("CL.THROTTLE a 1 1 1 1 1\r\n", "-Cell error: Store error: Usage: cl.throttle <key> "
                                      "<max_burst> <count per period> <period> [<quantity>]|");
  says("CL.THROTTLE a x 1 1\r\n", "-Cell error: Store error: Couldn't parse as integer: x|");
  says("CL.THROTTLE a 1 1.5 1\r\n", "-Cell error: Store error: Couldn't parse as integer: 1.5|");
  says("CL.THROTTLE a 1 1 \"\"\r\n", "-Cell error: Store error: Couldn't parse as integer: |");
  says("CL.THROTTLE a 1 1 1 \"a\\r\\n-b\"\r\n",
       "-Cell error: Store error: Couldn't parse as integer: a  -b|");
  says("CL.THROTTLE a 1 0 1\r\n", "-Cell error: Store error: Zero rates are not supported|");
  says("CL.THROTTLE a 1 1 0\r\n", "-Cell error: Store error: Zero rates are not supported|");
  says("CL.THROTTLE a 1 2000000000 1\r\n",
       "-Cell error: Store error: Zero rates are not supported|");
  says("CL.THROTTLE a 1 -1 1\r\n",
       "-Cell error: Store error: Negative rates and quantities are not supported|");
  says("CL.THROTTLE a 1 1 1 -1\r\n",
       "-Cell error: Store error: Negative rates and quantities are not supported|");
  says("CL.THROTTLE n -1 1 1\r\n", "*5|:1|:0|:0|:-1|:0|");
  says("CL.THROTTLE n -1 1 1 0\r\n", "*5|:0|:0|:0|:-1|:0|");
  says("CL.THROTTLE n -5 1 1 0\r\n", "*5|:1|:-4|:0|:-1|:0|");
  says("CL.THROTTLE m 9223372036854775807 1 1\r\n",
       "*5|:0|:9223372036854775807|:4611686017|:-1|:1|");
  says("CL.THROTTLE o 1 1 9223372036854775807\r\n", "*5|:0|:2|:0|:-1|:4611686019|");
  says("CL.THROTTLE p 1 1 1 9223372036854775807\r\n", "*5|:1|:2|:2|:-1|:0|");
  says("CL.THROTTLE a 1 1 1\r\nCL.THROTTLE a 1 x 1\r\nCL.THROTTLE a 1 1 1\r\nPING\r\n",
       "*5|:0|:2|:1|:-1|:1|-Cell error: Store error: Couldn't parse as integer: x|*5|:0|:2|:0|:-1|"
       ":2|+PONG|");
}

// A clock reading that is old is taken again before anybody is refused.
static void test_reread(void) {
  resp_kit.later_ns = SL_NS_PER_S;
  says("CL.THROTTLE r 0 1 1\r\nCL.THROTTLE r 0 1 1\r\n", "*5|:0|:1|:0|:-1|:1|*5|:0|:1|:0|:-1|:1|");
  resp_kit.later_ns = 10 * SL_NS_PER_S;
  says("ALLOW user late COST 2\r\nALLOW user late COST 2\r\n",
       "*12|$7|allowed|:1|$4|rule|$4|user|$5|limit|:2|$9|remaining|:0|$14|retry_after_ms|:0|$14|"
       "reset_after_ms|:10000|*12|$7|allowed|:1|$4|rule|$4|user|$5|limit|:2|$9|remaining|:0|$14|"
       "retry_after_ms|:0|$14|reset_after_ms|:10000|");
  resp_kit.later_ns = 0;
}

#define ALLOWED(rest) "*12|$7|allowed|:1|$4|rule|$4|user|$5|limit|:2|" rest
#define REFUSED(rest) "*12|$7|allowed|:0|$4|rule|$4|user|$5|limit|:2|" rest

static void test_allow(void) {
  says("ALLOW user ann\r\n",
       ALLOWED("$9|remaining|:1|$14|retry_after_ms|:0|$14|reset_after_ms|:5000|"));
  says("PEEK user ann COST 2\r\n",
       REFUSED("$9|remaining|:1|$14|retry_after_ms|:5000|$14|reset_after_ms|:5000|"));
  says("ALLOW user ann cost 1\r\n",
       ALLOWED("$9|remaining|:0|$14|retry_after_ms|:0|$14|reset_after_ms|:10000|"));
  resp_kit_pass(1);
  says("ALLOW user ann\r\n",
       REFUSED("$9|remaining|:0|$14|retry_after_ms|:5000|$14|reset_after_ms|:10000|"));
  says("ALLOW user ann COST 3\r\n",
       REFUSED("$9|remaining|:0|$14|retry_after_ms|:-1|$14|reset_after_ms|:10000|"));
  says("ALLOW user ann COST 0\r\n",
       ALLOWED("$9|remaining|:0|$14|retry_after_ms|:0|$14|reset_after_ms|:10000|"));
  says("HELLO 3\r\nALLOW user bob\r\nALLOW user bob COST 2\r\n",
       "%7|$6|server|$6|sluice|$7|version|$5|0.1.0|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|"
       "role|$6|master|$7|modules|*0|"
       "%6|$7|allowed|#t|$4|rule|$4|user|$5|limit|:2|$9|remaining|:1|$14|retry_after_ms|:0|$14|"
       "reset_after_ms|:5000|"
       "%6|$7|allowed|#f|$4|rule|$4|user|$5|limit|:2|$9|remaining|:1|$14|retry_after_ms|:5000|$14|"
       "reset_after_ms|:5000|");
  says("ALLOW nobody x\r\n", "*2|$7|allowed|:1|");
  says("ALLOW free x\r\n", "*4|$7|allowed|:1|$4|rule|$4|free|");
  says("ALLOW bad x\r\n", "*12|$7|allowed|:0|$4|rule|$6|banned|$5|limit|:0|$9|remaining|:0|$14|"
                          "retry_after_ms|:-1|$14|reset_after_ms|:0|");
  says("ALLOW q a\r\nALLOW q a\r\n",
       "*12|$7|allowed|:1|$4|rule|$5|queue|$5|limit|:3|$9|remaining|:2|$14|retry_after_ms|:0|$14|"
       "reset_after_ms|:1000|*14|$7|allowed|:1|$4|rule|$5|queue|$5|limit|:3|$9|remaining|:1|$14|"
       "retry_after_ms|:0|$14|reset_after_ms|:2000|$7|wait_ms|:1000|");
}

static void test_request_errors(void) {
  says("ALLOW\r\n", "-ERR wrong number of arguments for 'allow' command|");
  says("ALLOW user\r\n", "-ERR wrong number of arguments for 'allow' command|");
  says("ALLOW user a b\r\n", "-ERR attributes come in pairs of a name and a value|");
  says("ALLOW user a COST x\r\n", "-ERR COST is an integer from 0 to 9223372036854775807|");
  says("ALLOW user a COST -1\r\n", "-ERR COST is an integer from 0 to 9223372036854775807|");
  says("ALLOW user a COST 1 COST 1\r\n", "-ERR COST is given twice|");
  says("ALLOW COST 1 user a\r\n", "-ERR COST and TIMEOUT are reserved names and come last|");
  says("ALLOW user a TIMEOUT 5\r\n", "-ERR TIMEOUT is a reserved name, and nothing waits here|");
  says("ALLOW \"\" a\r\n", "-ERR the name of an attribute has 1 to 256 bytes|");
  says("ALLOW size big\r\n",
       "-ERR the cost that rule sized takes from the request is not an integer >= 0|");
  resp_kit.settings.max_attribute = 4;
  says("ALLOW user abcde\r\n", "-ERR the value of an attribute has more than 4 bytes|");
  resp_kit.settings.max_attribute = 4096;
  resp_kit.settings.max_attributes = 1;
  says("ALLOW user a b c\r\n", "-ERR a request has at most 1 attributes|");
  resp_kit.settings.max_attributes = 64;
}

static void test_slots(void) {
  struct resp_client client;
  resp_client_open(&client);
  const char *first = "ALLOW job x\r\n";
  resp_client_send(&client, first, strlen(first));
  client.out.bytes[client.out.len] = '\0';
  const char *at = strstr(client.out.bytes, "slot\r\n:");
  uint64_t slot = at == NULL ? 0 : strtoull(at + 7, NULL, 10);
  ok(slot > 0, "an admission names its slot");
  resp_client_close(&client);
  char line[128];
  says("PEEK job x\r\n", "*12|$7|allowed|:0|$4|rule|$5|slots|$5|limit|:1|$9|remaining|:0|$14|"
                         "retry_after_ms|:60000|$14|reset_after_ms|:60000|");
  static const char *const verbs[] = {"RENEW", "RELEASE", "RELEASE", "RENEW"};
  static const char *const wants[] = {":1|", ":1|", ":0|", ":0|"};
  for (int i = 0; i < 4; i++) {
    snprintf(line, sizeof line, "%s %llu job x\r\n", verbs[i], (unsigned long long)slot);
    is_str(barred(resp_talk(line)), wants[i], "%s, call %d", verbs[i], i + 1);
  }
  says("RELEASE x job x\r\n", "-ERR a slot is the number that ALLOW gave|");
  says("RELEASE 5 user x\r\n", ":0|");
}

static void test_charge_and_reset(void) {
  says("CHARGE user carl COST 4\r\n",
       "*12|$7|allowed|:1|$4|rule|$4|user|$5|limit|:2|$9|remaining|:0|$14|retry_after_ms|:0|$14|"
       "reset_after_ms|:20000|");
  says("ALLOW user carl\r\n", REFUSED("$9|remaining|:0|$14|retry_after_ms|:15000|$14|"
                                      "reset_after_ms|:20000|"));
  says("RESET user carl\r\n", ":1|");
  says("RESET user carl\r\n", ":0|");
  says("PEEK user carl\r\n",
       ALLOWED("$9|remaining|:2|$14|retry_after_ms|:0|$14|reset_after_ms|:0|"));
}

static void has(const char *bytes, const char *part) {
  const char *answer = barred(resp_talk(bytes));
  if (!ok(strstr(answer, part) != NULL, "%.*s tells %.40s", (int)strcspn(bytes, "\r"), bytes,
          part)) {
    diag("%s", answer);
  }
}

static void has_not(const char *bytes, const char *part) {
  ok(strstr(barred(resp_talk(bytes)), part) == NULL, "%.*s does not tell %s",
     (int)strcspn(bytes, "\r"), bytes, part);
}

static void test_administration(void) {
  has("RULES\r\n", "*6|$7|version|:7|$5|total|:8|$5|rules|*8|*12|$2|id|$4|user|$7|enabled|:1|$3|"
                   "key|*1|$4|user|$5|limit|");
  has("RULES FROM 7 COUNT 5\r\n", "$5|rules|*1|*12|$2|id|$3|off|$7|enabled|:0|");
  says("RULES FROM 100\r\n", "*6|$7|version|:7|$5|total|:8|$5|rules|*0|");
  says("RULES FROM\r\n", "-ERR syntax error|");
  says("RULES FROM -1\r\n", "-ERR value is not an integer or out of range|");
  has("EXPLAIN user ann\r\n", "*12|$4|rule|$4|user|$3|why|$7|applies|$3|key|*2|$4|user|$3|ann|$4|"
                              "cost|:1|");
  has("EXPLAIN api_key hunter2\r\n", "$4|rule|$6|secret|$3|why|$7|applies|");
  has_not("EXPLAIN api_key hunter2\r\n", "hunter2");
  (void)resp_talk("ALLOW api_key hunter2\r\nALLOW user ann\r\n");
  has("TOP\r\n", "|$4|rule|$6|secret|$3|key|*1|$");
  has_not("TOP\r\n", "hunter2");
  has("TOP 5 BY throttled\r\n", "$9|throttled|:");
  says("TOP 0\r\n", "-ERR count is an integer from 1 to 1000|");
  says("TOP BY name\r\n", "-ERR syntax error|");
  says("TOP 1 2\r\n", "-ERR syntax error|");
  has("INFO\r\n", "# Server|sluice_version:0.1.0|");
  has("INFO\r\n", "|loading:0|");
  has("INFO\r\n", "|cl_buckets:");
}

static void test_command(void) {
  says("COMMAND COUNT\r\n", ":19|");
  has("COMMAND\r\n", "*19|*10|$11|cl.throttle|:-1|");
  says("COMMAND INFO nothing\r\n", "*1|$-1|");
  says("COMMAND INFO ALLOW\r\n",
       "*1|*10|$5|allow|:-3|*2|+write|+fast|:0|:0|:0|*1|+@keyspace|*0|*0|*0|");
  says("COMMAND DOCS nothing\r\n", "*0|");
  has("COMMAND DOCS allow\r\n", "*2|$5|allow|*10|$7|summary|");
  has("COMMAND DOCS\r\n", "*38|$11|cl.throttle|*10|$7|summary|");
  has("COMMAND LIST\r\n", "*19|$11|cl.throttle|$5|allow|");
  says("COMMAND GETKEYS a\r\n", "-ERR unknown subcommand 'GETKEYS'. Try COMMAND DOCS COMMAND.|");
}

static void closes(const char *bytes, const char *want, const char *what) {
  bool closed;
  is_str(barred(resp_talk_in_steps(bytes, strlen(bytes), strlen(bytes), &closed)), want, "%s",
         what);
  ok(closed, "and the connection closes");
}

static void test_bad_bytes(void) {
  closes("PING\r\n*1\r\n+x\r\nPING\r\n", "+PONG|-ERR Protocol error: expected '$', got '+'|",
         "what was asked before is answered");
  closes("POST / HTTP/1.1\r\nPING\r\n", "", "a browser gets nothing");
  closes("*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n", "", "nor does the same as a multibulk");
  closes("PING\r\nQUIT\r\nPING\r\n", "+PONG|+OK|", "QUIT answers and ends");
}

// Whatever the pieces, the answers are the same.
static void test_pieces(void) {
  static char pipeline[4096];
  size_t len = 0;
  for (int i = 0; i < 3; i++) {
    len +=
        (size_t)snprintf(pipeline + len, sizeof pipeline - len,
                         "*6\r\n$11\r\nCL.THROTTLE\r\n$1\r\nz\r\n$1\r\n5\r\n$1\r\n1\r\n$1\r\n1\r\n"
                         "$1\r\n0\r\n*1\r\n$4\r\nPING\r\nPEEK user zoe\r\n\r\n");
  }
  static char want[4096];
  bool closed;
  snprintf(want, sizeof want, "%s", resp_talk_in_steps(pipeline, len, len, &closed));
  bool same = true;
  for (size_t step = 1; step < len && same; step++) {
    same = strcmp(resp_talk_in_steps(pipeline, len, step, &closed), want) == 0;
  }
  ok(same && strlen(want) > 300, "a pipeline in pieces of any size is answered the same");
  same = true;
  for (size_t cut = 1; cut < len && same; cut++) {
    struct resp_client client;
    resp_client_open(&client);
    resp_client_send(&client, pipeline, cut);
    resp_client_send(&client, pipeline + cut, len - cut);
    same = client.out.len == strlen(want) && memcmp(client.out.bytes, want, strlen(want)) == 0;
    resp_client_close(&client);
  }
  ok(same, "and cut at any byte");
}

// Deeper than a batch and than the reply buffer's first block.
static void test_depth(void) {
  enum { DEPTH = 2000 };
  static char pipeline[DEPTH * 64];
  size_t len = 0;
  for (int i = 0; i < DEPTH; i++) {
    len += (size_t)snprintf(pipeline + len, sizeof pipeline - len,
                            "*5\r\n$11\r\nCL.THROTTLE\r\n$1\r\nd\r\n$4\r\n9999\r\n$1\r\n1\r\n$1\r\n"
                            "1\r\n");
  }
  bool closed;
  const char *answer = resp_talk_in_steps(pipeline, len, len, &closed);
  int count = 0;
  bool in_order = true;
  for (const char *p = answer; (p = strstr(p, "*5\r\n")) != NULL; p += 4) {
    int limited, limit, remaining;
    in_order = in_order && sscanf(p, "*5 :%d :%d :%d", &limited, &limit, &remaining) == 3 &&
               remaining == 9999 - count;
    count++;
  }
  is_i64(count, DEPTH, "a deep pipeline is answered whole");
  ok(in_order, "in order");
}

static void test_memory(void) {
  struct resp_client client;
  resp_client_open(&client);
  resp_kit.fault.fail_after = resp_kit.fault.calls;
  const char *name = "CLIENT SETNAME x\r\n";
  resp_client_send(&client, name, strlen(name));
  resp_kit.fault.fail_after = 0;
  ok(client.closed, "without memory for an answer the connection closes");
  resp_client_close(&client);
}

static void test_tokens(void) {
  // SHA-256 of "decide-token", "read-token" and "admin-token".
  char tokens[1024];
  size_t at = 0;
  static const char *const names[] = {"decide", "read", "admin"};
  for (int i = 0; i < 3; i++) {
    unsigned char hash[SL_TOKEN_HASH];
    char token[32];
    snprintf(token, sizeof token, "%s-token", names[i]);
    sl_token_hash(sl_str_of(token), hash);
    at += (size_t)snprintf(tokens + at, sizeof tokens - at, "%s %s ", names[i], names[i]);
    for (int j = 0; j < SL_TOKEN_HASH; j++) {
      at += (size_t)snprintf(tokens + at, sizeof tokens - at, "%02x", hash[j]);
    }
    at += (size_t)snprintf(tokens + at, sizeof tokens - at, "\n");
  }
  resp_kit_open(yaml, tokens);
  says("PING\r\n", "-NOAUTH Authentication required.|");
  says("ALLOW user a\r\n", "-NOAUTH Authentication required.|");
  says("CL.THROTTLE a 1 1 1\r\n", "-NOAUTH Authentication required.|");
  says("NOTHING\r\n", "-NOAUTH Authentication required.|");
  has("HELLO\r\n", "-NOAUTH HELLO must be called");
  says("AUTH wrong\r\n", "-WRONGPASS invalid username-password pair or user is disabled.|");
  says("QUIT\r\n", "+OK|");
  says("AUTH decide-token\r\nPING\r\nCL.THROTTLE a 1 1 1 0\r\nTOP\r\nRESET user a\r\n",
       "+OK|+PONG|*5|:0|:2|:2|:-1|:0|-NOPERM this token does not allow the 'top' command|-NOPERM "
       "this token does not allow the 'reset' command|");
  says("AUTH any read-token\r\nTOP\r\nALLOW user a\r\nCL.THROTTLE a 1 1 1\r\n",
       "+OK|*0|-NOPERM this token does not allow the 'allow' command|-NOPERM this token does not "
       "allow the 'cl.throttle' command|");
  says("AUTH admin-token\r\nRESET user a\r\n", "+OK|:0|");
  has("HELLO 2 AUTH default decide-token\r\n", "$6|sluice|");
  says("AUTH decide-token\r\nRESET\r\nPING\r\n", "+OK|+RESET|-NOAUTH Authentication required.|");
  closes("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length|",
         "a stranger has 10 arguments");
  ok(resp_kit_close(), "all memory is given back");
}

int main(void) {
  resp_kit_open(yaml, NULL);
  test_connection();
  test_hello();
  test_throttle();
  test_throttle_edges();
  test_allow();
  test_request_errors();
  test_slots();
  test_charge_and_reset();
  test_administration();
  test_command();
  test_bad_bytes();
  test_pieces();
  test_depth();
  test_memory();
  test_reread();
  ok(resp_kit_close(), "all memory is given back");
  test_tokens();
  return done_testing();
}
