#!/usr/bin/env python3
"""The project's files: short enough to read, finished, and free of one machine's paths."""

import re

import arch

LONGEST = 800
CODE = (".c", ".h", ".cc", ".py", ".js", ".sh", ".lua")
# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
SWITCHED_OFF = re.compile(r"pytest\.(mark\.)?sk" r"ip|xf" r"ail|#if" r" 0\b")
MACHINE = re.compile(r"(?<![\w.])/(home|root|work|Users)/\w")


def is_code(path):
    return path.suffix in CODE or (not path.suffix and arch.lines_of(path)[:1] and arch.lines_of(path)[0].startswith("#!"))


def search(files, pattern):
    return [
        f"{arch.place(path, number)}: {line.strip()[:120]}"
        for path in files
        for number, line in enumerate(arch.lines_of(path), 1)
        if pattern.search(line)
    ]


def main():
    files = [path for path in arch.tree_files() if path.name != "LICENSE"]
    code = [path for path in files if is_code(path)]
    arch.ok(len(code) > 10, f"{len(code)} files of code among {len(files)} were read")
    long = [f"{path.relative_to(arch.ROOT)}: {len(arch.lines_of(path))} lines" for path in code if len(arch.lines_of(path)) > LONGEST]
    arch.none(long, f"no file of code is longer than {LONGEST} lines")
    arch.none(search(code, UNFINISHED), "nothing is marked as unfinished")
    arch.none(search(code, SWITCHED_OFF), "no test and no code is switched off")
    here = re.compile(re.escape(str(arch.ROOT)) + r"\b")
    arch.none(search(files, here) + search(files, MACHINE), "no file names a path of one machine")
    empty = [str(path.relative_to(arch.ROOT)) for path in files if path.stat().st_size > 1 << 20]
    arch.none(empty, "no file is larger than 1 MiB")
    arch.done()


main()
