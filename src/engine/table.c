#include "engine/table.h"

enum {
  CLASS_MASK = SL_CLASS_MAX - 1,
  SPILL_SHIFT = SL_LINE_SLOTS * SL_CLASS_BITS,
  SPLITS_PER_INSERT = 4,
  SWEEP_LINES = 2,
  EVICT_LINES = 8,  // 32 buckets are sampled before one that is not fresh is dropped
  EVICT_TRIES = 4,
};

// A round of splits begins when 11 of 16 slots are taken and doubles the table, so at most 3 of 4
// are taken in the part that waits for its split, and a key rarely leaves its home line.
static size_t grow_threshold(size_t lines) { return lines * SL_LINE_SLOTS / 16 * 11; }
// Before that, from one half on, each insert drops what is fresh in two lines: growing is for live
// buckets.
static size_t sweep_threshold(size_t lines) { return lines * SL_LINE_SLOTS / 2; }
// While another thread that is at the splits does not get on, inserts fill the lines that there
// were when the round began to 13 of 16, and wait for it: the fuller, the farther from home.
static size_t wait_threshold(const struct sl_table *table, size_t lines) {
  size_t target = atomic_load_explicit(&table->grow_to, memory_order_relaxed);
  return (target != 0 ? target / 2 : lines) * SL_LINE_SLOTS / 16 * 13;
}
// At the memory cap the table takes this many, then evicts. Below it a growing that is held up by
// memory that others have may fill it further.
static size_t evict_threshold(const struct sl_table *table, size_t lines) {
  return lines < table->lines_max ? lines * SL_LINE_SLOTS / 16 * 15 : lines * SL_LINE_SLOTS / 4 * 3;
}

// ---- locks, lines, meta

static void lock_family(struct sl_table *table, uint32_t family) {
  _Atomic uint32_t *lock = &table->families[family].locked;
  for (unsigned round = 0;; round++) {
    if (atomic_load_explicit(lock, memory_order_relaxed) == 0 &&
        atomic_exchange_explicit(lock, 1, memory_order_acquire) == 0) {
      return;
    }
    table->relax(table->relax_ctx, round);
  }
}

static void unlock_family(struct sl_table *table, uint32_t family) {
  atomic_store_explicit(&table->families[family].locked, 0, memory_order_release);
}

static size_t lines_of(const struct sl_table *table) {
  return atomic_load_explicit(&table->lines, memory_order_acquire);
}

// A family's lines have numbers of their own, 0, 1, 2, ..., two to each 512 lines; this is the part
// of a line's number that such a number makes.
static size_t family_part(size_t number) {
  return ((number >> 1) << (SL_TABLE_FAMILY_BITS + 1)) | (number & 1);
}

static size_t family_line(uint32_t family, size_t number) {
  return family_part(number) | ((size_t)family << 1);
}

static uint32_t family_of(size_t line) { return (uint32_t)(line >> 1) & (SL_TABLE_FAMILIES - 1); }

// The k-th line to look in for a key of this home: k = 0 is the home, 1 its neighbour in memory,
// then the nearest of the family. The order does not change while the table grows; a line that does
// not exist yet is passed over.
static bool probe(size_t home, size_t k, size_t lines, size_t *ret_line) {
  *ret_line = home ^ family_part(k);
  return *ret_line < lines;
}

// Every line of a family has a number, and every pair of them a k, below this.
static size_t probe_end(size_t lines) {
  return ((SIZE_MAX >> __builtin_clzll(lines - 1)) >> SL_TABLE_FAMILY_BITS) + 1;
}

static uint64_t load_meta(const struct sl_table *table, size_t line) {
  return atomic_load_explicit(sl_table_meta(table, line), memory_order_relaxed);
}

static uint16_t class_of(uint64_t meta, unsigned slot) {
  return (uint16_t)(meta >> (slot * SL_CLASS_BITS) & CLASS_MASK);
}

static unsigned spill_of(uint64_t meta) { return (unsigned)(meta >> SPILL_SHIFT); }

