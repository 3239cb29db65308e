// bench_decide.c - decisions in one process: a prepared limit and a batch, next to the bare probe;
// memory.
//
//   bench_decide KEYS ROUNDS DECISIONS
//
// Prints samples of ns per decision, round by round, the three kinds interleaved.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "probe.h"

enum { BURST = 100, BATCH = 32, RATE = 1000 };

#define START_NS UINT64_C(1790000000000000000)
#define STEP_NS 25

struct run {
  struct sluice *sluice;
  struct sluice_limiter *limiter;
  struct probe probe;
  uint64_t keys;
  uint64_t decisions;
  uint64_t now_ns;
  uint64_t random;
  uint64_t sink;   // what is computed is used
  size_t key_len;  // KEY_LEN, but neither side is compiled for it
};

static void must(enum sluice_status status, const char *what) {
  if (status != SLUICE_OK) {
    fprintf(stderr, "bench_decide: %s: %s\n", what, sluice_status_text(status));
    exit(2);
  }
}

static size_t resident_bytes(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2) {
    fprintf(stderr, "bench_decide: /proc/self/statm cannot be read\n");
    exit(2);
  }
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void open_limiter(struct run *run) {
  struct sluice_options options;
  sluice_options_init(&options, sizeof options);
  options.max_bytes = UINT64_C(4) << 30;
  must(sluice_create(&options, &run->sluice), "sluice_create");
  struct sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_TOKEN_BUCKET);
  limit.count = RATE;
  limit.burst = BURST;
  must(sluice_limiter_create(run->sluice, &limit, "bench", NULL, 0, &run->limiter),
       "sluice_limiter_create");
}

// Every key gets its bucket; says what a bucket takes, as the system sees it.
static void fill(struct run *run) {
  char key[KEY_LEN];
  struct sluice_decision decision;
  size_t before = resident_bytes();
  for (uint64_t id = 0; id < run->keys; id++) {
    make_key(id, key);
    (void)sluice_limiter_allow_at(run->limiter, key, run->key_len, 1, run->now_ns, &decision);
  }
  size_t after = resident_bytes();
  struct samples bytes = {.name = "bytes"};
  sample(&bytes, (double)(after - before) / (double)run->keys);
  print_samples(&bytes);
  for (uint64_t id = 0; id < run->keys; id++) {
    make_key(id, key);
    (void)probe_allow(&run->probe, key, run->key_len, run->now_ns, &decision);
  }
}

static double time_probe(struct run *run) {
  char key[KEY_LEN];
  struct sluice_decision decision;
  double start = clock_ns();
  for (uint64_t i = 0; i < run->decisions; i++) {
    make_key(next_id(&run->random, run->keys), key);
    run->now_ns += STEP_NS;
    (void)probe_allow(&run->probe, key, run->key_len, run->now_ns, &decision);
    run->sink += decision.remaining;
  }
  return (clock_ns() - start) / (double)run->decisions;
}

static double time_allow(struct run *run) {
  char key[KEY_LEN];
  struct sluice_decision decision;
  double start = clock_ns();
  for (uint64_t i = 0; i < run->decisions; i++) {
    make_key(next_id(&run->random, run->keys), key);
    run->now_ns += STEP_NS;
    (void)sluice_limiter_allow_at(run->limiter, key, run->key_len, 1, run->now_ns, &decision);
    run->sink += decision.remaining;
  }
  return (clock_ns() - start) / (double)run->decisions;
}

static double time_batch(struct run *run) {
  char bytes[BATCH][KEY_LEN];
  struct sluice_key keys[BATCH];
  struct sluice_decision decisions[BATCH];
  for (int k = 0; k < BATCH; k++) {
    keys[k] = (struct sluice_key){.bytes = bytes[k], .len = run->key_len};
  }
  double start = clock_ns();
  for (uint64_t i = 0; i < run->decisions; i += BATCH) {
    for (int k = 0; k < BATCH; k++) {
      make_key(next_id(&run->random, run->keys), bytes[k]);
    }
    run->now_ns += BATCH * STEP_NS;
    must(sluice_limiter_allow_batch(run->limiter, keys, NULL, BATCH, run->now_ns, decisions),
         "sluice_limiter_allow_batch");
    for (int k = 0; k < BATCH; k++) {
      run->sink += decisions[k].remaining;
    }
  }
  return (clock_ns() - start) / (double)run->decisions;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: bench_decide KEYS ROUNDS DECISIONS\n");
    return 2;
  }
  volatile size_t key_len = KEY_LEN;
  struct run run = {.keys = strtoull(argv[1], NULL, 10),
                    .key_len = key_len,
                    .decisions = strtoull(argv[3], NULL, 10),
                    .now_ns = START_NS,
                    .random = UINT64_C(88172645463325252)};
  int rounds = atoi(argv[2]);
  pin_to(1);
  open_limiter(&run);
  probe_open(&run.probe, run.keys, BURST, 1000000000 / RATE);
  fill(&run);
  struct samples probe = {.name = "probe"}, allow = {.name = "allow"}, batch = {.name = "batch"};
  for (int round = 0; round < rounds; round++) {
    sample(&probe, time_probe(&run));
    sample(&allow, time_allow(&run));
    sample(&batch, time_batch(&run));
    fprintf(stderr, "\rbench_decide: %llu keys, round %d of %d", (unsigned long long)run.keys,
            round + 1, rounds);
  }
  fprintf(stderr, "\n");
  print_samples(&probe);
  print_samples(&allow);
  print_samples(&batch);
  probe_close(&run.probe);
  sluice_limiter_free(run.limiter);
  sluice_free(run.sluice);
  return run.sink == 42 ? 3 : 0;
}
