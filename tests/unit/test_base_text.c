// Messages in bounded buffers: cut, never overrun; and text from outside made harmless.
#include "base/text.h"
#include "support/tap.h"

static void building(void) {
  char buffer[8];
  struct sl_text text;
  memset(buffer, 'x', sizeof buffer);
  sl_text_init(&text, buffer, sizeof buffer);
  is_str(buffer, "", "an empty text is terminated");
  sl_text_add(&text, SL_STR("abc"));
  sl_text_printf(&text, "%d", 12);
  is_str(buffer, "abc12", "bytes and formatted text follow each other");
  ok(text.len == 5 && !text.cut, "its length is known, and nothing is cut");
  sl_text_add(&text, SL_STR("de"));
  ok(text.len == 7 && !text.cut, "exactly full is not cut");
  sl_text_add(&text, SL_STR(""));
  sl_text_printf(&text, "%s", "");
  ok(!text.cut, "nothing more is not cut");
  sl_text_add(&text, SL_STR("f"));
  is_str(buffer, "abc12de", "beyond the end nothing is written");
  ok(text.cut, "and the text says so");
}

static void cutting(void) {
  char buffer[8];
  struct sl_text text;
  sl_text_init(&text, buffer, sizeof buffer);
  sl_text_printf(&text, "%s", "1234567890");
  is_str(buffer, "1234567", "formatted text is cut at the end");
  ok(text.cut && text.len == 7, "and counted as far as it goes");
  sl_text_printf(&text, "%d", 5);
  is_str(buffer, "1234567", "a full text stays as it is");

  char one[1] = {'x'};
  sl_text_init(&text, one, 1);
  sl_text_add(&text, SL_STR("a"));
  sl_text_printf(&text, "a");
  sl_text_escape(&text, SL_STR("a"));
  ok(one[0] == '\0' && text.len == 0 && text.cut, "a buffer of one byte holds the terminator");
  sl_text_init(&text, buffer, sizeof buffer);
  sl_text_add(&text, (struct sl_str){.ptr = NULL, .len = 0});
  ok(text.len == 0 && !text.cut, "an empty view has no address");
}

struct escape {
  struct sl_str in;
  const char *out;
  const char *what;
};

#define ESCAPE(in, out, what) \
  { SL_STR(in), out, what }

