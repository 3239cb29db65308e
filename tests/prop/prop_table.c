// The bucket table against a plain map: random inserting, finding, changing, holding, removing,
// sweeping, visiting and evicting, through several doublings, with few families, crowded lines,
// memory that fails and the cap reached. In between the table is taken apart and counted.
#include "engine/table.h"

#include "prop/prop.h"
#include "support/fault_mem.h"

enum {
  LAW_FIND,
  LAW_INSERT,
  LAW_LOST,
  LAW_LOSSLESS,
  LAW_CAP,
  LAW_ONCE,
  LAW_SPILL,
  LAW_CLASS,
  LAW_COUNT_EXACT,
  LAW_MEMORY,
  LAW_COUNT
};

static const char *const laws[LAW_COUNT] = {
    [LAW_FIND] = "a key is found exactly when it is there, with its own cell",
    [LAW_INSERT] = "an insert tells a new key from a present one, and is refused only at the cap",
    [LAW_LOST] = "nobody's held bucket is dropped, and no bucket twice",
    [LAW_LOSSLESS] = "what is dropped as fresh is fresh, and what is not is not",
    [LAW_CAP] = "a bucket that is not fresh is dropped only where the table may not grow",
    [LAW_ONCE] = "every key stands in the table exactly once, in a line of its family",
    [LAW_SPILL] = "each line knows how many of its keys are elsewhere",
    [LAW_CLASS] = "each bucket keeps its class, through moves and splits",
    [LAW_COUNT_EXACT] = "the table knows how many buckets it has",
    [LAW_MEMORY] = "the table stays within its cap and gives everything back",
};

enum { KEYS = 1 << 16, KEY_BITS = 16, HELD_MAX = 24 };

struct node {
  uint64_t fresh_at;
  uint32_t key;
};

struct entry {
  struct sl_place_of place;
  uint64_t cell;  // lock bit clear
  uint16_t class_id;
  bool present, held, hashed;
};

struct world {
  struct prop *p;
  struct sl_table table;
  struct fault_mem fault;
  struct sl_mem mem;
  size_t max_bytes;
  struct sl_secret secret;
  struct entry keys[KEYS];
  uint32_t universe;  // keys in use
  unsigned families;  // 256, or few
  unsigned crowd;     // this many of the first keys share one home line
  uint32_t held[HELD_MAX];
  size_t held_count;
  size_t count;  // keys present
  uint64_t now;
  bool may_lose;  // the operation under way may drop what is not fresh
  bool broken;
  uint64_t dropped_lossy, refused;
};

// Odd classes refer to memory, even ones say all in the cell.
static bool refers(uint16_t class_id) { return (class_id & 1) != 0; }

static uint32_t key_of(uint16_t class_id, uint64_t cell) {
  return refers(class_id) ? ((struct node *)(uintptr_t)cell)->key
                          : (uint32_t)(cell & ((1u << KEY_BITS) - 1));
}

static uint64_t fresh_at(uint16_t class_id, uint64_t cell) {
  return refers(class_id) ? ((struct node *)(uintptr_t)cell)->fresh_at : cell >> KEY_BITS;
}

static uint64_t make_cell(uint16_t class_id, uint32_t key, uint64_t at) {
  if (!refers(class_id)) {
    return at << KEY_BITS | key;
  }
  struct node *node = malloc(sizeof *node);
  if (node == NULL) {
    abort();
  }
  *node = (struct node){.fresh_at = at, .key = key};
  return (uint64_t)(uintptr_t)node;
}

static void free_cell(uint16_t class_id, uint64_t cell) {
  if (refers(class_id)) {
    free((struct node *)(uintptr_t)cell);
  }
}

static void holds(struct world *w, size_t law, bool condition, uint64_t want, uint64_t got) {
  w->broken = !prop_holds(w->p, law, condition, want, got) || w->broken;
}

// ---- what the table asks
// -------------------------------------------------------------------------

static bool by_value(void *ctx, uint16_t class_id) {
  (void)ctx;
  return !refers(class_id);
}

