// The match index against a matcher that has none: random rules and random requests, and for each
// request the same rules with the same keys, costs and limits, in the same order.
//
// A rule set is made as data, written as YAML and read back by the parser, so that the whole way is
// tested. The model looks at every rule and condition in turn, on the data: paths as lists of
// segments, addresses as numbers, globs by dynamic programming. None of it is shared with what it
// checks. A request's path and address are written in a random one of their many forms.
#include <stdarg.h>

#include "prop/prop.h"
#include "rule/explain.h"
#include "support/fail_mem.h"
#include "support/rules.h"

enum {
  RULES = 48,
  CONDITIONS = 3,
  PATTERNS = 4,
  PATTERN = 48,
  OVERRIDES = 4,
  KEYS = 3,
  VALUE = 96,
  YAML = 65536,
  REQUESTS_PER_SET = 1500,
  STEPS_PER_REQUEST = 5  // a request is checked against dozens of rules: it counts as so many steps
};

enum { TENANT, METHOD, PATH, AGENT, CLIENT, SIZE, ATTRS };
static const char *const names[ATTRS] = {"tenant",    "method", "path", "header.user-agent",
                                         "client_ip", "size"};

enum { LAW_HITS, LAW_COST, LAW_LIMIT, LAW_VALUES, LAW_STATUS, LAW_EXPLAINED, LAW_BY_VALUES, LAWS };
static const char *const laws[LAWS] = {
    "the rules that match are found, in file order", "each charges its own cost",
    "each has its limit, or the override's",         "the values of the key are canonical",
    "a bad cost is an error, and nothing else is",   "explain says the same, and the same bucket",
    "values by attribute id give the same",
};

// ---- rules as data
// -------------------------------------------------------------------------------

struct pattern {
  char text[PATTERN];
  sl_u128 address;  // of a block
  unsigned prefix;  // counted from 128 bits, IPv4 from 96
};

struct condition {
  unsigned attr;
  unsigned count;
  struct pattern patterns[PATTERNS];
};

struct rule {
  struct condition match[CONDITIONS], except[CONDITIONS];
  unsigned match_count, except_count;
  unsigned key[KEYS];
  unsigned key_count;
  bool skip, enabled, shadow;
  unsigned cost_kind;  // 0 the request's, 1 a number, 2 an attribute
  unsigned cost;
  unsigned override_count;
  unsigned override_tenant[OVERRIDES];  // where the key is [tenant]
};

struct state {
  struct rule rules[RULES];
  unsigned rule_count;
  char yaml[YAML];
  struct fail_mem fail;
  struct sl_ruleset *set;
  struct sl_hits hits;
  // The request at hand: whether each attribute is there, its canonical value, and its form as
  // sent.
  bool has[ATTRS];
  char value[ATTRS][VALUE];  // what patterns see
  char sent[ATTRS][VALUE];
  char client_key[VALUE];
  sl_u128 address;
  bool is_address;
  uint64_t cost;
};

static struct state state;

static unsigned below(struct prop *p, unsigned bound) {
  return (unsigned)sl_prng_below(&p->prng, bound);
}

static bool one_in(struct prop *p, unsigned n) { return below(p, n) == 0; }

// ---- making rules
// --------------------------------------------------------------------------------

// Addresses cluster, so that blocks nest and requests fall into them.
static sl_u128 random_address(struct prop *p) {
  if (one_in(p, 2)) {
    const uint32_t ipv4 = UINT32_C(0x0a000000) | below(p, 4) << 16 | below(p, 4) << 8 | below(p, 4);
    return (sl_u128)UINT64_C(0xffff) << 32 | ipv4;
  }
  const uint64_t high = UINT64_C(0x20010db800000000) | (uint64_t)below(p, 3) << 16 | below(p, 3);
  return (sl_u128)high << 64 | (uint64_t)below(p, 2) << 63 | below(p, 3);
}

static sl_u128 mask_of(unsigned prefix) { return prefix == 0 ? 0 : ~(sl_u128)0 << (128 - prefix); }

