#include "server/tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "server/front.h"

enum { FIRST_ROOM = 16, WORDS = 3 };

void sl_token_hash(struct sl_str token, unsigned char ret_hash[SL_TOKEN_HASH]) {
  SHA256((const unsigned char *)token.ptr, token.len, ret_hash);
}

enum sl_status sl_scopes_parse(struct sl_str text, unsigned *ret_scopes) {
  static const struct {
    const char *name;
    unsigned scope;
  } names[] = {{"decide", SL_SCOPE_DECIDE}, {"read", SL_SCOPE_READ}, {"admin", SL_SCOPE_ADMIN}};
  *ret_scopes = 0;
  for (bool last = false; !last;) {
    const char *comma = text.len == 0 ? NULL : memchr(text.ptr, ',', text.len);
    struct sl_str word = {.ptr = text.ptr,
                          .len = comma == NULL ? text.len : (size_t)(comma - text.ptr)};
    last = comma == NULL;
    unsigned scope = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
      scope |= sl_str_eq(word, sl_str_of(names[i].name)) ? names[i].scope : 0;
    }
    if (scope == 0) {
      return SL_ERR_SYNTAX;
    }
    *ret_scopes |= scope;
    text.ptr += last ? 0 : word.len + 1;
    text.len -= last ? 0 : word.len + 1;
  }
  return SL_OK;
}

// ---- reading the file

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct sl_str text, unsigned char hash[SL_TOKEN_HASH]) {
  if (text.len != 2 * SL_TOKEN_HASH) {
    return false;
  }
  for (size_t i = 0; i < SL_TOKEN_HASH; i++) {
    int high = hex_digit(text.ptr[2 * i]);
    int low = hex_digit(text.ptr[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    hash[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

// Splits a line at blanks; returns how many words there are, of which the first WORDS are stored.
static size_t split(struct sl_str line, struct sl_str words[WORDS]) {
  size_t count = 0;
  size_t at = 0;
  while (at < line.len) {
    size_t begin = at;
    while (at < line.len && line.ptr[at] != ' ' && line.ptr[at] != '\t' && line.ptr[at] != '\r') {
      at++;
    }
    if (at > begin) {
      if (count < WORDS) {
        words[count] = (struct sl_str){.ptr = line.ptr + begin, .len = at - begin};
      }
      count++;
    }
    at++;
  }
  return count;
}

static const char *read_entry(const struct sl_str words[WORDS], struct sl_token *token) {
  if (words[0].len >= sizeof token->name) {
    return "has a name of more than 63 bytes";
  }
  memcpy(token->name, words[0].ptr, words[0].len);
  if (sl_scopes_parse(words[1], &token->scopes) != SL_OK) {
    return "has other scopes than decide, read and admin, with commas between";
  }
  if (!read_hash(words[2], token->hash)) {
    return "has no SHA-256 of 64 digits 0-9 a-f in its third place";
  }
  return NULL;
}

static enum sl_status add(struct sl_tokens *tokens, const struct sl_token *token) {
  if (tokens->count == SL_TOKENS_MAX) {
    return SL_ERR_FULL;
  }
  if (tokens->count == tokens->room) {
    size_t room = tokens->room == 0 ? FIRST_ROOM : 2 * tokens->room;
    struct sl_token *items = sl_mem_array(tokens->mem, room, sizeof *items, _Alignof(max_align_t));
    if (items == NULL) {
      return SL_ERR_MEMORY;
    }
    if (tokens->count > 0) {
      memcpy(items, tokens->items, tokens->count * sizeof *items);
    }
    sl_mem_free(tokens->mem, tokens->items, tokens->room * sizeof *items);
    tokens->items = items;
    tokens->room = room;
  }
  tokens->items[tokens->count++] = *token;
  return SL_OK;
}

static enum sl_status read_line(struct sl_tokens *tokens, struct sl_str line, size_t number,
                                struct sl_text *message) {
  struct sl_str words[WORDS] = {{0}};
  size_t count = split(line, words);
  if (count == 0 || words[0].ptr[0] == '#') {
    return SL_OK;
  }
  struct sl_token token = {.scopes = 0};
  const char *wrong = count == WORDS ? read_entry(words, &token)
                                     : "is not NAME SCOPES SHA256, as `sluice token` prints it";
  if (wrong != NULL) {
    sl_text_printf(message, "line %zu %s", number, wrong);
    return SL_ERR_SYNTAX;
  }
  enum sl_status status = add(tokens, &token);
  if (status == SL_ERR_FULL) {
    sl_text_printf(message, "line %zu: more than %d tokens", number, SL_TOKENS_MAX);
  }
  return status;
}

enum sl_status sl_tokens_parse(const struct sl_mem *mem, struct sl_str bytes,
                               struct sl_text *message, struct sl_tokens **ret_tokens) {
  struct sl_tokens *tokens = sl_mem_alloc(mem, sizeof *tokens);
  if (tokens == NULL) {
    return SL_ERR_MEMORY;
  }
  tokens->mem = mem;
  enum sl_status status = SL_OK;
  for (size_t at = 0, number = 1; at < bytes.len && status == SL_OK; number++) {
    const char *end = memchr(bytes.ptr + at, '\n', bytes.len - at);
    size_t len = end == NULL ? bytes.len - at : (size_t)(end - (bytes.ptr + at));
    status = read_line(tokens, (struct sl_str){.ptr = bytes.ptr + at, .len = len}, number, message);
    at += len + 1;
  }
  if (status != SL_OK) {
    sl_tokens_free(tokens);
    return status;
  }
  *ret_tokens = tokens;
  return SL_OK;
}

void sl_tokens_free(struct sl_tokens *tokens) {
  if (tokens != NULL) {
    const struct sl_mem *mem = tokens->mem;
    sl_mem_free(mem, tokens->items, tokens->room * sizeof tokens->items[0]);
    sl_mem_free(mem, tokens, sizeof *tokens);
  }
}

unsigned sl_tokens_check(const struct sl_tokens *tokens, struct sl_str token) {
  if (token.len == 0 || token.len > SL_TOKEN_MAX) {
    return 0;
  }
  unsigned char hash[SL_TOKEN_HASH];
  sl_token_hash(token, hash);
  unsigned scopes = 0;
  for (size_t i = 0; i < tokens->count; i++) {
    unsigned same = CRYPTO_memcmp(hash, tokens->items[i].hash, SL_TOKEN_HASH) == 0;
    scopes |= tokens->items[i].scopes & (0u - same);
  }
  return scopes;
}