static bool is_fresh(void *ctx, uint16_t class_id, uint64_t cell, uint64_t now_ns,
                     uint64_t *ret_distance_ns) {
  (void)ctx;
  uint64_t at = fresh_at(class_id, cell);
  *ret_distance_ns = at > now_ns ? at - now_ns : 0;
  return at <= now_ns;
}

static void gone(struct world *w, struct entry *entry) {
  free_cell(entry->class_id, entry->cell);
  entry->present = false;
  w->count--;
}

static void dropped(void *ctx, uint16_t class_id, uint64_t cell, bool lossy) {
  struct world *w = ctx;
  uint32_t key = key_of(class_id, cell);
  struct entry *entry = &w->keys[key];
  holds(w, LAW_LOST, entry->present && !entry->held, 1, key);
  holds(w, LAW_CLASS, entry->class_id == class_id, entry->class_id, class_id);
  holds(w, LAW_FIND, entry->cell == cell, entry->cell, cell);
  holds(w, LAW_LOSSLESS, lossy == (fresh_at(class_id, cell) > w->now), w->now,
        fresh_at(class_id, cell));
  if (lossy) {
    bool full = w->table.lines == w->table.lines_max || w->fault.fail_size != 0;
    holds(w, LAW_CAP, w->may_lose && full, w->table.lines_max, w->table.lines);
    w->dropped_lossy++;
  }
  gone(w, entry);
}

// ---- keys and their hashes
// -----------------------------------------------------------------------

static struct sl_place_of place_of(struct world *w, uint32_t key) {
  struct entry *entry = &w->keys[key];
  if (!entry->hashed) {
    struct sl_hash hash = sl_hash_bytes(&w->secret, &key, sizeof key);
    hash.hi = w->families < SL_TABLE_FAMILIES ? hash.hi % w->families : hash.hi;
    if (key < w->crowd) {
      // The bits that choose a line, up to the largest table here, are the same.
      hash.hi = w->secret.word[1];
      hash.lo = (hash.lo & ~UINT64_C(0xffffff)) | (w->secret.word[0] & 0xffffff);
    }
    entry->place = sl_table_place(hash, false);
    entry->hashed = true;
  }
  return entry->place;
}

// ---- operations
// ----------------------------------------------------------------------------------

static void check_slot(struct world *w, const struct entry *entry, const struct sl_slot *slot) {
  uint64_t lock = entry->held ? SL_CELL_LOCK : 0;
  holds(w, LAW_FIND, slot->tag == entry->place.tag, entry->place.tag, slot->tag);
  holds(w, LAW_FIND, slot->cell == (entry->cell | lock), entry->cell | lock, slot->cell);
}

static struct sl_slot *find(struct world *w, uint32_t key) {
  struct entry *entry = &w->keys[key];
  struct sl_place_of place = place_of(w, key);
  struct sl_slot *slot = sl_table_find_home(&w->table, place);
  if (slot == NULL) {
    slot = sl_table_find(&w->table, place);
  }
  holds(w, LAW_FIND, (slot != NULL) == entry->present, entry->present, slot != NULL);
  if (slot != NULL && entry->present) {
    check_slot(w, entry, slot);
  }
  return entry->present ? slot : NULL;
}

static uint64_t some_time(struct world *w) {
  return w->now + (prop_one_in(w->p, 3) ? 0 : prop_magnitude(w->p, 1 << 20));
}

static void hold(struct world *w, uint32_t key) {
  w->keys[key].held = true;
  w->held[w->held_count++] = key;
}

