#include "rule/client_ip.h"

// A walk over the elements of all lines, from the last to the first.
struct walk {
  const struct sl_str *lines;
  size_t line;         // lines[0..line) are still to come
  struct sl_str left;  // of the line under the walk: what is still to come
  bool open;           // there is such a line
};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static struct sl_str trim(struct sl_str text) {
  while (text.len > 0 && is_blank(text.ptr[0])) {
    text.ptr++;
    text.len--;
  }
  while (text.len > 0 && is_blank(text.ptr[text.len - 1])) {
    text.len--;
  }
  return text;
}

// The next element to the left, trimmed; false when there is none.
static bool walk_next(struct walk *walk, struct sl_str *ret_element) {
  if (!walk->open) {
    if (walk->line == 0) {
      return false;
    }
    walk->left = walk->lines[--walk->line];
    walk->open = true;
  }
  const struct sl_str left = walk->left;
  if (left.len == 0) {
    walk->open = false;
    *ret_element = left;
    return true;
  }
  const char *comma = memrchr(left.ptr, ',', left.len);
  const size_t start = comma == NULL ? 0 : (size_t)(comma - left.ptr) + 1;
  *ret_element = trim((struct sl_str){.ptr = left.ptr + start, .len = left.len - start});
  walk->open = comma != NULL;
  walk->left.len = comma == NULL ? 0 : start - 1;
  return true;
}

static void walk_list(struct walk walk, const struct sl_cidr_set *trusted,
                      struct sl_client_ip *client) {
  struct sl_str element;
  while (walk_next(&walk, &element)) {
    if (element.len == 0) {
      continue;
    }
    struct sl_address address;
    if (!sl_address_parse_peer(element, &address)) {
      return;
    }
    client->address = address;
    client->is_address = true;
    client->forwarded = true;
    if (!sl_cidr_set_has(trusted, address)) {
      return;
    }
  }
}

void sl_client_ip_derive(struct sl_str peer, bool trust_peer, const struct sl_str *lines,
                         size_t line_count, const struct sl_cidr_set *trusted,
                         struct sl_client_ip *ret_client) {
  *ret_client = (struct sl_client_ip){.text = peer};
  ret_client->is_address = sl_address_parse_peer(peer, &ret_client->address);
  if (trust_peer || (ret_client->is_address && sl_cidr_set_has(trusted, ret_client->address))) {
    walk_list((struct walk){.lines = lines, .line = line_count}, trusted, ret_client);
  }
  if (ret_client->is_address) {
    ret_client->text = sl_address_format(ret_client->address, ret_client->buffer);
  }
}
