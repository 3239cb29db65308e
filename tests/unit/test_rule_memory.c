// What rules do when there is no memory: each allocation fails once, those of struct sl_mem and
// those that libyaml takes from malloc. Nothing crashes, nothing leaks, and the answer is
// SL_ERR_MEMORY.
#include "rule/explain.h"
#include "support/fail_mem.h"
#include "support/rules.h"
#include "support/tap.h"

// libyaml's own allocation functions are replaced by these: the program's symbols come first.
static uint64_t yaml_asked, yaml_fail_at;
static int64_t yaml_live;

#define OURS __attribute__((visibility("default")))
OURS void *yaml_malloc(size_t size);
OURS void *yaml_realloc(void *ptr, size_t size);
OURS void yaml_free(void *ptr);
OURS unsigned char *yaml_strdup(const unsigned char *text);

static bool yaml_fails(void) { return ++yaml_asked == yaml_fail_at; }

void *yaml_malloc(size_t size) {
  void *block = yaml_fails() ? NULL : malloc(size > 0 ? size : 1);
  yaml_live += block != NULL;
  return block;
}

void *yaml_realloc(void *ptr, size_t size) {
  if (yaml_fails()) {
    return NULL;
  }
  yaml_live += ptr == NULL;
  return realloc(ptr, size > 0 ? size : 1);
}

void yaml_free(void *ptr) {
  yaml_live -= ptr != NULL;
  free(ptr);
}

unsigned char *yaml_strdup(const unsigned char *text) {
  char *copy = text == NULL || yaml_fails() ? NULL : strdup((const char *)text);
  yaml_live += copy != NULL;
  return (unsigned char *)copy;
}

static const char good[] =
    "trusted_proxies: [10.0.0.0/8]\n"
    "rules:\n"
    "  - id: a\n"
    "    match: { path: [\"/v1/*\", /x//y], client_ip: [10.0.0.0/8, \"::1\"], m: [\"*z*\", q, r], "
    "u: \"*\" }\n"
    "    except: { v: [a, b] }\n"
    "    key: [client_ip, path]\n"
    "    limit: { rate: 600/30s, burst: 4, guarantee: any_window, jitter: 20ms }\n"
    "    cost: messages\n"
    "    overrides:\n"
    "      - { key: { client_ip: \"2001:db8::1\", path: /a//b }, limit: { rate: 900/30s } }\n"
    "      - { key: { client_ip: 10.0.0.1, path: /a }, limit: unlimited }\n"
    "  - { id: b, key: [], limit: { rate: 3/1s } }\n"
    "  - { id: c, key: [], limit: { rate: 3/1s }, enabled: false }\n";

static const char bad[] =
    "%TAG !e! tag:example.com,2000:\n---\n"
    "rules: &r\n"
    "  - id: A\n"
    "    key: [header.x, header.x]\n"
    "    limit: !e!x { rate: 5/1y, bust: 3 }\n"
    "    match: { path: [], client_ip: 1.2.3, a: \"x\\ny\" }\n"
    "  - *r\n"
    "  - { id: b, key: [header.y], limit: { rate: 5/1s }, <<: 5, overrides: [{ key: { z: 1 } }] }\n"
    "  - { id: b, key: [x], limit: { rate: 5/1s }, ? [a] : b }\n"
    "  - id: c\n"
    "    key: [\n"
    "  - x\n";

// The whole way of a rule file: parsed, compiled, asked, explained.
static enum sl_status go(const char *yaml, const struct sl_mem *mem) {
  struct sl_reports reports;
  struct sl_model *model;
  struct sl_ruleset *set;
  const struct sl_source sources[] = {
      {"rules.yaml", sl_str_of(yaml)},
      {"more.yaml", SL_STR("rules: [{ id: z, key: [], limit: unlimited }]")}};
  sl_reports_init(&reports, mem);
  enum sl_status status = sl_rules_parse_all(sources, 2, mem, &reports, &model);
  sl_reports_close(&reports);
  if (status != SL_OK) {
    return model == NULL ? status : SL_ERR_IO;
  }
  status = sl_ruleset_compile(model, &rules_secret, mem, &set);
  if (status != SL_OK) {
    sl_model_free(model);
    return status;
  }
  const struct sl_attr attrs[] = {
      {SL_STR("path"), SL_STR("//v1//x")}, {SL_STR("client_ip"), SL_STR("[::ffff:10.0.0.1]:5")},
      {SL_STR("m"), SL_STR("azb")},        {SL_STR("u"), SL_STR("")},
      {SL_STR("messages"), SL_STR("3")},
  };
  const struct sl_request request = {.attrs = attrs, .attr_count = SL_ARRAY_LEN(attrs), .cost = 1};
  struct sl_hits hits = {.mem = mem};
  const struct sl_rule *wrong;
  status = sl_identify(set, &request, &hits, &wrong);
  if (status == SL_OK && hits.count != 3) {
    status = SL_ERR_IO;
  }
  sl_hits_close(&hits);
  struct sl_arena arena;
  struct sl_explanation explanation;
  sl_arena_init(&arena, mem);
  if (status == SL_OK) {
    status = sl_explain(set, &request, &arena, &explanation);
  }
  sl_arena_close(&arena);
  sl_ruleset_free(set);
  return status;
}

