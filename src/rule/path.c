#include "rule/path.h"

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char low = (char)(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool is_unreserved(unsigned char c) {
  const unsigned char low = c | 0x20;
  return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z' && c < 0x80) || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// A dot after a slash begins most dot segments, and few other segments; the slow way sorts them
// out.
bool sl_path_is_normal(struct sl_str path) {
  char before = '/';
  for (size_t i = 0; i < path.len; i++) {
    const char c = path.ptr[i];
    if (c == '%' || c == '?' || c == '#') {
      return false;
    }
    if (before == '/' && (c == '.' || (c == '/' && i > 0))) {
      return false;
    }
    before = c;
  }
  return true;
}

static struct sl_str without_query(struct sl_str path) {
  for (size_t i = 0; i < path.len; i++) {
    if (path.ptr[i] == '?' || path.ptr[i] == '#') {
      path.len = i;
    }
  }
  return path;
}

// One escape, or a '%' that begins none, at path[at]. Returns how many bytes of the path it took.
static size_t put_escape(struct sl_str path, size_t at, char *buffer, size_t *len) {
  static const char hex[] = "0123456789ABCDEF";
  const int high = at + 2 < path.len ? hex_value(path.ptr[at + 1]) : -1;
  const int low = at + 2 < path.len ? hex_value(path.ptr[at + 2]) : -1;
  const bool escape = high >= 0 && low >= 0;
  const unsigned char c = escape ? (unsigned char)(high << 4 | low) : '%';
  if (is_unreserved(c)) {
    buffer[(*len)++] = (char)c;
  } else {
    buffer[(*len)++] = '%';
    buffer[(*len)++] = hex[c >> 4];
    buffer[(*len)++] = hex[c & 15];
  }
  return escape ? 3 : 1;
}

static size_t decode(struct sl_str path, char *buffer) {
  size_t len = 0;
  size_t at = 0;
  while (at < path.len) {
    if (path.ptr[at] == '%') {
      at += put_escape(path, at, buffer, &len);
    } else {
      buffer[len++] = path.ptr[at++];
    }
  }
  return len;
}

// Where the last segment of buffer[0..len) begins, given that it ends in a slash or is empty.
static size_t drop_segment(const char *buffer, size_t len, size_t root) {
  if (len > root) {
    len--;
  }
  while (len > root && buffer[len - 1] != '/') {
    len--;
  }
  return len;
}

// Goes through the segments in place; what is written never overtakes what is read. Each segment is
// copied with the slash that ends it.
static size_t remove_dots(char *buffer, size_t len) {
  const size_t root = len > 0 && buffer[0] == '/';
  size_t out = root;
  size_t at = root;
  while (at < len) {
    size_t end = at;
    while (end < len && buffer[end] != '/') {
      end++;
    }
    const size_t size = end - at;
    const bool dot = size == 1 && buffer[at] == '.';
    const bool dots = size == 2 && buffer[at] == '.' && buffer[at + 1] == '.';
    if (dots) {
      out = drop_segment(buffer, out, root);
    } else if (size > 0 && !dot) {
      memmove(buffer + out, buffer + at, size);
      out += size;
      if (end < len) {
        buffer[out++] = '/';
      }
    }
    at = end + 1;
  }
  return out;
}

struct sl_str sl_path_normalise(struct sl_str path, char *buffer) {
  if (sl_path_is_normal(path)) {
    return path;
  }
  const size_t len = decode(without_query(path), buffer);
  return (struct sl_str){.ptr = buffer, .len = remove_dots(buffer, len)};
}
