// request.h - private to lib/: a request under way, between the check of its arguments and its
// answer.
#ifndef SL_LIB_REQUEST_H
#define SL_LIB_REQUEST_H

#include "lib/handle.h"

// A seat taken, the rules in force, the request identified: its hits are in seat->decider.
struct sl_visit {
  struct sluice *sluice;
  struct sl_seat *seat;
  struct sl_rules *rules;  // NULL: none were loaded
  uint64_t now_ns;
};

// Checks the arguments, takes a seat and identifies. On SLUICE_OK sl_visit_end must follow; on
// errors nothing is held, and ret_answer (may be NULL) tells the status and, with SLUICE_ERR_COST,
// the rule.
enum sluice_status sl_visit_begin(struct sluice *sluice, const struct sluice_request *request,
                                  struct sl_visit *ret_visit,
                                  struct sluice_answer *ret_answer) SL_MUST_USE;
void sl_visit_end(struct sl_visit *visit);

// The hits; 0 where there are no rules.
static inline size_t sl_visit_count(const struct sl_visit *visit) {
  return visit->rules == NULL ? 0 : visit->seat->decider.hits.count;
}
static inline struct sl_hit *sl_visit_hit(const struct sl_visit *visit, size_t index) {
  return &visit->seat->decider.hits.items[index];
}
static inline const struct sl_class *sl_visit_class(const struct sl_visit *visit, size_t index) {
  return sl_hit_class(visit->rules->bound, sl_visit_hit(visit, index));
}
static inline bool sl_visit_shadow(const struct sl_visit *visit, size_t index) {
  return sl_visit_hit(visit, index)->rule->over_limit == SL_OVER_SHADOW;
}
static inline bool sl_visit_unlimited(const struct sl_visit *visit, size_t index) {
  return sl_visit_class(visit, index)->limit.algorithm == SL_UNLIMITED;
}

// Hit `index` as a question to the engine.
struct sl_ask sl_visit_ask(const struct sl_visit *visit, size_t index);

// Decides the hits; without rules it is allowed.
enum sl_status sl_visit_decide(const struct sl_visit *visit, bool look,
                               struct sl_answer *ret_answer) SL_MUST_USE;

// Writes what the caller gets (ret_answer may be NULL) and returns its status.
enum sluice_status sl_visit_answer(const struct sl_visit *visit, enum sluice_status status,
                                   const struct sl_answer *answer,
                                   struct sluice_answer *ret_answer);

// An answer that is an error, naming a rule or none (NULL); returns the status.
enum sluice_status sl_answer_error(enum sluice_status status, const struct sl_rule *rule,
                                   struct sluice_answer *ret_answer);

// Copies a rule's id, terminated. NULL: "".
void sl_rule_id_out(const struct sl_rule *rule, char *ret_id);

#endif