static bool is_ipv4(sl_u128 address) { return address >> 32 == 0xffff; }

// An address by hand, in a form that depends on `form`.
static void write_address(sl_u128 address, unsigned form, char *buffer) {
  const unsigned low = (unsigned)address;
  const unsigned bytes[4] = {low >> 24, low >> 16 & 255, low >> 8 & 255, low & 255};
  if (is_ipv4(address)) {
    static const char *const forms[] = {"%u.%u.%u.%u", "%u.%u.%u.%u:4711", "::ffff:%u.%u.%u.%u",
                                        "[::FFFF:%u.%u.%u.%u]:1"};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sprintf(buffer, forms[form % SL_ARRAY_LEN(forms)], bytes[0], bytes[1], bytes[2], bytes[3]);
#pragma GCC diagnostic pop
    return;
  }
  size_t len = form % 3 == 1 ? (size_t)sprintf(buffer, "[") : 0;
  for (int i = 7; i >= 0; i--) {
    len += (size_t)sprintf(buffer + len, form % 3 == 2 ? "%04X%s" : "%x%s",
                           (unsigned)(address >> (16 * i)) & 0xffff, i > 0 ? ":" : "");
  }
  sprintf(buffer + len, "%s", form % 3 == 1 ? "]:80" : form % 5 == 2 ? "%eth0" : "");
}

// The canonical text of the addresses that random_address makes.
static void write_canonical(sl_u128 address, char *buffer) {
  if (is_ipv4(address)) {
    write_address(address, 0, buffer);
    return;
  }
  const unsigned a = (unsigned)(address >> 80) & 0xffff;
  const unsigned b = (unsigned)(address >> 64) & 0xffff;
  const unsigned c = (unsigned)(address >> 48) & 0xffff;
  const unsigned d = (unsigned)address & 0xffff;
  // 2001:db8:a:b:c:0:0:d with the longest run of zeros, the first of equals, written "::".
  char last[8] = "";
  if (d != 0) {
    sprintf(last, "%x", d);
  }
  if (a == 0 && b == 0 && c == 0) {
    sprintf(buffer, "2001:db8::%s", last);
  } else if (b == 0 && c == 0) {
    sprintf(buffer, "2001:db8:%x::%s", a, last);
  } else if (c == 0) {
    sprintf(buffer, "2001:db8:%x:%x::%s", a, b, last);
  } else if (d == 0) {
    sprintf(buffer, "2001:db8:%x:%x:%x::", a, b, c);
  } else if (a == 0 && b == 0) {
    sprintf(buffer, "2001:db8::%x:0:0:%x", c, d);
  } else {
    sprintf(buffer, "2001:db8:%x:%x:%x::%x", a, b, c, d);
  }
}

static void write_group(sl_u128 address, char *buffer) {
  if (is_ipv4(address)) {
    write_address(address, 0, buffer);
    return;
  }
  write_canonical(address & mask_of(64), buffer);
  strcat(buffer, "/64");
}

static void make_path(struct prop *p, char *buffer) {
  static const char *const segments[] = {"v1", "v2", "a", "ab", "b"};
  size_t len = 0;
  const unsigned count = below(p, 4);
  for (unsigned i = 0; i < count; i++) {
    len += (size_t)sprintf(buffer + len, "/%s", segments[below(p, SL_ARRAY_LEN(segments))]);
  }
  if (count == 0 || one_in(p, 4)) {
    sprintf(buffer + len, "/");
  }
}

static void make_agent(struct prop *p, char *buffer) {
  static const char *const letters[] = {"a", "b", "c", "\xc3\xa9"};
  const unsigned count = below(p, 7);
  buffer[0] = '\0';
  for (unsigned i = 0; i < count; i++) {
    strcat(buffer, letters[below(p, SL_ARRAY_LEN(letters))]);
  }
}

