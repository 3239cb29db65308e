#include "rule/report.h"

enum { QUOTED_BYTES = 60 };

void sl_reports_init(struct sl_reports *reports, const struct sl_mem *mem) {
  *reports = (struct sl_reports){0};
  sl_arena_init(&reports->arena, mem);
}

void sl_reports_close(struct sl_reports *reports) {
  sl_mem_free(reports->arena.mem, reports->items, reports->room * sizeof *reports->items);
  sl_arena_close(&reports->arena);
  sl_reports_init(reports, reports->arena.mem);
}

const char *sl_severity_name(enum sl_severity severity) {
  return severity == SL_SEVERITY_ERROR ? "error" : "warning";
}

const char *sl_quote(struct sl_str text, char *buffer) {
  struct sl_text out;
  sl_text_init(&out, buffer, SL_QUOTE_TEXT);
  sl_text_add(&out, SL_STR("\""));
  struct sl_str shown = text;
  if (shown.len > QUOTED_BYTES) {
    shown.len = QUOTED_BYTES;
    // Not in the middle of a UTF-8 sequence.
    while (shown.len > 0 && ((unsigned char)shown.ptr[shown.len] & 0xc0) == 0x80) {
      shown.len--;
    }
  }
  sl_text_escape(&out, shown);
  sl_text_add(&out, shown.len < text.len ? SL_STR("...\"") : SL_STR("\""));
  return buffer;
}

static bool make_room(struct sl_reports *reports) {
  if (reports->items != NULL) {
    return true;
  }
  const size_t room = (size_t)2 * SL_REPORTS_KEPT;
  reports->items =
      sl_mem_array(reports->arena.mem, room, sizeof *reports->items, _Alignof(max_align_t));
  reports->room = reports->items == NULL ? 0 : room;
  return reports->items != NULL;
}

// The name of the place's file, kept once for runs of reports about one file.
static const char *keep_file(struct sl_reports *reports, const char *file) {
  if (file == NULL) {
    return "";
  }
  for (size_t i = reports->count; i > 0; i--) {
    if (strcmp(reports->items[i - 1].place.file, file) == 0) {
      return reports->items[i - 1].place.file;
    }
  }
  return sl_arena_copy(&reports->arena, sl_str_of(file));
}

static uint32_t order_of(struct sl_reports *reports, const char *file) {
  for (size_t i = 0; i < reports->count; i++) {
    if (reports->items[i].place.file == file) {
      return reports->items[i].file_order;
    }
  }
  return reports->files++;
}

// Counts a report and says whether it is among those kept.
static bool count_one(struct sl_reports *reports, enum sl_severity severity) {
  const bool error = severity == SL_SEVERITY_ERROR;
  *(error ? &reports->errors : &reports->warnings) += 1;
  size_t *kept = error ? &reports->kept_errors : &reports->kept_warnings;
  if (*kept == SL_REPORTS_KEPT) {
    return false;
  }
  *kept += 1;
  return true;
}

void sl_reports_add(struct sl_reports *reports, enum sl_severity severity, struct sl_place place,
                    const char *hint, const char *format, ...) {
  if (!count_one(reports, severity)) {
    return;
  }
  char buffer[SL_REPORT_TEXT];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  va_list args;
  va_start(args, format);
  sl_text_vprintf(&text, format, args);
  va_end(args);
  const char *message =
      sl_arena_copy(&reports->arena, (struct sl_str){.ptr = buffer, .len = text.len});
  const char *kept_hint = sl_arena_copy(&reports->arena, sl_str_of(hint == NULL ? "" : hint));
  place.file = keep_file(reports, place.file);
  if (message == NULL || kept_hint == NULL || place.file == NULL || !make_room(reports)) {
    reports->out_of_memory = true;
    return;
  }
  reports->items[reports->count] = (struct sl_report){
      .severity = severity,
      .place = place,
      .message = message,
      .hint = kept_hint,
      .file_order = order_of(reports, place.file),
  };
  reports->count++;
}

static bool is_after(const struct sl_report *a, const struct sl_report *b) {
  if (a->file_order != b->file_order) {
    return a->file_order > b->file_order;
  }
  if (a->place.line != b->place.line) {
    return a->place.line > b->place.line;
  }
  return a->place.column > b->place.column;
}

void sl_reports_sort(struct sl_reports *reports) {
  for (size_t i = 1; i < reports->count; i++) {
    const struct sl_report moved = reports->items[i];
    size_t to = i;
    for (; to > 0 && is_after(&reports->items[to - 1], &moved); to--) {
      reports->items[to] = reports->items[to - 1];
    }
    reports->items[to] = moved;
  }
}

void sl_report_write(const struct sl_report *report, struct sl_text *text) {
  sl_text_escape(text, sl_str_of(report->place.file));
  if (report->place.line > 0) {
    sl_text_printf(text, ":%u:%u", report->place.line, report->place.column);
  }
  sl_text_printf(text, ": %s: %s", sl_severity_name(report->severity), report->message);
  if (report->hint[0] != '\0') {
    sl_text_printf(text, " (%s)", report->hint);
  }
}
