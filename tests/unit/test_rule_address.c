// Addresses, blocks of them, and sets of blocks.
#include "rule/address.h"
#include "rule/cidr_set.h"
#include "rule/client.h"
#include "support/fail_mem.h"
#include "support/tap.h"

// What an address reads as, in canonical form; "-" where it is none.
static const char *canonical(const char *text, bool peer, char *buffer) {
  struct sl_address address;
  const bool good = peer ? sl_address_parse_peer(sl_str_of(text), &address)
                         : sl_address_parse(sl_str_of(text), &address);
  if (!good) {
    return "-";
  }
  sl_address_format(address, buffer);
  return buffer;
}

static void addresses_read(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"10.0.0.1", "10.0.0.1"},
      {"256.0.0.1", "-"},
      {"1.2.3", "-"},
      {"1.2.3.4.5", "-"},
      {"1.2.3.", "-"},
      {".1.2.3", "-"},
      {"1..2.3", "-"},
      {"01.2.3.4", "-"},
      {"1.2.3.04", "-"},
      {"1.2.3.4 ", "-"},
      {" 1.2.3.4", "-"},
      {"1.2.3.4\t", "-"},
      {"1.2.3.1000", "-"},
      {"0x7f.0.0.1", "-"},
      {"2130706433", "-"},
      {"1.2.3.4%eth0", "-"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:db8::1", "2001:db8::1"},
      {"2001:DB8::ABCD", "2001:db8::abcd"},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7:8:9", "-"},
      {"1:2:3:4:5:6:7:8::", "-"},
      {"1:2:3:4::5:6:7:8", "-"},
      {"1:2:3:4:5:6:7", "-"},
      {":1", "-"},
      {"1:", "-"},
      {":", "-"},
      {":::", "-"},
      {"1::2::3", "-"},
      {"12345::", "-"},
      {"g::", "-"},
      {"", "-"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"::FFFF:1.2.3.4", "1.2.3.4"},
      {"::ffff:102:304", "1.2.3.4"},
      {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
      {"::1.2.3.4", "::102:304"},
      {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
      {"1:2:3:4:5:6:7:1.2.3.4", "-"},
      {"::1.2.3.04", "-"},
      {"::1.2.3.4:5", "-"},
      {"fe80::1%eth0", "fe80::1"},
      {"fe80::1%25", "fe80::1"},
      {"fe80::1%", "-"},
      {"fe80::1%a b", "-"},
      {"fe80::1%012345678901234567890123456789012", "-"},
      {"localhost", "-"},
      {"unix:", "-"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[SL_ADDRESS_TEXT];
    is_str(canonical(rows[i].text, false, buffer), rows[i].want, "address \"%s\"", rows[i].text);
  }
}

static void peers_read(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"1.2.3.4:80", "1.2.3.4"},
      {"1.2.3.4:0", "1.2.3.4"},
      {"1.2.3.4:65535", "1.2.3.4"},
      {"1.2.3.4:65536", "-"},
      {"1.2.3.4:", "-"},
      {"1.2.3.4:+1", "-"},
      {"1.2.3.4:000001", "-"},
      {"1.2.3.4:80:90", "-"},
      {"[::1]", "::1"},
      {"[::1]:443", "::1"},
      {"[::1]443", "-"},
      {"[::1]:", "-"},
      {"[::1]:70000", "-"},
      {"[::1", "-"},
      {"::1]", "-"},
      {"[]", "-"},
      {"[", "-"},
      {"[1.2.3.4]:80", "-"},
      {"[::ffff:1.2.3.4]:80", "1.2.3.4"},
      {"[fe80::1%eth0]:80", "fe80::1"},
      {"::1:80", "::1:80"},
      {"2001:db8::1", "2001:db8::1"},
      {"1.2.3.4", "1.2.3.4"},
      {"host:80", "-"},
      {":80", "-"},
      {"", "-"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[SL_ADDRESS_TEXT];
    is_str(canonical(rows[i].text, true, buffer), rows[i].want, "peer \"%s\"", rows[i].text);
  }
}

static void blocks_read(void) {
  static const struct {
    const char *text, *want;
    bool extra_bits;
  } rows[] = {
      {"10.0.0.0/8", "10.0.0.0/8", false},
      {"10.1.2.3/8", "10.0.0.0/8", true},
      {"10.0.0.1", "10.0.0.1", false},
      {"10.0.0.1/32", "10.0.0.1", false},
      {"0.0.0.0/0", "0.0.0.0/0", false},
      {"10.0.0.0/33", "-", false},
      {"10.0.0.0/", "-", false},
      {"10.0.0.0/08", "-", false},
      {"10.0.0.0/-1", "-", false},
      {"10.0.0.0/8/8", "-", false},
      {"10.0.0.0:80/8", "-", false},
      {"2001:db8::/32", "2001:db8::/32", false},
      {"2001:db8::1/32", "2001:db8::/32", true},
      {"::/0", "::/0", false},
      {"::1/128", "::1", false},
      {"::1/129", "-", false},
      {"::/1000", "-", false},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8", false},
      {"::ffff:10.0.0.0/96", "0.0.0.0/0", true},
      {"::ffff:10.0.0.0/95", "::fffe:0:0/95", true},
      {"fe80::1%eth0/64", "-", false},
      {"[::1]/64", "-", false},
      {"", "-", false},
      {"/8", "-", false},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    struct sl_cidr cidr;
    bool extra_bits = false;
    char buffer[SL_ADDRESS_TEXT] = "-";
    if (sl_cidr_parse(sl_str_of(rows[i].text), &cidr, &extra_bits)) {
      sl_cidr_format(&cidr, buffer);
    }
    is_str(buffer, rows[i].want, "block \"%s\"", rows[i].text);
    ok(extra_bits == rows[i].extra_bits, "block \"%s\" has%s bits beyond its prefix", rows[i].text,
       rows[i].extra_bits ? "" : " no");
  }
}

static bool holds(const char *block, const char *address) {
  struct sl_cidr cidr;
  struct sl_address read;
  const bool good =
      sl_cidr_parse(sl_str_of(block), &cidr, NULL) && sl_address_parse(sl_str_of(address), &read);
  return good && sl_cidr_contains(&cidr, read);
}

static void blocks_hold(void) {
  ok(holds("10.0.0.0/8", "10.255.255.255"), "10.0.0.0/8 holds its last address");
  ok(!holds("10.0.0.0/8", "11.0.0.0"), "10.0.0.0/8 does not hold the next");
  ok(holds("10.0.0.0/8", "::ffff:10.1.1.1"), "an IPv4 block holds mapped addresses");
  ok(holds("::ffff:10.0.0.0/104", "10.1.1.1"), "a mapped block holds IPv4 addresses");
  ok(!holds("::/0", "10.1.1.1"), "all of IPv6 holds no IPv4 address");
  ok(!holds("0.0.0.0/0", "::1"), "all of IPv4 holds no IPv6 address");
  ok(holds("2001:db8::/32", "2001:db8:ffff::"), "2001:db8::/32 holds its last /48");
  ok(!holds("2001:db8::/32", "2001:db9::"), "2001:db8::/32 does not hold the next");
  ok(holds("2001:db8::/65", "2001:db8::7fff:0:0:1"), "a prefix in the lower half");
  ok(!holds("2001:db8::/65", "2001:db8::8000:0:0:1"), "a prefix in the lower half, beyond");
}

static const char *key_of(const char *value, unsigned ipv6_prefix, char *buffer) {
  struct sl_client client;
  sl_client_read(&client, sl_str_of(value), ipv6_prefix);
  memcpy(buffer, client.key.ptr, client.key.len);
  buffer[client.key.len] = '\0';
  return buffer;
}

static void clients_grouped(void) {
  static const struct {
    const char *value;
    unsigned prefix;
    const char *want;
  } rows[] = {
      {"10.0.0.1", 64, "10.0.0.1"},
      {"10.0.0.1:4711", 64, "10.0.0.1"},
      {"::ffff:10.0.0.1", 64, "10.0.0.1"},
      {"[::ffff:10.0.0.1]:1", 32, "10.0.0.1"},
      {"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"},
      {"2001:db8:1:2:ffff::", 64, "2001:db8:1:2::/64"},
      {"2001:db8:1:3::", 64, "2001:db8:1:3::/64"},
      {"[2001:db8:1:2::1]:443", 56, "2001:db8:1::/56"},
      {"2001:db8:1:2::1", 48, "2001:db8:1::/48"},
      {"2001:db8:1:2::1", 32, "2001:db8::/32"},
      {"2001:db8:1:2::1", 128, "2001:db8:1:2::1"},
      {"64:ff9b::1.2.3.4", 64, "64:ff9b::102:304"},
      {"64:ff9b::1.2.3.5", 64, "64:ff9b::102:305"},
      {"64:ff9b:1::1", 64, "64:ff9b:1::/64"},
      {"2001:db8:1:2::/64", 64, "2001:db8:1:2::/64"},
      {"2001:DB8:1:2:0::/64", 64, "2001:db8:1:2::/64"},
      {"2001:db8:1:2::/56", 64, "2001:db8:1:2::/56"},
      {"2001:DB8::/56", 64, "2001:DB8::/56"},
      {"2001:db8:1:2::1/64", 64, "2001:db8:1:2::1/64"},
      {"10.0.0.0/8", 64, "10.0.0.0/8"},
      {"garbage", 64, "garbage"},
      {"", 64, ""},
      {"10.0.0.256", 64, "10.0.0.256"},
      {"::::", 64, "::::"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    char buffer[128];
    is_str(key_of(rows[i].value, rows[i].prefix, buffer), rows[i].want,
           "client_ip \"%s\" counts as, by /%u", rows[i].value, rows[i].prefix);
  }
}

// ---- sets
// ----------------------------------------------------------------------------------------

static void set_add(struct sl_cidr_set *set, const char *block, uint32_t value) {
  struct sl_cidr cidr;
  if (!sl_cidr_parse(sl_str_of(block), &cidr, NULL)) {
    abort();
  }
  *sl_cidr_set_at(set, &cidr) = value;
}

// The values of the blocks that hold the address, in order, as text.
static const char *found(const struct sl_cidr_set *set, const char *text, char *buffer) {
  struct sl_address address;
  if (!sl_address_parse(sl_str_of(text), &address)) {
    abort();
  }
  uint32_t at = sl_cidr_set_root(set, address);
  size_t len = 0;
  buffer[0] = '\0';
  for (;;) {
    const uint32_t value = sl_cidr_set_next(set, address, &at);
    if (value == SL_CIDR_NONE) {
      return buffer;
    }
    len += (size_t)sprintf(buffer + len, "%s%u", len > 0 ? " " : "", value);
  }
}

static void sets_found(void) {
  struct fail_mem fail;
  struct sl_arena arena;
  struct sl_cidr_set set;
  char buffer[128];
  sl_arena_init(&arena, fail_mem_init(&fail, 0));
  if (!sl_cidr_set_init(&set, &arena, 9)) {
    abort();
  }
  set_add(&set, "10.1.2.3", 1);
  set_add(&set, "10.0.0.0/8", 2);
  set_add(&set, "10.1.0.0/16", 3);
  set_add(&set, "10.1.2.0/24", 4);
  set_add(&set, "10.128.0.0/9", 5);
  set_add(&set, "::/0", 6);
  set_add(&set, "2001:db8::/32", 7);
  set_add(&set, "2001:db8::1", 8);
  set_add(&set, "10.1.2.2/31", 9);
  is_str(found(&set, "10.1.2.3", buffer), "2 3 4 9 1", "widest first, down to the address");
  is_str(found(&set, "10.1.2.2", buffer), "2 3 4 9", "its neighbour");
  is_str(found(&set, "10.1.3.3", buffer), "2 3", "beside a block");
  is_str(found(&set, "10.200.0.1", buffer), "2 5", "the other half");
  is_str(found(&set, "11.0.0.0", buffer), "", "outside");
  is_str(found(&set, "::ffff:10.1.2.3", buffer), "2 3 4 9 1", "a mapped address");
  is_str(found(&set, "2001:db8::1", buffer), "6 7 8", "IPv6");
  is_str(found(&set, "::", buffer), "6", "IPv6, the rest");
  struct sl_cidr again;
  ok(sl_cidr_parse(SL_STR("10.1.0.0/16"), &again, NULL) && *sl_cidr_set_at(&set, &again) == 3,
     "a block that is there is found again");
  struct sl_cidr_set none;
  ok(sl_cidr_set_init(&none, &arena, 0), "an empty set");
  is_str(found(&none, "10.1.2.3", buffer), "", "holds nothing");
  sl_arena_close(&arena);
  is_u64(fail.live, 0, "nothing leaks");
}

int main(void) {
  addresses_read();
  peers_read();
  blocks_read();
  blocks_hold();
  clients_grouped();
  sets_found();
  return done_testing();
}
