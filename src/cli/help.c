// The texts of help and of the man pages' lists, out of the declarations.
#include "cli/command.h"
#include "rule/suggest.h"

enum { WIDTH = 80, OPTION_COLUMN = 26 };

// Where the next word goes while a paragraph is filled.
struct filler {
  FILE *out;
  size_t indent;
  size_t column;
};

static void new_line(struct filler *filler) {
  fprintf(filler->out, "\n%*s", (int)filler->indent, "");
  filler->column = filler->indent;
}

static void fill_word(struct filler *filler, struct sl_str word) {
  if (filler->column > filler->indent) {
    if (filler->column + 1 + word.len > WIDTH) {
      new_line(filler);
    } else {
      fputc(' ', filler->out);
      filler->column++;
    }
  }
  fwrite(word.ptr, 1, word.len, filler->out);
  filler->column += word.len;
}

// Writes text filled to the width. An empty line ends a paragraph; one that begins with a space
// stands as it is.
static void fill(struct filler *filler, const char *text) {
  while (*text != '\0') {
    const size_t len = strcspn(text, " \n");
    if (len > 0) {
      fill_word(filler, (struct sl_str){.ptr = text, .len = len});
    }
    text += len;
    if (text[0] == '\n' && text[1] == '\n') {
      fputc('\n', filler->out);
      new_line(filler);
      text += 2;
    }
    if (text[0] == ' ' && filler->column == filler->indent) {
      const size_t verbatim = strcspn(text, "\n");
      fwrite(text, 1, verbatim, filler->out);
      filler->column += verbatim;
      text += verbatim;
    } else if (text[0] == ' ' || (text[0] == '\n' && text[1] != '\n')) {
      text++;
    }
  }
}

static void print_text(FILE *out, const char *text) {
  struct filler filler = {.out = out};
  fill(&filler, text);
  fputc('\n', out);
}

// "  -r, --rules FILE", then the help beside or below it.
static void print_option(FILE *out, const struct sl_option *option) {
  struct filler filler = {.out = out, .indent = OPTION_COLUMN};
  int n = option->letter != 0 ? fprintf(out, "  -%c, --%s", option->letter, option->name)
                              : fprintf(out, "      --%s", option->name);
  n += option->value == NULL ? 0 : fprintf(out, " %s", option->value);
  filler.column = OPTION_COLUMN;
  if (n >= OPTION_COLUMN - 1) {
    new_line(&filler);
  } else {
    fprintf(out, "%*s", OPTION_COLUMN - n, "");
  }
  fill(&filler, option->help);
  fputc('\n', out);
}

static void print_usage(FILE *out, const struct sl_command *command) {
  fprintf(out, "Usage: sluice %s", command->name);
  for (size_t i = 0; i < command->option_count; i++) {
    if (command->options[i].needed) {
      fprintf(out, " --%s %s", command->options[i].name, command->options[i].value);
    }
  }
  fprintf(out, " [OPTION...]%s%s\n\n", command->arguments == NULL ? "" : " ",
          command->arguments == NULL ? "" : command->arguments);
}

void sl_help_command(const struct sl_app *app, const struct sl_command *command) {
  print_usage(app->out, command);
  fprintf(app->out, "%s.\n\n", command->summary);
  print_text(app->out, command->text);
  fputs("\nOptions:\n", app->out);
  for (size_t i = 0; i < command->option_count; i++) {
    print_option(app->out, &command->options[i]);
  }
  for (size_t i = 0; i < sl_common_option_count; i++) {
    print_option(app->out, &sl_common_options[i]);
  }
  fputs("\nExit status: 0 done; 1 the rules are not valid; 2 a mistake in the call, or\n"
        "something could not be read or written.\n",
        app->out);
}

void sl_help_program(const struct sl_app *app) {
  fputs("Usage: sluice COMMAND [OPTION...] [ARGUMENT...]\n\n"
        "Rate limits: says of every request whether it may go now.\n\nCommands:\n",
        app->out);
  for (size_t i = 0; i < sl_command_count; i++) {
    fprintf(app->out, "  %-14s %s\n", sl_commands[i].name, sl_commands[i].summary);
  }
  fputs("\nsluice help COMMAND, or sluice COMMAND --help, tells more.\n", app->out);
}

// ---- roff
// -----------------------------------------------------------------------------------------

// Text with everything escaped that roff would take for its own.
static void roff(FILE *out, const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '\\') {
      fputs("\\e", out);
    } else if (*at == '-') {
      fputs("\\-", out);
    } else if ((*at == '.' || *at == '\'') && (at == text || at[-1] == '\n')) {
      fprintf(out, "\\&%c", *at);
    } else {
      fputc(*at, out);
    }
  }
}

static void roff_option(FILE *out, const struct sl_option *option) {
  fputs(".TP\n", out);
  if (option->letter != 0) {
    fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
  }
  fputs("\\fB\\-\\-", out);
  roff(out, option->name);
  fputs("\\fR", out);
  if (option->value != NULL) {
    fputs(" \\fI", out);
    roff(out, option->value);
    fputs("\\fR", out);
  }
  fputc('\n', out);
  roff(out, option->help);
  fputc('\n', out);
}

void sl_help_man_options(const struct sl_app *app, const struct sl_command *command) {
  for (size_t i = 0; i < command->option_count; i++) {
    roff_option(app->out, &command->options[i]);
  }
  for (size_t i = 0; i < sl_common_option_count; i++) {
    roff_option(app->out, &sl_common_options[i]);
  }
}

void sl_help_man_commands(const struct sl_app *app) {
  for (size_t i = 0; i < sl_command_count; i++) {
    fprintf(app->out, ".TP\n\\fBsluice %s\\fR", sl_commands[i].name);
    if (sl_commands[i].arguments != NULL) {
      fputs(" \\fI", app->out);
      roff(app->out, sl_commands[i].arguments);
      fputs("\\fR", app->out);
    }
    fputc('\n', app->out);
    roff(app->out, sl_commands[i].summary);
    fputs(".\n", app->out);
  }
}

// A word that begins the names of some commands only: says which. False where it begins none.
static bool complain_group(const struct sl_app *app, const char *word) {
  const size_t len = strlen(word);
  bool found = false;
  for (size_t i = 0; i < sl_command_count; i++) {
    const char *name = sl_commands[i].name;
    if (strncmp(name, word, len) == 0 && name[len] == ' ') {
      fprintf(app->err, "%s%s", found ? ", " : "sluice: the command is one of: ", name);
      found = true;
    }
  }
  fputs(found ? "\nTry: sluice help\n" : "", app->err);
  return found;
}

int sl_command_unknown(const struct sl_app *app, const char *word) {
  if (complain_group(app, word)) {
    return SL_EXIT_TROUBLE;
  }
  enum { MOST = 64, SHOWN = 256 };
  const char *names[MOST];
  size_t count = 0;
  for (size_t i = 0; i < sl_command_count && count < MOST; i++) {
    names[count++] = sl_commands[i].name;
  }
  const char *near = sl_suggest(sl_str_of(word), names, count);
  char escaped[SHOWN];
  struct sl_text text;
  sl_text_init(&text, escaped, sizeof escaped);
  sl_text_escape(&text, sl_str_of(word));
  if (near != NULL) {
    sl_complain(app, "there is no command %s; did you mean %s?", escaped, near);
  } else {
    sl_complain(app, "there is no command %s", escaped);
  }
  fputs("Try: sluice help\n", app->err);
  return SL_EXIT_TROUBLE;
}
