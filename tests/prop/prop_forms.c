// The forms in which requests bring things, against plain models: addresses, lists of forwarded
// addresses, paths and globs; and that no two keys are encoded alike.
#include "base/utf8.h"
#include "prop/prop.h"
#include "rule/client_ip.h"
#include "rule/glob.h"
#include "rule/path.h"
#include "rule/prefix_set.h"
#include "support/fail_mem.h"
#include "support/rules.h"

enum {
  LAW_ADDRESS,
  LAW_GARBAGE,
  LAW_FORWARDED,
  LAW_PATH,
  LAW_PATH_AGAIN,
  LAW_GLOB,
  LAW_GLOB_STEPS,
  LAW_PREFIXES,
  LAW_KEYS,
  LAWS
};
static const char *const laws[LAWS] = {
    "an address is read back from what it is written as, and from other forms",
    "text that is read as an address is one",
    "the client behind proxies is who the model says",
    "a path in normal form is what the model says",
    "normalising again changes nothing",
    "a glob matches what the model says",
    "and takes no more steps than its bound",
    "the prefixes of a text are those of the model",
    "keys are equal where rule and values are, and nowhere else",
};

enum {
  SHORT = 24,
  LONG = 1024,
  STEPS_PER_TURN = 4  // a turn checks many things at once: it counts as so many steps
};

static unsigned below(struct prop *p, unsigned bound) {
  return (unsigned)sl_prng_below(&p->prng, bound);
}

static bool one_in(struct prop *p, unsigned n) { return below(p, n) == 0; }

static size_t random_text(struct prop *p, const char *alphabet, size_t most, char *buffer) {
  const size_t len = below(p, (unsigned)most + 1);
  const unsigned letters = (unsigned)strlen(alphabet);
  for (size_t i = 0; i < len; i++) {
    buffer[i] = alphabet[below(p, letters)];
  }
  buffer[len] = '\0';
  return len;
}

// ---- addresses
// -----------------------------------------------------------------------------------

static struct sl_address random_address(struct prop *p) {
  struct sl_address address = {.hi = sl_prng_next(&p->prng), .lo = sl_prng_next(&p->prng)};
  // Zero groups in all places, and IPv4 as often as IPv6.
  for (unsigned i = 0; i < 4; i++) {
    address.hi &= one_in(p, 2) ? ~(UINT64_C(0xffff) << 16 * i) : UINT64_MAX;
    address.lo &= one_in(p, 2) ? ~(UINT64_C(0xffff) << 16 * i) : UINT64_MAX;
  }
  if (one_in(p, 2)) {
    address = (struct sl_address){.hi = 0, .lo = UINT64_C(0xffff) << 32 | (uint32_t)address.lo};
  }
  return address;
}

// All eight groups, in either case, with or without leading zeros.
static size_t write_plain(struct prop *p, struct sl_address address, char *buffer) {
  size_t len = 0;
  for (unsigned i = 0; i < 8; i++) {
    const unsigned group =
        (unsigned)((i < 4 ? address.hi >> (48 - 16 * i) : address.lo >> (112 - 16 * i)) & 0xffff);
    const char *colon = i > 0 ? ":" : "";
    len += (size_t)(one_in(p, 2)   ? sprintf(buffer + len, "%s%x", colon, group)
                    : one_in(p, 2) ? sprintf(buffer + len, "%s%04X", colon, group)
                                   : sprintf(buffer + len, "%s%03x", colon, group));
  }
  return len;
}

static bool check_address(struct prop *p) {
  const struct sl_address address = random_address(p);
  struct sl_address back = {0};
  char text[SL_ADDRESS_TEXT];
  const struct sl_str canonical = sl_address_format(address, text);
  if (!prop_holds(p, LAW_ADDRESS,
                  sl_address_parse(canonical, &back) && sl_address_eq(back, address), 0, 0) ||
      !prop_holds(p, LAW_ADDRESS,
                  sl_address_parse_peer(canonical, &back) && sl_address_eq(back, address), 0, 1)) {
    return false;
  }
  const struct sl_str plain = {.ptr = text, .len = write_plain(p, address, text)};
  if (!prop_holds(p, LAW_ADDRESS, sl_address_parse(plain, &back) && sl_address_eq(back, address), 0,
                  2)) {
    return false;
  }
  const struct sl_cidr cidr = {.prefix = (sl_address_is_ipv4(address) ? 96 : 0) + below(p, 33)};
  struct sl_cidr block = {.prefix = cidr.prefix, .address = sl_address_mask(address, cidr.prefix)};
  struct sl_cidr read = {0};
  const bool same = sl_cidr_parse(sl_cidr_format(&block, text), &read, NULL) &&
                    sl_address_eq(read.address, block.address) && read.prefix == block.prefix;
  return prop_holds(p, LAW_ADDRESS, same && sl_cidr_contains(&block, address), 0, 3);
}

