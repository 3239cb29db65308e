// held.c - buckets held under their lock bit, and the records that some cells refer to.
#include "algo/fixed_window.h"
#include "algo/leaky_bucket.h"
#include "algo/token_bucket.h"
#include "engine/core.h"

// ---- records

enum {
  EVICT_TRIES = 64,    // families in which records may go for one allocation
  FRUITLESS_TRIES = 4  // in a row, of what is fresh: the next allocation looks further on
};

// Drops records until there is room for `bytes` under the cap. False when there is not.
static bool make_room(struct sl_engine *engine, size_t bytes, uint64_t now_ns) {
  bool may_evict = engine->when_full == SL_FULL_EVICT;
  int fruitless = 0;
  for (int i = 0; i < EVICT_TRIES && (may_evict || fruitless < FRUITLESS_TRIES); i++) {
    size_t used = atomic_load_explicit(&engine->used_bytes, memory_order_relaxed);
    if (engine->max_bytes - used >= bytes) {
      return true;
    }
    uint32_t family = atomic_fetch_add_explicit(&engine->sweep_family, 1, memory_order_relaxed) %
                      SL_TABLE_FAMILIES;
    bool dropped = sl_table_evict_referring(&engine->table, family, now_ns, may_evict) > 0;
    fruitless = dropped ? 0 : fruitless + 1;
  }
  return engine->max_bytes - atomic_load_explicit(&engine->used_bytes, memory_order_relaxed) >=
         bytes;
}

// Others may take the room that was made.
enum { ALLOC_TRIES = 4 };

enum sl_status sl_engine_alloc(struct sl_engine *engine, size_t size, size_t align, uint64_t now_ns,
                               void **ret_ptr) {
  for (int tries = 0; !sl_engine_take_bytes(engine, size); tries++) {
    if (tries == ALLOC_TRIES || !make_room(engine, size, now_ns)) {
      return SL_ERR_FULL;
    }
  }
  *ret_ptr = engine->mem.alloc(engine->mem.ctx, size, align);
  if (*ret_ptr == NULL) {
    sl_engine_give_bytes(engine, size);
    return SL_ERR_MEMORY;
  }
  return SL_OK;
}

static enum sl_status alloc_record(struct sl_engine *engine, const struct sl_class *class,
                                   size_t state_bytes, uint64_t now_ns,
                                   struct sl_record **ret_record) {
  sl_assert(state_bytes <= UINT32_MAX);
  void *memory;
  enum sl_status status =
      sl_engine_alloc(engine, sizeof(struct sl_record) + state_bytes, 16, now_ns, &memory);
  if (status == SL_OK) {
    *ret_record = memory;
    (*ret_record)->bytes = (uint32_t)state_bytes;
    (*ret_record)->class_id = class->id;
  }
  return status;
}

enum sl_status sl_record_create(struct sl_engine *engine, const struct sl_class *class,
                                uint64_t now_ns, struct sl_record **ret_record) {
  enum sl_status status =
      alloc_record(engine, class, class->ops->bytes(&class->limit, NULL, 0), now_ns, ret_record);
  if (status == SL_OK) {
    class->ops->init(&class->limit, (*ret_record)->state, (*ret_record)->bytes);
    (*ret_record)->now_ns = now_ns;
    class->ops->advance(&class->limit, (*ret_record)->state, now_ns);
  }
  return status;
}

void sl_record_free(struct sl_engine *engine, struct sl_record *record) {
  engine->capped.free(engine->capped.ctx, record, sizeof *record + record->bytes, 16);
}

// ---- holding

static enum sl_status fresh_cell(struct sl_engine *engine, const struct sl_class *class,
                                 uint64_t now_ns, uint64_t *ret_cell) {
  if (class->ops == NULL) {
    *ret_cell = sl_timeline_now(&class->limit.timeline, now_ns);
    return SL_OK;
  }
  struct sl_record *record;
  enum sl_status status = sl_record_create(engine, class, now_ns, &record);
  if (status == SL_OK) {
    *ret_cell = (uint64_t)(uintptr_t)record;
  }
  return status;
}

static void drop_cell(struct sl_engine *engine, const struct sl_class *class, uint64_t cell) {
  if (class->ops != NULL) {
    sl_record_free(engine, sl_cell_record(cell));
  }
}

