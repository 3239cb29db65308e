#include "cli/log_parser.h"

#include <stdarg.h>

#include "wire/query.h"

enum source_kind {
  FROM_NOTHING,
  FROM_HOST,
  FROM_USER,
  FROM_STATUS,
  FROM_BYTES,
  FROM_REFERER,
  FROM_AGENT,
  FROM_METHOD,
  FROM_TARGET,  // from here on: the request line is taken apart
  FROM_PROTOCOL,
  FROM_QUERY,
};

struct sl_log_source {
  enum source_kind kind;
  struct sl_str query;  // FROM_QUERY: the parameter's name
};

static struct sl_log_source source_of(struct sl_str attr) {
  static const struct {
    struct sl_str attr;
    enum source_kind kind;
  } sources[] = {
      {SL_STR("client_ip"), FROM_HOST},         {SL_STR("user"), FROM_USER},
      {SL_STR("status"), FROM_STATUS},          {SL_STR("bytes"), FROM_BYTES},
      {SL_STR("header.referer"), FROM_REFERER}, {SL_STR("header.user-agent"), FROM_AGENT},
      {SL_STR("method"), FROM_METHOD},          {SL_STR("path"), FROM_TARGET},
      {SL_STR("path_raw"), FROM_TARGET},        {SL_STR("protocol"), FROM_PROTOCOL},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(sources); i++) {
    if (sl_str_eq(attr, sources[i].attr)) {
      return (struct sl_log_source){.kind = sources[i].kind};
    }
  }
  const struct sl_str prefix = SL_STR("query.");
  if (attr.len > prefix.len && memcmp(attr.ptr, prefix.ptr, prefix.len) == 0) {
    return (struct sl_log_source){
        .kind = FROM_QUERY, .query = {.ptr = attr.ptr + prefix.len, .len = attr.len - prefix.len}};
  }
  return (struct sl_log_source){.kind = FROM_NOTHING};
}

enum sl_status sl_log_parser_init(struct sl_log_parser *parser, const struct sl_app *app,
                                  const struct sl_ruleset *set,
                                  const struct sl_log_settings *settings) {
  *parser = (struct sl_log_parser){.app = app, .set = set, .settings = *settings};
  const size_t count = set->attr_count + 1;
  const struct sl_mem *mem = &app->mem;
  parser->sources = sl_mem_array(mem, count, sizeof parser->sources[0], _Alignof(max_align_t));
  parser->values = sl_mem_array(mem, count, sizeof parser->values[0], _Alignof(max_align_t));
  parser->seen = sl_mem_array(mem, count, sizeof parser->seen[0], _Alignof(max_align_t));
  if (parser->sources == NULL || parser->values == NULL || parser->seen == NULL) {
    sl_log_parser_close(parser);
    return SL_ERR_MEMORY;
  }
  for (size_t i = 0; i < set->attr_count; i++) {
    parser->sources[i] = source_of(set->attr_names[i]);
    parser->decoding += parser->sources[i].kind != FROM_NOTHING;
  }
  sl_log_parser_begin(parser);
  return SL_OK;
}

void sl_log_parser_close(struct sl_log_parser *parser) {
  const size_t count = parser->set->attr_count + 1;
  const struct sl_mem *mem = &parser->app->mem;
  sl_mem_free(mem, parser->sources, count * sizeof parser->sources[0]);
  sl_mem_free(mem, parser->values, count * sizeof parser->values[0]);
  sl_mem_free(mem, parser->seen, count * sizeof parser->seen[0]);
  sl_mem_free(mem, parser->scratch, parser->scratch_room);
  json_decref(parser->json);
  *parser = (struct sl_log_parser){0};
}

void sl_log_parser_begin(struct sl_log_parser *parser) {
  parser->form = parser->settings.form;
  parser->access.form = parser->form == SL_LOG_COMBINED ? SL_ACCESS_COMBINED
                        : parser->form == SL_LOG_COMMON ? SL_ACCESS_COMMON
                                                        : SL_ACCESS_ANY;
}

enum sl_log_result sl_log_refuse(struct sl_log_parser *parser, size_t column, const char *format,
                                 ...) {
  struct sl_text text;
  sl_text_init(&text, parser->reason, sizeof parser->reason);
  va_list args;
  va_start(args, format);
  sl_text_vprintf(&text, format, args);
  va_end(args);
  parser->column = column;
  return SL_LOG_UNPARSED;
}

// ---- decoded text
// ---------------------------------------------------------------------------------

// A decoded value is never longer than the line; so many may be decoded, and the target besides.
// Integers of JSON are written anew.
static bool reserve_scratch(struct sl_log_parser *parser, size_t line_len) {
  parser->scratch_used = 0;
  const size_t need = (parser->decoding + 1) * line_len + parser->set->attr_count * SL_LOG_INTEGER;
  if (need <= parser->scratch_room) {
    return true;
  }
  sl_mem_free(&parser->app->mem, parser->scratch, parser->scratch_room);
  parser->scratch_room = 0;
  parser->scratch = sl_mem_alloc(&parser->app->mem, 2 * need);
  if (parser->scratch == NULL) {
    return false;
  }
  parser->scratch_room = 2 * need;
  return true;
}

