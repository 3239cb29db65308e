// sluice replay: reads logs line by line, replays the requests, reports.
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/load_rules.h"
#include "cli/log_input.h"
#include "cli/log_parser.h"
#include "cli/progress.h"
#include "cli/reorder.h"
#include "cli/report.h"
#include "rule/suggest.h"
#include "sys/read_file.h"
#include "wire/line.h"

enum { SHOWN_UNPARSED = 5, MESSAGE = 256, SECRET_BYTES_MAX = 64 << 10 };

#define TOP_MAX UINT64_C(1000000)

struct options {
  struct sl_log_settings log;
  struct sl_report_options report;
  bool json;
  bool reorders;
  uint64_t reorder_ns;
};

// One run of the command.
struct run {
  const struct sl_app *app;
  const struct sl_args *args;
  struct options options;
  struct sl_ruleset *set;
  struct sl_log_parser parser;
  struct sl_replay replay;
  struct sl_reorder reorder;
  struct sl_progress progress;
  const char *log;  // its name, as messages show it
  uint64_t line;    // its number in the log, from 1
};

// ---- options
// --------------------------------------------------------------------------------------

static int read_format(const struct sl_app *app, const struct sl_args *args,
                       struct options *options) {
  static const char *const names[] = {"combined", "common", "json"};
  static const enum sl_log_form forms[] = {SL_LOG_COMBINED, SL_LOG_COMMON, SL_LOG_JSON};
  const char *format = sl_args_value(args, "format");
  if (format == NULL) {
    return SL_EXIT_OK;
  }
  for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
    if (strcmp(format, names[i]) == 0) {
      options->log.form = forms[i];
      return SL_EXIT_OK;
    }
  }
  char buffer[MESSAGE];
  struct sl_text hint;
  sl_text_init(&hint, buffer, sizeof buffer);
  sl_suggest_write(&hint, sl_str_of(format), names, SL_ARRAY_LEN(names));
  return sl_complain(app, "replay: there is no format %s: %s", format, buffer);
}

static int read_numbers(const struct sl_app *app, const struct sl_args *args,
                        struct options *options) {
  const char *top = sl_args_value(args, "top");
  uint64_t number = 10;
  if (top != NULL && (sl_parse_u64(sl_str_of(top), &number) != SL_OK || number > TOP_MAX)) {
    return sl_complain(app, "replay: --top %s is no number from 0 to %" PRIu64, top, TOP_MAX);
  }
  options->report.top = (size_t)number;
  const char *reorder = sl_args_value(args, "reorder");
  options->reorders = reorder != NULL;
  if (reorder != NULL && sl_parse_duration(sl_str_of(reorder), &options->reorder_ns) != SL_OK) {
    return sl_complain(app, "replay: --reorder %s is no duration like 250ms, 60s or 5m", reorder);
  }
  return SL_EXIT_OK;
}

// The fingerprints' key: the file's content, hashed; without a file, that of all replays.
static int read_secret(const struct sl_app *app, const struct sl_args *args,
                       struct options *options) {
  const char *path = sl_args_value(args, "secret-file");
  options->report.fingerprint = sl_replay_secret;
  if (path == NULL) {
    return SL_EXIT_OK;
  }
  char buffer[MESSAGE];
  struct sl_text message;
  struct sl_file file;
  sl_text_init(&message, buffer, sizeof buffer);
  const enum sl_status status =
      sl_file_read(app->sys, &app->mem, path, SECRET_BYTES_MAX, &file, &message);
  if (status == SL_ERR_MEMORY) {
    return sl_complain_memory(app);
  }
  if (status != SL_OK) {
    return sl_complain(app, "%s %s", path, buffer);
  }
  const struct sl_hash hash = sl_hash_bytes(&sl_replay_secret, file.bytes, file.len);
  options->report.fingerprint = (struct sl_secret){{hash.lo, hash.hi}};
  sl_file_close(&app->mem, &file);
  return SL_EXIT_OK;
}

