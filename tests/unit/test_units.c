// Units of time, rates, sizes and civil time, each as a table.
#include "base/units.h"
#include "support/tap.h"

static struct sl_str text_of(const char *text) { return sl_str_of(text); }

static void durations_read(void) {
  static const struct {
    const char *text;
    enum sl_status status;
    uint64_t ns;
  } rows[] = {
      {"1ms", SL_OK, SL_NS_PER_MS},
      {"1s", SL_OK, SL_NS_PER_S},
      {"1m", SL_OK, 60 * SL_NS_PER_S},
      {"1h", SL_OK, 3600 * SL_NS_PER_S},
      {"1d", SL_OK, 86400 * SL_NS_PER_S},
      {"1w", SL_OK, 604800 * SL_NS_PER_S},
      {"366d", SL_OK, UINT64_C(31622400) * SL_NS_PER_S},
      {"250ms", SL_OK, 250 * SL_NS_PER_MS},
      {"0", SL_OK, 0},
      {"0s", SL_OK, 0},
      {"007s", SL_OK, 7 * SL_NS_PER_S},
      {"9223372036s", SL_OK, UINT64_C(9223372036000000000)},
      {"9223372037s", SL_ERR_RANGE, 0},
      {"18446744074s", SL_ERR_RANGE, 0},
      {"99999999999999999999s", SL_ERR_RANGE, 0},
      {"15250w", SL_OK, UINT64_C(15250) * SL_NS_PER_W},
      {"15251w", SL_ERR_RANGE, 0},
      {"", SL_ERR_SYNTAX, 0},
      {"s", SL_ERR_SYNTAX, 0},
      {"5", SL_ERR_SYNTAX, 0},
      {"00", SL_ERR_SYNTAX, 0},
      {"5 s", SL_ERR_SYNTAX, 0},
      {" 5s", SL_ERR_SYNTAX, 0},
      {"5s ", SL_ERR_SYNTAX, 0},
      {"-5s", SL_ERR_SYNTAX, 0},
      {"+5s", SL_ERR_SYNTAX, 0},
      {"1.5s", SL_ERR_SYNTAX, 0},
      {"5S", SL_ERR_SYNTAX, 0},
      {"5us", SL_ERR_SYNTAX, 0},
      {"5ns", SL_ERR_SYNTAX, 0},
      {"1y", SL_ERR_SYNTAX, 0},
      {"1mo", SL_ERR_SYNTAX, 0},
      {"1month", SL_ERR_SYNTAX, 0},
      {"5sec", SL_ERR_SYNTAX, 0},
      {"1h30m", SL_ERR_SYNTAX, 0},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    uint64_t ns = 0;
    const enum sl_status status = sl_parse_duration(text_of(rows[i].text), &ns);
    ok(status == rows[i].status && ns == rows[i].ns, "duration \"%s\" is %d, %llu ns", rows[i].text,
       (int)rows[i].status, (unsigned long long)rows[i].ns);
  }
}