// Under the family's lock, which alone writes meta words.
static void set_class(struct sl_table *table, size_t line, unsigned slot, uint16_t class_id) {
  uint64_t meta = load_meta(table, line);
  meta &= ~((uint64_t)CLASS_MASK << (slot * SL_CLASS_BITS));
  meta |= (uint64_t)class_id << (slot * SL_CLASS_BITS);
  atomic_store_explicit(sl_table_meta(table, line), meta, memory_order_relaxed);
}

static void add_spill(struct sl_table *table, size_t home, int change) {
  uint64_t meta = load_meta(table, home);
  // 255 strangers of one line among keyed hashes do not happen before the sun burns out.
  sl_assert(change > 0 ? spill_of(meta) < 255 : spill_of(meta) > 0);
  meta += (uint64_t)(int64_t)change << SPILL_SHIFT;
  atomic_store_explicit(sl_table_meta(table, home), meta, memory_order_relaxed);
}

static uint64_t load_tag(const struct sl_slot *slot) {
  return atomic_load_explicit(&slot->tag, memory_order_acquire);
}
static uint64_t load_cell(const struct sl_slot *slot) {
  return atomic_load_explicit(&slot->cell, memory_order_acquire);
}

static struct sl_place_of place_in(uint64_t tag, uint32_t family) {
  return (struct sl_place_of){.tag = tag, .family = family};
}

// ---- making and closing

static size_t segment_lines(unsigned segment) {
  return segment == 0 ? SL_TABLE_FIRST_LINES : (size_t)SL_TABLE_FIRST_LINES << (segment - 1);
}

static size_t segment_first(unsigned segment) { return segment == 0 ? 0 : segment_lines(segment); }

static bool add_segment(struct sl_table *table, unsigned segment) {
  size_t lines = segment_lines(segment);
  size_t first = segment_first(segment);
  void *slots = sl_mem_array(table->mem, lines, sizeof(struct sl_line), 64);
  void *meta = sl_mem_array(table->mem, lines, sizeof(uint64_t), 64);
  if (slots == NULL || meta == NULL) {
    sl_mem_free_aligned(table->mem, slots, lines * sizeof(struct sl_line), 64);
    sl_mem_free_aligned(table->mem, meta, lines * sizeof(uint64_t), 64);
    return false;
  }
  atomic_store_explicit(&table->line_base[segment],
                        (uintptr_t)slots - first * sizeof(struct sl_line), memory_order_relaxed);
  atomic_store_explicit(&table->meta_base[segment], (uintptr_t)meta - first * sizeof(uint64_t),
                        memory_order_relaxed);
  atomic_fetch_add_explicit(&table->bytes, lines * SL_LINE_BYTES, memory_order_relaxed);
  return true;
}

enum sl_status sl_table_init(struct sl_table *table, const struct sl_mem *mem, size_t max_bytes,
                             sl_relax_fn *relax, void *relax_ctx, struct sl_table_owner owner) {
  if (max_bytes < SL_TABLE_BYTES_MIN) {
    return SL_ERR_RANGE;
  }
  *table = (struct sl_table){.mem = mem, .relax = relax, .relax_ctx = relax_ctx, .owner = owner};
  size_t most = (max_bytes - SL_TABLE_FAMILIES * sizeof(struct sl_family)) / SL_LINE_BYTES;
  table->lines_max = (size_t)1 << (63 - __builtin_clzll(most));
  table->families = sl_mem_array(mem, SL_TABLE_FAMILIES, sizeof(struct sl_family), 64);
  if (table->families == NULL || !add_segment(table, 0)) {
    sl_table_close(table);
    return SL_ERR_MEMORY;
  }
  atomic_fetch_add_explicit(&table->bytes, SL_TABLE_FAMILIES * sizeof(struct sl_family),
                            memory_order_relaxed);
  atomic_store_explicit(&table->mask, SL_TABLE_FIRST_LINES - 1, memory_order_relaxed);
  atomic_store_explicit(&table->lines, SL_TABLE_FIRST_LINES, memory_order_release);
  return SL_OK;
}

