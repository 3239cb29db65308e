// Settings: one declaration, four sources, and what is said about mistakes.
#include <stdio.h>

#include "server/settings.h"
#include "support/fail_mem.h"
#include "support/tap.h"

static struct fail_mem fail = {
    .mem = {.alloc = fail_mem_alloc, .free = fail_mem_free, .ctx = &fail}};

static size_t index_of(const char *name) {
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    if (strcmp(sl_setting_table[i].name, name) == 0) {
      return i;
    }
  }
  abort();
}

static char reason[SL_SETTING_MESSAGE];

static enum sl_status set(struct sl_settings *settings, const char *name, const char *value,
                          enum sl_setting_from from) {
  struct sl_text message;
  sl_text_init(&message, reason, sizeof reason);
  return sl_settings_set(settings, index_of(name), sl_str_of(value),
                         (struct sl_setting_origin){.from = from}, &message);
}

static const char *shown(const struct sl_settings *settings, const char *name) {
  static char value[512];
  struct sl_text text;
  sl_text_init(&text, value, sizeof value);
  sl_setting_write(settings, index_of(name), &text);
  return value;
}

// Every default, shown, is what was declared: it parses, is in range, and means the same.
static void test_defaults(void) {
  struct sl_settings settings;
  ok(sl_settings_init(&settings, &fail.mem) == SL_OK, "the defaults are valid");
  for (size_t i = 0; i < SL_SETTING_COUNT; i++) {
    const struct sl_setting *setting = &sl_setting_table[i];
    ok(set(&settings, setting->name, shown(&settings, setting->name), SL_FROM_FLAG) == SL_OK,
       "%s: what is shown can be set", setting->name);
    char env[SL_SETTING_ENV];
    ok(strlen(setting->help) > 10 && strlen(sl_setting_env(setting, env)) < sizeof env - 1,
       "%s has help, and the variable %s", setting->name, env);
  }
  is_str(shown(&settings, "max-request"), "1MiB", "a size");
  is_str(shown(&settings, "write-timeout"), "10s", "a duration");
  is_str(shown(&settings, "log-refused"), "0", "a fraction");
  ok(settings.max_request == 1 << 20 && settings.write_timeout == 10 * SL_NS_PER_S &&
         settings.watch_rules && !settings.insecure_plaintext,
     "the fields have them");
  sl_settings_close(&settings);
  is_u64(fail.live, 0, "nothing leaks");
}

static void test_ranks(void) {
  struct sl_settings settings;
  ok(sl_settings_init(&settings, &fail.mem) == SL_OK, "again");
  (void)!set(&settings, "http", "flag", SL_FROM_FLAG);
  (void)!set(&settings, "http", "environment", SL_FROM_ENVIRONMENT);
  (void)!set(&settings, "http", "config", SL_FROM_CONFIG);
  is_str(settings.http, "flag", "a flag outranks all, in whatever order they come");
  (void)!set(&settings, "rules", "a", SL_FROM_CONFIG);
  (void)!set(&settings, "rules", "b", SL_FROM_CONFIG);
  is_str(shown(&settings, "rules"), "a,b", "a list grows within its source");
  (void)!set(&settings, "rules", "c", SL_FROM_FLAG);
  (void)!set(&settings, "rules", "d", SL_FROM_ENVIRONMENT);
  (void)!set(&settings, "rules", "e", SL_FROM_FLAG);
  is_str(shown(&settings, "rules"), "c,e", "and begins anew with a stronger one");
  ok(set(&settings, "workers", "many", SL_FROM_ENVIRONMENT) == SL_ERR_SYNTAX, "a mistake: %s",
     reason);
  (void)!set(&settings, "workers", "3", SL_FROM_FLAG);
  ok(set(&settings, "workers", "many", SL_FROM_CONFIG) == SL_ERR_SYNTAX && settings.workers == 3,
     "is one even where another source has spoken");
  sl_settings_close(&settings);
}

