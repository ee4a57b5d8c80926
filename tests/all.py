#!/usr/bin/python3
"""Everything `make test` runs, with one summed last line.

Each step is a program. A step counts as the totals of its last line when it
prints some, else as one test that its exit status decides. A step that fails
without a failed test in its totals, or never ends, counts as one failure.
"""

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = sys.executable
TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


@dataclasses.dataclass
class Step:
    name: str
    command: list
    timeout_s: int
    must_sum: bool = True       # its last line is "N passed, N failed, N skipped"

    def is_there(self):
        return all((ROOT / word).is_file() for word in self.command if "/" in word)


def steps(fuzz_programs):
    found = [
        Step("layers", [PYTHON, "tools/check_layers.py"], 60, must_sum=False),
        Step("tools", [PYTHON, "tests/tools/run.py"], 120),
        Step("port-check", ["build/port-check/program"], 60, must_sum=False),
        Step("hosted units", ["build/host/unit"], 600),
        Step("hosted units, debug=all", ["build/host/unit", "debug=all"], 600),
        Step("replay", [PYTHON, "tests/replay.py"], 600),
        Step("raw tables", [PYTHON, "tests/raw_machines.py"], 900),
        Step("shell", [PYTHON, "tests/shell.py"], 400),
        Step("lies", [PYTHON, "tests/lies.py"], 900),
        Step("targets", [PYTHON, "tests/targets.py"], 600),
        Step("machines", [PYTHON, "tests/run.py"], 1500),
    ]
    if fuzz_programs:
        found.insert(-1, Step("fuzzers", [PYTHON, "tests/fuzz.py", *fuzz_programs], 900))
    return [step for step in found if step.is_there()]


def end_group(process):
    os.killpg(process.pid, signal.SIGKILL)


def run_step(command, timeout_s):
    """(exit status or None, last totals or None); output goes to the terminal as it comes."""
    totals = None
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True) as process:
        watchdog = threading.Timer(timeout_s, end_group, [process])
        watchdog.start()
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if match := TOTALS.match(line.rstrip()):
                totals = tuple(int(count) for count in match.groups())
        status = process.wait()
        watchdog.cancel()
    is_timed_out = watchdog.finished.is_set() and status == -signal.SIGKILL
    return (None if is_timed_out else status), totals


def count(status, totals, must_sum):
    passed, failed, skipped = totals or (int(status == 0 and not must_sum), 0, 0)
    if not failed and (status != 0 or (must_sum and not totals)):
        failed = 1
    return passed, failed, skipped


def main():
    sums, failures, started = [0, 0, 0], [], time.monotonic()
    for step in steps(sys.argv[1:]):
        print(f"---- {step.name}", flush=True)
        step_started = time.monotonic()
        status, totals = run_step(step.command, step.timeout_s)
        counts = count(status, totals, step.must_sum)
        sums = [a + b for a, b in zip(sums, counts)]
        ending = "no end in time" if status is None else f"status {status}"
        print(f"---- {step.name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped, "
              f"{ending}, {time.monotonic() - step_started:.0f} s", flush=True)
        if counts[1]:
            failures.append(step.name)
    print(f"all steps in {time.monotonic() - started:.0f} s"
          + (f"; failed: {', '.join(failures)}" if failures else ""))
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
