// sliding_log against a list of everything that was ever logged: at most N in every window (t - W,
// t], and with count_refused the refusals as well.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_SLIDING_LOG);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  ret_spec->count = prop_magnitude(p, prop_one_in(p, 4) ? SL_LOG_COUNT_MAX : 40);
  ret_spec->count_refused = prop_one_in(p, 3);
  if (prop_one_in(p, 50)) {
    ret_spec->count = 0;
  }
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw};
  return history_main(argc, argv, &plan);
}