void sl_table_close(struct sl_table *table) {
  for (unsigned s = 0; s < SL_TABLE_SEGMENTS; s++) {
    if (table->line_base[s] != 0) {
      size_t lines = segment_lines(s);
      size_t first = segment_first(s);
      sl_mem_free_aligned(table->mem,
                          (void *)(table->line_base[s] + first * sizeof(struct sl_line)),
                          lines * sizeof(struct sl_line), 64);
      sl_mem_free_aligned(table->mem, (void *)(table->meta_base[s] + first * sizeof(uint64_t)),
                          lines * sizeof(uint64_t), 64);
    }
  }
  sl_mem_free_aligned(table->mem, table->families, SL_TABLE_FAMILIES * sizeof(struct sl_family),
                      64);
  *table = (struct sl_table){0};
}

// ---- finding

static struct sl_slot *find_in_line(struct sl_line *line, uint64_t tag) {
  for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
    if (load_tag(&line->slot[i]) == tag) {
      return &line->slot[i];
    }
  }
  return NULL;
}

// Where a scan stands.
struct spot {
  size_t line;
  unsigned slot;
  size_t k;  // of the probes from the home line
};

static struct sl_slot *slot_at(const struct sl_table *table, struct spot spot) {
  return &sl_table_line(table, spot.line)->slot[spot.slot];
}

// Goes on from *spot to the next bucket whose home is `home` but which lies elsewhere. Under the
// lock and with a spill count above those already seen, there is one.
static void next_spilled(const struct sl_table *table, size_t lines, uint32_t family, size_t home,
                         struct spot *spot) {
  for (;;) {
    if (++spot->slot >= SL_LINE_SLOTS) {
      spot->slot = 0;
      do {
        spot->k++;
        sl_assert(spot->k < probe_end(lines));
      } while (!probe(home, spot->k, lines, &spot->line));
    }
    uint64_t tag = load_tag(slot_at(table, *spot));
    if (tag != 0 && sl_table_home(lines, place_in(tag, family)) == home) {
      return;
    }
  }
}

static struct spot spill_start(size_t home) {
  return (struct spot){.line = home, .slot = SL_LINE_SLOTS};
}

// *ret_spot is where a bucket was found that is not at home, else its k is 0.
static struct sl_slot *find_locked(const struct sl_table *table, struct sl_place_of place,
                                   struct spot *ret_spot) {
  size_t lines = lines_of(table);
  size_t home = sl_table_home(lines, place);
  struct sl_slot *slot = find_in_line(sl_table_line(table, home), place.tag);
  *ret_spot = spill_start(home);
  if (slot != NULL) {
    return slot;
  }
  for (unsigned left = spill_of(load_meta(table, home)); left > 0; left--) {
    next_spilled(table, lines, place.family, home, ret_spot);
    slot = slot_at(table, *ret_spot);
    if (load_tag(slot) == place.tag) {
      return slot;
    }
  }
  return NULL;
}

enum { NEAR_LINES = 3 };

// A key that spilled is mostly in one of the nearest lines: try there before taking the lock.
static struct sl_slot *find_near(const struct sl_table *table, struct sl_place_of place) {
  size_t lines = lines_of(table);
  size_t home = sl_table_home(lines, place);
  sl_table_prefetch_spill(table, place);
  struct sl_slot *slot = find_in_line(sl_table_line(table, home), place.tag);
  if (slot != NULL || spill_of(load_meta(table, home)) == 0) {
    return slot;
  }
  size_t line;
  for (size_t k = 1; k <= NEAR_LINES && slot == NULL; k++) {
    slot =
        probe(home, k, lines, &line) ? find_in_line(sl_table_line(table, line), place.tag) : NULL;
  }
  return slot;
}

// ---- dropping

