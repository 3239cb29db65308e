// table.h - the bucket table: (tag, cell) pairs for any number of threads. Private to engine/.
//
// What it is
//   A bucket is 16 bytes: a tag (64 bits of the key's hash, never 0) and a cell (63 bits of state
//   and one lock bit). Four make a line of 64 bytes, so a look-up usually touches one cache line.
//   Beside each line stands one word of meta data: what class of limit each of its cells belongs to
//   (so that a passer-by can tell whether it is fresh) and how many keys whose home is this line
//   had to be put elsewhere ("spill").
//
//   Lines belong to 256 FAMILIES, in pairs: lines 2f and 2f + 1 of every 512 are family f's. A
//   key's family is taken from other hash bits than its tag and never changes, so 70 bits of the
//   128 tell two keys of one table apart (two of ten million live keys coincide with a probability
//   of 4 in 10^8). Within its family a key's home line is given by its tag, and the slot it would
//   have there, too. A full home spills to its neighbour and on to the family's nearest lines. So
//   everything that ever happens to a key happens in its family.
//
//        line:   0 1   2 3   4 5   ...  510 511 | 512 513  514 515  ...  | 1024 ...
//        family:  0     1     2           255   |    0        1          |   0
//
// Growing: linear hashing (Litwin, 1980). The table has n lines; a hash is cut to the bits that n
// needs, less one where that line does not exist yet. One split adds line n and moves to it what
// belongs there from line n - 2^k, both of one family. Memory comes in segments that are never
// moved, so no decision ever waits for a table to be copied. A round of splits, once begun, runs
// with the inserts that follow it. A bucket that somebody holds stays where it is: it becomes one
// that spilled from its new home, and whoever lets go of it or finds it there brings it near.
//
// Who may do what
//   - A cell whose lock bit is clear is changed by one 16-byte compare-and-swap of (tag, cell): it
//   fails if
//     the bucket was changed, locked, moved or dropped meanwhile, or if the place now belongs to
//     another key. So a reader needs no protection and slots may be reused at once.
//   - Who sets the lock bit (by the same compare-and-swap) owns the cell until it clears the bit.
//   Several are
//     locked in the order of sl_bucket_ref_before.
//   - A key appears, moves and disappears only under its family's lock, a spin lock that is held
//   for some
//     hundred nanoseconds and under which nobody waits for a cell. Changing a bucket that exists
//     does not take it.
//   - A look-up without locks that finds a tag is right; one that finds nothing is repeated under
//   the lock.
#ifndef SL_ENGINE_TABLE_H
#define SL_ENGINE_TABLE_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"

#define SL_CELL_LOCK (UINT64_C(1) << 63)

enum {
  SL_TABLE_FAMILY_BITS = 8,
  SL_TABLE_FAMILIES = 1 << SL_TABLE_FAMILY_BITS,
  SL_TABLE_FIRST_BITS = 10,
  SL_TABLE_FIRST_LINES = 1 << SL_TABLE_FIRST_BITS,  // of the smallest table
  SL_LINE_SLOTS = 4,
  SL_TABLE_SEGMENTS = 40,
  SL_CLASS_BITS = 14,
  SL_CLASS_MAX = 1 << SL_CLASS_BITS,
  SL_LINE_BYTES = 64 + 8,  // slots and meta
};

struct sl_slot {
  _Alignas(16) _Atomic uint64_t tag;
  _Atomic uint64_t cell;
};

struct sl_line {
  struct sl_slot slot[SL_LINE_SLOTS];
};

// Lets the processor, and after many rounds the system, run somebody else. `round` counts from 0.
typedef void sl_relax_fn(void *ctx, unsigned round);

struct sl_family {
  _Atomic uint32_t locked;
  uint32_t hand;  // the family's line at which the next sweep goes on; under the lock
};

// What the owner of the table decides for it. Called under the family's lock; must not wait.
struct sl_table_owner {
  // Does the cell alone tell whether the bucket is fresh? Else it refers to something that is
  // looked at only with the lock bit held.
  bool (*by_value)(void *ctx, uint16_t class_id);
  // Is this cell (lock bit clear) equal to a fresh one now? If not, *ret_distance_ns says how far
  // from it.
  bool (*is_fresh)(void *ctx, uint16_t class_id, uint64_t cell, uint64_t now_ns,
                   uint64_t *ret_distance_ns);
  // The bucket was dropped: give back what the cell refers to. `lossy`: it was not fresh.
  void (*dropped)(void *ctx, uint16_t class_id, uint64_t cell, bool lossy);
  void *ctx;
};

struct sl_table {
  _Atomic size_t lines;
  _Atomic size_t mask;  // 2^k - 1 for the least 2^k >= lines; written before lines
  _Atomic uintptr_t line_base[SL_TABLE_SEGMENTS];  // segment address less its first line's offset
  _Atomic uintptr_t meta_base[SL_TABLE_SEGMENTS];
  struct sl_family *families;
  const struct sl_mem *mem;
  sl_relax_fn *relax;
  void *relax_ctx;
  struct sl_table_owner owner;
  size_t lines_max;  // the memory cap in lines: a power of two
  _Atomic size_t count;
  _Atomic size_t bytes;
  _Atomic uint32_t growing;  // lock: one splitter at a time
  _Atomic size_t grow_to;    // the lines a begun round ends at; 0: none
};

