#include "rule/model.h"

struct sl_model *sl_model_new(const struct sl_mem *mem) {
  struct sl_model *model = sl_mem_alloc(mem, sizeof *model);
  if (model != NULL) {
    sl_arena_init(&model->arena, mem);
    model->ipv6_prefix = SL_IPV6_PREFIX_DEFAULT;
  }
  return model;
}

void sl_model_free(struct sl_model *model) {
  if (model != NULL) {
    const struct sl_mem *mem = model->arena.mem;
    sl_arena_close(&model->arena);
    sl_mem_free(mem, model, sizeof *model);
  }
}

const char *sl_over_limit_name(enum sl_over_limit over_limit) {
  static const char *const names[] = {"reject", "queue", "shadow"};
  return (unsigned)over_limit < SL_ARRAY_LEN(names) ? names[over_limit] : "unknown";
}

const char *sl_share_name(enum sl_share share) {
  static const char *const names[] = {"exact", "leased", "local"};
  return (unsigned)share < SL_ARRAY_LEN(names) ? names[share] : "unknown";
}

const char *sl_store_down_name(enum sl_store_down store_down) {
  static const char *const names[] = {"allow", "deny", "split"};
  return (unsigned)store_down < SL_ARRAY_LEN(names) ? names[store_down] : "unknown";
}

static void write_number(struct sl_text *text, const char *name, uint64_t value) {
  sl_text_printf(text, ", %s %llu", name, (unsigned long long)value);
}

static void write_duration(struct sl_text *text, const char *name, uint64_t ns) {
  char duration[SL_DURATION_TEXT];
  sl_text_printf(text, ", %s %s", name, sl_format_duration(ns, duration));
}

static void write_fields(const struct sl_limit_spec *spec, struct sl_text *text) {
  if (spec->has_burst) {
    write_number(text, "burst", spec->burst);
  }
  if (spec->any_window) {
    sl_text_add(text, SL_STR(", any_window"));
  }
  if (spec->jitter_ns > 0) {
    write_duration(text, "jitter", spec->jitter_ns);
  }
  if (spec->algorithm == SL_LEAKY_BUCKET) {
    write_number(text, "queue", spec->queue);
  }
  if (spec->count_refused) {
    sl_text_add(text, SL_STR(", count_refused"));
  }
  if (spec->sub_windows > 0) {
    write_number(text, "sub_windows", spec->sub_windows);
  }
}

void sl_limit_spec_write(const struct sl_limit_spec *spec, struct sl_text *text) {
  char duration[SL_DURATION_TEXT];
  if (spec->algorithm == SL_UNLIMITED) {
    sl_text_add(text, SL_STR("unlimited"));
    return;
  }
  if (spec->algorithm == SL_CONCURRENCY) {
    sl_text_printf(text, "concurrency, slots %llu", (unsigned long long)spec->slots);
    write_duration(text, "lease", spec->lease_ns);
    return;
  }
  sl_format_duration(spec->period_ns, duration);
  if (spec->count == 0) {
    sl_text_printf(text, "banned (rate 0/%s)", duration);
    return;
  }
  sl_text_printf(text, "%s %llu/%s", sl_algorithm_name(spec->algorithm),
                 (unsigned long long)spec->count, duration);
  write_fields(spec, text);
}
