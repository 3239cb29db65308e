// JSON of any bytes: our reader takes what jansson takes, and nothing else, but for bounds that are
// meant to differ; and what it read can be written and read again.
#include <jansson.h>
#include <stdlib.h>

#include "support/fuzz.h"
#include "wire/json.h"

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

// What differs on purpose: jansson reads numbers into 64 bits and refuses others; our nesting is
// bounded closer.
struct seen {
  bool big_number;
  bool deep;
};

static bool names_are_told(const struct sl_json *json) {
  return json->text.len == 0 || json->text.ptr != NULL;
}

static void check_text(const struct sl_json *json) {
  char *plain = malloc(json->text.len + 1);
  char *written = malloc(6 * json->text.len + 3);
  must(plain != NULL && written != NULL && names_are_told(json));
  const struct sl_str text = sl_json_unescape(json->text, plain);
  must(json->escaped || text.ptr == json->text.ptr);
  const char *end = sl_json_put_string(written, text);
  struct sl_json again;
  char *back = malloc((size_t)(end - written) + 1);
  must(back != NULL);
  sl_json_begin(&again, (struct sl_str){.ptr = written, .len = (size_t)(end - written)});
  must(sl_json_next(&again) == SL_JSON_STRING);
  must(sl_str_eq(sl_json_unescape(again.text, back), text));
  must(sl_json_next(&again) == SL_JSON_END);
  free(back);
  free(written);
  free(plain);
}

static bool read_all(struct sl_str bytes, struct seen *seen) {
  struct sl_json json;
  sl_json_begin(&json, bytes);
  for (;;) {
    const enum sl_json_event event = sl_json_next(&json);
    must(json.at >= bytes.ptr && json.at <= bytes.ptr + bytes.len);
    switch (event) {
    case SL_JSON_END:
      return true;
    case SL_JSON_BAD:
      must(json.error != NULL && sl_json_next(&json) == SL_JSON_BAD);
      seen->deep = strstr(json.error, "deeper") != NULL;
      return false;
    case SL_JSON_INTEGER:
    case SL_JSON_NUMBER:
      seen->big_number = seen->big_number || json.text.len > 17 ||
                         memchr(json.text.ptr, 'e', json.text.len) != NULL ||
                         memchr(json.text.ptr, 'E', json.text.len) != NULL;
      break;
    case SL_JSON_NAME:
    case SL_JSON_STRING:
      check_text(&json);
      break;
    default:
      break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const char *text = (const char *)data;
  struct seen seen = {0};
  const bool ours = read_all((struct sl_str){.ptr = text, .len = size}, &seen);
  json_error_t error;
  json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  const bool theirs = json != NULL;
  json_decref(json);
  if (memchr(text, 0, size) != NULL) {
    must(!ours);  // jansson takes a zero byte behind the value for its end
  } else if (!seen.big_number && !seen.deep) {
    must(ours == theirs);
  }
  struct sl_json whole;
  sl_json_begin(&whole, (struct sl_str){.ptr = text, .len = size});
  const bool skipped =
      sl_json_skip(&whole, sl_json_next(&whole)) && sl_json_next(&whole) == SL_JSON_END;
  must(skipped == ours);
  return 0;
}
