#include "rule/reader.h"
#include "rule/suggest.h"

enum field {
  F_ALGORITHM,
  F_RATE,
  F_BURST,
  F_GUARANTEE,
  F_JITTER,
  F_QUEUE,
  F_COUNT_REFUSED,
  F_SUB_WINDOWS,
  F_SLOTS,
  F_LEASE,
  FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    "algorithm", "rate",          "burst",       "guarantee", "jitter",
    "queue",     "count_refused", "sub_windows", "slots",     "lease",
};

#define BIT(field) (1u << (field))

// The algorithms in the order of enum sl_algorithm, and the fields each has.
static const char *const algorithm_names[] = {
    "token_bucket", "leaky_bucket", "fixed_window", "sliding_log", "sliding_window", "concurrency",
};
static const unsigned algorithm_fields[] = {
    BIT(F_RATE) | BIT(F_BURST) | BIT(F_GUARANTEE) | BIT(F_JITTER),
    BIT(F_RATE) | BIT(F_QUEUE),
    BIT(F_RATE),
    BIT(F_RATE) | BIT(F_COUNT_REFUSED),
    BIT(F_RATE) | BIT(F_SUB_WINDOWS),
    BIT(F_SLOTS) | BIT(F_LEASE),
};

static unsigned fields_of(enum sl_algorithm algorithm) {
  return BIT(F_ALGORITHM) | algorithm_fields[algorithm - SL_TOKEN_BUCKET];
}

static bool read_algorithm(struct sl_reader *reader, const struct sl_node *node,
                           enum sl_algorithm *ret_algorithm) {
  struct sl_str text;
  size_t index;
  if (!sl_read_text(reader, node, "algorithm", &text)) {
    return false;
  }
  if (sl_str_eq(text, SL_STR("unlimited"))) {
    sl_read_error(reader, node, "write limit: unlimited", "unlimited is no algorithm");
    return false;
  }
  if (!sl_read_choice(reader, node, "algorithm", algorithm_names, SL_ARRAY_LEN(algorithm_names),
                      &index)) {
    return false;
  }
  *ret_algorithm = (enum sl_algorithm)(SL_TOKEN_BUCKET + (int)index);
  return true;
}

// Every field given belongs to the algorithm.
static bool check_fields(struct sl_reader *reader, const struct sl_node *const *values,
                         enum sl_algorithm algorithm) {
  bool good = true;
  for (unsigned i = 0; i < FIELD_COUNT; i++) {
    if (values[i] == NULL || (fields_of(algorithm) & BIT(i)) != 0) {
      continue;
    }
    char hint[160];
    struct sl_text text;
    sl_text_init(&text, hint, sizeof hint);
    sl_text_add(&text, SL_STR("it has"));
    for (unsigned j = F_RATE; j < FIELD_COUNT; j++) {
      if ((fields_of(algorithm) & BIT(j)) != 0) {
        sl_text_printf(&text, " %s", field_names[j]);
      }
    }
    sl_read_error(reader, values[i], hint, "%s is not a field of %s", field_names[i],
                  sl_algorithm_name(algorithm));
    good = false;
  }
  return good;
}

static bool read_rate(struct sl_reader *reader, const struct sl_node *node,
                      struct sl_limit_spec *spec) {
  struct sl_str text;
  if (!sl_read_text(reader, node, "rate", &text)) {
    return false;
  }
  const enum sl_status status = sl_parse_rate(text, &spec->count, &spec->period_ns);
  if (status != SL_OK) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node,
                  "a whole number, a slash, and a duration in ms s m h d w, as 600/30s",
                  "rate is %s, %s", sl_quote(text, quoted),
                  status == SL_ERR_RANGE ? "which is too big" : "which is not a rate");
    return false;
  }
  return true;
}

static bool read_guarantee(struct sl_reader *reader, const struct sl_node *node,
                           struct sl_limit_spec *spec) {
  static const char *const words[] = {"any_window"};
  size_t index;
  if (!sl_read_choice(reader, node, "guarantee", words, SL_ARRAY_LEN(words), &index)) {
    return false;
  }
  spec->any_window = true;
  return true;
}

static bool read_sub_windows(struct sl_reader *reader, const struct sl_node *node,
                             struct sl_limit_spec *spec) {
  if (!sl_read_number(reader, node, "sub_windows", &spec->sub_windows)) {
    return false;
  }
  if (spec->sub_windows == 0) {
    sl_read_error(reader, node, "leave it out for the weighted window", "sub_windows is 0");
    return false;
  }
  return true;
}

static bool read_field(struct sl_reader *reader, enum field field, const struct sl_node *node,
                       struct sl_limit_spec *spec) {
  switch (field) {
  case F_RATE:
    return read_rate(reader, node, spec);
  case F_BURST:
    spec->has_burst = true;
    return sl_read_number(reader, node, "burst", &spec->burst);
  case F_GUARANTEE:
    return read_guarantee(reader, node, spec);
  case F_JITTER:
    return sl_read_duration(reader, node, "jitter", &spec->jitter_ns);
  case F_QUEUE:
    return sl_read_number(reader, node, "queue", &spec->queue);
  case F_COUNT_REFUSED:
    return sl_read_bool(reader, node, "count_refused", &spec->count_refused);
  case F_SUB_WINDOWS:
    return read_sub_windows(reader, node, spec);
  case F_SLOTS:
    return sl_read_number(reader, node, "slots", &spec->slots);
  case F_LEASE:
    return sl_read_duration(reader, node, "lease", &spec->lease_ns);
  case F_ALGORITHM:
  case FIELD_COUNT:
    break;
  }
  return true;
}

