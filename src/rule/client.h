// client.h - the attribute client_ip of one request: the address for matching, and the text that it
// is counted by.
#ifndef SL_RULE_CLIENT_H
#define SL_RULE_CLIENT_H

#include "rule/address.h"

struct sl_client {
  bool is_address;
  struct sl_address address;
  // What enters keys: an IPv4 address, the block of an IPv6 address ("2001:db8:1:2::/64"), or the
  // value as it is where it is no address. Views of the value or of `buffer`.
  struct sl_str key;
  char buffer[SL_ADDRESS_TEXT];
};

// Reads a value: an address with or without a port and brackets; the text of a block that addresses
// are grouped by stands for the block, so that a key told to somebody can be given back; anything
// else is itself. `client` holds views into itself: it is not to be copied.
void sl_client_read(struct sl_client *client, struct sl_str value, unsigned ipv6_prefix);

// What patterns of text are held against: the whole address in canonical form, written to `buffer`
// (SL_ADDRESS_TEXT bytes), or the value as it is.
struct sl_str sl_client_text(const struct sl_client *client, struct sl_str value, char *buffer);

#endif
