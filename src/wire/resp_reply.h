// resp_reply.h - replies of the Redis protocol, RESP2 and RESP3, as a client reads them: any type
// in any place becomes a flat list of nodes.
//
// The server at the other end is not trusted: depth, nodes and bytes are bounded, nothing recurses,
// memory is taken for what has arrived, and what is odd is bad rather than guessed at.
// Attributes (|), which may stand before any value, are read and left out.
//
// Source: the Redis serialization protocol specification.
#ifndef SL_WIRE_RESP_REPLY_H
#define SL_WIRE_RESP_REPLY_H

#include "base/mem.h"
#include "wire/resp.h"

enum { SL_RESP_DEPTH = 8 };

enum sl_resp_type {
  SL_RESP_NULL,     // _ and the null bulk and array of RESP2
  SL_RESP_SIMPLE,   // +
  SL_RESP_ERROR,    // - and !
  SL_RESP_INTEGER,  // :
  SL_RESP_BULK,     // $ and = (without its three letters and colon)
  SL_RESP_BOOL,     // #; integer is 1 or 0
  SL_RESP_DOUBLE,   // , as text
  SL_RESP_BIG,      // ( as text
  SL_RESP_ARRAY,    // *
  SL_RESP_MAP,      // %: its keys and values in turn
  SL_RESP_SET,      // ~
  SL_RESP_PUSH,     // >: not an answer; stands alone, between answers
};

// Children follow their aggregate, each with all that is in it: the first of node i is i + 1, the
// next one behind node k is k + nodes[k].span.
struct sl_resp_node {
  enum sl_resp_type type;
  uint32_t count;    // of children: of a map keys and values, both
  uint32_t span;     // this node and all within
  uint32_t at, len;  // of the text, from the start of the reply
  int64_t integer;
};

struct sl_resp_reply_bounds {
  uint32_t nodes;  // at most, in one reply
  uint32_t bytes;  // of one reply; below 2^31
};

struct sl_resp_open {
  uint32_t node;  // the aggregate
  uint32_t left;  // children still to come
  bool attribute;
};

struct sl_resp_decoder {
  const struct sl_mem *mem;
  struct sl_resp_node *nodes;
  uint32_t count;
  uint32_t room;
  struct sl_resp_open open[SL_RESP_DEPTH];
  uint32_t depth;
  uint32_t pos;      // where the value that comes next begins
  uint32_t scanned;  // how far its first line was looked at
  uint64_t work;     // bytes looked at, over the decoder's life
};

void sl_resp_decoder_init(struct sl_resp_decoder *decoder, const struct sl_mem *mem);
void sl_resp_decoder_close(struct sl_resp_decoder *decoder);

// Reads one reply, as sl_resp_parse reads a request. After SL_RESP_DONE decoder->nodes[0] is the
// reply, until the next call.
enum sl_resp_state sl_resp_decode(struct sl_resp_decoder *decoder,
                                  const struct sl_resp_reply_bounds *bounds, const char *bytes,
                                  size_t len, size_t *ret_used,
                                  struct sl_str *ret_error) SL_MUST_USE;

static inline struct sl_str sl_resp_text(const struct sl_resp_node *node, const char *bytes) {
  return (struct sl_str){.ptr = bytes + node->at, .len = node->len};
}

#endif
