#include "base/units.h"

#include <stdio.h>

struct unit {
  struct sl_str name;
  uint64_t size;
};

static const struct unit duration_units[] = {
    {SL_STR("ms"), SL_NS_PER_MS}, {SL_STR("s"), SL_NS_PER_S}, {SL_STR("m"), SL_NS_PER_M},
    {SL_STR("h"), SL_NS_PER_H},   {SL_STR("d"), SL_NS_PER_D}, {SL_STR("w"), SL_NS_PER_W},
};

static const struct unit size_units[] = {
    {SL_STR("B"), 1},
    {SL_STR("KiB"), UINT64_C(1) << 10},
    {SL_STR("MiB"), UINT64_C(1) << 20},
    {SL_STR("GiB"), UINT64_C(1) << 30},
    {SL_STR("kB"), UINT64_C(1000)},
    {SL_STR("MB"), UINT64_C(1000000)},
    {SL_STR("GB"), UINT64_C(1000000000)},
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits_at(struct sl_str text, size_t at) {
  size_t end = at;
  while (end < text.len && is_digit(text.ptr[end])) {
    end++;
  }
  return end - at;
}

static struct sl_str part(struct sl_str text, size_t from, size_t len) {
  return (struct sl_str){.ptr = text.ptr + from, .len = len};
}

static struct sl_str rest(struct sl_str text, size_t from) {
  return part(text, from, text.len - from);
}

enum sl_status sl_parse_u64(struct sl_str text, uint64_t *ret_value) {
  if (text.len == 0 || digits_at(text, 0) != text.len) {
    return SL_ERR_SYNTAX;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
        __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value)) {
      return SL_ERR_RANGE;
    }
  }
  *ret_value = value;
  return SL_OK;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct sl_str name) {
  for (size_t i = 0; i < count; i++) {
    if (sl_str_eq(units[i].name, name)) {
      return &units[i];
    }
  }
  return NULL;
}

// A number and one of the units. An unknown unit is a syntax error also where the number is too
// big.
static enum sl_status parse_quantity(struct sl_str text, const struct unit *units, size_t count,
                                     uint64_t *ret_value) {
  const size_t digits = digits_at(text, 0);
  const struct unit *unit = find_unit(units, count, rest(text, digits));
  if (digits == 0 || unit == NULL) {
    return SL_ERR_SYNTAX;
  }
  uint64_t number = 0;
  const enum sl_status status = sl_parse_u64(part(text, 0, digits), &number);
  if (status != SL_OK) {
    return status;
  }
  return __builtin_mul_overflow(number, unit->size, ret_value) ? SL_ERR_RANGE : SL_OK;
}

enum sl_status sl_parse_duration(struct sl_str text, uint64_t *ret_ns) {
  if (sl_str_eq(text, SL_STR("0"))) {
    *ret_ns = 0;
    return SL_OK;
  }
  uint64_t ns = 0;
  const enum sl_status status =
      parse_quantity(text, duration_units, SL_ARRAY_LEN(duration_units), &ns);
  if (status != SL_OK) {
    return status;
  }
  if (ns > INT64_MAX) {
    return SL_ERR_RANGE;
  }
  *ret_ns = ns;
  return SL_OK;
}

// The duration of a rate: its number may be left out, "s" is one second.
static enum sl_status parse_period(struct sl_str text, uint64_t *ret_ns) {
  const struct unit *alone = find_unit(duration_units, SL_ARRAY_LEN(duration_units), text);
  if (alone != NULL) {
    *ret_ns = alone->size;
    return SL_OK;
  }
  return sl_parse_duration(text, ret_ns);
}

