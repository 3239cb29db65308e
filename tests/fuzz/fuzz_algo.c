// Every limit against its exact model, driven by the fuzzer's bytes: the first byte names the
// algorithm, the next ones give its numbers, the rest are steps of time, op and cost. Whatever the
// bytes say, the code must say what the model says.
#include "algo/self_pay.h"
#include "algo/smooth.h"
#include "prop/check.h"
#include "prop/model_balance.h"
#include "prop/model_guava.h"
#include "support/fuzz.h"

struct input {
  const uint8_t *at;
  size_t left;
};

static uint8_t next_byte(struct input *in) {
  if (in->left == 0) {
    return 0;
  }
  in->left--;
  return *in->at++;
}

// A number from 0 to most: a byte below 240 is itself, others announce 1 to 8 bytes, or a number
// near most.
static uint64_t next_number(struct input *in, uint64_t most) {
  uint8_t tag = next_byte(in);
  uint64_t number = tag;
  if (tag >= 248) {
    number = most - (tag - 248);
  } else if (tag >= 240) {
    number = 0;
    for (unsigned i = 0; i <= tag - 240u; i++) {
      number = number << 8 | next_byte(in);
    }
  }
  return most == UINT64_MAX ? number : number % (most + 1);
}

// Any law that breaks ends the process: that is how the fuzzer hears of it.
static void must(bool holds) {
  if (!holds) {
    fflush(stdout);
    abort();
  }
}

// ---- the limits of rules
// ---------------------------------------------------------------------------------

static void draw(struct input *in, struct sl_limit_spec *spec) {
  static const enum sl_algorithm all[] = {SL_TOKEN_BUCKET, SL_LEAKY_BUCKET,   SL_FIXED_WINDOW,
                                          SL_SLIDING_LOG,  SL_SLIDING_WINDOW, SL_CONCURRENCY};
  *spec = sl_limit_spec_default(all[next_byte(in) % SL_ARRAY_LEN(all)]);
  uint8_t flags = next_byte(in);
  bool many = spec->algorithm == SL_SLIDING_LOG;
  spec->count = next_number(in, many ? SL_LOG_COUNT_MAX : SL_COUNT_MAX);
  spec->period_ns = SL_PERIOD_MIN_NS + next_number(in, SL_PERIOD_MAX_NS - SL_PERIOD_MIN_NS);
  if ((flags & 1) != 0) {
    spec->max_wait_ns = next_number(in, SL_PERIOD_MAX_NS);
  }
  switch (spec->algorithm) {
  case SL_TOKEN_BUCKET:
    spec->has_burst = (flags & 2) != 0;
    spec->any_window = (flags & 4) != 0;
    spec->burst = next_number(in, SL_COUNT_MAX);
    spec->jitter_ns = spec->any_window ? next_number(in, SL_PERIOD_MAX_NS) : 0;
    break;
  case SL_LEAKY_BUCKET:
    spec->queue = next_number(in, SL_COUNT_MAX - 1);
    break;
  case SL_SLIDING_LOG:
    spec->count_refused = (flags & 2) != 0;
    break;
  case SL_SLIDING_WINDOW:
    spec->sub_windows = next_number(in, SL_SUB_WINDOWS_MAX);
    spec->period_ns -= spec->sub_windows > 0 ? spec->period_ns % spec->sub_windows : 0;
    break;
  case SL_CONCURRENCY:
    spec->slots = next_number(in, SL_LOG_COUNT_MAX);
    spec->lease_ns = spec->period_ns;
    break;
  default:
    break;
  }
}

static uint64_t next_step_ns(struct input *in, const struct checker *c) {
  uint8_t kind = next_byte(in);
  switch (kind % 8) {
  case 0:
    return next_number(in, SL_TIME_MAX_NS);
  case 1:
    return c->last.retry_after_ns;
  case 2:
    return c->last.reset_after_ns;
  case 3:
    return sl_sub_floor_u64(c->last.retry_after_ns, 1);
  case 4:
    return sl_sub_floor_u64(c->last.reset_after_ns, 1);
  case 5:
    return c->model.period_ns - c->now_ns % c->model.period_ns;
  default:
    return kind / 8;
  }
}

static uint64_t next_cost(struct input *in, const struct checker *c) {
  uint8_t kind = next_byte(in);
  switch (kind % 8) {
  case 0:
    return next_number(in, INT64_MAX);
  case 1:
    return c->last.remaining;
  case 2:
    return c->last.remaining + 1;
  case 3:
    return c->limit.size;
  case 4:
    return c->limit.size + 1;
  default:
    return kind / 8;
  }
}

static bool step(struct input *in, struct checker *c) {
  uint8_t op = next_byte(in);
  uint64_t cost = next_cost(in, c);
  switch (op % 16) {
  case 0:
    return check_peek(c, cost);
  case 1:
    return check_fresh(c);
  case 2:
    if (op < 128) {
      check_move(c, op);
    } else {
      check_rebuild(c);
    }
    return true;
  case 3:
  case 4:
    return check_charge(c, cost);
  case 5:
  case 6:
    return check_slot(c, cost, op >= 128);
  default:
    return check_allow(c, cost);
  }
}

