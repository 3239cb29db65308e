#!/usr/bin/env python3
"""tests/run counts what it should: a test program that goes wrong in any way is a failure."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile

import arch


def load_runner():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("runner", str(arch.ROOT / "tests" / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
    loader.exec_module(module)
    return module


runner = load_runner()

# What a program does, whether it must print a plan, tests passed, failures.
PROGRAMS = [
    ("echo ok 1 - a; echo ok 2; echo 1..2", True, 2, []),
    ("echo 1..1; echo ok 1 - a", True, 1, []),
    ("echo ok 1 - a; echo not ok 2 - b; echo 1..2; exit 1", True, 1, ["b"]),
    ("echo ok 1 - a; echo not ok 2 - b; echo 1..2", True, 1, ["b", "exited with status 0 although tests failed"]),
    ("echo ok 1 - a", True, 1, ["printed no plan"]),
    ("echo ok 1 - a; echo 1..2", True, 1, ["planned 2 tests and reported 1"]),
    ("echo ok 1 - a '# SKIP'; echo 1..1; exit 1", True, 0, ["a # SKIP"]),
    ("echo 1..0", True, 0, ["reported no test"]),
    ("true", True, 0, ["printed no plan"]),
    ("echo ok 1 - a; echo 1..1; exit 1", True, 1, ["exited with status 1"]),
    ("echo ok 1 - a; echo not ok 2 - b; echo 1..2; exit 99", True, 1, ["b", "exited with status 99"]),
    ("echo ok 1 - a; echo 1..1; kill -SEGV $$", True, 1, ["was ended by signal SIGSEGV"]),
    ("echo ok 1 - a; sleep 600", True, 1, ["did not end within its time limit"]),
    ("echo ok some-id; echo ok other", False, 2, []),
    ("echo ok some-id; echo 'not ok other: step 3, expected 1, got 2'; exit 1", False, 1, ["other: step 3, expected 1, got 2"]),
    ("true", False, 0, ["reported no test"]),
]

REPORTS = [
    ('<testsuites><testsuite><testcase classname="t" name="a"/></testsuite></testsuites>', 0, 1, []),
    ('<testsuites><testsuite><testcase classname="t" name="a"><failure/></testcase></testsuite></testsuites>', 1, 0, ["t.a (failure)"]),
    ('<testsuites><testsuite><testcase classname="t" name="a"><skipped/></testcase></testsuite></testsuites>', 0, 0, ["t.a (skipped)"]),
    ('<testsuites><testsuite/></testsuites>', 5, 0, ["exited with status 5"]),
    ('<testsuites><testsuite/></testsuites>', 0, 0, ["reported no test"]),
    ("", 0, 0, ["reported no test"]),
]


def check_programs():
    for script, plan_wanted, passed, failures in PROGRAMS:
        limit = 1 if "sleep" in script else 60
        name = script.replace("#", "")  # which would make a directive of it
        found = runner.count_tap(runner.run_program(["sh", "-c", script], limit), plan_wanted)
        got = (found.passed, found.failures)
        arch.ok(got == (passed, failures), f"{passed} passed, {len(failures)} failed: {name}", [f"got {got}"])
    missing = runner.count_tap(runner.run_program(["/nonexistent/program"], 60))
    arch.ok(missing.failures == ["exited with status 127"], "a program that is not there is a failure", missing.failures)


def check_reports():
    with tempfile.TemporaryDirectory() as directory:
        for text, status, passed, failures in REPORTS:
            report = pathlib.Path(directory) / "report.xml"
            report.write_text(text, encoding="utf-8")
            found = runner.count_junit(runner.Finished(status, False, ""), report)
            got = (found.passed, found.failures)
            arch.ok(got == (passed, failures), f"{passed} passed, {len(failures)} failed: {text or 'no report'}", [f"got {got}"])


def main():
    check_programs()
    check_reports()
    arch.done()


main()
