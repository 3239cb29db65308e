// Rule files: what is read, and what is said of each mistake, with its place.
#include "rule/glob.h"
#include "rule/tree.h"
#include "support/fail_mem.h"
#include "support/rules.h"
#include "support/tap.h"

enum { REPORTS_TEXT = 65536 };

static char got[REPORTS_TEXT];

// Parses the text and leaves the reports in `got`. Returns the status; the model is freed.
static enum sl_status parse(const char *yaml, size_t len) {
  struct fail_mem fail;
  struct sl_reports reports;
  struct sl_model *model;
  const struct sl_mem *mem = fail_mem_init(&fail, 0);
  sl_reports_init(&reports, mem);
  const enum sl_status status = sl_rules_parse("rules.yaml", yaml, len, mem, &reports, &model);
  rules_reports(&reports, got, sizeof got);
  sl_reports_close(&reports);
  sl_model_free(model);
  if (fail.live != 0) {
    diag("%llu blocks leak", (unsigned long long)fail.live);
    return SL_ERR_IO;
  }
  return status;
}

static void says(const char *name, const char *yaml, enum sl_status want_status, const char *want) {
  const enum sl_status status = parse(yaml, strlen(yaml));
  is_str(got, want, "%s", name);
  ok(status == want_status, "%s: status %d, want %d", name, (int)status, (int)want_status);
}

// A mistake in one rule's fields: `fields` are the lines of a rule beside id, key and limit.
static void field_says(const char *name, const char *fields, const char *want) {
  char yaml[4096];
  snprintf(yaml, sizeof yaml,
           "rules:\n  - id: a\n    key: [api_key]\n    limit: { rate: 5/1s }\n%s", fields);
  says(name, yaml, want[0] == '\0' || strstr(want, "error") == NULL ? SL_OK : SL_ERR_INVALID, want);
}

// A limit in a rule of its own.
static void limit_says(const char *limit, const char *want) {
  char yaml[4096];
  snprintf(yaml, sizeof yaml, "rules:\n  - id: a\n    key: []\n    limit: %s\n", limit);
  says(limit, yaml, want[0] == '\0' || strstr(want, "error") == NULL ? SL_OK : SL_ERR_INVALID,
       want);
}

// ---- what is read
// --------------------------------------------------------------------------------

static const char everything[] =
    "trusted_proxies: [10.0.0.0/8, \"2001:db8::/32\"]\n"
    "ipv6_prefix: 56\n"
    "rules:\n"
    "  - id: im-messages\n"
    "    match: { service: im, path: [/v1/send, \"/v2/*\"], client_ip: 10.0.0.0/8, status: 404 }\n"
    "    except: { api_key: internal }\n"
    "    key: [api_key, client_ip]\n"
    "    missing: skip\n"
    "    limit: { algorithm: token_bucket, rate: 600/30s, burst: 4, guarantee: any_window, jitter: "
    "20ms }\n"
    "    cost: messages\n"
    "    share: leased\n"
    "    over_limit: queue\n"
    "    queue: { items: 500, bytes: 2MiB }\n"
    "    store_down: deny\n"
    "    max_wait: 5s\n"
    "    enabled: false\n"
    "    overrides:\n"
    "      - { key: { client_ip: \"::ffff:1.2.3.4\", api_key: gold }, limit: { rate: 900/30s } }\n"
    "      - { key: { api_key: gold, client_ip: \"2001:db8::1\" }, limit: unlimited }\n"
    "  - { id: b, key: [], limit: unlimited, cost: 7 }\n";

static bool is_text(struct sl_str text, const char *want) {
  return sl_str_eq(text, sl_str_of(want));
}

static void read_rule(const struct sl_rule_model *rule) {
  ok(is_text(rule->id, "im-messages"), "id");
  is_u64(rule->match_count, 4, "four conditions");
  ok(is_text(rule->match[0].attr, "service") && is_text(rule->match[0].patterns[0], "im"),
     "an exact one");
  ok(rule->match[1].pattern_count == 2 && is_text(rule->match[1].patterns[1], "/v2/*"), "a list");
  ok(is_text(rule->match[3].patterns[0], "404"), "a number is its text");
  ok(rule->except_count == 1 && is_text(rule->except[0].attr, "api_key"), "except");
  ok(rule->key_count == 2 && is_text(rule->key[1], "client_ip"), "key");
  ok(rule->missing_skip && !rule->enabled, "missing and enabled");
  ok(rule->has_cost_attr && is_text(rule->cost_attr, "messages") && !rule->has_cost_number, "cost");
  ok(rule->has_share && rule->share == SL_SHARE_LEASED, "share");
  ok(rule->over_limit == SL_OVER_QUEUE && rule->store_down == SL_DOWN_DENY,
     "over_limit, store_down");
  ok(rule->queue_items == 500 && rule->queue_bytes == 2 << 20, "queue");
  const struct sl_limit_spec *limit = &rule->limit;
  ok(limit->algorithm == SL_TOKEN_BUCKET && limit->count == 600 &&
         limit->period_ns == 30 * SL_NS_PER_S,
     "rate");
  ok(limit->has_burst && limit->burst == 4 && limit->any_window &&
         limit->jitter_ns == 20 * SL_NS_PER_MS,
     "burst, guarantee, jitter");
  is_u64(limit->max_wait_ns, 5 * SL_NS_PER_S, "max_wait");
  is_u64(rule->override_count, 2, "overrides");
  const struct sl_override_model *gold = &rule->overrides[0];
  ok(is_text(gold->values[0], "gold") && is_text(gold->values[1], "1.2.3.4"),
     "an override's key in the rule's order, canonical");
  ok(gold->limit.count == 900 && gold->limit.burst == 4 && gold->limit.any_window &&
         gold->limit.max_wait_ns == 5 * SL_NS_PER_S,
     "it replaces what it names");
  ok(is_text(rule->overrides[1].values[1], "2001:d00::/56") ||
         is_text(rule->overrides[1].values[1], "2001:db8::/56"),
     "its IPv6 address is grouped");
  ok(rule->overrides[1].limit.algorithm == SL_UNLIMITED, "it may be unlimited");
  ok(rule->place.line == 4 && rule->place.column == 5, "the place of the rule");
  ok(rule->overrides[1].place.line == 19, "the place of an override");
}

