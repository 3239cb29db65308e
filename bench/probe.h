// probe.h - what a decision costs at the very least: a bare table, a hash, one compare-and-swap.
//
// It gets the same key bytes, hash (SipHash-1-3, 128 bits, the prefix absorbed beforehand),
// arithmetic, `now` and huge pages as Sluice, and says as much: verdict, limit, remaining, retry
// and reset. It leaves out everything else: the table never grows, nothing is ever locked, moved,
// swept or dropped, there is one limit, and its interval is a whole number of nanoseconds.
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <sluice/sluice.h>

#include "base/hash.h"

struct probe_slot {
  uint64_t tag;
  uint64_t stamp;
};

struct probe {
  struct probe_slot *slots;
  size_t mask;
  struct sl_sip prefix;
  uint64_t burst;
  uint64_t interval_ns;
  uint64_t inverse;  // of the interval: remaining costs a multiplication, as it does in Sluice
};

// As full as Sluice's table is: a power of two of slots, at most 11 of 16 taken.
void probe_open(struct probe *probe, size_t keys, uint64_t burst, uint64_t interval_ns);
void probe_close(struct probe *probe);

static inline uint64_t probe_tokens(const struct probe *probe, uint64_t ns) {
  uint64_t tokens = (uint64_t)(((sl_u128)ns * probe->inverse) >> 64);
  return tokens + (ns - tokens * probe->interval_ns >= probe->interval_ns);
}

static inline enum sluice_status probe_allow(struct probe *probe, const void *key, size_t key_len,
                                             uint64_t now_ns,
                                             struct sluice_decision *ret_decision) {
  struct sl_hash hash = sl_sip_finish(probe->prefix, key, key_len);
  uint64_t tag = hash.hi | 1;
  size_t i = hash.lo & probe->mask;
  for (;; i = (i + 1) & probe->mask) {
    uint64_t there = __atomic_load_n(&probe->slots[i].tag, __ATOMIC_ACQUIRE);
    if (there == tag) {
      break;
    }
    if (there == 0) {
      __atomic_store_n(&probe->slots[i].tag, tag, __ATOMIC_RELEASE);
      break;
    }
  }
  uint64_t size_ns = probe->burst * probe->interval_ns;
  uint64_t stamp = __atomic_load_n(&probe->slots[i].stamp, __ATOMIC_ACQUIRE);
  uint64_t debt, after;
  enum sluice_status verdict;
  do {
    debt = stamp > now_ns ? stamp - now_ns : 0;
    after = debt + probe->interval_ns;
    verdict = after > size_ns ? SLUICE_THROTTLED : SLUICE_ALLOWED;
  } while (verdict == SLUICE_ALLOWED &&
           !__atomic_compare_exchange_n(&probe->slots[i].stamp, &stamp, now_ns + after, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  debt = verdict == SLUICE_ALLOWED ? after : debt;
  ret_decision->verdict = verdict;
  ret_decision->limit = probe->burst;
  ret_decision->remaining = probe_tokens(probe, size_ns - debt);
  ret_decision->reset_after_ns = debt;
  ret_decision->retry_after_ns = verdict == SLUICE_ALLOWED ? 0 : after - size_ns;
  ret_decision->wait_ns = 0;
  ret_decision->slot = 0;
  return verdict;
}

#endif