// Where a key lives: derived from its hash alone.
struct sl_place_of {
  uint64_t tag;
  uint32_t family;
};

// The tag's highest bit is always set: no tag is 0, which is an empty slot.
#define SL_TAG_BIT (UINT64_C(1) << 63)
// The next one tells cells that refer to something from those that are a value. So a key never
// finds the bucket of one that is kept in the other way, even where every other kept bit of their
// hashes is the same.
#define SL_TAG_REFERS (UINT64_C(1) << 62)

static inline struct sl_place_of sl_table_place(struct sl_hash hash, bool refers) {
  uint64_t tag = (hash.lo | SL_TAG_BIT) & ~SL_TAG_REFERS;
  return (struct sl_place_of){.tag = refers ? tag | SL_TAG_REFERS : tag,
                              .family = (uint32_t)(hash.hi & (SL_TABLE_FAMILIES - 1))};
}

// SL_ERR_MEMORY; SL_ERR_RANGE when max_bytes does not hold the smallest table (SL_TABLE_BYTES_MIN).
enum { SL_TABLE_BYTES_MIN = SL_TABLE_FIRST_LINES * SL_LINE_BYTES + SL_TABLE_FAMILIES * 8 };
enum sl_status sl_table_init(struct sl_table *table, const struct sl_mem *mem, size_t max_bytes,
                             sl_relax_fn *relax, void *relax_ctx,
                             struct sl_table_owner owner) SL_MUST_USE;
// Frees the table; cells that refer to something must have been dropped (sl_table_clear). No other
// thread.
void sl_table_close(struct sl_table *table);
// Drops every bucket, lossily or not; owner.dropped is called for each. No other thread.
void sl_table_clear(struct sl_table *table);

// ---- the fast path

// The bits that name a key's home line, as many as any table may need.
static inline size_t sl_table_wide(struct sl_place_of place) {
  return (((size_t)place.tag >> 1) << (SL_TABLE_FAMILY_BITS + 1)) | ((size_t)place.family << 1) |
         ((size_t)place.tag & 1);
}

static inline size_t sl_table_home_under(size_t lines, size_t mask, struct sl_place_of place) {
  size_t wide = sl_table_wide(place);
  size_t line = wide & mask;
  return line < lines ? line : line & (mask >> 1);
}

static inline size_t sl_table_home(size_t lines, struct sl_place_of place) {
  return sl_table_home_under(lines, SIZE_MAX >> __builtin_clzll(lines - 1), place);
}

// The slot of its line that a key takes when it is free.
static inline unsigned sl_table_seat(uint64_t tag) {
  return (unsigned)(tag >> 60) & (SL_LINE_SLOTS - 1);
}

// Segment 0 holds the first 1024 lines, segment k the 1024 << (k - 1) lines from 1024 << (k - 1)
// on.
static inline unsigned sl_table_segment(size_t line) {
  return 63u - (unsigned)__builtin_clzll(((line >> SL_TABLE_FIRST_BITS) << 1) | 1);
}

static inline struct sl_line *sl_table_line(const struct sl_table *table, size_t line) {
  uintptr_t base =
      atomic_load_explicit(&table->line_base[sl_table_segment(line)], memory_order_relaxed);
  return (struct sl_line *)(base + line * sizeof(struct sl_line));
}

static inline _Atomic uint64_t *sl_table_meta(const struct sl_table *table, size_t line) {
  uintptr_t base =
      atomic_load_explicit(&table->meta_base[sl_table_segment(line)], memory_order_relaxed);
  return (_Atomic uint64_t *)(base + line * sizeof(uint64_t));
}

// The home line as it is now, for a reader without locks. `lines` and `mask` may be of two moments;
// then the key is not found where it is looked for, which proves nothing anyway.
static inline struct sl_line *sl_table_home_line(const struct sl_table *table,
                                                 struct sl_place_of place) {
  size_t lines = atomic_load_explicit(&table->lines, memory_order_acquire);
  if (lines == SL_TABLE_FIRST_LINES) {
    // A small table is in the nearest caches, where finding the segment would take as long as
    // reading.
    size_t line = sl_table_wide(place) & (SL_TABLE_FIRST_LINES - 1);
    uintptr_t base = atomic_load_explicit(&table->line_base[0], memory_order_relaxed);
    return (struct sl_line *)(base + line * sizeof(struct sl_line));
  }
  size_t mask = atomic_load_explicit(&table->mask, memory_order_relaxed);
  return sl_table_line(table, sl_table_home_under(lines, mask, place));
}

static inline void sl_table_prefetch(const struct sl_table *table, struct sl_place_of place) {
  __builtin_prefetch(sl_table_home_line(table, place), 1);
}

