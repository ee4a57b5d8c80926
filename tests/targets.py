#!/usr/bin/python3
"""Runs targets in random order in this tree: none may change what another has built.

Everything in build/ but what runs leave (build/run, build/log and the like) has
a checksum; after each target all files that were there are there, unchanged.
What a run leaves is looked at too: one clean log, and a stick with a capture.

Without --full only targets that take seconds, as a part of `make test`; runs
then go to build/targets, so that the log of the last `make run` stays.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import random
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

RUN = ROOT / "build" / "targets"
# What runs leave, and what they make of what they find; all else is built.
LEFT = ("run/", "log/", "targets/", "mutants/", "fuzz/corpus/", "slabstick-signed.img",
        "BOOTX64.signed.EFI")
# Not run here: debug waits for somebody, clean removes what is compared, targets is this.
NOT_RUN = {"debug", "clean", "targets"}
TIMEOUT_S = 7200
NR_LAST_LINES = 30
PARTITION = "@@1M"


@dataclasses.dataclass
class Step:
    """One call of make."""
    words: list
    last_line: str              # what it must match
    is_refused: bool = False    # without more arguments

    @property
    def name(self):
        return " ".join(["make", *self.words])


QUICK = [
    Step(["run", "OPTIONS=run=none"], r"^qemu.py: passed .* log .*, stick .*"),
    Step(["run", "OPTIONS=run=show show=numa,audit", "CPUS=1", "NODES=0"], r"^qemu.py: passed "),
    Step(["image"], r"^image: Slabstick "),
    Step(["host"], r"^host: "),
    Step(["report"], r"report\.html$"),
    Step(["port-check"], r"^port-check: "),
    Step(["layer-check"], r"^layers: "),
    Step(["style-check"], r"^style: "),
    Step(["rule-check"], r"^rules: "),
    Step(["lock-check"], r"^locks: "),
    Step(["models"], r"^\d+ passed, 0 failed, \d+ skipped$"),
    Step(["help"], r"^one machine or case: "),
    Step(["usb"], r"", is_refused=True),
    Step(["sign"], r"", is_refused=True),
]
SLOW = [
    Step(["test"], r"^\d+ passed, 0 failed, \d+ skipped$"),
    Step(["bench"], r"^\d+ passed, 0 failed, 0 skipped$"),
    Step(["bench-host"], r"goals missed$"),
    Step(["fuzz", "FUZZ_SECONDS=5"], r"^\d+ passed, 0 failed, 0 skipped$"),
    Step(["mutants", "MUTANTS_SAMPLE=2", "MUTANTS_FILES=mm/topology/range.c"], r"^mutants: "),
    Step(["soak-host"], r"^soak-host: "),
    Step(["soak", "SOAK_SECONDS=5"], r"^qemu.py: passed "),
    Step(["lecture"], r"^qemu.py: passed "),
    Step(["call-path"], r"^vfree "),
    Step(["call-check"], r"^calls: "),
    Step(["check"], r"^check: "),
    Step(["release-check"], r"^release-check: "),
    Step(["release"], r"^release: "),
    Step(["quick"], r"^quick: "),
]


class Failure(Exception):
    """What a target did wrong."""


def checksums_of(build):
    """{name: checksum} of what was built."""
    found = {}
    for path in sorted(build.rglob("*")):
        name = str(path.relative_to(build))
        if path.is_file() and not name.startswith(LEFT):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def checksums():
    return checksums_of(ROOT / "build")


def compare(before, after):
    changed = [name for name in before if after.get(name) != before[name]]
    if changed:
        raise Failure(f"changed what was built: {', '.join(changed[:5])}")
    unfinished = [name for name in after
                  if name not in before and re.search(r"\.unfinished$|\.new\.\d+$", name)]
    if unfinished:
        raise Failure(f"left {', '.join(unfinished)}")


def environment():
    """Without the make that runs this: its job server is not ours, its variables are not meant."""
    return {key: value for key, value in os.environ.items()
            if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CPUS", "MEM", "NODES", "MACHINE",
                           "OPTIONS")}


def make(words):
    """(exit status, lines)"""
    run = subprocess.run(["make", *words], cwd=ROOT, env=environment(), text=True,
                         errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    return run.returncode, run.stdout.splitlines()


def check_run(folder):
    """What `make run` left."""
    log = (folder / "run.log").read_bytes().decode()     # with all ends of lines
    if "\x1b" in log or "\r" in log:
        raise Failure("the log has what paints a terminal")
    banners = [line for line in log.splitlines() if re.match(r"Slabstick \d", line)]
    if banners != [f"Slabstick {qemu.VERSION}"]:
        raise Failure(f"the log has these banners: {banners}")
    listing = subprocess.run(["mdir", "-b", "-i", f"{folder / 'run.img'}{PARTITION}",
                              "::/slabstick/capture"], capture_output=True, text=True,
                             timeout=60, check=False)
    if "machine.json" not in listing.stdout:
        raise Failure(f"the stick has no capture: {listing.stderr.strip()}")


def run_step(step, run_folder):
    status, lines = make([*step.words, f"RUN={run_folder}"])
    last = lines[-1] if lines else ""
    if step.is_refused and status != 0 and any(line.startswith("usage: ") for line in lines):
        return
    if step.is_refused or status != 0 or not re.search(step.last_line, last):
        sys.stdout.write("".join(f"  | {line}\n" for line in lines[-NR_LAST_LINES:]))
        raise Failure(f"status {status}, last line {last!r}")
    if step.words[0] == "run":
        check_run(run_folder)


def problems_of(check, *arguments):
    try:
        check(*arguments)
    except (Failure, subprocess.TimeoutExpired, OSError) as failure:
        return [str(failure)]
    return []


def in_random_order(steps, seed):
    """Those that take no time twice: so most pairs come in both orders now and then."""
    order = [*steps, *(step for step in steps if step in QUICK and step.words[0] != "run")]
    random.Random(seed).shuffle(order)
    # A report is of a run.
    return [step for step in steps if step.words[0] == "run"][:1] + order


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true", help="all targets; an hour and more")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the order")
    arguments = parser.parse_args()
    steps = QUICK + SLOW if arguments.full else QUICK
    run_folder = ROOT / "build" / "run" if arguments.full else RUN
    run_folder.mkdir(parents=True, exist_ok=True)
    print(f"targets: seed={arguments.seed}", flush=True)
    before, passed, failed = checksums(), 0, 0
    for step in in_random_order(steps, arguments.seed):
        started = time.monotonic()
        problems = [*problems_of(run_step, step, run_folder),
                    *problems_of(compare, before, checksums())]
        print(f"{'not ok' if problems else 'ok'} {step.name}: " + ("; ".join(problems) or
              f"{time.monotonic() - started:.0f} s"), flush=True)
        passed, failed = passed + (not problems), failed + bool(problems)
        before = checksums()        # each is blamed for its own; what it built is to stay, too
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
