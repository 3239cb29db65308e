// The Client Identifier Builder: from attributes to rules, keys, costs and buckets.
#include "base/prng.h"
#include "rule/attr.h"
#include "rule/client_ip.h"
#include "support/fail_mem.h"
#include "support/rules.h"
#include "support/tap.h"

enum { ATTRS = 8, TEXT = 1024 };

struct asked {
  struct fail_mem fail;
  struct sl_ruleset *set;
  struct sl_hits hits;
  enum sl_status status;
  const struct sl_rule *bad;
};

static void begin(struct asked *asked, const char *yaml) {
  const struct sl_mem *mem = fail_mem_init(&asked->fail, 0);
  asked->set = rules_set(yaml, mem);
  asked->hits = (struct sl_hits){.mem = mem};
}

static void end(struct asked *asked, const char *name) {
  sl_hits_close(&asked->hits);
  sl_ruleset_free(asked->set);
  is_u64(asked->fail.live, 0, "%s: nothing leaks", name);
}

// Asks with attributes "name=value" up to NULL; the ids of the hits, with their costs where not 1.
static const char *ask(struct asked *asked, const char *const *attrs, uint64_t cost, char *buffer) {
  struct sl_attr list[ATTRS];
  size_t count = 0;
  for (; attrs[count] != NULL; count++) {
    const char *equals = strchr(attrs[count], '=');
    list[count].name = (struct sl_str){.ptr = attrs[count], .len = (size_t)(equals - attrs[count])};
    list[count].value = sl_str_of(equals + 1);
  }
  const struct sl_request request = {.attrs = list, .attr_count = count, .cost = cost};
  asked->status = sl_identify(asked->set, &request, &asked->hits, &asked->bad);
  struct sl_text text;
  sl_text_init(&text, buffer, TEXT);
  for (size_t i = 0; i < asked->hits.count; i++) {
    const struct sl_hit *hit = &asked->hits.items[i];
    sl_text_printf(&text, "%s%.*s", i > 0 ? " " : "", (int)hit->rule->id.len, hit->rule->id.ptr);
    if (hit->cost != 1) {
      sl_text_printf(&text, "=%llu", (unsigned long long)hit->cost);
    }
  }
  return buffer;
}

#define ASK(asked, ...) ask((asked), (const char *const[]){__VA_ARGS__, NULL}, 1, (char[TEXT]){0})

// The first hit's key values and its key, to compare across requests.
static const char *key_text(const struct asked *asked, char *buffer) {
  struct sl_text text;
  sl_text_init(&text, buffer, TEXT);
  const struct sl_hit *hit = &asked->hits.items[0];
  for (unsigned i = 0; i < hit->rule->key_count; i++) {
    sl_text_printf(&text, "%s", i > 0 ? "|" : "");
    sl_text_add(&text, sl_is_absent(hit->values[i]) ? SL_STR("(absent)") : hit->values[i]);
  }
  return buffer;
}

static bool same(struct sl_hash a, struct sl_hash b) { return a.lo == b.lo && a.hi == b.hi; }

// ---- matching
// ------------------------------------------------------------------------------------

