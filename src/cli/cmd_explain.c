// sluice explain: which rules a request meets, and why.
#include <inttypes.h>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/load_rules.h"
#include "cli/replay.h"
#include "rule/explain.h"
#include "rule/suggest.h"

enum { LINE = 4096 };

// NAME=VALUE; the name ends at the first '='.
static int read_attr(const struct sl_app *app, const char *word, struct sl_attr *ret_attr) {
  const char *equals = strchr(word, '=');
  if (equals == NULL || equals == word) {
    char escaped[LINE];
    struct sl_text text;
    sl_text_init(&text, escaped, sizeof escaped);
    sl_text_escape(&text, sl_str_of(word));
    return sl_complain(app, "explain: %s is not of the form NAME=VALUE", escaped);
  }
  ret_attr->name = (struct sl_str){.ptr = word, .len = (size_t)(equals - word)};
  ret_attr->value = sl_str_of(equals + 1);
  return SL_EXIT_OK;
}

// An attribute that no rule looks at is most likely misspelt.
static void note_unused(const struct sl_app *app, const struct sl_ruleset *set,
                        const struct sl_request *request) {
  for (size_t i = 0; i < request->attr_count; i++) {
    const struct sl_str name = request->attrs[i].name;
    if (sl_ruleset_attr(set, name) < 0) {
      fprintf(app->err, "note: no enabled rule looks at %.*s\n", (int)name.len, name.ptr);
    }
  }
}

static void print(const struct sl_app *app, const struct sl_explanation *explanation) {
  for (size_t i = 0; i < explanation->count; i++) {
    const struct sl_explained *explained = &explanation->rules[i];
    char line[LINE];
    struct sl_text text;
    sl_text_init(&text, line, sizeof line);
    sl_explained_write(explained, &text);
    fprintf(app->out, "%.*s: %s\n", (int)explained->rule->id.len, explained->rule->id.ptr, line);
  }
}

static int explain(const struct sl_app *app, const struct sl_ruleset *set,
                   const struct sl_request *request) {
  struct sl_arena arena;
  sl_arena_init(&arena, &app->mem);
  struct sl_explanation explanation;
  const enum sl_status status = sl_explain(set, request, &arena, &explanation);
  if (status == SL_OK) {
    note_unused(app, set, request);
    print(app, &explanation);
  }
  sl_arena_close(&arena);
  return status == SL_OK ? SL_EXIT_OK : sl_complain(app, "explain: %s", sl_status_text(status));
}

static int read_request(const struct sl_app *app, const struct sl_args *args, struct sl_attr *attrs,
                        struct sl_request *ret_request) {
  for (size_t i = 0; i < args->word_count; i++) {
    const int status = read_attr(app, args->words[i], &attrs[i]);
    if (status != SL_EXIT_OK) {
      return status;
    }
  }
  *ret_request = (struct sl_request){.attrs = attrs, .attr_count = args->word_count, .cost = 1};
  const char *cost = sl_args_value(args, "cost");
  if (cost != NULL && (sl_parse_u64(sl_str_of(cost), &ret_request->cost) != SL_OK ||
                       ret_request->cost > SL_COST_MAX)) {
    return sl_complain(app, "explain: --cost %s is no number from 0 to 2^63-1", cost);
  }
  return SL_EXIT_OK;
}

int sl_run_explain(const struct sl_app *app, const struct sl_args *args) {
  const size_t room = args->word_count + 1;
  struct sl_attr *attrs = sl_mem_array(&app->mem, room, sizeof attrs[0], _Alignof(max_align_t));
  if (attrs == NULL) {
    return sl_complain_memory(app);
  }
  struct sl_request request;
  struct sl_ruleset *set = NULL;
  int status = read_request(app, args, attrs, &request);
  if (status == SL_EXIT_OK) {
    status = sl_load_rules(app, args, &sl_replay_secret, &set);
  }
  if (status == SL_EXIT_OK) {
    status = explain(app, set, &request);
    sl_ruleset_free(set);
  }
  sl_mem_free(&app->mem, attrs, room * sizeof attrs[0]);
  return status;
}
