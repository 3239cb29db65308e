// sluice.h - libsluice: rate limits that are exact, fast, and yours to embed.
//
// What every function keeps to:
//   - Times are Unix time in nanoseconds, spans are nanoseconds. A parameter `now_ns` takes
//     SLUICE_NOW, and the handle's clock is read, or a reading of the caller's own clock below 2^62
//     (an event loop reads one a turn, with sluice_now). Time never goes back: a reading before the
//     latest counts as the latest.
//   - A result below 0 is an error, and then nothing was charged or changed. Bad arguments are
//     SLUICE_ERR_ARGUMENT, never an abort. Outputs come last and may be NULL where their text says
//     so.
//   - Any function may be called from any number of threads at once, but those that free.
//   - Callbacks (allocator, clock, sleep) must not call Sluice and must not throw.
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#  define SLUICE_API __attribute__((visibility("default")))
#else
#  define SLUICE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ==== sluice_version: the version of the library ====
//
// The macros tell the version of the header a program was compiled with, the function that of the
// library it runs with.

#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1
#define SLUICE_VERSION_PATCH 0
#define SLUICE_VERSION "0.1.0"

// The version of the library in use, "MAJOR.MINOR.PATCH". A constant; never NULL.
SLUICE_API const char *sluice_version(void);

// ==== sluice_status: results ====
//
// One vocabulary of results. A function that decides returns SLUICE_ALLOWED, SLUICE_THROTTLED or
// SLUICE_NEVER, any other SLUICE_OK; all of them return an error below 0 where they fail.

enum sluice_status {
  SLUICE_OK = 0,
  SLUICE_ALLOWED = 0,    // go
  SLUICE_THROTTLED = 1,  // not now; the decision says when
  SLUICE_NEVER = 2,      // not ever: the cost is above what the limit admits at once

  // The caller's mistake: mend the call, repeating it is no use.
  SLUICE_ERR_ARGUMENT = -1,  // a NULL, a size or an enum that must not be
  SLUICE_ERR_RANGE = -2,     // a number outside its documented range
  SLUICE_ERR_SYNTAX = -3,    // a text that does not parse; the reports say where
  SLUICE_ERR_INVALID =
      -4,  // parsed, but no valid rules or limit; the reports or the message say why
  SLUICE_ERR_UNKNOWN = -5,  // the receipt was used already, or is not of this limiter
  SLUICE_ERR_COST = -6,     // a cost is not an integer from 0 to 2^63 - 1

  // The machine's lack: free something, or try later.
  SLUICE_ERR_MEMORY = -16,  // an allocation failed
  SLUICE_ERR_FULL = -17,    // a stated bound is reached

  // The world, or a limit that has no such operation.
  SLUICE_ERR_IO = -32,
  SLUICE_ERR_UNSUPPORTED = -33
};

// A sentence for people, in lower case and without a full stop. Never NULL, also for unknown
// numbers.
SLUICE_API const char *sluice_status_text(enum sluice_status status);

// ==== sluice_create: the handle ====
//
// A handle owns the buckets of all rules and limiters made with it, a clock, and the Throttle Rule
// Cache: the set of rules in force. One per process is the common use.

// Milliseconds and seconds in nanoseconds.
#define SLUICE_MS(n) ((uint64_t)(n)*UINT64_C(1000000))
#define SLUICE_S(n) ((uint64_t)(n)*UINT64_C(1000000000))

// For parameters `now_ns`: read the handle's clock.
#define SLUICE_NOW UINT64_C(0)

#define SLUICE_MAX_BYTES_DEFAULT (UINT64_C(256) << 20)
#define SLUICE_MAX_BYTES_MIN (UINT64_C(256) << 10)
#define SLUICE_SECRET_BYTES 16

struct sluice;

// What happens to a new key when the memory cap is reached and no bucket is there that equals a
// fresh one (those are dropped first, and nobody can tell).
enum sluice_when_full {
  SLUICE_FULL_EVICT = 0,  // the nearest to fresh of some sampled buckets is dropped, and counted
  SLUICE_FULL_DENY = 1,   // the new key is throttled
  SLUICE_FULL_ALLOW = 2   // the new key is allowed, uncounted
};

