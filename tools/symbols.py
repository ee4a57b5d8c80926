#!/usr/bin/python3
"""Writes the table of function names that an image carries for its panics.

usage: tools/symbols.py [LINKED.so] > symbols.S

Without an argument the table is empty: so the image is linked first, for addresses.
The table lies behind the code, so a longer one moves no function.
"""

import subprocess
import sys

HEADER = """/* Made by tools/symbols.py. */
	.section .rodata.symbols, "a"
	.globl	symbol_count, symbol_starts, symbol_names
	.hidden	symbol_count, symbol_starts, symbol_names
	.balign	4
"""


def functions(path):
    """(start, name) of each function, sorted; of several at one address the first by name."""
    answer = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True,
                            check=True)
    found = {}
    for line in answer.stdout.splitlines():
        start, kind, name = line.split()
        if kind in "tT" and not name.startswith(("_", ".")):
            found.setdefault(int(start, 16), []).append(name)
    return sorted((start, min(names)) for start, names in found.items())


def main():
    table = functions(sys.argv[1]) if len(sys.argv) > 1 else []
    print(HEADER + f"symbol_count:\n\t.long\t{len(table)}")
    print("symbol_starts:")
    for start, _ in table:
        print(f"\t.long\t{start:#x}")
    print("symbol_names:")
    for _, name in table:
        print(f'\t.asciz\t"{name}"')
    print('\t.byte\t0\n\t.section .note.GNU-stack, "", @progbits')


if __name__ == "__main__":
    main()
