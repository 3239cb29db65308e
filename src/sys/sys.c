#include "sys/sys.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

// Without the mode argument, which only creating a file needs.
static int open_present(const char *path, int flags) { return open(path, flags); }

static int open_new(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }

// The C library declares these with a type for addresses of its own.
static int bind_plain(int socket, const struct sockaddr *address, socklen_t len) {
  return bind(socket, address, len);
}
static int accept_plain(int socket, struct sockaddr *ret_address, socklen_t *len, int flags) {
  return accept4(socket, ret_address, len, flags);
}
static int connect_plain(int socket, const struct sockaddr *address, socklen_t len) {
  return connect(socket, address, len);
}
static int name_plain(int socket, struct sockaddr *ret_address, socklen_t *len) {
  return getsockname(socket, ret_address, len);
}
static int unsent(int socket, int *ret_bytes) { return ioctl(socket, SIOCOUTQ, ret_bytes); }
static int peer_plain(int socket, struct sockaddr *ret_address, socklen_t *len) {
  return getpeername(socket, ret_address, len);
}

const struct sl_sys sl_sys_real = {
    .clock_gettime = clock_gettime,
    .clock_nanosleep = clock_nanosleep,
    .sched_yield = sched_yield,
    .getrandom = getrandom,
    .calloc = calloc,
    .aligned_alloc = aligned_alloc,
    .free = free,
    .mmap = mmap,
    .munmap = munmap,
    .madvise = madvise,
    .open = open_present,
    .read = read,
    .close = close,
    .write = write,
    .create = open_new,
    .fsync = fsync,
    .rename = rename,
    .unlink = unlink,
    .stat = stat,
    .umask = umask,
    .socket = socket,
    .setsockopt = setsockopt,
    .getsockopt = getsockopt,
    .bind = bind_plain,
    .listen = listen,
    .accept4 = accept_plain,
    .connect = connect_plain,
    .getsockname = name_plain,
    .getpeername = peer_plain,
    .recv = recv,
    .send = send,
    .shutdown = shutdown,
    .unsent = unsent,
    .epoll_create1 = epoll_create1,
    .epoll_ctl = epoll_ctl,
    .epoll_wait = epoll_wait,
    .eventfd = eventfd,
    .inotify_init1 = inotify_init1,
    .inotify_add_watch = inotify_add_watch,
};
