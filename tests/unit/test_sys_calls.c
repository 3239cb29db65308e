// Secrets, files, relaxing and locks: what the system gives, and what happens when it does not.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/tap.h"
#include "sys/default_mem.h"
#include "sys/read_file.h"
#include "sys/relax.h"
#include "sys/secret.h"
#include "sys/thread.h"

// ---- secrets ------------------------------------------------------------------------------------

static unsigned random_calls;
static unsigned random_fails_at;

// A byte at a time, with an interruption before each.
static ssize_t drip(void *ret_bytes, size_t len, unsigned flags) {
  (void)flags;
  random_calls++;
  if (random_calls == random_fails_at) {
    errno = ENOSYS;
    return -1;
  }
  if (random_calls % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  *(unsigned char *)ret_bytes = (unsigned char)len;
  return 1;
}

static ssize_t nothing(void *ret_bytes, size_t len, unsigned flags) {
  (void)ret_bytes;
  (void)len;
  (void)flags;
  return 0;
}

static void test_secrets(void) {
  struct sl_secret a = {{0}}, b = {{0}};
  ok(sl_random_secret(&sl_sys_real, &a) == SL_OK && sl_random_secret(&sl_sys_real, &b) == SL_OK,
     "the system gives secrets");
  ok(memcmp(&a, &b, sizeof a) != 0, "each is another");
  const struct sl_sys dripping = {.getrandom = drip};
  unsigned char bytes[sizeof a];
  ok(sl_random_secret(&dripping, &a) == SL_OK,
     "a system that drips and interrupts is patiently asked");
  memcpy(bytes, &a, sizeof a);
  ok(bytes[0] == 16 && bytes[15] == 1, "until every byte is there");
  random_calls = 0;
  random_fails_at = 9;
  ok(sl_random_secret(&dripping, &a) == SL_ERR_IO, "one that fails midway is an error");
  const struct sl_sys empty = {.getrandom = nothing};
  ok(sl_random_secret(&empty, &a) == SL_ERR_IO, "one that gives nothing, too");
}

// ---- files --------------------------------------------------------------------------------------

static size_t read_most;  // of one call
static unsigned reads, read_fails_at;
static size_t opened;

static int open_counting(const char *path, int flags) {
  const int file = open(path, flags);
  opened += file >= 0;
  return file;
}

static ssize_t read_slowly(int file, void *ret_bytes, size_t len) {
  reads++;
  if (reads == read_fails_at) {
    errno = EIO;
    return -1;
  }
  if (reads % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  return read(file, ret_bytes, len < read_most ? len : read_most);
}

static int close_counting(int file) {
  opened--;
  return close(file);
}

static const struct sl_sys slow_sys = {
    .open = open_counting, .read = read_slowly, .close = close_counting};

// A file of `len` bytes that has no name.
static int file_of(size_t len, char *path, size_t path_size) {
  const int file = memfd_create("sluice-test", 0);
  for (size_t i = 0; i < len; i++) {
    const char byte = (char)('a' + i % 23);
    if (write(file, &byte, 1) != 1) {
      abort();
    }
  }
  snprintf(path, path_size, "/proc/self/fd/%d", file);
  return file;
}

static bool is_content(const struct sl_file *file, size_t len) {
  bool right = file->len == len && file->bytes != NULL && file->bytes[len] == '\0';
  for (size_t i = 0; right && i < len; i++) {
    right = file->bytes[i] == (char)('a' + i % 23);
  }
  return right;
}

static void test_sizes(const struct sl_mem *mem) {
  static const size_t sizes[] = {0, 1, 4095, 65534, 65535, 65536, 70000, 150000};
  for (size_t i = 0; i < SL_ARRAY_LEN(sizes); i++) {
    char path[64], reason[200];
    struct sl_text message;
    struct sl_file file;
    sl_text_init(&message, reason, sizeof reason);
    const int handle = file_of(sizes[i], path, sizeof path);
    read_most = sizes[i] % 2 == 0 ? SIZE_MAX : 1000;
    ok(sl_file_read(&slow_sys, mem, path, sizes[i], &file, &message) == SL_OK &&
           is_content(&file, sizes[i]),
       "%zu bytes are read whole, with the bound just there", sizes[i]);
    sl_file_close(mem, &file);
    if (sizes[i] > 0) {
      ok(sl_file_read(&slow_sys, mem, path, sizes[i] - 1, &file, &message) == SL_ERR_RANGE,
         "one byte above the bound is refused");
      ok(file.bytes == NULL && strstr(reason, "is longer than") != NULL, "with the reason: %s",
         reason);
    }
    close(handle);
  }
  is_u64(opened, 0, "every file was closed");
}

static void *no_memory(void *ctx, size_t size, size_t align) {
  (void)ctx;
  (void)size;
  (void)align;
  return NULL;
}

static void test_bad_files(const struct sl_mem *mem) {
  char path[64], reason[200];
  struct sl_text message;
  struct sl_file file;
  sl_text_init(&message, reason, sizeof reason);
  ok(sl_file_read(&slow_sys, mem, "/nowhere/at/all", 100, &file, &message) == SL_ERR_IO,
     "a file that is not there is an error");
  is_str(reason, "cannot be opened: No such file or directory", "with the system's reason");
  sl_text_init(&message, reason, sizeof reason);
  ok(sl_file_read(&slow_sys, mem, "/", 100, &file, &message) == SL_ERR_IO, "a directory, too");
  is_str(reason, "cannot be read: Is a directory", "with the system's reason");
  const int handle = file_of(5000, path, sizeof path);
  read_most = 1000;
  reads = 0;
  read_fails_at = 5;
  sl_text_init(&message, reason, sizeof reason);
  ok(sl_file_read(&slow_sys, mem, path, 9000, &file, &message) == SL_ERR_IO,
     "a disk that fails midway, too");
  is_str(reason, "cannot be read: Input/output error", "with the system's reason");
  read_fails_at = 0;
  const struct sl_mem none = {.alloc = no_memory};
  ok(sl_file_read(&slow_sys, &none, path, 9000, &file, &message) == SL_ERR_MEMORY,
     "no memory is told as such");
  ok(file.bytes == NULL && file.len == 0, "and nothing is returned");
  is_u64(opened, 0, "every file was closed");
  close(handle);
}

// ---- threads ------------------------------------------------------------------------------------

static unsigned yields;
static int count_yield(void) {
  yields++;
  return 0;
}

static void test_relax(void) {
  struct sl_sys sys = {.sched_yield = count_yield};
  for (unsigned round = 0; round < SL_RELAX_PAUSES; round++) {
    sl_relax(&sys, round);
  }
  is_u64(yields, 0, "short waits leave the processor where it is");
  for (unsigned round = SL_RELAX_PAUSES; round < SL_RELAX_PAUSES + 5; round++) {
    sl_relax(&sys, round);
  }
  is_u64(yields, 5, "longer ones let others run");
}

enum { THREADS = 4, ROUNDS = 20000 };
static struct sl_lock lock;
static uint64_t guarded;

static void *count_guarded(void *hint) {
  *(uint32_t *)hint = sl_thread_hint();
  for (int i = 0; i < ROUNDS; i++) {
    sl_lock_take(&lock);
    const uint64_t before = guarded;
    if (i % 64 == 0) {
      sched_yield();
    }
    guarded = before + 1;
    sl_lock_give(&lock);
  }
  return NULL;
}

static void test_lock(void) {
  pthread_t threads[THREADS];
  uint32_t hints[THREADS];
  sl_lock_init(&lock);
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, count_guarded, &hints[i]) != 0) {
      abort();
    }
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  sl_lock_close(&lock);
  is_u64(guarded, (uint64_t)THREADS * ROUNDS, "a lock keeps others out");
  ok(sl_thread_hint() == sl_thread_hint(), "a thread's hint stays");
  ok(hints[0] != hints[1] || hints[1] != hints[2], "threads' hints differ");
}

int main(void) {
  const struct sl_mem mem = sl_default_mem(&sl_sys_real);
  test_secrets();
  test_sizes(&mem);
  test_bad_files(&mem);
  test_relax();
  test_lock();
  return done_testing();
}
