// query.h - the query of a request target: parameters by name.
#ifndef SL_WIRE_QUERY_H
#define SL_WIRE_QUERY_H

#include "base/base.h"

// Cuts a request target at its first '?'. *ret_query is what follows; len 0 where there is none.
struct sl_str sl_target_path(struct sl_str target, struct sl_str *ret_query);

// Decodes %HH; a '%' that begins no escape, and '+', stand for themselves. Gives `text` itself
// where nothing is escaped, else a view of `buffer` (text.len bytes).
struct sl_str sl_percent_decode(struct sl_str text, char *buffer);

// The value of the first parameter of that name, decoded; names are compared decoded. A parameter
// without
// '=' has the empty value. False where there is none. The value is a view of `query` or of `buffer`
// (query.len bytes). Linear in the query.
bool sl_query_find(struct sl_str query, struct sl_str name, char *buffer,
                   struct sl_str *ret_value) SL_MUST_USE;

#endif
