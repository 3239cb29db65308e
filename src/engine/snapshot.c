#include "engine/snapshot.h"

#include "engine/core.h"

enum kind { END = 0, STAMP = 1, RECORD = 2, THROTTLE = 3, KIND_MASK = 0xff, CLASS_SHIFT = 8 };

// ---- out

struct export {
  struct sl_engine *engine;
  uint64_t now_ns;
  sl_snapshot_write_fn *write;
  void *ctx;
};

static bool put(struct export *out, const uint64_t *words, size_t count) {
  return out->write(out->ctx, words, count);
}

static bool export_classes(struct export *out) {
  struct sl_engine *engine = out->engine;
  uint64_t count = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1 && !put(out, &count, 1)) {
      return false;
    }
    for (int id = 0; id < SL_CLASS_MAX; id++) {
      struct sl_class **chunk = engine->class_chunks[id / CLASS_CHUNK];
      const struct sl_class *class = chunk != NULL ? chunk[id % CLASS_CHUNK] : NULL;
      if (class == NULL) {
        continue;
      }
      const uint64_t words[] = {class->id, class->print.lo, class->print.hi};
      count += pass == 0;
      if (pass == 1 && !put(out, words, SL_ARRAY_LEN(words))) {
        return false;
      }
    }
  }
  return true;
}

static bool export_record(struct export *out, const struct sl_class *class, uint64_t tag,
                          uint64_t family, uint64_t cell) {
  void *state = sl_cell_record(cell)->state;
  struct sl_record_entry entry;
  class->ops->advance(&class->limit, state, out->now_ns);
  uint64_t count = 0;
  for (uint64_t cursor = 0; class->ops->entry(&class->limit, state, &cursor, &entry);) {
    count++;
  }
  const uint64_t head[] = {RECORD | (uint64_t) class->id << CLASS_SHIFT, tag, family, count};
  bool fine = count == 0 || put(out, head, SL_ARRAY_LEN(head));
  for (uint64_t cursor = 0; fine && class->ops->entry(&class->limit, state, &cursor, &entry);) {
    const uint64_t words[] = {entry.time_ns, entry.cost, entry.slot};
    fine = put(out, words, SL_ARRAY_LEN(words));
  }
  return fine;
}

static bool export_stamp(struct export *out, const struct sl_class *class, uint64_t tag,
                         uint64_t family, uint64_t cell) {
  const struct sl_limit *limit = &class->limit;
  uint64_t debt = sl_stamp_debt(limit, cell, sl_timeline_now(&limit->timeline, out->now_ns));
  const uint64_t words[] = {STAMP | (uint64_t) class->id << CLASS_SHIFT, tag, family, debt};
  return debt == 0 || put(out, words, SL_ARRAY_LEN(words));
}

static bool export_throttle(struct export *out, uint64_t tag, uint64_t family, uint64_t cell) {
  const uint64_t words[] = {THROTTLE, tag, family, cell};
  return cell <= out->now_ns || put(out, words, SL_ARRAY_LEN(words));
}

typedef bool export_fn(struct export *out, uint16_t class_id, uint64_t tag, uint64_t family,
                       uint64_t cell);

static bool export_bucket(struct export *out, uint16_t class_id, uint64_t tag, uint64_t family,
                          uint64_t cell) {
  const struct sl_class *class = sl_engine_class(out->engine, class_id);
  return (class->ops != NULL ? export_record : export_stamp)(out, class, tag, family, cell);
}

static bool export_cl(struct export *out, uint16_t class_id, uint64_t tag, uint64_t family,
                      uint64_t cell) {
  (void)class_id;
  return export_throttle(out, tag, family, cell);
}

// Every slot of a table that nobody else uses.
static bool export_table(struct export *out, const struct sl_table *table, export_fn *one) {
  const size_t lines = atomic_load_explicit(&table->lines, memory_order_relaxed);
  for (size_t line = 0; line < lines; line++) {
    const uint64_t family = (line >> 1) & (SL_TABLE_FAMILIES - 1);
    const uint64_t meta = atomic_load_explicit(sl_table_meta(table, line), memory_order_relaxed);
    for (unsigned i = 0; i < SL_LINE_SLOTS; i++) {
      const struct sl_slot *slot = &sl_table_line(table, line)->slot[i];
      const uint64_t tag = atomic_load_explicit(&slot->tag, memory_order_relaxed);
      const uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_relaxed);
      const uint16_t class_id = (uint16_t)(meta >> (i * SL_CLASS_BITS) & (SL_CLASS_MAX - 1));
      if (tag != 0 && !one(out, class_id, tag, family, cell & ~SL_CELL_LOCK)) {
        return false;
      }
    }
  }
  return true;
}

