// tls.h - TLS of a server, by OpenSSL: certificates that can be read anew, connections.
//
// TLS 1.2 and 1.3; with 1.2 only suites with forward secrecy and authenticated encryption; no
// renegotiation, no compression, no session tickets shared between processes.
#ifndef SL_NET_TLS_H
#define SL_NET_TLS_H

#include "base/status.h"
#include "base/text.h"
#include "sys/thread.h"

struct sl_tls_conn;  // one connection

// The certificates in force. A new handshake uses the latest; connections keep theirs.
struct sl_tls {
  struct sl_lock lock;
  void *context;
};

void sl_tls_init(struct sl_tls *tls);
void sl_tls_close(struct sl_tls *tls);

// Reads certificate chain, key and, unless "" or NULL, the authorities that clients' certificates
// must come from. On an error what was in force stays.
//   SL_OK; SL_ERR_INVALID: `message` says which file and why; SL_ERR_MEMORY
enum sl_status sl_tls_load(struct sl_tls *tls, const char *cert_file, const char *key_file,
                           const char *client_ca_file, struct sl_text *message) SL_MUST_USE;

// The server's side of a connection on a socket, which stays the caller's. NULL when out of memory.
struct sl_tls_conn *sl_tls_open(struct sl_tls *tls, int socket);
void sl_tls_free(struct sl_tls_conn *conn);

enum sl_tls_result {
  SL_TLS_DONE,        // *ret_count bytes
  SL_TLS_WANT_READ,   // nothing now: wait until the socket can be read
  SL_TLS_WANT_WRITE,  // nothing now: wait until it can be written
  SL_TLS_END,         // the peer said that nothing more comes
  SL_TLS_FAILED,      // also without an end that was told: cut off
};

// Reads until `len` bytes or until there are none now; the handshake happens by itself. After
// SL_TLS_DONE more may wait inside although the socket has none (sl_tls_pending).
enum sl_tls_result sl_tls_read(struct sl_tls_conn *conn, char *ret_bytes, size_t len,
                               size_t *ret_count);
bool sl_tls_pending(const struct sl_tls_conn *conn);
enum sl_tls_result sl_tls_write(struct sl_tls_conn *conn, const char *bytes, size_t len,
                                size_t *ret_count);
bool sl_tls_shaken(const struct sl_tls_conn *conn);  // is the handshake done?
// Tells the peer that nothing more comes.
void sl_tls_end(struct sl_tls_conn *conn);

#endif
