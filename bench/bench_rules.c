// bench_rules.c - attributes to rules, keys and decision: three matching rules among N.
//
//   bench_rules ROUNDS DECISIONS
//
// Prints samples of ns per decision with 10 and with 10,000 rules, interleaved.
#define _GNU_SOURCE
#include <sluice/sluice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define START_NS UINT64_C(1790000000000000000)
#define STEP_NS 1000

static void must(enum sluice_status status, const char *what) {
  if (status != SLUICE_OK) {
    fprintf(stderr, "bench_rules: %s: %s\n", what, sluice_status_text(status));
    exit(2);
  }
}

// The three that match, and others of the kinds that rule sets have: by path, by method, by
// network.
static char *make_rules(int count, size_t *ret_len) {
  char *text = NULL;
  FILE *file = open_memstream(&text, ret_len);
  if (file == NULL) {
    perror("open_memstream");
    exit(2);
  }
  fprintf(file, "rules:\n"
                "  - {id: client, key: [client_ip], limit: {rate: 1000000/1s, burst: 1000}}\n"
                "  - {id: api, match: {path: \"/v1/*\"}, key: [api_key], limit: {rate: 1000000/1s, "
                "burst: 1000}}\n"
                "  - {id: write, match: {method: POST, path: \"/v1/orders*\"}, key: [api_key], "
                "limit: {rate: 1000000/1s, burst: 1000}}\n");
  for (int i = 3; i < count; i++) {
    switch (i % 3) {
    case 0:
      fprintf(file,
              "  - {id: path-%d, match: {path: \"/svc%d/*\"}, key: [client_ip], limit: {rate: "
              "100/1s}}\n",
              i, i);
      break;
    case 1:
      fprintf(file,
              "  - {id: tenant-%d, match: {tenant: t%d}, key: [api_key], limit: {rate: 100/1s}}\n",
              i, i);
      break;
    default:
      fprintf(file,
              "  - {id: net-%d, match: {client_ip: 10.%d.%d.0/24}, key: [client_ip], limit: {rate: "
              "100/1s}}\n",
              i, i / 256 % 256, i % 256);
    }
  }
  fclose(file);
  return text;
}

static struct sluice *open_rules(int count) {
  struct sluice *sluice;
  struct sluice_reports *reports = NULL;
  size_t len;
  char *text = make_rules(count, &len);
  must(sluice_create(NULL, &sluice), "sluice_create");
  enum sluice_status status = sluice_load_text(sluice, "bench", text, len, &reports);
  if (status != SLUICE_OK) {
    fprintf(stderr, "%s", sluice_reports_text(reports));
  }
  must(status, "sluice_load_text");
  sluice_reports_free(reports);
  free(text);
  return sluice;
}

static double time_rules(struct sluice *sluice, uint64_t decisions, uint64_t *random,
                         uint64_t *now_ns, uint64_t *sink) {
  char ip[32], api_key[32];
  struct sluice_attr attrs[] = {
      sluice_attr_of("method", "POST"), sluice_attr_of("path", "/v1/orders/1234"),
      sluice_attr_of("client_ip", ""),  sluice_attr_of("api_key", ""),
      sluice_attr_of("tenant", "acme"),
  };
  struct sluice_request request = {.attrs = attrs, .attr_count = 5, .cost = 1};
  struct sluice_answer answer;
  double start = clock_ns();
  for (uint64_t i = 0; i < decisions; i++) {
    uint64_t id = next_id(random, 1000);
    attrs[2].value_len = (size_t)snprintf(ip, sizeof ip, "192.0.2.%u", (unsigned)(id % 250));
    attrs[3].value_len = (size_t)snprintf(api_key, sizeof api_key, "key-%u", (unsigned)id);
    attrs[2].value = ip;
    attrs[3].value = api_key;
    request.now_ns = *now_ns += STEP_NS;
    if (sluice_allow(sluice, &request, &answer) >= SLUICE_ERR_ARGUMENT && answer.rule_count != 3) {
      fprintf(stderr, "bench_rules: %zu rules matched\n", answer.rule_count);
      exit(2);
    }
    *sink += answer.decision.remaining + answer.rule_count;
  }
  return (clock_ns() - start) / (double)decisions;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: bench_rules ROUNDS DECISIONS\n");
    return 2;
  }
  int rounds = atoi(argv[1]);
  uint64_t decisions = strtoull(argv[2], NULL, 10);
  uint64_t random = UINT64_C(88172645463325252), sink = 0, now_ns = START_NS;
  pin_to(1);
  struct sluice *few = open_rules(10);
  struct sluice *many = open_rules(10000);
  struct samples with_few = {.name = "rules_10"}, with_many = {.name = "rules_10000"};
  for (int round = 0; round < rounds; round++) {
    sample(&with_few, time_rules(few, decisions, &random, &now_ns, &sink));
    sample(&with_many, time_rules(many, decisions, &random, &now_ns, &sink));
    fprintf(stderr, "\rbench_rules: round %d of %d", round + 1, rounds);
  }
  fprintf(stderr, "\n");
  print_samples(&with_few);
  print_samples(&with_many);
  sluice_free(few);
  sluice_free(many);
  return sink == 42 ? 3 : 0;
}
