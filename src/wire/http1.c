// http1.c - the request parser.
#include "wire/http1.h"

#include "wire/http1_chars.h"

// Where in a request the parser stands, and where in a chunked body.
enum { STAGE_REQUEST_LINE, STAGE_FIELDS, STAGE_BODY, STAGE_CHUNKS };
enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_TRAILER };

// The digits of a chunk's size: 16 hold any 64-bit number.
enum { CHUNK_DIGITS = 16 };

// One call's work.
struct parse {
  struct sl_http_parser *parser;
  const struct sl_http_bounds *bounds;
  const char *bytes;
  size_t len;
};

// What the head says about the rest.
struct framing {
  bool has_host, has_length, has_coding, expects, close, keep;
  uint64_t length;
};

static bool bad(struct sl_http_parser *parser, unsigned status, const char *reason) {
  parser->status = status;
  parser->reason = reason;
  return false;
}

bool sl_http_is(struct sl_str text, struct sl_str lower) {
  if (text.len != lower.len) {
    return false;
  }
  for (size_t i = 0; i < text.len; i++) {
    char byte = text.ptr[i];
    byte = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    if (byte != lower.ptr[i]) {
      return false;
    }
  }
  return true;
}

// How many bytes from the first on are of the kind.
static size_t span(struct sl_str text, unsigned char kind) {
  size_t at = 0;
  while (at < text.len && sl_http_is_char((unsigned char)text.ptr[at], kind)) {
    at++;
  }
  return at;
}

// ---- the request line

static struct sl_str cut(struct sl_str text, size_t from) {
  return (struct sl_str){.ptr = text.ptr + from, .len = text.len - from};
}

