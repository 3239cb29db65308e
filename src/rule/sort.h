// sort.h - sorting numbers that stand for things: in place, without memory of its own.
#ifndef SL_RULE_SORT_H
#define SL_RULE_SORT_H

#include "base/base.h"

// <0, 0 or >0 as qsort wants it.
typedef int sl_compare(const void *ctx, uint32_t a, uint32_t b);

// Heap sort (J. W. J. Williams, 1964): n log n at worst, not stable; a comparison that ends in
// comparing the numbers themselves makes the order definite.
void sl_sort_u32(uint32_t *items, size_t count, sl_compare *compare, const void *ctx);

#endif
