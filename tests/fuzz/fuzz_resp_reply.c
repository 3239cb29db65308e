// Replies of RESP from any bytes, any type in any place: whole and in pieces the same, the nodes a
// proper tree within its bounds. The first byte says how the rest is cut.
#include <stdlib.h>

#include "support/fault_mem.h"
#include "support/fuzz.h"
#include "wire/resp_reply.h"

static const struct sl_resp_reply_bounds bounds = {.nodes = 64, .bytes = 4096};

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

// Children of aggregates lie one behind the other and fill them; returns a sum over all.
static uint64_t check_tree(const struct sl_resp_decoder *d, const char *block, size_t used) {
  uint64_t sum = d->count;
  must(d->count > 0 && d->count <= bounds.nodes && d->nodes[0].span == d->count);
  for (uint32_t i = 0; i < d->count; i++) {
    const struct sl_resp_node *node = &d->nodes[i];
    must(node->span >= 1 && i + node->span <= d->count);
    uint32_t next = i + 1;
    for (uint32_t k = 0; k < node->count; k++) {
      must(next < i + node->span);
      next += d->nodes[next].span;
    }
    must(next == i + node->span);
    must((size_t)node->at + node->len <= used);
    sum = sum * 31 + (uint64_t)node->type * 7 + node->count + (uint64_t)node->integer + node->len;
    for (uint32_t k = 0; k < node->len; k++) {
      sum = sum * 31 + (unsigned char)block[node->at + k];
    }
  }
  return sum;
}

static enum sl_resp_state read_one(struct sl_mem *mem, const uint8_t *data, size_t size,
                                   size_t step, size_t *ret_used, uint64_t *ret_sum) {
  enum sl_resp_state state = SL_RESP_MORE;
  struct sl_resp_decoder d;
  struct sl_str error;
  char *block = NULL;
  *ret_used = 0;
  *ret_sum = 0;
  sl_resp_decoder_init(&d, mem);
  for (size_t have = 0; have < size && state == SL_RESP_MORE;) {
    have = step < size - have ? have + step : size;
    free(block);
    block = malloc(have);
    must(block != NULL);
    memcpy(block, data, have);
    state = sl_resp_decode(&d, &bounds, block, have, ret_used, &error);
  }
  must(d.work <= 2 * size + 2);
  if (state == SL_RESP_DONE) {
    *ret_sum = check_tree(&d, block, *ret_used);
  }
  sl_resp_decoder_close(&d);
  free(block);
  return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) {
    return 0;
  }
  static struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  const size_t step = data[0] % 16 + 1;
  for (data++, size--; size > 0;) {
    size_t used, piece_used;
    uint64_t sum, piece_sum;
    enum sl_resp_state state = read_one(&mem, data, size, size, &used, &sum);
    must(state == read_one(&mem, data, size, step, &piece_used, &piece_sum));
    must(used == piece_used && sum == piece_sum);
    if (state != SL_RESP_DONE) {
      break;
    }
    data += used;
    size -= used;
  }
  must(fault.live == 0 && fault.peak_bytes <= 16384);
  return 0;
}
