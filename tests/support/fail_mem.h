// Memory that counts and can be made to fail: for tests of what happens when there is none.
#ifndef TESTS_SUPPORT_FAIL_MEM_H
#define TESTS_SUPPORT_FAIL_MEM_H

#include <stdlib.h>

#include "base/mem.h"

struct fail_mem {
  struct sl_mem mem;
  uint64_t fail_at;  // the number of the allocation that fails, from 1; 0: none
  uint64_t asked;    // allocations so far, the failing one included
  uint64_t live;     // blocks out
  uint64_t live_bytes;
};

static void *fail_mem_alloc(void *ctx, size_t size, size_t align) {
  struct fail_mem *fail = ctx;
  fail->asked++;
  if (fail->asked == fail->fail_at) {
    return NULL;
  }
  const size_t rounded = (size + align - 1) / align * align;
  void *block = aligned_alloc(align, rounded);
  if (block != NULL) {
    memset(block, 0, size);
    fail->live++;
    fail->live_bytes += size;
  }
  return block;
}

static void fail_mem_free(void *ctx, void *ptr, size_t size, size_t align) {
  struct fail_mem *fail = ctx;
  (void)align;
  fail->live--;
  fail->live_bytes -= size;
  free(ptr);
}

// `fail` stays where it is while the memory is in use.
__attribute__((unused)) static const struct sl_mem *fail_mem_init(struct fail_mem *fail,
                                                                  uint64_t fail_at) {
  *fail = (struct fail_mem){.fail_at = fail_at};
  fail->mem = (struct sl_mem){.alloc = fail_mem_alloc, .free = fail_mem_free, .ctx = fail};
  return &fail->mem;
}

#endif
