// sluice rules check.
#include "cli/commands.h"
#include "cli/load_rules.h"
#include "cli/number.h"
#include "rule/model.h"

static size_t enabled_rules(const struct sl_model *model) {
  size_t count = 0;
  for (size_t i = 0; i < model->rule_count; i++) {
    count += model->rules[i].enabled;
  }
  return count;
}

static int check_set(const struct sl_app *app, const char *const *paths, size_t count) {
  struct sl_model *model;
  const int status = sl_load_model(app, paths, count, &model);
  if (status != SL_EXIT_OK) {
    return status;
  }
  char number[SL_NUMBER_TEXT];
  const size_t enabled = enabled_rules(model);
  for (size_t i = 0; i < count; i++) {
    fprintf(app->out, "%s%s", i == 0 ? "" : ", ", paths[i]);
  }
  fprintf(app->out, ": valid, %s rule%s", sl_number_text(model->rule_count, number),
          model->rule_count == 1 ? "" : "s");
  if (enabled != model->rule_count) {
    fprintf(app->out, ", %s of them disabled", sl_number_text(model->rule_count - enabled, number));
  }
  fputc('\n', app->out);
  sl_model_free(model);
  return SL_EXIT_OK;
}

int sl_run_rules_check(const struct sl_app *app, const struct sl_args *args) {
  if (sl_args_has(args, "together")) {
    return check_set(app, args->words, args->word_count);
  }
  // What cannot be read outweighs what is not valid.
  int worst = SL_EXIT_OK;
  for (size_t i = 0; i < args->word_count; i++) {
    const int status = check_set(app, &args->words[i], 1);
    worst = status > worst ? status : worst;
  }
  return worst;
}