// How to make a handle. Fill it with sluice_options_init, then change what is meant.
struct sluice_options {
  size_t size;         // of this struct, as the program knows it
  uint64_t max_bytes;  // the memory cap of the buckets: SLUICE_MAX_BYTES_MIN and more
  enum sluice_when_full when_full;
  // SLUICE_SECRET_BYTES bytes that key every hash, copied; NULL: random ones. Whoever knows them
  // can choose keys that collide.
  const void *secret;
  // The allocator: `size` zeroed bytes at a multiple of `align` (a power of two, 8 to 64), or NULL;
  // free gets back the same size and align. Both or neither. Must be thread-safe.
  void *(*alloc)(void *ctx, size_t size, size_t align);
  void (*free)(void *ctx, void *ptr, size_t size, size_t align);
  void *alloc_ctx;
  // The clock: Unix time in ns, below 2^62. NULL: the monotonic clock of the system, set by the
  // wall clock at the start and moved forward where that leads by more than a second.
  uint64_t (*now)(void *ctx);
  // Sleeps for so many ns, for the functions called acquire. NULL: the system's sleep.
  void (*sleep)(void *ctx, uint64_t ns);
  void *clock_ctx;
  // Told when the system's clock was found ahead and engine time moved forward; for the log. May be
  // NULL.
  void (*on_clock_moved)(void *ctx, uint64_t forward_ns);
  void *on_clock_moved_ctx;
};

// Fills the options with the defaults. `size` is sizeof(struct sluice_options) in the calling
// program, so that the struct can grow. NULL is ignored.
SLUICE_API void sluice_options_init(struct sluice_options *options, size_t size);

// Makes a handle without rules. `options` NULL: the defaults. It takes some hundred KiB at once,
// and more as keys come.
//   SLUICE_OK               *ret_sluice is to be freed with sluice_free
//   SLUICE_ERR_ARGUMENT     ret_sluice is NULL, options->size is none, when_full is unknown, or
//                           only one of alloc and free is there
//   SLUICE_ERR_RANGE        max_bytes is below the least
//   SLUICE_ERR_UNSUPPORTED  the options are of a newer library, and use what is new in them
//   SLUICE_ERR_IO           the system has no clock, or no randomness
//   SLUICE_ERR_MEMORY       an allocation failed
SLUICE_API enum sluice_status sluice_create(const struct sluice_options *options,
                                            struct sluice **ret_sluice);

// Frees the handle. Its limiters, pacers and reservations may be freed before or after; until the
// last of them is freed they work, and the memory stays. No other thread may be using the handle
// itself. NULL is ignored.
SLUICE_API void sluice_free(struct sluice *sluice);

// The time of the handle's clock, never before an earlier result. For passing on as `now_ns`. 0 for
// NULL.
SLUICE_API uint64_t sluice_now(struct sluice *sluice);

// What the buckets take.
struct sluice_stats {
  uint64_t buckets;
  uint64_t bytes, max_bytes;
  uint64_t dropped_fresh;              // buckets dropped that equalled fresh ones
  uint64_t dropped_lossy;              // at the cap: buckets dropped that did not
  uint64_t denied_full, allowed_full;  // at the cap: new keys, by when_full
};

// Tells the figures. `size` is sizeof(struct sluice_stats) in the calling program. While other
// threads decide they are of slightly different moments.
//   SLUICE_OK            *ret_stats is filled
//   SLUICE_ERR_ARGUMENT  a NULL, or a size of 0
SLUICE_API enum sluice_status sluice_get_stats(const struct sluice *sluice,
                                               struct sluice_stats *ret_stats, size_t size);

// ==== sluice_load: rules ====
//
// Rules are YAML (docs/RULES.md; sluice-rules-check(1) checks files). A set of rules is checked
// whole, every mistake is reported in one go, and only a set without errors replaces the one in
// force. Threads that decide meanwhile finish under the old set; loading waits for them, some
// microseconds, and they wait for nobody. Buckets of rules whose limit did not change go on as they
// are.

struct sluice_reports;

// One mistake, or one warning, in rules. Texts live as long as the reports.
struct sluice_report {
  const char *file;     // as named by the caller
  uint32_t line;        // from 1; 0: the file as a whole
  uint32_t column;      // from 1, in characters
  bool is_warning;      // the rules are accepted nevertheless
  const char *message;  // what is wrong: one line of printable text
  const char *hint;     // what would be right; "" where the message says all
};

