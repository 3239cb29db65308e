// load_rules.h - rule files into a rule set, with every mistake told.
#ifndef SL_CLI_LOAD_RULES_H
#define SL_CLI_LOAD_RULES_H

#include "cli/command.h"
#include "rule/ruleset.h"

// Reads files as one set; reports go to err, warnings too.
//   SL_EXIT_OK        *ret_model is valid and the caller's
//   SL_EXIT_INVALID   the rules are not valid
//   SL_EXIT_TROUBLE   a file cannot be read, or out of memory
int sl_load_model(const struct sl_app *app, const char *const *paths, size_t count,
                  struct sl_model **ret_model) SL_MUST_USE;

// The same for the files of --rules, compiled under a secret; the caller frees the set.
int sl_load_rules(const struct sl_app *app, const struct sl_args *args,
                  const struct sl_secret *secret, struct sl_ruleset **ret_set) SL_MUST_USE;

#endif
