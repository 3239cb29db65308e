// utf8.h - UTF-8 by table 3-7 of the Unicode standard: no overlong forms, no surrogates.
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include "base/base.h"

// The bytes of the well-formed sequence at text[at] (at < text.len), 0 where there is none.
// *ret_point (may be NULL) is its code point.
size_t sl_utf8_at(struct sl_str text, size_t at, uint32_t *ret_point);

#endif