static void read_everything(void) {
  struct fail_mem fail;
  struct sl_model *model = rules_model(everything, fail_mem_init(&fail, 0));
  is_u64(model->rule_count, 2, "two rules");
  ok(model->trusted_proxy_count == 2 && model->ipv6_prefix == 56, "trusted_proxies, ipv6_prefix");
  read_rule(&model->rules[0]);
  const struct sl_rule_model *plain = &model->rules[1];
  ok(plain->has_cost_number && plain->cost_number == 7, "a cost that is a number");
  ok(plain->enabled && !plain->missing_skip && plain->key_count == 0 && plain->match_count == 0,
     "defaults");
  ok(!plain->has_share && plain->share == SL_SHARE_EXACT && plain->over_limit == SL_OVER_REJECT &&
         plain->store_down == SL_DOWN_SPLIT,
     "defaults of sharing");
  ok(plain->queue_items == 10000 && plain->queue_bytes == UINT64_C(64) << 20,
     "defaults of the queue");
  sl_model_free(model);
  is_u64(fail.live, 0, "nothing leaks");
}

static void read_limits(void) {
  static const struct {
    const char *limit, *words;
  } rows[] = {
      {"{ rate: 5/1s }", "token_bucket 5/1s"},
      {"{ algorithm: token_bucket, rate: 5/s, burst: 9 }", "token_bucket 5/1s, burst 9"},
      {"{ rate: 100/1s, guarantee: any_window }", "token_bucket 100/1s, any_window"},
      {"{ algorithm: leaky_bucket, rate: 2/1s, queue: 3 }", "leaky_bucket 2/1s, queue 3"},
      {"{ algorithm: leaky_bucket, rate: 2/1s }", "leaky_bucket 2/1s, queue 0"},
      {"{ algorithm: fixed_window, rate: 100/1m }", "fixed_window 100/1m"},
      {"{ algorithm: sliding_log, rate: 100/1h, count_refused: true }",
       "sliding_log 100/1h, count_refused"},
      {"{ algorithm: sliding_window, rate: 100/1h }", "sliding_window 100/1h"},
      {"{ algorithm: sliding_window, rate: 100/1h, sub_windows: 60 }",
       "sliding_window 100/1h, sub_windows 60"},
      {"{ algorithm: concurrency, slots: 5 }", "concurrency, slots 5, lease 1m"},
      {"{ algorithm: concurrency, slots: 5, lease: 10s }", "concurrency, slots 5, lease 10s"},
      {"unlimited", "unlimited"},
      {"{ rate: 0/1s }", "banned (rate 0/1s)"},
      {"{ rate: 1/1d }", "token_bucket 1/1d"},
      {"{ rate: 1/366d }", "token_bucket 1/366d"},
      {"{ rate: \"5/1s\", burst: \"7\" }", "token_bucket 5/1s, burst 7"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    struct fail_mem fail;
    char yaml[512];
    char words[256];
    struct sl_text text;
    snprintf(yaml, sizeof yaml, "rules: [{ id: a, key: [], limit: %s }]", rows[i].limit);
    struct sl_model *model = rules_model(yaml, fail_mem_init(&fail, 0));
    sl_text_init(&text, words, sizeof words);
    sl_limit_spec_write(&model->rules[0].limit, &text);
    is_str(words, rows[i].words, "limit: %s", rows[i].limit);
    sl_model_free(model);
  }
}

static void good_files(void) {
  says("no rules", "rules: []\n", SL_OK, "");
  says("a document marker", "---\nrules: []\n...\n", SL_OK, "");
  says("a version", "%YAML 1.1\n---\nrules: []\n", SL_OK, "");
  says("JSON is YAML",
       "{\"rules\": [{\"id\": \"a\", \"key\": [], \"limit\": {\"rate\": \"5/1s\"}}]}", SL_OK, "");
  says("a byte order mark", "\xef\xbb\xbfrules: []\n", SL_OK, "");
  says("carriage returns", "rules:\r\n  - id: a\r\n    key: []\r\n    limit: unlimited\r\n", SL_OK,
       "");
  says("proxies alone", "trusted_proxies: [10.0.0.1]\n", SL_OK, "");
  says("the longest id",
       "rules: [{ id: "
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, key: [], limit: unlimited }]",
       SL_OK, "");
  field_says("an empty match", "    match: {}\n", "");
  field_says("booleans and numbers are text", "    match: { a: true, b: [1, 2.5, -3] }\n", "");
  field_says("an empty text in quotes", "    match: { a: \"\" }\n", "");
  field_says("null in quotes", "    match: { a: \"null\" }\n", "");
  field_says(
      "addresses",
      "    match: { client_ip: [10.0.0.1, 10.0.0.0/8, \"::1\", \"2001:db8::/32\", \"10.0.*\"] }\n",
      "");
  field_says("cost 0", "    cost: 0\n", "");
  field_says("the greatest cost", "    cost: 9223372036854775807\n", "");
}

// ---- what is said
// --------------------------------------------------------------------------------

