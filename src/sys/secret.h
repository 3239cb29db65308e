// secret.h - secrets from the system.
#ifndef SL_SYS_SECRET_H
#define SL_SYS_SECRET_H

#include "base/hash.h"
#include "base/status.h"
#include "sys/sys.h"

// SL_OK; SL_ERR_IO: the system gives no randomness. Waits where the system has just started.
// Thread-safe.
enum sl_status sl_random_secret(const struct sl_sys *sys, struct sl_secret *ret_secret) SL_MUST_USE;

#endif
