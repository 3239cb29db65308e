// worker.h - private to server/: workers, their connections, and the server that holds them.
//
// A worker is a thread with a loop of its own. Everything of it is its own, but for what stands
// below under "shared": the engine, the rules in force, tokens and certificates, which it looks up
// once a turn, and its inbox.
//
//   turn:  wait - read the clock - take a seat at the Throttle Rule Cache - serve what is ready -
//          rise - wait ...
//
// Whoever replaces rules (or tokens) waits until every worker that sat then has risen; a turn is
// short, because each connection's share of it is bounded.
#ifndef SL_SERVER_WORKER_H
#define SL_SERVER_WORKER_H

#include <pthread.h>

#include "net/loop.h"
#include "net/net.h"
#include "net/tls.h"
#include "net/wheel.h"
#include "server/metrics.h"
#include "server/server.h"
#include "server/tokens.h"

enum {
  SL_READ_BYTES = 64 << 10,   // the most that one connection is read in a turn
  SL_FLUSH_BYTES = 64 << 10,  // replies of so many bytes are sent before more requests are fed
  SL_ACCEPTS_A_TURN = 64,
  SL_LISTENERS = 3,  // http, resp, admin
  SL_WORKERS_MAX = 256,
  SL_INBOX = 1024,
};

// One address that is served.
struct sl_listener {
  const char *name;  // "http", "resp", "admin"
  const struct sl_front *front;
  struct sl_net_address address;
  bool tls, admin;
  bool inherited;  // from systemd: it stays open when we go
  bool shared;     // one socket for all workers
  uint64_t idle_ns;
  int sockets[SL_WORKERS_MAX];  // by worker; where shared, [0] alone
};

enum sl_conn_phase {
  SL_CONN_OPEN,
  SL_CONN_FLUSHING,   // what is in `out` is sent, then it closes
  SL_CONN_LINGERING,  // all is sent and the peer told; what it still sends is thrown away
};

struct sl_conn {
  struct sl_timer timer;  // first: a timer that goes off is its connection
  struct sl_worker *worker;
  const struct sl_listener *listener;
  struct sl_tls_conn *tls;
  struct sl_conn *next, *prev;  // all of the worker
  struct sl_conn *again;        // list of those with bytes waiting inside TLS
  int socket;
  uint8_t phase;     // of enum sl_conn_phase
  uint8_t interest;  // what the loop waits for
  bool is_again;
  bool tls_wants_write;
  bool shaking;  // the TLS handshake is not done
  char *in;      // an unfinished request, or requests that wait for `out`
  size_t in_len, in_room;
  char *out;  // replies that the socket did not take
  size_t out_len, out_sent, out_room;
  uint64_t active_ns;   // monotonic: bytes came or went
  uint64_t request_ns;  // since when a request is unfinished; 0: none is
  uint64_t stalled_ns;  // since when replies wait; 0: none do
  int unsent;           // bytes that the system still had to send then
  _Alignas(16) unsigned char state[];
};

// Connections that the controlling thread accepted for this worker while stopping.
struct sl_inbox_item {
  const struct sl_listener *listener;
  int socket;
};

struct sl_worker {
  struct sl_server *server;
  unsigned index;
  pthread_t thread;
  bool started;
  struct sl_loop loop;
  struct sl_wheel wheel;
  struct sl_context context;
  struct sl_out out;  // replies of the connection being fed
  char *scratch;      // SL_READ_BYTES
  struct sl_conn *conns;
  size_t conn_count;
  struct sl_conn *again;
  int reserve;               // a descriptor to give up when there are no others
  uint64_t accept_after_ns;  // monotonic: accepting pauses until then; 0: it does not
  uint64_t warned_ns;        // when a lack was last logged
  uint64_t mono_ns;          // monotonic, of this turn
  bool draining;
  uint64_t drain_ns;  // monotonic, since when
  _Atomic bool stop;  // end now, whatever is open
  _Atomic bool gone;  // the thread has ended
  struct sl_lock inbox_lock;
  struct sl_inbox_item inbox[SL_INBOX];
  size_t inbox_count;
};

struct sl_server {
  const struct sl_settings *settings;
  const struct sl_sys *sys;
  const struct sl_mem *mem;
  struct sl_log *log;
  struct sl_clock clock;
  struct sl_engine *engine;
  struct sl_rule_cache cache;
  _Atomic(struct sl_tokens *) tokens;
  struct sl_tls tls;
  struct sl_top *top;
  struct sl_throttles *throttles;  // CL.THROTTLE buckets: engine/throttle.h
  struct sl_metrics_all *metrics;
  struct sl_listener listeners[SL_LISTENERS];
  size_t listener_count;
  struct sl_worker *workers;
  unsigned worker_count;
  struct sl_loop *control;  // of the controlling thread
  _Atomic uint32_t state;   // enum sl_server_state
  uint64_t start_ns;        // monotonic
  uint64_t max_connections;
  _Atomic uint64_t connections, accepted, refused_full, timed_out, too_large, next_id;
  _Atomic uint64_t reloads, reloads_failed, rules_version, refusals;
};

// ---- worker.c

// Makes worker `index` ready; its thread is started by sl_worker_start. SL_OK; SL_ERR_MEMORY;
// SL_ERR_IO.
enum sl_status sl_worker_init(struct sl_worker *worker, struct sl_server *server,
                              unsigned index) SL_MUST_USE;
enum sl_status sl_worker_start(struct sl_worker *worker) SL_MUST_USE;
// The thread has ended, or was never started.
void sl_worker_close(struct sl_worker *worker);
// Hands over an accepted connection; it is closed where there is no room. Thread-safe.
void sl_worker_give(struct sl_worker *worker, const struct sl_listener *listener, int socket);

// ---- conn.c; by the worker's thread alone

// Takes over an accepted socket.
void sl_conn_open(struct sl_worker *worker, const struct sl_listener *listener, int socket,
                  const struct sockaddr_storage *peer);
void sl_conn_event(struct sl_conn *conn, unsigned what);
void sl_conn_expired(struct sl_conn *conn);
void sl_conn_drain(struct sl_conn *conn);  // the server began to stop
void sl_conn_close(struct sl_conn *conn);

#endif