static void yaml_mistakes(void) {
  says("empty", "", SL_ERR_INVALID, "1:1: error: the file is empty (write rules: [] for none)\n");
  says("a comment alone", "# nothing\n", SL_ERR_INVALID,
       "1:1: error: the file is empty (write rules: [] for none)\n");
  says("an empty map", "{}\n", SL_ERR_INVALID,
       "1:1: error: the file has no rules (write rules: [] for none)\n");
  says("a list", "- a\n", SL_ERR_INVALID, "1:1: error: a rule file must be a map\n");
  says("a scalar", "rules\n", SL_ERR_INVALID, "1:1: error: a rule file must be a map\n");
  says("rules without value", "rules:\n", SL_ERR_INVALID,
       "1:7: error: rules must be a list (begin each rule with \"- id:\"; [] for none)\n");
  says("an unknown field", "rulez: []\n", SL_ERR_INVALID,
       "1:1: error: unknown field \"rulez\" in a rule file (did you mean rules?)\n");
  says("a tab", "rules:\n\t- id: a\n", SL_ERR_SYNTAX,
       "2:1: error: found character that cannot start any token (while scanning for the next token "
       "that begins in line 2)\n");
  says("an open bracket", "rules: [\n", SL_ERR_SYNTAX,
       "2:1: error: did not find expected node content (while parsing a flow node that begins in "
       "line 2)\n");
  says("a second document", "rules: []\n---\nrules: []\n", SL_ERR_SYNTAX,
       "2:1: error: a second document (a file holds one: take out the \"---\")\n");
  says("an anchor and an alias", "rules: &r []\ntrusted_proxies: *r\n", SL_ERR_INVALID,
       "1:8: error: anchors are not allowed (write the value out where it is needed)\n"
       "2:18: error: aliases are not allowed (write the value out where it is needed)\n");
  says("a tag", "rules: !!seq []\n", SL_ERR_INVALID,
       "1:8: error: tags are not allowed (write the value without !)\n");
  says("a tag of nothing", "rules: ! []\n", SL_ERR_INVALID,
       "1:8: error: tags are not allowed (write the value without !)\n");
  says("a tag directive", "%TAG !e! tag:example.com,2000:\n---\nrules: []\n", SL_ERR_INVALID,
       "1:1: error: %TAG directives are not allowed (take the line out)\n");
  says("a merge key", "<<: { a: b }\nrules: []\n", SL_ERR_INVALID,
       "1:1: error: merge keys are not allowed (write the fields out)\n");
  says("a key twice", "rules: []\nipv6_prefix: 64\nrules: []\n", SL_ERR_INVALID,
       "3:1: error: the key \"rules\" is here twice (the first is in line 1)\n");
  says("a list as key", "? [a]\n: b\nrules: []\n", SL_ERR_INVALID,
       "1:3: error: a key must be a plain word\n");
  says("bytes that are no UTF-8", "rules: []\n# \xc3\xa9 \xff\n", SL_ERR_SYNTAX,
       "2:5: error: this is not UTF-8 text (save the file as UTF-8)\n");
  says("UTF-16", "\xff\xfer\0u\0", SL_ERR_SYNTAX,
       "1:1: error: this is not UTF-8 text (save the file as UTF-8)\n");
  says("a control character", "rules: [] # \a\n", SL_ERR_SYNTAX,
       "1:13: error: a control character (take it out, or write it as an escape in double "
       "quotes)\n");
  is_str(
      (parse("rules: []\0", 10), got),
      "1:10: error: a control character (take it out, or write it as an escape in double quotes)\n",
      "a byte 0");
}

static void bounds(void) {
  static char big[256 * 1024];
  size_t len = 0;
  for (int i = 0; i < 16; i++) {
    len += (size_t)sprintf(big + len, "{a: ");
  }
  says("sixteen levels", big, SL_ERR_SYNTAX,
       "1:2: error: unknown field \"a\" in a rule file (one of rules, trusted_proxies, "
       "ipv6_prefix)\n"
       "2:1: error: did not find expected node content (while parsing a flow node that begins in "
       "line 2)\n");
  len += (size_t)sprintf(big + len, "[");
  says("seventeen levels", big, SL_ERR_SYNTAX,
       "1:2: error: unknown field \"a\" in a rule file (one of rules, trusted_proxies, "
       "ipv6_prefix)\n"
       "1:65: error: values are nested too deep (rules need no more than six levels)\n");
  memset(big, '[', 100000);
  big[100000] = '\0';
  says("a hundred thousand levels", big, SL_ERR_SYNTAX,
       "1:1: error: a rule file must be a map\n"
       "1:17: error: values are nested too deep (rules need no more than six levels)\n");
  len = (size_t)sprintf(big, "a: \"");
  memset(big + len, 'x', SL_TREE_TEXT_MAX + 1);
  len += SL_TREE_TEXT_MAX + 1;
  sprintf(big + len, "\"\nrules: []\n");
  says("a text too long", big, SL_ERR_INVALID,
       "1:1: error: unknown field \"a\" in a rule file (one of rules, trusted_proxies, "
       "ipv6_prefix)\n"
       "1:4: error: this text is too long (at most 65536 bytes)\n");
  len = (size_t)sprintf(big, "rules:\n - id: a\n   key: []\n   limit: unlimited\n   match:\n");
  for (int i = 0; i < 257; i++) {
    len += (size_t)sprintf(big + len, "    a%d: b\n", i);
  }
  says("257 keys", big, SL_ERR_SYNTAX, "262:5: error: this map has too many keys (at most 256)\n");
}

// The tree's bounds that take much memory to reach.
static void big_bounds(void) {
  const size_t len = (size_t)SL_TREE_BYTES_MAX + 1;
  char *big = malloc(len);
  if (big == NULL) {
    abort();
  }
  memset(big, ' ', len);
  memcpy(big, "rules: []\n", 10);
  ok(parse(big, len) == SL_ERR_SYNTAX, "a file of 64 MiB and a byte");
  is_str(got, " error: the file is too big (at most 64 MiB; split it into several files)\n",
         "is refused unread");
  free(big);
}

