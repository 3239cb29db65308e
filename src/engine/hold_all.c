// hold_all.c - locking the buckets of one request.
#include "engine/core.h"

static bool before(const struct sl_held *a, const struct sl_held *b) {
  return a->place.tag != b->place.tag ? a->place.tag < b->place.tag
                                      : a->place.family < b->place.family;
}

// Shell sort (gaps of Ciura): few elements mostly, any number at most, no recursion.
static void sort_held(struct sl_held **order, size_t count) {
  static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
  for (size_t g = 0; g < SL_ARRAY_LEN(gaps); g++) {
    size_t gap = gaps[g];
    for (size_t i = gap; i < count; i++) {
      struct sl_held *held = order[i];
      size_t j = i;
      for (; j >= gap && before(held, order[j - gap]); j -= gap) {
        order[j] = order[j - gap];
      }
      order[j] = held;
    }
  }
}

void sl_let_all_go(struct sl_engine *engine, struct sl_held *held, size_t count, uint64_t now_ns) {
  for (size_t i = 0; i < count; i++) {
    sl_let_go(engine, &held[i], now_ns, false);
  }
}

static enum sl_status hold_in_order(struct sl_engine *engine, struct sl_held **order, size_t count,
                                    bool create, uint64_t now_ns) {
  for (size_t i = 1; i < count; i++) {
    // They would wait for each other for ever.
    if (!before(order[i - 1], order[i])) {
      return SL_ERR_ARGUMENT;
    }
  }
  for (size_t i = 0; i < count; i++) {
    const struct sl_ask *ask = order[i]->ask;
    enum sl_status status = sl_hold(engine, ask, now_ns, create && ask->cost > 0, order[i]);
    if (status != SL_OK) {
      return status;
    }
  }
  return SL_OK;
}

enum sl_status sl_hold_all(struct sl_engine *engine, const struct sl_ask *asks, size_t count,
                           bool create, uint64_t *now_ns, struct sl_held *ret_held,
                           struct sl_held **order) {
  for (size_t i = 0; i < count; i++) {
    ret_held[i] = (struct sl_held){.ask = &asks[i], .place = sl_ask_place(&asks[i])};
    order[i] = &ret_held[i];
  }
  sort_held(order, count);
  enum sl_status status = hold_in_order(engine, order, count, create, *now_ns);
  if (status != SL_OK) {
    sl_let_all_go(engine, ret_held, count, *now_ns);
    return status;
  }
  for (size_t i = 0; i < count; i++) {
    *now_ns = sl_held_now(&ret_held[i], *now_ns);
  }
  for (size_t i = 0; i < count; i++) {
    sl_held_advance(&ret_held[i], *now_ns);
  }
  return SL_OK;
}
