#include "rule/tree.h"

#include <yaml.h>

#include "base/utf8.h"

enum { SLAB_NODES = 256, CACHE_SLOTS = 1024, CACHED_TEXT = 24 };

struct builder {
  const char *file_name;
  struct sl_arena *nodes_arena, *texts_arena;
  struct sl_reports *reports;
  struct sl_node *root;
  struct sl_node *stack[SL_TREE_DEPTH_MAX];
  size_t depth;
  struct sl_node *slab;  // nodes not yet given out
  size_t slab_left;
  size_t nodes;
  uint32_t documents;
  bool full;  // a bound was passed: reading stops
  // Short texts seen lately: a file of many overrides has few different words.
  struct sl_str cache[CACHE_SLOTS];
};

static void report(struct builder *b, size_t line, size_t column, const char *message,
                   const char *hint) {
  const struct sl_place place = {
      .file = b->file_name, .line = (uint32_t)line, .column = (uint32_t)column};
  sl_reports_add(b->reports, SL_SEVERITY_ERROR, place, hint, "%s", message);
}

static void report_event(struct builder *b, const yaml_event_t *event, const char *message,
                         const char *hint) {
  report(b, event->start_mark.line + 1, event->start_mark.column + 1, message, hint);
}

// ---- text
// ----------------------------------------------------------------------------------------

static bool is_yaml_char(uint32_t point) {
  return point == '\t' || point == '\n' || point == '\r' || point == 0x85 ||
         (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xfffd) || point >= 0x10000;
}

// libyaml tells no line for what it cannot read as characters, so they are checked before.
static bool check_text(struct builder *b, struct sl_str bytes) {
  size_t line = 1;
  size_t line_start = 0;  // in characters
  size_t chars = 0;
  size_t at = 0;
  while (at < bytes.len) {
    uint32_t point;
    const size_t len = sl_utf8_at(bytes, at, &point);
    if (len == 0) {
      report(b, line, chars - line_start + 1, "this is not UTF-8 text", "save the file as UTF-8");
      return false;
    }
    if (!is_yaml_char(point)) {
      report(b, line, chars - line_start + 1, "a control character",
             "take it out, or write it as an escape in double quotes");
      return false;
    }
    at += len;
    chars++;
    if (point == '\n') {
      line++;
      line_start = chars;
    }
  }
  return true;
}

static bool copy_text(struct builder *b, struct sl_str text, struct sl_str *ret_copy) {
  struct sl_str *cached = NULL;
  if (text.len <= CACHED_TEXT) {
    uint64_t mix = text.len;
    for (size_t i = 0; i < text.len; i++) {
      mix = (mix ^ (unsigned char)text.ptr[i]) * UINT64_C(0x9e3779b97f4a7c15);
    }
    cached = &b->cache[mix >> 54];
    if (cached->ptr != NULL && sl_str_eq(*cached, text)) {
      *ret_copy = *cached;
      return true;
    }
  }
  const char *copy = sl_arena_copy(b->texts_arena, text);
  *ret_copy = (struct sl_str){.ptr = copy, .len = text.len};
  if (cached != NULL && copy != NULL) {
    *cached = *ret_copy;
  }
  return copy != NULL;
}

// ---- nodes
// ---------------------------------------------------------------------------------------

// NULL when out of memory; b->full is set where the bound is reached.
static struct sl_node *new_node(struct builder *b, const yaml_event_t *event) {
  if (b->nodes == SL_TREE_NODES_MAX) {
    report_event(b, event, "the file has too many values", "split it into several files");
    b->full = true;
    return NULL;
  }
  if (b->slab_left == 0) {
    b->slab = sl_arena_alloc(b->nodes_arena, SLAB_NODES * sizeof *b->slab);
    b->slab_left = b->slab == NULL ? 0 : SLAB_NODES;
  }
  if (b->slab == NULL) {
    return NULL;
  }
  struct sl_node *node = &b->slab[SLAB_NODES - b->slab_left--];
  b->nodes++;
  node->line = (uint32_t)event->start_mark.line + 1;
  node->column = (uint32_t)event->start_mark.column + 1;
  return node;
}

