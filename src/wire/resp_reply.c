#include "wire/resp_reply.h"

void sl_resp_decoder_init(struct sl_resp_decoder *decoder, const struct sl_mem *mem) {
  *decoder = (struct sl_resp_decoder){.mem = mem};
}

void sl_resp_decoder_close(struct sl_resp_decoder *decoder) {
  sl_mem_free(decoder->mem, decoder->nodes, decoder->room * sizeof decoder->nodes[0]);
  sl_resp_decoder_init(decoder, decoder->mem);
}

static enum sl_resp_state bad(struct sl_str text, struct sl_str *ret_error) {
  *ret_error = text;
  return SL_RESP_BAD;
}

// The next node, zeroed; NULL when there is no memory.
static struct sl_resp_node *add_node(struct sl_resp_decoder *d) {
  if (d->count == d->room) {
    uint32_t room = d->room == 0 ? 16 : d->room * 2;
    struct sl_resp_node *nodes = sl_mem_array(d->mem, room, sizeof *nodes, _Alignof(max_align_t));
    if (nodes == NULL) {
      return NULL;
    }
    if (d->count > 0) {
      memcpy(nodes, d->nodes, d->count * sizeof *nodes);
    }
    sl_mem_free(d->mem, d->nodes, d->room * sizeof *nodes);
    d->nodes = nodes;
    d->room = room;
  }
  struct sl_resp_node *node = &d->nodes[d->count++];
  *node = (struct sl_resp_node){.span = 1};
  return node;
}

// A value is whole: its aggregate has one child less to come, and may be whole with it. True when
// the reply is.
static bool close_value(struct sl_resp_decoder *d) {
  while (d->depth > 0) {
    struct sl_resp_open *top = &d->open[d->depth - 1];
    if (--top->left > 0) {
      return false;
    }
    d->depth--;
    if (top->attribute) {
      d->count = top->node;  // it is left out, and was nobody's child
      return false;
    }
    d->nodes[top->node].span = d->count - top->node;
  }
  return true;
}

// One value's first line, as it lies in the reply: its kind, and the text up to the end of line.
struct head {
  char kind;
  uint32_t at, len;  // of the text
  uint32_t next;     // behind the end of line
};

enum { TEXT_MAX = 1 << 20 };

static bool is_aggregate(char kind) {
  return kind == '*' || kind == '%' || kind == '~' || kind == '>' || kind == '|';
}

static bool is_sized(char kind) { return kind == '$' || kind == '!' || kind == '='; }

static enum sl_resp_type type_of(char kind) {
  switch (kind) {
  case '+':
    return SL_RESP_SIMPLE;
  case '-':
  case '!':
    return SL_RESP_ERROR;
  case ':':
    return SL_RESP_INTEGER;
  case '#':
    return SL_RESP_BOOL;
  case ',':
    return SL_RESP_DOUBLE;
  case '(':
    return SL_RESP_BIG;
  case '*':
    return SL_RESP_ARRAY;
  case '%':
    return SL_RESP_MAP;
  case '~':
    return SL_RESP_SET;
  case '>':
    return SL_RESP_PUSH;
  case '$':
  case '=':
    return SL_RESP_BULK;
  default:
    return SL_RESP_NULL;
  }
}

static struct sl_str text_of(const struct head *head, const char *bytes) {
  return (struct sl_str){.ptr = bytes + head->at, .len = head->len};
}

// ---- aggregates

static enum sl_resp_state open_aggregate(struct sl_resp_decoder *d,
                                         const struct sl_resp_reply_bounds *bounds,
                                         const struct head *head, int64_t count, bool *ret_whole,
                                         struct sl_str *ret_error) {
  bool pairs = head->kind == '%' || head->kind == '|';
  if (count < 0 || count > bounds->nodes) {
    return bad(SL_STR("an aggregate of a reply is too large"), ret_error);
  }
  if (d->depth == SL_RESP_DEPTH) {
    return bad(SL_STR("a reply is nested too deeply"), ret_error);
  }
  if (head->kind == '>' && d->depth > 0) {
    return bad(SL_STR("a push within a reply"), ret_error);
  }
  uint32_t children = (uint32_t)count * (pairs ? 2 : 1);
  if (head->kind == '|' && children == 0) {
    return SL_RESP_MORE;
  }
  struct sl_resp_node *node = add_node(d);
  if (node == NULL) {
    return bad(SL_STR("out of memory"), ret_error);
  }
  node->type = type_of(head->kind);
  node->count = children;
  if (children == 0) {
    *ret_whole = close_value(d);
    return SL_RESP_MORE;
  }
  d->open[d->depth++] =
      (struct sl_resp_open){.node = d->count - 1, .left = children, .attribute = head->kind == '|'};
  return SL_RESP_MORE;
}

