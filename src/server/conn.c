// conn.c - one connection: bytes in, through its front end, bytes out; and its end.
//
// What it may cost: a request that is not whole at most max_request bytes, replies that are not
// read at most max_reply, and both for a bounded time. An idle connection has no buffers at all:
// reading and writing go through the worker's.
#include <errno.h>

#include "server/worker.h"

enum {
  FIRST_IN = 4096,
  LINGER_MS = 2000,
};
#define LINGER_NS (LINGER_MS * SL_NS_PER_MS)

static const struct sl_front *front_of(const struct sl_conn *conn) { return conn->listener->front; }

static const struct sl_settings *settings_of(const struct sl_conn *conn) {
  return conn->worker->server->settings;
}

static void count(_Atomic uint64_t *counter) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// ---- time-outs

// The moment at which, as things stand, the connection has had its time.
static uint64_t deadline_of(const struct sl_conn *conn) {
  const struct sl_settings *settings = settings_of(conn);
  if (conn->phase == SL_CONN_LINGERING) {
    return conn->active_ns + LINGER_NS;
  }
  if (conn->stalled_ns != 0) {
    return conn->stalled_ns + settings->write_timeout;
  }
  if (conn->request_ns != 0) {
    return conn->request_ns + settings->request_timeout;
  }
  const struct sl_worker *worker = conn->worker;
  if (worker->draining) {
    uint64_t since = conn->active_ns > worker->drain_ns ? conn->active_ns : worker->drain_ns;
    return since + settings->drain_idle;
  }
  return conn->active_ns + conn->listener->idle_ns;
}

// Deadlines mostly move out, and the timer finds out when it goes off; only one that comes nearer
// is set anew.
static void arm(struct sl_conn *conn) {
  uint64_t due_ns = deadline_of(conn);
  if (conn->timer.next == NULL || due_ns / SL_WHEEL_TICK_NS + 1 < conn->timer.tick) {
    sl_wheel_set(&conn->worker->wheel, &conn->timer, due_ns);
  }
}

// ---- the end

void sl_conn_close(struct sl_conn *conn) {
  struct sl_worker *worker = conn->worker;
  struct sl_server *server = worker->server;
  const struct sl_mem *mem = server->mem;
  front_of(conn)->close(conn->state, &worker->context);
  sl_wheel_cancel(&worker->wheel, &conn->timer);
  if (conn->is_again) {
    struct sl_conn **at = &worker->again;
    while (*at != conn) {
      at = &(*at)->again;
    }
    *at = conn->again;
  }
  if (conn->tls != NULL) {
    sl_tls_free(conn->tls);
  }
  (void)server->sys->close(conn->socket);
  if (conn->next != NULL) {
    conn->next->prev = conn->prev;
  }
  *(conn->prev != NULL ? &conn->prev->next : &worker->conns) = conn->next;
  worker->conn_count--;
  atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
  sl_mem_free(mem, conn->in, conn->in_room);
  sl_mem_free(mem, conn->out, conn->out_room);
  sl_mem_free(mem, conn, sizeof *conn + front_of(conn)->state_bytes);
}

static void wait_for(struct sl_conn *conn, unsigned what) {
  if (conn->interest != what) {
    conn->interest = (uint8_t)what;
    // It fails only for a descriptor that is none of the loop's, which cannot be.
    (void)!sl_loop_change(&conn->worker->loop, conn->socket, what, conn);
  }
}

// Everything is sent. The peer is told, and given time to read: closing at once, with bytes of it
// unread here, would make the system throw away what it has not read there.
static void say_end(struct sl_conn *conn) {
  if (conn->tls != NULL) {
    sl_tls_end(conn->tls);
  }
  if (conn->worker->server->sys->shutdown(conn->socket, SHUT_WR) != 0) {
    sl_conn_close(conn);
    return;
  }
  conn->phase = SL_CONN_LINGERING;
  conn->active_ns = conn->worker->mono_ns;
  wait_for(conn, SL_LOOP_READ);
  arm(conn);
}