// Under the lock: the slot's bucket is gone, its meta is put right.
static void forget(struct sl_table *table, size_t line, struct sl_place_of place) {
  size_t home = sl_table_home(lines_of(table), place);
  if (home != line) {
    add_spill(table, home, -1);
  }
  atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
}

static bool take_cell_lock(struct sl_slot *slot, uint64_t tag, uint64_t cell) {
  return sl_slot_lock(slot, tag, cell);
}

static bool locked_cell(uint64_t cell) { return (cell & SL_CELL_LOCK) != 0; }

// The same for a bucket whose cell may be changing. False when somebody holds it.
static bool take_busy_cell_lock(struct sl_slot *slot, uint64_t tag, uint64_t *ret_cell) {
  do {
    *ret_cell = load_cell(slot);
    if (locked_cell(*ret_cell)) {
      return false;
    }
  } while (!take_cell_lock(slot, tag, *ret_cell));
  return true;
}

// With the lock bit held nobody's compare-and-swap can succeed between the two stores.
static void empty_slot(struct sl_slot *slot) {
  atomic_store_explicit(&slot->tag, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->cell, 0, memory_order_release);
}

// Drops a bucket whose lock bit is held here.
static void drop_held(struct sl_table *table, uint32_t family, struct spot spot, uint64_t tag,
                      uint64_t cell, bool lossy) {
  uint16_t class_id = class_of(load_meta(table, spot.line), spot.slot);
  empty_slot(slot_at(table, spot));
  forget(table, spot.line, place_in(tag, family));
  table->owner.dropped(table->owner.ctx, class_id, cell, lossy);
}

static bool drop(struct sl_table *table, uint32_t family, struct spot spot, uint64_t tag,
                 uint64_t cell, bool lossy) {
  if (!take_cell_lock(slot_at(table, spot), tag, cell)) {
    return false;
  }
  drop_held(table, family, spot, tag, cell, lossy);
  return true;
}

// The nearest to fresh of the buckets a sweep has seen.
struct candidate {
  struct spot spot;
  uint64_t tag, cell, distance_ns;
};

// Drops the bucket if it is fresh, else offers it as a candidate.
static bool sweep_slot(struct sl_table *table, uint32_t family, struct spot spot, uint64_t now_ns,
                       bool referring_only, struct candidate *best) {
  struct sl_slot *slot = slot_at(table, spot);
  uint64_t tag = load_tag(slot);
  uint64_t cell = load_cell(slot);
  uint16_t class_id = class_of(load_meta(table, spot.line), spot.slot);
  if (tag == 0 || locked_cell(cell)) {
    return false;
  }
  bool by_value = table->owner.by_value(table->owner.ctx, class_id);
  if ((by_value && referring_only) || (!by_value && !take_cell_lock(slot, tag, cell))) {
    return false;
  }
  uint64_t distance_ns = 0;
  bool fresh = table->owner.is_fresh(table->owner.ctx, class_id, cell, now_ns, &distance_ns);
  if (fresh && !by_value) {
    drop_held(table, family, spot, tag, cell, false);
    return true;
  }
  if (!by_value) {
    atomic_store_explicit(&slot->cell, cell, memory_order_release);
  }
  if (fresh) {
    return drop(table, family, spot, tag, cell, false);
  }
  if (distance_ns < best->distance_ns) {
    *best = (struct candidate){.spot = spot, .tag = tag, .cell = cell, .distance_ns = distance_ns};
  }
  return false;
}

static size_t sweep_line(struct sl_table *table, uint32_t family, size_t line, uint64_t now_ns,
                         bool referring_only, struct candidate *best) {
  size_t dropped = 0;
  for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
    dropped += sweep_slot(table, family, (struct spot){.line = line, .slot = i}, now_ns,
                          referring_only, best);
  }
  return dropped;
}

