// Fields of JSON objects, read without rounding.
#include "vectors/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/units.h"

static const struct {
  const char *suffix;
  uint64_t ns;
} units[] = {
    {"_ns", 1},          {"_us", SL_NS_PER_US},     {"_ms", SL_NS_PER_MS},
    {"_s", SL_NS_PER_S}, {"_seconds", SL_NS_PER_S},
};

static bool matches(const char *key, const char *pattern) {
  size_t length = strlen(pattern);
  if (length < 2 || strcmp(pattern + length - 2, "_*") != 0) {
    return strcmp(key, pattern) == 0;
  }
  if (strncmp(key, pattern, length - 2) != 0) {
    return false;
  }
  const char *rest = key + length - 2;
  bool unit = *rest == '\0';
  for (size_t i = 0; i < SL_ARRAY_LEN(units); i++) {
    unit = unit || strcmp(rest, units[i].suffix) == 0;
  }
  return unit;
}

bool fields_known(struct vector *v, const json_t *object, const char *where,
                  const char *const *known) {
  if (!json_is_object(object)) {
    return vector_fail(v, "%s: expected an object", where);
  }
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    bool found = false;
    for (size_t i = 0; known[i] != NULL && !found; i++) {
      found = matches(key, known[i]);
    }
    if (!found) {
      return vector_fail(v, "%s: unknown field \"%s\"", where, key);
    }
  }
  return true;
}

// The shortest decimal that is the double: what the file says, up to 15 digits.
static bool decimal_of_real(double real, struct decimal *ret) {
  char text[64];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*e", digits - 1, real);
    if (strtod(text, NULL) == real) {
      break;
    }
  }
  *ret = (struct decimal){0};
  const char *at = text;
  for (; *at != '\0' && *at != 'e'; at++) {
    if (*at == '.') {
      continue;
    }
    ret->digits = ret->digits * 10 + (uint64_t)(*at - '0');
    ret->scale++;
  }
  long exponent = *at == 'e' ? strtol(at + 1, NULL, 10) : 0;
  long scale = (long)ret->scale - 1 - exponent;
  for (; scale > 0 && ret->digits % 10 == 0; scale--) {
    ret->digits /= 10;
  }
  for (; scale < 0; scale++) {
    if (__builtin_mul_overflow(ret->digits, UINT64_C(10), &ret->digits)) {
      return false;
    }
  }
  ret->scale = (unsigned)scale;
  return scale <= 19;
}

bool decimal_of(struct vector *v, const char *name, const json_t *value, struct decimal *ret) {
  if (json_is_integer(value) && json_integer_value(value) >= 0) {
    *ret = (struct decimal){.digits = (uint64_t)json_integer_value(value)};
    return true;
  }
  if (json_is_real(value) && json_real_value(value) >= 0 &&
      decimal_of_real(json_real_value(value), ret)) {
    return true;
  }
  return vector_fail(v, "%s: expected a number of 0 or more", name);
}

bool field_u64(struct vector *v, const json_t *object, const char *name, uint64_t *ret_value) {
  const json_t *value = json_object_get(object, name);
  struct decimal decimal;
  if (value == NULL) {
    return true;
  }
  if (!decimal_of(v, name, value, &decimal)) {
    return false;
  }
  if (decimal.scale != 0 || decimal.digits > INT64_MAX) {
    return vector_fail(v, "%s: expected an integer from 0 to 2^63 - 1", name);
  }
  *ret_value = decimal.digits;
  return true;
}

static bool span_of_number(struct vector *v, const char *name, const json_t *value,
                           uint64_t unit_ns, struct span *ret_span) {
  *ret_span = (struct span){.found = true, .unit_ns = unit_ns};
  if (json_is_integer(value) && json_integer_value(value) == -1) {
    ret_span->negative = true;
    return true;
  }
  struct decimal decimal;
  if (!decimal_of(v, name, value, &decimal)) {
    return false;
  }
  ret_span->whole = decimal.scale == 0;
  sl_u128 ns = (sl_u128)decimal.digits * unit_ns;
  for (; decimal.scale > 1; decimal.scale--) {
    ns /= 10;
  }
  ns = decimal.scale == 1 ? (ns + 5) / 10 : ns;
  if (ns > INT64_MAX) {
    return vector_fail(v, "%s: more than 2^63 ns", name);
  }
  ret_span->ns = (uint64_t)ns;
  return true;
}

bool field_span(struct vector *v, const json_t *object, const char *name, struct span *ret_span) {
  *ret_span = (struct span){0};
  const json_t *text = json_object_get(object, name);
  if (text != NULL) {
    *ret_span = (struct span){.found = true, .unit_ns = 1};
    if (!json_is_string(text) ||
        sl_parse_duration(sl_str_of(json_string_value(text)), &ret_span->ns) != SL_OK) {
      return vector_fail(v, "%s: expected a duration such as \"20ms\"", name);
    }
  }
  for (size_t i = 0; i < SL_ARRAY_LEN(units); i++) {
    char key[64];
    snprintf(key, sizeof key, "%s%s", name, units[i].suffix);
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
      continue;
    }
    if (ret_span->found) {
      return vector_fail(v, "%s: given twice, in two units", name);
    }
    if (!span_of_number(v, key, value, units[i].ns, ret_span)) {
      return false;
    }
  }
  return true;
}

static bool rate_of_text(struct vector *v, const char *name, const char *text, uint64_t *ret_count,
                         uint64_t *ret_period_ns) {
  if (strcmp(text, "inf") == 0) {
    *ret_count = 1;
    *ret_period_ns = 0;
    return true;
  }
  if (sl_parse_rate(sl_str_of(text), ret_count, ret_period_ns) != SL_OK) {
    return vector_fail(v, "%s: \"%s\" is no rate (as \"600/30s\", a number a second, or \"inf\")",
                       name, text);
  }
  return true;
}

bool field_rate(struct vector *v, const json_t *object, const char *name, uint64_t *ret_count,
                uint64_t *ret_period_ns) {
  const json_t *value = json_object_get(object, name);
  if (value == NULL) {
    return vector_fail(v, "%s: missing", name);
  }
  if (json_is_string(value)) {
    return rate_of_text(v, name, json_string_value(value), ret_count, ret_period_ns);
  }
  struct decimal decimal;
  if (!decimal_of(v, name, value, &decimal)) {
    return false;
  }
  *ret_count = decimal.digits;
  *ret_period_ns = SL_NS_PER_S;
  for (; decimal.scale > 0; decimal.scale--) {
    if (__builtin_mul_overflow(*ret_period_ns, UINT64_C(10), ret_period_ns)) {
      return vector_fail(v, "%s: too many decimals", name);
    }
  }
  uint64_t whole = *ret_period_ns / SL_NS_PER_S;  // a power of ten
  uint64_t common = *ret_count > 0 ? sl_gcd_u64(*ret_count, whole) : whole;
  *ret_count /= common;
  *ret_period_ns /= common;
  return true;
}
