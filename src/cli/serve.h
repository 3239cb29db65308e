// serve.h - the options of sluice serve: one for each setting, and the command's own.
#ifndef SL_CLI_SERVE_H
#define SL_CLI_SERVE_H

#include "cli/command.h"
#include "server/settings.h"

enum { SL_SERVE_OPTIONS = 3 + SL_SETTING_COUNT };
extern const struct sl_option sl_serve_options[SL_SERVE_OPTIONS];

#endif
