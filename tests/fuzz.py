#!/usr/bin/python3
"""Runs each libFuzzer program for FUZZ_SECONDS or FUZZ_RUNS inputs, what ends first, and sums up.

FUZZ_SEED of 0 tries other inputs each time, as a search should; a test should not.
Kept inputs stand in tests/fuzz/corpus/NAME; new ones go to build/fuzz/corpus.
An input that breaks a program stays in build/fuzz/NAME.crash-*, what a program
said in build/fuzz/NAME.log.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import qemu  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "fuzz"
# A fuzzer that finds no end of its own: start-up and one slow input on a loaded machine.
GRACE_S = 120
# A million inputs of the slowest fuzzer take some minutes.
RUNS_LIMIT_S = 3600
NR_LAST_LINES = 40


def run_fuzzer(program, seconds, runs, seed):
    """(name, ok, text) of one fuzzer; @runs of 0: as many as the time allows; @seed of 0: any."""
    name = pathlib.Path(program).name
    found = FOLDER / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    kept = ROOT / "tests" / "fuzz" / "corpus" / name
    log = FOLDER / f"{name}.log"
    command = [program, f"-max_total_time={seconds}", f"-runs={runs or -1}", f"-seed={seed}",
               "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={FOLDER}/{name}.", str(found)]
    if kept.is_dir():
        command.append(str(kept))
    try:
        with open(log, "wb") as file:
            status = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=file,
                                    timeout=seconds + GRACE_S, check=False).returncode
    except subprocess.TimeoutExpired:
        return name, False, f"no end within {seconds + GRACE_S} s"
    said = log.read_text(errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    if status != 0 or not executions or not int(executions[1]):
        return name, False, "\n".join([f"status {status}", *said.splitlines()[-NR_LAST_LINES:]])
    return name, True, f"{int(executions[1]):,} executions"


def main():
    try:
        runs = qemu.number_from_environment("FUZZ_RUNS", 0)
        seconds = qemu.number_from_environment("FUZZ_SECONDS", RUNS_LIMIT_S if runs else 60,
                                               least=1)
        seed = qemu.number_from_environment("FUZZ_SEED", 0)
    except qemu.BadWord as problem:
        print(f"fuzz.py: {problem}", file=sys.stderr)
        return qemu.EXIT_BAD_WORD
    passed, failed = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, is_ok, text in pool.map(lambda program: run_fuzzer(program, seconds, runs, seed),
                                          sys.argv[1:]):
            print(f"{'ok    ' if is_ok else 'FAILED'} {name:<18} {text}", flush=True)
            passed += is_ok
            failed += [] if is_ok else [name]
    for name in failed:
        print(f"failed: fuzzer {name}; log {os.path.relpath(FOLDER, ROOT)}/{name}.log")
    print(f"{passed} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
