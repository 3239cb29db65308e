#include "server/commands.h"

#include "server/front.h"

#define LIST(list) .args = (list), .arg_count = SL_ARRAY_LEN(list)

static const struct sl_resp_verb_arg attribute_parts[] = {
    {.name = "attribute", .type = "string"},
    {.name = "value", .type = "string"},
};

#define ATTRIBUTES                                                                     \
  {                                                                                    \
    .name = "attributes", .type = "block", .multiple = true, .parts = attribute_parts, \
    .part_count = SL_ARRAY_LEN(attribute_parts)                                        \
  }
#define COST \
  { .name = "n", .type = "integer", .token = "COST", .optional = true }

static const struct sl_resp_verb_arg throttle_args[] = {
    {.name = "key", .type = "key"},
    {.name = "max_burst", .type = "integer"},
    {.name = "count_per_period", .type = "integer"},
    {.name = "period", .type = "integer"},
    {.name = "quantity", .type = "integer", .optional = true},
};
static const struct sl_resp_verb_arg decide_args[] = {ATTRIBUTES, COST};
static const struct sl_resp_verb_arg slot_args[] = {{.name = "slot", .type = "string"}, ATTRIBUTES};
static const struct sl_resp_verb_arg reset_args[] = {ATTRIBUTES};
static const struct sl_resp_verb_arg rules_args[] = {
    {.name = "index", .type = "integer", .token = "FROM", .optional = true},
    {.name = "count", .type = "integer", .token = "COUNT", .optional = true},
};
static const struct sl_resp_verb_arg top_args[] = {
    {.name = "count", .type = "integer", .optional = true},
    {.name = "matched|throttled", .type = "string", .token = "BY", .optional = true},
};
static const struct sl_resp_verb_arg info_args[] = {
    {.name = "section", .type = "string", .optional = true, .multiple = true},
};
static const struct sl_resp_verb_arg message_args[] = {{.name = "message", .type = "string"}};
static const struct sl_resp_verb_arg ping_args[] = {
    {.name = "message", .type = "string", .optional = true},
};
static const struct sl_resp_verb_arg credentials[] = {
    {.name = "username", .type = "string"},
    {.name = "token", .type = "string"},
};
static const struct sl_resp_verb_arg hello_args[] = {
    {.name = "protover", .type = "integer", .optional = true},
    {.name = "credentials",
     .type = "block",
     .token = "AUTH",
     .optional = true,
     .parts = credentials,
     .part_count = SL_ARRAY_LEN(credentials)},
    {.name = "clientname", .type = "string", .token = "SETNAME", .optional = true},
};
static const struct sl_resp_verb_arg auth_args[] = {
    {.name = "username", .type = "string", .optional = true},
    {.name = "token", .type = "string"},
};
static const struct sl_resp_verb_arg sub_args[] = {
    {.name = "subcommand", .type = "string"},
    {.name = "argument", .type = "string", .optional = true, .multiple = true},
};
static const struct sl_resp_verb_arg command_args[] = {
    {.name = "COUNT|INFO|DOCS|LIST", .type = "string", .optional = true},
    {.name = "command-name", .type = "string", .optional = true, .multiple = true},
};
static const struct sl_resp_verb_arg select_args[] = {{.name = "index", .type = "integer"}};

