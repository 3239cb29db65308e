// client_ip.h - who the client is: the peer's address, or what trusted proxies say of it.
//
// Each proxy appends to X-Forwarded-For the address it was asked from, so only what stands right of
// the last proxy we trust is true; everything left of it may be invented. Hence the walk from the
// right: trusted addresses are skipped, the first other one is the client. Counting hops is never
// needed.
#ifndef SL_RULE_CLIENT_IP_H
#define SL_RULE_CLIENT_IP_H

#include "rule/cidr_set.h"

struct sl_client_ip {
  struct sl_str text;  // in `buffer`, canonical; or the peer's own text where that is no address
  bool is_address;     // false: the peer's text is no address, and no list was looked at
  bool forwarded;      // taken from X-Forwarded-For, not from the peer
  struct sl_address address;
  char buffer[SL_ADDRESS_TEXT];
};

// Derives the client's address.
//   peer           the other end of the connection: an address, with or without a port and brackets
//   trust_peer     believe this peer whatever its address (a Unix socket, or loopback where that is
//                  the rule); then it need not be an address
//   lines          the values of the X-Forwarded-For header lines, in the order received; any
//   number,
//                  any bytes
//   trusted        the addresses of our proxies
// The peer, unless it is trusted; else the list is walked from the right: empty elements are passed
// over (RFC 9110 section 5.6.1.2), trusted addresses too, the first other address is the client.
// Something that is no address ends the walk, and so does the list: then the client is the last
// address that was good, at worst the peer. ret_client->text points into ret_client, which
// therefore is not to be copied, or to `peer`. Thread-safe; linear in the bytes read.
void sl_client_ip_derive(struct sl_str peer, bool trust_peer, const struct sl_str *lines,
                         size_t line_count, const struct sl_cidr_set *trusted,
                         struct sl_client_ip *ret_client);

// The set's trusted_proxies, for sl_client_ip_derive; lives as long as the set.
struct sl_ruleset;
const struct sl_cidr_set *sl_ruleset_trusted_proxies(const struct sl_ruleset *set);

#endif
