// commands.h - every command of the RESP front end, declared once: what is checked before it runs,
// and what COMMAND, COMMAND DOCS and the documentation say of it.
#ifndef SL_SERVER_COMMANDS_H
#define SL_SERVER_COMMANDS_H

#include "base/base.h"

enum sl_command_id {
  SL_CMD_CL_THROTTLE,
  SL_CMD_ALLOW,
  SL_CMD_PEEK,
  SL_CMD_CHARGE,
  SL_CMD_RELEASE,
  SL_CMD_RENEW,
  SL_CMD_RESET,
  SL_CMD_RULES,
  SL_CMD_EXPLAIN,
  SL_CMD_TOP,
  SL_CMD_INFO,
  SL_CMD_PING,
  SL_CMD_ECHO,
  SL_CMD_HELLO,
  SL_CMD_AUTH,
  SL_CMD_CLIENT,
  SL_CMD_COMMAND,
  SL_CMD_SELECT,
  SL_CMD_QUIT,
  SL_COMMANDS
};

// An argument as COMMAND DOCS tells it.
struct sl_resp_verb_arg {
  const char *name;
  const char *type;   // string, integer, key, block, pure-token
  const char *token;  // the word before it; NULL: none
  bool optional;
  bool multiple;
  const struct sl_resp_verb_arg *parts;  // of a block; parts have none
  size_t part_count;
};

struct sl_resp_verb {
  enum sl_command_id id;
  const char *name;   // lower case
  int arity;          // with the name; negative: at least so many
  unsigned scopes;    // of enum sl_scope, any of which is needed; 0: none, not even a token
  const char *flags;  // as COMMAND gives them, spaces between
  int first_key, last_key, key_step;
  const char *group;
  const char *summary;
  const char *syntax;  // of the arguments, for people
  const struct sl_resp_verb_arg *args;
  size_t arg_count;
};

extern const struct sl_resp_verb sl_resp_commands[SL_COMMANDS];

// By name, in any case; NULL when there is none.
const struct sl_resp_verb *sl_resp_command_find(struct sl_str name);

// Equal but for the case of ASCII letters; `lower` is in lower case.
bool sl_word_is(struct sl_str word, const char *lower);

#endif
