// The bucket table where one has to look inside: buckets that are held while it grows, keys that an
// attacker chose, memory that fails.
#include "engine/table.h"

#include "support/engine_kit.h"
#include "support/tap.h"

enum { SPILL_SHIFT = SL_LINE_SLOTS * SL_CLASS_BITS };

struct box {
  struct sl_table table;
  struct fault_mem fault;
  struct sl_mem mem;
  uint64_t dropped, lossy;
};

static bool by_value(void *ctx, uint16_t class_id) {
  (void)ctx;
  (void)class_id;
  return true;
}

// A cell is the time at which it is fresh.
static bool is_fresh(void *ctx, uint16_t class_id, uint64_t cell, uint64_t now_ns,
                     uint64_t *ret_distance_ns) {
  (void)ctx;
  (void)class_id;
  *ret_distance_ns = cell > now_ns ? cell - now_ns : 0;
  return cell <= now_ns;
}

static void dropped(void *ctx, uint16_t class_id, uint64_t cell, bool lossy) {
  (void)class_id;
  (void)cell;
  struct box *box = ctx;
  box->dropped++;
  box->lossy += lossy;
}

static void open_box(struct box *box, size_t max_bytes) {
  memset(box, 0, sizeof *box);
  box->mem = fault_mem_init(&box->fault);
  struct sl_table_owner owner = {
      .by_value = by_value, .is_fresh = is_fresh, .dropped = dropped, .ctx = box};
  if (sl_table_init(&box->table, &box->mem, max_bytes, kit_relax, NULL, owner) != SL_OK) {
    abort();
  }
}

static void close_box(struct box *box) {
  sl_table_close(&box->table);
  is_u64(box->fault.live, 0, "  the memory is given back");
}

static struct sl_place_of place_of(const void *key, size_t len) {
  static const struct sl_secret secret = {{1, 2}};
  return sl_table_place(sl_hash_bytes(&secret, key, len), false);
}

static struct sl_place_of place(uint64_t key) { return place_of(&key, sizeof key); }

// ---- held buckets
// ------------------------------------------------------------------------------------

enum { HELD = 40 };

// Buckets are held for as long as their threads take; meanwhile the table must not lose others for
// want of room that there is.
static void held_while_growing(void) {
  struct box box;
  struct sl_slot *held[HELD];
  open_box(&box, 64 << 20);
  uint64_t full = 0;
  for (uint64_t key = 0; key < 100000; key++) {
    struct sl_slot *slot;
    uint64_t lock = key < HELD ? SL_CELL_LOCK : 0;
    full += sl_table_insert(&box.table, place(key), 1, (key + 1) | lock, 0, true, &slot) !=
            SL_INSERT_DONE;
    if (key < HELD) {
      held[key] = slot;
    }
  }
  ok(box.lossy == 0 && full == 0, "no bucket is lost while others are held");
  ok(box.table.lines >= 100000 / SL_LINE_SLOTS, "and the table grew");
  bool stayed = true;
  for (uint64_t key = 0; key < HELD; key++) {
    stayed = stayed && sl_table_find(&box.table, place(key)) == held[key] &&
             held[key]->cell == ((key + 1) | SL_CELL_LOCK);
  }
  ok(stayed, "a held bucket does not move, and is found where it is");
  unsigned far = 0;
  unsigned lost = 0;
  for (uint64_t key = 0; key < HELD; key++) {
    held[key]->cell = key + 1;
    struct sl_slot *slot = sl_table_find(&box.table, place(key));
    lost += slot == NULL || slot->tag != place(key).tag || slot->cell != key + 1;
    far += slot != sl_table_find_home(&box.table, place(key));
  }
  is_u64(lost, 0, "let go, all are found");
  ok(far < HELD / 4, "and brought near their new homes by that");
  for (uint64_t key = 0; key < HELD; key++) {
    struct sl_slot *slot = sl_table_find(&box.table, place(key));
    if (!sl_slot_swap(slot, place(key).tag, key + 1, (key + 1) | SL_CELL_LOCK)) {
      abort();
    }
    sl_table_remove_locked(&box.table, slot, place(key));
    lost += sl_table_find(&box.table, place(key)) != NULL;
  }
  ok(lost == 0 && box.table.count == 100000 - HELD, "removed, they are gone");
  close_box(&box);
}

