// engine.c - making, time, classes, sweeping.
#include "engine/engine.h"

#include "engine/core.h"
#include "engine/fast.h"

// ---- memory within the cap

bool sl_engine_take_bytes(struct sl_engine *engine, size_t size) {
  size_t used = atomic_load_explicit(&engine->used_bytes, memory_order_relaxed);
  do {
    if (size > engine->max_bytes - used) {
      return false;
    }
  } while (!atomic_compare_exchange_weak_explicit(&engine->used_bytes, &used, used + size,
                                                  memory_order_relaxed, memory_order_relaxed));
  return true;
}

void sl_engine_give_bytes(struct sl_engine *engine, size_t size) {
  atomic_fetch_sub_explicit(&engine->used_bytes, size, memory_order_relaxed);
}

static void *capped_alloc(void *ctx, size_t size, size_t align) {
  struct sl_engine *engine = ctx;
  if (!sl_engine_take_bytes(engine, size)) {
    return NULL;
  }
  void *ptr = engine->mem.alloc(engine->mem.ctx, size, align);
  if (ptr == NULL) {
    sl_engine_give_bytes(engine, size);
  }
  return ptr;
}

static void capped_free(void *ctx, void *ptr, size_t size, size_t align) {
  struct sl_engine *engine = ctx;
  engine->mem.free(engine->mem.ctx, ptr, size, align);
  sl_engine_give_bytes(engine, size);
}

// ---- what the table asks

static bool by_value(void *ctx, uint16_t class_id) {
  return sl_engine_class(ctx, class_id)->ops == NULL;
}

static bool is_fresh(void *ctx, uint16_t class_id, uint64_t cell, uint64_t now_ns,
                     uint64_t *ret_distance_ns) {
  const struct sl_class *class = sl_engine_class(ctx, class_id);
  const struct sl_limit *limit = &class->limit;
  if (class->ops == NULL) {
    uint64_t debt = sl_stamp_debt(limit, cell, sl_timeline_now(&limit->timeline, now_ns));
    *ret_distance_ns = sl_timeline_wait(&limit->timeline, now_ns, debt);
    return debt == 0;
  }
  struct sl_record *record = sl_cell_record(cell);
  void *state = record->state;
  struct sl_decision decision;
  now_ns = record->now_ns = sl_max_u64(now_ns, record->now_ns);
  class->ops->advance(limit, state, now_ns);
  class->ops->figures(limit, state, now_ns, 0, SL_ALLOWED, &decision);
  *ret_distance_ns = decision.reset_after_ns;
  return class->ops->is_fresh(limit, state, now_ns);
}

static void dropped(void *ctx, uint16_t class_id, uint64_t cell, bool lossy) {
  struct sl_engine *engine = ctx;
  atomic_fetch_add_explicit(lossy ? &engine->dropped_lossy : &engine->dropped_fresh, 1,
                            memory_order_relaxed);
  if (sl_engine_class(engine, class_id)->ops != NULL) {
    sl_record_free(engine, sl_cell_record(cell));
  }
}

// ---- making

