// handle.h - private to lib/: the handle, time, and the way between the library's words and the
// core's.
#ifndef SL_LIB_HANDLE_H
#define SL_LIB_HANDLE_H

#include <sluice/sluice.h>

#include "lib/rule_cache.h"
#include "sys/clock.h"

struct sluice {
  struct sl_engine *engine;
  uint64_t (*now)(void *ctx);  // NULL: `clock`
  void (*sleep)(void *ctx, uint64_t ns);
  void *clock_ctx;
  struct sl_clock clock;
  struct sl_rule_cache cache;
  struct sl_mem mem;
  const struct sl_sys *sys;
  _Atomic uint64_t next_id;  // of limiters and pacers
  _Atomic uint32_t holders;  // the user, and all that was made with the handle
};

// sluice_create with the system's calls given. `sys` must outlive the handle.
enum sluice_status sl_sluice_create(const struct sluice_options *options, const struct sl_sys *sys,
                                    struct sluice **ret_sluice) SL_MUST_USE;

void sl_sluice_hold(struct sluice *sluice);
void sl_sluice_let_go(struct sluice *sluice);       // the last one frees
uint64_t sl_sluice_next_id(struct sluice *sluice);  // 1, 2, ...

// Readings from here on are refused: the core would take them for the end of time, and stay there.
enum { SL_READING_BITS = 62 };

static inline bool sl_reading_fits(uint64_t now_ns) { return now_ns >> SL_READING_BITS == 0; }
static inline bool sl_cost_fits(uint64_t cost) { return cost >> 63 == 0; }

// Reads the handle's clock.
uint64_t sl_sluice_read_clock(struct sluice *sluice);

// The time to decide at.
static inline uint64_t sl_sluice_time(struct sluice *sluice, uint64_t now_ns) {
  return sl_engine_now(sluice->engine,
                       now_ns != SLUICE_NOW ? now_ns : sl_sluice_read_clock(sluice));
}

void sl_sluice_sleep(struct sluice *sluice, uint64_t ns);

static inline enum sluice_status sl_status_out(enum sl_status status) {
  return (enum sluice_status)(-(int)status);
}

static inline enum sluice_status sl_verdict_out(enum sl_verdict verdict) {
  return (enum sluice_status)(int)verdict;
}

// A decision of the core has the layout of the public one (checked in handle.c), so that the core
// writes straight to where the caller wants it.
static inline struct sl_decision *sl_decision_in(struct sluice_decision *decision) {
  return (struct sl_decision *)(void *)decision;
}

// Where a decision is to be written: the caller's place, or `spare` where the caller wants none.
static inline struct sl_decision *sl_decision_place(struct sluice_decision *wanted,
                                                    struct sl_decision *spare) {
  return wanted != NULL ? sl_decision_in(wanted) : spare;
}

// Reads a struct that begins with its size, as the caller knows it, over the defaults in `ours`.
// What the caller knows and we do not must be zero.
//   SLUICE_OK, SLUICE_ERR_ARGUMENT (no size), SLUICE_ERR_UNSUPPORTED (something newer is asked for)
enum { SL_SIZED_MAX = 4096 };
enum sluice_status sl_sized_in(void *ours, size_t our_size, const void *theirs,
                               size_t their_size) SL_MUST_USE;

// The wait that a reservation of the same cost would be told, from the figures of a look.
uint64_t sl_wait_of_look(const struct sl_limit *limit, const struct sl_decision *look);

#endif
