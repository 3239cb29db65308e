"""`sluice replay`: its whole report against a replay in plain Python (oracle.py), and its edges."""

import datetime
import gzip
import json
import re
import subprocess
import sys

import oracle
import pytest
from conftest import ROOT, real_logs

PER_CLIENT = {"id": "per-client", "key": ["client_ip"], "limit": {"algorithm": "token_bucket", "rate": "30/1m", "burst": 10}}


def line(host="192.0.2.1", time="17/May/2015:10:05:03 +0000", request="GET / HTTP/1.1", status=200, size=5, referer="-", agent="-", user="-"):
    return f'{host} - {user} [{time}] "{request}" {status} {size} "{referer}" "{agent}"\n'.encode("latin-1")


def at(seconds, **fields):
    """A line so many seconds after 10:00."""
    return line(time=f"17/May/2015:{10 + seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} +0000", **fields)


def agrees(sluice, rules, log, *options, **oracle_options):
    """The program's report is the oracle's, field by field and in order."""
    result = sluice.replay(rules, log, *options)
    requests, unparsed = oracle.requests_of(log)
    expected = oracle.as_pairs(oracle.replay(rules, requests, unparsed, **oracle_options))
    assert oracle.as_pairs(result.report()) == expected
    return result


# ---- every algorithm on whole logs ----------------------------------------------------------------

ONE_RULE = {
    "token_bucket": {"algorithm": "token_bucket", "rate": "30/1m", "burst": 10},
    "token_bucket, a rate that no clock divides": {"algorithm": "token_bucket", "rate": "7/13s", "burst": 3},
    "token_bucket, burst left out": {"rate": "20/1h"},
    "any_window": {"algorithm": "token_bucket", "rate": "30/1m", "burst": 5, "guarantee": "any_window", "jitter": "250ms"},
    "leaky_bucket": {"algorithm": "leaky_bucket", "rate": "20/1m", "queue": 7},
    "fixed_window": {"algorithm": "fixed_window", "rate": "12/1m"},
    "sliding_log": {"algorithm": "sliding_log", "rate": "15/1m"},
    "sliding_log, count_refused": {"algorithm": "sliding_log", "rate": "15/1m", "count_refused": True},
    "sliding_window": {"algorithm": "sliding_window", "rate": "15/1m"},
    "sub_windows": {"algorithm": "sliding_window", "rate": "15/1m", "sub_windows": 6},
    "concurrency": {"algorithm": "concurrency", "slots": 6, "lease": "20s"},
    "unlimited": "unlimited",
    "a ban": {"algorithm": "token_bucket", "rate": "0/1s"},
}


@pytest.mark.parametrize("name", ONE_RULE)
def test_each_algorithm_on_the_example(sluice, example_log, name):
    result = agrees(sluice, [{"id": "one", "key": ["client_ip"], "limit": ONE_RULE[name]}], example_log)
    figures = result.figures()
    assert figures["requests"] > 5000 and figures["unparsed"] == 0
    if name not in ("unlimited", "a ban"):
        assert 0 < figures["throttled"] < figures["requests"]


@pytest.mark.parametrize("name", ONE_RULE)
def test_each_algorithm_on_the_real_log(sluice, name):
    for log in real_logs():
        figures = agrees(sluice, [{"id": "one", "key": ["client_ip"], "limit": ONE_RULE[name]}], log).figures()
        assert figures["requests"] == 9999 and figures["unparsed"] == 1


