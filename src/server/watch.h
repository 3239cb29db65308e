// watch.h - noticing that files have changed: written in place, renamed over, or reached through
// symbolic links that were swapped (Kubernetes' ..data).
//
// What a path leads to is looked at itself (device, inode, size, times), so it does not matter how
// it came to change, or whether the file system tells. inotify on the directories only says when
// looking is worth while; without a word from it files are looked at once a second.
#ifndef SL_SERVER_WATCH_H
#define SL_SERVER_WATCH_H

#include "base/mem.h"
#include "base/status.h"
#include "sys/sys.h"

enum { SL_WATCH_FILES = 64, SL_WATCH_SETTLE_MS = 50, SL_WATCH_LOOK_MS = 1000 };

struct sl_watch_mark {
  bool exists;
  uint64_t device, inode, size;
  int64_t changed_s, modified_s;
  long changed_ns, modified_ns;
};

struct sl_watch_file {
  const char *path;
  unsigned group;              // one bit: what the file is to its user
  struct sl_watch_mark mark;   // as last told of
  struct sl_watch_mark fresh;  // as last seen
};

struct sl_watch {
  const struct sl_sys *sys;
  int inotify;  // -1: the system has none to give; then only looking helps
  struct sl_watch_file files[SL_WATCH_FILES];
  size_t count;
};

void sl_watch_init(struct sl_watch *watch, const struct sl_sys *sys);
void sl_watch_close(struct sl_watch *watch);
// `path` must outlive the watch. False: more than SL_WATCH_FILES.
bool sl_watch_add(struct sl_watch *watch, const char *path, unsigned group) SL_MUST_USE;
// inotify has something to say: takes it. The files are to be looked at soon.
void sl_watch_drain(struct sl_watch *watch);
// Looks at all files. *ret_changed: groups of files that have changed since they were last told of
// and look the same as at the last look, so that nobody is still at it; *ret_moving: somewhere
// somebody is: look again after SL_WATCH_SETTLE_MS.
void sl_watch_look(struct sl_watch *watch, unsigned *ret_changed, bool *ret_moving);

#endif
