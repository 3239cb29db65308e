// record.h - the limits whose bucket is more than one stamp, behind one interface: the weighted and
// the strict sliding window, the sliding log, and concurrency. The engine keeps such a bucket as a
// record of bytes and calls these operations while it holds the bucket's lock.
//
// A record is plain memory without pointers, aligned to 16. `advance` is called first with the
// current time; it only forgets what time has made irrelevant, so nobody can tell whether it ran.
// The others then see an advanced record.
#ifndef SL_ALGO_RECORD_H
#define SL_ALGO_RECORD_H

#include "algo/limit.h"

// What a record remembers of one admission or charge, or of several at one time: enough to make an
// equal record by taking and charging again.
struct sl_record_entry {
  uint64_t time_ns;  // at which to take it again
  uint64_t cost;
  uint64_t slot;  // concurrency: the name of the admission; 0: a charge, or another limit
};

struct sl_record_ops {
  // Bytes of a record that can hold the given (advanced) one and one more admission; `state` NULL
  // asks for a fresh one. A multiple of 16, not less than `have` bytes where the record is `have`
  // bytes long.
  size_t (*bytes)(const struct sl_limit *limit, const void *state, size_t have);
  // Makes zeroed memory of `bytes` bytes a fresh record.
  void (*init)(const struct sl_limit *limit, void *state, size_t bytes);
  // Copies the record `from` into zeroed memory of `bytes` bytes (at least what `bytes` said).
  void (*move)(const struct sl_limit *limit, void *state, size_t bytes, const void *from);
  void (*advance)(const struct sl_limit *limit, void *state, uint64_t now_ns);
  // Would this cost be admitted? Changes nothing. cost 0 is always allowed.
  enum sl_verdict (*test)(const struct sl_limit *limit, const void *state, uint64_t now_ns,
                          uint64_t cost);
  // Commits what test allowed (cost > 0). `slot` names the admission (concurrency), else it is
  // ignored.
  void (*take)(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost,
               uint64_t slot);
  // Takes without asking, into debt of at most max_wait (SEMANTICS 21).
  void (*charge)(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost);
  // The figures of SEMANTICS 15 for the state as it is, after the decision.
  void (*figures)(const struct sl_limit *limit, const void *state, uint64_t now_ns, uint64_t cost,
                  enum sl_verdict verdict, struct sl_decision *ret_decision);
  // Equal to a fresh record, for every future request?
  bool (*is_fresh)(const struct sl_limit *limit, const void *state, uint64_t now_ns);
  // NULL but for a sliding log with count_refused: logs what this rule itself refused (SEMANTICS
  // 18).
  void (*refuse)(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t cost);
  // NULL but for concurrency: true when the slot was held (and is released, or renewed for a lease
  // from now).
  bool (*release)(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t slot);
  bool (*renew)(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t slot);
  // The entries in order of time, for keeping them over a restart: begin with *cursor = 0; false at
  // the end. The record is not changed meanwhile.
  bool (*entry)(const struct sl_limit *limit, const void *state, uint64_t *cursor,
                struct sl_record_entry *ret_entry);
};

// The operations for a limit, or NULL where its bucket is one stamp (or it is unlimited).
const struct sl_record_ops *sl_record_ops_of(const struct sl_limit *limit);

#endif