// Sweeps `count` lines on from the family's hand.
static size_t sweep_locked(struct sl_table *table, uint32_t family, size_t count, uint64_t now_ns,
                           bool referring_only, struct candidate *best) {
  struct sl_family *f = &table->families[family];
  size_t lines = lines_of(table);
  size_t dropped = 0;
  for (size_t i = 0; i < count; i++) {
    size_t line = family_line(family, f->hand);
    if (line >= lines) {
      f->hand = 0;
      line = family_line(family, 0);
    }
    f->hand++;
    dropped += sweep_line(table, family, line, now_ns, referring_only, best);
  }
  return dropped;
}

size_t sl_table_sweep(struct sl_table *table, uint32_t family, size_t lines, uint64_t now_ns) {
  lock_family(table, family);
  struct candidate ignored = {.distance_ns = 0};
  size_t dropped = sweep_locked(table, family, lines, now_ns, false, &ignored);
  unlock_family(table, family);
  return dropped;
}

static bool drop_best(struct sl_table *table, uint32_t family, const struct candidate *best) {
  return best->tag != 0 && drop(table, family, best->spot, best->tag, best->cell, true);
}

size_t sl_table_evict_referring(struct sl_table *table, uint32_t family, uint64_t now_ns,
                                bool may_evict) {
  lock_family(table, family);
  struct candidate best = {.distance_ns = UINT64_MAX};
  size_t dropped = sweep_locked(table, family, EVICT_LINES, now_ns, true, &best);
  if (dropped == 0 && may_evict) {
    dropped = drop_best(table, family, &best);
  }
  unlock_family(table, family);
  return dropped;
}

// Makes room for one at the memory cap: fresh buckets near the home line, else the nearest to fresh
// there.
static bool evict_locked(struct sl_table *table, struct sl_place_of place, uint64_t now_ns,
                         bool may_evict) {
  size_t lines = lines_of(table);
  size_t home = sl_table_home(lines, place);
  bool done = false;
  // The best may be in use by the time it is to go; then another is looked for.
  for (int tries = may_evict ? EVICT_TRIES : 1; !done && tries > 0; tries--) {
    struct candidate best = {.distance_ns = UINT64_MAX};
    size_t dropped = sweep_locked(table, place.family, SWEEP_LINES, now_ns, false, &best);
    for (size_t k = 0; k < EVICT_LINES; k++) {
      size_t line;
      if (probe(home, k, lines, &line)) {
        dropped += sweep_line(table, place.family, line, now_ns, false, &best);
      }
    }
    done = dropped > 0 || (may_evict && drop_best(table, place.family, &best));
  }
  return done;
}

void sl_table_remove_locked(struct sl_table *table, struct sl_slot *slot,
                            struct sl_place_of place) {
  lock_family(table, place.family);
  size_t lines = lines_of(table);
  size_t home = sl_table_home(lines, place);
  // A locked bucket does not move, so the slot is still the key's; the scan only tells which line
  // it is in.
  for (size_t k = 0; k < probe_end(lines); k++) {
    size_t line;
    struct sl_line *at = probe(home, k, lines, &line) ? sl_table_line(table, line) : NULL;
    if (at != NULL && slot >= at->slot && slot < at->slot + SL_LINE_SLOTS) {
      empty_slot(slot);
      forget(table, line, place);
      break;
    }
  }
  unlock_family(table, place.family);
}

// ---- inserting

// The first free slot from the home line on; false when the family has none.
static bool free_spot(const struct sl_table *table, size_t home, uint64_t tag,
                      struct spot *ret_spot) {
  size_t lines = lines_of(table);
  for (size_t k = 0; k < probe_end(lines); k++) {
    size_t line;
    if (!probe(home, k, lines, &line)) {
      continue;
    }
    const struct sl_line *at = sl_table_line(table, line);
    for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
      unsigned seat = sl_table_seat(tag) ^ i;
      if (load_tag(&at->slot[seat]) == 0) {
        *ret_spot = (struct spot){.line = line, .slot = seat, .k = k};
        return true;
      }
    }
  }
  return false;
}

