#include "cli/number.h"

#include <inttypes.h>
#include <stdio.h>

const char *sl_number_text(uint64_t number, char *buffer) {
  char digits[SL_NUMBER_TEXT];
  const int len = snprintf(digits, sizeof digits, "%" PRIu64, number);
  size_t at = 0;
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0) {
      buffer[at++] = ',';
    }
    buffer[at++] = digits[i];
  }
  buffer[at] = '\0';
  return buffer;
}

const char *sl_percent_text(uint64_t part, uint64_t whole, char *buffer) {
  if (whole == 0) {
    return memcpy(buffer, "-", sizeof "-");
  }
  unsigned tenths = (unsigned)(((sl_u128)part * 2000 + whole) / ((sl_u128)2 * whole));
  tenths = part < whole && tenths >= 1000 ? 999 : tenths;
  tenths = part > 0 && tenths == 0 ? 1 : tenths;
  snprintf(buffer, SL_NUMBER_TEXT, "%u.%u %%", tenths / 10, tenths % 10);
  return buffer;
}
