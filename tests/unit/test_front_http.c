// The HTTP front end, driven by bytes alone: decisions, what is done to buckets, bodies.
#include "server/settings.h"
#include "support/http_world.h"

// ---- allow

static void test_allow(void) {
  open_world(RULES);
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"a\"}}"), 200, "allowed");
  says("Content-Type: application/json\r\n", "in JSON");
  says("\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n", "with its date");
  says("\r\nRateLimit-Policy: \"window\";q=2;w=60\r\n", "the policy");
  says("\r\nRateLimit: \"window\";r=1;t=60\r\n", "and what is left of it");
  says("{\"allowed\":true,\"decision\":\"allowed\",\"rule\":\"window\",\"limit\":2,\"remaining\":1,"
       "\"retry_after_ms\":0,\"reset_after_ms\":60000}\n",
       "the decision");
  wait_ms(1500);
  is_u64(post("/v1/allow", "{\"cost\":1, \"attributes\":{\"w\":\"a\"}}"), 200, "the second too");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"a\"}}"), 429, "the third is not");
  says("Content-Type: application/problem+json\r\n", "a problem");
  says("\r\nRetry-After: 59\r\n", "seconds rounded up");
  says("\r\nRateLimit: \"window\";r=0;t=59\r\n", "nothing left");
  says("http-problem-types#quota-exceeded", "of the type for it");
  says("\"status\":429", "its status");
  says("\"violated-policies\":[\"window\"]", "names the rule");
  is_i64(number("retry_after_ms"), 58500, "the truth in milliseconds");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"b\"}}"), 200, "another key is another bucket");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"b\"},\"cost\":3}"), 422, "too dear for ever");
  ok(!has("Retry-After"), "and no time is told");
  says("\"decision\":\"never\"", "never");
  says("\"retry_after_ms\":null", "never in JSON");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"b\"},\"cost\":0}"), 200, "cost 0 is a look");
  is_i64(number("remaining"), 1, "that charges nothing");
  close_world();
}

static void test_outcomes(void) {
  open_world(RULES);
  is_u64(post("/v1/allow", "{\"attributes\":{}}"), 200, "no rule matches");
  says("\"rule\":null,\"limit\":null,\"remaining\":null", "and nothing is told of limits");
  ok(!has("RateLimit"), "in the header neither");
  is_u64(post("/v1/allow", "{\"attributes\":{\"free\":1}}"), 200, "unlimited");
  says("\"rule\":\"free\",\"limit\":null", "names its rule");
  ok(!has("RateLimit"), "but no quota");
  is_u64(post("/v1/allow", "{\"attributes\":{\"bad\":true}}"), 422, "a ban");
  says("\r\nRateLimit-Policy: \"banned\";q=0;w=1\r\nRateLimit: \"banned\";r=0\r\n", "never grows");
  is_u64(post("/v1/allow", "{\"attributes\":{\"f\":\"a\"}}"), 200, "a period below a second");
  says("\r\nRateLimit-Policy: \"fast\";q=5\r\n", "has no window told");
  is_u64(post("/v1/allow", "{\"attributes\":{\"p\":\"a\"}}"), 200, "a promise about any window");
  says("\"promise\";q=600;w=30\r\n", "tells the rate as it was written");
  is_u64(post("/v1/allow", "{\"attributes\":{\"p\":\"gold\"}}"), 200, "an override");
  says("\"promise\";q=1200;w=30\r\n", "tells its own");
  is_u64(post("/v1/allow", "{\"attributes\":{\"q\":1}}"), 200, "a leaky bucket");
  ok(number("wait_ms") == -1, "whose first departs at once");
  is_u64(post("/v1/allow", "{\"attributes\":{\"q\":1}}"), 200, "and whose second");
  is_i64(number("wait_ms"), 100, "waits");
  is_u64(post("/v1/allow", "{\"attributes\":{\"l\":1},\"cost\":2}"), 200, "a log");
  is_u64(post("/v1/allow", "{\"attributes\":{\"l\":1}}"), 429, "that is full");
  says("r=0;t=60", "grows when its oldest entry goes");
  close_world();
}

