// loop.h - waiting for sockets: epoll, level-triggered, and a way to be woken by other threads.
//
// Level-triggered: a reader that took less than there was is told again, so a connection's share of
// one turn can be bounded without book-keeping.
#ifndef SL_NET_LOOP_H
#define SL_NET_LOOP_H

#include "base/status.h"
#include "sys/sys.h"

enum {
  SL_LOOP_READ = 1,
  SL_LOOP_WRITE = 2,
  SL_LOOP_SHARED = 4,  // a listener that several loops wait for: one of them is woken
  SL_LOOP_BROKEN = 8,  // told only: the peer is gone, or the socket failed
};

struct sl_loop {
  const struct sl_sys *sys;
  int epoll;
  int wake;
};

struct sl_loop_event {
  void *tag;
  unsigned what;  // SL_LOOP_READ, SL_LOOP_WRITE, SL_LOOP_BROKEN
};

enum { SL_LOOP_EVENTS = 256 };

// SL_OK; SL_ERR_IO, with errno set. `sys` must outlive the loop.
enum sl_status sl_loop_init(struct sl_loop *loop, const struct sl_sys *sys) SL_MUST_USE;
void sl_loop_close(struct sl_loop *loop);  // a zeroed one, too

// Waits for a descriptor; its events carry `tag`, which is not NULL. SL_OK; SL_ERR_IO with errno.
enum sl_status sl_loop_add(struct sl_loop *loop, int file, unsigned what, void *tag) SL_MUST_USE;
enum sl_status sl_loop_change(struct sl_loop *loop, int file, unsigned what, void *tag) SL_MUST_USE;
// Closing a descriptor removes it, too.
void sl_loop_remove(struct sl_loop *loop, int file);

// Waits for at most `timeout_ms` (-1: without end). Returns how many of ret_events (SL_LOOP_EVENTS)
// are filled; being woken is no event.
size_t sl_loop_wait(struct sl_loop *loop, int timeout_ms, struct sl_loop_event *ret_events);

// Makes the present or next wait end. Thread-safe.
void sl_loop_wake(struct sl_loop *loop);

#endif
