#include "engine/throttle.h"

#include "engine/core.h"
#include "engine/snapshot.h"

// The most that a stamp may be ahead of now: engine time is below 2^62, a cell holds 63 bits.
#define ROOM_MAX_NS ((UINT64_C(1) << 62) - 1)

struct sl_throttles {
  struct sl_table table;
  struct sl_engine *engine;
  size_t max_bytes;
  _Atomic uint32_t sweep_family;
  _Atomic uint64_t dropped_fresh, dropped_lossy, denied_full, allowed_full;
};

// ---- quotas

enum sl_status sl_quota_make(int64_t max_burst, int64_t count, int64_t period_s,
                             struct sl_quota *ret_quota) {
  if (count < 0 || period_s < 0) {
    return SL_ERR_RANGE;
  }
  sl_u128 period_ns = (sl_u128)period_s * SL_NS_PER_S;
  if (count == 0 || period_ns < (sl_u128)count) {
    return SL_ERR_INVALID;
  }
  // The short division where it will do: a quota is made for most calls.
  uint64_t interval_ns = period_s < (int64_t)(INT64_MAX / SL_NS_PER_S)
                             ? sl_ceil_div_u64((uint64_t)period_ns, (uint64_t)count)
                             : sl_sat_u128(sl_ceil_div_u128(period_ns, (sl_u128)count));
  interval_ns = sl_min_u64(interval_ns, ROOM_MAX_NS);
  int64_t limit = max_burst == INT64_MAX ? INT64_MAX : max_burst + 1;
  uint64_t size = sl_min_u64(limit > 0 ? (uint64_t)limit : 0, ROOM_MAX_NS / interval_ns);
  *ret_quota = (struct sl_quota){
      .limit = limit,
      .interval_ns = interval_ns,
      .inverse = UINT64_MAX / interval_ns,
      .size = size,
      .room_ns = size * interval_ns,
      .refuses_all = limit < 0,
  };
  return SL_OK;
}

// ---- what the table asks

static bool by_value(void *ctx, uint16_t class_id) {
  (void)ctx;
  (void)class_id;
  return true;
}

static bool is_fresh(void *ctx, uint16_t class_id, uint64_t cell, uint64_t now_ns,
                     uint64_t *ret_distance_ns) {
  (void)ctx;
  (void)class_id;
  *ret_distance_ns = sl_sub_floor_u64(cell, now_ns);
  return cell <= now_ns;
}

static void dropped(void *ctx, uint16_t class_id, uint64_t cell, bool lossy) {
  (void)class_id;
  (void)cell;
  struct sl_throttles *throttles = ctx;
  atomic_fetch_add_explicit(lossy ? &throttles->dropped_lossy : &throttles->dropped_fresh, 1,
                            memory_order_relaxed);
}

// ---- making

enum sl_status sl_throttles_create(struct sl_engine *engine, size_t max_bytes,
                                   struct sl_throttles **ret_throttles) {
  max_bytes = max_bytes == 0 ? engine->max_bytes / 2 : max_bytes;
  if (max_bytes < SL_TABLE_BYTES_MIN + sizeof(struct sl_throttles)) {
    return SL_ERR_RANGE;
  }
  const struct sl_mem *mem = &engine->capped;
  struct sl_throttles *throttles = mem->alloc(mem->ctx, sizeof *throttles, 64);
  if (throttles == NULL) {
    return SL_ERR_MEMORY;
  }
  throttles->engine = engine;
  throttles->max_bytes = max_bytes;
  struct sl_table_owner owner = {
      .by_value = by_value, .is_fresh = is_fresh, .dropped = dropped, .ctx = throttles};
  enum sl_status status = sl_table_init(&throttles->table, mem, max_bytes - sizeof *throttles,
                                        engine->relax, engine->relax_ctx, owner);
  if (status != SL_OK) {
    mem->free(mem->ctx, throttles, sizeof *throttles, 64);
    return status;
  }
  *ret_throttles = throttles;
  return SL_OK;
}

void sl_throttles_destroy(struct sl_throttles *throttles) {
  if (throttles == NULL) {
    return;
  }
  const struct sl_mem *mem = &throttles->engine->capped;
  sl_table_close(&throttles->table);
  mem->free(mem->ctx, throttles, sizeof *throttles, 64);
}

// ---- deciding

struct sl_hash sl_throttle_bucket(const struct sl_throttles *throttles, struct sl_str key) {
  return sl_hash_bytes(&throttles->engine->secret, key.ptr, key.len);
}

void sl_throttle_prefetch(const struct sl_throttles *throttles, struct sl_hash bucket) {
  sl_table_prefetch(&throttles->table, sl_table_place(bucket, false));
}

struct sl_slot *sl_throttle_find(const struct sl_throttles *throttles, struct sl_hash bucket) {
  struct sl_place_of place = sl_table_place(bucket, false);
  struct sl_slot *slot = sl_table_find_home(&throttles->table, place);
  if (SL_UNLIKELY(slot == NULL)) {
    sl_table_prefetch_spill(&throttles->table, place);
  }
  return slot;
}

