// Reading a command line by a command's declaration.
#include "cli/command.h"
#include "rule/suggest.h"

const struct sl_option sl_common_options[] = {
    {.name = "help", .letter = 'h', .help = "Show this help and do nothing else."},
};
const size_t sl_common_option_count = SL_ARRAY_LEN(sl_common_options);

static const struct sl_option *option_at(const struct sl_command *command, size_t i) {
  return i < command->option_count ? &command->options[i]
                                   : &sl_common_options[i - command->option_count];
}

static size_t option_count(const struct sl_command *command) {
  return command->option_count + sl_common_option_count;
}

static const struct sl_option *find_option(const struct sl_command *command, struct sl_str name) {
  for (size_t i = 0; i < option_count(command); i++) {
    if (sl_str_eq(sl_str_of(option_at(command, i)->name), name)) {
      return option_at(command, i);
    }
  }
  return NULL;
}

static const struct sl_option *find_letter(const struct sl_command *command, char letter) {
  for (size_t i = 0; i < option_count(command); i++) {
    if (option_at(command, i)->letter == letter) {
      return option_at(command, i);
    }
  }
  return NULL;
}

// ---- what may be wrong
// ----------------------------------------------------------------------------

static int refer_to_help(const struct sl_app *app, const struct sl_command *command) {
  fprintf(app->err, "Try: sluice %s --help\n", command->name);
  return SL_EXIT_TROUBLE;
}

static int complain_unknown(const struct sl_app *app, const struct sl_command *command,
                            struct sl_str name) {
  enum { MOST = 64, HINT = 1024 };
  const char *names[MOST];
  size_t count = 0;
  for (size_t i = 0; i < option_count(command) && count < MOST; i++) {
    names[count++] = option_at(command, i)->name;
  }
  const char *near = sl_suggest(name, names, count);
  char escaped[HINT];
  struct sl_text text;
  sl_text_init(&text, escaped, sizeof escaped);
  sl_text_escape(&text, name);
  if (near != NULL) {
    sl_complain(app, "%s: there is no option --%s; did you mean --%s?", command->name, escaped,
                near);
  } else {
    sl_complain(app, "%s: there is no option --%s", command->name, escaped);
  }
  return refer_to_help(app, command);
}

static int complain_option(const struct sl_app *app, const struct sl_command *command,
                           const struct sl_option *option, const char *what) {
  sl_complain(app, "%s: --%s%s%s %s", command->name, option->name, option->value == NULL ? "" : " ",
              option->value == NULL ? "" : option->value, what);
  return refer_to_help(app, command);
}

static bool was_given(const struct sl_args *args, const struct sl_option *option) {
  for (size_t i = 0; i < args->given_count; i++) {
    if (args->given[i].option == option) {
      return true;
    }
  }
  return false;
}

static int check_whole(const struct sl_app *app, const struct sl_args *args) {
  const struct sl_command *command = args->command;
  if (sl_args_has(args, "help")) {
    return SL_EXIT_OK;
  }
  for (size_t i = 0; i < command->option_count; i++) {
    if (command->options[i].needed && !was_given(args, &command->options[i])) {
      return complain_option(app, command, &command->options[i], "is needed");
    }
  }
  if (args->word_count < command->least) {
    sl_complain(app, "%s: %s", command->name, command->missing);
    return refer_to_help(app, command);
  }
  if (args->word_count > command->most) {
    sl_complain(app, "%s: one argument too many: %s", command->name, args->words[command->most]);
    return refer_to_help(app, command);
  }
  return SL_EXIT_OK;
}

// ---- reading
// --------------------------------------------------------------------------------------

// The words still to be read.
struct line {
  const struct sl_app *app;
  struct sl_args *args;
  const char *const *words;
  size_t count;
  size_t at;
};

// Notes an option; `inside` is a value given in the same word, or NULL.
static int take_option(struct line *line, const struct sl_option *option, const char *inside) {
  const struct sl_command *command = line->args->command;
  if (!option->repeats && option->value != NULL && was_given(line->args, option)) {
    return complain_option(line->app, command, option, "is given twice");
  }
  if (option->value == NULL && inside != NULL) {
    return complain_option(line->app, command, option, "takes no value");
  }
  const char *value = inside;
  if (option->value != NULL && inside == NULL) {
    if (line->at >= line->count) {
      return complain_option(line->app, command, option, "lacks its value");
    }
    value = line->words[line->at++];
  }
  line->args->given[line->args->given_count++] =
      (struct sl_given){.option = option, .value = value};
  return SL_EXIT_OK;
}

