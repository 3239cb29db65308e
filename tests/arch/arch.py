"""What the checks of the architecture share: TAP, the table of layers, the tree's files."""

import importlib.machinery
import importlib.util
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()

_count = 0
_failed = 0


def ok(holds, text, details=()):
    """Reports one test; `details` are shown where it fails."""
    global _count, _failed
    _count += 1
    print(f"{'ok' if holds else 'not ok'} {_count} - {text}")
    if not holds:
        _failed += 1
        for line in details:
            print(f"#   {line}")


def none(findings, text):
    """Reports one test that holds where nothing was found."""
    ok(not findings, text, findings)


def done():
    """Prints the plan and ends the program."""
    print(f"1..{_count}")
    sys.exit(1 if _failed or not _count else 0)


def output_of(*command, **options):
    """A command's standard output; a failing command ends the test program."""
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def succeeds(*command):
    """Whether a command ends with status 0, and what it printed."""
    finished = subprocess.run(
        [str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return finished.returncode == 0, finished.stdout.splitlines()


def load_layers():
    """tools/layers as a module: the same reading of src/LAYERS that the build uses."""
    loader = importlib.machinery.SourceFileLoader("layers", str(ROOT / "tools" / "layers"))
    sys.dont_write_bytecode = True
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("layers", loader))
    loader.exec_module(module)
    return module


def folders():
    """The rows of src/LAYERS whose folder holds C files, in order."""
    layers = load_layers()
    return [folder for folder in layers.existing(layers.read_table()) if any(folder.path.glob("*.c"))]


def archive(folder):
    """The static library of a folder in the build under test."""
    return BUILD / "src" / f"libsl_{folder.name}.a"


def view(folder):
    """The include directory of a folder in the build under test."""
    return BUILD / "src" / "views" / folder.name


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_of(path):
    """A C file without its comments and with empty strings; the lines keep their numbers."""

    def blank(match):
        text = match.group(0)
        return "\n" * text.count("\n") if text.startswith("/") else text[0] * 2

    return _TOKEN.sub(blank, path.read_text(encoding="utf-8"))


def tree_files():
    """The project's files: tracked, or new and not ignored. Without git, all but builds."""
    try:
        names = output_of("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", stderr=subprocess.DEVNULL)
        found = [ROOT / name for name in names.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not re.match(r"build(-|/|$)|\.git(/|$)", str(path.relative_to(ROOT)))]
    return sorted(path for path in found if path.is_file())


def lines_of(path):
    """A file's lines, or none where it is not text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def place(path, number):
    return f"{path.relative_to(ROOT)}:{number}"
