#!/usr/bin/env python3
"""`make install` puts in place all that a user of Sluice needs: programs in C and C++ build against
the installed files alone, with the shared library and with the static one, and run."""

import os
import pathlib
import subprocess
import tempfile

import arch

C_PROGRAM = "#include <sluice/sluice.h>\n#include <stdio.h>\nint main(void) { return puts(\"fine\") < 0; }\n"


def install(stage):
    """Installs the build under test below `stage`; returns the directory that stands for PREFIX."""
    command = ["meson", "install", "-C", arch.BUILD, "--no-rebuild", "--quiet"]
    finished = subprocess.run(
        [str(word) for word in command], env={**os.environ, "DESTDIR": str(stage)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    arch.ok(finished.returncode == 0, "the build installs below DESTDIR", finished.stdout.splitlines())
    headers = list(stage.rglob("include/sluice/sluice.h"))
    if len(headers) != 1:
        arch.ok(False, "the header is installed once", [str(path) for path in headers])
        arch.done()
    return headers[0].parent.parent.parent


def pkg_config(prefix, *arguments):
    """The flags of the installed sluice.pc, read as if `prefix` were the prefix it was made for."""
    directory = next(prefix.rglob("sluice.pc")).parent
    command = ["pkg-config", f"--define-variable=prefix={prefix}", *arguments, "sluice"]
    return arch.output_of(*command, env={**os.environ, "PKG_CONFIG_PATH": str(directory)}).split()


def check_files(prefix):
    wanted = ["bin/sluice", "include/sluice/sluice.h", "**/libsluice.a", "**/libsluice.so",
              "**/libsluice.so.0", "**/pkgconfig/sluice.pc"]
    pages = sorted((arch.ROOT / "docs" / "man").glob("*.[1-8]"))
    wanted += [f"**/man{page.suffix[1:]}/{page.name}*" for page in pages]
    for pattern in wanted:
        arch.ok(any(prefix.glob(pattern)), f"{pattern} is installed")
    kinds = {page.suffix for page in pages}
    arch.ok({".1", ".3"} <= kinds, "there are man pages of the program and of the library")


def build_and_run(name, command, program, libraries):
    fine, said = arch.succeeds(*command)
    arch.ok(fine, f"{name} builds", said)
    if fine:
        ran = subprocess.run([program], env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        arch.ok(ran.returncode == 0, f"{name} runs", [f"status {ran.returncode}", *ran.stdout.splitlines()])


def check_programs(prefix, work):
    libraries = next(prefix.rglob("libsluice.a")).parent
    sources = sorted((arch.ROOT / "examples").glob("*.c"))
    arch.ok(len(sources) > 0, "there is an example of the library")
    small = work / "small.c"
    small.write_text(C_PROGRAM, encoding="utf-8")
    flags, shared = pkg_config(prefix, "--cflags"), pkg_config(prefix, "--libs")
    static = [*pkg_config(prefix, "--cflags"), f"-L{libraries}", "-Wl,-Bstatic", "-lsluice", "-Wl,-Bdynamic", "-lyaml"]
    for source in [small, *sources]:
        program = work / source.stem
        build_and_run(f"{source.name} with pkg-config's flags",
                      ["cc", "-std=c11", "-Wall", "-Werror", source, "-o", program, *flags, *shared], program, libraries)
        build_and_run(f"{source.name} with the static library",
                      ["cc", "-std=c11", source, "-o", program, *static], program, libraries)
        build_and_run(f"{source.name} with the static library and another compiler",
                      ["clang", "-std=c11", source, "-o", program, *static], program, libraries)


def main():
    with tempfile.TemporaryDirectory() as directory:
        stage, work = pathlib.Path(directory) / "stage", pathlib.Path(directory)
        prefix = install(stage)
        check_files(prefix)
        check_programs(prefix, work)
    arch.done()


main()
