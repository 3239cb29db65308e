// fixed_window against counts by window number: at most N in each aligned window, which owns its
// first instant.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_FIXED_WINDOW);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  if (prop_one_in(p, 3)) {
    ret_spec->count = prop_magnitude(p, 20);
  }
  if (prop_one_in(p, 4)) {
    ret_spec->max_wait_ns = prop_one_in(p, 2) ? 0 : prop_magnitude(p, SL_PERIOD_MAX_NS);
  }
  if (prop_one_in(p, 50)) {
    ret_spec->count = 0;
  }
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw};
  return history_main(argc, argv, &plan);
}
