// Vectors of the limits of rules: one bucket, driven as the engine drives it.
#include "vectors/vectors.h"

#include <string.h>

#include "algo/sliding_window.h"
#include "support/bucket.h"

enum { RECEIPTS_MAX = 4096 };

struct limits {
  struct sl_limit limit;
  struct bucket bucket;
  struct sl_receipt receipts[RECEIPTS_MAX];
  bool cancelled[RECEIPTS_MAX];
  size_t reserved;
};

static const char *const *const limiter_fields[SL_ALGORITHM_COUNT] = {
    [SL_UNLIMITED] = (const char *const[]){"algorithm", "kind", NULL},
    [SL_TOKEN_BUCKET] = (const char *const[]){"algorithm", "kind", "rate", "burst", "guarantee",
                                              "jitter_*", "max_wait_*", NULL},
    [SL_LEAKY_BUCKET] =
        (const char *const[]){"algorithm", "kind", "rate", "queue", "max_wait_*", NULL},
    [SL_FIXED_WINDOW] = (const char *const[]){"algorithm", "kind", "rate", "max_wait_*", NULL},
    [SL_SLIDING_LOG] =
        (const char *const[]){"algorithm", "kind", "rate", "count_refused", "max_wait_*", NULL},
    [SL_SLIDING_WINDOW] =
        (const char *const[]){"algorithm", "kind", "rate", "sub_windows", "max_wait_*", NULL},
    [SL_CONCURRENCY] =
        (const char *const[]){"algorithm", "kind", "slots", "lease_*", "max_wait_*", NULL},
};

static bool set_text_fields(struct vector *v, const json_t *limiter, struct sl_limit_spec *spec) {
  const json_t *guarantee = json_object_get(limiter, "guarantee");
  if (guarantee != NULL) {
    if (!json_is_string(guarantee) || strcmp(json_string_value(guarantee), "any_window") != 0) {
      return vector_fail(v, "guarantee: expected \"any_window\"");
    }
    spec->any_window = true;
  }
  const json_t *count_refused = json_object_get(limiter, "count_refused");
  if (count_refused != NULL && !json_is_boolean(count_refused)) {
    return vector_fail(v, "count_refused: expected true or false");
  }
  spec->count_refused = json_is_true(count_refused);
  return true;
}

static bool set_spans(struct vector *v, const json_t *limiter, struct sl_limit_spec *spec) {
  struct span jitter, lease, max_wait;
  if (!field_span(v, limiter, "jitter", &jitter) || !field_span(v, limiter, "lease", &lease) ||
      !field_span(v, limiter, "max_wait", &max_wait)) {
    return false;
  }
  spec->jitter_ns = jitter.ns;
  spec->lease_ns = lease.found ? lease.ns : spec->lease_ns;
  spec->max_wait_ns = max_wait.found ? max_wait.ns : spec->max_wait_ns;
  return true;
}

static bool prepare(struct vector *v, const json_t *limiter, enum sl_algorithm algorithm,
                    struct sl_limit *ret_limit) {
  struct sl_limit_spec spec = sl_limit_spec_default(algorithm);
  bool rated = algorithm != SL_CONCURRENCY && algorithm != SL_UNLIMITED;
  if (rated && !field_rate(v, limiter, "rate", &spec.count, &spec.period_ns)) {
    return false;
  }
  spec.has_burst = json_object_get(limiter, "burst") != NULL;
  if (!field_u64(v, limiter, "burst", &spec.burst) ||
      !field_u64(v, limiter, "queue", &spec.queue) ||
      !field_u64(v, limiter, "sub_windows", &spec.sub_windows) ||
      !field_u64(v, limiter, "slots", &spec.slots) || !set_text_fields(v, limiter, &spec) ||
      !set_spans(v, limiter, &spec)) {
    return false;
  }
  char buffer[512];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  if (sl_limit_prepare(&spec, ret_limit, &message) != SL_OK) {
    return vector_fail(v, "limiter: %s", buffer);
  }
  return true;
}

