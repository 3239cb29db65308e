#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/throttle.h"
#include "server/listen.h"
#include "server/notify.h"
#include "server/rule_load.h"
#include "server/state_file.h"
#include "server/watch.h"
#include "sys/process.h"
#include "sys/relax.h"
#include "sys/secret.h"

enum {
  EXIT_DONE = 0,
  EXIT_TROUBLE = 2,
  SPARE_DESCRIPTORS = 64,  // beside connections: listeners, loops, files
  SWEEP_LINES = 4096,      // of the table, once a second
  LOOK_MS = SL_WATCH_LOOK_MS,
  GROUP_RULES = 1,
  GROUP_TOKENS = 2,
  GROUP_TLS = 4,
};

// The controlling thread: signals, files that change, stopping.
struct control {
  struct sl_server *server;
  struct sl_loop loop;
  struct sl_watch watch;
  int signals;
  bool stopping;
};

// ---- for front ends

enum sl_server_state sl_server_state(const struct sl_server *server) {
  return (enum sl_server_state)atomic_load_explicit(&server->state, memory_order_relaxed);
}

struct sl_log *sl_server_log(struct sl_server *server) {
  return server->log;
}

void sl_server_get_stats(const struct sl_server *server, struct sl_server_stats *ret_stats) {
  *ret_stats = (struct sl_server_stats){
      .connections = server->connections,
      .accepted = server->accepted,
      .refused_full = server->refused_full,
      .timed_out = server->timed_out,
      .too_large = server->too_large,
      .reloads = server->reloads,
      .reloads_failed = server->reloads_failed,
      .rules_version = server->rules_version,
      .uptime_ns = sl_monotonic_ns(server->sys) - server->start_ns,
  };
}

struct sl_metrics *sl_server_metrics(const struct sl_server *server, size_t worker) {
  return worker < server->worker_count ? sl_metrics_of(server->metrics, (unsigned)worker) : NULL;
}

uint64_t sl_server_next_id(struct sl_server *server) {
  return atomic_fetch_add_explicit(&server->next_id, 1, memory_order_relaxed) + 1;
}

// ---- starting

static void log_correction(void *ctx, uint64_t forward_ns) {
  struct sl_server *server = ctx;
  char text[SL_DURATION_TEXT];
  sl_log(server->log, SL_LOG_WARNING, "clock",
         "the system's clock was ahead: engine time has followed it",
         SL_LOG_TEXT("forward", sl_format_duration(forward_ns, text)));
}

static enum sl_status make_engine(struct sl_server *server, const struct sl_state *state) {
  const struct sl_settings *settings = server->settings;
  struct sl_engine_options options = {
      .mem = *server->mem,
      .max_bytes = settings->memory,
      .when_full = (enum sl_when_full)settings->when_full,
      .relax = sl_relax,
      .relax_ctx = (void *)(uintptr_t)server->sys,
  };
  enum sl_status status = SL_OK;
  if (state->loaded) {
    options.secret = state->secret;
  } else {
    status = sl_random_secret(server->sys, &options.secret);
  }
  status = status == SL_OK ? sl_engine_create(&options, &server->engine) : status;
  return status == SL_OK ? sl_throttles_create(server->engine, 0, &server->throttles) : status;
}

static enum sl_status make_parts(struct sl_server *server, const struct sl_state *state) {
  enum sl_status status = sl_clock_init(&server->clock, server->sys, log_correction, server);
  status = status == SL_OK ? make_engine(server, state) : status;
  status = status == SL_OK ? sl_rule_cache_init(&server->cache, server->mem, server->sys) : status;
  if (status == SL_OK && server->settings->top_keys > 0) {
    const struct sl_top_options top = {.mem = *server->mem, .entries = server->settings->top_keys};
    status = sl_top_create(&top, &server->top);
  }
  if (status == SL_OK) {
    status = sl_metrics_create(server->mem, server->worker_count, sl_clock_now(&server->clock),
                               &server->metrics);
  }
  if (status != SL_OK) {
    sl_log(server->log, SL_LOG_ERROR, "start", "cannot start",
           SL_LOG_TEXT("reason", sl_status_text(status)));
  }
  return status;
}

