#include "server/settings.h"

#include <stdio.h>

#include "base/units.h"
#include "rule/suggest.h"
#include "rule/tree.h"

#define SL_SETTING_ROW(k, field, n, v, s, l, m, h) \
  {.kind = SL_SETTING_##k,                         \
   .offset = offsetof(struct sl_settings, field),  \
   .name = (n),                                    \
   .value = (v),                                   \
   .standard = (s),                                \
   .help = (h),                                    \
   .least = (l),                                   \
   .most = (m)},
const struct sl_setting sl_setting_table[SL_SETTING_COUNT] = {SL_SETTINGS(SL_SETTING_ROW)};

const char *const *sl_setting_words(const struct sl_setting *setting) {
  static const char *const when_full[] = {"evict", "deny", "allow", NULL};
  static const char *const log_format[] = {"auto", "text", "json", NULL};
  return strcmp(setting->name, "when-full") == 0 ? when_full : log_format;
}

const char *sl_setting_env(const struct sl_setting *setting, char *buffer) {
  int len = snprintf(buffer, SL_SETTING_ENV, "SLUICE_%s", setting->name);
  for (int i = 0; i < len; i++) {
    char c = buffer[i];
    buffer[i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
  }
  return buffer;
}

static void *place_of(const struct sl_settings *settings, size_t index) {
  return (char *)(uintptr_t)settings + sl_setting_table[index].offset;
}

// ---- from text

static enum sl_status read_bool(struct sl_str text, bool *ret_value, struct sl_text *message) {
  static const char *const words[] = {"yes", "no", "true", "false", "1", "0"};
  for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
    if (sl_str_eq(text, sl_str_of(words[i]))) {
      *ret_value = i % 2 == 0;
      return SL_OK;
    }
  }
  sl_text_printf(message, "takes yes or no");
  return SL_ERR_SYNTAX;
}

static enum sl_status read_choice(const struct sl_setting *setting, struct sl_str text,
                                  uint64_t *ret_value, struct sl_text *message) {
  const char *const *words = sl_setting_words(setting);
  for (size_t i = 0; words[i] != NULL; i++) {
    if (sl_str_eq(text, sl_str_of(words[i]))) {
      *ret_value = i;
      return SL_OK;
    }
  }
  sl_text_printf(message, "takes one of");
  for (size_t i = 0; words[i] != NULL; i++) {
    sl_text_printf(message, "%s %s", i == 0 ? "" : ",", words[i]);
  }
  return SL_ERR_SYNTAX;
}

// "1/1000", or "0" for none.
static enum sl_status read_fraction(struct sl_str text, uint64_t *ret_value) {
  if (sl_str_eq(text, SL_STR("0"))) {
    *ret_value = 0;
    return SL_OK;
  }
  if (text.len < 3 || memcmp(text.ptr, "1/", 2) != 0) {
    return SL_ERR_SYNTAX;
  }
  enum sl_status status =
      sl_parse_u64((struct sl_str){.ptr = text.ptr + 2, .len = text.len - 2}, ret_value);
  return status == SL_OK && *ret_value == 0 ? SL_ERR_RANGE : status;
}

// A number as the kind writes it, for messages.
static void write_number(enum sl_setting_kind kind, uint64_t value, struct sl_text *text) {
  char buffer[SL_DURATION_TEXT];
  static const char *const units[] = {"", "KiB", "MiB", "GiB"};
  unsigned unit = 0;
  switch (kind) {
  case SL_SETTING_DURATION:
    sl_text_add(text, sl_str_of(sl_format_duration(value, buffer)));
    return;
  case SL_SETTING_SIZE:
    while (unit < 3 && value > 0 && value % 1024 == 0) {
      value /= 1024;
      unit++;
    }
    break;
  case SL_SETTING_FRACTION:
    sl_text_add(text, value == 0 ? SL_STR("") : SL_STR("1/"));
    break;
  default:
    break;
  }
  sl_text_printf(text, "%llu%s", (unsigned long long)value, units[unit]);
}

static const char *form_of(enum sl_setting_kind kind) {
  switch (kind) {
  case SL_SETTING_DURATION:
    return "a duration such as 250ms, 30s or 5m";
  case SL_SETTING_SIZE:
    return "a size such as 65536, 64KiB or 1GiB";
  case SL_SETTING_FRACTION:
    return "a fraction such as 1/1000, or 0";
  default:
    return "a whole number";
  }
}

