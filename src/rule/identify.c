// The Client Identifier Builder: from the attributes of a request to the rules that apply, each
// with its key, its cost and its bucket. Per request it touches what the request brings and what it
// may match, never the other rules; and it allocates only while its scratch memory grows.
#include "rule/client.h"
#include "rule/glob.h"
#include "rule/path.h"
#include "rule/ruleset_private.h"

// What is known of one attribute of the request at hand; of an earlier one where `epoch` differs.
struct value_state {
  uint64_t epoch;
  struct sl_str text;  // what patterns are held against
  struct sl_str key;   // what enters keys
  uint32_t number;     // of the text among the exact ones, or SL_NONE
  bool number_is_known;
};

struct sl_hits_private {
  uint64_t epoch;
  struct value_state *states;  // by attribute id
  size_t state_room;
  uint32_t present[SL_ATTRS_MAX];  // attribute ids, when the request named them
  size_t present_count;
  uint32_t *candidates;  // filings' candidates, then the indexes of the rules that apply
  size_t candidate_count, candidate_room;
  struct sl_str *values;  // of all hits, one after the other
  size_t value_room;
  char *path;
  size_t path_room;
  struct sl_client client;
  char client_text[SL_ADDRESS_TEXT];
};

enum { FIRST_ROOM = 16, SMALL_SORT = 24 };

// ---- scratch memory
// ------------------------------------------------------------------------------

// Makes room for `need` items of `size` bytes, doubling; what was there is kept.
static bool make_room(const struct sl_mem *mem, void **items, size_t *room, size_t need,
                      size_t size) {
  if (SL_LIKELY(need <= *room)) {
    return true;
  }
  size_t more = *room == 0 ? FIRST_ROOM : *room;
  while (more < need) {
    more *= 2;
  }
  void *grown = sl_mem_array(mem, more, size, _Alignof(max_align_t));
  if (grown == NULL) {
    return false;
  }
  if (*room > 0) {
    memcpy(grown, *items, *room * size);
  }
  sl_mem_free(mem, *items, *room * size);
  *items = grown;
  *room = more;
  return true;
}

#define MAKE_ROOM(mem, items, room, need) \
  make_room((mem), (void **)&(items), &(room), (need), sizeof *(items))

static bool begin(const struct sl_ruleset *set, struct sl_hits *hits) {
  hits->count = 0;
  if (SL_UNLIKELY(hits->priv == NULL)) {
    hits->priv = sl_mem_alloc(hits->mem, sizeof *hits->priv);
    if (hits->priv == NULL) {
      return false;
    }
  }
  struct sl_hits_private *priv = hits->priv;
  priv->epoch++;
  priv->present_count = 0;
  priv->candidate_count = 0;
  return MAKE_ROOM(hits->mem, priv->states, priv->state_room, set->attr_count);
}

void sl_hits_close(struct sl_hits *hits) {
  const struct sl_mem *mem = hits->mem;
  struct sl_hits_private *priv = hits->priv;
  if (priv != NULL) {
    sl_mem_free(mem, priv->states, priv->state_room * sizeof *priv->states);
    sl_mem_free(mem, priv->candidates, priv->candidate_room * sizeof *priv->candidates);
    sl_mem_free(mem, priv->values, priv->value_room * sizeof *priv->values);
    sl_mem_free(mem, priv->path, priv->path_room);
    sl_mem_free(mem, priv, sizeof *priv);
  }
  if (hits->items != NULL) {
    sl_mem_free(mem, hits->items, hits->room * sizeof *hits->items);
  }
  *hits = (struct sl_hits){.mem = mem};
}

// ---- the request's values
// ------------------------------------------------------------------------

static void set_client(const struct sl_ruleset *set, struct sl_hits_private *priv, uint32_t id,
                       struct value_state *state) {
  sl_client_read(&priv->client, state->text, set->model->ipv6_prefix);
  state->key = priv->client.key;
  if (set->priv->index.attrs[id].has_text) {
    state->text = sl_client_text(&priv->client, state->text, priv->client_text);
  }
}

static bool set_path(struct sl_hits *hits, struct value_state *state) {
  struct sl_hits_private *priv = hits->priv;
  if (SL_UNLIKELY(!sl_path_is_normal(state->text))) {
    if (!MAKE_ROOM(hits->mem, priv->path, priv->path_room, sl_path_room(state->text.len))) {
      return false;
    }
    state->text = sl_path_normalise(state->text, priv->path);
    state->key = state->text;
  }
  return true;
}

