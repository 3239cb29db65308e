#include "rule/ruleset.h"

#include "rule/client_ip.h"
#include "rule/ruleset_private.h"

// The set and its private part are one allocation.
struct bundle {
  struct sl_ruleset set;
  struct sl_ruleset_private priv;
};

// The limits seen so far: equal specs share one entry.
enum { SPEC_WORDS = 12 };

struct limit_slot {
  uint64_t words[SPEC_WORDS];
  uint32_t index;  // SL_NONE: empty
};

struct compile {
  struct sl_ruleset *set;
  struct sl_ruleset_private *priv;
  const struct sl_model *model;
  struct sl_arena scratch;
  struct sl_rule *rules;
  struct sl_str *attr_names;
  struct sl_limit_entry *limits;
  struct limit_slot *slots;
  uint64_t slot_mask;
  struct sl_sip limit_prefix;
  size_t attr_room;
};

// ---- names of attributes
// -------------------------------------------------------------------------

static size_t count_names(const struct sl_model *model) {
  size_t count = 0;
  for (size_t i = 0; i < model->rule_count; i++) {
    const struct sl_rule_model *rule = &model->rules[i];
    count += rule->match_count + rule->except_count + rule->key_count + rule->has_cost_attr;
  }
  return count;
}

static bool init_names(struct compile *c) {
  size_t slots = 4;
  c->attr_room = count_names(c->model);
  while (slots < 2 * c->attr_room) {
    slots *= 2;
  }
  c->priv->names = sl_arena_alloc(&c->priv->arena, slots * sizeof *c->priv->names);
  c->attr_names = sl_arena_alloc(&c->priv->arena, c->attr_room * sizeof *c->attr_names);
  if (c->priv->names == NULL || c->attr_names == NULL) {
    return false;
  }
  for (size_t i = 0; i < slots; i++) {
    c->priv->names[i].id = SL_NONE;
  }
  c->priv->name_mask = slots - 1;
  c->priv->name_seed = c->set->secret.word[0] ^ sl_rotl64(c->set->secret.word[1], 32);
  c->set->attr_names = c->attr_names;
  return true;
}

static uint32_t add_name(struct compile *c, struct sl_str name) {
  const uint32_t found = sl_name_find(c->set, name);
  if (found != SL_NONE) {
    return found;
  }
  sl_assert(c->set->attr_count < c->attr_room);
  const uint32_t id = (uint32_t)c->set->attr_count++;
  const uint64_t hash = sl_name_hash(name, c->priv->name_seed);
  uint64_t at = hash & c->priv->name_mask;
  while (c->priv->names[at].id != SL_NONE) {
    at = (at + 1) & c->priv->name_mask;
  }
  c->priv->names[at] = (struct sl_name_slot){.hash = hash, .id = id};
  c->attr_names[id] = name;
  return id;
}

static uint32_t name_id(const void *ctx, struct sl_str name) {
  const struct compile *c = ctx;
  const uint32_t id = sl_name_find(c->set, name);
  sl_assert(id != SL_NONE);
  return id;
}

// ---- limits
// --------------------------------------------------------------------------------------

static void spec_words(const struct sl_limit_spec *spec, uint64_t *words) {
  const uint64_t flags = (uint64_t)spec->has_burst | (uint64_t)spec->any_window << 1 |
                         (uint64_t)spec->count_refused << 2;
  const uint64_t all[SPEC_WORDS] = {
      (uint64_t)spec->algorithm << 8 | flags,
      spec->count,
      spec->period_ns,
      spec->has_burst ? spec->burst : 0,
      spec->jitter_ns,
      spec->queue,
      spec->sub_windows,
      spec->slots,
      spec->lease_ns,
      spec->max_wait_ns,
  };
  memcpy(words, all, sizeof all);
}

static bool init_limits(struct compile *c) {
  size_t most = c->model->rule_count;
  for (size_t i = 0; i < c->model->rule_count; i++) {
    most += c->model->rules[i].override_count;
  }
  size_t slots = 4;
  while (slots < 2 * most) {
    slots *= 2;
  }
  c->slots = sl_arena_alloc(&c->scratch, slots * sizeof *c->slots);
  if (c->slots == NULL) {
    return false;
  }
  for (size_t i = 0; i < slots; i++) {
    c->slots[i].index = SL_NONE;
  }
  c->slot_mask = slots - 1;
  c->limit_prefix = sl_sip_init(&c->set->secret);
  sl_sip_element(&c->limit_prefix, SL_STR("# limit"));
  return true;
}