// Puts the rules of a text in force, in place of all those before. `name` stands for the text in
// reports (NULL: "rules"). "rules: []" is a set without rules. *ret_reports, unless NULL was given,
// is NULL where there is nothing to report; else it is to be freed with sluice_reports_free,
// whatever the result.
//   SLUICE_OK            in force; the reports may hold warnings
//   SLUICE_ERR_SYNTAX    the text is not YAML as rules use it; the reports say where
//   SLUICE_ERR_INVALID   it is, but not valid rules; the reports name every mistake
//   SLUICE_ERR_FULL      more than 16,000 different limits are in use
//   SLUICE_ERR_ARGUMENT  a NULL
//   SLUICE_ERR_MEMORY    an allocation failed
SLUICE_API enum sluice_status sluice_load_text(struct sluice *sluice, const char *name,
                                               const char *text, size_t text_len,
                                               struct sluice_reports **ret_reports);

// The same for files (1 to 1024, each of up to 64 MiB), whose rules together make the set; ids are
// unique over all of them.
//   SLUICE_ERR_IO        a file cannot be read; the reports name it, with the system's reason
//   SLUICE_ERR_ARGUMENT  a NULL, or too few or too many files
//   others               as sluice_load_text
SLUICE_API enum sluice_status sluice_load_files(struct sluice *sluice, const char *const *paths,
                                                size_t path_count,
                                                struct sluice_reports **ret_reports);

// How many enabled rules are in force. 0 for NULL.
SLUICE_API size_t sluice_rule_count(struct sluice *sluice);

// How many reports there are: of errors and of warnings the first hundred each. 0 for NULL.
SLUICE_API size_t sluice_reports_count(const struct sluice_reports *reports);

// Report `index`, from 0, by file, line and column.
//   SLUICE_OK            *ret_report is filled
//   SLUICE_ERR_ARGUMENT  no such report, or a NULL
SLUICE_API enum sluice_status sluice_reports_get(const struct sluice_reports *reports, size_t index,
                                                 struct sluice_report *ret_report);

// All of them as text for people, one a line: "rules.yaml:12:5: error: message (hint)". A last line
// counts those that were not kept. It lives as long as the reports; "" for NULL.
SLUICE_API const char *sluice_reports_text(const struct sluice_reports *reports);

// Frees the reports, which may outlive the handle (not its allocator). NULL is ignored.
SLUICE_API void sluice_reports_free(struct sluice_reports *reports);

// ==== sluice_allow: decisions by rules ====
//
// A request is a set of attributes and a cost. All enabled rules that match it are asked: all admit
// and all are charged, or none is. No rule matches: it is allowed.

// The size of a rule's id with its terminating 0.
#define SLUICE_RULE_ID_SIZE 129

// One attribute of a request: a name (1 to 256 bytes) and a value (up to 65,536 bytes of any kind).
// Rules look at `client_ip`, `path`, `method`, `api_key`, `header.x-tenant` or whatever the caller
// names.
struct sluice_attr {
  const char *name;
  size_t name_len;
  const char *value;
  size_t value_len;
};

// A request. Where a name occurs twice, the first counts.
struct sluice_request {
  const struct sluice_attr *attrs;  // may be NULL where attr_count is 0
  size_t attr_count;                // 0 to 256
  uint64_t cost;                    // 0 to 2^63 - 1; 1 is usual, 0 only looks
  uint64_t now_ns;                  // SLUICE_NOW, or when to decide
};

// What a decision says, for the state that it leaves. Waits are rounded up.
struct sluice_decision {
  enum sluice_status verdict;  // SLUICE_ALLOWED, SLUICE_THROTTLED or SLUICE_NEVER
  uint64_t limit;              // the largest cost ever admitted; UINT64_MAX: unlimited
  uint64_t remaining;          // the largest cost admitted now; UINT64_MAX: unlimited
  uint64_t retry_after_ns;     // throttled: the least wait after which the same would be admitted
  uint64_t reset_after_ns;     // the least wait until the bucket equals a fresh one
  uint64_t wait_ns;            // leaky buckets and reservations: how long the caller is to wait now
  uint64_t slot;               // concurrency: names the admission, for release and renew; else 0
};

