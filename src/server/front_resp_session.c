// front_resp_session.c - what a connection is: its protocol, its name, its token.
#include "server/front_resp.h"
#include "server/server.h"
#include "server/tokens.h"

// ---- the token

// True when the token is one of ours; else an error was answered.
static bool authenticate(struct sl_resp_call *call, struct sl_str user, struct sl_str token) {
  const struct sl_tokens *tokens = call->context->tokens;
  (void)user;  // any: the token alone says who it is
  const unsigned scopes = tokens == NULL ? 0 : sl_tokens_check(tokens, token);
  if (scopes == 0) {
    sl_reply_error(call, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  call->conn->scopes = scopes;
  return true;
}

void sl_resp_auth(struct sl_resp_call *call) {
  if (call->argc > 3) {
    sl_reply_error(call, "ERR syntax error");
    return;
  }
  if (call->context->tokens == NULL && call->argc == 2) {
    sl_reply_error(call,
                   "ERR AUTH <password> called without any password configured for the default "
                   "user. Are you sure your configuration is correct?");
    return;
  }
  const struct sl_str user = call->argc == 3 ? sl_resp_arg(call, 1) : SL_STR("default");
  if (authenticate(call, user, sl_resp_arg(call, call->argc - 1))) {
    sl_reply_simple(call, "OK");
  }
}

// ---- the name

static bool is_name(struct sl_str name) {
  for (size_t i = 0; i < name.len; i++) {
    if (name.ptr[i] < '!' || name.ptr[i] > '~') {
      return false;
    }
  }
  return name.len <= SL_RESP_NAME_MAX;
}

static void forget_name(struct sl_resp_conn *conn, struct sl_context *context) {
  sl_mem_free(context->mem, conn->name, conn->name_len);
  conn->name = NULL;
  conn->name_len = 0;
}

// An empty name is none. False: an error was answered.
static bool set_name(struct sl_resp_call *call, struct sl_str name) {
  if (!is_name(name)) {
    sl_reply_error(call, "ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
  }
  char *copy = name.len == 0 ? NULL : sl_mem_alloc(call->context->mem, name.len);
  if (name.len > 0 && copy == NULL) {
    sl_reply_error(call, "ERR out of memory");
    return false;
  }
  forget_name(call->conn, call->context);
  if (copy != NULL) {
    memcpy(copy, name.ptr, name.len);
    call->conn->name = copy;
    call->conn->name_len = (uint32_t)name.len;
  }
  return true;
}

void sl_resp_session_reset(struct sl_resp_conn *conn, struct sl_context *context) {
  forget_name(conn, context);
  conn->three = false;
  conn->scopes = 0;
}

// ---- HELLO

struct hello {
  int64_t protocol;
  bool has_token, has_name;
  struct sl_str user, token, name;
};

// False: an error was answered.
static bool read_hello(struct sl_resp_call *call, struct hello *ret_hello) {
  *ret_hello = (struct hello){.protocol = call->conn->three ? 3 : 2};
  if (call->argc > 1 && !sl_resp_parse_i64(sl_resp_arg(call, 1), &ret_hello->protocol)) {
    sl_reply_error(call, "ERR Protocol version is not an integer or out of range");
    return false;
  }
  if (ret_hello->protocol != 2 && ret_hello->protocol != 3) {
    sl_reply_error(call, "NOPROTO unsupported protocol version");
    return false;
  }
  for (uint32_t i = 2; i < call->argc;) {
    const struct sl_str option = sl_resp_arg(call, i);
    if (sl_word_is(option, "auth") && call->argc - i > 2) {
      ret_hello->has_token = true;
      ret_hello->user = sl_resp_arg(call, i + 1);
      ret_hello->token = sl_resp_arg(call, i + 2);
      i += 3;
    } else if (sl_word_is(option, "setname") && call->argc - i > 1) {
      ret_hello->has_name = true;
      ret_hello->name = sl_resp_arg(call, i + 1);
      i += 2;
    } else {
      sl_reply_error(call, "ERR Syntax error in HELLO option '%.*s'",
                     (int)sl_min_u64(option.len, 64), option.ptr);
      return false;
    }
  }
  return true;
}

static void reply_hello(struct sl_resp_call *call) {
  sl_reply_map(call, 7);
  sl_reply_text(call, "server");
  sl_reply_text(call, "sluice");
  sl_reply_text(call, "version");
  sl_reply_text(call, SL_VERSION);
  sl_reply_text(call, "proto");
  sl_reply_int(call, call->conn->three ? 3 : 2);
  sl_reply_text(call, "id");
  sl_reply_count(call, call->conn->id);
  sl_reply_text(call, "mode");
  sl_reply_text(call, "standalone");
  sl_reply_text(call, "role");
  sl_reply_text(call, "master");
  sl_reply_text(call, "modules");
  sl_reply_array(call, 0);
}

void sl_resp_hello(struct sl_resp_call *call) {
  struct hello hello;
  if (!read_hello(call, &hello)) {
    return;
  }
  if (hello.has_token &&
      !(call->context->tokens == NULL && sl_word_is(hello.user, "default") &&
        hello.token.len == 0) &&
      !authenticate(call, hello.user, hello.token)) {
    return;
  }
  if (call->context->tokens != NULL && call->conn->scopes == 0) {
    sl_reply_error(call,
                   "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                   "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the "
                   "client and select the RESP protocol version at the same time");
    return;
  }
  if (hello.has_name && !set_name(call, hello.name)) {
    return;
  }
  call->conn->three = hello.protocol == 3;
  reply_hello(call);
}

// ---- CLIENT

static void client_set_info(struct sl_resp_call *call) {
  const struct sl_str what = sl_resp_arg(call, 2);
  if (!sl_word_is(what, "lib-name") && !sl_word_is(what, "lib-ver")) {
    sl_reply_error(call, "ERR Unrecognized option '%.*s'", (int)sl_min_u64(what.len, 64), what.ptr);
  } else if (!is_name(sl_resp_arg(call, 3))) {
    sl_reply_error(call, "ERR %s cannot contain spaces, newlines or special characters.",
                   sl_word_is(what, "lib-name") ? "lib-name" : "lib-ver");
  } else {
    sl_reply_simple(call, "OK");  // nobody asks for it
  }
}

static void client_get_name(struct sl_resp_call *call) {
  if (call->conn->name == NULL) {
    sl_reply_null(call);
  } else {
    sl_reply_bulk(call, (struct sl_str){.ptr = call->conn->name, .len = call->conn->name_len});
  }
}

static void client_set_name(struct sl_resp_call *call) {
  if (set_name(call, sl_resp_arg(call, 2))) {
    sl_reply_simple(call, "OK");
  }
}

static void client_id(struct sl_resp_call *call) { sl_reply_count(call, call->conn->id); }

void sl_resp_client(struct sl_resp_call *call) {
  static const struct {
    const char *name, *full;
    uint32_t argc;
    void (*run)(struct sl_resp_call *call);
  } subs[] = {
      {"setname", "client|setname", 3, client_set_name},
      {"getname", "client|getname", 2, client_get_name},
      {"setinfo", "client|setinfo", 4, client_set_info},
      {"id", "client|id", 2, client_id},
  };
  const struct sl_str sub = sl_resp_arg(call, 1);
  for (size_t i = 0; i < SL_ARRAY_LEN(subs); i++) {
    if (!sl_word_is(sub, subs[i].name)) {
      continue;
    }
    if (call->argc != subs[i].argc) {
      sl_reply_wrong_args(call, subs[i].full);
    } else {
      subs[i].run(call);
    }
    return;
  }
  sl_reply_error(call, "ERR unknown subcommand '%.*s'. Try COMMAND DOCS CLIENT.",
                 (int)sl_min_u64(sub.len, 128), sub.ptr);
}
