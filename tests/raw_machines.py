#!/usr/bin/python3
"""Boots machines with raw firmware tables in QEMU, at full size.

The image must find the nodes that build/host/replay finds in the same tables,
pass what is asked of it, and its ledger must balance. Machines: those of
tests/data/firmware.toml with qemu = true, with all self-tests; and some of
../shared/acpi, where that is, with the boot alone, or with all self-tests when
--full is given.

Captures: a boot that may write saves one; replayed, it must give the nodes of
the boot. A read-only stick and a full one cost a line each.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
import firmware_tables          # noqa: E402
import machine_of_capture       # noqa: E402
import qemu                     # noqa: E402
import replay                   # noqa: E402

TIMEOUT_S = 600
# Four nodes with two memoryless; x2APIC records; two sockets with four dies.
REAL_MACHINES = ["57ED146F2C3C", "331F76F426AF", "4A64A6094FE3"]
PARTITION_OFFSET = 1 << 20


class Failure(Exception):
    """What a boot did not do."""


# Of the case that a thread runs: .output is what its failure is read from.
last_boot = threading.local()


def boot(run):
    verdict, output, _ = qemu.boot(run)
    last_boot.output = output
    if not verdict.is_passed:
        raise Failure(verdict.text())
    text = output.decode("ascii", "replace")
    if "the ledger balances" not in text:
        raise Failure("the ledger does not balance")
    return text


def check_nodes(log, folder, machine):
    """The log must place the started CPUs as replay does, and build all nodes."""
    wanted = replay.replay(folder)
    started = machine_of_capture.chosen_cpus(wanted)
    for node in wanted["nodes"]:
        for cpu in set(node["cpus"]) & set(started):
            if f"SRAT: PXM {node['pxm']} -> APIC 0x{cpu:02x} -> Node" not in log:
                raise Failure(f"CPU {cpu:#x} is not in domain {node['pxm']}")
    if f"Built {len(wanted['nodes'])} zonelists" not in log:
        raise Failure(f"there are not {len(wanted['nodes'])} zonelists")
    if not re.search(r"smp: Brought up (\d+) of \1 CPUs", log):
        raise Failure("not all CPUs were started")
    return machine


def boot_raw(folder, options):
    machine = machine_of_capture.raw_machine(folder)
    log = boot(qemu.Run(machine, options=options, timeout_s=TIMEOUT_S))
    check_nodes(log, folder, machine)


def own_machine(folder, machine):
    replay.write_capture(folder, firmware_tables.capture_files(machine))
    boot_raw(folder, "")


def real_machine(folder, name, options):
    tables = replay.REAL_MACHINES / f"{name}.json"
    replay.make_real_capture(folder, json.loads(tables.read_text()), tables)
    boot_raw(folder, options)


# ---- Captures ---------------------------------------------------------------

def stick_copy(folder):
    image = folder / "stick.img"
    image.write_bytes(qemu.IMAGE.read_bytes())
    return image


def mtools(*words):
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise Failure(f"{words[0]}: {run.stderr.strip()}")
    return run.stdout


def partition(image):
    return f"{image}@@{PARTITION_OFFSET}"


def capture_is_saved(folder):
    image = stick_copy(folder)
    machine = qemu.even_machine(2, 512 << 20, 2)
    log = boot(qemu.Run(machine, image, "run=none", TIMEOUT_S, is_snapshot=False))
    saved = folder / "capture"
    saved.mkdir()
    mtools("mcopy", "-i", partition(image), "::/slabstick/capture/*", str(saved))
    for node in replay.replay(saved)["nodes"]:
        for cpu in node["cpus"]:
            if f"SRAT: PXM {node['pxm']} -> APIC 0x{cpu:02x} -> Node" not in log:
                raise Failure(f"CPU {cpu} is elsewhere in the replay")
    names = {path.name for path in saved.iterdir()}
    if not {"machine.json", "madt.bin", "map.bin", "slit.bin", "srat.bin"} <= names:
        raise Failure(f"the capture has only {sorted(names)}")
    if names & {"hmat.bin", "srat2.bin"}:
        raise Failure("the capture has tables that this machine has not")


def stick_run(image, options, extra=()):
    return qemu.Run(qemu.even_machine(1, 256 << 20, 0), image, f"run=none {options}", TIMEOUT_S,
                    is_snapshot=False, extra=list(extra))


def capture_can_be_turned_off(folder):
    image = stick_copy(folder)
    if "capture:" in boot(stick_run(image, "capture=no")):
        raise Failure("capture=no has a message")
    if "slabstick " in mtools("mdir", "-i", partition(image), "::/").replace("\t", " "):
        raise Failure("capture=no leaves a folder")


def files_of(image):
    """Each file and folder with its size; and that no folder holds itself."""
    listed = mtools("mdir", "-/", "-a", "-i", partition(image), "::/")
    if len(listed.splitlines()) > 200:
        raise Failure("a folder leads to itself")
    return [line for line in listed.splitlines() if "bytes" not in line]


def a_full_stick_stays_as_it_is(folder, left_bytes):
    image = stick_copy(folder)
    free = int(re.search(r"([\d ]+) bytes free", mtools("mdir", "-i", partition(image), "::/"))[1]
               .replace(" ", ""))
    filler = folder / "filler"
    with open(filler, "wb") as file:
        file.truncate(free - left_bytes)
    mtools("mcopy", "-i", partition(image), str(filler), "::/filler")
    before = files_of(image)
    if "capture: not saved: the stick is full" not in boot(stick_run(image, "")):
        raise Failure("no message")
    if files_of(image) != before:
        raise Failure("the stick is not as it was")


def what_has_our_name_and_is_no_folder_stays(folder):
    image = stick_copy(folder)
    own = folder / "own"
    own.write_text("mine")
    mtools("mcopy", "-i", partition(image), str(own), "::/slabstick")
    before = files_of(image)
    if "capture: not saved: a file of the stick has the name of a folder" \
            not in boot(stick_run(image, "")):
        raise Failure("no message")
    if files_of(image) != before or \
            mtools("mtype", "-i", partition(image), "::/slabstick") != "mine":
        raise Failure("the user's file is not as it was")


def a_read_only_stick_gets_a_message(folder):
    image = stick_copy(folder)
    run = stick_run(image, "")
    command = run.command

    def read_only(place):
        words = command(place)
        at = next(i for i, word in enumerate(words) if "id=stick" in word)
        words[at] += ",readonly=on"
        words[words.index("ide-hd,drive=stick,bootindex=0")] = \
            "virtio-blk-pci,drive=stick,bootindex=0"
        return words

    run.command = read_only
    if "capture: not saved: the stick is write-protected" not in boot(run):
        raise Failure("no message")


# ---- Running ----------------------------------------------------------------

def cases(is_full):
    yield "a capture is saved and replays to the same nodes", capture_is_saved
    yield "capture=no", capture_can_be_turned_off
    for left_bytes in (0, 512, 1024):
        yield f"a stick with {left_bytes} bytes left stays as it is", \
            lambda folder, left_bytes=left_bytes: a_full_stick_stays_as_it_is(folder, left_bytes)
    yield "a file that has our folder's name stays", what_has_our_name_and_is_no_folder_stays
    yield "a read-only stick gets a message", a_read_only_stick_gets_a_message
    for machine in tomllib.loads(replay.OWN_MACHINES.read_text())["machine"]:
        if machine.get("qemu"):
            yield f"raw tables: {machine['name']}", \
                lambda folder, machine=machine: own_machine(folder, machine)
    for name in REAL_MACHINES if replay.REAL_MACHINES.is_dir() else []:
        yield f"raw tables: real machine {name}", \
            lambda folder, name=name: real_machine(folder, name, "" if is_full else "run=none")


def save_boot(name):
    """Returns where; the last boot of case @name."""
    path = ROOT / "build" / "log" / (re.sub(r"\W+", "-", name) + ".log")
    qemu.save_log(path, last_boot.output)
    return path.relative_to(ROOT)


def run_case(name, check):
    last_boot.output = b""
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(pathlib.Path(folder))
        except (Failure, AssertionError, qemu.CannotRun, OSError, subprocess.TimeoutExpired,
                machine_of_capture.CannotPretend) as failure:
            where = f"; log {save_boot(name)}" if last_boot.output else ""
            print(f"not ok {name}: {failure}{where}", flush=True)
            return False
    print(f"ok {name}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-k", default="", help="only cases whose name has this")
    parser.add_argument("--full", action="store_true", help="all self-tests on real machines too")
    arguments = parser.parse_args()
    chosen = [case for case in cases(arguments.full) if arguments.k in case[0]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda case: run_case(*case), chosen))
    skipped = 0
    if not replay.REAL_MACHINES.is_dir():
        print("ok raw tables of real machines # SKIP ../shared/acpi is not there")
        skipped = 1
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, {skipped} skipped")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
