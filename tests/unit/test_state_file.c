// The state file and what is in it: buckets of every kind, there and back; damage; failing writes.
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/snapshot.h"
#include "server/state_file.h"
#include "support/engine_kit.h"
#include "support/tap.h"

enum { KEYS = 300, USES = 3, SIZE = 5, FILE_MOST = 1 << 20 };
#define MEMORY ((size_t)8 << 20)
#define PERIOD_NS SL_NS_PER_H

static char path[64];
static struct sl_log quiet;

// One limit of every kind, of five an hour.
static struct sl_limit_spec spec_of(int kind) {
  static const enum sl_algorithm algorithms[] = {
      SL_TOKEN_BUCKET,   SL_LEAKY_BUCKET,   SL_FIXED_WINDOW, SL_SLIDING_LOG,
      SL_SLIDING_WINDOW, SL_SLIDING_WINDOW, SL_CONCURRENCY};
  struct sl_limit_spec spec = sl_limit_spec_default(algorithms[kind]);
  spec.count = SIZE;
  spec.period_ns = PERIOD_NS;
  spec.queue = SIZE - 1;
  spec.sub_windows = kind == 5 ? 60 : 0;
  spec.slots = SIZE;
  spec.lease_ns = PERIOD_NS;
  return spec;
}
enum { KINDS = 7 };

struct world {
  struct kit kit;
  struct sl_throttles *throttles;
  const struct sl_class *classes[KINDS];
};

static void open_world(struct world *world) {
  kit_open(&world->kit, MEMORY, SL_FULL_EVICT);
  if (sl_throttles_create(world->kit.engine, 0, &world->throttles) != SL_OK) {
    abort();
  }
  for (int i = 0; i < KINDS; i++) {
    world->classes[i] = kit_class(&world->kit, spec_of(i));
  }
}

static bool close_world(struct world *world) {
  sl_throttles_destroy(world->throttles);
  return kit_close(&world->kit);
}

static struct sl_hash hash_of(const struct world *world, int kind, int key) {
  const uint64_t words[] = {(uint64_t)kind, (uint64_t)key};
  return sl_hash_bytes(sl_engine_secret(world->kit.engine), words, sizeof words);
}

static struct sl_decision ask(struct world *world, int kind, int key, uint64_t cost,
                              uint64_t now_ns) {
  struct sl_ask asked = {
      .class = world->classes[kind], .bucket = hash_of(world, kind, key), .cost = cost};
  struct sl_decision decision;
  if (sl_engine_take(world->kit.engine, &asked, now_ns, &decision) != SL_OK) {
    abort();
  }
  return decision;
}

static uint64_t cl_left(struct world *world, int key, uint64_t cost, uint64_t now_ns) {
  struct sl_quota quota;
  struct sl_throttled throttled;
  if (sl_quota_make(SIZE - 1, SIZE, PERIOD_NS / SL_NS_PER_S, &quota) != SL_OK) {
    abort();
  }
  sl_throttle_take(world->throttles, NULL, hash_of(world, KINDS, key), &quota, cost, now_ns,
                   &throttled);
  return throttled.remaining;
}

static void use(struct world *world) {
  uint64_t now_ns = sl_engine_now(world->kit.engine, KIT_START_NS);
  for (int use = 0; use < USES; use++, now_ns += SL_NS_PER_S) {
    now_ns = sl_engine_now(world->kit.engine, now_ns);
    for (int key = 0; key < KEYS; key++) {
      for (int kind = 0; kind < KINDS; kind++) {
        (void)ask(world, kind, key, 1, now_ns);
      }
      (void)cl_left(world, key, 1, now_ns);
    }
  }
}

static size_t read_all(char *bytes) {
  int file = open(path, O_RDONLY);
  ssize_t len = file < 0 ? -1 : read(file, bytes, FILE_MOST);
  close(file);
  return len < 0 ? 0 : (size_t)len;
}

static void write_all(const char *bytes, size_t len) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (write(file, bytes, len) != (ssize_t)len) {
    abort();
  }
  close(file);
}

static struct sl_snapshot_counts import(struct world *world, const struct sl_state *state,
                                        uint64_t now_ns) {
  struct sl_snapshot_counts counts;
  const uint64_t *words = (const uint64_t *)(const void *)state->content.ptr;
  ok(sl_snapshot_import(world->kit.engine, world->throttles, words, state->content.len / 8, now_ns,
                        &counts) == SL_OK,
     "what was written is read");
  return counts;
}

// Both worlds say the same of every bucket at `now_ns`, and go on alike.
static void compare(struct world *a, struct world *b, uint64_t now_ns, const char *when) {
  uint64_t now_a = sl_engine_now(a->kit.engine, now_ns);
  uint64_t now_b = sl_engine_now(b->kit.engine, now_ns);
  unsigned different = 0;
  for (int key = 0; key < KEYS; key++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (uint64_t cost = 0; cost < 2; cost++) {
        struct sl_decision x = ask(a, kind, key, cost, now_a);
        struct sl_decision y = ask(b, kind, key, cost, now_b);
        bool same = x.verdict == y.verdict && x.remaining == y.remaining &&
                    x.retry_after_ns == y.retry_after_ns && x.reset_after_ns == y.reset_after_ns &&
                    x.wait_ns == y.wait_ns;
        if (!same && different++ == 0) {
          diag("kind %d: %llu and %llu are left", kind, (unsigned long long)x.remaining,
               (unsigned long long)y.remaining);
        }
      }
    }
    different += cl_left(a, key, 1, now_a) != cl_left(b, key, 1, now_b);
  }
  is_u64(different, 0, "%s every bucket goes on as if nothing had happened", when);
}

