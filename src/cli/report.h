// report.h - what a replay found, as one JSON object or as tables for people.
#ifndef SL_CLI_REPORT_H
#define SL_CLI_REPORT_H

#include "cli/replay.h"

struct sl_report_options {
  size_t top;                       // keys listed of each rule
  struct sl_secret fingerprint;     // keys the fingerprints of secret values
  const char *const *secret_attrs;  // besides those that are secret by default
  size_t secret_attr_count;
};

// SL_OK; SL_ERR_MEMORY: nothing was written. Whether writing worked is for the caller to ask of
// app->out.
//
// The object, in this order of fields, without spaces, and a line end:
//   {"requests":N,"unparsed":N,"allowed":N,"throttled":N,"first":"RFC3339","last":"RFC3339","rules":[
//    {"id":"…","algorithm":"…","matched":N,"allowed":N,"throttled":N,"keys":N,"top":[
//     {"key":{"client_ip":"…"},"matched":N,"throttled":N}]}]}
// first and last are null where there was no request; a key's value is null where the attribute is
// absent. A byte that is no UTF-8 is written as the four characters \xHH.
enum sl_status sl_report_json(const struct sl_app *app, const struct sl_replay *replay,
                              const struct sl_report_options *options) SL_MUST_USE;

enum sl_status sl_report_tables(const struct sl_app *app, const struct sl_replay *replay,
                                const struct sl_report_options *options) SL_MUST_USE;

// Whether values of the attribute are shown as fingerprints only.
bool sl_report_is_secret(const struct sl_report_options *options, struct sl_str attr);

// The key lists of a rule: the caller's to free with its room. SL_ERR_MEMORY.
struct sl_top {
  const struct sl_key_stat **items;
  size_t count, room;
};
enum sl_status sl_report_top(const struct sl_replay *replay, const struct sl_rule *rule,
                             size_t most, struct sl_top *ret_top) SL_MUST_USE;
void sl_report_top_close(const struct sl_replay *replay, struct sl_top *top);

// The name of attribute i of a rule's key.
struct sl_str sl_report_key_name(const struct sl_replay *replay, const struct sl_rule *rule,
                                 size_t i);

#endif
