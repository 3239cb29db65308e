// status.h - the one error vocabulary. Grouped by what the caller does next.
#ifndef SL_BASE_STATUS_H
#define SL_BASE_STATUS_H

#include "base/base.h"

enum sl_status {
  SL_OK = 0,

  // The caller's mistake: mend the call, repeating it is no use.
  SL_ERR_ARGUMENT = 1,  // a NULL, a size or an enum out of range
  SL_ERR_RANGE = 2,     // a number outside its documented range
  SL_ERR_SYNTAX = 3,    // text that does not parse; a message says where
  SL_ERR_INVALID = 4,   // parsed, but not a valid rule set or limit; messages say why
  SL_ERR_UNKNOWN = 5,   // no rule, reservation or slot of that name
  SL_ERR_COST = 6,      // the request's cost is not an integer >= 0

  // The machine's lack: free something, or try later.
  SL_ERR_MEMORY = 16,  // an allocation failed; nothing was changed
  SL_ERR_FULL = 17,    // a stated bound is reached

  // The world: look at the file or the system.
  SL_ERR_IO = 32,
  SL_ERR_UNSUPPORTED = 33,  // asked of a limiter that has no such operation
};

// A sentence for people: what happened, in lower case, without a full stop. Never NULL.
const char *sl_status_text(enum sl_status status);

#endif
