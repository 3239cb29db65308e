#!/usr/bin/env python3
"""The pure folders import no clock and no I/O, hold no writable global, and compute in integers."""

import fnmatch
import re

import arch

HEADING = re.compile(r"^File: .*[\[(](.*)[\])]$")


def allowed_symbols():
    """(pattern, folders that may import it; none named: every pure one)."""
    for line in arch.lines_of(arch.ROOT / "tests" / "arch" / "allowed-symbols.txt"):
        words = line.split("#", 1)[0].split()
        if words:
            yield words[0], words[1:]


def members(text):
    """Splits what readelf prints of an archive: (member, line)."""
    member = "?"
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            member = heading.group(1)
        else:
            yield member, line


def symbols(library):
    """(member, name, section index, binding, type, size) of each named symbol. readelf shows the
    machine code's symbols also where an object holds LTO bytecode besides."""
    for member, line in members(arch.output_of("readelf", "-sW", library)):
        cells = line.split()
        if len(cells) == 8 and cells[0].rstrip(":").isdigit():
            yield member, cells[7], cells[6], cells[4], cells[3], int(cells[2], 0)


def sections(library):
    """(member, name, size, flags) of each section."""
    row = re.compile(r"^\s*\[ *\d+\] (\S+)\s+\S+\s+\S+ \S+ ([0-9a-f]+) \S+\s+([A-Za-z]*)\s+\d+\s+\d+\s+\d+$")
    for member, line in members(arch.output_of("readelf", "-SW", library)):
        match = row.match(line)
        if match:
            yield member, match.group(1), int(match.group(2), 16), match.group(3)


def defined(folder):
    return {name for _, name, index, binding, _, _ in symbols(arch.archive(folder)) if index != "UND" and binding != "LOCAL"}


def check_imports(folder, below, allowed):
    ours = set().union(*(defined(other) for other in [folder, *below]))
    bad = set()
    for member, name, index, _, _, _ in symbols(arch.archive(folder)):
        listed = any(
            fnmatch.fnmatchcase(name, pattern) and (not where or folder.name in where) for pattern, where in allowed
        )
        if index == "UND" and name not in ours and not listed:
            bad.add(f"{member} imports {name}")
    arch.none(sorted(bad), f"{folder.name} imports only its lower folders and the allowed symbols")


def check_globals(folder):
    bad = []
    rows = list(sections(arch.archive(folder)))
    for member, name, size, flags in rows:
        # .data.rel.ro holds constants with addresses in them: read-only once loaded.
        if "W" in flags and size > 0 and not name.startswith(".data.rel.ro"):
            bad.append(f"{member} has {size} writable bytes in {name}")
    bad += [f"{member} has common symbol {name}" for member, name, index, *_ in symbols(arch.archive(folder)) if index == "COM"]
    arch.ok(bool(rows) and not bad, f"{folder.name} holds no writable global", bad or ["no section was read"])


def check_integers(folder):
    bad = []
    for path in sorted(folder.path.glob("*.[ch]")):
        for number, line in enumerate(arch.code_of(path).splitlines(), 1):
            if re.search(r"\b(float|double|_Float\w+|alloca)\b", line):
                bad.append(f"{arch.place(path, number)}: {line.strip()}")
    arch.none(bad, f"{folder.name} computes without floating point and without alloca")


def main():
    rows = arch.folders()
    allowed = list(allowed_symbols())
    for folder in rows:
        if folder.kind == "pure":
            check_imports(folder, [other for other in rows if other.name in folder.closure], allowed)
            check_globals(folder)
            check_integers(folder)
    arch.done()


main()
