#include "cli/replay.h"

#include "base/arith.h"
#include "sys/relax.h"

const struct sl_secret sl_replay_secret = {
    {UINT64_C(0x7265706c61792d6f), UINT64_C(0x662d616363657373)}};

// No bucket is ever dropped that is not fresh: the figures are exact, and only the machine's memory
// bounds them.
#define MAX_BYTES ((size_t)1 << 40)

static enum sl_status init_parts(struct sl_replay *replay, const struct sl_app *app) {
  const struct sl_ruleset *set = replay->set;
  replay->rules = sl_mem_array(&replay->mem, set->rule_count + 1, sizeof replay->rules[0],
                               _Alignof(max_align_t));
  enum sl_status status = replay->rules == NULL ? SL_ERR_MEMORY : SL_OK;
  if (status == SL_OK) {
    status = sl_key_stats_init(&replay->keys, &replay->mem);
  }
  if (status == SL_OK) {
    const struct sl_engine_options options = {
        .mem = replay->mem,
        .secret = sl_replay_secret,
        .max_bytes = MAX_BYTES,
        .relax = sl_relax,
        .relax_ctx = (void *)(uintptr_t)app->sys,
    };
    status = sl_engine_create(&options, &replay->engine);
  }
  return status == SL_OK ? sl_bind(replay->engine, set, &replay->mem, &replay->bound) : status;
}

enum sl_status sl_replay_init(struct sl_replay *replay, const struct sl_app *app,
                              const struct sl_ruleset *set) {
  *replay = (struct sl_replay){.set = set, .mem = app->mem};
  replay->decider.hits.mem = &replay->mem;
  const enum sl_status status = init_parts(replay, app);
  if (status != SL_OK) {
    sl_replay_close(replay);
  }
  return status;
}

void sl_replay_close(struct sl_replay *replay) {
  sl_decider_close(&replay->decider);
  sl_unbind(replay->bound);
  sl_engine_destroy(replay->engine);
  sl_key_stats_close(&replay->keys);
  sl_mem_free(&replay->mem, replay->rules, (replay->set->rule_count + 1) * sizeof replay->rules[0]);
  replay->bound = NULL;
  replay->engine = NULL;
  replay->rules = NULL;
}

enum sl_status sl_replay_identify(struct sl_replay *replay, const struct sl_str *values,
                                  const struct sl_rule **ret_rule) {
  return sl_identify_values(replay->set, values, 1, &replay->decider.hits, ret_rule);
}

// A leaky bucket admits what waits its turn; with `over_limit: queue` that would stand in the Queue
// instead (SEMANTICS 26), and what a rule would queue counts as throttled (43).
static bool is_refused(const struct sl_hit *hit, const struct sl_decision *decision) {
  bool queued = hit->rule->over_limit == SL_OVER_QUEUE && decision->wait_ns > 0;
  return decision->verdict != SL_ALLOWED || queued;
}

static enum sl_status count_hit(struct sl_replay *replay, const struct sl_hit *hit, bool refused) {
  struct sl_key_stat *stat = sl_key_stats_at(&replay->keys, hit);
  if (stat == NULL) {
    return SL_ERR_MEMORY;
  }
  struct sl_rule_tally *rule = &replay->rules[hit->rule->index];
  rule->keys += stat->matched == 0;
  rule->matched++;
  rule->throttled += refused;
  stat->matched++;
  stat->throttled += refused;
  return SL_OK;
}

static void count_request(struct sl_replay *replay, uint64_t time_ns, bool allowed) {
  replay->first_ns = replay->requests == 0 ? time_ns : sl_min_u64(replay->first_ns, time_ns);
  replay->last_ns = sl_max_u64(replay->last_ns, time_ns);
  replay->requests++;
  replay->allowed += allowed;
  replay->throttled += !allowed;
}

enum sl_status sl_replay_decide(struct sl_replay *replay, uint64_t time_ns) {
  if (time_ns > replay->latest_ns || replay->requests == 0) {
    replay->latest_ns = sl_engine_now(replay->engine, time_ns);
  }
  struct sl_answer answer;
  enum sl_status status =
      sl_decide_hits(replay->bound, &replay->decider, replay->latest_ns, false, &answer);
  const struct sl_hits *hits = &replay->decider.hits;
  bool queued = false;
  for (size_t i = 0; i < hits->count && status == SL_OK; i++) {
    const struct sl_decision *decision = &replay->decider.decisions[i];
    bool refused = is_refused(&hits->items[i], decision);
    queued = queued || (refused && decision->verdict == SL_ALLOWED);
    status = count_hit(replay, &hits->items[i], refused);
  }
  if (status == SL_OK) {
    count_request(replay, time_ns, answer.verdict == SL_ALLOWED && !queued);
  }
  return status;
}