static void rule_mistakes(void) {
  says("a rule that is no map", "rules: [a]\n", SL_ERR_INVALID,
       "1:9: error: a rule must be a map\n");
  says("nothing in it", "rules: [{}]\n", SL_ERR_INVALID,
       "1:9: error: the rule has no id (add id, 1 to 128 of a-z 0-9 . _ -)\n"
       "1:9: error: the rule has no key (add key, as [client_ip]; [] is one bucket for everybody)\n"
       "1:9: error: the rule has no limit (add limit, as { rate: 100/1s }; or unlimited)\n");
  says("ids twice",
       "rules:\n  - { id: a, key: [], limit: unlimited }\n  - { id: b, key: [], limit: unlimited "
       "}\n  - { id: a, key: [], limit: unlimited }\n",
       SL_ERR_INVALID, "4:5: error: the id \"a\" is used twice (the first is at rules.yaml:2:5)\n");
  says(
      "a bad id",
      "rules:\n  - { id: A, key: [], limit: unlimited }\n  - { id: \"\", key: [], limit: unlimited "
      "}\n  - { id: a b, key: [], limit: unlimited }\n  - { id: [], key: [], limit: unlimited }\n",
      SL_ERR_INVALID,
      "2:11: error: id is \"A\" (1 to 128 of a-z 0-9 . _ -)\n"
      "3:11: error: id is \"\" (1 to 128 of a-z 0-9 . _ -)\n"
      "4:11: error: id is \"a b\" (1 to 128 of a-z 0-9 . _ -)\n"
      "5:11: error: id must be a single value, not a list\n");
  says("a key that is no list", "rules: [{ id: a, key: client_ip, limit: unlimited }]",
       SL_ERR_INVALID,
       "1:23: error: key must be a list of attributes (as [client_ip]; [] is one bucket for "
       "everybody)\n");
  says("a key of nine", "rules: [{ id: a, key: [a,b,c,d,e,f,g,h,i], limit: unlimited }]",
       SL_ERR_INVALID, "1:23: error: key has 9 attributes (at most 8)\n");
  says("a key that names one twice", "rules: [{ id: a, key: [x, y, x], limit: unlimited }]",
       SL_ERR_INVALID, "1:30: error: key names \"x\" twice (take one out)\n");
  says("names of attributes",
       "rules: [{ id: a, key: [header.X-Key, \"a b\", \"\", ~, ip], limit: unlimited }]",
       SL_ERR_INVALID,
       "1:24: error: the attribute \"header.X-Key\" never occurs (write the header's name in lower "
       "case, as header.user-agent)\n"
       "1:38: error: \"a b\" is no name of an attribute (1 to 256 bytes without blanks and control "
       "characters)\n"
       "1:45: error: \"\" is no name of an attribute (1 to 256 bytes without blanks and control "
       "characters)\n"
       "1:49: error: the name of an attribute has no value (put it in quotes where the text itself "
       "is meant)\n"
       "1:52: warning: the attribute \"ip\" is there only where the caller gives it (did you mean "
       "client_ip?)\n");
  field_says("misspelt fields",
             "    mach: {}\n    overlimit: reject\n    foo: 1\n    burst: 5\n    algoritm: x\n",
             "5:5: error: unknown field \"mach\" in a rule (did you mean match?)\n"
             "6:5: error: unknown field \"overlimit\" in a rule (did you mean over_limit?)\n"
             "7:5: error: unknown field \"foo\" in a rule (one of id, match, except, key, missing, "
             "limit, cost, share, over_limit, queue, store_down, max_wait, enabled, overrides)\n"
             "8:5: error: unknown field \"burst\" in a rule (it belongs into limit)\n"
             "9:5: error: unknown field \"algoritm\" in a rule (it belongs into limit)\n");
  field_says("swapped letters", "    mtach: {}\n",
             "5:5: error: unknown field \"mtach\" in a rule (did you mean match?)\n");
  field_says(
      "words",
      "    missing: skipp\n    share: lease\n    over_limit: block\n    store_down: Allow\n    "
      "enabled: yes\n",
      "5:14: error: missing is \"skipp\", which is not known (did you mean skip?)\n"
      "6:12: error: share is \"lease\", which is not known (did you mean leased?)\n"
      "7:17: error: over_limit is \"block\", which is not known (one of reject, queue, shadow)\n"
      "8:17: error: store_down is \"Allow\", which is not known (did you mean allow?)\n"
      "9:14: error: enabled is \"yes\", which is not known (one of false, true)\n");
  field_says("costs", "    cost: -1\n",
             "5:11: error: cost is \"-1\" (a whole number from 0 to 9223372036854775807, or an "
             "attribute)\n");
  field_says("a broken cost", "    cost: 1.5\n",
             "5:11: error: cost is \"1.5\" (a whole number from 0 to 9223372036854775807, or an "
             "attribute)\n");
  field_says("a cost too big", "    cost: 9223372036854775808\n",
             "5:11: error: cost is \"9223372036854775808\" (a whole number from 0 to "
             "9223372036854775807, or an attribute)\n");
  field_says("max_wait", "    max_wait: 60\n",
             "5:15: error: max_wait is \"60\", which is not a duration (a whole number and one of "
             "ms s m h d w, as 30s)\n");
  field_says("max_wait too long", "    max_wait: 367d\n",
             "5:15: error: max_wait is 367d (from 0 to 366d)\n");
  field_says("a queue", "    over_limit: queue\n    queue: { items: 0, bytes: 1KB, size: 1 }\n",
             "6:21: error: items is 0 (from 1 to 1099511627776)\n"
             "6:31: error: bytes is \"1KB\" (1 to 1024GiB: a whole number and one of B KiB MiB GiB "
             "kB MB GB)\n"
             "6:36: error: unknown field \"size\" in queue (one of items, bytes)\n");
  field_says("a queue without use", "    queue: { items: 5 }\n",
             "5:12: warning: queue has no effect (add over_limit: queue)\n");
  says("leased where it cannot be",
       "rules: [{ id: a, key: [], limit: { algorithm: sliding_log, rate: 5/1s }, share: leased }]",
       SL_ERR_INVALID,
       "1:81: error: share: leased is not possible with sliding_log (share: exact, or token_bucket "
       "or fixed_window)\n");
}

