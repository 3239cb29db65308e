// top.h - the busiest keys lately, in bounded memory.
//
// Source: SpaceSaving (Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and
// top-k elements in data streams", ICDT 2005), with weights that fade by forward decay (Cormode,
// Shkapenyuk, Srivastava and Xu, "Forward decay", ICDE 2009).
//
// What is promised. A note made at time t counts 2^((t - now) / half_life) now: one as old as the
// half life counts half. (Time is cut into 16 steps a half life; within a step nothing fades.) Let
// N be the sum of all notes so counted and k the number of entries. Then
//   - every key whose own sum exceeds N / k is among the entries;
//   - an entry's `matched` is its key's sum, or above it by at most its `error`, and error <= N /
//   k;
//   - an entry's `throttled` is its key's throttled sum, or below it by at most `error`.
// Sums stand still at 2^39 requests a half life. This is of what was noted. Notes are lost while
// another thread is writing, and left out on purpose by sampling; both take no account of the key,
// so shares stay what they are.
//
// Cost: a note finds its entry by hash and moves it in a heap by weight: O(log k), no allocation.
// The strings of a key are copied only when a key takes an entry.
#ifndef SL_ENGINE_TOP_H
#define SL_ENGINE_TOP_H

#include "base/hash.h"
#include "base/mem.h"
#include "base/prng.h"
#include "base/status.h"

struct sl_top;

enum {
  SL_TOP_ENTRIES_DEFAULT = 1024,
  SL_TOP_ENTRIES_MAX = 65536,
  SL_TOP_VALUES_MAX = 8,
  SL_TOP_TEXT_MAX = 384,  // bytes kept of a rule's id and a key's values together
};
#define SL_TOP_HALF_LIFE_DEFAULT_NS (UINT64_C(60) * 1000000000)
#define SL_TOP_HALF_LIFE_MIN_NS UINT64_C(1000000000)

struct sl_top_options {
  struct sl_mem mem;
  size_t entries;         // k: 1 to SL_TOP_ENTRIES_MAX; 0: SL_TOP_ENTRIES_DEFAULT
  uint64_t half_life_ns;  // SL_TOP_HALF_LIFE_MIN_NS and more; 0: the default; UINT64_MAX: no fading
  void (*relax)(void *ctx, unsigned round);  // as in sl_engine_options; NULL: spins
  void *relax_ctx;
};

// SL_OK; SL_ERR_RANGE an option outside its range; SL_ERR_MEMORY. Some 480 bytes an entry.
enum sl_status sl_top_create(const struct sl_top_options *options,
                             struct sl_top **ret_top) SL_MUST_USE;
// No other thread may be using it. NULL is ignored.
void sl_top_destroy(struct sl_top *top);

// A key as the caller has it; the strings are copied, as far as they fit.
struct sl_top_key {
  struct sl_hash hash;  // of rule and values, keyed: what tells keys apart
  struct sl_str rule;
  const struct sl_str *values;  // absent ones as in rule/request.h: ptr NULL, len SIZE_MAX
  size_t value_count;           // those beyond SL_TOP_VALUES_MAX are left out
};

// Counts `weight` requests of a key (1, or the sampling rate), `throttled` of which were refused;
// weight up to 2^20, throttled <= weight. False when another thread was at it and nothing was
// counted. Never waits. `now_ns` below one seen before is read as that. Thread-safe.
bool sl_top_note(struct sl_top *top, const struct sl_top_key *key, uint64_t weight,
                 uint64_t throttled, uint64_t now_ns);

// One thread's sampling: every so many requests one is due, at random distances, and stands for
// all. Zero-initialise, and seed with sl_prng_seed where threads are to differ.
struct sl_top_sampler {
  struct sl_prng prng;
  uint32_t passed_over;  // to pass over until the next
};

// True when this request is to be noted, with weight `rate` (1 to 2^20; 1 is always).
static inline bool sl_top_due(struct sl_top_sampler *sampler, uint32_t rate) {
  if (sampler->passed_over > 0) {
    sampler->passed_over--;
    return false;
  }
  if (rate > 1) {
    // Uniform in [0, 2 rate - 2]: rate - 1 are passed over in the mean, and no rhythm of the
    // traffic meets its own.
    sampler->passed_over = (uint32_t)sl_prng_below(&sampler->prng, 2 * (uint64_t)rate - 1);
  }
  return true;
}

// An entry, copied out.
struct sl_top_item {
  struct sl_hash hash;
  uint64_t matched;    // faded requests, rounded to whole ones
  uint64_t throttled;  // of them
  uint64_t error;      // the most that `matched` is too large by, rounded up
  uint8_t rule_len;
  uint8_t value_count;
  bool cut;                               // a value is not whole
  uint16_t value_len[SL_TOP_VALUES_MAX];  // SL_TOP_ABSENT: absent
  char text[SL_TOP_TEXT_MAX];             // the rule's id, then the values, without gaps
};

enum { SL_TOP_ABSENT = UINT16_MAX };

struct sl_str sl_top_item_rule(const struct sl_top_item *item);
// Value `index` below item->value_count; ptr NULL and len SIZE_MAX when absent.
struct sl_str sl_top_item_value(const struct sl_top_item *item, size_t index);

enum sl_top_order { SL_TOP_BY_MATCHED, SL_TOP_BY_THROTTLED };

// The busiest first, at most `most` of them, into ret_items; what has faded below half a request is
// left out. Ties by the other figure, then by hash. Returns how many. Waits for a note under way
// (some hundred nanoseconds); notes that come while it copies are lost, not delayed. Thread-safe.
size_t sl_top_snapshot(struct sl_top *top, enum sl_top_order order, uint64_t now_ns, size_t most,
                       struct sl_top_item *ret_items);

// Keys of one rule (by id), or all when rule.len is 0, are forgotten. Returns how many.
// Thread-safe.
size_t sl_top_forget(struct sl_top *top, struct sl_str rule);

struct sl_top_stats {
  size_t entries;  // in use
  uint64_t noted;  // calls that were counted
  uint64_t lost;   // calls that were not, because another thread was at it
  uint64_t total;  // N: all notes, faded, in requests
};
void sl_top_get_stats(struct sl_top *top, uint64_t now_ns, struct sl_top_stats *ret_stats);

#endif
