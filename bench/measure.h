// measure.h - rounds, samples and keys for the benchmarks. A program prints one JSON object a line:
// {"name": ..., "samples": [...]}; bench/run reads them.
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum { ROUNDS_MAX = 64 };

// Ties the process to one processor, so that rounds are alike. Says so on stderr when it cannot.
void pin_to(unsigned cpu);

// The monotonic clock, in ns.
double clock_ns(void);

// Samples of one measurement, round by round.
struct samples {
  const char *name;
  double value[ROUNDS_MAX];
  int count;
};

void sample(struct samples *samples, double value);
void print_samples(const struct samples *samples);

// Keys of KEY_LEN bytes, as short names are: a word and a number.
enum { KEY_LEN = 16 };
void make_key(uint64_t id, char *key);

// The next of a reproducible random sequence, below `bound`.
uint64_t next_id(uint64_t *state, uint64_t bound);

#endif
