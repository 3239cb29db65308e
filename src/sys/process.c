#include "sys/process.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

int sl_signals_open(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
    return -1;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int sl_signals_next(const struct sl_sys *sys, int signals) {
  struct signalfd_siginfo info;
  return sys->read(signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

unsigned sl_processors(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? (unsigned)count : 1;
}

uint64_t sl_descriptors_raise(uint64_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return wanted;
  }
  rlim_t most = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  if (limit.rlim_cur < most) {
    struct rlimit raised = {.rlim_cur = most, .rlim_max = limit.rlim_max};
    limit.rlim_cur = setrlimit(RLIMIT_NOFILE, &raised) == 0 ? most : limit.rlim_cur;
  }
  return limit.rlim_cur;
}

void sl_no_new_privileges(void) { (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
