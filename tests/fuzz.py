#!/usr/bin/python3
"""Runs each libFuzzer program for FUZZ_SECONDS, or for FUZZ_RUNS inputs, and sums up.

Kept inputs stand in tests/fuzz/corpus/NAME; new ones go to build/fuzz/corpus.
An input that breaks a program stays in build/fuzz/NAME.crash-*.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A fuzzer that finds no end of its own: start-up and one slow input on a loaded machine.
GRACE_S = 120
# A million inputs of the slowest fuzzer take some minutes.
RUNS_LIMIT_S = 3600
NR_LAST_LINES = 40


def run_fuzzer(program, seconds, runs):
    """(name, ok, text) of one fuzzer; @runs of 0: as many as the time allows."""
    name = pathlib.Path(program).name
    found = ROOT / "build" / "fuzz" / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    kept = ROOT / "tests" / "fuzz" / "corpus" / name
    command = [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               f"-runs={runs or -1}", "-print_final_stats=1",
               f"-artifact_prefix=build/fuzz/{name}.", str(found)]
    if kept.is_dir():
        command.append(str(kept))
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                             errors="replace", timeout=seconds + GRACE_S, check=False)
    except subprocess.TimeoutExpired:
        return name, False, f"no end within {seconds + GRACE_S} s"
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.stderr)
    if run.returncode != 0 or not executions:
        return name, False, "\n".join(run.stderr.splitlines()[-NR_LAST_LINES:])
    return name, True, f"{int(executions[1]):,} executions"


def main():
    runs = int(os.environ.get("FUZZ_RUNS") or 0)
    seconds = RUNS_LIMIT_S if runs else int(os.environ.get("FUZZ_SECONDS") or 60)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, is_ok, text in pool.map(lambda program: run_fuzzer(program, seconds, runs),
                                          sys.argv[1:]):
            print(f"{'ok    ' if is_ok else 'FAILED'} {name:<18} {text}", flush=True)
            passed, failed = passed + is_ok, failed + (not is_ok)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
