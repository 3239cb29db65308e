"""The program `sluice` itself: commands, options, help, messages, exit statuses, terminals."""

import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys

import pytest
from conftest import BINARY, ROOT

VALID = [{"id": "one", "key": ["client_ip"], "limit": {"rate": "1/1s"}}]
LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
COMMANDS = ["replay", "rules check", "explain", "help", "version"]


@pytest.fixture
def files(sluice):
    sluice.write("rules.yaml", VALID)
    sluice.write("bad.yaml", "rules:\n  - id: one\n    kye: []\n    limit: { rate: 1/1s }\n")
    sluice.write("access.log", LINE)
    return sluice


def test_help(sluice):
    general = sluice("help")
    assert general.status == 0 and general.err == b""
    for command in COMMANDS:
        assert f"\n  {command} " in general.text
        shown = sluice("help", *command.split())
        assert shown.status == 0 and shown.text.startswith(f"Usage: sluice {command}")
        assert sluice(*command.split(), "--help").out == sluice(*command.split(), "-h").out == shown.out
        assert max(map(len, shown.text.splitlines())) <= 80
    assert sluice("--help").out == sluice("-h").out == general.out


def test_version(sluice):
    shown = sluice("version")
    assert re.fullmatch(r"sluice \d+\.\d+\.\d+\n", shown.text)
    assert sluice("--version").out == shown.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "no command"),
        (["replya"], "there is no command replya; did you mean replay?"),
        (["frobnicate"], "there is no command frobnicate"),
        (["rules"], "the command is one of: rules check"),
        (["help", "replya"], "did you mean replay?"),
        (["version", "extra"], "version: one argument too many: extra"),
        (["replay"], "replay: --rules FILE is needed"),
        (["replay", "--rules"], "replay: --rules FILE lacks its value"),
        (["replay", "--rules", "rules.yaml"], "replay: no LOG to read; - is standard input"),
        (["replay", "--rules", "rules.yaml", "--jsn", "access.log"], "there is no option --jsn; did you mean --json?"),
        (["replay", "--rules", "rules.yaml", "--\x1b[2J", "access.log"], "there is no option --\\x1b[2J"),
        (["replay", "-x", "--rules", "rules.yaml", "access.log"], "there is no option -x"),
        (["replay", "--rules", "rules.yaml", "--json=yes", "access.log"], "--json takes no value"),
        (["replay", "--rules", "rules.yaml", "--top", "1", "--top", "2", "access.log"], "--top N is given twice"),
        (["replay", "--rules", "rules.yaml", "--top", "many", "access.log"], "--top many is no number"),
        (["replay", "--rules", "rules.yaml", "--top", "-1", "access.log"], "--top -1 is no number"),
        (["replay", "--rules", "rules.yaml", "--reorder", "60", "access.log"], "--reorder 60 is no duration"),
        (["replay", "--rules", "rules.yaml", "--format", "jsn", "access.log"], "there is no format jsn"),
        (["replay", "--rules", "rules.yaml", "nothing.log"], "nothing.log cannot be opened: No such file or directory"),
        (["replay", "--rules", "rules.yaml", "access.log", "."], ". is a directory"),
        (["replay", "--rules", "rules.yaml", "--secret-file", "none", "access.log"], "none cannot be opened"),
        (["replay", "--rules", "none.yaml", "access.log"], "none.yaml cannot be opened: No such file or directory"),
        (["rules", "check"], "rules check: no FILE to check"),
        (["rules", "check", "."], ". cannot be read: Is a directory"),
        (["explain", "--rules", "rules.yaml", "client_ip"], "client_ip is not of the form NAME=VALUE"),
        (["explain", "--rules", "rules.yaml", "=x"], "=x is not of the form NAME=VALUE"),
        (["explain", "--rules", "rules.yaml", "--cost", "-1"], "--cost -1 is no number"),
    ],
)
def test_mistakes_in_the_call(files, arguments, message):
    result = files(*arguments)
    assert (result.status, result.out) == (2, b"")
    assert message in result.errors and result.errors.startswith("sluice: ")


def test_the_ways_to_give_options(files):
    forms = [
        ["--rules", "rules.yaml", "--json", "--top", "1", "access.log"],
        ["--rules=rules.yaml", "--top=1", "access.log", "--json"],
        ["access.log", "-jn1", "-r", "rules.yaml"],
        ["-j", "-rrules.yaml", "-n", "1", "--", "access.log"],
    ]
    results = {files("replay", *form).out for form in forms}
    assert len(results) == 1 and results.pop().startswith(b'{"requests":1,')
    files.write("-", "") and files.write("--log", LINE)
    assert files("replay", "-j", "-r", "rules.yaml", "--", "--log").figures()["requests"] == 1


def test_rules_check(files):
    good = files("rules", "check", "rules.yaml")
    assert (good.status, good.text, good.err) == (0, "rules.yaml: valid, 1 rule\n", b"")
    bad = files("rules", "check", "rules.yaml", "bad.yaml", "rules.yaml")
    assert (bad.status, bad.text) == (1, "rules.yaml: valid, 1 rule\n" * 2)
    places = [line.split(": ")[:2] for line in bad.errors.splitlines()]
    assert ["bad.yaml:3:5", "error"] in places and "did you mean key?" in bad.errors
    assert files("rules", "check", "bad.yaml", "none.yaml").status == 2


