#include "sys/secret.h"

#include <errno.h>

enum sl_status sl_random_secret(const struct sl_sys *sys, struct sl_secret *ret_secret) {
  unsigned char *bytes = (unsigned char *)ret_secret;
  size_t have = 0;
  while (have < sizeof *ret_secret) {
    ssize_t n = sys->getrandom(bytes + have, sizeof *ret_secret - have, 0);
    if (n > 0) {
      have += (size_t)n;
    } else if (n == 0 || errno != EINTR) {
      return SL_ERR_IO;
    }
  }
  return SL_OK;
}
