#include "rule/attr.h"

enum sl_attr_kind sl_attr_kind_of(struct sl_str name) {
  if (sl_str_eq(name, SL_STR("client_ip"))) {
    return SL_ATTR_ADDRESS;
  }
  return sl_str_eq(name, SL_STR("path")) ? SL_ATTR_PATH : SL_ATTR_PLAIN;
}

bool sl_attr_is_claimed(struct sl_str name) {
  return sl_str_starts(name, SL_STR("header.")) || sl_str_starts(name, SL_STR("query."));
}

bool sl_attr_is_secret(struct sl_str name) {
  return sl_str_eq(name, SL_STR("api_key")) || sl_str_eq(name, SL_STR("header.authorization")) ||
         sl_str_eq(name, SL_STR("header.cookie"));
}

const char *sl_attr_fingerprint(const struct sl_secret *secret, struct sl_str name,
                                struct sl_str value, char *buffer) {
  static const char hex[] = "0123456789abcdef";
  struct sl_sip sip = sl_sip_init(secret);
  // The first element keeps fingerprints apart from keys: no rule has such an id.
  sl_sip_element(&sip, SL_STR("# fingerprint"));
  sl_sip_element(&sip, name);
  sl_sip_element(&sip, value);
  const struct sl_hash hash = sl_sip_finish(sip, "", 0);
  buffer[0] = '#';
  for (unsigned i = 0; i < 16; i++) {
    buffer[1 + i] = hex[hash.lo >> (60 - 4 * i) & 15];
  }
  buffer[17] = '\0';
  return buffer;
}