// Puts stars and question marks into a text.
static void make_glob(struct prop *p, char *text) {
  char glob[PATTERN] = "";
  size_t len = 0;
  for (const char *c = text; *c != '\0' && len + 4 < sizeof glob; c++) {
    const unsigned what = below(p, 10);
    if (what == 0 && (*c & 0xc0) != 0x80) {
      glob[len++] = '*';
    }
    if (what == 1 && (*c & 0x80) == 0) {
      glob[len++] = '?';
    } else if (what != 2 || (*c & 0x80) != 0) {
      glob[len++] = *c;
    }
  }
  // Without a star or question mark it would be an exact text, and a path be brought to normal
  // form.
  if (one_in(p, 2) || strpbrk(glob, "*?") == NULL) {
    glob[len++] = '*';
  }
  glob[len] = '\0';
  strcpy(text, glob);
}

static void make_pattern(struct prop *p, unsigned attr, struct pattern *pattern) {
  static const char *const methods[] = {"GET", "POST", "PUT"};
  *pattern = (struct pattern){.prefix = UINT32_MAX};
  if (one_in(p, 40)) {
    strcpy(pattern->text, one_in(p, 2) ? "*" : "**");
    return;
  }
  switch (attr) {
  case TENANT:
    sprintf(pattern->text, "t%u", below(p, 30));
    break;
  case METHOD:
    strcpy(pattern->text, methods[below(p, SL_ARRAY_LEN(methods))]);
    break;
  case PATH:
    make_path(p, pattern->text);
    if (one_in(p, 2)) {
      make_glob(p, pattern->text);
    }
    break;
  case AGENT:
    make_agent(p, pattern->text);
    if (one_in(p, 2)) {
      make_glob(p, pattern->text);
    }
    break;
  default:
    pattern->address = random_address(p);
    if (one_in(p, 8)) {
      write_canonical(pattern->address, pattern->text);
      pattern->text[strlen(pattern->text) - 1] = '*';
      return;
    }
    pattern->prefix = is_ipv4(pattern->address) ? 96 + 8 * below(p, 5) : 16 * below(p, 9);
    pattern->address &= mask_of(pattern->prefix);
    write_address(pattern->address, is_ipv4(pattern->address) ? 0 : 0, pattern->text);
    if (pattern->prefix != 128 || one_in(p, 2)) {
      sprintf(pattern->text + strlen(pattern->text), "/%u",
              pattern->prefix - (is_ipv4(pattern->address) ? 96 : 0));
    }
  }
}

static unsigned make_conditions(struct prop *p, struct condition *conditions, unsigned most) {
  const unsigned count = below(p, most + 1);
  unsigned used = 0;
  for (unsigned i = 0; i < count; i++) {
    struct condition *condition = &conditions[i];
    do {
      condition->attr = below(p, CLIENT + 1);
    } while ((used & 1u << condition->attr) != 0);
    used |= 1u << condition->attr;
    condition->count = 1 + (one_in(p, 2) ? below(p, PATTERNS) : 0);
    for (unsigned j = 0; j < condition->count; j++) {
      make_pattern(p, condition->attr, &condition->patterns[j]);
    }
  }
  return count;
}

static void make_rule(struct prop *p, struct rule *rule) {
  *rule = (struct rule){.enabled = !one_in(p, 12), .skip = one_in(p, 4), .shadow = one_in(p, 10)};
  rule->match_count = make_conditions(p, rule->match, CONDITIONS);
  rule->except_count = one_in(p, 4) ? make_conditions(p, rule->except, 2) : 0;
  const unsigned keys = below(p, KEYS + 1);
  unsigned used = 0;
  while (rule->key_count < keys) {
    const unsigned attr = below(p, CLIENT + 1);
    if ((used & 1u << attr) == 0) {
      rule->key[rule->key_count++] = attr;
      used |= 1u << attr;
    }
  }
  rule->cost_kind = below(p, 3);
  rule->cost = below(p, 5);
  if (rule->key_count == 1 && rule->key[0] == TENANT) {
    rule->override_count = below(p, OVERRIDES + 1);
    for (unsigned i = 0; i < rule->override_count; i++) {
      rule->override_tenant[i] = 8 * i + below(p, 8);
    }
  }
}

