#include "net/wheel.h"

void sl_wheel_init(struct sl_wheel *wheel, uint64_t now_ns) {
  wheel->tick = now_ns / SL_WHEEL_TICK_NS;
  wheel->count = 0;
  for (size_t i = 0; i < SL_WHEEL_SLOTS; i++) {
    struct sl_timer *head = &wheel->slots[i];
    head->next = head;
    head->prev = head;
  }
}

void sl_wheel_cancel(struct sl_wheel *wheel, struct sl_timer *timer) {
  if (timer->next != NULL) {
    timer->next->prev = timer->prev;
    timer->prev->next = timer->next;
    timer->next = NULL;
    timer->prev = NULL;
    wheel->count--;
  }
}

void sl_wheel_set(struct sl_wheel *wheel, struct sl_timer *timer, uint64_t due_ns) {
  sl_wheel_cancel(wheel, timer);
  // The end of the tick that the moment lies in: never early.
  uint64_t tick = due_ns / SL_WHEEL_TICK_NS + 1;
  timer->tick = tick > wheel->tick ? tick : wheel->tick;
  struct sl_timer *head = &wheel->slots[timer->tick % SL_WHEEL_SLOTS];
  timer->next = head;
  timer->prev = head->prev;
  head->prev->next = timer;
  head->prev = timer;
  wheel->count++;
}

static struct sl_timer *due_in(struct sl_wheel *wheel, struct sl_timer *head) {
  for (struct sl_timer *timer = head->next; timer != head; timer = timer->next) {
    if (timer->tick <= wheel->tick) {
      sl_wheel_cancel(wheel, timer);
      return timer;
    }
  }
  return NULL;
}

struct sl_timer *sl_wheel_expired(struct sl_wheel *wheel, uint64_t now_ns) {
  const uint64_t now = now_ns / SL_WHEEL_TICK_NS;
  if (wheel->count == 0 || now > wheel->tick + 2 * SL_WHEEL_SLOTS) {
    // After a long pause one round sees every slot.
    uint64_t skipped = now > SL_WHEEL_SLOTS ? now - SL_WHEEL_SLOTS : 0;
    wheel->tick = wheel->count == 0 ? (now > wheel->tick ? now : wheel->tick)
                                    : (skipped > wheel->tick ? skipped : wheel->tick);
  }
  while (wheel->tick <= now) {
    struct sl_timer *timer = due_in(wheel, &wheel->slots[wheel->tick % SL_WHEEL_SLOTS]);
    if (timer != NULL) {
      return timer;
    }
    if (wheel->tick == now) {
      break;
    }
    wheel->tick++;
  }
  return NULL;
}

int sl_wheel_wait_ms(const struct sl_wheel *wheel, uint64_t now_ns) {
  if (wheel->count == 0) {
    return -1;
  }
  const uint64_t now = now_ns / SL_WHEEL_TICK_NS;
  uint64_t ahead = 1;
  while (ahead < SL_WHEEL_SLOTS) {
    const struct sl_timer *head = &wheel->slots[(now + ahead) % SL_WHEEL_SLOTS];
    if (head->next != head) {
      break;
    }
    ahead++;
  }
  return (int)(ahead * SL_WHEEL_TICK_NS / 1000000) + 1;
}
