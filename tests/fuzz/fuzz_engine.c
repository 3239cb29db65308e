// The engine against its model, driven by bytes: the first ones make limits, each further operation
// takes an opcode and what it needs. A disagreement prints what was expected and aborts.
#include "support/engine_world.h"
#include "support/fuzz.h"

struct bytes {
  const uint8_t *at;
  size_t left;
};

static uint64_t number(struct bytes *in, size_t len) {
  uint64_t value = 0;
  len = len < in->left ? len : in->left;
  for (size_t i = 0; i < len; i++) {
    value |= (uint64_t)in->at[i] << (8 * i);
  }
  in->at += len;
  in->left -= len;
  return value;
}

static uint64_t byte(struct bytes *in) { return number(in, 1); }

// A number of any size in two bytes or more: a shift, and what is shifted.
static uint64_t any_number(struct bytes *in) {
  uint64_t shape = byte(in);
  return number(in, 1 + (shape >> 6)) << (shape & 63);
}

static uint64_t within(uint64_t value, uint64_t least, uint64_t most) {
  return least + value % (most - least + 1);
}

static bool add_class(struct world *w, struct bytes *in) {
  static const uint64_t periods[] = {SL_NS_PER_MS, SL_NS_PER_S, 7 * SL_NS_PER_S, SL_NS_PER_M,
                                     SL_NS_PER_H,  SL_NS_PER_D, SL_PERIOD_MAX_NS};
  uint64_t shape = byte(in);
  struct sl_limit_spec spec =
      sl_limit_spec_default((enum sl_algorithm)(shape % SL_ALGORITHM_COUNT));
  bool entries = spec.algorithm == SL_SLIDING_LOG;
  spec.count = within(any_number(in), 0, entries ? 100 : SL_COUNT_MAX);
  uint64_t period = byte(in);
  spec.period_ns = period < 200 ? periods[period % SL_ARRAY_LEN(periods)]
                                : within(any_number(in), SL_PERIOD_MIN_NS, SL_PERIOD_MAX_NS);
  spec.lease_ns = spec.period_ns;
  spec.slots = within(spec.count, 0, 50);
  spec.has_burst = (shape & 8) != 0;
  spec.count_refused = (shape & 16) != 0;
  spec.burst = spec.has_burst ? within(any_number(in), 0, SL_COUNT_MAX) : 0;
  spec.queue = within(spec.burst, 0, SL_COUNT_MAX - 1);
  spec.sub_windows = (shape & 32) != 0 ? within(spec.burst, 1, 8) : 0;
  spec.any_window = spec.algorithm == SL_TOKEN_BUCKET && (shape & 64) != 0;
  spec.max_wait_ns = (shape & 128) != 0 ? within(any_number(in), 0, SL_PERIOD_MAX_NS) : 0;
  return world_add_class(w, &spec);
}

static size_t some_bucket(const struct world *w, struct bytes *in) {
  return byte(in) % (w->class_count * WORLD_KEYS);
}

// Mostly what the last decision makes interesting.
static uint64_t some_cost(const struct world *w, struct bytes *in) {
  uint64_t shape = byte(in);
  switch (shape >> 5) {
  case 0:
  case 1:
  case 2:
    return shape & 63;
  case 3:
    return sl_min_u64(w->last.remaining, SL_COST_MAX - 1) + (shape & 1);
  case 4:
    return sl_min_u64(w->last.limit, SL_COST_MAX - 1) + (shape & 1);
  case 5:
    return SL_COST_MAX - (shape & 1);
  default:
    return any_number(in) & SL_COST_MAX;
  }
}

static uint64_t some_reading(const struct world *w, struct bytes *in) {
  uint64_t shape = byte(in);
  switch (shape >> 5) {
  case 0:
    return w->now_ns + w->last.retry_after_ns - (w->last.retry_after_ns > 0 ? shape & 1 : 0);
  case 1:
    return w->now_ns + w->last.reset_after_ns - (w->last.reset_after_ns > 0 ? shape & 1 : 0);
  case 2:
    return any_number(in);
  case 3:
    return w->now_ns / SL_NS_PER_S * SL_NS_PER_S + SL_NS_PER_S - (shape & 1);
  default:
    return w->now_ns + any_number(in);
  }
}

static size_t some_asks(struct world *w, struct bytes *in, bool different, struct world_ask *asks) {
  size_t want = byte(in) % (WORLD_TOGETHER + 1);
  size_t count = 0;
  for (size_t i = 0; i < want; i++) {
    struct world_ask ask = {.bucket = some_bucket(w, in), .cost = some_cost(w, in)};
    ask.shadow = ask.cost % 5 == 3;
    bool fits = world_usable(w, ask.bucket);
    for (size_t j = 0; different && j < count; j++) {
      fits = fits && asks[j].bucket != ask.bucket;
    }
    if (fits) {
      asks[count++] = ask;
    }
  }
  return count;
}

static bool operate(struct world *w, struct bytes *in) {
  struct world_ask asks[WORLD_TOGETHER];
  uint64_t code = byte(in) % 13;
  if (code == 0) {
    world_clock(w, some_reading(w, in));
    return true;
  }
  if (code <= 2) {
    size_t count = some_asks(w, in, true, asks);
    return world_together(w, asks, count, code == 2);
  }
  if (code == 3) {
    size_t count = some_asks(w, in, false, asks);
    return world_take_each(w, asks, count);
  }
  if (code == 4) {
    (void)sl_engine_sweep(w->kit.engine, byte(in) * 8, w->now_ns);
    return true;
  }
  if (code == 12) {
    size_t count = some_asks(w, in, true, asks);
    return world_reserve_together(w, asks, count, any_number(in));
  }
  size_t bucket = some_bucket(w, in);
  if (!world_usable(w, bucket)) {
    return true;
  }
  if (code == 5) {
    world_reset(w, bucket);
    return true;
  }
  if (code <= 7) {
    return world_slot(w, bucket, w->buckets[bucket].slots[byte(in) % WORLD_SLOTS], code == 6);
  }
  if (code == 8) {
    return world_cancel(w, bucket, byte(in) % WORLD_RECEIPTS);
  }
  struct world_ask ask = {.bucket = bucket, .cost = some_cost(w, in)};
  if (code == 9) {
    return world_charge(w, bucket, ask.cost);
  }
  return code == 10 ? world_reserve(w, bucket, ask.cost) : world_take(w, &ask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct world world;
  struct world *w = &world;
  struct bytes in = {.at = data, .left = size};
  world_open(w, (byte(&in) & 3) == 0 ? any_number(&in) : KIT_START_NS);
  uint64_t classes = 1 + byte(&in) % WORLD_CLASSES;
  for (uint64_t i = 0; i < classes || w->class_count == 0; i++) {
    if (!add_class(w, &in) && in.left == 0) {
      struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 1);
      (void)world_add_class(w, &spec);
      break;
    }
  }
  bool right = true;
  for (w->step = 0; right && in.left > 0; w->step++) {
    right = operate(w, &in) && !w->failure.happened;
  }
  world_close(w);
  if (w->failure.happened) {
    world_print(w);
    abort();
  }
  return 0;
}
