// The weighted sliding window against whole products in 128 bits, by window number.
#include "algo/sliding_window.h"
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_SLIDING_WINDOW);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  if (prop_one_in(p, 2)) {
    ret_spec->count = prop_magnitude(p, 100);
  }
  if (prop_one_in(p, 4)) {
    ret_spec->max_wait_ns = prop_one_in(p, 2) ? 0 : prop_magnitude(p, SL_PERIOD_MAX_NS);
  }
  if (prop_one_in(p, 50)) {
    ret_spec->count = prop_one_in(p, 2) ? 0 : SL_COUNT_MAX;
  }
}

// A state from a wrong clock, of a later window, is read as this window's.
static bool misread_clock(struct checker *c) {
  struct model *m = &c->model;
  if (m->size == 0) {
    return true;
  }
  uint64_t later_ns = c->now_ns + prop_magnitude(c->p, 40 * 365 * SL_NS_PER_D);
  // The first window of all has none before it.
  m->previous = m->index > 0 ? prop_below(c->p, m->size + 1) : 0;
  m->used = prop_below(c->p, m->size + 1);
  sl_sliding_window_set(&c->limit, c->bucket.state, later_ns, m->previous, (uint64_t)m->used);
  struct sl_decision d = bucket_decide(&c->bucket, c->now_ns, 0, false);
  return check_figures(c, 0, &d);
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw, .extra = misread_clock};
  return history_main(argc, argv, &plan);
}
