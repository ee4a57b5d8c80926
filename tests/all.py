#!/usr/bin/python3
"""Everything `make test` runs, with one summed last line.

Each step is a program. A step counts as the totals of its last line when it
prints some, else as one test that its exit status decides. A step that fails
without a failed test in its totals, or never ends, counts as one failure.

What a step prints is in build/log/STEP.log. Before the totals each failure is
named again, with the log that has it. The same for programs is build/log/test.json
and, as JUnit, build/log/test.xml.
"""

import contextlib
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
sys.path.insert(0, str(ROOT / "tools"))
import ktap  # noqa: E402
import summary  # noqa: E402

PYTHON = sys.executable
LOG_FOLDER = ROOT / "build" / "log"
TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
# How the programs that do not speak KTAP name what failed: ours, and unittest.
FAILURE = re.compile(r"^(?:failed: |not ok (?!\d+ )|(?:FAIL|ERROR): )(.+)$")
NR_NAMED = 20       # of one step


@dataclasses.dataclass
class Step:
    name: str
    command: list
    timeout_s: int
    must_sum: bool = True       # its last line is "N passed, N failed, N skipped"
    junit: str | None = None    # in LOG_FOLDER: it writes its cases there itself

    def is_there(self):
        return all((ROOT / word).is_file() for word in self.command
                   if "/" in word and not word.startswith("-"))


def steps(fuzz_programs):
    found = [
        Step("layers", [PYTHON, "tools/check_layers.py"], 60, must_sum=False),
        Step("style", [PYTHON, "tools/check_style.py"], 60, must_sum=False),
        Step("rules", [PYTHON, "tools/check_rules.py"], 60, must_sum=False),
        Step("tools", [PYTHON, "tests/tools/run.py"], 400),
        Step("models", [PYTHON, "tests/models.py"], 300),
        Step("port-check", ["build/port-check/program"], 60, must_sum=False),
        Step("hosted units", ["build/host/unit"], 600),
        Step("hosted units, debug=all", ["build/host/unit", "debug=all"], 600),
        Step("replay", [PYTHON, "tests/replay.py"], 600),
        Step("raw tables", [PYTHON, "tests/raw_machines.py"], 900),
        Step("lecture", [PYTHON, "tests/lecture.py"], 700),
        Step("shell", [PYTHON, "tests/shell.py"], 400),
        Step("lies", [PYTHON, "tests/lies.py"], 900),
        Step("screens", [PYTHON, "tests/screens.py"], 1200),
        Step("readers", [PYTHON, "tests/readers.py"], 900),
        Step("results", [PYTHON, "tests/results.py"], 600),
        Step("targets", [PYTHON, "tests/targets.py"], 600),
        Step("machines", [PYTHON, "tests/run.py", "--junit=build/log/machines.xml"], 1500,
             junit="machines.xml"),
    ]
    if fuzz_programs:
        found.insert(-1, Step("fuzzers", [PYTHON, "tests/fuzz.py", *fuzz_programs], 900))
    return [step for step in found if step.is_there()]


def end_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run_step(command, timeout_s):
    """(exit status or None, lines); output goes to the terminal as it comes."""
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True) as process:
        watchdog = threading.Timer(timeout_s, end_group, [process])
        try:
            watchdog.start()
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                lines.append(line.rstrip("\n"))
            status = process.wait()
        except BaseException:       # its group hears of no interruption
            end_group(process)
            raise
        finally:
            watchdog.cancel()
    is_timed_out = watchdog.finished.is_set() and status == -signal.SIGKILL
    return (None if is_timed_out else status), lines


def totals_of(lines):
    """The last totals, or None."""
    found = [match for match in map(TOTALS.match, lines) if match]
    return tuple(int(count) for count in found[-1].groups()) if found else None


def count(status, totals, must_sum):
    passed, failed, skipped = totals or (int(status == 0 and not must_sum), 0, 0)
    if not failed and (status != 0 or (must_sum and not totals)):
        failed = 1
    return passed, failed, skipped


def failed_cases(lines, ending):
    """The names of what failed; where the step names nothing, how it ended."""
    cases = [" / ".join((*above, point.name))
             for above, point in ktap.read_log("\n".join(lines)).cases() if not point.is_ok]
    cases += [match[1] for match in map(FAILURE.match, lines) if match]
    return cases or [ending]


def save_log(name, lines):
    path = LOG_FOLDER / (re.sub(r"\W+", "-", name) + ".log")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path.relative_to(ROOT)


def try_step(step):
    """(its outcome, what failed: a line each)"""
    print(f"---- {step.name}", flush=True)
    started = time.monotonic()
    cases_file = LOG_FOLDER / step.junit if step.junit else None
    if cases_file:
        cases_file.unlink(missing_ok=True)
    status, lines = run_step(step.command, step.timeout_s)
    log = save_log(step.name, lines)
    counts = count(status, totals_of(lines), step.must_sum)
    seconds = time.monotonic() - started
    ending = f"no end within {step.timeout_s} s" if status is None else f"status {status}"
    print(f"---- {step.name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped, "
          f"{ending}, {seconds:.0f} s", flush=True)
    cases = failed_cases(lines, ending) if counts[1] else []
    outcome = summary.Outcome(step.name, counts, seconds, cases, lines, str(log), cases_file)
    more = [f"and {len(cases) - NR_NAMED} more"] if len(cases) > NR_NAMED else []
    return outcome, [f"failed: {step.name}: {case}; log {log}" for case in cases[:NR_NAMED] + more]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    outcomes, failures, started = [], [], time.monotonic()
    for step in steps(sys.argv[1:]):
        outcome, failed = try_step(step)
        outcomes.append(outcome)
        failures += failed
    sums = [sum(column) for column in zip(*(outcome.counts for outcome in outcomes))] or [0, 0, 0]
    summary.write(LOG_FOLDER, outcomes, sums)
    print(f"all steps in {time.monotonic() - started:.0f} s")
    for failure in failures:
        print(failure)
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if failures or not sums[0] else 0


if __name__ == "__main__":
    sys.exit(main())
