// A main function for a fuzz harness where libFuzzer is not at hand: gives it each file named on
// the command line, or each file of a directory, once.
#include "support/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned replayed;

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(2);
}

static void replay_file(const char *path, size_t size) {
  FILE *file = fopen(path, "rb");
  // A block of exactly the input's size, so that a tool like Valgrind sees a read past its end.
  uint8_t *bytes = malloc(size > 0 ? size : 1);
  if (file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size) {
    die(path);
  }
  fclose(file);
  LLVMFuzzerTestOneInput(bytes, size);
  free(bytes);
  replayed++;
}

static void replay_directory(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) {
    die(path);
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    char inner[4096];
    struct stat status;
    const int length = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (length < 0 || (size_t)length >= sizeof inner || stat(inner, &status) != 0) {
      die(path);
    }
    if (S_ISREG(status.st_mode)) {
      replay_file(inner, (size_t)status.st_size);
    }
  }
  closedir(directory);
}

int main(int argc, char **argv) {
  for (int at = 1; at < argc; at++) {
    struct stat status;
    if (stat(argv[at], &status) != 0) {
      die(argv[at]);
    }
    if (S_ISDIR(status.st_mode)) {
      replay_directory(argv[at]);
    } else {
      replay_file(argv[at], (size_t)status.st_size);
    }
  }
  printf("%s 1 - %u inputs replayed\n1..1\n", replayed > 0 ? "ok" : "not ok", replayed);
  return replayed > 0 ? 0 : 1;
}
