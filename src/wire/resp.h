// resp.h - requests of the Redis protocol, as a server reads them: a run of bytes becomes a list of
// arguments.
//
// Both forms: a multibulk ("*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"), which clients send, and a line of
// words ("ECHO hi\r\n"), which people type, with the quotes and escapes of redis-cli. Nothing is
// copied but the words of a line; what an argument is, is known by where it lies in the caller's
// bytes.
//
// Reading goes on where it stopped: whatever the pieces a request comes in, each of its bytes is
// looked at once (`work` counts). Memory is taken for arguments that have arrived, never for those
// that were only announced.
//
// Source: the Redis serialization protocol specification; error texts as Redis 7 words them.
#ifndef SL_WIRE_RESP_H
#define SL_WIRE_RESP_H

#include "base/mem.h"

// What a request may be at most. Beyond it is bad.
struct sl_resp_bounds {
  uint32_t args;   // arguments, the command's name included
  uint32_t bulk;   // bytes of one argument
  uint32_t line;   // bytes of a line of words, its end included
  uint32_t bytes;  // of the whole request
  bool known;      // the client has said who it is; else errors say "unauthenticated"
};

// As Redis: what somebody may send before he has said who he is.
enum { SL_RESP_ARGS_UNKNOWN = 10, SL_RESP_BULK_UNKNOWN = 16384 };

struct sl_resp_arg {
  uint32_t at, len;
};

enum { SL_RESP_ARGS_NEAR = 8 };

struct sl_resp_parser {
  const struct sl_mem *mem;
  struct sl_resp_arg *args;  // arg_count of them: `near`, or taken from mem
  uint32_t arg_count;
  uint32_t arg_room;
  char *words;  // the words of a line without their quotes; NULL for a multibulk
  uint32_t words_room;
  uint8_t stage;
  bool negative;   // of the number that is being read
  uint8_t digits;  // of it
  uint32_t pos;    // how far into the request everything was looked at
  uint32_t left;   // arguments still to come
  uint64_t number;
  uint64_t work;  // bytes looked at, over the parser's life
  struct sl_resp_arg near[SL_RESP_ARGS_NEAR];
};

enum sl_resp_state {
  SL_RESP_DONE,  // a whole request; arg_count may be 0: nothing was asked, nothing is answered
  SL_RESP_MORE,  // as far as it goes it is right
  SL_RESP_BAD,   // not the protocol, or beyond a bound; the connection is of no further use
};

void sl_resp_parser_init(struct sl_resp_parser *parser, const struct sl_mem *mem);
void sl_resp_parser_close(struct sl_resp_parser *parser);

// Reads one request. `bytes` begins where the request begins; after SL_RESP_MORE the next call has
// the same bytes again, at whatever address, and more behind them. bounds->bytes is below 2^31.
//   SL_RESP_DONE  *ret_used bytes were the request; sl_resp_arg_at gives its arguments until the
//                 next call
//   SL_RESP_MORE  *ret_used is 0
//   SL_RESP_BAD   *ret_error says why, for the client: "Protocol error: ..."; empty where nothing
//                 is to be said: a line that begins POST or Host: is of a browser that was lured
//                 here
enum sl_resp_state sl_resp_parse(struct sl_resp_parser *parser, const struct sl_resp_bounds *bounds,
                                 const char *bytes, size_t len, size_t *ret_used,
                                 struct sl_str *ret_error) SL_MUST_USE;

// Argument `index` of the request that was just read from `bytes`.
static inline struct sl_str sl_resp_arg_at(const struct sl_resp_parser *parser, const char *bytes,
                                           uint32_t index) {
  const char *base = parser->words != NULL ? parser->words : bytes;
  return (struct sl_str){.ptr = base + parser->args[index].at, .len = parser->args[index].len};
}

// A request has begun and is not whole.
static inline bool sl_resp_in_request(const struct sl_resp_parser *parser) {
  return parser->pos > 0;
}

// A signed integer as whole text: an optional sign and digits. False when it is none, or beyond 64
// bits.
bool sl_resp_parse_i64(struct sl_str text, int64_t *ret_value) SL_MUST_USE;

#endif
