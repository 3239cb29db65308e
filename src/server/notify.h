// notify.h - the system's manager of services: what it hands over, what it wants to hear.
// The protocols are sd_listen_fds(3) and sd_notify(3), a few lines each.
#ifndef SL_SERVER_NOTIFY_H
#define SL_SERVER_NOTIFY_H

#include "base/status.h"
#include "sys/sys.h"

// How many sockets were handed over, from descriptor SL_HANDED_FIRST on; 0 where LISTEN_PID is not
// this process.
enum { SL_HANDED_FIRST = 3 };
int sl_handed_count(char *(*get)(const char *name));
// The descriptor of the socket of that name (LISTEN_FDNAMES), or of that number counted from 0; -1
// where there is none.
int sl_handed_find(char *(*get)(const char *name), const char *name);

// Tells the manager: "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=...". Nothing happens
// where none listens (NOTIFY_SOCKET is not set).
void sl_notify(const struct sl_sys *sys, char *(*get)(const char *name), const char *state);

#endif