enum sl_status sl_parse_rate(struct sl_str text, uint64_t *ret_count, uint64_t *ret_period_ns) {
  const size_t digits = digits_at(text, 0);
  if (digits == 0 || digits >= text.len || text.ptr[digits] != '/') {
    return SL_ERR_SYNTAX;
  }
  uint64_t count = 0;
  uint64_t period_ns = 0;
  const enum sl_status of_period = parse_period(rest(text, digits + 1), &period_ns);
  if (of_period == SL_ERR_SYNTAX) {
    return SL_ERR_SYNTAX;
  }
  const enum sl_status of_count = sl_parse_u64(part(text, 0, digits), &count);
  if (of_count != SL_OK || of_period != SL_OK) {
    return of_count != SL_OK ? of_count : of_period;
  }
  *ret_count = count;
  *ret_period_ns = period_ns;
  return SL_OK;
}

enum sl_status sl_parse_size(struct sl_str text, uint64_t *ret_bytes) {
  if (text.len > 0 && digits_at(text, 0) == text.len) {
    return sl_parse_u64(text, ret_bytes);
  }
  uint64_t bytes = 0;
  const enum sl_status status = parse_quantity(text, size_units, SL_ARRAY_LEN(size_units), &bytes);
  if (status == SL_OK) {
    *ret_bytes = bytes;
  }
  return status;
}

char *sl_format_duration(uint64_t ns, char *buffer) {
  // The unit is the largest that divides the time: 90 s is no whole number of minutes.
  static const struct {
    const char *name;
    uint64_t size;
  } units[] = {
      {"w", SL_NS_PER_W}, {"d", SL_NS_PER_D},   {"h", SL_NS_PER_H},   {"m", SL_NS_PER_M},
      {"s", SL_NS_PER_S}, {"ms", SL_NS_PER_MS}, {"us", SL_NS_PER_US}, {"ns", 1},
  };
  if (ns == 0) {
    memcpy(buffer, "0s", 3);
    return buffer;
  }
  for (size_t i = 0; i < SL_ARRAY_LEN(units); i++) {
    if (ns % units[i].size == 0) {
      snprintf(buffer, SL_DURATION_TEXT, "%llu%s", (unsigned long long)(ns / units[i].size),
               units[i].name);
      break;
    }
  }
  return buffer;
}

// ---- civil time

enum { DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, EPOCH_DAY = 719468 };

// Years are counted from March, so that the leap day is the last of its year: Howard Hinnant,
// "chrono-compatible low-level date algorithms".
int64_t sl_days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - (YEARS_PER_ERA - 1)) / YEARS_PER_ERA;
  const int64_t year_of_era = year - era * YEARS_PER_ERA;
  const int64_t month_from_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * DAYS_PER_ERA + day_of_era - EPOCH_DAY;
}

struct civil {
  int64_t year;
  unsigned month, day;
};

