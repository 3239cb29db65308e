// The main function of a test program written with libcheck: runs its suites and prints TAP.
//
//   static Suite *hash_suite(void) { ... }
//   CHECK_TAP_MAIN(hash_suite)
//
// takes one or more functions that return a suite. An argument names the one test case to run,
// which with CK_FORK=no in the environment is how to come near a failure with a debugger.
#ifndef TESTS_SUPPORT_CHECK_TAP_H
#define TESTS_SUPPORT_CHECK_TAP_H

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

typedef Suite *(*check_tap_suite)(void);

static int check_tap_run(const check_tap_suite *suites, size_t count, const char *test_case) {
  // A loaded machine is no failure: tests/run has a time limit for the whole program. Tests read
  // their limit when they are made, so this comes before any suite.
  setenv("CK_DEFAULT_TIMEOUT", "600", 0);
  SRunner *runner = srunner_create(NULL);
  for (size_t at = 0; at < count; at++) {
    srunner_add_suite(runner, suites[at]());
  }
  srunner_set_tap(runner, "-");
  srunner_run(runner, NULL, test_case, CK_SILENT);
  const int run = srunner_ntests_run(runner);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define CHECK_TAP_MAIN(...)                                                                    \
  int main(int argc, char **argv) {                                                            \
    static const check_tap_suite suites[] = {__VA_ARGS__};                                     \
    return check_tap_run(suites, sizeof suites / sizeof suites[0], argc > 1 ? argv[1] : NULL); \
  }

#endif