static int read_options(const struct sl_app *app, const struct sl_args *args,
                        struct options *options, const char **secret_attrs) {
  *options = (struct options){.json = sl_args_has(args, "json")};
  options->log.time_field = sl_args_value(args, "time-field");
  if (options->log.time_field == NULL) {
    options->log.time_field = "time";
  }
  options->log.ignore_other_types = sl_args_has(args, "ignore-other-types");
  size_t at = 0;
  for (const char *name; (name = sl_args_next(args, "secret-attribute", &at)) != NULL;) {
    secret_attrs[options->report.secret_attr_count++] = name;
  }
  options->report.secret_attrs = secret_attrs;
  int status = read_format(app, args, options);
  status = status == SL_EXIT_OK ? read_numbers(app, args, options) : status;
  return status == SL_EXIT_OK ? read_secret(app, args, options) : status;
}

// ---- lines
// ----------------------------------------------------------------------------------------

// Counts a line that is no request and shows the first few.
static void count_unparsed(struct run *run, size_t column, const char *reason) {
  struct sl_replay *replay = &run->replay;
  if (replay->unparsed++ >= SHOWN_UNPARSED) {
    return;
  }
  sl_progress_clear(&run->progress);
  fprintf(run->app->err, "%s:%" PRIu64 ":", run->log, run->line);
  if (column > 0) {
    fprintf(run->app->err, "%zu:", column);
  }
  fprintf(run->app->err, " unparsed: %s\n", reason);
}

static int complain_status(struct run *run, enum sl_status status) {
  sl_progress_clear(&run->progress);
  if (status == SL_ERR_MEMORY) {
    return sl_complain_memory(run->app);
  }
  if (status == SL_ERR_ARGUMENT) {
    return sl_complain(run->app, "%s:%" PRIu64 ": more than %d rules apply to one request",
                       run->log, run->line, SL_TOGETHER_MAX);
  }
  return sl_complain(run->app, "%s:%" PRIu64 ": %s", run->log, run->line, sl_status_text(status));
}

// Gives out what is due, or all.
static int decide_waiting(struct run *run, bool all) {
  uint64_t time_ns;
  const struct sl_str *values;
  while (sl_reorder_take(&run->reorder, all, &time_ns, &values)) {
    const struct sl_rule *rule;
    enum sl_status status = sl_replay_identify(&run->replay, values, &rule);
    status = status == SL_OK ? sl_replay_decide(&run->replay, time_ns) : status;
    if (status != SL_OK) {
      return complain_status(run, status);
    }
  }
  return SL_EXIT_OK;
}

// A line that reads as a request. It may still be none for the rules: one whose cost is no number.
static int take_request(struct run *run, uint64_t time_ns) {
  const struct sl_rule *rule = NULL;
  enum sl_status status = sl_replay_identify(&run->replay, run->parser.values, &rule);
  if (SL_UNLIKELY(status == SL_ERR_COST)) {
    char reason[MESSAGE];
    struct sl_text text;
    sl_text_init(&text, reason, sizeof reason);
    sl_text_printf(&text, "the cost that rule %.*s takes from it is no integer from 0 to 2^63-1",
                   rule == NULL ? 0 : (int)rule->id.len, rule == NULL ? "" : rule->id.ptr);
    count_unparsed(run, 0, reason);
    return SL_EXIT_OK;
  }
  if (SL_UNLIKELY(status == SL_ERR_ARGUMENT)) {
    count_unparsed(run, 0, "an attribute is longer than 65,536 bytes, or there are more than 256");
    return SL_EXIT_OK;
  }
  if (SL_LIKELY(status == SL_OK)) {
    status = run->options.reorders ? sl_reorder_put(&run->reorder, time_ns, run->parser.values)
                                   : sl_replay_decide(&run->replay, time_ns);
  }
  if (SL_UNLIKELY(status != SL_OK)) {
    return complain_status(run, status);
  }
  return run->options.reorders ? decide_waiting(run, false) : SL_EXIT_OK;
}

