// Arithmetic at the edges, the random numbers, and the texts of statuses.
#include "base/arith.h"

#include "base/prng.h"
#include "base/status.h"
#include "support/tap.h"

static void edges(void) {
  is_u64(sl_min_u64(3, 4), 3, "the lesser");
  is_u64(sl_max_u64(3, UINT64_MAX), UINT64_MAX, "the greater");
  is_u64(sl_add_sat_u64(UINT64_MAX - 1, 1), UINT64_MAX, "a sum that just fits");
  is_u64(sl_add_sat_u64(UINT64_MAX, 1), UINT64_MAX, "a sum that does not");
  is_u64(sl_mul_sat_u64(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1), UINT64_MAX - UINT32_MAX,
         "a product that just fits");
  is_u64(sl_mul_sat_u64(UINT64_C(1) << 32, UINT64_C(1) << 32), UINT64_MAX, "one that does not");
  is_u64(sl_sub_floor_u64(5, 7), 0, "a difference below 0");
  is_u64(sl_sub_floor_u64(7, 5), 2, "a difference");
  is_u64(sl_ceil_div_u64(UINT64_MAX, 2), UINT64_C(1) << 63, "a quotient rounded up, no overflow");
  is_u64(sl_ceil_div_u64(0, 9), 0, "nothing, divided");
  is_u64(sl_ceil_div_u64(9, 9), 1, "an exact quotient");
  sl_u128 wide = (sl_u128)UINT64_MAX * UINT64_MAX;
  ok(sl_ceil_div_u128(wide + 1, UINT64_MAX) == (sl_u128)UINT64_MAX + 1, "a wide quotient");
  is_u64(sl_sat_u128((sl_u128)UINT64_MAX + 1), UINT64_MAX, "a wide value cut to 64 bits");
  is_u64(sl_sat_u128(17), 17, "a wide value that fits");
  is_u64(sl_gcd_u64(0, 0), 0, "the divisor of nothing");
  is_u64(sl_gcd_u64(0, 12), 12, "a divisor with nothing");
  is_u64(sl_gcd_u64(84, 36), 12, "a common divisor");
  is_u64(sl_gcd_u64(UINT64_C(1) << 63, UINT64_C(3) << 40), UINT64_C(1) << 40, "a large one");
}

// The first outputs for a state of 1, 2, 3, 4, as the published definition gives them.
static void generator(void) {
  struct sl_prng prng = {{1, 2, 3, 4}};
  is_u64(sl_prng_next(&prng), 11520, "xoshiro256**: the first output");
  is_u64(sl_prng_next(&prng), 0, "the second");
  is_u64(sl_prng_next(&prng), 1509978240, "the third");
  is_u64(sl_prng_next(&prng), 1215971899390074240u, "the fourth");
  uint64_t state = 1234567;
  is_u64(sl_splitmix64(&state), 6457827717110365317u, "splitmix64: the first output");
  is_u64(sl_splitmix64(&state), 3203168211198807973u, "the second");
}

static void bounds(uint64_t seed) {
  struct sl_prng prng, again;
  sl_prng_seed(&prng, seed);
  sl_prng_seed(&again, seed);
  bool same = true;
  bool inside = true;
  unsigned seen[7] = {0};
  for (int i = 0; i < 70000; i++) {
    uint64_t value = sl_prng_below(&prng, 7);
    same = same && value == sl_prng_below(&again, 7);
    inside = inside && value < 7;
    seen[value % 7]++;
  }
  ok(same, "a seed gives the same numbers again");
  ok(inside, "below a bound means below it");
  bool even = true;
  for (int i = 0; i < 7; i++) {
    even = even && seen[i] > 9000 && seen[i] < 11000;
  }
  ok(even, "every number comes about as often");
  is_u64(sl_prng_below(&prng, 1), 0, "below 1 is 0");
  ok(sl_prng_below(&prng, UINT64_MAX) < UINT64_MAX, "the largest bound");
}

static void statuses(void) {
  static const enum sl_status all[] = {
      SL_OK,       SL_ERR_ARGUMENT, SL_ERR_RANGE, SL_ERR_SYNTAX, SL_ERR_INVALID,    SL_ERR_UNKNOWN,
      SL_ERR_COST, SL_ERR_MEMORY,   SL_ERR_FULL,  SL_ERR_IO,     SL_ERR_UNSUPPORTED};
  const char *unknown = sl_status_text((enum sl_status)999);
  ok(unknown != NULL && *unknown != '\0', "a status that does not exist has a text too");
  bool distinct = true;
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    const char *text = sl_status_text(all[i]);
    size_t len = strlen(text);
    ok(len > 0 && text[len - 1] != '.' && strcmp(text, unknown) != 0, "a text: %s", text);
    for (size_t j = 0; j < i; j++) {
      distinct = distinct && strcmp(text, sl_status_text(all[j])) != 0;
    }
  }
  ok(distinct, "no two statuses share a text");
}

static void views(void) {
  ok(sl_str_eq(sl_str_of("abc"), SL_STR("abc")), "equal views");
  ok(!sl_str_eq(SL_STR("abc"), SL_STR("abd")), "views that differ");
  ok(sl_str_eq((struct sl_str){.ptr = NULL, .len = 0}, SL_STR("")), "empty views are equal");
  ok(sl_str_cmp(SL_STR("ab"), SL_STR("abc")) < 0, "a prefix comes first");
  ok(sl_str_cmp(SL_STR("b"), SL_STR("abc")) > 0, "bytes decide before length");
  ok(sl_str_cmp(SL_STR("\x80"), SL_STR("a")) > 0, "bytes are unsigned");
  ok(sl_str_cmp(SL_STR(""), (struct sl_str){.ptr = NULL, .len = 0}) == 0, "nothing equals nothing");
}

int main(int argc, char **argv) {
  struct tap_args args = tap_parse(argc, argv, 0);
  edges();
  generator();
  bounds(args.seed);
  statuses();
  views();
  return done_testing();
}
