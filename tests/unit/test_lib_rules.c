// Rules through the public functions: loading and its reports, decisions, and what is done to
// buckets.
#include <stdio.h>
#include <unistd.h>

#include "support/lib_fixture.h"
#include "support/tap.h"

static struct fixture f;

static enum sluice_status allow(const char *name, const char *value, uint64_t cost,
                                struct sluice_answer *ret_answer) {
  struct fixture_request r;
  return sluice_allow(f.sluice, fixture_request(&r, name, value, cost), ret_answer);
}

// ---- loading ------------------------------------------------------------------------------------

static void test_no_rules(void) {
  struct sluice_answer answer;
  is_i64(allow("client_ip", "10.0.0.1", 5, &answer), SLUICE_ALLOWED,
         "without rules all is allowed");
  is_str(answer.rule, "", "by no rule");
  is_u64(answer.rule_count, 0, "of none");
  is_u64(answer.decision.remaining, UINT64_MAX, "without an end");
  is_u64(sluice_rule_count(f.sluice), 0, "there are no rules");
  is_u64(sluice_rule_count(NULL), 0, "nor without a handle");
  static struct sluice_attr many[257];
  for (size_t i = 0; i < 257; i++) {
    many[i] = sluice_attr_of("name", "value");
  }
  struct sluice_request request = {.attrs = many, .attr_count = 257, .cost = 1};
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT,
         "too many attributes are none the less too many");
  request.attr_count = 1;
  many[0].value_len = 65537;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT, "and long ones too long");
}

static const char mistakes[] = "rules:\n"
                               "  - id: a\n"
                               "    key: []\n"
                               "    limit: { algorithm: token_bukket, rate: 10/1s }\n"
                               "  - id: a\n"
                               "    key: []\n"
                               "    limit: { rate: 10/1parsec }\n";

static void test_mistakes(void) {
  is_i64(fixture_load(&f, "rules: [{id: kept, key: [], limit: {rate: 1/1s}}]"), SLUICE_OK,
         "rules are loaded");
  is_u64(sluice_rule_count(f.sluice), 1, "one is in force");
  struct sluice_reports *reports;
  struct sluice_report report;
  is_i64(sluice_load_text(f.sluice, "m.yaml", mistakes, strlen(mistakes), &reports),
         SLUICE_ERR_INVALID, "mistakes are refused");
  ok(sluice_reports_count(reports) >= 3, "each is reported, %zu in all",
     sluice_reports_count(reports));
  is_i64(sluice_reports_get(reports, 0, &report), SLUICE_OK, "the first can be had");
  is_str(report.file, "m.yaml", "with its file");
  is_u64(report.line, 4, "its line");
  ok(report.column > 1 && !report.is_warning, "its column, and that it is no warning");
  ok(strstr(report.message, "token_bukket") != NULL, "what is wrong: %s", report.message);
  ok(strstr(report.hint, "token_bucket") != NULL, "and what would be right: %s", report.hint);
  is_i64(sluice_reports_get(reports, sluice_reports_count(reports), &report), SLUICE_ERR_ARGUMENT,
         "there is none beyond the last");
  is_i64(sluice_reports_get(reports, 0, NULL), SLUICE_ERR_ARGUMENT, "a report needs a place");
  const char *text = sluice_reports_text(reports);
  size_t lines = 0;
  for (const char *at = text; *at != '\0'; at++) {
    lines += *at == '\n';
  }
  is_u64(lines, sluice_reports_count(reports), "the text has a line for each");
  ok(strncmp(text, "m.yaml:4:", 9) == 0 && strstr(text, ": error: ") != NULL,
     "which begins with the place");
  sluice_reports_free(reports);
  is_u64(sluice_rule_count(f.sluice), 1, "the rules in force stay");
  ok(allow("x", "y", 1, NULL) == SLUICE_ALLOWED && allow("x", "y", 1, NULL) == SLUICE_THROTTLED,
     "and hold");
}

static void test_many_mistakes(void) {
  char text[20000] = "rules:\n";
  for (int i = 0; i < 150; i++) {
    char line[64];
    snprintf(line, sizeof line, "  - {id: r%d, key: [], limit: {rate: bad}}\n", i);
    strcat(text, line);
  }
  struct sluice_reports *reports;
  is_i64(sluice_load_text(f.sluice, NULL, text, strlen(text), &reports), SLUICE_ERR_INVALID,
         "150 mistakes are refused");
  const size_t kept = sluice_reports_count(reports);
  char more[64];
  snprintf(more, sizeof more, "\nand %zu more\n", 150 - kept);
  ok(kept >= 50 && kept < 150 && strstr(sluice_reports_text(reports), more) != NULL,
     "%zu are told, the others counted", kept);
  ok(strncmp(sluice_reports_text(reports), "rules:2:", 8) == 0,
     "a text without a name is called rules");
  sluice_reports_free(reports);
}

