#include "rule/sort.h"

static void swap(uint32_t *a, uint32_t *b) {
  const uint32_t t = *a;
  *a = *b;
  *b = t;
}

static void sift_down(uint32_t *items, size_t at, size_t count, sl_compare *compare,
                      const void *ctx) {
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count) {
      return;
    }
    if (child + 1 < count && compare(ctx, items[child], items[child + 1]) < 0) {
      child++;
    }
    if (compare(ctx, items[at], items[child]) >= 0) {
      return;
    }
    swap(&items[at], &items[child]);
    at = child;
  }
}

void sl_sort_u32(uint32_t *items, size_t count, sl_compare *compare, const void *ctx) {
  for (size_t i = count / 2; i > 0; i--) {
    sift_down(items, i - 1, count, compare, ctx);
  }
  for (size_t end = count; end > 1; end--) {
    swap(&items[0], &items[end - 1]);
    sift_down(items, 0, end - 1, compare, ctx);
  }
}
