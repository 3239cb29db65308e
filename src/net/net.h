// net.h - addresses and listening sockets.
#ifndef SL_NET_NET_H
#define SL_NET_NET_H

#include <sys/socket.h>

#include "base/status.h"
#include "base/text.h"
#include "sys/sys.h"

enum { SL_ADDRESS_NAME = 160 };

enum sl_address_kind {
  SL_ADDRESS_NONE,     // "none"
  SL_ADDRESS_TCP,      // "127.0.0.1:80", "[::1]:80"
  SL_ADDRESS_UNIX,     // "unix:/run/sluice.sock"
  SL_ADDRESS_SYSTEMD,  // "systemd:NAME": a socket that was handed over
};

struct sl_net_address {
  enum sl_address_kind kind;
  socklen_t len;
  struct sockaddr_storage socket;  // of TCP and Unix
  char name[SL_ADDRESS_NAME];      // of the socket that systemd hands over; of Unix: the path
};

// Reads an address. SL_OK; SL_ERR_SYNTAX: `message` says how it should be. Host names are not
// looked up: an address that changes with the resolver's mood is none to listen on.
enum sl_status sl_net_parse(struct sl_str text, struct sl_net_address *ret_address,
                            struct sl_text *message) SL_MUST_USE;

// "127.0.0.1:80", "[::1]:80", "unix:/path" (a nameless one: "unix:").
void sl_net_write(const struct sockaddr_storage *socket, socklen_t len, struct sl_text *text);
// The same without port, and the port (0 for Unix, whose text is empty).
void sl_net_split(const struct sockaddr_storage *socket, struct sl_text *text, uint16_t *ret_port);

// Reached from this machine only: 127.0.0.0/8, ::1, or a Unix socket.
bool sl_net_is_local(const struct sockaddr_storage *socket);

// Opens a listening socket, non-blocking. TCP: several of one address share it (SO_REUSEPORT); port
// 0 is any. Unix: made under umask 077; a socket file that nobody listens on any more is replaced.
//   SL_OK         *ret_socket is the caller's; *address is as bound
//   SL_ERR_FULL   the address is in use
//   SL_ERR_IO     with errno
enum sl_status sl_net_listen(const struct sl_sys *sys, struct sl_net_address *address,
                             int *ret_socket) SL_MUST_USE;

// Takes a connection: non-blocking, without Nagle's delay. SL_OK; SL_ERR_IO with errno.
enum sl_status sl_net_accept(const struct sl_sys *sys, int listener, int *ret_socket,
                             struct sockaddr_storage *ret_peer, socklen_t *ret_len) SL_MUST_USE;

// A socket that somebody else made: from now on it does not block, nor is it passed on. SL_OK;
// SL_ERR_IO.
enum sl_status sl_net_unblock(int socket) SL_MUST_USE;

#endif
