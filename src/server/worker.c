#include "server/worker.h"

#include <errno.h>
#include <fcntl.h>

enum { EMFILE_PAUSE_MS = 100, THREAD_STACK = 1 << 20 };
#define WARN_EVERY_NS (UINT64_C(10) * SL_NS_PER_S)

// ---- accepting

static void warn(struct sl_worker *worker, const char *message, int error) {
  if (worker->warned_ns != 0 && worker->mono_ns - worker->warned_ns < WARN_EVERY_NS) {
    return;
  }
  worker->warned_ns = worker->mono_ns;
  char buffer[128];
  sl_log(worker->server->log, SL_LOG_WARNING, "accept", message,
         SL_LOG_TEXT("reason", strerror_r(error, buffer, sizeof buffer)),
         SL_LOG_NUMBER("connections", atomic_load(&worker->server->connections)));
}

// No descriptors left. The one in reserve is given up for a moment, so that whoever waits at the
// door is told at once instead of waiting, and the loop is not woken for it again and again.
static void turn_away(struct sl_worker *worker, int listener) {
  const struct sl_sys *sys = worker->server->sys;
  atomic_fetch_add_explicit(&worker->server->refused_full, 1, memory_order_relaxed);
  if (worker->reserve >= 0) {
    (void)sys->close(worker->reserve);
    int socket = sys->accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket >= 0) {
      (void)sys->close(socket);
    }
  }
  worker->reserve = sys->open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (worker->reserve < 0) {
    worker->accept_after_ns = worker->mono_ns + EMFILE_PAUSE_MS * SL_NS_PER_MS;
  }
}

static void accept_some(struct sl_worker *worker, const struct sl_listener *listener) {
  const int door = listener->sockets[listener->shared ? 0 : worker->index];
  const struct sl_sys *sys = worker->server->sys;
  for (int i = 0; i < SL_ACCEPTS_A_TURN; i++) {
    struct sockaddr_storage peer;
    socklen_t len;
    int socket;
    if (sl_net_accept(sys, door, &socket, &peer, &len) == SL_OK) {
      sl_conn_open(worker, listener, socket, &peer);
      continue;
    }
    int error = errno;
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
      warn(worker, "a connection was turned away: the system has no room for it", error);
      turn_away(worker, door);
      return;
    }
    if (error != ECONNABORTED && error != EINTR) {
      return;  // EAGAIN: that was all; EINVAL: no longer listening
    }
  }
}

void sl_worker_give(struct sl_worker *worker, const struct sl_listener *listener, int socket) {
  sl_lock_take(&worker->inbox_lock);
  bool room = worker->inbox_count < SL_INBOX;
  if (room) {
    worker->inbox[worker->inbox_count++] =
        (struct sl_inbox_item){.listener = listener, .socket = socket};
  }
  sl_lock_give(&worker->inbox_lock);
  if (room) {
    sl_loop_wake(&worker->loop);
  } else {
    (void)worker->server->sys->close(socket);
  }
}

static bool take_from_inbox(struct sl_worker *worker, struct sl_inbox_item *ret_item) {
  sl_lock_take(&worker->inbox_lock);
  bool any = worker->inbox_count > 0;
  if (any) {
    *ret_item = worker->inbox[--worker->inbox_count];
  }
  sl_lock_give(&worker->inbox_lock);
  return any;
}

static void open_given(struct sl_worker *worker) {
  struct sl_inbox_item item;
  while (take_from_inbox(worker, &item)) {
    // Whom it is from was not kept: it is asked for, where it matters.
    struct sockaddr_storage peer = {0};
    socklen_t len = (socklen_t)sizeof peer;
    if (worker->server->sys->getpeername(item.socket, (struct sockaddr *)&peer, &len) != 0) {
      (void)worker->server->sys->close(item.socket);
      continue;
    }
    sl_conn_open(worker, item.listener, item.socket, &peer);
  }
}

// ---- a turn

static uint64_t reread(struct sl_context *context) {
  uint64_t now_ns = sl_clock_now(&context->server->clock);
  if (now_ns > context->now_ns + UINT64_C(100) * SL_NS_PER_US) {
    context->now_ns = sl_engine_now(context->engine, now_ns);
  }
  return context->now_ns;
}

