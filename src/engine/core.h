// core.h - private to engine/: the engine's inside, and buckets held under their lock bit.
#ifndef SL_ENGINE_CORE_H
#define SL_ENGINE_CORE_H

#include "algo/record.h"
#include "engine/engine.h"
#include "engine/table.h"

enum { CLASS_CHUNK = 256, CLASS_CHUNKS = SL_CLASS_MAX / CLASS_CHUNK };

struct sl_engine {
  struct sl_table table;
  _Atomic uint64_t latest_ns;     // the latest time seen
  _Atomic uint64_t sweep_due_ns;  // when every bucket must have been looked at again, for its age
  _Atomic uint64_t horizon_ns;    // the least of all classes: no stamp may go unseen for longer
  enum sl_when_full when_full;
  struct sl_secret secret;
  struct sl_mem mem;     // the caller's
  struct sl_mem capped;  // the same, within max_bytes
  size_t max_bytes;
  _Atomic size_t used_bytes;
  void (*relax)(void *ctx, unsigned round);
  void *relax_ctx;
  _Atomic uint32_t classes_locked;
  _Atomic(struct sl_class **) class_chunks[CLASS_CHUNKS];
  _Atomic uint32_t sweep_family;
  _Atomic uint64_t next_slot;  // names of concurrency slots are hashes of this counter
  _Atomic uint64_t dropped_fresh, dropped_lossy, denied_full, allowed_full;
};

static inline struct sl_class *sl_engine_class(const struct sl_engine *engine, uint16_t id) {
  struct sl_class **chunk =
      atomic_load_explicit(&engine->class_chunks[id / CLASS_CHUNK], memory_order_acquire);
  return chunk[id % CLASS_CHUNK];
}

// Counts bytes towards the cap. False when they do not fit under it.
bool sl_engine_take_bytes(struct sl_engine *engine, size_t size);
void sl_engine_give_bytes(struct sl_engine *engine, size_t size);

// Memory within the cap; where there is none left, records that are fresh, or by `when_full`
// nearest to it, make room. SL_OK; SL_ERR_FULL at the cap; SL_ERR_MEMORY.
enum sl_status sl_engine_alloc(struct sl_engine *engine, size_t size, size_t align, uint64_t now_ns,
                               void **ret_ptr) SL_MUST_USE;

// ---- records: what the cell of a bucket that is more than a stamp refers to
// ---------------------------------

struct sl_record {
  uint32_t bytes;     // of state
  uint16_t class_id;  // whose it is: see sl_hold
  uint64_t now_ns;    // the latest time it was advanced to: no later one may bring an earlier
  unsigned char state[];
};

static inline struct sl_record *sl_cell_record(uint64_t cell) {
  return (struct sl_record *)(uintptr_t)(cell &
                                         ~SL_CELL_LOCK);  // NOLINT(performance-no-int-to-ptr):
                                                          // that is what a cell is
}

// A fresh record. SL_ERR_FULL at the cap, SL_ERR_MEMORY.
enum sl_status sl_record_create(struct sl_engine *engine, const struct sl_class *class,
                                uint64_t now_ns, struct sl_record **ret_record) SL_MUST_USE;
void sl_record_free(struct sl_engine *engine, struct sl_record *record);

// Where the bucket of an ask is.
static inline struct sl_place_of sl_ask_place(const struct sl_ask *ask) {
  return sl_table_place(ask->bucket, ask->class->ops != NULL);
}

// ---- held buckets: locked by this thread

struct sl_held {
  const struct sl_ask *ask;
  struct sl_place_of place;
  struct sl_slot
      *slot;      // NULL: there is no bucket (none was to be made, or there is no room for one)
  uint64_t cell;  // its content, lock bit clear: a stamp or a record
  enum sl_status room;  // SL_OK, or SL_ERR_FULL: no room, options.when_full decides
  bool created;
};

// Locks the bucket; makes it, fresh, where there is none and `create` says so (an unlimited limit
// has none). SL_OK (see room, slot); SL_ERR_MEMORY. A record is advanced with sl_held_advance next.
// Where the place is taken by a record of another class (two keys with the same kept bits, of which
// none is expected in the life of a machine), there is no room: a record is never read as what it
// is not.
enum sl_status sl_hold(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                       bool create, struct sl_held *ret_held) SL_MUST_USE;

// The time to decide at: now_ns, or what the record saw already, where another thread's clock was
// ahead.
uint64_t sl_held_now(const struct sl_held *held, uint64_t now_ns);
// Advances a record to now_ns, which is not before sl_held_now.
void sl_held_advance(struct sl_held *held, uint64_t now_ns);

// Writes held->cell back and unlocks; a bucket that is fresh at now_ns and was made here, or
// `drop_fresh`, goes.
void sl_let_go(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns, bool drop_fresh);

// Removes the bucket and unlocks.
void sl_let_die(struct sl_engine *engine, struct sl_held *held);

// For held buckets of both kinds. Without a bucket (slot NULL) they speak of a fresh one.
enum sl_status sl_held_test(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns,
                            uint64_t cost, enum sl_verdict *ret_verdict) SL_MUST_USE;
// Makes sure that committing needs no more memory. SL_ERR_FULL, SL_ERR_MEMORY.
enum sl_status sl_held_ready(struct sl_engine *engine, struct sl_held *held,
                             uint64_t now_ns) SL_MUST_USE;
// Commits what test allowed. *ret_wait_ns: leaky_bucket's wait.
void sl_held_commit(struct sl_held *held, uint64_t now_ns, uint64_t cost, uint64_t slot,
                    uint64_t *ret_wait_ns);
// leaky_bucket: the wait that committing would give.
uint64_t sl_held_wait(const struct sl_held *held, uint64_t now_ns, uint64_t cost);
void sl_held_figures(const struct sl_held *held, uint64_t now_ns, uint64_t cost,
                     enum sl_verdict verdict, struct sl_decision *ret_decision);

// The bucket's companion: the latest departure that cancelling has taken out of its stamp's sight.
// It is a stamp like any other and goes when that moment has passed.
static inline struct sl_hash sl_promise_of(struct sl_hash bucket) {
  return (struct sl_hash){.lo = bucket.lo ^ 0x5ca1ab1e0ddba11u, .hi = bucket.hi};
}

// Locks the buckets of all asks in one order, so that no two threads wait for each other, and makes
// the missing ones of a cost above 0 where `create` says so. *now_ns becomes the time to decide at.
// ret_held is as the asks are; `order` is scratch of `count` places.
//   SL_OK; SL_ERR_MEMORY, SL_ERR_ARGUMENT (two asks are one bucket): nothing is held
enum sl_status sl_hold_all(struct sl_engine *engine, const struct sl_ask *asks, size_t count,
                           bool create, uint64_t *now_ns, struct sl_held *ret_held,
                           struct sl_held **order) SL_MUST_USE;
void sl_let_all_go(struct sl_engine *engine, struct sl_held *held, size_t count, uint64_t now_ns);

uint64_t sl_engine_next_slot(struct sl_engine *engine);

// Sees to it that `when_full` is counted, and gives its verdict.
enum sl_verdict sl_verdict_when_full(struct sl_engine *engine);

#endif
