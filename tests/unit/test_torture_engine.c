// Allocation failures: a whole life of an engine is run again and again, and each time another
// allocation fails, alone or with all that follow. Nothing may crash or leak; a call that fails for
// want of memory has changed nothing, and succeeds when it is repeated with memory.
#include "engine/top.h"
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

enum { CLASSES = 8, KEYS_GROWN = 6000 };

struct life {
  struct kit kit;
  const struct sl_class *classes[CLASSES];
  bool all_after;  // all allocations from the failing one on fail
  uint64_t fail_at;
  uint64_t wrong;     // broken promises
  uint64_t failures;  // calls that ended with SL_ERR_MEMORY
  const char *where;  // the first broken promise
};

static void arm(struct life *life) {
  life->kit.fault.fail_at = life->all_after ? 0 : life->fail_at;
  life->kit.fault.fail_after = life->all_after ? life->fail_at - 1 : 0;
}

static void disarm(struct life *life) {
  life->kit.fault.fail_at = 0;
  life->kit.fault.fail_after = 0;
}

static void expect(struct life *life, bool holds, const char *where) {
  if (!holds && life->wrong++ == 0) {
    life->where = where;
  }
}

// ---- making
// ------------------------------------------------------------------------------------------

static void begin(struct life *life) {
  life->kit.mem = fault_mem_init(&life->kit.fault);
  struct sl_engine_options options = kit_options(&life->kit.mem, 32 << 20, SL_FULL_EVICT);
  arm(life);
  enum sl_status status = sl_engine_create(&options, &life->kit.engine);
  disarm(life);
  if (status != SL_OK) {
    life->failures++;
    expect(life, status == SL_ERR_MEMORY && life->kit.fault.live == 0,
           "an engine that is not made");
    status = sl_engine_create(&options, &life->kit.engine);
    expect(life, status == SL_OK, "an engine that is made the second time");
  }
}

static void hold(struct life *life, size_t which, struct sl_limit_spec spec) {
  struct sl_limit limit = kit_limit(&spec);
  arm(life);
  enum sl_status status = sl_engine_hold_class(life->kit.engine, &limit, &life->classes[which]);
  disarm(life);
  if (status != SL_OK) {
    life->failures++;
    expect(life, status == SL_ERR_MEMORY && life->classes[which] == NULL,
           "a class that is not held");
    status = sl_engine_hold_class(life->kit.engine, &limit, &life->classes[which]);
    expect(life, status == SL_OK, "a class that is held the second time");
  }
}

static void hold_all(struct life *life) {
  hold(life, 0, kit_token(10, SL_NS_PER_S, 100));
  hold(life, 1, kit_leaky(10, SL_NS_PER_S, 99));
  hold(life, 2, kit_fixed(100, SL_NS_PER_M));
  hold(life, 3, kit_log(100, SL_NS_PER_M, false));
  hold(life, 4, kit_log(100, SL_NS_PER_M, true));
  hold(life, 5, kit_sliding(100, SL_NS_PER_M, 0));
  hold(life, 6, kit_sliding(100, SL_NS_PER_M, 10));
  hold(life, 7, kit_slots(100, SL_NS_PER_M));
}

// ---- one call, tried twice
// -------------------------------------------------------------------------

struct call {
  struct sl_ask asks[CLASSES];
  size_t count;
  uint64_t now_ns;
  enum sl_status (*make)(struct life *life, struct call *call);
  struct sl_decision d[CLASSES];
  bool allowed;
  struct sl_receipt receipt;
};

static uint64_t remaining(struct life *life, const struct sl_ask *ask, uint64_t now_ns) {
  struct sl_ask look = *ask;
  struct sl_decision d = {.remaining = UINT64_MAX};
  bool allowed;
  look.cost = 0;
  enum sl_status status =
      sl_engine_take_together(life->kit.engine, &look, 1, now_ns, true, &d, &allowed);
  expect(life, status == SL_OK, "a look needs no memory");
  return d.remaining;
}

static enum sl_status try_call(struct life *life, struct call *call, const char *where) {
  uint64_t before[CLASSES] = {0};
  size_t buckets = kit_stats(&life->kit).buckets;
  for (size_t i = 0; i < call->count; i++) {
    before[i] = remaining(life, &call->asks[i], call->now_ns);
  }
  arm(life);
  enum sl_status status = call->make(life, call);
  disarm(life);
  if (status == SL_OK) {
    return SL_OK;
  }
  life->failures++;
  expect(life, status == SL_ERR_MEMORY, where);
  for (size_t i = 0; i < call->count; i++) {
    expect(life, remaining(life, &call->asks[i], call->now_ns) == before[i], where);
  }
  expect(life, kit_stats(&life->kit).buckets == buckets, where);
  return call->make(life, call);
}

