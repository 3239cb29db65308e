#include "server/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/units.h"
#include "engine/snapshot.h"

enum {
  VERSION = 1,
  ORDER = 0x01020304,
  MAGIC = 16,
  HEADER = MAGIC + 8 + 16 + 8 + 8,
  BUFFER = 64 << 10,
  MESSAGE = 256,
};
#define FILE_MAX (UINT64_C(64) << 30)

static const char magic[MAGIC + 1] = "sluice-state\n\0\0\0";

struct header {
  char magic[MAGIC];
  uint32_t version, order;
  uint64_t secret[2];
  uint64_t saved_ns;
  uint64_t bytes;
};
_Static_assert(sizeof(struct header) == HEADER, "the header has no gaps");

// ---- reading

static enum sl_status refuse(struct sl_text *message, const char *reason) {
  sl_text_printf(message, "%s", reason);
  return SL_ERR_INVALID;
}

enum sl_status sl_state_parse(struct sl_str bytes, struct sl_state *ret_state,
                              struct sl_text *message) {
  struct header header;
  unsigned char sum[SHA256_DIGEST_LENGTH];
  if (bytes.len < sizeof header + sizeof sum) {
    return refuse(message, "it is too short");
  }
  memcpy(&header, bytes.ptr, sizeof header);
  if (memcmp(header.magic, magic, MAGIC) != 0) {
    return refuse(message, "it is no state file");
  }
  if (header.order != ORDER || header.version != VERSION) {
    return refuse(message, "it is of another version or kind of machine");
  }
  const size_t rest = bytes.len - sizeof header - sizeof sum;
  if (header.bytes != rest || rest % sizeof(uint64_t) != 0) {
    return refuse(message, "it is cut short or was added to");
  }
  SHA256((const unsigned char *)bytes.ptr, bytes.len - sizeof sum, sum);
  if (memcmp(sum, bytes.ptr + bytes.len - sizeof sum, sizeof sum) != 0) {
    return refuse(message, "its checksum is wrong");
  }
  *ret_state = (struct sl_state){
      .loaded = true,
      .secret.word = {header.secret[0], header.secret[1]},
      .saved_ns = header.saved_ns,
      .content = {.ptr = bytes.ptr + sizeof header, .len = rest},
  };
  return SL_OK;
}

static void log_fresh(struct sl_log *log, const char *path, const char *reason) {
  sl_log(log, SL_LOG_WARNING, "state", "the state file cannot be used: every bucket starts fresh",
         SL_LOG_TEXT("file", path), SL_LOG_TEXT("reason", reason));
}

