#!/usr/bin/python3
"""Boots the image behind a program that lies as firmware does (tests/lies/).

Each row of tests/lies.toml is a boot: what is said that is not so, or seldom so,
and what must follow from it. A row passes when its verdict is what it says, every
`expect` line was seen and no `refuse` line was.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
import qemu  # noqa: E402
import run as machines  # noqa: E402

PARTITION_OFFSET = 1 << 20
DEFAULTS = {"cpus": 2, "memory": "256M", "nodes": 2, "options": "run=none capture=no"}
TIMEOUT_S = 300      # a boot takes 5 s; the host may be busy
KNOWN_KEYS = {"about", "lies", "options", "cfg", "cfg_hex", "cpus", "memory", "nodes", "cpu",
              "type", "extra", "timeout", "expect", "refuse", "outcome", "reader_pauses"}
PIPE_BYTES = 4096    # of a reader that pauses: the least there is


def load_rows():
    with open(ROOT / "tests" / "lies.toml", "rb") as file:
        rows = tomllib.load(file)
    for name, row in rows.items():
        unknown = set(row) - KNOWN_KEYS
        if unknown or "lies" not in row:
            sys.exit(f"lies.py: lies.toml: {name}: no lies, or an unknown key: {sorted(unknown)}")
    return rows


def mtools(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=60,
                   env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})


def put_file(image, source, name):
    mtools("mcopy", "-o", "-i", f"{image}@@{PARTITION_OFFSET}", str(source), f"::/{name}")


def make_stick(folder, base=None, cfg=None):
    """An image with the lying program, the one that is lied to, and slabstick.cfg."""
    handle, name = tempfile.mkstemp(suffix=".img", dir=folder)
    os.close(handle)
    subprocess.run(["cp", "--sparse=always", str(base or ROOT / "build" / "lies.img"), name],
                   check=True, timeout=60)
    if base is None:
        put_file(name, ROOT / "build" / "BOOTX64.EFI", "slabstick.efi")
    if cfg is not None:
        source = pathlib.Path(name + ".cfg")
        source.write_bytes(cfg)
        put_file(name, source, "slabstick.cfg")
    return pathlib.Path(name)


def content_of(row):
    """What slabstick.cfg holds, or None."""
    if "cfg_hex" in row:
        return bytes.fromhex(row["cfg_hex"])
    return row["cfg"].encode("utf-8") if "cfg" in row else None


def judge(row, verdict):
    """As for machines. Who ends under boot services tells it twice: he cannot know who hears."""
    reasons = machines.judge_row(row, verdict)
    if row.get("outcome", "passed").startswith("panic"):
        reasons = [reason for reason in reasons if "banner" not in reason]
    return reasons


class Pauses:
    """Who listens to a boot and stops reading, once, after so many bytes, for so many seconds."""

    def __init__(self, after_bytes, seconds):
        self.after_bytes, self.seconds = after_bytes, seconds
        self.nr_bytes = 0

    def __call__(self, data):
        before, self.nr_bytes = self.nr_bytes, self.nr_bytes + len(data)
        if before < self.after_bytes <= self.nr_bytes:
            time.sleep(self.seconds)


def run_row(name, row, folder, base):
    full = {**DEFAULTS, **row}
    cfg = content_of(row)
    image = base if cfg is None else make_stick(folder, base, cfg)
    extra = ["-fw_cfg", f"name=opt/slabstick/lies,string={qemu.escaped(row['lies'])}"]
    # Behind qemu.py's own arguments, so that a row may say otherwise.
    machine = qemu.machine_from_row({**full, "extra": []})
    boot = qemu.Run(machine, image, full["options"], full.get("timeout", TIMEOUT_S),
                    extra=full.get("extra", []) + extra)
    listener = None
    if "reader_pauses" in full:
        listener, boot.pipe_bytes = Pauses(*full["reader_pauses"]), PIPE_BYTES
    verdict, output, seconds = qemu.boot(boot, listener)
    reasons = judge(full, verdict)
    reasons += [f"a line of the log matches {pattern!r}" for pattern in row.get("refuse", [])
                if any(re.search(pattern, line) for line in verdict.log.lines)]
    result = machines.Result(name, not reasons, reasons, verdict, seconds,
                             (1, 0, 0) if not reasons else (0, 1, 0))
    if reasons:
        qemu.save_log(machines.LOG_FOLDER / f"{name}.log", output)
    return result


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-l", dest="list", action="store_true", help="list the lies")
    # One more than there are CPUs: boots that are refused wait for a key most of the time.
    parser.add_argument("-j", dest="jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("names", nargs="*", help="only these rows; * and ? allowed")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    rows = load_rows()
    if arguments.list:
        for name, row in rows.items():
            print(f"{name:<24} {row['about']}")
        return 0
    chosen = {name: row for name, row in rows.items() if not arguments.names or
              any(fnmatch.fnmatchcase(name, glob) for glob in arguments.names)}
    if not chosen:
        sys.exit("lies.py: no such row; -l lists them")
    started, results = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        base = make_stick(folder)
        with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
            futures = [pool.submit(run_row, name, row, folder, base)
                       for name, row in chosen.items()]
            for future in concurrent.futures.as_completed(futures):
                results.append(future.result())
                machines.show(results[-1])
    failed = sum(not result.is_ok for result in results)
    print(f"{len(results)} lies in {time.monotonic() - started:.0f} s")
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
