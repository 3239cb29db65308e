#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/units.h"

enum { BACKLOG = 4096, HOST_TEXT = 64, UNSENT_BYTES = 128 << 10 };

// ---- texts

static enum sl_status bad_address(struct sl_text *message) {
  sl_text_printf(message,
                 "is not an address: give IP:PORT, [IPV6]:PORT, unix:PATH, systemd:NAME or none");
  return SL_ERR_SYNTAX;
}

static bool take_prefix(struct sl_str *text, struct sl_str prefix) {
  if (text->len < prefix.len || memcmp(text->ptr, prefix.ptr, prefix.len) != 0) {
    return false;
  }
  text->ptr += prefix.len;
  text->len -= prefix.len;
  return true;
}

static enum sl_status parse_unix(struct sl_str path, struct sl_net_address *address,
                                 struct sl_text *message) {
  struct sockaddr_un *un = (struct sockaddr_un *)(void *)&address->socket;
  if (path.len == 0 || path.len >= sizeof un->sun_path) {
    sl_text_printf(message, "needs a path of 1 to %zu bytes after unix:", sizeof un->sun_path - 1);
    return SL_ERR_SYNTAX;
  }
  un->sun_family = AF_UNIX;
  memcpy(un->sun_path, path.ptr, path.len);
  memcpy(address->name, path.ptr, path.len);
  address->len = (socklen_t)sizeof *un;
  address->kind = SL_ADDRESS_UNIX;
  return SL_OK;
}

static bool parse_ip(const char *host, uint16_t port, bool bracketed,
                     struct sl_net_address *address) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&address->socket;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&address->socket;
  address->kind = SL_ADDRESS_TCP;
  if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address->len = (socklen_t)sizeof *v4;
    return true;
  }
  if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address->len = (socklen_t)sizeof *v6;
    return true;
  }
  return false;
}

static enum sl_status parse_tcp(struct sl_str text, struct sl_net_address *address,
                                struct sl_text *message) {
  const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
  size_t host_len = colon == NULL ? 0 : (size_t)(colon - text.ptr);
  const char *host_at = text.ptr;
  bool bracketed = host_len >= 2 && text.ptr[0] == '[' && text.ptr[host_len - 1] == ']';
  if (bracketed) {
    host_at++;
    host_len -= 2;
  }
  uint64_t port = 0;
  char host[HOST_TEXT] = {0};
  struct sl_str digits = {.ptr = colon == NULL ? NULL : colon + 1};
  digits.len = colon == NULL ? 0 : text.len - (size_t)(digits.ptr - text.ptr);
  if (host_len == 0 || host_len >= sizeof host || sl_parse_u64(digits, &port) != SL_OK) {
    return bad_address(message);
  }
  if (port > UINT16_MAX) {
    sl_text_printf(message, "names a port above 65535");
    return SL_ERR_SYNTAX;
  }
  memcpy(host, host_at, host_len);
  return parse_ip(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, (uint16_t)port, bracketed,
                  address)
             ? SL_OK
             : bad_address(message);
}

enum sl_status sl_net_parse(struct sl_str text, struct sl_net_address *ret_address,
                            struct sl_text *message) {
  *ret_address = (struct sl_net_address){.kind = SL_ADDRESS_NONE};
  if (text.len == 0 || sl_str_eq(text, SL_STR("none"))) {
    return SL_OK;
  }
  if (take_prefix(&text, SL_STR("unix:"))) {
    return parse_unix(text, ret_address, message);
  }
  if (take_prefix(&text, SL_STR("systemd:"))) {
    if (text.len == 0 || text.len >= sizeof ret_address->name) {
      return bad_address(message);
    }
    memcpy(ret_address->name, text.ptr, text.len);
    ret_address->kind = SL_ADDRESS_SYSTEMD;
    return SL_OK;
  }
  return parse_tcp(text, ret_address, message);
}

void sl_net_split(const struct sockaddr_storage *socket, struct sl_text *text, uint16_t *ret_port) {
  char host[INET6_ADDRSTRLEN] = "";
  *ret_port = 0;
  if (socket->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)socket;
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    *ret_port = ntohs(v4->sin_port);
  } else if (socket->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)socket;
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    *ret_port = ntohs(v6->sin6_port);
  }
  sl_text_add(text, sl_str_of(host));
}

