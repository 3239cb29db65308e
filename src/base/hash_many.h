// hash_many.h - the hash of hash.h for several messages at once, side by side in vector registers.
//
// SipHash is a chain of dependent additions and rotations; one message keeps a processor half idle.
// Eight messages of equal length in words run in the lanes of one register. Same results, bit for
// bit.
#ifndef SL_BASE_HASH_MANY_H
#define SL_BASE_HASH_MANY_H

#include "base/hash.h"

enum { SL_HASH_LANES = 8 };

// ret_hashes[i] = sl_sip_finish(prefix, texts[i]) for each i below count. Uses the processor's
// vector instructions where there are any. Thread-safe.
void sl_sip_finish_many(const struct sl_sip *prefix, const struct sl_str *texts, size_t count,
                        struct sl_hash *ret_hashes);

#endif
