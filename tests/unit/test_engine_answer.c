// A request against rules: which rule the answer names, with what figures (line 16 of the
// contract), and rules that are there without limiting. The rules are written as people write them.
#include "engine/bound.h"
#include "rule/parse.h"
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

static struct kit kit;
static struct sl_ruleset *set;
static struct sl_bound *bound;
static struct sl_decider decider;

static struct sl_ruleset *compile(const char *yaml, const struct sl_secret *secret) {
  struct sl_reports reports;
  struct sl_model *model = NULL;
  struct sl_ruleset *compiled = NULL;
  sl_reports_init(&reports, &kit.mem);
  enum sl_status status =
      sl_rules_parse("rules.yaml", yaml, strlen(yaml), &kit.mem, &reports, &model);
  for (size_t i = 0; i < reports.count; i++) {
    diag("rules.yaml:%u: %s", reports.items[i].place.line, reports.items[i].message);
  }
  sl_reports_close(&reports);
  if (status != SL_OK || sl_ruleset_compile(model, secret, &kit.mem, &compiled) != SL_OK) {
    abort();
  }
  return compiled;
}

static void open_rules(const char *yaml) {
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  (void)sl_engine_now(kit.engine, T);
  set = compile(yaml, sl_engine_secret(kit.engine));
  if (sl_bind(kit.engine, set, &kit.mem, &bound) != SL_OK) {
    abort();
  }
  decider = (struct sl_decider){.hits.mem = &kit.mem};
}

static void close_rules(void) {
  sl_decider_close(&decider);
  sl_unbind(bound);
  sl_ruleset_free(set);
  ok(kit_close(&kit), "  and everything is given back");
}

// The attribute `user` of each request; the others stand for themselves.
static struct sl_answer ask_at(const char *user, uint64_t cost, uint64_t now_ns, bool look) {
  struct sl_attr attrs[2] = {{.name = SL_STR("user"), .value = sl_str_of(user)},
                             {.name = SL_STR("path"), .value = SL_STR("/x")}};
  struct sl_request request = {.attrs = attrs, .attr_count = 2, .cost = cost};
  struct sl_answer answer;
  if (sl_decide(bound, &decider, &request, sl_engine_now(kit.engine, now_ns), look, &answer) !=
      SL_OK) {
    abort();
  }
  return answer;
}

static struct sl_answer ask(const char *user, uint64_t cost) {
  return ask_at(user, cost, T, false);
}

static bool names(const struct sl_answer *answer, const char *id) {
  return answer->rule != NULL && sl_str_eq(answer->rule->id, sl_str_of(id));
}

#define RULE(id, rest) "  - {id: " id ", key: [user], " rest "}\n"

static void refusing(void) {
  open_rules("rules:\n" RULE("fast", "limit: {rate: 1/1s, burst: 1}") RULE(
      "slow", "limit: {rate: 1/1m, burst: 1}") RULE("wide", "limit: {rate: 100/1s}"));
  (void)ask("ann", 1);
  struct sl_answer a = ask("ann", 1);
  ok(a.verdict == SL_THROTTLED && names(&a, "slow") && a.decision.retry_after_ns == SL_NS_PER_M &&
         a.decision.limit == 1,
     "semantics_16_longest_retry_names_the_rule");
  is_u64(decider.decisions[0].verdict, SL_THROTTLED, "semantics_16_each_rule_has_its_own_verdict");
  is_u64(decider.decisions[2].verdict, SL_ALLOWED, "semantics_16_the_admitting_ones_too");
  is_u64(decider.decisions[2].remaining, 99, "semantics_16_and_is_not_charged");
  a = ask_at("ann", 1, T + 2 * SL_NS_PER_S, false);
  ok(names(&a, "slow") && a.decision.retry_after_ns == 58 * SL_NS_PER_S,
     "semantics_16_one_alone_refuses");
  a = ask("bob", 2);
  ok(a.verdict == SL_NEVER && names(&a, "fast") && a.decision.retry_after_ns == 0,
     "semantics_16_never_comes_first_and_ties_go_by_id");
  (void)ask("cid", 1);
  a = ask("cid", 101);
  ok(a.verdict == SL_NEVER && names(&a, "fast"), "semantics_16_never_before_any_wait");
  close_rules();

  open_rules("rules:\n" RULE("b", "limit: {rate: 1/1s, burst: 1}")
                 RULE("a", "limit: {rate: 2/2s, burst: 1}"));
  (void)ask("ann", 1);
  a = ask("ann", 1);
  ok(names(&a, "a"), "semantics_16_equal_waits_go_by_id");
  close_rules();
}

