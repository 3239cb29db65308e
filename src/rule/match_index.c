#include "rule/match_index.h"

#include "rule/glob.h"
#include "rule/sort.h"

// Prices of the kinds of patterns, for choosing the condition a rule is filed under: four times how
// many rules share the pattern, and more where more requests come by.
#define PRICE_SHARED UINT64_C(4)
#define PRICE_SHORT_PREFIX UINT64_C(256)  // divided by the prefix's length
#define PRICE_SCAN (UINT64_C(1) << 32)

// What one pattern is to the index.
enum pattern_kind { EXACT, BLOCK, PREFIX, SCAN, PRESENT };

struct pattern {
  enum pattern_kind kind;
  bool proves;          // finding it is fulfilling it
  struct sl_str text;   // of EXACT and PREFIX, or the bytes of a block
  struct sl_cidr cidr;  // of BLOCK
};

struct build {
  struct sl_match_index *index;
  struct sl_arena *arena;
  const struct sl_rule *rules;
  size_t rule_count, attr_count;
  const struct sl_secret *secret;
  sl_attr_id *attr_id;
  const void *ctx;
  size_t pattern_count, test_count;
};

static bool is_all_stars(struct sl_str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] != '*') {
      return false;
    }
  }
  return text.len > 0;
}

static struct pattern classify(enum sl_attr_kind kind, struct sl_str text) {
  struct pattern pattern = {.kind = EXACT, .proves = true, .text = text};
  if (kind == SL_ATTR_ADDRESS && sl_cidr_parse(text, &pattern.cidr, NULL)) {
    pattern.kind = BLOCK;
    return pattern;
  }
  if (!sl_is_glob(text)) {
    return pattern;
  }
  if (is_all_stars(text)) {
    pattern.kind = PRESENT;
    return pattern;
  }
  const size_t prefix = sl_glob_prefix(text);
  pattern.text.len = prefix;
  pattern.kind = prefix > 0 ? PREFIX : SCAN;
  const struct sl_str after = {.ptr = text.ptr + prefix, .len = text.len - prefix};
  pattern.proves = prefix > 0 && is_all_stars(after);
  return pattern;
}

// A block as a value: its bytes are its text. Written to `bytes` of at least sizeof(struct
// sl_cidr).
static struct sl_str block_text(const struct sl_cidr *cidr, char *bytes) {
  const uint64_t words[3] = {cidr->address.hi, cidr->address.lo, cidr->prefix};
  memcpy(bytes, words, sizeof words);
  return (struct sl_str){.ptr = bytes, .len = sizeof words};
}
enum { BLOCK_TEXT = 24 };

// The number of a pattern's value, adding it where it is new; SL_NONE for patterns without one, and
// with *ret_memory false when out of memory.
static uint32_t intern(struct build *b, uint32_t attr, const struct pattern *pattern,
                       bool *ret_memory) {
  struct sl_values *values = &b->index->values;
  char bytes[BLOCK_TEXT];
  if (pattern->kind == SCAN || pattern->kind == PRESENT) {
    return SL_NONE;
  }
  if (pattern->kind == EXACT || pattern->kind == PREFIX) {
    const enum sl_value_kind kind = pattern->kind == EXACT ? SL_VALUE_EXACT : SL_VALUE_PREFIX;
    const struct sl_sip prefix = sl_values_prefix(b->secret, attr, kind);
    return sl_values_add(values, &prefix, attr, kind, pattern->text);
  }
  const struct sl_sip prefix = sl_values_prefix(b->secret, attr, SL_VALUE_BLOCK);
  struct sl_str text = block_text(&pattern->cidr, bytes);
  const uint32_t found = sl_values_find(values, &prefix, attr, SL_VALUE_BLOCK, text);
  if (found != SL_NONE) {
    return found;
  }
  text.ptr = sl_arena_copy(b->arena, text);
  if (text.ptr == NULL) {
    *ret_memory = false;
    return SL_NONE;
  }
  return sl_values_add(values, &prefix, attr, SL_VALUE_BLOCK, text);
}

// ---- conditions
// ----------------------------------------------------------------------------------

static int compare_numbers(const void *ctx, uint32_t a, uint32_t b) {
  (void)ctx;
  return (a > b) - (a < b);
}

