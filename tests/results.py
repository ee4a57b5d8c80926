#!/usr/bin/python3
"""Brings the results of runs home through a real reset, and reads them off the stick.

A machine runs with end=report: it resets itself, the stick starts again, finds the log in
memory, writes it and ends with the first run's verdict. Then mtools reads the files, and
fsck.fat looks at the file system.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

TIMEOUT_S = 240
PARTITION_BYTES = 1 << 20       # where it begins in the image
FSCK = shutil.which("fsck.fat") or "/usr/sbin/fsck.fat"

# name, options, exit status, verdict, what the log must have
ROWS = [
    ("a run that fails", "tests=no_such_test end=report", 35, "FAIL", r"^not ok 1 no case matches"),
    ("a run that passes", "tests=format end=report", 33, "PASS", r"^slabstick: all is well"),
]


def read_file(image, name):
    answer = subprocess.run(["mtype", "-i", f"{image}@@1M", f"::/slabstick/log/{name}"],
                            capture_output=True, timeout=60, check=False)
    return answer.stdout.decode("ascii", "replace") if answer.returncode == 0 else None


def names_of(image):
    answer = subprocess.run(["mdir", "-b", "-i", f"{image}@@1M", "::/slabstick/log"],
                            capture_output=True, text=True, timeout=60, check=False)
    return sorted(line.rsplit("/", 1)[1] for line in answer.stdout.splitlines())


def file_system_problems(image, folder):
    volume = pathlib.Path(folder, "volume")
    with open(image, "rb") as source, open(volume, "wb") as target:
        source.seek(PARTITION_BYTES)
        target.write(source.read(64 << 20))
    answer = subprocess.run([FSCK, "-n", str(volume)], capture_output=True, text=True, timeout=60,
                            check=False)
    return [f"fsck.fat: {answer.stdout.strip()}"] if answer.returncode else []


def boot(options, image, folder):
    """The exit status of QEMU, which may reset the machine in between."""
    run = qemu.Run(qemu.even_machine(2, 1 << 30, 2), image, options, is_snapshot=False)
    command = [word for word in run.command(folder) if word != "-no-reboot"]
    heard = bytearray()
    ending = qemu.run_command(command, folder, TIMEOUT_S, heard.extend)
    return ending, bytes(heard)


def file_problems(image, stem, verdict, pattern):
    text, page = read_file(image, f"{stem}.txt"), read_file(image, f"{stem}.html")
    try:
        found = json.loads(read_file(image, f"{stem}.json") or "")
    except ValueError as problem:
        return [f"{stem}.json: {problem}"]
    problems = []
    if found["verdict"] != verdict:
        problems.append(f"{stem}.json says {found['verdict']}, {verdict} was wanted")
    if not re.search(pattern, text or "", re.MULTILINE):
        problems.append(f"{stem}.txt has no line {pattern!r}")
    if f"<h1 class=\"{verdict}\">" not in (page or "") or not page.endswith("</pre></html>\n"):
        problems.append(f"{stem}.html does not say {verdict}, or is not whole")
    return problems


def check(number, row, image, folder):
    name, options, status, verdict, pattern = row
    ending, heard = boot(options, image, folder)
    if ending.exit_status != status:
        tail = heard[-400:].decode("ascii", "replace")
        return [f"QEMU ended with {ending.exit_status}, {status} was wanted; last: {tail!r}"]
    stems = sorted({name.rsplit(".", 1)[0] for name in names_of(image)})
    if len(stems) != number:
        return [f"{number} results were wanted on the stick, there are: {names_of(image)}"]
    return file_problems(image, stems[-1], verdict, pattern) + file_system_problems(image, folder)


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    nr_bad = 0
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        image = pathlib.Path(folder, "stick.img")
        shutil.copyfile(qemu.IMAGE, image)
        for number, row in enumerate(ROWS, 1):
            problems = check(number, row, image, folder)
            nr_bad += bool(problems)
            print(f"{'FAILED' if problems else 'ok    '} {row[0]}: its results come home",
                  flush=True)
            for problem in problems:
                print(f"       {problem}", flush=True)
    print(f"{len(ROWS) - nr_bad} passed, {nr_bad} failed, 0 skipped")
    return 1 if nr_bad else 0


if __name__ == "__main__":
    sys.exit(main())
