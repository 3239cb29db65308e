// limit.h - what a limit is: the numbers somebody wrote (sl_limit_spec), the same prepared for
// deciding (sl_limit), and what a decision says (sl_decision). The algorithms themselves stand in
// files of their own: token_bucket.h, leaky_bucket.h, fixed_window.h, sliding_log.h,
// sliding_window.h, sub_windows.h, concurrency.h; the library's waiting limiters in smooth.h and
// self_pay.h.
//
// Every algorithm is a set of plain functions of (limit, state, now, cost). Nothing here reads a
// clock, locks or allocates. `now_ns` is Unix time in nanoseconds in [0, SL_TIME_MAX_NS) and never
// goes back for one state; the engine sees to that.
#ifndef SL_ALGO_LIMIT_H
#define SL_ALGO_LIMIT_H

#include "algo/timeline.h"
#include "base/status.h"
#include "base/text.h"
#include "base/units.h"

enum sl_algorithm {
  SL_UNLIMITED,  // admits always, keeps no state
  SL_TOKEN_BUCKET,
  SL_LEAKY_BUCKET,
  SL_FIXED_WINDOW,
  SL_SLIDING_LOG,
  SL_SLIDING_WINDOW,  // weighted, or strict where sub_windows > 0
  SL_CONCURRENCY,
  SL_ALGORITHM_COUNT
};

// "token_bucket", "sliding_window", ...; "unlimited".
const char *sl_algorithm_name(enum sl_algorithm algorithm);

// Documented ranges (SEMANTICS 9).
#define SL_COUNT_MAX (UINT64_C(1) << 40)
#define SL_PERIOD_MIN_NS SL_NS_PER_MS
#define SL_PERIOD_MAX_NS (366 * SL_NS_PER_D)
#define SL_COST_MAX INT64_MAX
// 100 years of 365.25 days: the longest that burst x interval may last.
#define SL_DEBT_MAX_NS (UINT64_C(36525) * SL_NS_PER_D)
#define SL_LOG_COUNT_MAX 100000
#define SL_SUB_WINDOWS_MAX 1000
#define SL_MAX_WAIT_DEFAULT_NS (60 * SL_NS_PER_S)
#define SL_LEASE_DEFAULT_NS (60 * SL_NS_PER_S)

// A limit as written in a rule or by a caller of the library. Zero-initialise, then set what is
// meant.
struct sl_limit_spec {
  enum sl_algorithm algorithm;
  bool has_burst;      // else burst is the default of the algorithm and guarantee
  bool any_window;     // token_bucket: guarantee: any_window (SEMANTICS 25)
  bool count_refused;  // sliding_log
  uint64_t count;      // N of rate N/period: 0 to SL_COUNT_MAX; 0 is a ban
  uint64_t period_ns;  // SL_PERIOD_MIN_NS to SL_PERIOD_MAX_NS
  uint64_t burst;      // token_bucket: 0 to SL_COUNT_MAX
  uint64_t jitter_ns;  // with any_window: 0 to SL_PERIOD_MAX_NS
  uint64_t queue;      // leaky_bucket: 0 to SL_COUNT_MAX - 1
  uint64_t
      sub_windows;  // sliding_window: 0 weighted, else 1 to SL_SUB_WINDOWS_MAX, divides the period
  uint64_t slots;   // concurrency: 0 to SL_LOG_COUNT_MAX
  uint64_t lease_ns;  // concurrency: SL_PERIOD_MIN_NS to SL_PERIOD_MAX_NS
  uint64_t
      max_wait_ns;  // how far reservations and charges may reach into debt: 0 to SL_PERIOD_MAX_NS
};

// A limit prepared for deciding; immutable afterwards and free to copy and to share between
// threads.
struct sl_limit {
  enum sl_algorithm algorithm;
  bool count_refused;
  uint64_t size;                // the largest cost ever admitted: B, Q + 1, N or slots
  uint64_t unit;                // stamp units per token (1 for windows)
  uint64_t unit_inverse;        // stamps: floor((2^64 - 1) / unit), to divide by multiplying
  uint64_t size_units;          // size x unit
  uint64_t debt_units;          // size_units + max_wait: no stamp is ever further ahead of now
  struct sl_timeline timeline;  // stamps: how units pass; see timeline.h
  uint64_t window_ns;           // fixed_window and sliding ones: the window; concurrency: the lease
  uint64_t sub_window_ns;       // strict sliding_window: window / sub_windows
  uint64_t sub_windows;
  uint64_t max_wait_ns;
  uint64_t rate_count;  // as derived: the rate is rate_count / rate_period_ns exactly
  uint64_t rate_period_ns;
};

// Checks every range and derives what deciding needs.
//   SL_OK           *ret_limit is ready; `message` holds a warning with its numbers, or is empty
//   SL_ERR_RANGE    a number is outside its range, SL_ERR_INVALID numbers that do not fit each
//   other;
//                   `message` says which, with the numbers and the range
// Thread-safe (no state).
enum sl_status sl_limit_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                struct sl_text *message) SL_MUST_USE;

// A spec with the algorithm's defaults (max_wait and lease as above), unlimited by itself.
struct sl_limit_spec sl_limit_spec_default(enum sl_algorithm algorithm);

// A number that differs where two limits differ in a way that a bucket would notice (SEMANTICS 14,
// 42): the words of a canonical encoding, for hashing. Writes SL_LIMIT_WORDS words.
enum { SL_LIMIT_WORDS = 8 };
void sl_limit_words(const struct sl_limit *limit, uint64_t *ret_words);

// ---- decisions

enum sl_verdict { SL_ALLOWED = 0, SL_THROTTLED = 1, SL_NEVER = 2 };

const char *sl_verdict_name(enum sl_verdict verdict);  // "allowed", "throttled", "never"

// What a decision says, for the state it leaves (SEMANTICS 15). Times are nanoseconds, rounded up.
struct sl_decision {
  enum sl_verdict verdict;
  uint64_t limit;      // the largest cost ever admitted; UINT64_MAX where unlimited
  uint64_t remaining;  // the largest cost admitted now; UINT64_MAX where unlimited
  uint64_t
      retry_after_ns;  // throttled: the least wait after which the same request, alone, is admitted
  uint64_t reset_after_ns;  // the least wait until the bucket equals a fresh one
  uint64_t wait_ns;         // leaky_bucket and reservations: how long the admitted caller waits
  uint64_t slot;            // concurrency: names the admission, for release and renew; else 0
};

#endif