// The inverse, for days from 1970 on.
static struct civil civil_from_days(int64_t days) {
  days += EPOCH_DAY;
  const int64_t era = days / DAYS_PER_ERA;
  const int64_t day_of_era = days % DAYS_PER_ERA;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned month =
      (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return (struct civil){
      .year = year_of_era + era * YEARS_PER_ERA + (month <= 2),
      .month = month,
      .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
  };
}

char *sl_format_rfc3339(uint64_t unix_ns, char *buffer) {
  const uint64_t seconds = unix_ns / SL_NS_PER_S;
  const uint64_t day_seconds = seconds % 86400;
  const struct civil date = civil_from_days((int64_t)(seconds / 86400));
  uint64_t fraction = unix_ns % SL_NS_PER_S;
  int decimals = 9;
  while (decimals > 0 && fraction % 1000 == 0) {
    fraction /= 1000;
    decimals -= 3;
  }
  int len = snprintf(buffer, SL_RFC3339_TEXT, "%04lld-%02u-%02uT%02u:%02u:%02u",
                     (long long)date.year, date.month, date.day, (unsigned)(day_seconds / 3600),
                     (unsigned)(day_seconds / 60 % 60), (unsigned)(day_seconds % 60));
  if (decimals > 0) {
    len += snprintf(buffer + len, SL_RFC3339_TEXT - (size_t)len, ".%0*llu", decimals,
                    (unsigned long long)fraction);
  }
  buffer[len] = 'Z';
  buffer[len + 1] = '\0';
  return buffer;
}

// Reads exactly `digits` digits at *at; false where there are fewer.
static bool read_digits(struct sl_str text, size_t *at, size_t digits, unsigned *ret_value) {
  if (digits_at(text, *at) < digits) {
    return false;
  }
  unsigned value = 0;
  for (size_t i = 0; i < digits; i++) {
    value = value * 10 + (unsigned)(text.ptr[*at + i] - '0');
  }
  *at += digits;
  *ret_value = value;
  return true;
}

static bool read_one_of(struct sl_str text, size_t *at, const char *set, char *ret_char) {
  if (*at >= text.len || text.ptr[*at] == '\0' || strchr(set, text.ptr[*at]) == NULL) {
    return false;
  }
  *ret_char = text.ptr[(*at)++];
  return true;
}

static bool read_char(struct sl_str text, size_t *at, const char *set) {
  char found;
  return read_one_of(text, at, set, &found);
}

static unsigned days_in_month(unsigned year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(struct sl_str text, size_t *at, int64_t *ret_days) {
  unsigned year, month, day;
  if (!read_digits(text, at, 4, &year) || !read_char(text, at, "-") ||
      !read_digits(text, at, 2, &month) || !read_char(text, at, "-") ||
      !read_digits(text, at, 2, &day)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    return false;
  }
  *ret_days = sl_days_from_civil(year, month, day);
  return true;
}

// Second 60 is read as the first of the next minute: Unix time has no leap seconds.
static bool read_time(struct sl_str text, size_t *at, int64_t *ret_seconds) {
  unsigned hour, minute, second;
  if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ":") ||
      !read_digits(text, at, 2, &minute) || !read_char(text, at, ":") ||
      !read_digits(text, at, 2, &second)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 60) {
    return false;
  }
  *ret_seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second;
  return true;
}

// Decimals beyond the ninth are read and cut.
static bool read_fraction(struct sl_str text, size_t *at, uint64_t *ret_ns) {
  *ret_ns = 0;
  if (!read_char(text, at, ".")) {
    return true;
  }
  const size_t digits = digits_at(text, *at);
  uint64_t scale = SL_NS_PER_S;
  for (size_t i = 0; i < digits && scale > 1; i++) {
    scale /= 10;
    *ret_ns += scale * (uint64_t)(text.ptr[*at + i] - '0');
  }
  *at += digits;
  return digits > 0;
}

static bool read_offset(struct sl_str text, size_t *at, int64_t *ret_seconds) {
  char sign;
  if (read_char(text, at, "Zz")) {
    *ret_seconds = 0;
    return true;
  }
  unsigned hours, minutes;
  if (!read_one_of(text, at, "+-", &sign) || !read_digits(text, at, 2, &hours) ||
      !read_char(text, at, ":") || !read_digits(text, at, 2, &minutes) || hours > 23 ||
      minutes > 59) {
    return false;
  }
  const int64_t seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
  *ret_seconds = sign == '-' ? -seconds : seconds;
  return true;
}

enum sl_status sl_parse_rfc3339(struct sl_str text, uint64_t *ret_unix_ns) {
  size_t at = 0;
  int64_t days, seconds, offset;
  uint64_t fraction_ns;
  if (!read_date(text, &at, &days) || !read_char(text, &at, "Tt ") ||
      !read_time(text, &at, &seconds) || !read_fraction(text, &at, &fraction_ns) ||
      !read_offset(text, &at, &offset) || at != text.len) {
    return SL_ERR_SYNTAX;
  }
  const int64_t unix_s = days * 86400 + seconds - offset;
  if (unix_s < 0 || (uint64_t)unix_s > SL_TIME_MAX_NS / SL_NS_PER_S) {
    return SL_ERR_RANGE;
  }
  const uint64_t unix_ns = (uint64_t)unix_s * SL_NS_PER_S + fraction_ns;
  if (unix_ns >= SL_TIME_MAX_NS) {
    return SL_ERR_RANGE;
  }
  *ret_unix_ns = unix_ns;
  return SL_OK;
}