static void test_growth(void) {
  open_world(RULES);
  is_u64(post("/v1/allow", "{\"attributes\":{\"s\":1}}"), 200, "a sliding window");
  says("\r\nRateLimit: \"slide\";r=1;t=", "says when more is left");
  const char *t = strstr(reply, ";t=");
  unsigned seconds = 0;
  ok(t != NULL && sscanf(t, ";t=%u", &seconds) == 1, "in seconds");
  wait_ms((seconds - 1) * UINT64_C(1000) - 1);
  is_u64(post("/v1/peek", "{\"attributes\":{\"s\":1}}"), 200, "a moment before");
  is_i64(number("remaining"), 1, "it is as it was");
  wait_ms(1001);
  is_u64(post("/v1/peek", "{\"attributes\":{\"s\":1}}"), 200, "and then");
  is_i64(number("remaining"), 2, "it has grown");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"},\"cost\":3}"), 200,
         "an emptied bucket");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"}}"), 429, "refuses");
  is_i64(number("retry_after_ms"), 100, "for a tenth of a second");
  says("\r\nRateLimit: \"per-user\";r=0;t=1\r\n", "rounded up");
  is_u64(post("/v1/allow", "{\"attributes\":{\"z\":1},\"cost\":30}"), 200, "half of a minute's");
  is_i64(number("reset_after_ms"), 30000, "comes back in half a minute");
  says("\r\nRateLimit: \"slow\";r=30;t=1\r\n", "but the next within a second");
  close_world();
}

static void test_several(void) {
  open_world(RULES);
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"ann\"}}"), 200, "three rules match");
  says("\"rule\":\"per-user\",\"limit\":3,\"remaining\":2", "the one with the least left is named");
  says("\"rules\":[{\"rule\":\"per-user\",\"allowed\":true", "each has figures");
  says("{\"rule\":\"all\",\"allowed\":true,\"decision\":\"allowed\",\"limit\":100,\"remaining\":99",
       "the second");
  says("{\"rule\":\"quiet\",\"shadow\":true,\"allowed\":true", "and the shadow");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"ann\"}}"), 200,
         "the shadow refuses nobody");
  says("{\"rule\":\"quiet\",\"shadow\":true,\"allowed\":false,\"decision\":\"throttled\"",
       "but would");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"ann\"}}"), 200, "the third");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"ann\"}}"), 429, "the fourth");
  says("\"violated-policies\":[\"per-user\"]", "only the rule that refuses is violated");
  says("{\"rule\":\"all\",\"allowed\":true,\"decision\":\"allowed\",\"limit\":100,\"remaining\":97",
       "and nothing was charged");
  close_world();
}

static void test_peek(void) {
  open_world(RULES);
  is_u64(post("/v1/peek", "{\"attributes\":{\"w\":\"a\"}}"), 200, "a look");
  is_u64(post("/v1/peek", "{\"attributes\":{\"w\":\"a\"}}"), 200, "and another");
  is_i64(number("remaining"), 2, "charge nothing");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"a\"},\"cost\":2}"), 200, "all is taken");
  is_u64(post("/v1/peek", "{\"attributes\":{\"w\":\"a\"}}"), 429, "a look tells");
  says("Retry-After: 60", "as the request itself would be told");
  close_world();
}

// The clock of the turn is old: before a refusal it is read again.
static void test_reread(void) {
  open_world(RULES);
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"},\"cost\":3}"), 200, "all is taken");
  is_u64(w.rereads, 0, "an admission needs no better clock");
  w.real_ns = w.context.now_ns + 100 * SL_NS_PER_MS;
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"}}"), 200,
         "meanwhile there is one more");
  is_u64(w.rereads, 1, "seen by reading again");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"}}"), 429, "and no other");
  is_u64(post("/v1/allow", "{\"attributes\":{\"l\":1},\"cost\":2}"), 200,
         "a log that counts refusals");
  wait_ms(1000);
  w.real_ns = w.context.now_ns + SL_NS_PER_MS;
  is_u64(post("/v1/allow", "{\"attributes\":{\"l\":1},\"cost\":1}"), 429, "is asked once");
  wait_ms(60000 - 1001);
  is_u64(post("/v1/peek", "{\"attributes\":{\"l\":1},\"cost\":1}"), 200,
         "so a refusal counts once");
  close_world();
}

// ---- batches

