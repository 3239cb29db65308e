#include "rule/parse.h"

#include "rule/address.h"
#include "rule/reader.h"

enum { F_RULES, F_TRUSTED_PROXIES, F_IPV6_PREFIX, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {"rules", "trusted_proxies", "ipv6_prefix"};

// What is read of all files together.
struct parse {
  struct sl_model *model;
  struct sl_reports *reports;
  struct sl_place ipv6_prefix_place;  // line 0: not given yet
  bool syntax;
  bool out_of_memory;
};

// Room for `more` further items behind `count` of them: a new array in the model, or NULL.
static void *extend(struct sl_reader *reader, const void *items, size_t count, size_t more,
                    size_t size) {
  void *longer = sl_read_alloc(reader, count + more, size);
  if (longer != NULL && count > 0) {
    memcpy(longer, items, count * size);
  }
  return longer;
}

static void read_rules(struct sl_reader *reader, const struct sl_node *node) {
  struct sl_model *model = reader->model;
  if (node->kind != SL_NODE_LIST) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "begin each rule with \"- id:\"; [] for none",
                    "rules must be a list");
    }
    return;
  }
  struct sl_rule_model *rules =
      extend(reader, model->rules, model->rule_count, node->count, sizeof *rules);
  if (rules == NULL) {
    return;
  }
  model->rules = rules;
  for (const struct sl_node *item = node->first; item != NULL; item = item->next) {
    if (item->kind != SL_NODE_BAD) {
      sl_read_rule(reader, item, &rules[model->rule_count++]);
    }
  }
}

static bool read_proxy(struct sl_reader *reader, const struct sl_node *node,
                       struct sl_str *ret_proxy) {
  char quoted[SL_QUOTE_TEXT];
  struct sl_cidr cidr;
  if (!sl_read_text(reader, node, "a trusted proxy", ret_proxy)) {
    return false;
  }
  if (!sl_cidr_parse(*ret_proxy, &cidr, NULL)) {
    sl_read_error(reader, node, "write an address or a block, as 10.0.0.0/8",
                  "%s is no address and no block of addresses", sl_quote(*ret_proxy, quoted));
    return false;
  }
  if (cidr.prefix == 0 || (sl_cidr_is_ipv4(&cidr) && cidr.prefix == SL_IPV4_FIRST_BIT)) {
    sl_read_warning(reader, node, "name only the addresses of your own proxies",
                    "with %s every client is trusted to say what its address is",
                    sl_quote(*ret_proxy, quoted));
  }
  return true;
}

static void read_proxies(struct sl_reader *reader, const struct sl_node *node) {
  struct sl_model *model = reader->model;
  if (node->kind != SL_NODE_LIST) {
    if (node->kind != SL_NODE_BAD) {
      sl_read_error(reader, node, "as [10.0.0.0/8, 2001:db8::/32]",
                    "trusted_proxies must be a list");
    }
    return;
  }
  struct sl_str *proxies = extend(reader, model->trusted_proxies, model->trusted_proxy_count,
                                  node->count, sizeof *proxies);
  if (proxies == NULL) {
    return;
  }
  model->trusted_proxies = proxies;
  for (const struct sl_node *item = node->first; item != NULL; item = item->next) {
    if (read_proxy(reader, item, &proxies[model->trusted_proxy_count])) {
      model->trusted_proxy_count++;
    }
  }
}

static void read_ipv6_prefix(struct parse *parse, struct sl_reader *reader,
                             const struct sl_node *node) {
  uint64_t prefix;
  if (!sl_read_number(reader, node, "ipv6_prefix", &prefix)) {
    return;
  }
  if (prefix < SL_IPV6_PREFIX_MIN || prefix > SL_IPV6_PREFIX_MAX) {
    sl_read_error(reader, node, "from 32 to 128", "ipv6_prefix is %llu",
                  (unsigned long long)prefix);
    return;
  }
  const struct sl_place *first = &parse->ipv6_prefix_place;
  if (first->line > 0 && prefix != parse->model->ipv6_prefix) {
    char hint[SL_REPORT_TEXT];
    struct sl_text text;
    sl_text_init(&text, hint, sizeof hint);
    sl_text_printf(&text, "it is %u at ", parse->model->ipv6_prefix);
    sl_text_escape(&text, sl_str_of(first->file));
    sl_text_printf(&text, ":%u", first->line);
    sl_read_error(reader, node, hint, "ipv6_prefix is %llu here", (unsigned long long)prefix);
    return;
  }
  parse->model->ipv6_prefix = (unsigned)prefix;
  parse->ipv6_prefix_place = sl_place_of(reader, node);
}

