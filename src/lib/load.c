// load.c - rules from texts and files into force, or reports of all that is wrong with them.
#include "lib/handle.h"
#include "rule/parse.h"
#include "sys/read_file.h"

enum { FILES_MAX = 1024, FILE_BYTES_MAX = 64 << 20, LINE_TEXT = 2048, NUMBER_TEXT = 64 };

struct sluice_reports {
  struct sl_mem mem;
  struct sl_reports reports;
  char *text;
  size_t text_size;
};

// ---- reports ------------------------------------------------------------------------------------

static struct sluice_reports *new_reports(const struct sl_mem *mem) {
  struct sluice_reports *reports = sl_mem_alloc(mem, sizeof *reports);
  if (reports != NULL) {
    reports->mem = *mem;
    sl_reports_init(&reports->reports, &reports->mem);
  }
  return reports;
}

void sluice_reports_free(struct sluice_reports *reports) {
  if (reports == NULL) {
    return;
  }
  struct sl_mem mem = reports->mem;
  sl_reports_close(&reports->reports);
  sl_mem_free(&mem, reports->text, reports->text_size);
  sl_mem_free(&mem, reports, sizeof *reports);
}

// One line without its end; `index` == count: how many were found beyond those kept.
static size_t write_line(const struct sl_reports *reports, size_t index, char *line) {
  struct sl_text text;
  sl_text_init(&text, line, LINE_TEXT);
  if (index < reports->count) {
    sl_report_write(&reports->items[index], &text);
  } else {
    sl_text_printf(&text, "and %zu more", reports->errors + reports->warnings - reports->count);
  }
  return text.len;
}

// All lines as one text.
static bool make_text(struct sluice_reports *own) {
  const struct sl_reports *reports = &own->reports;
  char line[LINE_TEXT];
  size_t lines = reports->count + (reports->errors + reports->warnings > reports->count);
  size_t size = 1;
  for (size_t i = 0; i < lines; i++) {
    size += write_line(reports, i, line) + 1;
  }
  own->text = sl_mem_alloc(&own->mem, size);
  if (own->text == NULL) {
    return false;
  }
  own->text_size = size;
  size_t at = 0;
  for (size_t i = 0; i < lines; i++) {
    size_t len = write_line(reports, i, line);
    memcpy(own->text + at, line, len);
    at += len;
    own->text[at++] = '\n';
  }
  own->text[at] = '\0';
  return true;
}

size_t sluice_reports_count(const struct sluice_reports *reports) {
  return reports == NULL ? 0 : reports->reports.count;
}

enum sluice_status sluice_reports_get(const struct sluice_reports *reports, size_t index,
                                      struct sluice_report *ret_report) {
  if (ret_report == NULL || index >= sluice_reports_count(reports)) {
    return SLUICE_ERR_ARGUMENT;
  }
  const struct sl_report *from = &reports->reports.items[index];
  *ret_report = (struct sluice_report){
      .file = from->place.file,
      .line = from->place.line,
      .column = from->place.column,
      .is_warning = from->severity == SL_SEVERITY_WARNING,
      .message = from->message,
      .hint = from->hint,
  };
  return SLUICE_OK;
}

const char *sluice_reports_text(const struct sluice_reports *reports) {
  return reports == NULL ? "" : reports->text;
}

// Hands the reports to the caller, or frees them where they are not wanted or say nothing.
static enum sl_status give_reports(struct sluice_reports *reports, enum sl_status status,
                                   struct sluice_reports **ret_reports) {
  if (ret_reports == NULL || sluice_reports_count(reports) == 0) {
    sluice_reports_free(reports);
    return status;
  }
  if (!make_text(reports)) {
    sluice_reports_free(reports);
    return SL_ERR_MEMORY;
  }
  *ret_reports = reports;
  return status;
}

// ---- from sources to rules ----------------------------------------------------------------------

static enum sl_status compile(struct sluice *sluice, const struct sl_source *sources, size_t count,
                              struct sl_reports *reports, struct sl_rules **ret_rules) {
  struct sl_model *model;
  enum sl_status status = sl_rules_parse_all(sources, count, &sluice->mem, reports, &model);
  if (status != SL_OK) {
    return status;
  }
  struct sl_ruleset *set;
  status = sl_ruleset_compile(model, sl_engine_secret(sluice->engine), &sluice->mem, &set);
  if (status != SL_OK) {
    sl_model_free(model);
    return status;
  }
  status = sl_rules_create(sluice->engine, set, &sluice->mem, ret_rules);
  if (status != SL_OK) {
    sl_ruleset_free(set);
  }
  return status;
}

