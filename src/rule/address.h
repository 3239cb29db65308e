// address.h - Internet addresses as 128 bits, whatever notation they came in. An IPv4 address and
// the same one mapped into IPv6 (::ffff:1.2.3.4) are one value; families are told apart by bits,
// never by notation.
//
// Text forms: RFC 4291 section 2.2, read strictly (no leading zeros in IPv4: some read them as
// octal); written by RFC 5952.
#ifndef SL_RULE_ADDRESS_H
#define SL_RULE_ADDRESS_H

#include "base/base.h"

enum { SL_ADDRESS_BITS = 128, SL_IPV4_FIRST_BIT = 96, SL_ADDRESS_TEXT = 64 };

// The address as one number: `hi` holds its first 64 bits. IPv4 is ::ffff:a.b.c.d.
struct sl_address {
  uint64_t hi, lo;
};

// The first `prefix` bits (0 to 128) of the address; its other bits are zero.
struct sl_cidr {
  struct sl_address address;
  unsigned prefix;
};

static inline bool sl_address_eq(struct sl_address a, struct sl_address b) {
  return a.hi == b.hi && a.lo == b.lo;
}

static inline bool sl_address_is_ipv4(struct sl_address a) {
  return a.hi == 0 && a.lo >> 32 == 0xffff;
}

// The address with all bits from `prefix` (0 to 128) on cleared.
struct sl_address sl_address_mask(struct sl_address address, unsigned prefix);

// An address alone: "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0" (the zone is read
// and dropped). False for anything else; *ret_address is then untouched.
bool sl_address_parse(struct sl_str text, struct sl_address *ret_address) SL_MUST_USE;

// The same, also with a port or brackets: "10.0.0.1:80", "[2001:db8::1]", "[2001:db8::1%eth0]:443".
// "::1:80" is an IPv6 address without a port.
bool sl_address_parse_peer(struct sl_str text, struct sl_address *ret_address) SL_MUST_USE;

// An address alone or ADDRESS/PREFIX. Bits beyond the prefix are cleared; *ret_extra_bits (may be
// NULL) says whether any was set. A prefix on IPv4 text counts from 0 to 32; a mapped address with
// a prefix of 96 or more is the IPv4 block.
bool sl_cidr_parse(struct sl_str text, struct sl_cidr *ret_cidr, bool *ret_extra_bits) SL_MUST_USE;

// Whether the block is one of IPv4 addresses. A block holds addresses of its own family only: ::/0
// is all of IPv6 and none of IPv4. (A prefix below 96 clears a bit that every mapped address has.)
static inline bool sl_cidr_is_ipv4(const struct sl_cidr *cidr) {
  return sl_address_is_ipv4(cidr->address);
}

bool sl_cidr_contains(const struct sl_cidr *cidr, struct sl_address address);

// What a client is counted by: an IPv4 address by itself; an IPv6 address by its first
// `ipv6_prefix` bits, because its owner has all the addresses behind them. 64:ff9b::/96 stands for
// IPv4 addresses (RFC 6052), so it is not grouped: it would put all of IPv4 into one block.
struct sl_cidr sl_address_group(struct sl_address address, unsigned ipv6_prefix);

// Both write into `buffer` (at least SL_ADDRESS_TEXT bytes, terminated) and return a view of it.
// The prefix is left out where the block is one address; IPv4 is written "10.0.0.1" and
// "10.0.0.0/8".
struct sl_str sl_address_format(struct sl_address address, char *buffer);
struct sl_str sl_cidr_format(const struct sl_cidr *cidr, char *buffer);

#endif
