// Vectors of the library's waiting limiters: smooth_bursty, smooth_warming_up, self_pay.
#include "vectors/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "algo/self_pay.h"
#include "algo/smooth.h"

enum { RECEIPTS_MAX = 4096 };

struct waiting {
  bool self_pays;
  struct sl_smooth smooth;
  struct sl_self_pay self_pay;
  struct sl_self_pay_receipt receipts[RECEIPTS_MAX];
  bool cancelled[RECEIPTS_MAX];
  size_t reserved;
};

static const char *const bursty_fields[] = {"kind", "algorithm", "rate", "max_burst_*", NULL};
static const char *const warming_fields[] = {"kind",     "algorithm",   "rate",
                                             "warmup_*", "cold_factor", NULL};
static const char *const self_pay_fields[] = {"kind", "algorithm", "rate", "burst_*", NULL};

bool waiting_is(const char *kind) {
  return strcmp(kind, "smooth_bursty") == 0 || strcmp(kind, "smooth_warming_up") == 0 ||
         strcmp(kind, "self_pay") == 0;
}

static bool take(struct vector *v, struct waiting *self, uint64_t now_ns, uint64_t permits,
                 uint64_t timeout_ns, struct outcome *ret) {
  bool granted;
  ret->has_verdict = ret->has_wait = true;
  if (self->self_pays) {
    if (self->reserved == RECEIPTS_MAX) {
      return vector_fail(v, "more than %d reservations", RECEIPTS_MAX);
    }
    struct sl_self_pay_receipt *receipt = &self->receipts[self->reserved];
    granted = sl_self_pay_try(&self->self_pay, now_ns, permits, timeout_ns, &ret->wait_ns, receipt);
    self->reserved += granted;
  } else {
    granted = sl_smooth_try(&self->smooth, now_ns, permits, timeout_ns, &ret->wait_ns);
  }
  ret->verdict = granted ? SL_ALLOWED : SL_THROTTLED;
  return true;
}

static bool cancel(struct vector *v, struct waiting *self, const json_t *step, uint64_t now_ns) {
  if (!self->self_pays) {
    return vector_fail(v, "cancel: only self_pay can");
  }
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
  self->cancelled[of - 1] = true;
  (void)sl_self_pay_cancel(&self->self_pay, now_ns, &self->receipts[of - 1]);
  return true;
}

static bool set_rate(struct vector *v, struct waiting *self, const json_t *step, uint64_t now_ns) {
  struct sl_pace pace;
  if (!field_rate(v, step, "rate", &pace.count, &pace.period_ns)) {
    return false;
  }
  enum sl_status status = self->self_pays ? sl_self_pay_set_rate(&self->self_pay, now_ns, pace)
                                          : sl_smooth_set_rate(&self->smooth, now_ns, pace);
  return status == SL_OK ? true : vector_fail(v, "rate: out of range");
}

static bool run(struct vector *v, void *data, const char *op, const json_t *step, uint64_t *now_ns,
                struct outcome *ret) {
  struct waiting *self = data;
  if (strcmp(op, "cancel") == 0) {
    return cancel(v, self, step, *now_ns);
  }
  if (strcmp(op, "set_rate") == 0) {
    return set_rate(v, self, step, *now_ns);
  }
  bool tries = strcmp(op, "try_acquire") == 0;
  bool sleeps = tries || strcmp(op, "acquire") == 0;
  if (!sleeps && strcmp(op, "reserve") != 0) {
    return vector_fail(v, "%s has no op \"%s\"", self->self_pays ? "self_pay" : "a smooth limiter",
                       op);
  }
  uint64_t permits;
  struct span timeout;
  if (!steps_cost(v, step, &permits, ret) || !field_span(v, step, "timeout", &timeout)) {
    return false;
  }
  if (ret->error) {
    return true;
  }
  if (!take(v, self, *now_ns, permits, tries ? timeout.ns : UINT64_MAX, ret)) {
    return false;
  }
  if (sleeps && ret->verdict == SL_ALLOWED) {
    *now_ns += ret->wait_ns;
  }
  return true;
}

static bool cold_factor(struct vector *v, const json_t *limiter, uint32_t *ret_num,
                        uint32_t *ret_den) {
  struct decimal factor = {.digits = 3};  // Guava's
  const json_t *value = json_object_get(limiter, "cold_factor");
  if (value != NULL && !decimal_of(v, "cold_factor", value, &factor)) {
    return false;
  }
  uint64_t den = 1;
  for (unsigned i = 0; i < factor.scale && den <= SL_COLD_FACTOR_MAX; i++) {
    den *= 10;
  }
  uint64_t common = factor.digits > 0 ? sl_gcd_u64(factor.digits, den) : 1;
  if (factor.digits / common > SL_COLD_FACTOR_MAX || den / common > SL_COLD_FACTOR_MAX) {
    return vector_fail(v, "cold_factor: out of range, or with too many decimals");
  }
  *ret_num = (uint32_t)(factor.digits / common);
  *ret_den = (uint32_t)(den / common);
  return true;
}

static bool init(struct vector *v, const json_t *limiter, const char *kind, uint64_t now_ns,
                 struct waiting *self) {
  struct sl_pace pace;
  struct span span;
  uint32_t num, den;
  enum sl_status status;
  if (!field_rate(v, limiter, "rate", &pace.count, &pace.period_ns)) {
    return false;
  }
  if (strcmp(kind, "smooth_bursty") == 0) {
    if (!fields_known(v, limiter, "limiter", bursty_fields) ||
        !field_span(v, limiter, "max_burst", &span)) {
      return false;
    }
    status = sl_smooth_bursty_init(&self->smooth, pace, span.found ? span.ns : SL_NS_PER_S, now_ns);
  } else if (strcmp(kind, "smooth_warming_up") == 0) {
    if (!fields_known(v, limiter, "limiter", warming_fields) ||
        !field_span(v, limiter, "warmup", &span) || !cold_factor(v, limiter, &num, &den)) {
      return false;
    }
    status = sl_smooth_warming_up_init(&self->smooth, pace, span.ns, num, den, now_ns);
  } else {
    if (!fields_known(v, limiter, "limiter", self_pay_fields) ||
        !field_span(v, limiter, "burst", &span)) {
      return false;
    }
    self->self_pays = true;
    status = sl_self_pay_init(&self->self_pay, pace, span.found ? span.ns : SL_NS_PER_S, now_ns);
  }
  return status == SL_OK ? true : vector_fail(v, "limiter: a number is out of range");
}

bool waiting_run(struct vector *v, const json_t *vector, const json_t *limiter, const char *kind) {
  const json_t *steps = json_object_get(vector, "steps");
  uint64_t start_ns;
  if (json_object_get(vector, "preset") != NULL) {
    return vector_fail(v, "preset: %s has none", kind);
  }
  struct waiting *self = calloc(1, sizeof *self);
  if (self == NULL) {
    return vector_fail(v, "out of memory");
  }
  struct subject subject = {.run = run, .self = self, .default_op = "acquire"};
  bool holds = steps_start(v, steps, &start_ns) && init(v, limiter, kind, start_ns, self) &&
               steps_run(v, steps, &subject);
  free(self);
  return holds;
}