// Whatever is read as an address holds only what addresses are written with.
static bool check_garbage(struct prop *p) {
  char text[SHORT + 1];
  struct sl_address address;
  const size_t len = random_text(p, one_in(p, 2) ? "0123.:" : "01f:.[]%/ a-", SHORT, text);
  const struct sl_str view = {.ptr = text, .len = len};
  if (!sl_address_parse_peer(view, &address)) {
    return true;
  }
  char canonical[SL_ADDRESS_TEXT];
  struct sl_address back = {0};
  const bool same = sl_address_parse(sl_address_format(address, canonical), &back) &&
                    sl_address_eq(address, back);
  return prop_holds(p, LAW_GARBAGE,
                    same && memchr(text, ' ', len) == NULL && memchr(text, '/', len) == NULL, 0,
                    len);
}

// ---- forwarded addresses
// -------------------------------------------------------------------------

// The entries, left to right: 't' one of our proxies, 'c' another address, 'x' no address, 'e'
// nothing.
static bool check_forwarded(struct prop *p, const struct sl_cidr_set *trusted) {
  enum { ENTRIES = 12 };
  char kinds[ENTRIES + 1];
  char texts[ENTRIES + 1][SL_ADDRESS_TEXT];
  char line_text[LONG];
  struct sl_str lines[ENTRIES + 1];
  size_t line_count = 0;
  size_t len = 0;
  size_t start = 0;
  const size_t count = random_text(p, one_in(p, 3) ? "ttttc" : "tttcxe", ENTRIES, kinds);
  for (size_t i = 0; i < count; i++) {
    static const char *const bad[] = {"unknown", "10.0.0", "10.0.0.1.", "_x", "::g", "10.0.0.1/8"};
    const unsigned number = below(p, 256);
    switch (kinds[i]) {
    case 't':
      sprintf(texts[i], one_in(p, 2) ? "10.0.0.%u" : "[::ffff:10.0.0.%u]:80", number);
      break;
    case 'c':
      sprintf(texts[i], one_in(p, 2) ? "11.0.0.%u" : "11.0.0.%u:9", number);
      break;
    case 'x':
      strcpy(texts[i], bad[below(p, SL_ARRAY_LEN(bad))]);
      break;
    default:
      texts[i][0] = '\0';
    }
    len += (size_t)sprintf(line_text + len, "%s%s%s", one_in(p, 2) ? " " : "", texts[i],
                           one_in(p, 4) ? "\t" : "");
    if (i + 1 == count || one_in(p, 4)) {
      lines[line_count++] = (struct sl_str){.ptr = line_text + start, .len = len - start};
      start = len;
    } else {
      line_text[len++] = ',';
    }
  }
  const bool proxy = !one_in(p, 6);
  const char *peer = proxy ? "10.9.9.9" : "12.0.0.1";
  const char *want = peer;
  for (size_t i = count; i > 0 && proxy; i--) {
    if (kinds[i - 1] == 'x') {
      break;
    }
    want = kinds[i - 1] == 'e' ? want : texts[i - 1];
    if (kinds[i - 1] == 'c') {
      break;
    }
  }
  struct sl_address address = {0};
  struct sl_client_ip client;
  sl_client_ip_derive(sl_str_of(peer), false, lines, line_count, trusted, &client);
  const bool same =
      sl_address_parse_peer(sl_str_of(want), &address) && sl_address_eq(address, client.address);
  return prop_holds(p, LAW_FORWARDED, same && client.is_address, count, line_count);
}

// ---- paths
// ---------------------------------------------------------------------------------------

static int hex(char c) {
  const char *digits = "0123456789abcdef0123456789ABCDEF";
  const char *found = c == '\0' ? NULL : strchr(digits, c);
  return found == NULL ? -1 : (int)((found - digits) % 16);
}

