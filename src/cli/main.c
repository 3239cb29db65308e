// The program `sluice`: finds the command, reads its options, runs it.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "sys/default_mem.h"

// For tools/update-man, which keeps the man pages in step: the list of commands, or the options of
// one.
static int print_man(const struct sl_app *app, const char *const *words, size_t count) {
  size_t used = 0;
  const struct sl_command *command = sl_command_find(words, count, &used);
  if (count == 0) {
    sl_help_man_commands(app);
  } else if (command == NULL || used != count) {
    return sl_command_unknown(app, words[0]);
  } else {
    sl_help_man_options(app, command);
  }
  return SL_EXIT_OK;
}

static int run_command(const struct sl_app *app, const struct sl_command *command,
                       const char *const *words, size_t count) {
  struct sl_args args;
  int status = sl_args_read(app, command, words, count, &args);
  if (status != SL_EXIT_OK) {
    return status;
  }
  if (sl_args_has(&args, "help")) {
    sl_help_command(app, command);
  } else {
    status = command->run(app, &args);
  }
  sl_args_close(app, &args);
  return status;
}

static int run_words(const struct sl_app *app, const char *const *words, size_t count) {
  if (count == 0) {
    fputs("sluice: no command\nTry: sluice help\n", app->err);
    return SL_EXIT_TROUBLE;
  }
  if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
    sl_help_program(app);
    return SL_EXIT_OK;
  }
  if (strcmp(words[0], "--version") == 0) {
    return sl_run_version(app, NULL);
  }
  if (strcmp(words[0], "--man-options") == 0) {
    return print_man(app, words + 1, count - 1);
  }
  size_t used = 0;
  const struct sl_command *command = sl_command_find(words, count, &used);
  if (command == NULL) {
    return sl_command_unknown(app, words[0]);
  }
  return run_command(app, command, words + used, count - used);
}

// What was written may lie in a buffer still: a full disk shows only now.
static int flush(const struct sl_app *app, int status) {
  if (fflush(app->out) != 0 || ferror(app->out)) {
    return sl_complain(app, "standard output cannot be written: %s", strerror(errno));
  }
  return status;
}

int main(int argc, char **argv) {
  const char *no_colour = getenv("NO_COLOR");
  struct sl_app app = {
      .sys = &sl_sys_real,
      .mem = sl_default_mem(&sl_sys_real),
      .out = stdout,
      .err = stderr,
      .out_is_terminal = isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = isatty(STDERR_FILENO) == 1,
  };
  app.colour = app.out_is_terminal && (no_colour == NULL || no_colour[0] == '\0');
  const size_t count = argc > 1 ? (size_t)argc - 1 : 0;
  const char *const *words = count == 0 ? NULL : (const char *const *)(argv + 1);
  return flush(&app, run_words(&app, words, count));
}
