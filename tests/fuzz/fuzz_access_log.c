// Lines of access logs, out of any bytes that come in any pieces.
//
// The first byte of the input chooses the form and the size of the pieces. What must hold: pieces
// do not change the lines; every field is a view into its line, in order; decoded text is never
// longer than what it was; reading a line again gives the same, also by a reader that has read
// others before.
#include "base/units.h"
#include "support/fuzz.h"
#include "wire/access_log.h"
#include "wire/line.h"
#include "wire/query.h"

#include <stdlib.h>

// Traps also where the compiler leaves asserts out.
static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

static void must_lie_in(struct sl_str part, struct sl_str whole) {
  must(part.len <= whole.len && part.ptr >= whole.ptr &&
       part.ptr + part.len <= whole.ptr + whole.len);
}

static void must_equal(struct sl_str a, struct sl_str b) { must(sl_str_eq(a, b)); }

static void check_text(struct sl_str field) {
  char *buffer = malloc(field.len + 1);
  must(buffer != NULL);
  const struct sl_str plain = sl_access_unescape(field, buffer);
  must(plain.len <= field.len);
  char *decoded = malloc(plain.len + 1);
  must(decoded != NULL);
  must(sl_percent_decode(plain, decoded).len <= plain.len);
  struct sl_str value;
  if (sl_query_find(plain, SL_STR("q"), decoded, &value)) {
    must(value.len <= plain.len);
  }
  free(decoded);
  free(buffer);
}

static void check_request(struct sl_str request) {
  struct sl_request_line parts;
  if (!sl_request_line_split(request, &parts)) {
    return;
  }
  must(parts.method.len > 0 && parts.target.len > 0);
  must_lie_in(parts.method, request);
  must_lie_in(parts.target, request);
  must(parts.protocol.len == 0 || parts.protocol.ptr > parts.target.ptr);
  struct sl_str query;
  const struct sl_str path = sl_target_path(parts.target, &query);
  must(path.len + query.len + (path.len < parts.target.len) == parts.target.len);
}

static void check_fields(const struct sl_access_line *got, struct sl_str line) {
  const struct sl_str fields[] = {got->host,   got->ident, got->user,    got->request,
                                  got->status, got->bytes, got->referer, got->agent};
  const bool combined = got->referer.ptr >= line.ptr && got->referer.ptr <= line.ptr + line.len;
  const size_t count = combined ? SL_ARRAY_LEN(fields) : SL_ARRAY_LEN(fields) - 2;
  for (size_t i = 0; i < count; i++) {
    must_lie_in(fields[i], line);
    must(i == 0 || fields[i].ptr > fields[i - 1].ptr);
    check_text(fields[i]);
  }
  must(got->host.len > 0 && got->ident.len > 0 && got->user.len > 0);
  must(got->time_ns < SL_TIME_MAX_NS && got->time_ns % SL_NS_PER_S == 0);
  check_request(got->request);
}

static void check_line(struct sl_access_reader *reader, struct sl_str line) {
  struct sl_access_reader fresh = {.form = reader->form};
  struct sl_access_line got, again;
  struct sl_access_error error, error_again;
  const enum sl_access_result result = sl_access_read(reader, line, &got, &error);
  must(sl_access_read(&fresh, line, &again, &error_again) == result);
  if (result == SL_ACCESS_BAD) {
    must(error.reason == error_again.reason && error.column == error_again.column);
    must(error.column >= 1 && error.column <= line.len + 1);
  } else if (result == SL_ACCESS_LINE) {
    must(got.time_ns == again.time_ns);
    must_equal(got.agent, again.agent);
    check_fields(&got, line);
  }
}

// The next line of the whole input, the plain way.
static struct sl_str plain_line(struct sl_str bytes, size_t *at) {
  const char *from = bytes.ptr + *at;
  const char *newline = memchr(from, '\n', bytes.len - *at);
  size_t len = newline == NULL ? bytes.len - *at : (size_t)(newline - from);
  *at += len + (newline != NULL);
  len -= len > 0 && from[len - 1] == '\r';
  return (struct sl_str){.ptr = from, .len = len};
}

static void check_lines(struct sl_str bytes, enum sl_access_form form, size_t step) {
  struct sl_access_reader reader = {.form = form};
  struct sl_line_reader lines = {0};
  size_t begin = 0;
  size_t known = 0;
  size_t plain_at = 0;
  for (;;) {
    struct sl_str line;
    size_t used;
    const struct sl_str view = {.ptr = bytes.ptr + begin, .len = known - begin};
    if (sl_line_read(&lines, view, known == bytes.len, &line, &used)) {
      must_equal(line, plain_line(bytes, &plain_at));
      begin += used;
      must(begin == plain_at);
      check_line(&reader, line);
    } else if (known == bytes.len) {
      must(begin == bytes.len);
      return;
    } else {
      known = known + step < bytes.len ? known + step : bytes.len;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  static const enum sl_access_form forms[] = {SL_ACCESS_ANY, SL_ACCESS_COMMON, SL_ACCESS_COMBINED};
  const struct sl_str bytes = {.ptr = (const char *)data + 1, .len = size - 1};
  check_lines(bytes, forms[data[0] % SL_ARRAY_LEN(forms)], 1 + data[0] / SL_ARRAY_LEN(forms));
  return 0;
}