def test_rules_check_together(files):
    files.write("more.yaml", VALID)
    assert files("rules", "check", "rules.yaml", "more.yaml").status == 0
    together = files("rules", "check", "--together", "rules.yaml", "more.yaml")
    assert together.status == 1 and "more.yaml:1:" in together.errors
    files.write("more.yaml", [{**VALID[0], "id": "two", "enabled": False}])
    together = files("rules", "check", "--together", "rules.yaml", "more.yaml")
    assert together.text == "rules.yaml, more.yaml: valid, 2 rules, 1 of them disabled\n"


def test_invalid_rules_stop_a_replay(files):
    result = files("replay", "--rules", "bad.yaml", "--json", "access.log")
    assert (result.status, result.out) == (1, b"")
    assert result.err == files("rules", "check", "bad.yaml").err


def test_explain(files):
    files.write(
        "rules.yaml",
        [
            {"id": "logins", "match": {"path": "/login"}, "key": ["client_ip"], "limit": {"rate": "5/1m"}},
            {"id": "others", "except": {"path": "/login"}, "key": [], "limit": {"rate": "1/1s"}},
            {"id": "users", "match": {"user": "*"}, "key": ["user"], "limit": "unlimited"},
        ],
    )
    shown = files("explain", "--rules", "rules.yaml", "--cost", "3", "client_ip=::ffff:192.0.2.1", "path=//login?x=y", "colour=blue=")
    assert shown.status == 0
    lines = dict(line.split(": ", 1) for line in shown.text.splitlines())
    assert list(lines) == ["logins", "others", "users"]
    assert lines["logins"].startswith("applies: ") and '"192.0.2.1"' in lines["logins"] and "charges 3" in lines["logins"]
    assert "applies" not in lines["others"] and "applies:" not in lines["users"] and "user" in lines["users"]
    assert shown.errors == "note: no enabled rule looks at colour\n"
    assert files("explain", "--rules", "bad.yaml", "path=/").status == 1


def test_a_full_disk_is_noticed(files):
    with open("/dev/full", "wb") as full:
        finished = subprocess.run(
            [BINARY, "replay", "--rules", files.directory / "rules.yaml", files.directory / "access.log"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert finished.returncode == 2 and b"standard output cannot be written: No space left on device" in finished.stderr


def on_terminal(sluice, *arguments, environment=None):
    """What a call writes to a terminal that is both its standard output and its standard error."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=sluice.directory, env={**os.environ, **(environment or {})}
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # The other end was closed.
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert process.wait() == 0
    return written


def test_colour_only_on_a_terminal(files):
    plain = files("replay", "--rules", "rules.yaml", "access.log").out
    environment = {"NO_COLOR": ""}
    coloured = on_terminal(files, "replay", "--rules", "rules.yaml", "access.log", environment=environment)
    assert b"\x1b" not in plain and b"\x1b[1m" in coloured
    assert re.sub(rb"\x1b\[\d*m", b"", coloured).replace(b"\r\n", b"\n") == plain
    environment = {"NO_COLOR": "1"}
    assert b"\x1b" not in on_terminal(files, "replay", "--rules", "rules.yaml", "access.log", environment=environment)


def test_progress_on_a_terminal(files):
    """A long reading shows how far it has come, and takes that away again; a short one shows nothing."""
    assert on_terminal(files, "replay", "--rules", "rules.yaml", "--json", "access.log").startswith(b'{"requests":1,')
    ours, theirs = pty.openpty()
    command = [BINARY, "replay", "--rules", "rules.yaml", "--json", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, cwd=files.directory)
    os.close(theirs)
    shown, sent = b"", 0
    while b"lines" not in shown:
        process.stdin.write(LINE)
        process.stdin.flush()
        sent += 1
        if select.select([ours], [], [], 0.05)[0]:
            shown += os.read(ours, 65536)
    process.stdin.close()
    report = process.stdout.read()
    assert process.wait() == 0
    shown += os.read(ours, 65536)
    os.close(ours)
    assert json.loads(report)["requests"] == sent
    assert re.search(rb"\r[\d,]+ lines, [\d,]+ a second\x1b\[K", shown)
    assert shown.endswith(b"\r\x1b[K")


def test_the_man_pages_are_in_step_with_the_program():
    checked = subprocess.run([sys.executable, ROOT / "tools" / "update-man", "--check", BINARY], stdout=subprocess.PIPE, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_every_command_has_a_man_page(sluice):
    pages = {path.name for path in pathlib.Path(ROOT / "docs" / "man").glob("*.1")}
    for command in set(COMMANDS) - {"help", "version"}:
        page = f"sluice-{command.replace(' ', '-')}.1"
        assert page in pages
        text = (ROOT / "docs" / "man" / page).read_text()
        assert f'.\\" from the program: {command}\n' in text
        for option in re.findall(r"--[a-z-]+", sluice("help", *command.split()).text.split("Options:")[1].split("Exit status")[0]):
            assert option.replace("-", "\\-") in text
