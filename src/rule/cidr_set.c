#include "rule/cidr_set.h"

bool sl_cidr_set_init(struct sl_cidr_set *set, struct sl_arena *arena, size_t most) {
  *set = (struct sl_cidr_set){.root = {SL_CIDR_NONE, SL_CIDR_NONE}};
  if (most == 0) {
    return true;
  }
  sl_assert(most <= (size_t)1 << 30);
  // Each block brings at most one fork with it.
  set->room = (uint32_t)(2 * most);
  set->nodes = sl_arena_alloc(arena, set->room * sizeof *set->nodes);
  return set->nodes != NULL;
}

static uint32_t add_node(struct sl_cidr_set *set, struct sl_address address, unsigned prefix) {
  sl_assert(set->count < set->room);
  set->nodes[set->count] = (struct sl_cidr_node){
      .cidr = {.address = sl_address_mask(address, prefix), .prefix = prefix},
      .child = {SL_CIDR_NONE, SL_CIDR_NONE},
      .value = SL_CIDR_NONE,
  };
  return set->count++;
}

static unsigned common_bits(struct sl_address a, struct sl_address b) {
  const uint64_t hi = a.hi ^ b.hi;
  const uint64_t lo = a.lo ^ b.lo;
  if (hi != 0) {
    return (unsigned)__builtin_clzll(hi);
  }
  return lo != 0 ? 64 + (unsigned)__builtin_clzll(lo) : SL_ADDRESS_BITS;
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

uint32_t *sl_cidr_set_at(struct sl_cidr_set *set, const struct sl_cidr *cidr) {
  const struct sl_address address = cidr->address;
  uint32_t *slot = &set->root[sl_cidr_is_ipv4(cidr)];
  for (;;) {
    if (*slot == SL_CIDR_NONE) {
      *slot = add_node(set, address, cidr->prefix);
      return &set->nodes[*slot].value;
    }
    const uint32_t here = *slot;
    struct sl_cidr_node *node = &set->nodes[here];
    const unsigned shorter = least(cidr->prefix, node->cidr.prefix);
    const unsigned common = least(shorter, common_bits(address, node->cidr.address));
    if (common == node->cidr.prefix) {
      if (common == cidr->prefix) {
        return &node->value;
      }
      slot = &node->child[sl_address_bit(address, common)];
      continue;
    }
    // The block lies above this node, or beside it below a new fork; the next turn adds it there.
    *slot = add_node(set, address, common);
    set->nodes[*slot].child[sl_address_bit(node->cidr.address, common)] = here;
  }
}

uint32_t sl_cidr_set_next(const struct sl_cidr_set *set, struct sl_address address, uint32_t *at) {
  while (*at != SL_CIDR_NONE) {
    const struct sl_cidr_node *node = &set->nodes[*at];
    const struct sl_cidr *cidr = &node->cidr;
    if (!sl_address_eq(sl_address_mask(address, cidr->prefix), cidr->address)) {
      *at = SL_CIDR_NONE;
      break;
    }
    *at = cidr->prefix == SL_ADDRESS_BITS ? SL_CIDR_NONE
                                          : node->child[sl_address_bit(address, cidr->prefix)];
    if (node->value != SL_CIDR_NONE) {
      return node->value;
    }
  }
  return SL_CIDR_NONE;
}

bool sl_cidr_set_has(const struct sl_cidr_set *set, struct sl_address address) {
  uint32_t at = sl_cidr_set_root(set, address);
  return sl_cidr_set_next(set, address, &at) != SL_CIDR_NONE;
}
