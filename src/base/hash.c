#include "base/hash.h"

void sl_sip_element(struct sl_sip *s, struct sl_str text) {
  sl_sip_word(s, (uint64_t)text.len);
  s->length += 8;
  if (text.ptr == NULL) {
    return;
  }
  const unsigned char *p = (const unsigned char *)text.ptr;
  size_t left = text.len;
  for (; left >= 8; left -= 8, p += 8) {
    sl_sip_word(s, sl_load64(p));
    s->length += 8;
  }
  if (left > 0) {
    sl_sip_word(s, sl_load_tail(p, left));
    s->length += 8;
  }
}

static void rounds(struct sl_sip *s, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    sl_sip_round(s);
  }
}

struct sl_hash sl_siphash(const struct sl_secret *secret, unsigned c, unsigned d, bool wide,
                          const void *bytes, size_t len) {
  struct sl_sip s = sl_sip_init(secret);
  if (!wide) {
    s.v1 ^= 0xee;
  }
  const unsigned char *p = bytes;
  uint64_t last = (uint64_t)len << 56;
  for (size_t left = len; left + 8 > 7; left -= 8, p += 8) {
    uint64_t word = left >= 8 ? sl_load64(p) : last | sl_load_tail(p, left);
    s.v3 ^= word;
    rounds(&s, c);
    s.v0 ^= word;
    if (left < 8) {
      break;
    }
  }
  struct sl_hash hash = {0};
  s.v2 ^= wide ? 0xee : 0xff;
  rounds(&s, d);
  hash.lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  if (wide) {
    s.v1 ^= 0xdd;
    rounds(&s, d);
    hash.hi = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  }
  return hash;
}
