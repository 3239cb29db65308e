// rule_load.h - rule files into force: what stands between the files and the Throttle Rule Cache.
#ifndef SL_SERVER_RULE_LOAD_H
#define SL_SERVER_RULE_LOAD_H

#include "server/worker.h"

// Reads the files of the settings as one set and puts it in force, whole. Every mistake and warning
// is logged with its place. With no files the set is empty, and everything is allowed.
//   SL_OK
//   SL_ERR_INVALID  not valid, or not to be read: the rules in force stay
//   SL_ERR_MEMORY, SL_ERR_FULL  likewise
// By the controlling thread.
enum sl_status sl_rules_load(struct sl_server *server) SL_MUST_USE;

// Reads the file of tokens, if there is one, and puts them in force. Results as above.
enum sl_status sl_tokens_load(struct sl_server *server) SL_MUST_USE;

// Reads the certificates, if there are any. Results as above.
enum sl_status sl_certificates_load(struct sl_server *server) SL_MUST_USE;

#endif
