// metrics.c - counting, and the Prometheus text format.
#include "server/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/text.h"
#include "server/server.h"

#define LABEL_RESP "front=\"resp\""
#define LABEL_HTTP "front=\"http\""

// What the counters are called: one row each, in the order of enum sl_counter. Rows of one family
// stand together; its type and text are those of the first.
static const struct counter_row {
  const char *family, *labels, *type, *help;
} counter_rows[SL_COUNTERS] = {
    {"sluice_requests_total", LABEL_RESP ",outcome=\"allowed\"", "counter",
     "Requests for a decision, by front end and outcome."},
    {"sluice_requests_total", LABEL_RESP ",outcome=\"throttled\"", NULL, NULL},
    {"sluice_requests_total", LABEL_RESP ",outcome=\"never\"", NULL, NULL},
    {"sluice_requests_total", LABEL_RESP ",outcome=\"error\"", NULL, NULL},
    {"sluice_requests_total", LABEL_HTTP ",outcome=\"allowed\"", NULL, NULL},
    {"sluice_requests_total", LABEL_HTTP ",outcome=\"throttled\"", NULL, NULL},
    {"sluice_requests_total", LABEL_HTTP ",outcome=\"never\"", NULL, NULL},
    {"sluice_requests_total", LABEL_HTTP ",outcome=\"error\"", NULL, NULL},
    {"sluice_connections", LABEL_RESP, "gauge", "Connections that are open."},
    {"sluice_connections", LABEL_HTTP, NULL, NULL},
    {"sluice_connections_accepted_total", LABEL_RESP, "counter", "Connections taken."},
    {"sluice_connections_accepted_total", LABEL_HTTP, NULL, NULL},
};

static const char *const rule_outcomes[SL_RULE_OUTCOMES] = {"allowed", "throttled", "never",
                                                            "shadow_throttled"};

static const struct latency_bound {
  uint64_t ns;
  const char *text;  // in seconds
} latency_bounds[SL_LATENCY_BUCKETS] = {
    {5 * SL_NS_PER_US, "5e-06"},    {10 * SL_NS_PER_US, "1e-05"},   {25 * SL_NS_PER_US, "2.5e-05"},
    {50 * SL_NS_PER_US, "5e-05"},   {100 * SL_NS_PER_US, "0.0001"}, {250 * SL_NS_PER_US, "0.00025"},
    {500 * SL_NS_PER_US, "0.0005"}, {SL_NS_PER_MS, "0.001"},        {2500 * SL_NS_PER_US, "0.0025"},
    {5 * SL_NS_PER_MS, "0.005"},    {10 * SL_NS_PER_MS, "0.01"},    {25 * SL_NS_PER_MS, "0.025"},
    {50 * SL_NS_PER_MS, "0.05"},    {100 * SL_NS_PER_MS, "0.1"},    {SL_NS_PER_S, "1"},
    {UINT64_MAX, "+Inf"},
};

struct sl_metrics_all {
  struct sl_mem mem;
  unsigned workers;
  uint64_t start_ns;
  struct sl_metrics *each;

  pthread_mutex_t lock;  // for what follows
  struct sl_arena ids_arena;
  struct sl_str ids[SL_METRICS_RULES];  // by place; only ever more
  size_t id_count;
};

enum sl_status sl_metrics_create(const struct sl_mem *mem, unsigned workers, uint64_t start_ns,
                                 struct sl_metrics_all **ret_all) {
  sl_assert(workers > 0);
  struct sl_metrics_all *all = sl_mem_alloc(mem, sizeof *all);
  if (all == NULL) {
    return SL_ERR_MEMORY;
  }
  all->mem = *mem;
  all->workers = workers;
  all->start_ns = start_ns;
  // Lines of the cache of their own: a worker's counting never slows another down.
  all->each = sl_mem_array(mem, workers, sizeof *all->each, 64);
  if (all->each == NULL) {
    sl_mem_free(mem, all, sizeof *all);
    return SL_ERR_MEMORY;
  }
  for (unsigned i = 0; i < workers; i++) {
    all->each[i].all = all;
    all->each[i].rules_version = UINT64_MAX;
    sl_prng_seed(&all->each[i].top_sampler.prng, start_ns + i);
  }
  sl_arena_init(&all->ids_arena, &all->mem);
  sl_assert(pthread_mutex_init(&all->lock, NULL) == 0);
  *ret_all = all;
  return SL_OK;
}