static void insert(struct world *w, uint32_t key) {
  struct entry *entry = &w->keys[key];
  struct sl_place_of place = place_of(w, key);
  bool may_evict = prop_one_in(w->p, 2);
  bool locked = w->held_count < HELD_MAX && prop_one_in(w->p, 64);
  uint16_t class_id = (uint16_t)prop_below(w->p, SL_CLASS_MAX);
  uint64_t cell = make_cell(class_id, key, some_time(w));
  struct sl_slot *slot = NULL;
  w->may_lose = may_evict;
  enum sl_insert got = sl_table_insert(
      &w->table, place, class_id, cell | (locked ? SL_CELL_LOCK : 0), w->now, may_evict, &slot);
  w->may_lose = false;
  holds(w, LAW_INSERT, (got == SL_INSERT_EXISTS) == entry->present, entry->present, got);
  if (got == SL_INSERT_DONE && !entry->present) {
    entry->cell = cell;
    entry->class_id = class_id;
    entry->present = true;
    w->count++;
    if (locked) {
      hold(w, key);
      check_slot(w, entry, slot);
    } else {
      (void)find(w, key);  // growing may have moved it already
    }
    return;
  }
  if (got == SL_INSERT_EXISTS && entry->present) {
    check_slot(w, entry, slot);
  }
  if (got == SL_INSERT_FULL) {
    // Only without room. (With leave to evict: when all in reach are held.)
    bool full = w->table.lines == w->table.lines_max || w->fault.fail_size != 0;
    holds(w, LAW_INSERT, full && (!may_evict || w->held_count > 0), 0, got);
    w->refused++;
  }
  free_cell(class_id, cell);
}

static void change(struct world *w, uint32_t key) {
  struct entry *entry = &w->keys[key];
  struct sl_slot *slot = find(w, key);
  if (slot == NULL || entry->held) {
    return;
  }
  uint64_t next = make_cell(entry->class_id, key, some_time(w));
  holds(w, LAW_FIND, !sl_slot_swap(slot, entry->place.tag ^ 2, entry->cell, next), 0, 1);
  holds(w, LAW_FIND, !sl_slot_swap(slot, entry->place.tag, entry->cell ^ 2, next), 0, 1);
  bool swapped = sl_slot_swap(slot, entry->place.tag, entry->cell, next);
  holds(w, LAW_FIND, swapped, 1, 0);
  free_cell(entry->class_id, swapped ? entry->cell : next);
  entry->cell = swapped ? next : entry->cell;
}

static void hold_one(struct world *w, uint32_t key) {
  struct entry *entry = &w->keys[key];
  struct sl_slot *slot = find(w, key);
  if (slot != NULL && !entry->held && w->held_count < HELD_MAX) {
    bool swapped = sl_slot_swap(slot, entry->place.tag, entry->cell, entry->cell | SL_CELL_LOCK);
    holds(w, LAW_FIND, swapped, 1, 0);
    hold(w, key);
  }
}

// Ends the holding of one: it goes on, changed or not, or dies.
static void let_go(struct world *w) {
  if (w->held_count == 0) {
    return;
  }
  size_t which = prop_below(w->p, w->held_count);
  uint32_t key = w->held[which];
  struct entry *entry = &w->keys[key];
  struct sl_slot *slot = find(w, key);
  w->held[which] = w->held[--w->held_count];
  if (slot == NULL) {
    return;
  }
  entry->held = false;
  if (prop_one_in(w->p, 2)) {
    sl_table_remove_locked(&w->table, slot, entry->place);
    gone(w, entry);
    return;
  }
  if (prop_one_in(w->p, 2)) {
    free_cell(entry->class_id, entry->cell);
    entry->cell = make_cell(entry->class_id, key, some_time(w));
  }
  atomic_store_explicit(&slot->cell, entry->cell, memory_order_release);
}

static void sweep(struct world *w) {
  uint32_t family = (uint32_t)prop_below(w->p, SL_TABLE_FAMILIES);
  size_t before = w->count;
  size_t got;
  if (prop_one_in(w->p, 2)) {
    got = sl_table_sweep(&w->table, family, prop_below(w->p, 16), w->now);
  } else {
    bool may_evict = prop_one_in(w->p, 2);
    // This one is asked for when memory is short, whatever the table may.
    uint64_t fail_size = w->fault.fail_size;
    w->fault.fail_size = SIZE_MAX;
    w->may_lose = may_evict;
    got = sl_table_evict_referring(&w->table, family, w->now, may_evict);
    w->may_lose = false;
    w->fault.fail_size = fail_size;
  }
  holds(w, LAW_COUNT_EXACT, before - w->count == got, before - w->count, got);
}