// ---- sending

// Sends what it can of the bytes. Returns how many went; SIZE_MAX when the connection is broken.
static size_t send_some(struct sl_conn *conn, const char *bytes, size_t len) {
  size_t done = 0;
  if (conn->tls != NULL) {
    enum sl_tls_result result = sl_tls_write(conn->tls, bytes, len, &done);
    return result == SL_TLS_FAILED || result == SL_TLS_END ? SIZE_MAX : done;
  }
  const struct sl_sys *sys = conn->worker->server->sys;
  while (done < len) {
    ssize_t n = sys->send(conn->socket, bytes + done, len - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK ? done : SIZE_MAX;
    }
    done += (size_t)n;
  }
  return done;
}

// Notes that replies wait, and how far the system is with what it took.
static void note_stall(struct sl_conn *conn) {
  conn->stalled_ns = conn->worker->mono_ns;
  if (conn->worker->server->sys->unsent(conn->socket, &conn->unsent) != 0) {
    conn->unsent = 0;
  }
}

// A slow reader may take long to free so much of the system's buffer that we hear of it: it has not
// stalled as long as that buffer empties.
static bool reads_slowly(const struct sl_conn *conn) {
  int unsent = 0;
  return conn->worker->server->sys->unsent(conn->socket, &unsent) == 0 && unsent < conn->unsent;
}

// Keeps the replies that the socket did not take, in memory of the connection's own.
static bool keep_out(struct sl_conn *conn, const char *bytes, size_t len) {
  conn->out = sl_mem_alloc(conn->worker->server->mem, len);
  if (conn->out == NULL) {
    return false;
  }
  memcpy(conn->out, bytes, len);
  conn->out_room = len;
  conn->out_len = len;
  conn->out_sent = 0;
  note_stall(conn);
  wait_for(conn, SL_LOOP_WRITE);
  arm(conn);
  return true;
}

// Sends the worker's block of replies. False when the connection is broken (and to be closed);
// conn->out tells whether all went.
static bool flush(struct sl_conn *conn) {
  struct sl_out *out = &conn->worker->out;
  if (out->len == 0) {
    return true;
  }
  size_t sent = send_some(conn, out->bytes, out->len);
  bool fine = sent != SIZE_MAX;
  if (fine && sent < out->len) {
    fine = keep_out(conn, out->bytes + sent, out->len - sent);
  }
  out->len = 0;
  return fine;
}

// ---- feeding

// Keeps what was not used, at the front of conn->in; gives the memory back where nothing is left.
static bool keep_in(struct sl_conn *conn, const char *bytes, size_t len) {
  const struct sl_mem *mem = conn->worker->server->mem;
  if (len == 0) {
    sl_mem_free(mem, conn->in, conn->in_room);
    conn->in = NULL;
    conn->in_room = 0;
  } else if (conn->in != NULL) {
    memmove(conn->in, bytes, len);
  } else {
    conn->in = sl_mem_alloc(mem, len);
    if (conn->in == NULL) {
      return false;
    }
    memcpy(conn->in, bytes, len);
    conn->in_room = len;
  }
  conn->in_len = len;
  return true;
}

enum fed { FED_MORE, FED_CLOSE, FED_BROKEN };

