// rule_cache.h - the Throttle Rule Cache: the rules in force, read by any number of threads,
// replaced whole.
//
// Readers take a seat, as a thread takes one of the chairs around a table: a cache line of its own
// with a count of turns (odd while somebody sits) and the scratch memory of a decision. Then they
// load the pointer to the rules in force. A replacer exchanges that pointer and then waits, seat by
// seat, until whoever sat there at that moment has risen; nobody can still be reading the old rules
// then, and they are let go.
//
//   reader:    turn := odd   (A)     replacer:  old := exchange(rules)  (C)
//              load rules    (B)                load turn               (D)
//
// All four are sequentially consistent: either A comes before D, and the replacer sees the reader
// and waits for it, or C comes before B, and the reader has the new rules. Rising is a release that
// the replacer's load acquires, so the reader's last use comes before the rules are freed. (A
// read-copy-update with the readers' counters in the open; Debian's liburcu shows false races under
// ThreadSanitizer.)
//
// A reader pays one compare-and-swap on a line that mostly only its own thread touches, and never
// waits for a replacer. It sits for the time of one decision and does not sleep there.
#ifndef SL_LIB_RULE_CACHE_H
#define SL_LIB_RULE_CACHE_H

#include <stdatomic.h>

#include "engine/bound.h"
#include "sys/sys.h"

// More threads than this that sit at the same moment wait for a seat. A power of two.
enum { SL_SEAT_COUNT = 128 };

// A set of rules in force, or once in force and still held.
struct sl_rules {
  _Atomic uint32_t holders;
  const struct sl_mem *mem;
  struct sl_ruleset *set;
  struct sl_bound *bound;
  uint64_t version;  // grows with each replacement in a cache; set when put in force
};

struct sl_seat {
  _Alignas(64) _Atomic uint64_t turn;
  struct sl_decider decider;  // of whoever sits here; kept for the next
};

struct sl_rule_cache {
  _Atomic(struct sl_rules *) rules;  // NULL: none were loaded yet
  _Atomic uint64_t versions;         // how often they were replaced
  struct sl_seat *seats;
  const struct sl_mem *mem;
  const struct sl_sys *sys;
};

// SL_OK, SL_ERR_MEMORY. `mem` and `sys` must outlive the cache.
enum sl_status sl_rule_cache_init(struct sl_rule_cache *cache, const struct sl_mem *mem,
                                  const struct sl_sys *sys) SL_MUST_USE;
// No other thread may be using it. Lets go of the rules in force.
void sl_rule_cache_close(struct sl_rule_cache *cache);

// Takes a seat. *ret_rules, which may be NULL, is valid until the seat is given back.
struct sl_seat *sl_rule_cache_sit(struct sl_rule_cache *cache, struct sl_rules **ret_rules);
void sl_rule_cache_rise(struct sl_seat *seat);

// Puts `rules` in force; the cache takes the caller's hold over. Returns when nobody decides under
// the former ones any more. Thread-safe; not while sitting.
void sl_rule_cache_replace(struct sl_rule_cache *cache, struct sl_rules *rules);

// Returns when everybody who sat at the moment of the call has risen: what was taken out of reach
// before (by a sequentially consistent exchange) is then read by nobody. Thread-safe; not while
// sitting.
void sl_rule_cache_wait(struct sl_rule_cache *cache);

// Binds a compiled set, which it takes over when it succeeds; the caller holds the result.
//   SL_OK; SL_ERR_MEMORY, SL_ERR_FULL as sl_bind.
enum sl_status sl_rules_create(struct sl_engine *engine, struct sl_ruleset *set,
                               const struct sl_mem *mem, struct sl_rules **ret_rules) SL_MUST_USE;
// While sitting, or with another hold.
void sl_rules_hold(struct sl_rules *rules);
// The last one frees. NULL is ignored.
void sl_rules_let_go(struct sl_rules *rules);

#endif
