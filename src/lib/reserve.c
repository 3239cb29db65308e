// reserve.c - reservations by rules: charge at once, wait, and perhaps give back.
#include "lib/request.h"

// What was reserved at one rule; receipt.cost is 0 where nothing was.
struct booking {
  const struct sl_class *class;
  struct sl_hash bucket;
  struct sl_receipt receipt;
};

struct sluice_reservation {
  struct sluice *sluice;   // held
  struct sl_rules *rules;  // held: they hold the classes of the bookings; NULL without bookings
  _Atomic bool cancelled;
  size_t count;
  struct booking items[];
};

// ---- reservations -------------------------------------------------------------------------------

static struct sluice_reservation *new_reservation(struct sluice *sluice, size_t count) {
  struct sluice_reservation *reservation =
      sl_mem_alloc(&sluice->mem, sizeof *reservation + count * sizeof(struct booking));
  if (reservation != NULL) {
    reservation->sluice = sluice;
    reservation->count = count;
  }
  return reservation;
}

static void free_memory(struct sluice_reservation *reservation) {
  if (reservation != NULL) {
    sl_mem_free(&reservation->sluice->mem, reservation,
                sizeof *reservation + reservation->count * sizeof(struct booking));
  }
}

// From here on the reservation holds the handle and the rules it was made under.
static void fill_reservation(struct sluice_reservation *reservation, const struct sl_visit *visit,
                             const struct sl_receipt *receipts) {
  for (size_t i = 0; i < reservation->count; i++) {
    const struct sl_ask ask = sl_visit_ask(visit, i);
    reservation->items[i] =
        (struct booking){.class = ask.class, .bucket = ask.bucket, .receipt = receipts[i]};
  }
  reservation->rules = visit->rules;
  if (visit->rules != NULL) {
    sl_rules_hold(visit->rules);
  }
  sl_sluice_hold(visit->sluice);
}

// Books at all rules within the timeout; without rules there is nothing to book.
static enum sluice_status book(const struct sl_visit *visit, uint64_t timeout_ns,
                               struct sl_receipt *receipts, struct sl_answer *ret_answer,
                               struct sluice_answer *ret_error) {
  if (visit->rules == NULL) {
    return sl_status_out(sl_visit_decide(visit, true, ret_answer));
  }
  const struct sl_rule *stranger;
  enum sl_status status = sl_reserve_hits(visit->rules->bound, &visit->seat->decider, visit->now_ns,
                                          timeout_ns, receipts, &stranger, ret_answer);
  return status == SL_OK ? SLUICE_OK : sl_answer_error(sl_status_out(status), stranger, ret_error);
}

// Books within the timeout; with `wanted` NULL nobody will cancel.
static enum sluice_status book_visit(const struct sl_visit *visit, uint64_t timeout_ns,
                                     struct sluice_reservation **wanted,
                                     struct sluice_answer *ret_answer) {
  size_t count = sl_visit_count(visit);
  struct sl_receipt receipts[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  if (count > SL_TOGETHER_MAX) {
    return sl_answer_error(SLUICE_ERR_ARGUMENT, NULL, ret_answer);
  }
  struct sluice_reservation *reservation = NULL;
  if (wanted != NULL) {
    reservation = new_reservation(visit->sluice, count);
    if (reservation == NULL) {
      return sl_answer_error(SLUICE_ERR_MEMORY, NULL, ret_answer);
    }
  }
  struct sl_answer answer;
  enum sluice_status result = book(visit, timeout_ns, receipts, &answer, ret_answer);
  if (result == SLUICE_OK && answer.verdict == SL_ALLOWED && wanted != NULL) {
    fill_reservation(reservation, visit, receipts);
    *wanted = reservation;
  } else {
    free_memory(reservation);
  }
  return result == SLUICE_OK
             ? sl_visit_answer(visit, sl_verdict_out(answer.verdict), &answer, ret_answer)
             : result;
}

static enum sluice_status reserve(struct sluice *sluice, const struct sluice_request *request,
                                  uint64_t timeout_ns, struct sluice_reservation **wanted,
                                  struct sluice_answer *ret_answer) {
  struct sl_visit visit;
  enum sluice_status result = sl_visit_begin(sluice, request, &visit, ret_answer);
  if (result == SLUICE_OK) {
    result = book_visit(&visit, timeout_ns, wanted, ret_answer);
    sl_visit_end(&visit);
  }
  return result;
}

enum sluice_status sluice_reserve(struct sluice *sluice, const struct sluice_request *request,
                                  struct sluice_reservation **ret_reservation,
                                  struct sluice_answer *ret_answer) {
  if (ret_reservation != NULL) {
    *ret_reservation = NULL;
  }
  return reserve(sluice, request, UINT64_MAX, ret_reservation, ret_answer);
}

enum sluice_status sluice_reservation_cancel(struct sluice_reservation *reservation,
                                             uint64_t now_ns) {
  if (reservation == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_reading_fits(now_ns)) {
    return SLUICE_ERR_RANGE;
  }
  if (atomic_exchange(&reservation->cancelled, true)) {
    return SLUICE_ERR_UNKNOWN;
  }
  now_ns = sl_sluice_time(reservation->sluice, now_ns);
  enum sl_status worst = SL_OK;
  for (size_t i = reservation->count; i > 0; i--) {
    const struct booking *booking = &reservation->items[i - 1];
    if (booking->receipt.cost > 0) {
      const struct sl_ask ask = {.class = booking->class, .bucket = booking->bucket};
      enum sl_status status =
          sl_engine_cancel(reservation->sluice->engine, &ask, &booking->receipt, now_ns);
      worst = status != SL_OK ? status : worst;
    }
  }
  return sl_status_out(worst);
}

void sluice_reservation_free(struct sluice_reservation *reservation) {
  if (reservation == NULL) {
    return;
  }
  struct sluice *sluice = reservation->sluice;
  sl_rules_let_go(reservation->rules);
  free_memory(reservation);
  sl_sluice_let_go(sluice);
}

// ---- waiting ------------------------------------------------------------------------------------

enum sluice_status sluice_try_acquire(struct sluice *sluice, const struct sluice_request *request,
                                      uint64_t timeout_ns, struct sluice_answer *ret_answer) {
  struct sluice_answer answer;
  enum sluice_status result = reserve(sluice, request, timeout_ns, NULL, &answer);
  if (result == SLUICE_ALLOWED) {
    sl_sluice_sleep(sluice, answer.decision.wait_ns);
  }
  if (ret_answer != NULL) {
    *ret_answer = answer;
  }
  return result;
}

enum sluice_status sluice_acquire(struct sluice *sluice, const struct sluice_request *request,
                                  struct sluice_answer *ret_answer) {
  return sluice_try_acquire(sluice, request, UINT64_MAX, ret_answer);
}
