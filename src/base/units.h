// units.h - durations and rates as people write them: 250ms, 30s, 2m, 1h, 7d, 1w; 600/30s.
#ifndef SL_BASE_UNITS_H
#define SL_BASE_UNITS_H

#include "base/status.h"

#define SL_NS_PER_US UINT64_C(1000)
#define SL_NS_PER_MS UINT64_C(1000000)
#define SL_NS_PER_S UINT64_C(1000000000)
#define SL_NS_PER_M (60 * SL_NS_PER_S)
#define SL_NS_PER_H (60 * SL_NS_PER_M)
#define SL_NS_PER_D (24 * SL_NS_PER_H)
#define SL_NS_PER_W (7 * SL_NS_PER_D)

// Time runs over [0, SL_TIME_MAX_NS): from 1970 to 2116. Readings beyond are read as the last
// instant.
#define SL_TIME_MAX_NS (UINT64_C(1) << 62)

// Decimal digits only, no sign, no spaces. SL_ERR_SYNTAX when it is not a number, SL_ERR_RANGE when
// it does not fit 64 bits.
enum sl_status sl_parse_u64(struct sl_str text, uint64_t *ret_value) SL_MUST_USE;

// An integer and a unit (ms s m h d w), without a space: "30s". SL_ERR_SYNTAX; SL_ERR_RANGE when
// the nanoseconds do not fit 63 bits. "0" alone is 0 ns: only zero needs no unit.
enum sl_status sl_parse_duration(struct sl_str text, uint64_t *ret_ns) SL_MUST_USE;

// "COUNT/DURATION", a missing number in the duration is 1: "100/1s", "100/s".
enum sl_status sl_parse_rate(struct sl_str text, uint64_t *ret_count,
                             uint64_t *ret_period_ns) SL_MUST_USE;

// An integer with an optional unit B, KiB, MiB, GiB, kB, MB, GB: "64MiB".
enum sl_status sl_parse_size(struct sl_str text, uint64_t *ret_bytes) SL_MUST_USE;

// The shortest exact form with one unit ("90s", "1500ms", "0s"); sub-millisecond rests are written
// in us or ns. `buffer` holds at least SL_DURATION_TEXT bytes; returns it.
enum { SL_DURATION_TEXT = 32 };
char *sl_format_duration(uint64_t ns, char *buffer);

// Civil time in UTC, proleptic Gregorian; exact for 1970..2262. Days-from-civil: Howard Hinnant,
// "chrono-compatible low-level date algorithms".
int64_t sl_days_from_civil(int64_t year, unsigned month, unsigned day);
// RFC 3339 with as many of 0, 3, 6 or 9 decimals as the instant needs, "Z" at the end. `buffer`
// holds at least SL_RFC3339_TEXT bytes; returns it.
enum { SL_RFC3339_TEXT = 40 };
char *sl_format_rfc3339(uint64_t unix_ns, char *buffer);
// RFC 3339 date-time with Z or an offset, or decimals; SL_ERR_SYNTAX, SL_ERR_RANGE before 1970 or
// after 2116.
enum sl_status sl_parse_rfc3339(struct sl_str text, uint64_t *ret_unix_ns) SL_MUST_USE;

#endif