// ---- values of one line, and of a size

// A text of RESP3 has three letters and a colon before it that say what it is.
static bool strip_format(struct sl_resp_node *node, const char *bytes) {
  if (node->len < 4 || bytes[node->at + 3] != ':') {
    return false;
  }
  node->at += 4;
  node->len -= 4;
  return true;
}

static enum sl_resp_state put_sized(struct sl_resp_decoder *d,
                                    const struct sl_resp_reply_bounds *bounds,
                                    const struct head *head, int64_t size, const char *bytes,
                                    size_t len, bool *ret_whole, struct sl_str *ret_error) {
  if (size < 0 || head->next + (uint64_t)size + 2 > bounds->bytes) {
    return bad(SL_STR("a bulk of a reply is too large"), ret_error);
  }
  if (len - head->next < (uint64_t)size + 2) {
    return SL_RESP_MORE;  // d->pos stays: the line is short and its end is known
  }
  struct sl_resp_node *node = add_node(d);
  if (node == NULL) {
    return bad(SL_STR("out of memory"), ret_error);
  }
  node->type = type_of(head->kind);
  node->at = head->next;
  node->len = (uint32_t)size;
  const char *end = bytes + node->at + node->len;
  if (end[0] != '\r' || end[1] != '\n' || (head->kind == '=' && !strip_format(node, bytes))) {
    return bad(SL_STR("a bulk of a reply is malformed"), ret_error);
  }
  d->pos = d->scanned = head->next + (uint32_t)size + 2;
  *ret_whole = close_value(d);
  return SL_RESP_MORE;
}

static bool read_scalar(struct sl_resp_node *node, struct sl_str text) {
  switch (node->type) {
  case SL_RESP_INTEGER:
    return sl_resp_parse_i64(text, &node->integer);
  case SL_RESP_BOOL:
    node->integer = text.len == 1 && text.ptr[0] == 't';
    return text.len == 1 && (text.ptr[0] == 't' || text.ptr[0] == 'f');
  case SL_RESP_NULL:
    return text.len == 0;
  case SL_RESP_DOUBLE:
  case SL_RESP_BIG:
    return text.len > 0;
  default:
    return memchr(text.ptr, '\r', text.len) == NULL;
  }
}

static enum sl_resp_state put_line(struct sl_resp_decoder *d, const struct head *head,
                                   const char *bytes, bool *ret_whole, struct sl_str *ret_error) {
  struct sl_resp_node *node = add_node(d);
  if (node == NULL) {
    return bad(SL_STR("out of memory"), ret_error);
  }
  node->type = type_of(head->kind);
  node->at = head->at;
  node->len = head->len;
  if (!read_scalar(node, text_of(head, bytes))) {
    return bad(SL_STR("a value of a reply is malformed"), ret_error);
  }
  *ret_whole = close_value(d);
  return SL_RESP_MORE;
}

// A size or a count. -1 is RESP2's null, of bulks and arrays only.
static enum sl_resp_state put_counted(struct sl_resp_decoder *d,
                                      const struct sl_resp_reply_bounds *bounds, struct head *head,
                                      const char *bytes, size_t len, bool *ret_whole,
                                      struct sl_str *ret_error) {
  int64_t number;
  if (!sl_resp_parse_i64(text_of(head, bytes), &number)) {
    return bad(SL_STR("a size in a reply is no number"), ret_error);
  }
  if (number == -1 && (head->kind == '$' || head->kind == '*')) {
    *head = (struct head){.kind = '_', .at = head->at, .next = head->next};
    d->pos = d->scanned = head->next;
    return put_line(d, head, bytes, ret_whole, ret_error);
  }
  if (is_sized(head->kind)) {
    return put_sized(d, bounds, head, number, bytes, len, ret_whole, ret_error);
  }
  d->pos = d->scanned = head->next;
  return open_aggregate(d, bounds, head, number, ret_whole, ret_error);
}

