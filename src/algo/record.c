#include "algo/record.h"

#include "algo/concurrency.h"
#include "algo/sliding_log.h"
#include "algo/sliding_window.h"
#include "algo/sub_windows.h"

// The operations that every record has.
#define COMMON_OPS(name)                                                                          \
  .bytes = sl_##name##_bytes, .init = sl_##name##_init, .move = sl_##name##_move,                 \
  .advance = sl_##name##_advance, .test = sl_##name##_test, .take = sl_##name##_take,             \
  .charge = sl_##name##_charge, .figures = sl_##name##_figures, .is_fresh = sl_##name##_is_fresh, \
  .entry = sl_##name##_entry

static const struct sl_record_ops sliding_window_ops = {COMMON_OPS(sliding_window)};
static const struct sl_record_ops sub_windows_ops = {COMMON_OPS(sub_windows)};
static const struct sl_record_ops sliding_log_ops = {COMMON_OPS(sliding_log)};
static const struct sl_record_ops refused_log_ops = {COMMON_OPS(sliding_log),
                                                     .refuse = sl_sliding_log_refuse};
static const struct sl_record_ops concurrency_ops = {
    COMMON_OPS(concurrency), .release = sl_concurrency_release, .renew = sl_concurrency_renew};

const struct sl_record_ops *sl_record_ops_of(const struct sl_limit *limit) {
  switch (limit->algorithm) {
  case SL_SLIDING_WINDOW:
    return limit->sub_windows == 0 ? &sliding_window_ops : &sub_windows_ops;
  case SL_SLIDING_LOG:
    return limit->count_refused ? &refused_log_ops : &sliding_log_ops;
  case SL_CONCURRENCY:
    return &concurrency_ops;
  case SL_UNLIMITED:
  case SL_TOKEN_BUCKET:
  case SL_LEAKY_BUCKET:
  case SL_FIXED_WINDOW:
  case SL_ALGORITHM_COUNT:
    break;
  }
  return NULL;
}
