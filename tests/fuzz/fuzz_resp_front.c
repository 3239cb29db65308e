// The whole RESP front end from any bytes, in pieces: it answers with well-formed replies or
// closes, and gives all memory back. The first byte says how the rest is cut, and whether there are
// tokens.
#include <stdlib.h>

#include "support/fuzz.h"
#include "unit/resp_kit.h"
#include "wire/resp_reply.h"

static const char yaml[] =
    "rules:\n"
    "  - { id: user, match: { user: \"*\" }, key: [user], limit: { rate: 2/10s, burst: 2 } }\n"
    "  - { id: job, match: { job: \"*\" }, key: [job], limit: { algorithm: concurrency, slots: 1 } "
    "}\n"
    "  - { id: log, match: { l: \"*\" }, key: [], limit: { algorithm: sliding_log, rate: 3/1s, "
    "count_refused: true }, cost: n }\n"
    "  - { id: all, key: [api_key], limit: { rate: 100/1s }, over_limit: shadow }\n";

// SHA-256 of "t".
static const char tokens[] =
    "t decide,read e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8\n";

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

static void check_replies(const struct sl_out *out) {
  static const struct sl_resp_reply_bounds bounds = {.nodes = 1 << 20, .bytes = 1 << 24};
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_resp_decoder d;
  struct sl_str error;
  sl_resp_decoder_init(&d, &mem);
  for (size_t at = 0, used; at < out->len; at += used) {
    must(sl_resp_decode(&d, &bounds, out->bytes + at, out->len - at, &used, &error) ==
         SL_RESP_DONE);
  }
  sl_resp_decoder_close(&d);
}

static void talk(const uint8_t *data, size_t size, size_t step) {
  struct resp_client client;
  resp_client_open(&client);
  for (size_t at = 0; at < size && !client.closed; at += step) {
    resp_client_send(&client, (const char *)data + at, step < size - at ? step : size - at);
  }
  if (!client.out.failed) {
    check_replies(&client.out);
  }
  resp_client_close(&client);
}

// What is loaded once is given back at the end, so that a leak checker finds nothing.
static void unload(void) {
  sl_ruleset_free(resp_kit.set);
  sl_tokens_free(resp_kit.tokens);
  sl_settings_close(&resp_kit.settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size > 8192) {
    return 0;
  }
  static bool loaded;
  if (!loaded) {
    resp_kit_load(yaml, tokens);
    must(atexit(unload) == 0);
    loaded = true;
  }
  const uint64_t live = resp_kit.fault.live;
  resp_kit_start();
  resp_kit.context.tokens = data[0] % 2 == 0 ? NULL : resp_kit.tokens;
  talk(data + 1, size - 1, size);
  talk(data + 1, size - 1, data[0] / 2 % 16 + 1);
  resp_kit_stop();
  must(resp_kit.fault.live == live);
  return 0;
}