// The slot in the line that holds the key, or NULL.
static inline struct sl_slot *sl_line_find(struct sl_line *line, uint64_t tag) {
  unsigned seat = sl_table_seat(tag);
  // Mostly it has its own seat; a guess that is right lets the processor run ahead of the memory.
  for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
    struct sl_slot *slot = &line->slot[seat ^ i];
    if (SL_LIKELY(atomic_load_explicit(&slot->tag, memory_order_acquire) == tag)) {
      return slot;
    }
  }
  return NULL;
}

// The slot in the key's home line, or NULL. Not finding it there proves nothing.
static inline struct sl_slot *sl_table_find_home(const struct sl_table *table,
                                                 struct sl_place_of place) {
  return sl_line_find(sl_table_home_line(table, place), place.tag);
}

static inline bool sl_table_at_home(const struct sl_table *table, const struct sl_slot *slot,
                                    struct sl_place_of place) {
  const struct sl_line *line = sl_table_home_line(table, place);
  return slot >= line->slot && slot < line->slot + SL_LINE_SLOTS;
}

// The one way to change an unlocked bucket; also takes the lock bit. Full barrier.
static inline bool sl_slot_swap(struct sl_slot *slot, uint64_t tag, uint64_t old_cell,
                                uint64_t new_cell) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  sl_u128 old_pair = (sl_u128)old_cell << 64 | tag;
  sl_u128 new_pair = (sl_u128)new_cell << 64 | tag;
#else
  sl_u128 old_pair = (sl_u128)tag << 64 | old_cell;
  sl_u128 new_pair = (sl_u128)tag << 64 | new_cell;
#endif
  return __sync_bool_compare_and_swap((sl_u128 *)(void *)slot, old_pair, new_pair);
}

// Brings near what tells where a spilled key is, and where it most likely is.
static inline void sl_table_prefetch_spill(const struct sl_table *table, struct sl_place_of place) {
  size_t lines = atomic_load_explicit(&table->lines, memory_order_acquire);
  size_t home = sl_table_home(lines, place);
  __builtin_prefetch((void *)((uintptr_t)sl_table_meta(table, home)));
  if ((home ^ 1) < lines) {
    __builtin_prefetch(sl_table_line(table, home ^ 1), 1);
  }
}

// Takes the lock bit of an unlocked bucket; what its last holder wrote is seen.
static inline bool sl_slot_lock(struct sl_slot *slot, uint64_t tag, uint64_t cell) {
  bool taken = sl_slot_swap(slot, tag, cell, cell | SL_CELL_LOCK);
  if (taken) {
    // The holder before may have come and gone since `cell` was read. It released the cell alone;
    // the swap was of cell and tag, which is the same to the processor, but not to tools that
    // follow the memory model.
    (void)atomic_load_explicit(&slot->cell, memory_order_acquire);
  }
  return taken;
}

// ---- the slow path

// The slot of the key wherever it is, or NULL when the table has no such bucket. Takes the family's
// lock if it must. The slot may have moved when the caller looks: every change goes through
// sl_slot_swap.
struct sl_slot *sl_table_find(struct sl_table *table, struct sl_place_of place);

enum sl_insert { SL_INSERT_DONE, SL_INSERT_EXISTS, SL_INSERT_FULL };

// Puts a new bucket with this cell (locked or not) into the table, unless the key exists.
//   SL_INSERT_DONE    *ret_slot is its slot
//   SL_INSERT_EXISTS  *ret_slot is the present bucket's; nothing was changed
//   SL_INSERT_FULL    no room within the memory cap without dropping a bucket that is not fresh,
//   and
//                     `may_evict` is false; nothing was changed
// With may_evict the nearest to fresh of some sampled buckets makes room. Fresh ones always may.
enum sl_insert sl_table_insert(struct sl_table *table, struct sl_place_of place, uint16_t class_id,
                               uint64_t cell, uint64_t now_ns, bool may_evict,
                               struct sl_slot **ret_slot);

// Removes a bucket whose lock bit the caller holds. owner.dropped is not called.
void sl_table_remove_locked(struct sl_table *table, struct sl_slot *slot, struct sl_place_of place);

// Looks at up to `lines` further lines of the family and drops what is fresh. Returns how many it
// dropped.
size_t sl_table_sweep(struct sl_table *table, uint32_t family, size_t lines, uint64_t now_ns);

// Drops the fresh ones of some sampled buckets of the family that are not `by_value`, or, when
// there are none and `may_evict`, the nearest to fresh of them. Returns how many it dropped.
size_t sl_table_evict_referring(struct sl_table *table, uint32_t family, uint64_t now_ns,
                                bool may_evict);

// Calls `visit` for each bucket that nobody has locked, with its lock bit held; a true result drops
// it.
typedef bool sl_table_visit_fn(void *ctx, uint16_t class_id, uint64_t tag, uint64_t cell);
void sl_table_visit(struct sl_table *table, sl_table_visit_fn *visit, void *ctx);

#endif