static void free_places(struct sl_metrics *metrics) {
  sl_mem_free(&metrics->all->mem, metrics->places, metrics->place_count * sizeof(uint16_t));
  metrics->places = NULL;
  metrics->place_count = 0;
}

void sl_metrics_destroy(struct sl_metrics_all *all) {
  if (all == NULL) {
    return;
  }
  for (unsigned i = 0; i < all->workers; i++) {
    free_places(&all->each[i]);
  }
  sl_arena_close(&all->ids_arena);
  pthread_mutex_destroy(&all->lock);
  struct sl_mem mem = all->mem;
  sl_mem_free_aligned(&mem, all->each, all->workers * sizeof *all->each, 64);
  sl_mem_free(&mem, all, sizeof *all);
}

struct sl_metrics *sl_metrics_of(struct sl_metrics_all *all, unsigned worker) {
  sl_assert(worker < all->workers);
  return &all->each[worker];
}

// ---- counting

static void bump(_Atomic uint64_t *counter, uint64_t count) {
  uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, old + count, memory_order_relaxed);
}

void sl_metrics_latency(struct sl_metrics *metrics, uint64_t ns, uint64_t requests) {
  if (metrics == NULL || requests == 0) {
    return;
  }
  size_t bucket = 0;
  while (ns > latency_bounds[bucket].ns) {
    bucket++;
  }
  bump(&metrics->latency[bucket], requests);
  bump(&metrics->latency_sum_ns, ns * requests);
}

// The place of a rule's id; SL_METRICS_RULES where it has none of its own. Under the lock.
static uint16_t place_of(struct sl_metrics_all *all, struct sl_str id) {
  for (size_t i = 0; i < all->id_count; i++) {
    if (sl_str_eq(all->ids[i], id)) {
      return (uint16_t)i;
    }
  }
  if (all->id_count == SL_METRICS_RULES) {
    return SL_METRICS_RULES;
  }
  const char *copy = sl_arena_copy(&all->ids_arena, id);
  if (copy == NULL) {
    return SL_METRICS_RULES;
  }
  all->ids[all->id_count] = (struct sl_str){.ptr = copy, .len = id.len};
  return (uint16_t)all->id_count++;
}

// Another rule set is in force: where do its rules count? Without memory all of them share "*".
static __attribute__((noinline)) void map_rules(struct sl_metrics *metrics,
                                                const struct sl_ruleset *set, uint64_t version) {
  struct sl_metrics_all *all = metrics->all;
  free_places(metrics);
  metrics->rules_version = version;
  metrics->places =
      sl_mem_array(&all->mem, set->rule_count, sizeof(uint16_t), _Alignof(max_align_t));
  if (metrics->places == NULL) {
    return;
  }
  metrics->place_count = set->rule_count;
  pthread_mutex_lock(&all->lock);
  for (size_t i = 0; i < set->rule_count; i++) {
    // Beyond the bound no search is worth its time: a set may have a hundred thousand rules.
    metrics->places[i] = i < SL_METRICS_RULES ? place_of(all, set->rules[i].id) : SL_METRICS_RULES;
  }
  pthread_mutex_unlock(&all->lock);
}

// How many requests the next note stands for; 0: it is not due. Few requests are all noted, so that
// a newcomer's first three are seen as three.
static uint32_t top_weight(struct sl_metrics *metrics, uint64_t now_ns) {
  const uint64_t period = now_ns / (100 * SL_NS_PER_MS);
  if (period != metrics->top_period) {
    metrics->top_period = period;
    metrics->top_requests = 0;
    metrics->top_sampler.passed_over = 0;
  }
  metrics->top_requests++;
  const uint32_t weight = metrics->top_requests <= SL_TOP_UNSAMPLED ? 1 : SL_TOP_SAMPLING;
  return sl_top_due(&metrics->top_sampler, weight) ? weight : 0;
}

static void note_top(struct sl_context *context, const struct sl_hit *hit,
                     const struct sl_decision *decision, uint32_t weight) {
  const struct sl_top_key key = {.hash = hit->key,
                                 .rule = hit->rule->id,
                                 .values = hit->values,
                                 .value_count = hit->rule->key_count};
  (void)sl_top_note(context->top, &key, weight, decision->verdict == SL_ALLOWED ? 0 : weight,
                    context->now_ns);
}