static bool is_key_place(const struct builder *b) {
  return b->depth > 0 && b->stack[b->depth - 1]->kind == SL_NODE_MAP &&
         b->stack[b->depth - 1]->count % 2 == 0;
}

static void check_key(struct builder *b, struct sl_node *map, struct sl_node *key) {
  const struct sl_place place = {.file = b->file_name, .line = key->line, .column = key->column};
  char quoted[SL_QUOTE_TEXT];
  if (key->kind != SL_NODE_SCALAR) {
    if (key->kind != SL_NODE_BAD) {
      report(b, key->line, key->column, "a key must be a plain word", "");
    }
    key->kind = SL_NODE_BAD;
    return;
  }
  if (key->plain && sl_str_eq(key->text, SL_STR("<<"))) {
    report(b, key->line, key->column, "merge keys are not allowed", "write the fields out");
    key->kind = SL_NODE_BAD;
    return;
  }
  if (map->count / 2 == SL_TREE_KEYS_MAX) {
    report(b, key->line, key->column, "this map has too many keys", "at most 256");
    b->full = true;
    return;
  }
  for (const struct sl_node *other = map->first; other != NULL && other->next != NULL;
       other = other->next->next) {
    if (other->kind == SL_NODE_SCALAR && sl_str_eq(other->text, key->text)) {
      char hint[64];
      struct sl_text text;
      sl_text_init(&text, hint, sizeof hint);
      sl_text_printf(&text, "the first is in line %u", other->line);
      sl_reports_add(b->reports, SL_SEVERITY_ERROR, place, hint, "the key %s is here twice",
                     sl_quote(key->text, quoted));
      key->kind = SL_NODE_BAD;
      return;
    }
  }
}

static void append(struct builder *b, struct sl_node *node) {
  if (b->depth == 0) {
    b->root = node;
    return;
  }
  struct sl_node *parent = b->stack[b->depth - 1];
  if (is_key_place(b)) {
    check_key(b, parent, node);
  }
  if (parent->first == NULL) {
    parent->first = node;
  } else {
    parent->last->next = node;
  }
  parent->last = node;
  parent->count++;
}

// A map or list that stands as a key is BAD once it is appended; what it holds hangs on it unread.
static bool open_level(struct builder *b, const yaml_event_t *event, enum sl_node_kind kind) {
  if (b->depth == SL_TREE_DEPTH_MAX) {
    report_event(b, event, "values are nested too deep", "rules need no more than six levels");
    b->full = true;
    return true;
  }
  struct sl_node *node = new_node(b, event);
  if (node == NULL) {
    return b->full;
  }
  node->kind = (uint8_t)kind;
  append(b, node);
  b->stack[b->depth++] = node;
  return true;
}

// Refuses what would make the file more than a plain tree. Returns whether it was refused.
static bool refuse_extras(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
                          const yaml_char_t *tag) {
  if (anchor != NULL) {
    report_event(b, event, "anchors are not allowed", "write the value out where it is needed");
  }
  if (tag != NULL) {
    report_event(b, event, "tags are not allowed", "write the value without !");
  }
  return anchor != NULL || tag != NULL;
}

static bool add_scalar(struct builder *b, const yaml_event_t *event) {
  struct sl_node *node = new_node(b, event);
  if (node == NULL) {
    return b->full;
  }
  const struct sl_str text = {.ptr = (const char *)event->data.scalar.value,
                              .len = event->data.scalar.length};
  node->kind = SL_NODE_SCALAR;
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (text.len > SL_TREE_TEXT_MAX) {
    report_event(b, event, "this text is too long", "at most 65536 bytes");
    node->kind = SL_NODE_BAD;
  } else if (!copy_text(b, text, &node->text)) {
    return false;
  }
  // A value that only has an anchor or a tag too many is read on: its own mistakes are told as
  // well.
  (void)refuse_extras(b, event, event->data.scalar.anchor, event->data.scalar.tag);
  append(b, node);
  return true;
}

static bool add_alias(struct builder *b, const yaml_event_t *event) {
  report_event(b, event, "aliases are not allowed", "write the value out where it is needed");
  struct sl_node *node = new_node(b, event);
  if (node == NULL) {
    return b->full;
  }
  node->kind = SL_NODE_BAD;
  append(b, node);
  return true;
}