bool sl_snapshot_export(struct sl_engine *engine, struct sl_throttles *throttles, uint64_t now_ns,
                        sl_snapshot_write_fn *write, void *ctx) {
  now_ns = sl_engine_now(engine, now_ns);
  struct export out = {.engine = engine, .now_ns = now_ns, .write = write, .ctx = ctx};
  const uint64_t head[] = {now_ns, engine->next_slot};
  const uint64_t end = END;
  return put(&out, head, SL_ARRAY_LEN(head)) && export_classes(&out) &&
         export_table(&out, &engine->table, export_bucket) &&
         (throttles == NULL || export_table(&out, sl_throttles_table(throttles), export_cl)) &&
         put(&out, &end, 1);
}

// ---- in

struct import {
  struct sl_engine *engine;
  struct sl_throttles *throttles;
  const uint64_t *words;
  size_t count, at;
  uint64_t saved_ns, now_ns;
  const struct sl_class **classes;  // by the id they had; NULL where no longer in use
  struct sl_snapshot_counts *counts;
};

// `count` words, or NULL where there are not so many.
static const uint64_t *get(struct import *in, size_t count) {
  if (count > in->count - in->at) {
    return NULL;
  }
  const uint64_t *words = in->words + in->at;
  in->at += count;
  return words;
}

static const struct sl_class *class_of_print(const struct sl_engine *engine, uint64_t lo,
                                             uint64_t hi) {
  for (int id = 0; id < SL_CLASS_MAX; id++) {
    struct sl_class **chunk = engine->class_chunks[id / CLASS_CHUNK];
    const struct sl_class *class = chunk != NULL ? chunk[id % CLASS_CHUNK] : NULL;
    if (class != NULL && class->print.lo == lo && class->print.hi == hi) {
      return class;
    }
  }
  return NULL;
}

static enum sl_status import_classes(struct import *in) {
  const uint64_t *count = get(in, 1);
  if (count == NULL || *count > SL_CLASS_MAX) {
    return SL_ERR_SYNTAX;
  }
  for (uint64_t i = 0; i < *count; i++) {
    const uint64_t *words = get(in, 3);
    if (words == NULL || words[0] >= SL_CLASS_MAX) {
      return SL_ERR_SYNTAX;
    }
    in->classes[words[0]] = class_of_print(in->engine, words[1], words[2]);
  }
  return SL_OK;
}

static void put_cell(struct import *in, struct sl_table *table, struct sl_hash bucket,
                     uint16_t class_id, uint64_t cell) {
  struct sl_slot *slot;
  enum sl_insert inserted = sl_table_insert(table, sl_table_place(bucket, false), class_id, cell,
                                            in->now_ns, false, &slot);
  in->counts->restored += inserted == SL_INSERT_DONE;
  in->counts->full += inserted == SL_INSERT_FULL;
}

static void import_stamp(struct import *in, const struct sl_class *class, struct sl_hash bucket,
                         uint64_t debt) {
  const struct sl_timeline *timeline = &class->limit.timeline;
  debt = sl_min_u64(debt, class->limit.debt_units);
  // Judged from the time of the export: a stamp says nothing about how old it is.
  uint64_t paid_ns = sl_add_sat_u64(in->saved_ns, sl_timeline_wait(timeline, in->saved_ns, debt));
  if (debt == 0 || paid_ns <= in->now_ns) {
    in->counts->fresh++;
    return;
  }
  uint64_t cell = (sl_timeline_now(timeline, in->saved_ns) + debt) & SL_STAMP_MASK;
  put_cell(in, &in->engine->table, bucket, class->id, cell);
}

// Charges an entry to a held record again. False when out of memory.
static enum sl_status import_entry(struct import *in, struct sl_held *held, const uint64_t *words) {
  const struct sl_limit *limit = &held->ask->class->limit;
  const struct sl_record_ops *ops = held->ask->class->ops;
  const uint64_t time_ns = sl_min_u64(words[0], in->saved_ns);
  const uint64_t cost = sl_min_u64(words[1], SL_COST_MAX);  // a debt is above the size
  if (cost == 0) {
    return SL_OK;
  }
  sl_held_advance(held, time_ns);
  enum sl_status status = sl_held_ready(in->engine, held, time_ns);
  if (status != SL_OK) {
    return status;
  }
  void *state = sl_cell_record(held->cell)->state;
  if (words[2] != 0 && ops->release != NULL) {
    // `never` for more than the size, as no client could have it
    if (ops->test(limit, state, time_ns, cost) == SL_ALLOWED) {
      ops->take(limit, state, time_ns, cost, words[2]);
    }
  } else {
    ops->charge(limit, state, time_ns, cost);
  }
  return SL_OK;
}

