// sluice serve and sluice token.
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/serve.h"
#include "rule/tree.h"
#include "server/server.h"
#include "server/tokens.h"
#include "sys/read_file.h"

enum { MESSAGE = 1024, LINE = SL_REPORT_TEXT + 512, ORIGIN_COLUMN = 22, VALUE_COLUMN = 18 };

// ---- options: those of the settings, and a few of the command's own

#define SERVE_VALUE_TEXT(value) value
#define SERVE_VALUE_LIST(value) value
#define SERVE_VALUE_BOOL(value) NULL
#define SERVE_VALUE_NUMBER(value) value
#define SERVE_VALUE_SIZE(value) value
#define SERVE_VALUE_DURATION(value) value
#define SERVE_VALUE_FRACTION(value) value
#define SERVE_VALUE_CHOICE(value) value
#define SERVE_REPEATS_TEXT false
#define SERVE_REPEATS_LIST true
#define SERVE_REPEATS_BOOL false
#define SERVE_REPEATS_NUMBER false
#define SERVE_REPEATS_SIZE false
#define SERVE_REPEATS_DURATION false
#define SERVE_REPEATS_FRACTION false
#define SERVE_REPEATS_CHOICE false
#define SERVE_DEFAULT_TEXT(standard) " Default: " standard "."
// The default belongs to the help of a flag, which the settings keep apart.
#define SERVE_OPTION(k, field, n, v, s, l, m, h) \
  {.name = (n),                                  \
   .value = SERVE_VALUE_##k(v),                  \
   .repeats = SERVE_REPEATS_##k,                 \
   .help = sizeof(s) > 1 ? h SERVE_DEFAULT_TEXT(s) : h},

const struct sl_option sl_serve_options[SL_SERVE_OPTIONS] = {
    {.name = "config",
     .letter = 'c',
     .value = "FILE",
     .help = "A YAML file of settings: the names of these options and their values. Flags outrank "
             "the environment (SLUICE_RULES, SLUICE_HTTP, ...), which outranks the file. Also from "
             "SLUICE_CONFIG."},
    {.name = "print-config",
     .help = "Print every setting, its value and where it came from, and do nothing else."},
    {.name = "no-watch-rules", .help = "The same as watch-rules: no in a config file."},
    SL_SETTINGS(SERVE_OPTION)};

static enum sl_status set_flag(struct sl_settings *settings, const struct sl_args *args,
                               size_t index, struct sl_text *message) {
  const struct sl_setting *setting = &sl_setting_table[index];
  enum sl_status status = SL_OK;
  size_t at = 0;
  const char *value;
  while (status == SL_OK && (value = sl_args_next(args, setting->name, &at)) != NULL) {
    struct sl_str text = setting->kind == SL_SETTING_BOOL ? SL_STR("yes") : sl_str_of(value);
    status = sl_settings_set(settings, index, text,
                             (struct sl_setting_origin){.from = SL_FROM_FLAG}, message);
  }
  return status;
}

static int complain_setting(const struct sl_app *app, const char *dashes, const char *name,
                            enum sl_status status, const char *message) {
  return status == SL_ERR_MEMORY ? sl_complain_memory(app)
                                 : sl_complain(app, "serve: %s%s %s", dashes, name, message);
}

static int take_flags(const struct sl_app *app, const struct sl_args *args,
                      struct sl_settings *settings) {
  char buffer[MESSAGE];
  struct sl_text message;
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    sl_text_init(&message, buffer, sizeof buffer);
    enum sl_status status = set_flag(settings, args, i, &message);
    if (status != SL_OK) {
      return complain_setting(app, "--", sl_setting_table[i].name, status, buffer);
    }
    if (strcmp(sl_setting_table[i].name, "watch-rules") == 0 &&
        sl_args_has(args, "no-watch-rules")) {
      (void)!sl_settings_set(settings, i, SL_STR("no"),
                             (struct sl_setting_origin){.from = SL_FROM_FLAG}, &message);
    }
  }
  return SL_EXIT_OK;
}

static int take_environment(const struct sl_app *app, struct sl_settings *settings) {
  char buffer[MESSAGE];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  enum sl_status status = sl_settings_from_environment(settings, getenv, &message);
  return status == SL_OK ? SL_EXIT_OK : complain_setting(app, "", "", status, buffer);
}

