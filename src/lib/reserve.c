// reserve.c - reservations by rules: charge at once, wait, and perhaps give back.
//
// A request that several rules reserve is booked at one after the other; where one refuses, those
// before it are cancelled in the same instant. In between another request may come to stand behind
// a booking that goes: it then waits for longer than it had to, and the limit is kept.
#include "lib/request.h"

// What was reserved at one rule.
struct booking {
  const struct sl_class *class;
  struct sl_hash bucket;
  struct sl_receipt receipt;
};

struct bookings {
  size_t count;
  struct booking items[SL_TOGETHER_MAX];
};

struct sluice_reservation {
  struct sluice *sluice;   // held
  struct sl_rules *rules;  // held: they hold the classes of the bookings; NULL without bookings
  _Atomic bool cancelled;
  size_t count;
  struct booking items[];
};

// ---- booking ------------------------------------------------------------------------------------

static bool reservable(const struct sl_limit *limit) {
  return limit->algorithm == SL_TOKEN_BUCKET || limit->algorithm == SL_LEAKY_BUCKET ||
         limit->algorithm == SL_FIXED_WINDOW;
}

static enum sl_status cancel_one(struct sl_engine *engine, const struct booking *booking,
                                 uint64_t now_ns) {
  const struct sl_ask ask = {.class = booking->class, .bucket = booking->bucket};
  return sl_engine_cancel(engine, &ask, &booking->receipt, now_ns);
}

// The last first, so that each is still the latest promise of its bucket. A cancel that fails for
// want of memory leaves its charge, which is on the safe side.
static void undo(const struct sl_visit *visit, struct bookings *bookings) {
  while (bookings->count > 0) {
    bookings->count--;
    (void)cancel_one(visit->sluice->engine, &bookings->items[bookings->count], visit->now_ns);
  }
}

static bool has_less_left(const struct sl_decision *a, const struct sl_decision *b) {
  return b->limit == UINT64_MAX ||
         (sl_u128)a->remaining * b->limit < (sl_u128)b->remaining * a->limit;
}

// Books hit `index`. *ret_decision is what its rule says.
static enum sl_status book_one(const struct sl_visit *visit, size_t index,
                               struct bookings *bookings, struct sl_decision *ret_decision) {
  const struct sl_ask ask = sl_visit_ask(visit, index);
  struct booking *booking = &bookings->items[bookings->count];
  *booking = (struct booking){.class = ask.class, .bucket = ask.bucket};
  enum sl_status status = sl_engine_reserve(visit->sluice->engine, &ask, visit->now_ns,
                                            &booking->receipt, ret_decision);
  if (status == SL_OK && ret_decision->verdict == SL_ALLOWED) {
    bookings->count++;
  }
  return status;
}

// Books all enforced hits (`shadow` false) or all shadow ones. *answer starts as allowed and ends
// as what the rules say; a shadow rule has no part in it.
static enum sl_status book_some(const struct sl_visit *visit, bool shadow,
                                struct bookings *bookings, struct sl_answer *answer) {
  for (size_t i = 0; i < sl_visit_count(visit); i++) {
    if (sl_visit_shadow(visit, i) != shadow || !reservable(&sl_visit_class(visit, i)->limit)) {
      continue;
    }
    struct sl_decision decision;
    enum sl_status status = book_one(visit, i, bookings, &decision);
    if (status != SL_OK) {
      return status;
    }
    if (shadow) {
      continue;
    }
    const struct sl_rule *rule = sl_visit_hit(visit, i)->rule;
    if (decision.verdict != SL_ALLOWED) {
      *answer = (struct sl_answer){.verdict = decision.verdict, .rule = rule, .decision = decision};
      return SL_OK;
    }
    uint64_t wait_ns = answer->decision.wait_ns;
    if (has_less_left(&decision, &answer->decision)) {
      answer->rule = rule;
      answer->decision = decision;
    }
    answer->decision.wait_ns = wait_ns > decision.wait_ns ? wait_ns : decision.wait_ns;
  }
  return SL_OK;
}

static enum sl_status book_all(const struct sl_visit *visit, struct bookings *bookings,
                               struct sl_answer *ret_answer) {
  *ret_answer = (struct sl_answer){
      .verdict = SL_ALLOWED,
      .decision = {.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX},
  };
  enum sl_status status = book_some(visit, false, bookings, ret_answer);
  if (status == SL_OK && ret_answer->verdict == SL_ALLOWED) {
    status = book_some(visit, true, bookings, ret_answer);
  }
  if (status != SL_OK || ret_answer->verdict != SL_ALLOWED) {
    undo(visit, bookings);
  }
  return status;
}

