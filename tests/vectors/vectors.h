// What the parts of the runner of test vectors share. README.md defines every op, field and unit.
#ifndef TESTS_VECTORS_VECTORS_H
#define TESTS_VECTORS_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- one vector under test (report.c)
// ------------------------------------------------------------------

struct vector {
  const char *id;
  size_t step;  // from 1; 0 outside the steps
  bool failed;
};

// Says once what is wrong with the vector: "not ok ID: step N, ...". vector_fail(v, format, ...) is
// false.
__attribute__((format(printf, 2, 3))) void vector_say(struct vector *v, const char *format, ...);
#define vector_fail(...) (vector_say(__VA_ARGS__), false)

// ---- fields of JSON objects (fields.c); each returns false after vector_fail
// ----------------------------------

// Every key of the object is one of `known` (ends with NULL). "t_*" stands for t_ns, t_us, t_ms and
// t_s.
bool fields_known(struct vector *v, const json_t *object, const char *where,
                  const char *const *known);

// A number >= 0 without rounding: digits / 10^scale.
struct decimal {
  uint64_t digits;
  unsigned scale;
};
bool decimal_of(struct vector *v, const char *name, const json_t *value, struct decimal *ret);

// An integer from 0 to 2^63 - 1; *ret_value keeps its default where the field is missing.
bool field_u64(struct vector *v, const json_t *object, const char *name, uint64_t *ret_value);

// A span of time: NAME as a text with a unit ("20ms"), or NAME_ns, NAME_us, NAME_ms, NAME_s or
// NAME_seconds as a number.
struct span {
  bool found;
  bool negative;     // -1, the convention for `never`
  bool whole;        // given as an integer of `unit_ns`
  uint64_t unit_ns;  // 1 for texts
  uint64_t ns;
};
bool field_span(struct vector *v, const json_t *object, const char *name, struct span *ret_span);

// A rate: "600/30s", a number of permits per second, or "inf" (then period_ns is 0 and count 1).
bool field_rate(struct vector *v, const json_t *object, const char *name, uint64_t *ret_count,
                uint64_t *ret_period_ns);

// ---- what a step did (steps.c)
// --------------------------------------------------------------------------------

struct outcome {
  bool has_verdict, has_figures, has_wait, has_done, has_slot, error;
  int verdict;  // enum sl_verdict
  bool done;    // release, renew
  uint64_t now_ns;
  uint64_t wait_ns;
  uint64_t remaining, limit, retry_ns, reset_ns, slot;
};

// A limiter as the steps see it.
struct subject {
  // Carries out `op` at now; may move *now_ns on (a sleep). false after vector_fail.
  bool (*run)(struct vector *v, void *self, const char *op, const json_t *step, uint64_t *now_ns,
              struct outcome *ret_outcome);
  void *self;
  const char *default_op;
};

bool steps_run(struct vector *v, const json_t *steps, const struct subject *subject);
// The time of the first step, 0 where it names none.
bool steps_start(struct vector *v, const json_t *steps, uint64_t *ret_ns);
// The cost of a step ("cost" or "permits"; 1 where missing). A negative one sets
// ret_outcome->error.
bool steps_cost(struct vector *v, const json_t *step, uint64_t *ret_cost,
                struct outcome *ret_outcome);

// ---- the kinds of vectors
// ----------------------------------------------------------------------------------------

// limits.c: the limits of rules; waiting.c: the library's waiting limiters.
bool limits_run(struct vector *v, const json_t *vector, const json_t *limiter,
                const char *algorithm);
bool waiting_is(const char *kind);
bool waiting_run(struct vector *v, const json_t *vector, const json_t *limiter, const char *kind);
// any_window.c: one case of the guarantee.
bool any_window_run(struct vector *v, const json_t *test);

#endif