static enum sl_status prepare_limit(struct compile *c, const struct sl_limit_spec *spec,
                                    struct sl_limit_entry *entry) {
  char message[256];
  struct sl_text text;
  sl_text_init(&text, message, sizeof message);
  const enum sl_status status = sl_limit_prepare(spec, &entry->limit, &text);
  if (status == SL_OK) {
    uint64_t words[SL_LIMIT_WORDS];
    sl_limit_words(&entry->limit, words);
    entry->print = sl_sip_finish(c->limit_prefix, words, sizeof words);
  }
  return status;
}

// How many entries the array has room for: the powers of two from 16 on.
static bool grow_limits(struct compile *c) {
  const size_t count = c->set->limit_count;
  if (count != 0 && (count < 16 || (count & (count - 1)) != 0)) {
    return true;
  }
  const size_t room = count == 0 ? 16 : 2 * count;
  struct sl_limit_entry *limits = sl_arena_alloc(&c->scratch, room * sizeof *limits);
  if (limits == NULL) {
    return false;
  }
  if (count > 0) {
    memcpy(limits, c->limits, count * sizeof *limits);
  }
  c->limits = limits;
  return true;
}

static enum sl_status add_limit(struct compile *c, const struct sl_limit_spec *spec,
                                uint32_t *ret_index) {
  struct limit_slot wanted = {.index = (uint32_t)c->set->limit_count};
  spec_words(spec, wanted.words);
  uint64_t at = sl_sip_finish(c->limit_prefix, wanted.words, sizeof wanted.words).lo & c->slot_mask;
  while (c->slots[at].index != SL_NONE) {
    if (memcmp(c->slots[at].words, wanted.words, sizeof wanted.words) == 0) {
      *ret_index = c->slots[at].index;
      return SL_OK;
    }
    at = (at + 1) & c->slot_mask;
  }
  if (!grow_limits(c)) {
    return SL_ERR_MEMORY;
  }
  const enum sl_status status = prepare_limit(c, spec, &c->limits[wanted.index]);
  if (status != SL_OK) {
    return status == SL_ERR_MEMORY ? SL_ERR_MEMORY : SL_ERR_INVALID;
  }
  c->slots[at] = wanted;
  c->set->limit_count++;
  *ret_index = wanted.index;
  return SL_OK;
}

static bool keep_limits(struct compile *c) {
  const size_t bytes = c->set->limit_count * sizeof *c->limits;
  struct sl_limit_entry *limits = sl_arena_alloc(&c->priv->arena, bytes);
  if (limits != NULL && bytes > 0) {
    memcpy(limits, c->limits, bytes);
  }
  c->set->limits = limits;
  return limits != NULL;
}

// ---- rules
// ---------------------------------------------------------------------------------------

static void add_conditions(struct compile *c, const struct sl_condition *conditions, size_t count) {
  for (size_t i = 0; i < count; i++) {
    (void)add_name(c, conditions[i].attr);
  }
}

static bool add_key(struct compile *c, struct sl_rule *rule, const struct sl_rule_model *model) {
  uint32_t *attrs = sl_arena_alloc(&c->priv->arena, model->key_count * sizeof *attrs);
  if (attrs == NULL) {
    return false;
  }
  rule->key_count = (uint8_t)model->key_count;
  rule->key_attrs = attrs;
  rule->key_prefix = sl_sip_init(&c->set->secret);
  sl_sip_element(&rule->key_prefix, model->id);
  for (size_t i = 0; i < model->key_count; i++) {
    attrs[i] = add_name(c, model->key[i]);
    sl_sip_element(&rule->key_prefix, model->key[i]);
  }
  return true;
}

static enum sl_status add_overrides(struct compile *c, struct sl_rule *rule,
                                    const struct sl_rule_model *model) {
  if (model->override_count == 0) {
    return SL_OK;
  }
  struct sl_overrides *overrides = sl_arena_alloc(&c->priv->arena, sizeof *overrides);
  if (overrides == NULL || !sl_overrides_init(overrides, &c->priv->arena, model->override_count)) {
    return SL_ERR_MEMORY;
  }
  for (size_t i = 0; i < model->override_count; i++) {
    uint32_t limit_index;
    const enum sl_status status = add_limit(c, &model->overrides[i].limit, &limit_index);
    if (status != SL_OK) {
      return status;
    }
    sl_overrides_add(overrides, sl_rule_key(rule, model->overrides[i].values), limit_index);
  }
  rule->overrides = overrides;
  return SL_OK;
}

