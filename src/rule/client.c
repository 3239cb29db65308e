#include "rule/client.h"

static bool has_colon(struct sl_str text) {
  return text.len > 0 && memchr(text.ptr, ':', text.len) != NULL;
}

// The text of a block, where it is one that addresses are grouped by.
static bool read_group(struct sl_client *client, struct sl_str value, unsigned ipv6_prefix) {
  struct sl_cidr cidr;
  bool extra_bits;
  if (!has_colon(value) || !sl_cidr_parse(value, &cidr, &extra_bits) || extra_bits) {
    return false;
  }
  const struct sl_cidr group = sl_address_group(cidr.address, ipv6_prefix);
  if (group.prefix != cidr.prefix) {
    return false;
  }
  client->key = sl_cidr_format(&cidr, client->buffer);
  return true;
}

void sl_client_read(struct sl_client *client, struct sl_str value, unsigned ipv6_prefix) {
  client->key = value;
  client->is_address = sl_address_parse_peer(value, &client->address);
  if (!client->is_address) {
    (void)read_group(client, value, ipv6_prefix);
    return;
  }
  // IPv4 without a port has only one form, so the value is it.
  if (has_colon(value)) {
    const struct sl_cidr group = sl_address_group(client->address, ipv6_prefix);
    client->key = sl_cidr_format(&group, client->buffer);
  }
}

struct sl_str sl_client_text(const struct sl_client *client, struct sl_str value, char *buffer) {
  return client->is_address && has_colon(value) ? sl_address_format(client->address, buffer)
                                                : value;
}