// The answer to a request.
struct sluice_answer {
  enum sluice_status status;  // what the call returned; in a batch, what it is for this request
  struct sluice_decision decision;  // verdict: the request's; figures: those of `rule`
  size_t rule_count;                // how many rules matched
  // The rule that decides: of those that refuse the one with the longest wait, else the one with
  // the least part remaining. "" where none matched. With SLUICE_ERR_COST the rule whose cost it
  // is.
  char rule[SLUICE_RULE_ID_SIZE];
};

// What one rule that matched says.
struct sluice_rule_decision {
  struct sluice_decision decision;  // the rule's own
  uint64_t cost;                    // what it charges
  bool is_shadow;                   // it has no part in the answer
  bool is_override;                 // the limit of an override
  char rule[SLUICE_RULE_ID_SIZE];
};

// An attribute from two terminated texts, which are not copied. A NULL is read as "".
SLUICE_API struct sluice_attr sluice_attr_of(const char *name, const char *value);

// Decides and charges. ret_answer may be NULL.
//   SLUICE_ALLOWED       all rules that match admit it, and are charged
//   SLUICE_THROTTLED     a rule refuses, nothing is charged; decision.retry_after_ns says until
//                        when
//   SLUICE_NEVER         the cost is above what a rule ever admits
//   SLUICE_ERR_COST      the request's cost, or an attribute that a rule charges, is no cost
//   SLUICE_ERR_RANGE     now_ns is 2^62 or more
//   SLUICE_ERR_ARGUMENT  a NULL, an attribute outside its bounds, or more than 128 rules match
//   SLUICE_ERR_MEMORY    an allocation failed
SLUICE_API enum sluice_status sluice_allow(struct sluice *sluice,
                                           const struct sluice_request *request,
                                           struct sluice_answer *ret_answer);

// What sluice_allow would answer now; charges nothing. Results as sluice_allow.
SLUICE_API enum sluice_status sluice_peek(struct sluice *sluice,
                                          const struct sluice_request *request,
                                          struct sluice_answer *ret_answer);

// As sluice_allow, or with `look` as sluice_peek, and tells what each rule says: up to `room`
// places of `ret_rules` are filled, in the order of the rules; ret_answer->rule_count says how many
// there are. Results as sluice_allow.
SLUICE_API enum sluice_status sluice_allow_rules(struct sluice *sluice,
                                                 const struct sluice_request *request, bool look,
                                                 struct sluice_rule_decision *ret_rules,
                                                 size_t room, struct sluice_answer *ret_answer);

// Decides `count` requests, each by itself, in order. For SLUICE_NOW the clock is read once for
// every 32.
//   SLUICE_OK            the status in each answer is that request's
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_allow_batch(struct sluice *sluice,
                                                 const struct sluice_request *requests,
                                                 size_t count, struct sluice_answer *ret_answers);

// Charges without asking, after the fact (bytes sent, tokens used): every rule that matches, into
// debt of at most its max_wait. ret_answer, which may be NULL, has the figures afterwards.
//   SLUICE_OK          charged
//   SLUICE_ERR_MEMORY  an allocation failed; some rules may be charged, others not
//   others             errors as sluice_allow
SLUICE_API enum sluice_status sluice_charge(struct sluice *sluice,
                                            const struct sluice_request *request,
                                            struct sluice_answer *ret_answer);

// Makes the bucket of each rule that matches fresh. *ret_count, which may be NULL, is how many
// there were.
//   SLUICE_OK  done
//   others     errors as sluice_allow
SLUICE_API enum sluice_status sluice_reset(struct sluice *sluice,
                                           const struct sluice_request *request, size_t *ret_count);

// Concurrency: ends the lease that an answer named by decision.slot, for the same attributes.
// Idempotent. *ret_held, which may be NULL, says whether it was still held.
//   SLUICE_OK  done
//   others     errors as sluice_allow
SLUICE_API enum sluice_status sluice_release(struct sluice *sluice,
                                             const struct sluice_request *request, uint64_t slot,
                                             bool *ret_held);

// Concurrency: lets the lease run from now for its full length, if it is still held. Parameters and
// results as sluice_release.
SLUICE_API enum sluice_status sluice_renew(struct sluice *sluice,
                                           const struct sluice_request *request, uint64_t slot,
                                           bool *ret_held);

// ==== sluice_reserve: waiting by rules ====
//
// A reservation charges at once and says how long to wait: later requests stand behind it. Rules
// with a token_bucket, leaky_bucket or fixed_window can be reserved; a wait above a rule's max_wait
// is throttled, a cost above the burst is never.