// Feeds bytes until they are used up, are too few for a whole request, or replies wait to be read.
static enum fed feed(struct sl_conn *conn, const char *bytes, size_t len, size_t *ret_used) {
  struct sl_worker *worker = conn->worker;
  struct sl_out *out = &worker->out;
  enum sl_feed verdict = SL_FEED_MORE;
  bool replied = false;
  *ret_used = 0;
  while (*ret_used < len && verdict == SL_FEED_MORE && conn->out == NULL) {
    size_t used = 0;
    size_t before = out->len;
    verdict = front_of(conn)->feed(conn->state, &worker->context, bytes + *ret_used,
                                   len - *ret_used, &used, out);
    sl_assert(used <= len - *ret_used);
    *ret_used += used;
    replied |= out->len > before;
    if (out->failed) {
      out->failed = false;
      count(&worker->server->too_large);
      verdict = SL_FEED_CLOSE;
    }
    bool stuck = used == 0 && out->len == before;
    if (out->len >= SL_FLUSH_BYTES && !flush(conn)) {
      return FED_BROKEN;
    }
    if (stuck) {
      break;
    }
  }
  if (!front_of(conn)->in_request(conn->state) && *ret_used == len) {
    conn->request_ns = 0;
  } else if (replied || conn->request_ns == 0) {
    conn->request_ns = worker->mono_ns;
  }
  return verdict == SL_FEED_CLOSE ? FED_CLOSE : FED_MORE;
}

// The front end has had its say for the last time: what it wrote goes out, then the end.
static void finish(struct sl_conn *conn) {
  (void)keep_in(conn, NULL, 0);
  if (!flush(conn)) {
    sl_conn_close(conn);
    return;
  }
  conn->request_ns = 0;
  if (conn->out != NULL) {
    conn->phase = SL_CONN_FLUSHING;
  } else {
    say_end(conn);
  }
}

// Feeds and answers; the connection may be gone afterwards.
static void serve(struct sl_conn *conn, const char *bytes, size_t len) {
  size_t used;
  enum fed fed = feed(conn, bytes, len, &used);
  if (fed == FED_CLOSE) {
    finish(conn);
    return;
  }
  if (fed == FED_BROKEN || !keep_in(conn, bytes + used, len - used) || !flush(conn)) {
    sl_conn_close(conn);
    return;
  }
  if (conn->out == NULL && conn->in_len >= settings_of(conn)->max_request) {
    // The front end sees to its own bounds; this one holds whatever it does.
    count(&conn->worker->server->too_large);
    finish(conn);
    return;
  }
  arm(conn);
}

// ---- reading

enum { GOT_NOTHING = -1, GOT_BROKEN = -2 };

static ssize_t read_tls(struct sl_conn *conn, char *bytes, size_t len) {
  size_t got = 0;
  enum sl_tls_result result = sl_tls_read(conn->tls, bytes, len, &got);
  conn->tls_wants_write = result == SL_TLS_WANT_WRITE;
  if (conn->shaking && sl_tls_shaken(conn->tls)) {
    conn->shaking = false;
    conn->request_ns = 0;
    conn->active_ns = conn->worker->mono_ns;
  }
  switch (result) {
  case SL_TLS_DONE:
    return (ssize_t)got;
  case SL_TLS_END:
    return 0;
  case SL_TLS_FAILED:
    return GOT_BROKEN;
  default:
    return GOT_NOTHING;
  }
}

// Some bytes; 0: the peer has ended; GOT_NOTHING now; GOT_BROKEN.
static ssize_t read_some(struct sl_conn *conn, char *bytes, size_t len) {
  if (conn->tls != NULL) {
    return read_tls(conn, bytes, len);
  }
  ssize_t got = conn->worker->server->sys->recv(conn->socket, bytes, len, 0);
  if (got >= 0) {
    return got;
  }
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? GOT_NOTHING : GOT_BROKEN;
}

// Makes room behind an unfinished request: as much again as there is, so that memory grows with
// what has arrived and not with what was announced.
static bool grow_in(struct sl_conn *conn) {
  if (conn->in_room - conn->in_len >= FIRST_IN / 2) {
    return true;
  }
  const struct sl_mem *mem = conn->worker->server->mem;
  size_t room = 2 * conn->in_len > FIRST_IN ? 2 * conn->in_len : FIRST_IN;
  char *in = sl_mem_alloc(mem, room);
  if (in == NULL) {
    return false;
  }
  memcpy(in, conn->in, conn->in_len);
  sl_mem_free(mem, conn->in, conn->in_room);
  conn->in = in;
  conn->in_room = room;
  return true;
}