// ---- rules as YAML
// -------------------------------------------------------------------------------

static size_t yaml_len;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...) {
  va_list args;
  va_start(args, format);
  yaml_len += (size_t)vsnprintf(state.yaml + yaml_len, YAML - yaml_len, format, args);
  va_end(args);
  if (yaml_len >= YAML) {
    abort();
  }
}

static void put_conditions(const char *field, const struct condition *conditions, unsigned count) {
  if (count == 0) {
    return;
  }
  put(", %s: {", field);
  for (unsigned i = 0; i < count; i++) {
    put("%s%s: [", i > 0 ? ", " : "", names[conditions[i].attr]);
    for (unsigned j = 0; j < conditions[i].count; j++) {
      put("%s\"%s\"", j > 0 ? ", " : "", conditions[i].patterns[j].text);
    }
    put("]");
  }
  put("}");
}

// Each rule's limit counts 1000 + its index, an override's 2000 + the tenant: results can be told
// apart.
static void put_rule(const struct rule *rule, unsigned index) {
  put("- {id: r%u, limit: {rate: %u/1s}, enabled: %s, missing: %s", index, 1000 + index,
      rule->enabled ? "true" : "false", rule->skip ? "skip" : "absent");
  put_conditions("match", rule->match, rule->match_count);
  put_conditions("except", rule->except, rule->except_count);
  put(", key: [");
  for (unsigned i = 0; i < rule->key_count; i++) {
    put("%s%s", i > 0 ? ", " : "", names[rule->key[i]]);
  }
  put("]");
  if (rule->cost_kind > 0) {
    put(", cost: ");
    if (rule->cost_kind == 1) {
      put("%u", rule->cost);
    } else {
      put("size");
    }
  }
  if (rule->shadow) {
    put(", over_limit: shadow");
  }
  if (rule->override_count > 0) {
    put(", overrides: [");
    for (unsigned i = 0; i < rule->override_count; i++) {
      put("%s{key: {tenant: t%u}, limit: {rate: %u/1s}}", i > 0 ? ", " : "",
          rule->override_tenant[i], 2000 + rule->override_tenant[i]);
    }
    put("]");
  }
  put("}\n");
}

static void make_set(struct prop *p) {
  state.rule_count = one_in(p, 4) ? below(p, RULES + 1) : below(p, 12);
  yaml_len = 0;
  put("rules:%s\n", state.rule_count == 0 ? " []" : "");
  for (unsigned i = 0; i < state.rule_count; i++) {
    make_rule(p, &state.rules[i]);
    put_rule(&state.rules[i], i);
  }
  sl_ruleset_free(state.set);
  state.set = rules_set(state.yaml, &state.fail.mem);
}

// ---- requests
// ------------------------------------------------------------------------------------

// A path with detours that lead to the same place.
static void mess_up(struct prop *p, const char *path, char *sent) {
  size_t len = 0;
  for (const char *c = path; *c != '\0'; c++) {
    const unsigned what = len + 24 < VALUE ? below(p, 12) : 11;
    if (*c == '/' && what < 3) {
      static const char *const detours[] = {"/", "/./", "/x/../"};
      len += (size_t)sprintf(sent + len, "%s", detours[what]);
      // "/" before "/" is a double slash, the others end in the slash themselves.
      len -= what > 0;
    }
    len += *c != '/' && what == 3
               ? (size_t)sprintf(sent + len, one_in(p, 2) ? "%%%02x" : "%%%02X", (unsigned)*c)
               : (size_t)sprintf(sent + len, "%c", *c);
  }
  if (one_in(p, 8)) {
    sprintf(sent + len, "?q=/v1");
  }
}