struct sluice_reservation;

// Reserves at every rule that matches, or at none. The caller goes after decision.wait_ns.
// *ret_reservation is NULL where nothing was reserved; ret_reservation may be NULL for a caller who
// will not cancel, and so may ret_answer.
//   SLUICE_ALLOWED          *ret_reservation is to be freed with sluice_reservation_free
//   SLUICE_THROTTLED        the wait would be above max_wait; decision.retry_after_ns says until
//                           when
//   SLUICE_NEVER            the cost is above the burst of a rule
//   SLUICE_ERR_UNSUPPORTED  a rule that matches cannot be reserved; ret_answer->rule names it
//   others                  errors as sluice_allow
SLUICE_API enum sluice_status sluice_reserve(struct sluice *sluice,
                                             const struct sluice_request *request,
                                             struct sluice_reservation **ret_reservation,
                                             struct sluice_answer *ret_answer);

// Gives back what can be given back without anyone exceeding the limit: the less, the more has been
// promised behind it and the longer ago it was. Once for each reservation.
//   SLUICE_OK            cancelled
//   SLUICE_ERR_UNKNOWN   it was cancelled before
//   SLUICE_ERR_RANGE     now_ns is 2^62 or more
//   SLUICE_ERR_ARGUMENT  a NULL
//   SLUICE_ERR_MEMORY    an allocation failed; some rules may have got less back than they could
SLUICE_API enum sluice_status sluice_reservation_cancel(struct sluice_reservation *reservation,
                                                        uint64_t now_ns);

// Frees it; what was charged stays charged. NULL is ignored.
SLUICE_API void sluice_reservation_free(struct sluice_reservation *reservation);

// Reserves, and sleeps for the wait. Results as sluice_reserve.
SLUICE_API enum sluice_status sluice_acquire(struct sluice *sluice,
                                             const struct sluice_request *request,
                                             struct sluice_answer *ret_answer);

// As sluice_acquire where the wait is at most `timeout_ns`. Else SLUICE_THROTTLED at once, with
// nothing charged; decision.wait_ns is what the wait would have been.
SLUICE_API enum sluice_status sluice_try_acquire(struct sluice *sluice,
                                                 const struct sluice_request *request,
                                                 uint64_t timeout_ns,
                                                 struct sluice_answer *ret_answer);

// ==== sluice_limiter: limits built in code ====
//
// A limiter is one limit for any number of keys: the fastest way to a decision. A key is any bytes,
// the empty one too. Limiters of one handle share its memory cap.

// For `burst`: the default of the algorithm.
#define SLUICE_BURST_DEFAULT UINT64_MAX

enum sluice_algorithm {
  SLUICE_UNLIMITED = 0,       // admits always
  SLUICE_TOKEN_BUCKET = 1,    // at most burst + rate x time in any interval
  SLUICE_LEAKY_BUCKET = 2,    // a queue drained at the rate: admitted requests are told to wait
  SLUICE_FIXED_WINDOW = 3,    // aligned windows
  SLUICE_SLIDING_LOG = 4,     // exact, one entry for each admitted request
  SLUICE_SLIDING_WINDOW = 5,  // weighted, or strict with sub_windows
  SLUICE_CONCURRENCY = 6      // slots that are leased
};

// A limit. Fill it with sluice_limit_init, then change what is meant.
struct sluice_limit {
  size_t size;  // of this struct, as the program knows it
  enum sluice_algorithm algorithm;
  bool any_window;     // token_bucket: at most `count` in every window of `period_ns`
  bool count_refused;  // sliding_log: refused requests are logged, too
  uint64_t count;  // the rate is count / period_ns; 0 to 2^40 (sliding_log: 100,000); 0 is a ban
  uint64_t period_ns;    // 1 ms to 366 days; 1 s unless set
  uint64_t burst;        // token_bucket: 0 to 2^40, or SLUICE_BURST_DEFAULT (count, or the best for
                         // any_window)
  uint64_t jitter_ns;    // with any_window: how much a receiver's delay varies; 0 to 366 days
  uint64_t queue;        // leaky_bucket: places to wait; 0 to 2^40 - 1
  uint64_t sub_windows;  // sliding_window: 0 weighted; 1 to 1000 strict, divides the period
  uint64_t slots;        // concurrency: 0 to 100,000
  uint64_t lease_ns;     // concurrency: 1 ms to 366 days; 60 s unless set
  uint64_t max_wait_ns;  // reservations and charges reach so far into debt: 0 to 366 days; 60 s
                         // unless set
};

