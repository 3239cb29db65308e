#!/usr/bin/env python3
"""libsluice shows its users sluice_* and nothing else; what is linked is hardened."""

import re
import shutil

import arch

SHARED = arch.BUILD / "libsluice.so"
STATIC = arch.BUILD / "libsluice.a"
PROGRAM = arch.BUILD / "sluice"
HEADER = arch.ROOT / "include" / "sluice" / "sluice.h"


def exported(*command):
    return {line.split()[-1] for line in arch.output_of(*command).splitlines() if len(line.split()) == 3}


def declared():
    """The functions the header declares: a name, a parameter list, and no body."""
    code = arch.output_of("cc", "-E", "-P", HEADER)
    while re.search(r"\{[^{}]*\}", code):
        code = re.sub(r"\{[^{}]*\}", "", code)
    statements = [text for text in code.split(";") if not text.split()[:1] == ["typedef"]]
    return {name for text in statements for name in re.findall(r"\b(sluice_\w+)\s*\(", text)}


def main():
    names = declared()
    arch.ok(len(names) > 0, f"the header declares {len(names)} functions")
    for library, command in ((SHARED, ("nm", "-D", "--defined-only")), (STATIC, ("nm", "-g", "--defined-only"))):
        found = exported(*command, library)
        arch.none(sorted(name for name in found if not name.startswith("sluice_")), f"{library.name} exports only sluice_*")
        arch.none(sorted(names - found), f"{library.name} defines every function the header declares")
        arch.none(sorted(found - names), f"every function {library.name} exports is in the header")

    dynamic = arch.output_of("readelf", "-dW", SHARED)
    arch.ok("[libsluice.so.0]" in dynamic, "the shared library's name is libsluice.so.0", dynamic.splitlines())
    for path in (SHARED, PROGRAM):
        arch.ok("NOW" in arch.output_of("readelf", "-dW", path), f"{path.name} is bound when it is loaded")
        headers = arch.output_of("readelf", "-lW", path)
        arch.ok("GNU_RELRO" in headers, f"{path.name} has read-only relocations")
        stack = [line for line in headers.splitlines() if "GNU_STACK" in line]
        arch.ok(len(stack) == 1 and " RW " in stack[0], f"{path.name} has no executable stack", stack)
    arch.ok("DYN" in arch.output_of("readelf", "-hW", PROGRAM), "the program is position-independent")

    for compiler, standard in (("cc", "c11"), ("c++", "c++17")):
        if shutil.which(compiler):
            language = "c" if standard == "c11" else "c++"
            fine, said = arch.succeeds(compiler, f"-std={standard}", "-x", language, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", HEADER)
            arch.ok(fine, f"the header compiles by itself as strict {standard}", said)
    arch.done()


main()
