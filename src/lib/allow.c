// allow.c - decisions by rules, and what is done to the buckets of a request.
#include "lib/request.h"

// The clock is read anew for each so many requests of a batch: they take some ten microseconds.
enum { REQUESTS_A_READING = 32 };

// What each rule said, as far as there is room.
static void tell_rules(const struct sl_visit *visit, struct sluice_rule_decision *ret_rules,
                       size_t room) {
  for (size_t i = 0; i < sl_visit_count(visit) && i < room; i++) {
    const struct sl_hit *hit = sl_visit_hit(visit, i);
    struct sluice_rule_decision *out = &ret_rules[i];
    *sl_decision_in(&out->decision) = visit->seat->decider.decisions[i];
    out->cost = hit->cost;
    out->is_shadow = sl_visit_shadow(visit, i);
    out->is_override = hit->overridden;
    sl_rule_id_out(hit->rule, out->rule);
  }
}

static enum sluice_status decide(struct sluice *sluice, const struct sluice_request *request,
                                 bool look, struct sluice_rule_decision *ret_rules, size_t room,
                                 struct sluice_answer *ret_answer) {
  struct sl_visit visit;
  enum sluice_status result = sl_visit_begin(sluice, request, &visit, ret_answer);
  if (result != SLUICE_OK) {
    return result;
  }
  struct sl_answer answer;
  enum sl_status status = sl_visit_decide(&visit, look, &answer);
  if (status == SL_OK) {
    result = sl_visit_answer(&visit, sl_verdict_out(answer.verdict), &answer, ret_answer);
    tell_rules(&visit, ret_rules, room);
  } else {
    result = sl_answer_error(sl_status_out(status), NULL, ret_answer);
  }
  sl_visit_end(&visit);
  return result;
}

enum sluice_status sluice_allow(struct sluice *sluice, const struct sluice_request *request,
                                struct sluice_answer *ret_answer) {
  return decide(sluice, request, false, NULL, 0, ret_answer);
}

enum sluice_status sluice_peek(struct sluice *sluice, const struct sluice_request *request,
                               struct sluice_answer *ret_answer) {
  return decide(sluice, request, true, NULL, 0, ret_answer);
}

enum sluice_status sluice_allow_rules(struct sluice *sluice, const struct sluice_request *request,
                                      bool look, struct sluice_rule_decision *ret_rules,
                                      size_t room, struct sluice_answer *ret_answer) {
  if (ret_rules == NULL && room > 0) {
    return sl_answer_error(SLUICE_ERR_ARGUMENT, NULL, ret_answer);
  }
  return decide(sluice, request, look, ret_rules, room, ret_answer);
}

enum sluice_status sluice_allow_batch(struct sluice *sluice, const struct sluice_request *requests,
                                      size_t count, struct sluice_answer *ret_answers) {
  if (sluice == NULL || (count > 0 && (requests == NULL || ret_answers == NULL))) {
    return SLUICE_ERR_ARGUMENT;
  }
  uint64_t now_ns = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % REQUESTS_A_READING == 0) {
      now_ns = sl_sluice_time(sluice, SLUICE_NOW);
    }
    struct sluice_request request = requests[i];
    if (request.now_ns == SLUICE_NOW) {
      request.now_ns = now_ns;
    }
    (void)decide(sluice, &request, false, NULL, 0, &ret_answers[i]);
  }
  return SLUICE_OK;
}

// ---- charge -------------------------------------------------------------------------------------

static enum sl_status charge_all(const struct sl_visit *visit) {
  for (size_t i = 0; i < sl_visit_count(visit); i++) {
    struct sl_decision ignored;
    const struct sl_ask ask = sl_visit_ask(visit, i);
    enum sl_status status = sl_engine_charge(visit->sluice->engine, &ask, visit->now_ns, &ignored);
    if (status != SL_OK) {
      return status;
    }
  }
  return SL_OK;
}

// Looks at the figures, which a cost of 0 does.
static enum sl_status look_at_all(const struct sl_visit *visit, struct sl_answer *ret_answer) {
  for (size_t i = 0; i < sl_visit_count(visit); i++) {
    sl_visit_hit(visit, i)->cost = 0;
  }
  return sl_visit_decide(visit, true, ret_answer);
}

enum sluice_status sluice_charge(struct sluice *sluice, const struct sluice_request *request,
                                 struct sluice_answer *ret_answer) {
  struct sl_visit visit;
  enum sluice_status result = sl_visit_begin(sluice, request, &visit, ret_answer);
  if (result != SLUICE_OK) {
    return result;
  }
  struct sl_answer answer = {0};
  enum sl_status status = charge_all(&visit);
  if (status == SL_OK && ret_answer != NULL) {
    status = look_at_all(&visit, &answer);
  }
  result = status == SL_OK ? sl_visit_answer(&visit, SLUICE_OK, &answer, ret_answer)
                           : sl_answer_error(sl_status_out(status), NULL, ret_answer);
  sl_visit_end(&visit);
  return result;
}

// ---- reset, release, renew ----------------------------------------------------------------------

enum sluice_status sluice_reset(struct sluice *sluice, const struct sluice_request *request,
                                size_t *ret_count) {
  struct sl_visit visit;
  enum sluice_status result = sl_visit_begin(sluice, request, &visit, NULL);
  if (result != SLUICE_OK) {
    return result;
  }
  size_t count = 0;
  for (size_t i = 0; i < sl_visit_count(&visit); i++) {
    count +=
        sl_engine_reset(sluice->engine, sl_visit_class(&visit, i), sl_visit_hit(&visit, i)->bucket);
  }
  sl_visit_end(&visit);
  if (ret_count != NULL) {
    *ret_count = count;
  }
  return SLUICE_OK;
}

typedef enum sl_status slot_op(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                               uint64_t now_ns, bool *ret_held);

// One slot names the admission at every rule that leases slots.
static enum sluice_status on_slot(struct sluice *sluice, const struct sluice_request *request,
                                  slot_op *op, uint64_t slot, bool *ret_held) {
  struct sl_visit visit;
  enum sluice_status result = sl_visit_begin(sluice, request, &visit, NULL);
  if (result != SLUICE_OK) {
    return result;
  }
  bool held = false;
  enum sl_status status = SL_OK;
  for (size_t i = 0; i < sl_visit_count(&visit) && status == SL_OK; i++) {
    if (sl_visit_class(&visit, i)->limit.algorithm == SL_CONCURRENCY) {
      const struct sl_ask ask = sl_visit_ask(&visit, i);
      bool here = false;
      status = op(sluice->engine, &ask, slot, visit.now_ns, &here);
      held = held || here;
    }
  }
  sl_visit_end(&visit);
  if (ret_held != NULL) {
    *ret_held = held;
  }
  return sl_status_out(status);
}

enum sluice_status sluice_release(struct sluice *sluice, const struct sluice_request *request,
                                  uint64_t slot, bool *ret_held) {
  return on_slot(sluice, request, sl_engine_release, slot, ret_held);
}

enum sluice_status sluice_renew(struct sluice *sluice, const struct sluice_request *request,
                                uint64_t slot, bool *ret_held) {
  return on_slot(sluice, request, sl_engine_renew, slot, ret_held);
}
