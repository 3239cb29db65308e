// sluice help and sluice version.
#include "cli/commands.h"

int sl_run_version(const struct sl_app *app, const struct sl_args *args) {
  (void)args;
  fprintf(app->out, "sluice %s\n", SL_VERSION);
  return SL_EXIT_OK;
}

int sl_run_help(const struct sl_app *app, const struct sl_args *args) {
  if (args->word_count == 0) {
    sl_help_program(app);
    return SL_EXIT_OK;
  }
  size_t used = 0;
  const struct sl_command *command = sl_command_find(args->words, args->word_count, &used);
  if (command == NULL || used != args->word_count) {
    return sl_command_unknown(app, args->words[0]);
  }
  sl_help_command(app, command);
  return SL_EXIT_OK;
}
