#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

enum sl_status sl_loop_init(struct sl_loop *loop, const struct sl_sys *sys) {
  *loop = (struct sl_loop){.sys = sys, .epoll = -1, .wake = -1};
  loop->epoll = sys->epoll_create1(EPOLL_CLOEXEC);
  loop->wake = loop->epoll < 0 ? -1 : sys->eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (loop->wake < 0 || sys->epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) != 0) {
    sl_loop_close(loop);
    return SL_ERR_IO;
  }
  return SL_OK;
}

void sl_loop_close(struct sl_loop *loop) {
  if (loop->sys != NULL && loop->wake >= 0) {
    (void)loop->sys->close(loop->wake);
  }
  if (loop->sys != NULL && loop->epoll >= 0) {
    (void)loop->sys->close(loop->epoll);
  }
  loop->sys = NULL;
}

static enum sl_status control(struct sl_loop *loop, int how, int file, unsigned what, void *tag) {
  uint32_t events = (what & SL_LOOP_READ ? (uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP : 0) |
                    (what & SL_LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
  if (what & SL_LOOP_SHARED) {
    events = (uint32_t)EPOLLIN | (uint32_t)EPOLLEXCLUSIVE;
  }
  struct epoll_event event = {.events = events, .data.ptr = tag};
  return loop->sys->epoll_ctl(loop->epoll, how, file, &event) == 0 ? SL_OK : SL_ERR_IO;
}

enum sl_status sl_loop_add(struct sl_loop *loop, int file, unsigned what, void *tag) {
  sl_assert(tag != NULL);
  return control(loop, EPOLL_CTL_ADD, file, what, tag);
}

enum sl_status sl_loop_change(struct sl_loop *loop, int file, unsigned what, void *tag) {
  return control(loop, EPOLL_CTL_MOD, file, what, tag);
}

void sl_loop_remove(struct sl_loop *loop, int file) {
  (void)control(loop, EPOLL_CTL_DEL, file, 0, NULL);
}

static void drain_wake(struct sl_loop *loop) {
  uint64_t count;
  // Nothing to read means that another turn has read it.
  (void)!loop->sys->read(loop->wake, &count, sizeof count);
}

size_t sl_loop_wait(struct sl_loop *loop, int timeout_ms, struct sl_loop_event *ret_events) {
  SL_UNINITIALIZED struct epoll_event events[SL_LOOP_EVENTS];
  int got = loop->sys->epoll_wait(loop->epoll, events, SL_LOOP_EVENTS, timeout_ms);
  size_t count = 0;
  for (int i = 0; i < got; i++) {
    if (events[i].data.ptr == NULL) {
      drain_wake(loop);
      continue;
    }
    uint32_t what = events[i].events;
    ret_events[count++] = (struct sl_loop_event){
        .tag = events[i].data.ptr,
        .what = (what & ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP) ? SL_LOOP_READ : 0u) |
                (what & (uint32_t)EPOLLOUT ? SL_LOOP_WRITE : 0u) |
                (what & ((uint32_t)EPOLLERR | (uint32_t)EPOLLHUP) ? SL_LOOP_BROKEN : 0u),
    };
  }
  return count;
}

void sl_loop_wake(struct sl_loop *loop) {
  const uint64_t one = 1;
  // It fails only where the counter is full: then the loop is being woken already.
  (void)!loop->sys->write(loop->wake, &one, sizeof one);
}