static void matching(void) {
  struct asked a;
  begin(&a,
        "rules:\n"
        "  - { id: all, key: [], limit: { rate: 5/1s } }\n"
        "  - { id: exact, key: [], limit: { rate: 5/1s }, match: { service: im } }\n"
        "  - { id: list, key: [], limit: { rate: 5/1s }, match: { service: [mail, im, web] } }\n"
        "  - { id: glob, key: [], limit: { rate: 5/1s }, match: { path: \"/v1/*\" } }\n"
        "  - { id: deep, key: [], limit: { rate: 5/1s }, match: { path: \"/v1/a/*/c\" } }\n"
        "  - { id: bot, key: [], limit: { rate: 5/1s }, match: { header.user-agent: [\"*bot*\", "
        "\"*Bot*\"] } }\n"
        "  - { id: net, key: [], limit: { rate: 5/1s }, match: { client_ip: [10.0.0.0/8, "
        "\"2001:db8::/32\"] } }\n"
        "  - { id: both, key: [], limit: { rate: 5/1s }, match: { service: im, method: POST } }\n"
        "  - { id: off, key: [], limit: { rate: 5/1s }, enabled: false }\n"
        "  - { id: but, key: [], limit: { rate: 5/1s }, match: { service: im }, except: { method: "
        "[GET, HEAD] } }\n"
        "  - { id: butboth, key: [], limit: { rate: 5/1s }, match: { service: im }, except: { "
        "method: GET, user: root } }\n"
        "  - { id: any, key: [], limit: { rate: 5/1s }, match: { user: \"*\" } }\n"
        "  - { id: text, key: [], limit: { rate: 5/1s }, match: { client_ip: \"10.1.*\" } }\n"
        "  - { id: empty, key: [], limit: { rate: 5/1s }, match: { user: \"\" } }\n");
  is_str(ASK(&a, "x=y"), "all", "a request that nothing names");
  is_str(ASK(&a, "service=im"), "all exact list but butboth", "an exact value");
  is_str(ASK(&a, "service=web"), "all list", "a list");
  is_str(ASK(&a, "service=IM"), "all", "case counts");
  is_str(ASK(&a, "path=/v1/x"), "all glob", "a glob");
  is_str(ASK(&a, "path=/v1/a/b/c"), "all glob deep", "a glob in a glob");
  is_str(ASK(&a, "path=/v1"), "all", "no glob");
  is_str(ASK(&a, "path=//v1/./x/../y?q=/v2"), "all glob", "the path is brought to normal form");
  is_str(ASK(&a, "path=/v2/../v%31/"), "all glob", "and decoded");
  is_str(ASK(&a, "header.user-agent=Googlebot"), "all bot", "a glob that begins with a star");
  is_str(ASK(&a, "client_ip=10.255.0.1"), "all net", "a block");
  is_str(ASK(&a, "client_ip=[::ffff:10.255.0.1]:99"), "all net",
         "a block, a mapped address with a port");
  is_str(ASK(&a, "client_ip=2001:db8:1::1"), "all net", "an IPv6 block, by the whole address");
  is_str(ASK(&a, "client_ip=10.1.2.3:80"), "all net text",
         "a glob over the address in canonical form");
  is_str(ASK(&a, "client_ip=10.1.2.x"), "all text", "what is no address is text");
  is_str(ASK(&a, "client_ip=11.0.0.1"), "all", "no block");
  is_str(ASK(&a, "service=im", "method=POST"), "all exact list both but butboth", "two conditions");
  is_str(ASK(&a, "service=im", "method=GET"), "all exact list butboth", "except");
  is_str(ASK(&a, "service=im", "method=GET", "user=root"), "all exact list any",
         "except with two conditions");
  is_str(ASK(&a, "service=im", "method=PUT", "user=root"), "all exact list but butboth any",
         "one of the two is not enough");
  is_str(ASK(&a, "user="), "all any empty", "an empty value is a value");
  is_str(ASK(&a, "service=web", "service=im"), "all list", "of two of one name the first counts");
  is_u64(a.set->rule_count, 13, "a disabled rule is not in the set");
  ok(sl_ruleset_attr(a.set, SL_STR("service")) >= 0 && sl_ruleset_attr(a.set, SL_STR("nope")) == -1,
     "attributes by name");
  end(&a, "matching");
}

// Exact paths in rules are brought to the form that those of requests are brought to.
static void exact_paths(void) {
  struct asked a;
  begin(&a, "rules: [{ id: a, match: { path: \"/a/./b//%63\" }, key: [], limit: { rate: 5/1s } }]");
  is_str(ASK(&a, "path=/a/b/c"), "a", "an exact path, written in another form");
  is_str(ASK(&a, "path=/a/./b//%63"), "a", "and asked for in that form");
  end(&a, "exact paths");
}