static void read_clocks(struct sl_worker *worker) {
  struct sl_context *context = &worker->context;
  worker->mono_ns = sl_monotonic_ns(worker->server->sys);
  context->now_ns = sl_engine_now(context->engine, sl_clock_now(&worker->server->clock));
}

// From here to rising, rules and tokens stay.
static struct sl_seat *sit_down(struct sl_worker *worker) {
  struct sl_server *server = worker->server;
  struct sl_rules *rules;
  struct sl_seat *seat = sl_rule_cache_sit(&server->cache, &rules);
  worker->context.bound = rules->bound;
  worker->context.rules_version = rules->version;
  worker->context.tokens = atomic_load(&server->tokens);
  return seat;
}

static uint64_t requests_so_far(const struct sl_metrics *metrics) {
  uint64_t sum = 0;
  for (int i = SL_COUNT_RESP_ALLOWED; i <= SL_COUNT_HTTP_ERROR; i++) {
    sum += atomic_load_explicit(&metrics->counters[i], memory_order_relaxed);
  }
  return sum;
}

static bool is_listener(const struct sl_worker *worker, const void *tag) {
  uintptr_t at = (uintptr_t)tag;
  uintptr_t begin = (uintptr_t)worker->server->listeners;
  return at >= begin && at < begin + sizeof worker->server->listeners;
}

static void begin_drain(struct sl_worker *worker) {
  worker->draining = true;
  worker->drain_ns = worker->mono_ns;
  for (size_t i = 0; i < worker->server->listener_count; i++) {
    const struct sl_listener *listener = &worker->server->listeners[i];
    sl_loop_remove(&worker->loop, listener->sockets[listener->shared ? 0 : worker->index]);
  }
  struct sl_conn *next;
  for (struct sl_conn *conn = worker->conns; conn != NULL; conn = next) {
    next = conn->next;
    sl_conn_drain(conn);
  }
}

static void serve_again(struct sl_worker *worker) {
  struct sl_conn *conn = worker->again;
  // Those that come again in this turn wait for the next.
  worker->again = NULL;
  while (conn != NULL) {
    struct sl_conn *next = conn->again;
    conn->is_again = false;
    // Of all connections it can only close its own.
    sl_conn_event(conn, SL_LOOP_READ);
    conn = next;
  }
}

static void serve_events(struct sl_worker *worker, const struct sl_loop_event *events,
                         size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!is_listener(worker, events[i].tag)) {
      sl_conn_event(events[i].tag, events[i].what);
    } else if (!worker->draining && worker->accept_after_ns == 0) {
      accept_some(worker, events[i].tag);
    }
  }
}

static void serve_timers(struct sl_worker *worker) {
  for (struct sl_timer *timer = sl_wheel_expired(&worker->wheel, worker->mono_ns); timer != NULL;
       timer = sl_wheel_expired(&worker->wheel, worker->mono_ns)) {
    sl_conn_expired((struct sl_conn *)(void *)timer);
  }
}

static void turn(struct sl_worker *worker, const struct sl_loop_event *events, size_t count) {
  struct sl_metrics *metrics = worker->context.metrics;
  read_clocks(worker);
  struct sl_seat *seat = sit_down(worker);
  uint64_t before = requests_so_far(metrics);
  if (worker->accept_after_ns != 0 && worker->mono_ns >= worker->accept_after_ns) {
    worker->accept_after_ns = 0;
  }
  // Before the inbox is looked into: what was given came before the stop was told, so none of it is
  // overlooked when the worker ends for want of connections.
  if (!worker->draining && atomic_load(&worker->server->state) == SL_SERVER_DRAINING) {
    begin_drain(worker);
  }
  serve_events(worker, events, count);
  open_given(worker);
  if (worker->again != NULL) {
    serve_again(worker);
  }
  serve_timers(worker);
  uint64_t answered = requests_so_far(metrics) - before;
  if (answered > 0) {
    sl_metrics_latency(metrics, sl_monotonic_ns(worker->server->sys) - worker->mono_ns, answered);
  }
  sl_rule_cache_rise(seat);
}