static void test_bad_loads(void) {
  struct sluice_reports *reports = (struct sluice_reports *)&f;
  is_i64(sluice_load_text(f.sluice, NULL, "{", 1, &reports), SLUICE_ERR_SYNTAX,
         "what is no YAML is refused");
  ok(reports != NULL, "and reported");
  sluice_reports_free(reports);
  is_i64(sluice_load_text(NULL, NULL, "rules: []", 9, &reports), SLUICE_ERR_ARGUMENT,
         "a load needs a handle");
  ok(reports == NULL, "and reports nothing");
  is_i64(sluice_load_text(f.sluice, NULL, NULL, 9, &reports), SLUICE_ERR_ARGUMENT,
         "a load needs a text");
  is_i64(sluice_load_text(f.sluice, NULL, "rules: []", 9, &reports), SLUICE_OK,
         "no rules are rules, too");
  ok(reports == NULL, "about which there is nothing to report");
  is_u64(sluice_rule_count(f.sluice), 0, "none is in force");
  is_u64(sluice_reports_count(NULL), 0, "no reports are none");
  is_str(sluice_reports_text(NULL), "", "and have no text");
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    abort();
  }
}

static void test_files(void) {
  char directory[] = "/tmp/sluice-test-XXXXXX";
  if (mkdtemp(directory) == NULL) {
    abort();
  }
  char a[64], b[64], none[64];
  snprintf(a, sizeof a, "%s/a.yaml", directory);
  snprintf(b, sizeof b, "%s/b.yaml", directory);
  snprintf(none, sizeof none, "%s/none.yaml", directory);
  write_file(a, "rules: [{id: a, key: [], limit: {rate: 1/1s}}]\n");
  write_file(
      b, "rules: [{id: b, key: [], limit: {rate: 1/1s}}, {id: c, key: [], limit: {rate: 1/1s}}]\n");
  struct sluice_reports *reports;
  const char *const both[] = {a, b};
  is_i64(sluice_load_files(f.sluice, both, 2, &reports), SLUICE_OK, "files are loaded");
  is_u64(sluice_rule_count(f.sluice), 3, "all their rules");
  ok(reports == NULL, "without reports");
  const char *const twice[] = {a, a};
  is_i64(sluice_load_files(f.sluice, twice, 2, &reports), SLUICE_ERR_INVALID,
         "an id in two files is refused");
  sluice_reports_free(reports);
  const char *const missing[] = {none, a, none};
  is_i64(sluice_load_files(f.sluice, missing, 3, &reports), SLUICE_ERR_IO,
         "a file that is not there is refused");
  is_u64(sluice_reports_count(reports), 2, "and reported each time");
  char want[160];
  snprintf(want, sizeof want, "%s: error: cannot be opened: No such file or directory\n", none);
  ok(strncmp(sluice_reports_text(reports), want, strlen(want)) == 0, "by name, with the reason");
  sluice_reports_free(reports);
  const char *const hole[] = {a, NULL};
  is_i64(sluice_load_files(f.sluice, hole, 2, NULL), SLUICE_ERR_ARGUMENT,
         "a path must not be NULL");
  is_i64(sluice_load_files(f.sluice, NULL, 1, NULL), SLUICE_ERR_ARGUMENT, "nor all of them");
  is_i64(sluice_load_files(f.sluice, both, 0, NULL), SLUICE_ERR_ARGUMENT, "no files are refused");
  is_i64(sluice_load_files(f.sluice, both, 1025, NULL), SLUICE_ERR_ARGUMENT, "and so are too many");
  is_i64(sluice_load_files(NULL, both, 2, NULL), SLUICE_ERR_ARGUMENT, "and so is no handle");
  is_u64(sluice_rule_count(f.sluice), 3, "the rules in force stay");
  unlink(a);
  unlink(b);
  rmdir(directory);
}

// ---- decisions ----------------------------------------------------------------------------------

static const char two_rules[] = "rules:\n"
                                "  - id: calls\n"
                                "    key: [user]\n"
                                "    limit: { rate: 10/1s, burst: 10 }\n"
                                "  - id: bytes\n"
                                "    key: [user]\n"
                                "    cost: size\n"
                                "    limit: { rate: 100/1s, burst: 100 }\n"
                                "  - id: trial\n"
                                "    key: []\n"
                                "    over_limit: shadow\n"
                                "    limit: { rate: 1/1s }\n"
                                "  - id: gold\n"
                                "    match: { user: gold }\n"
                                "    key: [user]\n"
                                "    limit: { rate: 1/1h }\n"
                                "    overrides: [{key: {user: gold}, limit: {rate: 1000/1s}}]\n"
                                "  - id: off\n"
                                "    key: []\n"
                                "    enabled: false\n"
                                "    limit: { rate: 0/1s }\n";