static void scope_mistakes(void) {
  field_says("a match that is no map", "    match: /v1\n",
             "5:12: error: match must be a map (as { path: \"/v1/*\" })\n");
  field_says("no patterns", "    match: { path: [] }\n",
             "5:20: error: an empty list of patterns matches nothing (give at least one)\n");
  field_says("a pattern that is a map", "    match: { path: { a: b } }\n",
             "5:20: error: a pattern must be a single value, not a map\n");
  field_says(
      "a pattern without value", "    match: { path: }\n",
      "5:20: error: a pattern has no value (put it in quotes where the text itself is meant)\n");
  field_says("an empty except", "    except: {}\n",
             "5:13: error: an empty except would take every request out (leave except out, or name "
             "an attribute)\n");
  field_says(
      "addresses",
      "    match: { client_ip: [10.0.0.300, 10.0.0.0/33, \"1:2\", 10.1.2.3/8, host.example] }\n",
      "5:26: error: \"10.0.0.300\" is no address and no block of addresses (write an address or a "
      "block, as 10.0.0.1, 10.0.0.0/8, 2001:db8::/32)\n"
      "5:38: error: \"10.0.0.0/33\" is no address and no block of addresses (write an address or a "
      "block, as 10.0.0.1, 10.0.0.0/8, 2001:db8::/32)\n"
      "5:51: error: \"1:2\" is no address and no block of addresses (write an address or a block, "
      "as 10.0.0.1, 10.0.0.0/8, 2001:db8::/32)\n"
      "5:58: warning: \"10.1.2.3/8\" has bits beyond its prefix (it is read as 10.0.0.0/8)\n"
      "5:70: warning: \"host.example\" is no address: it matches only a client_ip that reads just "
      "so (write an address or a block, as 10.0.0.0/8)\n");
  field_says("paths", "    match: { path: [v1, /a//b, \"/a/../*\", \"/%61\"] }\n",
             "5:21: warning: \"v1\" matches no ordinary path (begin it with a slash, or with *)\n"
             "5:25: warning: \"/a//b\" is not a path in normal form (it is read as \"/a/b\")\n"
             "5:32: warning: \"/a/../*\" matches no path (paths are normalised before: use "
             "path_raw for those as received)\n"
             "5:43: warning: \"/%61\" is not a path in normal form (it is read as \"/a\")\n");
  static const char *const unmatched[] = {"/a//*", "/a/./*", "/*/../b"};
  for (size_t i = 0; i < SL_ARRAY_LEN(unmatched); i++) {
    char match[64];
    char want[256];
    snprintf(match, sizeof match, "    match: { path: \"%s\" }\n", unmatched[i]);
    snprintf(want, sizeof want,
             "5:20: warning: \"%s\" matches no path (paths are normalised before: use path_raw for "
             "those as received)\n",
             unmatched[i]);
    field_says("a glob that no path fits", match, want);
  }
  char fields[2048];
  memset(fields, 'x', sizeof fields);
  memcpy(fields, "    match: { a: \"*", 18);
  strcpy(fields + 18 + SL_PATTERN_MAX, "\" }\n");
  field_says("a pattern too long", fields,
             "5:17: error: this pattern is too long: 1025 bytes (at most 1024 bytes)\n");
  memset(fields + 18, 'x', 100);
  fields[18] = '?';
  strcpy(fields + 18 + 65, "*\" }\n");
  field_says("a pattern too costly", fields,
             "5:17: error: this pattern is too costly (at most 64 bytes between two stars, where "
             "they hold a ?)\n");
  field_says(
      "a rule that its except empties",
      "    match: { path: [/a, /b] }\n    except: { path: [/b, /c, /a] }\n",
      "6:15: warning: the rule \"a\" never applies: its except takes out all that it matches\n");
  field_says("one that it does not",
             "    match: { path: [/a, /b] }\n    except: { path: [/b], method: GET }\n", "");
}

