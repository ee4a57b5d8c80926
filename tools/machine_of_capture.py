#!/usr/bin/python3
"""QEMU arguments that pretend a captured machine (\\slabstick\\capture on the stick).

By default at full size, with the raw SRAT, SLIT and HMAT of the capture: the host
lends only the pages that are touched. QEMU's RAM has one hole, below 4 GiB, so
other holes of the machine become RAM. CPUs get the APIC ids of the capture, two
for each node; QEMU's own MADT lists them, and CPU 0, which QEMU always starts.

With --scaled 1G the nodes' shapes and distances are rebuilt with -numa in that
much memory: for hosts, and for bugs, that the full size does not suit.

usage: tools/machine_of_capture.py DIR [--scaled SIZE] [-- more QEMU arguments]
"""

import argparse
import json
import pathlib
import shlex
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

REPLAY = ROOT / "build" / "host" / "replay"
RAM_TYPES = {1, 2, 3, 4, 7}         # EFI loader, boot services, conventional
EFI_MEMORY_WB = 8
PAGE_BYTES = 4096
GIB = 1 << 30
FOUR_GIB = 4 * GIB
MAX_LOW_BYTES = 3 * GIB             # what the i440FX board takes below 4 GiB
RAW_TABLES = ["srat.bin", "slit.bin", "hmat.bin"]
CPUS_PER_NODE = 2
MAX_APIC_ID = 254                   # beyond, QEMU wants an interrupt remapper


class CannotPretend(Exception):
    """A capture that QEMU has no machine for."""


def replay(folder):
    run = subprocess.run([REPLAY, folder], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise CannotPretend(run.stderr.strip())
    machine = json.loads(run.stdout)
    if machine["fatal"]:
        raise CannotPretend(machine["fatal"])
    return machine


def ram_ranges(folder):
    """RAM as the map has it: sorted [start, end) pairs."""
    facts = json.loads((folder / "machine.json").read_text())
    content, stride = (folder / "map.bin").read_bytes(), facts["desc_size"]
    ranges = []
    for at in range(0, len(content) - 39, stride):
        efi_type, _, start, _, nr_pages, attributes = struct.unpack_from("<IIQQQQ", content, at)
        if efi_type in RAM_TYPES and attributes & EFI_MEMORY_WB and nr_pages:
            ranges.append((start, start + nr_pages * PAGE_BYTES))
    return sorted(ranges)


def memory_shape(ranges):
    """(bytes below 4 GiB, bytes from 4 GiB on) that QEMU is to have."""
    low_end = max((end for _, end in ranges if end <= FOUR_GIB), default=0)
    high_end = max((end for _, end in ranges), default=0)
    if high_end <= FOUR_GIB:
        return low_end // PAGE_BYTES * PAGE_BYTES, 0
    low = max(GIB, min(low_end // GIB * GIB, MAX_LOW_BYTES))
    return low, high_end - FOUR_GIB


def chosen_cpus(machine):
    """Up to CPUS_PER_NODE APIC ids of each node."""
    ids = [cpu for node in machine["nodes"] for cpu in node["cpus"][:CPUS_PER_NODE]]
    return [cpu for cpu in ids if cpu <= MAX_APIC_ID]


def cpu_arguments(ids, model):
    """One socket of single-threaded cores wide enough for the ids: then core-id is the id."""
    nr_cores = 1 << max(max(ids, default=0), 1).bit_length()
    arguments = ["-smp", f"1,sockets=1,dies=1,cores={nr_cores},threads=1,maxcpus={nr_cores}"]
    for cpu in ids:
        if cpu:
            arguments += ["-device", f"{model}-x86_64-cpu,socket-id=0,core-id={cpu},thread-id=0"]
    return arguments


def raw_machine(folder, model="max"):
    """The qemu.Machine of a capture at full size, with its raw tables."""
    folder = pathlib.Path(folder)
    low, high = memory_shape(ram_ranges(folder))
    ids = chosen_cpus(replay(folder))
    machine = qemu.Machine(cpus=1, memory_bytes=low + high, cpu_model=model,
                           accel="tcg,thread=multi")
    machine.type = "pc,memory-backend=ram" + (f",max-ram-below-4g={low}" if high else "")
    machine.extra = ["-object", f"memory-backend-ram,id=ram,size={low + high},reserve=off",
                     *cpu_arguments(ids, model)]
    for name in RAW_TABLES:
        if (folder / name).is_file():
            machine.extra += ["-acpitable", f"file={qemu.escaped(folder / name)}"]
    return machine


def scaled_machine(folder, memory_bytes, model="max"):
    """The same nodes in @memory_bytes, described by QEMU itself."""
    captured = replay(pathlib.Path(folder))
    sizes = [sum(end - start for start, end in node["mem"]) for node in captured["nodes"]]
    machine = qemu.Machine(cpus=0, memory_bytes=0, cpu_model=model)
    for node, size in zip(captured["nodes"], sizes):
        share = size * memory_bytes // max(sum(sizes), 1) >> 22 << 22     # whole 4 MiB blocks
        share = max(share, 16 << 20) if size else 0
        nr_cpus = min(len(node["cpus"]), CPUS_PER_NODE)
        cpus = f"{machine.cpus}-{machine.cpus + nr_cpus - 1}" if nr_cpus else ""
        machine.nodes.append(qemu.Node(share, cpus))
        machine.cpus += nr_cpus
        machine.memory_bytes += share
    machine.cpus = max(machine.cpus, 1)
    machine.distances = captured["distance"]
    return machine


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--scaled", metavar="SIZE", help="this much memory, with -numa")
    parser.add_argument("--boot", action="store_true", help="boot build/slabstick.img in it")
    parser.add_argument("--options", default="", help="the image's options, with --boot")
    parser.add_argument("extra", nargs="*", help="more QEMU arguments, after --")
    arguments = parser.parse_args()
    try:
        if arguments.scaled:
            machine = scaled_machine(arguments.folder, qemu.parse_bytes(arguments.scaled))
        else:
            machine = raw_machine(arguments.folder)
        run = qemu.Run(machine, options=arguments.options, timeout_s=900, extra=arguments.extra)
        if arguments.boot:
            echo = qemu.Echo()
            verdict, _, _ = qemu.boot(run, echo)
            echo.close()
            print(verdict.text(), file=sys.stderr)
            return 0 if verdict.is_passed else 1
        print(shlex.join(machine.arguments()))
    except (CannotPretend, qemu.CannotRun, OSError) as problem:
        print(f"machine_of_capture.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