struct test_parts {
  uint32_t *exact;
  struct sl_str *globs;
  struct sl_cidr_set *blocks;
};

static bool alloc_parts(struct build *b, const struct sl_condition *condition,
                        enum sl_attr_kind kind, struct test_parts *parts) {
  size_t exact = 0, globs = 0, blocks = 0;
  for (size_t i = 0; i < condition->pattern_count; i++) {
    const enum pattern_kind of = classify(kind, condition->patterns[i]).kind;
    exact += of == EXACT;
    blocks += of == BLOCK;
    globs += of == PREFIX || of == SCAN;
  }
  *parts = (struct test_parts){
      .exact = sl_arena_alloc(b->arena, exact * sizeof *parts->exact),
      .globs = sl_arena_alloc(b->arena, globs * sizeof *parts->globs),
  };
  if (parts->exact == NULL || parts->globs == NULL) {
    return false;
  }
  if (blocks > 0) {
    parts->blocks = sl_arena_alloc(b->arena, sizeof *parts->blocks);
    return parts->blocks != NULL && sl_cidr_set_init(parts->blocks, b->arena, blocks);
  }
  return true;
}

// Compiles a condition. `counts`: it is one of match, so its patterns are uses.
static bool compile_test(struct build *b, const struct sl_condition *condition, bool counts,
                         struct sl_test *test) {
  const uint32_t attr = b->attr_id(b->ctx, condition->attr);
  struct sl_attr_index *info = &b->index->attrs[attr];
  struct test_parts parts;
  bool memory = alloc_parts(b, condition, info->kind, &parts);
  *test = (struct sl_test){
      .attr = attr, .exact = parts.exact, .globs = parts.globs, .blocks = parts.blocks};
  for (size_t i = 0; i < condition->pattern_count && memory; i++) {
    const struct pattern pattern = classify(info->kind, condition->patterns[i]);
    const uint32_t value = intern(b, attr, &pattern, &memory);
    if (value != SL_NONE && counts) {
      b->index->values.items[value].uses++;
    }
    switch (pattern.kind) {
    case EXACT:
      parts.exact[test->exact_count++] = value;
      info->exact_max = pattern.text.len > info->exact_max ? pattern.text.len : info->exact_max;
      break;
    case BLOCK:
      *sl_cidr_set_at(parts.blocks, &pattern.cidr) = 0;
      break;
    case PREFIX:
    case SCAN:
      parts.globs[test->glob_count++] = condition->patterns[i];
      break;
    case PRESENT:
      test->present = true;
      break;
    }
  }
  if (memory) {
    sl_sort_u32(parts.exact, test->exact_count, compare_numbers, NULL);
  }
  info->has_text = info->has_text || test->exact_count > 0 || test->glob_count > 0;
  return memory;
}

static bool compile_tests(struct build *b) {
  uint32_t next = 0;
  for (size_t i = 0; i < b->rule_count; i++) {
    const struct sl_rule_model *model = b->rules[i].model;
    struct sl_scope *scope = &b->index->scopes[i];
    *scope = (struct sl_scope){.first = next,
                               .match_count = (uint32_t)model->match_count,
                               .except_count = (uint32_t)model->except_count,
                               .filed = SL_NONE};
    for (size_t j = 0; j < model->match_count + model->except_count; j++) {
      const bool match = j < model->match_count;
      const struct sl_condition *condition =
          match ? &model->match[j] : &model->except[j - model->match_count];
      if (!compile_test(b, condition, match, &b->index->tests[next++])) {
        return false;
      }
    }
  }
  return true;
}

// ---- filing
// --------------------------------------------------------------------------------------

static uint64_t price_of(struct build *b, uint32_t attr, const struct pattern *pattern) {
  bool memory = true;
  const uint32_t value = intern(b, attr, pattern, &memory);
  const uint64_t shared = value == SL_NONE ? 0 : b->index->values.items[value].uses * PRICE_SHARED;
  switch (pattern->kind) {
  case EXACT:
    return shared;
  case BLOCK:
    return shared + (SL_ADDRESS_BITS - pattern->cidr.prefix);
  case PREFIX:
    return shared + PRICE_SHORT_PREFIX / pattern->text.len;
  case SCAN:
    return PRICE_SCAN;
  case PRESENT:
    return 2 * PRICE_SCAN;
  }
  return UINT64_MAX;
}

