// front_http_check.c - GET /v1/check: the request that a proxy is about to pass on, as its headers
// tell it (SEMANTICS 46).
#include "base/units.h"
#include "rule/address.h"
#include "rule/client_ip.h"
#include "server/front_http.h"
#include "wire/query.h"

// The attributes under construction. Only those that some rule looks at enter, so a client cannot
// crowd out one by sending others.
struct attrs {
  struct sl_http_call *call;
  size_t count;
  enum sl_status status;
  const char *conflict;  // two fields that should say the same, and do not
  struct sl_attr items[SL_ATTRS_MAX];
};

static void add_attr(struct attrs *attrs, struct sl_str name, struct sl_str value) {
  const int64_t id = sl_ruleset_attr(attrs->call->context->bound->set, name);
  if (id < 0) {
    return;
  }
  if (value.len > SL_ATTR_VALUE_MAX || attrs->count == SL_ATTRS_MAX) {
    attrs->status = SL_ERR_ARGUMENT;
    return;
  }
  attrs->items[attrs->count++] =
      (struct sl_attr){.name = attrs->call->context->bound->set->attr_names[id], .value = value};
}

// Does this peer speak for others?
static bool is_trusted(const struct sl_http_call *call) {
  struct sl_address address;
  const struct sl_str peer = sl_str_of(call->peer->address);
  return call->peer->loopback ||
         (sl_address_parse(peer, &address) &&
          sl_cidr_set_has(sl_ruleset_trusted_proxies(call->context->bound->set), address));
}

// ---- what the proxy was asked

// X-Original-URL is a whole URL: its path begins at the third slash.
static struct sl_str path_of_url(struct sl_str url) {
  if (url.len == 0 || url.ptr[0] == '/') {
    return url;
  }
  const char *end = url.ptr + url.len;
  const char *colon = memmem(url.ptr, url.len, "://", 3);
  const char *from = colon == NULL ? end : colon + 3;
  const char *slash = memchr(from, '/', (size_t)(end - from));
  return slash == NULL ? SL_STR("/") : (struct sl_str){.ptr = slash, .len = (size_t)(end - slash)};
}

static bool is_one_of(struct sl_str name, const char *const *names) {
  while (*names != NULL && !sl_http_is(name, sl_str_of(*names))) {
    names++;
  }
  return *names != NULL;
}

// What the fields of these names say: nginx (by the guide), Caddy, Traefik and ingress-nginx send
// one or another. A proxy sets its own and may pass on the others as the client sent them, so where
// two are there and differ, one is invented, and nobody can tell which.
static struct sl_str agreed(struct attrs *attrs, const char *const *names, bool is_url) {
  const struct sl_http_request *request = attrs->call->request;
  struct sl_str said = {.ptr = "", .len = 0};
  for (size_t i = 0; i < request->field_count; i++) {
    if (!is_one_of(request->fields[i].name, names)) {
      continue;
    }
    struct sl_str value = request->fields[i].value;
    value = is_url ? path_of_url(value) : value;
    if (said.len > 0 && !sl_str_eq(said, value)) {
      attrs->conflict = names[0];
    }
    said = said.len > 0 ? said : value;
  }
  return said;
}

static struct sl_str decoded(struct attrs *attrs, struct sl_str raw) {
  if (raw.len == 0 || memchr(raw.ptr, '%', raw.len) == NULL) {
    return raw;
  }
  char *buffer = sl_arena_alloc(&attrs->call->arena, raw.len);
  if (buffer == NULL) {
    attrs->status = SL_ERR_MEMORY;
    return raw;
  }
  return sl_percent_decode(raw, buffer);
}