// What a limit cannot do without.
static bool check_required(struct sl_reader *reader, const struct sl_node *node,
                           const struct sl_node *const *values, enum sl_algorithm algorithm) {
  const enum field needed = algorithm == SL_CONCURRENCY ? F_SLOTS : F_RATE;
  if (values[needed] != NULL) {
    return true;
  }
  sl_read_error(reader, node,
                needed == F_RATE ? "add rate, as rate: 100/1s" : "add slots, as slots: 10",
                "a limit by %s needs %s", sl_algorithm_name(algorithm), field_names[needed]);
  return false;
}

// Words by which messages about numbers call the parts of a limit.
static const struct {
  struct sl_str word;
  enum field field;
} message_words[] = {
    {SL_STR("rate"), F_RATE},
    {SL_STR("count of"), F_RATE},
    {SL_STR("period"), F_RATE},
    {SL_STR("burst"), F_BURST},
    {SL_STR("jitter"), F_JITTER},
    {SL_STR("queue"), F_QUEUE},
    {SL_STR("sub_windows"), F_SUB_WINDOWS},
    {SL_STR("slots"), F_SLOTS},
    {SL_STR("lease"), F_LEASE},
};

// The value that a message is about: the first part that it names and the file gives.
static const struct sl_node *node_of_message(const struct sl_node *limit,
                                             const struct sl_node *const *values,
                                             struct sl_str message) {
  const struct sl_node *best = limit;
  const char *best_place = NULL;
  for (size_t i = 0; i < SL_ARRAY_LEN(message_words); i++) {
    const struct sl_str word = message_words[i].word;
    const struct sl_node *node = values[message_words[i].field];
    const char *place = node == NULL ? NULL : memmem(message.ptr, message.len, word.ptr, word.len);
    if (place != NULL && (best_place == NULL || place < best_place)) {
      best = node;
      best_place = place;
    }
  }
  return best;
}

static bool check_numbers(struct sl_reader *reader, const struct sl_node *node,
                          const struct sl_node *const *values, const struct sl_limit_spec *spec) {
  char message[SL_REPORT_TEXT];
  struct sl_text text;
  struct sl_limit limit;
  sl_text_init(&text, message, sizeof message);
  const enum sl_status status = sl_limit_prepare(spec, &limit, &text);
  const struct sl_node *about =
      node_of_message(node, values, (struct sl_str){.ptr = message, .len = text.len});
  if (status != SL_OK) {
    sl_read_error(reader, about, "", "%s", message);
    return false;
  }
  if (text.len > 0) {
    sl_read_warning(reader, about, "", "%s", message);
  }
  return true;
}

static bool read_unlimited(struct sl_reader *reader, const struct sl_node *node,
                           struct sl_limit_spec *ret_spec) {
  struct sl_str text;
  if (!sl_read_text(reader, node, "limit", &text)) {
    return false;
  }
  if (!sl_str_eq(text, SL_STR("unlimited"))) {
    char quoted[SL_QUOTE_TEXT];
    sl_read_error(reader, node, "a map, as { rate: 100/1s }, or unlimited", "limit is %s",
                  sl_quote(text, quoted));
    return false;
  }
  *ret_spec = sl_limit_spec_default(SL_UNLIMITED);
  return true;
}

// The algorithm of the map: its own, the rule's in an override, else the default.
static bool choose_algorithm(struct sl_reader *reader, const struct sl_node *node,
                             const struct sl_node *const *values, const struct sl_limit_spec *base,
                             enum sl_algorithm *ret_algorithm) {
  if (base != NULL && base->algorithm == SL_UNLIMITED) {
    sl_read_error(reader, node, "give the rule a limit and make others unlimited, or add a rule",
                  "the rule is unlimited: there is no limit to override");
    return false;
  }
  *ret_algorithm = base == NULL ? SL_TOKEN_BUCKET : base->algorithm;
  if (values[F_ALGORITHM] == NULL) {
    return true;
  }
  if (!read_algorithm(reader, values[F_ALGORITHM], ret_algorithm)) {
    return false;
  }
  if (base != NULL && *ret_algorithm != base->algorithm) {
    sl_read_error(reader, values[F_ALGORITHM], "leave it out, or write a rule of its own",
                  "an override keeps the rule's algorithm, %s", sl_algorithm_name(base->algorithm));
    return false;
  }
  return true;
}

bool sl_read_limit(struct sl_reader *reader, const struct sl_node *node,
                   const struct sl_limit_spec *base, uint64_t max_wait_ns,
                   struct sl_limit_spec *ret_spec) {
  if (node->kind == SL_NODE_SCALAR) {
    return read_unlimited(reader, node, ret_spec);
  }
  const struct sl_node *values[FIELD_COUNT];
  enum sl_algorithm algorithm;
  if (!sl_read_fields(reader, node, "a limit", field_names, FIELD_COUNT, values) ||
      !choose_algorithm(reader, node, values, base, &algorithm)) {
    return false;
  }
  struct sl_limit_spec spec = base != NULL ? *base : sl_limit_spec_default(algorithm);
  spec.max_wait_ns = max_wait_ns;
  bool good = check_fields(reader, values, algorithm);
  for (unsigned i = 0; i < FIELD_COUNT; i++) {
    if (values[i] != NULL && (fields_of(algorithm) & BIT(i)) != 0) {
      good = read_field(reader, (enum field)i, values[i], &spec) && good;
    }
  }
  if (base == NULL) {
    good = check_required(reader, node, values, algorithm) && good;
  }
  if (values[F_JITTER] != NULL && !spec.any_window) {
    sl_read_error(reader, values[F_JITTER], "add guarantee: any_window, or leave jitter out",
                  "jitter belongs to guarantee: any_window");
    good = false;
  }
  if (!good || !check_numbers(reader, node, values, &spec)) {
    return false;
  }
  *ret_spec = spec;
  return true;
}
