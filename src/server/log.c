#include "server/log.h"

#include <stdio.h>

#include "base/units.h"

enum { TIME_TEXT = 64, TAIL = 4 };

static const char *const level_names[] = {"info", "warning", "error"};

// Milliseconds: finer ones tell nobody anything.
static const char *time_text(const struct sl_sys *sys, char buffer[TIME_TEXT]) {
  struct timespec now = {0};
  (void)sys->clock_gettime(CLOCK_REALTIME, &now);
  struct tm parts;
  time_t seconds = now.tv_sec;
  gmtime_r(&seconds, &parts);
  snprintf(buffer, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
           now.tv_nsec / 1000000);
  return buffer;
}

// ---- JSON

static void add_json_text(struct sl_text *line, struct sl_str text) {
  sl_text_add(line, SL_STR("\""));
  char escaped[SL_LOG_LINE];
  struct sl_text out;
  sl_text_init(&out, escaped, sizeof escaped);
  // What comes back is printable, with \xHH for what was not.
  sl_text_escape(&out, text);
  for (size_t i = 0; i < out.len; i++) {
    char c = escaped[i];
    bool hex = c == '\\' && i + 1 < out.len && escaped[i + 1] == 'x';
    if (hex) {
      // JSON has no \x; \u00HH stands for the byte.
      sl_text_add(line, SL_STR("\\u00"));
      i++;
    } else if (c == '\\' && i + 1 < out.len) {
      sl_text_add(line, (struct sl_str){.ptr = escaped + i, .len = 2});
      i++;
    } else {
      sl_text_add(line, (struct sl_str){.ptr = &c, .len = 1});
    }
  }
  sl_text_add(line, SL_STR("\""));
}

static void add_json_field(struct sl_text *line, const struct sl_log_field *field) {
  sl_text_printf(line, ",\"%s\":", field->name);
  if (field->text.ptr != NULL) {
    add_json_text(line, field->text);
  } else {
    sl_text_printf(line, "%llu", (unsigned long long)field->number);
  }
}

static void begin_json(struct sl_text *line, const char *time, enum sl_log_level level,
                       const char *event, const char *message) {
  sl_text_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"message\":", time,
                 level_names[level], event);
  add_json_text(line, sl_str_of(message));
}

// ---- text

static bool is_plain(struct sl_str text) {
  bool plain = text.len > 0;
  for (size_t i = 0; i < text.len && plain; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    plain = c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  }
  return plain;
}

static void add_text_field(struct sl_text *line, const struct sl_log_field *field) {
  sl_text_printf(line, " %s=", field->name);
  if (field->text.ptr == NULL) {
    sl_text_printf(line, "%llu", (unsigned long long)field->number);
  } else if (is_plain(field->text)) {
    sl_text_add(line, field->text);
  } else {
    sl_text_add(line, SL_STR("\""));
    sl_text_escape(line, field->text);
    sl_text_add(line, SL_STR("\""));
  }
}

static void begin_text(struct sl_text *line, const char *time, enum sl_log_level level,
                       const char *event, const char *message) {
  sl_text_printf(line, "%s %-7s %s: ", time, level_names[level], event);
  sl_text_escape(line, sl_str_of(message));
}

// ---- lines

static void write_whole(const struct sl_log *log, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = log->sys->write(log->file, bytes, len);
    if (n <= 0) {
      return;  // nobody is left to be told
    }
    bytes += n;
    len -= (size_t)n;
  }
}

void sl_log_write(const struct sl_log *log, enum sl_log_level level, const char *event,
                  const char *message, const struct sl_log_field *fields, size_t count) {
  char buffer[SL_LOG_LINE], time[TIME_TEXT];
  struct sl_text line;
  // Room stays for what closes the line.
  sl_text_init(&line, buffer, sizeof buffer - TAIL);
  time_text(log->sys, time);
  (log->json ? begin_json : begin_text)(&line, time, level, event, message);
  for (size_t i = 0; i < count; i++) {
    size_t before = line.len;
    (log->json ? add_json_field : add_text_field)(&line, &fields[i]);
    if (line.cut) {
      line.len = before;
      break;
    }
  }
  if (log->json) {
    buffer[line.len++] = '}';
  }
  buffer[line.len++] = '\n';
  write_whole(log, buffer, line.len);
}
