// snapshot.h - the buckets of an engine as words, and back: what a restart keeps.
//
// A bucket is told in terms that mean the same later: what is owed at the time of the export, or
// what was admitted when. Putting it back is charging it again, so no content, however wrong, makes
// a bucket that a client could not have made. Buckets are tied to their limit by its fingerprint
// under the engine's secret: those of limits that are no longer in use are left out.
//
// The words, each 64 bits:
//   the time of the export; the counter behind the names of slots; the number of classes, then for
//   each its id and the two words of its fingerprint;
//   then buckets, each a head (kind in the low byte, class id above it), the two words of its
//   place:
//     1  a stamp: the debt in its limit's units
//     2  a record: the number of entries, then for each its time, cost and slot
//     3  one of CL.THROTTLE: its stamp
//   and a head of 0.
#ifndef SL_ENGINE_SNAPSHOT_H
#define SL_ENGINE_SNAPSHOT_H

#include "engine/engine.h"
#include "engine/throttle.h"

// Takes words; false ends the export.
typedef bool sl_snapshot_write_fn(void *ctx, const uint64_t *words, size_t count);

// Tells everything that is not fresh at now_ns. No other thread uses the engine. `throttles` may be
// NULL. False when `write` was.
bool sl_snapshot_export(struct sl_engine *engine, struct sl_throttles *throttles, uint64_t now_ns,
                        sl_snapshot_write_fn *write, void *ctx) SL_MUST_USE;

struct sl_snapshot_counts {
  uint64_t restored;
  uint64_t fresh;    // by now as good as new
  uint64_t unknown;  // of limits that are not in use
  uint64_t full;     // no memory within the cap
};

// Puts buckets into an engine made under the same secret, whose rules are bound already and whose
// time has not begun (sl_engine_now).
//   SL_OK
//   SL_ERR_SYNTAX  the words are none of ours from some place on; what came before is restored
//   SL_ERR_MEMORY
enum sl_status sl_snapshot_import(struct sl_engine *engine, struct sl_throttles *throttles,
                                  const uint64_t *words, size_t count, uint64_t now_ns,
                                  struct sl_snapshot_counts *ret_counts) SL_MUST_USE;

// Of CL.THROTTLE's table (throttle.c).
struct sl_table *sl_throttles_table(struct sl_throttles *throttles);

#endif
