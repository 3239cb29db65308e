// The HTTP front end: rules, explanations, busiest keys, metrics; and the connection itself.
#include "support/http_world.h"

// ---- what is looked at

static void test_views(void) {
  open_world(RULES);
  is_u64(get("/v1/rules", ""), 200, "the rules");
  says("{\"version\":1,\"count\":14,\"rules\":[{\"id\":\"per-user\",\"enabled\":true,"
       "\"match\":{\"user\":[\"*\"]},\"except\":{},\"key\":[\"user\"],\"missing\":\"absent\","
       "\"limit\":{\"algorithm\":\"token_bucket\",\"rate\":\"10/1s\",\"burst\":3},"
       "\"over_limit\":\"reject\",\"overrides\":0}",
       "as they were written");
  says("\"limit\":{\"algorithm\":\"concurrency\",\"slots\":2,\"lease\":\"10s\"}", "slots");
  says("\"limit\":\"unlimited\"", "unlimited");
  says("\"cost\":\"units\"", "an attribute for a cost");
  says("\"guarantee\":\"any_window\",\"jitter\":\"0s\"", "a guarantee");
  is_u64(get("/v1/rules?offset=13&n=5", ""), 200, "the last");
  ok(has("\"rules\":[{\"id\":\"line\"") && !has("per-user"), "alone");
  is_u64(get("/v1/rules?offset=99", ""), 200, "beyond the last");
  says("\"rules\":[]", "is nothing");
  is_u64(get("/v1/rules?n=0", ""), 400, "none at all");
  is_u64(post("/v1/explain", "{\"attributes\":{\"user\":\"ann\"},\"cost\":2}"), 200,
         "an explanation");
  says("{\"answer\":{\"allowed\":true", "has the answer");
  says("{\"rule\":\"per-user\",\"enabled\":true,\"why\":\"applies\",\"text\":\"applies", "and why");
  says("\"key\":{\"user\":\"ann\"},\"cost\":2,\"overridden\":false,\"limit\":{",
       "with key and cost");
  says("{\"rule\":\"slots\",\"enabled\":true,\"why\":\"absent\"", "or why not");
  is_u64(post("/v1/peek", "{\"attributes\":{\"user\":\"ann\"}}"), 200, "it charged nothing");
  says(
      "\"rule\":\"per-user\",\"allowed\":true,\"decision\":\"allowed\",\"limit\":3,\"remaining\":3",
      "at all");
  for (int i = 0; i < 5; i++) {
    post("/v1/allow", "{\"attributes\":{\"user\":\"bob\"}}");
  }
  is_u64(get("/v1/top", ""), 200, "the busiest keys");
  says("{\"top\":[{\"rule\":\"", "are there");
  says("{\"rule\":\"per-user\",\"key\":{\"user\":\"bob\"},\"matched\":5,\"throttled\":2,\"error\":"
       "0}",
       "with what they did");
  is_u64(get("/v1/top?n=1&by=matched", ""), 200, "one of them");
  is_u64(get("/v1/top?by=x", ""), 400, "by nothing known");
  is_u64(get("/v1/top?n=1001", ""), 400, "too many");
  close_world();
}

