// mem.h - memory is injected: the pure folders allocate only through a struct sl_mem, so that a
// caller can bring its own allocator and a test can fail each allocation.
#ifndef SL_BASE_MEM_H
#define SL_BASE_MEM_H

#include "base/base.h"

struct sl_mem {
  // Returns `size` zeroed bytes (size > 0) at an address that is a multiple of `align` (a power of
  // two, 8 to 64), or NULL.
  void *(*alloc)(void *ctx, size_t size, size_t align);
  // Gives back what alloc returned; `size` and `align` are those of the alloc. Never called with
  // NULL.
  void (*free)(void *ctx, void *ptr, size_t size, size_t align);
  void *ctx;
};

// `count` zeroed objects of `size` bytes each; NULL when out of memory, when the product overflows,
// or when count is 0.
static inline void *sl_mem_array(const struct sl_mem *mem, size_t count, size_t size,
                                 size_t align) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0) {
    return NULL;
  }
  return mem->alloc(mem->ctx, bytes, align);
}

static inline void *sl_mem_alloc(const struct sl_mem *mem, size_t size) {
  return mem->alloc(mem->ctx, size, _Alignof(max_align_t));
}

// NULL is allowed and ignored.
static inline void sl_mem_free_aligned(const struct sl_mem *mem, void *ptr, size_t size,
                                       size_t align) {
  if (ptr != NULL) {
    mem->free(mem->ctx, ptr, size, align);
  }
}

static inline void sl_mem_free(const struct sl_mem *mem, void *ptr, size_t size) {
  sl_mem_free_aligned(mem, ptr, size, _Alignof(max_align_t));
}

// An arena: many small objects with one life. Allocation is bump-pointer, release is all at once.
struct sl_arena {
  const struct sl_mem *mem;
  struct sl_arena_block *blocks;
  size_t bytes;  // taken from mem, headers included
};

void sl_arena_init(struct sl_arena *arena, const struct sl_mem *mem);
// Zeroed, aligned to 16 bytes; NULL when out of memory (the arena stays usable). size 0 gives a
// valid unique-enough pointer.
void *sl_arena_alloc(struct sl_arena *arena, size_t size);
// A terminated copy of the view; NULL when out of memory.
char *sl_arena_copy(struct sl_arena *arena, struct sl_str text);
// Frees everything; the arena is as after init.
void sl_arena_close(struct sl_arena *arena);

#endif
