#include "rule/suggest.h"

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned sl_edit_distance(struct sl_str a, struct sl_str b) {
  if (a.len > SL_SUGGEST_MAX || b.len > SL_SUGGEST_MAX) {
    return SL_SUGGEST_MAX + 1;
  }
  // Three rows of the table are alive: a swap looks two rows back.
  unsigned rows[3][SL_SUGGEST_MAX + 1];
  for (unsigned j = 0; j <= b.len; j++) {
    rows[0][j] = j;
  }
  for (unsigned i = 1; i <= a.len; i++) {
    unsigned *row = rows[i % 3];
    const unsigned *above = rows[(i - 1) % 3];
    row[0] = i;
    for (unsigned j = 1; j <= b.len; j++) {
      const bool same = a.ptr[i - 1] == b.ptr[j - 1];
      row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + !same);
      if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
        row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.len % 3][b.len];
}

const char *sl_suggest(struct sl_str word, const char *const *words, size_t count) {
  const char *best = NULL;
  unsigned best_distance = SL_SUGGEST_MAX + 1;
  for (size_t i = 0; i < count; i++) {
    const struct sl_str candidate = sl_str_of(words[i]);
    const size_t longer = candidate.len > word.len ? candidate.len : word.len;
    const unsigned allowed = longer < 6 ? 1 : (unsigned)(longer / 3);
    const unsigned distance = sl_edit_distance(word, candidate);
    if (distance <= allowed && distance < best_distance && distance < longer) {
      best = words[i];
      best_distance = distance;
    }
  }
  return best;
}

void sl_suggest_write(struct sl_text *text, struct sl_str word, const char *const *words,
                      size_t count) {
  const char *meant = sl_suggest(word, words, count);
  if (meant != NULL) {
    sl_text_printf(text, "did you mean %s?", meant);
    return;
  }
  sl_text_add(text, SL_STR("one of "));
  for (size_t i = 0; i < count; i++) {
    sl_text_printf(text, "%s%s", i == 0 ? "" : ", ", words[i]);
  }
}
