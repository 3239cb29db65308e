"""What the tests of the real binary share: where it is, how it is called, where the logs are."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = pathlib.Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))
BINARY = os.environ.get("SLUICE_BIN") or os.environ.get("SLUICE") or str(ROOT / "build" / "sluice")


class Result:
    """How a call of the program ended."""

    def __init__(self, finished):
        self.status = finished.returncode
        self.out = finished.stdout
        self.err = finished.stderr

    @property
    def text(self):
        return self.out.decode()

    @property
    def errors(self):
        return self.err.decode()

    def report(self):
        """The one JSON object on standard output; every object in it as a list of pairs, so that the order of
        fields counts, too."""
        assert self.status == 0, self.errors
        assert self.out.count(b"\n") == 1 and self.out.endswith(b"\n")
        return json.loads(self.out, object_pairs_hook=list)

    def figures(self):
        """The same as a dictionary."""
        assert self.status == 0, self.errors
        return json.loads(self.out)


class Sluice:
    """Calls the program in a directory of the test's own."""

    def __init__(self, directory):
        self.directory = directory

    def __call__(self, *arguments, stdin=b"", environment=None):
        finished = subprocess.run(
            [BINARY, *map(str, arguments)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
            env={**os.environ, **(environment or {})},
            timeout=300,
            check=False,
        )
        return Result(finished)

    def write(self, name, content):
        """Writes a file: bytes, text, or rules as a list of dictionaries (JSON is YAML)."""
        path = self.directory / name
        if isinstance(content, list):
            content = json.dumps({"rules": content})
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def replay(self, rules, log, *options, stdin=b""):
        """Replays a log (bytes, or a path) under rules with --json."""
        rules = self.write("rules.yaml", rules)
        if isinstance(log, bytes):
            log = self.write("access.log", log)
        return self("replay", "--rules", rules, "--json", *options, log, stdin=stdin)


@pytest.fixture
def sluice(tmp_path):
    return Sluice(tmp_path)


@pytest.fixture(scope="session")
def example_log():
    """What examples/make-access-log makes."""
    made = subprocess.run([sys.executable, ROOT / "examples" / "make-access-log"], stdout=subprocess.PIPE, check=True)
    return made.stdout


def real_logs():
    """The real log where it is at hand. It is not part of the project."""
    path = SHARED / "data" / "access.log"
    return [path.read_bytes()] if path.exists() else []