struct visit {
  struct world *w;
  size_t seen, dropped;
};

static bool visit_one(void *ctx, uint16_t class_id, uint64_t tag, uint64_t cell) {
  struct visit *v = ctx;
  struct entry *entry = &v->w->keys[key_of(class_id, cell)];
  holds(v->w, LAW_FIND, entry->present && !entry->held && entry->place.tag == tag, 1, 0);
  holds(v->w, LAW_CLASS, entry->class_id == class_id, entry->class_id, class_id);
  v->seen++;
  // What is dropped here is reported as fresh, so only such are chosen.
  bool drop = fresh_at(class_id, cell) <= v->w->now && prop_one_in(v->w->p, 4);
  v->dropped += drop;
  return drop;
}

static void visit(struct world *w) {
  struct visit v = {.w = w};
  size_t before = w->count;
  sl_table_visit(&w->table, visit_one, &v);
  holds(w, LAW_ONCE, v.seen == before - w->held_count, before - w->held_count, v.seen);
  holds(w, LAW_COUNT_EXACT, before - w->count == v.dropped, v.dropped, before - w->count);
}

// ---- taking the table apart
// ------------------------------------------------------------------------

enum { SPILL_SHIFT = SL_LINE_SLOTS * SL_CLASS_BITS };

static void check_line(struct world *w, size_t line, uint16_t *spills, size_t *seen) {
  struct sl_line *at = sl_table_line(&w->table, line);
  uint64_t meta = *sl_table_meta(&w->table, line);
  for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
    uint64_t tag = at->slot[i].tag;
    if (tag == 0) {
      continue;
    }
    uint16_t class_id = (uint16_t)(meta >> (i * SL_CLASS_BITS) & (SL_CLASS_MAX - 1));
    uint32_t key = key_of(class_id, at->slot[i].cell & ~SL_CELL_LOCK);
    struct entry *entry = &w->keys[key % KEYS];
    bool own = key < KEYS && entry->present && entry->place.tag == tag;
    holds(w, LAW_ONCE, own, 1, 0);
    if (!own) {
      return;
    }
    check_slot(w, entry, &at->slot[i]);
    holds(w, LAW_CLASS, entry->class_id == class_id, entry->class_id, class_id);
    size_t home = sl_table_home(w->table.lines, entry->place);
    spills[home] = (uint16_t)(spills[home] + (home != line));
    // Lines of a family differ from each other only in bits above and below the family's.
    struct sl_place_of family = {.tag = 0, .family = SL_TABLE_FAMILIES - 1};
    size_t bits = sl_table_home(SL_TABLE_FIRST_LINES, family);
    holds(w, LAW_ONCE, (home & bits) == (line & bits), home, line);
    (*seen)++;
  }
}

static void take_apart(struct world *w) {
  size_t lines = w->table.lines;
  uint16_t *spills = calloc(lines, sizeof *spills);
  size_t seen = 0;
  if (spills == NULL) {
    abort();
  }
  for (size_t line = 0; line < lines && !w->broken; line++) {
    check_line(w, line, spills, &seen);
  }
  // Found as often as it is there, each its own key: exactly once.
  holds(w, LAW_ONCE, seen == w->count, w->count, seen);
  for (size_t line = 0; line < lines && !w->broken; line++) {
    uint64_t spill = *sl_table_meta(&w->table, line) >> SPILL_SHIFT;
    holds(w, LAW_SPILL, spill == spills[line], spills[line], spill);
  }
  free(spills);
  holds(w, LAW_COUNT_EXACT, w->table.count == w->count, w->count, w->table.count);
  holds(w, LAW_MEMORY, w->table.bytes == w->fault.live_bytes, w->fault.live_bytes, w->table.bytes);
  holds(w, LAW_MEMORY, w->fault.peak_bytes <= w->max_bytes, w->max_bytes, w->fault.peak_bytes);
}

// ---- histories
// -----------------------------------------------------------------------------------