// Fills a free slot. Under the lock nobody else looks for free ones; the tag is written last.
static void fill(struct sl_table *table, struct spot spot, uint64_t tag, uint16_t class_id,
                 uint64_t cell) {
  struct sl_slot *slot = slot_at(table, spot);
  set_class(table, spot.line, spot.slot, class_id);
  atomic_store_explicit(&slot->cell, cell, memory_order_release);
  atomic_store_explicit(&slot->tag, tag, memory_order_release);
}

// A bucket that was busy when its line was split is far from its new home. Who finds it there
// brings it to the nearest free slot, if nobody is using it; returns where it is.
static struct sl_slot *bring_near(struct sl_table *table, struct sl_place_of place,
                                  struct spot spot) {
  size_t home = sl_table_home(lines_of(table), place);
  struct sl_slot *slot = slot_at(table, spot);
  struct spot free_at;
  uint64_t cell;
  if (!free_spot(table, home, place.tag, &free_at) || free_at.k >= spot.k ||
      !take_busy_cell_lock(slot, place.tag, &cell)) {
    return slot;
  }
  fill(table, free_at, place.tag, class_of(load_meta(table, spot.line), spot.slot), cell);
  if (free_at.line == home) {
    add_spill(table, home, -1);
  }
  empty_slot(slot);
  return slot_at(table, free_at);
}

struct sl_slot *sl_table_find(struct sl_table *table, struct sl_place_of place) {
  struct sl_slot *slot = find_near(table, place);
  if (slot == NULL) {
    struct spot spot;
    lock_family(table, place.family);
    slot = find_locked(table, place, &spot);
    if (slot != NULL && spot.k > NEAR_LINES) {
      slot = bring_near(table, place, spot);
    }
    unlock_family(table, place.family);
  }
  return slot;
}

// What an insert under the lock may end with, beyond what its caller is told.
enum { INSERT_NEEDS_LINES = SL_INSERT_FULL + 1 };

static int insert_locked(struct sl_table *table, struct sl_place_of place, uint16_t class_id,
                         uint64_t cell, uint64_t now_ns, bool may_evict, bool may_grow,
                         struct sl_slot **ret_slot) {
  struct spot spot;
  *ret_slot = find_locked(table, place, &spot);
  if (*ret_slot != NULL) {
    return SL_INSERT_EXISTS;
  }
  size_t lines = lines_of(table);
  size_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
  if (count >= wait_threshold(table, lines) && may_grow && lines < table->lines_max) {
    return INSERT_NEEDS_LINES;
  }
  if (count >= evict_threshold(table, lines) && !evict_locked(table, place, now_ns, may_evict)) {
    return SL_INSERT_FULL;
  }
  if (count >= sweep_threshold(lines)) {
    struct candidate ignored = {.distance_ns = 0};
    sweep_locked(table, place.family, SWEEP_LINES, now_ns, false, &ignored);
  }
  size_t home = sl_table_home(lines, place);
  // In a small table a family has few lines and can be full before the table is.
  if (!free_spot(table, home, place.tag, &spot)) {
    if (may_grow && lines < table->lines_max) {
      return INSERT_NEEDS_LINES;
    }
    if (!evict_locked(table, place, now_ns, may_evict) ||
        !free_spot(table, home, place.tag, &spot)) {
      return SL_INSERT_FULL;
    }
  }
  if (spot.line != home) {
    add_spill(table, home, 1);
  }
  fill(table, spot, place.tag, class_id, cell);
  atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
  *ret_slot = slot_at(table, spot);
  return SL_INSERT_DONE;
}

// ---- splitting

enum { MOVERS_MAX = SL_LINE_SLOTS + 255 };

struct mover {
  struct spot from;
  uint64_t tag, cell;
  uint16_t class_id;
  bool spilled;
  bool busy;  // somebody holds it: it stays where it is
};

