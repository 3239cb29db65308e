// cl_throttle.h - CL.THROTTLE's arguments and its answer, as redis-cell has them.
//
//   CL.THROTTLE key max_burst count_per_period period [quantity]
//
// Five integers come back: 1 when limited, else 0; max_burst + 1; what is left; seconds until the
// same call would be admitted (-1: it was, or never will be); seconds until the bucket is full.
// Seconds are rounded up: who is told 1 and waits 1 is admitted.
//
// Where redis-cell has no sensible answer this one has an error: a negative count, period or
// quantity. Numbers so large that redis-cell wraps around are taken as the largest that there are.
#ifndef SL_SERVER_CL_THROTTLE_H
#define SL_SERVER_CL_THROTTLE_H

#include "engine/throttle.h"
#include "wire/resp_write.h"

// A connection's last quota: most calls on one have the same three numbers.
struct sl_cl_memo {
  int64_t max_burst, count, period_s;
  bool set;
  struct sl_quota quota;
};

// One call, its key aside.
struct sl_cl_call {
  int64_t max_burst, count, period_s;
  uint64_t cost;
};

enum sl_cl_error {
  SL_CL_OK,
  SL_CL_USAGE,     // wrong number of arguments
  SL_CL_INTEGER,   // *ret_bad is no integer
  SL_CL_ZERO,      // a zero rate
  SL_CL_NEGATIVE,  // a negative rate or quantity
};

// Reads the numbers behind the key: max_burst, count, period and, where `count` is 4, the quantity.
// *ret_bad (with SL_CL_INTEGER) is the word that is none.
enum sl_cl_error sl_cl_read(const struct sl_str *numbers, size_t count, struct sl_cl_call *ret_call,
                            struct sl_str *ret_bad) SL_MUST_USE;

// The quota of a call: from the memo, or made and remembered.
enum sl_cl_error sl_cl_quota(struct sl_cl_memo *memo, const struct sl_cl_call *call) SL_MUST_USE;

// The error's text as redis-cell words it, without the protocol's '-'. At most SL_CL_ERROR_ROOM
// bytes with the terminator; a long word is cut.
enum { SL_CL_ERROR_ROOM = 256 };
void sl_cl_error_write(enum sl_cl_error error, struct sl_str bad, struct sl_text *text);

// Writes the five integers at `at`, which has SL_CL_ANSWER_ROOM bytes; returns their end.
enum { SL_CL_ANSWER_ROOM = 6 * SL_RESP_NUMBER_ROOM };
char *sl_cl_answer_write(char *at, const struct sl_throttled *throttled);

#endif