static const struct escape escapes[] = {
    ESCAPE("plain text ~!#", "plain text ~!#", "printable ASCII"),
    ESCAPE("a\nb\tc", "a\\nb\\tc", "line feed and tab"),
    ESCAPE("say \"x\\y\"", "say \\\"x\\\\y\\\"", "quotes and backslashes"),
    ESCAPE("\r\x1b[31m\x7f\0z", "\\x0d\\x1b[31m\\x7f\\x00z", "controls, NUL among them"),
    ESCAPE("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "two-byte characters"),
    ESCAPE("\xe2\x82\xac \xe0\xa4\x84", "\xe2\x82\xac \xe0\xa4\x84", "three-byte characters"),
    ESCAPE("\xf0\x9f\x9a\xa6", "\xf0\x9f\x9a\xa6", "four-byte characters"),
    ESCAPE("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "the last code point"),
    ESCAPE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "beyond the last code point"),
    ESCAPE("\xc2\x80\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f", "C1 controls"),
    ESCAPE("\xc2\xa0", "\xc2\xa0", "the first after the C1 controls"),
    ESCAPE("\x9b", "\\x9b", "a C1 control as one byte"),
    ESCAPE("\xc0\xaf\xc1\xbf", "\\xc0\\xaf\\xc1\\xbf", "overlong in two bytes"),
    ESCAPE("\xe0\x80\xaf\xe0\x9f\xbf", "\\xe0\\x80\\xaf\\xe0\\x9f\\xbf", "overlong in three bytes"),
    ESCAPE("\xf0\x80\x80\xaf\xf0\x8f\xbf\xbf", "\\xf0\\x80\\x80\\xaf\\xf0\\x8f\\xbf\\xbf",
           "overlong in four bytes"),
    ESCAPE("\xed\xa0\x80\xed\xbf\xbf", "\\xed\\xa0\\x80\\xed\\xbf\\xbf", "surrogates"),
    ESCAPE("\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80", "the neighbours of surrogates"),
    ESCAPE("\xe2\x82", "\\xe2\\x82", "a sequence that ends too early"),
    ESCAPE("\xe2\x82z", "\\xe2\\x82z", "a sequence that something else interrupts"),
    ESCAPE("\xf0\x9f\x9a\xc3\xbc", "\\xf0\\x9f\\x9a\xc3\xbc", "and what interrupts it is whole"),
    ESCAPE("\x80\xbf\xff\xfe\xf5", "\\x80\\xbf\\xff\\xfe\\xf5", "bytes that begin nothing"),
};

static void escaping(void) {
  for (size_t i = 0; i < SL_ARRAY_LEN(escapes); i++) {
    char buffer[64];
    struct sl_text text;
    sl_text_init(&text, buffer, sizeof buffer);
    sl_text_escape(&text, escapes[i].in);
    is_str(buffer, escapes[i].out, "escape: %s", escapes[i].what);
    // The same bytes at the very end of their memory: a sanitizer sees a read beyond.
    char *copy = malloc(escapes[i].in.len);
    if (copy != NULL) {
      memcpy(copy, escapes[i].in.ptr, escapes[i].in.len);
      sl_text_init(&text, buffer, sizeof buffer);
      sl_text_escape(&text, (struct sl_str){.ptr = copy, .len = escapes[i].in.len});
      free(copy);
    }
  }
}

// No buffer is so small that half a character or half an escape is left in it.
static void escaping_cut(void) {
  struct sl_str in = SL_STR("a\n\xe2\x82\xac\x01z");
  const char *whole[] = {"",
                         "a",
                         "a",
                         "a\\n",
                         "a\\n",
                         "a\\n",
                         "a\\n\xe2\x82\xac",
                         "a\\n\xe2\x82\xac",
                         "a\\n\xe2\x82\xac",
                         "a\\n\xe2\x82\xac",
                         "a\\n\xe2\x82\xac\\x01",
                         "a\\n\xe2\x82\xac\\x01z"};
  bool right = true;
  for (size_t room = 0; room < SL_ARRAY_LEN(whole); room++) {
    char buffer[16];
    struct sl_text text;
    sl_text_init(&text, buffer, room + 1);
    sl_text_escape(&text, in);
    right = right && strcmp(buffer, whole[room]) == 0 && text.len == strlen(buffer) &&
            text.cut == (room + 1 < SL_ARRAY_LEN(whole));
  }
  ok(right, "an escaped text is cut between characters");
}

// Whatever comes in, what goes out holds no control, no lone quote, and is well-formed UTF-8.
static void escaping_all_pairs(void) {
  unsigned bad = 0;
  for (unsigned pair = 0; pair < 65536; pair++) {
    char in[2] = {(char)(pair >> 8), (char)pair};
    char buffer[16];
    struct sl_text text;
    sl_text_init(&text, buffer, sizeof buffer);
    sl_text_escape(&text, (struct sl_str){.ptr = in, .len = 2});
    for (size_t i = 0; i < text.len; i++) {
      unsigned char c = (unsigned char)buffer[i];
      unsigned char next = (unsigned char)buffer[i + 1];
      if (c == '\\') {
        i++;
        bad += next == '\0';
      } else if (c >= 0x80) {
        unsigned point = (c & 0x1fu) << 6 | (next & 0x3fu);
        bad += c < 0xc2 || c > 0xdf || (next & 0xc0) != 0x80 || point < 0xa0;
        i++;
      } else {
        bad += c < 0x20 || c == 0x7f || c == '"';
      }
    }
  }
  is_u64(bad, 0, "every pair of bytes comes out harmless");
}

int main(void) {
  building();
  cutting();
  escaping();
  escaping_cut();
  escaping_all_pairs();
  return done_testing();
}