// While there is traffic the wait is cut to a tick without looking; a quiet worker looks when its
// next time-out is, and sleeps until then.
static int wait_ms(const struct sl_worker *worker, bool quiet) {
  if (worker->again != NULL) {
    return 0;
  }
  if (worker->accept_after_ns != 0) {
    return EMFILE_PAUSE_MS;
  }
  return quiet ? sl_wheel_wait_ms(&worker->wheel, worker->mono_ns)
               : (int)(SL_WHEEL_TICK_NS / SL_NS_PER_MS);
}

static bool is_done(struct sl_worker *worker) {
  return atomic_load(&worker->stop) || (worker->draining && worker->conn_count == 0);
}

static void *run(void *ctx) {
  struct sl_worker *worker = ctx;
  SL_UNINITIALIZED struct sl_loop_event events[SL_LOOP_EVENTS];
  size_t count = 0;
  while (!is_done(worker)) {
    count = sl_loop_wait(&worker->loop, wait_ms(worker, count == 0), events);
    turn(worker, events, count);
  }
  read_clocks(worker);
  struct sl_seat *seat = sit_down(worker);
  while (worker->conns != NULL) {
    sl_conn_close(worker->conns);
  }
  sl_rule_cache_rise(seat);
  atomic_store(&worker->gone, true);
  sl_loop_wake(worker->server->control);
  return NULL;
}

// ---- making

static void fill_context(struct sl_worker *worker) {
  struct sl_server *server = worker->server;
  worker->context = (struct sl_context){
      .server = server,
      .settings = server->settings,
      .engine = server->engine,
      .throttles = server->throttles,
      .decider.hits.mem = server->mem,
      .top = server->top,
      .metrics = sl_metrics_of(server->metrics, worker->index),
      .mem = server->mem,
      .reread = reread,
  };
}

enum sl_status sl_worker_init(struct sl_worker *worker, struct sl_server *server, unsigned index) {
  worker->server = server;
  worker->index = index;
  worker->reserve = server->sys->open("/dev/null", O_RDONLY | O_CLOEXEC);
  worker->out = (struct sl_out){.mem = server->mem, .max = server->settings->max_reply};
  sl_lock_init(&worker->inbox_lock);
  fill_context(worker);
  read_clocks(worker);
  sl_wheel_init(&worker->wheel, worker->mono_ns);
  worker->scratch = sl_mem_alloc(server->mem, SL_READ_BYTES);
  if (worker->scratch == NULL) {
    return SL_ERR_MEMORY;
  }
  enum sl_status status = sl_loop_init(&worker->loop, server->sys);
  for (size_t i = 0; i < server->listener_count && status == SL_OK; i++) {
    struct sl_listener *listener = &server->listeners[i];
    unsigned what = SL_LOOP_READ;
    what = listener->shared ? SL_LOOP_SHARED : what;
    status =
        sl_loop_add(&worker->loop, listener->sockets[listener->shared ? 0 : index], what, listener);
  }
  return status;
}

enum sl_status sl_worker_start(struct sl_worker *worker) {
  pthread_attr_t attr;
  if (pthread_attr_init(&attr) != 0) {
    return SL_ERR_MEMORY;
  }
  (void)pthread_attr_setstacksize(&attr, THREAD_STACK);
  worker->started = pthread_create(&worker->thread, &attr, run, worker) == 0;
  pthread_attr_destroy(&attr);
  return worker->started ? SL_OK : SL_ERR_MEMORY;
}

void sl_worker_close(struct sl_worker *worker) {
  struct sl_server *server = worker->server;
  if (server == NULL) {
    return;
  }
  for (size_t i = 0; i < worker->inbox_count; i++) {
    (void)server->sys->close(worker->inbox[i].socket);
  }
  sl_loop_close(&worker->loop);
  if (worker->reserve >= 0) {
    (void)server->sys->close(worker->reserve);
  }
  sl_mem_free(server->mem, worker->scratch, SL_READ_BYTES);
  sl_out_close(&worker->out);
  sl_decider_close(&worker->context.decider);
  sl_lock_close(&worker->inbox_lock);
}
