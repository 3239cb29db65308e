// The runner of test vectors: vectors FILE...
//
// Prints "ok ID" or "not ok ID: step, expected, got" for each vector of each file. The exit status
// is 0 when every vector holds; 1 when one does not, when a file cannot be read or says what the
// runner does not know, or when there is no vector at all.
#include <stdio.h>
#include <string.h>

#include "vectors/vectors.h"

static const char *const file_fields[] = {"note", "title", "units", "vectors", "any_window", NULL};
static const char *const vector_fields[] = {"id",     "title", "note", "limiter",
                                            "preset", "steps", NULL};
static const char *const any_window_fields[] = {"note", "title", "rule", "cases", NULL};

struct totals {
  size_t run, failed;
};

static void count(struct totals *totals, const struct vector *v) {
  totals->run++;
  totals->failed += v->failed;
  if (!v->failed) {
    printf("ok %s\n", v->id);
  }
}

static bool run_vector(struct vector *v, const json_t *vector) {
  if (!fields_known(v, vector, "vector", vector_fields)) {
    return false;
  }
  const json_t *limiter = json_object_get(vector, "limiter");
  const json_t *algorithm = json_object_get(limiter, "algorithm");
  const json_t *kind = json_object_get(limiter, "kind");
  const char *name = json_string_value(algorithm != NULL ? algorithm : kind);
  if (name == NULL || (algorithm != NULL && kind != NULL)) {
    return vector_fail(v, "limiter: expected an object with its algorithm or kind");
  }
  return waiting_is(name) ? waiting_run(v, vector, limiter, name)
                          : limits_run(v, vector, limiter, name);
}

static void run_vectors(const json_t *list, const char *path, struct totals *totals) {
  struct vector whole = {.id = path};
  if (!json_is_array(list)) {
    vector_say(&whole, "vectors: expected a list");
    count(totals, &whole);
    return;
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *vector = json_array_get(list, i);
    char number[64];
    snprintf(number, sizeof number, "vector-%zu", i + 1);
    const char *id = json_string_value(json_object_get(vector, "id"));
    struct vector v = {.id = id != NULL ? id : number};
    (void)run_vector(&v, vector);
    count(totals, &v);
  }
}

static void run_any_window(const json_t *section, struct totals *totals) {
  struct vector whole = {.id = "any_window"};
  const json_t *cases = json_object_get(section, "cases");
  if (!fields_known(&whole, section, "any_window", any_window_fields) || !json_is_array(cases)) {
    vector_say(&whole, "expected a list of cases");
    count(totals, &whole);
    return;
  }
  for (size_t i = 0; i < json_array_size(cases); i++) {
    char id[64];
    snprintf(id, sizeof id, "any_window-%zu", i + 1);
    struct vector v = {.id = id};
    (void)any_window_run(&v, json_array_get(cases, i));
    count(totals, &v);
  }
}

static void run_file(const char *path, struct totals *totals) {
  struct vector whole = {.id = path};
  json_error_t error;
  json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (file == NULL) {
    vector_say(&whole, "line %d, column %d: %s", error.line, error.column, error.text);
    count(totals, &whole);
    return;
  }
  const json_t *list = json_object_get(file, "vectors");
  const json_t *section = json_object_get(file, "any_window");
  if (!fields_known(&whole, file, "file", file_fields) || (list == NULL && section == NULL)) {
    vector_say(&whole, "expected vectors or any_window");
    count(totals, &whole);
  } else {
    if (list != NULL) {
      run_vectors(list, path, totals);
    }
    if (section != NULL) {
      run_any_window(section, totals);
    }
  }
  json_decref(file);
}

int main(int argc, char **argv) {
  struct totals totals = {0};
  if (argc < 2) {
    fprintf(stderr, "usage: %s FILE...\n", argv[0]);
    return 1;
  }
  for (int i = 1; i < argc; i++) {
    run_file(argv[i], &totals);
  }
  if (totals.run == 0) {
    fprintf(stderr, "%s: no vectors in these files\n", argv[0]);
  }
  return totals.run > 0 && totals.failed == 0 ? 0 : 1;
}