static void read_file(struct parse *parse, struct sl_reader *reader, const struct sl_node *root) {
  const struct sl_node *values[FIELD_COUNT];
  if (!sl_read_fields(reader, root, "a rule file", field_names, FIELD_COUNT, values)) {
    return;
  }
  if (root->count == 0 && !root->cut) {
    sl_read_error(reader, root, "write rules: [] for none", "the file has no rules");
  }
  if (values[F_RULES] != NULL) {
    read_rules(reader, values[F_RULES]);
  }
  if (values[F_TRUSTED_PROXIES] != NULL) {
    read_proxies(reader, values[F_TRUSTED_PROXIES]);
  }
  if (values[F_IPV6_PREFIX] != NULL) {
    read_ipv6_prefix(parse, reader, values[F_IPV6_PREFIX]);
  }
}

static void parse_source(struct parse *parse, const struct sl_source *source) {
  struct sl_arena *arena = &parse->model->arena;
  struct sl_reader reader = {
      .model = parse->model,
      .reports = parse->reports,
      .file = sl_arena_copy(arena, sl_str_of(source->name)),
  };
  if (reader.file == NULL) {
    parse->out_of_memory = true;
    return;
  }
  struct sl_arena nodes;
  sl_arena_init(&nodes, arena->mem);
  struct sl_node *root;
  const enum sl_status status =
      sl_tree_parse(reader.file, source->bytes, &nodes, arena, parse->reports, &root);
  if (status == SL_ERR_MEMORY) {
    parse->out_of_memory = true;
  } else if (root != NULL) {
    read_file(parse, &reader, root);
  } else if (status == SL_OK) {
    const struct sl_place place = {.file = reader.file, .line = 1, .column = 1};
    sl_reports_add(parse->reports, SL_SEVERITY_ERROR, place, "write rules: [] for none", "%s",
                   "the file is empty");
  }
  sl_arena_close(&nodes);
  parse->syntax = parse->syntax || status == SL_ERR_SYNTAX;
  parse->out_of_memory = parse->out_of_memory || reader.out_of_memory;
}

enum sl_status sl_rules_parse_all(const struct sl_source *sources, size_t source_count,
                                  const struct sl_mem *mem, struct sl_reports *reports,
                                  struct sl_model **ret_model) {
  *ret_model = NULL;
  const size_t errors_before = reports->errors;
  struct parse parse = {.model = sl_model_new(mem), .reports = reports};
  if (parse.model == NULL) {
    return SL_ERR_MEMORY;
  }
  for (size_t i = 0; i < source_count && !parse.out_of_memory; i++) {
    parse_source(&parse, &sources[i]);
  }
  if (!parse.out_of_memory) {
    parse.out_of_memory = !sl_model_check(parse.model, reports);
  }
  sl_reports_sort(reports);
  enum sl_status status = SL_OK;
  if (parse.out_of_memory || reports->out_of_memory) {
    status = SL_ERR_MEMORY;
  } else if (parse.syntax) {
    status = SL_ERR_SYNTAX;
  } else if (reports->errors > errors_before) {
    status = SL_ERR_INVALID;
  }
  if (status != SL_OK) {
    sl_model_free(parse.model);
    return status;
  }
  *ret_model = parse.model;
  return SL_OK;
}

enum sl_status sl_rules_parse(const char *file_name, const void *bytes, size_t len,
                              const struct sl_mem *mem, struct sl_reports *reports,
                              struct sl_model **ret_model) {
  const struct sl_source source = {.name = file_name, .bytes = {.ptr = bytes, .len = len}};
  return sl_rules_parse_all(&source, 1, mem, reports, ret_model);
}
