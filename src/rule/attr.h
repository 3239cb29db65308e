// attr.h - what the names of attributes say: which are brought to a canonical form, which a client
// may choose freely, which are secret.
#ifndef SL_RULE_ATTR_H
#define SL_RULE_ATTR_H

#include "base/hash.h"
#include "rule/request.h"

enum sl_attr_kind {
  SL_ATTR_PLAIN,
  SL_ATTR_ADDRESS,  // client_ip: see address.h
  SL_ATTR_PATH      // path: see path.h
};

enum sl_attr_kind sl_attr_kind_of(struct sl_str name);

static inline bool sl_str_starts(struct sl_str text, struct sl_str prefix) {
  return text.len >= prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

// Whether whoever sends the request chooses the value as he likes: header.* and query.*.
bool sl_attr_is_claimed(struct sl_str name);

// Secret by default: api_key, header.authorization, header.cookie. Their values appear in logs,
// lists, history and metrics only as a fingerprint.
bool sl_attr_is_secret(struct sl_str name);

// "#" and 16 hexadecimal digits, keyed by the secret: equal values of one attribute have equal
// fingerprints, and nobody gets from one to the value. Writes SL_FINGERPRINT_TEXT bytes into buffer
// and returns it.
enum { SL_FINGERPRINT_TEXT = 18 };
const char *sl_attr_fingerprint(const struct sl_secret *secret, struct sl_str name,
                                struct sl_str value, char *buffer);

#endif
