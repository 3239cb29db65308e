#include "cli/progress.h"

#include <sys/stat.h>

#include "base/units.h"
#include "cli/number.h"
#include "sys/clock.h"

// Short runs show nothing; then four times a second is smooth enough.
#define FIRST_NS SL_NS_PER_S
#define EVERY_NS (SL_NS_PER_S / 4)

static uint64_t total_size(const char *const *paths, size_t count) {
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) {
    struct stat status;
    if (stat(paths[i], &status) != 0 || !S_ISREG(status.st_mode)) {
      return 0;
    }
    total += (uint64_t)status.st_size;
  }
  return total;
}

void sl_progress_init(struct sl_progress *progress, const struct sl_app *app,
                      const char *const *paths, size_t count) {
  *progress = (struct sl_progress){.app = app, .on = app->err_is_terminal};
  if (progress->on) {
    progress->total_bytes = total_size(paths, count);
    progress->begin_ns = sl_monotonic_ns(app->sys);
    progress->next_ns = progress->begin_ns + FIRST_NS;
  }
}

static void print(struct sl_progress *progress, uint64_t bytes, uint64_t lines, uint64_t now_ns) {
  char number[SL_NUMBER_TEXT];
  char percent[SL_NUMBER_TEXT];
  char speed[SL_NUMBER_TEXT];
  const uint64_t elapsed_ms = (now_ns - progress->begin_ns) / SL_NS_PER_MS;
  const uint64_t per_second = lines / (elapsed_ms / 1000 + 1);
  fprintf(progress->app->err, "\r%s lines, %s a second", sl_number_text(lines, number),
          sl_number_text(per_second, speed));
  if (progress->total_bytes > 0) {
    fprintf(progress->app->err, ", %s", sl_percent_text(bytes, progress->total_bytes, percent));
  }
  fputs("\033[K", progress->app->err);
  fflush(progress->app->err);
  progress->visible = true;
}

void sl_progress_show(struct sl_progress *progress, uint64_t bytes, uint64_t lines) {
  if (!progress->on) {
    return;
  }
  const uint64_t now_ns = sl_monotonic_ns(progress->app->sys);
  if (now_ns >= progress->next_ns) {
    progress->next_ns = now_ns + EVERY_NS;
    print(progress, progress->done_bytes + bytes, progress->done_lines + lines, now_ns);
  }
}

void sl_progress_end_log(struct sl_progress *progress, uint64_t bytes, uint64_t lines) {
  progress->done_bytes += bytes;
  progress->done_lines += lines;
}

void sl_progress_clear(struct sl_progress *progress) {
  if (progress->visible) {
    fputs("\r\033[K", progress->app->err);
    progress->visible = false;
  }
}