// Notes an attribute that some rule looks at; of two of one name the first counts.
static bool set_value(const struct sl_ruleset *set, struct sl_hits *hits, uint32_t id,
                      struct sl_str value) {
  struct sl_hits_private *priv = hits->priv;
  struct value_state *state = &priv->states[id];
  if (state->epoch == priv->epoch) {
    return true;
  }
  *state = (struct value_state){.epoch = priv->epoch, .text = value, .key = value};
  priv->present[priv->present_count++] = id;
  switch (set->priv->index.attrs[id].kind) {
  case SL_ATTR_ADDRESS:
    set_client(set, priv, id, state);
    return true;
  case SL_ATTR_PATH:
    return set_path(hits, state);
  case SL_ATTR_PLAIN:
    break;
  }
  return true;
}

// The number of the attribute's text among the exact texts of rules; looked up once.
static uint32_t number_of(const struct sl_match_index *index, uint32_t attr,
                          struct value_state *state) {
  if (!state->number_is_known) {
    const struct sl_attr_index *info = &index->attrs[attr];
    state->number = state->text.len > info->exact_max
                        ? SL_NONE
                        : sl_values_find(&index->values, &info->exact_prefix, attr, SL_VALUE_EXACT,
                                         state->text);
    state->number_is_known = true;
  }
  return state->number;
}

// ---- candidates
// ----------------------------------------------------------------------------------

static bool add_filings(const struct sl_match_index *index, struct sl_hits *hits, uint32_t head) {
  struct sl_hits_private *priv = hits->priv;
  for (uint32_t at = head; at != SL_NONE; at = index->filings[at].next) {
    if (!MAKE_ROOM(hits->mem, priv->candidates, priv->candidate_room, priv->candidate_count + 1)) {
      return false;
    }
    priv->candidates[priv->candidate_count++] = index->filings[at].candidate;
  }
  return true;
}

static bool add_prefixes(const struct sl_match_index *index, const struct sl_attr_index *info,
                         struct sl_hits *hits, struct sl_str text) {
  uint32_t at = sl_prefix_set_find(&info->prefixes, text);
  while (at != SL_NONE) {
    const struct sl_prefix *prefix = &info->prefixes.items[at];
    if (!add_filings(index, hits, prefix->value)) {
      return false;
    }
    at = prefix->parent;
  }
  return true;
}

static bool add_blocks(const struct sl_match_index *index, const struct sl_attr_index *info,
                       struct sl_hits *hits) {
  const struct sl_client *client = &hits->priv->client;
  if (!client->is_address || info->blocks.count == 0) {
    return true;
  }
  uint32_t at = sl_cidr_set_root(&info->blocks, client->address);
  for (;;) {
    const uint32_t head = sl_cidr_set_next(&info->blocks, client->address, &at);
    if (head == SL_CIDR_NONE) {
      return true;
    }
    if (!add_filings(index, hits, head)) {
      return false;
    }
  }
}

static bool add_candidates(const struct sl_match_index *index, struct sl_hits *hits,
                           uint32_t attr) {
  const struct sl_attr_index *info = &index->attrs[attr];
  struct value_state *state = &hits->priv->states[attr];
  if (info->has_filed_exact) {
    const uint32_t number = number_of(index, attr, state);
    if (number != SL_NONE && !add_filings(index, hits, index->values.items[number].head)) {
      return false;
    }
  }
  return add_prefixes(index, info, hits, state->text) &&
         (info->kind != SL_ATTR_ADDRESS || add_blocks(index, info, hits)) &&
         add_filings(index, hits, info->present_head) && add_filings(index, hits, info->scan_head);
}

static void sort_small(uint32_t *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    const uint32_t moved = items[i];
    size_t to = i;
    for (; to > 0 && items[to - 1] > moved; to--) {
      items[to] = items[to - 1];
    }
    items[to] = moved;
  }
}

static void sift_down(uint32_t *items, size_t at, size_t count) {
  const uint32_t moved = items[at];
  for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
    child += child + 1 < count && items[child] < items[child + 1];
    if (items[child] <= moved) {
      break;
    }
    items[at] = items[child];
    at = child;
  }
  items[at] = moved;
}

// File order. Few candidates, the common case, are sorted by insertion.
static void sort_candidates(uint32_t *items, size_t count) {
  if (count <= SMALL_SORT) {
    sort_small(items, count);
    return;
  }
  for (size_t i = count / 2; i > 0; i--) {
    sift_down(items, i - 1, count);
  }
  for (size_t end = count - 1; end > 0; end--) {
    const uint32_t greatest = items[0];
    items[0] = items[end];
    items[end] = greatest;
    sift_down(items, 0, end);
  }
}

// ---- conditions
// ----------------------------------------------------------------------------------

