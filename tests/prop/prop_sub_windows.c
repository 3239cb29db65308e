// The strict sliding window against a list of all admissions: never above N in any window.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_SLIDING_WINDOW);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  if (prop_one_in(p, 2)) {
    ret_spec->count = prop_magnitude(p, 60);
  }
  ret_spec->sub_windows =
      prop_one_in(p, 8) ? prop_between(p, 1, SL_SUB_WINDOWS_MAX) : prop_between(p, 1, 12);
  // A k that does not divide the period is refused; mostly draw one that does.
  if (!prop_one_in(p, 8)) {
    ret_spec->period_ns -= ret_spec->period_ns % ret_spec->sub_windows;
  }
  if (prop_one_in(p, 50)) {
    ret_spec->count = prop_one_in(p, 2) ? 0 : SL_COUNT_MAX;
  }
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw};
  return history_main(argc, argv, &plan);
}
