#include "cli/load_rules.h"

#include "rule/parse.h"
#include "rule/tree.h"
#include "sys/read_file.h"

enum { MESSAGE = 256, LINE = SL_REPORT_TEXT + 512 };

// The files of one call.
struct files {
  struct sl_file *files;
  struct sl_source *sources;
  size_t count;
};

static void close_files(const struct sl_app *app, struct files *files) {
  for (size_t i = 0; i < files->count && files->files != NULL; i++) {
    sl_file_close(&app->mem, &files->files[i]);
  }
  sl_mem_free(&app->mem, files->files, files->count * sizeof files->files[0]);
  sl_mem_free(&app->mem, files->sources, files->count * sizeof files->sources[0]);
}

static int read_one(const struct sl_app *app, const char *path, struct sl_file *ret_file) {
  char buffer[MESSAGE];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  const enum sl_status status =
      sl_file_read(app->sys, &app->mem, path, SL_TREE_BYTES_MAX, ret_file, &message);
  if (status == SL_OK) {
    return SL_EXIT_OK;
  }
  return status == SL_ERR_MEMORY ? sl_complain_memory(app)
                                 : sl_complain(app, "%s %s", path, buffer);
}

// Says of every file that cannot be read that it cannot.
static int read_files(const struct sl_app *app, const char *const *paths, struct files *files) {
  const struct sl_mem *mem = &app->mem;
  files->files = sl_mem_array(mem, files->count, sizeof files->files[0], _Alignof(max_align_t));
  files->sources = sl_mem_array(mem, files->count, sizeof files->sources[0], _Alignof(max_align_t));
  if (files->files == NULL || files->sources == NULL) {
    return sl_complain_memory(app);
  }
  int worst = SL_EXIT_OK;
  for (size_t i = 0; i < files->count; i++) {
    const int status = read_one(app, paths[i], &files->files[i]);
    worst = status != SL_EXIT_OK ? status : worst;
    files->sources[i] = (struct sl_source){
        .name = paths[i],
        .bytes = {.ptr = files->files[i].bytes, .len = files->files[i].len},
    };
  }
  return worst;
}

static void print_reports(const struct sl_app *app, struct sl_reports *reports) {
  sl_reports_sort(reports);
  for (size_t i = 0; i < reports->count; i++) {
    char line[LINE];
    struct sl_text text;
    sl_text_init(&text, line, sizeof line);
    sl_report_write(&reports->items[i], &text);
    fprintf(app->err, "%s\n", line);
  }
  if (reports->errors > reports->kept_errors) {
    fprintf(app->err, "... and %zu more mistakes\n", reports->errors - reports->kept_errors);
  }
  if (reports->warnings > reports->kept_warnings) {
    fprintf(app->err, "... and %zu more warnings\n", reports->warnings - reports->kept_warnings);
  }
}

static int parse(const struct sl_app *app, const struct files *files, struct sl_model **ret_model) {
  struct sl_reports reports;
  sl_reports_init(&reports, &app->mem);
  const enum sl_status status =
      sl_rules_parse_all(files->sources, files->count, &app->mem, &reports, ret_model);
  print_reports(app, &reports);
  sl_reports_close(&reports);
  if (status == SL_ERR_MEMORY) {
    return sl_complain_memory(app);
  }
  return status == SL_OK ? SL_EXIT_OK : SL_EXIT_INVALID;
}

int sl_load_model(const struct sl_app *app, const char *const *paths, size_t count,
                  struct sl_model **ret_model) {
  struct files files = {.count = count};
  int status = read_files(app, paths, &files);
  if (status == SL_EXIT_OK) {
    status = parse(app, &files, ret_model);
  }
  close_files(app, &files);
  return status;
}

static int load_paths(const struct sl_app *app, const char *const *paths, size_t count,
                      const struct sl_secret *secret, struct sl_ruleset **ret_set) {
  struct sl_model *model;
  const int status = sl_load_model(app, paths, count, &model);
  if (status != SL_EXIT_OK) {
    return status;
  }
  if (sl_ruleset_compile(model, secret, &app->mem, ret_set) != SL_OK) {
    sl_model_free(model);
    return sl_complain_memory(app);
  }
  return SL_EXIT_OK;
}

int sl_load_rules(const struct sl_app *app, const struct sl_args *args,
                  const struct sl_secret *secret, struct sl_ruleset **ret_set) {
  const size_t room = args->given_count;
  const char **paths = sl_mem_array(&app->mem, room, sizeof paths[0], _Alignof(max_align_t));
  if (paths == NULL) {
    return sl_complain_memory(app);
  }
  size_t count = 0;
  size_t at = 0;
  for (const char *path; (path = sl_args_next(args, "rules", &at)) != NULL;) {
    paths[count++] = path;
  }
  const int status = load_paths(app, paths, count, secret, ret_set);
  sl_mem_free(&app->mem, paths, room * sizeof paths[0]);
  return status;
}
