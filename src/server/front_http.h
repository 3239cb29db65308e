// front_http.h - private to server/front_http*.c: a request under way, and what its reply is
// written with.
#ifndef SL_SERVER_FRONT_HTTP_H
#define SL_SERVER_FRONT_HTTP_H

#include "rule/request.h"
#include "server/front.h"
#include "wire/http1.h"
#include "wire/json.h"

// One request, from its last byte to its reply.
struct sl_http_call {
  struct sl_context *context;
  const struct sl_peer *peer;
  const struct sl_http_request *request;
  struct sl_str path, query;  // of the target
  struct sl_str body;         // decoded
  struct sl_out *out;
  struct sl_arena arena;  // what the request needs besides; freed with it
  bool close;             // the connection ends with this reply
  bool draining;          // the server is about to stop
  size_t length_at;       // in out: where Content-Length's number belongs
  size_t body_at;         // in out: where the body begins, until its head is closed
};

// ---- replies (front_http_reply.c)

// Writes the status line and the fields that every reply has. Further fields are added with
// sl_http_add, the body after sl_http_open_body, and sl_http_end settles the length.
void sl_http_begin(struct sl_http_call *call, unsigned status);
void sl_http_open_body(struct sl_http_call *call, struct sl_str content_type);
void sl_http_end(struct sl_http_call *call);

static inline void sl_http_add(struct sl_http_call *call, struct sl_str text) {
  sl_out_add(call->out, text);
}
#define SL_HTTP_ADD(call, literal) sl_http_add(call, SL_STR(literal))
void sl_http_add_number(struct sl_http_call *call, uint64_t number);
void sl_http_add_string(struct sl_http_call *call, struct sl_str text);  // as JSON, with quotes
void sl_http_add_ms(struct sl_http_call *call, uint64_t ns);             // rounded up

#define SL_HTTP_JSON SL_STR("application/json")

// A whole reply with an error: problem+json (RFC 9457). `detail` is any text.
void sl_http_problem(struct sl_http_call *call, unsigned status, struct sl_str title,
                     struct sl_str detail);
// The same with a printf'd detail. Text from outside is to be escaped before (sl_quote).
void sl_http_problemf(struct sl_http_call *call, unsigned status, const char *title,
                      const char *format, ...) SL_PRINTF(4, 5);
// What a status of deciding means to the client; `rule` may be NULL.
void sl_http_problem_of(struct sl_http_call *call, enum sl_status status,
                        const struct sl_rule *rule);

// ---- decisions (front_http_decision.c)

// Writes the reply to a decided request: 200, 422, or `deny` (429, or what ?deny= says), with the
// rate limit fields.
void sl_http_answer(struct sl_http_call *call, const struct sl_answer *answer, unsigned deny);
// The members of a decision, without the braces around them.
void sl_http_add_decision(struct sl_http_call *call, const struct sl_answer *answer);
// {"rule": ..., figures} of one hit.
void sl_http_add_hit(struct sl_http_call *call, const struct sl_hit *hit,
                     const struct sl_decision *decision, bool with_verdict);

// ---- bodies (front_http_body.c)

// The members that a body may have besides "attributes".
enum { SL_ASK_COST = 1, SL_ASK_SLOT = 2, SL_ASK_RULE = 4 };

// What a body asks for. Views into the body or the call's arena.
struct sl_http_ask {
  struct sl_request request;
  struct sl_str rule;  // len 0: not given
  uint64_t slot;       // 0: not given
  struct sl_attr attrs[SL_ATTRS_MAX];
};

// Reads {"attributes": {...}, ...}, whose first event is taken from `json`. False: the problem was
// written.
bool sl_http_read_ask(struct sl_http_call *call, struct sl_json *json, unsigned members,
                      struct sl_http_ask *ret_ask) SL_MUST_USE;
// The whole body as one of these.
bool sl_http_read_body(struct sl_http_call *call, unsigned members,
                       struct sl_http_ask *ret_ask) SL_MUST_USE;
// 400, with where in the body the mistake stands.
void sl_http_problem_json(struct sl_http_call *call, const struct sl_json *json);

// ---- what is served (front_http_decide.c, front_http_check.c, front_http_view.c)

// Decides a request, its clock read anew before it is refused; counts it.
enum sl_status sl_http_decide(struct sl_http_call *call, const struct sl_request *request,
                              bool look, struct sl_answer *ret_answer,
                              const struct sl_rule **ret_rule) SL_MUST_USE;

void sl_http_allow(struct sl_http_call *call);
void sl_http_peek(struct sl_http_call *call);
void sl_http_batch(struct sl_http_call *call);
void sl_http_charge(struct sl_http_call *call);
void sl_http_release(struct sl_http_call *call);
void sl_http_renew(struct sl_http_call *call);
void sl_http_reset(struct sl_http_call *call);
void sl_http_explain(struct sl_http_call *call);
void sl_http_check(struct sl_http_call *call);
void sl_http_healthz(struct sl_http_call *call);
void sl_http_readyz(struct sl_http_call *call);
void sl_http_metrics(struct sl_http_call *call);
void sl_http_top(struct sl_http_call *call);
void sl_http_rules(struct sl_http_call *call);
void sl_http_openapi(struct sl_http_call *call);

#endif
