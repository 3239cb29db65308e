#include "engine/bound.h"

// ---- binding

enum sl_status sl_bind(struct sl_engine *engine, const struct sl_ruleset *set,
                       const struct sl_mem *mem, struct sl_bound **ret_bound) {
  const struct sl_secret *secret = sl_engine_secret(engine);
  if (set->secret.word[0] != secret->word[0] || set->secret.word[1] != secret->word[1]) {
    return SL_ERR_ARGUMENT;
  }
  struct sl_bound *bound = sl_mem_alloc(mem, sizeof *bound);
  if (bound == NULL) {
    return SL_ERR_MEMORY;
  }
  *bound = (struct sl_bound){.engine = engine, .set = set, .mem = *mem};
  enum sl_status status = SL_OK;
  if (set->limit_count > 0) {
    bound->classes =
        sl_mem_array(mem, set->limit_count, sizeof bound->classes[0], _Alignof(max_align_t));
    status = bound->classes == NULL ? SL_ERR_MEMORY : SL_OK;
  }
  for (size_t i = 0; i < set->limit_count && status == SL_OK; i++) {
    status = sl_engine_hold_class(engine, &set->limits[i].limit, &bound->classes[i]);
  }
  if (status != SL_OK) {
    sl_unbind(bound);
    return status;
  }
  *ret_bound = bound;
  return SL_OK;
}

void sl_unbind(struct sl_bound *bound) {
  if (bound == NULL) {
    return;
  }
  struct sl_mem mem = bound->mem;
  size_t count = bound->set->limit_count;
  for (size_t i = 0; bound->classes != NULL && i < count && bound->classes[i] != NULL; i++) {
    sl_engine_drop_class(bound->engine, bound->classes[i]);
  }
  sl_mem_free(&mem, bound->classes, count * sizeof bound->classes[0]);
  sl_mem_free(&mem, bound, sizeof *bound);
}

// ---- the decider's scratch

void sl_decider_close(struct sl_decider *decider) {
  const struct sl_mem *mem = decider->hits.mem;
  if (mem != NULL) {
    sl_mem_free(mem, decider->decisions, 2 * decider->room * sizeof decider->decisions[0]);
    sl_mem_free(mem, decider->asks, decider->room * sizeof decider->asks[0]);
    sl_hits_close(&decider->hits);
  }
  *decider = (struct sl_decider){.hits.mem = mem};
}

static enum sl_status reserve_room(struct sl_decider *decider, size_t count) {
  if (count <= decider->room) {
    return SL_OK;
  }
  const struct sl_mem *mem = decider->hits.mem;
  size_t room = 8;
  while (room < count) {
    room *= 2;
  }
  // Twice as many decisions: those of the hits, and those of the asks before they are put in their
  // places.
  struct sl_decision *decisions =
      sl_mem_array(mem, 2 * room, sizeof *decisions, _Alignof(max_align_t));
  struct sl_ask *asks = sl_mem_array(mem, room, sizeof *asks, _Alignof(max_align_t));
  if (decisions == NULL || asks == NULL) {
    sl_mem_free(mem, decisions, 2 * room * sizeof *decisions);
    sl_mem_free(mem, asks, room * sizeof *asks);
    return SL_ERR_MEMORY;
  }
  sl_mem_free(mem, decider->decisions, 2 * decider->room * sizeof *decisions);
  sl_mem_free(mem, decider->asks, decider->room * sizeof *asks);
  decider->decisions = decisions;
  decider->asks = asks;
  decider->room = room;
  return SL_OK;
}

// ---- the answer

static bool enforced(const struct sl_hit *hit) { return hit->rule->over_limit != SL_OVER_SHADOW; }

// Of refusing rules the answer names the one with the longest wait, `never` first; ties by id.
static bool refuses_more(const struct sl_hit *a, const struct sl_decision *da,
                         const struct sl_hit *b, const struct sl_decision *db) {
  if (da->verdict != db->verdict) {
    return da->verdict == SL_NEVER;
  }
  if (da->retry_after_ns != db->retry_after_ns) {
    return da->retry_after_ns > db->retry_after_ns;
  }
  return sl_str_cmp(a->rule->id, b->rule->id) < 0;
}

