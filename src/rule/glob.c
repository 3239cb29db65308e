#include "rule/glob.h"

#include "base/utf8.h"

// No place.
#define NOWHERE SIZE_MAX

static struct sl_str from(struct sl_str text, size_t at) {
  return (struct sl_str){.ptr = text.ptr + at, .len = text.len - at};
}

static size_t find(struct sl_str text, char c) {
  const char *found = text.len == 0 ? NULL : memchr(text.ptr, c, text.len);
  return found == NULL ? text.len : (size_t)(found - text.ptr);
}

size_t sl_glob_prefix(struct sl_str pattern) {
  const size_t star = find(pattern, '*');
  return find((struct sl_str){.ptr = pattern.ptr, .len = star}, '?');
}

bool sl_is_glob(struct sl_str pattern) { return sl_glob_prefix(pattern) < pattern.len; }

// The piece of the pattern that begins at *at and ends at a star or the end; moves *at there.
static struct sl_str next_piece(struct sl_str pattern, size_t *at) {
  struct sl_str piece = from(pattern, *at);
  piece.len = find(piece, '*');
  *at += piece.len;
  return piece;
}

bool sl_glob_is_costly(struct sl_str pattern) {
  size_t at = find(pattern, '*');
  while (at < pattern.len) {
    at++;
    const struct sl_str piece = next_piece(pattern, &at);
    if (at < pattern.len && piece.len > SL_GLOB_PIECE_MAX && find(piece, '?') < piece.len) {
      return true;
    }
  }
  return false;
}

static size_t char_len(struct sl_str text, size_t at) {
  const size_t len = sl_utf8_at(text, at, NULL);
  return len == 0 ? 1 : len;
}

static size_t count_chars(struct sl_str text) {
  size_t count = 0;
  for (size_t at = 0; at < text.len; at += char_len(text, at)) {
    count++;
  }
  return count;
}

// Where the text goes on after a piece (without stars) that fits at text[at], or NOWHERE.
static size_t fit_at(struct sl_str piece, struct sl_str text, size_t at, uint64_t *steps) {
  for (size_t i = 0; i < piece.len; i++) {
    ++*steps;
    if (at == text.len) {
      return NOWHERE;
    }
    if (piece.ptr[i] == '?') {
      at += char_len(text, at);
    } else if (piece.ptr[i] == text.ptr[at]) {
      at++;
    } else {
      return NOWHERE;
    }
  }
  return at;
}

// The same for the first place from text[at] on where the piece fits.
static size_t fit_after(struct sl_str piece, struct sl_str text, size_t at, uint64_t *steps) {
  if (find(piece, '?') == piece.len) {
    const char *found =
        piece.len == 0 ? text.ptr + at : memmem(text.ptr + at, text.len - at, piece.ptr, piece.len);
    const size_t end = found == NULL ? NOWHERE : (size_t)(found - text.ptr) + piece.len;
    *steps += (end == NOWHERE ? text.len : end) - at;
    return end;
  }
  while (at < text.len) {
    const size_t end = fit_at(piece, text, at, steps);
    if (end != NOWHERE) {
      return end;
    }
    at += char_len(text, at);
  }
  return NOWHERE;
}

// Whether the piece fits at the very end of the text, not before text[at].
static bool fits_end(struct sl_str piece, struct sl_str text, size_t at, uint64_t *steps) {
  size_t start;
  if (find(piece, '?') == piece.len) {
    if (piece.len > text.len - at) {
      return false;
    }
    start = text.len - piece.len;
  } else {
    // Each character of the piece takes one of the text: skip all but so many.
    const size_t in_piece = count_chars(piece);
    const size_t in_text = count_chars(from(text, at));
    if (in_piece > in_text) {
      return false;
    }
    start = at;
    for (size_t skip = in_text - in_piece; skip > 0; skip--) {
      start += char_len(text, start);
    }
    *steps += 2 * (text.len - at);
  }
  return fit_at(piece, text, start, steps) == text.len;
}

bool sl_glob_match(struct sl_str pattern, struct sl_str text, uint64_t *steps) {
  uint64_t uncounted = 0;
  steps = steps == NULL ? &uncounted : steps;
  text.ptr = text.ptr == NULL ? "" : text.ptr;
  size_t at = 0;
  const struct sl_str head = next_piece(pattern, &at);
  size_t place = fit_at(head, text, 0, steps);
  if (at == pattern.len || place == NOWHERE) {
    return place == text.len;
  }
  for (;;) {
    at++;
    const struct sl_str piece = next_piece(pattern, &at);
    if (at == pattern.len) {
      return fits_end(piece, text, place, steps);
    }
    place = fit_after(piece, text, place, steps);
    if (place == NOWHERE) {
      return false;
    }
  }
}
