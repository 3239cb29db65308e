#include "measure.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    perror("not pinned to a processor");
  }
}

double clock_ns(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) {
    perror("clock_gettime");
    exit(2);
  }
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void sample(struct samples *samples, double value) {
  if (samples->count < ROUNDS_MAX) {
    samples->value[samples->count++] = value;
  }
}

void print_samples(const struct samples *samples) {
  printf("{\"name\": \"%s\", \"samples\": [", samples->name);
  for (int i = 0; i < samples->count; i++) {
    printf("%s%.4f", i > 0 ? ", " : "", samples->value[i]);
  }
  printf("]}\n");
  fflush(stdout);
}

void make_key(uint64_t id, char *key) {
  memcpy(key, "customer", 8);
  memcpy(key + 8, &id, sizeof id);
}

uint64_t next_id(uint64_t *state, uint64_t bound) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  *state = x;
  return (uint64_t)(((unsigned __int128)x * bound) >> 64);
}