// The condition of the least price, the price of a condition being that of its dearest pattern.
static uint32_t choose(struct build *b, const struct sl_rule_model *model) {
  uint32_t best = SL_NONE;
  uint64_t best_price = UINT64_MAX;
  for (uint32_t i = 0; i < model->match_count; i++) {
    const struct sl_condition *condition = &model->match[i];
    const uint32_t attr = b->attr_id(b->ctx, condition->attr);
    uint64_t price = 0;
    for (size_t j = 0; j < condition->pattern_count; j++) {
      const struct pattern pattern = classify(b->index->attrs[attr].kind, condition->patterns[j]);
      const uint64_t its = price_of(b, attr, &pattern);
      price = its > price ? its : price;
    }
    if (price < best_price) {
      best = i;
      best_price = price;
    }
  }
  return best;
}

static void file_under(struct build *b, uint32_t rule, bool proves, uint32_t *head) {
  const uint32_t at = b->index->filing_count++;
  b->index->filings[at] =
      (struct sl_filing){.candidate = rule << 1 | (proves ? 0u : 1u), .next = *head};
  *head = at;
}

static void file_rule(struct build *b, uint32_t rule, struct sl_scope *scope) {
  const struct sl_rule_model *model = b->rules[rule].model;
  struct sl_match_index *index = b->index;
  scope->filed = choose(b, model);
  if (scope->filed == SL_NONE) {
    file_under(b, rule, true, &index->always_head);
    return;
  }
  const struct sl_condition *condition = &model->match[scope->filed];
  const uint32_t attr = b->attr_id(b->ctx, condition->attr);
  struct sl_attr_index *info = &index->attrs[attr];
  for (size_t i = 0; i < condition->pattern_count; i++) {
    const struct pattern pattern = classify(info->kind, condition->patterns[i]);
    bool memory = true;
    const uint32_t value = intern(b, attr, &pattern, &memory);
    info->has_filed_exact = info->has_filed_exact || pattern.kind == EXACT;
    if (value != SL_NONE) {
      file_under(b, rule, pattern.proves, &index->values.items[value].head);
    } else {
      file_under(b, rule, pattern.proves,
                 pattern.kind == PRESENT ? &info->present_head : &info->scan_head);
    }
  }
}

// Values that rules are filed under, of one kind and attribute, become its sets for searching.
static bool build_blocks(struct build *b, uint32_t attr, size_t count) {
  struct sl_attr_index *info = &b->index->attrs[attr];
  const struct sl_values *values = &b->index->values;
  if (!sl_cidr_set_init(&info->blocks, b->arena, count)) {
    return false;
  }
  for (uint32_t i = 0; count > 0 && i < values->count; i++) {
    const struct sl_value *value = &values->items[i];
    if (value->attr == attr && value->kind == SL_VALUE_BLOCK && value->head != SL_NONE) {
      uint64_t words[3];
      memcpy(words, value->text.ptr, sizeof words);
      const struct sl_cidr cidr = {.address = {.hi = words[0], .lo = words[1]},
                                   .prefix = (unsigned)words[2]};
      *sl_cidr_set_at(&info->blocks, &cidr) = value->head;
    }
  }
  return true;
}

static bool is_filed_prefix(const struct sl_value *value) {
  return value->kind == SL_VALUE_PREFIX && value->head != SL_NONE;
}

// Groups the prefixes by attribute in one pass over the values and makes each group's set.
static bool build_prefixes(struct build *b, const uint32_t *counts, struct sl_prefix *items,
                           uint32_t *starts) {
  const struct sl_values *values = &b->index->values;
  uint32_t start = 0;
  for (size_t i = 0; i < b->attr_count; i++) {
    starts[i] = start;
    start += counts[i];
  }
  for (uint32_t i = 0; i < values->count; i++) {
    const struct sl_value *value = &values->items[i];
    if (is_filed_prefix(value)) {
      items[starts[value->attr]++] = (struct sl_prefix){.text = value->text, .value = value->head};
    }
  }
  for (size_t i = 0; i < b->attr_count; i++) {
    const struct sl_prefix *first = items + (starts[i] - counts[i]);
    if (!sl_prefix_set_init(&b->index->attrs[i].prefixes, b->arena, first, counts[i])) {
      return false;
    }
  }
  return true;
}

