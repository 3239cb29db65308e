// bound.h - a compiled rule set bound to an engine: which class each of its limits is, and the
// decision on a whole request.
#ifndef SL_ENGINE_BOUND_H
#define SL_ENGINE_BOUND_H

#include "engine/engine.h"
#include "rule/ruleset.h"

// Immutable after binding; shared by threads.
struct sl_bound {
  struct sl_engine *engine;
  const struct sl_ruleset *set;
  const struct sl_class **classes;  // by limit index
  struct sl_mem mem;                // behind this binding
};

// The set must be compiled under the engine's secret and outlive the binding.
//   SL_OK; SL_ERR_MEMORY, SL_ERR_FULL as sl_engine_hold_class; SL_ERR_ARGUMENT: another secret.
enum sl_status sl_bind(struct sl_engine *engine, const struct sl_ruleset *set,
                       const struct sl_mem *mem, struct sl_bound **ret_bound) SL_MUST_USE;
void sl_unbind(struct sl_bound *bound);  // NULL is ignored

// The answer to a request, with what each matching rule says.
struct sl_answer {
  enum sl_verdict verdict;
  const struct sl_rule
      *rule;  // the one the answer names (SEMANTICS 16); NULL when no enforced rule matches
  struct sl_decision decision;  // its figures; verdict is the request's
};

// Scratch of one thread: the hits and what each of them was decided. Zero-initialise, set hits.mem.
struct sl_decider {
  struct sl_hits hits;
  struct sl_decision *decisions;  // of hits.items[i], hits.count of them
  struct sl_ask *asks;
  size_t room;
};
void sl_decider_close(struct sl_decider *decider);

// Decides the hits that sl_identify put into decider->hits. A hit on an unlimited limit is allowed.
// `look` charges nothing.
//   SL_OK; SL_ERR_MEMORY; SL_ERR_ARGUMENT more than SL_TOGETHER_MAX limited rules match.
enum sl_status sl_decide_hits(const struct sl_bound *bound, struct sl_decider *decider,
                              uint64_t now_ns, bool look, struct sl_answer *ret_answer) SL_MUST_USE;

// Reserves at every rule that sl_identify found, all or nothing, if the longest wait is at most
// `longest_ns`; shadow rules that cannot be reserved are passed over. ret_receipts has hits.count
// places; those with cost 0 booked nothing. *ret_stranger (with SL_ERR_UNSUPPORTED) is the enforced
// rule that cannot be reserved.
//   SL_OK; SL_ERR_UNSUPPORTED; SL_ERR_MEMORY; SL_ERR_ARGUMENT as sl_decide_hits
enum sl_status sl_reserve_hits(const struct sl_bound *bound, struct sl_decider *decider,
                               uint64_t now_ns, uint64_t longest_ns,
                               struct sl_receipt *ret_receipts, const struct sl_rule **ret_stranger,
                               struct sl_answer *ret_answer) SL_MUST_USE;

// sl_identify and sl_decide_hits in one.
enum sl_status sl_decide(const struct sl_bound *bound, struct sl_decider *decider,
                         const struct sl_request *request, uint64_t now_ns, bool look,
                         struct sl_answer *ret_answer) SL_MUST_USE;

// The class of a hit.
static inline const struct sl_class *sl_hit_class(const struct sl_bound *bound,
                                                  const struct sl_hit *hit) {
  return bound->classes[hit->limit_index];
}

#endif
