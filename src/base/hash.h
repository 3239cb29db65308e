// hash.h - SipHash-1-3 with a 128-bit result, keyed; and the published variants for its tests.
//
// Keys of buckets come from strangers, so they are hashed with a keyed function whose outputs
// cannot be steered without the secret (SEMANTICS 14). SipHash: Aumasson and Bernstein, "SipHash: a
// fast short-input PRF", 2012; the 128-bit form and its vectors are those of the authors' reference
// code. One compression and three finalisation rounds, as in the hash tables of Rust, Ruby and
// Python: the attacker never sees an output, only which bucket it hit.
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include "base/base.h"

struct sl_secret {
  uint64_t word[2];
};

struct sl_hash {
  uint64_t lo, hi;
};

// The four words of SipHash after some whole 8-byte words were absorbed; a plain value, so a prefix
// (a rule's identity) is absorbed once and continued for each key.
struct sl_sip {
  uint64_t v0, v1, v2, v3;
  uint64_t length;  // bytes absorbed so far, a multiple of 8
};

static inline uint64_t sl_rotl64(uint64_t x, unsigned bits) {
  return (x << bits) | (x >> (64 - bits));
}

static inline SL_ALWAYS_INLINE void sl_sip_round(struct sl_sip *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = sl_rotl64(s->v1, 13) ^ s->v0;
  s->v3 = sl_rotl64(s->v3, 16) ^ s->v2;
  s->v0 = sl_rotl64(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = sl_rotl64(s->v1, 17) ^ s->v2;
  s->v3 = sl_rotl64(s->v3, 21) ^ s->v0;
  s->v2 = sl_rotl64(s->v2, 32);
}

static inline struct sl_sip sl_sip_init(const struct sl_secret *secret) {
  return (struct sl_sip){
      .v0 = secret->word[0] ^ 0x736f6d6570736575u,
      .v1 = secret->word[1] ^ 0x646f72616e646f6du ^ 0xee,  // 0xee: the 128-bit variant
      .v2 = secret->word[0] ^ 0x6c7967656e657261u,
      .v3 = secret->word[1] ^ 0x7465646279746573u,
  };
}

static inline SL_ALWAYS_INLINE void sl_sip_word(struct sl_sip *s, uint64_t word) {
  s->v3 ^= word;
  sl_sip_round(s);
  s->v0 ^= word;
}

static inline uint64_t sl_load64(const void *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// The last 0 to 7 bytes of a message, little-endian, without reading past them.
static inline uint64_t sl_load_tail(const unsigned char *bytes, size_t len) {
  if (len >= 4) {
    uint32_t low, high;
    memcpy(&low, bytes, 4);
    memcpy(&high, bytes + len - 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    low = __builtin_bswap32(low);
    high = __builtin_bswap32(high);
#endif
    return low | ((uint64_t)high << (8 * (len - 4)));
  }
  uint64_t word = 0;
  if (len > 0) {
    word = bytes[0];
    word |= (uint64_t)bytes[len / 2] << (8 * (len / 2));
    word |= (uint64_t)bytes[len - 1] << (8 * (len - 1));
  }
  return word;
}

// Absorbs the rest of the message and finishes. The state is taken by value: the prefix stays
// usable.
static inline SL_ALWAYS_INLINE struct sl_hash sl_sip_finish(struct sl_sip s, const void *bytes,
                                                            size_t len) {
  const unsigned char *p = bytes;
  uint64_t last = (s.length + len) << 56;
  for (; len >= 8; len -= 8, p += 8) {
    sl_sip_word(&s, sl_load64(p));
  }
  sl_sip_word(&s, last | sl_load_tail(p, len));
  struct sl_hash hash;
  s.v2 ^= 0xee;
  sl_sip_round(&s);
  sl_sip_round(&s);
  sl_sip_round(&s);
  hash.lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  s.v1 ^= 0xdd;
  sl_sip_round(&s);
  sl_sip_round(&s);
  sl_sip_round(&s);
  hash.hi = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  return hash;
}

// Absorbs `text` as one element of an injective encoding: its length as a word, then its bytes
// padded to whole words. `absent` elements (text.ptr == NULL and text.len == SIZE_MAX) have a
// length no text has.
void sl_sip_element(struct sl_sip *s, struct sl_str text);

static inline struct sl_hash sl_hash_bytes(const struct sl_secret *secret, const void *bytes,
                                           size_t len) {
  return sl_sip_finish(sl_sip_init(secret), bytes, len);
}

// Any SipHash-c-d over the whole message; `wide` selects 128 bits, else hi is 0 and lo the 64-bit
// result. Serves the published vectors (2-4), names in a shared store, and checks of the fast form.
struct sl_hash sl_siphash(const struct sl_secret *secret, unsigned c, unsigned d, bool wide,
                          const void *bytes, size_t len);

#endif
