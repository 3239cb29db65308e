// Memory for tests: fails the allocation it is told to, counts what is out, and sees what is given
// back with another size or alignment than it was taken with.
#ifndef TESTS_SUPPORT_FAULT_MEM_H
#define TESTS_SUPPORT_FAULT_MEM_H

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct fault_mem {
  _Atomic uint64_t calls;  // allocations asked for
  uint64_t fail_at;        // the one that fails, counted from 1; 0: none
  uint64_t fail_after;     // every one above this count fails; 0: none
  size_t fail_size;        // every one of this size or more fails; 0: none
  _Atomic uint64_t live;   // blocks out
  _Atomic uint64_t live_bytes;
  _Atomic uint64_t peak_bytes;  // the most that were out at once
};

// Before each block stands what it was taken with.
struct fault_block {
  size_t size, align;
  uint64_t mark;
};

enum { FAULT_HEADER = 64 };
#define FAULT_MARK UINT64_C(0x5afe5afe5afe5afe)

__attribute__((unused)) static void *fault_mem_alloc(void *ctx, size_t size, size_t align) {
  struct fault_mem *fault = ctx;
  uint64_t call = atomic_fetch_add(&fault->calls, 1) + 1;
  if (call == fault->fail_at || (fault->fail_after != 0 && call > fault->fail_after) ||
      (fault->fail_size != 0 && size >= fault->fail_size)) {
    return NULL;
  }
  if (size == 0 || align < 8 || align > 64 || (align & (align - 1)) != 0) {
    abort();
  }
  if (size > SIZE_MAX / 4) {
    return NULL;
  }
  char *base = aligned_alloc(FAULT_HEADER, FAULT_HEADER + (size + 63) / 64 * 64);
  if (base == NULL) {
    return NULL;
  }
  memset(base, 0, FAULT_HEADER + size);
  *(struct fault_block *)(void *)base =
      (struct fault_block){.size = size, .align = align, .mark = FAULT_MARK};
  fault->live++;
  uint64_t now = atomic_fetch_add(&fault->live_bytes, size) + size;
  uint64_t peak = fault->peak_bytes;
  while (now > peak && !atomic_compare_exchange_weak(&fault->peak_bytes, &peak, now)) {
  }
  return base + FAULT_HEADER;
}

__attribute__((unused)) static void fault_mem_free(void *ctx, void *ptr, size_t size,
                                                   size_t align) {
  struct fault_mem *fault = ctx;
  struct fault_block *block = (struct fault_block *)(void *)((char *)ptr - FAULT_HEADER);
  if (block->mark != FAULT_MARK || block->size != size || block->align != align) {
    abort();
  }
  block->mark = 0;
  fault->live--;
  fault->live_bytes -= size;
  free(block);
}

__attribute__((unused)) static struct sl_mem fault_mem_init(struct fault_mem *fault) {
  memset(fault, 0, sizeof *fault);
  return (struct sl_mem){.alloc = fault_mem_alloc, .free = fault_mem_free, .ctx = fault};
}

#endif