// The bytes of one key.
struct sluice_key {
  const void *bytes;  // may be NULL where len is 0
  size_t len;
};

// What the holder of a reservation keeps, for cancelling it. Plain bytes, nothing to free. It is
// not to be copied: cancelling a copy of a used receipt is not noticed, and gives back once more.
struct sluice_receipt {
  uint64_t word[8];
};

struct sluice_limiter;

// Fills the limit with the algorithm and the defaults: a rate of 0 per second, a ban until count is
// set. `size` is sizeof(struct sluice_limit) in the calling program. NULL is ignored.
SLUICE_API void sluice_limit_init(struct sluice_limit *limit, size_t size,
                                  enum sluice_algorithm algorithm);

// Makes a limiter. Two of one handle with equal limits share their buckets where both have the same
// `name` (a terminated text of up to 128 bytes); with NULL the buckets are its own. `message` (of
// `message_size` bytes, or NULL) gets the reason of a refusal, or a warning, or "".
//   SLUICE_OK               *ret_limiter is to be freed with sluice_limiter_free
//   SLUICE_ERR_RANGE        a number is outside its range
//   SLUICE_ERR_INVALID      numbers do not fit each other
//   SLUICE_ERR_FULL         more than 16,000 different limits are in use
//   SLUICE_ERR_UNSUPPORTED  the limit is of a newer library, and uses what is new in it
//   SLUICE_ERR_ARGUMENT     a NULL, a name too long, or limit->size is none
//   SLUICE_ERR_MEMORY       an allocation failed
SLUICE_API enum sluice_status
sluice_limiter_create(struct sluice *sluice, const struct sluice_limit *limit, const char *name,
                      char *message, size_t message_size, struct sluice_limiter **ret_limiter);

// Frees the limiter, which no other thread may be using. Its buckets go once they equal fresh ones.
// NULL is ignored.
SLUICE_API void sluice_limiter_free(struct sluice_limiter *limiter);

// Decides and charges at the time of the handle's clock. `cost` is 1 in the common case, 0 to look,
// at most 2^63 - 1. ret_decision may be NULL.
//   SLUICE_ALLOWED       the limit admits it, and is charged
//   SLUICE_THROTTLED     it does not now; ret_decision->retry_after_ns says until when
//   SLUICE_NEVER         the cost is above what it ever admits
//   SLUICE_ERR_COST      the cost is above 2^63 - 1
//   SLUICE_ERR_RANGE     now_ns, where there is one, is 2^62 or more
//   SLUICE_ERR_ARGUMENT  a NULL
//   SLUICE_ERR_MEMORY    an allocation failed
SLUICE_API enum sluice_status sluice_limiter_allow(struct sluice_limiter *limiter, const void *key,
                                                   size_t key_len, uint64_t cost,
                                                   struct sluice_decision *ret_decision);

// The same at `now_ns`.
SLUICE_API enum sluice_status sluice_limiter_allow_at(struct sluice_limiter *limiter,
                                                      const void *key, size_t key_len,
                                                      uint64_t cost, uint64_t now_ns,
                                                      struct sluice_decision *ret_decision);

// Decides `count` keys, each by itself, in order. Memory is fetched ahead, which makes many keys
// several times faster than one by one. `costs` has `count` numbers, or is NULL: 1 each. For
// SLUICE_NOW the clock is read once for every 32.
//   SLUICE_OK            ret_decisions, of `count` places, is filled
//   SLUICE_ERR_COST      a cost is above 2^63 - 1; nothing was decided
//   SLUICE_ERR_RANGE     now_ns is 2^62 or more; nothing was decided
//   SLUICE_ERR_ARGUMENT  a NULL; nothing was decided
//   SLUICE_ERR_MEMORY    an allocation failed; the keys it failed for are decided as throttled
SLUICE_API enum sluice_status sluice_limiter_allow_batch(struct sluice_limiter *limiter,
                                                         const struct sluice_key *keys,
                                                         const uint64_t *costs, size_t count,
                                                         uint64_t now_ns,
                                                         struct sluice_decision *ret_decisions);

