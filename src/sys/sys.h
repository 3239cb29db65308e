// sys.h - the calls to the system, as a table: the one in use is handed down, so that a test can
// step the clock, fail each call, or count them.
//
// The folder sys/ is the only one that calls the system, and it does so only through such a table
// (what the processor gives without the system, and thread identity, excepted).
//
// Include directories of the build hold this folder as "sys/", before the system's own <sys/...>:
// no header here may have a name that stands there too (file.h, random.h, ...).
#ifndef SL_SYS_SYS_H
#define SL_SYS_SYS_H

#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "base/base.h"

struct epoll_event;
struct stat;

// Each has the contract of the system's function of the same name: -1, NULL or MAP_FAILED with
// errno set where it fails. Functions are called from any thread.
struct sl_sys {
  int (*clock_gettime)(clockid_t clock, struct timespec *ret_time);
  // Returns the error instead of setting errno.
  int (*clock_nanosleep)(clockid_t clock, int flags, const struct timespec *until,
                         struct timespec *ret_rest);
  int (*sched_yield)(void);
  ssize_t (*getrandom)(void *ret_bytes, size_t len, unsigned flags);
  void *(*calloc)(size_t count, size_t size);
  void *(*aligned_alloc)(size_t align, size_t size);
  void (*free)(void *ptr);
  void *(*mmap)(void *at, size_t len, int protection, int flags, int file, off_t offset);
  int (*munmap)(void *at, size_t len);
  int (*madvise)(void *at, size_t len, int advice);
  int (*open)(const char *path, int flags);
  ssize_t (*read)(int file, void *ret_bytes, size_t len);
  int (*close)(int file);
  ssize_t (*write)(int file, const void *bytes, size_t len);
  int (*create)(const char *path, int flags, mode_t mode);  // open, with what creating needs
  int (*fsync)(int file);
  int (*rename)(const char *from, const char *to);
  int (*unlink)(const char *path);
  int (*stat)(const char *path, struct stat *ret_stat);
  mode_t (*umask)(mode_t mask);

  int (*socket)(int domain, int type, int protocol);
  int (*setsockopt)(int socket, int level, int name, const void *value, socklen_t len);
  int (*getsockopt)(int socket, int level, int name, void *ret_value, socklen_t *len);
  int (*bind)(int socket, const struct sockaddr *address, socklen_t len);
  int (*listen)(int socket, int backlog);
  int (*accept4)(int socket, struct sockaddr *ret_address, socklen_t *len, int flags);
  int (*connect)(int socket, const struct sockaddr *address, socklen_t len);
  int (*getsockname)(int socket, struct sockaddr *ret_address, socklen_t *len);
  int (*getpeername)(int socket, struct sockaddr *ret_address, socklen_t *len);
  ssize_t (*recv)(int socket, void *ret_bytes, size_t len, int flags);
  ssize_t (*send)(int socket, const void *bytes, size_t len, int flags);
  int (*shutdown)(int socket, int how);
  int (*unsent)(int socket, int *ret_bytes);  // ioctl SIOCOUTQ

  int (*epoll_create1)(int flags);
  int (*epoll_ctl)(int epoll, int what, int file, struct epoll_event *event);
  int (*epoll_wait)(int epoll, struct epoll_event *ret_events, int most, int timeout_ms);
  int (*eventfd)(unsigned initial, int flags);
  int (*inotify_init1)(int flags);
  int (*inotify_add_watch)(int inotify, const char *path, uint32_t mask);
};

// The system itself.
extern const struct sl_sys sl_sys_real;

#endif