const struct sl_resp_verb sl_resp_commands[SL_COMMANDS] = {
    {.id = SL_CMD_CL_THROTTLE,
     .name = "cl.throttle",
     .arity = -1,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "write fast",
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "decisions",
     .summary = "Decides about a key under the limit given with it, as redis-cell does.",
     .syntax = "key max_burst count_per_period period [quantity]",
     LIST(throttle_args)},
    {.id = SL_CMD_ALLOW,
     .name = "allow",
     .arity = -3,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "write fast",
     .group = "decisions",
     .summary = "Decides about a request under all rules that match it, and charges it.",
     .syntax = "attribute value [attribute value ...] [COST n]",
     LIST(decide_args)},
    {.id = SL_CMD_PEEK,
     .name = "peek",
     .arity = -3,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "readonly fast",
     .group = "decisions",
     .summary = "Says what ALLOW would, and charges nothing.",
     .syntax = "attribute value [attribute value ...] [COST n]",
     LIST(decide_args)},
    {.id = SL_CMD_CHARGE,
     .name = "charge",
     .arity = -3,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "write fast",
     .group = "decisions",
     .summary = "Charges without asking, after the fact, into debt if need be.",
     .syntax = "attribute value [attribute value ...] [COST n]",
     LIST(decide_args)},
    {.id = SL_CMD_RELEASE,
     .name = "release",
     .arity = -4,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "write fast",
     .group = "decisions",
     .summary = "Gives back a slot of a concurrency limit.",
     .syntax = "slot attribute value [attribute value ...]",
     LIST(slot_args)},
    {.id = SL_CMD_RENEW,
     .name = "renew",
     .arity = -4,
     .scopes = SL_SCOPE_DECIDE,
     .flags = "write fast",
     .group = "decisions",
     .summary = "Lets the lease of a slot begin anew.",
     .syntax = "slot attribute value [attribute value ...]",
     LIST(slot_args)},
    {.id = SL_CMD_RESET,
     .name = "reset",
     .arity = -1,
     .scopes = SL_SCOPE_ADMIN,
     .flags = "write fast",
     .group = "administration",
     .summary = "Makes the buckets of a request fresh; without arguments, the connection.",
     .syntax = "[attribute value ...]",
     LIST(reset_args)},
    {.id = SL_CMD_RULES,
     .name = "rules",
     .arity = -1,
     .scopes = SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly",
     .group = "administration",
     .summary = "Lists the rules in force.",
     .syntax = "[FROM index] [COUNT count]",
     LIST(rules_args)},
    {.id = SL_CMD_EXPLAIN,
     .name = "explain",
     .arity = -3,
     .scopes = SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly",
     .group = "administration",
     .summary = "Says of each rule whether it applies to a request, and why.",
     .syntax = "attribute value [attribute value ...] [COST n]",
     LIST(decide_args)},
    {.id = SL_CMD_TOP,
     .name = "top",
     .arity = -1,
     .scopes = SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly",
     .group = "administration",
     .summary = "Lists the busiest keys lately.",
     .syntax = "[count] [BY matched|throttled]",
     LIST(top_args)},
    {.id = SL_CMD_INFO,
     .name = "info",
     .arity = -1,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly loading stale",
     .group = "administration",
     .summary = "Tells figures of the server.",
     .syntax = "[section ...]",
     LIST(info_args)},
    {.id = SL_CMD_PING,
     .name = "ping",
     .arity = -1,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly fast",
     .group = "connection",
     .summary = "Answers PONG, or the message.",
     .syntax = "[message]",
     LIST(ping_args)},
    {.id = SL_CMD_ECHO,
     .name = "echo",
     .arity = 2,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "readonly fast",
     .group = "connection",
     .summary = "Answers the message.",
     .syntax = "message",
     LIST(message_args)},
    {.id = SL_CMD_HELLO,
     .name = "hello",
     .arity = -1,
     .flags = "noscript loading stale fast no_auth",
     .group = "connection",
     .summary = "Chooses RESP2 or RESP3, and tells about the server.",
     .syntax = "[protover [AUTH username token] [SETNAME clientname]]",
     LIST(hello_args)},
    {.id = SL_CMD_AUTH,
     .name = "auth",
     .arity = -2,
     .flags = "noscript loading stale fast no_auth",
     .group = "connection",
     .summary = "Names the token that says what this connection may do.",
     .syntax = "[username] token",
     LIST(auth_args)},
    {.id = SL_CMD_CLIENT,
     .name = "client",
     .arity = -2,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "noscript loading stale",
     .group = "connection",
     .summary = "Names this connection, and tells its name and number.",
     .syntax = "SETNAME name | GETNAME | SETINFO attribute value | ID",
     LIST(sub_args)},
    {.id = SL_CMD_COMMAND,
     .name = "command",
     .arity = -1,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "loading stale",
     .group = "connection",
     .summary = "Describes the commands.",
     .syntax = "[COUNT | INFO [name ...] | DOCS [name ...] | LIST]",
     LIST(command_args)},
    {.id = SL_CMD_SELECT,
     .name = "select",
     .arity = 2,
     .scopes = SL_SCOPE_DECIDE | SL_SCOPE_READ | SL_SCOPE_ADMIN,
     .flags = "loading stale fast",
     .group = "connection",
     .summary = "Takes database 0; there is no other.",
     .syntax = "index",
     LIST(select_args)},
    {.id = SL_CMD_QUIT,
     .name = "quit",
     .arity = -1,
     .flags = "noscript loading stale fast no_auth",
     .group = "connection",
     .summary = "Closes the connection when everything asked before was answered.",
     .syntax = ""},
};

bool sl_word_is(struct sl_str word, const char *lower) {
  for (size_t i = 0; i < word.len; i++) {
    char c = word.ptr[i];
    if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != lower[i] || lower[i] == '\0') {
      return false;
    }
  }
  return lower[word.len] == '\0';
}

const struct sl_resp_verb *sl_resp_command_find(struct sl_str name) {
  for (size_t i = 0; i < SL_COMMANDS; i++) {
    if (sl_word_is(name, sl_resp_commands[i].name)) {
      return &sl_resp_commands[i];
    }
  }
  return NULL;
}