static void set_connections(struct sl_server *server) {
  const uint64_t wanted = server->settings->max_connections;
  uint64_t have = sl_descriptors_raise(wanted + SPARE_DESCRIPTORS);
  server->max_connections = wanted;
  if (have < wanted + SPARE_DESCRIPTORS) {
    server->max_connections = have > 2 * SPARE_DESCRIPTORS ? have - SPARE_DESCRIPTORS : have / 2;
    sl_log(server->log, SL_LOG_WARNING, "start",
           "the system's limit of open files (ulimit -n, LimitNOFILE) holds fewer connections than "
           "--max-connections",
           SL_LOG_NUMBER("wanted", wanted), SL_LOG_NUMBER("connections", server->max_connections));
  }
}

static enum sl_status start_workers(struct sl_server *server) {
  server->workers = sl_mem_array(server->mem, server->worker_count, sizeof(struct sl_worker), 64);
  enum sl_status status = server->workers == NULL ? SL_ERR_MEMORY : SL_OK;
  for (unsigned i = 0; i < server->worker_count && status == SL_OK; i++) {
    status = sl_worker_init(&server->workers[i], server, i);
  }
  for (unsigned i = 0; i < server->worker_count && status == SL_OK; i++) {
    status = sl_worker_start(&server->workers[i]);
  }
  if (status != SL_OK) {
    sl_log(server->log, SL_LOG_ERROR, "start", "the workers cannot be started",
           SL_LOG_TEXT("reason", sl_status_text(status)));
  }
  return status;
}

static void log_ready(struct sl_server *server) {
  char texts[SL_LISTENERS][SL_ADDRESS_NAME];
  struct sl_log_field fields[SL_LISTENERS + 1];
  for (size_t i = 0; i < server->listener_count; i++) {
    const struct sl_listener *listener = &server->listeners[i];
    struct sl_text text;
    sl_text_init(&text, texts[i], sizeof texts[i]);
    sl_net_write(&listener->address.socket, listener->address.len, &text);
    fields[i] = (struct sl_log_field)SL_LOG_TEXT(listener->name, texts[i]);
  }
  fields[server->listener_count] =
      (struct sl_log_field)SL_LOG_NUMBER("workers", server->worker_count);
  sl_log_write(server->log, SL_LOG_INFO, "ready", "serving", fields, server->listener_count + 1);
}

static enum sl_status start(struct sl_server *server, struct sl_state *state) {
  enum sl_status status = make_parts(server, state);
  status = status == SL_OK ? sl_rules_load(server) : status;
  status = status == SL_OK ? sl_tokens_load(server) : status;
  status = status == SL_OK ? sl_certificates_load(server) : status;
  status = status == SL_OK ? sl_listen_open(server, getenv) : status;
  if (status != SL_OK) {
    return status;
  }
  sl_state_restore(state, server->engine, server->throttles, sl_clock_now(&server->clock),
                   server->log);
  set_connections(server);
  return start_workers(server);
}

// ---- files that change

static bool is_failure(enum sl_status status) { return status != SL_OK; }

static void reload(struct sl_server *server, unsigned groups) {
  bool failed = false;
  char note[96];
  snprintf(note, sizeof note, "RELOADING=1\nMONOTONIC_USEC=%llu",
           (unsigned long long)(sl_monotonic_ns(server->sys) / SL_NS_PER_US));
  sl_notify(server->sys, getenv, note);
  if (groups & GROUP_RULES) {
    failed |= is_failure(sl_rules_load(server));
  }
  if (groups & GROUP_TOKENS) {
    failed |= is_failure(sl_tokens_load(server));
  }
  if (groups & GROUP_TLS) {
    failed |= is_failure(sl_certificates_load(server));
  }
  atomic_fetch_add(failed ? &server->reloads_failed : &server->reloads, 1);
  if (failed) {
    sl_log(server->log, SL_LOG_ERROR, "reload", "not everything was valid: what was in force stays",
           SL_LOG_NUMBER("rules_version", server->rules_version));
  } else {
    sl_log(server->log, SL_LOG_INFO, "reload", "read again",
           SL_LOG_NUMBER("rules_version", server->rules_version));
  }
  sl_notify(server->sys, getenv, "READY=1");
}