static void admitting(void) {
  open_rules("rules:\n" RULE("large", "limit: {rate: 1000/1h}")
                 RULE("small", "limit: {rate: 10/1h}") RULE("free", "limit: unlimited")
                     RULE("watched", "over_limit: shadow, limit: {rate: 1/1h}"));
  struct sl_answer a = ask("ann", 2);
  ok(a.verdict == SL_ALLOWED && names(&a, "small") && a.decision.remaining == 8 &&
         a.decision.limit == 10,
     "semantics_16_of_admitting_rules_the_least_share_left_is_named");
  ok(decider.hits.count == 4 && decider.decisions[2].remaining == UINT64_MAX &&
         decider.decisions[3].verdict == SL_NEVER,
     "semantics_19_a_shadow_says_what_it_would_and_is_not_named");
  a = ask_at("ann", 8, T, true);
  ok(a.verdict == SL_ALLOWED && names(&a, "small") && a.decision.remaining == 8,
     "semantics_7_a_look_has_an_answer_and_charges_nothing");
  a = ask("ann", 9);
  ok(a.verdict == SL_THROTTLED && names(&a, "small"), "semantics_19_nor_is_it_among_the_refusing");
  close_rules();

  open_rules("rules:\n" RULE("free", "limit: unlimited") RULE("ban", "limit: {rate: 0/1s}")
                 RULE("some", "limit: {rate: 10/1h}"));
  a = ask("ann", 0);
  ok(a.verdict == SL_ALLOWED && names(&a, "ban"), "semantics_16_a_limit_of_0_has_the_least_left");
  a = ask("ann", 1);
  ok(a.verdict == SL_NEVER && names(&a, "ban"), "semantics_8_a_ban_is_never");
  close_rules();

  open_rules("rules:\n" RULE("some", "limit: {rate: 10/1h}") RULE("zero", "limit: {rate: 0/1s}")
                 RULE("twice", "limit: {rate: 20/1h}"));
  a = ask("ann", 0);
  ok(names(&a, "zero"), "semantics_16_whatever_the_order_of_ids");
  close_rules();

  open_rules("rules:\n" RULE("free", "limit: unlimited")
                 RULE("watched", "over_limit: shadow, limit: {rate: 0/1s}"));
  a = ask("ann", SL_COST_MAX);
  ok(a.verdict == SL_ALLOWED && names(&a, "free") && a.decision.remaining == UINT64_MAX,
     "semantics_8_unlimited_is_named_where_nothing_limits");
  close_rules();

  open_rules("rules: []\n");
  a = ask("ann", 5);
  ok(a.verdict == SL_ALLOWED && a.rule == NULL && a.decision.limit == UINT64_MAX &&
         a.decision.retry_after_ns == 0,
     "semantics_16_no_rule_no_limit");
  close_rules();
}

// F51: one key under two rules is two buckets; S25: values that only look alike have one each.
static void buckets(void) {
  open_rules("rules:\n"
             "  - {id: one, key: [user, path], limit: {rate: 1/1h}}\n"
             "  - {id: two, key: [path, user], limit: {rate: 1/1h}}\n");
  static const char *const users[][2] = {
      {"a", "bc"},  {"ab", "c"},  {"abc", ""},   {"", "abc"},
      {"a:b", "c"}, {"a", "b:c"}, {"a\0", "bc"}, {"a|b", "c"},
  };
  unsigned allowed = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(users); i++) {
    struct sl_attr attrs[2] = {{.name = SL_STR("user"), .value = sl_str_of(users[i][0])},
                               {.name = SL_STR("path"), .value = sl_str_of(users[i][1])}};
    attrs[0].value.len += i == 6;
    struct sl_request request = {.attrs = attrs, .attr_count = 2, .cost = 1};
    struct sl_answer answer;
    allowed += sl_decide(bound, &decider, &request, T, false, &answer) == SL_OK &&
               answer.verdict == SL_ALLOWED;
  }
  is_u64(allowed, SL_ARRAY_LEN(users), "s25_values_that_join_alike_have_buckets_of_their_own");
  is_u64(kit_stats(&kit).buckets, 2 * SL_ARRAY_LEN(users), "f51_and_so_has_each_rule");
  close_rules();
}

