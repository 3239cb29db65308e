// server.h - the running server: workers, the rules in force, what it is asked from outside.
#ifndef SL_SERVER_SERVER_H
#define SL_SERVER_SERVER_H

#include "lib/rule_cache.h"
#include "server/front.h"
#include "server/log.h"
#include "server/settings.h"
#include "sys/clock.h"

enum sl_server_state {
  SL_SERVER_STARTING,  // not answering yet
  SL_SERVER_READY,
  SL_SERVER_DRAINING,  // stopping: no new connections
};

struct sl_server_stats {
  uint64_t connections;   // open now
  uint64_t accepted;      // since the start
  uint64_t refused_full;  // closed at once: max_connections, or no descriptors left
  uint64_t timed_out;     // closed by a time-out
  uint64_t too_large;     // closed because a request or replies passed their bound
  uint64_t reloads, reloads_failed;
  uint64_t rules_version;  // of the rules in force
  uint64_t uptime_ns;
};

// ---- for front ends; thread-safe ----------------------------------------------------------------

enum sl_server_state sl_server_state(const struct sl_server *server);
void sl_server_get_stats(const struct sl_server *server, struct sl_server_stats *ret_stats);
struct sl_log *sl_server_log(struct sl_server *server);

// The workers' metrics, to be summed; NULL from the last on.
struct sl_metrics *sl_server_metrics(const struct sl_server *server, size_t worker);

// A number that names this connection among all since the start (CLIENT ID).
uint64_t sl_server_next_id(struct sl_server *server);

// Counts a refusal towards --log-refused and logs it when it is due. `answer` was decided with
// context->decider. Cheap where nothing is to be logged.
void sl_server_note_refused(struct sl_context *context, const struct sl_answer *answer);

// Are values of this attribute to be shown as fingerprints only (SEMANTICS 44)?
bool sl_server_is_secret(const struct sl_settings *settings, struct sl_str attribute);
// The fingerprint of a secret value: 16 hexadecimal digits under the engine's secret, into `buffer`
// (SL_FINGERPRINT_TEXT bytes); returns it.
enum { SL_FINGERPRINT_TEXT = 24 };
const char *sl_server_fingerprint(const struct sl_engine *engine, struct sl_str value,
                                  char *buffer);

// ---- for the command ----------------------------------------------------------------------------

// Runs until SIGTERM or SIGINT. The settings must outlive it. Returns the exit status: 0 after a
// clean stop; 2 when it could not start, which `log` then tells.
int sl_server_run(const struct sl_settings *settings, const struct sl_sys *sys,
                  const struct sl_mem *mem, struct sl_log *log);

#endif
