#!/usr/bin/env python3
"""Makes the log that `sluice replay` is measured with: a real log repeated to N lines, the times of each
repetition moved on by the log's length.

  bench/replay_file.py [--lines N] [--source LOG] OUTPUT

LOG is the one in SLUICE_SHARED/data/access.log (by default ../shared/ beside the project) where there
is one, else what examples/make-access-log makes. An OUTPUT that is there already and was made of the
same stays as it is.
"""

import argparse
import datetime
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))
TIME = re.compile(rb"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d) ([+-]\d{4})\]")
MONTHS = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"]
LINES = 2_000_000


def source_bytes(source=None):
    """The log to repeat."""
    if source:
        return pathlib.Path(source).read_bytes()
    real = SHARED / "data" / "access.log"
    if real.exists():
        return real.read_bytes()
    return subprocess.run([sys.executable, ROOT / "examples" / "make-access-log"], check=True, stdout=subprocess.PIPE).stdout


def parse_time(text):
    day, month, rest = text.split(b"/", 2)
    year, hour, minute, second = rest.split(b":")
    moment = datetime.datetime(int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


def format_time(seconds, known):
    minute = seconds // 60
    if minute not in known:
        moment = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)
        known[minute] = b"%02d/%s/%04d:%02d:%02d:" % (moment.day, MONTHS[moment.month - 1], moment.year, moment.hour, moment.minute)
    return known[minute] + b"%02d" % (seconds % 60)


def pieces_of(log):
    """Each line as (before its time, the time, after it). The time as written, whatever its zone: moving
    it on moves the instant."""
    for line in log.splitlines(keepends=True):
        found = TIME.search(line)
        if found:
            yield line[: found.start(1)], parse_time(found.group(1)), line[found.end(1) :]


def write_repeated(log, lines, output):
    pieces = list(pieces_of(log))
    times = [time for _, time, _ in pieces]
    length = max(times) - min(times) + 1
    written = 0
    repetition = 0
    with open(output, "wb") as out:
        while written < lines:
            known = {}
            move = repetition * length
            out.write(b"".join(b"%s%s%s" % (before, format_time(time + move, known), after) for before, time, after in pieces))
            written += len(pieces)
            repetition += 1


def make(output, lines=LINES, source=None):
    """Makes the file, unless it is there. Returns its path."""
    output = pathlib.Path(output)
    log = source_bytes(source)
    made_of = f"{hashlib.sha256(log).hexdigest()} {lines} 1\n"
    note = output.with_name(output.name + ".made-of")
    if not (output.exists() and note.exists() and note.read_text() == made_of):
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_name(output.name + ".partial")
        write_repeated(log, lines, partial)
        partial.replace(output)
        note.write_text(made_of)
    return output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--source")
    parser.add_argument("output", nargs="?", default=ROOT / "build" / "bench-access.log")
    options = parser.parse_args()
    print(make(options.output, options.lines, options.source))


if __name__ == "__main__":
    main()
