#include "sys/thread.h"

// A plain mutex fails only where it is misused, which would be a bug of Sluice.
static void must(int error) { sl_assert(error == 0); }

void sl_lock_init(struct sl_lock *lock) { must(pthread_mutex_init(&lock->mutex, NULL)); }
void sl_lock_close(struct sl_lock *lock) { must(pthread_mutex_destroy(&lock->mutex)); }
void sl_lock_take(struct sl_lock *lock) { must(pthread_mutex_lock(&lock->mutex)); }
void sl_lock_give(struct sl_lock *lock) { must(pthread_mutex_unlock(&lock->mutex)); }
