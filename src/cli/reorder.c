#include "cli/reorder.h"

#include "base/arith.h"
#include "cli/app.h"
#include "rule/request.h"

struct sl_waiting {
  uint64_t time_ns;
  uint64_t sequence;
  size_t size;  // of the whole block
  struct sl_str values[];
};

void sl_reorder_init(struct sl_reorder *reorder, const struct sl_mem *mem, uint64_t window_ns,
                     size_t value_count) {
  *reorder = (struct sl_reorder){.mem = mem, .window_ns = window_ns, .value_count = value_count};
}

static void drop(struct sl_reorder *reorder, struct sl_waiting *waiting) {
  if (waiting != NULL) {
    sl_mem_free(reorder->mem, waiting, waiting->size);
  }
}

void sl_reorder_close(struct sl_reorder *reorder) {
  for (size_t i = 0; i < reorder->count; i++) {
    drop(reorder, reorder->heap[i]);
  }
  drop(reorder, reorder->taken);
  if (reorder->mem != NULL) {
    sl_mem_free(reorder->mem, reorder->heap, reorder->room * sizeof(struct sl_waiting *));
  }
  *reorder = (struct sl_reorder){0};
}

static struct sl_waiting *copy(struct sl_reorder *reorder, const struct sl_str *values) {
  size_t size = sizeof(struct sl_waiting) + reorder->value_count * sizeof values[0];
  for (size_t i = 0; i < reorder->value_count; i++) {
    size += sl_is_absent(values[i]) ? 0 : values[i].len;
  }
  struct sl_waiting *waiting = sl_mem_alloc(reorder->mem, size);
  if (waiting == NULL) {
    return NULL;
  }
  waiting->size = size;
  char *at = (char *)(waiting->values + reorder->value_count);
  for (size_t i = 0; i < reorder->value_count; i++) {
    waiting->values[i] = values[i];
    if (!sl_is_absent(values[i]) && values[i].len > 0) {
      memcpy(at, values[i].ptr, values[i].len);
      waiting->values[i].ptr = at;
      at += values[i].len;
    }
  }
  return waiting;
}

static bool before(const struct sl_waiting *a, const struct sl_waiting *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static void sift_up(struct sl_reorder *reorder, size_t at) {
  struct sl_waiting *waiting = reorder->heap[at];
  while (at > 0 && before(waiting, reorder->heap[(at - 1) / 2])) {
    reorder->heap[at] = reorder->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  reorder->heap[at] = waiting;
}

static void sift_down(struct sl_reorder *reorder) {
  struct sl_waiting *waiting = reorder->heap[0];
  size_t at = 0;
  for (size_t child = 1; child < reorder->count; child = 2 * at + 1) {
    if (child + 1 < reorder->count && before(reorder->heap[child + 1], reorder->heap[child])) {
      child++;
    }
    if (!before(reorder->heap[child], waiting)) {
      break;
    }
    reorder->heap[at] = reorder->heap[child];
    at = child;
  }
  reorder->heap[at] = waiting;
}

enum sl_status sl_reorder_put(struct sl_reorder *reorder, uint64_t time_ns,
                              const struct sl_str *values) {
  void *heap = reorder->heap;
  if (!sl_grow(reorder->mem, &heap, &reorder->room, sizeof(struct sl_waiting *),
               reorder->count + 1)) {
    return SL_ERR_MEMORY;
  }
  reorder->heap = heap;
  struct sl_waiting *waiting = copy(reorder, values);
  if (waiting == NULL) {
    return SL_ERR_MEMORY;
  }
  waiting->time_ns = time_ns;
  waiting->sequence = reorder->sequence++;
  reorder->latest_ns = sl_max_u64(reorder->latest_ns, time_ns);
  reorder->heap[reorder->count++] = waiting;
  sift_up(reorder, reorder->count - 1);
  return SL_OK;
}

bool sl_reorder_take(struct sl_reorder *reorder, bool all, uint64_t *ret_time_ns,
                     const struct sl_str **ret_values) {
  drop(reorder, reorder->taken);
  reorder->taken = NULL;
  // A line that comes later and is not late is at most `window` older than the latest: what is as
  // old as that, or older, has nobody before it any more.
  if (reorder->count == 0 || (!all && sl_add_sat_u64(reorder->heap[0]->time_ns,
                                                     reorder->window_ns) > reorder->latest_ns)) {
    return false;
  }
  reorder->taken = reorder->heap[0];
  reorder->heap[0] = reorder->heap[--reorder->count];
  if (reorder->count > 0) {
    sift_down(reorder);
  }
  *ret_time_ns = reorder->taken->time_ns;
  *ret_values = reorder->taken->values;
  return true;
}