// Makes the bucket, locked. SL_OK with held->slot set, or unset when somebody else made it first;
// SL_ERR_FULL.
static enum sl_status create_held(struct sl_engine *engine, uint64_t now_ns, struct sl_held *held) {
  const struct sl_class *class = held->ask->class;
  uint64_t cell;
  enum sl_status status = fresh_cell(engine, class, now_ns, &cell);
  if (status != SL_OK) {
    return status;
  }
  struct sl_slot *slot;
  bool may_evict = engine->when_full == SL_FULL_EVICT;
  enum sl_insert inserted = sl_table_insert(&engine->table, held->place, class->id,
                                            cell | SL_CELL_LOCK, now_ns, may_evict, &slot);
  if (inserted == SL_INSERT_DONE) {
    held->slot = slot;
    held->cell = cell;
    held->created = true;
    return SL_OK;
  }
  drop_cell(engine, class, cell);
  return inserted == SL_INSERT_FULL ? SL_ERR_FULL : SL_OK;
}

static bool is_of_another(const struct sl_class *class, uint64_t cell) {
  return class->ops != NULL && sl_cell_record(cell)->class_id != class->id;
}

enum sl_status sl_hold(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                       bool create, struct sl_held *ret_held) {
  struct sl_held *held = ret_held;
  *held = (struct sl_held){.ask = ask, .place = sl_ask_place(ask)};
  if (ask->class->limit.algorithm == SL_UNLIMITED) {
    return SL_OK;
  }
  for (unsigned round = 0;;) {
    struct sl_slot *slot = sl_table_find_home(&engine->table, held->place);
    slot = slot != NULL ? slot : sl_table_find(&engine->table, held->place);
    if (slot == NULL) {
      if (!create) {
        return SL_OK;
      }
      enum sl_status status = create_held(engine, now_ns, held);
      if (status == SL_ERR_FULL) {
        held->room = SL_ERR_FULL;
        return SL_OK;
      }
      if (status != SL_OK || held->slot != NULL) {
        return status;
      }
      continue;
    }
    uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
    if ((cell & SL_CELL_LOCK) != 0) {
      engine->relax(engine->relax_ctx, round++);
    } else if (sl_slot_lock(slot, held->place.tag, cell)) {
      if (is_of_another(ask->class, cell)) {
        atomic_store_explicit(&slot->cell, cell, memory_order_release);
        held->room = SL_ERR_FULL;
        return SL_OK;
      }
      held->slot = slot;
      held->cell = cell;
      return SL_OK;
    }
  }
}

uint64_t sl_held_now(const struct sl_held *held, uint64_t now_ns) {
  bool record = held->slot != NULL && held->ask->class->ops != NULL;
  return record ? sl_max_u64(now_ns, sl_cell_record(held->cell)->now_ns) : now_ns;
}

void sl_held_advance(struct sl_held *held, uint64_t now_ns) {
  const struct sl_class *class = held->ask->class;
  if (held->slot != NULL && class->ops != NULL) {
    struct sl_record *record = sl_cell_record(held->cell);
    record->now_ns = now_ns;
    class->ops->advance(&class->limit, record->state, now_ns);
  }
}

static bool held_is_fresh(const struct sl_held *held, uint64_t now_ns) {
  const struct sl_class *class = held->ask->class;
  if (class->ops != NULL) {
    return class->ops->is_fresh(&class->limit, sl_cell_record(held->cell)->state, now_ns);
  }
  return sl_stamp_debt(&class->limit, held->cell,
                       sl_timeline_now(&class->limit.timeline, now_ns)) == 0;
}

void sl_let_die(struct sl_engine *engine, struct sl_held *held) {
  sl_table_remove_locked(&engine->table, held->slot, held->place);
  drop_cell(engine, held->ask->class, held->cell);
  held->slot = NULL;
}

void sl_let_go(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns, bool drop_fresh) {
  if (held->slot == NULL) {
    return;
  }
  if ((held->created || drop_fresh) && held_is_fresh(held, now_ns)) {
    sl_let_die(engine, held);
    return;
  }
  atomic_store_explicit(&held->slot->cell, held->cell, memory_order_release);
  if (SL_UNLIKELY(!sl_table_at_home(&engine->table, held->slot, held->place))) {
    // A bucket that was held while its line was split has stayed behind; finding it brings it near.
    (void)sl_table_find(&engine->table, held->place);
  }
  held->slot = NULL;
}

// ---- what a held bucket says

enum sl_status sl_held_test(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict *ret_verdict) {
  const struct sl_class *class = held->ask->class;
  uint64_t ignored;
  if (cost > class->limit.size) {
    *ret_verdict = SL_NEVER;
  } else if (held->slot == NULL) {
    // A fresh bucket admits whatever is not `never`; without room for one, the setting decides.
    *ret_verdict =
        held->room == SL_ERR_FULL && cost > 0 ? sl_verdict_when_full(engine) : SL_ALLOWED;
  } else if (class->ops != NULL) {
    *ret_verdict = class->ops->test(&class->limit, sl_cell_record(held->cell)->state, now_ns, cost);
  } else {
    *ret_verdict = sl_stamp_take(&class->limit, held->cell,
                                 sl_timeline_now(&class->limit.timeline, now_ns), cost, &ignored);
  }
  return SL_OK;
}

