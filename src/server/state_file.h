// state_file.h - the buckets over a restart.
//
// On a clean stop everything that is not fresh goes to one file, with the secret that its keys are
// hashed under (so the file is for its owner's eyes only: mode 600). It is written beside its place
// and renamed there, so that a stop cut short leaves the former one.
//
// The form, all numbers little-endian:
//   "sluice-state\n" and three zero bytes, then u32 version (1), u32 word of the byte order,
//   the secret (2 u64), the time of saving (u64, Unix ns), how many bytes follow (u64);
//   what sl_engine_export and sl_throttles_export say (engine/snapshot.h);
//   the SHA-256 of everything before it.
// A file that is cut, changed or of another version is refused with a reason, and the start is
// fresh.
#ifndef SL_SERVER_STATE_FILE_H
#define SL_SERVER_STATE_FILE_H

#include "base/hash.h"
#include "server/front.h"
#include "server/log.h"
#include "sys/read_file.h"

// What was read at the start.
struct sl_state {
  bool loaded;
  struct sl_secret secret;
  uint64_t saved_ns;
  struct sl_str content;  // view of file
  struct sl_file file;
  const struct sl_mem *mem;
};

// Reads and checks the file, if there is one ("" is none). What is wrong is logged; ret_state is
// then not loaded.
void sl_state_load(const char *path, const struct sl_sys *sys, const struct sl_mem *mem,
                   struct sl_log *log, struct sl_state *ret_state);
void sl_state_close(struct sl_state *state);

// Takes the form apart: SL_OK, ret_state->content is a view of `bytes`; SL_ERR_INVALID: `message`.
enum sl_status sl_state_parse(struct sl_str bytes, struct sl_state *ret_state,
                              struct sl_text *message) SL_MUST_USE;

// Puts what was loaded into an engine made under its secret. Buckets that would be fresh by now are
// left out; a mistake in the content ends it, and is logged.
void sl_state_restore(const struct sl_state *state, struct sl_engine *engine,
                      struct sl_throttles *throttles, uint64_t now_ns, struct sl_log *log);

// Writes the file ("": nothing). False, logged, where it fails. No other thread uses the engine.
bool sl_state_save(const char *path, const struct sl_sys *sys, const struct sl_mem *mem,
                   struct sl_engine *engine, struct sl_throttles *throttles, struct sl_log *log);

#endif
