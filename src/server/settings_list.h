// settings_list.h - every setting of the server, declared once. The structure that holds the
// values, the flags of `sluice serve`, the environment variables, the entries of the config file,
// the help, the man page and docs/SERVER.md all come from this list.
//
//   X(kind, field, name, value, standard, least, most, help)
//
// `name` is the flag without its dashes and the entry of the config file; the environment variable
// is SLUICE_ and the name in capitals, with _ for -. `value` is what help shows for it. `standard`
// is the default, written as a user would. `least` and `most` bound numbers, sizes and durations
// (in nanoseconds). Of a list, the entry may be given several times; in the environment its parts
// are separated by commas.
#ifndef SL_SERVER_SETTINGS_LIST_H
#define SL_SERVER_SETTINGS_LIST_H

#include "algo/limit.h"
#include "rule/request.h"

#define SL_SETTINGS_NEVER_NS (UINT64_C(366) * SL_NS_PER_D)

// clang-format off
#define SL_SETTINGS(X)                                                                             \
  X(LIST, rules, "rules", "FILE", "", 0, 0,                                                        \
    "The rules. Given several times, the files are one set. Without any, every request is allowed "\
    "and CL.THROTTLE still works.")                                                                \
  X(BOOL, watch_rules, "watch-rules", "YES", "yes", 0, 0,                                          \
    "Notice by itself that a rule file has changed. SIGHUP reads them again in any case.")         \
  X(TEXT, http, "http", "ADDRESS", "127.0.0.1:8080", 0, 0,                                         \
    "Where HTTP is served: IP:PORT, [IPV6]:PORT, unix:PATH, systemd:NAME, or none.")               \
  X(TEXT, resp, "resp", "ADDRESS", "127.0.0.1:6390", 0, 0,                                         \
    "Where RESP, the protocol of Redis clients, is served.")                                       \
  X(TEXT, admin, "admin", "ADDRESS", "none", 0, 0,                                                 \
    "A listener of its own for the Rule Service, metrics and TOP, in HTTP. With it, --http serves "\
    "decisions only.")                                                                             \
  X(NUMBER, workers, "workers", "N", "0", 0, 256,                                                  \
    "Worker threads, each with its own loop and listeners; 0: one for each processor.")            \
  X(SIZE, memory, "memory", "SIZE", "256MiB", 256 * 1024, SIZE_MAX,                                \
    "The most that buckets may take.")                                                             \
  X(CHOICE, when_full, "when-full", "WHAT", "evict", 0, 0,                                         \
    "What becomes of a new key when memory is full and no bucket is fresh: evict (the nearest to " \
    "fresh of some sampled buckets goes), deny (it is throttled), allow (it is not counted).")     \
  X(TEXT, state_file, "state-file", "FILE", "", 0, 0,                                              \
    "Where the buckets go on a clean stop, to be there again after the next start.")               \
  X(TEXT, tls_cert, "tls-cert", "FILE", "", 0, 0,                                                  \
    "The certificate (chain) in PEM, with --tls-key: every TCP listener then speaks TLS, 1.2 and " \
    "up. Read again on SIGHUP and when the file changes.")                                         \
  X(TEXT, tls_key, "tls-key", "FILE", "", 0, 0,                                                    \
    "The private key of --tls-cert in PEM.")                                                       \
  X(TEXT, tls_client_ca, "tls-client-ca", "FILE", "", 0, 0,                                        \
    "Clients must show a certificate that one of these authorities signed.")                       \
  X(BOOL, insecure_plaintext, "insecure-plaintext", "YES", "no", 0, 0,                             \
    "Serve beyond this machine without TLS. Everyone on the way can read and change what is said.")\
  X(TEXT, token_file, "token-file", "FILE", "", 0, 0,                                              \
    "Who may do what: NAME SCOPES SHA256 a line, made by `sluice token`. With it every client "    \
    "must name a token.")                                                                          \
  X(LIST, hosts, "host", "NAME", "", 0, 0,                                                         \
    "A name that the Host field of HTTP requests may have, besides localhost and IP addresses.")   \
  X(LIST, secret_attributes, "secret-attribute", "NAME", "", 0, 0,                                 \
    "Show the values of this attribute as fingerprints only, like those of api_key, "              \
    "header.authorization and header.cookie.")                                                     \
  X(NUMBER, max_connections, "max-connections", "N", "16384", 1, 10000000,                         \
    "Connections at a time; further ones are closed at once.")                                     \
  X(SIZE, max_request, "max-request", "SIZE", "1MiB", 4096, 1 << 30,                               \
    "Bytes of one request that is not whole yet, its body included.")                              \
  X(SIZE, max_reply, "max-reply", "SIZE", "1MiB", 16384, 1 << 30,                                  \
    "Bytes that wait to be read by one client. No more requests are read from it meanwhile.")      \
  X(NUMBER, max_attributes, "max-attributes", "N", "64", 1, SL_ATTRS_MAX,                          \
    "Attributes of one request.")                                                                  \
  X(SIZE, max_attribute, "max-attribute", "SIZE", "4096", 1, SL_ATTR_VALUE_MAX,                    \
    "Bytes of one attribute's value.")                                                             \
  X(NUMBER, max_headers, "max-headers", "N", "100", 8, 256,                                        \
    "Header fields of one HTTP request.")                                                          \
  X(SIZE, max_header_bytes, "max-header-bytes", "SIZE", "32KiB", 1024, 1 << 20,                    \
    "Bytes of an HTTP request's line and header fields together.")                                 \
  X(DURATION, request_timeout, "request-timeout", "TIME", "5s", SL_NS_PER_MS, SL_SETTINGS_NEVER_NS,\
    "How long a request may take to arrive, from its first byte; also the TLS handshake.")         \
  X(DURATION, http_idle, "http-idle-timeout", "TIME", "60s", SL_NS_PER_MS, SL_SETTINGS_NEVER_NS,   \
    "How long an HTTP connection may lie idle between requests.")                                  \
  X(DURATION, resp_idle, "resp-idle-timeout", "TIME", "1h", SL_NS_PER_MS, SL_SETTINGS_NEVER_NS,    \
    "How long a RESP connection may lie idle; clients pool connections and expect them to stay.")  \
  X(DURATION, write_timeout, "write-timeout", "TIME", "10s", SL_NS_PER_MS, SL_SETTINGS_NEVER_NS,   \
    "How long a client may leave replies unread.")                                                 \
  X(DURATION, drain_time, "drain-time", "TIME", "10s", 0, SL_SETTINGS_NEVER_NS,                    \
    "The most that a stop may take to serve what is connected (SIGTERM).")                         \
  X(DURATION, drain_idle, "drain-idle", "TIME", "1s", 0, SL_SETTINGS_NEVER_NS,                     \
    "While stopping, a connection that is idle for so long is closed.")                            \
  X(CHOICE, log_format, "log-format", "FORMAT", "auto", 0, 0,                                      \
    "text, json, or auto: text on a terminal, else json.")                                         \
  X(FRACTION, log_refused, "log-refused", "1/N", "0", 0, UINT32_MAX,                               \
    "Log one in N refused requests; 0: none.")                                                     \
  X(NUMBER, top_keys, "top-keys", "N", "1024", 0, 65536,                                           \
    "How many keys are followed for the list of the busiest; 0: none.")
// clang-format on

#endif