static void test_values(void) {
  static const struct {
    const char *name, *value;
    enum sl_status status;
    const char *says;
  } cases[] = {
      {"memory", "256KiB", SL_OK, ""},
      {"memory", "262143", SL_ERR_RANGE, "is outside its range, from 256KiB to "},
      {"memory", "-1", SL_ERR_SYNTAX, "takes a size such as 65536, 64KiB or 1GiB"},
      {"max-connections", "0", SL_ERR_RANGE, "is outside its range, from 1 to 10000000"},
      {"request-timeout", "1ms", SL_OK, ""},
      {"request-timeout", "0", SL_ERR_RANGE, "is outside its range, from 1ms to 366d"},
      {"log-refused", "1/1", SL_OK, ""},
      {"log-refused", "1/0", SL_ERR_RANGE, "is outside its range"},
      {"log-refused", "2/3", SL_ERR_SYNTAX, "takes a fraction such as 1/1000, or 0"},
      {"log-refused", "1/", SL_ERR_SYNTAX, "takes a fraction"},
      {"watch-rules", "maybe", SL_ERR_SYNTAX, "takes yes or no"},
      {"watch-rules", "false", SL_OK, ""},
      {"when-full", "allow", SL_OK, ""},
      {"when-full", "", SL_ERR_SYNTAX, "takes one of evict, deny, allow"},
      {"log-format", "xml", SL_ERR_SYNTAX, "takes one of auto, text, json"},
  };
  struct sl_settings settings;
  ok(sl_settings_init(&settings, &fail.mem) == SL_OK, "again");
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    enum sl_status status = set(&settings, cases[i].name, cases[i].value, SL_FROM_FLAG);
    ok(status == cases[i].status &&
           (status == SL_OK || strncmp(reason, cases[i].says, strlen(cases[i].says)) == 0),
       "%s=%s %s", cases[i].name, cases[i].value, status == SL_OK ? "" : reason);
  }
  ok(!settings.watch_rules && settings.when_full == 2 && settings.log_refused == 1,
     "what was valid is there");
  sl_settings_close(&settings);
}

static char *variables(const char *name) {
  static char resp[] = "127.0.0.1:7", rules[] = "a,b,,c";
  return strcmp(name, "SLUICE_RESP") == 0 ? resp : strcmp(name, "SLUICE_RULES") == 0 ? rules : NULL;
}
static char *bad_variable(const char *name) {
  static char bad[] = "x\ny";
  return strcmp(name, "SLUICE_MAX_CONNECTIONS") == 0 ? bad : NULL;
}

static void test_environment(void) {
  struct sl_settings settings;
  char buffer[1024];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  ok(sl_settings_init(&settings, &fail.mem) == SL_OK &&
         sl_settings_from_environment(&settings, variables, &message) == SL_OK,
     "variables are read");
  is_str(settings.resp, "127.0.0.1:7", "a text");
  is_str(shown(&settings, "rules"), "a,b,c", "a list, without what is empty");
  ok(sl_settings_from_environment(&settings, bad_variable, &message) == SL_ERR_SYNTAX &&
         strncmp(buffer, "SLUICE_MAX_CONNECTIONS=", 23) == 0 && strchr(buffer, '\n') == NULL,
     "a mistake names its variable: %s", buffer);
  sl_settings_close(&settings);
}

static enum sl_status config(struct sl_settings *settings, const char *text, char *ret_first,
                             size_t size) {
  struct sl_reports reports;
  sl_reports_init(&reports, &fail.mem);
  enum sl_status status = sl_settings_init(settings, &fail.mem);
  if (status == SL_OK) {
    status = sl_settings_from_config(settings, "s.yaml", sl_str_of(text), &reports);
  }
  ret_first[0] = '\0';
  if (reports.count > 0) {
    struct sl_text line;
    sl_reports_sort(&reports);
    sl_text_init(&line, ret_first, size);
    sl_report_write(&reports.items[0], &line);
  }
  sl_reports_close(&reports);
  return status;
}

static void test_config(void) {
  struct sl_settings settings;
  char line[1024], origin[200];
  struct sl_text text;
  ok(config(&settings, "http: none\nrules:\n  - a\n  - b\nmemory: 1MiB\n", line, sizeof line) ==
         SL_OK,
     "a config file is read");
  is_str(shown(&settings, "rules"), "a,b", "a list");
  sl_text_init(&text, origin, sizeof origin);
  sl_setting_write_origin(&settings, index_of("memory"), &text);
  is_str(origin, "s.yaml:5", "each value knows its line");
  sl_settings_close(&settings);
  static const char *const bad[] = {"x: 1",
                                    "http: [a]",
                                    "memory: 1",
                                    "- http",
                                    "http: {a: b}",
                                    "http: 'a",
                                    "memory: 1MiB\nmemory: 2MiB"};
  for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
    ok(config(&settings, bad[i], line, sizeof line) != SL_OK && strncmp(line, "s.yaml:", 7) == 0,
       "%s", line);
    sl_settings_close(&settings);
  }
  ok(config(&settings, "", line, sizeof line) == SL_OK, "an empty one changes nothing");
  sl_settings_close(&settings);
  bool done = false;
  bool leaks = false;
  for (uint64_t n = 1; !done && !leaks; n++) {
    fail.asked = 0;
    fail.fail_at = n;
    done =
        config(&settings, "rules: [a, b]\nhttp: x\n", line, sizeof line) == SL_OK && fail.asked < n;
    sl_settings_close(&settings);
    leaks = fail.live != 0;
  }
  fail.fail_at = 0;
  ok(done && !leaks, "each allocation may fail, and nothing leaks");
}

int main(void) {
  test_defaults();
  test_ranks();
  test_values();
  test_environment();
  test_config();
  return done_testing();
}