// ---- a thread at the splits that does not get on
// --------------------------------------------------------

static unsigned waits;

// Whoever waits for the other thread gives it the processor: it gets on.
static void other_gets_on(void *ctx, unsigned round) {
  (void)round;
  struct box *box = ctx;
  waits++;
  box->table.growing = 0;
}

static void waiting_for_growth(void) {
  struct box box;
  open_box(&box, 64 << 20);
  box.table.relax = other_gets_on;
  box.table.relax_ctx = &box;
  box.table.growing = 1;
  waits = 0;
  uint64_t key = 0;
  struct sl_slot *slot;
  for (; waits == 0 && key < 100000; key++) {
    (void)sl_table_insert(&box.table, place(key), 1, key + 1, 0, true, &slot);
  }
  // Some family may be full before; the table as a whole is never fuller than this.
  ok(waits > 0 && key <= SL_TABLE_FIRST_LINES * SL_LINE_SLOTS / 16 * 13 + 1,
     "a table that another thread is to enlarge is not filled to the brim, at %llu keys",
     (unsigned long long)key);
  ok(box.lossy == 0 && box.table.lines > SL_TABLE_FIRST_LINES && box.table.count == key,
     "it is waited for, and nothing is lost");
  close_box(&box);
}

// ---- chosen keys
// ---------------------------------------------------------------------------------------

// How far keys lie from home: that is all that a look-up costs beyond one line.
struct spread {
  uint64_t spilled;  // not in their home line
  uint64_t most;     // of one line
};

static struct spread spread_of(const struct sl_table *table) {
  struct spread s = {0};
  for (size_t line = 0; line < table->lines; line++) {
    uint64_t spill = *sl_table_meta(table, line) >> SPILL_SHIFT;
    s.spilled += spill;
    s.most = spill > s.most ? spill : s.most;
  }
  return s;
}

enum { CHOSEN = 30000 };

static uint32_t fnv1a(const char *text) {
  uint32_t hash = 2166136261u;
  for (; *text != '\0'; text++) {
    hash = (hash ^ (unsigned char)*text) * 16777619u;
  }
  return hash;
}

static uint32_t djb2(const char *text) {
  uint32_t hash = 5381;
  for (; *text != '\0'; text++) {
    hash = hash * 33 + (unsigned char)*text;
  }
  return hash;
}

// Calls `key` with counters until it has made CHOSEN keys of some text; gives their spread.
typedef bool make_key(uint64_t counter, char *ret_text);

static struct spread insert_chosen(make_key *key) {
  struct box box;
  open_box(&box, 64 << 20);
  char text[64];
  uint64_t made = 0;
  for (uint64_t counter = 0; made < CHOSEN; counter++) {
    struct sl_slot *slot;
    if (key(counter, text)) {
      (void)sl_table_insert(&box.table, place_of(text, strlen(text)), 1, 5, 0, false, &slot);
      made++;
    }
  }
  struct spread s = spread_of(&box.table);
  s.spilled = box.table.count == CHOSEN ? s.spilled : UINT64_MAX;
  sl_table_close(&box.table);
  return s;
}

static bool plain_key(uint64_t counter, char *ret_text) {
  (void)snprintf(ret_text, 64, "client-%llu", (unsigned long long)counter);
  return true;
}

// The low bits of these hashes, which choose a place in a table without a secret, are all the same.
static bool fnv_key(uint64_t counter, char *ret_text) {
  (void)snprintf(ret_text, 64, "%llx", (unsigned long long)counter);
  return (fnv1a(ret_text) & 0x3f) == 0;
}

static bool djb_key(uint64_t counter, char *ret_text) {
  (void)snprintf(ret_text, 64, "%llx", (unsigned long long)counter);
  return (djb2(ret_text) & 0x3f) == 0;
}

// "Ez" and "FY" have one djb2 hash: 2^16 keys with all 32 bits alike.
static bool pairs_key(uint64_t counter, char *ret_text) {
  for (int bit = 0; bit < 16; bit++) {
    memcpy(ret_text + 2 * bit, (counter >> bit & 1) != 0 ? "Ez" : "FY", 2);
  }
  ret_text[32] = '\0';
  return true;
}