// While lingering: thrown away, until the peer has ended too.
static void discard(struct sl_conn *conn) {
  ssize_t got =
      conn->worker->server->sys->recv(conn->socket, conn->worker->scratch, SL_READ_BYTES, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    sl_conn_close(conn);
  }
}

// After reading through TLS bytes may wait inside, of which the socket knows nothing.
static void come_again(struct sl_conn *conn) {
  if (conn->tls != NULL && !conn->is_again && conn->out == NULL && sl_tls_pending(conn->tls)) {
    conn->is_again = true;
    conn->again = conn->worker->again;
    conn->worker->again = conn;
  }
}

static void readable(struct sl_conn *conn) {
  struct sl_worker *worker = conn->worker;
  bool begun = conn->in_len > 0;
  if (begun && !grow_in(conn)) {
    sl_conn_close(conn);
    return;
  }
  char *bytes = begun ? conn->in + conn->in_len : worker->scratch;
  size_t room = begun ? conn->in_room - conn->in_len : SL_READ_BYTES;
  ssize_t got = read_some(conn, bytes, room);
  if (got == GOT_NOTHING) {
    if (conn->tls_wants_write) {
      wait_for(conn, SL_LOOP_READ | SL_LOOP_WRITE);
    }
    return;
  }
  if (got <= 0) {
    // Every whole request before the end was answered when it was read.
    sl_conn_close(conn);
    return;
  }
  conn->active_ns = worker->mono_ns;
  come_again(conn);
  if (begun) {
    conn->in_len += (size_t)got;
    serve(conn, conn->in, conn->in_len);
  } else {
    serve(conn, bytes, (size_t)got);
  }
}

static void writable(struct sl_conn *conn) {
  struct sl_worker *worker = conn->worker;
  if (conn->out == NULL) {
    wait_for(conn, SL_LOOP_READ);  // TLS wanted to write in order to read
    readable(conn);
    return;
  }
  size_t sent = send_some(conn, conn->out + conn->out_sent, conn->out_len - conn->out_sent);
  if (sent == SIZE_MAX) {
    sl_conn_close(conn);
    return;
  }
  conn->out_sent += sent;
  if (sent > 0) {
    conn->active_ns = worker->mono_ns;
    note_stall(conn);
  }
  if (conn->out_sent < conn->out_len) {
    return;
  }
  sl_mem_free(worker->server->mem, conn->out, conn->out_room);
  conn->out = NULL;
  conn->out_room = 0;
  conn->stalled_ns = 0;
  if (conn->phase == SL_CONN_FLUSHING) {
    say_end(conn);
    return;
  }
  wait_for(conn, SL_LOOP_READ);
  come_again(conn);
  if (conn->in_len > 0) {
    serve(conn, conn->in, conn->in_len);
  } else {
    arm(conn);
  }
}

void sl_conn_event(struct sl_conn *conn, unsigned what) {
  if (conn->phase == SL_CONN_LINGERING) {
    discard(conn);
  } else if (conn->out != NULL || (what & SL_LOOP_WRITE) != 0) {
    if ((what & SL_LOOP_BROKEN) != 0 && (what & SL_LOOP_WRITE) == 0) {
      sl_conn_close(conn);
    } else {
      writable(conn);
    }
  } else {
    readable(conn);
  }
}

// ---- stopping

void sl_conn_drain(struct sl_conn *conn) {
  if (conn->phase == SL_CONN_OPEN) {
    (void)front_of(conn)->drain(conn->state);
  }
  arm(conn);
}