static void add_query_pair(struct attrs *attrs, struct sl_str pair) {
  enum { PREFIX = 6, RAW_NAME_MAX = 3 * SL_ATTR_NAME_MAX };
  char name[PREFIX + RAW_NAME_MAX] = "query.";
  const char *equals = pair.len == 0 ? NULL : memchr(pair.ptr, '=', pair.len);
  const struct sl_str raw = {.ptr = pair.ptr,
                             .len = equals == NULL ? pair.len : (size_t)(equals - pair.ptr)};
  if (raw.len == 0 || raw.len > RAW_NAME_MAX) {
    return;  // no attribute of a rule has such a name
  }
  const struct sl_str text = sl_percent_decode(raw, name + PREFIX);
  if (text.ptr == raw.ptr) {
    memcpy(name + PREFIX, raw.ptr, raw.len);
  }
  const size_t skip = equals == NULL ? pair.len : raw.len + 1;
  const struct sl_str whole = {.ptr = name, .len = PREFIX + text.len};
  if (sl_ruleset_attr(attrs->call->context->bound->set, whole) >= 0) {
    add_attr(attrs, whole,
             decoded(attrs, (struct sl_str){.ptr = pair.ptr + skip, .len = pair.len - skip}));
  }
}

// Where a name comes twice, the first counts.
static void add_query(struct attrs *attrs, struct sl_str query) {
  while (query.len > 0) {
    const char *amp = memchr(query.ptr, '&', query.len);
    const size_t len = amp == NULL ? query.len : (size_t)(amp - query.ptr);
    const size_t passed = amp == NULL ? len : len + 1;
    add_query_pair(attrs, (struct sl_str){.ptr = query.ptr, .len = len});
    query = (struct sl_str){.ptr = query.ptr + passed, .len = query.len - passed};
  }
}

// The first that says something.
static struct sl_str either(struct sl_str first, struct sl_str second) {
  return first.len > 0 ? first : second;
}

static void add_request_line(struct attrs *attrs, bool trusted) {
  static const char *const uris[] = {"x-forwarded-uri", "x-original-uri", "x-original-url", NULL};
  static const char *const methods[] = {"x-forwarded-method", "x-original-method", NULL};
  static const char *const hosts[] = {"x-forwarded-host", NULL};
  static const char *const schemes[] = {"x-forwarded-proto", NULL};
  static const char *const none[] = {NULL};
  const struct sl_http_request *own = attrs->call->request;
  const struct sl_str uri = either(agreed(attrs, trusted ? uris : none, true), own->target);
  const struct sl_str scheme = agreed(attrs, trusted ? schemes : none, false);
  struct sl_str query;
  const struct sl_str path = sl_target_path(uri, &query);
  add_attr(attrs, SL_STR("method"),
           either(agreed(attrs, trusted ? methods : none, false), own->method));
  add_attr(attrs, SL_STR("path"), path);
  add_attr(attrs, SL_STR("path_raw"), path);
  add_attr(attrs, SL_STR("host"), either(agreed(attrs, trusted ? hosts : none, false), own->host));
  if (scheme.len > 0) {
    add_attr(attrs, SL_STR("scheme"), scheme);
  }
  add_query(attrs, query);
}

// ---- who asked the proxy

enum { FORWARDED_LINES = 32 };

static void add_client(struct attrs *attrs, bool trusted, struct sl_client_ip *client) {
  const struct sl_http_request *request = attrs->call->request;
  struct sl_str lines[FORWARDED_LINES];
  size_t count = 0;
  for (size_t i = 0; i < request->field_count; i++) {
    if (sl_http_is(request->fields[i].name, SL_STR("x-forwarded-for"))) {
      // Only the last ones count: the list is read from its end.
      memmove(lines, lines + 1, count == FORWARDED_LINES ? sizeof lines - sizeof lines[0] : 0);
      count -= count == FORWARDED_LINES;
      lines[count++] = request->fields[i].value;
    }
  }
  sl_client_ip_derive(sl_str_of(attrs->call->peer->address), trusted, lines, count,
                      sl_ruleset_trusted_proxies(attrs->call->context->bound->set), client);
  if (client->text.len > 0) {
    add_attr(attrs, SL_STR("client_ip"), client->text);
  }
}

// ---- its headers