void sl_metrics_decided(struct sl_context *context, enum sl_metrics_front front,
                        const struct sl_answer *answer) {
  struct sl_metrics *metrics = context->metrics;
  if (metrics == NULL) {
    return;
  }
  const struct sl_decider *decider = &context->decider;
  enum sl_counter first = front == SL_METRICS_HTTP ? SL_COUNT_HTTP_ALLOWED : SL_COUNT_RESP_ALLOWED;
  sl_metrics_add(metrics, first + (unsigned)answer->verdict, 1);
  if (SL_UNLIKELY(metrics->rules_version != context->rules_version)) {
    map_rules(metrics, context->bound->set, context->rules_version);
  }
  const uint32_t weight = context->top != NULL ? top_weight(metrics, context->now_ns) : 0;
  for (size_t i = 0; i < decider->hits.count; i++) {
    const struct sl_rule *rule = decider->hits.items[i].rule;
    size_t place = rule->index < metrics->place_count ? metrics->places[rule->index]
                                                      : (size_t)SL_METRICS_RULES;
    size_t outcome = decider->decisions[i].verdict;
    if (rule->over_limit == SL_OVER_SHADOW && outcome != SL_RULE_ALLOWED) {
      outcome = SL_RULE_SHADOW_THROTTLED;
    }
    bump(&metrics->rules[place][outcome], 1);
    if (weight > 0) {
      note_top(context, &decider->hits.items[i], &decider->decisions[i], weight);
    }
  }
}

// ---- writing

static void put(struct sl_out *out, const char *format, ...) SL_PRINTF(2, 3);

static void put(struct sl_out *out, const char *format, ...) {
  char line[512];
  struct sl_text text;
  va_list args;
  sl_text_init(&text, line, sizeof line);
  va_start(args, format);
  sl_text_vprintf(&text, format, args);
  va_end(args);
  sl_assert(!text.cut);  // names are ours, and the ids of rules are short
  sl_out_add(out, (struct sl_str){.ptr = line, .len = text.len});
}

static void put_head(struct sl_out *out, const char *family, const char *type, const char *help) {
  put(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void put_one(struct sl_out *out, const char *family, const char *type, const char *help,
                    uint64_t value) {
  put_head(out, family, type, help);
  put(out, "%s %" PRIu64 "\n", family, value);
}

static void put_labelled(struct sl_out *out, const char *family, const char *labels,
                         uint64_t value) {
  const bool bare = labels[0] == '\0';
  put(out, "%s%s%s%s %" PRIu64 "\n", family, bare ? "" : "{", labels, bare ? "" : "}", value);
}

static uint64_t sum_counter(const struct sl_metrics_all *all, enum sl_counter counter) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < all->workers; i++) {
    sum += atomic_load_explicit(&all->each[i].counters[counter], memory_order_relaxed);
  }
  return sum;
}

static void write_counters(const struct sl_metrics_all *all, struct sl_out *out) {
  for (int i = 0; i < SL_COUNTERS; i++) {
    const struct counter_row *row = &counter_rows[i];
    if (row->help != NULL) {
      put_head(out, row->family, row->type, row->help);
    }
    put_labelled(out, row->family, row->labels, sum_counter(all, (enum sl_counter)i));
  }
}

static void write_latency(const struct sl_metrics_all *all, struct sl_out *out) {
  static const char family[] = "sluice_request_duration_seconds";
  put_head(out, family, "histogram", "From reading a request to writing its answer.");
  uint64_t count = 0;
  uint64_t sum_ns = 0;
  for (unsigned worker = 0; worker < all->workers; worker++) {
    sum_ns += atomic_load_explicit(&all->each[worker].latency_sum_ns, memory_order_relaxed);
  }
  for (int i = 0; i < SL_LATENCY_BUCKETS; i++) {
    for (unsigned worker = 0; worker < all->workers; worker++) {
      count += atomic_load_explicit(&all->each[worker].latency[i], memory_order_relaxed);
    }
    put(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", family, latency_bounds[i].text, count);
  }
  put(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n%s_count %" PRIu64 "\n", family, sum_ns / SL_NS_PER_S,
      sum_ns % SL_NS_PER_S, family, count);
}

static uint64_t sum_rule(const struct sl_metrics_all *all, size_t place, size_t outcome) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < all->workers; i++) {
    sum += atomic_load_explicit(&all->each[i].rules[place][outcome], memory_order_relaxed);
  }
  return sum;
}

static void write_rule(const struct sl_metrics_all *all, size_t place, struct sl_str id,
                       struct sl_out *out) {
  for (size_t outcome = 0; outcome < SL_RULE_OUTCOMES; outcome++) {
    uint64_t sum = sum_rule(all, place, outcome);
    if (sum > 0 || outcome <= SL_RULE_THROTTLED) {
      put(out, "sluice_rule_decisions_total{rule=\"%.*s\",outcome=\"%s\"} %" PRIu64 "\n",
          (int)id.len, id.ptr, rule_outcomes[outcome], sum);
    }
  }
}

