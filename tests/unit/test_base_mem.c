// Injected memory, and arenas on it.
#include "base/mem.h"

#include "support/fault_mem.h"
#include "support/tap.h"

static bool zero(const void *ptr, size_t size) {
  const unsigned char *p = ptr;
  for (size_t i = 0; i < size; i++) {
    if (p[i] != 0) {
      return false;
    }
  }
  return true;
}

static void arrays(void) {
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  ok(sl_mem_array(&mem, SIZE_MAX / 4, 8, 16) == NULL, "a product that overflows is no memory");
  ok(sl_mem_array(&mem, 0, 8, 16) == NULL, "nor is nothing");
  is_u64(fault.calls, 0, "and neither asks for any");
  void *ptr = sl_mem_array(&mem, 3, 7, 64);
  ok(ptr != NULL && (uintptr_t)ptr % 64 == 0 && zero(ptr, 21), "an array is aligned and zeroed");
  sl_mem_free_aligned(&mem, ptr, 21, 64);
  sl_mem_free_aligned(&mem, NULL, 21, 64);
  sl_mem_free(&mem, NULL, 21);
  is_u64(fault.live, 0, "what was given back is back, and NULL is ignored");
}

static void small_objects(void) {
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_arena arena;
  sl_arena_init(&arena, &mem);
  unsigned char *last = NULL;
  bool aligned = true;
  bool clean = true;
  bool apart = true;
  for (size_t i = 0; i < 3000; i++) {
    size_t size = i % 97;
    unsigned char *ptr = sl_arena_alloc(&arena, size);
    aligned = aligned && (uintptr_t)ptr % 16 == 0;
    clean = clean && zero(ptr, size);
    apart = apart && ptr != last;
    memset(ptr, 0xa5, size);
    last = ptr;
  }
  ok(aligned, "an arena's objects are aligned");
  ok(clean, "zeroed");
  ok(apart, "and apart, those of size 0 too");
  ok(fault.live > 1 && fault.live < 40, "they share blocks");
  is_u64(arena.bytes, fault.live_bytes, "the arena knows what it took");
  sl_arena_close(&arena);
  is_u64(fault.live, 0, "closing gives all back");
  ok(sl_arena_alloc(&arena, 8) != NULL, "a closed arena begins anew");
  sl_arena_close(&arena);
}

static void large_objects(void) {
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_arena arena;
  sl_arena_init(&arena, &mem);
  char *first = sl_arena_alloc(&arena, 100);
  unsigned char *large = sl_arena_alloc(&arena, 1 << 20);
  ok(large != NULL && zero(large, 1 << 20), "an object larger than a block");
  memset(large, 1, 1 << 20);
  uint64_t live = fault.live;
  char *second = sl_arena_alloc(&arena, 100);
  ok(second == first + 112, "does not waste the block in use");
  is_u64(fault.live, live, "so nothing new is asked for");
  ok(sl_arena_alloc(&arena, SIZE_MAX) == NULL, "a size that cannot be is refused");
  ok(sl_arena_alloc(&arena, SIZE_MAX / 2 - 8) == NULL, "and one that nobody has");
  char *copy = sl_arena_copy(&arena, SL_STR("a\0b"));
  ok(copy != NULL && memcmp(copy, "a\0b", 4) == 0, "a copy is terminated");
  copy = sl_arena_copy(&arena, (struct sl_str){.ptr = NULL, .len = 0});
  is_str(copy, "", "a copy of nothing too");
  sl_arena_close(&arena);
  is_u64(fault.live, 0, "closing gives all back");
}

static void without_memory(void) {
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_arena arena;
  sl_arena_init(&arena, &mem);
  fault.fail_at = 1;
  ok(sl_arena_alloc(&arena, 8) == NULL, "no memory, no object");
  char *ptr = sl_arena_alloc(&arena, 8);
  ok(ptr != NULL, "the arena stays usable");
  fault.fail_at = fault.calls + 1;
  ok(sl_arena_alloc(&arena, 1 << 16) == NULL, "also later");
  ok(sl_arena_alloc(&arena, 8) == ptr + 16, "and goes on in the block it has");
  fault.fail_at = fault.calls + 1;
  ok(sl_arena_copy(&arena, (struct sl_str){.ptr = ptr, .len = 16}) != NULL, "a copy that fits");
  sl_arena_close(&arena);
  is_u64(fault.live, 0, "closing gives all back");
}

int main(void) {
  arrays();
  small_objects();
  large_objects();
  without_memory();
  return done_testing();
}