// False when the slot has changed meanwhile; then nothing was done.
static inline __attribute__((always_inline)) bool
try_slot(struct sl_slot *slot, uint64_t tag, uint64_t cell, const struct sl_quota *quota,
         uint64_t cost, uint64_t now_ns, struct sl_throttled *ret_throttled) {
  uint64_t stamp;
  sl_quota_decide(quota, cell, now_ns, cost, &stamp, ret_throttled);
  if (SL_LIKELY(!ret_throttled->limited && cost > 0)) {
    return sl_slot_swap(slot, tag, cell, stamp);
  }
  // What is not written is read twice: the place may have gone to another key before the cell was
  // read.
  return atomic_load_explicit(&slot->tag, memory_order_acquire) == tag;
}

static void when_full(struct sl_throttles *throttles, struct sl_throttled *ret_throttled) {
  bool denied = throttles->engine->when_full != SL_FULL_ALLOW;
  atomic_fetch_add_explicit(denied ? &throttles->denied_full : &throttles->allowed_full, 1,
                            memory_order_relaxed);
  if (denied) {
    // Nobody can say when there will be room: a second is a fair time to ask again.
    ret_throttled->limited = true;
    ret_throttled->retry_after_ns = SL_NS_PER_S;
  }
}

// The key has no bucket: it is fresh. False when a bucket turned up meanwhile.
static bool take_new(struct sl_throttles *throttles, struct sl_place_of place,
                     const struct sl_quota *quota, uint64_t cost, uint64_t now_ns,
                     struct sl_throttled *ret_throttled) {
  uint64_t stamp;
  sl_quota_decide(quota, 0, now_ns, cost, &stamp, ret_throttled);
  if (ret_throttled->limited || cost == 0) {
    return true;
  }
  struct sl_slot *slot;
  enum sl_insert inserted = sl_table_insert(&throttles->table, place, 0, stamp, now_ns,
                                            throttles->engine->when_full == SL_FULL_EVICT, &slot);
  if (inserted == SL_INSERT_FULL) {
    sl_quota_decide(quota, 0, now_ns, 0, &stamp, ret_throttled);
    when_full(throttles, ret_throttled);
  }
  return inserted != SL_INSERT_EXISTS;
}

// The general way: the bucket has moved, is locked, is contended or does not exist.
static __attribute__((noinline)) void
take_slowly(struct sl_throttles *throttles, struct sl_place_of place, const struct sl_quota *quota,
            uint64_t cost, uint64_t now_ns, struct sl_throttled *ret_throttled) {
  const struct sl_engine *engine = throttles->engine;
  for (unsigned round = 0;;) {
    struct sl_slot *slot = sl_table_find(&throttles->table, place);
    if (slot == NULL) {
      if (take_new(throttles, place, quota, cost, now_ns, ret_throttled)) {
        return;
      }
      continue;
    }
    uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
    if ((cell & SL_CELL_LOCK) != 0) {
      engine->relax(engine->relax_ctx, round++);
    } else if (try_slot(slot, place.tag, cell, quota, cost, now_ns, ret_throttled)) {
      return;
    }
  }
}

void sl_throttle_take(struct sl_throttles *throttles, struct sl_slot *slot, struct sl_hash bucket,
                      const struct sl_quota *quota, uint64_t cost, uint64_t now_ns,
                      struct sl_throttled *ret_throttled) {
  struct sl_place_of place = sl_table_place(bucket, false);
  if (SL_LIKELY(slot != NULL)) {
    uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
    if (SL_LIKELY((cell & SL_CELL_LOCK) == 0) &&
        SL_LIKELY(try_slot(slot, place.tag, cell, quota, cost, now_ns, ret_throttled))) {
      return;
    }
  }
  take_slowly(throttles, place, quota, cost, now_ns, ret_throttled);
}

bool sl_throttle_reset(struct sl_throttles *throttles, struct sl_hash bucket) {
  struct sl_place_of place = sl_table_place(bucket, false);
  const struct sl_engine *engine = throttles->engine;
  for (unsigned round = 0;; round++) {
    struct sl_slot *slot = sl_table_find(&throttles->table, place);
    if (slot == NULL) {
      return false;
    }
    uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
    if ((cell & SL_CELL_LOCK) == 0 && sl_slot_swap(slot, place.tag, cell, cell | SL_CELL_LOCK)) {
      sl_table_remove_locked(&throttles->table, slot, place);
      return true;
    }
    engine->relax(engine->relax_ctx, round);
  }
}

// ---- looking after it

size_t sl_throttles_sweep(struct sl_throttles *throttles, size_t lines, uint64_t now_ns) {
  size_t each = lines / SL_TABLE_FAMILIES + 1;
  size_t count = 0;
  for (size_t done = 0; done < lines; done += each) {
    uint32_t family = atomic_fetch_add_explicit(&throttles->sweep_family, 1, memory_order_relaxed) %
                      SL_TABLE_FAMILIES;
    count += sl_table_sweep(&throttles->table, family, each, now_ns);
  }
  return count;
}

void sl_throttles_get_stats(const struct sl_throttles *throttles,
                            struct sl_throttles_stats *ret_stats) {
  *ret_stats = (struct sl_throttles_stats){
      .buckets = throttles->table.count,
      .bytes = throttles->table.bytes + sizeof *throttles,
      .max_bytes = throttles->max_bytes,
      .dropped_fresh = throttles->dropped_fresh,
      .dropped_lossy = throttles->dropped_lossy,
      .denied_full = throttles->denied_full,
      .allowed_full = throttles->allowed_full,
  };
}

struct sl_table *sl_throttles_table(struct sl_throttles *throttles) {
  return &throttles->table;
}
