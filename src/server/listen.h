// listen.h - the addresses that are served: read, held against the rules for serving beyond this
// machine (SEMANTICS 45), and opened.
#ifndef SL_SERVER_LISTEN_H
#define SL_SERVER_LISTEN_H

#include "server/worker.h"

// Reads the three addresses of the settings and opens their sockets for server->worker_count
// workers. Whatever is wrong is logged, with what would be right.
//   SL_OK; SL_ERR_INVALID a setting; SL_ERR_FULL an address is in use; SL_ERR_IO
enum sl_status sl_listen_open(struct sl_server *server, char *(*get)(const char *name)) SL_MUST_USE;

// Takes every connection that waits at the doors, gives it to a worker, and shuts the doors: those
// who come from now on meet whoever else listens there, or are refused. By the controlling thread,
// while the workers may be accepting too.
void sl_listen_drain(struct sl_server *server);

// Closes the sockets; Unix sockets of our own lose their files. No worker runs any more.
void sl_listen_close(struct sl_server *server);

#endif