static void test_metrics(void) {
  open_world(RULES);
  for (int i = 0; i < 5; i++) {
    post("/v1/allow", "{\"attributes\":{\"user\":\"bob\"}}");
  }
  post("/v1/allow", "{\"attributes\":{\"bad\":1}}");
  post("/v1/allow", "nope");
  sl_metrics_latency(w.context.metrics, 7 * SL_NS_PER_US, 3);
  sl_metrics_latency(sl_metrics_of(w.metrics, 1), 2 * SL_NS_PER_S, 1);
  is_u64(get("/metrics", ""), 200, "metrics");
  says("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", "in Prometheus's format");
  says("\nsluice_requests_total{front=\"http\",outcome=\"allowed\"} 3\n", "allowed");
  says("\nsluice_requests_total{front=\"http\",outcome=\"throttled\"} 2\n", "throttled");
  says("\nsluice_requests_total{front=\"http\",outcome=\"never\"} 1\n", "never");
  says("\nsluice_requests_total{front=\"http\",outcome=\"error\"} 1\n", "errors");
  says("\nsluice_rule_decisions_total{rule=\"per-user\",outcome=\"allowed\"} 3\n", "by rule");
  says("\nsluice_rule_decisions_total{rule=\"per-user\",outcome=\"throttled\"} 2\n", "and outcome");
  says("\nsluice_rule_decisions_total{rule=\"all\",outcome=\"throttled\"} 0\n",
       "what another rule refused is not its own");
  says("\nsluice_rule_decisions_total{rule=\"quiet\",outcome=\"shadow_throttled\"} 4\n", "shadows");
  says("\nsluice_request_duration_seconds_bucket{le=\"5e-06\"} 0\n", "no latency below");
  says("\nsluice_request_duration_seconds_bucket{le=\"1e-05\"} 3\n", "three here");
  says("\nsluice_request_duration_seconds_bucket{le=\"1\"} 3\n", "cumulative");
  says("\nsluice_request_duration_seconds_bucket{le=\"+Inf\"} 4\n", "all workers");
  says("\nsluice_request_duration_seconds_sum 2.000021000\n", "their sum");
  says("\nsluice_request_duration_seconds_count 4\n", "and count");
  says("\nsluice_connections{front=\"http\"} 1\n", "connections");
  says("\nsluice_rules_version 1\n", "the version of the rules");
  says("\nsluice_buckets ", "buckets");
  close_world();
}

// However many rules there are, and whatever keys clients choose, the series are bounded.
static void test_cardinality(void) {
  enum { RULES_HERE = 1200, ROOM = 200000 };
  char *yaml = malloc(ROOM);
  if (yaml == NULL) {
    abort();
  }
  size_t len = (size_t)snprintf(yaml, ROOM, "rules:\n");
  for (int i = 0; i < RULES_HERE; i++) {
    len += (size_t)snprintf(yaml + len, ROOM - len,
                            "  - {id: rule-%d, match: {r: '%d'}, key: [k], limit: {rate: 1/1h}}\n",
                            i, i);
  }
  open_world(yaml);
  char body[64];
  for (int i = 0; i < RULES_HERE; i++) {
    snprintf(body, sizeof body, "{\"attributes\":{\"r\":%d,\"k\":%d}}", i, i);
    post("/v1/allow", body);
  }
  is_u64(get("/metrics", ""), 200, "metrics of 1,200 rules");
  says("{rule=\"rule-999\",outcome=\"allowed\"} 1\n", "the thousandth has its own");
  ok(!has("rule-1000"), "the next has not");
  says("{rule=\"*\",outcome=\"allowed\"} 200\n", "they are counted together");
  const size_t before = strlen(body_of());
  for (int i = 0; i < 3000; i++) {
    snprintf(body, sizeof body, "{\"attributes\":{\"r\":1,\"k\":\"key%d\"}}", i);
    post("/v1/allow", body);
  }
  get("/metrics", "");
  ok(strlen(body_of()) < before + 100 && before < 1 << 20, "keys add nothing: %zu bytes", before);
  free(yaml);
  close_world();
}

// ---- the connection

static void test_pipeline(void) {
  open_world(RULES);
  static const char one[] =
      "POST /v1/allow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 25\r\n\r\n{\"attributes\":{\"w\":\"pi\"}}";
  static char many[3 * sizeof one];
  snprintf(many, sizeof many, "%s%s%s", one, one, one);
  send_text(many);
  size_t replies = 0;
  for (const char *at = reply; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++) {
    replies++;
  }
  ok(replies == 3 && w.used == strlen(many), "three requests at once, three replies");
  ok(strstr(reply, "429 Too") > strstr(reply, "\"remaining\":0"), "in order");
  const size_t half = strlen(one) + 30;
  size_t used = 0;
  w.out.len = 0;
  w.verdict = sl_front_http.feed(w.state, &w.context, many, half, &used, &w.out);
  ok(w.verdict == SL_FEED_MORE && used == strlen(one), "half a request stays");
  ok(sl_front_http.in_request(w.state), "and has begun");
  send_bytes(many + used, strlen(many) - used);
  ok(!sl_front_http.in_request(w.state), "until the rest comes");
  close_world();
}