MANY_RULES = [
    {"id": "everybody", "key": [], "limit": {"algorithm": "sliding_window", "rate": "60/1m"}},
    PER_CLIENT,
    {
        "id": "logins",
        "match": {"method": "POST", "path": ["/login", "/signin"]},
        "key": ["client_ip", "header.user-agent"],
        "limit": {"algorithm": "sliding_log", "rate": "5/1m", "count_refused": True},
    },
    {
        "id": "messages",
        "match": {"path": "/api/*"},
        "except": {"user": "nobody"},
        "key": ["user"],
        "cost": "query.count",
        "limit": {"algorithm": "token_bucket", "rate": "100/30s", "burst": 30},
        "overrides": [{"key": {"user": "robot"}, "limit": {"rate": "300/30s"}}],
    },
    {"id": "trial", "key": ["path"], "over_limit": "shadow", "limit": {"algorithm": "fixed_window", "rate": "20/5m"}},
    {"id": "crawlers", "match": {"header.user-agent": "*Bot/?.?*"}, "key": [], "limit": {"algorithm": "leaky_bucket", "rate": "30/1m", "queue": 3}},
    {"id": "members", "key": ["user"], "missing": "skip", "limit": {"algorithm": "concurrency", "slots": 3, "lease": "10s"}},
    {"id": "searches", "match": {"query.q": "*"}, "key": ["query.q"], "limit": {"rate": "10/1h"}},
    {"id": "network", "match": {"client_ip": ["198.51.100.0/24", "2001:db8::/48"]}, "key": ["client_ip", "status"], "limit": {"rate": "40/1m", "burst": 20}},
    {"id": "referers", "key": ["header.referer", "protocol"], "limit": "unlimited"},
    {"id": "off", "enabled": False, "key": [], "limit": {"rate": "0/1s"}},
]


def test_many_rules_on_the_example(sluice, example_log):
    figures = agrees(sluice, MANY_RULES, example_log).figures()
    assert all(rule["matched"] > 0 and rule["allowed"] + rule["throttled"] == rule["matched"] for rule in figures["rules"])
    assert sum(rule["throttled"] > 0 for rule in figures["rules"]) >= 6


def test_many_rules_on_the_real_log(sluice):
    for log in real_logs():
        agrees(sluice, MANY_RULES, log)


@pytest.mark.parametrize("window", [1, 60, 100000])
def test_reordering(sluice, example_log, window):
    for log in [example_log, *real_logs()]:
        agrees(sluice, MANY_RULES, log, "--reorder", f"{window}s", window=window * oracle.SECOND)


@pytest.mark.parametrize("top", [0, 1, 25, 5000])
def test_top(sluice, example_log, top):
    figures = agrees(sluice, [PER_CLIENT, MANY_RULES[4]], example_log, "--top", top, top=top).figures()
    assert len(figures["rules"][0]["top"]) == min(top, figures["rules"][0]["keys"])


def test_two_runs_give_the_same_bytes(sluice, example_log):
    runs = [sluice.replay(MANY_RULES, example_log) for _ in range(2)]
    assert runs[0].out == runs[1].out
    tables = [sluice("replay", "--rules", "rules.yaml", "access.log") for _ in range(2)]
    assert tables[0].out == tables[1].out != runs[0].out


# ---- what is a line --------------------------------------------------------------------------------


def test_logs_are_read_one_after_the_other(sluice):
    rules = sluice.write("rules.yaml", [PER_CLIENT])
    sluice.write("a.log", at(0) * 6)
    sluice.write("b.log", at(0) * 7)
    figures = sluice("replay", "-r", rules, "-j", "a.log", "b.log").figures()
    assert (figures["requests"], figures["allowed"], figures["throttled"]) == (13, 10, 3)


def test_standard_input(sluice):
    rules = sluice.write("rules.yaml", [PER_CLIENT])
    figures = sluice("replay", "--rules", rules, "--json", "-", stdin=at(0) * 12).figures()
    assert (figures["requests"], figures["throttled"]) == (12, 2)