static void describe(const void *context) {
  const struct world *w = context;
  diag(
      "lines %zu of %zu, %zu buckets (%zu held) of %u keys in %u families, crowd %u, lossy %" PRIu64
      ", refused %" PRIu64,
      (size_t)w->table.lines, w->table.lines_max, w->count, w->held_count, w->universe, w->families,
      w->crowd, w->dropped_lossy, w->refused);
}

static void start(struct world *w, struct prop *p) {
  memset(w->keys, 0, sizeof w->keys);
  w->p = p;
  w->mem = fault_mem_init(&w->fault);
  w->secret = (struct sl_secret){{sl_prng_next(&p->prng), sl_prng_next(&p->prng)}};
  w->held_count = w->count = 0;
  w->dropped_lossy = w->refused = 0;
  w->now = 1000;
  w->may_lose = w->broken = false;
  w->max_bytes = SL_TABLE_BYTES_MIN + prop_magnitude(p, UINT64_C(72) << 15);
  w->universe = (uint32_t)prop_magnitude(p, KEYS);
  w->families = prop_one_in(p, 4) ? (unsigned)prop_between(p, 1, 8) : SL_TABLE_FAMILIES;
  w->crowd = prop_one_in(p, 3) ? (unsigned)prop_between(p, 1, 200) : 0;
  // Few families must not be asked to hold more than line counters can count.
  if (w->families < SL_TABLE_FAMILIES && w->universe > 512 * w->families) {
    w->universe = 512 * w->families;
  }
  struct sl_table_owner owner = {
      .by_value = by_value, .is_fresh = is_fresh, .dropped = dropped, .ctx = w};
  if (sl_table_init(&w->table, &w->mem, w->max_bytes, NULL, NULL, owner) != SL_OK) {
    abort();
  }
  p->describe = describe;
  p->context = w;
}

static void stop(struct world *w) {
  while (w->held_count > 0) {
    let_go(w);
  }
  w->now = UINT64_C(1) << 40;  // all are fresh by now
  if (!w->broken) {
    take_apart(w);
    sl_table_clear(&w->table);
    holds(w, LAW_ONCE, w->count == 0, 0, w->count);
    sl_table_close(&w->table);
    holds(w, LAW_MEMORY, w->fault.live == 0, 0, w->fault.live);
  }
  w->p->describe = NULL;
}

static void step(struct world *w, unsigned inserts) {
  struct prop *p = w->p;
  uint32_t key = (uint32_t)prop_below(p, w->universe);
  uint64_t dice = prop_below(p, 256);
  if (dice < inserts) {
    insert(w, key);
  } else if (dice < 150) {
    (void)find(w, key);
  } else if (dice < 210) {
    change(w, key);
  } else if (dice < 222) {
    hold_one(w, key);
  } else if (dice < 236) {
    let_go(w);
  } else if (dice < 240) {
    sweep(w);
  } else if (dice < 252) {
    w->now += prop_one_in(p, 64) ? prop_magnitude(p, 1 << 16) : prop_below(p, 3);
  } else if (dice < 253 && prop_one_in(p, 50)) {
    w->fault.fail_size = prop_one_in(p, 2) ? 0 : 1;
  } else if (prop_one_in(p, 256 + w->table.lines)) {
    visit(w);
  } else if (prop_one_in(p, 256 + w->table.lines)) {
    take_apart(w);
  }
}

static bool run(struct prop *p, struct world *w) {
  start(w, p);
  unsigned inserts = (unsigned)prop_between(p, 20, 130);
  uint64_t length = 2000 + prop_magnitude(p, 200000);
  for (uint64_t i = 0; i < length && p->step < p->args.steps && !w->broken; i++) {
    p->step++;
    step(w, inserts);
  }
  stop(w);
  return !w->broken;
}

int main(int argc, char **argv) {
  static struct world world;
  struct prop p;
  prop_init(&p, argc, argv, 10000000, laws, LAW_COUNT);
  while (p.step < p.args.steps && run(&p, &world)) {
  }
  return prop_done(&p);
}
