#include "server/rule_load.h"

#include <stdio.h>

#include "rule/parse.h"
#include "rule/tree.h"
#include "sys/read_file.h"

enum { MESSAGE = 512, LINE = SL_REPORT_TEXT + 512, TOKEN_FILE_MAX = 4 << 20 };

// The content of the files.
struct files {
  struct sl_file *files;
  struct sl_source *sources;
  size_t count;
};

static void close_files(const struct sl_mem *mem, struct files *files) {
  for (size_t i = 0; files->files != NULL && i < files->count; i++) {
    sl_file_close(mem, &files->files[i]);
  }
  sl_mem_free(mem, files->files, files->count * sizeof files->files[0]);
  sl_mem_free(mem, files->sources, files->count * sizeof files->sources[0]);
}

// Says of every file that cannot be read that it cannot.
static enum sl_status read_files(struct sl_server *server, const struct sl_setting_list *paths,
                                 struct files *files) {
  const struct sl_mem *mem = server->mem;
  files->count = paths->count;
  files->files = sl_mem_array(mem, files->count, sizeof files->files[0], _Alignof(max_align_t));
  files->sources = sl_mem_array(mem, files->count, sizeof files->sources[0], _Alignof(max_align_t));
  if (files->files == NULL || files->sources == NULL) {
    return SL_ERR_MEMORY;
  }
  enum sl_status worst = SL_OK;
  for (size_t i = 0; i < files->count; i++) {
    char reason[MESSAGE];
    struct sl_text message;
    sl_text_init(&message, reason, sizeof reason);
    enum sl_status status = sl_file_read(server->sys, mem, paths->items[i], SL_TREE_BYTES_MAX,
                                         &files->files[i], &message);
    if (status == SL_ERR_MEMORY) {
      return status;
    }
    if (status != SL_OK) {
      sl_log(server->log, SL_LOG_ERROR, "rules", "a rule file cannot be used",
             SL_LOG_TEXT("file", paths->items[i]), SL_LOG_TEXT("reason", reason));
      worst = SL_ERR_INVALID;
    }
    files->sources[i] = (struct sl_source){
        .name = paths->items[i],
        .bytes = {.ptr = files->files[i].bytes, .len = files->files[i].len},
    };
  }
  return worst;
}

static void log_reports(struct sl_server *server, struct sl_reports *reports) {
  sl_reports_sort(reports);
  for (size_t i = 0; i < reports->count; i++) {
    const struct sl_report *report = &reports->items[i];
    char place[MESSAGE];
    snprintf(place, sizeof place, "%s:%u:%u", report->place.file, report->place.line,
             report->place.column);
    sl_log(server->log, report->severity == SL_SEVERITY_ERROR ? SL_LOG_ERROR : SL_LOG_WARNING,
           "rules", report->message, SL_LOG_TEXT("at", place), SL_LOG_TEXT("hint", report->hint));
  }
}

static enum sl_status make_model(struct sl_server *server, struct sl_model **ret_model) {
  const struct sl_setting_list *paths = &server->settings->rules;
  if (paths->count == 0) {
    *ret_model = sl_model_new(server->mem);
    return *ret_model == NULL ? SL_ERR_MEMORY : SL_OK;
  }
  struct files files = {.count = 0};
  struct sl_reports reports;
  sl_reports_init(&reports, server->mem);
  enum sl_status status = read_files(server, paths, &files);
  if (status == SL_OK) {
    status = sl_rules_parse_all(files.sources, files.count, server->mem, &reports, ret_model);
    log_reports(server, &reports);
  }
  sl_reports_close(&reports);
  close_files(server->mem, &files);
  return status == SL_ERR_SYNTAX ? SL_ERR_INVALID : status;
}

static enum sl_status bind_model(struct sl_server *server, struct sl_model *model,
                                 struct sl_rules **ret_rules) {
  struct sl_ruleset *set;
  enum sl_status status =
      sl_ruleset_compile(model, sl_engine_secret(server->engine), server->mem, &set);
  if (status != SL_OK) {
    sl_model_free(model);
    return status;
  }
  status = sl_rules_create(server->engine, set, server->mem, ret_rules);
  if (status != SL_OK) {
    sl_ruleset_free(set);
  }
  return status;
}