static void no_rules(void) {
  struct asked a;
  begin(&a, "rules: []");
  is_str(ASK(&a, "client_ip=1.2.3.4"), "", "no rules match nothing");
  ok(a.status == SL_OK, "and that is all right");
  is_u64(a.set->attr_count, 0, "no attribute is looked at");
  end(&a, "no rules");
}

// ---- keys
// ----------------------------------------------------------------------------------------

static void keys(void) {
  struct asked a;
  char text[TEXT];
  begin(&a, "rules: [{ id: a, key: [api_key, path, client_ip], limit: { rate: 5/1s } }]");
  ASK(&a, "api_key=k", "path=/a//b?c", "client_ip=2001:db8:1:2:3::4");
  is_str(key_text(&a, text), "k|/a/b|2001:db8:1:2::/64",
         "values in the order of the key, canonical");
  const struct sl_hash first = a.hits.items[0].key;
  ASK(&a, "client_ip=[2001:db8:1:2::9]:1", "path=/a/b", "api_key=k");
  ok(same(first, a.hits.items[0].key),
     "another form of the same values, in another order, is the same key");
  ASK(&a, "client_ip=2001:db8:1:3::9", "path=/a/b", "api_key=k");
  ok(!same(first, a.hits.items[0].key), "the next /64 is another");
  ASK(&a, "path=/", "client_ip=1.2.3.4");
  is_str(key_text(&a, text), "(absent)|/|1.2.3.4", "an absent value");
  const struct sl_hash absent = a.hits.items[0].key;
  ASK(&a, "api_key=", "path=/", "client_ip=1.2.3.4");
  ok(!same(absent, a.hits.items[0].key), "is not the empty one");
  ASK(&a, "api_key=absent", "path=/", "client_ip=1.2.3.4");
  ok(!same(absent, a.hits.items[0].key), "nor any text");
  ASK(&a, "path=/", "client_ip=::ffff:1.2.3.4");
  ok(same(absent, a.hits.items[0].key), "and all such requests share it");
  end(&a, "keys");
}

// Values cannot be shifted from one element to the next, nor from the rule's name into them.
static void keys_are_injective(void) {
  struct asked a;
  begin(&a, "rules:\n"
            "  - { id: a, key: [x, y], limit: { rate: 5/1s } }\n"
            "  - { id: ab, key: [x, y], limit: { rate: 5/1s } }\n"
            "  - { id: a1, key: [x], limit: { rate: 5/1s } }\n"
            "  - { id: a2, key: [y], limit: { rate: 5/1s } }\n"
            "  - { id: a3, key: [], limit: { rate: 5/1s } }\n");
  static const char *const pairs[][2] = {
      {"x=ab", "y=c"},  {"x=a", "y=bc"},  {"x=abc", "y="},        {"x=", "y=abc"},
      {"x=a_b", "y=c"}, {"x=a", "y=b_c"}, {"x=a|b", "y=c"},       {"x=a", "y=b|c"},
      {"x=a\\0", "y="}, {"x=a", "y=\\0"}, {"x=12345678", "y="},   {"x=1234567", "y=8"},
      {"x=", "y="},     {"x=\x01", "y="}, {"x=123456789", "y=0"}, {"x=12345678", "y=90"},
  };
  struct sl_hash seen[5 * SL_ARRAY_LEN(pairs)];
  size_t count = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(pairs); i++) {
    ASK(&a, pairs[i][0], pairs[i][1]);
    // The rules with one attribute or none repeat themselves by right: only those of two are taken.
    seen[count++] = a.hits.items[0].key;
    seen[count++] = a.hits.items[1].key;
    if (i == 0) {
      seen[count++] = a.hits.items[2].key;
      seen[count++] = a.hits.items[3].key;
      seen[count++] = a.hits.items[4].key;
    }
  }
  unsigned equal = 0;
  for (size_t i = 0; i < count; i++) {
    for (size_t j = i + 1; j < count; j++) {
      equal += same(seen[i], seen[j]);
    }
  }
  is_u64(equal, 0, "%zu different keys are different", count);
  end(&a, "injective");
}

