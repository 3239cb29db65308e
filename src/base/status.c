#include "base/status.h"

const char *sl_status_text(enum sl_status status) {
  static const struct {
    enum sl_status status;
    const char *text;
  } texts[] = {
      {SL_OK, "done"},
      {SL_ERR_ARGUMENT, "an argument is missing or out of range"},
      {SL_ERR_RANGE, "a number is outside its documented range"},
      {SL_ERR_SYNTAX, "the text does not parse"},
      {SL_ERR_INVALID, "the rules or the limit are not valid"},
      {SL_ERR_UNKNOWN, "there is nothing of that name"},
      {SL_ERR_COST, "the cost is not an integer of 0 or more"},
      {SL_ERR_MEMORY, "out of memory"},
      {SL_ERR_FULL, "a bound is reached"},
      {SL_ERR_IO, "the system refused to read or write"},
      {SL_ERR_UNSUPPORTED, "this limiter has no such operation"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
    if (texts[i].status == status) {
      return texts[i].text;
    }
  }
  return "an unknown status";
}
