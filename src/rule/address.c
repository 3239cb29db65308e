#include "rule/address.h"

enum { GROUPS = 8, IPV4_BITS = 32, ZONE_MAX = 32 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static struct sl_str from(struct sl_str text, size_t at) {
  return (struct sl_str){.ptr = text.ptr + at, .len = text.len - at};
}

static struct sl_str until(struct sl_str text, size_t end) {
  return (struct sl_str){.ptr = text.ptr, .len = end};
}

// The place of the first `c` in the text, or text.len.
static size_t find(struct sl_str text, char c) {
  const char *found = text.len == 0 ? NULL : memchr(text.ptr, c, text.len);
  return found == NULL ? text.len : (size_t)(found - text.ptr);
}

struct sl_address sl_address_mask(struct sl_address address, unsigned prefix) {
  if (prefix >= SL_ADDRESS_BITS) {
    return address;
  }
  if (prefix >= 64) {
    address.lo = prefix == 64 ? 0 : address.lo & ~(UINT64_MAX >> (prefix - 64));
    return address;
  }
  address.hi = prefix == 0 ? 0 : address.hi & ~(UINT64_MAX >> prefix);
  address.lo = 0;
  return address;
}

// Four numbers of one to three digits, 0 to 255, without leading zeros.
static bool parse_ipv4(struct sl_str text, uint32_t *ret_bits) {
  uint32_t bits = 0;
  size_t at = 0;
  for (int i = 0; i < 4; i++) {
    if (i > 0 && (at >= text.len || text.ptr[at++] != '.')) {
      return false;
    }
    const size_t start = at;
    uint32_t byte = 0;
    while (at < text.len && at - start < 3 && is_digit(text.ptr[at])) {
      byte = byte * 10 + (uint32_t)(text.ptr[at++] - '0');
    }
    if (at == start || byte > 255 || (at - start > 1 && text.ptr[start] == '0')) {
      return false;
    }
    bits = bits << 8 | byte;
  }
  *ret_bits = bits;
  return at == text.len;
}

static int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char low = (char)(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// One group of one to four hexadecimal digits at *at.
static bool read_group(struct sl_str text, size_t *at, uint16_t *ret_group) {
  unsigned value = 0;
  size_t digits = 0;
  while (*at < text.len && digits < 4 && hex_value(text.ptr[*at]) >= 0) {
    value = value << 4 | (unsigned)hex_value(text.ptr[*at]);
    (*at)++;
    digits++;
  }
  *ret_group = (uint16_t)value;
  return digits > 0;
}

// The groups of an IPv6 address as they are read: `count` of them, with "::" before group `gap`.
struct groups {
  uint16_t group[GROUPS];
  int count;
  int gap;  // -1: none yet
};

// The last 32 bits may be written as an IPv4 address: true where the rest of the text is one.
static bool read_embedded_ipv4(struct sl_str rest, struct groups *groups) {
  uint32_t bits;
  if (groups->count > GROUPS - 2 || !parse_ipv4(rest, &bits)) {
    return false;
  }
  groups->group[groups->count++] = (uint16_t)(bits >> 16);
  groups->group[groups->count++] = (uint16_t)bits;
  return true;
}

static bool read_groups(struct sl_str text, struct groups *groups) {
  size_t at = 0;
  if (text.len >= 2 && text.ptr[0] == ':' && text.ptr[1] == ':') {
    groups->gap = 0;
    at = 2;
  }
  while (at < text.len) {
    if (groups->count == GROUPS) {
      return false;
    }
    if (read_embedded_ipv4(from(text, at), groups)) {
      return true;
    }
    if (!read_group(text, &at, &groups->group[groups->count])) {
      return false;
    }
    groups->count++;
    if (at == text.len) {
      return true;
    }
    if (text.ptr[at++] != ':' || at == text.len) {
      return false;
    }
    if (text.ptr[at] == ':') {
      if (groups->gap >= 0) {
        return false;
      }
      groups->gap = groups->count;
      at++;
    }
  }
  return true;
}

static bool parse_ipv6(struct sl_str text, struct sl_address *ret_address) {
  struct groups groups = {.gap = -1};
  if (!read_groups(text, &groups)) {
    return false;
  }
  // "::" stands for at least one group.
  if (groups.gap < 0 ? groups.count != GROUPS : groups.count == GROUPS) {
    return false;
  }
  const int missing = GROUPS - groups.count;
  uint64_t halves[2] = {0, 0};
  for (int i = 0; i < groups.count; i++) {
    const int to = groups.gap >= 0 && i >= groups.gap ? i + missing : i;
    halves[to / 4] |= (uint64_t)groups.group[i] << (48 - 16 * (to % 4));
  }
  *ret_address = (struct sl_address){.hi = halves[0], .lo = halves[1]};
  return true;
}

static bool is_zone(struct sl_str zone) {
  for (size_t i = 0; i < zone.len; i++) {
    const char c = zone.ptr[i];
    const char low = (char)(c | 0x20);
    if (!is_digit(c) && !(low >= 'a' && low <= 'z') && c != '.' && c != '_' && c != '-' &&
        c != '~') {
      return false;
    }
  }
  return zone.len > 0 && zone.len <= ZONE_MAX;
}

bool sl_address_parse(struct sl_str text, struct sl_address *ret_address) {
  uint32_t bits;
  if (parse_ipv4(text, &bits)) {
    *ret_address = (struct sl_address){.hi = 0, .lo = UINT64_C(0xffff) << 32 | bits};
    return true;
  }
  const size_t percent = find(text, '%');
  if (percent < text.len && !is_zone(from(text, percent + 1))) {
    return false;
  }
  return parse_ipv6(until(text, percent), ret_address);
}

static bool is_port(struct sl_str text) {
  unsigned port = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.ptr[i]) || i >= 5) {
      return false;
    }
    port = port * 10 + (unsigned)(text.ptr[i] - '0');
  }
  return text.len > 0 && port <= 65535;
}

