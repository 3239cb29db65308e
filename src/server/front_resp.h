// front_resp.h - private to the RESP front end: a connection, the command that is being run, and
// how its answer is written.
#ifndef SL_SERVER_FRONT_RESP_H
#define SL_SERVER_FRONT_RESP_H

#include "server/cl_throttle.h"
#include "server/commands.h"
#include "server/front.h"
#include "server/metrics.h"
#include "server/settings.h"
#include "wire/resp.h"

enum {
  // A line of words is for people; a bulk is held against `max-attribute` only where it is one.
  SL_RESP_LINE_MAX = 1024,
  SL_RESP_BULK_MAX = 65536,
  SL_RESP_NAME_MAX = 256,  // of CLIENT SETNAME
  SL_RESP_TOP_MOST = 1000,
  SL_RESP_RULES_MOST = 1000,
};

struct sl_resp_conn {
  struct sl_resp_parser parser;
  unsigned scopes;  // that a token gave; of use only where tokens are needed
  bool three;       // RESP3
  bool closing;
  uint32_t top_left;  // CL.THROTTLE: calls to pass over until the next is noted
  uint64_t top_seed;
  uint64_t id;
  char *name;  // of CLIENT SETNAME; NULL: none
  uint32_t name_len;
  struct sl_cl_memo memo;
};

// A command that is being run. Argument 0 is its name.
struct sl_resp_call {
  struct sl_resp_conn *conn;
  struct sl_context *context;
  struct sl_out *out;
  const char *bytes;  // that the request begins with
  const struct sl_resp_verb *command;
  uint32_t argc;
};

static inline struct sl_str sl_resp_arg(const struct sl_resp_call *call, uint32_t index) {
  return sl_resp_arg_at(&call->conn->parser, call->bytes, index);
}

// ---- answers

void sl_reply_int(struct sl_resp_call *call, int64_t value);
// At most INT64_MAX.
void sl_reply_count(struct sl_resp_call *call, uint64_t value);
void sl_reply_bulk(struct sl_resp_call *call, struct sl_str text);
void sl_reply_text(struct sl_resp_call *call, const char *text);  // a bulk
void sl_reply_simple(struct sl_resp_call *call, const char *text);
void sl_reply_null(struct sl_resp_call *call);
void sl_reply_bool(struct sl_resp_call *call, bool value);
void sl_reply_array(struct sl_resp_call *call, size_t count);
void sl_reply_map(struct sl_resp_call *call, size_t pairs);
void sl_reply_set(struct sl_resp_call *call, size_t count);
// Words with spaces between, as a set of simple strings.
void sl_reply_words(struct sl_resp_call *call, const char *words);
// With its code: "ERR ...". Control characters become spaces.
void sl_reply_error(struct sl_resp_call *call, const char *format, ...) SL_PRINTF(2, 3);
void sl_reply_wrong_args(struct sl_resp_call *call, const char *name);

// ---- the commands

// front_resp_decide.c
void sl_resp_allow(struct sl_resp_call *call);  // ALLOW and PEEK
void sl_resp_charge(struct sl_resp_call *call);
void sl_resp_slot(struct sl_resp_call *call);  // RELEASE and RENEW
void sl_resp_reset(struct sl_resp_call *call);

// A request out of the pairs from argument `from` on.
struct sl_resp_asked {
  struct sl_attr attrs[SL_ATTRS_MAX];
  struct sl_request request;
  bool has_cost;
};
// False: an error was answered.
bool sl_resp_read_request(struct sl_resp_call *call, uint32_t from,
                          struct sl_resp_asked *ret_asked);

// front_resp_admin.c
void sl_resp_rules(struct sl_resp_call *call);
void sl_resp_explain(struct sl_resp_call *call);
void sl_resp_top(struct sl_resp_call *call);
void sl_resp_info(struct sl_resp_call *call);

// front_resp_session.c
void sl_resp_hello(struct sl_resp_call *call);
void sl_resp_auth(struct sl_resp_call *call);
void sl_resp_client(struct sl_resp_call *call);
void sl_resp_session_reset(struct sl_resp_conn *conn, struct sl_context *context);

// front_resp_command.c
void sl_resp_command(struct sl_resp_call *call);

#endif
