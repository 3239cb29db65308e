// The default allocator: zeroed, aligned, big blocks mapped at huge pages' borders; each call may
// fail.
#include <errno.h>
#include <sys/mman.h>

#include "support/tap.h"
#include "sys/default_mem.h"

// The system, with counts, and with failures on demand.
static struct { bool mmap, madvise, calloc, aligned_alloc; } fails;
enum { SMALL_PAGE = 4096 };
static size_t mapped, advised;
static int last_advice;

static void *count_mmap(void *at, size_t len, int protection, int flags, int file, off_t offset) {
  if (fails.mmap) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  mapped += len;
  // Never at a huge page's border by luck.
  char *start = mmap(at, len + SMALL_PAGE, protection, flags, file, offset);
  if ((uintptr_t)start % ((size_t)2 << 20) == 0) {
    munmap(start, SMALL_PAGE);
    return start + SMALL_PAGE;
  }
  munmap(start + len, SMALL_PAGE);
  return start;
}

static int count_munmap(void *at, size_t len) {
  mapped -= len;
  return munmap(at, len);
}

static int count_madvise(void *at, size_t len, int advice) {
  advised = len;
  last_advice = advice;
  return fails.madvise ? -1 : madvise(at, len, advice);
}

static void *count_calloc(size_t count, size_t size) {
  return fails.calloc ? NULL : calloc(count, size);
}

static void *count_aligned_alloc(size_t align, size_t size) {
  return fails.aligned_alloc ? NULL : aligned_alloc(align, size);
}

static const struct sl_sys count_sys = {
    .calloc = count_calloc,
    .aligned_alloc = count_aligned_alloc,
    .free = free,
    .mmap = count_mmap,
    .munmap = count_munmap,
    .madvise = count_madvise,
};

static bool is_zero(const unsigned char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] != 0) {
      return false;
    }
  }
  return true;
}

// Dirties a block first, so that reused memory shows.
static void test_blocks(const struct sl_mem *mem, size_t size, size_t align) {
  unsigned char *first = mem->alloc(mem->ctx, size, align);
  memset(first, 0xff, size);
  mem->free(mem->ctx, first, size, align);
  unsigned char *block = mem->alloc(mem->ctx, size, align);
  ok(block != NULL && (uintptr_t)block % align == 0 && is_zero(block, size),
     "%zu bytes at a multiple of %zu are zero", size, align);
  memset(block, 0xff, size);
  mem->free(mem->ctx, block, size, align);
}

static void test_big(const struct sl_mem *mem) {
  const size_t huge = 2 << 20;
  for (size_t size = SL_BIG_BLOCK; size < SL_BIG_BLOCK + 3 * huge; size += huge / 2 + 1) {
    unsigned char *block = mem->alloc(mem->ctx, size, 64);
    const size_t whole = (size + huge - 1) / huge * huge;
    ok(block != NULL && (uintptr_t)block % huge == 0, "a block of %zu begins at a huge page", size);
    is_u64(mapped, whole, "just its huge pages stay mapped");
    is_u64(advised, whole, "huge pages are asked for");
    is_i64(last_advice, MADV_HUGEPAGE, "by that name");
    block[0] = block[size - 1] = 1;
    mem->free(mem->ctx, block, size, 64);
    is_u64(mapped, 0, "nothing stays mapped");
  }
}

static void test_failures(const struct sl_mem *mem) {
  fails.calloc = fails.aligned_alloc = fails.mmap = true;
  ok(mem->alloc(mem->ctx, 100, 16) == NULL, "a small block that cannot be had is NULL");
  ok(mem->alloc(mem->ctx, 100, 64) == NULL, "an aligned one, too");
  ok(mem->alloc(mem->ctx, SL_BIG_BLOCK, 64) == NULL, "a big one, too");
  fails.calloc = fails.aligned_alloc = fails.mmap = false;
  ok(mem->alloc(mem->ctx, SIZE_MAX, 64) == NULL, "as one of all memory there is");
  fails.madvise = true;
  void *block = mem->alloc(mem->ctx, SL_BIG_BLOCK, 64);
  ok(block != NULL, "a system without huge pages does as well");
  mem->free(mem->ctx, block, SL_BIG_BLOCK, 64);
  fails.madvise = false;
}

int main(void) {
  const struct sl_mem mem = sl_default_mem(&count_sys);
  const struct sl_mem real = sl_default_mem(&sl_sys_real);
  for (size_t align = 8; align <= 64; align *= 2) {
    test_blocks(&mem, 1, align);
    test_blocks(&mem, 1000, align);
    test_blocks(&real, 100000, align);
  }
  test_blocks(&real, SL_BIG_BLOCK, 64);
  test_big(&mem);
  test_failures(&mem);
  return done_testing();
}