static enum sl_status read_number(const struct sl_setting *setting, struct sl_str text,
                                  uint64_t *ret_value, struct sl_text *message) {
  uint64_t value = 0;
  enum sl_status status = setting->kind == SL_SETTING_DURATION   ? sl_parse_duration(text, &value)
                          : setting->kind == SL_SETTING_SIZE     ? sl_parse_size(text, &value)
                          : setting->kind == SL_SETTING_FRACTION ? read_fraction(text, &value)
                                                                 : sl_parse_u64(text, &value);
  if (status == SL_ERR_SYNTAX) {
    sl_text_printf(message, "takes %s", form_of(setting->kind));
    return status;
  }
  if (status != SL_OK || value < setting->least || value > setting->most) {
    sl_text_printf(message, "is outside its range, from ");
    write_number(setting->kind, setting->least, message);
    sl_text_printf(message, " to ");
    write_number(setting->kind, setting->most, message);
    return SL_ERR_RANGE;
  }
  *ret_value = value;
  return SL_OK;
}

static enum sl_status add_item(struct sl_settings *settings, struct sl_setting_list *list,
                               struct sl_str text) {
  const char *item = sl_arena_copy(&settings->arena, text);
  const char **items = sl_arena_alloc(&settings->arena, (list->count + 1) * sizeof *items);
  if (item == NULL || items == NULL) {
    return SL_ERR_MEMORY;
  }
  if (list->count > 0) {
    memcpy(items, list->items, list->count * sizeof *items);
  }
  items[list->count] = item;
  *list = (struct sl_setting_list){.items = items, .count = list->count + 1};
  return SL_OK;
}

static enum sl_status store(struct sl_settings *settings, size_t index, struct sl_str text,
                            struct sl_text *message) {
  const struct sl_setting *setting = &sl_setting_table[index];
  void *place = place_of(settings, index);
  if (memchr(text.ptr == NULL ? "" : text.ptr, '\0', text.len) != NULL) {
    sl_text_printf(message, "holds a zero byte");
    return SL_ERR_SYNTAX;
  }
  switch (setting->kind) {
  case SL_SETTING_TEXT: {
    const char *copy = sl_arena_copy(&settings->arena, text);
    if (copy == NULL) {
      return SL_ERR_MEMORY;
    }
    *(const char **)place = copy;
    return SL_OK;
  }
  case SL_SETTING_LIST:
    return text.len == 0 ? SL_OK : add_item(settings, place, text);
  case SL_SETTING_BOOL:
    return read_bool(text, place, message);
  case SL_SETTING_CHOICE:
    return read_choice(setting, text, place, message);
  default:
    return read_number(setting, text, place, message);
  }
}

enum sl_status sl_settings_set(struct sl_settings *settings, size_t index, struct sl_str text,
                               struct sl_setting_origin origin, struct sl_text *message) {
  struct sl_setting_origin *known = &settings->origins[index];
  if (origin.from < known->from) {
    // A stronger source has spoken; what this one says is still to be valid.
    struct sl_settings scratch = *settings;
    enum sl_status status = store(&scratch, index, text, message);
    settings->arena = scratch.arena;
    return status;
  }
  if (origin.from > known->from && sl_setting_table[index].kind == SL_SETTING_LIST) {
    *(struct sl_setting_list *)place_of(settings, index) = (struct sl_setting_list){0};
  }
  enum sl_status status = store(settings, index, text, message);
  if (status == SL_OK) {
    *known = origin;
  }
  return status;
}

enum sl_status sl_settings_init(struct sl_settings *settings, const struct sl_mem *mem) {
  *settings = (struct sl_settings){.config = ""};
  sl_arena_init(&settings->arena, mem);
  char buffer[SL_SETTING_MESSAGE];
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    struct sl_text message;
    sl_text_init(&message, buffer, sizeof buffer);
    enum sl_status status = sl_settings_set(settings, i, sl_str_of(sl_setting_table[i].standard),
                                            (struct sl_setting_origin){0}, &message);
    if (status == SL_ERR_MEMORY) {
      return status;
    }
    sl_assert(status == SL_OK);
  }
  return SL_OK;
}

