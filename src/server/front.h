// front.h - what a front end (RESP, HTTP) is to a worker: bytes in, bytes out.
//
// A worker reads what a connection sent, hands it to the connection's front end, and writes what
// that appended. The front end keeps what it must in `state`; it never blocks, never reads a clock
// and never touches a socket, so a test can drive it with bytes alone.
#ifndef SL_SERVER_FRONT_H
#define SL_SERVER_FRONT_H

#include "base/status.h"
#include "engine/bound.h"
#include "engine/top.h"

struct sl_metrics;    // metrics.h: one per worker, summed when asked for
struct sl_tokens;     // tokens.h: who may do what
struct sl_settings;   // settings.h
struct sl_server;     // server.h
struct sl_throttles;  // engine/throttle.h

// ---- output
// ---------------------------------------------------------------------------------------------

// Bytes to be sent, in one growing block within a bound. A failed append (out of memory, or above
// `max`) sets `failed`; the connection is then closed. Replies already appended are sent first.
struct sl_out {
  const struct sl_mem *mem;
  char *bytes;
  size_t len;
  size_t room;
  size_t max;
  bool failed;
};

// At least `len` bytes to write at the result, which is then claimed by sl_out_commit; NULL when
// failed.
char *sl_out_reserve(struct sl_out *out, size_t len);
static inline void sl_out_commit(struct sl_out *out, size_t len) { out->len += len; }
void sl_out_add(struct sl_out *out, struct sl_str bytes);
void sl_out_close(struct sl_out *out);

// ---- what a front end works with
// ------------------------------------------------------------------------

enum sl_scope { SL_SCOPE_DECIDE = 1, SL_SCOPE_READ = 2, SL_SCOPE_ADMIN = 4 };

// Everything about one worker that a front end may use. `bound` and `now_ns` are those of the
// present loop turn: the rule set cannot go away before the turn ends.
struct sl_context {
  struct sl_server *server;
  const struct sl_settings *settings;
  struct sl_engine *engine;
  const struct sl_bound *bound;  // the Throttle Rule Cache's present rule set
  uint64_t rules_version;        // grows with each swap
  struct sl_throttles
      *throttles;             // CL.THROTTLE's buckets (engine/throttle.h); shared by all workers
  struct sl_decider decider;  // scratch
  struct sl_top *top;         // busiest keys, may be NULL
  struct sl_metrics *metrics;
  const struct sl_tokens *tokens;  // NULL: none are needed, every scope is granted
  const struct sl_mem *mem;
  uint64_t now_ns;  // engine time, read once for this loop turn
  uint64_t (*reread)(
      struct sl_context *context);  // reads the clock again if now_ns is older than 100 us,
                                    // updates now_ns and returns it; call before refusing
};

struct sl_peer {
  char address[64];  // textual, without port; "" for Unix sockets
  uint16_t port;
  bool loopback;  // from this machine: loopback or a Unix socket
  bool tls;
  bool admin;  // came in on the --admin listener
};

// What the worker does after a feed.
enum sl_feed {
  SL_FEED_MORE,   // wants more bytes
  SL_FEED_CLOSE,  // send what was appended, then close
};

struct sl_front {
  const char *name;  // "resp", "http"
  size_t state_bytes;
  // `state` is zeroed. False: no memory; the connection is closed.
  bool (*open)(void *state, struct sl_context *context, const struct sl_peer *peer);
  // Takes bytes in order; *ret_used says how many were consumed (those not used are offered again,
  // with more behind them). Appends replies to out; may stop early when out grows large. `now_ns`
  // of the context is the time of all decisions in this call.
  enum sl_feed (*feed)(void *state, struct sl_context *context, const char *bytes, size_t len,
                       size_t *ret_used, struct sl_out *out);
  // Bytes of an unfinished request that must be kept for it (for bounding memory), and whether one
  // has begun (for the header time-out).
  bool (*in_request)(const void *state);
  // The server drains: HTTP says Connection: close on its next reply; true when the connection may
  // be closed now (no request is under way).
  bool (*drain)(void *state);
  void (*close)(void *state, struct sl_context *context);
};

extern const struct sl_front sl_front_resp;
extern const struct sl_front sl_front_http;

#endif
