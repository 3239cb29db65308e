// commands.h - the functions that run the commands; each in a file of its own.
#ifndef SL_CLI_COMMANDS_H
#define SL_CLI_COMMANDS_H

#include "cli/command.h"

// Each returns the exit status; messages go to app->err.
int sl_run_replay(const struct sl_app *app, const struct sl_args *args);
int sl_run_rules_check(const struct sl_app *app, const struct sl_args *args);
int sl_run_explain(const struct sl_app *app, const struct sl_args *args);
int sl_run_serve(const struct sl_app *app, const struct sl_args *args);
int sl_run_token(const struct sl_app *app, const struct sl_args *args);
int sl_run_help(const struct sl_app *app, const struct sl_args *args);
int sl_run_version(const struct sl_app *app, const struct sl_args *args);

#endif