static void limit_mistakes(void) {
  limit_says("5/1s", "4:12: error: limit is \"5/1s\" (a map, as { rate: 100/1s }, or unlimited)\n");
  limit_says("[]", "4:12: error: a limit must be a map\n");
  limit_says("~",
             "4:12: error: limit has no value (put it in quotes where the text itself is meant)\n");
  limit_says("{}", "4:12: error: a limit by token_bucket needs rate (add rate, as rate: 100/1s)\n");
  limit_says("{ algorithm: concurrency }",
             "4:12: error: a limit by concurrency needs slots (add slots, as slots: 10)\n");
  limit_says("{ algorithm: unlimited }",
             "4:25: error: unlimited is no algorithm (write limit: unlimited)\n");
  limit_says("{ algorithm: tokenbucket, rate: 1/1s }",
             "4:25: error: algorithm is \"tokenbucket\", which is not known (did you mean "
             "token_bucket?)\n");
  limit_says("{ algorithm: gcra, rate: 1/1s }",
             "4:25: error: algorithm is \"gcra\", which is not known (one of token_bucket, "
             "leaky_bucket, fixed_window, sliding_log, sliding_window, concurrency)\n");
  limit_says("{ rate: 5 }", "4:20: error: rate is \"5\", which is not a rate (a whole number, a "
                            "slash, and a duration in ms s m h d w, as 600/30s)\n");
  limit_says("{ rate: 5/1y }", "4:20: error: rate is \"5/1y\", which is not a rate (a whole "
                               "number, a slash, and a duration in ms s m h d w, as 600/30s)\n");
  limit_says("{ rate: 99999999999999999999/1s }",
             "4:20: error: rate is \"99999999999999999999/1s\", which is too big (a whole number, "
             "a slash, and a duration in ms s m h d w, as 600/30s)\n");
  limit_says("{ rate: 5/1s, burst: many }",
             "4:33: error: burst is \"many\", which is not a whole number (digits only, as 100)\n");
  limit_says("{ rate: 5/1s, bust: 5 }",
             "4:26: error: unknown field \"bust\" in a limit (did you mean burst?)\n");
  limit_says("{ rate: 5/1s, max_wait: 5s }", "4:26: error: unknown field \"max_wait\" in a limit "
                                             "(it belongs into the rule, beside limit)\n");
  limit_says("{ rate: 5/1s, jitter: 20ms }", "4:34: error: jitter belongs to guarantee: any_window "
                                             "(add guarantee: any_window, or leave jitter out)\n");
  limit_says("{ rate: 5/1s, guarantee: always }",
             "4:37: error: guarantee is \"always\", which is not known (one of any_window)\n");
  limit_says(
      "{ rate: 5/1s, queue: 5, slots: 3 }",
      "4:33: error: queue is not a field of token_bucket (it has rate burst guarantee jitter)\n"
      "4:43: error: slots is not a field of token_bucket (it has rate burst guarantee jitter)\n");
  limit_says("{ algorithm: fixed_window, rate: 5/1s, burst: 5 }",
             "4:58: error: burst is not a field of fixed_window (it has rate)\n");
  limit_says("{ algorithm: sliding_window, rate: 5/1s, sub_windows: 0 }",
             "4:66: error: sub_windows is 0 (leave it out for the weighted window)\n");
  limit_says("{ rate: [5/1s] }", "4:20: error: rate must be a single value, not a list\n");
}

