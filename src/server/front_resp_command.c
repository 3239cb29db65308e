// front_resp_command.c - COMMAND: the table of commands, as clients and redis-cli's help read it.
#include "server/front_resp.h"

// ---- COMMAND and COMMAND INFO

static const char *categories_of(const struct sl_resp_verb *command) {
  if (strcmp(command->group, "connection") == 0) {
    return "@connection";
  }
  return strcmp(command->group, "administration") == 0 ? "@admin" : "@keyspace";
}

// Ten parts, as since Redis 7.
static void reply_info(struct sl_resp_call *call, const struct sl_resp_verb *command) {
  sl_reply_array(call, 10);
  sl_reply_text(call, command->name);
  sl_reply_int(call, command->arity);
  sl_reply_words(call, command->flags);
  sl_reply_int(call, command->first_key);
  sl_reply_int(call, command->last_key);
  sl_reply_int(call, command->key_step);
  sl_reply_words(call, categories_of(command));
  sl_reply_array(call, 0);  // tips
  sl_reply_array(call, 0);  // key specifications
  sl_reply_array(call, 0);  // subcommands
}

static void reply_all(struct sl_resp_call *call) {
  sl_reply_array(call, SL_COMMANDS);
  for (size_t i = 0; i < SL_COMMANDS; i++) {
    reply_info(call, &sl_resp_commands[i]);
  }
}

static void command_info(struct sl_resp_call *call) {
  if (call->argc == 2) {
    reply_all(call);
    return;
  }
  sl_reply_array(call, call->argc - 2);
  for (uint32_t i = 2; i < call->argc; i++) {
    const struct sl_resp_verb *command = sl_resp_command_find(sl_resp_arg(call, i));
    if (command == NULL) {
      sl_reply_null(call);
    } else {
      reply_info(call, command);
    }
  }
}

// ---- COMMAND DOCS

// A part of a block, or an argument without its parts.
static void reply_arg_fields(struct sl_resp_call *call, const struct sl_resp_verb_arg *arg) {
  const size_t flags = (size_t)arg->optional + (size_t)arg->multiple;
  sl_reply_map(call, 2 + (size_t)(arg->token != NULL) + (size_t)(flags > 0) +
                         (size_t)(arg->part_count > 0));
  sl_reply_text(call, "name");
  sl_reply_text(call, arg->name);
  sl_reply_text(call, "type");
  sl_reply_text(call, arg->type);
  if (arg->token != NULL) {
    sl_reply_text(call, "token");
    sl_reply_text(call, arg->token);
  }
  if (flags > 0) {
    sl_reply_text(call, "flags");
    sl_reply_words(call, !arg->multiple   ? "optional"
                         : !arg->optional ? "multiple"
                                          : "optional multiple");
  }
}

static void reply_arg(struct sl_resp_call *call, const struct sl_resp_verb_arg *arg) {
  reply_arg_fields(call, arg);
  if (arg->part_count > 0) {
    sl_reply_text(call, "arguments");
    sl_reply_array(call, arg->part_count);
    for (size_t i = 0; i < arg->part_count; i++) {
      reply_arg_fields(call, &arg->parts[i]);
    }
  }
}

static void reply_docs(struct sl_resp_call *call, const struct sl_resp_verb *command) {
  sl_reply_text(call, command->name);
  sl_reply_map(call, 4 + (size_t)(command->arg_count > 0));
  sl_reply_text(call, "summary");
  sl_reply_text(call, command->summary);
  sl_reply_text(call, "since");
  sl_reply_text(call, SL_VERSION);
  sl_reply_text(call, "group");
  sl_reply_text(call, command->group);
  sl_reply_text(call, "syntax");
  sl_reply_text(call, command->syntax);
  if (command->arg_count > 0) {
    sl_reply_text(call, "arguments");
    sl_reply_array(call, command->arg_count);
    for (size_t i = 0; i < command->arg_count; i++) {
      reply_arg(call, &command->args[i]);
    }
  }
}

static void command_docs(struct sl_resp_call *call) {
  size_t known = call->argc == 2 ? SL_COMMANDS : 0;
  for (uint32_t i = 2; i < call->argc; i++) {
    known += sl_resp_command_find(sl_resp_arg(call, i)) != NULL;
  }
  sl_reply_map(call, known);
  for (size_t i = 0; call->argc == 2 && i < SL_COMMANDS; i++) {
    reply_docs(call, &sl_resp_commands[i]);
  }
  for (uint32_t i = 2; i < call->argc; i++) {
    const struct sl_resp_verb *command = sl_resp_command_find(sl_resp_arg(call, i));
    if (command != NULL) {
      reply_docs(call, command);
    }
  }
}

static void command_list(struct sl_resp_call *call) {
  sl_reply_array(call, SL_COMMANDS);
  for (size_t i = 0; i < SL_COMMANDS; i++) {
    sl_reply_text(call, sl_resp_commands[i].name);
  }
}

void sl_resp_command(struct sl_resp_call *call) {
  const struct sl_str sub = call->argc > 1 ? sl_resp_arg(call, 1) : SL_STR("");
  if (call->argc == 1) {
    reply_all(call);
  } else if (sl_word_is(sub, "count") && call->argc == 2) {
    sl_reply_int(call, SL_COMMANDS);
  } else if (sl_word_is(sub, "info")) {
    command_info(call);
  } else if (sl_word_is(sub, "docs")) {
    command_docs(call);
  } else if (sl_word_is(sub, "list") && call->argc == 2) {
    command_list(call);
  } else {
    sl_reply_error(call, "ERR unknown subcommand '%.*s'. Try COMMAND DOCS COMMAND.",
                   (int)sl_min_u64(sub.len, 128), sub.ptr);
  }
}
