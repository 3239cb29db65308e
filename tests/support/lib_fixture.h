// What the tests of the library share: a handle on a clock that only tests move, whose sleep moves
// that clock, and on an allocator that counts, checks and fails on demand.
#ifndef TESTS_SUPPORT_LIB_FIXTURE_H
#define TESTS_SUPPORT_LIB_FIXTURE_H

#include <sluice/sluice.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// An aligned second, as good as any.
#define FIXTURE_START_NS SLUICE_S(1700000000)

struct fixture {
  struct sluice *sluice;
  uint64_t now_ns;
  uint64_t slept_ns;
  unsigned sleeps;
  _Atomic size_t blocks, bytes;  // allocated and not freed
  _Atomic size_t allocations;    // ever asked for
  size_t fail_at;                // the allocation that fails, from 1; 0: none
  bool fail_on;                  // and all that follow it
  _Atomic size_t mistakes;       // frees that do not fit their allocation
};

// Stands before each block, to check what is given back.
struct fixture_block {
  size_t size, align;
};

enum { FIXTURE_HEAD = 64 };

__attribute__((unused)) static void *fixture_alloc(void *ctx, size_t size, size_t align) {
  struct fixture *f = ctx;
  const size_t number = atomic_fetch_add(&f->allocations, 1) + 1;
  if (f->fail_at != 0 && (number == f->fail_at || (f->fail_on && number > f->fail_at))) {
    return NULL;
  }
  char *head = aligned_alloc(FIXTURE_HEAD, (FIXTURE_HEAD + size + 63) / 64 * 64);
  if (head == NULL) {
    return NULL;
  }
  memset(head, 0, FIXTURE_HEAD + size);
  *(struct fixture_block *)head = (struct fixture_block){.size = size, .align = align};
  atomic_fetch_add(&f->blocks, 1);
  atomic_fetch_add(&f->bytes, size);
  return head + FIXTURE_HEAD;
}

__attribute__((unused)) static void fixture_free(void *ctx, void *ptr, size_t size, size_t align) {
  struct fixture *f = ctx;
  char *head = (char *)ptr - FIXTURE_HEAD;
  const struct fixture_block *block = (const struct fixture_block *)head;
  if (block->size != size || block->align != align) {
    atomic_fetch_add(&f->mistakes, 1);
  }
  atomic_fetch_sub(&f->blocks, 1);
  atomic_fetch_sub(&f->bytes, size);
  // Whoever still uses it, or frees it again, shows.
  memset(head, 0xdd, FIXTURE_HEAD + size);
  free(head);
}

__attribute__((unused)) static uint64_t fixture_now(void *ctx) {
  return ((struct fixture *)ctx)->now_ns;
}

__attribute__((unused)) static void fixture_sleep(void *ctx, uint64_t ns) {
  struct fixture *f = ctx;
  f->now_ns += ns;
  f->slept_ns += ns;
  f->sleeps++;
}

__attribute__((unused)) static struct sluice_options fixture_options(struct fixture *f) {
  struct sluice_options options;
  sluice_options_init(&options, sizeof options);
  options.max_bytes = 4 << 20;
  options.secret = "0123456789abcdef";
  options.alloc = fixture_alloc;
  options.free = fixture_free;
  options.alloc_ctx = f;
  options.now = fixture_now;
  options.sleep = fixture_sleep;
  options.clock_ctx = f;
  return options;
}

// Ends the program where the handle cannot be made: nothing else could be tested.
__attribute__((unused)) static void fixture_open(struct fixture *f) {
  *f = (struct fixture){.now_ns = FIXTURE_START_NS};
  const struct sluice_options options = fixture_options(f);
  if (sluice_create(&options, &f->sluice) != SLUICE_OK) {
    abort();
  }
}

// True where everything was freed, and rightly.
__attribute__((unused)) static bool fixture_close(struct fixture *f) {
  sluice_free(f->sluice);
  f->sluice = NULL;
  return f->blocks == 0 && f->bytes == 0 && f->mistakes == 0;
}

// A limit of `count` per `period_ns` with that burst.
__attribute__((unused)) static struct sluice_limit
fixture_limit(enum sluice_algorithm algorithm, uint64_t count, uint64_t period_ns) {
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, algorithm);
  limit.count = count;
  limit.period_ns = period_ns;
  return limit;
}

__attribute__((unused)) static struct sluice_limiter *fixture_limiter(struct fixture *f,
                                                                      struct sluice_limit limit) {
  struct sluice_limiter *limiter;
  if (sluice_limiter_create(f->sluice, &limit, NULL, NULL, 0, &limiter) != SLUICE_OK) {
    abort();
  }
  return limiter;
}

// A request of one or two attributes, given as terminated texts.
struct fixture_request {
  struct sluice_attr attrs[2];
  struct sluice_request request;
};

__attribute__((unused)) static const struct sluice_request *
fixture_request(struct fixture_request *r, const char *name, const char *value, uint64_t cost) {
  r->attrs[0] = sluice_attr_of(name, value);
  r->request = (struct sluice_request){.attrs = r->attrs, .attr_count = 1, .cost = cost};
  return &r->request;
}

__attribute__((unused)) static enum sluice_status fixture_load(struct fixture *f,
                                                               const char *rules) {
  return sluice_load_text(f->sluice, "test.yaml", rules, strlen(rules), NULL);
}

#endif