// The buckets of `home` whose home is going to be `to`, the lock bit of each taken that is not
// busy; returns how many.
static int lock_movers(struct sl_table *table, uint32_t family, size_t home, size_t to,
                       struct mover *movers) {
  size_t lines = lines_of(table);
  unsigned spilled = spill_of(load_meta(table, home));
  struct spot spot = spill_start(home);
  int count = 0;
  for (unsigned i = 0; i < SL_LINE_SLOTS + spilled; i++) {
    bool at_home = i < SL_LINE_SLOTS;
    struct spot here = {.line = home, .slot = i};
    if (!at_home) {
      next_spilled(table, lines, family, home, &spot);
      here = spot;
    }
    struct sl_slot *slot = slot_at(table, here);
    uint64_t tag = load_tag(slot);
    // Guests at home belong to another line.
    if (tag == 0 || sl_table_home(lines, place_in(tag, family)) != home ||
        sl_table_home(to + 1, place_in(tag, family)) != to) {
      continue;
    }
    struct mover *m = &movers[count++];
    *m = (struct mover){.from = here, .tag = tag, .spilled = !at_home};
    m->class_id = class_of(load_meta(table, here.line), here.slot);
    m->busy = !take_busy_cell_lock(slot, tag, &m->cell);
  }
  return count;
}

static void move(struct sl_table *table, size_t home, size_t to, const struct mover *m) {
  struct spot spot = m->from;
  if (m->spilled) {
    add_spill(table, home, -1);
  }
  if (!m->busy) {
    // The new line is empty, and each move frees a slot: there is a free one.
    bool found = free_spot(table, to, m->tag, &spot);
    sl_assert(found);
    fill(table, spot, m->tag, m->class_id, m->cell);
    empty_slot(slot_at(table, m->from));
  }
  if (spot.line != to) {
    add_spill(table, to, 1);
  }
}

// After a split the home line has room: buckets that had spilled come home where nobody is using
// them.
static void bring_home(struct sl_table *table, uint32_t family, size_t home) {
  size_t lines = lines_of(table);
  struct spot spot = spill_start(home);
  for (unsigned left = spill_of(load_meta(table, home)); left > 0; left--) {
    next_spilled(table, lines, family, home, &spot);
    struct sl_slot *slot = slot_at(table, spot);
    uint64_t tag = load_tag(slot);
    struct spot free_at;
    if (!free_spot(table, home, tag, &free_at) || free_at.line != home) {
      return;
    }
    uint64_t cell;
    if (!take_busy_cell_lock(slot, tag, &cell)) {
      continue;
    }
    fill(table, free_at, tag, class_of(load_meta(table, spot.line), spot.slot), cell);
    add_spill(table, home, -1);
    empty_slot(slot);
  }
}

// Adds one line. False when there is no memory (the round ends).
static bool split_once(struct sl_table *table) {
  size_t to = lines_of(table);
  size_t home = to & ((SIZE_MAX >> __builtin_clzll(to)) >> 1);
  uint32_t family = family_of(to);
  unsigned segment = sl_table_segment(to);
  if (atomic_load_explicit(&table->line_base[segment], memory_order_relaxed) == 0 &&
      !add_segment(table, segment)) {
    atomic_store_explicit(&table->grow_to, 0, memory_order_relaxed);
    return false;
  }
  struct mover movers[MOVERS_MAX] SL_UNINITIALIZED;
  lock_family(table, family);
  int count = lock_movers(table, family, home, to, movers);
  // From here on the keys' home is the new line; whoever still looks in the old one meets the lock
  // bit and looks again.
  atomic_store_explicit(&table->mask, SIZE_MAX >> __builtin_clzll(to), memory_order_relaxed);
  atomic_store_explicit(&table->lines, to + 1, memory_order_release);
  for (int i = 0; i < count; i++) {
    move(table, home, to, &movers[i]);
  }
  bring_home(table, family, home);
  unlock_family(table, family);
  return true;
}

// Is a round under way, or to be begun?
static bool growing_due(const struct sl_table *table, bool forced) {
  size_t lines = lines_of(table);
  size_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
  return atomic_load_explicit(&table->grow_to, memory_order_relaxed) != 0 ||
         ((forced || count > grow_threshold(lines)) && lines < table->lines_max);
}