// "[ADDRESS]" or "[ADDRESS]:PORT"; brackets are for IPv6.
static bool parse_bracketed(struct sl_str text, struct sl_address *ret_address) {
  const size_t close = find(text, ']');
  if (close == text.len) {
    return false;
  }
  const struct sl_str inner = {.ptr = text.ptr + 1, .len = close - 1};
  const struct sl_str after = from(text, close + 1);
  if (after.len > 0 && (after.ptr[0] != ':' || !is_port(from(after, 1)))) {
    return false;
  }
  return find(inner, ':') < inner.len && sl_address_parse(inner, ret_address);
}

bool sl_address_parse_peer(struct sl_str text, struct sl_address *ret_address) {
  if (text.len > 0 && text.ptr[0] == '[') {
    return parse_bracketed(text, ret_address);
  }
  const size_t colon = find(text, ':');
  const bool one_colon =
      colon < text.len && find(from(text, colon + 1), ':') == text.len - colon - 1;
  if (!one_colon) {
    return sl_address_parse(text, ret_address);
  }
  // One colon makes no IPv6 address: what follows it is a port.
  uint32_t bits;
  if (!parse_ipv4(until(text, colon), &bits) || !is_port(from(text, colon + 1))) {
    return false;
  }
  *ret_address = (struct sl_address){.hi = 0, .lo = UINT64_C(0xffff) << 32 | bits};
  return true;
}

// One to three digits, at most `most`, without leading zeros.
static bool parse_prefix(struct sl_str text, unsigned most, unsigned *ret_prefix) {
  unsigned prefix = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.ptr[i]) || i >= 3) {
      return false;
    }
    prefix = prefix * 10 + (unsigned)(text.ptr[i] - '0');
  }
  *ret_prefix = prefix;
  return text.len > 0 && prefix <= most && (text.len == 1 || text.ptr[0] != '0');
}

bool sl_cidr_parse(struct sl_str text, struct sl_cidr *ret_cidr, bool *ret_extra_bits) {
  const size_t slash = find(text, '/');
  const struct sl_str host = until(text, slash);
  struct sl_address address;
  // A zone names an interface of one machine: it makes no block.
  if (find(host, '%') < host.len || !sl_address_parse(host, &address)) {
    return false;
  }
  unsigned prefix = SL_ADDRESS_BITS;
  if (slash < text.len) {
    const bool dotted = find(host, ':') == host.len;
    if (!parse_prefix(from(text, slash + 1), dotted ? IPV4_BITS : SL_ADDRESS_BITS, &prefix)) {
      return false;
    }
    prefix += dotted ? SL_IPV4_FIRST_BIT : 0;
  }
  *ret_cidr = (struct sl_cidr){.address = sl_address_mask(address, prefix), .prefix = prefix};
  if (ret_extra_bits != NULL) {
    *ret_extra_bits = !sl_address_eq(ret_cidr->address, address);
  }
  return true;
}