static bool read_version(struct sl_http_parser *parser, struct sl_str version,
                         struct sl_http_request *request) {
  const bool is_http = version.len == 8 && memcmp(version.ptr, "HTTP/", 5) == 0 &&
                       version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
                       version.ptr[7] >= '0' && version.ptr[7] <= '9';
  if (!is_http) {
    return bad(parser, 400, "the request line is not METHOD TARGET HTTP/1.1, with one space each");
  }
  if (version.ptr[5] != '1' || version.ptr[7] > '1') {
    return bad(parser, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  request->minor = (unsigned)(version.ptr[7] - '0');
  return true;
}

static bool read_request_line(struct sl_http_parser *parser, const struct sl_http_bounds *bounds,
                              struct sl_str line, struct sl_http_request *request) {
  const size_t method = span(line, SL_HTTP_METHOD);
  if (method == 0 || method == line.len || line.ptr[method] != ' ') {
    return bad(parser, 400, "the request line does not begin with a method and one space");
  }
  request->method = (struct sl_str){.ptr = line.ptr, .len = method};
  struct sl_str rest = cut(line, method + 1);
  const size_t target = span(rest, SL_HTTP_TARGET);
  if (target > bounds->target) {
    return bad(parser, 414, "the request target is longer than this server's bound");
  }
  if (target == 0 || target == rest.len || rest.ptr[target] != ' ') {
    return bad(parser, 400, "the request target is missing or holds a byte that no URI has");
  }
  request->target = (struct sl_str){.ptr = rest.ptr, .len = target};
  return read_version(parser, cut(rest, target + 1), request);
}

// Brings the target to origin form. An absolute form must name the host that Host names: else two
// readers could take the request to be for two sites.
static bool settle_target(struct sl_http_parser *parser, struct sl_http_request *request) {
  struct sl_str target = request->target;
  if (target.ptr[0] == '/') {
    return true;
  }
  const size_t scheme =
      target.len > 7 && sl_http_is((struct sl_str){target.ptr, 7}, SL_STR("http://"))    ? 7
      : target.len > 8 && sl_http_is((struct sl_str){target.ptr, 8}, SL_STR("https://")) ? 8
                                                                                         : 0;
  const char *slash = scheme == 0 ? NULL : memchr(target.ptr + scheme, '/', target.len - scheme);
  if (slash == NULL) {
    return bad(parser, 400, "the request target is no path that begins with /");
  }
  const struct sl_str authority = {.ptr = target.ptr + scheme,
                                   .len = (size_t)(slash - target.ptr) - scheme};
  if (!sl_str_eq(authority, request->host)) {
    return bad(parser, 400, "the request target and the Host field name different hosts");
  }
  request->target = cut(target, (size_t)(slash - target.ptr));
  return true;
}

// ---- header fields

// Cuts a field line into name and value. Also for trailers.
static bool read_field(struct sl_http_parser *parser, struct sl_str line,
                       struct sl_http_field *ret_field) {
  const size_t name = span(line, SL_HTTP_TOKEN);
  if (name == 0 || name == line.len || line.ptr[name] != ':') {
    const bool folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
    const bool spaced =
        name > 0 && name < line.len && (line.ptr[name] == ' ' || line.ptr[name] == '\t');
    return bad(parser, 400,
               folded   ? "a header field is folded over several lines"
               : spaced ? "white space stands before the colon of a header field"
                        : "a header field is not NAME: VALUE with a token for its name");
  }
  struct sl_str value = cut(line, name + 1);
  while (value.len > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t')) {
    value = cut(value, 1);
  }
  if (span(value, SL_HTTP_VALUE) != value.len) {
    return bad(parser, 400, "a header field holds a control byte");
  }
  while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t')) {
    value.len--;
  }
  ret_field->name = (struct sl_str){.ptr = line.ptr, .len = name};
  ret_field->value = value;
  return true;
}

static bool read_length(struct sl_http_parser *parser, const struct sl_http_bounds *bounds,
                        struct sl_str value, struct framing *framing) {
  if (framing->has_length) {
    return bad(parser, 400, "Content-Length is given twice");
  }
  framing->has_length = true;
  framing->length = 0;
  for (size_t i = 0; i < value.len; i++) {
    const unsigned digit = (unsigned char)value.ptr[i] - (unsigned)'0';
    if (digit > 9 || __builtin_mul_overflow(framing->length, 10, &framing->length) ||
        __builtin_add_overflow(framing->length, digit, &framing->length)) {
      return bad(parser, 400, "Content-Length is no whole number");
    }
  }
  if (value.len == 0) {
    return bad(parser, 400, "Content-Length is no whole number");
  }
  return framing->length <= bounds->body
             ? true
             : bad(parser, 413, "the body is longer than this server's bound");
}

static bool read_coding(struct sl_http_parser *parser, struct sl_str value,
                        struct framing *framing) {
  if (framing->has_coding || !sl_http_is(value, SL_STR("chunked"))) {
    return bad(parser, 400, "Transfer-Encoding is anything but chunked, once");
  }
  framing->has_coding = true;
  return true;
}

// A name or an address in brackets, and perhaps a port.
static bool is_host(struct sl_str host) {
  const size_t bracketed = host.len > 0 && host.ptr[0] == '[';
  const char *close = bracketed ? memchr(host.ptr, ']', host.len) : NULL;
  const size_t name =
      bracketed ? (close == NULL ? 0 : (size_t)(close - host.ptr) + 1) : span(host, SL_HTTP_HOST);
  struct sl_str rest = cut(host, name);
  if (name == 0 ||
      (bracketed && span((struct sl_str){host.ptr + 1, name - 2}, SL_HTTP_HOST6) != name - 2)) {
    return false;
  }
  if (rest.len > 0 && rest.ptr[0] == ':') {
    rest = cut(rest, 1);
    while (rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9') {
      rest = cut(rest, 1);
    }
  }
  return rest.len == 0 && memmem(host.ptr, name, "..", 2) == NULL && host.ptr[0] != '.';
}

static bool read_host(struct sl_http_parser *parser, struct sl_str value, struct framing *framing,
                      struct sl_http_request *request) {
  if (framing->has_host) {
    return bad(parser, 400, "Host is given twice");
  }
  framing->has_host = true;
  if (!is_host(value)) {
    return bad(parser, 400, "Host is empty or no name or address with or without a port");
  }
  request->host = value;
  return true;
}

// A list of tokens, of which two mean something here.
static void read_connection(struct sl_str value, struct framing *framing) {
  while (value.len > 0) {
    const char *comma = memchr(value.ptr, ',', value.len);
    struct sl_str item = {.ptr = value.ptr,
                          .len = comma == NULL ? value.len : (size_t)(comma - value.ptr)};
    value = cut(value, comma == NULL ? value.len : item.len + 1);
    while (item.len > 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t')) {
      item = cut(item, 1);
    }
    while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t')) {
      item.len--;
    }
    framing->close = framing->close || sl_http_is(item, SL_STR("close"));
    framing->keep = framing->keep || sl_http_is(item, SL_STR("keep-alive"));
  }
}

static bool read_expect(struct sl_http_parser *parser, struct sl_str value,
                        struct framing *framing) {
  if (framing->expects || !sl_http_is(value, SL_STR("100-continue"))) {
    return bad(parser, 417, "nothing but 100-continue can be expected");
  }
  framing->expects = true;
  return true;
}

