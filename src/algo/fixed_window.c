#include "algo/fixed_window.h"

#include "algo/stamp_prepare.h"

enum sl_status sl_fixed_window_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) {
  return sl_stamp_prepare(SL_FIXED_WINDOW, spec->count, spec->period_ns, spec->period_ns,
                          spec->count, "a window of", spec->max_wait_ns, ret_limit, message);
}
