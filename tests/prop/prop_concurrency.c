// concurrency against a list of leases: never more than the slots at once, release and renew
// idempotent, a lease that ends by itself.
#include "prop/history.h"

static void draw(struct prop *p, struct sl_limit_spec *ret_spec) {
  *ret_spec = sl_limit_spec_default(SL_CONCURRENCY);
  ret_spec->slots = prop_magnitude(p, prop_one_in(p, 4) ? SL_LOG_COUNT_MAX : 30);
  ret_spec->lease_ns = SL_PERIOD_MIN_NS + prop_magnitude(p, SL_PERIOD_MAX_NS - SL_PERIOD_MIN_NS);
  if (prop_one_in(p, 50)) {
    ret_spec->slots = 0;
  }
}

// A slot that was named at some time, or one that never was.
static bool release_or_renew(struct checker *c) {
  uint64_t named = c->bucket.slots_named;
  uint64_t slot = prop_below(c->p, named + 2);
  if (c->model.entry_count > 0 && !prop_one_in(c->p, 4)) {
    slot = c->model.entries[prop_below(c->p, c->model.entry_count)].slot;
  }
  return check_slot(c, slot, prop_one_in(c->p, 2));
}

int main(int argc, char **argv) {
  static const struct history_plan plan = {.draw = draw, .extra = release_or_renew};
  return history_main(argc, argv, &plan);
}