// The numbers are judged by the algorithms; here it counts that their words come with the right
// place.
static void number_mistakes(void) {
  static const struct {
    const char *limit, *place, *holds;
  } rows[] = {
      {"{ rate: 1099511627777/1s }", "4:20: error: ", "1099511627776"},
      {"{ rate: 5/367d }", "4:20: error: ", "366d"},
      {"{ rate: 5/0 }", "4:20: error: ", "1ms"},
      {"{ rate: 5/1s, burst: 1099511627777 }", "4:33: error: ", "1099511627776"},
      {"{ rate: 1/366d, burst: 1000 }", ": error: ", "100 years"},
      {"{ algorithm: sliding_log, rate: 100001/1s }", "4:44: error: ", "100000"},
      {"{ algorithm: sliding_window, rate: 5/1s, sub_windows: 7 }", "4:66: error: ", "7"},
      {"{ algorithm: concurrency, slots: 100001 }", "4:45: error: ", "100000"},
      {"{ algorithm: concurrency, slots: 5, lease: 367d }", "4:55: error: ", "366d"},
      {"{ rate: 100/1s, burst: 50, guarantee: any_window }", ": warning: ", "any_window"},
      {"{ rate: 100/1s, burst: 150, guarantee: any_window }", ": error: ", "burst"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char yaml[512];
    snprintf(yaml, sizeof yaml, "rules:\n  - id: a\n    key: []\n    limit: %s\n", rows[i].limit);
    (void)parse(yaml, strlen(yaml));
    ok(strstr(got, rows[i].place) != NULL && strstr(got, rows[i].holds) != NULL,
       "%s: \"%s\", and names %s", rows[i].limit, rows[i].place, rows[i].holds);
  }
}

static void override_mistakes(void) {
  field_says("no list", "    overrides: { key: { api_key: a } }\n",
             "5:16: error: overrides must be a list (as [ { key: { api_key: gold }, limit: { rate: "
             "100/1s } } ])\n");
  field_says("nothing in it", "    overrides: [{}]\n",
             "5:17: error: an override needs key (as { key: { api_key: gold }, limit: { rate: "
             "100/1s } })\n"
             "5:17: error: an override needs limit (as { key: { api_key: gold }, limit: { rate: "
             "100/1s } })\n");
  field_says(
      "another key", "    overrides: [{ key: { apikey: a }, limit: unlimited }]\n",
      "5:24: error: the override's key lacks \"api_key\" (the rule's key is [\"api_key\"])\n"
      "5:26: error: \"apikey\" is no attribute of the key (the rule's key is [\"api_key\"])\n");
  field_says(
      "one too many", "    overrides: [{ key: { api_key: a, user: b }, limit: unlimited }]\n",
      "5:38: error: \"user\" is no attribute of the key (the rule's key is [\"api_key\"])\n");
  field_says("a key that is a list", "    overrides: [{ key: [a], limit: unlimited }]\n",
             "5:24: error: the key of an override must be a map (as { api_key: gold })\n");
  field_says(
      "another algorithm",
      "    overrides: [{ key: { api_key: a }, limit: { algorithm: fixed_window, rate: 1/1s } }]\n",
      "5:60: error: an override keeps the rule's algorithm, token_bucket (leave it out, or write a "
      "rule of its own)\n");
  field_says(
      "the same algorithm, named",
      "    overrides: [{ key: { api_key: a }, limit: { algorithm: token_bucket, rate: 1/1s } }]\n",
      "");
  field_says("another field",
             "    overrides: [{ key: { api_key: a }, limit: { rate: 1/1s }, cost: 3 }]\n",
             "5:63: error: unknown field \"cost\" in an override (it belongs into the rule, beside "
             "limit)\n");
  field_says(
      "one key twice",
      "    overrides:\n      - { key: { api_key: b }, limit: unlimited }\n      - { key: { "
      "api_key: a }, limit: unlimited }\n      - { key: { api_key: b }, limit: { rate: 1/1s } }\n",
      "8:9: error: two overrides have one key (the first is at rules.yaml:6:9)\n");
  says("of an unlimited rule",
       "rules: [{ id: a, key: [x], limit: unlimited, overrides: [{ key: { x: 1 }, limit: { rate: "
       "1/1s } }] }]",
       SL_ERR_INVALID,
       "1:82: error: the rule is unlimited: there is no limit to override (give the rule a limit "
       "and make others unlimited, or add a rule)\n");
  says("one address in two forms",
       "rules:\n - id: a\n   key: [client_ip]\n   limit: { rate: 1/1s }\n   overrides:\n    - { "
       "key: { client_ip: \"2001:db8::1\" }, limit: unlimited }\n    - { key: { client_ip: "
       "\"2001:DB8::2\" }, limit: unlimited }\n",
       SL_ERR_INVALID, "7:7: error: two overrides have one key (the first is at rules.yaml:6:7)\n");
  says("a block",
       "rules:\n - id: a\n   key: [client_ip]\n   limit: { rate: 1/1s }\n   overrides:\n    - { "
       "key: { client_ip: 10.0.0.0/8 }, limit: unlimited }\n    - { key: { client_ip: "
       "\"2001:db8::/64\" }, limit: unlimited }\n    - { key: { client_ip: somebody }, limit: "
       "unlimited }\n",
       SL_ERR_INVALID,
       "6:7: error: \"10.0.0.0/8\" is a block of addresses (an override is for one key; for a "
       "block write a rule that matches it)\n"
       "8:7: warning: the override's client_ip \"somebody\" is no address\n");
  static const char whole[] =
      "rules:\n - id: a\n   key: [x]\n   limit: { rate: 100/1s, burst: 2, guarantee: any_window "
      "}\n   overrides: [{ key: { x: 1 }, limit: { burst: 150 } }]\n";
  ok(parse(whole, strlen(whole)) == SL_ERR_INVALID, "an override is validated as a whole");
  ok(strncmp(got, "5:49: error: ", 13) == 0 && strstr(got, "burst") != NULL,
     "with the rule's guarantee and its own burst");
}

static void claimed_keys(void) {
  static const char warning[] =
      "2:5: warning: the rule \"a\" counts by \"header.x-tenant\", which every client chooses "
      "freely: a new value is a new bucket (put a rule with key [client_ip] beside it)\n";
  static const char rule[] =
      "rules:\n  - { id: a, key: [header.x-tenant], limit: { rate: 5/1s } }\n";
  char yaml[1024];
  says("a key that clients choose", rule, SL_OK, warning);
  snprintf(yaml, sizeof yaml, "%s  - { id: b, key: [client_ip], limit: { rate: 5/1s } }\n", rule);
  says("with a rule by client_ip beside it", yaml, SL_OK, "");
  snprintf(yaml, sizeof yaml,
           "%s  - { id: b, key: [client_ip], limit: { rate: 5/1s }, over_limit: shadow }\n", rule);
  says("one that only watches is no help", yaml, SL_OK, warning);
  snprintf(yaml, sizeof yaml,
           "%s  - { id: b, key: [client_ip], limit: { rate: 5/1s }, enabled: false }\n", rule);
  says("nor is one that is off", yaml, SL_OK, warning);
  snprintf(yaml, sizeof yaml, "%s  - { id: b, key: [client_ip], limit: unlimited }\n", rule);
  says("nor one without limit", yaml, SL_OK, warning);
  says("nor one whose key they choose as well",
       "rules:\n  - { id: a, key: [client_ip, query.q], limit: { rate: 5/1s } }\n", SL_OK,
       "2:5: warning: the rule \"a\" counts by \"query.q\", which every client chooses freely: a "
       "new value is a new bucket (put a rule with key [client_ip] beside it)\n");
  says("values that the rule itself names",
       "rules:\n  - { id: a, key: [header.x-plan], match: { header.x-plan: [gold, free] }, limit: "
       "{ rate: 5/1s } }\n",
       SL_OK, "");
  says("but not a glob",
       "rules:\n  - { id: a, key: [query.q], match: { query.q: \"g*\" }, limit: { rate: 5/1s } }\n",
       SL_OK,
       "2:5: warning: the rule \"a\" counts by \"query.q\", which every client chooses freely: a "
       "new value is a new bucket (put a rule with key [client_ip] beside it)\n");
}

static void file_mistakes(void) {
  says("proxies", "trusted_proxies: [10.0.0.0/8, proxy.example, 0.0.0.0/0, ~]\nrules: []\n",
       SL_ERR_INVALID,
       "1:31: error: \"proxy.example\" is no address and no block of addresses (write an address "
       "or a block, as 10.0.0.0/8)\n"
       "1:46: warning: with \"0.0.0.0/0\" every client is trusted to say what its address is (name "
       "only the addresses of your own proxies)\n"
       "1:57: error: a trusted proxy has no value (put it in quotes where the text itself is "
       "meant)\n");
  says("proxies that are no list", "trusted_proxies: 10.0.0.1\n", SL_ERR_INVALID,
       "1:18: error: trusted_proxies must be a list (as [10.0.0.0/8, 2001:db8::/32])\n");
  says("a prefix too short", "ipv6_prefix: 31\n", SL_ERR_INVALID,
       "1:14: error: ipv6_prefix is 31 (from 32 to 128)\n");
  says("a prefix too long", "ipv6_prefix: 129\n", SL_ERR_INVALID,
       "1:14: error: ipv6_prefix is 129 (from 32 to 128)\n");
  says("every mistake in one go",
       "rules:\n  - id: A\n    key: x\n    limit: 5\n  - id: b\n    key: []\n    limit: { rate: x "
       "}\n  - id: b\n    key: []\n    limit: unlimited\nipv6_prefix: 1\n",
       SL_ERR_INVALID,
       "2:9: error: id is \"A\" (1 to 128 of a-z 0-9 . _ -)\n"
       "3:10: error: key must be a list of attributes (as [client_ip]; [] is one bucket for "
       "everybody)\n"
       "4:12: error: limit is \"5\" (a map, as { rate: 100/1s }, or unlimited)\n"
       "7:20: error: rate is \"x\", which is not a rate (a whole number, a slash, and a duration "
       "in ms s m h d w, as 600/30s)\n"
       "8:5: error: the id \"b\" is used twice (the first is at rules.yaml:5:5)\n"
       "11:14: error: ipv6_prefix is 1 (from 32 to 128)\n");
  says("also before a syntax error",
       "rules:\n  - id: A\n    key: []\n    limit: unlimited\n  - id: b\n    key: [\n  - id: c\n",
       SL_ERR_SYNTAX,
       "2:9: error: id is \"A\" (1 to 128 of a-z 0-9 . _ -)\n"
       "7:3: error: did not find expected node content (while parsing a flow node that begins in "
       "line 7)\n");
  says("text from a file forges nothing",
       "rules: [{ id: \"a\\n\\e[31m\\\"\", key: [], limit: unlimited }]", SL_ERR_INVALID,
       "1:15: error: id is \"a\\n\\x1b[31m\\\"\" (1 to 128 of a-z 0-9 . _ -)\n");
}

// ---- several files
// -------------------------------------------------------------------------------

static void several_files(void) {
  struct fail_mem fail;
  struct sl_reports reports;
  struct sl_model *model;
  const struct sl_mem *mem = fail_mem_init(&fail, 0);
  const struct sl_source good[] = {
      {"a.yaml", SL_STR("trusted_proxies: [10.0.0.1]\nipv6_prefix: 56\nrules: [{ id: a, key: [], "
                        "limit: unlimited }]")},
      {"b.yaml", SL_STR("trusted_proxies: [10.0.0.2]\nipv6_prefix: 56\nrules: [{ id: b, key: [], "
                        "limit: unlimited }, { id: c, key: [], limit: unlimited }]")},
  };
  sl_reports_init(&reports, mem);
  ok(sl_rules_parse_all(good, 2, mem, &reports, &model) == SL_OK, "two files");
  ok(model != NULL && model->rule_count == 3 && is_text(model->rules[2].id, "c") &&
         model->trusted_proxy_count == 2,
     "make one set, in order");
  ok(model != NULL && strcmp(model->rules[1].place.file, "b.yaml") == 0,
     "each place names its file");
  sl_model_free(model);
  const struct sl_source bad[] = {
      {"z.yaml", SL_STR("ipv6_prefix: 56\nrules: [{ id: a, key: [], limit: unlimited }]")},
      {"b.yaml", SL_STR("ipv6_prefix: 64\nrules: [{ id: a, key: [], limit: unlimited }]")},
      {"c.yaml", SL_STR("rules: [\n")},
      {"d.yaml", SL_STR("rules: [{ id: B, key: [], limit: unlimited }]")},
  };
  ok(sl_rules_parse_all(bad, 4, mem, &reports, &model) == SL_ERR_SYNTAX && model == NULL,
     "mistakes in several");
  char text[4096] = "";
  struct sl_text out;
  sl_text_init(&out, text, sizeof text);
  for (size_t i = 0; i < reports.count; i++) {
    sl_report_write(&reports.items[i], &out);
    sl_text_add(&out, SL_STR("\n"));
  }
  is_str(text,
         "b.yaml:1:14: error: ipv6_prefix is 64 here (it is 56 at z.yaml:1)\n"
         "b.yaml:2:9: error: the id \"a\" is used twice (the first is at z.yaml:2:9)\n"
         "c.yaml:2:1: error: did not find expected node content (while parsing a flow node that "
         "begins in line 2)\n"
         "d.yaml:1:15: error: id is \"B\" (1 to 128 of a-z 0-9 . _ -)\n",
         "are told of each, with both places");
  sl_reports_close(&reports);
  is_u64(fail.live, 0, "nothing leaks");
}

static void many_mistakes(void) {
  struct fail_mem fail;
  struct sl_reports reports;
  struct sl_model *model;
  static char yaml[65536];
  size_t len = (size_t)sprintf(yaml, "rules:\n");
  for (int i = 0; i < 250; i++) {
    len +=
        (size_t)sprintf(yaml + len, " - { id: A, key: [header.a%d, ip], limit: unlimited }\n", i);
  }
  const struct sl_mem *mem = fail_mem_init(&fail, 0);
  sl_reports_init(&reports, mem);
  ok(sl_rules_parse("r", yaml, len, mem, &reports, &model) == SL_ERR_INVALID, "250 mistakes");
  ok(reports.errors == 250 && reports.kept_errors == SL_REPORTS_KEPT,
     "are counted, and the first hundred kept");
  ok(reports.warnings == 250 && reports.kept_warnings == SL_REPORTS_KEPT, "warnings besides");
  ok(reports.count == 2 * SL_REPORTS_KEPT && reports.items[0].place.line == 2, "in order");
  sl_reports_close(&reports);
  is_u64(fail.live, 0, "nothing leaks");
}

int main(void) {
  read_everything();
  read_limits();
  good_files();
  yaml_mistakes();
  bounds();
  big_bounds();
  rule_mistakes();
  scope_mistakes();
  limit_mistakes();
  number_mistakes();
  override_mistakes();
  claimed_keys();
  file_mistakes();
  several_files();
  many_mistakes();
  return done_testing();
}