static int take_config(const struct sl_app *app, const char *path, struct sl_settings *settings) {
  char buffer[MESSAGE];
  struct sl_text message;
  struct sl_file file;
  sl_text_init(&message, buffer, sizeof buffer);
  enum sl_status status =
      sl_file_read(app->sys, &app->mem, path, SL_TREE_BYTES_MAX, &file, &message);
  if (status != SL_OK) {
    return status == SL_ERR_MEMORY ? sl_complain_memory(app)
                                   : sl_complain(app, "serve: %s %s", path, buffer);
  }
  struct sl_reports reports;
  sl_reports_init(&reports, &app->mem);
  status = sl_settings_from_config(settings, path,
                                   (struct sl_str){.ptr = file.bytes, .len = file.len}, &reports);
  sl_reports_sort(&reports);
  for (size_t i = 0; i < reports.count; i++) {
    char line[LINE];
    struct sl_text text;
    sl_text_init(&text, line, sizeof line);
    sl_report_write(&reports.items[i], &text);
    fprintf(app->err, "%s\n", line);
  }
  sl_reports_close(&reports);
  sl_file_close(&app->mem, &file);
  return status == SL_OK           ? SL_EXIT_OK
         : status == SL_ERR_MEMORY ? sl_complain_memory(app)
                                   : SL_EXIT_TROUBLE;
}

static int read_settings(const struct sl_app *app, const struct sl_args *args,
                         struct sl_settings *settings) {
  int status = take_flags(app, args, settings);
  if (status == SL_EXIT_OK) {
    status = take_environment(app, settings);
  }
  const char *config = sl_args_value(args, "config");
  config = config != NULL ? config : getenv("SLUICE_CONFIG");
  if (status == SL_EXIT_OK && config != NULL && config[0] != '\0') {
    status = take_config(app, config, settings);
  }
  return status;
}

static void print_settings(const struct sl_app *app, const struct sl_settings *settings) {
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    char value[MESSAGE], origin[MESSAGE];
    struct sl_text text;
    sl_text_init(&text, value, sizeof value);
    sl_setting_write(settings, i, &text);
    sl_text_init(&text, origin, sizeof origin);
    sl_setting_write_origin(settings, i, &text);
    fprintf(app->out, "%-*s %-*s # %s\n", ORIGIN_COLUMN, sl_setting_table[i].name, VALUE_COLUMN,
            value[0] == '\0' ? "\"\"" : value, origin);
  }
}

static int run_server(const struct sl_app *app, const struct sl_settings *settings) {
  enum { AUTO, TEXT, JSON };
  struct sl_log log = {
      .sys = app->sys,
      .file = STDERR_FILENO,
      .json =
          settings->log_format == JSON || (settings->log_format == AUTO && !app->err_is_terminal),
  };
  return sl_server_run(settings, app->sys, &app->mem, &log);
}

int sl_run_serve(const struct sl_app *app, const struct sl_args *args) {
  struct sl_settings settings;
  int status = SL_EXIT_OK;
  if (sl_settings_init(&settings, &app->mem) != SL_OK) {
    status = sl_complain_memory(app);
  }
  status = status == SL_EXIT_OK ? read_settings(app, args, &settings) : status;
  if (status == SL_EXIT_OK && sl_args_has(args, "print-config")) {
    print_settings(app, &settings);
  } else if (status == SL_EXIT_OK) {
    status = run_server(app, &settings);
  }
  sl_settings_close(&settings);
  return status;
}

// ---- tokens

enum { RANDOM_BYTES = 30, TOKEN_TEXT = 48 };

// 240 random bits in letters, digits, - and _.
static bool make_token(const struct sl_app *app, char text[TOKEN_TEXT]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  unsigned char bytes[RANDOM_BYTES];
  size_t have = 0;
  while (have < sizeof bytes) {
    ssize_t n = app->sys->getrandom(bytes + have, sizeof bytes - have, 0);
    if (n <= 0) {
      return false;
    }
    have += (size_t)n;
  }
  size_t at = 0;
  for (size_t i = 0; i < sizeof bytes; i += 3) {
    unsigned word = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) {
      text[at++] = digits[word >> shift & 63];
    }
  }
  text[at] = '\0';
  return true;
}

int sl_run_token(const struct sl_app *app, const struct sl_args *args) {
  const char *name = args->words[0];
  const char *scopes = sl_args_value(args, "scopes");
  scopes = scopes == NULL ? "decide" : scopes;
  unsigned parsed;
  if (sl_scopes_parse(sl_str_of(scopes), &parsed) != SL_OK) {
    return sl_complain(app, "token: --scopes takes decide, read and admin, with commas between");
  }
  if (strlen(name) > 63 || strpbrk(name, " \t\r\n#") != NULL || name[0] == '\0') {
    return sl_complain(app, "token: NAME is 1 to 63 bytes without blanks and #");
  }
  char token[TOKEN_TEXT];
  if (!make_token(app, token)) {
    return sl_complain(app, "token: the system gives no randomness");
  }
  unsigned char hash[SL_TOKEN_HASH];
  sl_token_hash(sl_str_of(token), hash);
  fprintf(app->err,
          "The token, for the client; it is shown this once:\n  %s\n"
          "The line for the file of --token-file:\n",
          token);
  fprintf(app->out, "%s %s ", name, scopes);
  for (size_t i = 0; i < sizeof hash; i++) {
    fprintf(app->out, "%02x", hash[i]);
  }
  fputc('\n', app->out);
  return SL_EXIT_OK;
}