static void write_rules(struct sl_metrics_all *all, struct sl_out *out) {
  put_head(out, "sluice_rule_decisions_total", "counter",
           "What each matching rule said of a request; rule * stands for those beyond the first "
           "thousand.");
  pthread_mutex_lock(&all->lock);
  const size_t count = all->id_count;
  pthread_mutex_unlock(&all->lock);
  // Places below the count never change any more, so no lock is held while writing.
  for (size_t i = 0; i < count; i++) {
    write_rule(all, i, all->ids[i], out);
  }
  uint64_t others = 0;
  for (size_t outcome = 0; outcome < SL_RULE_OUTCOMES; outcome++) {
    others += sum_rule(all, SL_METRICS_RULES, outcome);
  }
  if (others > 0) {
    write_rule(all, SL_METRICS_RULES, SL_STR("*"), out);
  }
}

static void write_engine(const struct sl_context *context, struct sl_out *out) {
  struct sl_engine_stats stats;
  sl_engine_get_stats(context->engine, &stats);
  put_one(out, "sluice_buckets", "gauge", "Buckets in memory.", stats.buckets);
  put_one(out, "sluice_memory_bytes", "gauge", "Memory of the bucket table and its records.",
          stats.bytes);
  put_one(out, "sluice_memory_max_bytes", "gauge", "The memory cap of the bucket table.",
          stats.max_bytes);
  put_head(out, "sluice_evictions_total", "counter",
           "Buckets dropped: equal to fresh ones, or lossy, for want of memory.");
  put_labelled(out, "sluice_evictions_total", "kind=\"fresh\"", stats.dropped_fresh);
  put_labelled(out, "sluice_evictions_total", "kind=\"lossy\"", stats.dropped_lossy);
  put_head(out, "sluice_full_decisions_total", "counter",
           "New keys decided by the setting for full memory.");
  put_labelled(out, "sluice_full_decisions_total", "outcome=\"allowed\"", stats.allowed_full);
  put_labelled(out, "sluice_full_decisions_total", "outcome=\"throttled\"", stats.denied_full);
}

static void write_rule_set(const struct sl_context *context, struct sl_out *out) {
  put_one(out, "sluice_rules", "gauge", "Rules in force.", context->bound->set->rule_count);
  put_one(out, "sluice_rules_version", "gauge",
          "Number of the rule set in force; it grows with each change.", context->rules_version);
  put_one(out, "sluice_rules_bytes", "gauge", "Memory of the rule set in force.",
          context->bound->set->bytes);
}

static void write_server(const struct sl_server *server, struct sl_out *out) {
  struct sl_server_stats stats;
  sl_server_get_stats(server, &stats);
  put_head(out, "sluice_rules_reloads_total", "counter",
           "Rule sets read again: put in force, or refused as wrong.");
  put_labelled(out, "sluice_rules_reloads_total", "result=\"in_force\"", stats.reloads);
  put_labelled(out, "sluice_rules_reloads_total", "result=\"refused\"", stats.reloads_failed);
  put_one(out, "sluice_connections_refused_total", "counter",
          "Connections closed at once: their bound was reached, or no descriptor was left.",
          stats.refused_full);
  put_head(out, "sluice_connections_closed_total", "counter",
           "Connections closed by a time-out or a bound of the server.");
  put_labelled(out, "sluice_connections_closed_total", "reason=\"time_out\"", stats.timed_out);
  put_labelled(out, "sluice_connections_closed_total", "reason=\"too_large\"", stats.too_large);
}

void sl_metrics_write(struct sl_context *context, struct sl_out *out) {
  struct sl_metrics_all *all = context->metrics->all;
  put_head(out, "sluice_build_info", "gauge", "The version that runs.");
  put(out, "sluice_build_info{version=\"%s\"} 1\n", SL_VERSION);
  put_one(out, "sluice_start_time_seconds", "gauge", "When the server started, Unix time.",
          all->start_ns / SL_NS_PER_S);
  put_one(out, "sluice_workers", "gauge", "Worker threads.", all->workers);
  write_rule_set(context, out);
  write_engine(context, out);
  write_counters(all, out);
  if (context->server != NULL) {
    write_server(context->server, out);
  }
  write_latency(all, out);
  write_rules(all, out);
}
