// settings.h - what the server was told: from the command line, the environment, a config file, or
// the defaults, in this order. All from one declaration (settings_list.h).
#ifndef SL_SERVER_SETTINGS_H
#define SL_SERVER_SETTINGS_H

#include "base/mem.h"
#include "base/text.h"
#include "rule/report.h"
#include "server/settings_list.h"

enum sl_setting_kind {
  SL_SETTING_TEXT,      // const char *, "" where there is none
  SL_SETTING_LIST,      // struct sl_setting_list
  SL_SETTING_BOOL,      // bool: yes, no, true, false, 1, 0; a bare flag is yes
  SL_SETTING_NUMBER,    // uint64_t
  SL_SETTING_SIZE,      // uint64_t, bytes
  SL_SETTING_DURATION,  // uint64_t, nanoseconds
  SL_SETTING_FRACTION,  // uint64_t: N of 1/N, 0 for none
  SL_SETTING_CHOICE,    // uint64_t: the place among the words of `sl_setting_words`
};

struct sl_setting_list {
  const char **items;
  size_t count;
};

#define SL_SETTING_TYPE_TEXT const char *
#define SL_SETTING_TYPE_LIST struct sl_setting_list
#define SL_SETTING_TYPE_BOOL bool
#define SL_SETTING_TYPE_NUMBER uint64_t
#define SL_SETTING_TYPE_SIZE uint64_t
#define SL_SETTING_TYPE_DURATION uint64_t
#define SL_SETTING_TYPE_FRACTION uint64_t
#define SL_SETTING_TYPE_CHOICE uint64_t

#define SL_SETTING_COUNTED(kind, field, name, value, standard, least, most, help) +1
enum { SL_SETTING_COUNT = 0 SL_SETTINGS(SL_SETTING_COUNTED) };

enum sl_setting_from { SL_FROM_DEFAULT, SL_FROM_CONFIG, SL_FROM_ENVIRONMENT, SL_FROM_FLAG };

struct sl_setting_origin {
  enum sl_setting_from from;
  uint32_t line;  // of the config file
};

// The values: settings->http, settings->max_request, ... Immutable once the server runs.
struct sl_settings {
#define SL_SETTING_FIELD(kind, field, name, value, standard, least, most, help) \
  SL_SETTING_TYPE_##kind field;
  SL_SETTINGS(SL_SETTING_FIELD)
#undef SL_SETTING_FIELD
  const char *config;  // the config file's name, "" without one
  struct sl_setting_origin origins[SL_SETTING_COUNT];
  struct sl_arena arena;  // of all texts
};

// One declaration.
struct sl_setting {
  enum sl_setting_kind kind;
  size_t offset;
  const char *name, *value, *standard, *help;
  uint64_t least, most;
};

extern const struct sl_setting sl_setting_table[SL_SETTING_COUNT];

// The words of a CHOICE, by its name; NULL at the end.
const char *const *sl_setting_words(const struct sl_setting *setting);

// The name of its environment variable, into `buffer` (SL_SETTING_ENV bytes); returns it.
enum { SL_SETTING_ENV = 64, SL_SETTING_MESSAGE = 512 };
const char *sl_setting_env(const struct sl_setting *setting, char *buffer);

// All defaults. SL_OK; SL_ERR_MEMORY. Close them in either case.
enum sl_status sl_settings_init(struct sl_settings *settings, const struct sl_mem *mem) SL_MUST_USE;
void sl_settings_close(struct sl_settings *settings);

// Sets one by its text. A source outranks those below it in enum sl_setting_from: what a stronger
// one has set stays; a list is begun anew by each source, and continued within it.
//   SL_OK
//   SL_ERR_SYNTAX, SL_ERR_RANGE   not a value of it; `message` says what would be
//   SL_ERR_MEMORY
enum sl_status sl_settings_set(struct sl_settings *settings, size_t index, struct sl_str text,
                               struct sl_setting_origin origin,
                               struct sl_text *message) SL_MUST_USE;

// Reads the variables that are set, through `get` (as getenv). Stops at the first mistake, which
// `message` tells, with the variable's name.
enum sl_status sl_settings_from_environment(struct sl_settings *settings,
                                            char *(*get)(const char *name),
                                            struct sl_text *message) SL_MUST_USE;

// Reads a config file: a YAML map of names and values. Every mistake goes to `reports`.
//   SL_OK; SL_ERR_SYNTAX, SL_ERR_INVALID as reported; SL_ERR_MEMORY
enum sl_status sl_settings_from_config(struct sl_settings *settings, const char *file_name,
                                       struct sl_str bytes, struct sl_reports *reports) SL_MUST_USE;

// The value of a setting as a user would write it; parts of a list with commas between.
void sl_setting_write(const struct sl_settings *settings, size_t index, struct sl_text *text);
// Where it came from: "default", "--http", "SLUICE_HTTP", "sluice.yaml:3".
void sl_setting_write_origin(const struct sl_settings *settings, size_t index,
                             struct sl_text *text);

#endif