// Tabs around a value are white space by the RFC, and part of the value to some readers. The fields
// that readers must agree about have none.
static bool has_tabs_around(const struct sl_http_field *field) {
  const char *name_end = field->name.ptr + field->name.len;
  const char *after = field->value.ptr + field->value.len;
  while (*after == ' ') {
    after++;
  }
  return *after == '\t' || memchr(name_end, '\t', (size_t)(field->value.ptr - name_end)) != NULL;
}

// The fields that say how the request is cut from the stream.
static bool note_field(struct sl_http_parser *parser, const struct sl_http_bounds *bounds,
                       const struct sl_http_field *field, struct framing *framing,
                       struct sl_http_request *request) {
  const struct sl_str name = field->name;
  const bool host = name.len == 4 && sl_http_is(name, SL_STR("host"));
  const bool length = name.len == 14 && sl_http_is(name, SL_STR("content-length"));
  const bool coding = name.len == 17 && sl_http_is(name, SL_STR("transfer-encoding"));
  if ((host || length || coding) && has_tabs_around(field)) {
    return bad(parser, 400, "a tab stands around the value of a field that must be plain");
  }
  if (host) {
    return read_host(parser, field->value, framing, request);
  }
  if (length) {
    return read_length(parser, bounds, field->value, framing);
  }
  if (coding) {
    return read_coding(parser, field->value, framing);
  }
  if (name.len == 10 && sl_http_is(name, SL_STR("connection"))) {
    read_connection(field->value, framing);
  }
  return name.len == 6 && sl_http_is(name, SL_STR("expect"))
             ? read_expect(parser, field->value, framing)
             : true;
}

static bool check_framing(struct sl_http_parser *parser, const struct framing *framing,
                          const struct sl_http_request *request) {
  if (framing->has_length && framing->has_coding) {
    return bad(parser, 400, "Content-Length and Transfer-Encoding are both given");
  }
  if (framing->has_coding && request->minor == 0) {
    return bad(parser, 400, "HTTP/1.0 has no Transfer-Encoding");
  }
  if (!framing->has_host && request->minor > 0) {
    return bad(parser, 400, "Host is missing");
  }
  return true;
}

// ---- the head as a whole

// Reads the head, whose line ends were all seen.
static bool read_head(const struct parse *p, struct framing *framing,
                      struct sl_http_request *request) {
  struct sl_http_parser *parser = p->parser;
  *framing = (struct framing){0};
  request->host = (struct sl_str){.ptr = "", .len = 0};
  request->field_count = 0;
  size_t at = parser->begin;
  parser->work += parser->head_end - at;
  for (bool first = true;; first = false) {
    const char *from = p->bytes + at;
    const char *lf = memchr(from, '\n', parser->head_end - at);
    sl_assert(lf != NULL && lf > from);
    const struct sl_str line = {.ptr = from, .len = (size_t)(lf - from) - 1};
    at += line.len + 2;
    if (first) {
      if (!read_request_line(parser, p->bounds, line, request)) {
        return false;
      }
      continue;
    }
    if (line.len == 0) {
      break;
    }
    sl_assert(request->field_count < SL_HTTP_FIELDS_MAX);
    struct sl_http_field *field = &request->fields[request->field_count++];
    if (!read_field(parser, line, field) ||
        !note_field(parser, p->bounds, field, framing, request)) {
      return false;
    }
  }
  request->chunked = framing->has_coding;
  request->keep_alive = !framing->close && (request->minor > 0 || framing->keep);
  return check_framing(parser, framing, request) && settle_target(parser, request);
}

// Finds the end of the line that is being scanned; beyond the offset `most` it is refused with
// `status`. 1: the line is in *ret_line; 0: more bytes are
// needed; -1: bad.
static int next_line(const struct parse *p, size_t most, unsigned status, struct sl_str *ret_line) {
  struct sl_http_parser *parser = p->parser;
  const size_t fresh = p->len - parser->scanned;
  const char *lf = fresh == 0 ? NULL : memchr(p->bytes + parser->scanned, '\n', fresh);
  const size_t end = lf == NULL ? p->len : (size_t)(lf - p->bytes) + 1;
  parser->work += end - parser->scanned;
  parser->scanned = end;
  if (end > most) {
    (void)bad(parser, status,
              status == 414 ? "the request line is longer than this server's bound"
                            : "the header is longer than this server's bound");
    return -1;
  }
  if (lf == NULL) {
    return 0;
  }
  const size_t len = end - parser->line_begin;
  if (len < 2 || p->bytes[end - 2] != '\r') {
    (void)bad(parser, 400, "a line ends in a bare line feed");
    return -1;
  }
  *ret_line = (struct sl_str){.ptr = p->bytes + parser->line_begin, .len = len - 2};
  parser->line_begin = end;
  return 1;
}