static int take_long(struct line *line, const char *word) {
  const char *equals = strchr(word, '=');
  const struct sl_str name = {.ptr = word,
                              .len = equals == NULL ? strlen(word) : (size_t)(equals - word)};
  const struct sl_option *option = find_option(line->args->command, name);
  if (option == NULL) {
    return complain_unknown(line->app, line->args->command, name);
  }
  return take_option(line, option, equals == NULL ? NULL : equals + 1);
}

// "-abVALUE": flags, and at the end one that takes a value.
static int take_letters(struct line *line, const char *letters) {
  while (*letters != '\0') {
    const struct sl_option *option = find_letter(line->args->command, *letters);
    if (option == NULL) {
      sl_complain(line->app, "%s: there is no option -%c", line->args->command->name,
                  *letters >= ' ' && *letters < 0x7f ? *letters : '?');
      return refer_to_help(line->app, line->args->command);
    }
    letters++;
    const bool takes_rest = option->value != NULL && *letters != '\0';
    const int status = take_option(line, option, takes_rest ? letters : NULL);
    if (status != SL_EXIT_OK || takes_rest) {
      return status;
    }
  }
  return SL_EXIT_OK;
}

static int read_words(struct line *line) {
  bool options_end = false;
  while (line->at < line->count) {
    const char *word = line->words[line->at++];
    int status = SL_EXIT_OK;
    if (options_end || word[0] != '-' || word[1] == '\0') {
      line->args->words[line->args->word_count++] = word;
    } else if (strcmp(word, "--") == 0) {
      options_end = true;
    } else if (word[1] == '-') {
      status = take_long(line, word + 2);
    } else {
      status = take_letters(line, word + 1);
    }
    if (status != SL_EXIT_OK) {
      return status;
    }
  }
  return SL_EXIT_OK;
}

// A word of short flags gives several options: room for as many as there are letters.
static size_t most_given(const char *const *words, size_t count) {
  size_t most = count + 1;
  for (size_t i = 0; i < count; i++) {
    most += words[i][0] == '-' ? strlen(words[i]) : 0;
  }
  return most;
}

int sl_args_read(const struct sl_app *app, const struct sl_command *command,
                 const char *const *words, size_t count, struct sl_args *ret_args) {
  const size_t room = most_given(words, count);
  struct sl_args args = {.command = command, .room = room};
  args.given = sl_mem_array(&app->mem, room, sizeof args.given[0], _Alignof(max_align_t));
  args.words = sl_mem_array(&app->mem, room, sizeof args.words[0], _Alignof(max_align_t));
  if (args.given == NULL || args.words == NULL) {
    sl_args_close(app, &args);
    return sl_complain_memory(app);
  }
  struct line line = {.app = app, .args = &args, .words = words, .count = count};
  int status = read_words(&line);
  status = status == SL_EXIT_OK ? check_whole(app, &args) : status;
  if (status != SL_EXIT_OK) {
    sl_args_close(app, &args);
    return status;
  }
  *ret_args = args;
  return SL_EXIT_OK;
}

void sl_args_close(const struct sl_app *app, struct sl_args *args) {
  sl_mem_free(&app->mem, args->given, args->room * sizeof args->given[0]);
  sl_mem_free(&app->mem, args->words, args->room * sizeof args->words[0]);
  *args = (struct sl_args){0};
}

// ---- asking
// ---------------------------------------------------------------------------------------

const char *sl_args_next(const struct sl_args *args, const char *name, size_t *at) {
  const struct sl_option *option = find_option(args->command, sl_str_of(name));
  sl_assert(option != NULL);
  while (*at < args->given_count) {
    const struct sl_given *given = &args->given[(*at)++];
    if (given->option == option) {
      return given->value == NULL ? "" : given->value;
    }
  }
  return NULL;
}

const char *sl_args_value(const struct sl_args *args, const char *name) {
  size_t at = 0;
  return sl_args_next(args, name, &at);
}

bool sl_args_has(const struct sl_args *args, const char *name) {
  return sl_args_value(args, name) != NULL;
}

const struct sl_command *sl_command_find(const char *const *words, size_t count, size_t *ret_used) {
  for (size_t i = 0; i < sl_command_count; i++) {
    const char *name = sl_commands[i].name;
    const char *space = strchr(name, ' ');
    const struct sl_str first = {.ptr = name,
                                 .len = space == NULL ? strlen(name) : (size_t)(space - name)};
    if (count == 0 || !sl_str_eq(sl_str_of(words[0]), first)) {
      continue;
    }
    if (space == NULL) {
      *ret_used = 1;
      return &sl_commands[i];
    }
    if (count > 1 && strcmp(words[1], space + 1) == 0) {
      *ret_used = 2;
      return &sl_commands[i];
    }
  }
  return NULL;
}
