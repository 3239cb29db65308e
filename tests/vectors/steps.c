// The steps of a vector: the clock, the op, and what the step expects of it.
#include "vectors/vectors.h"

#include <inttypes.h>
#include <string.h>

#include "algo/limit.h"

#define OUTCOMES                                                                        \
  "t_*", "op", "note", "ok", "verdict", "never", "error", "dropped", "granted", "done", \
      "remaining", "limit", "slot", "retry_*", "reset_*", "wait_*", "departs_*", NULL

// What a step may say, by its op. Whether the op has such an outcome is seen when it is compared.
static const struct {
  const char *op;
  const char *const *fields;
} ops[] = {
    {"allow", (const char *const[]){"cost", "permits", OUTCOMES}},
    {"peek", (const char *const[]){"cost", "permits", OUTCOMES}},
    {"charge", (const char *const[]){"cost", "permits", OUTCOMES}},
    {"reserve", (const char *const[]){"cost", "permits", OUTCOMES}},
    {"acquire", (const char *const[]){"cost", "permits", OUTCOMES}},
    {"try_acquire", (const char *const[]){"cost", "permits", "timeout_*", OUTCOMES}},
    {"cancel", (const char *const[]){"of", OUTCOMES}},
    {"reset", (const char *const[]){OUTCOMES}},
    {"release", (const char *const[]){OUTCOMES}},
    {"renew", (const char *const[]){OUTCOMES}},
    {"set_rate", (const char *const[]){"rate", OUTCOMES}},
    {"sleep", (const char *const[]){"ns", "us", "ms", "s", OUTCOMES}},
};

// The fields of the step, and the op that they belong to.
static bool step_op(struct vector *v, const json_t *step, const char *default_op,
                    const char **ret_op) {
  const json_t *name = json_object_get(step, "op");
  if (!json_is_object(step)) {
    return vector_fail(v, "step: expected an object");
  }
  if (name != NULL && !json_is_string(name)) {
    return vector_fail(v, "op: expected a text");
  }
  *ret_op = name != NULL ? json_string_value(name) : default_op;
  for (size_t i = 0; i < SL_ARRAY_LEN(ops); i++) {
    if (strcmp(*ret_op, ops[i].op) == 0) {
      return fields_known(v, step, *ret_op, ops[i].fields);
    }
  }
  return vector_fail(v, "unknown op \"%s\"", *ret_op);
}

bool steps_cost(struct vector *v, const json_t *step, uint64_t *ret_cost,
                struct outcome *ret_outcome) {
  static const char *const names[] = {"cost", "permits"};
  bool found = false;
  *ret_cost = 1;
  for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
    const json_t *value = json_object_get(step, names[i]);
    if (value == NULL) {
      continue;
    }
    if (found) {
      return vector_fail(v, "cost and permits are the same: expected one of them");
    }
    found = true;
    if (json_is_integer(value) && json_integer_value(value) < 0) {
      ret_outcome->error = true;
      *ret_cost = 0;
    } else if (!field_u64(v, step, names[i], ret_cost)) {
      return false;
    }
  }
  return true;
}

bool steps_start(struct vector *v, const json_t *steps, uint64_t *ret_ns) {
  struct span t;
  *ret_ns = 0;
  if (!json_is_array(steps) || json_array_size(steps) == 0) {
    return vector_fail(v, "steps: expected a list of one or more");
  }
  if (!field_span(v, json_array_get(steps, 0), "t", &t)) {
    return false;
  }
  *ret_ns = t.ns;
  return true;
}

static bool want_bool(struct vector *v, const json_t *step, const char *name, bool known,
                      bool got) {
  const json_t *want = json_object_get(step, name);
  if (want == NULL) {
    return true;
  }
  if (!json_is_boolean(want)) {
    return vector_fail(v, "%s: expected true or false in the vector", name);
  }
  if (!known) {
    return vector_fail(v, "%s: this op has no such result", name);
  }
  if (json_is_true(want) != got) {
    return vector_fail(v, "expected %s %s, got %s", name, json_is_true(want) ? "true" : "false",
                       got ? "true" : "false");
  }
  return true;
}

static bool want_number(struct vector *v, const json_t *step, const char *name, bool known,
                        uint64_t got) {
  uint64_t want;
  if (json_object_get(step, name) == NULL) {
    return true;
  }
  if (!field_u64(v, step, name, &want)) {
    return false;
  }
  if (!known) {
    return vector_fail(v, "%s: this op has no such result", name);
  }
  if (want != got) {
    return vector_fail(v, "expected %s %" PRIu64 ", got %" PRIu64, name, want, got);
  }
  return true;
}

