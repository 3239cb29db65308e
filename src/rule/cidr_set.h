// cidr_set.h - many address blocks, and all of them that hold an address, in time that depends on
// the address and not on their number.
//
// A binary trie with path compression (Morrison, "PATRICIA", 1968), one root per family. Every node
// is a block; on the way from a root to an address lie exactly the blocks that hold it, widest
// first. Nodes lie in one array and name each other by index. Built once, then read by any number
// of threads.
#ifndef SL_RULE_CIDR_SET_H
#define SL_RULE_CIDR_SET_H

#include "base/mem.h"
#include "rule/address.h"

#define SL_CIDR_NONE UINT32_MAX

struct sl_cidr_node {
  struct sl_cidr cidr;
  uint32_t child[2];
  uint32_t value;  // the caller's number for an added block; SL_CIDR_NONE for a mere fork
};

struct sl_cidr_set {
  struct sl_cidr_node *nodes;
  uint32_t count, room;
  uint32_t root[2];  // IPv6, IPv4
};

// An empty set with room for `most` blocks (0 to 2^30). False when out of memory.
bool sl_cidr_set_init(struct sl_cidr_set *set, struct sl_arena *arena, size_t most) SL_MUST_USE;

// The value of a block, added with SL_CIDR_NONE where it is new: the caller sets it. The pointer is
// good until the set goes. Adding more than `most` blocks is a bug.
uint32_t *sl_cidr_set_at(struct sl_cidr_set *set, const struct sl_cidr *cidr);

static inline unsigned sl_address_bit(struct sl_address address, unsigned index) {
  return (unsigned)((index < 64 ? address.hi >> (63 - index) : address.lo >> (127 - index)) & 1);
}

// Walks the added blocks that hold `address`: begin with *at = sl_cidr_set_root(...); each call
// gives the next one's value, SL_CIDR_NONE at the end.
static inline uint32_t sl_cidr_set_root(const struct sl_cidr_set *set, struct sl_address address) {
  return set->root[sl_address_is_ipv4(address)];
}
uint32_t sl_cidr_set_next(const struct sl_cidr_set *set, struct sl_address address, uint32_t *at);

// Whether any added block (its value set) holds the address.
bool sl_cidr_set_has(const struct sl_cidr_set *set, struct sl_address address);

#endif
