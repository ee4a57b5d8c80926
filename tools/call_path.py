#!/usr/bin/python3
"""What a reader opens to follow an operation: files entered, and changes of file.

	call_path.py build/host/path

The program prints the functions that each operation goes through; addr2line says in
which files they stand. A change of file is a call from a function of one file to one
of another. What happens in include/ (lists, bits, locks) and in the port is no change.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def operations(text):
    """{name: [(depth, address)]}; of several with one name the last counts."""
    found = {}
    for line in text.splitlines():
        if line.startswith("operation "):
            found[line.split(" ", 1)[1]] = events = []
        else:
            depth, address = line.split()
            events.append((int(depth), address))
    return found


def files_of(program, addresses):
    """{address: file below the repository, or None for what is not mm's}."""
    answer = subprocess.run(["addr2line", "-e", program, *addresses], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    found = {}
    for address, place in zip(addresses, answer):
        path = os.path.relpath(os.path.realpath(place.rsplit(":", 1)[0]), os.path.realpath(ROOT))
        found[address] = path if path.startswith("mm/") else None
    return found


def follow(events, files):
    """(files in the order in which they are entered first, changes of file)."""
    entered, changes, stack = [], 0, []
    for depth, address in events:
        del stack[depth:]
        name = files[address] or (stack[-1] if stack else None)
        if name and name not in entered:
            entered.append(name)
        before = stack[-1] if stack else None
        changes += before is not None and name != before
        stack.extend([name] * (depth + 1 - len(stack)))
    return entered, changes


def main():
    if len(sys.argv) != 2:
        print("usage: call_path.py PROGRAM", file=sys.stderr)
        return 2
    try:
        text = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"call_path.py: {sys.argv[1]}: {getattr(problem, 'strerror', None) or problem}; "
              "`make call-path` builds and runs it", file=sys.stderr)
        return 2
    if "operation " not in text:
        print(f"call_path.py: {sys.argv[1]} tells of no operation", file=sys.stderr)
        return 2
    traced = operations(text[text.index("operation "):])
    files = files_of(sys.argv[1], sorted({address for events in traced.values()
                                          for _, address in events}))
    for name, events in traced.items():
        entered, changes = follow(events, files)
        print(f"{name:26} {len(entered):2} files, {changes:3} changes: {' '.join(entered)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