static bool preset(struct vector *v, const json_t *preset, struct limits *self, uint64_t now_ns) {
  static const char *const known[] = {"previous", "current", NULL};
  uint64_t previous = 0;
  uint64_t current = 0;
  if (preset == NULL) {
    return true;
  }
  if (!fields_known(v, preset, "preset", known) || !field_u64(v, preset, "previous", &previous) ||
      !field_u64(v, preset, "current", &current)) {
    return false;
  }
  bool weighted = self->limit.algorithm == SL_SLIDING_WINDOW && self->limit.sub_windows == 0;
  if (weighted) {
    sl_sliding_window_set(&self->limit, self->bucket.state, now_ns, previous, current);
    return true;
  }
  if (json_object_get(preset, "previous") != NULL) {
    return vector_fail(v, "preset: previous is for sliding_window without sub_windows only");
  }
  bucket_charge(&self->bucket, now_ns, current);
  return true;
}

static void figures(struct limits *self, struct outcome *ret, const struct sl_decision *decision) {
  ret->has_verdict = ret->has_figures = ret->has_wait = true;
  ret->verdict = (int)decision->verdict;
  ret->remaining = decision->remaining;
  ret->limit = decision->limit;
  ret->retry_ns = decision->retry_after_ns;
  ret->reset_ns = decision->reset_after_ns;
  ret->wait_ns = decision->wait_ns;
  ret->slot = decision->slot;
  ret->has_slot = self->limit.algorithm == SL_CONCURRENCY && decision->verdict == SL_ALLOWED;
}

// What PEEK of cost 0 tells, without a verdict: for ops that do not decide.
static void state_figures(struct limits *self, uint64_t now_ns, struct outcome *ret) {
  struct sl_decision decision = bucket_decide(&self->bucket, now_ns, 0, false);
  figures(self, ret, &decision);
  ret->has_verdict = ret->has_wait = ret->has_slot = false;
}

static bool run_reserve(struct vector *v, struct limits *self, const json_t *step, bool sleeps,
                        const struct span *timeout, uint64_t *now_ns, struct outcome *ret) {
  uint64_t cost;
  if (!steps_cost(v, step, &cost, ret) || ret->error) {
    return !v->failed;
  }
  if (self->bucket.ops != NULL || self->limit.algorithm == SL_UNLIMITED) {
    return vector_fail(v, "%s has no reservations", sl_algorithm_name(self->limit.algorithm));
  }
  if (self->reserved == RECEIPTS_MAX) {
    return vector_fail(v, "more than %d reservations", RECEIPTS_MAX);
  }
  struct bucket *bucket = &self->bucket;
  struct sl_decision decision;
  struct sl_receipt receipt;
  uint64_t stamp = bucket->stamp;
  enum sl_verdict verdict =
      sl_stamp_reserve(&self->limit, stamp, *now_ns, cost, &stamp, &receipt, &decision);
  if (verdict == SL_ALLOWED && timeout->found && decision.wait_ns > timeout->ns) {
    decision.verdict = SL_THROTTLED;
    figures(self, ret, &decision);
    ret->has_figures = false;
    return true;
  }
  figures(self, ret, &decision);
  if (verdict == SL_ALLOWED) {
    bucket->stamp = stamp;
    self->receipts[self->reserved++] = receipt;
    *now_ns += sleeps ? decision.wait_ns : 0;
  }
  return true;
}

// Which reservation a cancel means: `of` counts from 1; left out it is the last one not yet
// cancelled.
static bool run_cancel(struct vector *v, struct limits *self, const json_t *step, uint64_t now_ns,
                       struct outcome *ret) {
  uint64_t of = self->reserved;
  while (of > 0 && self->cancelled[of - 1]) {
    of--;
  }
  if (!field_u64(v, step, "of", &of)) {
    return false;
  }
  if (of == 0 || of > self->reserved || self->cancelled[of - 1]) {
    return vector_fail(v, "cancel: there is no such reservation");
  }
  struct bucket *bucket = &self->bucket;
  self->cancelled[of - 1] = true;
  (void)sl_stamp_cancel(&self->limit, bucket->stamp, bucket->promise, now_ns,
                        &self->receipts[of - 1], &bucket->stamp, &bucket->promise);
  state_figures(self, now_ns, ret);
  return true;
}

