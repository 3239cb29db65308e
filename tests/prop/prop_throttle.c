// The quota of CL.THROTTLE against the same law in wide arithmetic: any parameters, extreme ones
// often, never an overflow, never above the rate.
#include "base/prng.h"
#include "engine/throttle.h"
#include "support/tap.h"

__extension__ typedef __int128 wide;

// Often small, often at an edge, else anything.
static int64_t any_i64(struct sl_prng *prng) {
  static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -2,       -1, 0, 1,
                                  2,         INT64_MAX - 1, INT64_MAX};
  switch (sl_prng_below(prng, 4)) {
  case 0:
    return edges[sl_prng_below(prng, SL_ARRAY_LEN(edges))];
  case 1:
    return (int64_t)(sl_prng_next(prng) >> sl_prng_below(prng, 64));
  default:
    return (int64_t)sl_prng_below(prng, 100);
  }
}

static wide ceil_div(wide a, wide b) { return (a + b - 1) / b; }

#define ROOM ((((wide)1) << 62) - 1)

// What the law says, in numbers that hold it.
struct law {
  bool zero, negative;
  wide interval, size, limit;
};

static struct law law_of(int64_t max_burst, int64_t count, int64_t period_s) {
  struct law law = {.negative = count < 0 || period_s < 0};
  if (law.negative) {
    return law;
  }
  wide period_ns = (wide)period_s * 1000000000;
  law.zero = count == 0 || period_ns < count;
  if (!law.zero) {
    law.interval = ceil_div(period_ns, count);
    law.interval = law.interval > ROOM ? ROOM : law.interval;
    law.limit = (wide)max_burst + 1 > INT64_MAX ? INT64_MAX : (wide)max_burst + 1;
    wide most = ROOM / law.interval;
    law.size = law.limit < 0 ? 0 : law.limit > most ? most : law.limit;
  }
  return law;
}

static bool makes_the_same(const struct law *law, enum sl_status status,
                           const struct sl_quota *quota) {
  if (law->negative || law->zero) {
    return status == (law->negative ? SL_ERR_RANGE : SL_ERR_INVALID);
  }
  return status == SL_OK && (wide)quota->interval_ns == law->interval &&
         (wide)quota->size == law->size && quota->limit == (int64_t)law->limit;
}

static bool decides_the_same(const struct law *law, const struct sl_quota *quota, uint64_t stamp,
                             uint64_t now_ns, uint64_t cost, uint64_t *ret_stamp,
                             struct sl_throttled *ret_throttled) {
  struct sl_throttled got;
  uint64_t after_stamp;
  sl_quota_decide(quota, stamp, now_ns, cost, &after_stamp, &got);
  wide debt = stamp > now_ns ? (wide)stamp - now_ns : 0;
  wide room = law->size * law->interval;
  wide after = debt + (wide)cost * law->interval;
  bool never = (wide)cost > law->size || law->limit < 0;
  bool limited = never || after > room;
  wide left = limited ? debt : after;
  wide remaining = left < room ? (room - left) / law->interval : 0;
  if (!limited && cost > 0) {
    *ret_stamp = after_stamp;
  }
  *ret_throttled = got;
  return got.limited == limited && got.never == never && (wide)got.remaining == remaining &&
         (wide)got.reset_after_ns == left && (wide)after_stamp == (wide)now_ns + left &&
         (!limited || never || (wide)got.retry_after_ns == after - room);
}

// Often what is just left, or one more.
static uint64_t any_cost(struct sl_prng *prng, const struct sl_throttled *said) {
  switch (sl_prng_below(prng, 4)) {
  case 0:
    return said->remaining;
  case 1:
    return said->remaining + 1;
  default:
    return (uint64_t)any_i64(prng) & INT64_MAX;
  }
}

// Often just what the last answer told to wait, or a nanosecond less.
static uint64_t any_step(struct sl_prng *prng, const struct sl_throttled *said) {
  switch (sl_prng_below(prng, 4)) {
  case 0:
    return said->retry_after_ns;
  case 1:
    return said->retry_after_ns > 0 ? said->retry_after_ns - 1 : 0;
  case 2:
    return said->reset_after_ns;
  default:
    return sl_prng_next(prng) >> (2 + sl_prng_below(prng, 62));
  }
}

// One bucket under one quota for some calls: the law each time, and over the whole run no more than
// burst + rate x time.
static bool run_bucket(struct sl_prng *prng, uint64_t *steps) {
  const int64_t max_burst = any_i64(prng), count = any_i64(prng), period_s = any_i64(prng);
  struct law law = law_of(max_burst, count, period_s);
  struct sl_quota quota = {.limit = 0};
  enum sl_status status = sl_quota_make(max_burst, count, period_s, &quota);
  (*steps)++;
  if (!makes_the_same(&law, status, &quota)) {
    diag("quota %lld %lld %lld: status %d", (long long)max_burst, (long long)count,
         (long long)period_s, (int)status);
    return false;
  }
  if (status != SL_OK) {
    return true;
  }
  uint64_t now_ns = sl_prng_below(prng, UINT64_C(1) << 61), start_ns = now_ns;
  uint64_t stamp = sl_prng_below(prng, 4) == 0 ? sl_prng_next(prng) >> 1 : 0;
  const bool fresh = stamp == 0;
  struct sl_throttled said = {.remaining = 1};
  wide taken = 0;
  for (int i = 0; i < 32; i++, (*steps)++) {
    uint64_t cost = any_cost(prng, &said);
    uint64_t before = stamp;
    if (!decides_the_same(&law, &quota, stamp, now_ns, cost, &stamp, &said)) {
      diag("quota %lld %lld %lld, stamp %llu, now %llu, cost %llu", (long long)max_burst,
           (long long)count, (long long)period_s, (unsigned long long)stamp,
           (unsigned long long)now_ns, (unsigned long long)cost);
      return false;
    }
    taken += stamp != before ? (wide)cost : 0;
    // No more than the burst and what the time since gives: an interval is at least period / count.
    if (fresh && (taken - law.size) * law.interval > (wide)now_ns - start_ns) {
      diag("more than the rate: quota %lld %lld %lld", (long long)max_burst, (long long)count,
           (long long)period_s);
      return false;
    }
    uint64_t step = any_step(prng, &said);
    now_ns = now_ns + step < (UINT64_C(1) << 62) ? now_ns + step : now_ns;
  }
  return true;
}

int main(int argc, char **argv) {
  struct tap_args args = tap_parse(argc, argv, 1000000);
  struct sl_prng prng;
  sl_prng_seed(&prng, args.seed);
  bool holds = true;
  for (uint64_t steps = 0; steps < args.steps && holds;) {
    holds = run_bucket(&prng, &steps);
  }
  ok(holds, "quotas and decisions are those of wide arithmetic, and keep to the rate");
  return done_testing();
}