static void make_client(struct prop *p) {
  state.is_address = !one_in(p, 12);
  if (!state.is_address) {
    static const char *const garbage[] = {"unix:", "10.0.0.x",    "10.0.0.1.",
                                          "",      "2001:db8::g", "10.0.0.1/8"};
    strcpy(state.sent[CLIENT], garbage[below(p, SL_ARRAY_LEN(garbage))]);
    strcpy(state.value[CLIENT], state.sent[CLIENT]);
    strcpy(state.client_key, state.sent[CLIENT]);
    return;
  }
  state.address = random_address(p);
  write_address(state.address, below(p, 12), state.sent[CLIENT]);
  write_canonical(state.address, state.value[CLIENT]);
  write_group(state.address, state.client_key);
}

static void make_request(struct prop *p) {
  static const char *const methods[] = {"GET", "POST", "PUT", "HEAD"};
  for (unsigned i = 0; i < ATTRS; i++) {
    state.has[i] = !one_in(p, 6);
    state.value[i][0] = state.sent[i][0] = '\0';
  }
  sprintf(state.value[TENANT], "t%u", below(p, 36));
  strcpy(state.value[METHOD], methods[below(p, SL_ARRAY_LEN(methods))]);
  make_path(p, state.value[PATH]);
  make_agent(p, state.value[AGENT]);
  sprintf(state.value[SIZE], one_in(p, 16) ? "%ux" : "%u", below(p, 100));
  for (unsigned i = 0; i < ATTRS; i++) {
    strcpy(state.sent[i], state.value[i]);
  }
  mess_up(p, state.value[PATH], state.sent[PATH]);
  make_client(p);
  state.cost = below(p, 4);
}

// ---- the model
// -----------------------------------------------------------------------------------

static size_t char_bytes(const char *c) { return (*c & 0x80) == 0 ? 1 : 2; }

// fits[j]: what was read of the pattern fits the first j bytes of the text.
static bool glob_fits(const char *pattern, const char *text) {
  bool fits[VALUE + 1] = {true};
  bool next[VALUE + 1];
  const size_t len = strlen(text);
  for (; *pattern != '\0'; pattern++) {
    for (size_t j = 0; j <= len; j++) {
      next[j] = *pattern == '*' && fits[j];
    }
    for (size_t j = 0; j < len; j++) {
      if (*pattern == '*') {
        next[j + 1] = next[j + 1] || next[j];
      } else if (*pattern == '?') {
        // Only whole characters: a place within one fits nothing that ends there.
        if (fits[j] && (text[j] & 0xc0) != 0x80) {
          next[j + char_bytes(&text[j])] = true;
        }
      } else if (fits[j] && text[j] == *pattern) {
        next[j + 1] = true;
      }
    }
    memcpy(fits, next, sizeof fits);
  }
  return fits[len];
}

static bool condition_fits(const struct condition *condition) {
  if (!state.has[condition->attr]) {
    return false;
  }
  for (unsigned i = 0; i < condition->count; i++) {
    const struct pattern *pattern = &condition->patterns[i];
    const bool block = condition->attr == CLIENT && pattern->prefix <= 128;
    if (block ? state.is_address && is_ipv4(state.address) == is_ipv4(pattern->address) &&
                    (state.address & mask_of(pattern->prefix)) == pattern->address
              : glob_fits(pattern->text, state.value[condition->attr])) {
      return true;
    }
  }
  return false;
}

static bool all_fit(const struct condition *conditions, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (!condition_fits(&conditions[i])) {
      return false;
    }
  }
  return true;
}

static bool rule_fits(const struct rule *rule) {
  if (!all_fit(rule->match, rule->match_count) ||
      (rule->except_count > 0 && all_fit(rule->except, rule->except_count))) {
    return false;
  }
  for (unsigned i = 0; i < rule->key_count && rule->skip; i++) {
    if (!state.has[rule->key[i]]) {
      return false;
    }
  }
  return true;
}