// The same rule with another key, or under another secret, has other buckets.
static void keys_depend(void) {
  struct asked a, b, c;
  begin(&a, "rules: [{ id: a, key: [x], limit: { rate: 5/1s } }]");
  begin(&b, "rules: [{ id: a, key: [y], limit: { rate: 5/1s } }]");
  begin(&c, "rules: [{ id: a, key: [x], limit: { rate: 6/1s } }]");
  ASK(&a, "x=1");
  ASK(&b, "y=1");
  ASK(&c, "x=1");
  const struct sl_hit *of_a = &a.hits.items[0];
  ok(!same(of_a->key, b.hits.items[0].key), "of the names of the key");
  ok(same(of_a->key, c.hits.items[0].key), "not of the limit");
  ok(!same(of_a->bucket, c.hits.items[0].bucket), "but the bucket does");
  const struct sl_hash print = a.set->limits[of_a->limit_index].print;
  ok(of_a->bucket.lo == (of_a->key.lo ^ print.lo) && of_a->bucket.hi == (of_a->key.hi ^ print.hi),
     "as key xor print");
  const struct sl_secret other = {.word = {1, 2}};
  struct sl_ruleset *set;
  ok(sl_ruleset_compile(
         rules_model("rules: [{ id: a, key: [x], limit: { rate: 5/1s } }]", &a.fail.mem), &other,
         &a.fail.mem, &set) == SL_OK,
     "compiles under another secret");
  const struct sl_hash before = of_a->key;
  sl_ruleset_free(a.set);
  a.set = set;
  ASK(&a, "x=1");
  ok(!same(before, a.hits.items[0].key), "and of the secret");
  end(&a, "a");
  end(&b, "b");
  end(&c, "c");
}

// A million addresses of one /64 are one client.
static void one_prefix_one_bucket(void) {
  struct asked a;
  struct sl_prng prng;
  begin(&a, "rules: [{ id: a, key: [client_ip], limit: { rate: 5/1s } }]");
  sl_prng_seed(&prng, 22);
  ASK(&a, "client_ip=2001:db8:1:2::");
  const struct sl_hash key = a.hits.items[0].key;
  unsigned others = 0;
  for (int i = 0; i < 1000000; i++) {
    char value[64];
    const uint64_t low = sl_prng_next(&prng);
    const int len = snprintf(value, sizeof value, "2001:db8:1:2:%x:%x:%x:%x", (unsigned)(low >> 48),
                             (unsigned)(low >> 32 & 0xffff), (unsigned)(low >> 16 & 0xffff),
                             (unsigned)(low & 0xffff));
    const struct sl_attr attr = {.name = SL_STR("client_ip"),
                                 .value = {.ptr = value, .len = (size_t)len}};
    const struct sl_request request = {.attrs = &attr, .attr_count = 1, .cost = 1};
    const enum sl_status status = sl_identify(a.set, &request, &a.hits, &a.bad);
    others += status != SL_OK || !same(key, a.hits.items[0].key);
  }
  is_u64(others, 0, "a million random addresses of a /64 have one bucket");
  end(&a, "one prefix");
}

static void missing(void) {
  struct asked a;
  begin(&a, "rules:\n"
            "  - { id: skip, key: [api_key, user], missing: skip, limit: { rate: 5/1s } }\n"
            "  - { id: share, key: [api_key], limit: { rate: 5/1s } }\n");
  is_str(ASK(&a, "user=u"), "share", "missing: skip does not apply");
  is_str(ASK(&a, "api_key=k"), "share", "with any part missing");
  is_str(ASK(&a, "api_key=", "user="), "skip share", "an empty value is not missing");
  end(&a, "missing");
}

