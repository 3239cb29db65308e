#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

void probe_open(struct probe *probe, size_t keys, uint64_t burst, uint64_t interval_ns) {
  size_t slots = 4096;
  while (slots / 16 * 11 < keys) {
    slots *= 2;
  }
  size_t bytes = slots * sizeof(struct probe_slot) + HUGE_PAGE;
  char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    perror("mmap");
    exit(2);
  }
  map += (size_t)(-(uintptr_t)map % HUGE_PAGE);
  (void)madvise(map, bytes - HUGE_PAGE, MADV_HUGEPAGE);
  struct sl_secret secret = {{0x0123456789abcdefu, 0xfedcba9876543210u}};
  *probe = (struct probe){.slots = (struct probe_slot *)(void *)map,
                          .mask = slots - 1,
                          .prefix = sl_sip_init(&secret),
                          .burst = burst,
                          .interval_ns = interval_ns,
                          .inverse = UINT64_MAX / interval_ns};
  sl_sip_element(&probe->prefix, SL_STR("probe"));
}

void probe_close(struct probe *probe) {
  (void)munmap(probe->slots, (probe->mask + 1) * sizeof(struct probe_slot));
  probe->slots = NULL;
}