// Every enforced rule must be one that can be reserved; names the first that is not.
static const struct sl_rule *unsupported(const struct sl_visit *visit) {
  for (size_t i = 0; i < sl_visit_count(visit); i++) {
    const struct sl_limit *limit = &sl_visit_class(visit, i)->limit;
    if (!sl_visit_shadow(visit, i) && limit->algorithm != SL_UNLIMITED && !reservable(limit)) {
      return sl_visit_hit(visit, i)->rule;
    }
  }
  return NULL;
}

// ---- with a bound on the wait -------------------------------------------------------------------

static struct sl_answer too_long(const struct sl_rule *rule, struct sl_decision decision,
                                 uint64_t wait_ns, uint64_t timeout_ns) {
  decision.verdict = SL_THROTTLED;
  decision.wait_ns = wait_ns;
  decision.retry_after_ns = wait_ns - timeout_ns;
  return (struct sl_answer){.verdict = SL_THROTTLED, .rule = rule, .decision = decision};
}

// Looks whether the wait would be above the timeout, so that a caller who will not wait charges
// nothing. *ret_late: it would, and *ret_answer says so.
static enum sl_status look_ahead(const struct sl_visit *visit, uint64_t timeout_ns, bool *ret_late,
                                 struct sl_answer *ret_answer) {
  *ret_late = false;
  enum sl_status status = sl_visit_decide(visit, true, ret_answer);
  if (status != SL_OK || ret_answer->verdict == SL_NEVER) {
    return status;
  }
  uint64_t longest_ns = timeout_ns;
  for (size_t i = 0; i < sl_visit_count(visit); i++) {
    const struct sl_decision *look = &visit->seat->decider.decisions[i];
    uint64_t wait_ns = sl_wait_of_look(&sl_visit_class(visit, i)->limit, look);
    if (!sl_visit_shadow(visit, i) && wait_ns > longest_ns) {
      longest_ns = wait_ns;
      *ret_late = true;
      *ret_answer = too_long(sl_visit_hit(visit, i)->rule, *look, wait_ns, timeout_ns);
    }
  }
  return SL_OK;
}

static enum sl_status book_within(const struct sl_visit *visit, uint64_t timeout_ns,
                                  struct bookings *bookings, struct sl_answer *ret_answer) {
  bool late = false;
  if (timeout_ns < UINT64_MAX) {
    enum sl_status status = look_ahead(visit, timeout_ns, &late, ret_answer);
    if (status != SL_OK || late) {
      return status;
    }
  }
  enum sl_status status = book_all(visit, bookings, ret_answer);
  uint64_t wait_ns = ret_answer->decision.wait_ns;
  if (status == SL_OK && ret_answer->verdict == SL_ALLOWED && wait_ns > timeout_ns) {
    // Others were faster since the look.
    undo(visit, bookings);
    *ret_answer = too_long(ret_answer->rule, ret_answer->decision, wait_ns, timeout_ns);
  }
  return status;
}

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
                             const struct bookings *bookings) {
  // Rules that are unlimited have no booking; their places stay zero, which cancels nothing.
  memcpy(reservation->items, bookings->items, bookings->count * sizeof(struct booking));
  reservation->rules = visit->rules;
  if (visit->rules != NULL) {
    sl_rules_hold(visit->rules);
  }
  sl_sluice_hold(visit->sluice);
}

// Books within the timeout; with `wanted` NULL nobody will cancel.
static enum sluice_status book_visit(const struct sl_visit *visit, uint64_t timeout_ns,
                                     struct sluice_reservation **wanted,
                                     struct sluice_answer *ret_answer) {
  const struct sl_rule *stranger = unsupported(visit);
  if (stranger != NULL) {
    return sl_answer_error(SLUICE_ERR_UNSUPPORTED, stranger, ret_answer);
  }
  size_t count = sl_visit_count(visit);
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
  struct bookings bookings;
  bookings.count = 0;
  struct sl_answer answer;
  enum sl_status status = book_within(visit, timeout_ns, &bookings, &answer);
  if (status == SL_OK && answer.verdict == SL_ALLOWED && wanted != NULL) {
    fill_reservation(reservation, visit, &bookings);
    *wanted = reservation;
  } else {
    free_memory(reservation);
  }
  return status == SL_OK
             ? sl_visit_answer(visit, sl_verdict_out(answer.verdict), &answer, ret_answer)
             : sl_answer_error(sl_status_out(status), NULL, ret_answer);
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
    if (reservation->items[i - 1].class != NULL) {
      enum sl_status status =
          cancel_one(reservation->sluice->engine, &reservation->items[i - 1], now_ns);
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