void sl_settings_close(struct sl_settings *settings) { sl_arena_close(&settings->arena); }

// ---- from the environment

// The parts of a list between commas.
static enum sl_status set_parts(struct sl_settings *settings, size_t index, struct sl_str text,
                                struct sl_setting_origin origin, struct sl_text *message) {
  enum sl_status status = SL_OK;
  while (status == SL_OK && text.len > 0) {
    const char *comma = memchr(text.ptr, ',', text.len);
    size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
    status = sl_settings_set(settings, index, (struct sl_str){.ptr = text.ptr, .len = len}, origin,
                             message);
    len += comma != NULL;
    text.ptr += len;
    text.len -= len;
  }
  return status;
}

enum sl_status sl_settings_from_environment(struct sl_settings *settings,
                                            char *(*get)(const char *name),
                                            struct sl_text *message) {
  const struct sl_setting_origin origin = {.from = SL_FROM_ENVIRONMENT};
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    char name[SL_SETTING_ENV], buffer[SL_SETTING_MESSAGE];
    const char *value = get(sl_setting_env(&sl_setting_table[i], name));
    if (value == NULL) {
      continue;
    }
    struct sl_text why;
    sl_text_init(&why, buffer, sizeof buffer);
    enum sl_status status = sl_setting_table[i].kind == SL_SETTING_LIST
                                ? set_parts(settings, i, sl_str_of(value), origin, &why)
                                : sl_settings_set(settings, i, sl_str_of(value), origin, &why);
    if (status != SL_OK) {
      char quoted[SL_QUOTE_TEXT];
      sl_text_printf(message, "%s=%s: %s", name, sl_quote(sl_str_of(value), quoted), buffer);
      return status;
    }
  }
  return SL_OK;
}

// ---- from a config file

static size_t find_name(struct sl_str name) {
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    if (sl_str_eq(name, sl_str_of(sl_setting_table[i].name))) {
      return i;
    }
  }
  return SL_SETTING_COUNT;
}

static void report_unknown(struct sl_reports *reports, struct sl_place place, struct sl_str name) {
  const char *names[SL_SETTING_COUNT];
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    names[i] = sl_setting_table[i].name;
  }
  char quoted[SL_QUOTE_TEXT], hint[SL_SETTING_MESSAGE] = "";
  const char *near = sl_suggest(name, names, SL_SETTING_COUNT);
  if (near != NULL) {
    snprintf(hint, sizeof hint, "did you mean %s?", near);
  }
  sl_reports_add(reports, SL_SEVERITY_ERROR, place, hint, "there is no setting %s",
                 sl_quote(name, quoted));
}

static enum sl_status set_node(struct sl_settings *settings, size_t index,
                               const struct sl_node *node, const char *file,
                               struct sl_reports *reports) {
  const struct sl_place place = {.file = file, .line = node->line, .column = node->column};
  const struct sl_setting *setting = &sl_setting_table[index];
  if (node->kind != SL_NODE_SCALAR) {
    if (node->kind != SL_NODE_BAD) {
      sl_reports_add(reports, SL_SEVERITY_ERROR, place, "", "%s takes one value", setting->name);
    }
    return SL_OK;
  }
  char buffer[SL_SETTING_MESSAGE], quoted[SL_QUOTE_TEXT];
  struct sl_text why;
  sl_text_init(&why, buffer, sizeof buffer);
  enum sl_status status =
      sl_settings_set(settings, index, node->text,
                      (struct sl_setting_origin){.from = SL_FROM_CONFIG, .line = node->line}, &why);
  if (status == SL_ERR_SYNTAX || status == SL_ERR_RANGE) {
    sl_reports_add(reports, SL_SEVERITY_ERROR, place, "", "%s: %s %s", setting->name,
                   sl_quote(node->text, quoted), buffer);
    return SL_OK;
  }
  return status;
}