static bool has_number(const struct sl_test *test, uint32_t number) {
  uint32_t low = 0;
  uint32_t high = test->exact_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (test->exact[middle] < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < test->exact_count && test->exact[low] == number;
}

static bool holds(const struct sl_match_index *index, struct sl_hits_private *priv,
                  const struct sl_test *test) {
  struct value_state *state = &priv->states[test->attr];
  if (state->epoch != priv->epoch) {
    return false;
  }
  if (test->present) {
    return true;
  }
  if (test->exact_count > 0) {
    const uint32_t number = number_of(index, test->attr, state);
    if (number != SL_NONE && has_number(test, number)) {
      return true;
    }
  }
  if (test->blocks != NULL && priv->client.is_address &&
      sl_cidr_set_has(test->blocks, priv->client.address)) {
    return true;
  }
  for (uint32_t i = 0; i < test->glob_count; i++) {
    if (sl_glob_match(test->globs[i], state->text, NULL)) {
      return true;
    }
  }
  return false;
}

static bool is_matched(const struct sl_match_index *index, struct sl_hits_private *priv,
                       const struct sl_scope *scope, bool filed_holds) {
  const struct sl_test *tests = &index->tests[scope->first];
  for (uint32_t i = 0; i < scope->match_count; i++) {
    if (!(filed_holds && i == scope->filed) && !holds(index, priv, &tests[i])) {
      return false;
    }
  }
  // An except takes out the requests that fulfil all of its conditions.
  bool excepted = scope->except_count > 0;
  for (uint32_t i = 0; i < scope->except_count && excepted; i++) {
    excepted = holds(index, priv, &tests[scope->match_count + i]);
  }
  return !excepted;
}

static bool has_key(const struct sl_rule *rule, const struct sl_hits_private *priv) {
  for (unsigned i = 0; i < rule->key_count; i++) {
    if (priv->states[rule->key_attrs[i]].epoch != priv->epoch) {
      return false;
    }
  }
  return true;
}

// Leaves in `candidates` the indexes of the rules that apply, once each. A rule may stand there
// several times; sorted, a proven filing of it comes before those that only hint.
static size_t keep_matched(const struct sl_ruleset *set, struct sl_hits_private *priv) {
  const struct sl_match_index *index = &set->priv->index;
  uint32_t last = SL_NONE;
  size_t kept = 0;
  size_t values = 0;
  for (size_t i = 0; i < priv->candidate_count; i++) {
    const uint32_t rule_index = priv->candidates[i] >> 1;
    const bool filed_holds = (priv->candidates[i] & 1) == 0;
    if (rule_index == last) {
      continue;
    }
    last = rule_index;
    const struct sl_rule *rule = &set->rules[rule_index];
    if (is_matched(index, priv, &index->scopes[rule_index], filed_holds) &&
        (!rule->missing_skip || has_key(rule, priv))) {
      priv->candidates[kept++] = rule_index;
      values += rule->key_count;
    }
  }
  priv->candidate_count = kept;
  return values;
}

// ---- hits
// ----------------------------------------------------------------------------------------

// What the rule charges; false where its attribute is no cost.
static bool cost_of(const struct sl_rule *rule, const struct sl_hits_private *priv,
                    uint64_t request_cost, uint64_t *ret_cost) {
  switch (rule->cost_kind) {
  case SL_COST_REQUEST:
    *ret_cost = request_cost;
    return true;
  case SL_COST_NUMBER:
    *ret_cost = rule->cost_number;
    return true;
  case SL_COST_ATTRIBUTE:
    break;
  }
  const struct value_state *state = &priv->states[rule->cost_attr];
  if (state->epoch != priv->epoch) {
    *ret_cost = 1;
    return true;
  }
  return sl_parse_u64(state->text, ret_cost) == SL_OK && *ret_cost <= SL_COST_MAX;
}

static void fill_hit(const struct sl_ruleset *set, const struct sl_rule *rule,
                     const struct sl_hits_private *priv, struct sl_str *values,
                     struct sl_hit *hit) {
  for (unsigned i = 0; i < rule->key_count; i++) {
    const struct value_state *state = &priv->states[rule->key_attrs[i]];
    values[i] = state->epoch == priv->epoch ? state->key : SL_ABSENT;
  }
  hit->rule = rule;
  hit->values = values;
  hit->key = sl_rule_key(rule, values);
  hit->limit_index = rule->limit_index;
  hit->overridden = false;
  if (rule->overrides != NULL) {
    const uint32_t own = sl_overrides_find(rule->overrides, hit->key);
    hit->overridden = own != SL_NONE;
    hit->limit_index = own != SL_NONE ? own : rule->limit_index;
  }
  const struct sl_hash print = set->limits[hit->limit_index].print;
  hit->bucket = (struct sl_hash){.lo = hit->key.lo ^ print.lo, .hi = hit->key.hi ^ print.hi};
}

static enum sl_status fill_hits(const struct sl_ruleset *set, uint64_t cost, struct sl_hits *hits,
                                const struct sl_rule **ret_rule) {
  struct sl_hits_private *priv = hits->priv;
  size_t next_value = 0;
  size_t count = 0;
  for (size_t i = 0; i < priv->candidate_count; i++) {
    const struct sl_rule *rule = &set->rules[priv->candidates[i]];
    struct sl_hit *hit = &hits->items[count];
    if (!cost_of(rule, priv, cost, &hit->cost)) {
      // A shadow rule changes no decision, so its mistake costs nobody a request.
      if (rule->over_limit == SL_OVER_SHADOW) {
        continue;
      }
      *ret_rule = rule;
      return SL_ERR_COST;
    }
    fill_hit(set, rule, priv, &priv->values[next_value], hit);
    next_value += rule->key_count;
    count++;
  }
  hits->count = count;
  return SL_OK;
}

// From the values noted to the hits.
static enum sl_status find_hits(const struct sl_ruleset *set, uint64_t cost, struct sl_hits *hits,
                                const struct sl_rule **ret_rule) {
  const struct sl_match_index *index = &set->priv->index;
  struct sl_hits_private *priv = hits->priv;
  if (!add_filings(index, hits, index->always_head)) {
    return SL_ERR_MEMORY;
  }
  for (size_t i = 0; i < priv->present_count; i++) {
    if (!add_candidates(index, hits, priv->present[i])) {
      return SL_ERR_MEMORY;
    }
  }
  if (priv->candidate_count > 1) {
    sort_candidates(priv->candidates, priv->candidate_count);
  }
  const size_t values = keep_matched(set, priv);
  if (!MAKE_ROOM(hits->mem, priv->values, priv->value_room, values + 1) ||
      !MAKE_ROOM(hits->mem, hits->items, hits->room, priv->candidate_count)) {
    return SL_ERR_MEMORY;
  }
  return fill_hits(set, cost, hits, ret_rule);
}

static bool is_attr_bounded(struct sl_str name, struct sl_str value) {
  return name.len >= 1 && name.len <= SL_ATTR_NAME_MAX && value.len <= SL_ATTR_VALUE_MAX;
}

enum sl_status sl_identify(const struct sl_ruleset *set, const struct sl_request *request,
                           struct sl_hits *hits, const struct sl_rule **ret_rule) {
  const struct sl_rule *ignored = NULL;
  ret_rule = ret_rule != NULL ? ret_rule : &ignored;
  *ret_rule = NULL;
  if (!begin(set, hits)) {
    return SL_ERR_MEMORY;
  }
  if (request->attr_count > SL_ATTRS_MAX) {
    return SL_ERR_ARGUMENT;
  }
  if (request->cost > SL_COST_MAX) {
    return SL_ERR_COST;
  }
  for (size_t i = 0; i < request->attr_count; i++) {
    const struct sl_attr *attr = &request->attrs[i];
    if (SL_UNLIKELY(!is_attr_bounded(attr->name, attr->value))) {
      return SL_ERR_ARGUMENT;
    }
    const uint32_t id = sl_name_find(set, attr->name);
    if (id != SL_NONE && !set_value(set, hits, id, attr->value)) {
      return SL_ERR_MEMORY;
    }
  }
  return find_hits(set, request->cost, hits, ret_rule);
}

enum sl_status sl_identify_values(const struct sl_ruleset *set, const struct sl_str *values,
                                  uint64_t cost, struct sl_hits *hits,
                                  const struct sl_rule **ret_rule) {
  const struct sl_rule *ignored = NULL;
  ret_rule = ret_rule != NULL ? ret_rule : &ignored;
  *ret_rule = NULL;
  if (!begin(set, hits)) {
    return SL_ERR_MEMORY;
  }
  if (cost > SL_COST_MAX) {
    return SL_ERR_COST;
  }
  for (size_t id = 0; id < set->attr_count; id++) {
    if (sl_is_absent(values[id])) {
      continue;
    }
    if (values[id].len > SL_ATTR_VALUE_MAX || hits->priv->present_count == SL_ATTRS_MAX) {
      return SL_ERR_ARGUMENT;
    }
    if (!set_value(set, hits, (uint32_t)id, values[id])) {
      return SL_ERR_MEMORY;
    }
  }
  return find_hits(set, cost, hits, ret_rule);
}
