#!/usr/bin/python3
"""Checks that includes point the way the layers do, and that no file strays.

The list below is the one README.md shows: `check_layers.py --print` writes it,
and the check fails when the README holds another.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Who may include what. "*" is every folder. The first row that fits a file counts.
LAYERS = [
    ("include/lib", ["include/lib"]),
    ("include", ["include"]),
    ("mm", ["mm", "include"]),
    ("arch", ["arch", "include"]),
    ("efi/main.c", ["*"]),
    ("efi", ["efi", "include"]),
    ("tests", ["*"]),
]

# Without a library: what every C11 compiler brings along.
FREESTANDING = {"assert.h", "limits.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
                "stdint.h"}
# Headers from outside, by the folder that may use them.
FOREIGN = {
    "efi": {"efi.h", "efilib.h"},
    "tests/host": None,         # None: any
    "tests/fuzz": None,
    "tests/port_stub": None,
}
# port.h's inline half comes from the port on the include path.
PORT_HEADER = "mm_port_inline.h"

TOP_LEVEL = {"Makefile", "README.md", "LICENSE", "efi", "mm", "arch", "include", "tests",
             "tools", ".ci"}
BEGIN, END = "<!-- layers -->", "<!-- /layers -->"

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b", re.MULTILINE)


def layer_text():
    """The list as the README shows it."""
    width = max(len(name) for name, _ in LAYERS)
    rows = [f"{name:<{width}}  may include  "
            + ", ".join("everything" if target == "*" else target for target in targets)
            for name, targets in LAYERS]
    return "\n".join(["```", *rows, "```"])


def files_git_knows():
    """Names as git lists them, new files included; None where there is no git or repository."""
    try:
        answer = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                                cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.splitlines() if answer.returncode == 0 else None


def files_on_disk():
    """The same in an unpacked archive, or on a machine without git."""
    names = (str(path.relative_to(ROOT)) for path in ROOT.rglob("*"))
    return [name for name in names
            if not name.startswith(("build/", ".git/")) and "__pycache__" not in name]


def tracked_files():
    """The files of the tree."""
    names = files_git_knows()
    if names is None:
        names = files_on_disk()
    return sorted(name for name in names if (ROOT / name).is_file())


def is_inside(name, folder):
    return name == folder or name.startswith(folder + "/")


def layer_of(name):
    for layer, targets in LAYERS:
        if is_inside(name, layer):
            return layer, targets
    return None, []


def resolve(name, included):
    """The file an #include "..." reaches, as the compilers look it up."""
    for candidate in (pathlib.PurePosixPath(name).parent / included,
                      pathlib.PurePosixPath("include") / included,
                      pathlib.PurePosixPath(included)):
        if (ROOT / candidate).is_file():
            return str(candidate)
    return None


def foreign_problem(name, header):
    if header in FREESTANDING:
        return None
    for folder, allowed in FOREIGN.items():
        if is_inside(name, folder) and (allowed is None or header in allowed):
            return None
    return f"{name}: <{header}> is not for this folder"


def include_problems(name, text):
    layer, targets = layer_of(name)
    for quoted, angled in INCLUDE.findall(text):
        if angled:
            problem = foreign_problem(name, angled)
            if problem:
                yield problem
            continue
        if quoted == PORT_HEADER:
            continue
        target = resolve(name, quoted)
        if target is None:
            yield f'{name}: #include "{quoted}" reaches no file'
        elif "*" not in targets and not any(is_inside(target, allowed) for allowed in targets):
            yield f"{name}: {layer} may not include {target}"


def conditional_problems(name, text):
    """Configuration is constants in plain `if`: mm/*.c has no conditional compilation."""
    if is_inside(name, "mm") and name.endswith(".c") and CONDITIONAL.search(text):
        yield f"{name}: conditional compilation in mm/"


def place_problems(name):
    top = name.split("/", 1)[0]
    if top not in TOP_LEVEL and not ("/" not in name and name.startswith(".")):
        yield f"{name}: outside the layout"


def readme_problems():
    readme = ROOT / "README.md"
    if not readme.is_file():
        return
    text = readme.read_text()
    if BEGIN not in text or END not in text:
        yield f"README.md: no layer list between {BEGIN} and {END} (check_layers.py --print)"
    elif text.split(BEGIN, 1)[1].split(END, 1)[0].strip() != layer_text():
        yield "README.md: its layer list is not that of check_layers.py --print"


def problems():
    yield from readme_problems()
    for name in tracked_files():
        yield from place_problems(name)
        if name.endswith((".c", ".h", ".S")):
            text = (ROOT / name).read_text()
            yield from include_problems(name, text)
            yield from conditional_problems(name, text)


def main():
    if sys.argv[1:] == ["--print"]:
        print(layer_text())
        return 0
    found = list(problems())
    for problem in found:
        print(f"layers: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
