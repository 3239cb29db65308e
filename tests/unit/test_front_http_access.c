// The HTTP front end: who may ask what, under which name, and GET /v1/check.
#include "server/tokens.h"
#include "support/http_world.h"

// ---- who may ask

static void test_hosts(void) {
  static const struct {
    const char *host;
    unsigned status;
  } all[] = {
      {"localhost", 200},
      {"localhost:8080", 200},
      {"LOCALHOST", 200},
      {"127.0.0.1", 200},
      {"127.0.0.1:1", 200},
      {"10.1.2.3", 200},
      {"[::1]", 200},
      {"[::1]:8080", 200},
      {"evil.example", 421},
      {"localhost.evil.example", 421},
      {"127.0.0.1.evil.example", 421},
      {"evil.example:8080", 421},
      {"localhost.", 421},
      {"xlocalhost", 421},
      {"a.b:80", 421},
  };
  open_world(RULES);
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    sendf("GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", all[i].host);
    is_u64(status_of(), all[i].status, "Host: %s", all[i].host);
  }
  send_text("GET /healthz HTTP/1.0\r\n\r\n");
  is_u64(status_of(), 200, "HTTP/1.0 needs none");
  close_world();
}

static void test_types(void) {
  static const struct {
    const char *field;
    unsigned status;
  } all[] = {
      {"Content-Type: application/json\r\n", 200},
      {"Content-Type: Application/JSON; charset=utf-8\r\n", 200},
      {"Content-Type: application/json;charset=utf-8\r\n", 200},
      {"Content-Type: application/json ;charset=utf-8\r\n", 200},
      {"", 415},
      {"Content-Type:\r\n", 415},
      {"Content-Type: text/plain\r\n", 415},
      {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
      {"Content-Type: multipart/form-data; boundary=application/json\r\n", 415},
      {"Content-Type: text/plain; application/json\r\n", 415},
      {"Content-Type: application/jsonx\r\n", 415},
  };
  open_world(RULES);
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    sendf("POST /v1/allow HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: "
          "17\r\n\r\n{\"attributes\":{}}",
          all[i].field);
    is_u64(status_of(), all[i].status, "%s", all[i].field[0] == '\0' ? "no type" : "a type");
    ok(is_framed() && w.verdict == SL_FEED_MORE, "and the connection stays");
  }
  close_world();
}

static void test_routes(void) {
  static const char *const gets[] = {"/v1/check", "/v1/top", "/v1/rules",    "/metrics",
                                     "/healthz",  "/readyz", "/openapi.yaml"};
  static const char *const posts[] = {"/v1/allow", "/v1/allow/batch", "/v1/charge", "/v1/release",
                                      "/v1/renew", "/v1/peek",        "/v1/reset",  "/v1/explain"};
  open_world(RULES);
  for (size_t i = 0; i < SL_ARRAY_LEN(gets); i++) {
    is_u64(get(gets[i], ""), 200, "GET %s", gets[i]);
    is_u64(post(gets[i], "{}"), 405, "not POST");
    says("\r\nAllow: GET, HEAD\r\n", "but what is allowed is told");
    sendf("HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", gets[i]);
    ok(status_of() == 200 && body_of()[0] == '\0', "HEAD has no body");
    ok(!has("\r\nContent-Length: 0\r\n") && has("\r\nContent-Length: "), "but its length");
  }
  for (size_t i = 0; i < SL_ARRAY_LEN(posts); i++) {
    is_u64(get(posts[i], ""), 405, "GET %s", posts[i]);
    says("\r\nAllow: POST\r\n", "names POST");
    sendf("PUT %s HTTP/1.1\r\nHost: localhost\r\n\r\n", posts[i]);
    is_u64(status_of(), 405, "PUT neither");
  }
  static const char *const nowhere[] = {"/",         "/v1",        "/v1/allow/",   "/v1/allowx",
                                        "/V1/ALLOW", "/v1//allow", "/../v1/allow", "/v1/%61llow",
                                        "/metrics/"};
  for (size_t i = 0; i < SL_ARRAY_LEN(nowhere); i++) {
    is_u64(get(nowhere[i], ""), 404, "nothing at %s", nowhere[i]);
  }
  is_u64(get("http://127.0.0.1:8080/healthz", ""), 200, "absolute form");
  close_world();
}