static void waits_and_slots(void) {
  open_rules("rules:\n" RULE("paced", "limit: {algorithm: leaky_bucket, rate: 1/1s, queue: 5}")
                 RULE("slower", "limit: {algorithm: leaky_bucket, rate: 1/3s, queue: 5}")
                     RULE("slots", "limit: {algorithm: concurrency, slots: 4, lease: 1m}"));
  struct sl_answer a = ask("ann", 1);
  ok(a.verdict == SL_ALLOWED && a.decision.wait_ns == 0 && a.decision.slot != 0,
     "semantics_26_the_first_goes_at_once, semantics_30_and_holds_a_slot");
  a = ask("ann", 1);
  is_u64(a.decision.wait_ns, 3 * SL_NS_PER_S,
         "semantics_26_the_answer_waits_for_the_last_of_its_rules");
  a = ask_at("ann", 1, T, true);
  ok(a.decision.wait_ns == 6 * SL_NS_PER_S && a.decision.slot == 0,
     "semantics_7_a_look_tells_the_wait");
  close_rules();
}

static void binding(void) {
  open_rules("rules:\n" RULE("one", "limit: {rate: 1/1s}") RULE("two", "limit: {rate: 2/1s}"));
  struct sl_secret other = *sl_engine_secret(kit.engine);
  other.word[0]++;
  struct sl_ruleset *foreign = compile("rules: []\n", &other);
  struct sl_bound *none = NULL;
  ok(sl_bind(kit.engine, foreign, &kit.mem, &none) == SL_ERR_ARGUMENT && none == NULL,
     "semantics_14_rules_under_another_secret_are_not_bound");
  sl_ruleset_free(foreign);
  sl_unbind(NULL);
  uint64_t live = kit.fault.live;
  unsigned failed = 0;
  for (uint64_t at = 1;; at++) {
    struct sl_ruleset *again =
        compile("rules:\n" RULE("x", "limit: {rate: 7/1s}") RULE("y", "limit: {rate: 8/1s}"),
                sl_engine_secret(kit.engine));
    struct sl_bound *binding_again = NULL;
    kit.fault.fail_at = kit.fault.calls + at;
    enum sl_status status = sl_bind(kit.engine, again, &kit.mem, &binding_again);
    kit.fault.fail_at = 0;
    failed += status == SL_ERR_MEMORY && binding_again == NULL;
    sl_unbind(binding_again);
    sl_ruleset_free(again);
    if (status == SL_OK) {
      break;
    }
  }
  // Limits that were registered stay with the engine until their place is needed.
  ok(failed >= 3 && kit.fault.live <= live + 2,
     "a binding that fails for want of memory leaves none");
  close_rules();
}

// The scratch of a decider grows; where that fails, the request is not decided and not charged.
static void scratch(void) {
  open_rules("rules:\n" RULE("a", "limit: {rate: 100/1h}") RULE("b", "limit: {rate: 100/1h}"));
  (void)ask_at("ann", 1, T, true);
  unsigned failed = 0;
  for (uint64_t at = 1; at < 40; at++) {
    struct sl_decider fresh = {.hits.mem = &kit.mem};
    struct sl_attr user = {.name = SL_STR("user"), .value = SL_STR("bob")};
    struct sl_request request = {.attrs = &user, .attr_count = 1, .cost = 1};
    struct sl_answer answer;
    struct sl_engine_stats before = kit_stats(&kit);
    kit.fault.fail_at = kit.fault.calls + at;
    enum sl_status status = sl_decide(bound, &fresh, &request, T, false, &answer);
    bool met = kit.fault.calls >= kit.fault.fail_at;
    kit.fault.fail_at = 0;
    bool untouched = kit_stats(&kit).buckets == before.buckets;
    failed += met && status == SL_ERR_MEMORY && untouched;
    sl_decider_close(&fresh);
    if (!met) {
      ok(status == SL_OK && answer.decision.remaining == 99,
         "a request that was not decided for want of memory was not charged");
      break;
    }
  }
  ok(failed >= 2, "%u allocations failed on the way", failed);
  close_rules();
}

int main(void) {
  refusing();
  admitting();
  buckets();
  waits_and_slots();
  binding();
  scratch();
  return done_testing();
}