// Idle for long enough while the server stops: what has come by now is answered, else it ends.
static void end_idle(struct sl_conn *conn) {
  if (!front_of(conn)->drain(conn->state)) {
    conn->active_ns = conn->worker->mono_ns;
    arm(conn);
    return;
  }
  char byte;
  const struct sl_sys *sys = conn->worker->server->sys;
  if (sys->recv(conn->socket, &byte, 1, MSG_PEEK) > 0) {
    conn->active_ns = conn->worker->mono_ns;
    arm(conn);
    readable(conn);
    return;
  }
  say_end(conn);
}

void sl_conn_expired(struct sl_conn *conn) {
  struct sl_worker *worker = conn->worker;
  if (deadline_of(conn) > worker->mono_ns) {
    arm(conn);
    return;
  }
  if (conn->stalled_ns != 0 && reads_slowly(conn)) {
    note_stall(conn);
    arm(conn);
    return;
  }
  bool idle = conn->phase == SL_CONN_OPEN && conn->stalled_ns == 0 && conn->request_ns == 0;
  if (idle && worker->draining) {
    end_idle(conn);
    return;
  }
  if (conn->phase != SL_CONN_LINGERING) {
    count(&worker->server->timed_out);
  }
  if (idle) {
    say_end(conn);
  } else {
    sl_conn_close(conn);
  }
}

// ---- the beginning

static void describe_peer(const struct sl_listener *listener, const struct sockaddr_storage *from,
                          struct sl_peer *ret_peer) {
  *ret_peer = (struct sl_peer){
      .loopback = sl_net_is_local(from), .tls = listener->tls, .admin = listener->admin};
  struct sl_text text;
  sl_text_init(&text, ret_peer->address, sizeof ret_peer->address);
  sl_net_split(from, &text, &ret_peer->port);
}

static struct sl_conn *alloc_conn(struct sl_worker *worker, const struct sl_listener *listener,
                                  int socket) {
  struct sl_server *server = worker->server;
  const size_t bytes = sizeof(struct sl_conn) + listener->front->state_bytes;
  struct sl_conn *conn = sl_mem_alloc(server->mem, bytes);
  if (conn == NULL) {
    return NULL;
  }
  conn->worker = worker;
  conn->listener = listener;
  conn->socket = socket;
  conn->interest = SL_LOOP_READ;
  conn->active_ns = worker->mono_ns;
  if (listener->tls) {
    conn->tls = sl_tls_open(&server->tls, socket);
    conn->shaking = true;  // the handshake has a request's time
    conn->request_ns = worker->mono_ns;
    if (conn->tls == NULL) {
      sl_mem_free(server->mem, conn, bytes);
      return NULL;
    }
  }
  return conn;
}

static bool set_up(struct sl_conn *conn, const struct sockaddr_storage *from) {
  struct sl_worker *worker = conn->worker;
  struct sl_peer peer;
  describe_peer(conn->listener, from, &peer);
  if (sl_loop_add(&worker->loop, conn->socket, SL_LOOP_READ, conn) != SL_OK) {
    return false;
  }
  return front_of(conn)->open(conn->state, &worker->context, &peer);
}

void sl_conn_open(struct sl_worker *worker, const struct sl_listener *listener, int socket,
                  const struct sockaddr_storage *from) {
  struct sl_server *server = worker->server;
  uint64_t open = atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
  struct sl_conn *conn =
      open < server->max_connections ? alloc_conn(worker, listener, socket) : NULL;
  if (conn == NULL || !set_up(conn, from)) {
    count(&server->refused_full);
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
    if (conn != NULL && conn->tls != NULL) {
      sl_tls_free(conn->tls);
    }
    sl_mem_free(server->mem, conn, sizeof *conn + listener->front->state_bytes);
    (void)server->sys->close(socket);
    return;
  }
  count(&server->accepted);
  conn->next = worker->conns;
  if (conn->next != NULL) {
    conn->next->prev = conn;
  }
  worker->conns = conn;
  worker->conn_count++;
  if (worker->draining) {
    (void)front_of(conn)->drain(conn->state);
  }
  arm(conn);
}