// Values of the same name, joined as RFC 9110 section 5.3 has it; the value itself where there is
// but one.
static struct sl_str joined(struct attrs *attrs, size_t first) {
  const struct sl_http_request *request = attrs->call->request;
  const struct sl_http_field *field = &request->fields[first];
  size_t len = field->value.len;
  size_t same = 1;
  for (size_t i = first + 1; i < request->field_count; i++) {
    if (request->fields[i].name.len == field->name.len &&
        strncasecmp(request->fields[i].name.ptr, field->name.ptr, field->name.len) == 0) {
      len += 2 + request->fields[i].value.len;
      same++;
    }
  }
  char *buffer = same == 1 ? NULL : sl_arena_alloc(&attrs->call->arena, len);
  if (buffer == NULL) {
    attrs->status = same > 1 ? SL_ERR_MEMORY : attrs->status;
    return field->value;
  }
  char *at = sl_http_put_str(buffer, field->value);
  for (size_t i = first + 1; i < request->field_count; i++) {
    if (request->fields[i].name.len == field->name.len &&
        strncasecmp(request->fields[i].name.ptr, field->name.ptr, field->name.len) == 0) {
      at = sl_http_put_str(sl_http_put_str(at, SL_STR(", ")), request->fields[i].value);
    }
  }
  return (struct sl_str){.ptr = buffer, .len = len};
}

// Only headers that some rule looks at become attributes.
static void add_headers(struct attrs *attrs) {
  const struct sl_http_request *request = attrs->call->request;
  const struct sl_ruleset *set = attrs->call->context->bound->set;
  for (size_t i = 0; i < request->field_count; i++) {
    char name[7 + SL_ATTR_NAME_MAX];
    const struct sl_str field = request->fields[i].name;
    if (field.len > SL_ATTR_NAME_MAX - 7) {
      continue;
    }
    (void)sl_http_put_str(name, SL_STR("header."));
    for (size_t k = 0; k < field.len; k++) {
      const char byte = field.ptr[k];
      name[7 + k] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
    const struct sl_str whole = {.ptr = name, .len = 7 + field.len};
    if (sl_ruleset_attr(set, whole) >= 0) {
      // Where a name comes again, the first entry counts, and that has all values.
      add_attr(attrs, whole, joined(attrs, i));
    }
  }
}

// ---- the whole

// A number from the query of /v1/check itself. False: the problem was written.
static bool read_parameter(struct sl_http_call *call, const char *name, uint64_t *ret_value) {
  struct sl_str value;
  char *buffer = sl_arena_alloc(&call->arena, call->query.len + 1);
  if (buffer == NULL) {
    sl_http_problem_of(call, SL_ERR_MEMORY, NULL);
    return false;
  }
  if (!sl_query_find(call->query, sl_str_of(name), buffer, &value)) {
    return true;
  }
  if (sl_parse_u64(value, ret_value) != SL_OK) {
    sl_http_problemf(call, 400, "A parameter of the query is wrong", "%s is no whole number", name);
    return false;
  }
  return true;
}

void sl_http_check(struct sl_http_call *call) {
  struct attrs attrs SL_UNINITIALIZED;
  struct sl_client_ip client;
  uint64_t deny = 429;
  uint64_t cost = 1;
  if (!read_parameter(call, "deny", &deny) || !read_parameter(call, "cost", &cost)) {
    return;
  }
  if (deny != 429 && deny != 403 && deny != 401 && deny != 503) {
    sl_http_problemf(call, 400, "A parameter of the query is wrong",
                     "deny is one of 401, 403, 429 and 503");
    return;
  }
  attrs.call = call;
  attrs.count = 0;
  attrs.status = SL_OK;
  attrs.conflict = NULL;
  const bool trusted = is_trusted(call);
  add_client(&attrs, trusted, &client);
  add_request_line(&attrs, trusted);
  add_headers(&attrs);
  if (attrs.conflict != NULL) {
    sl_http_problemf(call, 400, "The forwarded request is told in two ways",
                     "%s and a field of the same meaning differ: the proxy must set or drop both",
                     attrs.conflict);
    return;
  }
  const struct sl_request request = {.attrs = attrs.items, .attr_count = attrs.count, .cost = cost};
  struct sl_answer answer;
  const struct sl_rule *rule = NULL;
  const enum sl_status status =
      attrs.status != SL_OK ? attrs.status : sl_http_decide(call, &request, false, &answer, &rule);
  if (status != SL_OK) {
    sl_http_problem_of(call, status, rule);
    return;
  }
  sl_http_answer(call, &answer, (unsigned)deny);
}