static void watch_files(struct control *control) {
  const struct sl_settings *settings = control->server->settings;
  struct sl_watch *watch = &control->watch;
  bool room = true;
  for (size_t i = 0; settings->watch_rules && i < settings->rules.count && room; i++) {
    room = sl_watch_add(watch, settings->rules.items[i], GROUP_RULES);
  }
  if (!room) {
    sl_log(control->server->log, SL_LOG_WARNING, "watch",
           "only the first rule files are watched for changes: SIGHUP reads all of them",
           SL_LOG_NUMBER("watched", SL_WATCH_FILES));
  }
  const char *others[] = {settings->token_file, settings->tls_cert, settings->tls_key,
                          settings->tls_client_ca};
  for (size_t i = 0; i < SL_ARRAY_LEN(others); i++) {
    if (others[i][0] != '\0' && room) {
      room = sl_watch_add(watch, others[i], i == 0 ? GROUP_TOKENS : GROUP_TLS);
    }
  }
}

// ---- running

static void begin_stop(struct control *control, int signal) {
  struct sl_server *server = control->server;
  control->stopping = true;
  sl_notify(server->sys, getenv, "STOPPING=1");
  sl_listen_drain(server);
  atomic_store(&server->state, SL_SERVER_DRAINING);
  for (unsigned i = 0; i < server->worker_count; i++) {
    sl_loop_wake(&server->workers[i].loop);
  }
  sl_log(server->log, SL_LOG_INFO, "stop", "stopping: no new connections, those there are served",
         SL_LOG_TEXT("signal", signal == SIGINT ? "SIGINT" : "SIGTERM"),
         SL_LOG_NUMBER("connections", atomic_load(&server->connections)));
}

static void take_signals(struct control *control) {
  for (int signal = sl_signals_next(control->server->sys, control->signals); signal != 0;
       signal = sl_signals_next(control->server->sys, control->signals)) {
    if (signal == SIGHUP && !control->stopping) {
      reload(control->server, GROUP_RULES | GROUP_TOKENS | GROUP_TLS);
    } else if (signal != SIGHUP && !control->stopping) {
      begin_stop(control, signal);
    } else if (signal != SIGHUP) {
      // Asked twice: at once, then.
      for (unsigned i = 0; i < control->server->worker_count; i++) {
        atomic_store(&control->server->workers[i].stop, true);
        sl_loop_wake(&control->server->workers[i].loop);
      }
    }
  }
}

static void look_after(struct sl_server *server) {
  uint64_t now_ns = sl_engine_now(server->engine, sl_clock_now(&server->clock));
  (void)sl_engine_sweep(server->engine, SWEEP_LINES, now_ns);
  (void)sl_throttles_sweep(server->throttles, SWEEP_LINES, now_ns);
}

// Signals, changed files and housekeeping, until the stop begins.
static void control_until_stop(struct control *control) {
  struct sl_server *server = control->server;
  struct sl_loop_event events[SL_LOOP_EVENTS];
  int wait_ms = LOOK_MS;
  uint64_t look_after_ns = 0;
  while (!control->stopping) {
    size_t count = sl_loop_wait(&control->loop, wait_ms, events);
    bool noticed = false;
    for (size_t i = 0; i < count; i++) {
      if (events[i].tag == &control->watch) {
        sl_watch_drain(&control->watch);
        noticed = true;
      } else {
        take_signals(control);
      }
    }
    unsigned changed;
    bool moving;
    sl_watch_look(&control->watch, &changed, &moving);
    if (changed != 0 && !control->stopping) {
      reload(server, changed);
    }
    wait_ms = moving || noticed ? SL_WATCH_SETTLE_MS : LOOK_MS;
    uint64_t now_ns = sl_monotonic_ns(server->sys);
    if (now_ns >= look_after_ns) {
      look_after(server);
      look_after_ns = now_ns + LOOK_MS * SL_NS_PER_MS;
    }
  }
}

static void join_all(struct sl_server *server) {
  for (unsigned i = 0; server->workers != NULL && i < server->worker_count; i++) {
    if (server->workers[i].started) {
      pthread_join(server->workers[i].thread, NULL);
      server->workers[i].started = false;
    }
  }
}

static bool all_gone(const struct sl_server *server) {
  bool gone = true;
  for (unsigned i = 0; i < server->worker_count; i++) {
    gone = gone && atomic_load(&server->workers[i].gone);
  }
  return gone;
}