// ---- costs
// ---------------------------------------------------------------------------------------

static void costs(void) {
  struct asked a;
  begin(&a,
        "rules:\n"
        "  - { id: own, key: [], limit: { rate: 5/1s } }\n"
        "  - { id: fixed, key: [], limit: { rate: 5/1s }, cost: 3 }\n"
        "  - { id: zero, key: [], limit: { rate: 5/1s }, cost: 0 }\n"
        "  - { id: attr, key: [], limit: { rate: 5/1s }, cost: messages }\n"
        "  - { id: shadow, key: [], limit: { rate: 5/1s }, cost: bytes, over_limit: shadow }\n");
  char text[TEXT];
  is_str(ASK(&a, "messages=7"), "own fixed=3 zero=0 attr=7 shadow",
         "a number, an attribute, and the request's own");
  is_str(ask(&a, (const char *const[]){NULL}, 5, text), "own=5 fixed=3 zero=0 attr shadow",
         "an absent attribute is 1");
  is_str(ASK(&a, "messages=0"), "own fixed=3 zero=0 attr=0 shadow", "0 is a cost");
  is_str(ASK(&a, "messages=9223372036854775807"),
         "own fixed=3 zero=0 attr=9223372036854775807 shadow", "the greatest");
  static const char *const wrong[] = {"messages=9223372036854775808",
                                      "messages=-1",
                                      "messages=",
                                      "messages=1.5",
                                      "messages= 1",
                                      "messages=x",
                                      "messages=99999999999999999999"};
  for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
    is_str(ASK(&a, wrong[i]), "", "%s", wrong[i]);
    ok(a.status == SL_ERR_COST && a.bad != NULL && sl_str_eq(a.bad->id, SL_STR("attr")),
       "is an error of the request, and names the rule");
  }
  is_str(ASK(&a, "bytes=x"), "own fixed=3 zero=0 attr",
         "a shadow rule's wrong cost leaves it out, and refuses nobody");
  ok(a.status == SL_OK, "and is no error");
  is_str(ask(&a, (const char *const[]){NULL}, (uint64_t)INT64_MAX + 1, text), "",
         "a request's cost beyond the greatest");
  ok(a.status == SL_ERR_COST && a.bad == NULL, "is an error without a rule");
  const struct sl_attr attr = {.name = SL_STR("messages"), .value = SL_STR("x")};
  const struct sl_request request = {.attrs = &attr, .attr_count = 1, .cost = 1};
  ok(sl_identify(a.set, &request, &a.hits, NULL) == SL_ERR_COST, "nobody has to ask which rule");
  end(&a, "costs");
}

// ---- overrides
// -----------------------------------------------------------------------------------

static uint64_t limit_count(const struct asked *asked, size_t hit) {
  return asked->set->limits[asked->hits.items[hit].limit_index].limit.rate_count;
}

static void overrides(void) {
  struct asked a;
  begin(&a,
        "rules:\n"
        "  - id: a\n"
        "    key: [api_key, client_ip]\n"
        "    limit: { rate: 5/1s }\n"
        "    overrides:\n"
        "      - { key: { api_key: gold, client_ip: 1.2.3.4 }, limit: { rate: 100/1s } }\n"
        "      - { key: { api_key: gold, client_ip: \"2001:db8::1\" }, limit: { rate: 200/1s } }\n"
        "      - { key: { api_key: free, client_ip: 1.2.3.4 }, limit: unlimited }\n"
        "  - { id: b, key: [api_key], limit: { rate: 5/1s } }\n");
  ASK(&a, "api_key=gold", "client_ip=[::ffff:1.2.3.4]:1");
  ok(a.hits.items[0].overridden && limit_count(&a, 0) == 100,
     "an override, whatever the form of the address");
  ok(!a.hits.items[1].overridden && limit_count(&a, 1) == 5, "of this rule only");
  ASK(&a, "api_key=gold", "client_ip=2001:db8::ffff");
  ok(a.hits.items[0].overridden && limit_count(&a, 0) == 200, "an override of a /64");
  ASK(&a, "api_key=free", "client_ip=1.2.3.4");
  ok(a.hits.items[0].overridden &&
         a.set->limits[a.hits.items[0].limit_index].limit.algorithm == SL_UNLIMITED,
     "unlimited");
  ASK(&a, "api_key=gold", "client_ip=1.2.3.5");
  ok(!a.hits.items[0].overridden && limit_count(&a, 0) == 5, "other keys have the rule's limit");
  is_u64(a.set->limit_count, 4, "equal limits are one");
  end(&a, "overrides");
}