static enum sl_status add_rule(struct compile *c, const struct sl_rule_model *model) {
  const uint32_t index = (uint32_t)c->set->rule_count++;
  struct sl_rule *rule = &c->rules[index];
  *rule = (struct sl_rule){
      .id = model->id,
      .index = index,
      .model = model,
      .over_limit = model->over_limit,
      .cost_kind = model->has_cost_attr     ? SL_COST_ATTRIBUTE
                   : model->has_cost_number ? SL_COST_NUMBER
                                            : SL_COST_REQUEST,
      .missing_skip = model->missing_skip,
      .cost_number = model->cost_number,
  };
  if (model->has_cost_attr) {
    rule->cost_attr = add_name(c, model->cost_attr);
  }
  add_conditions(c, model->match, model->match_count);
  add_conditions(c, model->except, model->except_count);
  if (!add_key(c, rule, model)) {
    return SL_ERR_MEMORY;
  }
  const enum sl_status status = add_limit(c, &model->limit, &rule->limit_index);
  return status != SL_OK ? status : add_overrides(c, rule, model);
}

static bool compile_proxies(struct compile *c) {
  struct sl_cidr_set *set = &c->priv->trusted_proxies;
  if (!sl_cidr_set_init(set, &c->priv->arena, c->model->trusted_proxy_count)) {
    return false;
  }
  for (size_t i = 0; i < c->model->trusted_proxy_count; i++) {
    struct sl_cidr cidr;
    if (sl_cidr_parse(c->model->trusted_proxies[i], &cidr, NULL)) {
      *sl_cidr_set_at(set, &cidr) = 0;
    }
  }
  return true;
}

static enum sl_status compile_all(struct compile *c) {
  c->rules = sl_arena_alloc(&c->priv->arena, c->model->rule_count * sizeof *c->rules);
  if (c->rules == NULL || !init_names(c) || !init_limits(c) || !compile_proxies(c)) {
    return SL_ERR_MEMORY;
  }
  c->set->rules = c->rules;
  for (size_t i = 0; i < c->model->rule_count; i++) {
    if (c->model->rules[i].enabled) {
      const enum sl_status status = add_rule(c, &c->model->rules[i]);
      if (status != SL_OK) {
        return status;
      }
    }
  }
  if (!keep_limits(c)) {
    return SL_ERR_MEMORY;
  }
  const bool built =
      sl_match_index_build(&c->priv->index, &c->priv->arena, c->rules, c->set->rule_count,
                           c->set->attr_count, &c->set->secret, name_id, c, c->set->attr_names);
  return built ? SL_OK : SL_ERR_MEMORY;
}

enum sl_status sl_ruleset_compile(struct sl_model *model, const struct sl_secret *secret,
                                  const struct sl_mem *mem, struct sl_ruleset **ret_set) {
  *ret_set = NULL;
  struct bundle *bundle = sl_mem_alloc(mem, sizeof *bundle);
  if (bundle == NULL) {
    return SL_ERR_MEMORY;
  }
  sl_arena_init(&bundle->priv.arena, mem);
  bundle->set.priv = &bundle->priv;
  bundle->set.secret = *secret;
  struct compile c = {.set = &bundle->set, .priv = &bundle->priv, .model = model};
  sl_arena_init(&c.scratch, mem);
  const enum sl_status status = compile_all(&c);
  sl_arena_close(&c.scratch);
  if (status != SL_OK) {
    sl_ruleset_free(&bundle->set);
    return status;
  }
  bundle->set.model = model;
  bundle->set.bytes =
      sizeof *bundle + bundle->priv.arena.bytes + sizeof *model + model->arena.bytes;
  *ret_set = &bundle->set;
  return SL_OK;
}

// Undoes const for what the set owns: callers see it as immutable.
static struct sl_model *owned_model(const struct sl_ruleset *set) {
  return (struct sl_model *)(uintptr_t)set->model;
}

void sl_ruleset_free(struct sl_ruleset *set) {
  if (set == NULL) {
    return;
  }
  struct bundle *bundle = (struct bundle *)set;
  const struct sl_mem *mem = bundle->priv.arena.mem;
  sl_model_free(owned_model(set));
  sl_arena_close(&bundle->priv.arena);
  sl_mem_free(mem, bundle, sizeof *bundle);
}

int64_t sl_ruleset_attr(const struct sl_ruleset *set, struct sl_str name) {
  const uint32_t id = sl_name_find(set, name);
  return id == SL_NONE ? -1 : (int64_t)id;
}

const struct sl_cidr_set *sl_ruleset_trusted_proxies(const struct sl_ruleset *set) {
  return &set->priv->trusted_proxies;
}
