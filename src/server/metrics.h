// metrics.h - what the server counts: per worker, without locks, summed only when somebody asks.
//
// A worker alone writes its counters; any thread may read them. The number of series is bounded by
// the tables below and by SL_METRICS_RULES: keys, addresses and everything else that clients choose
// never become a label.
#ifndef SL_SERVER_METRICS_H
#define SL_SERVER_METRICS_H

#include <stdatomic.h>

#include "engine/bound.h"
#include "engine/top.h"
#include "server/front.h"

enum sl_metrics_front { SL_METRICS_RESP, SL_METRICS_HTTP, SL_METRICS_FRONTS };

// The simple counters and gauges of a worker. metrics.c holds the one table of their names, labels
// and texts, in this order.
enum sl_counter {
  SL_COUNT_RESP_ALLOWED,    // requests for a decision, by front end and outcome: these three in the
  SL_COUNT_RESP_THROTTLED,  // order of enum sl_verdict
  SL_COUNT_RESP_NEVER,
  SL_COUNT_RESP_ERROR,  // requests that were answered with an error
  SL_COUNT_HTTP_ALLOWED,
  SL_COUNT_HTTP_THROTTLED,
  SL_COUNT_HTTP_NEVER,
  SL_COUNT_HTTP_ERROR,
  SL_COUNT_RESP_OPEN,  // gauges: connections; each front end counts in its open and close
  SL_COUNT_HTTP_OPEN,
  SL_COUNT_RESP_ACCEPTED,
  SL_COUNT_HTTP_ACCEPTED,
  SL_COUNTERS
};

// Rules with series of their own, over the life of the process; further ones share rule="*".
enum { SL_METRICS_RULES = 1000 };
enum sl_rule_outcome {
  SL_RULE_ALLOWED,
  SL_RULE_THROTTLED,
  SL_RULE_NEVER,
  SL_RULE_SHADOW_THROTTLED,  // what a shadow rule would have refused
  SL_RULE_OUTCOMES
};

enum { SL_LATENCY_BUCKETS = 16 };  // the last one is +Inf

// One worker's. Made by sl_metrics_create.
struct sl_metrics {
  struct sl_metrics_all *all;
  _Atomic uint64_t counters[SL_COUNTERS];
  _Atomic uint64_t latency[SL_LATENCY_BUCKETS];  // requests, by how long they took
  _Atomic uint64_t latency_sum_ns;
  _Atomic uint64_t rules[SL_METRICS_RULES + 1][SL_RULE_OUTCOMES];
  struct sl_top_sampler top_sampler;
  uint64_t top_period;  // the tenth of a second that top_requests is of
  uint32_t top_requests;
  uint64_t rules_version;  // the rule set that places is of; only the worker reads what follows
  uint16_t *places;        // rule index -> place in `rules`
  size_t place_count;
};

// Beyond so many requests in a tenth of a second, one in so many is noted among the busiest keys,
// and stands for all of them.
enum { SL_TOP_SAMPLING = 16, SL_TOP_UNSAMPLED = 200 };

// All workers' together.
struct sl_metrics_all;

// SL_OK; SL_ERR_MEMORY. `start_ns` is the wall clock at the start, Unix nanoseconds.
enum sl_status sl_metrics_create(const struct sl_mem *mem, unsigned workers, uint64_t start_ns,
                                 struct sl_metrics_all **ret_all) SL_MUST_USE;
// No other thread may be using it. NULL is ignored.
void sl_metrics_destroy(struct sl_metrics_all *all);
struct sl_metrics *sl_metrics_of(struct sl_metrics_all *all, unsigned worker);

// Only by the worker whose metrics these are. `metrics` may be NULL: nothing is counted.
static inline void sl_metrics_add(struct sl_metrics *metrics, enum sl_counter counter,
                                  uint64_t count) {
  if (metrics != NULL) {
    // One writer: a load and a store are enough, and cost no locked instruction.
    uint64_t old = atomic_load_explicit(&metrics->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&metrics->counters[counter], old + count, memory_order_relaxed);
  }
}

// A gauge going down.
static inline void sl_metrics_sub(struct sl_metrics *metrics, enum sl_counter counter,
                                  uint64_t count) {
  sl_metrics_add(metrics, counter, ~count + 1);
}

// `requests` requests took `ns` each, from the reading of their bytes to the writing of their
// answers.
void sl_metrics_latency(struct sl_metrics *metrics, uint64_t ns, uint64_t requests);

// A whole request was decided: counts it by front end and outcome, each of its hits by rule and
// outcome, and now and then notes its keys in context->top.
void sl_metrics_decided(struct sl_context *context, enum sl_metrics_front front,
                        const struct sl_answer *answer);

// Everything in the Prometheus text format 0.0.4, appended to `out`. Reads the other workers'
// counters while they count; context->server may be NULL: each figure is true, two of them may be
// of different moments.
void sl_metrics_write(struct sl_context *context, struct sl_out *out);

#endif