enum sl_status sl_held_ready(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns) {
  const struct sl_class *class = held->ask->class;
  if (held->slot == NULL || class->ops == NULL) {
    return SL_OK;
  }
  struct sl_record *old = sl_cell_record(held->cell);
  size_t need = class->ops->bytes(&class->limit, old->state, old->bytes);
  if (need <= old->bytes) {
    return SL_OK;
  }
  struct sl_record *record;
  enum sl_status status = alloc_record(engine, class, need, now_ns, &record);
  if (status != SL_OK) {
    return status;
  }
  record->now_ns = old->now_ns;
  class->ops->move(&class->limit, record->state, record->bytes, old->state);
  sl_record_free(engine, old);
  held->cell = (uint64_t)(uintptr_t)record;
  return SL_OK;
}

void sl_held_commit(struct sl_held *held, uint64_t now_ns, uint64_t cost, uint64_t slot,
                    uint64_t *ret_wait_ns) {
  const struct sl_class *class = held->ask->class;
  *ret_wait_ns = 0;
  if (held->slot == NULL || cost == 0) {
    return;
  }
  if (class->ops != NULL) {
    class->ops->take(&class->limit, sl_cell_record(held->cell)->state, now_ns, cost, slot);
    return;
  }
  enum sl_verdict verdict;
  if (class->limit.algorithm == SL_LEAKY_BUCKET) {
    verdict =
        sl_leaky_bucket_take(&class->limit, held->cell, now_ns, cost, &held->cell, ret_wait_ns);
  } else {
    verdict = sl_stamp_take(&class->limit, held->cell,
                            sl_timeline_now(&class->limit.timeline, now_ns), cost, &held->cell);
  }
  sl_assert(verdict == SL_ALLOWED);
}

uint64_t sl_held_wait(const struct sl_held *held, uint64_t now_ns, uint64_t cost) {
  const struct sl_limit *limit = &held->ask->class->limit;
  uint64_t stamp, wait_ns = 0;
  if (held->slot != NULL && limit->algorithm == SL_LEAKY_BUCKET) {
    (void)sl_leaky_bucket_take(limit, held->cell, now_ns, cost, &stamp, &wait_ns);
  }
  return wait_ns;
}

// For want of room, not of tokens: nobody knows when there will be some; a second is a polite
// guess.
static void refuse_for_room(struct sl_decision *decision) {
  decision->verdict = SL_THROTTLED;
  decision->remaining = 0;
  decision->retry_after_ns = SL_NS_PER_S;
}

void sl_held_figures(const struct sl_held *held, uint64_t now_ns, uint64_t cost,
                     enum sl_verdict verdict, struct sl_decision *ret_decision) {
  const struct sl_class *class = held->ask->class;
  bool for_room = held->room == SL_ERR_FULL && verdict == SL_THROTTLED;
  if (for_room) {
    verdict = SL_ALLOWED;
  }
  if (held->slot == NULL) {
    *ret_decision = (struct sl_decision){
        .verdict = verdict, .limit = class->limit.size, .remaining = class->limit.size};
  } else if (class->ops != NULL) {
    class->ops->figures(&class->limit, sl_cell_record(held->cell)->state, now_ns, cost, verdict,
                        ret_decision);
  } else {
    sl_stamp_figures(&class->limit, held->cell, now_ns, cost, verdict, ret_decision);
  }
  if (for_room) {
    refuse_for_room(ret_decision);
  }
}

uint64_t sl_engine_next_slot(struct sl_engine *engine) {
  uint64_t count = atomic_fetch_add_explicit(&engine->next_slot, 1, memory_order_relaxed);
  struct sl_hash hash = sl_hash_bytes(&engine->secret, &count, sizeof count);
  // 0 means no slot; names fit a signed integer on every wire.
  uint64_t name = hash.hi & INT64_MAX;
  return name != 0 ? name : 1;
}

enum sl_verdict sl_verdict_when_full(struct sl_engine *engine) {
  bool allow = engine->when_full == SL_FULL_ALLOW;
  atomic_fetch_add_explicit(allow ? &engine->allowed_full : &engine->denied_full, 1,
                            memory_order_relaxed);
  return allow ? SL_ALLOWED : SL_THROTTLED;
}
