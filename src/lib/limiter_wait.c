// limiter_wait.c - reservations on limiters.
#include "lib/limiter.h"

// A receipt of the caller's: the bucket, the core's receipt, and whose it is (0: used up).
enum { R_BUCKET_LO, R_BUCKET_HI, R_CHARGED, R_DEPARTS, R_STAMP, R_COST, R_OWNER };

static struct sluice_receipt receipt_out(const struct sluice_limiter *limiter,
                                         const struct sl_ask *ask,
                                         const struct sl_receipt *receipt) {
  struct sluice_receipt out = {{0}};
  out.word[R_BUCKET_LO] = ask->bucket.lo;
  out.word[R_BUCKET_HI] = ask->bucket.hi;
  out.word[R_CHARGED] = receipt->charged_ns;
  out.word[R_DEPARTS] = receipt->departs;
  out.word[R_STAMP] = receipt->stamp;
  out.word[R_COST] = receipt->cost;
  out.word[R_OWNER] = limiter->id;
  return out;
}

static struct sl_receipt receipt_in(const struct sluice_receipt *receipt) {
  return (struct sl_receipt){
      .charged_ns = receipt->word[R_CHARGED],
      .departs = receipt->word[R_DEPARTS],
      .stamp = receipt->word[R_STAMP],
      .cost = receipt->word[R_COST],
  };
}

enum sluice_status sluice_limiter_reserve(struct sluice_limiter *limiter, const void *key,
                                          size_t key_len, uint64_t cost, uint64_t now_ns,
                                          struct sluice_receipt *ret_receipt,
                                          struct sluice_decision *ret_decision) {
  if (ret_receipt != NULL) {
    *ret_receipt = (struct sluice_receipt){{0}};
  }
  if (!sl_limiter_takes(limiter, key, key_len, cost, now_ns)) {
    return sl_limiter_refuse(limiter, key, key_len, cost);
  }
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, cost);
  struct sl_decision spare;
  struct sl_decision *decision = sl_decision_place(ret_decision, &spare);
  struct sl_receipt receipt;
  enum sl_status status = sl_engine_reserve(
      limiter->engine, &ask, sl_sluice_time(limiter->sluice, now_ns), &receipt, decision);
  if (status != SL_OK) {
    return sl_status_out(status);
  }
  if (decision->verdict == SL_ALLOWED && ret_receipt != NULL) {
    *ret_receipt = receipt_out(limiter, &ask, &receipt);
  }
  return sl_verdict_out(decision->verdict);
}

enum sluice_status sluice_limiter_cancel(struct sluice_limiter *limiter,
                                         struct sluice_receipt *receipt, uint64_t now_ns) {
  if (limiter == NULL || receipt == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_reading_fits(now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  if (receipt->word[R_OWNER] != limiter->id) {
    return SLUICE_ERR_UNKNOWN;
  }
  const struct sl_ask ask = {
      .class = limiter->class,
      .bucket = {.lo = receipt->word[R_BUCKET_LO], .hi = receipt->word[R_BUCKET_HI]},
  };
  const struct sl_receipt in = receipt_in(receipt);
  enum sl_status status =
      sl_engine_cancel(limiter->engine, &ask, &in, sl_sluice_time(limiter->sluice, now_ns));
  if (status == SL_OK) {
    receipt->word[R_OWNER] = 0;
  }
  return sl_status_out(status);
}

// ---- waiting ------------------------------------------------------------------------------------

static enum sluice_status too_long(uint64_t wait_ns, uint64_t timeout_ns,
                                   struct sluice_decision *decision) {
  decision->verdict = SLUICE_THROTTLED;
  decision->wait_ns = wait_ns;
  decision->retry_after_ns = wait_ns - timeout_ns;
  return SLUICE_THROTTLED;
}

// Reserves where the wait is at most the timeout. A look comes first, so that a caller who will not
// wait charges nothing; where others were faster since, the reservation is cancelled in the same
// instant.
static enum sluice_status reserve_within(struct sluice_limiter *limiter, const struct sl_ask *ask,
                                         uint64_t timeout_ns, struct sluice_decision *decision) {
  uint64_t now_ns = sl_sluice_time(limiter->sluice, SLUICE_NOW);
  enum sl_status status = SL_OK;
  if (timeout_ns < UINT64_MAX) {
    status = sl_limiter_look(limiter, ask, now_ns, sl_decision_in(decision));
    uint64_t wait_ns = sl_wait_of_look(&ask->class->limit, sl_decision_in(decision));
    if (status == SL_OK && decision->verdict != SLUICE_NEVER && wait_ns > timeout_ns) {
      return too_long(wait_ns, timeout_ns, decision);
    }
  }
  struct sl_receipt receipt;
  if (status == SL_OK) {
    status = sl_engine_reserve(limiter->engine, ask, now_ns, &receipt, sl_decision_in(decision));
  }
  if (status == SL_OK && decision->verdict == SLUICE_ALLOWED && decision->wait_ns > timeout_ns) {
    status = sl_engine_cancel(limiter->engine, ask, &receipt, now_ns);
    (void)too_long(decision->wait_ns, timeout_ns, decision);
  }
  return status == SL_OK ? decision->verdict : sl_status_out(status);
}

enum sluice_status sluice_limiter_try_acquire(struct sluice_limiter *limiter, const void *key,
                                              size_t key_len, uint64_t cost, uint64_t timeout_ns,
                                              struct sluice_decision *ret_decision) {
  if (!sl_limiter_takes(limiter, key, key_len, cost, SLUICE_NOW)) {
    return sl_limiter_refuse(limiter, key, key_len, cost);
  }
  struct sluice_decision decision;
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, cost);
  enum sluice_status result = reserve_within(limiter, &ask, timeout_ns, &decision);
  if (result == SLUICE_ALLOWED) {
    sl_sluice_sleep(limiter->sluice, decision.wait_ns);
  }
  if (result >= 0 && ret_decision != NULL) {
    *ret_decision = decision;
  }
  return result;
}

enum sluice_status sluice_limiter_acquire(struct sluice_limiter *limiter, const void *key,
                                          size_t key_len, uint64_t cost,
                                          struct sluice_decision *ret_decision) {
  return sluice_limiter_try_acquire(limiter, key, key_len, cost, UINT64_MAX, ret_decision);
}