// Finds the end of the line at d->pos. False when it is not there yet.
static bool find_head(struct sl_resp_decoder *d, const char *bytes, size_t len,
                      struct head *ret_head) {
  if (d->scanned < d->pos) {
    d->scanned = d->pos;
  }
  const char *from = bytes + d->scanned;
  const char *newline = len > d->scanned ? memchr(from, '\n', len - d->scanned) : NULL;
  uint32_t end = newline == NULL ? (uint32_t)len : (uint32_t)(newline - bytes) + 1;
  d->work += end - d->scanned;
  // Where the line is whole it is found again at once, should what it announces not be there yet.
  d->scanned = newline == NULL ? end : end - 1;
  *ret_head = (struct head){.kind = bytes[d->pos], .at = d->pos + 1, .next = end};
  if (newline != NULL && end >= d->pos + 3 && bytes[end - 2] == '\r') {
    ret_head->len = end - 2 - ret_head->at;
    return true;
  }
  ret_head->kind = newline == NULL ? ret_head->kind : '\0';
  return newline != NULL;
}

// What the rest of the reply surely takes at least: an announced child is a node.
static bool within(const struct sl_resp_decoder *d, const struct sl_resp_reply_bounds *bounds) {
  return d->count < bounds->nodes && d->pos < bounds->bytes;
}

static bool known_kind(char kind) {
  return kind != '\0' && strchr("+-:$*_#,(!=%~>|", kind) != NULL;
}

static enum sl_resp_state take_value(struct sl_resp_decoder *d,
                                     const struct sl_resp_reply_bounds *bounds, const char *bytes,
                                     size_t len, bool *ret_whole, struct sl_str *ret_error) {
  struct head head;
  uint32_t line_max = bounds->bytes < TEXT_MAX ? bounds->bytes : TEXT_MAX;
  if (!within(d, bounds)) {
    return bad(SL_STR("a reply is too large"), ret_error);
  }
  if (!known_kind(bytes[d->pos])) {
    return bad(SL_STR("a reply has a value of an unknown type"), ret_error);
  }
  if (!find_head(d, bytes, len, &head)) {
    return d->scanned - d->pos > line_max ? bad(SL_STR("a line of a reply is too long"), ret_error)
                                          : SL_RESP_MORE;
  }
  if (head.kind == '\0') {
    return bad(SL_STR("a line of a reply has no proper end"), ret_error);
  }
  if (is_sized(head.kind) || is_aggregate(head.kind)) {
    return put_counted(d, bounds, &head, bytes, len, ret_whole, ret_error);
  }
  d->pos = d->scanned = head.next;
  return put_line(d, &head, bytes, ret_whole, ret_error);
}

enum sl_resp_state sl_resp_decode(struct sl_resp_decoder *decoder,
                                  const struct sl_resp_reply_bounds *bounds, const char *bytes,
                                  size_t len, size_t *ret_used, struct sl_str *ret_error) {
  struct sl_resp_decoder *d = decoder;
  *ret_used = 0;
  if (d->pos == 0 && d->scanned == 0) {
    d->count = 0;
    d->depth = 0;
  }
  bool whole = false;
  while (!whole && d->pos < len) {
    uint32_t before = d->pos;
    enum sl_resp_state state = take_value(d, bounds, bytes, len, &whole, ret_error);
    if (state == SL_RESP_BAD) {
      return state;
    }
    if (d->pos == before) {
      return SL_RESP_MORE;
    }
  }
  if (!whole) {
    return SL_RESP_MORE;
  }
  *ret_used = d->pos;
  d->pos = d->scanned = 0;
  return SL_RESP_DONE;
}
