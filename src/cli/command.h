// command.h - the commands of the program, declared as data: parsing, help, suggestions and the
// options of the man pages all come from these declarations. commands.c holds them; a command more
// is one entry there and one function that runs it.
#ifndef SL_CLI_COMMAND_H
#define SL_CLI_COMMAND_H

#include "cli/app.h"

struct sl_args;

struct sl_option {
  const char *name;   // without the dashes
  const char *value;  // what it takes, as help shows it: "FILE"; NULL: a flag
  const char *help;   // sentences
  char letter;        // the short form, 0: none
  bool needed;
  bool repeats;
};

struct sl_command {
  const char *name;       // one word, or two: "rules check"
  const char *arguments;  // what follows the options, as help shows it; NULL: nothing
  size_t least, most;     // how many of them
  const char *missing;    // what to say where there are fewer: "no LOG to read"
  const char *summary;    // a line, without a full stop
  const char *text;       // paragraphs, separated by an empty line
  const struct sl_option *options;
  size_t option_count;
  int (*run)(const struct sl_app *app, const struct sl_args *args);  // returns the exit status
};

extern const struct sl_command sl_commands[];
extern const size_t sl_command_count;

// The options that every command has: --help.
extern const struct sl_option sl_common_options[];
extern const size_t sl_common_option_count;

// ---- a call of a command
// --------------------------------------------------------------------------

struct sl_given {
  const struct sl_option *option;
  const char *value;  // NULL for a flag
};

struct sl_args {
  const struct sl_command *command;
  struct sl_given *given;  // in the order of the command line
  size_t given_count;
  const char **words;  // the other arguments
  size_t word_count;
  size_t room;  // of both arrays
};

// The command that the words name, the longest that fits; NULL where none does. *ret_used is how
// many words that took.
const struct sl_command *sl_command_find(const char *const *words, size_t count, size_t *ret_used);

// Reads the arguments after a command's name: --name VALUE, --name=VALUE, -n VALUE, -nVALUE; `--`
// ends the options, `-` alone is a word. Whatever is wrong is said on err.
//   0                 *ret_args is filled; close it
//   SL_EXIT_TROUBLE   it was a mistake; nothing to close
// --help asks for no other argument, so what is missing is not looked at where it is given.
int sl_args_read(const struct sl_app *app, const struct sl_command *command,
                 const char *const *words, size_t count, struct sl_args *ret_args) SL_MUST_USE;
void sl_args_close(const struct sl_app *app, struct sl_args *args);

// The value of an option, NULL where it was not given. Asking for one that is not declared is a
// bug.
const char *sl_args_value(const struct sl_args *args, const char *name);
bool sl_args_has(const struct sl_args *args, const char *name);
// The values of an option that repeats, in order: begin with *at = 0; NULL at the end.
const char *sl_args_next(const struct sl_args *args, const char *name, size_t *at);

// ---- texts from the declarations
// -----------------------------------------------------------------

void sl_help_program(const struct sl_app *app);
void sl_help_command(const struct sl_app *app, const struct sl_command *command);
// The options as the roff text of a man page.
void sl_help_man_options(const struct sl_app *app, const struct sl_command *command);
// The list of commands as the roff text of a man page.
void sl_help_man_commands(const struct sl_app *app);

// Says that a command does not exist, and which may be meant. Returns SL_EXIT_TROUBLE.
int sl_command_unknown(const struct sl_app *app, const char *word);

#endif
