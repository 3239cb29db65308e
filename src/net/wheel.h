// wheel.h - time-outs of many connections, coarse and cheap.
//
// A hashed wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme
// 6): a timer hangs in the slot of its tick, modulo the number of slots; one whose round has not
// come is passed over. Nothing is done per request: an owner whose deadline moves out leaves its
// timer where it is, and sets it anew when it goes off early.
#ifndef SL_NET_WHEEL_H
#define SL_NET_WHEEL_H

#include "base/base.h"

#define SL_WHEEL_TICK_NS (UINT64_C(1) << 25)  // 34 ms
enum { SL_WHEEL_SLOTS = 512 };

struct sl_timer {
  struct sl_timer *next, *prev;  // NULL: not set
  uint64_t tick;
};

struct sl_wheel {
  uint64_t tick;  // all before it have gone off
  size_t count;
  struct sl_timer slots[SL_WHEEL_SLOTS];  // heads of rings
};

void sl_wheel_init(struct sl_wheel *wheel, uint64_t now_ns);
// Sets the timer, wherever it was set before; it goes off in the first sl_wheel_expired at or after
// `due_ns`, at most a tick late.
void sl_wheel_set(struct sl_wheel *wheel, struct sl_timer *timer, uint64_t due_ns);
void sl_wheel_cancel(struct sl_wheel *wheel, struct sl_timer *timer);
// The next timer that is due, which is no longer set; NULL when there is none.
struct sl_timer *sl_wheel_expired(struct sl_wheel *wheel, uint64_t now_ns);
// How long until the next slot that holds a timer, in ms, at most a round; -1 without timers.
int sl_wheel_wait_ms(const struct sl_wheel *wheel, uint64_t now_ns);

#endif