bool sl_cidr_contains(const struct sl_cidr *cidr, struct sl_address address) {
  return sl_cidr_is_ipv4(cidr) == sl_address_is_ipv4(address) &&
         sl_address_eq(sl_address_mask(address, cidr->prefix), cidr->address);
}

struct sl_cidr sl_address_group(struct sl_address address, unsigned ipv6_prefix) {
  const struct sl_cidr translated = {.address = {.hi = UINT64_C(0x0064ff9b00000000)}, .prefix = 96};
  const bool whole = sl_address_is_ipv4(address) || sl_cidr_contains(&translated, address);
  const unsigned prefix = whole ? SL_ADDRESS_BITS : ipv6_prefix;
  return (struct sl_cidr){.address = sl_address_mask(address, prefix), .prefix = prefix};
}

static unsigned group_of(struct sl_address address, int index) {
  const uint64_t half = index < 4 ? address.hi : address.lo;
  return (unsigned)(half >> (48 - 16 * (index % 4))) & 0xffff;
}

// The first longest run of zero groups, of two or more; *ret_len is 0 where there is none.
static int zero_run(struct sl_address address, int *ret_len) {
  int best = 0, best_len = 0, start = 0;
  for (int i = 0; i < GROUPS; i++) {
    if (group_of(address, i) != 0) {
      start = i + 1;
    } else if (i + 1 - start > best_len) {
      best = start;
      best_len = i + 1 - start;
    }
  }
  *ret_len = best_len >= 2 ? best_len : 0;
  return best;
}

static size_t put_hex(char *buffer, unsigned value) {
  static const char hex[] = "0123456789abcdef";
  size_t len = 0;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = value >> shift & 15;
    if (digit != 0 || len > 0 || shift == 0) {
      buffer[len++] = hex[digit];
    }
  }
  return len;
}

static size_t put_byte(char *buffer, unsigned value) {
  size_t len = 0;
  if (value >= 100) {
    buffer[len++] = (char)('0' + value / 100);
  }
  if (value >= 10) {
    buffer[len++] = (char)('0' + value / 10 % 10);
  }
  buffer[len++] = (char)('0' + value % 10);
  return len;
}

static size_t format_ipv4(uint32_t bits, char *buffer) {
  size_t len = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    len += put_byte(buffer + len, bits >> shift & 255);
    buffer[len++] = '.';
  }
  return len - 1;
}

static size_t format_ipv6(struct sl_address address, char *buffer) {
  int run_len;
  const int run = zero_run(address, &run_len);
  size_t len = 0;
  for (int i = 0; i < GROUPS; i++) {
    if (run_len > 0 && i == run) {
      buffer[len++] = ':';
      buffer[len++] = ':';
      i += run_len - 1;
      continue;
    }
    if (len > 0 && buffer[len - 1] != ':') {
      buffer[len++] = ':';
    }
    len += put_hex(buffer + len, group_of(address, i));
  }
  return len;
}

struct sl_str sl_address_format(struct sl_address address, char *buffer) {
  const size_t len = sl_address_is_ipv4(address) ? format_ipv4((uint32_t)address.lo, buffer)
                                                 : format_ipv6(address, buffer);
  buffer[len] = '\0';
  return (struct sl_str){.ptr = buffer, .len = len};
}

struct sl_str sl_cidr_format(const struct sl_cidr *cidr, char *buffer) {
  struct sl_str text = sl_address_format(cidr->address, buffer);
  if (cidr->prefix < SL_ADDRESS_BITS) {
    // Written as it is read: the prefix of an IPv4 block counts from its own first bit.
    const unsigned first = sl_cidr_is_ipv4(cidr) ? SL_IPV4_FIRST_BIT : 0;
    buffer[text.len++] = '/';
    text.len += put_byte(buffer + text.len, cidr->prefix - first);
    buffer[text.len] = '\0';
  }
  return text;
}