static void relax_default(void *ctx, unsigned round) {
  (void)ctx;
  (void)round;
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static struct sl_engine *alloc_engine(const struct sl_engine_options *options) {
  struct sl_engine *engine = options->mem.alloc(options->mem.ctx, sizeof *engine, 64);
  if (engine == NULL) {
    return NULL;
  }
  engine->mem = options->mem;
  engine->capped = (struct sl_mem){.alloc = capped_alloc, .free = capped_free, .ctx = engine};
  engine->secret = options->secret;
  engine->max_bytes = options->max_bytes;
  engine->used_bytes = sizeof *engine;
  engine->when_full = options->when_full;
  engine->relax = options->relax != NULL ? options->relax : relax_default;
  engine->relax_ctx = options->relax_ctx;
  engine->horizon_ns = UINT64_MAX;
  return engine;
}

enum sl_status sl_engine_create(const struct sl_engine_options *options,
                                struct sl_engine **ret_engine) {
  if (options->max_bytes < SL_ENGINE_BYTES_MIN) {
    return SL_ERR_RANGE;
  }
  struct sl_engine *engine = alloc_engine(options);
  if (engine == NULL) {
    return SL_ERR_MEMORY;
  }
  struct sl_table_owner owner = {
      .by_value = by_value, .is_fresh = is_fresh, .dropped = dropped, .ctx = engine};
  enum sl_status status =
      sl_table_init(&engine->table, &engine->capped, options->max_bytes - sizeof *engine,
                    engine->relax, engine->relax_ctx, owner);
  if (status != SL_OK) {
    engine->mem.free(engine->mem.ctx, engine, sizeof *engine, 64);
    return status;
  }
  *ret_engine = engine;
  return SL_OK;
}

static void free_classes(struct sl_engine *engine) {
  for (int i = 0; i < CLASS_CHUNKS; i++) {
    struct sl_class **chunk = engine->class_chunks[i];
    for (int j = 0; chunk != NULL && j < CLASS_CHUNK; j++) {
      if (chunk[j] != NULL) {
        engine->capped.free(engine, chunk[j], sizeof **chunk, 64);
      }
    }
    if (chunk != NULL) {
      engine->capped.free(engine, chunk, CLASS_CHUNK * sizeof(struct sl_class *), 64);
    }
  }
}

void sl_engine_destroy(struct sl_engine *engine) {
  if (engine == NULL) {
    return;
  }
  sl_table_clear(&engine->table);
  sl_table_close(&engine->table);
  free_classes(engine);
  engine->mem.free(engine->mem.ctx, engine, sizeof *engine, 64);
}

const struct sl_secret *sl_engine_secret(const struct sl_engine *engine) { return &engine->secret; }

// ---- classes

static void lock_classes(struct sl_engine *engine) {
  for (unsigned round = 0;
       atomic_exchange_explicit(&engine->classes_locked, 1, memory_order_acquire) != 0; round++) {
    engine->relax(engine->relax_ctx, round);
  }
}

static void unlock_classes(struct sl_engine *engine) {
  atomic_store_explicit(&engine->classes_locked, 0, memory_order_release);
}

static struct sl_hash print_of(const struct sl_engine *engine, const struct sl_limit *limit) {
  uint64_t words[SL_LIMIT_WORDS];
  sl_limit_words(limit, words);
  return sl_hash_bytes(&engine->secret, words, sizeof words);
}

// The class with this print, or else the first free place in *ret_free (-1: none).
static struct sl_class *find_class(struct sl_engine *engine, struct sl_hash print, int *ret_free) {
  *ret_free = -1;
  for (int c = 0; c < CLASS_CHUNKS; c++) {
    struct sl_class **chunk = atomic_load_explicit(&engine->class_chunks[c], memory_order_relaxed);
    for (int i = 0; chunk != NULL && i < CLASS_CHUNK; i++) {
      struct sl_class *class = chunk[i];
      if (class != NULL && class->print.lo == print.lo && class->print.hi == print.hi) {
        return class;
      }
      if (class == NULL && *ret_free < 0) {
        *ret_free = c * CLASS_CHUNK + i;
      }
    }
    if (chunk == NULL) {
      // Chunks are filled in order and never given back.
      *ret_free = *ret_free < 0 ? c * CLASS_CHUNK : *ret_free;
      break;
    }
  }
  return NULL;
}

static bool mark_class(void *ctx, uint16_t class_id, uint64_t tag, uint64_t cell) {
  (void)tag;
  (void)cell;
  unsigned char *used = ctx;
  used[class_id] = 1;
  return false;
}

// Frees the classes that nobody holds and no bucket has. Buckets of an unheld class only ever go,
// so what is not seen here stays unseen. Under the classes' lock.
static enum sl_status collect_classes(struct sl_engine *engine) {
  unsigned char *used = sl_mem_array(&engine->mem, SL_CLASS_MAX, 1, 64);
  if (used == NULL) {
    return SL_ERR_MEMORY;
  }
  sl_table_visit(&engine->table, mark_class, used);
  for (int id = 0; id < SL_CLASS_MAX; id++) {
    struct sl_class **chunk = engine->class_chunks[id / CLASS_CHUNK];
    struct sl_class *class = chunk != NULL ? chunk[id % CLASS_CHUNK] : NULL;
    if (class != NULL && class->holders == 0 && used[id] == 0) {
      chunk[id % CLASS_CHUNK] = NULL;
      engine->capped.free(engine, class, sizeof *class, 64);
    }
  }
  sl_mem_free_aligned(&engine->mem, used, SL_CLASS_MAX, 64);
  return SL_OK;
}

static enum sl_class_kind kind_of(const struct sl_limit *limit) {
  if (limit->algorithm == SL_UNLIMITED) {
    return SL_CLASS_UNLIMITED;
  }
  if (sl_record_ops_of(limit) != NULL) {
    return SL_CLASS_RECORD;
  }
  return limit->algorithm == SL_LEAKY_BUCKET ? SL_CLASS_LEAKY : SL_CLASS_STAMP;
}

static enum sl_status add_class(struct sl_engine *engine, const struct sl_limit *limit,
                                struct sl_hash print, int id, struct sl_class **ret_class) {
  uint64_t now_ns = engine->latest_ns;
  enum sl_status status = SL_OK;
  void *memory;
  if (engine->class_chunks[id / CLASS_CHUNK] == NULL) {
    status = sl_engine_alloc(engine, CLASS_CHUNK * sizeof(struct sl_class *), 64, now_ns, &memory);
    if (status != SL_OK) {
      return status;
    }
    atomic_store_explicit(&engine->class_chunks[id / CLASS_CHUNK], memory, memory_order_release);
  }
  status = sl_engine_alloc(engine, sizeof(struct sl_class), 64, now_ns, &memory);
  if (status != SL_OK) {
    return status;
  }
  struct sl_class *class = memory;
  *class = (struct sl_class){.kind = kind_of(limit),
                             .limit = *limit,
                             .ops = sl_record_ops_of(limit),
                             .print = print,
                             .id = (uint16_t)id};
  engine->class_chunks[id / CLASS_CHUNK][id % CLASS_CHUNK] = class;
  if (class->ops == NULL && limit->timeline.horizon_ns < engine->horizon_ns) {
    engine->horizon_ns = limit->timeline.horizon_ns;
    engine->sweep_due_ns =
        sl_min_u64(engine->sweep_due_ns, engine->latest_ns + engine->horizon_ns / 4);
  }
  *ret_class = class;
  return SL_OK;
}

static enum sl_status hold_class_locked(struct sl_engine *engine, const struct sl_limit *limit,
                                        struct sl_class **ret_class) {
  struct sl_hash print = print_of(engine, limit);
  int free_id;
  struct sl_class *class = find_class(engine, print, &free_id);
  enum sl_status status = SL_OK;
  if (class == NULL && free_id < 0) {
    status = collect_classes(engine);
    class = find_class(engine, print, &free_id);
  }
  if (class == NULL && status == SL_OK) {
    status = free_id < 0 ? SL_ERR_FULL : add_class(engine, limit, print, free_id, &class);
  }
  if (class != NULL) {
    class->holders++;
    *ret_class = class;
  }
  return status;
}

enum sl_status sl_engine_hold_class(struct sl_engine *engine, const struct sl_limit *limit,
                                    const struct sl_class **ret_class) {
  struct sl_class *class = NULL;
  lock_classes(engine);
  enum sl_status status = hold_class_locked(engine, limit, &class);
  unlock_classes(engine);
  *ret_class = class;
  return status;
}

void sl_engine_drop_class(struct sl_engine *engine, const struct sl_class *class) {
  lock_classes(engine);
  struct sl_class *own = sl_engine_class(engine, class->id);
  sl_assert(own == class && own->holders > 0);
  own->holders--;
  unlock_classes(engine);
}

// ---- time

struct leap {
  const struct sl_engine *engine;
  uint64_t from_ns, to_ns;
};

// Was the bucket, as it stood before the leap, fresh by its end? Judged from before, where stamps
// can be read.
static bool fresh_after_leap(void *ctx, uint16_t class_id, uint64_t tag, uint64_t cell) {
  (void)tag;
  const struct leap *leap = ctx;
  const struct sl_class *class = sl_engine_class(leap->engine, class_id);
  const struct sl_timeline *tl = &class->limit.timeline;
  if (class->ops != NULL) {
    return false;  // records hold whole times; the next touch sees to them
  }
  uint64_t debt = sl_stamp_debt(&class->limit, cell, sl_timeline_now(tl, leap->from_ns));
  return sl_timeline_wait(tl, leap->from_ns, debt) <= leap->to_ns - leap->from_ns;
}

// Looks at every bucket before any stamp could be misread for its age.
static void sweep_for_age(struct sl_engine *engine, uint64_t from_ns, uint64_t to_ns) {
  uint64_t due = atomic_load_explicit(&engine->sweep_due_ns, memory_order_relaxed);
  uint64_t next = sl_add_sat_u64(to_ns, engine->horizon_ns / 4);
  if (to_ns <= due || !atomic_compare_exchange_strong(&engine->sweep_due_ns, &due, next)) {
    return;
  }
  struct leap leap = {.engine = engine, .from_ns = from_ns, .to_ns = to_ns};
  sl_table_visit(&engine->table, fresh_after_leap, &leap);
}

uint64_t sl_engine_now(struct sl_engine *engine, uint64_t reading_ns) {
  uint64_t now_ns = sl_min_u64(reading_ns, SL_TIME_MAX_NS - 1);
  uint64_t latest = atomic_load_explicit(&engine->latest_ns, memory_order_relaxed);
  if (sl_engine_now_fast(engine, now_ns, &now_ns)) {
    return now_ns;
  }
  atomic_store_explicit(&engine->latest_ns, now_ns, memory_order_relaxed);
  sweep_for_age(engine, latest, now_ns);
  return now_ns;
}

// ---- looking after it

size_t sl_engine_sweep(struct sl_engine *engine, size_t lines, uint64_t now_ns) {
  size_t each = lines / SL_TABLE_FAMILIES + 1;
  size_t dropped_count = 0;
  for (size_t done = 0; done < lines; done += each) {
    uint32_t family = atomic_fetch_add_explicit(&engine->sweep_family, 1, memory_order_relaxed) %
                      SL_TABLE_FAMILIES;
    dropped_count += sl_table_sweep(&engine->table, family, each, now_ns);
  }
  return dropped_count;
}

void sl_engine_get_stats(const struct sl_engine *engine, struct sl_engine_stats *ret_stats) {
  *ret_stats = (struct sl_engine_stats){
      .buckets = engine->table.count,
      .bytes = engine->used_bytes,
      .max_bytes = engine->max_bytes,
      .dropped_fresh = engine->dropped_fresh,
      .dropped_lossy = engine->dropped_lossy,
      .denied_full = engine->denied_full,
      .allowed_full = engine->allowed_full,
  };
}
