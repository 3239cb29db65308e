// Requests of RESP from any bytes: whole and in pieces the same, every argument within the request,
// each byte looked at a bounded number of times. The first byte says how the rest is cut.
#include <stdlib.h>

#include "support/fault_mem.h"
#include "support/fuzz.h"
#include "wire/resp.h"

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

struct result {
  enum sl_resp_state state;
  size_t used;
  uint32_t count;
  uint64_t sum;  // of all arguments
};

static uint64_t mix(uint64_t sum, struct sl_str arg) {
  for (size_t i = 0; i < arg.len; i++) {
    sum = sum * 31 + (unsigned char)arg.ptr[i];
  }
  return sum * 31 + arg.len;
}

// One request out of a block of exactly the bytes that are there, `step` more each time.
static struct result read_one(struct sl_mem *mem, const struct sl_resp_bounds *bounds,
                              const uint8_t *data, size_t size, size_t step) {
  struct result result = {.state = SL_RESP_MORE};
  struct sl_resp_parser parser;
  struct sl_str error = {.ptr = NULL, .len = 0};
  char *block = NULL;
  sl_resp_parser_init(&parser, mem);
  for (size_t have = 0; have < size && result.state == SL_RESP_MORE;) {
    have = step < size - have ? have + step : size;
    free(block);
    block = malloc(have);
    must(block != NULL);
    memcpy(block, data, have);
    result.state = sl_resp_parse(&parser, bounds, block, have, &result.used, &error);
    must(result.used <= have && (result.state == SL_RESP_DONE) == (result.used > 0));
  }
  must(parser.work <= 3 * size + 8);
  if (result.state == SL_RESP_DONE) {
    must(parser.arg_count <= bounds->args);
    result.count = parser.arg_count;
    for (uint32_t i = 0; i < parser.arg_count; i++) {
      struct sl_str arg = sl_resp_arg_at(&parser, block, i);
      must(arg.len <= bounds->bulk);
      must(parser.words != NULL || (arg.ptr >= block && arg.ptr + arg.len <= block + result.used));
      result.sum = mix(result.sum, arg);
    }
  }
  sl_resp_parser_close(&parser);
  free(block);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) {
    return 0;
  }
  static struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  const bool known = data[0] % 2 == 0;
  const struct sl_resp_bounds bounds = {.args = known ? 40 : SL_RESP_ARGS_UNKNOWN,
                                        .bulk = known ? 512 : SL_RESP_BULK_UNKNOWN,
                                        .line = 256,
                                        .bytes = 4096,
                                        .known = known};
  const size_t step = data[0] / 2 % 16 + 1;
  data++;
  size--;
  while (size > 0) {
    struct result whole = read_one(&mem, &bounds, data, size, size);
    struct result pieces = read_one(&mem, &bounds, data, size, step);
    must(whole.state == pieces.state && whole.used == pieces.used);
    must(whole.count == pieces.count && whole.sum == pieces.sum);
    if (whole.state != SL_RESP_DONE) {
      break;
    }
    data += whole.used;
    size -= whole.used;
  }
  must(fault.live == 0 && fault.peak_bytes <= 8192);
  return 0;
}
