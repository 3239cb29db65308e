#include "base/hash_many.h"

static void finish_each(const struct sl_sip *prefix, const struct sl_str *texts, size_t count,
                        struct sl_hash *ret_hashes) {
  for (size_t i = 0; i < count; i++) {
    ret_hashes[i] = sl_sip_finish(*prefix, texts[i].ptr, texts[i].len);
  }
}

#if defined(__x86_64__) && defined(__GNUC__)

#  include <immintrin.h>

// One word of each of eight messages. Rotation by a constant is one instruction in AVX-512.
typedef __m512i lanes;

#  define ADD(a, b) _mm512_add_epi64(a, b)
#  define XOR(a, b) _mm512_xor_si512(a, b)
#  define ROUND(v0, v1, v2, v3)               \
    do {                                      \
      v0 = ADD(v0, v1);                       \
      v2 = ADD(v2, v3);                       \
      v1 = XOR(_mm512_rol_epi64(v1, 13), v0); \
      v3 = XOR(_mm512_rol_epi64(v3, 16), v2); \
      v0 = _mm512_rol_epi64(v0, 32);          \
      v2 = ADD(v2, v1);                       \
      v0 = ADD(v0, v3);                       \
      v1 = XOR(_mm512_rol_epi64(v1, 17), v2); \
      v3 = XOR(_mm512_rol_epi64(v3, 21), v0); \
      v2 = _mm512_rol_epi64(v2, 32);          \
    } while (0)

// The `at`-th word of each message; past the whole words, the last one with the length in its top
// byte.
static inline void gather(const struct sl_sip *prefix, const struct sl_str *texts, size_t at,
                          size_t words, uint64_t *ret_words) {
  for (int i = 0; i < SL_HASH_LANES; i++) {
    const unsigned char *bytes = (const unsigned char *)texts[i].ptr + 8 * at;
    if (at < words) {
      ret_words[i] = sl_load64(bytes);
    } else {
      ret_words[i] = (prefix->length + texts[i].len) << 56 | sl_load_tail(bytes, texts[i].len % 8);
    }
  }
}

__attribute__((target("avx512f"))) static void finish_lanes(const struct sl_sip *prefix,
                                                            const struct sl_str *texts,
                                                            size_t words,
                                                            struct sl_hash *ret_hashes) {
  _Alignas(64) uint64_t word[SL_HASH_LANES] SL_UNINITIALIZED;
  lanes v0 = _mm512_set1_epi64((long long)prefix->v0);
  lanes v1 = _mm512_set1_epi64((long long)prefix->v1);
  lanes v2 = _mm512_set1_epi64((long long)prefix->v2);
  lanes v3 = _mm512_set1_epi64((long long)prefix->v3);
  for (size_t at = 0; at <= words; at++) {
    gather(prefix, texts, at, words, word);
    lanes m = _mm512_load_si512(word);
    v3 = XOR(v3, m);
    ROUND(v0, v1, v2, v3);
    v0 = XOR(v0, m);
  }
  v2 = XOR(v2, _mm512_set1_epi64(0xee));
  ROUND(v0, v1, v2, v3);
  ROUND(v0, v1, v2, v3);
  ROUND(v0, v1, v2, v3);
  lanes lo = XOR(XOR(v0, v1), XOR(v2, v3));
  v1 = XOR(v1, _mm512_set1_epi64(0xdd));
  ROUND(v0, v1, v2, v3);
  ROUND(v0, v1, v2, v3);
  ROUND(v0, v1, v2, v3);
  lanes hi = XOR(XOR(v0, v1), XOR(v2, v3));
  // lo0 hi0 lo1 hi1 ... as struct sl_hash has them.
  const lanes first = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
  const lanes second = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  _mm512_storeu_si512(&ret_hashes[0], _mm512_permutex2var_epi64(lo, first, hi));
  _mm512_storeu_si512(&ret_hashes[4], _mm512_permutex2var_epi64(lo, second, hi));
}

static bool same_words(const struct sl_str *texts) {
  size_t differ = 0;
  for (int i = 1; i < SL_HASH_LANES; i++) {
    differ |= (texts[i].len ^ texts[0].len) / 8;
  }
  return differ == 0;
}

void sl_sip_finish_many(const struct sl_sip *prefix, const struct sl_str *texts, size_t count,
                        struct sl_hash *ret_hashes) {
  size_t done = 0;
  bool wide = __builtin_cpu_supports("avx512f");
  for (; wide && done + SL_HASH_LANES <= count; done += SL_HASH_LANES) {
    if (same_words(texts + done)) {
      finish_lanes(prefix, texts + done, texts[done].len / 8, ret_hashes + done);
    } else {
      finish_each(prefix, texts + done, SL_HASH_LANES, ret_hashes + done);
    }
  }
  finish_each(prefix, texts + done, count - done, ret_hashes + done);
}

#else

void sl_sip_finish_many(const struct sl_sip *prefix, const struct sl_str *texts, size_t count,
                        struct sl_hash *ret_hashes) {
  finish_each(prefix, texts, count, ret_hashes);
}

#endif