static enum sl_status make_take(struct life *life, struct call *call) {
  return sl_engine_take(life->kit.engine, &call->asks[0], call->now_ns, &call->d[0]);
}

static enum sl_status make_together(struct life *life, struct call *call) {
  return sl_engine_take_together(life->kit.engine, call->asks, call->count, call->now_ns, false,
                                 call->d, &call->allowed);
}

static enum sl_status make_charge(struct life *life, struct call *call) {
  return sl_engine_charge(life->kit.engine, &call->asks[0], call->now_ns, &call->d[0]);
}

static enum sl_status make_reserve(struct life *life, struct call *call) {
  return sl_engine_reserve(life->kit.engine, &call->asks[0], call->now_ns, &call->receipt,
                           &call->d[0]);
}

static enum sl_status make_cancel(struct life *life, struct call *call) {
  return sl_engine_cancel(life->kit.engine, &call->asks[0], &call->receipt, call->now_ns);
}

static struct call call_on(struct life *life, size_t class, uint64_t key, uint64_t cost,
                           uint64_t now_ns, enum sl_status (*make)(struct life *, struct call *)) {
  struct call call = {.count = 1, .now_ns = sl_engine_now(life->kit.engine, now_ns), .make = make};
  call.asks[0] = kit_ask(life->kit.engine, life->classes[class], key, cost);
  return call;
}

// ---- a life
// ------------------------------------------------------------------------------------------

static void take_everywhere(struct life *life) {
  for (size_t class = 0; class < CLASSES; class ++) {
    // Records grow on the way to the eightieth admission.
    for (uint64_t i = 0; i < 80; i++) {
      struct call call = call_on(life, class, 1, 1, T + i, make_take);
      enum sl_status status = try_call(life, &call, "a take that fails");
      expect(life,
             status == SL_OK && call.d[0].verdict == SL_ALLOWED && call.d[0].remaining == 99 - i,
             "a take that is made");
    }
    struct call never = call_on(life, class, 2, 101, T + 80, make_take);
    expect(life, try_call(life, &never, "a never that fails") == SL_OK, "a never that is said");
    struct call charge = call_on(life, class, 3, 5, T + 80, make_charge);
    expect(life,
           try_call(life, &charge, "a charge that fails") == SL_OK && charge.d[0].remaining == 95,
           "a charge that is made");
  }
}

static void take_together(struct life *life) {
  for (uint64_t i = 0; i < 12; i++) {
    struct call call = {.count = CLASSES, .now_ns = T + 100 + i, .make = make_together};
    for (size_t class = 0; class < CLASSES; class ++) {
      call.asks[class] = kit_ask(life->kit.engine, life->classes[class], 4, 1);
      call.asks[class].shadow = class == 6;
    }
    enum sl_status status = try_call(life, &call, "a request to several that fails");
    bool charged = status == SL_OK && call.allowed;
    for (size_t class = 0; class < CLASSES; class ++) {
      charged = charged && call.d[class].remaining == 99 - i;
    }
    expect(life, charged, "a request to several that is made");
  }
}

static void reserve_and_cancel(struct life *life) {
  for (size_t class = 0; class < 3; class ++) {
    struct call call = call_on(life, class, 5, 100, T + 200, make_reserve);
    expect(life, try_call(life, &call, "a reservation that fails") == SL_OK, "a reservation");
    call.make = make_cancel;
    expect(life, try_call(life, &call, "a cancel that fails") == SL_OK, "a cancel");
    expect(life, remaining(life, &call.asks[0], T + 200) == 100, "a cancel gives back");
  }
}

// The table's doubling may fail: it stays as it is, and nobody is refused.
static void grow(struct life *life) {
  uint64_t refused = 0;
  arm(life);
  for (uint64_t key = 0; key < KEYS_GROWN; key++) {
    struct sl_ask ask = kit_ask(life->kit.engine, life->classes[0], 1000 + key, 1);
    struct sl_decision d;
    refused += sl_engine_take(life->kit.engine, &ask, T + 300, &d) != SL_OK ||
               d.verdict != SL_ALLOWED || d.remaining != 99;
  }
  disarm(life);
  expect(life, refused == 0, "a new key is served in a table that cannot grow");
}