static bool run_slot(struct vector *v, struct limits *self, const char *op, const json_t *step,
                     uint64_t now_ns, struct outcome *ret) {
  const struct sl_record_ops *ops = self->bucket.ops;
  uint64_t slot = 0;
  if (ops == NULL || ops->release == NULL) {
    return vector_fail(v, "%s has no slots", sl_algorithm_name(self->limit.algorithm));
  }
  if (json_object_get(step, "slot") == NULL) {
    return vector_fail(v, "%s: slot is missing", op);
  }
  if (!field_u64(v, step, "slot", &slot)) {
    return false;
  }
  ops->advance(&self->limit, self->bucket.state, now_ns);
  ret->has_done = true;
  ret->done = strcmp(op, "release") == 0
                  ? ops->release(&self->limit, self->bucket.state, now_ns, slot)
                  : ops->renew(&self->limit, self->bucket.state, now_ns, slot);
  bool done = ret->done;
  state_figures(self, now_ns, ret);
  ret->done = done;
  return true;
}

static bool run_decision(struct vector *v, struct limits *self, const char *op, const json_t *step,
                         uint64_t now_ns, struct outcome *ret) {
  uint64_t cost;
  if (!steps_cost(v, step, &cost, ret) || ret->error) {
    return !v->failed;
  }
  if (strcmp(op, "charge") == 0) {
    bucket_charge(&self->bucket, now_ns, cost);
    state_figures(self, now_ns, ret);
    return true;
  }
  struct sl_decision decision =
      bucket_decide(&self->bucket, now_ns, cost, strcmp(op, "allow") == 0);
  figures(self, ret, &decision);
  return true;
}

static bool run(struct vector *v, void *data, const char *op, const json_t *step, uint64_t *now_ns,
                struct outcome *ret) {
  struct limits *self = data;
  struct span timeout;
  if (!field_span(v, step, "timeout", &timeout)) {
    return false;
  }
  if (strcmp(op, "allow") == 0 || strcmp(op, "peek") == 0 || strcmp(op, "charge") == 0) {
    return run_decision(v, self, op, step, *now_ns, ret);
  }
  if (strcmp(op, "reserve") == 0 || strcmp(op, "acquire") == 0 || strcmp(op, "try_acquire") == 0) {
    timeout.found = strcmp(op, "try_acquire") == 0;
    return run_reserve(v, self, step, strcmp(op, "reserve") != 0, &timeout, now_ns, ret);
  }
  if (strcmp(op, "release") == 0 || strcmp(op, "renew") == 0) {
    return run_slot(v, self, op, step, *now_ns, ret);
  }
  if (strcmp(op, "cancel") == 0) {
    return run_cancel(v, self, step, *now_ns, ret);
  }
  if (strcmp(op, "reset") == 0) {
    bucket_reset(&self->bucket, *now_ns);
    state_figures(self, *now_ns, ret);
    return true;
  }
  return vector_fail(v, "%s has no op \"%s\"", sl_algorithm_name(self->limit.algorithm), op);
}

bool limits_run(struct vector *v, const json_t *vector, const json_t *limiter, const char *name) {
  int algorithm = 0;
  while (algorithm < SL_ALGORITHM_COUNT &&
         strcmp(name, sl_algorithm_name((enum sl_algorithm)algorithm)) != 0) {
    algorithm++;
  }
  if (algorithm == SL_ALGORITHM_COUNT) {
    return vector_fail(v, "limiter: unknown algorithm \"%s\"", name);
  }
  const json_t *steps = json_object_get(vector, "steps");
  uint64_t start_ns;
  struct limits *self = calloc(1, sizeof *self);
  if (self == NULL) {
    return vector_fail(v, "out of memory");
  }
  bool holds = fields_known(v, limiter, "limiter", limiter_fields[algorithm]) &&
               prepare(v, limiter, (enum sl_algorithm)algorithm, &self->limit) &&
               steps_start(v, steps, &start_ns);
  if (holds) {
    bucket_init(&self->bucket, &self->limit, start_ns);
    struct subject subject = {.run = run, .self = self, .default_op = "allow"};
    holds = preset(v, json_object_get(vector, "preset"), self, start_ns) &&
            steps_run(v, steps, &subject);
    bucket_close(&self->bucket);
  }
  free(self);
  return holds;
}
