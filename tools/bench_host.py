#!/usr/bin/python3
"""Runs the hosted benchmark for every allocator present, interleaved, and compares.

Each round starts a process for every row and allocator: ours, the limit (a bare per-CPU
stack in the same loops), the C library's malloc, and every preloadable library that is
installed. A figure is the median over the rounds. Nanoseconds depend on the machine and the
hour: where the limit of a round takes longer than on the machine the goals were set on
(GOALS), ours counts as less in the same proportion. It never counts as more, since that
limit did more than ours.
Rows of two threads tell something on two idle CPUs only: they are judged when nothing else
ran. The exit status is not 0 when a goal is missed, when frag_host's share of free blocks
is, or when a process fails.
"""

import argparse
import dataclasses
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

# Row: (goal, limit of the day it was set), in nanoseconds per pair; scaling is a factor.
GOALS = {
    "repeat-order0": (5.0, 3.0), "repeat-order9": (6.0, 3.0),
    "bulk-order0": (25.0, 3.8), "rand-order0": (40.0, 3.8),
    "repeat-64-constant": (5.0, 3.3), "repeat-64": (5.0, 3.3), "repeat-4096": (5.0, 3.4),
    "bulk-64": (6.5, 4.5), "rand-64": (6.5, 4.9), "alloc-test": (7.5, 6.3),
    "xmalloc-test": (6.8, 5.5), "glibc-thread-scaling": (1.9, 2.0),
}
MORE_IS_BETTER = {"glibc-thread-scaling"}
THREAD_ROWS = {"xmalloc-test", "glibc-thread-scaling"}
# Per cent of memory in wholly free 2 MiB blocks, of the 55 that are free.
FRAG_GOALS = {"frag": 50.0}

RECORD = re.compile(r"^@host row=(\S+) allocator=\S+ ns=([\d.]+) instructions=([\d.]+)$", re.M)
FRAG_RECORD = re.compile(r"^@host row=(\S+) allocator=\S+ percent=([\d.]+) possible=([\d.]+)"
                         r" before=([\d.]+) rounds=(\d+) seed=(\d+)$", re.M)


@dataclasses.dataclass
class Contestant:
    """Who is measured: the program's argument, and a library to preload."""
    name: str
    argument: str
    library: pathlib.Path | None = None


def library_path(name):
    for folder in LIBRARY_FOLDERS:
        path = pathlib.Path(folder) / name
        if path.exists():
            return path
    return None


def contestants():
    found = [Contestant("ours", "ours"), Contestant("limit", "limit"),
             Contestant("libc", "malloc")]
    for name, library in LIBRARIES.items():
        path = library_path(library)
        if path:
            found.append(Contestant(name, "malloc", path))
        else:
            print(f"bench-host: {name} is not installed ({library}); tools/setup.sh "
                  "--comparators installs what Debian has", file=sys.stderr)
    return found


def nr_others_running():
    """Threads that want a CPU now, besides this program."""
    running = pathlib.Path("/proc/loadavg").read_text(encoding="ascii").split()[3]
    return int(running.split("/", maxsplit=1)[0]) - 1


def run_program(command, timeout_s, library=None):
    environment = dict(os.environ)
    if library:
        environment["LD_PRELOAD"] = str(library)
    return subprocess.run(command, env=environment, capture_output=True, text=True,
                          timeout=timeout_s, check=True).stdout


# ---- Rows ----

class Figures:
    """ns and instructions by row and contestant, one value a round."""

    def __init__(self):
        self.ns = {}
        self.instructions = {}
        self.nr_others = []     # running when a row began

    def is_idle(self):
        return statistics.median(self.nr_others) == 0

    def add(self, name, output):
        for row, ns, instructions in RECORD.findall(output):
            self.ns.setdefault(row, {}).setdefault(name, []).append(float(ns))
            self.instructions.setdefault(row, {}).setdefault(name, []).append(
                float(instructions))

    def median(self, row, name):
        values = self.ns[row].get(name)
        return statistics.median(values) if values else None

    def count(self, row, name):
        """Instructions per pair, or None where they could not be counted."""
        values = self.instructions[row].get(name)
        return statistics.median(values) or None if values else None

    def paced(self, row):
        """Ours, as it would be at the pace of the machine the goal was set on."""
        if row in MORE_IS_BETTER:
            return self.median(row, "ours")
        limit_then = GOALS[row][1]
        return statistics.median(
            ours / max(1.0, limit / limit_then)
            for ours, limit in zip(self.ns[row]["ours"], self.ns[row]["limit"]))

    def best_library(self, row):
        """(name, ns) of the best malloc library, or None."""
        found = [(self.median(row, name), name) for name in self.ns[row]
                 if name not in ("ours", "limit")]
        if not found:
            return None
        ns, name = max(found) if row in MORE_IS_BETTER else min(found)
        return name, ns