void sl_net_write(const struct sockaddr_storage *socket, socklen_t len, struct sl_text *text) {
  if (socket->ss_family == AF_UNIX) {
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)socket;
    sl_text_add(text, SL_STR("unix:"));
    if (len > offsetof(struct sockaddr_un, sun_path)) {
      size_t most = len - offsetof(struct sockaddr_un, sun_path);
      sl_text_escape(text,
                     (struct sl_str){.ptr = un->sun_path, .len = strnlen(un->sun_path, most)});
    }
    return;
  }
  uint16_t port;
  bool wide = socket->ss_family == AF_INET6;
  sl_text_add(text, wide ? SL_STR("[") : SL_STR(""));
  sl_net_split(socket, text, &port);
  sl_text_printf(text, "%s:%u", wide ? "]" : "", port);
}

bool sl_net_is_local(const struct sockaddr_storage *socket) {
  if (socket->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)socket;
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (socket->ss_family == AF_INET6) {
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
  }
  return socket->ss_family == AF_UNIX;
}

// ---- sockets

static enum sl_status give_up(const struct sl_sys *sys, int socket) {
  int error = errno;
  (void)sys->close(socket);
  errno = error;
  return error == EADDRINUSE ? SL_ERR_FULL : SL_ERR_IO;
}

// Does somebody answer at this path? A server that died leaves its socket file behind.
static bool is_served(const struct sl_sys *sys, const struct sl_net_address *address) {
  int probe = sys->socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) {
    return true;
  }
  int result = sys->connect(probe, (const struct sockaddr *)&address->socket, address->len);
  bool served = result == 0 || errno != ECONNREFUSED;
  (void)sys->close(probe);
  return served;
}

static int bind_unix(const struct sl_sys *sys, int socket, const struct sl_net_address *address) {
  const struct sockaddr *name = (const struct sockaddr *)&address->socket;
  // The mode is right from the first moment on; changing it afterwards would leave a gap.
  mode_t mask = sys->umask(077);
  int result = sys->bind(socket, name, address->len);
  if (result != 0 && errno == EADDRINUSE && !is_served(sys, address) &&
      sys->unlink(address->name) == 0) {
    result = sys->bind(socket, name, address->len);
  } else if (result != 0) {
    errno = errno == ECONNREFUSED ? EADDRINUSE : errno;
  }
  int error = errno;
  (void)sys->umask(mask);
  errno = error;
  return result;
}

static int bind_tcp(const struct sl_sys *sys, int socket, const struct sl_net_address *address) {
  const int one = 1;
  if (sys->setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      sys->setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) {
    return -1;
  }
  if (address->socket.ss_family == AF_INET6 &&
      sys->setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) {
    return -1;
  }
  return sys->bind(socket, (const struct sockaddr *)&address->socket, address->len);
}

enum sl_status sl_net_listen(const struct sl_sys *sys, struct sl_net_address *address,
                             int *ret_socket) {
  bool is_unix = address->kind == SL_ADDRESS_UNIX;
  int socket =
      sys->socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) {
    return SL_ERR_IO;
  }
  int bound = is_unix ? bind_unix(sys, socket, address) : bind_tcp(sys, socket, address);
  if (bound != 0 || sys->listen(socket, BACKLOG) != 0) {
    return give_up(sys, socket);
  }
  address->len = (socklen_t)sizeof address->socket;
  if (sys->getsockname(socket, (struct sockaddr *)&address->socket, &address->len) != 0) {
    return give_up(sys, socket);
  }
  *ret_socket = socket;
  return SL_OK;
}

enum sl_status sl_net_accept(const struct sl_sys *sys, int listener, int *ret_socket,
                             struct sockaddr_storage *ret_peer, socklen_t *ret_len) {
  *ret_len = (socklen_t)sizeof *ret_peer;
  int socket =
      sys->accept4(listener, (struct sockaddr *)ret_peer, ret_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) {
    return SL_ERR_IO;
  }
  if (ret_peer->ss_family == AF_INET || ret_peer->ss_family == AF_INET6) {
    const int one = 1;
    // A connection without these still works.
    (void)sys->setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)sys->setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    // What a client does not read waits in our memory, within its bound, and not in megabytes of
    // the system's.
    const int unsent = UNSENT_BYTES;
    (void)sys->setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  }
  *ret_socket = socket;
  return SL_OK;
}

enum sl_status sl_net_unblock(int socket) {
  int flags = fcntl(socket, F_GETFL);
  bool done = flags >= 0 && fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0 &&
              fcntl(socket, F_SETFD, FD_CLOEXEC) == 0;
  return done ? SL_OK : SL_ERR_IO;
}
