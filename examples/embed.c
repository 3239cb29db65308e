// Rate limits inside a program: cc embed.c $(pkg-config --cflags --libs sluice)
#include <sluice/sluice.h>
#include <stdio.h>

int main(void) {
  const char rules[] =
      "rules:\n"
      "  - { id: per-user, key: [user], limit: { rate: 3/1s } }\n"
      "  - { id: uploads, match: { path: '/upload/*' }, key: [], limit: { rate: 2/1m } }\n";
  struct sluice *sluice;
  struct sluice_reports *reports = NULL;
  if (sluice_create(NULL, &sluice) != SLUICE_OK ||
      sluice_load_text(sluice, "embed.c", rules, sizeof rules - 1, &reports) != SLUICE_OK) {
    fputs(sluice_reports_text(reports), stderr);
    return 1;
  }
  sluice_reports_free(reports);
  for (int i = 0; i < 5; i++) {
    const struct sluice_attr attrs[] = {sluice_attr_of("user", i % 2 ? "ann" : "bob"),
                                        sluice_attr_of("path", "/upload/photo")};
    const struct sluice_request request = {.attrs = attrs, .attr_count = 2, .cost = 1};
    struct sluice_answer answer;
    enum sluice_status status = sluice_allow(sluice, &request, &answer);
    printf("%s: %s by %s, %llu left, next in %.1f s\n", attrs[0].value, sluice_status_text(status),
           answer.rule, (unsigned long long)answer.decision.remaining,
           (double)answer.decision.retry_after_ns / 1e9);
  }
  sluice_free(sluice);
  return 0;
}