static void test_scopes(void) {
  unsigned char hash[SL_TOKEN_HASH];
  char file[1024] = "";
  static const char *const names[] = {"decide", "read", "admin"};
  for (size_t i = 0; i < 3; i++) {
    char token[32], hex[2 * SL_TOKEN_HASH + 1];
    snprintf(token, sizeof token, "token-%s", names[i]);
    sl_token_hash(sl_str_of(token), hash);
    for (size_t k = 0; k < SL_TOKEN_HASH; k++) {
      snprintf(hex + 2 * k, 3, "%02x", hash[k]);
    }
    snprintf(file + strlen(file), sizeof file - strlen(file), "%s %s %s\n", names[i], names[i],
             hex);
  }
  open_world(RULES);
  char buffer[256];
  struct sl_text message;
  struct sl_tokens *tokens = NULL;
  sl_text_init(&message, buffer, sizeof buffer);
  ok(sl_tokens_parse(&w.mem, sl_str_of(file), &message, &tokens) == SL_OK, "tokens %s", buffer);
  w.context.tokens = tokens;
  is_u64(post("/v1/allow", "{\"attributes\":{}}"), 401, "no token");
  says("\r\nWWW-Authenticate: Bearer realm=\"sluice\"\r\n", "is asked for one");
  static const struct {
    const char *path, *scope;
  } all[] = {
      {"/v1/check", "decide"}, {"/v1/top", "read"}, {"/v1/rules", "read"}, {"/metrics", "read"},
      {"/healthz", ""},        {"/readyz", ""},     {"/openapi.yaml", ""},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    is_u64(get(all[i].path, ""), all[i].scope[0] == '\0' ? 200 : 401, "%s without a token",
           all[i].path);
    for (size_t k = 0; k < 3; k++) {
      char field[64];
      snprintf(field, sizeof field, "Authorization: Bearer token-%s\r\n", names[k]);
      const bool may = all[i].scope[0] == '\0' || strcmp(all[i].scope, names[k]) == 0;
      is_u64(get(all[i].path, field), may ? 200 : 403, "%s with scope %s", all[i].path, names[k]);
    }
  }
  is_u64(get("/v1/top", "Authorization: Bearer token-rea\r\n"), 401, "a token that is none");
  is_u64(get("/v1/top", "Authorization: Bearer \r\n"), 401, "an empty token");
  is_u64(get("/v1/top", "Authorization: Basic token-read\r\n"), 401, "another scheme");
  is_u64(get("/v1/top", "Authorization: bearer token-read\r\n"), 200, "the scheme in any case");
  is_u64(get("/nothing", ""), 404, "what is not there needs no token");
  w.context.tokens = NULL;
  sl_tokens_free(tokens);
  close_world();
}

// ---- GET /v1/check

static const char CHECK_RULES[] =
    "trusted_proxies: [10.0.0.0/8]\n"
    "rules:\n"
    "  - {id: ip, key: [client_ip], limit: {rate: 1/1h}, match: {method: GET}}\n"
    "  - {id: path, match: {path: '/a/*'}, key: [path], limit: {rate: 2/1h, burst: 2}}\n"
    "  - {id: tenant, match: {header.x-tenant: '*'}, key: [header.x-tenant], limit: {rate: 3/1h}}\n"
    "  - {id: query, match: {query.k: '*'}, key: [query.k], limit: {rate: 4/1h}}\n"
    "  - {id: host, match: {host: shop.example, scheme: https}, key: [], limit: {rate: 5/1h}}\n";

