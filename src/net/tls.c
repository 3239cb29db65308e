#include "net/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { REASON_TEXT = 200, RECORD = 16384 };

// What a connection is to its users; the pointer is OpenSSL's own object.
static SSL *ssl_of(const struct sl_tls_conn *conn) { return (SSL *)(uintptr_t)conn; }

void sl_tls_init(struct sl_tls *tls) {
  tls->context = NULL;
  sl_lock_init(&tls->lock);
}

void sl_tls_close(struct sl_tls *tls) {
  SSL_CTX_free(tls->context);
  tls->context = NULL;
  sl_lock_close(&tls->lock);
}

// ---- certificates

// The first error in OpenSSL's queue is the cause, those behind it are what followed.
static enum sl_status refuse(const char *what, const char *file, struct sl_text *message) {
  char buffer[REASON_TEXT];
  unsigned long error = ERR_peek_error();
  const char *reason = ERR_SYSTEM_ERROR(error)
                           ? strerror_r(ERR_GET_REASON(error), buffer, sizeof buffer)
                           : ERR_reason_error_string(error);
  sl_text_printf(message, "%s %s: %s", what, file, reason != NULL ? reason : "cannot be used");
  ERR_clear_error();
  return SL_ERR_INVALID;
}

static bool set_rules(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
         SSL_CTX_set_session_id_context(context, (const unsigned char *)"sluice", 6) == 1;
}

// A file with a passphrase is refused rather than asked about.
static int no_passphrase(char *buffer, int size, int writing, void *ctx) {
  (void)buffer;
  (void)size;
  (void)writing;
  (void)ctx;
  return 0;
}

static enum sl_status fill(SSL_CTX *context, const char *cert, const char *key, const char *ca,
                           struct sl_text *message) {
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) {
    return refuse("the certificate", cert, message);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    return refuse("the key", key, message);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return refuse("the key does not fit the certificate:", key, message);
  }
  if (ca == NULL || ca[0] == '\0') {
    return SL_OK;
  }
  STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
  if (names == NULL || SSL_CTX_load_verify_locations(context, ca, NULL) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return refuse("the authorities for clients", ca, message);
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  return SL_OK;
}

enum sl_status sl_tls_load(struct sl_tls *tls, const char *cert_file, const char *key_file,
                           const char *client_ca_file, struct sl_text *message) {
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (context == NULL || !set_rules(context)) {
    SSL_CTX_free(context);
    return SL_ERR_MEMORY;
  }
  enum sl_status status = fill(context, cert_file, key_file, client_ca_file, message);
  if (status != SL_OK) {
    SSL_CTX_free(context);
    return status;
  }
  sl_lock_take(&tls->lock);
  SSL_CTX *old = tls->context;
  tls->context = context;
  sl_lock_give(&tls->lock);
  // Connections hold it as long as they need it.
  SSL_CTX_free(old);
  return SL_OK;
}

// ---- connections

struct sl_tls_conn *sl_tls_open(struct sl_tls *tls, int socket) {
  sl_lock_take(&tls->lock);
  SSL *ssl = SSL_new(tls->context);
  sl_lock_give(&tls->lock);
  if (ssl == NULL || SSL_set_fd(ssl, socket) != 1) {
    SSL_free(ssl);
    ERR_clear_error();
    return NULL;
  }
  SSL_set_accept_state(ssl);
  return (struct sl_tls_conn *)(void *)ssl;
}

void sl_tls_free(struct sl_tls_conn *conn) { SSL_free(ssl_of(conn)); }

static enum sl_tls_result result_of(SSL *ssl, int returned) {
  int error = SSL_get_error(ssl, returned);
  ERR_clear_error();
  switch (error) {
  case SSL_ERROR_WANT_READ:
    return SL_TLS_WANT_READ;
  case SSL_ERROR_WANT_WRITE:
    return SL_TLS_WANT_WRITE;
  case SSL_ERROR_ZERO_RETURN:
    return SL_TLS_END;
  default:
    return SL_TLS_FAILED;
  }
}

enum sl_tls_result sl_tls_read(struct sl_tls_conn *conn, char *ret_bytes, size_t len,
                               size_t *ret_count) {
  SSL *ssl = ssl_of(conn);
  *ret_count = 0;
  while (*ret_count < len) {
    size_t count = 0;
    int returned = SSL_read_ex(ssl, ret_bytes + *ret_count, len - *ret_count, &count);
    if (returned != 1) {
      // An error after some bytes shows again in the next call.
      enum sl_tls_result result = result_of(ssl, returned);
      return *ret_count > 0 ? SL_TLS_DONE : result;
    }
    *ret_count += count;
  }
  return SL_TLS_DONE;
}

bool sl_tls_pending(const struct sl_tls_conn *conn) { return SSL_has_pending(ssl_of(conn)) == 1; }

enum sl_tls_result sl_tls_write(struct sl_tls_conn *conn, const char *bytes, size_t len,
                                size_t *ret_count) {
  SSL *ssl = ssl_of(conn);
  *ret_count = 0;
  while (*ret_count < len) {
    size_t count = 0;
    size_t part = len - *ret_count < RECORD ? len - *ret_count : RECORD;
    int returned = SSL_write_ex(ssl, bytes + *ret_count, part, &count);
    if (returned != 1) {
      enum sl_tls_result result = result_of(ssl, returned);
      return *ret_count > 0 ? SL_TLS_DONE : result;
    }
    *ret_count += count;
  }
  return SL_TLS_DONE;
}

bool sl_tls_shaken(const struct sl_tls_conn *conn) {
  return SSL_is_init_finished(ssl_of(conn)) == 1;
}

void sl_tls_end(struct sl_tls_conn *conn) {
  (void)SSL_shutdown(ssl_of(conn));
  ERR_clear_error();
}
