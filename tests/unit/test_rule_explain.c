// Why each rule applies or not, in data and in words.
#include "rule/explain.h"
#include "support/fail_mem.h"
#include "support/rules.h"
#include "support/tap.h"

enum { ATTRS = 8, TEXT = 4096 };

static const char yaml[] =
    "rules:\n"
    "  - { id: all, key: [client_ip], limit: { rate: 5/1s } }\n"
    "  - { id: api, key: [api_key], limit: { rate: 600/30s, burst: 9 }, match: { path: \"/v1/*\", "
    "method: [GET, PUT, POST, PATCH] }, cost: 2 }\n"
    "  - { id: notus, key: [], limit: unlimited, match: { path: \"/*\" }, except: { user: root } "
    "}\n"
    "  - { id: skips, key: [api_key, user], missing: skip, limit: { rate: 0/1s } }\n"
    "  - { id: off, key: [], limit: { rate: 5/1s }, enabled: false, match: { client_ip: 10.0.0.0/8 "
    "} }\n"
    "  - { id: watch, key: [], limit: { algorithm: concurrency, slots: 3 }, over_limit: shadow, "
    "cost: size }\n"
    "  - id: over\n"
    "    key: [client_ip]\n"
    "    limit: { rate: 1/1s }\n"
    "    overrides: [{ key: { client_ip: 10.0.0.1 }, limit: { rate: 9/1s } }]\n";

static struct fail_mem fail;
static struct sl_ruleset *set;

// One line per rule for a request "name=value" up to NULL.
static const char *explain(const char *const *attrs, char *buffer) {
  struct sl_attr list[ATTRS];
  size_t count = 0;
  for (; attrs[count] != NULL; count++) {
    const char *equals = strchr(attrs[count], '=');
    list[count].name = (struct sl_str){.ptr = attrs[count], .len = (size_t)(equals - attrs[count])};
    list[count].value = sl_str_of(equals + 1);
  }
  const struct sl_request request = {.attrs = list, .attr_count = count, .cost = 1};
  struct sl_explanation explanation;
  struct sl_arena arena;
  struct sl_text text;
  sl_arena_init(&arena, &fail.mem);
  sl_text_init(&text, buffer, TEXT);
  if (sl_explain(set, &request, &arena, &explanation) != SL_OK) {
    sl_text_add(&text, SL_STR("an error"));
  }
  for (size_t i = 0; i < explanation.count; i++) {
    const struct sl_explained *rule = &explanation.rules[i];
    sl_text_printf(&text, "%.*s (%s): ", (int)rule->rule->id.len, rule->rule->id.ptr,
                   sl_why_name(rule->why));
    sl_explained_write(rule, &text);
    sl_text_add(&text, SL_STR("\n"));
  }
  sl_arena_close(&arena);
  return buffer;
}

#define EXPLAIN(...) explain((const char *const[]){__VA_ARGS__, NULL}, (char[TEXT]){0})

int main(void) {
  set = rules_set(yaml, fail_mem_init(&fail, 0));
  is_str(EXPLAIN("client_ip=[::ffff:10.0.0.1]:80", "path=//v1/x?y", "method=GET", "api_key=k",
                 "size=7"),
         "all (applies): applies: key client_ip=\"10.0.0.1\"; charges 1; token_bucket 5/1s\n"
         "api (applies): applies: key api_key=\"k\"; charges 2; token_bucket 600/30s, burst 9\n"
         "notus (applies): applies: one bucket for everybody; charges 1; unlimited\n"
         "skips (skipped): does not apply: the request has no user, which the key names (missing: "
         "skip)\n"
         "off (applies): is disabled, or would apply: one bucket for everybody; charges 1; "
         "token_bucket 5/1s\n"
         "watch (applies): applies: one bucket for everybody; charges 7; concurrency, slots 3, "
         "lease 1m; over the limit: shadow\n"
         "over (applies): applies: key client_ip=\"10.0.0.1\"; charges 1; by an override "
         "token_bucket 9/1s\n",
         "a request that most match");
  is_str(EXPLAIN("path=/v2/x", "user=root", "size=-1", "api_key=a\"b"),
         "all (applies): applies: key client_ip=absent; charges 1; token_bucket 5/1s\n"
         "api (no_match): does not match: path is \"/v2/x\", not \"/v1/*\"\n"
         "notus (excepted): does not apply: except takes it out, user is \"root\"\n"
         "skips (applies): applies: key api_key=\"a\\\"b\", user=\"root\"; charges 1; banned (rate "
         "0/1s)\n"
         "off (absent): is disabled; besides, it does not match: the request has no client_ip\n"
         "watch (bad_cost): applies, but its cost is no whole number: size is \"-1\"\n"
         "over (applies): applies: key client_ip=absent; charges 1; token_bucket 1/1s\n",
         "one that few match");
  is_str(EXPLAIN("path=/v1/x", "client_ip=2001:db8::1"),
         "all (applies): applies: key client_ip=\"2001:db8::/64\"; charges 1; token_bucket 5/1s\n"
         "api (absent): does not match: the request has no method\n"
         "notus (applies): applies: one bucket for everybody; charges 1; unlimited\n"
         "skips (skipped): does not apply: the request has no api_key, which the key names "
         "(missing: skip)\n"
         "off (no_match): is disabled; besides, it does not match: client_ip is \"2001:db8::1\", "
         "not \"10.0.0.0/8\"\n"
         "watch (applies): applies: one bucket for everybody; charges 1; concurrency, slots 3, "
         "lease 1m; over the limit: shadow\n"
         "over (applies): applies: key client_ip=\"2001:db8::/64\"; charges 1; token_bucket 1/1s\n",
         "IPv6, and what is absent");
  const char *many = EXPLAIN("path=/v1/x", "method=HEAD");
  ok(strstr(many, "method is \"HEAD\", not \"GET\" or \"PUT\" or \"POST\" or 1 others") != NULL,
     "a long list is cut");
  const struct sl_attr unnamed = {.name = {.ptr = "", .len = 0}, .value = SL_STR("x")};
  const struct sl_request bad[2] = {{.attrs = &unnamed, .attr_count = 1, .cost = 1},
                                    {.cost = UINT64_MAX}};
  struct sl_explanation explanation;
  struct sl_arena arena;
  sl_arena_init(&arena, &fail.mem);
  ok(sl_explain(set, &bad[0], &arena, &explanation) == SL_ERR_ARGUMENT, "a request out of bounds");
  ok(sl_explain(set, &bad[1], &arena, &explanation) == SL_ERR_COST, "a cost out of bounds");
  sl_arena_close(&arena);
  sl_ruleset_free(set);
  is_u64(fail.live, 0, "nothing leaks");
  return done_testing();
}