// Waits for the workers: until the connections are gone, or for drain_time.
static void finish_drain(struct control *control) {
  struct sl_server *server = control->server;
  struct sl_loop_event events[SL_LOOP_EVENTS];
  const uint64_t end_ns = sl_monotonic_ns(server->sys) + server->settings->drain_time;
  while (!all_gone(server)) {
    const uint64_t now_ns = sl_monotonic_ns(server->sys);
    if (now_ns >= end_ns) {
      sl_log(server->log, SL_LOG_WARNING, "stop", "the time to drain is over: connections are cut",
             SL_LOG_NUMBER("connections", atomic_load(&server->connections)));
      for (unsigned i = 0; i < server->worker_count; i++) {
        atomic_store(&server->workers[i].stop, true);
        sl_loop_wake(&server->workers[i].loop);
      }
      break;
    }
    int wait_ms = (int)((end_ns - now_ns) / SL_NS_PER_MS) + 1;
    if (sl_loop_wait(&control->loop, wait_ms, events) > 0) {
      take_signals(control);
    }
  }
  join_all(server);
}

// ---- the end

static void close_server(struct sl_server *server) {
  for (unsigned i = 0; server->workers != NULL && i < server->worker_count; i++) {
    atomic_store(&server->workers[i].stop, true);
    if (server->workers[i].server != NULL) {
      sl_loop_wake(&server->workers[i].loop);
    }
  }
  join_all(server);
  for (unsigned i = 0; server->workers != NULL && i < server->worker_count; i++) {
    sl_worker_close(&server->workers[i]);
  }
  sl_listen_close(server);
  sl_mem_free_aligned(server->mem, server->workers, server->worker_count * sizeof(struct sl_worker),
                      64);
  sl_tokens_free(server->tokens);
  sl_metrics_destroy(server->metrics);
  sl_top_destroy(server->top);
  if (server->cache.seats != NULL) {
    sl_rule_cache_close(&server->cache);
  }
  sl_throttles_destroy(server->throttles);
  sl_engine_destroy(server->engine);
  sl_tls_close(&server->tls);
}

static int serve(struct control *control) {
  struct sl_server *server = control->server;
  watch_files(control);
  if (control->watch.inotify >= 0) {
    (void)!sl_loop_add(&control->loop, control->watch.inotify, SL_LOOP_READ, &control->watch);
  }
  atomic_store(&server->state, SL_SERVER_READY);
  log_ready(server);
  sl_notify(server->sys, getenv, "READY=1");
  control_until_stop(control);
  finish_drain(control);
  bool saved = sl_state_save(server->settings->state_file, server->sys, server->mem, server->engine,
                             server->throttles, server->log);
  sl_log(server->log, SL_LOG_INFO, "stopped", "done",
         SL_LOG_NUMBER("accepted", atomic_load(&server->accepted)));
  return saved ? EXIT_DONE : EXIT_TROUBLE;
}

int sl_server_run(const struct sl_settings *settings, const struct sl_sys *sys,
                  const struct sl_mem *mem, struct sl_log *log) {
  struct sl_server *server = sl_mem_alloc(mem, sizeof *server);
  if (server == NULL) {
    return EXIT_TROUBLE;
  }
  *server = (struct sl_server){
      .settings = settings,
      .sys = sys,
      .mem = mem,
      .log = log,
      .worker_count = settings->workers == 0 ? sl_processors() : (unsigned)settings->workers,
      .start_ns = sl_monotonic_ns(sys),
  };
  sl_no_new_privileges();
  sl_tls_init(&server->tls);
  struct control control = {.server = server, .signals = sl_signals_open()};
  int status = EXIT_TROUBLE;
  sl_watch_init(&control.watch, sys);
  struct sl_state state;
  sl_state_load(settings->state_file, sys, mem, log, &state);
  if (control.signals < 0 || sl_loop_init(&control.loop, sys) != SL_OK ||
      sl_loop_add(&control.loop, control.signals, SL_LOOP_READ, &control.signals) != SL_OK) {
    sl_log(log, SL_LOG_ERROR, "start", "cannot start",
           SL_LOG_TEXT("reason", "the system gives no descriptors"));
  } else if (server->control = &control.loop, start(server, &state) == SL_OK) {
    sl_state_close(&state);
    status = serve(&control);
  }
  sl_state_close(&state);
  close_server(server);
  sl_watch_close(&control.watch);
  sl_loop_close(&control.loop);
  if (control.signals >= 0) {
    (void)sys->close(control.signals);
  }
  sl_mem_free(mem, server, sizeof *server);
  return status;
}
