#!/usr/bin/python3
"""Boots the machines of tests/machines.toml in QEMU and judges each.

A machine passes when its verdict is what its row says (tools/ktap.py) and every
`expect` line was seen. The last line sums all cases of all machines.
"""

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import math
import os
import pathlib
import re
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import junit  # noqa: E402
import qemu  # noqa: E402

NR_LAST_LINES = 40
NR_COMMENTS = 8         # of a case, the last ones
DEFAULT_TIMEOUT_S = 300
LOG_FOLDER = ROOT / "build" / "log"
BANNER = re.compile(r"^Slabstick \d")
KNOWN_KEYS = {"about", "cpus", "memory", "nodes", "distances", "cpu", "type", "accel", "extra",
              "image", "disk", "disk_size", "options", "timeout", "case_timeout", "expect",
              "outcome", "slow"}


@dataclasses.dataclass
class Result:
    """What one machine did."""
    name: str
    is_ok: bool
    reasons: list
    verdict: object
    seconds: float
    counts: tuple

    @property
    def log_lines(self):
        return self.verdict.log.lines if self.verdict else []


def load_machines():
    with open(ROOT / "tests" / "machines.toml", "rb") as file:
        rows = tomllib.load(file)
    for name, row in rows.items():
        unknown = set(row) - KNOWN_KEYS
        if unknown:
            sys.exit(f"run.py: machines.toml: {name}: unknown key {', '.join(sorted(unknown))}")
        row["expect"] = [pattern.replace("@VERSION@", re.escape(qemu.VERSION))
                         for pattern in row.get("expect", [])]
    return rows


def missing_lines(row, lines):
    return [f"no line of the log matches {pattern!r}" for pattern in row.get("expect", [])
            if not any(re.search(pattern, line) for line in lines)]


def repeated_banner(lines):
    """What is said twice by one boot was sent to one place in two ways."""
    nr_banners = sum(bool(BANNER.match(line)) for line in lines)
    return [f"the banner stands in the log {nr_banners} times"] if nr_banners > 1 else []


def judge_row(row, verdict):
    """The reasons why @verdict is not what @row wants; none: it is."""
    outcome = row.get("outcome", "passed")
    if outcome == "passed":
        reasons = list(verdict.reasons)
    elif verdict.is_passed:
        reasons = [f"passed, where {outcome!r} was wanted"]
    elif not re.search(outcome, verdict.text()):
        reasons = [f"{outcome!r} was wanted, but: {verdict.text()}"]
    else:
        reasons = []
    lines = verdict.log.lines
    return reasons + missing_lines(row, lines) + repeated_banner(lines)


def count_row(row, verdict, is_ok):
    """(passed, failed, skipped): the machine's cases, or the machine itself as one."""
    if row.get("outcome", "passed") != "passed":
        return (1, 0, 0) if is_ok else (0, 1, 0)
    passed, failed, skipped = verdict.log.counts()
    if not is_ok and not failed:
        failed = 1      # a timeout or a panic has no failed case
    return passed, failed, skipped


def case_timeout(row, timeout_s):
    """Half of what is given to the whole: a machine that is given more is slower."""
    return row.get("case_timeout", timeout_s / 2)


def run_machine(name, row, arguments):
    words = [row.get("options", "")]
    if arguments.globs:
        words.append("tests=" + ",".join(glob.replace(" ", "_") for glob in arguments.globs))
    timeout_s = arguments.timeout or row.get("timeout", DEFAULT_TIMEOUT_S)
    image = ROOT / "build" / row["image"] if "image" in row else arguments.image
    run = qemu.Run(qemu.machine_from_row(row), image, " ".join(words).strip(),
                   3600 if arguments.gdb else timeout_s,
                   math.inf if arguments.gdb else case_timeout(row, timeout_s),
                   is_waiting_for_gdb=arguments.gdb, disk=row.get("disk", qemu.DISK),
                   disk_bytes=qemu.parse_bytes(row.get("disk_size", 0)))
    try:
        verdict, output, seconds = qemu.boot(run, qemu.Echo() if arguments.gdb else None)
    except qemu.CannotRun as problem:
        return Result(name, False, [str(problem)], None, 0, (0, 1, 0))
    reasons = judge_row(row, verdict)
    result = Result(name, not reasons, reasons, verdict, seconds,
                    count_row(row, verdict, not reasons))
    if arguments.keep or reasons:
        qemu.save_log(LOG_FOLDER / f"{name}.log", output)
    return result


