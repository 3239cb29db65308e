// Any bytes as a state file; and as the content of one whose checksum is right, restored into an
// engine with a limit of every kind. Whatever it says, what came of it can be looked at, saved and
// restored once more, whole.
#include "engine/snapshot.h"
#include "server/state_file.h"
#include "support/engine_kit.h"
#include "support/fuzz.h"

enum { WORDS_MOST = 4096, KINDS = 5 };

static void must(bool holds) {
  if (!holds) {
    __builtin_trap();
  }
}

static const struct sl_class *class_of(struct kit *kit, int kind) {
  static const enum sl_algorithm algorithms[KINDS] = {
      SL_TOKEN_BUCKET, SL_SLIDING_LOG, SL_SLIDING_WINDOW, SL_SLIDING_WINDOW, SL_CONCURRENCY};
  struct sl_limit_spec spec = sl_limit_spec_default(algorithms[kind]);
  spec.count = 5;
  spec.period_ns = SL_NS_PER_H;
  spec.sub_windows = kind == 3 ? 4 : 0;
  spec.slots = 5;
  spec.lease_ns = SL_NS_PER_H;
  return kit_class(kit, spec);
}

// The fuzzer cannot know fingerprints: words that are small numbers stand for those of the classes.
static size_t translate(const struct sl_class *const *classes, const uint8_t *bytes, size_t len,
                        uint64_t *words) {
  const size_t count = len / 8 < WORDS_MOST ? len / 8 : WORDS_MOST;
  memcpy(words, bytes, count * 8);
  for (size_t i = 0; i < count; i++) {
    const uint64_t number = words[i] >> 32;
    if (number >= 0xf0f0f000 && number < 0xf0f0f000 + 2 * KINDS) {
      const struct sl_hash print = classes[(number - 0xf0f0f000) / 2]->print;
      words[i] = number % 2 == 0 ? print.lo : print.hi;
    }
  }
  return count;
}

// What an engine exports.
struct saved {
  uint64_t words[4 * WORDS_MOST];
  size_t count;
};

static bool save(void *ctx, const uint64_t *words, size_t count) {
  struct saved *saved = ctx;
  must(count <= SL_ARRAY_LEN(saved->words) - saved->count);
  memcpy(saved->words + saved->count, words, count * sizeof *words);
  saved->count += count;
  return true;
}

struct world {
  struct kit kit;
  struct sl_throttles *throttles;
  const struct sl_class *classes[KINDS];
};

static void open_world(struct world *world) {
  kit_open(&world->kit, 1 << 20, SL_FULL_EVICT);
  must(sl_throttles_create(world->kit.engine, 0, &world->throttles) == SL_OK);
  for (int i = 0; i < KINDS; i++) {
    world->classes[i] = class_of(&world->kit, i);
  }
}

static void close_world(struct world *world) {
  sl_throttles_destroy(world->throttles);
  must(kit_close(&world->kit));
}

static void restore(const uint8_t *bytes, size_t len) {
  static uint64_t words[WORDS_MOST];
  static struct saved saved;
  struct world world, again;
  struct sl_snapshot_counts first, second;
  open_world(&world);
  const size_t count = translate(world.classes, bytes, len, words);
  (void)!sl_snapshot_import(world.kit.engine, world.throttles, words, count, KIT_START_NS, &first);
  saved.count = 0;
  must(sl_snapshot_export(world.kit.engine, world.throttles, KIT_START_NS, save, &saved));
  open_world(&again);
  must(sl_snapshot_import(again.kit.engine, again.throttles, saved.words, saved.count, KIT_START_NS,
                          &second) == SL_OK);
  must(second.unknown == 0 && second.restored <= first.restored);
  close_world(&again);
  close_world(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  char reason[200];
  struct sl_text message;
  struct sl_state state;
  sl_text_init(&message, reason, sizeof reason);
  if (sl_state_parse((struct sl_str){.ptr = (const char *)bytes, .len = len}, &state, &message) !=
      SL_OK) {
    must(reason[0] != '\0');
  }
  restore(bytes, len);
  return 0;
}
