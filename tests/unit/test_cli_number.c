// Figures as people read them.
#include "cli/number.h"
#include "support/tap.h"

int main(void) {
  static const struct {
    uint64_t number;
    const char *want;
  } numbers[] = {
      {0, "0"},
      {7, "7"},
      {999, "999"},
      {1000, "1,000"},
      {12345, "12,345"},
      {999999, "999,999"},
      {1000000, "1,000,000"},
      {UINT64_MAX, "18,446,744,073,709,551,615"},
  };
  char buffer[SL_NUMBER_TEXT];
  for (size_t i = 0; i < SL_ARRAY_LEN(numbers); i++) {
    is_str(sl_number_text(numbers[i].number, buffer), numbers[i].want, "%s", numbers[i].want);
  }
  static const struct {
    uint64_t part, whole;
    const char *want;
  } parts[] = {
      {0, 0, "-"},
      {0, 5, "0.0 %"},
      {5, 5, "100.0 %"},
      {1, 3, "33.3 %"},
      {2, 3, "66.7 %"},
      {1, 2000, "0.1 %"},
      {1, 1000000, "0.1 %"},
      {999999, 1000000, "99.9 %"},
      {9995, 10000, "99.9 %"},
      {UINT64_MAX, UINT64_MAX, "100.0 %"},
      {UINT64_MAX / 2, UINT64_MAX, "50.0 %"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(parts); i++) {
    is_str(sl_percent_text(parts[i].part, parts[i].whole, buffer), parts[i].want,
           "%" PRIu64 " of %" PRIu64, parts[i].part, parts[i].whole);
  }
  return done_testing();
}
