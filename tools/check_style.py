#!/usr/bin/python3
"""Checks what of the style can be counted: lengths, tabs, theory blocks, open ends.

With --functions the longest functions are listed, to see where the limit is near.
"""

import re
import sys

import check_layers

MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100
TAB_COLUMNS = 8
SOURCES = (".c", ".h", ".S")

TODO_WITHOUT_ISSUE = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.*#\d+)")
FUNCTION_NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")
STATIC_NAME = re.compile(r"^static [^;=({]*\b(\w+)\(", re.MULTILINE)
UNSEARCHABLE = {"add", "begin", "cut", "count", "do_it", "end", "find", "free", "get", "give",
                "give_back", "init", "install", "make", "pop", "push", "put", "release", "run",
                "start", "stop", "take", "visit", "work"}
# Indentation by blanks: a tab's worth of them, not followed by the star of a comment.
BLANK_INDENT = re.compile(r"^\t* {8}(?!\*)")


def functions(lines):
    """Yields (name, first line number, lines in all) of each function body in a C file."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            heading = lines[start - 2]
            at = start - 2
            while at > 0 and heading[:1] in "\t ":      # continued parameters
                at -= 1
                heading = lines[at]
            names = FUNCTION_NAME.findall(heading)
            yield names[0] if names else "?", start, number - start + 1
            start = None


def line_problems(name, number, line):
    if len(line.expandtabs(TAB_COLUMNS)) > MAX_COLUMNS:
        yield f"{name}:{number}: longer than {MAX_COLUMNS} columns"
    if line != line.rstrip():
        yield f"{name}:{number}: blanks at the end"
    if BLANK_INDENT.match(line) and name.endswith(SOURCES):
        yield f"{name}:{number}: indented by blanks"
    if TODO_WITHOUT_ISSUE.search(line):
        yield f"{name}:{number}: open end without an issue number"


def name_problems(name, text):
    """A static name that is a lone everyday verb cannot be searched for."""
    for function in STATIC_NAME.findall(text):
        if function in UNSEARCHABLE:
            yield f"{name}: {function}() says too little for the only name it is found by"


def file_problems(name, text):
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        yield from line_problems(name, number, line)
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield f"{name}: does not end in exactly one newline"
    if name.startswith("mm/"):
        yield from name_problems(name, text)
    if name.endswith(".c"):
        if not text.startswith("/*"):
            yield f"{name}: no theory block at its top"
        for function, start, length in functions(lines):
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{start}: {function}() has {length} lines"
    if name.endswith(".h") and not text.startswith("#ifndef "):
        yield f"{name}: does not begin with its include guard"


def sources():
    for name in check_layers.tracked_files():
        # This file names what it looks for.
        if name.endswith((*SOURCES, ".py", ".sh", "Makefile")) and name != "tools/check_style.py":
            yield name, (check_layers.ROOT / name).read_text()


def print_longest():
    found = [(length, name, function) for name, text in sources() if name.endswith(".c")
             for function, _, length in functions(text.split("\n"))]
    for length, name, function in sorted(found, reverse=True)[:20]:
        print(f"{length:4} {name}: {function}()")


def main():
    if sys.argv[1:] == ["--functions"]:
        print_longest()
        return 0
    found = [problem for name, text in sources() for problem in file_problems(name, text)]
    for problem in found:
        print(f"style: {problem}", file=sys.stderr)
    if not found:
        print(f"style: {len(list(sources()))} files, lengths, tabs, theory blocks, ends")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