// Nothing may fail once the rules are in force: the reports are made ready first.
static enum sluice_status load(struct sluice *sluice, const struct sl_source *sources, size_t count,
                               struct sluice_reports *reports,
                               struct sluice_reports **ret_reports) {
  struct sl_rules *rules = NULL;
  enum sl_status status = compile(sluice, sources, count, &reports->reports, &rules);
  status = give_reports(reports, status, ret_reports);
  if (status == SL_OK) {
    sl_rule_cache_replace(&sluice->cache, rules);
  } else {
    sl_rules_let_go(rules);
  }
  return sl_status_out(status);
}

enum sluice_status sluice_load_text(struct sluice *sluice, const char *name, const char *text,
                                    size_t text_len, struct sluice_reports **ret_reports) {
  if (ret_reports != NULL) {
    *ret_reports = NULL;
  }
  if (sluice == NULL || text == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  struct sluice_reports *reports = new_reports(&sluice->mem);
  if (reports == NULL) {
    return SLUICE_ERR_MEMORY;
  }
  const struct sl_source source = {
      .name = name != NULL ? name : "rules",
      .bytes = {.ptr = text, .len = text_len},
  };
  return load(sluice, &source, 1, reports, ret_reports);
}

// ---- files --------------------------------------------------------------------------------------

// The content of files, and the same as sources.
struct contents {
  struct sl_file *files;
  struct sl_source *sources;
  size_t count;
};

static void close_contents(const struct sl_mem *mem, struct contents *contents) {
  for (size_t i = 0; contents->files != NULL && i < contents->count; i++) {
    sl_file_close(mem, &contents->files[i]);
  }
  sl_mem_free(mem, contents->files, contents->count * sizeof *contents->files);
  sl_mem_free(mem, contents->sources, contents->count * sizeof *contents->sources);
}

// Reads every file; those that cannot be read are all reported.
static enum sl_status read_files(struct sluice *sluice, const char *const *paths,
                                 struct contents *contents, struct sl_reports *reports) {
  const struct sl_mem *mem = &sluice->mem;
  size_t count = contents->count;
  contents->files = sl_mem_array(mem, count, sizeof(struct sl_file), _Alignof(max_align_t));
  contents->sources = sl_mem_array(mem, count, sizeof(struct sl_source), _Alignof(max_align_t));
  if (contents->files == NULL || contents->sources == NULL) {
    return SL_ERR_MEMORY;
  }
  enum sl_status worst = SL_OK;
  for (size_t i = 0; i < count; i++) {
    char reason[SL_REPORT_TEXT];
    struct sl_text message;
    sl_text_init(&message, reason, sizeof reason);
    struct sl_file *file = &contents->files[i];
    enum sl_status status =
        sl_file_read(sluice->sys, mem, paths[i], FILE_BYTES_MAX, file, &message);
    if (status == SL_ERR_MEMORY) {
      return status;
    }
    if (status != SL_OK) {
      sl_reports_add(reports, SL_SEVERITY_ERROR, (struct sl_place){.file = paths[i]}, "", "%s",
                     reason);
      worst = SL_ERR_IO;
    }
    contents->sources[i] =
        (struct sl_source){.name = paths[i], .bytes = {.ptr = file->bytes, .len = file->len}};
  }
  return worst;
}

static bool valid_paths(const char *const *paths, size_t count) {
  if (paths == NULL || count == 0 || count > FILES_MAX) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (paths[i] == NULL) {
      return false;
    }
  }
  return true;
}

enum sluice_status sluice_load_files(struct sluice *sluice, const char *const *paths,
                                     size_t path_count, struct sluice_reports **ret_reports) {
  if (ret_reports != NULL) {
    *ret_reports = NULL;
  }
  if (sluice == NULL || !valid_paths(paths, path_count)) {
    return SLUICE_ERR_ARGUMENT;
  }
  struct sluice_reports *reports = new_reports(&sluice->mem);
  if (reports == NULL) {
    return SLUICE_ERR_MEMORY;
  }
  struct contents contents = {.count = path_count};
  enum sl_status status = read_files(sluice, paths, &contents, &reports->reports);
  enum sluice_status result = status == SL_OK
                                  ? load(sluice, contents.sources, path_count, reports, ret_reports)
                                  : sl_status_out(give_reports(reports, status, ret_reports));
  close_contents(&sluice->mem, &contents);
  return result;
}

size_t sluice_rule_count(struct sluice *sluice) {
  if (sluice == NULL) {
    return 0;
  }
  struct sl_rules *rules;
  struct sl_seat *seat = sl_rule_cache_sit(&sluice->cache, &rules);
  size_t count = rules == NULL ? 0 : rules->set->rule_count;
  sl_rule_cache_rise(seat);
  return count;
}
