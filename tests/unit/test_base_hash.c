// SipHash against its published vectors, and the fast form of the bucket keys against the plain
// one.
#include "base/hash.h"
#include "base/prng.h"
#include "support/tap.h"

// Key 00 01 ... 0f, message 00 01 ... (len - 1): appendix A of the paper (the 64-bit result of
// length 15) and the vectors of the authors' reference code, as its bytes stand there.
struct vector {
  size_t len;
  const char *hex;
};

static const struct vector narrow_24[] = {
    {0, "310e0edd47db6f72"},  {1, "fd67dc93c539f874"},  {2, "5a4fa9d909806c0d"},
    {3, "2d7efbd796666785"},  {4, "b7877127e09427cf"},  {5, "8da699cd64557618"},
    {6, "cee3fe586e46c9cb"},  {7, "37d1018bf50002ab"},  {8, "6224939a79f5f593"},
    {9, "b0e4a90bdf82009e"},  {14, "eef27a8e90ca23f7"}, {15, "e545be4961ca29a1"},
    {16, "db9bc2577fcc2a3f"}, {29, "716595876650a2a6"}, {31, "42c341d8fa92d832"},
    {32, "ce7cf2722f512771"}, {33, "e37859f94623f3a7"}, {63, "724506eb4c328a95"},
};

static const struct vector wide_24[] = {
    {0, "a3817f04ba25a8e66df67214c7550293"},  {1, "da87c1d86b99af44347659119b22fc45"},
    {2, "8177228da4a45dc7fca38bdef60affe4"},  {3, "9c70b60c5267a94e5f33b6b02985ed51"},
    {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},  {8, "3b62a9ba6258f5610f83e264f31497b4"},
    {9, "264499060ad9baabc47f8b02bb6d71ed"},  {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
    {16, "6ee2a4ca67b054bbfd3315bf85230577"}, {31, "2939b0183223fafc1723de4f52c43d35"},
    {32, "7c3956ca5eeafc3e363e9d556546eb68"}, {63, "5150d1772f50834a503e069a973fbd7c"},
};

static const struct sl_secret counting = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};

static unsigned nibble(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); }

static uint64_t word_of(const char **hex) {
  uint64_t word = 0;
  for (int i = 0; i < 8; i++) {
    unsigned byte = 0;
    for (int half = 0; half < 2;) {
      if (**hex != ' ') {
        byte = byte << 4 | nibble(**hex);
        half++;
      }
      (*hex)++;
    }
    word |= (uint64_t)byte << (8 * i);
  }
  return word;
}

static void published(const struct vector *vectors, size_t count, bool wide) {
  unsigned char message[64];
  for (unsigned i = 0; i < 64; i++) {
    message[i] = (unsigned char)i;
  }
  for (size_t i = 0; i < count; i++) {
    const char *hex = vectors[i].hex;
    uint64_t lo = word_of(&hex);
    uint64_t hi = wide ? word_of(&hex) : 0;
    struct sl_hash got = sl_siphash(&counting, 2, 4, wide, message, vectors[i].len);
    ok(got.lo == lo && got.hi == hi, "SipHash-2-4 of %zu bytes, %d bits", vectors[i].len,
       wide ? 128 : 64);
  }
}

// Every length and alignment, random secrets: the unrolled form says what the plain one says.
static void fast_form(uint64_t seed) {
  struct sl_prng prng;
  sl_prng_seed(&prng, seed);
  unsigned char bytes[160];
  bool same = true;
  bool prefixed = true;
  for (int round = 0; round < 2000; round++) {
    struct sl_secret secret = {{sl_prng_next(&prng), sl_prng_next(&prng)}};
    for (size_t i = 0; i < sizeof bytes; i++) {
      bytes[i] = (unsigned char)sl_prng_next(&prng);
    }
    size_t at = sl_prng_below(&prng, 16);
    size_t len = sl_prng_below(&prng, sizeof bytes - 16);
    struct sl_hash want = sl_siphash(&secret, 1, 3, true, bytes + at, len);
    struct sl_hash got = sl_hash_bytes(&secret, bytes + at, len);
    same = same && got.lo == want.lo && got.hi == want.hi;
    // A prefix of whole words absorbed once, the rest later.
    struct sl_sip sip = sl_sip_init(&secret);
    size_t words = sl_prng_below(&prng, len / 8 + 1);
    for (size_t i = 0; i < words; i++) {
      sl_sip_word(&sip, sl_load64(bytes + at + 8 * i));
      sip.length += 8;
    }
    got = sl_sip_finish(sip, bytes + at + 8 * words, len - 8 * words);
    prefixed = prefixed && got.lo == want.lo && got.hi == want.hi;
  }
  ok(same, "the fast form equals SipHash-1-3 in 128 bits");
  ok(prefixed, "a prefix may be absorbed before");
}

