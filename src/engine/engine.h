// engine.h - the Rate Limiter on one machine: limits and keys in, decisions out, for any number of
// threads.
//
// The engine owns the buckets. A caller registers each limit once (a `class`), hashes its keys
// under the engine's secret and asks; rule sets are bound (engine/bound.h) so that hits of the
// Client Identifier Builder find their classes. Nothing here reads a clock: `now_ns` comes in, and
// goes through sl_engine_now first, which sees to it that it never goes back.
//
// Guarantees, for any number of threads:
//   - one bucket: a decision is one compare-and-swap; a refused request writes nothing;
//   - several: all are locked in one order, all tested, then all written, or none; no other
//   decision
//     ever sees a tentative charge;
//   - a bucket that equals a fresh one may vanish, and nobody can tell.
#ifndef SL_ENGINE_ENGINE_H
#define SL_ENGINE_ENGINE_H

#include "algo/limit.h"
#include "algo/stamp.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"

struct sl_engine;

// What happens to a new key when the memory cap is reached and nothing fresh is there to drop.
enum sl_when_full {
  SL_FULL_EVICT,  // the nearest to fresh of some sampled buckets is dropped, and counted as lossy
  SL_FULL_DENY,   // the new key is throttled
  SL_FULL_ALLOW,  // the new key is allowed, uncounted
};

struct sl_engine_options {
  struct sl_mem mem;
  struct sl_secret secret;  // keys every hash; random per process
  size_t max_bytes;         // the memory cap: SL_ENGINE_BYTES_MIN and more
  enum sl_when_full when_full;
  void (*relax)(void *ctx,
                unsigned round);  // called while waiting for another thread; round 0, 1, ...
  void *relax_ctx;
};

enum { SL_ENGINE_BYTES_MIN = 256 * 1024 };

// SL_OK; SL_ERR_MEMORY; SL_ERR_RANGE when max_bytes is below the least.
enum sl_status sl_engine_create(const struct sl_engine_options *options,
                                struct sl_engine **ret_engine) SL_MUST_USE;
// No other thread may be using it. NULL is ignored.
void sl_engine_destroy(struct sl_engine *engine);

const struct sl_secret *sl_engine_secret(const struct sl_engine *engine);

// The time to decide at: `reading_ns`, or the latest ever passed if that is later (SEMANTICS 1).
// Readings at or beyond SL_TIME_MAX_NS are read as the last instant. A leap over years sweeps the
// table. Thread-safe. Call it once for each reading, not for each decision.
uint64_t sl_engine_now(struct sl_engine *engine, uint64_t reading_ns);

// ---- classes: the limits in use

// How a bucket of a class is decided.
enum sl_class_kind { SL_CLASS_STAMP, SL_CLASS_LEAKY, SL_CLASS_RECORD, SL_CLASS_UNLIMITED };

// A registered limit. Equal limits share one class; it lives while somebody holds it or a bucket of
// it exists.
struct sl_class {
  enum sl_class_kind kind;
  struct sl_limit limit;
  const struct sl_record_ops *ops;  // NULL: a bucket is one stamp
  struct sl_hash print;             // keyed fingerprint of the limit
  uint16_t id;
  uint32_t holders;
};

// SL_OK: *ret_class is valid until sl_engine_drop_class; SL_ERR_MEMORY; SL_ERR_FULL: 16,384
// different limits are in use, or the memory cap is reached. Thread-safe, not for the decision
// path.
enum sl_status sl_engine_hold_class(struct sl_engine *engine, const struct sl_limit *limit,
                                    const struct sl_class **ret_class) SL_MUST_USE;
void sl_engine_drop_class(struct sl_engine *engine, const struct sl_class *class);

// ---- decisions

// One bucket to decide about.
struct sl_ask {
  const struct sl_class *class;
  struct sl_hash bucket;  // key xor class->print, or any keyed hash of the caller's
  uint64_t cost;          // 0 to SL_COST_MAX; 0 is a look
  bool shadow;  // decided after the enforced ones, as if it alone were added (SEMANTICS 19)
};

// One bucket, decided.
//   SL_OK          *ret_decision is filled
//   SL_ERR_MEMORY  an allocation failed (not the cap: that is options.when_full); nothing was
//   charged
// Thread-safe.
enum sl_status sl_engine_take(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                              struct sl_decision *ret_decision) SL_MUST_USE;

