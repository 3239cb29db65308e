// TAP for test programs: results as "ok N - text" lines on standard output, the plan at the end.
//
//   int main(int argc, char **argv) {
//     struct tap_args args = tap_parse(argc, argv, 100000);
//     ok(sl_add(1, 2) == 3, "one and two are three");
//     is_u64(bucket.stamp, 17, "the stamp of step %d", step);
//     return done_testing();
//   }
//
// The plan comes last, so a program that dies midway prints none and tests/run counts it as failed.
// One file of a program includes this header, and one thread reports: threads of a test hand their
// findings to the thread that made them.
#ifndef TESTS_SUPPORT_TAP_H
#define TESTS_SUPPORT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static unsigned tap_count;
static unsigned tap_failures;

// What a random test takes from its command line: --seed S and --steps N.
struct tap_args {
  uint64_t seed;
  uint64_t steps;
};

// A line for people ("# ..."), never a result.
__attribute__((unused, format(printf, 1, 2))) static void diag(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("# ", stdout);
  vprintf(format, list);
  putchar('\n');
  fflush(stdout);
  va_end(list);
}

// Reports one result and returns it. A failure names the file and the line.
__attribute__((unused, format(printf, 4, 5))) static bool
tap_ok(bool holds, const char *file, int line, const char *format, ...) {
  va_list list;
  va_start(list, format);
  tap_count++;
  printf("%s %u - ", holds ? "ok" : "not ok", tap_count);
  vprintf(format, list);
  putchar('\n');
  va_end(list);
  if (!holds) {
    tap_failures++;
    printf("#   failed at %s:%d\n", file, line);
  }
  fflush(stdout);
  return holds;
}

__attribute__((unused)) static bool tap_str_equal(const char *got, const char *want) {
  return got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);
}

// ok(condition, format, ...): the condition holds.
#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

// is_i64, is_u64, is_str(got, want, format, ...): equal, or both values are shown.
#define is_i64(got, want, ...)                                           \
  do {                                                                   \
    const int64_t tap_got = (got), tap_want = (want);                    \
    if (!tap_ok(tap_got == tap_want, __FILE__, __LINE__, __VA_ARGS__)) { \
      diag("  got %" PRId64 ", want %" PRId64, tap_got, tap_want);       \
    }                                                                    \
  } while (0)
#define is_u64(got, want, ...)                                           \
  do {                                                                   \
    const uint64_t tap_got = (got), tap_want = (want);                   \
    if (!tap_ok(tap_got == tap_want, __FILE__, __LINE__, __VA_ARGS__)) { \
      diag("  got %" PRIu64 ", want %" PRIu64, tap_got, tap_want);       \
    }                                                                    \
  } while (0)
#define is_str(got, want, ...)                                                        \
  do {                                                                                \
    const char *tap_got = (got), *tap_want = (want);                                  \
    if (!tap_ok(tap_str_equal(tap_got, tap_want), __FILE__, __LINE__, __VA_ARGS__)) { \
      diag("  got \"%s\", want \"%s\"", tap_got ? tap_got : "(null)",                 \
           tap_want ? tap_want : "(null)");                                           \
    }                                                                                 \
  } while (0)

// Prints the plan. Returns main's exit status: 0, or 1 where a test failed or none ran.
__attribute__((unused)) static int done_testing(void) {
  printf("1..%u\n", tap_count);
  fflush(stdout);
  return tap_failures == 0 && tap_count > 0 ? 0 : 1;
}

__attribute__((unused)) static uint64_t tap_number(const char *name, const char *text) {
  char *end = NULL;
  const uint64_t number = text == NULL ? 0 : strtoull(text, &end, 0);
  if (text == NULL || *text == '\0' || *end != '\0') {
    fprintf(stderr, "%s wants a number\n", name);
    exit(2);
  }
  return number;
}

// Reads --seed S and --steps N; prints both, so that every run can be replayed. Without --seed the
// seed is random. Any other argument ends the program with status 2.
__attribute__((unused)) static struct tap_args tap_parse(int argc, char **argv, uint64_t steps) {
  struct tap_args args = {.seed = 0, .steps = steps};
  if (getrandom(&args.seed, sizeof args.seed, 0) != (ssize_t)sizeof args.seed) {
    perror("getrandom");
    exit(2);
  }
  for (int at = 1; at < argc; at += 2) {
    if (strcmp(argv[at], "--seed") == 0) {
      args.seed = tap_number("--seed", argv[at + 1]);
    } else if (strcmp(argv[at], "--steps") == 0) {
      args.steps = tap_number("--steps", argv[at + 1]);
    } else {
      fprintf(stderr, "usage: %s [--seed S] [--steps N]\n", argv[0]);
      exit(2);
    }
  }
  diag("replay with --seed %" PRIu64 " --steps %" PRIu64, args.seed, args.steps);
  return args;
}

#endif