static int take_line(struct run *run, struct sl_str line) {
  uint64_t time_ns;
  run->line++;
  switch (sl_log_parse(&run->parser, line, &time_ns)) {
  case SL_LOG_REQUEST:
    return take_request(run, time_ns);
  case SL_LOG_BLANK:
    return SL_EXIT_OK;
  case SL_LOG_UNPARSED:
    count_unparsed(run, run->parser.column, run->parser.reason);
    return SL_EXIT_OK;
  default:
    return complain_status(run, SL_ERR_MEMORY);
  }
}

// ---- logs
// -----------------------------------------------------------------------------------------

static int complain_input(struct run *run, enum sl_status status, const char *message) {
  sl_progress_clear(&run->progress);
  return status == SL_ERR_MEMORY ? sl_complain_memory(run->app)
                                 : sl_complain(run->app, "%s %s", run->log, message);
}

// Lines of one log.
struct lines {
  struct sl_log_input input;
  struct sl_line_reader reader;
  bool skipping;  // the rest of a line that is too long
};

// A line that fills the whole buffer and does not end: counted, and passed over to its end.
static void skip_long(struct run *run, struct lines *lines) {
  if (!lines->skipping) {
    run->line++;
    count_unparsed(run, SL_LOG_LINE_MAX, "the line is longer than 1,048,575 bytes");
  }
  lines->skipping = true;
  sl_log_input_use(&lines->input, sl_log_input_view(&lines->input).len);
  lines->reader.scanned = 0;
}

static int read_lines(struct run *run, struct lines *lines, struct sl_text *message) {
  for (;;) {
    struct sl_str line;
    size_t used;
    const struct sl_str view = sl_log_input_view(&lines->input);
    if (SL_LIKELY(sl_line_read(&lines->reader, view, lines->input.ended, &line, &used))) {
      sl_log_input_use(&lines->input, used);
      const int status = lines->skipping ? SL_EXIT_OK : take_line(run, line);
      lines->skipping = false;
      if (SL_UNLIKELY(status != SL_EXIT_OK)) {
        return status;
      }
      continue;
    }
    if (lines->input.ended) {
      return SL_EXIT_OK;
    }
    if (view.len >= SL_LOG_LINE_MAX) {
      skip_long(run, lines);
    }
    sl_progress_show(&run->progress, lines->input.bytes_read, run->line);
    const enum sl_status status = sl_log_input_fill(&lines->input, message);
    if (status != SL_OK) {
      return complain_input(run, status, message->buffer);
    }
  }
}

static int read_log(struct run *run, const char *path) {
  char buffer[MESSAGE];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  struct lines lines = {.skipping = false};
  run->log = strcmp(path, "-") == 0 ? "(standard input)" : path;
  run->line = 0;
  sl_log_parser_begin(&run->parser);
  const enum sl_status status = sl_log_input_open(&lines.input, run->app, path, &message);
  if (status != SL_OK) {
    return complain_input(run, status, buffer);
  }
  const int result = read_lines(run, &lines, &message);
  sl_progress_end_log(&run->progress, lines.input.bytes_read, run->line);
  sl_log_input_close(&lines.input);
  return result;
}