// By the words of the contract, one step after the other: cut, decode, split, drop, join.
static void model_path(const char *path, char *out) {
  char decoded[LONG] = "";
  char *segments[LONG];
  size_t count = 0;
  size_t len = 0;
  const size_t end = strcspn(path, "?#");
  for (size_t i = 0; i < end; i++) {
    const bool escape =
        path[i] == '%' && i + 2 < end && hex(path[i + 1]) >= 0 && hex(path[i + 2]) >= 0;
    const int byte = escape ? hex(path[i + 1]) * 16 + hex(path[i + 2]) : path[i];
    const bool unreserved =
        byte != 0 &&
        strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", byte) != NULL;
    len += (size_t)(escape && !unreserved       ? sprintf(decoded + len, "%%%02X", byte)
                    : path[i] == '%' && !escape ? sprintf(decoded + len, "%%25")
                                                : sprintf(decoded + len, "%c", byte));
    i += escape ? 2 : 0;
  }
  const bool rooted = decoded[0] == '/';
  bool slash = false;  // the path ends in one
  char *at = decoded;
  while (len > 0 && at != NULL) {
    char *next = strchr(at, '/');
    if (next != NULL) {
      *next++ = '\0';
    }
    slash = *at == '\0' || strcmp(at, ".") == 0 || strcmp(at, "..") == 0;
    if (strcmp(at, "..") == 0) {
      count -= count > 0;
    } else if (!slash) {
      segments[count++] = at;
    }
    at = next;
  }
  out[0] = '\0';
  strcat(out, rooted ? "/" : "");
  for (size_t i = 0; i < count; i++) {
    strcat(out, segments[i]);
    strcat(out, i + 1 < count || slash ? "/" : "");
  }
}

static bool check_path(struct prop *p) {
  char path[SHORT + 1];
  char want[LONG];
  char buffer[3 * SHORT];
  char again[9 * SHORT];
  const size_t len =
      random_text(p, one_in(p, 2) ? "///...ab" : "//.%%2eE4F1a?#\xc3\xa9", SHORT, path);
  const struct sl_str got = sl_path_normalise((struct sl_str){.ptr = path, .len = len}, buffer);
  model_path(path, want);
  if (!prop_holds(p, LAW_PATH, sl_str_eq(got, sl_str_of(want)), strlen(want), got.len)) {
    diag("path \"%s\": expected \"%s\", got \"%.*s\"", path, want, (int)got.len, got.ptr);
    return false;
  }
  return prop_holds(p, LAW_PATH_AGAIN, sl_str_eq(sl_path_normalise(got, again), got), len, got.len);
}

// ---- globs
// ---------------------------------------------------------------------------------------

// fits[j]: what was read of the pattern fits the first j characters of the text.
static bool model_glob(const char *pattern, struct sl_str text) {
  size_t places[LONG];  // of characters
  bool fits[LONG] = {true};
  bool next[LONG] = {false};
  size_t count = 0;
  for (size_t at = 0; at < text.len;) {
    const size_t bytes = sl_utf8_at(text, at, NULL);
    places[count++] = at;
    at += bytes == 0 ? 1 : bytes;
  }
  places[count] = text.len;
  for (size_t i = 0; pattern[i] != '\0';) {
    const size_t bytes = sl_utf8_at(sl_str_of(pattern), i, NULL);
    for (size_t j = 0; j <= count; j++) {
      const struct sl_str before = j == 0 ? (struct sl_str){0}
                                          : (struct sl_str){.ptr = text.ptr + places[j - 1],
                                                            .len = places[j] - places[j - 1]};
      const bool same =
          j > 0 && (pattern[i] == '?' ||
                    sl_str_eq(before, (struct sl_str){.ptr = pattern + i, .len = bytes}));
      next[j] = pattern[i] == '*' ? fits[j] || (j > 0 && next[j - 1]) : same && fits[j - 1];
    }
    memcpy(fits, next, sizeof fits[0] * (count + 1));
    i += bytes;
  }
  return fits[count];
}