static void fuzz_limit(struct input *in, struct prop *p) {
  static struct checker c;
  struct sl_limit_spec spec;
  draw(in, &spec);
  if (!check_start(&c, p, &spec, next_number(in, SL_TIME_MAX_NS - 1))) {
    return;
  }
  while (in->left > 0 && check_advance(&c, next_step_ns(in, &c))) {
    p->step++;
    must(step(in, &c));
  }
  check_stop(&c);
}

// ---- the waiting limiters
// --------------------------------------------------------------------------------------

static struct sl_pace next_pace(struct input *in) {
  struct sl_pace pace = {.count = 1 + next_number(in, (UINT64_C(1) << 30) - 1),
                         .period_ns = next_number(in, SL_PERIOD_MAX_NS)};
  return pace.period_ns == 0 ? SL_PACE_INFINITE : pace;
}

static uint64_t next_permits(struct input *in) { return next_number(in, (UINT64_C(1) << 31) - 1); }

static void fuzz_self_pay(struct input *in) {
  struct sl_self_pay limiter;
  struct sl_self_pay_receipt receipt = {0};
  struct balance balance;
  struct sl_pace pace = next_pace(in);
  uint64_t burst_ns = next_number(in, SL_PERIOD_MAX_NS);
  uint64_t now_ns = next_number(in, SL_TIME_MAX_NS / 2);
  uint64_t wait_ns;
  must(sl_self_pay_init(&limiter, pace, burst_ns, now_ns) == SL_OK);
  balance_init(&balance, pace, burst_ns, now_ns);
  while (in->left > 0 && balance.latest_ns < SL_TIME_MAX_NS + SL_TIME_MAX_NS / 2) {
    uint64_t passes = next_number(in, 366 * SL_NS_PER_D);
    if (now_ns + passes >= SL_TIME_MAX_NS) {
      break;
    }
    now_ns += passes;
    balance_pass(&balance, passes);
    uint8_t op = next_byte(in) % 8;
    if (op == 0) {
      pace = next_pace(in);
      balance_set_rate(&balance, pace);
      must(sl_self_pay_set_rate(&limiter, now_ns, pace) == SL_OK);
    } else if (op == 1) {
      (void)sl_self_pay_cancel(&limiter, now_ns, &receipt);
      receipt = (struct sl_self_pay_receipt){0};
      sl_u128 covered = (sl_u128)(now_ns + burst_ns) * pace.count;
      must((sl_i128)covered - (sl_i128)limiter.full >= balance.permits);
      balance.permits = (sl_i128)covered - (sl_i128)limiter.full;
      balance_cap(&balance);
    } else {
      uint64_t permits = next_permits(in);
      uint64_t timeout_ns = op < 4 ? next_number(in, 10 * SL_NS_PER_S) : UINT64_MAX;
      uint64_t want = balance_wait(&balance, permits);
      must(want > SL_TIME_MAX_NS || sl_self_pay_try(&limiter, now_ns, permits, timeout_ns, &wait_ns,
                                                    &receipt) == (want <= timeout_ns));
      if (want > SL_TIME_MAX_NS) {
        break;
      }
      must(wait_ns == want);
      if (want <= timeout_ns) {
        balance_take(&balance, now_ns, permits);
      }
    }
  }
}

static void fuzz_smooth(struct input *in, bool warming_up) {
  struct sl_smooth smooth;
  struct sl_pace pace = next_pace(in);
  uint64_t span_ns = next_number(in, SL_NS_PER_D);
  uint64_t start_ns = next_number(in, SL_TIME_MAX_NS / 2);
  uint64_t now_ns = start_ns;
  uint32_t den = 1 + next_byte(in) % 20;
  uint32_t num = den + next_byte(in);
  struct guava guava = {.warming_up = warming_up,
                        .burst_seconds = (long double)span_ns / 1e9L,
                        .warmup = (long double)span_ns,
                        .cold_factor = (long double)num / den};
  must((warming_up ? sl_smooth_warming_up_init(&smooth, pace, span_ns, num, den, now_ns)
                   : sl_smooth_bursty_init(&smooth, pace, span_ns, now_ns)) == SL_OK);
  guava_set_rate(&guava, pace, true);
  while (in->left > 0 && guava.next_free < 1e18L) {
    uint64_t passes = next_number(in, 366 * SL_NS_PER_D);
    if (now_ns + passes >= SL_TIME_MAX_NS) {
      break;
    }
    now_ns += passes;
    long double want = guava_wait(&guava, (long double)(now_ns - start_ns));
    if (next_byte(in) % 8 == 0) {
      pace = next_pace(in);
      guava_set_rate(&guava, pace, false);
      must(sl_smooth_set_rate(&smooth, now_ns, pace) == SL_OK);
    } else {
      uint64_t permits = next_permits(in);
      must(guava_agrees(&guava, want, sl_smooth_reserve(&smooth, now_ns, permits)));
      guava_take(&guava, permits);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct input in = {.at = data, .left = size};
  struct prop p = {.laws = check_laws, .law_count = LAW_COUNT};
  switch (next_byte(&in) % 8) {
  case 0:
    fuzz_self_pay(&in);
    break;
  case 1:
    fuzz_smooth(&in, false);
    break;
  case 2:
    fuzz_smooth(&in, true);
    break;
  default:
    fuzz_limit(&in, &p);
  }
  return 0;
}
