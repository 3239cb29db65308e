#include "lib/handle.h"

#include "base/arith.h"
#include "sys/default_mem.h"
#include "sys/relax.h"
#include "sys/secret.h"

// ---- the library's words are the core's ---------------------------------------------------------

#define SAME_FIELD(field)                                                                        \
  _Static_assert(offsetof(struct sluice_decision, field) == offsetof(struct sl_decision, field), \
                 "a decision of the core is one of the library")

SAME_FIELD(verdict);
SAME_FIELD(limit);
SAME_FIELD(remaining);
SAME_FIELD(retry_after_ns);
SAME_FIELD(reset_after_ns);
SAME_FIELD(wait_ns);
SAME_FIELD(slot);
_Static_assert(sizeof(struct sluice_decision) == sizeof(struct sl_decision), "nor more");

_Static_assert((int)SLUICE_ALLOWED == (int)SL_ALLOWED &&
                   (int)SLUICE_THROTTLED == (int)SL_THROTTLED && (int)SLUICE_NEVER == (int)SL_NEVER,
               "verdicts");
_Static_assert(
    SLUICE_ERR_ARGUMENT == -(int)SL_ERR_ARGUMENT && SLUICE_ERR_RANGE == -(int)SL_ERR_RANGE &&
        SLUICE_ERR_SYNTAX == -(int)SL_ERR_SYNTAX && SLUICE_ERR_INVALID == -(int)SL_ERR_INVALID &&
        SLUICE_ERR_UNKNOWN == -(int)SL_ERR_UNKNOWN && SLUICE_ERR_COST == -(int)SL_ERR_COST &&
        SLUICE_ERR_MEMORY == -(int)SL_ERR_MEMORY && SLUICE_ERR_FULL == -(int)SL_ERR_FULL &&
        SLUICE_ERR_IO == -(int)SL_ERR_IO && SLUICE_ERR_UNSUPPORTED == -(int)SL_ERR_UNSUPPORTED,
    "errors");
_Static_assert((int)SLUICE_FULL_EVICT == (int)SL_FULL_EVICT &&
                   (int)SLUICE_FULL_DENY == (int)SL_FULL_DENY &&
                   (int)SLUICE_FULL_ALLOW == (int)SL_FULL_ALLOW,
               "when_full");
_Static_assert(SLUICE_MAX_BYTES_MIN == SL_ENGINE_BYTES_MIN, "the least memory cap");
_Static_assert(SLUICE_SECRET_BYTES == sizeof(struct sl_secret), "the secret");
_Static_assert(SL_TIME_MAX_NS == UINT64_C(1) << SL_READING_BITS, "the end of time");

const char *sluice_version(void) { return SL_VERSION; }

const char *sluice_status_text(enum sluice_status status) {
  switch (status) {
  case SLUICE_ALLOWED:
    return "allowed";
  case SLUICE_THROTTLED:
    return "throttled";
  case SLUICE_NEVER:
    return "never";
  default:
    return status < 0 ? sl_status_text((enum sl_status)(-(int64_t)status)) : "an unknown status";
  }
}

// ---- options ------------------------------------------------------------------------------------

static struct sluice_options default_options(void) {
  return (struct sluice_options){
      .size = sizeof(struct sluice_options),
      .max_bytes = SLUICE_MAX_BYTES_DEFAULT,
  };
}

void sluice_options_init(struct sluice_options *options, size_t size) {
  if (options == NULL || size < sizeof options->size) {
    return;
  }
  const struct sluice_options ours = default_options();
  memset(options, 0, size);
  memcpy(options, &ours, size < sizeof ours ? size : sizeof ours);
  options->size = size;
}

enum sluice_status sl_sized_in(void *ours, size_t our_size, const void *theirs, size_t their_size) {
  if (their_size < sizeof their_size || their_size > SL_SIZED_MAX) {
    return SLUICE_ERR_ARGUMENT;
  }
  const unsigned char *bytes = theirs;
  for (size_t i = our_size; i < their_size; i++) {
    if (bytes[i] != 0) {
      return SLUICE_ERR_UNSUPPORTED;
    }
  }
  memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
  return SLUICE_OK;
}

static enum sluice_status read_options(const struct sluice_options *options,
                                       struct sluice_options *ret_options) {
  *ret_options = default_options();
  if (options != NULL) {
    enum sluice_status status =
        sl_sized_in(ret_options, sizeof *ret_options, options, options->size);
    if (status != SLUICE_OK) {
      return status;
    }
  }
  bool fits = (ret_options->alloc == NULL) == (ret_options->free == NULL) &&
              (unsigned)ret_options->when_full <= SLUICE_FULL_ALLOW;
  return fits ? SLUICE_OK : SLUICE_ERR_ARGUMENT;
}

// ---- making and freeing -------------------------------------------------------------------------

static enum sl_status make_engine(struct sluice *sluice, const struct sluice_options *options) {
  struct sl_engine_options engine = {
      .mem = sluice->mem,
      .max_bytes = sl_min_u64(options->max_bytes, SIZE_MAX),
      .when_full = (enum sl_when_full)options->when_full,
      .relax = sl_relax,
      .relax_ctx = (void *)(uintptr_t)sluice->sys,
  };
  if (options->secret != NULL) {
    memcpy(&engine.secret, options->secret, sizeof engine.secret);
  } else {
    enum sl_status status = sl_random_secret(sluice->sys, &engine.secret);
    if (status != SL_OK) {
      return status;
    }
  }
  return sl_engine_create(&engine, &sluice->engine);
}