// What explains itself by the rules that the answer names.
static void test_check(void) {
  open_world(CHECK_RULES);
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.4\r\n"), 200,
         "a proxy on this machine is believed");
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.4\r\n"), 429, "that client has had its one");
  says("Retry-After: 3600", "with a time");
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.5\r\n"), 200, "another client");
  is_u64(get("/v1/check", "X-Forwarded-For: 6.6.6.6, 1.2.3.5\r\n"), 429,
         "what stands left is invented");
  is_u64(get("/v1/check", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.5\r\n"), 429,
         "on two lines too");
  is_u64(get("/v1/check?deny=403", "X-Forwarded-For: 1.2.3.4\r\n"), 403,
         "a status that was asked for");
  is_u64(get("/v1/check?deny=403&cost=2", "X-Forwarded-For: 1.2.3.4\r\n"), 403, "for never too");
  is_u64(get("/v1/check?cost=2", "X-Forwarded-For: 1.2.3.4\r\n"), 422, "else it is 422");
  is_u64(get("/v1/check?deny=200", ""), 400, "a status that is no refusal");
  is_u64(get("/v1/check?deny=x", ""), 400, "no number");
  is_u64(get("/v1/check?cost=x", ""), 400, "no cost");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /a/b?k=1\r\n"), 200,
         "method and path");
  says("{\"rule\":\"path\",", "the path's rule");
  says("{\"rule\":\"query\",", "the query's rule");
  ok(!has("\"rule\":\"ip\""), "not the one for GET");
  is_u64(get("/v1/check", "X-Original-Method: POST\r\nX-Original-URI: /a/%62?k=2\r\n"), 200,
         "by other names");
  says("{\"rule\":\"path\",\"allowed\":true,\"decision\":\"allowed\",\"limit\":2,\"remaining\":0",
       "one path");
  is_u64(
      get("/v1/check", "X-Original-Method: POST\r\nX-Original-URL: https://x.example//a/./b\r\n"),
      429, "a whole URL");
  is_u64(get("/v1/check",
             "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /a/b\r\nX-Original-URI: /c\r\n"),
         400, "two that differ: one is invented");
  is_u64(get("/v1/check",
             "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /c\r\nX-Forwarded-Uri: /d\r\n"),
         400, "two of a name that differ");
  is_u64(get("/v1/check",
             "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /c\r\nX-Original-URL: http://y/c\r\n"),
         200, "two that agree");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Tenant: t\r\n"), 200, "a header");
  says("\"rule\":\"tenant\"", "is an attribute");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Forwarded-Host: "
                          "shop.example\r\nX-Forwarded-Proto: https\r\n"),
         200, "host and scheme");
  says("\"rule\":\"host\"", "are attributes");
  is_u64(
      get("/v1/check", "X-Forwarded-Method: POST\r\nClient_ip: 1.1.1.1\r\nclient_ip: 1.2.3.4\r\n"),
      200, "no header");
  says("\"rule\":null", "passes for another attribute");
  close_world();
}

static void test_check_joined(void) {
  open_world(CHECK_RULES);
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Tenant: a\r\nX-TENANT: b\r\n"), 200,
         "a header twice");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Tenant: a, b\r\n"), 200, "is one list");
  says("\"remaining\":1", "one bucket");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /?k=v%41&k=2&%6b=3\r\n"),
         200, "a query field twice");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /?x=1&&=&%6B=v%41\r\n"),
         200, "counts by its first");
  says("\"remaining\":2", "one bucket");
  close_world();
}

static void test_check_strangers(void) {
  open_world(CHECK_RULES);
  w.peer = (struct sl_peer){.address = "192.0.2.1"};
  connect_front();
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.4\r\n"), 200, "a stranger");
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.5\r\n"), 429, "speaks for nobody but himself");
  is_u64(get("/v1/check", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /a/b\r\n"), 429,
         "nor of another request");
  w.peer = (struct sl_peer){.address = "10.1.1.1"};
  connect_front();
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.4\r\n"), 200, "a proxy of ours is believed");
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.4, 10.2.2.2\r\n"), 429,
         "and those it was asked by");
  w.peer = (struct sl_peer){.address = "", .loopback = true};
  connect_front();
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.6\r\n"), 200, "a Unix socket is believed");
  is_u64(get("/v1/check", "X-Forwarded-For: 1.2.3.6\r\n"), 429, "too");
  close_world();
}

int main(void) {
  test_hosts();
  test_types();
  test_routes();
  test_scopes();
  test_check();
  test_check_joined();
  test_check_strangers();
  return done_testing();
}