char *sl_log_scratch(struct sl_log_parser *parser, size_t size) {
  sl_assert(size <= parser->scratch_room - parser->scratch_used);
  char *room = parser->scratch + parser->scratch_used;
  parser->scratch_used += size;
  return room;
}

static struct sl_str unescape(struct sl_log_parser *parser, struct sl_str field) {
  if (field.len == 0 || memchr(field.ptr, '\\', field.len) == NULL) {
    return field;
  }
  return sl_access_unescape(field, sl_log_scratch(parser, field.len));
}

// ---- a line of text
// -------------------------------------------------------------------------------

// The request line, taken apart when the first attribute asks for it.
struct request {
  bool split;
  bool whole;  // of the form METHOD TARGET [PROTOCOL]
  struct sl_request_line parts;
  struct sl_str path, query;
};

static void split_request(struct sl_log_parser *parser, struct sl_str line,
                          struct request *request) {
  request->split = true;
  request->whole = sl_request_line_split(line, &request->parts);
  if (request->whole) {
    request->path = sl_target_path(unescape(parser, request->parts.target), &request->query);
  }
}

static struct sl_str request_value(struct sl_log_parser *parser, const struct sl_log_source *source,
                                   const struct request *request) {
  struct sl_str value = SL_ABSENT;
  if (!request->whole) {
    return value;
  }
  switch (source->kind) {
  case FROM_METHOD:
    return request->parts.method;
  case FROM_TARGET:
    return request->path;
  case FROM_PROTOCOL:
    return request->parts.protocol.len == 0 ? value : unescape(parser, request->parts.protocol);
  default:
    if (request->query.len > 0) {
      char *room = sl_log_scratch(parser, request->query.len);
      return sl_query_find(request->query, source->query, room, &value) ? value : SL_ABSENT;
    }
    return value;
  }
}

// A field as a value: `-` is absent, and what stands in quotes, or is a name, has its escapes
// undone.
static struct sl_str field_value(struct sl_log_parser *parser, const struct sl_access_line *line,
                                 enum source_kind kind) {
  struct sl_str field = SL_STR("-");
  bool escaped = false;
  switch (kind) {
  case FROM_HOST:
    field = line->host;
    break;
  case FROM_STATUS:
    field = line->status;
    break;
  case FROM_BYTES:
    field = line->bytes;
    break;
  case FROM_USER:
    field = line->user;
    escaped = true;
    break;
  case FROM_REFERER:
    field = line->referer;
    escaped = true;
    break;
  case FROM_AGENT:
    field = line->agent;
    escaped = true;
    break;
  default:
    break;
  }
  if (sl_log_is_dash(field)) {
    return SL_ABSENT;
  }
  return escaped ? unescape(parser, field) : field;
}

static void fill_values(struct sl_log_parser *parser, const struct sl_access_line *line) {
  struct request request = {.split = false};
  for (size_t i = 0; i < parser->set->attr_count; i++) {
    const struct sl_log_source *source = &parser->sources[i];
    struct sl_str value;
    if (source->kind >= FROM_METHOD) {
      if (!request.split) {
        split_request(parser, line->request, &request);
      }
      value = request_value(parser, source, &request);
    } else {
      value = field_value(parser, line, source->kind);
    }
    parser->values[i] = value;
    parser->seen[i] |= !sl_is_absent(value);
  }
}

static enum sl_log_result parse_text(struct sl_log_parser *parser, struct sl_str line,
                                     uint64_t *ret_time_ns) {
  struct sl_access_line parts;
  struct sl_access_error error;
  const enum sl_access_result result = sl_access_read(&parser->access, line, &parts, &error);
  if (SL_UNLIKELY(result != SL_ACCESS_LINE)) {
    return result == SL_ACCESS_BLANK ? SL_LOG_BLANK
                                     : sl_log_refuse(parser, error.column, "%s", error.reason);
  }
  *ret_time_ns = parts.time_ns;
  fill_values(parser, &parts);
  return SL_LOG_REQUEST;
}

static bool begins_object(struct sl_str line) {
  size_t at = 0;
  while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t')) {
    at++;
  }
  return at < line.len && line.ptr[at] == '{';
}

// A first line may be torn: only one that can be read settles the form of the log.
static enum sl_log_result parse_unsettled(struct sl_log_parser *parser, struct sl_str line,
                                          uint64_t *ret_time_ns) {
  const bool json = begins_object(line);
  const enum sl_log_result result =
      json ? sl_log_parse_json(parser, line, ret_time_ns) : parse_text(parser, line, ret_time_ns);
  if (result == SL_LOG_REQUEST) {
    parser->form = json ? SL_LOG_JSON : SL_LOG_TEXT;
  }
  return result;
}

enum sl_log_result sl_log_parse(struct sl_log_parser *parser, struct sl_str line,
                                uint64_t *ret_time_ns) {
  if (SL_UNLIKELY(!reserve_scratch(parser, line.len))) {
    return SL_LOG_MEMORY;
  }
  switch (parser->form) {
  case SL_LOG_AUTO:
    return parse_unsettled(parser, line, ret_time_ns);
  case SL_LOG_JSON:
    return sl_log_parse_json(parser, line, ret_time_ns);
  default:
    return parse_text(parser, line, ret_time_ns);
  }
}
