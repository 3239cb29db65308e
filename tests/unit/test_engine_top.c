// The busiest keys: what a snapshot shows, what is kept of a key, and many threads at once.
#include "engine/top.h"

#include <pthread.h>

#include "support/engine_kit.h"
#include "support/tap.h"

#define S SL_NS_PER_S
#define T KIT_START_NS

static struct sl_hash hash_of(uint64_t key) {
  static const struct sl_secret secret = {{3, 4}};
  return sl_hash_bytes(&secret, &key, sizeof key);
}

static struct sl_top *make(struct fault_mem *fault, size_t entries, uint64_t half_life_ns) {
  struct sl_top_options options = {
      .mem = fault_mem_init(fault), .entries = entries, .half_life_ns = half_life_ns};
  struct sl_top *top = NULL;
  if (sl_top_create(&options, &top) != SL_OK) {
    abort();
  }
  return top;
}

static void note(struct sl_top *top, uint64_t key, uint64_t weight, uint64_t throttled,
                 uint64_t now_ns) {
  char text[24];
  (void)snprintf(text, sizeof text, "key-%llu", (unsigned long long)key);
  struct sl_str value = sl_str_of(text);
  struct sl_top_key named = {
      .hash = hash_of(key), .rule = SL_STR("rule"), .values = &value, .value_count = 1};
  if (!sl_top_note(top, &named, weight, throttled, now_ns)) {
    abort();
  }
}

static bool is_text(struct sl_str got, const char *want) { return sl_str_eq(got, sl_str_of(want)); }

static void making(void) {
  struct fault_mem fault;
  struct sl_top_options options = {.mem = fault_mem_init(&fault)};
  struct sl_top *top = NULL;
  options.entries = SL_TOP_ENTRIES_MAX + 1;
  ok(sl_top_create(&options, &top) == SL_ERR_RANGE, "too many entries are refused");
  options.entries = 0;
  options.half_life_ns = SL_TOP_HALF_LIFE_MIN_NS - 1;
  ok(sl_top_create(&options, &top) == SL_ERR_RANGE, "a half life below a second, too");
  options.half_life_ns = 0;
  for (uint64_t at = 1; at <= 5; at++) {
    fault.fail_at = fault.calls + at;
    ok(sl_top_create(&options, &top) == SL_ERR_MEMORY && fault.live == 0,
       "without memory for part %d nothing is kept", (int)at);
  }
  ok(sl_top_create(&options, &top) == SL_OK, "by default there are 1,024 entries");
  ok(fault.live_bytes < 1024 * 500, "of less than 500 bytes each");
  sl_top_destroy(top);
  sl_top_destroy(NULL);
  is_u64(fault.live, 0, "all is given back");
}

static void ordering(void) {
  struct fault_mem fault;
  struct sl_top *top = make(&fault, 8, 0);
  struct sl_top_item items[8];
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 8, items), 0, "nothing noted, nothing shown");
  note(top, 1, 10, 0, T);
  note(top, 2, 30, 1, T);
  note(top, 3, 20, 20, T);
  note(top, 1, 5, 5, T);
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 8, items), 3, "each key once");
  ok(items[0].matched == 30 && items[1].matched == 20 && items[2].matched == 15,
     "the busiest first");
  ok(items[0].throttled == 1 && items[1].throttled == 20 && items[2].throttled == 5,
     "with what was refused of it");
  ok(items[0].error == 0 && items[2].error == 0, "exact as long as there is room");
  ok(is_text(sl_top_item_rule(&items[2]), "rule") &&
         is_text(sl_top_item_value(&items[2], 0), "key-1") && items[2].value_count == 1 &&
         !items[2].cut && items[2].hash.lo == hash_of(1).lo,
     "and its name");
  is_u64(sl_top_snapshot(top, SL_TOP_BY_THROTTLED, T, 2, items), 2, "as many as are asked for");
  ok(items[0].throttled == 20 && items[1].throttled == 5, "or those most refused first");
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 0, items), 0, "or none");
  struct sl_top_stats stats;
  sl_top_get_stats(top, T, &stats);
  ok(stats.entries == 3 && stats.noted == 4 && stats.lost == 0 && stats.total == 65,
     "notes are counted");
  sl_top_destroy(top);
  is_u64(fault.live, 0, "all is given back");
}

