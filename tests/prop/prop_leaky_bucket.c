// leaky_bucket against an exact level in wide arithmetic: the decisions of a token bucket of burst
// Q + 1, and departures that keep their distance.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_LEAKY_BUCKET);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  ret_spec->queue =
      prop_one_in(p, 8) ? 0 : prop_magnitude(p, prop_one_in(p, 8) ? SL_COUNT_MAX - 1 : 200);
  if (prop_one_in(p, 50)) {
    ret_spec->count = 0;
  }
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw};
  return history_main(argc, argv, &plan);
}