// What a restart loses matters the more the longer a rule remembers.
static void warn_of_long_periods(struct sl_server *server, const struct sl_ruleset *set) {
  if (server->settings->state_file[0] != '\0') {
    return;
  }
  for (size_t i = 0; i < set->rule_count; i++) {
    const struct sl_rule *rule = &set->rules[i];
    if (rule->model->limit.period_ns <= SL_NS_PER_H) {
      continue;
    }
    char period[SL_DURATION_TEXT];
    sl_log(server->log, SL_LOG_WARNING, "rules",
           "a rule counts over more than an hour, and a restart forgets what it counted: "
           "--state-file keeps it",
           SL_LOG_STR("rule", rule->id),
           SL_LOG_TEXT("period", sl_format_duration(rule->model->limit.period_ns, period)));
  }
}

enum sl_status sl_rules_load(struct sl_server *server) {
  struct sl_model *model = NULL;
  struct sl_rules *rules = NULL;
  enum sl_status status = make_model(server, &model);
  status = status == SL_OK ? bind_model(server, model, &rules) : status;
  if (status != SL_OK) {
    if (status != SL_ERR_INVALID) {
      sl_log(server->log, SL_LOG_ERROR, "rules", "the rules cannot be put in force",
             SL_LOG_TEXT("reason", sl_status_text(status)));
    }
    return status;
  }
  warn_of_long_periods(server, rules->set);
  size_t count = rules->set->rule_count;
  sl_rule_cache_replace(&server->cache, rules);
  uint64_t version = atomic_load(&server->cache.versions);
  atomic_store(&server->rules_version, version);
  sl_log(server->log, SL_LOG_INFO, "rules", "rules are in force", SL_LOG_NUMBER("rules", count),
         SL_LOG_NUMBER("version", version));
  return SL_OK;
}

// ---- tokens

enum sl_status sl_tokens_load(struct sl_server *server) {
  const char *path = server->settings->token_file;
  if (path[0] == '\0') {
    return SL_OK;
  }
  char reason[MESSAGE];
  struct sl_text message;
  struct sl_file file;
  struct sl_tokens *tokens = NULL;
  sl_text_init(&message, reason, sizeof reason);
  enum sl_status status =
      sl_file_read(server->sys, server->mem, path, TOKEN_FILE_MAX, &file, &message);
  if (status == SL_OK) {
    status = sl_tokens_parse(server->mem, (struct sl_str){.ptr = file.bytes, .len = file.len},
                             &message, &tokens);
    sl_file_close(server->mem, &file);
  }
  if (status != SL_OK) {
    sl_log(server->log, SL_LOG_ERROR, "tokens", "the token file cannot be used",
           SL_LOG_TEXT("file", path),
           SL_LOG_TEXT("reason", reason[0] != '\0' ? reason : sl_status_text(status)));
    return status == SL_ERR_MEMORY ? status : SL_ERR_INVALID;
  }
  size_t count = tokens->count;
  struct sl_tokens *old = atomic_exchange(&server->tokens, tokens);
  sl_rule_cache_wait(&server->cache);
  sl_tokens_free(old);
  sl_log(server->log, count == 0 ? SL_LOG_WARNING : SL_LOG_INFO, "tokens", "tokens are in force",
         SL_LOG_NUMBER("tokens", count));
  return SL_OK;
}

// ---- certificates

enum sl_status sl_certificates_load(struct sl_server *server) {
  const struct sl_settings *settings = server->settings;
  const bool cert = settings->tls_cert[0] != '\0';
  const bool key = settings->tls_key[0] != '\0';
  if (cert != key || (!cert && settings->tls_client_ca[0] != '\0')) {
    sl_log(server->log, SL_LOG_ERROR, "tls",
           "--tls-cert and --tls-key go together, and --tls-client-ca goes with them");
    return SL_ERR_INVALID;
  }
  if (!cert) {
    return SL_OK;
  }
  char reason[MESSAGE];
  struct sl_text message;
  sl_text_init(&message, reason, sizeof reason);
  enum sl_status status = sl_tls_load(&server->tls, settings->tls_cert, settings->tls_key,
                                      settings->tls_client_ca, &message);
  if (status != SL_OK) {
    sl_log(server->log, SL_LOG_ERROR, "tls", "the certificates cannot be used",
           SL_LOG_TEXT("reason", reason[0] != '\0' ? reason : sl_status_text(status)));
    return status;
  }
  sl_log(server->log, SL_LOG_INFO, "tls", "certificates are in force",
         SL_LOG_TEXT("file", settings->tls_cert));
  return SL_OK;
}