// Of admitting ones, the one with the least remaining / limit; ties by id. A limit of 0 or none is
// the emptiest, an unlimited rule the fullest.
static bool has_less_left(const struct sl_hit *a, const struct sl_decision *da,
                          const struct sl_hit *b, const struct sl_decision *db) {
  sl_u128 left_a = (sl_u128)da->remaining * sl_max_u64(db->limit, 1);
  sl_u128 left_b = (sl_u128)db->remaining * sl_max_u64(da->limit, 1);
  if (da->limit == UINT64_MAX || db->limit == UINT64_MAX) {
    left_a = da->limit == UINT64_MAX;
    left_b = db->limit == UINT64_MAX;
  }
  return left_a != left_b ? left_a < left_b : sl_str_cmp(a->rule->id, b->rule->id) < 0;
}

static void answer(const struct sl_decider *decider, bool allowed, struct sl_answer *ret_answer) {
  const struct sl_hit *items = decider->hits.items;
  const struct sl_decision *decisions = decider->decisions;
  size_t named = SIZE_MAX;
  for (size_t i = 0; i < decider->hits.count; i++) {
    bool counts = enforced(&items[i]) && (allowed || decisions[i].verdict != SL_ALLOWED);
    if (!counts) {
      continue;
    }
    bool better =
        named == SIZE_MAX ||
        (allowed ? has_less_left(&items[i], &decisions[i], &items[named], &decisions[named])
                 : refuses_more(&items[i], &decisions[i], &items[named], &decisions[named]));
    named = better ? i : named;
  }
  *ret_answer = (struct sl_answer){.verdict = SL_ALLOWED};
  if (named == SIZE_MAX) {
    ret_answer->decision =
        (struct sl_decision){.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX};
    return;
  }
  ret_answer->rule = items[named].rule;
  ret_answer->decision = decisions[named];
  ret_answer->verdict = decisions[named].verdict;
}

// An admitted caller waits for the last of its rules, and holds the slot that they share.
static void gather_waits(const struct sl_decider *decider, struct sl_answer *answer_out) {
  for (size_t i = 0; answer_out->verdict == SL_ALLOWED && i < decider->hits.count; i++) {
    const struct sl_decision *d = &decider->decisions[i];
    if (enforced(&decider->hits.items[i])) {
      answer_out->decision.wait_ns =
          d->wait_ns > answer_out->decision.wait_ns ? d->wait_ns : answer_out->decision.wait_ns;
      answer_out->decision.slot = d->slot != 0 ? d->slot : answer_out->decision.slot;
    }
  }
}

// ---- deciding

static bool is_unlimited(const struct sl_bound *bound, const struct sl_hit *hit) {
  return sl_hit_class(bound, hit)->limit.algorithm == SL_UNLIMITED;
}

static struct sl_ask ask_of(const struct sl_bound *bound, const struct sl_hit *hit) {
  return (struct sl_ask){.class = sl_hit_class(bound, hit),
                         .bucket = hit->bucket,
                         .cost = hit->cost,
                         .shadow = !enforced(hit)};
}

// Puts the decisions of the asks in the places of their hits; unlimited ones have said yes.
static void spread(const struct sl_bound *bound, struct sl_decider *decider,
                   const struct sl_decision *asked) {
  for (size_t i = 0, next = 0; i < decider->hits.count; i++) {
    if (is_unlimited(bound, &decider->hits.items[i])) {
      decider->decisions[i] =
          (struct sl_decision){.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX};
    } else {
      decider->decisions[i] = asked[next++];
    }
  }
}

static enum sl_status ask_engine(const struct sl_bound *bound, struct sl_decider *decider,
                                 uint64_t now_ns, bool look, bool *ret_allowed) {
  const struct sl_hits *hits = &decider->hits;
  struct sl_decision *asked = decider->decisions + decider->room;
  size_t count = 0;
  for (size_t i = 0; i < hits->count; i++) {
    if (!is_unlimited(bound, &hits->items[i])) {
      decider->asks[count++] = ask_of(bound, &hits->items[i]);
    }
  }
  *ret_allowed = true;
  enum sl_status status = SL_OK;
  if (count == 1 && !look) {
    status = sl_engine_take(bound->engine, decider->asks, now_ns, asked);
    *ret_allowed = decider->asks[0].shadow || asked[0].verdict == SL_ALLOWED;
  } else if (count > 0) {
    for (size_t i = 0; i < count; i++) {
      sl_engine_prefetch(bound->engine, &decider->asks[i]);
    }
    status = sl_engine_take_together(bound->engine, decider->asks, count, now_ns, look, asked,
                                     ret_allowed);
  }
  if (status == SL_OK) {
    spread(bound, decider, asked);
  }
  return status;
}