static void durations_written(void) {
  static const struct {
    uint64_t ns;
    const char *text;
  } rows[] = {
      {0, "0s"},
      {1, "1ns"},
      {1500, "1500ns"},
      {2000, "2us"},
      {SL_NS_PER_MS, "1ms"},
      {1500 * SL_NS_PER_MS, "1500ms"},
      {SL_NS_PER_S, "1s"},
      {90 * SL_NS_PER_S, "90s"},
      {60 * SL_NS_PER_S, "1m"},
      {90 * SL_NS_PER_M, "90m"},
      {24 * SL_NS_PER_H, "1d"},
      {7 * SL_NS_PER_D, "1w"},
      {366 * SL_NS_PER_D, "366d"},
      {UINT64_MAX, "18446744073709551615ns"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[SL_DURATION_TEXT];
    is_str(sl_format_duration(rows[i].ns, buffer), rows[i].text, "%llu ns is %s",
           (unsigned long long)rows[i].ns, rows[i].text);
  }
}

static void durations_survive(void) {
  uint64_t state = 1;
  unsigned bad = 0;
  for (int i = 0; i < 100000; i++) {
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    const uint64_t ns = (state >> 1) / SL_NS_PER_MS * SL_NS_PER_MS >> (state % 40);
    const uint64_t whole = ns / SL_NS_PER_MS * SL_NS_PER_MS;
    char buffer[SL_DURATION_TEXT];
    uint64_t back = 1;
    const enum sl_status status =
        sl_parse_duration(text_of(sl_format_duration(whole, buffer)), &back);
    bad += status != SL_OK || back != whole;
  }
  is_u64(bad, 0, "100000 durations of whole milliseconds are read back as written");
}

static void rates_read(void) {
  static const struct {
    const char *text;
    enum sl_status status;
    uint64_t count, period_ns;
  } rows[] = {
      {"600/30s", SL_OK, 600, 30 * SL_NS_PER_S},
      {"100/s", SL_OK, 100, SL_NS_PER_S},
      {"1/ms", SL_OK, 1, SL_NS_PER_MS},
      {"1/w", SL_OK, 1, SL_NS_PER_W},
      {"5/1m", SL_OK, 5, SL_NS_PER_M},
      {"0/1s", SL_OK, 0, SL_NS_PER_S},
      {"1/0", SL_OK, 1, 0},
      {"18446744073709551615/1s", SL_OK, UINT64_MAX, SL_NS_PER_S},
      {"18446744073709551616/1s", SL_ERR_RANGE, 0, 0},
      {"1/99999999999999999999s", SL_ERR_RANGE, 0, 0},
      {"18446744073709551616/1y", SL_ERR_SYNTAX, 0, 0},
      {"", SL_ERR_SYNTAX, 0, 0},
      {"/", SL_ERR_SYNTAX, 0, 0},
      {"5", SL_ERR_SYNTAX, 0, 0},
      {"5/", SL_ERR_SYNTAX, 0, 0},
      {"/s", SL_ERR_SYNTAX, 0, 0},
      {"5/10", SL_ERR_SYNTAX, 0, 0},
      {"-5/1s", SL_ERR_SYNTAX, 0, 0},
      {"5 / 1s", SL_ERR_SYNTAX, 0, 0},
      {"5/1s/1s", SL_ERR_SYNTAX, 0, 0},
      {"1/1y", SL_ERR_SYNTAX, 0, 0},
      {"1/month", SL_ERR_SYNTAX, 0, 0},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    uint64_t count = 0;
    uint64_t period_ns = 0;
    const enum sl_status status = sl_parse_rate(text_of(rows[i].text), &count, &period_ns);
    ok(status == rows[i].status && count == rows[i].count && period_ns == rows[i].period_ns,
       "rate \"%s\"", rows[i].text);
  }
}

static void sizes_read(void) {
  static const struct {
    const char *text;
    enum sl_status status;
    uint64_t bytes;
  } rows[] = {
      {"0", SL_OK, 0},
      {"1", SL_OK, 1},
      {"5B", SL_OK, 5},
      {"1KiB", SL_OK, 1024},
      {"64MiB", SL_OK, UINT64_C(64) << 20},
      {"2GiB", SL_OK, UINT64_C(2) << 30},
      {"1kB", SL_OK, 1000},
      {"3MB", SL_OK, 3000000},
      {"4GB", SL_OK, UINT64_C(4000000000)},
      {"18446744073709551615", SL_OK, UINT64_MAX},
      {"18446744073709551616", SL_ERR_RANGE, 0},
      {"17179869184GiB", SL_ERR_RANGE, 0},
      {"", SL_ERR_SYNTAX, 0},
      {"MiB", SL_ERR_SYNTAX, 0},
      {"1KB", SL_ERR_SYNTAX, 0},
      {"1mib", SL_ERR_SYNTAX, 0},
      {"1 MiB", SL_ERR_SYNTAX, 0},
      {"-1", SL_ERR_SYNTAX, 0},
      {"1.5MiB", SL_ERR_SYNTAX, 0},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    uint64_t bytes = 0;
    const enum sl_status status = sl_parse_size(text_of(rows[i].text), &bytes);
    ok(status == rows[i].status && bytes == rows[i].bytes, "size \"%s\"", rows[i].text);
  }
}

static void civil_days(void) {
  static const struct {
    int64_t year;
    unsigned month, day;
    int64_t days;
  } rows[] = {
      {1970, 1, 1, 0},      {1969, 12, 31, -1},    {1970, 1, 31, 30},     {1970, 2, 1, 31},
      {1972, 2, 29, 789},   {1972, 3, 1, 790},     {1999, 12, 31, 10956}, {2000, 2, 28, 11015},
      {2000, 2, 29, 11016}, {2000, 3, 1, 11017},   {2001, 3, 1, 11382},   {2015, 5, 17, 16572},
      {2024, 2, 29, 19782}, {2024, 12, 31, 20088}, {2025, 1, 1, 20089},   {2100, 2, 28, 47540},
      {2100, 3, 1, 47541},  {2116, 2, 20, 53375},  {2262, 4, 11, 106751}, {1600, 2, 29, -135081},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    is_i64(sl_days_from_civil(rows[i].year, rows[i].month, rows[i].day), rows[i].days,
           "%lld-%u-%u in days", (long long)rows[i].year, rows[i].month, rows[i].day);
  }
}

static void times_written(void) {
  static const struct {
    uint64_t ns;
    const char *text;
  } rows[] = {
      {0, "1970-01-01T00:00:00Z"},
      {1, "1970-01-01T00:00:00.000000001Z"},
      {1000, "1970-01-01T00:00:00.000001Z"},
      {SL_NS_PER_MS, "1970-01-01T00:00:00.001Z"},
      {UINT64_C(1431857103) * SL_NS_PER_S, "2015-05-17T10:05:03Z"},
      {UINT64_C(951782399) * SL_NS_PER_S + 999999999, "2000-02-28T23:59:59.999999999Z"},
      {UINT64_C(951782400) * SL_NS_PER_S, "2000-02-29T00:00:00Z"},
      {UINT64_C(4107542399) * SL_NS_PER_S + 120 * SL_NS_PER_MS, "2100-02-28T23:59:59.120Z"},
      {UINT64_C(4107542400) * SL_NS_PER_S, "2100-03-01T00:00:00Z"},
      {SL_TIME_MAX_NS - 1, "2116-02-20T23:53:38.427387903Z"},
      {UINT64_MAX, "2554-07-21T23:34:33.709551615Z"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[SL_RFC3339_TEXT];
    is_str(sl_format_rfc3339(rows[i].ns, buffer), rows[i].text, "%llu ns is %s",
           (unsigned long long)rows[i].ns, rows[i].text);
  }
}

static void times_read(void) {
  static const struct {
    const char *text;
    enum sl_status status;
    uint64_t ns;
  } rows[] = {
      {"1970-01-01T00:00:00Z", SL_OK, 0},
      {"2015-05-17T10:05:03Z", SL_OK, UINT64_C(1431857103) * SL_NS_PER_S},
      {"2015-05-17t10:05:03z", SL_OK, UINT64_C(1431857103) * SL_NS_PER_S},
      {"2015-05-17 10:05:03Z", SL_OK, UINT64_C(1431857103) * SL_NS_PER_S},
      {"2015-05-17T12:05:03+02:00", SL_OK, UINT64_C(1431857103) * SL_NS_PER_S},
      {"2015-05-17T06:35:03-03:30", SL_OK, UINT64_C(1431857103) * SL_NS_PER_S},
      {"1970-01-01T00:00:00.5Z", SL_OK, SL_NS_PER_S / 2},
      {"1970-01-01T00:00:00.123456789Z", SL_OK, 123456789},
      {"1970-01-01T00:00:00.1234567899Z", SL_OK, 123456789},
      {"1970-01-01T01:00:00+01:00", SL_OK, 0},
      {"1969-12-31T23:00:00-01:00", SL_OK, 0},
      {"2016-12-31T23:59:60Z", SL_OK, UINT64_C(1483228800) * SL_NS_PER_S},
      {"2024-02-29T00:00:00Z", SL_OK, UINT64_C(1709164800) * SL_NS_PER_S},
      {"2116-02-20T23:53:38.427387903Z", SL_OK, SL_TIME_MAX_NS - 1},
      {"2116-02-20T23:53:38.427387904Z", SL_ERR_RANGE, 0},
      {"2116-02-21T00:00:00Z", SL_ERR_RANGE, 0},
      {"9999-12-31T23:59:59Z", SL_ERR_RANGE, 0},
      {"1969-12-31T23:59:59Z", SL_ERR_RANGE, 0},
      {"1970-01-01T00:00:00+00:01", SL_ERR_RANGE, 0},
      {"0000-01-01T00:00:00Z", SL_ERR_RANGE, 0},
      {"2023-02-29T00:00:00Z", SL_ERR_SYNTAX, 0},
      {"2100-02-29T00:00:00Z", SL_ERR_SYNTAX, 0},
      {"2015-00-17T10:05:03Z", SL_ERR_SYNTAX, 0},
      {"2015-13-17T10:05:03Z", SL_ERR_SYNTAX, 0},
      {"2015-04-31T10:05:03Z", SL_ERR_SYNTAX, 0},
      {"2015-05-00T10:05:03Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17T24:05:03Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:60:03Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:61Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:03", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:03.Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05Z", SL_ERR_SYNTAX, 0},
      {"2015-05-17", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:03+24:00", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:03+0200", SL_ERR_SYNTAX, 0},
      {"2015-05-17T10:05:03Zx", SL_ERR_SYNTAX, 0},
      {"15-05-17T10:05:03Z", SL_ERR_SYNTAX, 0},
      {"", SL_ERR_SYNTAX, 0},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    uint64_t ns = 0;
    const enum sl_status status = sl_parse_rfc3339(text_of(rows[i].text), &ns);
    ok(status == rows[i].status && ns == rows[i].ns, "time \"%s\" is %d, %llu ns", rows[i].text,
       (int)rows[i].status, (unsigned long long)rows[i].ns);
  }
}

// Every day there is, told by counting: no calendar is believed on its formula alone.
static void days_counted(void) {
  static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  unsigned year = 1970, month = 1, day = 1;
  unsigned bad = 0;
  for (uint64_t days = 0; days < 53376; days++) {
    char want[64];
    char got[SL_RFC3339_TEXT];
    uint64_t back = 0;
    snprintf(want, sizeof want, "%04u-%02u-%02uT12:00:00Z", year, month, day);
    const uint64_t ns = days * SL_NS_PER_D + 12 * SL_NS_PER_H;
    bad += strcmp(sl_format_rfc3339(ns, got), want) != 0;
    bad += ns < SL_TIME_MAX_NS && (sl_parse_rfc3339(sl_str_of(want), &back) != SL_OK || back != ns);
    bad += sl_days_from_civil(year, month, day) != (int64_t)days;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (++day > lengths[month - 1] + (month == 2 && leap ? 1u : 0u)) {
      day = 1;
      if (++month > 12) {
        month = 1;
        year++;
      }
    }
  }
  is_u64(bad, 0, "each day from 1970 to 2116 is written and read as a calendar counts it");
}

int main(void) {
  durations_read();
  durations_written();
  durations_survive();
  rates_read();
  sizes_read();
  civil_days();
  times_written();
  times_read();
  days_counted();
  return done_testing();
}