// Entries that go back in time are taken at the time reached before.
static enum sl_status import_entries(struct import *in, struct sl_held *held, const uint64_t *words,
                                     uint64_t count) {
  uint64_t latest_ns = 0;
  enum sl_status status = SL_OK;
  for (uint64_t i = 0; i < count && status == SL_OK; i++, words += 3) {
    latest_ns = sl_max_u64(latest_ns, words[0]);
    const uint64_t entry[] = {latest_ns, words[1], words[2]};
    status = import_entry(in, held, entry);
  }
  return status;
}

static enum sl_status import_record(struct import *in, const struct sl_class *class,
                                    struct sl_hash bucket, uint64_t count) {
  const uint64_t *words = count > in->count / 3 ? NULL : get(in, (size_t)count * 3);
  if (words == NULL) {
    return SL_ERR_SYNTAX;
  }
  if (class == NULL || class->ops == NULL) {
    in->counts->unknown++;
    return SL_OK;
  }
  const struct sl_ask ask = {.class = class, .bucket = bucket};
  const uint64_t first_ns = count > 0 ? sl_min_u64(words[0], in->saved_ns) : in->saved_ns;
  struct sl_held held;
  enum sl_status status = sl_hold(in->engine, &ask, first_ns, true, &held);
  if (status != SL_OK || held.slot == NULL) {
    in->counts->full++;
    return status;
  }
  if (!held.created) {
    sl_let_go(in->engine, &held, in->now_ns, false);
    return SL_ERR_SYNTAX;  // twice
  }
  status = import_entries(in, &held, words, count);
  sl_held_advance(&held, in->now_ns);
  in->counts->restored += status == SL_OK;
  in->counts->full += status != SL_OK;
  sl_let_go(in->engine, &held, in->now_ns, true);
  return status == SL_ERR_FULL ? SL_OK : status;
}

static enum sl_status import_bucket(struct import *in, uint64_t head) {
  const uint64_t *words = get(in, 3);
  const uint64_t id = head >> CLASS_SHIFT;
  if (words == NULL || id >= SL_CLASS_MAX) {
    return SL_ERR_SYNTAX;
  }
  const struct sl_hash bucket = {.lo = words[0], .hi = words[1]};
  const struct sl_class *class = in->classes[id];
  switch (head & KIND_MASK) {
  case STAMP:
    if (class == NULL || class->ops != NULL || class->limit.algorithm == SL_UNLIMITED) {
      in->counts->unknown++;
    } else {
      import_stamp(in, class, bucket, words[2]);
    }
    return SL_OK;
  case RECORD:
    return import_record(in, class, bucket, words[2]);
  case THROTTLE:
    if (words[2] <= in->now_ns || in->throttles == NULL) {
      in->counts->fresh++;
    } else {
      put_cell(in, sl_throttles_table(in->throttles), bucket, 0, words[2] & SL_STAMP_MASK);
    }
    return SL_OK;
  default:
    return SL_ERR_SYNTAX;
  }
}

static enum sl_status import_all(struct import *in) {
  const uint64_t *head = get(in, 2);
  if (head == NULL || head[0] >= SL_TIME_MAX_NS) {
    return SL_ERR_SYNTAX;
  }
  // A wall clock that was set back meanwhile: no time has passed.
  in->saved_ns = head[0];
  in->now_ns = sl_max_u64(in->now_ns, head[0]);
  in->engine->next_slot = head[1];
  // Time goes on from there: buckets are looked at for their age whenever it leaps.
  (void)sl_engine_now(in->engine, in->saved_ns);
  enum sl_status status = import_classes(in);
  while (status == SL_OK) {
    head = get(in, 1);
    if (head == NULL) {
      return SL_ERR_SYNTAX;
    }
    if (*head == END) {
      return in->at == in->count ? SL_OK : SL_ERR_SYNTAX;
    }
    status = import_bucket(in, *head);
  }
  return status;
}

enum sl_status sl_snapshot_import(struct sl_engine *engine, struct sl_throttles *throttles,
                                  const uint64_t *words, size_t count, uint64_t now_ns,
                                  struct sl_snapshot_counts *ret_counts) {
  *ret_counts = (struct sl_snapshot_counts){0};
  struct import in = {.engine = engine,
                      .throttles = throttles,
                      .words = words,
                      .count = count,
                      .now_ns = sl_min_u64(now_ns, SL_TIME_MAX_NS - 1),
                      .counts = ret_counts};
  in.classes = sl_mem_array(&engine->mem, SL_CLASS_MAX, sizeof in.classes[0], 64);
  if (in.classes == NULL) {
    return SL_ERR_MEMORY;
  }
  enum sl_status status = import_all(&in);
  sl_mem_free_aligned(&engine->mem, in.classes, SL_CLASS_MAX * sizeof in.classes[0], 64);
  return status;
}
