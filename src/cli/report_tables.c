// The report for people.
#include <inttypes.h>

#include "base/utf8.h"
#include "cli/number.h"
#include "cli/report.h"
#include "rule/attr.h"

// What a cell of a key shows at most, in characters.
enum { CELL_CHARACTERS = 60, CELL_TEXT = 4 * CELL_CHARACTERS + 8, NAME_MIN = 4 };

static const char *colour_on(const struct sl_app *app, const char *code) {
  return app->colour ? code : "";
}
static const char *bold(const struct sl_app *app) { return colour_on(app, "\033[1m"); }
static const char *red(const struct sl_app *app) { return colour_on(app, "\033[31m"); }
static const char *plain(const struct sl_app *app) { return colour_on(app, "\033[0m"); }

// ---- the summary
// ----------------------------------------------------------------------------------

// "3 d 11 h", the two greatest units.
static const char *span_text(uint64_t ns, char *buffer, size_t size) {
  static const struct {
    const char *name;
    uint64_t ns;
  } units[] = {{"d", SL_NS_PER_D}, {"h", SL_NS_PER_H}, {"min", SL_NS_PER_M}, {"s", SL_NS_PER_S}};
  size_t i = 0;
  while (i + 1 < SL_ARRAY_LEN(units) && ns < units[i].ns) {
    i++;
  }
  struct sl_text text;
  sl_text_init(&text, buffer, size);
  sl_text_printf(&text, "%" PRIu64 " %s", ns / units[i].ns, units[i].name);
  if (i + 1 < SL_ARRAY_LEN(units) && ns % units[i].ns >= units[i + 1].ns) {
    sl_text_printf(&text, " %" PRIu64 " %s", ns % units[i].ns / units[i + 1].ns, units[i + 1].name);
  }
  return buffer;
}

static void print_summary(const struct sl_app *app, const struct sl_replay *replay) {
  char number[SL_NUMBER_TEXT];
  char percent[SL_NUMBER_TEXT];
  fprintf(app->out, "%s%14s%s requests", bold(app), sl_number_text(replay->requests, number),
          plain(app));
  if (replay->requests > 0) {
    char first[SL_RFC3339_TEXT];
    char last[SL_RFC3339_TEXT];
    char span[SL_NUMBER_TEXT];
    fprintf(app->out, " from %s to %s (%s)", sl_format_rfc3339(replay->first_ns, first),
            sl_format_rfc3339(replay->last_ns, last),
            span_text(replay->last_ns - replay->first_ns, span, sizeof span));
  }
  fprintf(app->out, "\n%14s allowed   %8s\n", sl_number_text(replay->allowed, number),
          sl_percent_text(replay->allowed, replay->requests, percent));
  fprintf(app->out, "%s%14s throttled %8s%s\n", replay->throttled > 0 ? red(app) : "",
          sl_number_text(replay->throttled, number),
          sl_percent_text(replay->throttled, replay->requests, percent),
          replay->throttled > 0 ? plain(app) : "");
  if (replay->unparsed > 0) {
    fprintf(app->out, "%14s lines unparsed, not counted above\n",
            sl_number_text(replay->unparsed, number));
  }
}

// ---- the rules
// ------------------------------------------------------------------------------------

static bool is_shadow(const struct sl_rule *rule) { return rule->over_limit == SL_OVER_SHADOW; }

// The width of the column of ids: the longest, and what marks a shadow rule.
static int id_width(const struct sl_replay *replay) {
  size_t width = NAME_MIN;
  for (size_t i = 0; i < replay->set->rule_count; i++) {
    const struct sl_rule *rule = &replay->set->rules[i];
    const size_t len = rule->id.len + (is_shadow(rule) ? sizeof " (shadow)" - 1 : 0);
    width = len > width ? len : width;
  }
  return (int)width;
}

static void print_rules(const struct sl_app *app, const struct sl_replay *replay) {
  const int width = id_width(replay);
  fprintf(app->out, "\n%s%-*s  %-14s %13s %13s %13s %8s %11s%s\n", bold(app), width, "Rule",
          "Algorithm", "Matched", "Allowed", "Throttled", "", "Keys", plain(app));
  for (size_t i = 0; i < replay->set->rule_count; i++) {
    const struct sl_rule *rule = &replay->set->rules[i];
    const struct sl_rule_tally *tally = &replay->rules[i];
    const struct sl_limit *limit = &replay->set->limits[rule->limit_index].limit;
    char matched[SL_NUMBER_TEXT], allowed[SL_NUMBER_TEXT], throttled[SL_NUMBER_TEXT];
    char percent[SL_NUMBER_TEXT], keys[SL_NUMBER_TEXT];
    fprintf(app->out, "%.*s%-*s  %-14s %13s %13s %s%13s %8s%s %11s\n", (int)rule->id.len,
            rule->id.ptr, width - (int)rule->id.len, is_shadow(rule) ? " (shadow)" : "",
            sl_algorithm_name(limit->algorithm), sl_number_text(tally->matched, matched),
            sl_number_text(tally->matched - tally->throttled, allowed),
            tally->throttled > 0 ? red(app) : "", sl_number_text(tally->throttled, throttled),
            sl_percent_text(tally->throttled, tally->matched, percent),
            tally->throttled > 0 ? plain(app) : "", sl_number_text(tally->keys, keys));
  }
}

