// Tokens: the file, and who is who.
#include "server/front.h"
#include "server/tokens.h"
#include "support/fail_mem.h"
#include "support/tap.h"

static struct fail_mem fail = {
    .mem = {.alloc = fail_mem_alloc, .free = fail_mem_free, .ctx = &fail}};

// The SHA-256 of "abc" (FIPS 180-4) and of "".
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char reason[200];

static struct sl_tokens *parse(const char *text) {
  struct sl_text message;
  struct sl_tokens *tokens = NULL;
  sl_text_init(&message, reason, sizeof reason);
  return sl_tokens_parse(&fail.mem, sl_str_of(text), &message, &tokens) == SL_OK ? tokens : NULL;
}

static void test_check(void) {
  struct sl_tokens *tokens = parse("# who may what\n\nweb  decide\t" ABC "\r\n"
                                   "boss read,admin " EMPTY "\n  web2 read " ABC);
  ok(tokens != NULL && tokens->count == 3, "comments, blanks and line ends are passed over");
  is_u64(sl_tokens_check(tokens, SL_STR("abc")), SL_SCOPE_DECIDE | SL_SCOPE_READ,
         "a token twice has the scopes of both");
  is_u64(sl_tokens_check(tokens, SL_STR("abd")), 0, "another has none");
  is_u64(sl_tokens_check(tokens, SL_STR("")), 0, "no token has none, although its hash is there");
  is_u64(sl_tokens_check(tokens, SL_STR(ABC)), 0, "the hash is no token");
  static char longest[SL_TOKEN_MAX + 1];
  memset(longest, 'a', sizeof longest);
  is_u64(sl_tokens_check(tokens, (struct sl_str){.ptr = longest, .len = sizeof longest}), 0,
         "nor is one that is too long");
  sl_tokens_free(tokens);
  is_u64(fail.live, 0, "nothing leaks");
}

static void test_mistakes(void) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"a decide\n", "line 1 is not NAME SCOPES SHA256"},
      {"#\na decide " ABC " x\n", "line 2 is not NAME SCOPES SHA256"},
      {"a decide,all " ABC, "line 1 has other scopes than"},
      {"a , " ABC, "line 1 has other scopes than"},
      {"a decide, " ABC, "line 1 has other scopes than"},
      {"a decide " ABC "0", "line 1 has no SHA-256"},
      {"a decide BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "line 1 has no SHA-256"},
      {"0123456789012345678901234567890123456789012345678901234567890123 decide " ABC,
       "line 1 has a name of more"},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    ok(parse(cases[i].text) == NULL && strstr(reason, cases[i].says) == reason, "%s", reason);
  }
  is_u64(fail.live, 0, "nothing leaks");
}

static void test_no_memory(void) {
  static char text[40 * 100];
  size_t len = 0;
  for (int i = 0; i < 30; i++) {
    len += (size_t)snprintf(text + len, sizeof text - len, "t%d admin " ABC "\n", i);
  }
  bool done = false;
  for (uint64_t n = 1; !done; n++) {
    fail.asked = 0;
    fail.fail_at = n;
    struct sl_tokens *tokens = parse(text);
    done = tokens != NULL;
    sl_tokens_free(tokens);
    if (fail.live != 0) {
      break;
    }
  }
  fail.fail_at = 0;
  ok(done && fail.live == 0, "each allocation may fail, and nothing leaks");
}

int main(void) {
  test_check();
  test_mistakes();
  test_no_memory();
  return done_testing();
}