static void fading(void) {
  struct fault_mem fault;
  struct sl_top *top = make(&fault, 8, 16 * S);
  struct sl_top_item items[8];
  note(top, 1, 1000, 500, T);
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T + 16 * S, 8, items);
  ok(items[0].matched == 500 && items[0].throttled == 250, "after a half life half is left");
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T + 8 * S, 8, items);
  is_u64(items[0].matched, 500, "time does not go back");
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T + 24 * S, 8, items);
  is_u64(items[0].matched, 354, "in between it fades by steps");
  note(top, 2, 400, 0, T + 32 * S);
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T + 32 * S, 8, items);
  ok(items[0].matched == 400 && items[1].matched == 250, "who is busy lately is ahead");
  uint64_t later = T + 10 * 16 * S;
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, later, 8, items), 2, "ten half lives on");
  ok(items[0].matched == 2 && items[1].matched == 1, "both are small");
  note(top, 3, 1, 0, later + 400 * 16 * S);
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, later + 400 * 16 * S, 8, items), 1,
         "long after, they are no more");
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, SL_TIME_MAX_NS - 1, 8, items), 0,
         "at the end of time nothing is");
  sl_top_destroy(top);

  top = make(&fault, 8, UINT64_MAX);
  note(top, 1, 1000, 0, T);
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T + 3600 * S, 8, items);
  is_u64(items[0].matched, 1000, "with an endless half life nothing fades");
  for (int i = 0; i < 64; i++) {
    note(top, 2, UINT64_C(1) << 40, UINT64_MAX, T);
  }
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 8, items);
  ok(items[0].matched == UINT64_C(64) << 20 && items[0].throttled == items[0].matched,
     "a note weighs at most 2^20, and what is refused of it no more");
  sl_top_destroy(top);
}

// What is kept of names: the rule, up to 8 values, 384 bytes.
static void names(void) {
  struct fault_mem fault;
  struct sl_top *top = make(&fault, 4, 0);
  struct sl_top_item item;
  static char large[1000];
  memset(large, 'v', sizeof large);
  struct sl_str values[10] = {SL_STR(""),     {.ptr = NULL, .len = SIZE_MAX},
                              SL_STR("b\0c"), {.ptr = NULL, .len = 0},
                              SL_STR("e"),    {.ptr = large, .len = 1000},
                              SL_STR("g"),    SL_STR("h"),
                              SL_STR("i"),    SL_STR("j")};
  struct sl_top_key key = {
      .hash = hash_of(1), .rule = SL_STR("r"), .values = values, .value_count = 5};
  (void)sl_top_note(top, &key, 1, 0, T);
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 1, &item), 1, "a key of five values");
  struct sl_str absent = sl_top_item_value(&item, 1);
  ok(sl_top_item_value(&item, 0).len == 0 && absent.ptr == NULL && absent.len == SIZE_MAX &&
         sl_str_eq(sl_top_item_value(&item, 2), SL_STR("b\0c")) &&
         sl_top_item_value(&item, 3).len == 0 && is_text(sl_top_item_value(&item, 4), "e") &&
         !item.cut,
     "empty ones, absent ones and any bytes are told apart");
  (void)sl_top_forget(top, SL_STR(""));
  key.value_count = 8;
  (void)sl_top_note(top, &key, 1, 0, T);
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 1, &item);
  ok(item.cut && item.value_count == 8 && sl_top_item_value(&item, 5).len == SL_TOP_TEXT_MAX - 5 &&
         sl_top_item_value(&item, 7).len == 0,
     "a value too long is cut, those behind it are empty");
  key.hash = hash_of(2);
  key.rule = (struct sl_str){.ptr = large, .len = 1000};
  key.value_count = 10;
  (void)sl_top_note(top, &key, 5, 0, T);
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 1, &item);
  ok(item.cut && item.value_count == 8 && item.rule_len == 255, "so is a rule's id");
  sl_top_destroy(top);
}