enum sl_status sl_decide_hits(const struct sl_bound *bound, struct sl_decider *decider,
                              uint64_t now_ns, bool look, struct sl_answer *ret_answer) {
  bool allowed = true;
  enum sl_status status = reserve_room(decider, decider->hits.count);
  if (status == SL_OK && decider->hits.count > 0) {
    status = ask_engine(bound, decider, now_ns, look, &allowed);
  }
  if (status == SL_OK) {
    answer(decider, allowed, ret_answer);
    gather_waits(decider, ret_answer);
  }
  return status;
}

// ---- reserving

static bool can_reserve(const struct sl_bound *bound, const struct sl_hit *hit) {
  return sl_hit_class(bound, hit)->ops == NULL && !is_unlimited(bound, hit);
}

// The enforced rule that cannot be reserved, or NULL.
static const struct sl_rule *stranger_of(const struct sl_bound *bound, const struct sl_hits *hits) {
  for (size_t i = 0; i < hits->count; i++) {
    const struct sl_hit *hit = &hits->items[i];
    if (enforced(hit) && !is_unlimited(bound, hit) && !can_reserve(bound, hit)) {
      return hit->rule;
    }
  }
  return NULL;
}

// Puts what the engine said in the places of the hits; the others have said yes and booked nothing.
// From the end, so that receipts can be spread in place.
static void spread_bookings(const struct sl_bound *bound, struct sl_decider *decider,
                            size_t asked_count, struct sl_receipt *receipts) {
  const struct sl_decision *asked = decider->decisions + decider->room;
  for (size_t i = decider->hits.count; i > 0; i--) {
    if (can_reserve(bound, &decider->hits.items[i - 1])) {
      asked_count--;
      decider->decisions[i - 1] = asked[asked_count];
      receipts[i - 1] = receipts[asked_count];
    } else {
      decider->decisions[i - 1] =
          (struct sl_decision){.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX};
      receipts[i - 1] = (struct sl_receipt){0};
    }
  }
}

enum sl_status sl_reserve_hits(const struct sl_bound *bound, struct sl_decider *decider,
                               uint64_t now_ns, uint64_t longest_ns,
                               struct sl_receipt *ret_receipts, const struct sl_rule **ret_stranger,
                               struct sl_answer *ret_answer) {
  const struct sl_hits *hits = &decider->hits;
  *ret_stranger = stranger_of(bound, hits);
  if (*ret_stranger != NULL) {
    return SL_ERR_UNSUPPORTED;
  }
  enum sl_status status = reserve_room(decider, hits->count);
  if (status != SL_OK) {
    return status;
  }
  size_t count = 0;
  for (size_t i = 0; i < hits->count; i++) {
    if (can_reserve(bound, &hits->items[i])) {
      decider->asks[count++] = ask_of(bound, &hits->items[i]);
    }
  }
  bool allowed = true;
  if (count > 0) {
    status = sl_engine_reserve_together(bound->engine, decider->asks, count, now_ns, longest_ns,
                                        ret_receipts, decider->decisions + decider->room, &allowed);
  }
  if (status == SL_OK) {
    spread_bookings(bound, decider, count, ret_receipts);
    answer(decider, allowed, ret_answer);
    gather_waits(decider, ret_answer);
  }
  return status;
}

enum sl_status sl_decide(const struct sl_bound *bound, struct sl_decider *decider,
                         const struct sl_request *request, uint64_t now_ns, bool look,
                         struct sl_answer *ret_answer) {
  enum sl_status status = sl_identify(bound->set, request, &decider->hits, NULL);
  return status == SL_OK ? sl_decide_hits(bound, decider, now_ns, look, ret_answer) : status;
}