// ---- the keys
// -------------------------------------------------------------------------------------

// A value for a terminal: nothing in it can move the cursor, and it is cut when long. Writes at
// most CELL_TEXT bytes; returns its width.
static size_t cell_text(const struct sl_report_options *options, struct sl_str attr,
                        struct sl_str value, char *buffer) {
  struct sl_text text;
  sl_text_init(&text, buffer, CELL_TEXT);
  if (sl_is_absent(value)) {
    sl_text_add(&text, SL_STR("(absent)"));
    return text.len;
  }
  if (sl_report_is_secret(options, attr)) {
    char print[SL_FINGERPRINT_TEXT];
    sl_text_printf(&text, "%s", sl_attr_fingerprint(&options->fingerprint, attr, value, print));
    return text.len;
  }
  size_t characters = 0;
  size_t at = 0;
  while (at < value.len && characters < CELL_CHARACTERS) {
    uint32_t point = 0;
    const size_t sequence = sl_utf8_at(value, at, &point);
    const size_t before = text.len;
    if (sequence > 1 && point >= 0xa0) {
      sl_text_add(&text, (struct sl_str){.ptr = value.ptr + at, .len = sequence});
      characters++;
    } else {
      sl_text_escape(&text, (struct sl_str){.ptr = value.ptr + at, .len = 1});
      characters += text.len - before;
    }
    at += sequence > 1 && point >= 0xa0 ? sequence : 1;
  }
  if (at < value.len) {
    sl_text_add(&text, SL_STR("..."));
    characters += 3;
  }
  return characters;
}

static void print_key(const struct sl_app *app, const struct sl_replay *replay,
                      const struct sl_report_options *options, const struct sl_rule *rule,
                      const struct sl_key_stat *stat, const size_t *widths) {
  char throttled[SL_NUMBER_TEXT], matched[SL_NUMBER_TEXT];
  fprintf(app->out, "%13s %13s", sl_number_text(stat->throttled, throttled),
          sl_number_text(stat->matched, matched));
  for (size_t i = 0; i < rule->key_count; i++) {
    char cell[CELL_TEXT];
    const size_t width =
        cell_text(options, sl_report_key_name(replay, rule, i), stat->values[i], cell);
    const bool last = i + 1 == rule->key_count;
    fprintf(app->out, "  %s%*s", cell, last ? 0 : (int)(widths[i] - width), "");
  }
  fputs(rule->key_count == 0 ? "  (all requests)\n" : "\n", app->out);
}

static void find_widths(const struct sl_replay *replay, const struct sl_report_options *options,
                        const struct sl_rule *rule, const struct sl_top *top, size_t *ret_widths) {
  for (size_t i = 0; i < rule->key_count; i++) {
    const struct sl_str name = sl_report_key_name(replay, rule, i);
    ret_widths[i] = name.len;
    for (size_t k = 0; k < top->count; k++) {
      char cell[CELL_TEXT];
      const size_t width = cell_text(options, name, top->items[k]->values[i], cell);
      ret_widths[i] = width > ret_widths[i] ? width : ret_widths[i];
    }
  }
}

static void print_top(const struct sl_app *app, const struct sl_replay *replay,
                      const struct sl_report_options *options, const struct sl_rule *rule,
                      const struct sl_top *top) {
  size_t widths[SL_KEY_MAX];
  find_widths(replay, options, rule, top, widths);
  fprintf(app->out, "\n%s%.*s%s: its busiest keys\n%s%13s %13s", bold(app), (int)rule->id.len,
          rule->id.ptr, plain(app), bold(app), "Throttled", "Matched");
  for (size_t i = 0; i < rule->key_count; i++) {
    const struct sl_str name = sl_report_key_name(replay, rule, i);
    const bool last = i + 1 == rule->key_count;
    fprintf(app->out, "  %.*s%*s", (int)name.len, name.ptr, last ? 0 : (int)(widths[i] - name.len),
            "");
  }
  fprintf(app->out, "%s\n", plain(app));
  for (size_t k = 0; k < top->count; k++) {
    print_key(app, replay, options, rule, top->items[k], widths);
  }
}

enum sl_status sl_report_tables(const struct sl_app *app, const struct sl_replay *replay,
                                const struct sl_report_options *options) {
  print_summary(app, replay);
  print_rules(app, replay);
  for (size_t i = 0; i < replay->set->rule_count; i++) {
    const struct sl_rule *rule = &replay->set->rules[i];
    struct sl_top top;
    const enum sl_status status = sl_report_top(replay, rule, options->top, &top);
    if (status != SL_OK) {
      return status;
    }
    if (top.count > 0) {
      print_top(app, replay, options, rule, &top);
    }
    sl_report_top_close(replay, &top);
  }
  return SL_OK;
}