def is_met(row, value, goal):
    return value >= goal if row in MORE_IS_BETTER else value <= goal


def cell(value, width=10):
    return f"{value:{width}.2f}" if value is not None else f"{'-':>{width}}"


def print_heading(names):
    print(f"{'row':22}" + "".join(f"{name:>10}" for name in names)
          + f"{'goal':>8}{'':8}{'best library':>16}")


def print_row(figures, row, names):
    """One line; False when the goal is missed."""
    goal, ours = GOALS[row][0], figures.median(row, "ours")
    met = is_met(row, figures.paced(row), goal)
    is_judged = row not in THREAD_ROWS or figures.is_idle()
    mark = "" if met else "MISSED" if is_judged else "busy"
    best = figures.best_library(row)
    beside = f"{ours / best[1]:.2f} x {best[0]}" if best else "-"
    print(f"{row:22}" + "".join(cell(figures.median(row, name)) for name in names)
          + f"{goal:8g} {mark:7}{beside:>16}")
    return met or not is_judged


def print_instructions(figures, names):
    rows = [row for row in figures.ns if figures.count(row, "ours")]
    if not rows:
        print("instructions: not counted, this machine has no perf events")
        return
    print("instructions per pair")
    for row in rows:
        print(f"{row:22}" + "".join(cell(figures.count(row, name)) for name in names))


# ---- Fragmentation ----

def print_frag(output):
    """How many goals were missed."""
    nr_missed = 0
    for row, percent, possible, before, rounds, seed in FRAG_RECORD.findall(output):
        goal = FRAG_GOALS.get(row)
        missed = goal is not None and float(percent) < goal
        nr_missed += missed
        print(f"{row:22}{percent} % of memory in free 2 MiB blocks, of {possible} possible "
              f"({before} before {rounds} rounds; seed {seed})"
              + (f", goal {goal:g}" if goal else "") + (" MISSED" if missed else ""))
    return nr_missed


def measure(arguments, who):
    figures = Figures()
    for _ in range(arguments.rounds):
        for row in GOALS:
            figures.nr_others.append(nr_others_running())
            for one in who:
                figures.add(one.name, run_program([arguments.program, one.argument, row],
                                                  arguments.timeout, one.library))
    return figures


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("frag_program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a process")
    parser.add_argument("--seed", default="1", help="of the fragmentation")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    who = contestants()
    names = [one.name for one in who]
    load_before = os.getloadavg()[0]
    try:
        figures = measure(arguments, who)
        frag = run_program([arguments.frag_program, arguments.seed], arguments.timeout)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"bench-host: {error}", file=sys.stderr)
        return 1
    print(f"nanoseconds per allocate + free, median of {arguments.rounds} interleaved rounds; "
          f"load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after, "
          f"{os.cpu_count()} CPUs"
          + ("" if figures.is_idle() else ", busy: rows of two threads are not judged"))
    print_heading(names)
    missing = [row for row in GOALS if row not in figures.ns]
    missed = [row for row in GOALS
              if row not in missing and not print_row(figures, row, names)]
    print_instructions(figures, names)
    nr_missed = len(missed) + print_frag(frag)
    if missing:
        print("bench-host: not measured: " + ", ".join(missing))
    print(f"{nr_missed} goals missed")
    return 1 if nr_missed or missing or not FRAG_RECORD.search(frag) else 0


if __name__ == "__main__":
    sys.exit(main())
