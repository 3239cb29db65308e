#include "algo/leaky_bucket.h"

#include "algo/stamp_prepare.h"

enum sl_verdict sl_leaky_bucket_take(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                     uint64_t cost, uint64_t *ret_stamp, uint64_t *ret_wait_ns) {
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  enum sl_verdict verdict = sl_stamp_take(limit, stamp, y, cost, ret_stamp);
  // A look charges nothing and waits for nothing.
  uint64_t before = verdict == SL_ALLOWED && cost > 0 ? sl_stamp_debt(limit, stamp, y) : 0;
  *ret_wait_ns = sl_timeline_wait(&limit->timeline, now_ns, before);
  return verdict;
}

enum sl_status sl_leaky_bucket_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) {
  uint64_t places = spec->count == 0 ? 0 : spec->queue + 1;
  return sl_stamp_prepare(SL_LEAKY_BUCKET, spec->count, spec->period_ns, 1, places,
                          "a queue with the place in service of", spec->max_wait_ns, ret_limit,
                          message);
}
