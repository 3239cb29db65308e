#include "base/mem.h"

enum { ARENA_ALIGN = 16, ARENA_BLOCK = 16384 };

struct sl_arena_block {
  struct sl_arena_block *next;
  size_t size;  // whole block, this header included
  size_t used;
  size_t pad;
};

void sl_arena_init(struct sl_arena *arena, const struct sl_mem *mem) {
  *arena = (struct sl_arena){.mem = mem};
}

static struct sl_arena_block *add_block(struct sl_arena *arena, size_t need) {
  size_t size = sizeof(struct sl_arena_block) + need;
  if (size < ARENA_BLOCK) {
    size = ARENA_BLOCK;
  }
  struct sl_arena_block *block = arena->mem->alloc(arena->mem->ctx, size, ARENA_ALIGN);
  if (block == NULL) {
    return NULL;
  }
  block->size = size;
  block->used = sizeof *block;
  arena->bytes += size;
  // An oversized block is full at once: it goes behind the head, which still has room.
  if (arena->blocks != NULL && need >= ARENA_BLOCK / 2) {
    block->next = arena->blocks->next;
    arena->blocks->next = block;
  } else {
    block->next = arena->blocks;
    arena->blocks = block;
  }
  return block;
}

void *sl_arena_alloc(struct sl_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) {
    return NULL;
  }
  size_t need = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
  need = need == 0 ? ARENA_ALIGN : need;
  struct sl_arena_block *block = arena->blocks;
  if (block == NULL || block->size - block->used < need) {
    block = add_block(arena, need);
    if (block == NULL) {
      return NULL;
    }
  }
  void *ptr = (char *)block + block->used;
  block->used += need;
  return ptr;
}

char *sl_arena_copy(struct sl_arena *arena, struct sl_str text) {
  char *copy = sl_arena_alloc(arena, text.len + 1);
  if (copy != NULL && text.len > 0) {
    memcpy(copy, text.ptr, text.len);
  }
  return copy;
}

void sl_arena_close(struct sl_arena *arena) {
  struct sl_arena_block *block = arena->blocks;
  while (block != NULL) {
    struct sl_arena_block *next = block->next;
    arena->mem->free(arena->mem->ctx, block, block->size, ARENA_ALIGN);
    block = next;
  }
  sl_arena_init(arena, arena->mem);
}
