// throttle.h - buckets whose limit comes with each call: what CL.THROTTLE decides about.
//
// A bucket is one stamp in nanoseconds of engine time: when it will be fresh again, the generic
// cell rate algorithm's theoretical arrival time. A call brings its own quota, and a stamp that was
// left under another quota is read as it stands: that is what a caller of redis-cell is used to.
//
// They are a namespace of their own, keyed by the key alone (SEMANTICS 20): a table beside that of
// the rules, which takes its memory from the engine's cap, at most half of it, and drops only its
// own buckets to make room.
//
// A token's interval is rounded up to whole nanoseconds, once, when the quota is made. So the rate
// is never exceeded, a burst is exactly max_burst + 1, and no figure needs rounding but the
// seconds.
#ifndef SL_ENGINE_THROTTLE_H
#define SL_ENGINE_THROTTLE_H

#include "engine/engine.h"

struct sl_throttles;
struct sl_slot;

// What one call says: prepared, so that deciding needs no division.
struct sl_quota {
  int64_t limit;         // max_burst + 1, for the answer; saturates at INT64_MAX
  uint64_t interval_ns;  // that one token takes, rounded up; at least 1
  uint64_t inverse;      // floor((2^64 - 1) / interval_ns), to divide by multiplying
  uint64_t size;     // tokens that a fresh bucket gives: limit, or fewer where they last 146 years
  uint64_t room_ns;  // size x interval_ns, below 2^62: the debt that a bucket may have
  bool refuses_all;  // max_burst below -1: not even a cost of 0 is admitted
};

// `count` tokens per `period_s` seconds, and max_burst of them beyond the first at once.
//   SL_OK
//   SL_ERR_RANGE  count or period_s is below 0
//   SL_ERR_INVALID  a zero rate: count or period_s is 0, or a token takes less than a nanosecond
// Every other value is taken: a bucket that would last more than 2^62 ns (146 years) ends there.
enum sl_status sl_quota_make(int64_t max_burst, int64_t count, int64_t period_s,
                             struct sl_quota *ret_quota) SL_MUST_USE;

struct sl_throttled {
  bool limited;
  bool never;  // limited, and waiting is no use
  int64_t limit;
  uint64_t remaining;
  uint64_t retry_after_ns;  // limited and not never: exact
  uint64_t reset_after_ns;  // exact
};

// The decision alone: a plain function of quota, stamp (any; at or before now_ns is fresh), now_ns
// (below SL_TIME_MAX_NS) and cost. *ret_stamp is the stamp to keep where the result says that it
// was not limited and cost > 0.
static inline void sl_quota_decide(const struct sl_quota *quota, uint64_t stamp, uint64_t now_ns,
                                   uint64_t cost, uint64_t *ret_stamp,
                                   struct sl_throttled *ret_throttled) {
  uint64_t debt = stamp > now_ns ? stamp - now_ns : 0;
  // Where cost <= size the product is at most room_ns, and debt is below 2^62: nothing overflows.
  bool never = cost > quota->size || quota->refuses_all;
  uint64_t after = never ? debt : debt + cost * quota->interval_ns;
  bool limited = never || after > quota->room_ns;
  uint64_t left = limited ? debt : after;
  uint64_t room = quota->room_ns > left ? quota->room_ns - left : 0;
  // The inverse is low, and by so little that the quotient is right or one too small.
  uint64_t tokens = (uint64_t)(((sl_u128)room * quota->inverse) >> 64);
  *ret_stamp = now_ns + left;
  ret_throttled->limited = limited;
  ret_throttled->never = never;
  ret_throttled->limit = quota->limit;
  ret_throttled->remaining = tokens + (room - tokens * quota->interval_ns >= quota->interval_ns);
  ret_throttled->retry_after_ns = limited && !never ? after - quota->room_ns : 0;
  ret_throttled->reset_after_ns = left;
}

// ---- the namespace

// Makes an empty one within the engine's memory cap: at most `max_bytes`, 0 for half of the cap.
//   SL_OK; SL_ERR_MEMORY; SL_ERR_RANGE: max_bytes is below the least (76 KiB)
// It must be destroyed before the engine. Not thread-safe with itself.
enum sl_status sl_throttles_create(struct sl_engine *engine, size_t max_bytes,
                                   struct sl_throttles **ret_throttles) SL_MUST_USE;
// No other thread may be using it. NULL is ignored.
void sl_throttles_destroy(struct sl_throttles *throttles);

// The bucket of a key, under the engine's secret.
struct sl_hash sl_throttle_bucket(const struct sl_throttles *throttles, struct sl_str key);

// Brings the bucket's memory near; for each of a batch as soon as its key is known.
void sl_throttle_prefetch(const struct sl_throttles *throttles, struct sl_hash bucket);

// Where the bucket most likely is, for sl_throttle_take; NULL when not found there. For a batch:
// find all, then take all.
struct sl_slot *sl_throttle_find(const struct sl_throttles *throttles, struct sl_hash bucket);

// Decides and charges: one compare-and-swap; what is limited writes nothing. `slot` is what find
// said, or NULL. At the memory cap a new key meets the engine's `when_full`. now_ns comes from
// sl_engine_now. Thread-safe.
void sl_throttle_take(struct sl_throttles *throttles, struct sl_slot *slot, struct sl_hash bucket,
                      const struct sl_quota *quota, uint64_t cost, uint64_t now_ns,
                      struct sl_throttled *ret_throttled);

// Makes the bucket fresh. True when there was one.
bool sl_throttle_reset(struct sl_throttles *throttles, struct sl_hash bucket);

// As sl_engine_sweep: drops fresh buckets in about `lines` lines of the table.
size_t sl_throttles_sweep(struct sl_throttles *throttles, size_t lines, uint64_t now_ns);

struct sl_throttles_stats {
  size_t buckets;
  size_t bytes;
  size_t max_bytes;
  uint64_t dropped_fresh;              // lossless
  uint64_t dropped_lossy;              // buckets that were not fresh
  uint64_t denied_full, allowed_full;  // new keys at the cap, by when_full
};
void sl_throttles_get_stats(const struct sl_throttles *throttles,
                            struct sl_throttles_stats *ret_stats);

#endif