static void test_close(void) {
  open_world(RULES);
  ok(get("/healthz", "") == 200 && w.verdict == SL_FEED_MORE && !has("Connection:"),
     "it stays open");
  ok(get("/healthz", "Connection: close\r\n") == 200 && w.verdict == SL_FEED_CLOSE &&
         has("\r\nConnection: close\r\n"),
     "or ends where the client says so");
  connect_front();
  send_text("GET /healthz HTTP/1.0\r\n\r\n");
  ok(w.verdict == SL_FEED_CLOSE && has("Connection: close"), "HTTP/1.0 ends");
  connect_front();
  send_text("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ok(w.verdict == SL_FEED_MORE && has("\r\nConnection: keep-alive\r\n"), "but where it says so");
  connect_front();
  send_text("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: "
            "1\r\n\r\nxGET /healthz HTTP/1.1\r\n\r\n");
  ok(status_of() == 400 && w.verdict == SL_FEED_CLOSE && has("Connection: close"), "doubt ends it");
  ok(strstr(reply + 5, "HTTP/1.1") == NULL, "and nothing behind is answered");
  connect_front();
  ok(sl_front_http.drain(w.state), "while stopping, an idle connection may go");
  ok(get("/healthz", "") == 200 && w.verdict == SL_FEED_CLOSE && has("Connection: close"),
     "a last answer says so");
  connect_front();
  sl_front_http.drain(w.state);
  ok(get("/readyz", "") == 503, "and no more are wanted");
  connect_front();
  send_text("GET /healthz HTTP/1.1\r\n");
  ok(!sl_front_http.drain(w.state), "a request under way is waited for");
  close_world();
}

static void test_continue(void) {
  open_world(RULES);
  send_text("POST /v1/allow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 17\r\nExpect: 100-continue\r\n\r\n");
  is_str(reply, "HTTP/1.1 100 Continue\r\n\r\n", "go on");
  is_u64(w.used, 0, "nothing is used yet");
  send_text("POST /v1/allow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 17\r\nExpect: 100-continue\r\n\r\n{\"attributes\":{}}");
  is_u64(status_of(), 200, "then the answer");
  send_text("POST /v1/allow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"attrib\r\n9\r\nutes\":{}}\r\n0\r\n\r\n");
  is_u64(status_of(), 200, "chunks");
  close_world();
}

// Each allocation fails in turn: a whole reply or none, never half of one, and nothing is lost.
static void test_memory(void) {
  static const char *const bodies[][2] = {
      {"/v1/allow", "{\"attributes\":{\"us\\u0065r\":\"a\\n\",\"job\":1}}"},
      {"/v1/allow/batch",
       "{\"requests\":[{\"attributes\":{\"user\":\"\\t\"}},{\"attributes\":{\"job\":2}}]}"},
      {"/v1/explain", "{\"attributes\":{\"user\":\"a\"}}"},
      {"/v1/charge", "{\"attributes\":{\"user\":\"a\"}}"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(bodies); i++) {
    unsigned whole = 0, none = 0, half = 0;
    bool failed = true;
    for (uint64_t at = 1; failed; at++) {
      open_world(RULES);
      const uint64_t before = w.fault.calls;
      w.fault.fail_at = before + at;
      sendf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n\r\n%s",
            bodies[i][0], strlen(bodies[i][1]), bodies[i][1]);
      failed = w.fault.calls >= w.fault.fail_at;
      w.fault.fail_at = 0;
      whole += is_framed();
      none += reply[0] == '\0';
      half += !is_framed() && reply[0] != '\0';
      half += !free_world();
    }
    ok(half == 0 && whole > 0, "%s without memory: %u whole replies, %u none", bodies[i][0], whole,
       none);
  }
}

static void test_small_out(void) {
  open_world(RULES);
  sl_out_close(&w.out);
  w.out.max = 1500;
  is_u64(get("/v1/rules", ""), 500, "a reply above its bound is an error");
  ok(w.verdict == SL_FEED_CLOSE && is_framed(), "told whole, and the end");
  connect_front();
  is_u64(get("/v1/rules?n=1", ""), 200, "less at a time fits");
  close_world();
}

int main(void) {
  test_views();
  test_metrics();
  test_cardinality();
  test_pipeline();
  test_close();
  test_continue();
  test_memory();
  test_small_out();
  return done_testing();
}