// `count` buckets, each decided by itself, in order, as if asked one after the other; memory is
// fetched ahead. ret_decisions has `count` places. SL_ERR_MEMORY: those that failed are decided as
// throttled.
enum sl_status sl_engine_take_each(struct sl_engine *engine, const struct sl_ask *asks,
                                   size_t count, uint64_t now_ns,
                                   struct sl_decision *ret_decisions) SL_MUST_USE;

// Brings the bucket's memory near; no effect otherwise. sl_engine_take_each does it by itself.
void sl_engine_prefetch(const struct sl_engine *engine, const struct sl_ask *ask);

enum { SL_TOGETHER_MAX = 128 };

// Several buckets of one request, all or nothing (SEMANTICS 16 to 19): every enforced one admits
// and all are charged, or none is; then each shadow one. ret_decisions[i] says what ask i itself
// says: a rule's own verdict, and its figures for the state that was left. *ret_allowed is the
// request's answer. `look`: nothing is charged, the answer is what it would be (PEEK).
//   SL_ERR_ARGUMENT  count above SL_TOGETHER_MAX, or two asks for one bucket
//   SL_ERR_MEMORY    nothing was charged
enum sl_status sl_engine_take_together(struct sl_engine *engine, const struct sl_ask *asks,
                                       size_t count, uint64_t now_ns, bool look,
                                       struct sl_decision *ret_decisions,
                                       bool *ret_allowed) SL_MUST_USE;

// Takes without asking, into debt of at most max_wait (SEMANTICS 21). *ret_decision: the figures
// afterwards.
enum sl_status sl_engine_charge(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                                struct sl_decision *ret_decision) SL_MUST_USE;

// Makes the bucket fresh. True when there was one.
bool sl_engine_reset(struct sl_engine *engine, const struct sl_class *class, struct sl_hash bucket);

// Concurrency: ends, or renews from now, the lease of a slot. Idempotent: *ret_held false when
// nobody holds it (any more). SL_ERR_UNSUPPORTED for other limits.
enum sl_status sl_engine_release(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                                 uint64_t now_ns, bool *ret_held) SL_MUST_USE;
enum sl_status sl_engine_renew(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                               uint64_t now_ns, bool *ret_held) SL_MUST_USE;

// Reservations (SEMANTICS 33, 35) on token_bucket, leaky_bucket and fixed_window;
// SL_ERR_UNSUPPORTED for the others. The decision is `allowed` with wait_ns, `throttled` when the
// wait would exceed max_wait, `never` when the cost exceeds the burst. *ret_receipt is for
// cancelling.
enum sl_status sl_engine_reserve(struct sl_engine *engine, const struct sl_ask *ask,
                                 uint64_t now_ns, struct sl_receipt *ret_receipt,
                                 struct sl_decision *ret_decision) SL_MUST_USE;
// Several at once, all or nothing as sl_engine_take_together, shadow asks after the enforced ones:
// every enforced one admits within a wait of `longest_ns` (UINT64_MAX: its own max_wait alone
// bounds it) and all are booked, or none is. No other decision ever sees a booking that goes.
// ret_receipts[i].cost is 0 where nothing was booked. Of one that would wait too long
// retry_after_ns says when it would not.
//   SL_ERR_UNSUPPORTED  a limit that cannot be reserved is among them; SL_ERR_ARGUMENT,
//   SL_ERR_MEMORY
enum sl_status sl_engine_reserve_together(struct sl_engine *engine, const struct sl_ask *asks,
                                          size_t count, uint64_t now_ns, uint64_t longest_ns,
                                          struct sl_receipt *ret_receipts,
                                          struct sl_decision *ret_decisions,
                                          bool *ret_allowed) SL_MUST_USE;
// Gives a reservation back as far as line 35 allows. A receipt is good for one cancel.
enum sl_status sl_engine_cancel(struct sl_engine *engine, const struct sl_ask *ask,
                                const struct sl_receipt *receipt, uint64_t now_ns) SL_MUST_USE;

// ---- looking after it

// Drops fresh buckets in about `lines` lines of the table (one call visits each at most once),
// going on where the last call ended. Returns how many were dropped. For idle moments; the engine
// keeps itself within its cap without it.
size_t sl_engine_sweep(struct sl_engine *engine, size_t lines, uint64_t now_ns);

struct sl_engine_stats {
  size_t buckets;
  size_t bytes;  // of the table and the records
  size_t max_bytes;
  uint64_t dropped_fresh;              // lossless
  uint64_t dropped_lossy;              // buckets that were not fresh
  uint64_t denied_full, allowed_full;  // new keys at the cap, by when_full
};
void sl_engine_get_stats(const struct sl_engine *engine, struct sl_engine_stats *ret_stats);

#endif