static bool build_sets(struct build *b) {
  const struct sl_values *values = &b->index->values;
  const struct sl_mem *mem = b->arena->mem;
  struct sl_arena scratch;
  sl_arena_init(&scratch, mem);
  uint32_t *counts = sl_arena_alloc(&scratch, b->attr_count * sizeof *counts);
  uint32_t *starts = sl_arena_alloc(&scratch, b->attr_count * sizeof *starts);
  uint32_t *blocks = sl_arena_alloc(&scratch, b->attr_count * sizeof *blocks);
  struct sl_prefix *items = sl_arena_alloc(&scratch, values->count * sizeof *items);
  bool memory = counts != NULL && starts != NULL && blocks != NULL && items != NULL;
  for (uint32_t i = 0; memory && i < values->count; i++) {
    counts[values->items[i].attr] += is_filed_prefix(&values->items[i]);
    blocks[values->items[i].attr] +=
        values->items[i].kind == SL_VALUE_BLOCK && values->items[i].head != SL_NONE;
  }
  memory = memory && build_prefixes(b, counts, items, starts);
  for (uint32_t i = 0; memory && i < b->attr_count; i++) {
    memory = build_blocks(b, i, blocks[i]);
  }
  sl_arena_close(&scratch);
  return memory;
}

// ---- the whole
// -----------------------------------------------------------------------------------

static void count_all(struct build *b) {
  for (size_t i = 0; i < b->rule_count; i++) {
    const struct sl_rule_model *model = b->rules[i].model;
    b->test_count += model->match_count + model->except_count;
    for (size_t j = 0; j < model->match_count; j++) {
      b->pattern_count += model->match[j].pattern_count;
    }
    for (size_t j = 0; j < model->except_count; j++) {
      b->pattern_count += model->except[j].pattern_count;
    }
  }
}

static bool alloc_all(struct build *b, const struct sl_str *attr_names) {
  struct sl_match_index *index = b->index;
  struct sl_arena *arena = b->arena;
  // A rule is filed under each pattern of one condition, or once.
  const size_t filings = b->pattern_count + b->rule_count;
  *index = (struct sl_match_index){
      .attrs = sl_arena_alloc(arena, b->attr_count * sizeof *index->attrs),
      .scopes = sl_arena_alloc(arena, b->rule_count * sizeof *index->scopes),
      .tests = sl_arena_alloc(arena, b->test_count * sizeof *index->tests),
      .filings = sl_arena_alloc(arena, filings * sizeof *index->filings),
      .always_head = SL_NONE,
  };
  if (index->attrs == NULL || index->scopes == NULL || index->tests == NULL ||
      index->filings == NULL || !sl_values_init(&index->values, arena, b->pattern_count)) {
    return false;
  }
  for (uint32_t i = 0; i < b->attr_count; i++) {
    index->attrs[i].kind = sl_attr_kind_of(attr_names[i]);
    index->attrs[i].exact_prefix = sl_values_prefix(b->secret, i, SL_VALUE_EXACT);
    index->attrs[i].present_head = SL_NONE;
    index->attrs[i].scan_head = SL_NONE;
  }
  return true;
}

bool sl_match_index_build(struct sl_match_index *index, struct sl_arena *arena,
                          const struct sl_rule *rules, size_t rule_count, size_t attr_count,
                          const struct sl_secret *secret, sl_attr_id *attr_id, const void *ctx,
                          const struct sl_str *attr_names) {
  struct build b = {
      .index = index,
      .arena = arena,
      .rules = rules,
      .rule_count = rule_count,
      .attr_count = attr_count,
      .secret = secret,
      .attr_id = attr_id,
      .ctx = ctx,
  };
  count_all(&b);
  if (!alloc_all(&b, attr_names) || !compile_tests(&b)) {
    return false;
  }
  for (size_t i = rule_count; i > 0; i--) {
    // From the last, because each filing goes before those of its list: lists then are in file
    // order.
    file_rule(&b, (uint32_t)(i - 1), &index->scopes[i - 1]);
  }
  return build_sets(&b);
}
