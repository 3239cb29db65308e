// Any bytes as the peer's address and X-Forwarded-For lines, and as a client_ip: the first line of
// the input is the peer, the others are lines of the list.
#include "rule/client.h"
#include "rule/client_ip.h"
#include "support/fail_mem.h"
#include "support/fuzz.h"

enum { LINES = 2048 };

static void must(bool holds) {
  if (!holds) {
    __builtin_trap();
  }
}

// What is read as an address is read back from what it is written as.
static void check_address(struct sl_str text) {
  struct sl_address address, back;
  char buffer[SL_ADDRESS_TEXT];
  struct sl_cidr cidr, again;
  if (sl_address_parse_peer(text, &address)) {
    const struct sl_str written = sl_address_format(address, buffer);
    must(sl_address_parse(written, &back) && sl_address_eq(address, back));
  }
  if (sl_cidr_parse(text, &cidr, NULL)) {
    must(sl_cidr_parse(sl_cidr_format(&cidr, buffer), &again, NULL));
    must(sl_address_eq(cidr.address, again.address) && cidr.prefix == again.prefix);
  }
}

// The text that a client is counted by counts as itself.
static void check_client(struct sl_str text) {
  struct sl_client client, again;
  char buffer[SL_ADDRESS_TEXT];
  sl_client_read(&client, text, 64);
  sl_client_read(&again, client.key, 64);
  must(sl_str_eq(client.key, again.key));
  must(sl_client_text(&client, text, buffer).len <=
       (text.len > SL_ADDRESS_TEXT ? text.len : SL_ADDRESS_TEXT));
}

static void check_derived(struct sl_str peer, bool trust_peer, const struct sl_str *lines,
                          size_t count, const struct sl_cidr_set *trusted) {
  struct sl_client_ip client;
  sl_client_ip_derive(peer, trust_peer, lines, count, trusted, &client);
  if (!client.is_address) {
    must(client.text.ptr == peer.ptr && client.text.len == peer.len && !client.forwarded);
    return;
  }
  struct sl_address back;
  must(sl_address_parse(client.text, &back) && sl_address_eq(back, client.address));
  // A peer that is not believed is the client.
  struct sl_address of_peer;
  if (!trust_peer && sl_address_parse_peer(peer, &of_peer) && !sl_cidr_set_has(trusted, of_peer)) {
    must(!client.forwarded && sl_address_eq(of_peer, client.address));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const blocks[] = {"10.0.0.0/8", "fd00::/8", "192.168.1.1", "::1"};
  struct sl_str lines[LINES];
  size_t count = 0;
  const char *at = (const char *)data;
  size_t left = size;
  while (count < LINES && left > 0) {
    const char *end = memchr(at, '\n', left);
    const size_t len = end == NULL ? left : (size_t)(end - at);
    lines[count++] = (struct sl_str){.ptr = at, .len = len};
    check_address(lines[count - 1]);
    check_client(lines[count - 1]);
    at += len + (end != NULL);
    left -= len + (end != NULL);
  }
  struct fail_mem fail;
  struct sl_arena arena;
  struct sl_cidr_set trusted;
  sl_arena_init(&arena, fail_mem_init(&fail, 0));
  must(sl_cidr_set_init(&trusted, &arena, SL_ARRAY_LEN(blocks)));
  for (size_t i = 0; i < SL_ARRAY_LEN(blocks); i++) {
    struct sl_cidr cidr;
    must(sl_cidr_parse(sl_str_of(blocks[i]), &cidr, NULL));
    *sl_cidr_set_at(&trusted, &cidr) = 0;
  }
  const struct sl_str none = {.ptr = NULL, .len = 0};
  const struct sl_str peer = count > 0 ? lines[0] : none;
  check_derived(peer, false, lines + 1, count > 0 ? count - 1 : 0, &trusted);
  check_derived(peer, true, lines + 1, count > 0 ? count - 1 : 0, &trusted);
  check_derived(SL_STR("10.0.0.1"), false, lines, count, &trusted);
  sl_arena_close(&arena);
  must(fail.live == 0);
  return 0;
}