static void test_there_and_back(uint64_t pause_ns, const char *when) {
  const struct sl_mem mem = {
      .alloc = fault_mem_alloc, .free = fault_mem_free, .ctx = &(struct fault_mem){0}};
  struct world before, after;
  open_world(&before);
  open_world(&after);
  use(&before);
  ok(sl_state_save(path, &sl_sys_real, &mem, before.kit.engine, before.throttles, &quiet),
     "the buckets are saved");
  struct stat stat_of;
  ok(stat(path, &stat_of) == 0 && (stat_of.st_mode & 0777) == 0600, "for nobody else to read");
  struct sl_state state;
  sl_state_load(path, &sl_sys_real, &mem, &quiet, &state);
  ok(state.loaded, "and loaded");
  ok(memcmp(&state.secret, sl_engine_secret(before.kit.engine), sizeof state.secret) == 0,
     "with the secret");
  const uint64_t now_ns = KIT_START_NS + USES * SL_NS_PER_S + pause_ns;
  struct sl_snapshot_counts counts = import(&after, &state, now_ns);
  is_u64(counts.unknown + counts.full, 0, "no bucket is left out");
  ok(pause_ns > PERIOD_NS || counts.restored == (uint64_t)KEYS * (KINDS + 1), "all are there: %llu",
     (unsigned long long)counts.restored);
  compare(&before, &after, now_ns, when);
  sl_state_close(&state);
  ok(close_world(&before) && close_world(&after), "nothing leaks");
}

static void test_damage(void) {
  struct sl_state state;
  char reason[200];
  struct sl_text message;
  static _Alignas(8) char whole[FILE_MOST], damaged[FILE_MOST];
  size_t len = read_all(whole);
  unsigned accepted = 0;
  for (size_t cut = 0; cut < len; cut += 1 + len / 200) {
    sl_text_init(&message, reason, sizeof reason);
    accepted +=
        sl_state_parse((struct sl_str){.ptr = whole, .len = cut}, &state, &message) == SL_OK;
  }
  is_u64(accepted, 0, "a file that was cut anywhere is refused");
  for (size_t at = 0; at < len; at += 1 + len / 500) {
    memcpy(damaged, whole, len);
    damaged[at] = (char)(damaged[at] ^ 0x10);
    sl_text_init(&message, reason, sizeof reason);
    accepted +=
        sl_state_parse((struct sl_str){.ptr = damaged, .len = len}, &state, &message) == SL_OK;
  }
  is_u64(accepted, 0, "a bit that was flipped anywhere, too");
  // Even with the right checksum, content that is wrong is found out.
  unsigned fine = 0;
  for (size_t at = 56; at < 3000; at += 8) {
    struct world world;
    open_world(&world);
    struct sl_snapshot_counts counts;
    memcpy(damaged, whole + 56, len - 56 - 32);
    memset(damaged + (at - 56), 0xff, 8);
    fine += sl_snapshot_import(world.kit.engine, world.throttles,
                               (const uint64_t *)(const void *)damaged, (len - 56 - 32) / 8,
                               KIT_START_NS, &counts) == SL_OK;
    if (!close_world(&world)) {
      fine = 1000000;
      break;
    }
  }
  ok(fine < 1000000, "and leaks nothing");
}

// ---- failing system

static unsigned calls, fails_at;
static bool due(void) {
  calls++;
  if (calls == fails_at) {
    errno = ENOSPC;
    return true;
  }
  return false;
}
static int failing_create(const char *name, int flags, mode_t mode) {
  return due() ? -1 : open(name, flags, mode);
}
static ssize_t failing_write(int file, const void *bytes, size_t len) {
  return due() ? -1 : write(file, bytes, len > 1000 ? 1000 : len);
}
static int failing_fsync(int file) {
  (void)file;
  return due() ? -1 : 0;
}
static int failing_rename(const char *from, const char *to) {
  return due() ? -1 : rename(from, to);
}

static void test_failing_writes(void) {
  struct fault_mem fault;
  const struct sl_mem mem = fault_mem_init(&fault);
  static char former[FILE_MOST], latter[FILE_MOST];
  write_all("former", 6);
  struct world world;
  open_world(&world);
  use(&world);
  struct sl_sys sys = sl_sys_real;
  sys.create = failing_create;
  sys.write = failing_write;
  sys.fsync = failing_fsync;
  sys.rename = failing_rename;
  unsigned lost = 0, failures = 0;
  bool done = false;
  for (fails_at = 1; !done && failures < 10000; fails_at++) {
    calls = 0;
    done = sl_state_save(path, &sys, &mem, world.kit.engine, world.throttles, &quiet);
    failures += !done;
    size_t len = done ? 0 : read_all(former);
    lost += !done && (len != 6 || memcmp(former, "former", 6) != 0);
  }
  ok(done && failures > 10, "%u calls fail one by one, until none does", failures);
  is_u64(lost, 0, "and the former file is whole each time");
  ok(read_all(latter) > 1000, "then the new one is in its place");
  struct stat none;
  char beside[80];
  snprintf(beside, sizeof beside, "%s.new", path);
  ok(stat(beside, &none) != 0, "and nothing lies beside it");
  ok(close_world(&world) && fault.live == 0, "nothing leaks");
}

int main(void) {
  snprintf(path, sizeof path, "%s/sluice-state-%ld", P_tmpdir, (long)getpid());
  quiet = (struct sl_log){.sys = &sl_sys_real, .file = open("/dev/null", O_WRONLY | O_CLOEXEC)};
  test_there_and_back(0, "at once");
  test_there_and_back(10 * SL_NS_PER_M, "after ten minutes");
  test_there_and_back(100 * 366 * SL_NS_PER_D / 10, "after ten years");
  test_there_and_back(0, "again");
  test_damage();
  test_failing_writes();
  unlink(path);
  close(quiet.file);
  return done_testing();
}
