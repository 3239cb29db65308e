// thread.h - which thread is this, and a lock that sleeps.
#ifndef SL_SYS_THREAD_H
#define SL_SYS_THREAD_H

#include <pthread.h>

#include "base/base.h"

// A number that stays the same within a thread and is likely to differ between threads that run at
// the same time, spread over all 32 bits.
static inline uint32_t sl_thread_hint(void) {
  // The low bits of a thread's descriptor are the same in all threads; the product's upper half is
  // not.
  return (uint32_t)(((uint64_t)pthread_self() * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

// For what takes long, or is not asked for often. Not recursive.
struct sl_lock {
  pthread_mutex_t mutex;
};

void sl_lock_init(struct sl_lock *lock);
void sl_lock_close(struct sl_lock *lock);
void sl_lock_take(struct sl_lock *lock);
void sl_lock_give(struct sl_lock *lock);

#endif