static void test_batch(void) {
  open_world(RULES);
  is_u64(post("/v1/allow/batch", "{\"requests\":[{\"attributes\":{\"w\":1},\"cost\":2},"
                                 "{\"attributes\":{\"w\":1}},{\"cost\":9,\"attributes\":{\"w\":2}},"
                                 "{\"attributes\":{}}]}"),
         200, "a batch");
  says("{\"decisions\":[{\"allowed\":true,\"decision\":\"allowed\",\"rule\":\"window\"",
       "in order");
  says("},{\"allowed\":false,\"decision\":\"throttled\"", "each after the one before");
  says("},{\"allowed\":false,\"decision\":\"never\"", "each by itself");
  says("},{\"allowed\":true,\"decision\":\"allowed\",\"rule\":null", "to the last");
  is_u64(post("/v1/allow/batch", "{\"requests\":[]}"), 200, "an empty one");
  says("{\"decisions\":[]}", "has no decisions");
  is_u64(post("/v1/allow/batch",
              "{\"requests\":[{\"attributes\":{\"w\":3}},{\"attributes\":{\"w\":[]}}]}"),
         400, "a mistake in the second");
  is_u64(post("/v1/peek", "{\"attributes\":{\"w\":3}}"), 200, "is found");
  is_i64(number("remaining"), 2, "before the first is charged");
  is_u64(post("/v1/allow/batch", "{\"requests\":[{\"attributes\":{\"paid\":1,\"units\":\"x\"}},{"
                                 "\"attributes\":{\"w\":4}}]}"),
         200, "a cost that is none");
  says("{\"allowed\":false,\"decision\":null,\"error\":\"", "is told in its place");
  static const char *const wrong[] = {"{}",
                                      "[]",
                                      "{\"requests\":1}",
                                      "{\"requests\":[1]}",
                                      "{\"requests\":[{}]}",
                                      "{\"requests\":[]",
                                      "{\"requests\":[],\"a\":1}",
                                      "{\"requests\":[{\"attributes\":{}}]} x",
                                      "{\"Requests\":[]}"};
  for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
    is_u64(post("/v1/allow/batch", wrong[i]), 400, "not a batch: %s", wrong[i]);
  }
  static char many[40000];
  size_t len = (size_t)snprintf(many, sizeof many, "{\"requests\":[{\"attributes\":{}}");
  for (int i = 0; i < 1000; i++) {
    len += (size_t)snprintf(many + len, sizeof many - len, ",{\"attributes\":{}}");
  }
  snprintf(many + len, sizeof many - len, "]}");
  is_u64(post("/v1/allow/batch", many), 413, "more than a thousand");
  close_world();
}

// ---- what is done to buckets

static void test_buckets(void) {
  open_world(RULES);
  is_u64(post("/v1/charge", "{\"attributes\":{\"user\":\"a\"},\"cost\":5}"), 200,
         "a charge above the burst");
  says("{\"rules\":[{\"rule\":\"per-user\",\"limit\":3,\"remaining\":0,\"reset_after_ms\":500},",
       "goes into debt");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"}}"), 429, "and has to be waited off");
  is_i64(number("retry_after_ms"), 300, "until one fits again");
  is_u64(post("/v1/charge", "{\"attributes\":{\"user\":\"b\"},\"cost\":1,\"rule\":\"all\"}"), 200,
         "one rule alone");
  ok(!has("per-user"), "leaves the others");
  is_u64(post("/v1/charge", "{\"attributes\":{\"user\":\"b\"},\"rule\":\"slots\"}"), 404,
         "a rule that does not match");
  is_u64(post("/v1/charge", "{\"attributes\":{\"user\":\"b\"},\"rule\":\"\"}"), 400, "an empty id");
  is_u64(post("/v1/reset", "{\"attributes\":{\"user\":\"a\"},\"rule\":\"per-user\"}"), 200,
         "reset");
  says("{\"rules\":[{\"rule\":\"per-user\",\"had_bucket\":true}]}", "the bucket is gone");
  is_u64(post("/v1/allow", "{\"attributes\":{\"user\":\"a\"}}"), 200, "and fresh");
  is_u64(post("/v1/reset", "{\"attributes\":{\"user\":\"zoe\"}}"), 200, "what has no bucket");
  says("{\"rule\":\"per-user\",\"had_bucket\":false}", "is fresh already");
  is_u64(post("/v1/reset", "{\"attributes\":{},\"cost\":1}"), 400, "reset has no cost");
  close_world();
}