# ---- Reports ---------------------------------------------------------------

def log_name(result):
    return f"build/log/{result.name}.log" if result.verdict else "none"


def said_of_failed_cases(result):
    """What the log says of each: the places and values of its checks."""
    if not result.verdict:
        return []
    return [f"{' / '.join((*suites, point.name))}: {comment}"
            for suites, point in result.verdict.log.cases() if not point.is_ok
            for comment in point.comments[-NR_COMMENTS:]]


def show_evidence(result):
    said = said_of_failed_cases(result)
    if not said or not result.verdict.log.totals:       # it did not run to its end
        said.append(f"the last {NR_LAST_LINES} lines of {log_name(result)}:")
        said += result.log_lines[-NR_LAST_LINES:]
    for line in said:
        print(f"       | {line}")


def show(result):
    passed, failed, skipped = result.counts
    print(f"{'ok    ' if result.is_ok else 'FAILED'} {result.name:<18} "
          f"{passed:4} passed, {failed} failed, {skipped} skipped  ({result.seconds:.1f} s)")
    if not result.is_ok:
        for reason in result.reasons:
            print(f"       {reason}")
        for line in qemu.symbolise(qemu.lines_after_bail_out(result.log_lines)):
            print(f"       {line}")
        show_evidence(result)
    sys.stdout.flush()


def add_machine(parent, result):
    machine = junit.add_suite(parent, result.name, result.counts, result.seconds)
    if result.verdict:
        junit.add_log(machine, result.name, result.verdict.log)
    junit.add_verdict(machine, result.name, [] if result.is_ok else result.reasons,
                      result.log_lines)


def write_junit(path, results):
    top = junit.make_top()
    for result in results:
        add_machine(top, result)
    junit.write(path, top)


# ---- Command line ----------------------------------------------------------

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-l", dest="list", action="store_true", help="list the machines")
    parser.add_argument("-k", dest="globs", metavar="GLOB", action="append",
                        help="run only these cases: suite.case, * and ? allowed")
    parser.add_argument("-j", dest="jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                        help="machines at once (default: the number of CPUs)")
    parser.add_argument("--machine", metavar="NAME", action="append",
                        help="only these machines; * and ? allowed")
    parser.add_argument("--slow", action="store_true", help="the slow machines too")
    parser.add_argument("--timeout", metavar="S", type=float, help="seconds for each machine")
    parser.add_argument("--junit", metavar="FILE", type=pathlib.Path,
                        help="write results as JUnit XML")
    parser.add_argument("--keep", action="store_true",
                        help="keep the logs of machines that passed too, in build/log")
    parser.add_argument("--gdb", action="store_true",
                        help="one machine, waiting for gdb on 127.0.0.1:1234")
    parser.add_argument("--image", type=pathlib.Path, default=qemu.IMAGE)
    parser.add_argument("--version", action="version", version=f"Slabstick {qemu.VERSION}")
    return parser.parse_args()


def choose(rows, arguments):
    if arguments.machine:
        chosen = {name: row for name, row in rows.items()
                  if any(fnmatch.fnmatchcase(name, glob) for glob in arguments.machine)}
    else:
        chosen = {name: row for name, row in rows.items()
                  if arguments.slow or not row.get("slow")}
        if arguments.globs:     # machines that choose their own cases have no use for these
            chosen = {name: row for name, row in chosen.items()
                      if "tests=" not in row.get("options", "")}
    return chosen


def main():
    arguments = parse_arguments()
    rows = load_machines()
    if arguments.list:
        for name, row in rows.items():
            print(f"{name:<18} {row['about']}{' (slow)' if row.get('slow') else ''}")
        return 0
    chosen = choose(rows, arguments)
    if not chosen:
        sys.exit("run.py: no such machine; run.py -l lists them")
    if arguments.gdb and len(chosen) != 1:
        sys.exit("run.py: --gdb needs one --machine")

    started, results = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        futures = [pool.submit(run_machine, name, row, arguments)
                   for name, row in chosen.items()]
        for future in concurrent.futures.as_completed(futures):
            results.append(future.result())
            show(results[-1])
    if arguments.junit:
        write_junit(arguments.junit, results)
    passed, failed, skipped = (sum(column) for column in zip(*(r.counts for r in results)))
    print(f"{len(results)} machines in {time.monotonic() - started:.0f} s")
    for result in results:
        if not result.is_ok:
            print(f"failed: machine {result.name}: {result.reasons[-1]}; log {log_name(result)}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not all(result.is_ok for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