// Fails one allocation after the other until a run has none left to fail.
static void fail_each(const char *name, const char *yaml, enum sl_status want) {
  unsigned bad_runs = 0;
  uint64_t at = 1;
  for (;; at++) {
    struct fail_mem fail;
    const enum sl_status status = go(yaml, fail_mem_init(&fail, at));
    bad_runs += fail.live != 0;
    if (fail.asked < at) {
      bad_runs += status != want;
      break;
    }
    bad_runs += status != SL_ERR_MEMORY;
  }
  is_u64(bad_runs, 0, "%s: each of %llu allocations fails once", name,
         (unsigned long long)(at - 1));
  ok(at > 5, "%s: there were some", name);
}

static void fail_each_of_libyaml(const char *name, const char *yaml, enum sl_status want) {
  unsigned bad_runs = 0;
  uint64_t at = 1;
  for (;; at++) {
    struct fail_mem fail;
    yaml_asked = 0;
    yaml_fail_at = at;
    const enum sl_status status = go(yaml, fail_mem_init(&fail, 0));
    yaml_fail_at = 0;
    bad_runs += fail.live != 0 || yaml_live != 0;
    if (yaml_asked < at) {
      bad_runs += status != want;
      break;
    }
    if (status != SL_ERR_MEMORY || yaml_live != 0) {
      diag("%s: allocation %llu of libyaml: status %d, %lld blocks live", name,
           (unsigned long long)at, (int)status, (long long)yaml_live);
    }
    bad_runs += status != SL_ERR_MEMORY;
    yaml_live = 0;
  }
  is_u64(bad_runs, 0, "%s: each of %llu allocations of libyaml fails once", name,
         (unsigned long long)(at - 1));
  ok(at > 100, "%s: there were some", name);
}

// Arenas ask for memory by the block, so only what comes at a block's end meets the failure. A
// filler before the rules moves that end over all of them.
static void fail_everywhere(void) {
  enum { FILLER = 16800, STEP = 16 };
  static char yaml[FILLER + sizeof good + 256];
  unsigned bad_runs = 0;
  uint64_t runs = 0;
  for (size_t filler = 0; filler < FILLER; filler += STEP) {
    // trusted_proxies is the first line of the rules; the filler is a rule behind "rules:".
    const char *rules = strstr(good, "rules:\n") + strlen("rules:\n");
    size_t len =
        (size_t)sprintf(yaml, "rules:\n  - { id: f, key: [], limit: unlimited, match: { x: \"");
    memset(yaml + len, 'x', filler);
    len += filler;
    sprintf(yaml + len, "\" } }\n%s", rules);
    for (uint64_t at = 1;; at++) {
      struct fail_mem fail;
      const enum sl_status status = go(yaml, fail_mem_init(&fail, at));
      runs++;
      bad_runs += fail.live != 0;
      if (fail.asked < at) {
        bad_runs += status != SL_OK;
        break;
      }
      bad_runs += status != SL_ERR_MEMORY;
    }
  }
  is_u64(bad_runs, 0, "blocks end everywhere: %llu runs", (unsigned long long)runs);
}

// The same for what is compiled: its blocks end elsewhere with each rule more.
static void fail_with_rules(void) {
  enum { RULES = 160, RULE = 160 };
  static char yaml[RULES * RULE + sizeof good];
  unsigned bad_runs = 0;
  uint64_t runs = 0;
  size_t len = (size_t)sprintf(yaml, "%s", good);
  for (int i = 0; i < RULES; i++) {
    len += (size_t)sprintf(yaml + len,
                           "  - { id: f%d, key: [k%d], limit: { rate: %d/1s }, match: { client_ip: "
                           "11.0.0.%d, x: [\"*%d\", v%d] } }\n",
                           i, i % 9, i + 1000, i, i, i);
    for (uint64_t at = 1;; at++) {
      struct fail_mem fail;
      const enum sl_status status = go(yaml, fail_mem_init(&fail, at));
      runs++;
      bad_runs += fail.live != 0;
      if (fail.asked < at) {
        bad_runs += status != SL_OK;
        break;
      }
      bad_runs += status != SL_ERR_MEMORY;
    }
  }
  is_u64(bad_runs, 0, "with up to %d rules: %llu runs", RULES + 3, (unsigned long long)runs);
}

int main(void) {
  fail_each("good rules", good, SL_OK);
  fail_each("bad rules", bad, SL_ERR_SYNTAX);
  fail_everywhere();
  fail_with_rules();
  fail_each_of_libyaml("good rules", good, SL_OK);
  fail_each_of_libyaml("bad rules", bad, SL_ERR_SYNTAX);
  return done_testing();
}