void sl_state_load(const char *path, const struct sl_sys *sys, const struct sl_mem *mem,
                   struct sl_log *log, struct sl_state *ret_state) {
  *ret_state = (struct sl_state){.mem = mem};
  if (path[0] == '\0') {
    return;
  }
  char reason[MESSAGE];
  struct sl_text message;
  struct sl_file file;
  struct stat stat;
  sl_text_init(&message, reason, sizeof reason);
  if (sys->stat(path, &stat) == 0 && (stat.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    // It holds a secret, and what it says is believed.
    log_fresh(log, path, "others than its owner can reach it: chmod 600");
    return;
  }
  errno = 0;
  enum sl_status status = sl_file_read(sys, mem, path, FILE_MAX, &file, &message);
  if (status == SL_ERR_IO && errno == ENOENT) {
    return;  // the first start
  }
  if (status == SL_OK) {
    status =
        sl_state_parse((struct sl_str){.ptr = file.bytes, .len = file.len}, ret_state, &message);
    ret_state->file = file;
    ret_state->mem = mem;
  }
  if (status != SL_OK) {
    log_fresh(log, path, reason[0] != '\0' ? reason : sl_status_text(status));
  }
}

void sl_state_close(struct sl_state *state) {
  if (state->mem != NULL) {
    sl_file_close(state->mem, &state->file);
  }
  state->loaded = false;
}

void sl_state_restore(const struct sl_state *state, struct sl_engine *engine,
                      struct sl_throttles *throttles, uint64_t now_ns, struct sl_log *log) {
  if (!state->loaded) {
    return;
  }
  struct sl_snapshot_counts counts;
  // The content stands behind a header of whole words, in memory that is aligned for any type.
  const uint64_t *words = (const uint64_t *)(const void *)state->content.ptr;
  enum sl_status status = sl_snapshot_import(
      engine, throttles, words, state->content.len / sizeof(uint64_t), now_ns, &counts);
  sl_log(log, status == SL_OK ? SL_LOG_INFO : SL_LOG_WARNING, "state",
         status == SL_OK ? "buckets are back" : "not all buckets are back",
         SL_LOG_NUMBER("restored", counts.restored), SL_LOG_NUMBER("fresh", counts.fresh),
         SL_LOG_NUMBER("unknown", counts.unknown), SL_LOG_NUMBER("no_room", counts.full));
}

// ---- writing

struct output {
  const struct sl_sys *sys;
  int file;
  EVP_MD_CTX *sum;
  char *buffer;
  size_t len;
  uint64_t bytes;  // of content
  bool counting;   // only counts
};

static bool write_all(struct output *out, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = out->sys->write(out->file, bytes, len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    bytes += n;
    len -= (size_t)n;
  }
  return true;
}

static bool flush(struct output *out) {
  bool fine = EVP_DigestUpdate(out->sum, out->buffer, out->len) == 1 &&
              write_all(out, out->buffer, out->len);
  out->len = 0;
  return fine;
}

static bool add(struct output *out, const void *bytes, size_t len) {
  if (len > BUFFER - out->len && !flush(out)) {
    return false;
  }
  memcpy(out->buffer + out->len, bytes, len);
  out->len += len;
  return true;
}

static bool add_words(void *ctx, const uint64_t *words, size_t count) {
  struct output *out = ctx;
  if (out->counting) {
    out->bytes += count * sizeof *words;
    return true;
  }
  return add(out, words, count * sizeof *words);
}

static bool write_content(struct output *out, struct sl_engine *engine,
                          struct sl_throttles *throttles, uint64_t now_ns) {
  out->counting = true;
  if (!sl_snapshot_export(engine, throttles, now_ns, add_words, out)) {
    return false;
  }
  out->counting = false;
  const struct sl_secret *secret = sl_engine_secret(engine);
  struct header header = {
      .version = VERSION,
      .order = ORDER,
      .secret = {secret->word[0], secret->word[1]},
      .saved_ns = now_ns,
      .bytes = out->bytes,
  };
  memcpy(header.magic, magic, MAGIC);
  unsigned char sum[SHA256_DIGEST_LENGTH];
  return add(out, &header, sizeof header) &&
         sl_snapshot_export(engine, throttles, now_ns, add_words, out) && flush(out) &&
         EVP_DigestFinal_ex(out->sum, sum, NULL) == 1 &&
         write_all(out, (const char *)sum, sizeof sum);
}

static bool write_file(const char *path, const struct sl_sys *sys, const struct sl_mem *mem,
                       struct sl_engine *engine, struct sl_throttles *throttles) {
  struct output out = {.sys = sys};
  out.file = sys->create(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (out.file < 0) {
    return false;
  }
  out.buffer = sl_mem_alloc(mem, BUFFER);
  out.sum = EVP_MD_CTX_new();
  // Time goes on from the latest that the engine has seen.
  uint64_t now_ns = sl_engine_now(engine, 0);
  errno = out.buffer == NULL || out.sum == NULL ? ENOMEM : 0;
  bool fine = out.buffer != NULL && out.sum != NULL &&
              EVP_DigestInit_ex(out.sum, EVP_sha256(), NULL) == 1 &&
              write_content(&out, engine, throttles, now_ns) && sys->fsync(out.file) == 0;
  int error = errno;
  fine = sys->close(out.file) == 0 && fine;
  errno = error;
  EVP_MD_CTX_free(out.sum);
  sl_mem_free(mem, out.buffer, BUFFER);
  return fine;
}

bool sl_state_save(const char *path, const struct sl_sys *sys, const struct sl_mem *mem,
                   struct sl_engine *engine, struct sl_throttles *throttles, struct sl_log *log) {
  if (path[0] == '\0') {
    return true;
  }
  const size_t size = strlen(path) + sizeof ".new";
  char *beside = sl_mem_alloc(mem, size);
  bool fine = beside != NULL;
  if (fine) {
    snprintf(beside, size, "%s.new", path);
    fine = write_file(beside, sys, mem, engine, throttles) && sys->rename(beside, path) == 0;
  }
  if (fine) {
    sl_log(log, SL_LOG_INFO, "state", "buckets are saved", SL_LOG_TEXT("file", path));
  } else {
    char reason[MESSAGE];
    sl_log(log, SL_LOG_ERROR, "state", "the buckets cannot be saved", SL_LOG_TEXT("file", path),
           SL_LOG_TEXT("reason", strerror_r(errno, reason, sizeof reason)));
    if (beside != NULL) {
      (void)sys->unlink(beside);
    }
  }
  sl_mem_free(mem, beside, size);
  return fine;
}