static const struct sluice_request *user_request(struct fixture_request *r, const char *user,
                                                 const char *size, uint64_t cost) {
  (void)fixture_request(r, "user", user, cost);
  r->attrs[1] = sluice_attr_of("size", size);
  r->request.attr_count = size == NULL ? 1 : 2;
  return &r->request;
}

static void test_all_or_none(void) {
  is_i64(fixture_load(&f, two_rules), SLUICE_OK, "rules are loaded");
  is_u64(sluice_rule_count(f.sluice), 4, "those that are enabled");
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_rule_decision rules[4];
  is_i64(sluice_allow_rules(f.sluice, user_request(&r, "ann", "60", 1), false, rules, 4, &answer),
         SLUICE_ALLOWED, "all rules admit");
  is_str(answer.rule, "bytes", "the answer names the one with the least part remaining");
  is_u64(answer.decision.remaining, 40, "and has its figures");
  is_u64(answer.rule_count, 3, "three rules match");
  is_str(rules[0].rule, "calls", "they are told in their order");
  is_u64(rules[0].decision.remaining, 9, "each with its own figures");
  is_u64(rules[0].cost, 1, "and cost");
  is_u64(rules[1].cost, 60, "an attribute's, too");
  ok(rules[2].is_shadow && !rules[0].is_shadow, "the shadow rule is told from the others");
  is_i64(sluice_allow_rules(f.sluice, user_request(&r, "ann", "60", 1), false, rules, 1, &answer),
         SLUICE_THROTTLED, "one refuses");
  is_str(answer.rule, "bytes", "and is named");
  is_u64(answer.decision.retry_after_ns, SLUICE_MS(200), "with its wait");
  is_u64(answer.rule_count, 3, "all are counted where there is room for one");
  is_u64(rules[0].decision.remaining, 9, "the other one was not charged");
  is_i64(sluice_allow(f.sluice, user_request(&r, "ann", "40", 1), &answer), SLUICE_ALLOWED,
         "what fits both goes");
  is_i64(sluice_allow(f.sluice, user_request(&r, "ann", "101", 1), &answer), SLUICE_NEVER,
         "what can never fit does not");
  is_i64(sluice_allow(f.sluice, user_request(&r, "gold", "1", 1), &answer), SLUICE_ALLOWED,
         "an override holds for its key");
  memset(rules, 0, sizeof rules);
  is_i64(sluice_allow_rules(f.sluice, user_request(&r, "gold", "1", 1), false, rules, 4, &answer),
         SLUICE_ALLOWED, "more than once");
  ok(answer.rule_count == 4 && rules[3].is_override && rules[3].decision.limit == 1000,
     "and is told as such");
}

static void test_cost_errors(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  is_i64(sluice_allow(f.sluice, user_request(&r, "bob", "many", 1), &answer), SLUICE_ERR_COST,
         "a cost that is no number is an error");
  is_str(answer.rule, "bytes", "of the rule that charges it");
  is_i64(answer.status, SLUICE_ERR_COST, "also by the answer");
  is_i64(sluice_allow(f.sluice, user_request(&r, "bob", "1", UINT64_MAX), &answer), SLUICE_ERR_COST,
         "so is one above the range");
  is_str(answer.rule, "", "of no rule");
  is_i64(sluice_allow(f.sluice, user_request(&r, "bob", NULL, 10), &answer), SLUICE_ALLOWED,
         "nothing was charged for that");
}

static void test_peek(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  for (int i = 0; i < 3; i++) {
    is_i64(sluice_peek(f.sluice, user_request(&r, "eve", "100", 1), &answer), SLUICE_ALLOWED,
           "a peek charges nothing");
  }
  is_u64(answer.decision.remaining, 100, "its figures are as they stand");
  is_i64(sluice_allow_rules(f.sluice, user_request(&r, "eve", "101", 1), true, NULL, 0, &answer),
         SLUICE_NEVER, "it tells what would be");
  is_i64(sluice_peek(f.sluice, user_request(&r, "eve", "100", 1), NULL), SLUICE_ALLOWED,
         "nobody need want the answer");
}

