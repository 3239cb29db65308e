// Random histories of one limit against its model: what the property test of each algorithm runs.
#ifndef TESTS_PROP_HISTORY_H
#define TESTS_PROP_HISTORY_H

#include "prop/check.h"

// What a program varies: the limits it draws, and what else may happen to a bucket.
struct history_plan {
  void (*draw)(struct prop *p, struct sl_limit_spec *ret_spec);
  // Something of the algorithm's own, now and then; may be NULL.
  bool (*extra)(struct checker *c);
};

static inline bool history_step(struct checker *c, const struct history_plan *plan, bool charges) {
  struct prop *p = c->p;
  uint64_t dice = prop_below(p, 64);
  uint64_t cost = prop_cost(p, c->limit.size, c->last.remaining);
  if (dice < 48) {
    return check_allow(c, cost);
  }
  if (dice < 52) {
    return check_peek(c, cost);
  }
  if (dice < 56) {
    return check_fresh(c);
  }
  if (dice < 57) {
    if (prop_one_in(p, 2)) {
      check_move(c, prop_below(p, 256));
    } else {
      check_rebuild(c);
    }
    return true;
  }
  if (dice < 61) {
    return charges ? check_charge(c, cost) : check_allow(c, cost);
  }
  return plan->extra != NULL ? plan->extra(c) : check_allow(c, cost);
}

static inline bool history_run(struct prop *p, const struct history_plan *plan, struct checker *c) {
  struct sl_limit_spec spec;
  do {
    spec = (struct sl_limit_spec){0};
    plan->draw(p, &spec);
  } while (!check_start(c, p, &spec, prop_start(p)));
  bool charges = prop_one_in(p, 4);
  struct prop_habits habits = {
      .interval_ns = c->model.count > 0 ? c->model.period_ns / c->model.count : SL_NS_PER_S,
      .window_ns = c->model.period_ns,
      .grid_ns = prop_one_in(p, 3) ? SL_NS_PER_US : 1,
  };
  c->now_ns -= c->now_ns % habits.grid_ns;
  c->written_ns = c->model.now_ns = c->model.strain_ns = c->now_ns;
  bucket_reset(&c->bucket, c->now_ns);
  c->model.index = c->now_ns / c->model.period_ns;
  uint64_t length = prop_between(p, 1, 160);
  bool holds = true;
  for (uint64_t i = 0; holds && i < length && p->step < p->args.steps; i++) {
    habits.retry_ns = c->last.retry_after_ns;
    habits.reset_ns = c->last.reset_after_ns;
    if (!check_advance(c, prop_step_ns(p, &habits, c->now_ns))) {
      break;
    }
    p->step++;
    holds = history_step(c, plan, charges);
  }
  check_stop(c);
  return holds;
}

// The main function of a program.
__attribute__((unused)) static int history_main(int argc, char **argv,
                                                const struct history_plan *plan) {
  static struct checker checker;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, check_laws, LAW_COUNT);
  while (p.step < p.args.steps && history_run(&p, plan, &checker)) {
  }
  // Only limits with slots have any.
  p.checked[LAW_SLOTS] += checker.limit.algorithm != SL_CONCURRENCY;
  return prop_done(&p);
}

#endif
