#!/usr/bin/python3
"""Checks that calls go one way: no file uses what a later one of its folder defines.

	check_calls.py OBJECTS SOURCE...

The sources are given in their order, each after what it uses; OBJECTS is the folder
of their object files. What a file defines and needs is read from its object (nm), so
what an inline function of a header leads to counts as well. Calls through a pointer
do not: that is how a lower file reaches what a higher one has registered.

A folder's files are compared among themselves; mm/ is one folder whose rooms
follow each other.
"""

import pathlib
import subprocess
import sys


def symbols(path, option):
    """The names that `nm` lists, without their addresses and kinds."""
    answer = subprocess.run(["nm", "-g", option, str(path)], capture_output=True, text=True,
                            check=True)
    return [line.split()[-1] for line in answer.stdout.splitlines() if line.strip()]


def folder_of(source):
    return source.split("/", 1)[0]


def objects_of(folder, sources):
    """{source: its object}; an assembler source or one that is not built has none."""
    found = {}
    for source in sources:
        path = pathlib.Path(folder) / f"{source}.o"
        if path.is_file():
            found[source] = path
    return found


def upward_calls(sources, defined_in, needs):
    """Yields (caller, callee's file, name) for each use of a later file of the same folder."""
    place = {source: index for index, source in enumerate(sources)}
    for source in sources:
        for name in sorted(needs.get(source, ())):
            target = defined_in.get(name)
            if target and folder_of(target) == folder_of(source) and place[target] > place[source]:
                yield source, target, name


def main():
    if len(sys.argv) < 3:
        print("usage: check_calls.py OBJECTS SOURCE...", file=sys.stderr)
        return 2
    sources = sys.argv[2:]
    objects = objects_of(sys.argv[1], sources)
    if not objects:
        print(f"calls: no objects in {sys.argv[1]}", file=sys.stderr)
        return 1
    defined_in = {name: source for source, path in objects.items()
                  for name in symbols(path, "--defined-only")}
    needs = {source: symbols(path, "--undefined-only") for source, path in objects.items()}
    found = list(upward_calls(sources, defined_in, needs))
    for source, target, name in found:
        print(f"calls: {source} uses {name}() of {target}, which comes after it", file=sys.stderr)
    if not found:
        print(f"calls: {len(objects)} files, each uses only what comes before it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