static bool address_key(uint64_t counter, char *ret_text) {
  (void)snprintf(ret_text, 64, "10.%llu.%llu.0", (unsigned long long)(counter >> 8),
                 (unsigned long long)(counter & 255));
  return true;
}

// S16: keys that collide under hashes without a secret spread like any others.
static void flooding(void) {
  static const struct {
    make_key *key;
    const char *name;
  } floods[] = {{fnv_key, "FNV-1a"},
                {djb_key, "djb2"},
                {pairs_key, "djb2 in full"},
                {address_key, "neighbouring addresses"}};
  struct spread plain = insert_chosen(plain_key);
  for (size_t i = 0; i < SL_ARRAY_LEN(floods); i++) {
    struct spread flood = insert_chosen(floods[i].key);
    ok(flood.spilled <= plain.spilled * 3 / 2 + 100 && flood.most <= plain.most + 4,
       "s16_keys_that_collide_elsewhere_spread_here (%s)", floods[i].name);
    diag("%llu of %d away from home (%llu plain), at most %llu of a line",
         (unsigned long long)flood.spilled, CHOSEN, (unsigned long long)plain.spilled,
         (unsigned long long)flood.most);
  }
}

// ---- memory
// ------------------------------------------------------------------------------------------

static void without_memory(void) {
  struct box box;
  open_box(&box, 64 << 20);
  box.fault.fail_size = 1;
  uint64_t done = 0;
  struct sl_slot *slot;
  for (uint64_t key = 0; key < 10000; key++) {
    done += sl_table_insert(&box.table, place(key), 1, key + 1, 0, false, &slot) == SL_INSERT_DONE;
  }
  ok(done > 3000 && done < SL_TABLE_FIRST_LINES * SL_LINE_SLOTS && box.table.count == done,
     "a table that cannot grow takes what it can hold");
  is_u64(box.dropped, 0, "and drops nothing unless told to");
  for (uint64_t key = 10000; key < 11000; key++) {
    done = sl_table_insert(&box.table, place(key), 1, key, 0, true, &slot) == SL_INSERT_DONE;
  }
  ok(done && box.lossy > 0, "told to, it makes room");
  box.fault.fail_size = 0;
  uint64_t lossy = box.lossy;
  for (uint64_t key = 20000; key < 40000; key++) {
    (void)sl_table_insert(&box.table, place(key), 1, key, 0, true, &slot);
  }
  ok(box.lossy == lossy && box.table.lines > SL_TABLE_FIRST_LINES, "with memory it grows again");
  close_box(&box);

  struct sl_table table;
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_table_owner owner = {.by_value = by_value, .is_fresh = is_fresh, .dropped = dropped};
  ok(sl_table_init(&table, &mem, SL_TABLE_BYTES_MIN - 1, kit_relax, NULL, owner) == SL_ERR_RANGE,
     "a cap below the smallest table is refused");
  for (uint64_t at = 1; at <= 3; at++) {
    fault.fail_at = fault.calls + at;
    ok(sl_table_init(&table, &mem, 1 << 20, kit_relax, NULL, owner) == SL_ERR_MEMORY &&
           fault.live == 0,
       "no memory for part %llu of a table: none is kept", (unsigned long long)at);
  }
}

// Of those sampled, the nearest to fresh goes.
static void nearest_to_fresh(void) {
  struct box box;
  open_box(&box, SL_TABLE_BYTES_MIN);
  struct sl_slot *slot;
  for (uint64_t key = 0; key < 50000; key++) {
    uint64_t far = key % 10 == 0 ? 1000000 : 0;
    (void)sl_table_insert(&box.table, place(key), 1, 1 + key + far, 0, true, &slot);
  }
  uint64_t far = 0;
  for (uint64_t key = 0; key < 50000; key += 10) {
    far += sl_table_find(&box.table, place(key)) != NULL;
  }
  ok(box.lossy > 40000 && far > box.table.count * 9 / 10,
     "at the cap the nearest to fresh go first: %llu of %zu left are far", (unsigned long long)far,
     (size_t)box.table.count);
  close_box(&box);
}

int main(void) {
  held_while_growing();
  waiting_for_growth();
  flooding();
  without_memory();
  nearest_to_fresh();
  return done_testing();
}
