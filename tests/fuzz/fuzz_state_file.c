// Any bytes as a state file; and as the content of one whose checksum is right, restored into an
// engine with a limit of every kind. Whatever it says, the engine decides as it should afterwards.
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

static void restore(const uint8_t *bytes, size_t len) {
  static uint64_t words[WORDS_MOST];
  struct kit kit;
  const struct sl_class *classes[KINDS];
  struct sl_throttles *throttles = NULL;
  struct sl_snapshot_counts counts;
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  must(sl_throttles_create(kit.engine, 0, &throttles) == SL_OK);
  for (int i = 0; i < KINDS; i++) {
    classes[i] = class_of(&kit, i);
  }
  const size_t count = translate(classes, bytes, len, words);
  (void)!sl_snapshot_import(kit.engine, throttles, words, count, KIT_START_NS, &counts);
  const uint64_t now_ns = sl_engine_now(kit.engine, KIT_START_NS + SL_NS_PER_S);
  for (int i = 0; i < KINDS; i++) {
    struct sl_decision decision;
    const struct sl_ask ask = {.class = classes[i], .bucket = {.lo = 1, .hi = 1}, .cost = 1};
    must(sl_engine_take(kit.engine, &ask, now_ns, &decision) == SL_OK);
    must(decision.remaining <= decision.limit);
  }
  sl_throttles_destroy(throttles);
  must(kit_close(&kit));
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
