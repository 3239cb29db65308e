// base.h - what every file of Sluice may rely on: attributes, assertions, string views.
#ifndef SL_BASE_BASE_H
#define SL_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A result that must not be ignored.
#define SL_MUST_USE __attribute__((warn_unused_result))
#define SL_PRINTF(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
#define SL_LIKELY(x) __builtin_expect(!!(x), 1)
#define SL_UNLIKELY(x) __builtin_expect(!!(x), 0)
// For the few functions that the cost of a decision is made of.
#define SL_ALWAYS_INLINE __attribute__((always_inline))
// For large arrays on a hot path that are written before they are read: spares the zeroing that the
// build asks of the compiler for every local.
#if defined(__has_attribute)
#  if __has_attribute(uninitialized)
#    define SL_UNINITIALIZED __attribute__((uninitialized))
#  endif
#endif
#ifndef SL_UNINITIALIZED
#  define SL_UNINITIALIZED
#endif
#define SL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// Holds in release builds too: it states what only a bug in Sluice can break. The trap needs no
// library, so the pure folders stay free of imports.
#define sl_assert(cond)         \
  do {                          \
    if (SL_UNLIKELY(!(cond))) { \
      __builtin_trap();         \
    }                           \
  } while (0)

__extension__ typedef unsigned __int128 sl_u128;
__extension__ typedef __int128 sl_i128;

// A view of bytes owned by somebody else; not terminated. `ptr` may be NULL only where len is 0.
struct sl_str {
  const char *ptr;
  size_t len;
};

#define SL_STR(literal) ((struct sl_str){.ptr = (literal), .len = sizeof(literal) - 1})

static inline struct sl_str sl_str_of(const char *text) {
  return (struct sl_str){.ptr = text, .len = strlen(text)};
}

static inline bool sl_str_eq(struct sl_str a, struct sl_str b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// Byte order, shorter first where one is a prefix of the other: <0, 0 or >0.
static inline int sl_str_cmp(struct sl_str a, struct sl_str b) {
  size_t n = a.len < b.len ? a.len : b.len;
  int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
  return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

#endif