// Limits that differ in one number are different limits.
static void distinct_limits(void) {
  static const char *const limits[] = {
      "{ rate: 60/1m }",
      "{ rate: 60/1h }",
      "{ rate: 61/1m }",
      "{ rate: 60/1m, burst: 9 }",
      "{ rate: 60/1m, burst: 0 }",
      "{ rate: 60/1m, burst: 2, guarantee: any_window }",
      "{ rate: 60/1m, burst: 2, guarantee: any_window, jitter: 20ms }",
      "{ algorithm: fixed_window, rate: 60/1m }",
      "{ algorithm: leaky_bucket, rate: 60/1m }",
      "{ algorithm: leaky_bucket, rate: 60/1m, queue: 3 }",
      "{ algorithm: sliding_log, rate: 60/1m }",
      "{ algorithm: sliding_log, rate: 60/1m, count_refused: true }",
      "{ algorithm: sliding_window, rate: 60/1m }",
      "{ algorithm: sliding_window, rate: 60/1m, sub_windows: 2 }",
      "{ algorithm: sliding_window, rate: 60/1m, sub_windows: 3 }",
      "{ algorithm: concurrency, slots: 3 }",
      "{ algorithm: concurrency, slots: 4 }",
      "{ algorithm: concurrency, slots: 3, lease: 5s }",
      "unlimited",
      "{ rate: 60/1m }\n   max_wait: 5s",
  };
  char yaml[8192];
  struct asked a;
  size_t len = (size_t)sprintf(yaml, "rules:\n");
  for (size_t i = 0; i < 2 * SL_ARRAY_LEN(limits); i++) {
    len += (size_t)sprintf(yaml + len, " - id: r%zu\n   key: []\n   limit: %s\n", i,
                           limits[i % SL_ARRAY_LEN(limits)]);
  }
  begin(&a, yaml);
  is_u64(a.set->limit_count, SL_ARRAY_LEN(limits), "each limit is there once");
  ASK(&a, "x=y");
  unsigned bad = 0;
  for (size_t i = 0; i < a.hits.count; i++) {
    for (size_t j = i + 1; j < a.hits.count; j++) {
      const struct sl_limit_entry *one = &a.set->limits[a.hits.items[i].limit_index];
      const struct sl_limit_entry *other = &a.set->limits[a.hits.items[j].limit_index];
      bad += (one == other) != ((j - i) % SL_ARRAY_LEN(limits) == 0);
      bad += one != other && same(one->print, other->print) &&
             one->limit.max_wait_ns == other->limit.max_wait_ns;
    }
  }
  is_u64(bad, 0, "rules with equal limits share one, and prints differ where limits do");
  end(&a, "distinct limits");
}