static bool check_glob(struct prop *p) {
  static const char *const pieces[] = {"*", "*", "?", "a", "b", "ab", "\xc3\xa9", "\xe2\x82\xac"};
  char pattern[LONG] = "";
  char text[SHORT + 1];
  for (unsigned i = below(p, 9); i > 0; i--) {
    strcat(pattern, pieces[below(p, SL_ARRAY_LEN(pieces))]);
  }
  // The alphabet holds parts of characters: texts are often malformed.
  const size_t len =
      random_text(p, one_in(p, 2) ? "aab" : "ab\xc3\xa9\xe2\x82\xac\xc3", SHORT, text);
  const struct sl_str view = {.ptr = text, .len = len};
  uint64_t steps = 0;
  const bool got = sl_glob_match(sl_str_of(pattern), view, &steps);
  if (!prop_holds(p, LAW_GLOB, got == model_glob(pattern, view), !got, got)) {
    diag("pattern \"%s\", text \"%s\"", pattern, text);
    return false;
  }
  return prop_holds(p, LAW_GLOB_STEPS, steps <= len * (SL_GLOB_PIECE_MAX + 3) + strlen(pattern),
                    len, steps);
}

// ---- prefixes
// ------------------------------------------------------------------------------------

static bool check_prefixes(struct prop *p, const struct sl_mem *mem) {
  enum { TEXTS = 16 };
  char texts[TEXTS][SHORT + 2];
  struct sl_prefix items[TEXTS];
  struct sl_prefix_set set;
  struct sl_arena arena;
  char text[SHORT + 1];
  size_t count = 0;
  const char *start = one_in(p, 2) ? "" : "/common/part/";
  for (size_t i = below(p, TEXTS + 1); i > 0; i--) {
    char tail[8];
    random_text(p, "ab", 7, tail);
    sprintf(texts[count], "%s%s", start, tail);
    bool is_new = texts[count][0] != '\0';
    for (size_t j = 0; j < count; j++) {
      is_new = is_new && strcmp(texts[j], texts[count]) != 0;
    }
    items[count] = (struct sl_prefix){.text = sl_str_of(texts[count]), .value = (uint32_t)count};
    count += is_new;
  }
  char tail[10];
  random_text(p, "aab\xff", 9, tail);
  sprintf(text, "%s%s", one_in(p, 8) ? "/comm" : start, tail);
  sl_arena_init(&arena, mem);
  if (!sl_prefix_set_init(&set, &arena, items, count)) {
    abort();
  }
  unsigned want = 0;
  unsigned got = 0;
  for (size_t i = 0; i < count; i++) {
    want |= strncmp(text, texts[i], strlen(texts[i])) == 0 ? 1u << i : 0;
  }
  for (uint32_t at = sl_prefix_set_find(&set, sl_str_of(text)); at != UINT32_MAX;
       at = set.items[at].parent) {
    got |= 1u << set.items[at].value;
  }
  sl_arena_close(&arena);
  return prop_equal(p, LAW_PREFIXES, want, got);
}

// ---- keys
// ----------------------------------------------------------------------------------------

// Rules whose ids and keys are easily taken for each other, and values that cross the words of the
// hash. The last keys are remembered with what they stand for, written in an encoding that is
// plainly injective.
enum { SEEN = 1 << 14, SIGNATURE = 96 };

static const char key_rules[] = "rules:\n"
                                "  - { id: a, key: [x, y], limit: { rate: 5/1s } }\n"
                                "  - { id: ax, key: [x, y], limit: { rate: 5/1s } }\n"
                                "  - { id: b, key: [y, x], limit: { rate: 5/1s } }\n"
                                "  - { id: a1, key: [x], limit: { rate: 5/1s } }\n"
                                "  - { id: a2, key: [x, y, z], limit: { rate: 5/1s } }\n";

struct seen {
  struct sl_hash key;
  char signature[SIGNATURE];
};

static struct seen by_key[SEEN], by_signature[SEEN];

static size_t key_value(struct prop *p, char *buffer) {
  // Lengths around one and two words, of few letters, so that equal values come again.
  static const unsigned lengths[] = {0, 1, 1, 2, 7, 8, 9, 15, 16, 17};
  const size_t len = lengths[below(p, SL_ARRAY_LEN(lengths))];
  memset(buffer, one_in(p, 2) ? '\1' : '\0', len);
  if (len > 0 && one_in(p, 2)) {
    buffer[below(p, (unsigned)len)] ^= '\1' + one_in(p, 4);
  }
  return len;
}