// What sluice_limiter_allow_at would answer; charges nothing. Results as sluice_limiter_allow.
SLUICE_API enum sluice_status sluice_limiter_peek(struct sluice_limiter *limiter, const void *key,
                                                  size_t key_len, uint64_t cost, uint64_t now_ns,
                                                  struct sluice_decision *ret_decision);

// Charges without asking, into debt of at most max_wait. ret_decision, which may be NULL, has the
// figures afterwards.
//   SLUICE_OK  charged
//   others     errors as sluice_limiter_allow
SLUICE_API enum sluice_status sluice_limiter_charge(struct sluice_limiter *limiter, const void *key,
                                                    size_t key_len, uint64_t cost, uint64_t now_ns,
                                                    struct sluice_decision *ret_decision);

// Makes the key's bucket fresh. *ret_existed, which may be NULL, says whether there was one.
//   SLUICE_OK            done
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_limiter_reset(struct sluice_limiter *limiter, const void *key,
                                                   size_t key_len, bool *ret_existed);

// Concurrency: ends the lease named by a decision's slot. Idempotent. *ret_held, which may be NULL,
// says whether it was still held.
//   SLUICE_OK               done
//   SLUICE_ERR_UNSUPPORTED  another algorithm
//   others                  errors as sluice_limiter_allow
SLUICE_API enum sluice_status sluice_limiter_release(struct sluice_limiter *limiter,
                                                     const void *key, size_t key_len, uint64_t slot,
                                                     uint64_t now_ns, bool *ret_held);

// Concurrency: lets the lease run from now for its full length, if it is still held. Parameters and
// results as sluice_limiter_release.
SLUICE_API enum sluice_status sluice_limiter_renew(struct sluice_limiter *limiter, const void *key,
                                                   size_t key_len, uint64_t slot, uint64_t now_ns,
                                                   bool *ret_held);

// Charges at once; the caller goes after ret_decision->wait_ns. For token_bucket, leaky_bucket and
// fixed_window. *ret_receipt, unless NULL was given, is for cancelling.
//   SLUICE_ALLOWED          reserved
//   SLUICE_THROTTLED        the wait would be above max_wait; retry_after_ns says until when
//   SLUICE_NEVER            the cost is above the burst
//   SLUICE_ERR_UNSUPPORTED  another algorithm
//   others                  errors as sluice_limiter_allow
SLUICE_API enum sluice_status sluice_limiter_reserve(struct sluice_limiter *limiter,
                                                     const void *key, size_t key_len, uint64_t cost,
                                                     uint64_t now_ns,
                                                     struct sluice_receipt *ret_receipt,
                                                     struct sluice_decision *ret_decision);

// Gives back what can be given back without anyone exceeding the limit, and uses the receipt up.
//   SLUICE_OK            cancelled
//   SLUICE_ERR_UNKNOWN   the receipt was used before, or is of another limiter
//   SLUICE_ERR_RANGE     now_ns is 2^62 or more
//   SLUICE_ERR_ARGUMENT  a NULL
//   SLUICE_ERR_MEMORY    an allocation failed; the receipt is still good
SLUICE_API enum sluice_status sluice_limiter_cancel(struct sluice_limiter *limiter,
                                                    struct sluice_receipt *receipt,
                                                    uint64_t now_ns);

// Reserves, and sleeps for the wait. Results as sluice_limiter_reserve.
SLUICE_API enum sluice_status sluice_limiter_acquire(struct sluice_limiter *limiter,
                                                     const void *key, size_t key_len, uint64_t cost,
                                                     struct sluice_decision *ret_decision);

// As sluice_limiter_acquire where the wait is at most `timeout_ns`. Else SLUICE_THROTTLED at once,
// with nothing charged; ret_decision->wait_ns is what the wait would have been.
SLUICE_API enum sluice_status sluice_limiter_try_acquire(struct sluice_limiter *limiter,
                                                         const void *key, size_t key_len,
                                                         uint64_t cost, uint64_t timeout_ns,
                                                         struct sluice_decision *ret_decision);

// ==== sluice_pacer: smooth_bursty, smooth_warming_up, self_pay ====
//
// A pacer is one limiter without keys that tells its callers how long to wait, owned by the caller
// and never dropped. In smooth_bursty and smooth_warming_up, known from Guava, a request waits
// until the pacer is free, whatever its own size, and the request after it pays; in self_pay each
// waits for its own permits. A cost of any size is served.