static void many_overrides(void) {
  enum { MANY = 20000 };
  char *yaml = malloc((size_t)MANY * 64 + 256);
  struct asked a;
  size_t len = (size_t)sprintf(
      yaml, "rules:\n - id: a\n   key: [k]\n   limit: { rate: 5/1s }\n   overrides:\n");
  for (int i = 0; i < MANY; i++) {
    len +=
        (size_t)sprintf(yaml + len, "   - {key: {k: u%d}, limit: {rate: %d/1s}}\n", i, 10 + i % 7);
  }
  begin(&a, yaml);
  unsigned bad = 0;
  for (int i = 0; i < MANY + 1000; i++) {
    char attr[32];
    snprintf(attr, sizeof attr, "k=u%d", i);
    ASK(&a, attr);
    bad += i < MANY ? !a.hits.items[0].overridden || limit_count(&a, 0) != (uint64_t)(10 + i % 7)
                    : a.hits.items[0].overridden;
  }
  is_u64(bad, 0, "twenty thousand overrides are each found, and no other");
  is_u64(a.set->limit_count, 8, "with seven limits between them");
  end(&a, "many overrides");
  free(yaml);
}

// ---- bounds, and the other way in
// ----------------------------------------------------------------

static void bounds(void) {
  struct asked a;
  static char long_text[SL_ATTR_VALUE_MAX + 1];
  memset(long_text, 'x', sizeof long_text);
  begin(&a, "rules: [{ id: a, key: [x], limit: { rate: 5/1s } }]");
  struct sl_attr attrs[SL_ATTRS_MAX + 1];
  for (size_t i = 0; i < SL_ARRAY_LEN(attrs); i++) {
    attrs[i] = (struct sl_attr){.name = SL_STR("y"), .value = SL_STR("v")};
  }
  struct sl_request request = {.attrs = attrs, .attr_count = SL_ATTRS_MAX, .cost = 1};
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_OK, "256 attributes");
  request.attr_count++;
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_ERR_ARGUMENT && a.hits.count == 0,
     "257 attributes");
  request.attr_count = 1;
  attrs[0].value = (struct sl_str){.ptr = long_text, .len = SL_ATTR_VALUE_MAX};
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_OK, "a value of 64 KiB");
  attrs[0].value.len++;
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_ERR_ARGUMENT, "and a byte");
  attrs[0].value.len = 0;
  attrs[0].name = (struct sl_str){.ptr = long_text, .len = SL_ATTR_NAME_MAX};
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_OK, "a name of 256 bytes");
  attrs[0].name.len++;
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_ERR_ARGUMENT, "and a byte");
  attrs[0].name.len = 0;
  ok(sl_identify(a.set, &request, &a.hits, &a.bad) == SL_ERR_ARGUMENT, "no name");
  end(&a, "bounds");
}

static void by_values(void) {
  struct asked a;
  begin(&a, "rules: [{ id: a, match: { path: \"/v1/*\" }, key: [client_ip, user], limit: { rate: "
            "5/1s } }]");
  ASK(&a, "path=/v1/x", "client_ip=[2001:db8::1]:5");
  const struct sl_hash key = a.hits.items[0].key;
  struct sl_str values[3] = {SL_ABSENT, SL_ABSENT, SL_ABSENT};
  is_u64(a.set->attr_count, 3, "three attributes");
  values[sl_ruleset_attr(a.set, SL_STR("path"))] = SL_STR("//v1/x");
  values[sl_ruleset_attr(a.set, SL_STR("client_ip"))] = SL_STR("2001:db8::2");
  ok(sl_identify_values(a.set, values, 4, &a.hits, &a.bad) == SL_OK && a.hits.count == 1,
     "values by id");
  ok(a.hits.count == 1 && same(key, a.hits.items[0].key) && a.hits.items[0].cost == 4,
     "give the same key, and the cost");
  values[sl_ruleset_attr(a.set, SL_STR("path"))] = SL_ABSENT;
  ok(sl_identify_values(a.set, values, 1, &a.hits, &a.bad) == SL_OK && a.hits.count == 0,
     "an absent value");
  end(&a, "by values");
}