static void test_charge_and_reset(void) {
  struct fixture_request r;
  struct sluice_answer answer;
  size_t count;
  is_i64(sluice_charge(f.sluice, user_request(&r, "joe", "150", 1), &answer), SLUICE_OK,
         "a charge is not asked about");
  is_str(answer.rule, "bytes", "the answer names the emptiest");
  is_u64(answer.decision.remaining, 0, "that has nothing left");
  is_u64(answer.decision.reset_after_ns, SLUICE_MS(1500), "and is in debt");
  is_i64(sluice_charge(f.sluice, user_request(&r, "joe", "1", 1), NULL), SLUICE_OK,
         "nobody need want the answer");
  is_i64(sluice_charge(f.sluice, user_request(&r, "joe", "1", 1), &answer), SLUICE_OK,
         "a charge into debt is not refused");
  is_u64(answer.decision.retry_after_ns, 0, "nor told to come again");
  is_i64(sluice_allow(f.sluice, user_request(&r, "joe", "1", 1), NULL), SLUICE_THROTTLED,
         "so requests wait");
  is_i64(sluice_reset(f.sluice, user_request(&r, "joe", "1", 1), &count), SLUICE_OK, "a reset");
  is_u64(count, 3, "finds the buckets");
  is_i64(sluice_allow(f.sluice, user_request(&r, "joe", "100", 10), NULL), SLUICE_ALLOWED,
         "and makes them fresh");
  is_i64(sluice_reset(f.sluice, user_request(&r, "nobody", "1", 1), NULL), SLUICE_OK,
         "nobody need ask how many there were");
  is_i64(sluice_charge(f.sluice, user_request(&r, "joe", "x", 1), &answer), SLUICE_ERR_COST,
         "charge: no cost");
  is_i64(sluice_reset(f.sluice, NULL, &count), SLUICE_ERR_ARGUMENT, "reset: no request");
}

static void test_slots(void) {
  is_i64(fixture_load(
             &f,
             "rules:\n"
             "  - {id: all, key: [], limit: {algorithm: concurrency, slots: 3}}\n"
             "  - {id: each, key: [user], limit: {algorithm: concurrency, slots: 1, lease: 5s}}\n"
             "  - {id: rate, key: [user], limit: {rate: 100/1s}}\n"),
         SLUICE_OK, "rules with slots are loaded");
  struct fixture_request r;
  struct sluice_answer answer;
  bool held;
  is_i64(sluice_allow(f.sluice, user_request(&r, "ann", NULL, 1), &answer), SLUICE_ALLOWED,
         "a slot is leased");
  ok(answer.decision.slot != 0, "and has a name");
  is_i64(sluice_allow(f.sluice, user_request(&r, "ann", NULL, 1), NULL), SLUICE_THROTTLED,
         "there is one each");
  f.now_ns += SLUICE_S(4);
  is_i64(sluice_renew(f.sluice, user_request(&r, "ann", NULL, 1), answer.decision.slot, &held),
         SLUICE_OK, "it is renewed");
  f.now_ns += SLUICE_S(4);
  ok(held && sluice_allow(f.sluice, user_request(&r, "ann", NULL, 1), NULL) == SLUICE_THROTTLED,
     "and holds on");
  is_i64(sluice_release(f.sluice, user_request(&r, "ann", NULL, 1), answer.decision.slot, &held),
         SLUICE_OK, "it is released");
  ok(held, "at every rule");
  is_i64(sluice_release(f.sluice, user_request(&r, "ann", NULL, 1), answer.decision.slot, &held),
         SLUICE_OK, "again");
  ok(!held, "in vain");
  is_i64(sluice_allow(f.sluice, user_request(&r, "ann", NULL, 1), NULL), SLUICE_ALLOWED,
         "for another");
  (void)sluice_allow(f.sluice, user_request(&r, "eve", NULL, 1), &answer);
  f.now_ns += SLUICE_S(6);
  is_i64(sluice_release(f.sluice, user_request(&r, "eve", NULL, 1), answer.decision.slot, &held),
         SLUICE_OK, "one is released that has ended at one rule");
  ok(held, "and was held at another");
  is_i64(sluice_release(f.sluice, user_request(&r, "ann", NULL, 1), 12345, NULL), SLUICE_OK,
         "a slot nobody holds can be released");
  is_i64(sluice_release(NULL, user_request(&r, "ann", NULL, 1), 1, NULL), SLUICE_ERR_ARGUMENT,
         "not without a handle");
}

enum { BATCH = 70 };

