#include "server/watch.h"

#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static struct sl_watch_mark mark_of(const struct sl_sys *sys, const char *path) {
  struct stat stat;
  if (sys->stat(path, &stat) != 0) {
    return (struct sl_watch_mark){.exists = false};
  }
  return (struct sl_watch_mark){
      .exists = true,
      .device = stat.st_dev,
      .inode = stat.st_ino,
      .size = (uint64_t)stat.st_size,
      .changed_s = stat.st_ctim.tv_sec,
      .changed_ns = stat.st_ctim.tv_nsec,
      .modified_s = stat.st_mtim.tv_sec,
      .modified_ns = stat.st_mtim.tv_nsec,
  };
}

static bool same(const struct sl_watch_mark *a, const struct sl_watch_mark *b) {
  return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
         a->size == b->size && a->changed_s == b->changed_s && a->changed_ns == b->changed_ns &&
         a->modified_s == b->modified_s && a->modified_ns == b->modified_ns;
}

// The directory of a path, into `buffer`.
static void directory_of(const char *path, char *buffer, size_t size) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    snprintf(buffer, size, ".");
  } else {
    snprintf(buffer, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  }
}

static void watch_directory(struct sl_watch *watch, const char *path) {
  char directory[PATH_MAX];
  directory_of(path, directory, sizeof directory);
  // Where it fails, looking has to do.
  (void)watch->sys->inotify_add_watch(
      watch->inotify, directory, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB);
}

void sl_watch_init(struct sl_watch *watch, const struct sl_sys *sys) {
  *watch = (struct sl_watch){.sys = sys};
  watch->inotify = sys->inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

void sl_watch_close(struct sl_watch *watch) {
  if (watch->sys != NULL && watch->inotify >= 0) {
    (void)watch->sys->close(watch->inotify);
  }
  watch->sys = NULL;
}

bool sl_watch_add(struct sl_watch *watch, const char *path, unsigned group) {
  if (watch->count == SL_WATCH_FILES) {
    return false;
  }
  struct sl_watch_file *file = &watch->files[watch->count++];
  *file = (struct sl_watch_file){.path = path, .group = group, .mark = mark_of(watch->sys, path)};
  file->fresh = file->mark;
  if (watch->inotify >= 0) {
    watch_directory(watch, path);
  }
  return true;
}

void sl_watch_drain(struct sl_watch *watch) {
  char events[4096];
  while (watch->sys->read(watch->inotify, events, sizeof events) > 0) {
  }
}

void sl_watch_look(struct sl_watch *watch, unsigned *ret_changed, bool *ret_moving) {
  *ret_changed = 0;
  *ret_moving = false;
  for (size_t i = 0; i < watch->count; i++) {
    struct sl_watch_file *file = &watch->files[i];
    struct sl_watch_mark seen = mark_of(watch->sys, file->path);
    bool settled = same(&seen, &file->fresh);
    file->fresh = seen;
    if (!settled) {
      *ret_moving = true;
    } else if (!same(&seen, &file->mark)) {
      file->mark = seen;
      // One that is gone for the moment is no change yet: it may be on its way back.
      *ret_changed |= seen.exists ? file->group : 0;
    }
  }
}
