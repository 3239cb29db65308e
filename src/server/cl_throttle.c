#include "server/cl_throttle.h"

#include "wire/resp.h"

// Digits alone, few enough to fit: what numbers nearly always are.
static inline bool read_short(struct sl_str text, int64_t *ret_value) {
  if (text.len == 0 || text.len > 9) {
    return false;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < text.len; i++) {
    uint32_t digit = (uint32_t)(unsigned char)text.ptr[i] - '0';
    if (digit > 9) {
      return false;
    }
    value = value * 10 + digit;
  }
  *ret_value = value;
  return true;
}

enum sl_cl_error sl_cl_read(const struct sl_str *numbers, size_t count, struct sl_cl_call *ret_call,
                            struct sl_str *ret_bad) {
  if (count != 3 && count != 4) {
    return SL_CL_USAGE;
  }
  int64_t values[4] = {0, 0, 0, 1};
  for (size_t i = 0; i < count; i++) {
    if (SL_UNLIKELY(!read_short(numbers[i], &values[i])) &&
        !sl_resp_parse_i64(numbers[i], &values[i])) {
      *ret_bad = numbers[i];
      return SL_CL_INTEGER;
    }
  }
  if (values[3] < 0) {
    return SL_CL_NEGATIVE;
  }
  *ret_call = (struct sl_cl_call){.max_burst = values[0],
                                  .count = values[1],
                                  .period_s = values[2],
                                  .cost = (uint64_t)values[3]};
  return SL_CL_OK;
}

enum sl_cl_error sl_cl_quota(struct sl_cl_memo *memo, const struct sl_cl_call *call) {
  if (SL_LIKELY(memo->set && memo->max_burst == call->max_burst && memo->count == call->count &&
                memo->period_s == call->period_s)) {
    return SL_CL_OK;
  }
  memo->set = false;
  enum sl_status status = sl_quota_make(call->max_burst, call->count, call->period_s, &memo->quota);
  if (status != SL_OK) {
    return status == SL_ERR_INVALID ? SL_CL_ZERO : SL_CL_NEGATIVE;
  }
  memo->max_burst = call->max_burst;
  memo->count = call->count;
  memo->period_s = call->period_s;
  memo->set = true;
  return SL_CL_OK;
}

enum { WORD_SHOWN = 128 };

void sl_cl_error_write(enum sl_cl_error error, struct sl_str bad, struct sl_text *text) {
  sl_text_printf(text, "Cell error: Store error: ");
  switch (error) {
  case SL_CL_USAGE:
    sl_text_printf(text, "Usage: cl.throttle <key> <max_burst> <count per period> <period> "
                         "[<quantity>]");
    break;
  case SL_CL_INTEGER:
    sl_text_printf(text, "Couldn't parse as integer: ");
    sl_text_add(
        text, (struct sl_str){.ptr = bad.ptr, .len = bad.len < WORD_SHOWN ? bad.len : WORD_SHOWN});
    break;
  case SL_CL_ZERO:
    sl_text_printf(text, "Zero rates are not supported");
    break;
  default:
    sl_text_printf(text, "Negative rates and quantities are not supported");
    break;
  }
}

static int64_t seconds(uint64_t ns) { return (int64_t)sl_ceil_div_u64(ns, SL_NS_PER_S); }

char *sl_cl_answer_write(char *at, const struct sl_throttled *throttled) {
  // "*5\r\n:0\r\n" at once.
  memcpy(at, throttled->limited ? "*5\r\n:1\r\n" : "*5\r\n:0\r\n", 8);
  at = sl_resp_put_int(at + 8, throttled->limit);
  at = sl_resp_put_int(at, (int64_t)throttled->remaining);
  if (SL_LIKELY(!throttled->limited || throttled->never)) {
    memcpy(at, ":-1\r\n", 5);
    at += 5;
  } else {
    at = sl_resp_put_int(at, seconds(throttled->retry_after_ns));
  }
  return sl_resp_put_int(at, seconds(throttled->reset_after_ns));
}