static size_t sign(const struct sl_hit *hit, char *signature) {
  size_t len = (size_t)sprintf(signature, "%.*s", (int)hit->rule->id.len, hit->rule->id.ptr);
  for (unsigned i = 0; i < hit->rule->key_count; i++) {
    len += (size_t)sprintf(signature + len, sl_is_absent(hit->values[i]) ? "/-" : "/");
    for (size_t j = 0; j < hit->values[i].len && !sl_is_absent(hit->values[i]); j++) {
      len += (size_t)sprintf(signature + len, "%d", hit->values[i].ptr[j]);
    }
  }
  return len;
}

static uint64_t signature_hash(const char *signature) {
  uint64_t hash = 0;
  for (; *signature != '\0'; signature++) {
    hash = (hash ^ (unsigned char)*signature) * UINT64_C(0x9e3779b97f4a7c15);
  }
  return hash >> 32;
}

static bool same_hash(struct sl_hash a, struct sl_hash b) { return a.lo == b.lo && a.hi == b.hi; }

static bool check_key(struct prop *p, const struct sl_hit *hit) {
  struct seen now = {.key = hit->key};
  if (sign(hit, now.signature) >= SIGNATURE) {
    abort();
  }
  struct seen *of_key = &by_key[hit->key.lo % SEEN];
  struct seen *of_signature = &by_signature[signature_hash(now.signature) % SEEN];
  const bool one_meaning =
      !same_hash(of_key->key, now.key) || strcmp(of_key->signature, now.signature) == 0;
  const bool one_key =
      strcmp(of_signature->signature, now.signature) != 0 || same_hash(of_signature->key, now.key);
  *of_key = now;
  *of_signature = now;
  return prop_holds(p, LAW_KEYS, one_meaning && one_key, one_meaning, one_key);
}

static bool check_keys(struct prop *p, const struct sl_ruleset *set, struct sl_hits *hits) {
  static const char *const names[] = {"x", "y", "z"};
  char values[SL_ARRAY_LEN(names)][SHORT];
  struct sl_attr attrs[SL_ARRAY_LEN(names)];
  size_t count = 0;
  for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
    const size_t len = key_value(p, values[i]);
    if (!one_in(p, 6)) {
      attrs[count++] =
          (struct sl_attr){.name = sl_str_of(names[i]), .value = {.ptr = values[i], .len = len}};
    }
  }
  const struct sl_request request = {.attrs = attrs, .attr_count = count, .cost = 1};
  const struct sl_rule *wrong;
  if (sl_identify(set, &request, hits, &wrong) != SL_OK) {
    abort();
  }
  bool good = true;
  for (size_t i = 0; i < hits->count && good; i++) {
    good = check_key(p, &hits->items[i]);
  }
  return good;
}

int main(int argc, char **argv) {
  struct prop p;
  struct fail_mem fail;
  struct sl_arena arena;
  struct sl_cidr_set trusted;
  struct sl_cidr ours;
  prop_init(&p, argc, argv, 10000000, laws, LAWS);
  const struct sl_mem *mem = fail_mem_init(&fail, 0);
  struct sl_ruleset *set = rules_set(key_rules, mem);
  struct sl_hits hits = {.mem = mem};
  sl_arena_init(&arena, mem);
  if (!sl_cidr_set_init(&trusted, &arena, 1) || !sl_cidr_parse(SL_STR("10.0.0.0/8"), &ours, NULL)) {
    abort();
  }
  *sl_cidr_set_at(&trusted, &ours) = 0;
  bool good = true;
  for (uint64_t turn = 0; p.step < p.args.steps && good; turn++, p.step += STEPS_PER_TURN) {
    switch (turn % 8) {
    case 0:
      good = check_address(&p) && check_garbage(&p);
      break;
    case 1:
      good = check_forwarded(&p, &trusted);
      break;
    case 2:
      good = check_path(&p);
      break;
    case 3:
      good = check_glob(&p);
      break;
    case 4:
      good = turn % 64 != 4 || check_prefixes(&p, mem);
      break;
    default:
      good = check_keys(&p, set, &hits);
    }
  }
  sl_hits_close(&hits);
  sl_ruleset_free(set);
  sl_arena_close(&arena);
  is_u64(fail.live, 0, "nothing leaks");
  return prop_done(&p);
}
