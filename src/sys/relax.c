#include "sys/relax.h"

static void pause_processor(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void sl_relax(void *ctx, unsigned round) {
  const struct sl_sys *sys = ctx;
  if (round < SL_RELAX_PAUSES) {
    pause_processor();
  } else {
    (void)sys->sched_yield();
  }
}