// The cost, or UINT64_MAX where it is none.
static uint64_t rule_cost(const struct rule *rule) {
  if (rule->cost_kind == 0) {
    return state.cost;
  }
  if (rule->cost_kind == 1) {
    return rule->cost;
  }
  if (!state.has[SIZE]) {
    return 1;
  }
  const char *text = state.value[SIZE];
  return text[strlen(text) - 1] == 'x' ? UINT64_MAX : strtoull(text, NULL, 10);
}

static uint64_t rule_count(const struct rule *rule, unsigned index) {
  for (unsigned i = 0; i < rule->override_count && state.has[TENANT]; i++) {
    if (strtoul(state.value[TENANT] + 1, NULL, 10) == rule->override_tenant[i]) {
      return 2000 + rule->override_tenant[i];
    }
  }
  return 1000 + index;
}

// ---- one against the other
// -----------------------------------------------------------------------

static void describe(const void *context) {
  (void)context;
  fprintf(stdout, "%s", state.yaml);
  for (unsigned i = 0; i < ATTRS; i++) {
    diag("%s %s \"%s\" (\"%s\")", names[i], state.has[i] ? "is" : "is not there, else",
         state.value[i], state.sent[i]);
  }
  for (size_t i = 0; i < state.hits.count; i++) {
    diag("hit r%.*s", (int)state.hits.items[i].rule->id.len - 1,
         state.hits.items[i].rule->id.ptr + 1);
  }
}

static bool check_hit(struct prop *p, const struct rule *rule, unsigned index,
                      const struct sl_hit *hit) {
  const uint64_t limit = state.set->limits[hit->limit_index].limit.rate_count;
  bool good = prop_equal(p, LAW_COST, rule_cost(rule), hit->cost) &&
              prop_equal(p, LAW_LIMIT, rule_count(rule, index), limit) &&
              prop_equal(p, LAW_LIMIT, limit >= 2000, hit->overridden);
  for (unsigned i = 0; i < rule->key_count && good; i++) {
    const unsigned attr = rule->key[i];
    const struct sl_str value = hit->values[i];
    const struct sl_str want = sl_str_of(attr == CLIENT ? state.client_key : state.value[attr]);
    good = prop_holds(p, LAW_VALUES, state.has[attr] ? sl_str_eq(value, want) : sl_is_absent(value),
                      i, index);
  }
  return good;
}

// The hits, against every rule in turn.
static bool check_hits(struct prop *p, enum sl_status status, const struct sl_rule *wrong) {
  size_t next = 0;
  for (unsigned i = 0; i < state.rule_count; i++) {
    const struct rule *rule = &state.rules[i];
    if (!rule->enabled || !rule_fits(rule)) {
      continue;
    }
    if (rule_cost(rule) == UINT64_MAX) {
      if (rule->shadow) {
        continue;
      }
      const bool named = wrong != NULL && strtoul(wrong->id.ptr + 1, NULL, 10) == i;
      return prop_equal(p, LAW_STATUS, SL_ERR_COST, status) &&
             prop_equal(p, LAW_STATUS, true, named) &&
             prop_equal(p, LAW_STATUS, 0, state.hits.count);
    }
    if (status != SL_OK) {
      continue;  // a later rule's cost is bad
    }
    const struct sl_hit *hit = &state.hits.items[next++];
    if (!prop_holds(p, LAW_HITS, next <= state.hits.count, i, next) ||
        !prop_equal(p, LAW_HITS, i, strtoul(hit->rule->id.ptr + 1, NULL, 10)) ||
        !check_hit(p, rule, i, hit)) {
      return false;
    }
  }
  return prop_equal(p, LAW_STATUS, SL_OK, status) &&
         prop_equal(p, LAW_HITS, next, state.hits.count);
}

