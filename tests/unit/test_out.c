// The block of replies: growing, its bound, no memory.
#include "server/front.h"
#include "support/fail_mem.h"
#include "support/tap.h"

static struct fail_mem fail = {
    .mem = {.alloc = fail_mem_alloc, .free = fail_mem_free, .ctx = &fail}};

static void test_growing(void) {
  struct sl_out out = {.mem = &fail.mem, .max = 100000};
  for (int i = 0; i < 100000; i++) {
    const char byte = (char)('a' + i % 23);
    sl_out_add(&out, (struct sl_str){.ptr = &byte, .len = 1});
  }
  bool right = out.len == 100000 && !out.failed;
  for (size_t i = 0; right && i < out.len; i++) {
    right = out.bytes[i] == (char)('a' + i % 23);
  }
  ok(right, "bytes stand in order, up to the bound itself");
  ok(out.room <= out.max, "and no more than the bound is taken");
  ok(fail.asked < 10, "by doubling: %llu allocations", (unsigned long long)fail.asked);
  sl_out_add(&out, SL_STR("x"));
  ok(out.failed && out.len == 100000, "one byte more fails and leaves what there is");
  ok(sl_out_reserve(&out, 0) == NULL, "what has failed stays so");
  sl_out_close(&out);
  ok(fail.live == 0 && out.max == 100000 && !out.failed, "closed, it is as new");
}

static void test_sizes(void) {
  struct sl_out out = {.mem = &fail.mem, .max = SIZE_MAX / 2};
  ok(sl_out_reserve(&out, SIZE_MAX) == NULL && out.failed, "an absurd size is refused");
  out.failed = false;
  char *at = sl_out_reserve(&out, 70000);
  ok(at != NULL && out.len == 0, "what is reserved does not count yet");
  memset(at, 'x', 70000);
  sl_out_commit(&out, 3);
  ok(out.len == 3, "what is committed does");
  fail.fail_at = fail.asked + 1;
  ok(sl_out_reserve(&out, 200000) == NULL && out.failed && out.len == 3,
     "without memory it fails, and keeps what it has");
  sl_out_close(&out);
  ok(fail.live == 0, "nothing leaks");
}

int main(void) {
  test_growing();
  test_sizes();
  return done_testing();
}
