#include "server/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"

static bool number_of(const char *text, uint64_t *ret_value) {
  return text != NULL && sl_parse_u64(sl_str_of(text), ret_value) == SL_OK;
}

int sl_handed_count(char *(*get)(const char *name)) {
  uint64_t process, count;
  if (!number_of(get("LISTEN_PID"), &process) || process != (uint64_t)getpid() ||
      !number_of(get("LISTEN_FDS"), &count) || count > 1024) {
    return 0;
  }
  return (int)count;
}

int sl_handed_find(char *(*get)(const char *name), const char *name) {
  const int count = sl_handed_count(get);
  uint64_t number;
  if (number_of(name, &number)) {
    return number < (uint64_t)count ? SL_HANDED_FIRST + (int)number : -1;
  }
  const char *names = get("LISTEN_FDNAMES");
  const size_t len = strlen(name);
  for (int i = 0; i < count && names != NULL; i++) {
    const char *colon = strchr(names, ':');
    size_t part = colon == NULL ? strlen(names) : (size_t)(colon - names);
    if (part == len && memcmp(names, name, len) == 0) {
      return SL_HANDED_FIRST + i;
    }
    names = colon == NULL ? NULL : colon + 1;
  }
  return -1;
}

void sl_notify(const struct sl_sys *sys, char *(*get)(const char *name), const char *state) {
  const char *path = get("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || (path[0] != '/' && path[0] != '@') ||
      strlen(path) >= sizeof address.sun_path) {
    return;
  }
  const size_t len = strlen(path);
  memcpy(address.sun_path, path, len);
  if (path[0] == '@') {
    address.sun_path[0] = '\0';  // a name without a file
  }
  int socket = sys->socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    return;
  }
  const socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  if (sys->connect(socket, (const struct sockaddr *)&address, address_len) == 0) {
    (void)sys->send(socket, state, strlen(state), MSG_NOSIGNAL);
  }
  (void)sys->close(socket);
}
