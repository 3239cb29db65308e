// replay.h - what rules would have done to a stream of requests: the Rate Limiter at the requests'
// own times, and the counts of it (SEMANTICS 43).
#ifndef SL_CLI_REPLAY_H
#define SL_CLI_REPLAY_H

#include "cli/app.h"
#include "cli/key_stats.h"
#include "engine/bound.h"

struct sl_rule_tally {
  uint64_t matched, throttled;
  uint64_t keys;
};

struct sl_replay {
  const struct sl_ruleset *set;
  struct sl_engine *engine;
  struct sl_bound *bound;
  struct sl_decider decider;
  struct sl_key_stats keys;
  struct sl_rule_tally *rules;  // by index in the set
  uint64_t latest_ns;           // the time decided at: never goes back
  uint64_t requests, unparsed, allowed, throttled;
  uint64_t first_ns, last_ns;  // where requests > 0
  struct sl_mem mem;
};

// The secret that replays hash under: the same always, so that nothing differs between two runs.
extern const struct sl_secret sl_replay_secret;

// The set is compiled under sl_replay_secret and outlives the replay. SL_OK: close it;
// SL_ERR_MEMORY; SL_ERR_FULL: more different limits than the Rate Limiter takes.
enum sl_status sl_replay_init(struct sl_replay *replay, const struct sl_app *app,
                              const struct sl_ruleset *set) SL_MUST_USE;
void sl_replay_close(struct sl_replay *replay);

// Finds the rules of a request by its values (by attribute id), for sl_replay_decide or only to see
// whether it is one: the errors of sl_identify_values.
enum sl_status sl_replay_identify(struct sl_replay *replay, const struct sl_str *values,
                                  const struct sl_rule **ret_rule) SL_MUST_USE;

// Decides the request that was identified last and counts it. A time before the latest so far is
// read as the latest.
//   SL_OK; SL_ERR_MEMORY; SL_ERR_ARGUMENT: more than SL_TOGETHER_MAX rules match
enum sl_status sl_replay_decide(struct sl_replay *replay, uint64_t time_ns) SL_MUST_USE;

#endif
