#!/usr/bin/python3
"""Runs the hosted benchmark for every allocator present, interleaved, and compares.

Each round starts one process per allocator: ours, the limit (a bare per-CPU stack in the
same loops), the C library's malloc, and every preloadable library that is installed. A
row's figure is the median over the rounds; goals stand in GOALS and are for a machine
with two idle CPUs. The exit status is not 0 when a process fails.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

LIBRARIES = {
    "mimalloc": "libmimalloc.so.2",
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "snmalloc": "libsnmallocshim.so",
}
LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib64", "/usr/lib")

# Nanoseconds per pair; scaling is a factor and more of it is better.
GOALS = {
    "repeat-order0": 5.0, "repeat-order9": 6.0, "bulk-order0": 25.0, "rand-order0": 40.0,
    "repeat-64-constant": 5.0, "repeat-64": 5.0, "repeat-4096": 5.0, "bulk-64": 6.5,
    "rand-64": 6.5, "alloc-test": 7.5, "xmalloc-test": 6.8, "glibc-thread-scaling": 1.9,
}
MORE_IS_BETTER = {"glibc-thread-scaling"}
RECORD = re.compile(r"@host row=(\S+) allocator=\S+ ns=([\d.]+) instructions=([\d.]+)")


def library_path(name):
    for folder in LIBRARY_FOLDERS:
        path = pathlib.Path(folder) / name
        if path.exists():
            return path
    return None


def contestants():
    """(name, argument of the program, library to preload or None)"""
    found = [("ours", "ours", None), ("limit", "limit", None), ("libc", "malloc", None)]
    for name, library in LIBRARIES.items():
        path = library_path(library)
        if path:
            found.append((name, "malloc", path))
        else:
            print(f"bench-host: {name} is not installed", file=sys.stderr)
    return found


def run_once(program, argument, library, timeout_s):
    environment = dict(os.environ)
    if library:
        environment["LD_PRELOAD"] = str(library)
    done = subprocess.run([program, argument], env=environment, capture_output=True, text=True,
                          timeout=timeout_s, check=True)
    return {row: (float(ns), float(instructions))
            for row, ns, instructions in RECORD.findall(done.stdout)}


def verdict(row, value):
    goal = GOALS.get(row)
    if goal is None:
        return "", ""
    is_met = value >= goal if row in MORE_IS_BETTER else value <= goal
    return f"{goal:g}", "" if is_met else "MISSED"


def print_table(names, rows, figures):
    print(f"{'row':22}" + "".join(f"{name:>10}" for name in names) + f"{'goal':>8}")
    for row in rows:
        cells = ""
        for name in names:
            values = figures[name].get(row)
            cells += f"{statistics.median(values):10.2f}" if values else f"{'-':>10}"
        goal, mark = verdict(row, statistics.median(figures["ours"][row]))
        print(f"{row:22}{cells}{goal:>8} {mark}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a process")
    arguments = parser.parse_args()
    names, rows = contestants(), []
    figures = {name: {} for name, _, _ in names}
    for _ in range(arguments.rounds):
        for name, argument, library in names:
            try:
                measured = run_once(arguments.program, argument, library, arguments.timeout)
            except (subprocess.SubprocessError, OSError) as error:
                print(f"bench-host: {name}: {error}", file=sys.stderr)
                return 1
            for row, (ns, _) in measured.items():
                figures[name].setdefault(row, []).append(ns)
                if row not in rows:
                    rows.append(row)
    print(f"nanoseconds of thread CPU time per allocate + free, median of {arguments.rounds} "
          f"interleaved rounds, load {os.getloadavg()[0]:.1f}")
    print_table([name for name, _, _ in names], rows, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
