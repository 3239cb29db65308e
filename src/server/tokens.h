// tokens.h - who may do what (SEMANTICS 45): tokens and their scopes, read from a file.
//
// The file has one token a line: a name, its scopes (decide, read, admin, with commas between), and
// the SHA-256 of the token in hexadecimal. Empty lines and lines that begin with # are passed over.
//
//   web-tier   decide        9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   dashboard  decide,read   60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11d752
//
// The token itself is nowhere kept: it is long and random (`sluice token` makes it), so that a
// plain hash of it cannot be turned back.
#ifndef SL_SERVER_TOKENS_H
#define SL_SERVER_TOKENS_H

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

enum { SL_TOKEN_HASH = 32, SL_TOKENS_MAX = 10000, SL_TOKEN_MAX = 512, SL_TOKEN_TEXT = 44 };

struct sl_token {
  char name[64];
  unsigned scopes;  // of enum sl_scope (front.h)
  unsigned char hash[SL_TOKEN_HASH];
};

struct sl_tokens {
  const struct sl_mem *mem;
  struct sl_token *items;
  size_t count, room;
};

// Reads a file's content.
//   SL_OK           the tokens are the caller's
//   SL_ERR_SYNTAX   `message` says which line is wrong and how it should be
//   SL_ERR_FULL     more than SL_TOKENS_MAX
//   SL_ERR_MEMORY
enum sl_status sl_tokens_parse(const struct sl_mem *mem, struct sl_str bytes,
                               struct sl_text *message, struct sl_tokens **ret_tokens) SL_MUST_USE;
void sl_tokens_free(struct sl_tokens *tokens);  // NULL is ignored

// The scopes of a token as a client gave it; 0: it is not one of ours (or longer than
// SL_TOKEN_MAX). Its hash is held against every entry, each in constant time, so how long it takes
// tells nothing about how near a guess was. Thread-safe.
unsigned sl_tokens_check(const struct sl_tokens *tokens, struct sl_str token);

// The hash that stands in the file for a token.
void sl_token_hash(struct sl_str token, unsigned char ret_hash[SL_TOKEN_HASH]);

// "decide,read" to a set of scopes. SL_ERR_SYNTAX.
enum sl_status sl_scopes_parse(struct sl_str text, unsigned *ret_scopes) SL_MUST_USE;

#endif