// The request line, looked at as soon as it is there, so that what is no HTTP is told so at once.
static int scan_request_line(const struct parse *p, struct sl_http_request *request) {
  struct sl_http_parser *parser = p->parser;
  const size_t most = parser->begin + p->bounds->target + 64;
  struct sl_str line;
  if (p->len > parser->begin && p->bytes[parser->begin] != '\r' &&
      !sl_http_is_char((unsigned char)p->bytes[parser->begin], SL_HTTP_METHOD)) {
    (void)bad(parser, 400, "the request line does not begin with a method and one space");
    return -1;
  }
  const int found = next_line(p, most, 414, &line);
  if (found <= 0) {
    return found;
  }
  if (line.len == 0 && parser->begin == 0) {
    parser->begin = 2;  // one empty line before a request is passed over (RFC 9112 section 2.2)
    return 1;
  }
  parser->work += line.len;
  if (!read_request_line(parser, p->bounds, line, request)) {
    return -1;
  }
  parser->stage = STAGE_FIELDS;
  return 1;
}

static int scan_fields(const struct parse *p) {
  struct sl_http_parser *parser = p->parser;
  struct sl_str line;
  const int found = next_line(p, parser->begin + p->bounds->head, 431, &line);
  if (found <= 0) {
    return found;
  }
  if (line.len == 0) {
    parser->head_end = parser->scanned;
    return 1;
  }
  const size_t most =
      p->bounds->fields < SL_HTTP_FIELDS_MAX ? p->bounds->fields : SL_HTTP_FIELDS_MAX;
  if (++parser->lines > most) {
    (void)bad(parser, 431, "there are more header fields than this server's bound");
    return -1;
  }
  return 1;
}

// Scans on to the end of the head, reads it and settles what follows. 1, 0, -1 as next_line;
// *ret_expects: the client waits for 100 Continue.
static int take_head(const struct parse *p, struct sl_http_request *request, bool *ret_expects) {
  struct sl_http_parser *parser = p->parser;
  while (parser->head_end == 0) {
    const int step =
        parser->stage == STAGE_REQUEST_LINE ? scan_request_line(p, request) : scan_fields(p);
    if (step <= 0) {
      return step;
    }
  }
  struct framing framing;
  if (!read_head(p, &framing, request)) {
    return -1;
  }
  parser->chunked = framing.has_coding;
  parser->length = framing.length;
  parser->stage = framing.has_coding ? STAGE_CHUNKS : STAGE_BODY;
  *ret_expects = framing.expects && request->minor > 0;
  return 1;
}

// ---- bodies

static int take_plain(const struct parse *p, struct sl_http_request *request) {
  struct sl_http_parser *parser = p->parser;
  if (parser->head_end + parser->length > p->bounds->whole) {
    (void)bad(parser, 413, "the request is longer than this server's bound");
    return -1;
  }
  if (p->len - parser->head_end < parser->length) {
    return 0;
  }
  request->body = (struct sl_str){.ptr = p->bytes + parser->head_end, .len = parser->length};
  request->body_len = parser->length;
  parser->used = parser->head_end + parser->length;
  return 1;
}

// A chunk's size. Digits only: extensions are a place where readers have differed, and nobody sends
// them.
static int take_size(const struct parse *p) {
  struct sl_http_parser *parser = p->parser;
  struct sl_str line;
  struct parse bounded = *p;
  const size_t most = parser->line_begin + CHUNK_DIGITS + 2;
  bounded.len = p->len < most ? p->len : most;
  const int found = next_line(&bounded, SIZE_MAX, 400, &line);
  if (found < 0 || (found == 0 && bounded.len < most)) {
    return found;
  }
  uint64_t size = 0;
  for (size_t i = 0; found > 0 && i < line.len; i++) {
    const int digit = sl_http_hex(line.ptr[i]);
    if (digit < 0) {
      (void)bad(parser, 400, "the size of a chunk is no hexadecimal number");
      return -1;
    }
    size = size << 4 | (unsigned)digit;  // 16 digits at most: no overflow
  }
  if (found == 0 || line.len == 0) {
    (void)bad(parser, 400, "the size of a chunk is no hexadecimal number");
    return -1;
  }
  if (size > p->bounds->body - parser->body_len) {
    (void)bad(parser, 413, "the body is longer than this server's bound");
    return -1;
  }
  // For its bound, the trailer is counted from where it begins.
  parser->length = size > 0 ? size : parser->scanned;
  parser->chunk_stage = size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
  parser->lines = 0;
  return 1;
}

