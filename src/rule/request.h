// request.h - a request as the Client Identifier Builder receives it: attributes and a cost.
#ifndef SL_RULE_REQUEST_H
#define SL_RULE_REQUEST_H

#include "base/base.h"

// Bounds of one request; more is refused by the front ends and by the library.
enum { SL_ATTRS_MAX = 256, SL_ATTR_NAME_MAX = 256, SL_ATTR_VALUE_MAX = 65536 };

struct sl_attr {
  struct sl_str name;   // 1 to SL_ATTR_NAME_MAX bytes
  struct sl_str value;  // 0 to SL_ATTR_VALUE_MAX bytes, any bytes
};

// A value that the request lacks: distinct from every text, the empty one included.
#define SL_ABSENT ((struct sl_str){.ptr = NULL, .len = SIZE_MAX})

static inline bool sl_is_absent(struct sl_str value) {
  return value.ptr == NULL && value.len == SIZE_MAX;
}

struct sl_request {
  const struct sl_attr *attrs;  // where a name occurs twice, the first counts
  size_t attr_count;            // 0 to SL_ATTRS_MAX
  uint64_t cost;                // 0 to SL_COST_MAX; 1 where the caller names none
};

#endif
