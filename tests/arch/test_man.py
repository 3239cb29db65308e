#!/usr/bin/env python3
"""Every public function has a man page, and the pages say what the header says."""

import pathlib
import re
import subprocess
import tempfile

import arch

HEADER = arch.ROOT / "include" / "sluice" / "sluice.h"
PAGES = arch.ROOT / "docs" / "man"
# What a function's page tells of its results, however it tells it.
RESULT = re.compile(r"SLUICE_\w+|[Rr]esults|errors as|As sluice_|The same|NULL")


def functions():
    return sorted(set(re.findall(r"^SLUICE_API [^;]*?\b(sluice_\w+)\(", HEADER.read_text(encoding="utf-8"), re.MULTILINE)))


def comments():
    """Each function's comment in the header."""
    text = HEADER.read_text(encoding="utf-8")
    for match in re.finditer(r"((?:^//[^\n]*\n)*)^SLUICE_API [^;]*?\b(sluice_\w+)\(", text, re.MULTILINE):
        yield match.group(2), match.group(1)


def main():
    names = functions()
    arch.ok(len(names) > 30, f"the header declares {len(names)} functions")
    arch.none([name for name in names if not (PAGES / f"{name}.3").is_file()], "each has a man page")
    arch.none([name for name, comment in comments() if not RESULT.search(comment)], "each comment tells of results")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([arch.ROOT / "tools" / "man-pages", directory], check=True)
        made = {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}
    kept = {path.name: path.read_bytes() for path in PAGES.glob("*.3")}
    advice = "run tools/man-pages"
    arch.none([f"{name}: {advice}" for name in sorted(made.keys() | kept.keys()) if made.get(name) != kept.get(name)],
              "the pages are those of the header")
    index = kept.get("sluice.3", b"").decode()
    arch.none([name for name in names if f"\\fB{name}\\fR(3)" not in index], "sluice.3 names each function")
    arch.done()


main()