static enum sl_status fill_handle(struct sluice *sluice, const struct sluice_options *options) {
  enum sl_status status = SL_OK;
  if (options->now == NULL) {
    status = sl_clock_init(&sluice->clock, sluice->sys, options->on_clock_moved,
                           options->on_clock_moved_ctx);
  }
  if (status == SL_OK) {
    status = make_engine(sluice, options);
  }
  if (status == SL_OK) {
    status = sl_rule_cache_init(&sluice->cache, &sluice->mem, sluice->sys);
    if (status != SL_OK) {
      sl_engine_destroy(sluice->engine);
    }
  }
  return status;
}

enum sluice_status sl_sluice_create(const struct sluice_options *options, const struct sl_sys *sys,
                                    struct sluice **ret_sluice) {
  if (ret_sluice == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  *ret_sluice = NULL;
  struct sluice_options wanted;
  enum sluice_status read = read_options(options, &wanted);
  if (read != SLUICE_OK) {
    return read;
  }
  struct sl_mem mem = sl_default_mem(sys);
  if (wanted.alloc != NULL) {
    mem = (struct sl_mem){.alloc = wanted.alloc, .free = wanted.free, .ctx = wanted.alloc_ctx};
  }
  struct sluice *sluice = sl_mem_alloc(&mem, sizeof *sluice);
  if (sluice == NULL) {
    return SLUICE_ERR_MEMORY;
  }
  *sluice = (struct sluice){
      .now = wanted.now,
      .sleep = wanted.sleep,
      .clock_ctx = wanted.clock_ctx,
      .mem = mem,
      .sys = sys,
      .holders = 1,
  };
  enum sl_status status = fill_handle(sluice, &wanted);
  if (status != SL_OK) {
    sl_mem_free(&mem, sluice, sizeof *sluice);
    return sl_status_out(status);
  }
  *ret_sluice = sluice;
  return SLUICE_OK;
}

enum sluice_status sluice_create(const struct sluice_options *options, struct sluice **ret_sluice) {
  return sl_sluice_create(options, &sl_sys_real, ret_sluice);
}

void sl_sluice_hold(struct sluice *sluice) {
  atomic_fetch_add_explicit(&sluice->holders, 1, memory_order_relaxed);
}

void sl_sluice_let_go(struct sluice *sluice) {
  if (atomic_fetch_sub_explicit(&sluice->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  sl_rule_cache_close(&sluice->cache);
  sl_engine_destroy(sluice->engine);
  struct sl_mem mem = sluice->mem;
  sl_mem_free(&mem, sluice, sizeof *sluice);
}

void sluice_free(struct sluice *sluice) {
  if (sluice != NULL) {
    sl_sluice_let_go(sluice);
  }
}

uint64_t sl_sluice_next_id(struct sluice *sluice) {
  return atomic_fetch_add_explicit(&sluice->next_id, 1, memory_order_relaxed) + 1;
}

// ---- time ---------------------------------------------------------------------------------------

uint64_t sl_sluice_read_clock(struct sluice *sluice) {
  uint64_t now_ns =
      sluice->now != NULL ? sluice->now(sluice->clock_ctx) : sl_clock_now(&sluice->clock);
  // With a reading that cannot be, time stands still.
  return sl_reading_fits(now_ns) ? now_ns : 0;
}

uint64_t sluice_now(struct sluice *sluice) {
  return sluice == NULL ? 0 : sl_sluice_time(sluice, SLUICE_NOW);
}

void sl_sluice_sleep(struct sluice *sluice, uint64_t ns) {
  if (ns == 0) {
    return;
  }
  if (sluice->sleep != NULL) {
    sluice->sleep(sluice->clock_ctx, ns);
  } else {
    sl_sleep_until(sluice->sys, sl_add_sat_u64(sl_monotonic_ns(sluice->sys), ns));
  }
}

uint64_t sl_wait_of_look(const struct sl_limit *limit, const struct sl_decision *look) {
  // A leaky bucket lets go when those before are gone; the others when the permits have come in,
  // and that is when the request would be admitted.
  return limit->algorithm == SL_LEAKY_BUCKET ? look->reset_after_ns : look->retry_after_ns;
}

// ---- figures ------------------------------------------------------------------------------------

enum sluice_status sluice_get_stats(const struct sluice *sluice, struct sluice_stats *ret_stats,
                                    size_t size) {
  if (sluice == NULL || ret_stats == NULL || size == 0) {
    return SLUICE_ERR_ARGUMENT;
  }
  struct sl_engine_stats engine;
  sl_engine_get_stats(sluice->engine, &engine);
  const struct sluice_stats ours = {
      .buckets = engine.buckets,
      .bytes = engine.bytes,
      .max_bytes = engine.max_bytes,
      .dropped_fresh = engine.dropped_fresh,
      .dropped_lossy = engine.dropped_lossy,
      .denied_full = engine.denied_full,
      .allowed_full = engine.allowed_full,
  };
  memset(ret_stats, 0, size);
  memcpy(ret_stats, &ours, size < sizeof ours ? size : sizeof ours);
  return SLUICE_OK;
}
