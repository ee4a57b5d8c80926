#!/usr/bin/python3
"""Machines through build/host/replay, against the topology each must give.

Two sources: tests/data/machines.py builds captures from descriptions of our
own; ../shared/acpi, where it is there, holds tables of real machines with the
topology a right reader finds in them. Those tables came without a memory map:
one is made of the ranges SRAT names, all of it conventional memory.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPLAY = ROOT / "build" / "host" / "replay"
REAL_MACHINES = ROOT.parent / "shared" / "acpi"
TIMEOUT_S = 60

EFI_CONVENTIONAL = 7
EFI_MEMORY_WB = 8
DESCRIPTOR_BYTES = 48
PAGE_BYTES = 4096
LOW_END = 1 << 20       # the allocator gets nothing below


def descriptor(start, end, efi_type=EFI_CONVENTIONAL, attributes=EFI_MEMORY_WB):
    return struct.pack("<IIQQQQQ", efi_type, 0, start, 0, (end - start) // PAGE_BYTES,
                       attributes, 0)


def write_capture(folder, machine, files):
    (folder / "machine.json").write_text(json.dumps(machine))
    for name, content in files.items():
        (folder / name).write_bytes(content)


def replay(folder):
    run = subprocess.run([REPLAY, folder], capture_output=True, text=True, timeout=TIMEOUT_S,
                         check=False)
    if run.returncode != 0:
        raise AssertionError(f"replay ends with status {run.returncode}: {run.stderr[-2000:]}")
    return json.loads(run.stdout)


def expect(what, got, expected):
    if got != expected:
        raise AssertionError(f"{what}: got {got}, expected {expected}")


def merge(ranges):
    """Sorted, and those that touch joined."""
    merged = []
    for start, end in sorted(map(list, ranges)):
        if merged and merged[-1][1] >= start:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def without_low_memory(ranges):
    return [[max(start, LOW_END), end] for start, end in ranges if end > LOW_END]


# ---- Real machines ----------------------------------------------------------

def make_real_capture(folder, expected, tables):
    ranges = [(r["start"], r["end"]) for r in expected["srat"]["ranges"] if not r["nvdimm"]]
    cpus = [cpu for node in expected["topology"]["nodes"] for cpu in node["cpus"]]
    files = {"map.bin": b"".join(descriptor(*r) for r in ranges)}
    for signature, name in (("SRAT", "srat.bin"), ("SLIT", "slit.bin"), ("APIC", "madt.bin"),
                            ("HMAT", "hmat.bin")):
        if tables.with_suffix("." + signature).is_file():
            files[name] = tables.with_suffix("." + signature).read_bytes()
    write_capture(folder, {"desc_size": DESCRIPTOR_BYTES, "desc_version": 1, "self": [0, 0],
                           "bsp": min(cpus)}, files)


def check_against_expected(got, expected):
    topology = expected["topology"]
    nodes = {node["pxm"]: node for node in got["nodes"]}
    wanted = {node["pxm"]: node for node in topology["nodes"]}
    order = [node["pxm"] for node in got["nodes"]]

    expect("fatal", got["fatal"], None)
    expect("domains", sorted(nodes), sorted(wanted))
    for pxm, node in wanted.items():
        expect(f"CPUs of domain {pxm}", sorted(nodes[pxm]["cpus"]), sorted(node["cpus"]))
        expect(f"memory of domain {pxm}", merge(nodes[pxm]["mem"]),
               without_low_memory(merge(node["mem"])))
    wanted_order = [node["pxm"] for node in topology["nodes"]]
    distances = {(a, b): topology["distance"][i][j] for i, a in enumerate(wanted_order)
                 for j, b in enumerate(wanted_order)}
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            expect(f"distance from {a} to {b}", got["distance"][i][j], distances[a, b])
    expect("node order", order, expected["linux_node_order_by_pxm"])


def check_madt_alone(folder, madt):
    """A machine of which only the MADT is known: nothing may break, every id comes once."""
    write_capture(folder, {"desc_size": DESCRIPTOR_BYTES, "desc_version": 1, "self": [0, 0],
                           "bsp": 0},
                  {"map.bin": descriptor(0, 1 << 30), "madt.bin": madt.read_bytes()})
    got = replay(folder)
    cpus = got["nodes"][0]["cpus"]
    expect("fatal", got["fatal"], None)
    expect("nodes", len(got["nodes"]), 1)
    expect("repeated CPUs", len(set(cpus)), len(cpus))


def check_real_machine(folder, tables):
    expected = json.loads(tables.read_text())
    make_real_capture(folder, expected, tables)
    check_against_expected(replay(folder), expected)


def real_cases():
    for path in sorted(REAL_MACHINES.glob("*.json")):
        yield f"real machine {path.stem}", lambda folder, path=path: check_real_machine(folder, path)
    for path in sorted(REAL_MACHINES.glob("*.APIC")):
        yield f"real MADT {path.stem}", lambda folder, path=path: check_madt_alone(folder, path)


# ---- Running ----------------------------------------------------------------

def run_case(name, check):
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(pathlib.Path(folder))
        except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as failure:
            print(f"not ok {name}: {failure}")
            return False
    print(f"ok {name}")
    return True


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-k", default="", help="only cases whose name has this")
    chosen = arguments.parse_args().k
    results, skipped = [], 0

    if REAL_MACHINES.is_dir():
        results += [run_case(name, check) for name, check in real_cases() if chosen in name]
    else:
        print("ok real machines # SKIP ../shared/acpi is not there")
        skipped = 1
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed, {skipped} skipped")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