// A log that is not there is told before the others are read for minutes.
static int check_logs(const struct sl_app *app, const struct sl_args *args) {
  int worst = SL_EXIT_OK;
  for (size_t i = 0; i < args->word_count; i++) {
    struct stat status;
    const char *path = args->words[i];
    if (strcmp(path, "-") == 0) {
      continue;
    }
    if (stat(path, &status) != 0) {
      worst = sl_complain(app, "%s cannot be opened: %s", path, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
      worst = sl_complain(app, "%s is a directory", path);
    }
  }
  return worst;
}

// ---- the whole
// ------------------------------------------------------------------------------------

// An attribute that no request had is most likely misspelt, or not in this kind of log.
static void tell_unseen(const struct run *run) {
  for (size_t i = 0; i < run->set->attr_count && run->replay.requests > 0; i++) {
    if (!run->parser.seen[i]) {
      const struct sl_str name = run->set->attr_names[i];
      fprintf(run->app->err,
              "note: the rules look at %.*s, but no request of the log has such an attribute\n",
              (int)name.len, name.ptr);
    }
  }
}

static void tell_rest(const struct run *run) {
  if (run->replay.unparsed > SHOWN_UNPARSED) {
    fprintf(run->app->err, "... and %" PRIu64 " more unparsed lines\n",
            run->replay.unparsed - SHOWN_UNPARSED);
  }
  tell_unseen(run);
  struct sl_engine_stats stats;
  sl_engine_get_stats(run->replay.engine, &stats);
  if (stats.dropped_lossy > 0) {
    fprintf(run->app->err,
            "note: memory did not hold all keys: %" PRIu64
            " were forgotten early, so that fewer requests count as throttled\n",
            stats.dropped_lossy);
  }
}

static int report(struct run *run) {
  const enum sl_status status =
      run->options.json ? sl_report_json(run->app, &run->replay, &run->options.report)
                        : sl_report_tables(run->app, &run->replay, &run->options.report);
  return status == SL_OK ? SL_EXIT_OK : sl_complain_memory(run->app);
}

static int read_and_report(struct run *run) {
  int status = SL_EXIT_OK;
  sl_progress_init(&run->progress, run->app, run->args->words, run->args->word_count);
  for (size_t i = 0; i < run->args->word_count && status == SL_EXIT_OK; i++) {
    status = read_log(run, run->args->words[i]);
  }
  status = status == SL_EXIT_OK ? decide_waiting(run, true) : status;
  sl_progress_clear(&run->progress);
  if (status == SL_EXIT_OK) {
    tell_rest(run);
    status = report(run);
  }
  return status;
}

static int run_with_set(struct run *run) {
  enum sl_status status = sl_log_parser_init(&run->parser, run->app, run->set, &run->options.log);
  if (status != SL_OK) {
    return sl_complain_memory(run->app);
  }
  status = sl_replay_init(&run->replay, run->app, run->set);
  int result = SL_EXIT_TROUBLE;
  if (status == SL_OK) {
    sl_reorder_init(&run->reorder, &run->app->mem, run->options.reorder_ns, run->set->attr_count);
    result = read_and_report(run);
    sl_reorder_close(&run->reorder);
    sl_replay_close(&run->replay);
  } else {
    sl_complain(run->app, "replay: %s", sl_status_text(status));
  }
  sl_log_parser_close(&run->parser);
  return result;
}

static int run_with_attrs(const struct sl_app *app, const struct sl_args *args,
                          const char **secret_attrs) {
  struct run run = {.app = app, .args = args};
  int status = read_options(app, args, &run.options, secret_attrs);
  status = status == SL_EXIT_OK ? check_logs(app, args) : status;
  if (status == SL_EXIT_OK) {
    status = sl_load_rules(app, args, &sl_replay_secret, &run.set);
  }
  if (status == SL_EXIT_OK) {
    status = run_with_set(&run);
    sl_ruleset_free(run.set);
  }
  return status;
}

int sl_run_replay(const struct sl_app *app, const struct sl_args *args) {
  const size_t room = args->given_count;  // --rules is among them
  const char **secret_attrs =
      sl_mem_array(&app->mem, room, sizeof secret_attrs[0], _Alignof(max_align_t));
  if (secret_attrs == NULL) {
    return sl_complain_memory(app);
  }
  const int status = run_with_attrs(app, args, secret_attrs);
  sl_mem_free(&app->mem, secret_attrs, room * sizeof secret_attrs[0]);
  return status;
}
