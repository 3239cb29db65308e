#!/usr/bin/env python3
"""A folder of src/ sees only the folders that src/LAYERS allows it."""

import pathlib
import re
import tempfile

import arch

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def compiles(folder, text):
    """Whether a C file with this text compiles with the folder's view, as a file of the folder would."""
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory) / "probe.c"
        source.write_text(text, encoding="utf-8")
        return arch.succeeds("cc", "-std=gnu11", "-fsyntax-only", f"-I{arch.view(folder)}", source)


def a_header(folder):
    return next(iter(sorted(folder.path.glob("*.h"))), None)


def check_views(rows):
    for folder in rows:
        for other in rows:
            header = a_header(other)
            if header is None:
                continue
            allowed = other is folder or other.name in folder.closure
            fine, said = compiles(folder, f'#include "{other.name}/{header.name}"\n')
            if allowed:
                arch.ok(fine, f"{folder.name}/ can include {other.name}/{header.name}", said)
            else:
                wall = any("No such file or directory" in line for line in said)
                arch.ok(not fine and wall, f"{folder.name}/ cannot include {other.name}/{header.name}", said)
        fine, said = compiles(folder, "#include <sluice/sluice.h>\n")
        word = "can" if folder.sees_public_header else "cannot"
        arch.ok(fine == folder.sees_public_header, f"{folder.name}/ {word} include the public header", said)


def check_includes(rows):
    """The text of every include, which also shows paths that climb out of a view."""
    for folder in rows:
        bad = []
        for path in sorted(folder.path.glob("*.[ch]")):
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                where = arch.place(path, text.count("\n", 0, match.start()) + 1)
                first = match.group(2).split("/")[0]
                ours = match.group(1) == '"'
                if ".." in match.group(2).split("/"):
                    bad.append(f"{where} climbs: {match.group(2)}")
                elif ours and first != folder.name and first not in folder.allowed:
                    bad.append(f"{where} includes {match.group(2)}, which src/LAYERS does not allow")
                elif not ours and first == "sluice" and not folder.sees_public_header:
                    bad.append(f"{where} includes the public header")
        arch.none(bad, f"{folder.name}/ names only the folders of its row")


def check_headers(rows):
    for folder in rows:
        for header in sorted(folder.path.glob("*.h")):
            fine, said = compiles(folder, f'#include "{folder.name}/{header.name}"\n#include "{folder.name}/{header.name}"\n')
            arch.ok(fine, f"{folder.name}/{header.name} compiles by itself, and twice", said)


def main():
    rows = arch.folders()
    check_views(rows)
    check_includes(rows)
    check_headers(rows)
    arch.done()


main()
