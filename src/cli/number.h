// number.h - figures as people read them.
#ifndef SL_CLI_NUMBER_H
#define SL_CLI_NUMBER_H

#include "base/base.h"

// Both write at most SL_NUMBER_TEXT bytes with the end into `buffer` and return it.
enum { SL_NUMBER_TEXT = 32 };

// "1,234,567".
const char *sl_number_text(uint64_t number, char *buffer);

// "12.3 %" of the whole; "-" where the whole is 0. Rounded half up, but what is not all is never
// shown as 100.0 %, and what is not nothing never as 0.0 %.
const char *sl_percent_text(uint64_t part, uint64_t whole, char *buffer);

#endif
