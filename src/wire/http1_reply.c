// http1_reply.c - what replies are written with.
#include "base/arith.h"
#include "base/units.h"
#include "wire/http1.h"

static const struct status_row {
  unsigned status;
  struct sl_str text;
} status_rows[] = {
    {200, {"200 OK", 6}},
    {400, {"400 Bad Request", 15}},
    {401, {"401 Unauthorized", 16}},
    {403, {"403 Forbidden", 13}},
    {404, {"404 Not Found", 13}},
    {405, {"405 Method Not Allowed", 22}},
    {413, {"413 Content Too Large", 21}},
    {414, {"414 URI Too Long", 16}},
    {415, {"415 Unsupported Media Type", 26}},
    {417, {"417 Expectation Failed", 22}},
    {421, {"421 Misdirected Request", 23}},
    {422, {"422 Unprocessable Content", 25}},
    {429, {"429 Too Many Requests", 21}},
    {431, {"431 Request Header Fields Too Large", 35}},
    {500, {"500 Internal Server Error", 25}},
    {503, {"503 Service Unavailable", 23}},
    {505, {"505 HTTP Version Not Supported", 30}},
};

struct sl_str sl_http_status_text(unsigned status) {
  for (size_t i = 0; i < SL_ARRAY_LEN(status_rows); i++) {
    if (status_rows[i].status == status) {
      return status_rows[i].text;
    }
  }
  return SL_STR("500 Internal Server Error");
}

char *sl_http_put_str(char *at, struct sl_str text) {
  memcpy(at, text.ptr, text.len);
  return at + text.len;
}

char *sl_http_put_number(char *at, uint64_t number) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return sl_http_put_str(at, (struct sl_str){.ptr = digits + first, .len = sizeof digits - first});
}

// ---- dates

static char *put_two(char *at, uint64_t number) {
  at[0] = (char)('0' + number / 10);
  at[1] = (char)('0' + number % 10);
  return at + 2;
}

// Days since 1970 to year, month (from 0) and day (from 1). Howard Hinnant, "chrono-compatible
// low-level date algorithms".
static void civil_from_days(uint64_t days, uint64_t *ret_year, unsigned *ret_month,
                            unsigned *ret_day) {
  const uint64_t z = days + 719468;
  const uint64_t era = z / 146097;
  const uint64_t doe = z % 146097;
  const uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const uint64_t mp = (5 * doy + 2) / 153;  // months since March
  *ret_day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
  *ret_month = (unsigned)((mp + 2) % 12);
  *ret_year = yoe + era * 400 + (*ret_month < 2);
}

char *sl_http_put_date(char *at, uint64_t unix_seconds) {
  static const char days[] = "ThuFriSatSunMonTueWed";  // 1970 began on a Thursday
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const uint64_t day_number = unix_seconds / 86400;
  const uint64_t second = unix_seconds % 86400;
  uint64_t year;
  unsigned month, day;
  civil_from_days(day_number, &year, &month, &day);
  at = sl_http_put_str(at, (struct sl_str){.ptr = days + day_number % 7 * 3, .len = 3});
  at = sl_http_put_str(at, SL_STR(", "));
  at = put_two(at, day);
  *at++ = ' ';
  at = sl_http_put_str(at, (struct sl_str){.ptr = months + (size_t)month * 3, .len = 3});
  *at++ = ' ';
  at = put_two(put_two(at, year / 100 % 100), year % 100);
  *at++ = ' ';
  at = put_two(at, second / 3600);
  *at++ = ':';
  at = put_two(at, second / 60 % 60);
  *at++ = ':';
  at = put_two(at, second % 60);
  return sl_http_put_str(at, SL_STR(" GMT"));
}

// ---- rate limit fields

char *sl_http_put_sf_string(char *at, struct sl_str text) {
  *at++ = '"';
  for (size_t i = 0; i < text.len; i++) {
    const char byte = text.ptr[i];
    if (byte == '"' || byte == '\\') {
      *at++ = '\\';
    }
    *at++ = (char)(byte >= 0x20 && byte < 0x7f ? byte : '_');
  }
  *at++ = '"';
  return at;
}

// An sf-integer has at most 15 digits (RFC 8941 section 3.3.1).
static char *put_sf_integer(char *at, uint64_t number) {
  return sl_http_put_number(at, sl_min_u64(number, UINT64_C(999999999999999)));
}

static char *put_parameter(char *at, char name, uint64_t number) {
  *at++ = ';';
  *at++ = name;
  *at++ = '=';
  return put_sf_integer(at, number);
}

char *sl_http_put_quota(char *at, const struct sl_http_quota *quota) {
  at = sl_http_put_str(at, SL_STR("RateLimit-Policy: "));
  const char *name = at;
  at = sl_http_put_sf_string(at, quota->policy);
  const struct sl_str quoted = {.ptr = name, .len = (size_t)(at - name)};
  at = put_parameter(at, 'q', quota->count);
  if (quota->period_ns >= SL_NS_PER_S) {
    at = put_parameter(at, 'w', sl_ceil_div_u64(quota->period_ns, SL_NS_PER_S));
  }
  at = sl_http_put_str(at, SL_STR("\r\nRateLimit: "));
  at = sl_http_put_str(at, quoted);
  at = put_parameter(at, 'r', quota->remaining);
  if (quota->grows_after_ns > 0) {
    at = put_parameter(at, 't', sl_ceil_div_u64(quota->grows_after_ns, SL_NS_PER_S));
  }
  return sl_http_put_str(at, SL_STR("\r\n"));
}

char *sl_http_put_retry_after(char *at, uint64_t retry_after_ns) {
  at = sl_http_put_str(at, SL_STR("Retry-After: "));
  at = sl_http_put_number(at, sl_max_u64(1, sl_ceil_div_u64(retry_after_ns, SL_NS_PER_S)));
  return sl_http_put_str(at, SL_STR("\r\n"));
}