// With `growing` taken: carries a round of splits on, or begins one when that is due or `forced`.
static void grow_locked(struct sl_table *table, int splits, bool forced) {
  if (!growing_due(table, forced)) {
    return;
  }
  size_t target = atomic_load_explicit(&table->grow_to, memory_order_relaxed);
  if (target == 0) {
    target = lines_of(table) * 2;
    atomic_store_explicit(&table->grow_to, target, memory_order_relaxed);
  }
  for (int i = 0; i < splits && lines_of(table) < target && split_once(table); i++) {
  }
  if (lines_of(table) >= target) {
    atomic_store_explicit(&table->grow_to, 0, memory_order_relaxed);
  }
}

// Grows if that is due; whoever finds another thread at it leaves it to that one.
static void grow(struct sl_table *table) {
  if (growing_due(table, false) &&
      atomic_exchange_explicit(&table->growing, 1, memory_order_acquire) == 0) {
    grow_locked(table, SPLITS_PER_INSERT, false);
    atomic_store_explicit(&table->growing, 0, memory_order_release);
  }
}

// Brings every family a line more than it had at `before` lines. Waits for the thread that is
// growing the table: it needs families' locks alone, so also who holds buckets may wait. False when
// there is no memory.
static bool grow_now(struct sl_table *table, size_t before) {
  for (unsigned round = 0; atomic_exchange_explicit(&table->growing, 1, memory_order_acquire) != 0;
       round++) {
    table->relax(table->relax_ctx, round);
  }
  if (lines_of(table) < before + SL_TABLE_FAMILIES) {
    grow_locked(table, SL_TABLE_FAMILIES, true);
  }
  atomic_store_explicit(&table->growing, 0, memory_order_release);
  return lines_of(table) != before;
}

enum sl_insert sl_table_insert(struct sl_table *table, struct sl_place_of place, uint16_t class_id,
                               uint64_t cell, uint64_t now_ns, bool may_evict,
                               struct sl_slot **ret_slot) {
  for (bool may_grow = true;;) {
    size_t lines = lines_of(table);
    lock_family(table, place.family);
    int result = insert_locked(table, place, class_id, cell, now_ns, may_evict, may_grow, ret_slot);
    unlock_family(table, place.family);
    if (result == INSERT_NEEDS_LINES) {
      may_grow = grow_now(table, lines);
      continue;
    }
    if (result != SL_INSERT_EXISTS) {
      grow(table);
    }
    return (enum sl_insert)result;
  }
}

// ---- visiting

static void visit_line(struct sl_table *table, uint32_t family, size_t line,
                       sl_table_visit_fn *visit, void *ctx) {
  for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
    struct spot spot = {.line = line, .slot = i};
    struct sl_slot *slot = slot_at(table, spot);
    uint64_t tag = load_tag(slot);
    uint64_t cell = load_cell(slot);
    if (tag == 0 || locked_cell(cell) || !take_cell_lock(slot, tag, cell)) {
      continue;
    }
    if (visit(ctx, class_of(load_meta(table, line), i), tag, cell)) {
      drop_held(table, family, spot, tag, cell, false);
    } else {
      atomic_store_explicit(&slot->cell, cell, memory_order_release);
    }
  }
}

void sl_table_visit(struct sl_table *table, sl_table_visit_fn *visit, void *ctx) {
  for (uint32_t family = 0; family < SL_TABLE_FAMILIES; family++) {
    lock_family(table, family);
    for (size_t number = 0; family_line(family, number) < lines_of(table); number++) {
      visit_line(table, family, family_line(family, number), visit, ctx);
    }
    unlock_family(table, family);
  }
}

static bool visit_all(void *ctx, uint16_t class_id, uint64_t tag, uint64_t cell) {
  (void)ctx;
  (void)class_id;
  (void)tag;
  (void)cell;
  return true;
}

void sl_table_clear(struct sl_table *table) { sl_table_visit(table, visit_all, NULL); }