static void end(struct life *life) {
  for (size_t i = 0; i < CLASSES; i++) {
    sl_engine_drop_class(life->kit.engine, life->classes[i]);
  }
  expect(life, kit_close(&life->kit), "all is given back");
}

static uint64_t live_once(struct life *life) {
  begin(life);
  hold_all(life);
  (void)sl_engine_now(life->kit.engine, T);
  take_everywhere(life);
  take_together(life);
  reserve_and_cancel(life);
  grow(life);
  uint64_t calls = life->kit.fault.calls;
  end(life);
  return calls;
}

static void torture(bool all_after) {
  struct life healthy = {.fail_at = UINT64_MAX, .all_after = all_after};
  uint64_t calls = live_once(&healthy);
  is_u64(healthy.wrong, 0, "a life without failures%s%s", healthy.where != NULL ? ": " : "",
         healthy.where != NULL ? healthy.where : "");
  uint64_t wrong = 0;
  uint64_t failures = 0;
  for (uint64_t at = 1; at <= calls; at++) {
    struct life life = {.fail_at = at, .all_after = all_after};
    (void)live_once(&life);
    if (life.wrong > 0) {
      diag("allocation %llu%s: %s", (unsigned long long)at, all_after ? " and all after" : "",
           life.where);
    }
    wrong += life.wrong;
    failures += life.failures;
  }
  is_u64(wrong, 0, "%llu lives, each with another allocation that fails%s",
         (unsigned long long)calls, all_after ? ", and all after it" : "");
  ok(failures > calls / 2, "of which %llu calls failed and were repeated",
     (unsigned long long)failures);
}

// At the most limits the engine looks which are still in use; that needs memory, too.
static void collecting(void) {
  struct kit kit;
  kit_open(&kit, 64 << 20, SL_FULL_EVICT);
  const struct sl_class *class;
  for (uint64_t i = 0; i < 16384; i++) {
    class = kit_class(&kit, kit_token(1, SL_NS_PER_S, i + 1));
    if (i == 0) {
      sl_engine_drop_class(kit.engine, class);
    }
  }
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 20000);
  struct sl_limit limit = kit_limit(&spec);
  kit.fault.fail_at = kit.fault.calls + 1;
  ok(sl_engine_hold_class(kit.engine, &limit, &class) == SL_ERR_MEMORY && class == NULL,
     "no memory to look for limits that are no longer in use");
  ok(sl_engine_hold_class(kit.engine, &limit, &class) == SL_OK, "with it one is found");
  ok(kit_close(&kit), "all is given back");
}

// A log that has to grow in the middle of a request to several: what grew before it stays larger,
// but nothing is charged.
static void late_failure(void) {
  struct kit kit;
  kit_open(&kit, 4 << 20, SL_FULL_EVICT);
  const struct sl_class *a = kit_class(&kit, kit_log(100, SL_NS_PER_M, false));
  const struct sl_class *b = kit_class(&kit, kit_log(200, SL_NS_PER_M, false));
  struct sl_ask asks[2] = {kit_ask(kit.engine, a, 1, 1), kit_ask(kit.engine, b, 1, 1)};
  struct sl_decision d[2];
  bool allowed = false;
  unsigned failed = 0;
  unsigned wrong = 0;
  for (uint64_t i = 0; i < 60; i++) {
    for (uint64_t at = 1; at <= 2; at++) {
      kit.fault.fail_at = kit.fault.calls + at;
      enum sl_status status =
          sl_engine_take_together(kit.engine, asks, 2, T + i, false, d, &allowed);
      kit.fault.fail_at = 0;
      if (status == SL_OK) {
        break;
      }
      failed++;
      wrong += kit_peek(&kit, a, 1, 0, T + i).remaining != 100 - i ||
               kit_peek(&kit, b, 1, 0, T + i).remaining != 200 - i;
    }
    if (kit_peek(&kit, a, 1, 0, T + i).remaining == 100 - i) {
      wrong += sl_engine_take_together(kit.engine, asks, 2, T + i, false, d, &allowed) != SL_OK;
    }
    wrong += kit_peek(&kit, b, 1, 0, T + i).remaining != 199 - i;
  }
  ok(failed >= 8 && wrong == 0, "all or nothing when the second of two has no memory (%u times)",
     failed);
  ok(kit_close(&kit), "all is given back");
}

int main(void) {
  torture(false);
  torture(true);
  collecting();
  late_failure();
  return done_testing();
}