static enum sl_status set_pair(struct sl_settings *settings, const struct sl_node *key,
                               const char *file, struct sl_reports *reports) {
  const struct sl_node *value = key->next;
  if (key->kind != SL_NODE_SCALAR || value == NULL) {
    return SL_OK;
  }
  size_t index = find_name(key->text);
  if (index == SL_SETTING_COUNT) {
    report_unknown(reports,
                   (struct sl_place){.file = file, .line = key->line, .column = key->column},
                   key->text);
    return SL_OK;
  }
  if (value->kind != SL_NODE_LIST || sl_setting_table[index].kind != SL_SETTING_LIST) {
    return set_node(settings, index, value, file, reports);
  }
  enum sl_status status = SL_OK;
  for (const struct sl_node *item = value->first; item != NULL && status == SL_OK;
       item = item->next) {
    status = set_node(settings, index, item, file, reports);
  }
  return status;
}

static enum sl_status set_all(struct sl_settings *settings, const struct sl_node *root,
                              const char *file, struct sl_reports *reports) {
  if (root == NULL || root->kind == SL_NODE_BAD) {
    return SL_OK;
  }
  if (root->kind != SL_NODE_MAP) {
    sl_reports_add(reports, SL_SEVERITY_ERROR,
                   (struct sl_place){.file = file, .line = root->line, .column = root->column},
                   "as in http: 127.0.0.1:8080", "the file is not a map of settings");
    return SL_OK;
  }
  enum sl_status status = SL_OK;
  for (const struct sl_node *key = root->first; key != NULL && status == SL_OK;
       key = key->next == NULL ? NULL : key->next->next) {
    status = set_pair(settings, key, file, reports);
  }
  return status;
}

enum sl_status sl_settings_from_config(struct sl_settings *settings, const char *file_name,
                                       struct sl_str bytes, struct sl_reports *reports) {
  struct sl_arena nodes, texts;
  sl_arena_init(&nodes, settings->arena.mem);
  sl_arena_init(&texts, settings->arena.mem);
  settings->config = sl_arena_copy(&settings->arena, sl_str_of(file_name));
  struct sl_node *root = NULL;
  enum sl_status status = settings->config == NULL
                              ? SL_ERR_MEMORY
                              : sl_tree_parse(file_name, bytes, &nodes, &texts, reports, &root);
  if (status != SL_ERR_MEMORY) {
    enum sl_status set = set_all(settings, root, file_name, reports);
    status = set != SL_OK ? set : status;
  }
  settings->config = settings->config == NULL ? "" : settings->config;
  sl_arena_close(&nodes);
  sl_arena_close(&texts);
  return status == SL_OK && reports->errors > 0 ? SL_ERR_INVALID : status;
}

// ---- to text

void sl_setting_write(const struct sl_settings *settings, size_t index, struct sl_text *text) {
  const struct sl_setting *setting = &sl_setting_table[index];
  const void *place = place_of(settings, index);
  const struct sl_setting_list *list = place;
  switch (setting->kind) {
  case SL_SETTING_TEXT:
    sl_text_add(text, sl_str_of(*(const char *const *)place));
    return;
  case SL_SETTING_LIST:
    for (size_t i = 0; i < list->count; i++) {
      sl_text_printf(text, "%s%s", i == 0 ? "" : ",", list->items[i]);
    }
    return;
  case SL_SETTING_BOOL:
    sl_text_add(text, *(const bool *)place ? SL_STR("yes") : SL_STR("no"));
    return;
  case SL_SETTING_CHOICE:
    sl_text_add(text, sl_str_of(sl_setting_words(setting)[*(const uint64_t *)place]));
    return;
  default:
    write_number(setting->kind, *(const uint64_t *)place, text);
  }
}

void sl_setting_write_origin(const struct sl_settings *settings, size_t index,
                             struct sl_text *text) {
  const struct sl_setting_origin *origin = &settings->origins[index];
  char buffer[SL_SETTING_ENV];
  switch (origin->from) {
  case SL_FROM_DEFAULT:
    sl_text_add(text, SL_STR("default"));
    return;
  case SL_FROM_CONFIG:
    sl_text_printf(text, "%s:%u", settings->config, origin->line);
    return;
  case SL_FROM_ENVIRONMENT:
    sl_text_add(text, sl_str_of(sl_setting_env(&sl_setting_table[index], buffer)));
    return;
  case SL_FROM_FLAG:
    sl_text_printf(text, "--%s", sl_setting_table[index].name);
    return;
  }
}
