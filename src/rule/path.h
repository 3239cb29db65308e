// path.h - one form for each path, so that "/a//b", "/a/./b" and "/%61/b" are one to a rule, as
// they are to most servers behind it.
//
// By RFC 3986 section 6.2.2: escapes of unreserved characters are decoded, those that stay are
// written in upper case, dot segments are removed; besides, runs of slashes become one, a query or
// fragment is cut off, and a '%' that begins no escape is written %25, which makes the form stable:
// normalising it again changes nothing.
#ifndef SL_RULE_PATH_H
#define SL_RULE_PATH_H

#include "base/base.h"

// The most bytes the normal form of `len` bytes takes.
static inline size_t sl_path_room(size_t len) { return 3 * len; }

// True where the path is in normal form already, which is the common case and costs one scan.
bool sl_path_is_normal(struct sl_str path);

// The normal form, as a view of `path` itself or of `buffer` (sl_path_room(path.len) bytes). Any
// bytes may stand in the path. A slash at the end stays, "/.." is "/", "" is "".
struct sl_str sl_path_normalise(struct sl_str path, char *buffer);

#endif
