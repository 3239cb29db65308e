// Rule files in tests: parsed from text, compiled, asked.
#ifndef TESTS_SUPPORT_RULES_H
#define TESTS_SUPPORT_RULES_H

#include <stdio.h>
#include <stdlib.h>

#include "rule/parse.h"
#include "rule/ruleset.h"

static const struct sl_secret rules_secret = {
    .word = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}};

// The reports as text, one "LINE:COLUMN: error: message (hint)" per line, without the file's name.
__attribute__((unused)) static void rules_reports(const struct sl_reports *reports, char *buffer,
                                                  size_t size) {
  struct sl_text text;
  sl_text_init(&text, buffer, size);
  for (size_t i = 0; i < reports->count; i++) {
    struct sl_report report = reports->items[i];
    char line[2 * SL_REPORT_TEXT];
    struct sl_text written;
    sl_text_init(&written, line, sizeof line);
    sl_report_write(&report, &written);
    const char *from = strchr(line, ':');
    sl_text_printf(&text, "%s\n", from == NULL ? line : from + 1);
  }
}

// A model from text that is known to be good; the program ends where it is not.
__attribute__((unused)) static struct sl_model *rules_model(const char *yaml,
                                                            const struct sl_mem *mem) {
  struct sl_reports reports;
  struct sl_model *model;
  sl_reports_init(&reports, mem);
  if (sl_rules_parse("rules.yaml", yaml, strlen(yaml), mem, &reports, &model) != SL_OK) {
    char buffer[8192];
    rules_reports(&reports, buffer, sizeof buffer);
    fprintf(stderr, "the test's rules are wrong:\n%s", buffer);
    exit(2);
  }
  sl_reports_close(&reports);
  return model;
}

__attribute__((unused)) static struct sl_ruleset *rules_set(const char *yaml,
                                                            const struct sl_mem *mem) {
  struct sl_ruleset *set;
  if (sl_ruleset_compile(rules_model(yaml, mem), &rules_secret, mem, &set) != SL_OK) {
    fprintf(stderr, "the test's rules do not compile\n");
    exit(2);
  }
  return set;
}

#endif
