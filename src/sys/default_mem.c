#include "sys/default_mem.h"

#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// The system maps at small pages' borders. One huge page more than needed holds a stretch that
// begins at a huge page's border; what lies before and behind is given back.
static void *map_big(const struct sl_sys *sys, size_t size) {
  if (size > SIZE_MAX - (size_t)2 * HUGE_PAGE) {
    return NULL;
  }
  size_t len = round_up(size, HUGE_PAGE);
  char *start = sys->mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    return NULL;
  }
  size_t before = (size_t)(-(uintptr_t)start % HUGE_PAGE);
  char *block = start + before;
  // Neither failure harms: address space stays taken, or pages stay small.
  if (before > 0) {
    (void)sys->munmap(start, before);
  }
  (void)sys->munmap(block + len, HUGE_PAGE - before);
  (void)sys->madvise(block, len, MADV_HUGEPAGE);
  return block;
}

static void *alloc(void *ctx, size_t size, size_t align) {
  const struct sl_sys *sys = ctx;
  if (size >= SL_BIG_BLOCK) {
    return map_big(sys, size);
  }
  if (align <= _Alignof(max_align_t)) {
    return sys->calloc(1, size);
  }
  void *block = sys->aligned_alloc(align, round_up(size, align));
  if (block != NULL) {
    memset(block, 0, size);
  }
  return block;
}

static void free_block(void *ctx, void *ptr, size_t size, size_t align) {
  const struct sl_sys *sys = ctx;
  (void)align;
  if (size >= SL_BIG_BLOCK) {
    (void)sys->munmap(ptr, round_up(size, HUGE_PAGE));
  } else {
    sys->free(ptr);
  }
}

struct sl_mem sl_default_mem(const struct sl_sys *sys) {
  // struct sl_mem has one pointer for allocators of every kind; this one only reads what it points
  // to.
  return (struct sl_mem){.alloc = alloc, .free = free_block, .ctx = (void *)(uintptr_t)sys};
}
