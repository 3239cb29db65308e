// suggest.h - what a misspelt word may have meant.
#ifndef SL_RULE_SUGGEST_H
#define SL_RULE_SUGGEST_H

#include "base/text.h"

// How many letters must be added, dropped, changed, or swapped with their neighbour to make `a`
// into `b` (the restricted Damerau-Levenshtein distance). SL_SUGGEST_MAX + 1 where either is longer
// than SL_SUGGEST_MAX bytes.
enum { SL_SUGGEST_MAX = 32 };
unsigned sl_edit_distance(struct sl_str a, struct sl_str b);

// The nearest of the words, or NULL where none is so near that it may be meant: a third of the
// letters may differ, at least one.
const char *sl_suggest(struct sl_str word, const char *const *words, size_t count);

// Writes "did you mean X?" or, where nothing is near, "one of A, B, C".
void sl_suggest_write(struct sl_text *text, struct sl_str word, const char *const *words,
                      size_t count);

#endif
