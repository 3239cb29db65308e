#include "server/listen.h"

#include <errno.h>

#include "server/notify.h"

enum { MESSAGE = 512, ADDRESS_TEXT = 256 };

static enum sl_status refuse(struct sl_server *server, const char *name, const char *address,
                             const char *reason, enum sl_status status) {
  sl_log(server->log, SL_LOG_ERROR, "listen", "cannot serve at an address",
         SL_LOG_TEXT("setting", name), SL_LOG_TEXT("address", address),
         SL_LOG_TEXT("reason", reason));
  return status;
}

// ---- what may be served where

// Beyond this machine: TLS, or plain text by name; and tokens.
static const char *why_not(const struct sl_settings *settings,
                           const struct sockaddr_storage *socket) {
  if (sl_net_is_local(socket)) {
    return NULL;
  }
  if (settings->tls_cert[0] == '\0' && !settings->insecure_plaintext) {
    return "it is reached from beyond this machine: give --tls-cert and --tls-key, or "
           "--insecure-plaintext if you mean it; or serve at 127.0.0.1 or unix:PATH";
  }
  if (settings->token_file[0] == '\0') {
    return "it is reached from beyond this machine: give --token-file, with tokens that `sluice "
           "token` makes; or serve at 127.0.0.1 or unix:PATH";
  }
  return NULL;
}

// ---- opening

static enum sl_status take_handed(struct sl_server *server, struct sl_listener *listener,
                                  const char *text, int socket) {
  const struct sl_sys *sys = server->sys;
  int listens = 0;
  socklen_t size = (socklen_t)sizeof listens;
  if (socket < 0 || sys->getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
      listens == 0) {
    return refuse(server, listener->name, text,
                  "no listening socket of that name or number was handed over", SL_ERR_INVALID);
  }
  listener->address.len = (socklen_t)sizeof listener->address.socket;
  if (sys->getsockname(socket, (struct sockaddr *)&listener->address.socket,
                       &listener->address.len) != 0 ||
      sl_net_unblock(socket) != SL_OK) {
    return refuse(server, listener->name, text, strerror(errno), SL_ERR_IO);
  }
  listener->inherited = true;
  listener->shared = true;
  listener->sockets[0] = socket;
  return SL_OK;
}

static enum sl_status open_sockets(struct sl_server *server, struct sl_listener *listener,
                                   const char *text) {
  listener->shared = listener->address.kind == SL_ADDRESS_UNIX;
  unsigned count = listener->shared ? 1 : server->worker_count;
  for (unsigned i = 0; i < count; i++) {
    // The first socket decides about port 0: the address is as bound afterwards.
    enum sl_status status = sl_net_listen(server->sys, &listener->address, &listener->sockets[i]);
    if (status != SL_OK) {
      char reason[MESSAGE];
      return refuse(server, listener->name, text, strerror_r(errno, reason, sizeof reason), status);
    }
  }
  return SL_OK;
}

static enum sl_status open_one(struct sl_server *server, struct sl_listener *listener,
                               const char *text, char *(*get)(const char *name)) {
  const char *reason = why_not(server->settings, &listener->address.socket);
  enum sl_status status = SL_OK;
  if (listener->address.kind == SL_ADDRESS_SYSTEMD) {
    status = take_handed(server, listener, text, sl_handed_find(get, listener->address.name));
    reason = status == SL_OK ? why_not(server->settings, &listener->address.socket) : NULL;
  } else if (reason == NULL) {
    status = open_sockets(server, listener, text);
  }
  if (reason != NULL) {
    return refuse(server, listener->name, text, reason, SL_ERR_INVALID);
  }
  listener->tls =
      server->settings->tls_cert[0] != '\0' && listener->address.socket.ss_family != AF_UNIX;
  return status;
}

static enum sl_status add_listener(struct sl_server *server, const char *name, const char *text,
                                   const struct sl_front *front, uint64_t idle_ns,
                                   char *(*get)(const char *name)) {
  struct sl_listener *listener = &server->listeners[server->listener_count];
  *listener = (struct sl_listener){.name = name, .front = front, .idle_ns = idle_ns};
  for (size_t i = 0; i < SL_WORKERS_MAX; i++) {
    listener->sockets[i] = -1;
  }
  char reason[MESSAGE];
  struct sl_text message;
  sl_text_init(&message, reason, sizeof reason);
  if (sl_net_parse(sl_str_of(text), &listener->address, &message) != SL_OK) {
    return refuse(server, name, text, reason, SL_ERR_INVALID);
  }
  if (listener->address.kind == SL_ADDRESS_NONE) {
    return SL_OK;
  }
  listener->admin = strcmp(name, "admin") == 0;
  server->listener_count++;
  return open_one(server, listener, text, get);
}

enum sl_status sl_listen_open(struct sl_server *server, char *(*get)(const char *name)) {
  const struct sl_settings *settings = server->settings;
  enum sl_status status =
      add_listener(server, "http", settings->http, &sl_front_http, settings->http_idle, get);
  if (status == SL_OK) {
    status = add_listener(server, "resp", settings->resp, &sl_front_resp, settings->resp_idle, get);
  }
  if (status == SL_OK) {
    status =
        add_listener(server, "admin", settings->admin, &sl_front_http, settings->http_idle, get);
  }
  if (status == SL_OK && server->listener_count == 0) {
    sl_log(server->log, SL_LOG_ERROR, "listen", "--http, --resp and --admin are all none");
    return SL_ERR_INVALID;
  }
  return status;
}

// ---- closing

static size_t socket_count(const struct sl_server *server, const struct sl_listener *listener) {
  return listener->shared ? 1 : server->worker_count;
}

static void take_waiting(struct sl_server *server, const struct sl_listener *listener, int door,
                         unsigned *next_worker) {
  struct sockaddr_storage peer;
  socklen_t len;
  int socket;
  for (;;) {
    if (sl_net_accept(server->sys, door, &socket, &peer, &len) == SL_OK) {
      sl_worker_give(&server->workers[(*next_worker)++ % server->worker_count], listener, socket);
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void sl_listen_drain(struct sl_server *server) {
  unsigned next_worker = 0;
  // All doors are emptied first and then shut in one go: who is turned away at one of them and
  // comes again should not meet another that is about to be shut.
  for (size_t i = 0; i < server->listener_count; i++) {
    const struct sl_listener *listener = &server->listeners[i];
    for (size_t j = 0; !listener->inherited && j < socket_count(server, listener); j++) {
      take_waiting(server, listener, listener->sockets[j], &next_worker);
    }
  }
  for (size_t i = 0; i < server->listener_count; i++) {
    const struct sl_listener *listener = &server->listeners[i];
    for (size_t j = 0; !listener->inherited && j < socket_count(server, listener); j++) {
      if (listener->address.kind == SL_ADDRESS_UNIX) {
        (void)server->sys->unlink(listener->address.name);
      }
      // Without closing: a worker may be using the descriptor.
      (void)server->sys->shutdown(listener->sockets[j], SHUT_RDWR);
    }
  }
}

void sl_listen_close(struct sl_server *server) {
  for (size_t i = 0; i < server->listener_count; i++) {
    struct sl_listener *listener = &server->listeners[i];
    for (size_t j = 0; j < socket_count(server, listener); j++) {
      if (listener->sockets[j] >= 0) {
        (void)server->sys->close(listener->sockets[j]);
      }
    }
  }
  server->listener_count = 0;
}