static void forgetting(void) {
  struct fault_mem fault;
  struct sl_top *top = make(&fault, 64, 0);
  static struct sl_top_item items[64];
  for (uint64_t key = 0; key < 60; key++) {
    struct sl_top_key named = {.hash = hash_of(key),
                               .rule = key % 3 == 0 ? SL_STR("old") : SL_STR("new")};
    (void)sl_top_note(top, &named, key + 1, 0, T);
  }
  is_u64(sl_top_forget(top, SL_STR("old")), 20, "the keys of a rule are forgotten");
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 64, items), 40, "the others stay");
  bool right = true;
  for (size_t i = 0; i < 40; i++) {
    right = right && is_text(sl_top_item_rule(&items[i]), "new") &&
            (i == 0 || items[i].matched < items[i - 1].matched);
  }
  ok(right, "in their order");
  for (uint64_t key = 0; key < 60; key++) {
    struct sl_top_key named = {.hash = hash_of(key), .rule = SL_STR("new")};
    (void)sl_top_note(top, &named, 100, 0, T);
  }
  is_u64(sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 64, items), 60, "and are found again");
  is_u64(items[0].matched, 160, "each once");
  is_u64(sl_top_forget(top, SL_STR("nobody")), 0, "no rule of that name");
  is_u64(sl_top_forget(top, SL_STR("")), 60, "or all are forgotten");
  sl_top_destroy(top);
}

static void sampling(void) {
  struct sl_top_sampler sampler = {.passed_over = 0};
  sl_prng_seed(&sampler.prng, 7);
  unsigned due = 0;
  for (int i = 0; i < 1000; i++) {
    due += sl_top_due(&sampler, 1);
  }
  is_u64(due, 1000, "at a rate of 1 every request is noted");
  due = 0;
  unsigned even = 0;
  for (int i = 0; i < 160000; i++) {
    bool now = sl_top_due(&sampler, 16);
    due += now;
    even += now && i % 2 == 0;
  }
  ok(due > 9600 && due < 10400, "at 16 about every sixteenth (%u)", due);
  ok(even > due * 45 / 100 && even < due * 55 / 100, "in no rhythm");
}

// ---- threads
// -----------------------------------------------------------------------------------------

enum { THREADS = 8, NOTES = 20000 };

struct noter {
  struct sl_top *top;
  uint64_t noted, wrong;
  pthread_t thread;
};

static void *note_many(void *arg) {
  struct noter *n = arg;
  static struct sl_top_item items[THREADS][64];
  struct sl_top_item *own = items[n->wrong];
  n->wrong = 0;
  for (uint64_t i = 0; i < NOTES; i++) {
    struct sl_top_key key = {.hash = hash_of(i % 7 == 0 ? 1 : i), .rule = SL_STR("rule")};
    n->noted += sl_top_note(n->top, &key, 1, i % 2, T + i);
    if (i % 1000 == 0) {
      size_t count = sl_top_snapshot(n->top, SL_TOP_BY_MATCHED, T, 64, own);
      n->wrong += count == 0;
      for (size_t j = 0; j < count; j++) {
        n->wrong += !is_text(sl_top_item_rule(&own[j]), "rule") ||
                    (j > 0 && own[j].matched > own[j - 1].matched);
      }
    }
  }
  return NULL;
}

static void threads(void) {
  struct fault_mem fault;
  struct sl_top_options options = {
      .mem = fault_mem_init(&fault), .entries = 64, .half_life_ns = UINT64_MAX, .relax = kit_relax};
  struct sl_top *top = NULL;
  if (sl_top_create(&options, &top) != SL_OK) {
    abort();
  }
  note(top, 1, 1, 0, T);
  uint64_t calls = fault.calls;
  struct noter noters[THREADS];
  uint64_t noted = 1;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < THREADS; i++) {
    noters[i] = (struct noter){.top = top, .wrong = i};
    if (pthread_create(&noters[i].thread, NULL, note_many, &noters[i]) != 0) {
      abort();
    }
  }
  for (int i = 0; i < THREADS; i++) {
    (void)pthread_join(noters[i].thread, NULL);
    noted += noters[i].noted;
    wrong += noters[i].wrong;
  }
  struct sl_top_stats stats;
  sl_top_get_stats(top, T, &stats);
  is_u64(wrong, 0, "snapshots are whole and in order while others write");
  ok(stats.noted == noted && stats.total == noted &&
         stats.lost + stats.noted == 1 + (uint64_t)THREADS * NOTES,
     "every note is counted, or counted as lost");
  struct sl_top_item busiest;
  (void)sl_top_snapshot(top, SL_TOP_BY_MATCHED, T, 1, &busiest);
  ok(busiest.hash.lo == hash_of(1).lo, "the busiest is found");
  is_u64(fault.calls, calls, "nothing is allocated after it was made");
  sl_top_destroy(top);
  is_u64(fault.live, 0, "all is given back");
}

int main(void) {
  making();
  ordering();
  fading();
  names();
  forgetting();
  sampling();
  threads();
  return done_testing();
}