static bool check_explained(struct prop *p, const struct sl_request *request) {
  struct sl_arena arena;
  struct sl_explanation explanation;
  size_t next = 0;
  bool good = true;
  sl_arena_init(&arena, &state.fail.mem);
  if (sl_explain(state.set, request, &arena, &explanation) != SL_OK) {
    abort();
  }
  for (size_t i = 0; i < explanation.count && good; i++) {
    const struct sl_explained *said = &explanation.rules[i];
    if (said->why != SL_WHY_APPLIES || !said->rule->enabled) {
      continue;
    }
    const struct sl_hit *hit = &state.hits.items[next++];
    good = prop_holds(p, LAW_EXPLAINED, next <= state.hits.count, next, state.hits.count) &&
           prop_holds(p, LAW_EXPLAINED, hit->rule->model == said->rule, i, next) &&
           prop_equal(p, LAW_EXPLAINED, hit->cost, said->cost) &&
           prop_equal(p, LAW_EXPLAINED, hit->bucket.lo, said->bucket.lo) &&
           prop_equal(p, LAW_EXPLAINED, hit->bucket.hi, said->bucket.hi);
  }
  sl_arena_close(&arena);
  return good && prop_equal(p, LAW_EXPLAINED, next, state.hits.count);
}

// The hits stay as they were: what comes by ids is put beside them.
static bool check_by_values(struct prop *p) {
  struct sl_str values[ATTRS];
  struct sl_hits hits = {.mem = &state.fail.mem};
  const struct sl_rule *wrong;
  for (unsigned i = 0; i < ATTRS; i++) {
    const int64_t id = sl_ruleset_attr(state.set, sl_str_of(names[i]));
    if (id >= 0) {
      values[id] = state.has[i] ? sl_str_of(state.sent[i]) : SL_ABSENT;
    }
  }
  const enum sl_status status = sl_identify_values(state.set, values, state.cost, &hits, &wrong);
  bool good = prop_equal(p, LAW_BY_VALUES, SL_OK, status) &&
              prop_equal(p, LAW_BY_VALUES, state.hits.count, hits.count);
  for (size_t i = 0; i < hits.count && good; i++) {
    good = prop_equal(p, LAW_BY_VALUES, state.hits.items[i].bucket.lo, hits.items[i].bucket.lo) &&
           prop_equal(p, LAW_BY_VALUES, state.hits.items[i].cost, hits.items[i].cost);
  }
  sl_hits_close(&hits);
  return good;
}

static bool check_request(struct prop *p) {
  struct sl_attr attrs[ATTRS + 1];
  size_t count = 0;
  make_request(p);
  // In any order, and with one that no rule names.
  const unsigned first = below(p, ATTRS);
  for (unsigned i = 0; i < ATTRS; i++) {
    const unsigned attr = (first + i) % ATTRS;
    if (state.has[attr]) {
      attrs[count++] =
          (struct sl_attr){.name = sl_str_of(names[attr]), .value = sl_str_of(state.sent[attr])};
    }
  }
  attrs[count++] = (struct sl_attr){.name = SL_STR("header.host"), .value = SL_STR("t1")};
  const struct sl_request request = {.attrs = attrs, .attr_count = count, .cost = state.cost};
  const struct sl_rule *wrong;
  const enum sl_status status = sl_identify(state.set, &request, &state.hits, &wrong);
  if (!check_hits(p, status, wrong)) {
    return false;
  }
  if (status != SL_OK || !one_in(p, 16)) {
    return true;
  }
  return check_explained(p, &request) && check_by_values(p);
}

int main(int argc, char **argv) {
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAWS);
  p.describe = describe;
  fail_mem_init(&state.fail, 0);
  state.hits = (struct sl_hits){.mem = &state.fail.mem};
  for (uint64_t request = 0; p.step < p.args.steps; request++) {
    if (request % REQUESTS_PER_SET == 0) {
      make_set(&p);
    }
    if (!check_request(&p)) {
      break;
    }
    p.step += STEPS_PER_REQUEST;
  }
  sl_hits_close(&state.hits);
  sl_ruleset_free(state.set);
  if (p.broken == 0) {
    is_u64(state.fail.live, 0, "nothing leaks");
  }
  return prop_done(&p);
}