static void start_document(struct builder *b, const yaml_event_t *event) {
  b->documents++;
  if (event->data.document_start.tag_directives.start !=
      event->data.document_start.tag_directives.end) {
    report_event(b, event, "%TAG directives are not allowed", "take the line out");
  }
  if (b->documents > 1) {
    report_event(b, event, "a second document", "a file holds one: take out the \"---\"");
    b->full = true;
  }
}

// False when out of memory.
static bool take_event(struct builder *b, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT:
    start_document(b, event);
    return true;
  case YAML_ALIAS_EVENT:
    return add_alias(b, event);
  case YAML_SCALAR_EVENT:
    return add_scalar(b, event);
  case YAML_SEQUENCE_START_EVENT:
    (void)refuse_extras(b, event, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag);
    return open_level(b, event, SL_NODE_LIST);
  case YAML_MAPPING_START_EVENT:
    (void)refuse_extras(b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    return open_level(b, event, SL_NODE_MAP);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    b->depth--;
    return true;
  default:
    return true;
  }
}

// ---- the parser
// ----------------------------------------------------------------------------------

static void report_parser(struct builder *b, const yaml_parser_t *parser) {
  char hint[160];
  struct sl_text text;
  sl_text_init(&text, hint, sizeof hint);
  if (parser->context != NULL) {
    sl_text_printf(&text, "%s that begins in line %zu", parser->context,
                   parser->context_mark.line + 1);
  }
  report(b, parser->problem_mark.line + 1, parser->problem_mark.column + 1,
         parser->problem == NULL ? "this is not YAML" : parser->problem, hint);
}

// What a syntax error left open: the outer two levels (the file, its list of rules) are good as far
// as they go; half a rule is not.
static void cut_open_levels(struct builder *b) {
  for (size_t i = 0; i < b->depth; i++) {
    b->stack[i]->cut = true;
    if (i >= 2) {
      b->stack[i]->kind = SL_NODE_BAD;
    }
  }
}

static enum sl_status read_events(struct builder *b, yaml_parser_t *parser) {
  for (;;) {
    yaml_event_t event;
    if (!yaml_parser_parse(parser, &event)) {
      if (parser->error == YAML_MEMORY_ERROR) {
        return SL_ERR_MEMORY;
      }
      report_parser(b, parser);
      cut_open_levels(b);
      return SL_ERR_SYNTAX;
    }
    const bool end = event.type == YAML_STREAM_END_EVENT || event.type == YAML_NO_EVENT;
    const bool fits = take_event(b, &event);
    yaml_event_delete(&event);
    if (!fits) {
      return SL_ERR_MEMORY;
    }
    if (b->full) {
      cut_open_levels(b);
      return SL_ERR_SYNTAX;
    }
    if (end) {
      return SL_OK;
    }
  }
}

static enum sl_status build(struct builder *b, struct sl_str bytes) {
  if (bytes.len > SL_TREE_BYTES_MAX) {
    report(b, 0, 0, "the file is too big", "at most 64 MiB; split it into several files");
    return SL_ERR_SYNTAX;
  }
  if (!check_text(b, bytes)) {
    return SL_ERR_SYNTAX;
  }
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) {
    return SL_ERR_MEMORY;
  }
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)(bytes.len == 0 ? "" : bytes.ptr),
                               bytes.len);
  const enum sl_status status = read_events(b, &parser);
  yaml_parser_delete(&parser);
  return status;
}

enum sl_status sl_tree_parse(const char *file_name, struct sl_str bytes, struct sl_arena *nodes,
                             struct sl_arena *texts, struct sl_reports *reports,
                             struct sl_node **ret_root) {
  *ret_root = NULL;
  // The builder's cache is too big for a stack.
  struct builder *b = sl_mem_alloc(nodes->mem, sizeof *b);
  if (b == NULL) {
    return SL_ERR_MEMORY;
  }
  b->file_name = file_name;
  b->nodes_arena = nodes;
  b->texts_arena = texts;
  b->reports = reports;
  const enum sl_status status = build(b, bytes);
  *ret_root = b->root;
  sl_mem_free(nodes->mem, b, sizeof *b);
  return status;
}