static uint64_t distance(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

// How a time is compared: waits that are told are rounded up in the unit; others are within 1 us; a
// whole number of an instant may be rounded either way.
enum rounding { ROUND_UP, WITHIN_1_US, EITHER_WAY };

static bool span_holds(const struct span *want, uint64_t got_ns, enum rounding rounding) {
  if (rounding == ROUND_UP && want->whole) {
    return sl_ceil_div_u64(got_ns, want->unit_ns) == want->ns / want->unit_ns;
  }
  if (rounding == EITHER_WAY && want->whole && want->unit_ns > SL_NS_PER_US) {
    return distance(want->ns, got_ns) < want->unit_ns;
  }
  return distance(want->ns, got_ns) <= (want->unit_ns > 1 ? SL_NS_PER_US : 0);
}

static bool want_span(struct vector *v, const json_t *step, const char *name, bool known,
                      bool never, uint64_t got_ns, enum rounding rounding) {
  struct span want;
  if (!field_span(v, step, name, &want)) {
    return false;
  }
  if (!want.found || (want.negative && never)) {
    return true;
  }
  if (!known || want.negative || never) {
    return vector_fail(v, "%s: the step has no such result%s", name, never ? " (never)" : "");
  }
  if (!span_holds(&want, got_ns, rounding)) {
    return vector_fail(v, "expected %s %" PRIu64 " ns, got %" PRIu64 " ns", name, want.ns, got_ns);
  }
  return true;
}

static bool want_verdict(struct vector *v, const json_t *step, const struct outcome *got) {
  bool allowed = got->has_verdict && got->verdict == SL_ALLOWED;
  bool never = got->has_verdict && got->verdict == SL_NEVER;
  const json_t *name = json_object_get(step, "verdict");
  if (name != NULL) {
    const char *is = got->has_verdict ? sl_verdict_name((enum sl_verdict)got->verdict) : "none";
    if (!json_is_string(name) || strcmp(json_string_value(name), is) != 0) {
      return vector_fail(v, "expected verdict %s, got %s",
                         json_is_string(name) ? json_string_value(name) : "(no text)", is);
    }
  }
  return want_bool(v, step, "ok", got->has_verdict || got->has_done, allowed || got->done) &&
         want_bool(v, step, "granted", got->has_verdict, allowed) &&
         want_bool(v, step, "never", got->has_verdict, never) &&
         want_bool(v, step, "dropped", got->has_verdict, !allowed) &&
         want_bool(v, step, "done", got->has_done, got->done);
}

static bool want_all(struct vector *v, const json_t *step, const char *op,
                     const struct outcome *got) {
  bool never = got->has_verdict && got->verdict == SL_NEVER;
  bool slot_is_input = strcmp(op, "release") == 0 || strcmp(op, "renew") == 0;
  if (got->error) {
    return json_is_true(json_object_get(step, "error"))
               ? true
               : vector_fail(v, "a negative cost is an error, which the vector does not expect");
  }
  return want_bool(v, step, "error", true, false) && want_verdict(v, step, got) &&
         want_number(v, step, "remaining", got->has_figures, got->remaining) &&
         want_number(v, step, "limit", got->has_figures, got->limit) &&
         (slot_is_input || want_number(v, step, "slot", got->has_slot, got->slot)) &&
         want_span(v, step, "retry", got->has_figures, never, got->retry_ns, ROUND_UP) &&
         want_span(v, step, "reset", got->has_figures, false, got->reset_ns, ROUND_UP) &&
         want_span(v, step, "wait", got->has_wait, never, got->wait_ns, WITHIN_1_US) &&
         want_span(v, step, "departs", got->has_wait, never, got->now_ns + got->wait_ns,
                   EITHER_WAY);
}

static bool sleep_step(struct vector *v, const json_t *step, uint64_t *now_ns) {
  static const struct {
    const char *name;
    uint64_t ns;
  } units[] = {{"ns", 1}, {"us", SL_NS_PER_US}, {"ms", SL_NS_PER_MS}, {"s", SL_NS_PER_S}};
  bool found = false;
  for (size_t i = 0; i < SL_ARRAY_LEN(units); i++) {
    const json_t *value = json_object_get(step, units[i].name);
    struct decimal decimal;
    if (value == NULL) {
      continue;
    }
    if (!decimal_of(v, units[i].name, value, &decimal)) {
      return false;
    }
    sl_u128 ns = (sl_u128)decimal.digits * units[i].ns;
    for (; decimal.scale > 0; decimal.scale--) {
      ns /= 10;
    }
    *now_ns = sl_sat_u128(*now_ns + ns);
    found = true;
  }
  return found ? true : vector_fail(v, "sleep: expected ns, us, ms or s");
}

static bool run_step(struct vector *v, const json_t *step, const struct subject *subject,
                     uint64_t *now_ns) {
  struct span t;
  const char *op;
  if (!step_op(v, step, subject->default_op, &op) || !field_span(v, step, "t", &t)) {
    return false;
  }
  // A clock that steps back is weather: no time has passed (SEMANTICS 1).
  if (t.found && t.ns > *now_ns) {
    *now_ns = t.ns;
  }
  if (*now_ns >= SL_TIME_MAX_NS) {
    return vector_fail(v, "the time is beyond 2116");
  }
  struct outcome got = {.now_ns = *now_ns};
  if (strcmp(op, "sleep") == 0) {
    return sleep_step(v, step, now_ns) && want_all(v, step, op, &got);
  }
  return subject->run(v, subject->self, op, step, now_ns, &got) && want_all(v, step, op, &got);
}

bool steps_run(struct vector *v, const json_t *steps, const struct subject *subject) {
  uint64_t now_ns = 0;
  const json_t *step;
  json_array_foreach((json_t *)(uintptr_t)steps, v->step, step) {
    size_t at = v->step++;
    bool holds = run_step(v, step, subject, &now_ns);
    v->step = at;
    if (!holds) {
      return false;
    }
  }
  v->step = 0;
  return true;
}
