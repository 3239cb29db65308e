// pacer.c - the limiters that one caller owns: smooth_bursty, smooth_warming_up, self_pay.
#include "algo/self_pay.h"
#include "algo/smooth.h"
#include "lib/handle.h"
#include "sys/thread.h"

enum pacer_kind { PACER_SMOOTH, PACER_SELF_PAY };

struct sluice_pacer {
  struct sluice *sluice;  // held
  struct sl_lock lock;    // of all below
  enum pacer_kind kind;
  uint64_t id;
  union {
    struct sl_smooth smooth;
    struct sl_self_pay self_pay;
  };
};

// A receipt of the caller's: the core's receipt, and whose it is (0: used up).
enum { R_CHARGED, R_DEPARTS, R_COUNT, R_CHARGE_LO, R_CHARGE_HI, R_OWNER };

static struct sl_pace pace_of(struct sluice_rate rate) {
  return (struct sl_pace){.count = rate.count, .period_ns = rate.period_ns};
}

// ---- making -------------------------------------------------------------------------------------

// A pacer that still lacks its state.
static enum sluice_status begin(struct sluice *sluice, enum pacer_kind kind,
                                struct sluice_pacer **ret_pacer) {
  if (ret_pacer == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  *ret_pacer = NULL;
  if (sluice == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  struct sluice_pacer *pacer = sl_mem_alloc(&sluice->mem, sizeof *pacer);
  if (pacer == NULL) {
    return SLUICE_ERR_MEMORY;
  }
  pacer->sluice = sluice;
  pacer->kind = kind;
  pacer->id = sl_sluice_next_id(sluice);
  *ret_pacer = pacer;
  return SLUICE_OK;
}

// Gives the pacer to its owner, or frees it where its state could not be made.
static enum sluice_status finish(enum sl_status status, struct sluice_pacer **pacer) {
  if (status == SL_OK) {
    sl_lock_init(&(*pacer)->lock);
    sl_sluice_hold((*pacer)->sluice);
  } else {
    sl_mem_free(&(*pacer)->sluice->mem, *pacer, sizeof **pacer);
    *pacer = NULL;
  }
  return sl_status_out(status);
}

enum sluice_status sluice_smooth_bursty_create(struct sluice *sluice, struct sluice_rate rate,
                                               uint64_t max_burst_ns,
                                               struct sluice_pacer **ret_pacer) {
  enum sluice_status status = begin(sluice, PACER_SMOOTH, ret_pacer);
  if (status != SLUICE_OK) {
    return status;
  }
  return finish(
      sl_smooth_bursty_init(&(*ret_pacer)->smooth, pace_of(rate), max_burst_ns, sluice_now(sluice)),
      ret_pacer);
}

enum sluice_status sluice_smooth_warming_up_create(struct sluice *sluice, struct sluice_rate rate,
                                                   uint64_t warmup_ns, uint32_t cold_num,
                                                   uint32_t cold_den,
                                                   struct sluice_pacer **ret_pacer) {
  enum sluice_status status = begin(sluice, PACER_SMOOTH, ret_pacer);
  if (status != SLUICE_OK) {
    return status;
  }
  return finish(sl_smooth_warming_up_init(&(*ret_pacer)->smooth, pace_of(rate), warmup_ns, cold_num,
                                          cold_den, sluice_now(sluice)),
                ret_pacer);
}

enum sluice_status sluice_self_pay_create(struct sluice *sluice, struct sluice_rate rate,
                                          uint64_t burst_ns, struct sluice_pacer **ret_pacer) {
  enum sluice_status status = begin(sluice, PACER_SELF_PAY, ret_pacer);
  if (status != SLUICE_OK) {
    return status;
  }
  return finish(
      sl_self_pay_init(&(*ret_pacer)->self_pay, pace_of(rate), burst_ns, sluice_now(sluice)),
      ret_pacer);
}

void sluice_pacer_free(struct sluice_pacer *pacer) {
  if (pacer == NULL) {
    return;
  }
  struct sluice *sluice = pacer->sluice;
  sl_lock_close(&pacer->lock);
  sl_mem_free(&sluice->mem, pacer, sizeof *pacer);
  sl_sluice_let_go(sluice);
}

// ---- taking -------------------------------------------------------------------------------------

static struct sluice_receipt receipt_out(const struct sluice_pacer *pacer,
                                         const struct sl_self_pay_receipt *receipt) {
  struct sluice_receipt out = {{0}};
  out.word[R_CHARGED] = receipt->charged_ns;
  out.word[R_DEPARTS] = receipt->departs_ns;
  out.word[R_COUNT] = receipt->count;
  out.word[R_CHARGE_LO] = (uint64_t)receipt->charge;
  out.word[R_CHARGE_HI] = (uint64_t)(receipt->charge >> 64);
  out.word[R_OWNER] = pacer->id;
  return out;
}

static struct sl_self_pay_receipt receipt_in(const struct sluice_receipt *receipt) {
  return (struct sl_self_pay_receipt){
      .charged_ns = receipt->word[R_CHARGED],
      .departs_ns = receipt->word[R_DEPARTS],
      .count = receipt->word[R_COUNT],
      .charge = (sl_u128)receipt->word[R_CHARGE_HI] << 64 | receipt->word[R_CHARGE_LO],
  };
}

static uint64_t time_of(struct sluice_pacer *pacer, uint64_t now_ns) {
  return now_ns != SLUICE_NOW ? now_ns : sluice_now(pacer->sluice);
}

// Takes the permits where the wait is at most the timeout. The receipt may be NULL.
static bool take(struct sluice_pacer *pacer, uint64_t permits, uint64_t timeout_ns, uint64_t now_ns,
                 struct sluice_receipt *ret_receipt, uint64_t *ret_wait_ns) {
  struct sl_self_pay_receipt receipt = {0};
  bool taken;
  sl_lock_take(&pacer->lock);
  if (pacer->kind == PACER_SELF_PAY) {
    taken = sl_self_pay_try(&pacer->self_pay, now_ns, permits, timeout_ns, ret_wait_ns, &receipt);
  } else {
    taken = sl_smooth_try(&pacer->smooth, now_ns, permits, timeout_ns, ret_wait_ns);
  }
  sl_lock_give(&pacer->lock);
  if (ret_receipt != NULL) {
    *ret_receipt = receipt_out(pacer, &receipt);
  }
  return taken;
}

enum sluice_status sluice_pacer_reserve(struct sluice_pacer *pacer, uint64_t permits,
                                        uint64_t now_ns, struct sluice_receipt *ret_receipt,
                                        uint64_t *ret_wait_ns) {
  if (pacer == NULL || ret_wait_ns == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_reading_fits(now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  // Every wait is within this timeout.
  (void)take(pacer, permits, UINT64_MAX, time_of(pacer, now_ns), ret_receipt, ret_wait_ns);
  return SLUICE_OK;
}

enum sluice_status sluice_pacer_cancel(struct sluice_pacer *pacer, struct sluice_receipt *receipt,
                                       uint64_t now_ns) {
  if (pacer == NULL || receipt == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_reading_fits(now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  if (pacer->kind != PACER_SELF_PAY) {
    return SLUICE_ERR_UNSUPPORTED;
  }
  if (receipt->word[R_OWNER] != pacer->id) {
    return SLUICE_ERR_UNKNOWN;
  }
  const struct sl_self_pay_receipt in = receipt_in(receipt);
  receipt->word[R_OWNER] = 0;
  now_ns = time_of(pacer, now_ns);
  sl_lock_take(&pacer->lock);
  (void)sl_self_pay_cancel(&pacer->self_pay, now_ns, &in);
  sl_lock_give(&pacer->lock);
  return SLUICE_OK;
}

enum sluice_status sluice_pacer_try_acquire(struct sluice_pacer *pacer, uint64_t permits,
                                            uint64_t timeout_ns, uint64_t *ret_wait_ns) {
  if (pacer == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  uint64_t wait_ns;
  bool taken = take(pacer, permits, timeout_ns, time_of(pacer, SLUICE_NOW), NULL, &wait_ns);
  if (taken) {
    sl_sluice_sleep(pacer->sluice, wait_ns);
  }
  if (ret_wait_ns != NULL) {
    *ret_wait_ns = wait_ns;
  }
  return taken ? SLUICE_OK : SLUICE_THROTTLED;
}

enum sluice_status sluice_pacer_acquire(struct sluice_pacer *pacer, uint64_t permits,
                                        uint64_t *ret_wait_ns) {
  return sluice_pacer_try_acquire(pacer, permits, UINT64_MAX, ret_wait_ns);
}

enum sluice_status sluice_pacer_set_rate(struct sluice_pacer *pacer, struct sluice_rate rate,
                                         uint64_t now_ns) {
  if (pacer == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_reading_fits(now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  now_ns = time_of(pacer, now_ns);
  sl_lock_take(&pacer->lock);
  enum sl_status status = pacer->kind == PACER_SELF_PAY
                              ? sl_self_pay_set_rate(&pacer->self_pay, now_ns, pace_of(rate))
                              : sl_smooth_set_rate(&pacer->smooth, now_ns, pace_of(rate));
  sl_lock_give(&pacer->lock);
  return sl_status_out(status);
}
