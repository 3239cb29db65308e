// token_bucket against an exact level in wide arithmetic: verdicts, figures, and at most B + r x D
// in every interval, at rates from one in 366 days to 100 million a second and beyond.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_TOKEN_BUCKET);
  prop_rate(p, &ret_spec->count, &ret_spec->period_ns);
  ret_spec->has_burst = prop_one_in(p, 2);
  ret_spec->burst =
      prop_below(p, 8) == 0 ? prop_magnitude(p, SL_COUNT_MAX) : prop_magnitude(p, 1000);
  if (prop_one_in(p, 4)) {
    ret_spec->max_wait_ns = prop_one_in(p, 2) ? 0 : prop_magnitude(p, SL_PERIOD_MAX_NS);
  }
  if (prop_one_in(p, 50)) {
    ret_spec->count = SL_COUNT_MAX;
    ret_spec->period_ns = SL_PERIOD_MIN_NS * prop_magnitude(p, 1000000);
  }
  if (prop_one_in(p, 50)) {
    ret_spec->count = 0;
  }
  if (prop_one_in(p, 8)) {
    ret_spec->any_window = true;
    ret_spec->jitter_ns = prop_one_in(p, 2) ? 0 : prop_magnitude(p, SL_NS_PER_S);
  }
}

// A stamp from a wrong clock: further ahead than a full debt and max_wait it counts as exactly
// that.
static bool misread_clock(struct checker *c) {
  struct model *m = &c->model;
  if (m->size == 0 || c->limit.timeline.whole > 1) {
    return true;
  }
  uint64_t y = sl_timeline_now(&c->limit.timeline, c->now_ns);
  uint64_t ahead = prop_magnitude(c->p, (UINT64_C(1) << 62) - 1);
  sl_i128 level = (sl_i128)m->size * m->unit - ahead;
  if (level > m->level) {
    return true;  // that would be a gift, and the law would break
  }
  c->bucket.stamp = (y + ahead) & SL_STAMP_MASK;
  c->written_ns = c->now_ns;
  sl_i128 least = model_least_level(m);
  m->level = level > least ? level : least;
  struct sl_decision d = bucket_decide(&c->bucket, c->now_ns, 0, false);
  return check_figures(c, 0, &d);
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw, .extra = misread_clock};
  return history_main(argc, argv, &plan);
}
