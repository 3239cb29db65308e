#include "lib/request.h"

// An attribute of the caller is one of the core, so a request is passed on as it is.
_Static_assert(sizeof(struct sluice_attr) == sizeof(struct sl_attr) &&
                   offsetof(struct sluice_attr, name) == offsetof(struct sl_attr, name.ptr) &&
                   offsetof(struct sluice_attr, name_len) == offsetof(struct sl_attr, name.len) &&
                   offsetof(struct sluice_attr, value) == offsetof(struct sl_attr, value.ptr) &&
                   offsetof(struct sluice_attr, value_len) == offsetof(struct sl_attr, value.len),
               "attributes");
_Static_assert(SLUICE_RULE_ID_SIZE == SL_RULE_ID_MAX + 1, "the ids of rules");

struct sluice_attr sluice_attr_of(const char *name, const char *value) {
  name = name != NULL ? name : "";
  value = value != NULL ? value : "";
  return (struct sluice_attr){
      .name = name, .name_len = strlen(name), .value = value, .value_len = strlen(value)};
}

void sl_rule_id_out(const struct sl_rule *rule, char *ret_id) {
  size_t len = rule == NULL ? 0 : rule->id.len;
  sl_assert(len <= SL_RULE_ID_MAX);
  if (len > 0) {
    memcpy(ret_id, rule->id.ptr, len);
  }
  ret_id[len] = '\0';
}

enum sluice_status sl_answer_error(enum sluice_status status, const struct sl_rule *rule,
                                   struct sluice_answer *ret_answer) {
  if (ret_answer != NULL) {
    ret_answer->status = status;
    ret_answer->decision = (struct sluice_decision){.verdict = status};
    ret_answer->rule_count = 0;
    sl_rule_id_out(rule, ret_answer->rule);
  }
  return status;
}

static bool attr_fits(const struct sluice_attr *attr) {
  return attr->name != NULL && attr->name_len > 0 && attr->name_len <= SL_ATTR_NAME_MAX &&
         attr->value_len <= SL_ATTR_VALUE_MAX && (attr->value != NULL || attr->value_len == 0);
}

static enum sluice_status check(const struct sluice *sluice, const struct sluice_request *request) {
  if (sluice == NULL || request == NULL || request->attr_count > SL_ATTRS_MAX ||
      (request->attrs == NULL && request->attr_count > 0)) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_cost_fits(request->cost)) {
    return SLUICE_ERR_COST;
  }
  if (!sl_reading_fits(request->now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  for (size_t i = 0; i < request->attr_count; i++) {
    if (!attr_fits(&request->attrs[i])) {
      return SLUICE_ERR_ARGUMENT;
    }
  }
  return SLUICE_OK;
}

enum sluice_status sl_visit_begin(struct sluice *sluice, const struct sluice_request *request,
                                  struct sl_visit *ret_visit, struct sluice_answer *ret_answer) {
  enum sluice_status checked = check(sluice, request);
  if (checked != SLUICE_OK) {
    return sl_answer_error(checked, NULL, ret_answer);
  }
  *ret_visit = (struct sl_visit){.sluice = sluice};
  ret_visit->seat = sl_rule_cache_sit(&sluice->cache, &ret_visit->rules);
  if (ret_visit->rules != NULL) {
    const struct sl_request in = {
        .attrs = (const struct sl_attr *)(const void *)request->attrs,
        .attr_count = request->attr_count,
        .cost = request->cost,
    };
    const struct sl_rule *rule = NULL;
    enum sl_status status =
        sl_identify(ret_visit->rules->set, &in, &ret_visit->seat->decider.hits, &rule);
    if (status != SL_OK) {
      // The rule's id is copied while its set is sure to be there.
      enum sluice_status out = sl_answer_error(sl_status_out(status), rule, ret_answer);
      sl_visit_end(ret_visit);
      return out;
    }
  }
  ret_visit->now_ns = sl_sluice_time(sluice, request->now_ns);
  return SLUICE_OK;
}

void sl_visit_end(struct sl_visit *visit) { sl_rule_cache_rise(visit->seat); }

struct sl_ask sl_visit_ask(const struct sl_visit *visit, size_t index) {
  const struct sl_hit *hit = sl_visit_hit(visit, index);
  return (struct sl_ask){
      .class = sl_visit_class(visit, index),
      .bucket = hit->bucket,
      .cost = hit->cost,
      .shadow = sl_visit_shadow(visit, index),
  };
}

enum sl_status sl_visit_decide(const struct sl_visit *visit, bool look,
                               struct sl_answer *ret_answer) {
  if (visit->rules == NULL) {
    *ret_answer = (struct sl_answer){
        .verdict = SL_ALLOWED,
        .decision = {.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX},
    };
    return SL_OK;
  }
  return sl_decide_hits(visit->rules->bound, &visit->seat->decider, visit->now_ns, look,
                        ret_answer);
}

enum sluice_status sl_visit_answer(const struct sl_visit *visit, enum sluice_status status,
                                   const struct sl_answer *answer,
                                   struct sluice_answer *ret_answer) {
  if (ret_answer != NULL) {
    ret_answer->status = status;
    *sl_decision_in(&ret_answer->decision) = answer->decision;
    ret_answer->decision.verdict = status;
    ret_answer->rule_count = sl_visit_count(visit);
    sl_rule_id_out(answer->rule, ret_answer->rule);
  }
  return status;
}