static struct sl_hash hash_of(const struct sl_str *texts, size_t count) {
  struct sl_sip sip = sl_sip_init(&counting);
  for (size_t i = 0; i < count; i++) {
    sl_sip_element(&sip, texts[i]);
  }
  return sl_sip_finish(sip, NULL, 0);
}

static bool same_hash(struct sl_hash a, struct sl_hash b) { return a.lo == b.lo && a.hi == b.hi; }

// What an unprefixed encoding would confuse. Lists are of one or two elements.
static void elements(void) {
  const struct sl_str absent = {.ptr = NULL, .len = SIZE_MAX};
  const struct sl_str lists[][2] = {
      {SL_STR("ab"), SL_STR("c")},
      {SL_STR("a"), SL_STR("bc")},
      {SL_STR("abc"), SL_STR("")},
      {SL_STR(""), SL_STR("abc")},
      {SL_STR("abc"), absent},
      {absent, SL_STR("abc")},
      {absent, SL_STR("")},
      {SL_STR(""), SL_STR("")},
      {absent, absent},
      {SL_STR("a\0"), SL_STR("b")},
      {SL_STR("a"), SL_STR("\0b")},
      {SL_STR("12345678"), SL_STR("")},
      {SL_STR("1234567"), SL_STR("8")},
      {SL_STR("12345678\3\0\0\0\0\0\0\0abc"), SL_STR("")},
      {SL_STR("12345678"), SL_STR("abc")},
      {SL_STR("12345678\0"), SL_STR("")},
  };
  bool distinct = true;
  for (size_t i = 0; i < SL_ARRAY_LEN(lists); i++) {
    for (size_t j = 0; j < i; j++) {
      distinct = distinct && !same_hash(hash_of(lists[i], 2), hash_of(lists[j], 2));
    }
    distinct = distinct && !same_hash(hash_of(lists[i], 2), hash_of(lists[i], 1));
  }
  ok(distinct, "semantics_14: lists of elements that concatenate alike have different hashes");
}

// The encoding is injective: two random lists over a small alphabet hash alike only when they are
// alike. (The hash of 128 bits makes a chance coincidence impossible in practice.)
static void injective(uint64_t seed) {
  enum { LISTS = 4096 };
  static struct {
    char text[4][12];
    struct sl_str element[4];
    size_t count;
    struct sl_hash hash;
  } list[LISTS];
  struct sl_prng prng;
  sl_prng_seed(&prng, seed);
  for (int i = 0; i < LISTS; i++) {
    list[i].count = 1 + sl_prng_below(&prng, 4);
    for (size_t e = 0; e < list[i].count; e++) {
      size_t len = sl_prng_below(&prng, 12);
      for (size_t c = 0; c < len; c++) {
        list[i].text[e][c] = (char)sl_prng_below(&prng, 2);
      }
      list[i].element[e] = sl_prng_below(&prng, 8) == 0
                               ? (struct sl_str){.ptr = NULL, .len = SIZE_MAX}
                               : (struct sl_str){.ptr = list[i].text[e], .len = len};
    }
    list[i].hash = hash_of(list[i].element, list[i].count);
  }
  unsigned wrong = 0;
  for (int i = 0; i < LISTS; i++) {
    for (int j = 0; j < i; j++) {
      bool alike = list[i].count == list[j].count;
      for (size_t e = 0; alike && e < list[i].count; e++) {
        struct sl_str a = list[i].element[e];
        struct sl_str b = list[j].element[e];
        alike = (a.ptr == NULL) == (b.ptr == NULL) && (a.ptr == NULL || sl_str_eq(a, b));
      }
      wrong += same_hash(list[i].hash, list[j].hash) != alike;
    }
  }
  is_u64(wrong, 0, "8 million pairs of lists: equal hashes mean equal lists");
}

static void tails(void) {
  unsigned char bytes[7] = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7};
  bool right = true;
  for (size_t len = 0; len <= 7; len++) {
    uint64_t want = 0;
    for (size_t i = 0; i < len; i++) {
      want |= (uint64_t)bytes[i] << (8 * i);
    }
    right = right && sl_load_tail(bytes, len) == want;
  }
  ok(right, "tails of 0 to 7 bytes are little-endian words");
}

int main(int argc, char **argv) {
  struct tap_args args = tap_parse(argc, argv, 0);
  published(narrow_24, SL_ARRAY_LEN(narrow_24), false);
  published(wide_24, SL_ARRAY_LEN(wide_24), true);
  tails();
  fast_form(args.seed);
  elements();
  injective(args.seed + 1);
  return done_testing();
}