static void test_slots(void) {
  open_world(RULES);
  char slot[64] = "";
  char body[256];
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 200, "a slot");
  says("\r\nRateLimit-Policy: \"slots\";q=2\r\n", "of two");
  const char *at = strstr(reply, "\"slot\":\"");
  ok(at != NULL && sscanf(at, "\"slot\":\"%63[0-9]\"", slot) == 1, "has a name, as text");
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 200, "the other");
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 429, "there is no third");
  wait_ms(9000);
  snprintf(body, sizeof body, "{\"attributes\":{\"job\":\"x\"},\"slot\":\"%s\"}", slot);
  is_u64(post("/v1/renew", body), 200, "renewed");
  says("{\"renewed\":true}", "it is held");
  wait_ms(9000);
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 200,
         "the one not renewed has ended");
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 429, "the renewed one not");
  snprintf(body, sizeof body, "{\"slot\":%s,\"attributes\":{\"job\":\"x\"}}", slot);
  is_u64(post("/v1/release", body), 200, "released, by number");
  says("{\"released\":true}", "somebody held it");
  is_u64(post("/v1/release", body), 200, "and again");
  says("{\"released\":false}", "nobody does");
  is_u64(post("/v1/allow", "{\"attributes\":{\"job\":\"x\"}}"), 200, "there is room");
  is_u64(post("/v1/release", "{\"attributes\":{\"job\":\"x\"}}"), 400, "no slot named");
  is_u64(post("/v1/release", "{\"attributes\":{\"w\":\"x\"},\"slot\":\"1\"}"), 400,
         "no concurrency limit");
  is_u64(post("/v1/release", "{\"attributes\":{\"job\":\"x\"},\"slot\":\"abc\"}"), 400,
         "no slot's name");
  is_u64(post("/v1/release", "{\"attributes\":{\"job\":\"x\"},\"slot\":-1}"), 400,
         "a negative one");
  close_world();
}

// ---- bodies that are refused

static void test_bodies(void) {
  static const struct {
    const char *body, *detail;
  } wrong[] = {
      {"", "byte 1: the text ends too soon"},
      {"{", "byte 2: the text ends too soon"},
      {"nope", "byte 1: a value is missing"},
      {"[]", "the body is no object"},
      {"1", "the body is no object"},
      {"{}", "attributes\\\\\\\": is missing"},
      {"{\"cost\":1}", "is missing"},
      {"{\"attributes\":{}} {}", "something stands after the value"},
      {"{\"attributes\":[]}", "is no object"},
      {"{\"attributes\":\"a\"}", "is no object"},
      {"{\"attributes\":{},\"attributes\":{}}", "is given twice"},
      {"{\"attributes\":{},\"cost\":1,\"cost\":1}", "is given twice"},
      {"{\"attributes\":{\"a\":\"1\",\"a\":\"2\"}}", "the attribute is given twice"},
      {"{\"attributes\":{\"a\":\"1\",\"\\u0061\":\"2\"}}", "the attribute is given twice"},
      {"{\"attributes\":{\"\":\"1\"}}", "has 1 to 256 bytes"},
      {"{\"attributes\":{\"a\":1.5}}", "text, an integer, true or false"},
      {"{\"attributes\":{\"a\":1e3}}", "text, an integer, true or false"},
      {"{\"attributes\":{\"a\":null}}", "text, an integer, true or false"},
      {"{\"attributes\":{\"a\":{}}}", "text, an integer, true or false"},
      {"{\"attributes\":{\"a\":[1]}}", "text, an integer, true or false"},
      {"{\"attributes\":{},\"cost\":-1}", "no whole number"},
      {"{\"attributes\":{},\"cost\":1.0}", "no whole number"},
      {"{\"attributes\":{},\"cost\":\"1\"}", "no whole number"},
      {"{\"attributes\":{},\"cost\":null}", "no whole number"},
      {"{\"attributes\":{},\"cost\":9223372036854775808}", "no whole number"},
      {"{\"attributes\":{},\"cost\":99999999999999999999}", "no whole number"},
      {"{\"attributes\":{},\"costs\":1}", "costs\\\\\\\": is no member"},
      {"{\"attributes\":{},\"slot\":1}", "is no member"},
      {"{\"attributes\":{\"a\":\"\xff\"}}", "not UTF-8"},
      {"{\"attributes\":{\"a\":\"\x01\"}}", "control byte"},
      {"{\"attributes\":{\"a\":\"\\x\"}}", "wrong escape"},
      {"{\"attributes\":{\"a\":01}}", "not written as JSON writes numbers"},
      {"{\"attributes\":{\"a\":\"b\",}}", "a name in quotes is missing"},
      {"{'attributes':{}}", "a name in quotes is missing"},
      {"\xef\xbb\xbf{\"attributes\":{}}", "byte 1"},
      {"{\"attributes\":{\"paid\":1,\"units\":\"x\"}}", "rule paid charges by an attribute"},
      {"{\"attributes\":{\"paid\":1,\"units\":-1}}", "rule paid charges by an attribute"},
  };
  open_world(RULES);
  for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
    is_u64(post("/v1/allow", wrong[i].body), 400, "refused: %s", wrong[i].body);
    char plain[128];
    // Details are JSON in the body: a quote in them is written with a backslash.
    snprintf(plain, sizeof plain, "%s", wrong[i].detail);
    const char *from = strrchr(plain, '"');
    says(from == NULL ? plain : from + 1, "and told why");
    ok(w.verdict == SL_FEED_MORE, "the connection stays");
  }
  is_u64(post("/v1/allow", "{\"attributes\":{\"paid\":1,\"units\":7}}"), 200,
         "an attribute that is a cost");
  is_i64(number("remaining"), 3, "is charged");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"a\\u00e9\\ud83d\\ude00\\n\"}}"), 200,
         "escapes");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"a\xc3\xa9\xf0\x9f\x98\x80\\n\"}}"), 200,
         "are the bytes they stand for");
  is_i64(number("remaining"), 0, "one bucket");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":17}}"), 200, "an integer");
  is_u64(post("/v1/allow", "{\"attributes\":{\"w\":\"17\"}}"), 200, "is its text");
  is_i64(number("remaining"), 0, "one bucket");
  is_u64(post("/v1/allow", " \n{ \"attributes\" : { \"w\" : true } }\t"), 200, "white space");
  close_world();
}