static void test_batch(void) {
  is_i64(fixture_load(&f, "rules: [{id: a, key: [user], limit: {rate: 2/1s}}]"), SLUICE_OK,
         "a rule is loaded");
  static struct fixture_request requests[BATCH];
  static struct sluice_request plain[BATCH];
  static struct sluice_answer answers[BATCH];
  for (size_t i = 0; i < BATCH; i++) {
    plain[i] = *user_request(&requests[i], i % 2 == 0 ? "even" : "odd", NULL, 1);
  }
  plain[60].cost = UINT64_MAX;
  is_i64(sluice_allow_batch(f.sluice, plain, BATCH, answers), SLUICE_OK, "a batch is decided");
  bool right = true;
  for (size_t i = 0; i < BATCH; i++) {
    right = right && (i == 60 || answers[i].status == (i < 4 ? SLUICE_ALLOWED : SLUICE_THROTTLED));
  }
  ok(right, "in order, each by itself");
  is_i64(answers[60].status, SLUICE_ERR_COST, "a bad request among them is an error of its own");
  is_i64(sluice_allow_batch(f.sluice, NULL, 1, answers), SLUICE_ERR_ARGUMENT, "batch: no requests");
  is_i64(sluice_allow_batch(f.sluice, plain, 1, NULL), SLUICE_ERR_ARGUMENT, "batch: no answers");
  is_i64(sluice_allow_batch(NULL, plain, 1, answers), SLUICE_ERR_ARGUMENT, "batch: no handle");
  is_i64(sluice_allow_batch(f.sluice, NULL, 0, NULL), SLUICE_OK, "batch: nothing to do");
}

static void test_bad_requests(void) {
  is_i64(fixture_load(&f, "rules: [{id: wide, key: [], limit: {rate: 1000/1s}}]"), SLUICE_OK,
         "a rule is loaded");
  struct fixture_request r;
  struct sluice_answer answer;
  struct sluice_request request = {.attrs = NULL, .attr_count = 1, .cost = 1};
  is_i64(sluice_allow(NULL, fixture_request(&r, "a", "b", 1), &answer), SLUICE_ERR_ARGUMENT,
         "no handle");
  is_i64(sluice_allow(f.sluice, NULL, &answer), SLUICE_ERR_ARGUMENT, "no request");
  is_i64(answer.status, SLUICE_ERR_ARGUMENT, "told by the answer, too");
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT,
         "no attributes where some are said to be");
  request.attr_count = 0;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ALLOWED, "none are fine");
  struct sluice_attr many[257];
  for (size_t i = 0; i < 257; i++) {
    many[i] = sluice_attr_of("name", "value");
  }
  request.attrs = many;
  request.attr_count = 257;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT, "too many attributes");
  request.attr_count = 256;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ALLOWED, "as many as there may be");
  many[255].value = NULL;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT,
         "a value that is not there");
  many[255].value_len = SIZE_MAX;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT, "nor of any length");
  many[255] = sluice_attr_of(NULL, "value");
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT, "an empty name");
  many[255] = sluice_attr_of("name", NULL);
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ALLOWED, "an empty value is one");
  many[255].value = "v";
  many[255].value_len = SIZE_MAX;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_ARGUMENT, "an endless value");
  request.attr_count = 1;
  request.now_ns = UINT64_MAX;
  is_i64(sluice_allow(f.sluice, &request, &answer), SLUICE_ERR_RANGE, "a time that cannot be");
  request.now_ns = SLUICE_NOW;
  is_i64(sluice_allow_rules(f.sluice, &request, false, NULL, 1, &answer), SLUICE_ERR_ARGUMENT,
         "no place for what rules say");
}

// A rule that is loaded again goes on where it was.
static void test_reload(void) {
  is_i64(fixture_load(&f, "rules: [{id: a, key: [], limit: {rate: 5/1h}}]"), SLUICE_OK,
         "a rule is loaded");
  for (int i = 0; i < 5; i++) {
    (void)allow("x", "y", 1, NULL);
  }
  is_i64(allow("x", "y", 1, NULL), SLUICE_THROTTLED, "it is used up");
  is_i64(
      fixture_load(
          &f,
          "rules: [{id: b, key: [], limit: {rate: 9/1h}}, {id: a, key: [], limit: {rate: 5/1h}}]"),
      SLUICE_OK, "it is loaded again, beside another");
  is_i64(allow("x", "y", 1, NULL), SLUICE_THROTTLED, "and still used up");
}

int main(void) {
  fixture_open(&f);
  test_no_rules();
  test_mistakes();
  test_many_mistakes();
  test_bad_loads();
  test_files();
  test_all_or_none();
  test_cost_errors();
  test_peek();
  test_charge_and_reset();
  test_slots();
  test_batch();
  test_bad_requests();
  test_reload();
  ok(fixture_close(&f), "all is freed");
  return done_testing();
}