// So many permits per so many ns: count from 1 to 2^40, period_ns from 1 to 366 days. period_ns 0
// is an infinite rate (count 1): permits take no time.
struct sluice_rate {
  uint64_t count;
  uint64_t period_ns;
};

struct sluice_pacer;

// Stores what came in `max_burst_ns` (0 to 366 days) of idle time; stored permits take no time. It
// starts with none.
//   SLUICE_OK            *ret_pacer is to be freed with sluice_pacer_free
//   SLUICE_ERR_RANGE     a number is outside its range
//   SLUICE_ERR_ARGUMENT  a NULL
//   SLUICE_ERR_MEMORY    an allocation failed
SLUICE_API enum sluice_status sluice_smooth_bursty_create(struct sluice *sluice,
                                                          struct sluice_rate rate,
                                                          uint64_t max_burst_ns,
                                                          struct sluice_pacer **ret_pacer);

// Starts cold, at cold_num / cold_den (each 1 to 10,000; at least 1; Guava's is 3 / 1) times the
// interval, and warms up to the rate over `warmup_ns` (0 to 366 days) of steady use. Results as
// sluice_smooth_bursty_create.
SLUICE_API enum sluice_status sluice_smooth_warming_up_create(struct sluice *sluice,
                                                              struct sluice_rate rate,
                                                              uint64_t warmup_ns, uint32_t cold_num,
                                                              uint32_t cold_den,
                                                              struct sluice_pacer **ret_pacer);

// Permits come in up to `burst_ns` (0 to 366 days) of time's worth. It starts with one second of
// permits, or the burst where that is less. Results as sluice_smooth_bursty_create.
SLUICE_API enum sluice_status sluice_self_pay_create(struct sluice *sluice, struct sluice_rate rate,
                                                     uint64_t burst_ns,
                                                     struct sluice_pacer **ret_pacer);

// Frees the pacer, which no other thread may be using. NULL is ignored.
SLUICE_API void sluice_pacer_free(struct sluice_pacer *pacer);

// Takes the permits (any number); the caller goes after *ret_wait_ns. ret_receipt, which may be
// NULL, is for cancelling a self_pay.
//   SLUICE_OK            taken
//   SLUICE_ERR_RANGE     now_ns is 2^62 or more
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_pacer_reserve(struct sluice_pacer *pacer, uint64_t permits,
                                                   uint64_t now_ns,
                                                   struct sluice_receipt *ret_receipt,
                                                   uint64_t *ret_wait_ns);

// Gives back what can be given back without anyone exceeding the limit, and uses the receipt up.
//   SLUICE_OK               cancelled
//   SLUICE_ERR_UNKNOWN      the receipt was used before, or is of another pacer
//   SLUICE_ERR_UNSUPPORTED  not a self_pay
//   SLUICE_ERR_RANGE        now_ns is 2^62 or more
//   SLUICE_ERR_ARGUMENT     a NULL
SLUICE_API enum sluice_status sluice_pacer_cancel(struct sluice_pacer *pacer,
                                                  struct sluice_receipt *receipt, uint64_t now_ns);

// Takes the permits and sleeps for the wait; *ret_wait_ns, which may be NULL, is how long that was.
//   SLUICE_OK            taken
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_pacer_acquire(struct sluice_pacer *pacer, uint64_t permits,
                                                   uint64_t *ret_wait_ns);

// As sluice_pacer_acquire where the wait is at most `timeout_ns`. Else nothing was taken, and
// *ret_wait_ns is what the wait would have been.
//   SLUICE_OK            taken
//   SLUICE_THROTTLED     the wait would be above the timeout
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_pacer_try_acquire(struct sluice_pacer *pacer, uint64_t permits,
                                                       uint64_t timeout_ns, uint64_t *ret_wait_ns);

// Changes the rate. What was promised stays; stored permits keep their proportion to the most.
//   SLUICE_OK            changed
//   SLUICE_ERR_RANGE     the rate is none, or now_ns is 2^62 or more; nothing changed
//   SLUICE_ERR_ARGUMENT  a NULL
SLUICE_API enum sluice_status sluice_pacer_set_rate(struct sluice_pacer *pacer,
                                                    struct sluice_rate rate, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif
