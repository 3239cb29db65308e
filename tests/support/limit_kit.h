// Making limits in tests: prepare or die, and what a refusal says.
#ifndef TESTS_SUPPORT_LIMIT_KIT_H
#define TESTS_SUPPORT_LIMIT_KIT_H

#include <stdio.h>
#include <stdlib.h>

#include "algo/limit.h"

__attribute__((unused)) static char limit_message[512];

__attribute__((unused)) static enum sl_status limit_try(const struct sl_limit_spec *spec,
                                                        struct sl_limit *ret_limit) {
  struct sl_text message;
  sl_text_init(&message, limit_message, sizeof limit_message);
  return sl_limit_prepare(spec, ret_limit, &message);
}

__attribute__((unused)) static struct sl_limit limit_of(const struct sl_limit_spec *spec) {
  struct sl_limit limit;
  if (limit_try(spec, &limit) != SL_OK) {
    printf("# the limit is refused: %s\n", limit_message);
    abort();
  }
  return limit;
}

// A spec with a rate of count per period_ns.
__attribute__((unused)) static struct sl_limit_spec spec_of(enum sl_algorithm algorithm,
                                                            uint64_t count, uint64_t period_ns) {
  struct sl_limit_spec spec = sl_limit_spec_default(algorithm);
  spec.count = count;
  spec.period_ns = period_ns;
  return spec;
}

#endif