def test_gzip_is_known_by_its_content(sluice, example_log):
    plain = sluice.replay([PER_CLIENT], example_log)
    half = example_log.rfind(b"\n", 0, len(example_log) // 2) - 20  # in the middle of a line
    members = gzip.compress(example_log[:half]) + gzip.compress(b"") + gzip.compress(example_log[half:]) + b"\0" * 512
    for packed in (gzip.compress(example_log), members):
        assert sluice.replay([PER_CLIENT], packed).out == plain.out
        assert sluice("replay", "--rules", "rules.yaml", "--json", "-", stdin=packed).out == plain.out


@pytest.mark.parametrize("damage", [lambda packed: packed[: len(packed) // 2], lambda packed: packed[:200] + b"damage" + packed[206:], lambda packed: packed + b"more"])
def test_damaged_gzip_is_an_error(sluice, example_log, damage):
    result = sluice.replay([PER_CLIENT], damage(gzip.compress(example_log)))
    assert (result.status, result.out) == (2, b"")
    assert "access.log is no sound gzip file" in result.errors


def test_line_ends_and_blank_lines(sluice):
    log = at(0) + at(1).replace(b"\n", b"\r\n") + b"\n\r\n  \t \r\n" + at(2).rstrip(b"\n")
    figures = agrees(sluice, [PER_CLIENT], log).figures()
    assert (figures["requests"], figures["unparsed"]) == (3, 0)


@pytest.mark.parametrize("log", [b"", b"\n", b"\r\n \n"])
def test_nothing_to_read(sluice, log):
    result = agrees(sluice, [PER_CLIENT], log)
    assert result.figures()["first"] is None and result.figures()["requests"] == 0 and result.err == b""
    assert b"0 requests" in sluice("replay", "--rules", "rules.yaml", "access.log").out


GARBAGE = [
    b"garbage",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"cut",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\"",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] GET 200 5",
    b"192.0.2.1 - - [17/May/2015:10:05:03] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [29/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [31/Apr/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/may/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/2015:24:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/2015:10:05:61 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/2015:10:05:03 0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/1969:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/2117:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" ok 5",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5kB",
    b"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"a\"b",
    b"www.example:80 192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"\0\0\0\0192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5",
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_a_line_that_is_none_is_counted_and_shown(sluice, number):
    result = sluice.replay([PER_CLIENT], at(0) + GARBAGE[number] + b"\n" + at(1))
    figures = result.figures()
    assert (figures["requests"], figures["unparsed"]) == (2, 1)
    assert "access.log:2:" in result.errors and " unparsed: " in result.errors


def test_only_the_first_unparsed_lines_are_shown(sluice):
    result = sluice.replay([PER_CLIENT], (at(0) + b"nothing\n") * 30)
    figures = result.figures()
    assert (figures["requests"], figures["unparsed"]) == (30, 30)
    assert result.errors.count("unparsed: ") == 5
    assert "access.log:2:8: unparsed: " in result.errors and "... and 25 more unparsed lines" in result.errors
    shown = sluice("replay", "--rules", "rules.yaml", "access.log").text
    assert "30 lines unparsed" in shown


def test_messages_do_not_repeat_what_a_line_holds(sluice):
    result = sluice.replay([PER_CLIENT], b'{"api_key": "hunter2", "time" "x"}\nhunter2\n\x1b[31mred\n{"hunter2\n')
    assert result.figures()["unparsed"] == 4
    assert "hunter2" not in result.errors and "\x1b" not in result.errors


def test_long_lines(sluice):
    long = at(1, request="GET /" + "x" * 60000 + " HTTP/1.1")
    longer = at(2, agent="y" * 900_000)
    longest = at(3, agent="z" * 3_000_000)
    result = sluice.replay([PER_CLIENT], at(0) + long + longer + longest + at(4) + longest)
    figures = result.figures()
    assert (figures["requests"], figures["unparsed"]) == (4, 2)
    assert "access.log:4:" in result.errors and "access.log:6:" in result.errors and "longer than" in result.errors


def test_a_value_that_is_too_long_for_an_attribute(sluice):
    rule = {"id": "agents", "key": ["header.user-agent"], "limit": {"rate": "1/1s"}}
    result = sluice.replay([rule], at(0, agent="a" * 65536) + at(1, agent="a" * 65537))
    assert (result.figures()["requests"], result.figures()["unparsed"]) == (1, 1)


# ---- time ----------------------------------------------------------------------------------------------


def test_times_that_go_back(sluice):
    log = at(100) * 10 + at(0) * 2 + at(102) + at(101) * 2
    figures = agrees(sluice, [PER_CLIENT], log).figures()
    assert (figures["first"], figures["last"]) == ("2015-05-17T10:00:00Z", "2015-05-17T10:01:42Z")
    sorted_first = agrees(sluice, [PER_CLIENT], log, "--reorder", "1h", window=3600 * oracle.SECOND).figures()
    assert sorted_first["throttled"] < figures["throttled"]


def test_zones_and_leap_days(sluice):
    log = line(time="29/Feb/2016:23:59:59 +0000") + line(time="01/Mar/2016:01:59:59 +0200") + line(time="29/Feb/2016:18:29:59 -0530") + line(time="29/Feb/2016:23:59:60 +0000")
    figures = agrees(sluice, [PER_CLIENT], log).figures()
    assert (figures["first"], figures["last"]) == ("2016-02-29T23:59:59Z", "2016-03-01T00:00:00Z")


def test_the_first_and_last_years(sluice):
    log = line(time="01/Jan/1970:00:00:00 +0000") + line(time="01/Jan/1970:05:30:00 +0530") + line(time="01/Jan/2116:00:00:00 +0000")
    figures = agrees(sluice, [PER_CLIENT], log).figures()
    assert (figures["requests"], figures["first"], figures["last"]) == (3, "1970-01-01T00:00:00Z", "2116-01-01T00:00:00Z")
    early = sluice.replay([PER_CLIENT], line(time="01/Jan/1970:00:00:00 +0100"))
    assert (early.figures()["requests"], early.figures()["unparsed"]) == (0, 1)


# ---- attributes --------------------------------------------------------------------------------------------


def key_of(sluice, attr, log, *options):
    """The values that one attribute had in a log, in the order of their bytes."""
    rule = {"id": "one", "key": [attr], "limit": "unlimited"}
    figures = sluice.replay([rule], log, *options).figures()
    return [entry["key"][attr] for entry in figures["rules"][0]["top"]]


@pytest.mark.parametrize(
    "attr, fields, value",
    [
        ("client_ip", {"host": "192.0.2.7"}, "192.0.2.7"),
        ("client_ip", {"host": "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"),
        ("client_ip", {"host": "::ffff:192.0.2.7"}, "192.0.2.7"),
        ("client_ip", {"host": "host.example"}, "host.example"),
        ("client_ip", {"host": "-"}, None),
        ("method", {"request": "POST /a HTTP/1.1"}, "POST"),
        ("method", {"request": "-"}, None),
        ("method", {"request": ""}, None),
        ("method", {"request": "\\x16\\x03\\x01"}, None),
        ("method", {"request": "GET"}, None),
        ("method", {"request": "GET /a"}, "GET"),
        ("path", {"request": "GET /a//b/../c?q=1 HTTP/1.1"}, "/a/c"),
        ("path", {"request": "GET /%7euser/%2f HTTP/1.1"}, "/~user/%2F"),
        ("path", {"request": "GET /a b HTTP/1.1"}, "/a b"),
        ("path", {"request": "GET /old"}, "/old"),
        ("path_raw", {"request": "GET /a//b/../c?q=1 HTTP/1.1"}, "/a//b/../c"),
        ("path_raw", {"request": 'GET /\\"q\\" HTTP/1.1'}, '/"q"'),
        ("protocol", {"request": "GET / HTTP/2.0"}, "HTTP/2.0"),
        ("protocol", {"request": "GET /old"}, None),
        ("status", {"status": 404}, "404"),
        ("bytes", {"size": 1234567890123}, "1234567890123"),
        ("bytes", {"size": "-"}, None),
        ("user", {"user": "frank"}, "frank"),
        ("user", {"user": "two words [x"}, "two words [x"),
        ("user", {"user": "-"}, None),
        ("header.referer", {"referer": "http://a.example/?x=1"}, "http://a.example/?x=1"),
        ("header.referer", {"referer": "-"}, None),
        ("header.referer", {"referer": ""}, ""),
        ("header.user-agent", {"agent": 'say \\"hi\\" \\\\ \\x41\\x7e'}, 'say "hi" \\ A~'),
        ("header.user-agent", {"agent": "tab\\t end\\q \\x4"}, "tab\t end\\q \\x4"),
        ("header.user-agent", {"agent": "\\xc3\\xa9 \\xff"}, "é \\xff"),
        ("header.user-agent", {"agent": "nul\0 \x1b[31m"}, "nul\0 \x1b[31m"),
        ("query.q", {"request": "GET /?a=1&q=x%20y+z&q=2 HTTP/1.1"}, "x y+z"),
        ("query.q", {"request": "GET /?%71=%c3%a9 HTTP/1.1"}, "é"),
        ("query.q", {"request": "GET /?q HTTP/1.1"}, ""),
        ("query.q", {"request": "GET /?q=%zz%4 HTTP/1.1"}, "%zz%4"),
        ("query.q", {"request": "GET /?qq=1&xq=2 HTTP/1.1"}, None),
        ("query.q", {"request": "GET /path HTTP/1.1"}, None),
        ("header.authorization", {}, None),
    ],
)
def test_attributes(sluice, attr, fields, value):
    assert key_of(sluice, attr, line(**fields)) == [value]


def test_absent_is_not_empty(sluice):
    assert key_of(sluice, "header.referer", line(referer="a") + line(referer="") + line(referer="-")) == [None, "", "a"]
    assert key_of(sluice, "header.referer", line(referer="-") + line(referer="") * 2) == ["", None]


def test_a_quote_can_not_forge_a_line(sluice):
    forged = line(user='eve [01/Jan/2030:00:00:00 +0000] \\"GET /x HTTP/1.1\\" 200 5', host="192.0.2.9")
    figures = sluice.replay([PER_CLIENT], forged).figures()
    assert (figures["requests"], figures["last"]) == (1, "2015-05-17T10:05:03Z")


def test_an_attribute_that_no_request_has_is_noted(sluice):
    rule = {"id": "keys", "key": ["api_key"], "limit": {"rate": "1/1s"}}
    assert "api_key" in sluice.replay([rule], at(0)).errors
    assert sluice.replay([PER_CLIENT], at(0)).errors == ""


def test_costs(sluice):
    rule = {"id": "spent", "key": [], "cost": "query.n", "limit": {"rate": "10/1d"}}
    log = b"".join(at(0, request=f"GET /?n={n} HTTP/1.1") for n in ["4", "0", "7", "11", "x", "-1", "6", "", "9223372036854775808", "1"])
    result = agrees(sluice, [rule, {"id": "all", "key": [], "limit": "unlimited"}], log)
    figures = result.figures()
    # 4, 0 and 6 are admitted; 7, 11 (never) and 1 are not; the others are no costs, and so no requests.
    assert (figures["requests"], figures["unparsed"], figures["allowed"], figures["throttled"]) == (6, 4, 3, 3)
    assert "access.log:5: unparsed: the cost that rule spent takes" in result.errors


def test_all_or_nothing(sluice):
    rules = [{"id": "wide", "key": [], "limit": {"rate": "3/1d"}}, {"id": "narrow", "key": ["path"], "limit": {"rate": "1/1d"}}]
    log = b"".join(at(0, request=f"GET {path} HTTP/1.1") for path in ["/a", "/a", "/a", "/b", "/c", "/d"])
    figures = agrees(sluice, rules, log).figures()
    assert figures["allowed"] == 3
    assert [rule["throttled"] for rule in figures["rules"]] == [1, 2]


def test_shadow_rules_change_nothing(sluice, example_log):
    alone = sluice.replay([PER_CLIENT], example_log).figures()
    shadow = {"id": "trial", "key": [], "over_limit": "shadow", "limit": {"rate": "1/1h"}}
    both = agrees(sluice, [shadow, PER_CLIENT], example_log).figures()
    assert (both["allowed"], both["rules"][1]) == (alone["allowed"], alone["rules"][0])
    assert both["rules"][0]["throttled"] > 0
    assert "trial (shadow)" in sluice("replay", "--rules", "rules.yaml", "access.log").text


def test_more_than_one_file_of_rules(sluice):
    sluice.write("a.yaml", [PER_CLIENT])
    sluice.write("b.yaml", [{**PER_CLIENT, "id": "second", "key": []}])
    log = sluice.write("access.log", at(0))
    figures = sluice("replay", "-ra.yaml", "--rules=b.yaml", "-j", log).figures()
    assert [rule["id"] for rule in figures["rules"]] == ["per-client", "second"]


def test_no_rules_and_too_many(sluice):
    figures = agrees(sluice, [], at(0)).figures()
    assert (figures["allowed"], figures["rules"]) == (1, [])
    assert sluice("replay", "--rules", "rules.yaml", "access.log").status == 0
    rules = [{"id": f"rule-{number}", "key": ["client_ip"], "limit": {"rate": f"{number + 1}/1s"}} for number in range(1000)]
    result = sluice.replay(rules, at(0))
    assert (result.status, result.out) == (2, b"")
    most = int(re.search(r"access\.log:1: more than (\d+) rules apply to one request\n", result.errors).group(1))
    assert agrees(sluice, rules[:most], at(0) * 3).figures()["allowed"] == 1
    assert sluice.replay(rules[: most + 1], at(0)).status == 2


# ---- formats -------------------------------------------------------------------------------------------------

COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5\n'


def counts(sluice, log, *options):
    figures = sluice.replay([PER_CLIENT], log, *options).figures()
    return figures["requests"], figures["unparsed"]


def test_formats(sluice):
    extra = COMMON[:-1] + b' "-" "agent" "forwarded" 0.004\n'
    assert counts(sluice, COMMON + line() + extra) == (3, 0)
    assert counts(sluice, COMMON + line() + extra, "--format", "combined") == (2, 1)
    assert counts(sluice, COMMON + line() + extra, "--format", "common") == (3, 0)
    assert counts(sluice, COMMON, "--format", "json") == (0, 1)
    assert key_of(sluice, "header.user-agent", line(agent="x"), "--format", "common") == [None]


def as_json(**fields):
    return json.dumps(fields).encode() + b"\n"


def test_json_lines(sluice):
    log = as_json(time="2015-05-17T10:05:03Z", client_ip="192.0.2.1", path="/a//b?c", n=7, ok=True, user="-", note="é\0")
    assert key_of(sluice, "client_ip", log) == ["192.0.2.1"]
    assert key_of(sluice, "path", log) == ["/a/b"]
    assert key_of(sluice, "n", log) == ["7"]
    assert key_of(sluice, "ok", log) == ["true"]
    assert key_of(sluice, "user", log) == [None]
    assert key_of(sluice, "note", log) == ["é\0"]
    assert key_of(sluice, "time", log) == ["2015-05-17T10:05:03Z"]
    assert key_of(sluice, "method", log) == [None]


@pytest.mark.parametrize(
    "time, shown",
    [
        ("2015-05-17T10:05:03Z", "2015-05-17T10:05:03Z"),
        ("2015-05-17T12:05:03.25+02:00", "2015-05-17T10:05:03.250Z"),
        ("17/May/2015:12:05:03 +0200", "2015-05-17T10:05:03Z"),
        (1431857103, "2015-05-17T10:05:03Z"),
        ("1431857103.125", "2015-05-17T10:05:03.125Z"),
        ("1431857103.000000001", "2015-05-17T10:05:03.000000001Z"),
        (1431857103.125, "2015-05-17T10:05:03.125Z"),
        (1431857103.5241024, "2015-05-17T10:05:03.524102Z"),
        (1431857103250, "2015-05-17T10:05:03.250Z"),
        (1431857103250001, "2015-05-17T10:05:03.250001Z"),
        (1431857103250000001, "2015-05-17T10:05:03.250000001Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_json_times(sluice, time, shown):
    figures = sluice.replay([PER_CLIENT], as_json(time=time, client_ip="192.0.2.1")).figures()
    assert (figures["requests"], figures["first"], figures["last"]) == (1, shown, shown)


@pytest.mark.parametrize("time", [-1, -0.5, 1e300, 99999999999, "soon", "", "1.", ".5", "1.5x", True, None, ["x"], 9223372036854775807])
def test_json_times_that_are_none(sluice, time):
    result = sluice.replay([PER_CLIENT], as_json(time=time, client_ip="192.0.2.1"))
    assert (result.figures()["requests"], result.figures()["unparsed"]) == (0, 1)
    assert "the field \"time\" is no time" in result.errors


def test_json_time_field(sluice):
    log = as_json(ts=1431857103.5, client_ip="192.0.2.1") + as_json(time=1, client_ip="192.0.2.1")
    result = sluice.replay([PER_CLIENT], log, "--time-field", "ts")
    assert (result.figures()["requests"], result.figures()["unparsed"], result.figures()["first"]) == (1, 1, "2015-05-17T10:05:03.500Z")
    assert "access.log:2: unparsed: there is no field \"ts\"" in result.errors


@pytest.mark.parametrize("value", [None, 1.5, ["x"], {"x": "y"}])
def test_json_fields_of_other_types(sluice, value):
    log = as_json(time=1431857103, client_ip="192.0.2.1", other=value) * 2
    result = sluice.replay([PER_CLIENT], log)
    assert (result.figures()["requests"], result.figures()["unparsed"]) == (0, 2)
    assert "the field \"other\" is " in result.errors
    assert counts(sluice, log, "--ignore-other-types") == (2, 0)
    assert key_of(sluice, "other", log, "--ignore-other-types") == [None]


JSON_GARBAGE = [b"{", b"[]", b"1", b'{"time":1,"time":2}', b'{"time":1} x', b'{"time":1,"a":"\xff"}', b'{"time":1,"a":99999999999999999999}', b"text"]


@pytest.mark.parametrize("number", range(len(JSON_GARBAGE)))
def test_json_lines_that_are_none(sluice, number):
    good = as_json(time=1431857103, client_ip="192.0.2.1")
    result = sluice.replay([PER_CLIENT], good + JSON_GARBAGE[number] + b"\n\n  \r\n" + good)
    assert (result.figures()["requests"], result.figures()["unparsed"]) == (2, 1)
    assert "access.log:2:" in result.errors


def test_the_first_line_that_can_be_read_settles_the_format(sluice):
    text, structured = line(), as_json(time=1431857103, client_ip="192.0.2.1")
    assert counts(sluice, b"torn\n{torn\n" + text + structured + text) == (2, 3)
    assert counts(sluice, b"torn\n{torn\n" + structured + text + structured) == (2, 3)
    sluice.write("a.log", text)
    sluice.write("b.log", structured)
    assert sluice("replay", "-r", "rules.yaml", "-j", "a.log", "b.log").figures()["requests"] == 2


def test_json_agrees_with_the_oracle(sluice, example_log):
    """The example as JSON lines, with times between the seconds."""
    requests, lines = [], []
    for number, (time, values) in enumerate(oracle.requests_of(example_log)[0]):
        time += number % 1000 * 1_000_000
        texts = {name: value.encode("latin-1").decode() for name, value in values.items()}
        lines.append(json.dumps({"time": time // 1_000_000, **texts}))
        requests.append((time, values))
    result = sluice.replay(MANY_RULES, "\n".join(lines).encode())
    assert oracle.as_pairs(result.report()) == oracle.as_pairs(oracle.replay(MANY_RULES, requests))


# ---- secrets ---------------------------------------------------------------------------------------------------


def test_secret_values_are_shown_as_fingerprints(sluice):
    log = as_json(time=1431857103, api_key="hunter2", tenant="acme") * 3 + as_json(time=1431857103, api_key="other", tenant="acme")
    shown = key_of(sluice, "api_key", log)
    assert len(set(shown)) == 2 and all(len(each) == 17 and each[0] == "#" for each in shown)
    assert key_of(sluice, "api_key", log) == shown
    table = sluice("replay", "--rules", "rules.yaml", "access.log")
    assert shown[0] in table.text and b"hunter2" not in table.out + table.err
    assert key_of(sluice, "tenant", log) == ["acme"]
    assert key_of(sluice, "tenant", log, "--secret-attribute", "tenant", "--secret-attribute", "x")[0].startswith("#")
    sluice.write("secret", "of this site")
    keyed = key_of(sluice, "api_key", log, "--secret-file", "secret")
    assert len(set(keyed)) == 2 and not set(keyed) & set(shown)


@pytest.mark.parametrize("attr", ["api_key", "header.authorization", "header.cookie"])
def test_secrets_by_default(sluice, attr):
    assert key_of(sluice, attr, as_json(time=1431857103, **{attr: "hunter2"}))[0].startswith("#")


# ---- for people --------------------------------------------------------------------------------------------------


def test_the_table(sluice, example_log):
    sluice.replay([PER_CLIENT], example_log)
    table = sluice("replay", "--rules", "rules.yaml", "--top", "2", "access.log")
    assert table.status == 0 and table.err == b"" and b"\x1b" not in table.out
    lines = table.text.splitlines()
    assert lines[0].split()[:2] == [f"{example_log.count(bytes([10])):,}", "requests"]
    assert [line.split()[0] for line in lines if line.startswith("per-client ")] == ["per-client"]
    assert max(map(len, lines)) <= 100


def test_keys_can_not_write_to_the_terminal(sluice):
    rule = {"id": "agents", "key": ["header.user-agent"], "limit": {"rate": "1/1s"}}
    sluice.replay([rule], at(0, agent="\x1b]0;x\x07\r\x9b31m" + "long" * 100))
    table = sluice("replay", "--rules", "rules.yaml", "access.log")
    assert not set(table.out) & {0x1B, 0x07, 0x0D, 0x9B}
    assert max(map(len, table.out.splitlines())) <= 110


# ---- the log that is measured with --------------------------------------------------------------------------------


def test_a_repeated_log_goes_on_in_time(sluice, example_log):
    """bench/replay_file.py: each repetition begins where the last one ended."""
    source = sluice.write("source.log", example_log)
    lines = example_log.count(b"\n")
    command = [sys.executable, ROOT / "bench" / "replay_file.py", "--lines", str(3 * lines), "--source", source, sluice.directory / "repeated.log"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    repeated = (sluice.directory / "repeated.log").read_bytes()
    assert repeated.startswith(example_log) and repeated.count(b"\n") == 3 * lines
    once = sluice.replay([PER_CLIENT], example_log).figures()
    thrice = sluice.replay([PER_CLIENT], repeated).figures()
    assert (thrice["requests"], thrice["first"]) == (3 * once["requests"], once["first"])
    seconds = [datetime.datetime.fromisoformat(figures["last"][:-1]) - datetime.datetime.fromisoformat(figures["first"][:-1]) for figures in (once, thrice)]
    assert seconds[1] == 3 * seconds[0] + datetime.timedelta(seconds=2)
    assert thrice["rules"][0]["keys"] == once["rules"][0]["keys"]