static void test_bounds(void) {
  struct sl_settings settings;
  open_world(RULES);
  ok(sl_settings_init(&settings, &w.mem) == SL_OK, "with settings");
  settings.max_attributes = 2;
  settings.max_attribute = 5;
  settings.max_request = 4096;
  settings.max_headers = 8;
  w.context.settings = &settings;
  connect_front();
  is_u64(post("/v1/allow", "{\"attributes\":{\"a\":1,\"b\":2}}"), 200,
         "as many attributes as allowed");
  is_u64(post("/v1/allow", "{\"attributes\":{\"a\":1,\"b\":2,\"c\":3}}"), 400, "one more");
  is_u64(post("/v1/allow", "{\"attributes\":{\"a\":\"12345\"}}"), 200, "as long as allowed");
  is_u64(post("/v1/allow", "{\"attributes\":{\"a\":\"123456\"}}"), 400, "longer");
  sendf("POST /v1/allow HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n");
  is_u64(status_of(), 413, "a body above the bound");
  ok(w.verdict == SL_FEED_CLOSE && has("Connection: close"), "ends the connection");
  connect_front();
  const char *own[] = {"sluice.example", "Sluice2.example"};
  settings.hosts = (struct sl_setting_list){.items = own, .count = 2};
  sendf("GET /healthz HTTP/1.1\r\nHost: SLUICE.example:8080\r\n\r\n");
  is_u64(status_of(), 200, "a host that was told");
  sendf("GET /healthz HTTP/1.1\r\nHost: sluice2.example\r\n\r\n");
  is_u64(status_of(), 200, "and another");
  sendf("GET /healthz HTTP/1.1\r\nHost: sluice3.example\r\n\r\n");
  is_u64(status_of(), 421, "but no third");
  settings.admin = "127.0.0.1:9000";
  is_u64(get("/metrics", ""), 404, "with a listener for operators, others do not see the metrics");
  is_u64(get("/v1/top", ""), 404, "nor the busiest keys");
  is_u64(post("/v1/reset", "{\"attributes\":{}}"), 404, "nor reset");
  w.peer.admin = true;
  connect_front();
  is_u64(get("/metrics", ""), 200, "operators do");
  is_u64(post("/v1/reset", "{\"attributes\":{}}"), 200, "all of it");
  w.context.settings = NULL;
  sl_settings_close(&settings);
  close_world();
}

int main(void) {
  test_allow();
  test_outcomes();
  test_growth();
  test_several();
  test_peek();
  test_reread();
  test_batch();
  test_buckets();
  test_slots();
  test_bodies();
  test_bounds();
  return done_testing();
}
