// The request parser: what is a request, what is none and is refused, and that every cut of the
// bytes comes to the same end. Most cases are ones that request smuggling has lived on: two readers
// of the same bytes that disagree where a request ends.
#include "support/tap.h"
#include "wire/http1.h"

static const struct sl_http_bounds bounds = {
    .target = 200, .head = 1000, .fields = 10, .body = 5000, .whole = 8000};

// What a case must come to: a status of refusal, or one of these.
enum { WHOLE = 0, MORE = 1 };

struct http_case {
  const char *name;
  const char *bytes;
  size_t len;
  unsigned status;
  size_t body_len;  // decoded
  size_t left;      // bytes behind the request
};

#define BYTES(text) (text), sizeof(text) - 1
#define REFUSED(status, name, text) \
  { name, BYTES(text), status, 0, 0 }
#define TAKEN(name, text, body) \
  { name, BYTES(text), WHOLE, body, 0 }
#define TAKEN_LEFT(name, text, body, left) \
  { name, BYTES(text), WHOLE, body, left }
#define WAITS(name, text) \
  { name, BYTES(text), MORE, 0, 0 }

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST /v1/allow HTTP/1.1\r\nHost: a\r\n"
#define HOST "Host: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct http_case cases[] = {
    // ---- plain requests
    TAKEN("a request without a body", GET HOST "\r\n", 0),
    TAKEN("another method", "DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    TAKEN("a method of two words", "VERSION-CONTROL / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    REFUSED(400, "a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a method with a digit", "0GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a method of odd characters", "!#$%&'*+.^`|~ / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    TAKEN("a query", "GET /a?b=c&d=%20 HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    TAKEN("absolute form with the same host", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    TAKEN("absolute form, https", "GET https://a:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n", 0),
    TAKEN("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0),
    TAKEN("HTTP/1.0 with Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 0),
    TAKEN("an address for Host", GET "Host: [::1]:8080\r\n\r\n", 0),
    TAKEN("spaces around a value", GET "Host:   a  \r\nX-A: \t b \t \r\n\r\n", 0),
    REFUSED(400, "a tab before Host's value", GET "Host: \ta\r\n\r\n"),
    REFUSED(400, "a tab behind Host's value", GET "Host: a \t\r\n\r\n"),
    TAKEN("no space before a value", GET "Host:a\r\n\r\n", 0),
    TAKEN("an empty value", GET HOST "X-A:\r\n\r\n", 0),
    TAKEN("a value of bytes above 7f", GET HOST "X-A: \xc3\xa9\xff\r\n\r\n", 0),
    TAKEN("a tab within a value", GET HOST "X-A: a\tb\r\n\r\n", 0),
    TAKEN("a colon within a value", GET HOST "X-A: a:b:c\r\n\r\n", 0),
    TAKEN("ten fields",
          GET HOST "a:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\ni:1\r\n\r\n", 0),
    TAKEN("one empty line before the request", "\r\n" GET HOST "\r\n", 0),
    TAKEN("names in any case", "GET / HTTP/1.1\r\nhOsT: a\r\ncONTENT-lENGTH: 0\r\n\r\n", 0),
    TAKEN("a field with a name near Content-Length", POST "Content_Length: 5\r\n\r\n", 0),
    TAKEN("a field with a name near Transfer-Encoding", POST "Transfer_Encoding: chunked\r\n\r\n",
          0),
    TAKEN("a longer name that begins like Content-Length", POST "Content-Length2: 5\r\n\r\n", 0),
    TAKEN("X-Content-Length", POST "X-Content-Length: 5\r\n\r\n", 0),
    WAITS("nothing", ""),
    WAITS("half a method", "PO"),
    WAITS("a request line", "GET / HTTP/1.1\r\n"),
    WAITS("a head without its end", GET HOST),
    WAITS("a head but for its last byte", GET HOST "\r"),
    WAITS("an empty line", "\r\n"),
    WAITS("a carriage return", "\r"),

    // ---- bodies by Content-Length
    TAKEN("a body", POST "Content-Length: 5\r\n\r\nhello", 5),
    TAKEN("an empty body", POST "Content-Length: 0\r\n\r\n", 0),
    TAKEN("leading zeros", POST "Content-Length: 0005\r\n\r\nhello", 5),
    TAKEN("a body that looks like a request",
          POST "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", 18),
    TAKEN("a GET with a body", GET HOST "Content-Length: 5\r\n\r\nhello", 5),
    TAKEN("HTTP/1.0 with a body", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 5),
    TAKEN_LEFT("what is behind the body stays", POST "Content-Length: 5\r\n\r\nhelloGET /", 5, 5),
    TAKEN_LEFT("POST without a length has no body", POST "\r\nhello", 0, 5),
    TAKEN("spaces around a length", POST "Content-Length:   5  \r\n\r\nhello", 5),
    REFUSED(400, "a tab before a length", POST "Content-Length:\t5\r\n\r\nhello"),
    REFUSED(400, "a tab behind a length", POST "Content-Length: 5\t\r\n\r\nhello"),
    REFUSED(400, "a space and a tab behind a length", POST "Content-Length: 5 \t\r\n\r\nhello"),
    WAITS("a body but for a byte", POST "Content-Length: 5\r\n\r\nhell"),
    WAITS("a body of which nothing is there", POST "Content-Length: 5\r\n\r\n"),
    REFUSED(413, "a body above the bound", POST "Content-Length: 5001\r\n\r\n"),
    REFUSED(413, "a length of 19 digits", POST "Content-Length: 9223372036854775807\r\n\r\n"),
    REFUSED(413, "a length of 2^64 - 1", POST "Content-Length: 18446744073709551615\r\n\r\n"),

    // ---- Content-Length that is none, or is there twice
    REFUSED(400, "two lengths that differ",
            POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    REFUSED(400, "two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    REFUSED(400, "three lengths",
            POST "Content-Length: 0\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    REFUSED(400, "two lengths in other cases",
            POST "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello"),
    REFUSED(400, "two lengths far apart",
            POST "Content-Length: 5\r\nX-A: b\r\nX-C: d\r\nContent-Length: 0\r\n\r\nhello"),
    REFUSED(400, "a list of equal lengths", POST "Content-Length: 5, 5\r\n\r\nhello"),
    REFUSED(400, "a list of lengths", POST "Content-Length: 5, 6\r\n\r\nhello"),
    REFUSED(400, "a list without a space", POST "Content-Length: 5,5\r\n\r\nhello"),
    REFUSED(400, "a comma behind", POST "Content-Length: 5,\r\n\r\nhello"),
    REFUSED(400, "a comma before", POST "Content-Length: ,5\r\n\r\nhello"),
    REFUSED(400, "an empty length", POST "Content-Length:\r\n\r\n"),
    REFUSED(400, "a length of spaces", POST "Content-Length:   \r\n\r\n"),
    REFUSED(400, "a length with a plus", POST "Content-Length: +5\r\n\r\nhello"),
    REFUSED(400, "a length with a minus", POST "Content-Length: -5\r\n\r\nhello"),
    REFUSED(400, "a length of minus zero", POST "Content-Length: -0\r\n\r\n"),
    REFUSED(400, "a hexadecimal length", POST "Content-Length: 0x5\r\n\r\nhello"),
    REFUSED(400, "hexadecimal digits", POST "Content-Length: a\r\n\r\nhellohello"),
    REFUSED(400, "a fraction", POST "Content-Length: 5.0\r\n\r\nhello"),
    REFUSED(400, "an exponent", POST "Content-Length: 1e1\r\n\r\nhellohello"),
    REFUSED(400, "two numbers", POST "Content-Length: 5 5\r\n\r\nhello"),
    REFUSED(400, "a number and a word", POST "Content-Length: 5 bytes\r\n\r\nhello"),
    REFUSED(400, "a number and a letter", POST "Content-Length: 5a\r\n\r\nhello"),
    REFUSED(400, "a quoted number", POST "Content-Length: \"5\"\r\n\r\nhello"),
    REFUSED(400, "an underscore", POST "Content-Length: 1_0\r\n\r\nhellohello"),
    REFUSED(400, "2^64", POST "Content-Length: 18446744073709551616\r\n\r\n"),
    REFUSED(400, "2^64 + 5", POST "Content-Length: 18446744073709551621\r\n\r\nhello"),
    REFUSED(400, "a length of 40 digits",
            POST "Content-Length: 1000000000000000000000000000000000000000\r\n\r\n"),
    REFUSED(400, "full-width digits", POST "Content-Length: \xef\xbc\x95\r\n\r\nhello"),
    REFUSED(400, "a NUL in the length", POST "Content-Length: 5\0\r\n\r\nhello"),
    REFUSED(400, "a NUL and another length",
            POST "Content-Length: 5\0"
                 "6\r\n\r\nhello"),
    REFUSED(400, "a vertical tab before the length",
            POST "Content-Length: \x0b"
                 "5\r\n\r\nhello"),
    REFUSED(400, "a form feed after the length", POST "Content-Length: 5\x0c\r\n\r\nhello"),
    REFUSED(400, "a no-break space before the length",
            POST "Content-Length: \xa0"
                 "5\r\n\r\nhello"),
    REFUSED(400, "a delete before the length",
            POST "Content-Length: \x7f"
                 "5\r\n\r\nhello"),
    REFUSED(400, "HTTP/1.0 with two lengths",
            "POST / HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    REFUSED(400, "a semicolon behind the length", POST "Content-Length: 5;\r\n\r\nhello"),
    REFUSED(400, "a word for the length", POST "Content-Length: chunked\r\n\r\n"),

    // ---- a length with Transfer-Encoding
    REFUSED(400, "length, then chunked",
            POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked, then length",
            POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "length 0, then chunked",
            POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "length, chunked, other cases",
            POST "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n5c\r\nGPOST"),
    REFUSED(400, "length, then identity",
            POST "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello"),
    REFUSED(400, "length, then an unknown coding",
            POST "Content-Length: 5\r\nTransfer-Encoding: x\r\n\r\nhello"),
    REFUSED(400, "length, then an empty coding",
            POST "Content-Length: 5\r\nTransfer-Encoding:\r\n\r\nhello"),
    REFUSED(400, "a GET with both",
            GET HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),

    // ---- Transfer-Encoding that is not exactly chunked
    TAKEN("chunked in capitals", POST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", 0),
    REFUSED(400, "chunked behind a tab", POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked and a tab", POST "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
    TAKEN("chunked with spaces around", POST "Transfer-Encoding:   chunked  \r\n\r\n0\r\n\r\n", 0),
    REFUSED(400, "chunked twice in a list",
            POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked in two fields",
            POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked and identity in two fields",
            POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "an unknown coding first",
            POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "identity", POST "Transfer-Encoding: identity\r\n\r\n"),
    REFUSED(400, "identity, chunked", POST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked, gzip", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "gzip", POST "Transfer-Encoding: gzip\r\n\r\n"),
    REFUSED(400, "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunkedx", POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunke", POST "Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "cow", POST "Transfer-Encoding: cow\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "quoted chunked", POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked with quotes alone", POST "Transfer-Encoding: 'chunked'\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked with a parameter",
            POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "chunked and a comma", POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a comma and chunked", POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "an empty coding", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "an empty coding, then chunked",
            POST "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a vertical tab before chunked",
            POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a NUL behind chunked", POST "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a space in chunked", POST "Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a dotless letter",
            POST "Transfer-Encoding: chun\xc5\xb7"
                 "ed\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "HTTP/1.0 with chunked",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a space before the colon of Transfer-Encoding",
            POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a tab before the colon of Transfer-Encoding",
            POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a NUL before the colon", POST "Transfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a folded coding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a folded coding with a tab",
            POST "Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a coding behind a bare CR",
            POST "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a coding behind a bare LF",
            POST "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSED(400, "a space before the name", POST " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),

    // ---- chunks
    TAKEN("an empty chunked body", CHUNKED "0\r\n\r\n", 0),
    TAKEN("a chunk", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 5),
    TAKEN("two chunks", CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 6),
    TAKEN("a hexadecimal size", CHUNKED "a\r\n" TEN "\r\n0\r\n\r\n", 10),
    TAKEN("a size in capitals", CHUNKED "A\r\n" TEN "\r\n0\r\n\r\n", 10),
    TAKEN("sixteen digits", CHUNKED "000000000000000a\r\n" TEN "\r\n0000000000000000\r\n\r\n", 10),
    TAKEN("a chunk that looks like an end", CHUNKED "5\r\n0\r\n\r\n\r\n0\r\n\r\n", 5),
    TAKEN("a trailer", CHUNKED "0\r\nX-Sum: 1\r\n\r\n", 0),
    TAKEN("trailers", CHUNKED "1\r\na\r\n0\r\nX-Sum: 1\r\nX-B:\r\n\r\n", 1),
    TAKEN("a trailer that is named like a length counts for nothing",
          CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 0),
    TAKEN_LEFT("what is behind the last chunk stays", CHUNKED "0\r\n\r\nGET / HTTP/1.1\r\n", 0, 16),
    WAITS("a chunked body of which nothing is there", CHUNKED),
    WAITS("half a size", CHUNKED "5"),
    WAITS("a size without its end", CHUNKED "5\r"),
    WAITS("half a chunk", CHUNKED "5\r\nhel"),
    WAITS("a chunk without its end", CHUNKED "5\r\nhello"),
    WAITS("a chunk without its last byte", CHUNKED "5\r\nhello\r"),
    WAITS("no last chunk", CHUNKED "5\r\nhello\r\n"),
    WAITS("a last chunk without its end", CHUNKED "0\r\n"),
    WAITS("a last chunk without its last byte", CHUNKED "0\r\n\r"),
    WAITS("a trailer without an end", CHUNKED "0\r\nX: y\r\n"),
    REFUSED(400, "a chunk extension", CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "an empty chunk extension", CHUNKED "5;\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "an extension of the last chunk", CHUNKED "0;a\r\n\r\n"),
    REFUSED(400, "an extension with a bare LF", CHUNKED "5;a\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a space behind the size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a tab behind the size", CHUNKED "5\t\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a space before the size", CHUNKED " 5\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "an empty size", CHUNKED "\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size with a plus", CHUNKED "+5\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size with a minus", CHUNKED "-5\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size of minus one", CHUNKED "-1\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size that is no number", CHUNKED "g\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size with an underscore", CHUNKED "0_5\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "seventeen digits", CHUNKED "00000000000000005\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size of 2^64", CHUNKED "10000000000000000\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size of 2^64 + 5", CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "zeros without an end", CHUNKED "000000000000000000000000000000"),
    REFUSED(413, "a size of 2^64 - 1", CHUNKED "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    REFUSED(413, "a size of 2^63", CHUNKED "8000000000000000\r\nhello\r\n0\r\n\r\n"),
    REFUSED(413, "a size of 2^32", CHUNKED "100000000\r\nhello\r\n0\r\n\r\n"),
    REFUSED(413, "a chunk above the bound", CHUNKED "1389\r\n"),
    REFUSED(413, "chunks above the bound together", CHUNKED "1\r\na\r\n1388\r\n"),
    REFUSED(400, "a size that ends in a bare LF", CHUNKED "5\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a size with a CR in it", CHUNKED "5\r\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a chunk longer than its size", CHUNKED "5\r\nhello!\r\n0\r\n\r\n"),
    REFUSED(400, "a chunk shorter than its size", CHUNKED "6\r\nhello\r\n0\r\n\r\n"),
    REFUSED(400, "a chunk that ends in a bare LF", CHUNKED "5\r\nhello\n0\r\n\r\n"),
    REFUSED(400, "a chunk that ends in a bare CR", CHUNKED "5\r\nhello\rX0\r\n\r\n"),
    REFUSED(400, "a chunk that ends in another byte and LF", CHUNKED "5\r\nhelloX\n0\r\n\r\n"),
    REFUSED(400, "a chunk that ends in LF CR", CHUNKED "5\r\nhello\n\r0\r\n\r\n"),
    REFUSED(400, "a NUL for a size", CHUNKED "\0\r\n\r\n"),
    REFUSED(400, "a NUL behind a size", CHUNKED "0\0\r\n\r\n"),
    REFUSED(400, "a last chunk that ends in a bare LF", CHUNKED "0\n\r\n"),
    REFUSED(400, "a trailer that ends in a bare LF", CHUNKED "0\r\nX: y\n\r\n"),
    REFUSED(400, "an end that is a bare LF", CHUNKED "0\r\n\n"),
    REFUSED(400, "a folded trailer", CHUNKED "0\r\nX: y\r\n z\r\n\r\n"),
    REFUSED(400, "a trailer that is no field", CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n"),
    REFUSED(400, "a trailer with a space before its colon", CHUNKED "0\r\nX : y\r\n\r\n"),
    REFUSED(400, "a trailer without a name", CHUNKED "0\r\n: y\r\n\r\n"),
    REFUSED(400, "a trailer with a NUL", CHUNKED "0\r\nX: \0\r\n\r\n"),
    REFUSED(431, "eleven trailers",
            CHUNKED "0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n"),
    REFUSED(431, "a long trailer",
            CHUNKED "0\r\nX: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
                HUNDRED HUNDRED "\r\n\r\n"),

    // ---- the request line
    REFUSED(400, "HTTP/0.9", "GET /\r\n\r\n"),
    REFUSED(400, "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "two spaces behind the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "two spaces behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a tab behind the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a tab behind the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    REFUSED(400, "a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a byte above 7f in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a bare CR in the target", "GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    REFUSED(400, "absolute form with another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "absolute form with a user", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    REFUSED(400, "absolute form without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "absolute form of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a comma in the method", "GE,T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a colon in the method", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/1.", "GET / HTTP/1.\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/11.1", "GET / HTTP/11.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/1,1", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP/1.1x", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTP /1.1", "GET / HTTP /1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "HTTPS/1.1", "GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(505, "HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    REFUSED(505, "HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    REFUSED(505, "HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n"),
    REFUSED(400, "a bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    REFUSED(400, "bare LFs everywhere", "GET / HTTP/1.1\nHost: a\n\n"),
    REFUSED(400, "two empty lines before the request", "\r\n\r\n" GET HOST "\r\n"),
    REFUSED(400, "a bare LF before the request", "\n" GET HOST "\r\n"),
    REFUSED(400, "a bare CR before the request", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "a NUL before the request", "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(400, "the beginning of TLS", "\x16\x03\x01\x02\x00\x01"),
    REFUSED(400, "RESP", "*1\r\n$4\r\nPING\r\n"),
    REFUSED(414, "a long target", "GET /" HUNDRED HUNDRED " HTTP/1.1\r\nHost: a\r\n\r\n"),
    REFUSED(414, "a target without an end", "GET /" HUNDRED HUNDRED HUNDRED),

    // ---- header fields
    REFUSED(400, "a space before a colon", GET HOST "X-A : b\r\n\r\n"),
    REFUSED(400, "a space before the colon of Host", GET "Host : a\r\n\r\n"),
    REFUSED(400, "a space before the colon of Content-Length",
            POST "Content-Length : 5\r\n\r\nhello"),
    REFUSED(400, "a tab before the colon of Content-Length",
            POST "Content-Length\t: 5\r\n\r\nhello"),
    REFUSED(400, "a folded field", GET HOST "X-A: b\r\n c\r\n\r\n"),
    REFUSED(400, "a folded field with a tab", GET HOST "X-A: b\r\n\tc\r\n\r\n"),
    REFUSED(400, "a folded length", POST "Content-Length:\r\n 5\r\n\r\nhello"),
    REFUSED(400, "a length continued", POST "Content-Length: 1\r\n 0\r\n\r\nhellohello"),
    REFUSED(400, "a first field that is folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    REFUSED(400, "a line of a space", GET HOST " \r\n\r\n"),
    REFUSED(400, "an empty name", GET HOST ": b\r\n\r\n"),
    REFUSED(400, "an empty name and value", GET HOST ":\r\n\r\n"),
    REFUSED(400, "an empty name before the length", POST ": Content-Length: 5\r\n\r\nhello"),
    REFUSED(400, "a field without a colon", GET HOST "X-A\r\n\r\n"),
    REFUSED(400, "a space in a name", GET HOST "X A: b\r\n\r\n"),
    REFUSED(400, "a NUL in a name", GET HOST "X\0A: b\r\n\r\n"),
    REFUSED(400, "a control byte in a name", GET HOST "X\x01: b\r\n\r\n"),
    REFUSED(400, "a byte above 7f in a name", GET HOST "X\xe9: b\r\n\r\n"),
    REFUSED(400, "a parenthesis in a name", GET HOST "X(A): b\r\n\r\n"),
    REFUSED(400, "a quote in a name", GET HOST "\"X\": b\r\n\r\n"),
    REFUSED(400, "a NUL in a value", GET HOST "X-A: b\0c\r\n\r\n"),
    REFUSED(400, "a control byte in a value", GET HOST "X-A: b\x01\r\n\r\n"),
    REFUSED(400, "a delete in a value", GET HOST "X-A: b\x7f\r\n\r\n"),
    REFUSED(400, "a bare CR in a value", GET HOST "X-A: b\rc\r\n\r\n"),
    REFUSED(400, "a bare CR at the end of a value", GET HOST "X-A: b\r\r\n\r\n"),
    REFUSED(400, "a bare CR before a length", POST "X-A: b\rContent-Length: 5\r\n\r\nhello"),
    REFUSED(400, "a bare LF at the end of a field", GET HOST "X-A: b\n\r\n"),
    REFUSED(400, "a bare LF before a length", POST "X-A: b\nContent-Length: 5\r\n\r\nhello"),
    REFUSED(400, "a bare LF for the empty line", GET HOST "\n"),
    REFUSED(400, "LF LF at the end", POST "Content-Length: 5\n\nhello"),
    REFUSED(400, "LF CR at the end of a field", GET HOST "X-A: b\n\r\r\n"),
    REFUSED(400, "CR CR LF for the empty line", GET HOST "\r\r\n\r\n"),
    REFUSED(431, "eleven fields",
            GET HOST "a:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\ni:1\r\nj:1\r\n\r\n"),
    REFUSED(431, "a long head",
            GET HOST
            "X-A: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
            "\r\n\r\n"),
    REFUSED(
        431, "a long head without an end",
        GET HOST
        "X-A: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED),

    // ---- Host
    REFUSED(400, "no Host", GET "\r\n"),
    REFUSED(400, "no Host, but other fields", GET "X-A: b\r\n\r\n"),
    REFUSED(400, "two hosts", GET HOST "Host: b\r\n\r\n"),
    REFUSED(400, "two equal hosts", GET HOST HOST "\r\n"),
    REFUSED(400, "two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    REFUSED(400, "an empty Host", GET "Host:\r\n\r\n"),
    REFUSED(400, "a port without a host", GET "Host: :80\r\n\r\n"),
    REFUSED(400, "a port that is no number", GET "Host: a:b\r\n\r\n"),
    REFUSED(400, "two ports", GET "Host: a:80:81\r\n\r\n"),
    REFUSED(400, "an open bracket", GET "Host: [::1\r\n\r\n"),
    REFUSED(400, "a name in brackets", GET "Host: [localhost]\r\n\r\n"),
    REFUSED(400, "a dot before a name", GET "Host: .a\r\n\r\n"),
    REFUSED(400, "two dots in a name", GET "Host: a..b\r\n\r\n"),
    REFUSED(400, "a list of hosts", GET "Host: a, b\r\n\r\n"),
    REFUSED(400, "a path in Host", GET "Host: a/b\r\n\r\n"),
    REFUSED(400, "a user in Host", GET "Host: a@b\r\n\r\n"),
    REFUSED(400, "a space in Host", GET "Host: a b\r\n\r\n"),
    REFUSED(400, "a byte above 7f in Host", GET "Host: \xe9\r\n\r\n"),
    REFUSED(400, "a folded Host", GET "Host:\r\n a\r\n\r\n"),

    // ---- Expect, Connection
    TAKEN("Expect with the body there",
          POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", 5),
    TAKEN("Expect without a body", POST "Expect: 100-Continue\r\n\r\n", 0),
    TAKEN("Expect in HTTP/1.0",
          "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", 5),
    REFUSED(417, "another expectation", POST "Expect: 200-ok\r\n\r\n"),
    REFUSED(417, "two expectations", POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
    REFUSED(417, "a list of expectations", POST "Expect: 100-continue, 100-continue\r\n\r\n"),
    REFUSED(417, "an empty expectation", POST "Expect:\r\n\r\n"),
    TAKEN("Connection names the length",
          POST "Connection: close, content-length\r\nContent-Length: 5\r\n\r\nhello", 5),
    TAKEN("Upgrade is not looked at",
          GET HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 0),
};

// ---- running a case

struct end {
  unsigned status;
  size_t used, body_len, continues;
};

// Feeds the bytes in steps: `first` bytes, then one by one (step 1), or the rest at once (step 0).
// Each call gets a copy in a block of its own that ends where the bytes end.
static struct end feed(const struct http_case *c, size_t first, size_t step,
                       struct sl_http_parser *parser, struct sl_http_request *request) {
  struct end end = {.status = MORE};
  *parser = (struct sl_http_parser){0};
  for (size_t len = first;; len = step == 0 || len + step > c->len ? c->len : len + step) {
    char *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
      abort();
    }
    memcpy(copy, c->bytes, len);
    const enum sl_http_result result = sl_http_parse(parser, &bounds, copy, len, request);
    if (result == SL_HTTP_REQUEST) {
      end.status = WHOLE;
      end.used = parser->used;
      end.body_len = request->body_len;
      char body[8192];
      if (request->chunked) {
        sl_http_dechunk(request, body);
      }
    } else if (result == SL_HTTP_BAD) {
      end.status = parser->status;
    }
    end.continues += result == SL_HTTP_CONTINUE;
    free(copy);
    if (end.status != MORE || len == c->len) {
      return end;
    }
  }
}

static bool is_right(const struct http_case *c, struct end end) {
  return end.status == c->status &&
         (c->status != WHOLE || (end.used == c->len - c->left && end.body_len == c->body_len));
}

static void run_case(const struct http_case *c) {
  struct sl_http_parser parser;
  struct sl_http_request request;
  struct end whole = feed(c, c->len, 0, &parser, &request);
  if (!ok(is_right(c, whole), "%s", c->name)) {
    diag("came to %u (%s), used %zu of %zu, body %zu", whole.status,
         parser.reason == NULL ? "" : parser.reason, whole.used, c->len, whole.body_len);
  }
  size_t wrong = SIZE_MAX;
  for (size_t cut = 0; cut <= c->len && wrong == SIZE_MAX; cut++) {
    wrong = is_right(c, feed(c, cut, 0, &parser, &request)) ? wrong : cut;
  }
  const bool by_bytes = is_right(c, feed(c, 0, 1, &parser, &request));
  if (!ok(wrong == SIZE_MAX && by_bytes, "%s, in pieces", c->name)) {
    diag("cut at %zu; byte by byte %s", wrong, by_bytes ? "right" : "wrong");
  }
}

// ---- what a request says

static bool is(struct sl_str got, const char *want) { return sl_str_eq(got, sl_str_of(want)); }

static void test_views(void) {
  static const char text[] =
      "POST http://a:80/v1/x?y=z HTTP/1.1\r\nhOst: a:80\r\nX-B:  one\t two \r\n"
      "Content-Length: 2\r\nx-b: three\r\n\r\n{}GET";
  const struct http_case c = {.bytes = text, .len = sizeof text - 1};
  struct sl_http_parser parser = {0};
  struct sl_http_request request;
  ok(sl_http_parse(&parser, &bounds, c.bytes, c.len, &request) == SL_HTTP_REQUEST, "a request");
  ok(is(request.method, "POST") && is(request.target, "/v1/x?y=z") && is(request.host, "a:80"),
     "method, target without its authority, host");
  ok(request.field_count == 4 && is(request.fields[1].value, "one\t two"), "values are trimmed");
  ok(is(request.body, "{}") && request.body_len == 2 && !request.chunked, "the body");
  const struct sl_http_field *field = sl_http_find(&request, SL_STR("x-b"));
  ok(field == &request.fields[1], "the first field of a name, in any case");
  ok(sl_http_find(&request, SL_STR("x-c")) == NULL, "a name that is not there");
}

static void test_dechunk(void) {
  static const char text[] =
      CHUNKED "5\r\nhello\r\n0000002\r\n, \r\nB\r\nwide world!\r\n0\r\nA: b\r\n\r\n";
  struct sl_http_parser parser = {0};
  struct sl_http_request request;
  char body[64];
  ok(sl_http_parse(&parser, &bounds, text, sizeof text - 1, &request) == SL_HTTP_REQUEST &&
         request.body_len == 18 && request.chunked,
     "a body of three chunks");
  sl_http_dechunk(&request, body);
  ok(memcmp(body, "hello, wide world!", 18) == 0, "is put together");
}

static void test_keep_alive(void) {
  static const struct {
    const char *text;
    bool keeps;
  } all[] = {
      {GET HOST "\r\n", true},
      {GET HOST "Connection: close\r\n\r\n", false},
      {GET HOST "Connection: CLOSE\r\n\r\n", false},
      {GET HOST "Connection: keep-alive\r\n\r\n", true},
      {GET HOST "Connection: keep-alive, close\r\n\r\n", false},
      {GET HOST "Connection: x\r\nConnection: y ,\tclose \r\n\r\n", false},
      {GET HOST "Connection: closed\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", false},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    struct sl_http_parser parser = {0};
    struct sl_http_request request;
    const enum sl_http_result result =
        sl_http_parse(&parser, &bounds, all[i].text, strlen(all[i].text), &request);
    ok(result == SL_HTTP_REQUEST && request.keep_alive == all[i].keeps, "keep-alive %zu: %s", i,
       all[i].keeps ? "stays" : "closes");
  }
}

static void test_continue(void) {
  static const char text[] = POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
  const struct http_case c = {.bytes = text, .len = sizeof text - 1};
  struct sl_http_parser parser;
  struct sl_http_request request;
  ok(feed(&c, c.len - 5, 0, &parser, &request).continues == 1, "100 Continue is asked for");
  ok(feed(&c, 0, 1, &parser, &request).continues == 1, "and once only, byte by byte");
  ok(feed(&c, c.len, 0, &parser, &request).continues == 0, "and not where the body is there");
}

// Bytes that a client drips in one by one cost no more, each, than a few of them do: the work for
// 2n is at most 2.2 times that for n, counted by the parser.
static uint64_t work_of(size_t body, bool chunked) {
  static char text[20000];
  int head = chunked ? snprintf(text, sizeof text, CHUNKED)
                     : snprintf(text, sizeof text, POST "Content-Length: %zu\r\n", body);
  size_t len = (size_t)head;
  if (chunked) {
    for (size_t i = 0; i < body / 8; i++) {
      len += (size_t)snprintf(text + len, sizeof text - len, "1\r\na\r\n");
    }
    len += (size_t)snprintf(text + len, sizeof text - len, "0\r\n\r\n");
  } else {
    len += (size_t)snprintf(text + len, sizeof text - len, "X: %0*d\r\n\r\n", (int)body, 0);
    len += body;
  }
  const struct sl_http_bounds wide = {
      .target = 100, .head = 10000, .fields = 10, .body = 10000, .whole = 19000};
  struct sl_http_parser parser = {0};
  struct sl_http_request request;
  enum sl_http_result result = SL_HTTP_MORE;
  for (size_t at = 1; at <= len && result == SL_HTTP_MORE; at++) {
    result = sl_http_parse(&parser, &wide, text, at, &request);
  }
  ok(result == SL_HTTP_REQUEST, "dripped in, it is a request");
  return parser.work;
}

static void test_linear(void) {
  for (int chunked = 0; chunked < 2; chunked++) {
    const uint64_t once = work_of(2000, chunked != 0);
    const uint64_t twice = work_of(4000, chunked != 0);
    ok(once > 0 && twice * 10 <= once * 22, "%s: %" PRIu64 " looks for n, %" PRIu64 " for 2n",
       chunked ? "chunks" : "fields", once, twice);
  }
}

// A body in the bound, of a request that is not.
static void test_whole(void) {
  static char text[20000];
  struct sl_http_bounds tight = bounds;
  tight.whole = 300;
  struct sl_http_parser parser = {0};
  struct sl_http_request request;
  int len = snprintf(text, sizeof text, POST "Content-Length: 400\r\n\r\n");
  ok(sl_http_parse(&parser, &tight, text, (size_t)len, &request) == SL_HTTP_BAD &&
         parser.status == 413,
     "a whole request above its bound");
  parser = (struct sl_http_parser){0};
  len = snprintf(text, sizeof text, CHUNKED);
  for (int i = 0; i < 60; i++) {
    len += snprintf(text + len, sizeof text - (size_t)len, "1\r\na\r\n");
  }
  ok(sl_http_parse(&parser, &tight, text, (size_t)len, &request) == SL_HTTP_BAD &&
         parser.status == 413,
     "a body in tiny chunks counts with its chunk sizes");
}

// The cases as lines for other readers of HTTP: status, body length, bytes left, bytes in
// hexadecimal, name.
static int print_cases(void) {
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    printf("%u %zu %zu x", cases[i].status, cases[i].body_len, cases[i].left);
    for (size_t k = 0; k < cases[i].len; k++) {
      printf("%02x", (unsigned char)cases[i].bytes[k]);
    }
    printf(" %s\n", cases[i].name);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--cases") == 0) {
    return print_cases();
  }
  diag("%zu cases", SL_ARRAY_LEN(cases));
  ok(SL_ARRAY_LEN(cases) >= 200, "at least 200 cases by hand");
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    run_case(&cases[i]);
  }
  test_views();
  test_dechunk();
  test_keep_alive();
  test_continue();
  test_linear();
  test_whole();
  return done_testing();
}
