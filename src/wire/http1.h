// http1.h - HTTP/1.1 and 1.0 requests, read strictly; and what replies are written with.
//
// Source: RFC 9110 and 9112. Wherever two readers of one stream of bytes could come to different
// ends of a request (and so one of them could be made to see a request that the other does not),
// the request is refused and the connection is not used any further: two lengths, a length with
// Transfer-Encoding, any coding but exactly "chunked", signs and overflow in numbers, bare LF, bare
// CR, folded lines, space before a colon, empty names, control bytes, chunk extensions. Nothing is
// repaired.
//
// The parser takes the bytes of a connection from the first one of a request on, as often as more
// of them have come, and looks at each a bounded number of times: what it has seen it does not look
// at again before the request is whole. It keeps offsets only, so the bytes may move between calls.
#ifndef SL_WIRE_HTTP1_H
#define SL_WIRE_HTTP1_H

#include "base/status.h"

// At most so many header fields, whatever the bounds say.
enum { SL_HTTP_FIELDS_MAX = 256 };

// What a request may be. Beyond them it is bad, with the status that names the bound.
struct sl_http_bounds {
  size_t target;  // bytes of the request target: 414
  size_t head;    // bytes of request line and header fields, line ends included: 431
  size_t fields;  // header fields, and trailer fields: 431; at most SL_HTTP_FIELDS_MAX
  size_t body;    // bytes of the body, decoded: 413
  size_t whole;   // bytes of the whole request as sent, with chunk sizes and trailers: 413
};

struct sl_http_field {
  struct sl_str name;   // as sent
  struct sl_str value;  // without white space around it; may hold bytes above 0x7f
};

// A request, all views into the bytes given.
struct sl_http_request {
  struct sl_str method;  // a token, as sent
  struct sl_str target;  // origin form ("/path?query"), or "*"; without the scheme and authority
                         // of an absolute form
  struct sl_str host;    // of the Host field; len 0 where there is none (HTTP/1.0)
  unsigned minor;        // HTTP/1.minor: 0 or 1
  bool keep_alive;       // by version and Connection
  bool chunked;          // `body` is coded: sl_http_dechunk
  struct sl_str body;    // as sent
  size_t body_len;       // decoded
  size_t field_count;
  struct sl_http_field fields[SL_HTTP_FIELDS_MAX];
};

enum sl_http_result {
  SL_HTTP_MORE,      // not whole yet: call again with more bytes behind these
  SL_HTTP_CONTINUE,  // the same, and the client waits for "100 Continue" before it sends the body;
                     // said once
  SL_HTTP_REQUEST,   // *ret_request is filled; parser->used bytes are this request
  SL_HTTP_BAD,       // parser->status and parser->reason; answer, and close
};

// One connection's parser. Zero-initialise it, and again after each request.
struct sl_http_parser {
  // Results.
  size_t used;         // bytes of the request that is whole
  unsigned status;     // what a bad request is answered with: 400, 413, 414, 417, 431, 505
  const char *reason;  // a sentence for the client, without a full stop; constant
  uint64_t work;       // bytes looked at so far, each look counted

  // Inside.
  unsigned char stage;
  unsigned char chunk_stage;
  bool chunked;
  bool continued;
  size_t begin;       // of the request line: after an empty line that is passed over
  size_t scanned;     // up to here every byte was looked at
  size_t line_begin;  // of the line that is being scanned
  size_t lines;       // field lines so far
  size_t head_end;    // where the body begins
  uint64_t length;    // of the body, or of the chunk; of a trailer: where it begins
  size_t body_len;    // chunks decoded so far
};

// Has a request begun that is not whole?
static inline bool sl_http_begun(const struct sl_http_parser *parser) {
  return parser->scanned > 0;
}

// Looks at `bytes`, which begin where the request begins; `len` never shrinks from call to call for
// one request. After SL_HTTP_BAD and SL_HTTP_REQUEST the parser is to be zeroed before its next
// use. Thread-safe with one parser per thread.
enum sl_http_result sl_http_parse(struct sl_http_parser *parser,
                                  const struct sl_http_bounds *bounds, const char *bytes,
                                  size_t len, struct sl_http_request *ret_request);

// Writes the decoded body of a whole request (request->body_len bytes) to `buffer`.
void sl_http_dechunk(const struct sl_http_request *request, char *buffer);

// The value of the first field of that name (in lower case; compared without case), or NULL.
const struct sl_http_field *sl_http_find(const struct sl_http_request *request, struct sl_str name);

// Are they equal but for the case of ASCII letters? `lower` is in lower case.
bool sl_http_is(struct sl_str text, struct sl_str lower);

// ---- replies

// "200 OK", "429 Too Many Requests", ...; for a status not in the list "500 Internal Server Error".
struct sl_str sl_http_status_text(unsigned status);

// Each writes at `at` and returns the end of what it wrote. None terminates.

// At most 20 bytes.
char *sl_http_put_number(char *at, uint64_t number);
char *sl_http_put_str(char *at, struct sl_str text);

// "Sun, 06 Nov 1994 08:49:37 GMT": 29 bytes (RFC 9110 section 5.6.7). Before the year 10000.
enum { SL_HTTP_DATE = 29 };
char *sl_http_put_date(char *at, uint64_t unix_seconds);

// An sf-string (RFC 8941 section 3.3.3): in quotes, '"' and '\' escaped; bytes that it cannot hold
// are written '_'. At most 2 * text.len + 2 bytes.
char *sl_http_put_sf_string(char *at, struct sl_str text);

// What the rate limit fields say of one policy (draft-ietf-httpapi-ratelimit-headers-10).
struct sl_http_quota {
  struct sl_str policy;     // its name
  uint64_t count;           // q: the quota
  uint64_t period_ns;       // w: its window; rounded up to seconds, left out below one second
  uint64_t remaining;       // r
  uint64_t grows_after_ns;  // t: rounded up to seconds; left out where 0
};

// The lines "RateLimit-Policy: ..." and "RateLimit: ...", both with their CRLF. Numbers beyond what
// a structured field's integer holds (15 digits) are written as the largest.
static inline size_t sl_http_quota_room(const struct sl_http_quota *quota) {
  return 4 * quota->policy.len + 192;
}
char *sl_http_put_quota(char *at, const struct sl_http_quota *quota);

// "Retry-After: N" with its CRLF: seconds rounded up, at least 1. At most 40 bytes.
char *sl_http_put_retry_after(char *at, uint64_t retry_after_ns);

#endif
