// Who the client is: the peer, and what trusted proxies say, as a table.
#include "rule/client_ip.h"
#include "support/fail_mem.h"
#include "support/tap.h"

enum { LINES_MAX = 4, MANY = 1000 };

struct row {
  const char *name;
  const char *peer;
  const char *lines[LINES_MAX];  // of X-Forwarded-For, until NULL
  const char *want;
  bool trust_peer;
};

// 10.0.0.0/8, 192.168.1.1, 2001:db8:ffff::/48 and ::1 are ours.
static const struct row rows[] = {
    // The peer alone.
    {"no list", "203.0.113.7", {NULL}, "203.0.113.7", false},
    {"no list, a proxy", "10.0.0.1", {NULL}, "10.0.0.1", false},
    {"the peer's port is dropped", "203.0.113.7:4711", {NULL}, "203.0.113.7", false},
    {"IPv6 in brackets with a port", "[2001:db8::7]:4711", {NULL}, "2001:db8::7", false},
    {"a mapped peer", "::ffff:203.0.113.7", {NULL}, "203.0.113.7", false},
    {"a Unix socket", "unix:", {NULL}, "unix:", false},
    {"an empty peer", "", {NULL}, "", false},
    // A peer that is not ours is not believed.
    {"a stranger's list", "203.0.113.7", {"198.51.100.1"}, "203.0.113.7", false},
    {"a stranger names a proxy", "203.0.113.7", {"10.0.0.1"}, "203.0.113.7", false},
    {"a stranger's long list", "203.0.113.7", {"1.1.1.1, 2.2.2.2, 3.3.3.3"}, "203.0.113.7", false},
    {"a stranger next to a block", "11.0.0.1", {"198.51.100.1"}, "11.0.0.1", false},
    {"a stranger next to an address", "192.168.1.2", {"198.51.100.1"}, "192.168.1.2", false},
    {"a Unix peer not believed", "unix:", {"198.51.100.1"}, "unix:", false},
    {"an IPv6 stranger", "2001:db8::7", {"198.51.100.1"}, "2001:db8::7", false},
    // One proxy.
    {"one hop", "10.0.0.1", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, proxy by address", "192.168.1.1", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, mapped proxy", "::ffff:10.0.0.1", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, IPv6 proxy", "2001:db8:ffff::1", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, loopback", "::1", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, proxy with port", "10.0.0.1:80", {"198.51.100.1"}, "198.51.100.1", false},
    {"one hop, IPv6 client", "10.0.0.1", {"2001:db8::9"}, "2001:db8::9", false},
    {"what the client invents stands left",
     "10.0.0.1",
     {"6.6.6.6, 198.51.100.1"},
     "198.51.100.1",
     false},
    {"even a proxy's address", "10.0.0.1", {"10.0.0.9, 198.51.100.1"}, "198.51.100.1", false},
    {"even a whole chain", "10.0.0.1", {"6.6.6.6, 10.0.0.8, 198.51.100.1"}, "198.51.100.1", false},
    // Several proxies.
    {"two hops", "10.0.0.1", {"198.51.100.1, 10.0.0.2"}, "198.51.100.1", false},
    {"three hops", "10.0.0.1", {"198.51.100.1, 10.0.0.3, 10.0.0.2"}, "198.51.100.1", false},
    {"hops of both families",
     "10.0.0.1",
     {"198.51.100.1, 2001:db8:ffff::2"},
     "198.51.100.1",
     false},
    {"a foreign proxy ends it", "10.0.0.1", {"198.51.100.1, 8.8.8.8, 10.0.0.2"}, "8.8.8.8", false},
    {"one proxy twice", "10.0.0.1", {"198.51.100.1, 10.0.0.1, 10.0.0.1"}, "198.51.100.1", false},
    {"a chain too short", "10.0.0.1", {"10.0.0.2"}, "10.0.0.2", false},
    {"a chain of ours alone", "10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3", false},
    {"an empty line", "10.0.0.1", {""}, "10.0.0.1", false},
    // Forms of an entry.
    {"a port", "10.0.0.1", {"198.51.100.1:4711"}, "198.51.100.1", false},
    {"brackets", "10.0.0.1", {"[2001:db8::9]"}, "2001:db8::9", false},
    {"brackets and a port", "10.0.0.1", {"[2001:db8::9]:4711"}, "2001:db8::9", false},
    {"brackets on a proxy",
     "10.0.0.1",
     {"198.51.100.1, [2001:db8:ffff::2]:1"},
     "198.51.100.1",
     false},
    {"a mapped entry", "10.0.0.1", {"::ffff:198.51.100.1"}, "198.51.100.1", false},
    {"a mapped proxy entry", "10.0.0.1", {"198.51.100.1, ::ffff:10.0.0.2"}, "198.51.100.1", false},
    {"a mapped entry in hexadecimal", "10.0.0.1", {"::ffff:c633:6401"}, "198.51.100.1", false},
    {"a zone", "10.0.0.1", {"fe80::1%eth0"}, "fe80::1", false},
    {"upper case", "10.0.0.1", {"2001:DB8::9"}, "2001:db8::9", false},
    {"written out", "10.0.0.1", {"2001:0db8:0:0:0:0:0:0009"}, "2001:db8::9", false},
    {"no blank", "10.0.0.1", {"198.51.100.1,10.0.0.2"}, "198.51.100.1", false},
    {"many blanks", "10.0.0.1", {"  198.51.100.1 \t,\t 10.0.0.2  "}, "198.51.100.1", false},
    // Empty elements are passed over.
    {"a comma at the end", "10.0.0.1", {"198.51.100.1,"}, "198.51.100.1", false},
    {"a comma at the start", "10.0.0.1", {",198.51.100.1"}, "198.51.100.1", false},
    {"commas between", "10.0.0.1", {"198.51.100.1, , ,10.0.0.2"}, "198.51.100.1", false},
    {"commas alone", "10.0.0.1", {",,,,"}, "10.0.0.1", false},
    {"a comma alone", "10.0.0.1", {","}, "10.0.0.1", false},
    {"blanks alone", "10.0.0.1", {"   "}, "10.0.0.1", false},
    // What is no address ends the walk.
    {"unknown", "10.0.0.1", {"unknown"}, "10.0.0.1", false},
    {"unknown behind a proxy", "10.0.0.1", {"unknown, 10.0.0.2"}, "10.0.0.2", false},
    {"left of unknown nobody is believed",
     "10.0.0.1",
     {"198.51.100.1, unknown, 10.0.0.2"},
     "10.0.0.2",
     false},
    {"an obfuscated name", "10.0.0.1", {"198.51.100.1, _hidden"}, "10.0.0.1", false},
    {"a Unix socket in the list", "10.0.0.1", {"198.51.100.1, unix:"}, "10.0.0.1", false},
    {"a name", "10.0.0.1", {"198.51.100.1, proxy.example"}, "10.0.0.1", false},
    {"a number too big", "10.0.0.1", {"198.51.100.1, 10.0.0.256"}, "10.0.0.1", false},
    {"an octal number", "10.0.0.1", {"198.51.100.1, 010.0.0.2"}, "10.0.0.1", false},
    {"a bad port", "10.0.0.1", {"198.51.100.1, 10.0.0.2:99999"}, "10.0.0.1", false},
    {"a block", "10.0.0.1", {"198.51.100.1, 10.0.0.0/8"}, "10.0.0.1", false},
    {"a quote", "10.0.0.1", {"198.51.100.1, \"10.0.0.2\""}, "10.0.0.1", false},
    {"a semicolon", "10.0.0.1", {"198.51.100.1; 10.0.0.2"}, "10.0.0.1", false},
    {"control bytes", "10.0.0.1", {"198.51.100.1, 10.0.0.2\r"}, "10.0.0.1", false},
    {"bytes that are no text", "10.0.0.1", {"198.51.100.1, \xff\xfe"}, "10.0.0.1", false},
    // Several lines are one list.
    {"two lines", "10.0.0.1", {"198.51.100.1", "10.0.0.2"}, "198.51.100.1", false},
    {"the client is in the last line",
     "10.0.0.1",
     {"6.6.6.6", "198.51.100.1"},
     "198.51.100.1",
     false},
    {"three lines",
     "10.0.0.1",
     {"6.6.6.6, 198.51.100.1", "10.0.0.3", "10.0.0.2"},
     "198.51.100.1",
     false},
    {"an empty line between", "10.0.0.1", {"198.51.100.1", "", "10.0.0.2"}, "198.51.100.1", false},
    {"a bad line ends it", "10.0.0.1", {"198.51.100.1", "-", "10.0.0.2"}, "10.0.0.2", false},
    {"all lines ours", "10.0.0.1", {"10.0.0.4", "10.0.0.3", "10.0.0.2"}, "10.0.0.4", false},
    // A peer that is believed by name.
    {"a Unix peer believed", "unix:", {"198.51.100.1"}, "198.51.100.1", true},
    {"a Unix peer, two hops", "unix:", {"198.51.100.1, 10.0.0.2"}, "198.51.100.1", true},
    {"a Unix peer without a list", "unix:", {NULL}, "unix:", true},
    {"a Unix peer, nobody known", "unix:", {"unknown"}, "unix:", true},
    {"loopback believed", "127.0.0.1", {"198.51.100.1"}, "198.51.100.1", true},
    {"only as the peer, not in the list",
     "127.0.0.1",
     {"198.51.100.1, 127.0.0.1"},
     "127.0.0.1",
     true},
};

static void init_trusted(struct sl_cidr_set *set, struct sl_arena *arena) {
  static const char *const blocks[] = {"10.0.0.0/8", "192.168.1.1", "2001:db8:ffff::/48", "::1"};
  if (!sl_cidr_set_init(set, arena, SL_ARRAY_LEN(blocks))) {
    abort();
  }
  for (size_t i = 0; i < SL_ARRAY_LEN(blocks); i++) {
    struct sl_cidr cidr;
    if (!sl_cidr_parse(sl_str_of(blocks[i]), &cidr, NULL)) {
      abort();
    }
    *sl_cidr_set_at(set, &cidr) = 0;
  }
}

static void check_row(const struct row *row, const struct sl_cidr_set *trusted) {
  struct sl_str lines[LINES_MAX];
  size_t count = 0;
  while (count < LINES_MAX && row->lines[count] != NULL) {
    lines[count] = sl_str_of(row->lines[count]);
    count++;
  }
  struct sl_client_ip client;
  sl_client_ip_derive(sl_str_of(row->peer), row->trust_peer, lines, count, trusted, &client);
  char got[128];
  memcpy(got, client.text.ptr, client.text.len);
  got[client.text.len] = '\0';
  is_str(got, row->want, "%s", row->name);
}

// A list of any length: the client, then `count` proxies, on one line or on one each.
static void long_lists(const struct sl_cidr_set *trusted) {
  static char text[MANY * 16];
  static struct sl_str lines[MANY + 1];
  unsigned bad = 0;
  for (size_t count = 0; count <= MANY; count++) {
    size_t len = (size_t)sprintf(text, "198.51.100.1");
    lines[0] = SL_STR("198.51.100.1");
    for (size_t i = 0; i < count; i++) {
      len += (size_t)sprintf(text + len, ",10.0.0.%u", (unsigned)(i % 256));
      lines[i + 1] = SL_STR("10.0.0.77");
    }
    const struct sl_str one = {.ptr = text, .len = len};
    struct sl_client_ip client;
    sl_client_ip_derive(SL_STR("10.0.0.1"), false, &one, 1, trusted, &client);
    bad += !sl_str_eq(client.text, SL_STR("198.51.100.1"));
    sl_client_ip_derive(SL_STR("10.0.0.1"), false, lines, count + 1, trusted, &client);
    bad += !sl_str_eq(client.text, SL_STR("198.51.100.1")) || !client.forwarded;
  }
  is_u64(bad, 0, "lists of 0 to 1000 proxies, in one line and in many");
}

int main(void) {
  struct fail_mem fail;
  struct sl_arena arena;
  struct sl_cidr_set trusted, nobody;
  sl_arena_init(&arena, fail_mem_init(&fail, 0));
  init_trusted(&trusted, &arena);
  for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
    check_row(&rows[i], &trusted);
  }
  ok(SL_ARRAY_LEN(rows) >= 60, "the table has %zu cases", SL_ARRAY_LEN(rows));
  long_lists(&trusted);
  ok(sl_cidr_set_init(&nobody, &arena, 0), "nobody is trusted");
  const struct row deaf = {
      "without trusted proxies the peer counts", "10.0.0.1", {"1.1.1.1"}, "10.0.0.1", false};
  check_row(&deaf, &nobody);
  sl_arena_close(&arena);
  is_u64(fail.live, 0, "nothing leaks");
  return done_testing();
}
