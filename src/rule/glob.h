// glob.h - patterns of match: `*` is any run of characters, '/' and none included; `?` is one
// character. There is no escape, and case counts.
//
// Time is linear in the text. Between two stars the first fitting place is as good as any later
// one, so nothing is ever tried twice (R. Cox, "Glob matching can be simple and fast too", 2017). A
// piece without
// `?` is found by memmem; one with `?` is tried place by place, at most SL_GLOB_PIECE_MAX bytes
// each time, which the reader of rules holds pieces to.
//
// A character is a well-formed UTF-8 sequence, or else one byte: any bytes may be matched.
#ifndef SL_RULE_GLOB_H
#define SL_RULE_GLOB_H

#include "base/base.h"

enum { SL_PATTERN_MAX = 1024, SL_GLOB_PIECE_MAX = 64 };

// Whether the pattern holds `*` or `?`; otherwise it is exact text.
bool sl_is_glob(struct sl_str pattern);

// How many bytes before the first `*` or `?`.
size_t sl_glob_prefix(struct sl_str pattern);

// Whether a piece that holds `?` and stands between two stars is longer than SL_GLOB_PIECE_MAX.
bool sl_glob_is_costly(struct sl_str pattern);

// Whether the whole text fits the pattern, which is valid UTF-8. *steps (may be NULL) grows by the
// number of bytes looked at: at most SL_GLOB_PIECE_MAX times the text, and the pattern, for a
// pattern that is not costly.
bool sl_glob_match(struct sl_str pattern, struct sl_str text, uint64_t *steps);

#endif