// One scratch serves sets of different sizes, as rules are swapped.
static void one_scratch(void) {
  struct asked a, b;
  begin(&a, "rules: [{ id: a, key: [x], limit: { rate: 5/1s } }]");
  begin(&b, "rules: [{ id: b, match: { p: 1, q: 2, r: 3, s: 4, t: 5, u: 6, v: 7 }, key: [z, y, x], "
            "limit: { rate: 5/1s } }, { id: c, key: [], limit: unlimited }]");
  struct sl_ruleset *sets[2] = {a.set, b.set};
  unsigned bad = 0;
  for (int i = 0; i < 100; i++) {
    a.set = sets[i % 2];
    const char *ids = ASK(&a, "x=1", "p=1", "q=2", "r=3", "s=4", "t=5", "u=6");
    bad += strcmp(ids, i % 2 == 0 ? "a" : "c") != 0;
    ids = ASK(&a, "p=1", "q=2", "r=3", "s=4", "t=5", "u=6", "v=7");
    bad += strcmp(ids, i % 2 == 0 ? "a" : "b c") != 0;
  }
  a.set = sets[0];
  is_u64(bad, 0, "one scratch, two sets in turn");
  end(&a, "a");
  end(&b, "b");
}

static void no_allocation(void) {
  struct asked a;
  begin(&a, "rules: [{ id: a, match: { path: \"/v1/*\" }, key: [client_ip, x], limit: { rate: 5/1s "
            "} }, { id: b, key: [], limit: unlimited }]");
  ASK(&a, "path=//v1/x", "client_ip=2001:db8::1", "x=1");
  const uint64_t before = a.fail.asked;
  for (int i = 0; i < 1000; i++) {
    ASK(&a, "path=//v1/x", "client_ip=2001:db8::1", "x=1");
  }
  is_u64(a.fail.asked, before, "a thousand requests after the first allocate nothing");
  end(&a, "no allocation");
}

static void proxies_of_a_set(void) {
  struct asked a;
  struct sl_client_ip client;
  const struct sl_str line = SL_STR("198.51.100.1");
  begin(&a, "trusted_proxies: [10.0.0.0/8]\nrules: []");
  sl_client_ip_derive(SL_STR("10.0.0.1"), false, &line, 1, sl_ruleset_trusted_proxies(a.set),
                      &client);
  ok(sl_str_eq(client.text, SL_STR("198.51.100.1")), "a set knows its trusted proxies");
  end(&a, "proxies");
}

static void secrets(void) {
  char one[SL_FINGERPRINT_TEXT], two[SL_FINGERPRINT_TEXT];
  ok(sl_attr_is_secret(SL_STR("api_key")) && sl_attr_is_secret(SL_STR("header.authorization")) &&
         sl_attr_is_secret(SL_STR("header.cookie")) && !sl_attr_is_secret(SL_STR("client_ip")),
     "attributes that are secret");
  sl_attr_fingerprint(&rules_secret, SL_STR("api_key"), SL_STR("hunter2"), one);
  ok(strlen(one) == 17 && one[0] == '#' && strstr(one, "hunter2") == NULL, "a fingerprint");
  is_str(sl_attr_fingerprint(&rules_secret, SL_STR("api_key"), SL_STR("hunter2"), two), one,
         "of one value is one");
  ok(strcmp(sl_attr_fingerprint(&rules_secret, SL_STR("api_key"), SL_STR("hunter3"), two), one) !=
         0,
     "of another is another");
  const struct sl_secret other = {.word = {1, 2}};
  ok(strcmp(sl_attr_fingerprint(&other, SL_STR("api_key"), SL_STR("hunter2"), two), one) != 0,
     "and under another secret");
}

int main(void) {
  matching();
  exact_paths();
  no_rules();
  keys();
  keys_are_injective();
  keys_depend();
  one_prefix_one_bucket();
  missing();
  costs();
  overrides();
  distinct_limits();
  many_overrides();
  bounds();
  by_values();
  one_scratch();
  no_allocation();
  proxies_of_a_set();
  secrets();
  return done_testing();
}