// A chunk's bytes, which are not looked at, and the line end behind them.
static int take_data(const struct parse *p) {
  struct sl_http_parser *parser = p->parser;
  const size_t end = parser->line_begin + parser->length;
  if (p->len < end + 2) {
    parser->scanned = p->len;
    return 0;
  }
  parser->work += 2;
  if (p->bytes[end] != '\r' || p->bytes[end + 1] != '\n') {
    (void)bad(parser, 400, "a chunk is longer than its size says");
    return -1;
  }
  parser->body_len += parser->length;
  parser->scanned = end + 2;
  parser->line_begin = end + 2;
  parser->chunk_stage = CHUNK_SIZE;
  return 1;
}

// Trailer fields are read like others, and dropped. The last, empty line ends the request.
static int take_trailer(const struct parse *p) {
  struct sl_http_parser *parser = p->parser;
  struct sl_str line;
  struct sl_http_field field;
  const int found = next_line(p, parser->length + p->bounds->head, 431, &line);
  if (found <= 0) {
    return found;
  }
  if (line.len == 0) {
    parser->used = parser->scanned;
    return 1;
  }
  parser->work += line.len;
  if (!read_field(parser, line, &field)) {
    return -1;
  }
  if (++parser->lines > p->bounds->fields) {
    (void)bad(parser, 431, "there are more trailer fields than this server's bound");
    return -1;
  }
  return 1;
}

static int take_chunks(const struct parse *p, struct sl_http_request *request) {
  struct sl_http_parser *parser = p->parser;
  while (parser->used == 0) {
    const unsigned stage = parser->chunk_stage;
    int step = stage == CHUNK_SIZE   ? take_size(p)
               : stage == CHUNK_DATA ? take_data(p)
                                     : take_trailer(p);
    if (step >= 0 && parser->scanned > p->bounds->whole) {
      (void)bad(parser, 413, "the request is longer than this server's bound");
      step = -1;
    }
    if (step <= 0) {
      return step;
    }
  }
  request->body =
      (struct sl_str){.ptr = p->bytes + parser->head_end, .len = parser->used - parser->head_end};
  request->body_len = parser->body_len;
  return 1;
}

void sl_http_dechunk(const struct sl_http_request *request, char *buffer) {
  const char *at = request->body.ptr;
  for (;;) {
    size_t size = 0;
    for (; *at != '\r'; at++) {
      size = size << 4 | (unsigned)sl_http_hex(*at);
    }
    if (size == 0) {
      return;
    }
    memcpy(buffer, at + 2, size);
    buffer += size;
    at += size + 4;
  }
}

// ---- the whole

static enum sl_http_result result_of(struct sl_http_parser *parser, int step, bool expects) {
  if (step < 0) {
    return SL_HTTP_BAD;
  }
  if (step > 0) {
    return SL_HTTP_REQUEST;
  }
  if (expects && !parser->continued) {
    parser->continued = true;
    return SL_HTTP_CONTINUE;
  }
  return SL_HTTP_MORE;
}

enum sl_http_result sl_http_parse(struct sl_http_parser *parser,
                                  const struct sl_http_bounds *bounds, const char *bytes,
                                  size_t len, struct sl_http_request *ret_request) {
  const struct parse p = {.parser = parser, .bounds = bounds, .bytes = bytes, .len = len};
  sl_assert(len >= parser->scanned && bounds->fields <= SL_HTTP_FIELDS_MAX);
  bool expects = false;
  bool is_read = false;
  int step = 1;
  if (parser->stage <= STAGE_FIELDS) {
    step = take_head(&p, ret_request, &expects);
    is_read = step > 0;
  }
  if (step > 0) {
    step = parser->chunked ? take_chunks(&p, ret_request) : take_plain(&p, ret_request);
  }
  if (step > 0 && !is_read) {
    // The head was read in an earlier call, whose bytes may have moved since.
    struct framing framing;
    sl_assert(read_head(&p, &framing, ret_request));
  }
  return result_of(parser, step, expects);
}

const struct sl_http_field *sl_http_find(const struct sl_http_request *request,
                                         struct sl_str name) {
  for (size_t i = 0; i < request->field_count; i++) {
    if (sl_http_is(request->fields[i].name, name)) {
      return &request->fields[i];
    }
  }
  return NULL;
}
