#include "cli/report.h"

#include "rule/attr.h"

bool sl_report_is_secret(const struct sl_report_options *options, struct sl_str attr) {
  for (size_t i = 0; i < options->secret_attr_count; i++) {
    if (sl_str_eq(attr, sl_str_of(options->secret_attrs[i]))) {
      return true;
    }
  }
  return sl_attr_is_secret(attr);
}

enum sl_status sl_report_top(const struct sl_replay *replay, const struct sl_rule *rule,
                             size_t most, struct sl_top *ret_top) {
  *ret_top = (struct sl_top){0};
  const uint64_t keys = replay->rules[rule->index].keys;
  const size_t room = most < keys ? most : (size_t)keys;
  if (room == 0) {
    return SL_OK;
  }
  ret_top->items =
      sl_mem_array(&replay->mem, room, sizeof(struct sl_key_stat *), _Alignof(max_align_t));
  if (ret_top->items == NULL) {
    return SL_ERR_MEMORY;
  }
  ret_top->room = room;
  ret_top->count = sl_key_stats_top(&replay->keys, rule, room, ret_top->items);
  return SL_OK;
}

void sl_report_top_close(const struct sl_replay *replay, struct sl_top *top) {
  sl_mem_free(&replay->mem, top->items, top->room * sizeof(struct sl_key_stat *));
  *top = (struct sl_top){0};
}

struct sl_str sl_report_key_name(const struct sl_replay *replay, const struct sl_rule *rule,
                                 size_t i) {
  return replay->set->attr_names[rule->key_attrs[i]];
}
