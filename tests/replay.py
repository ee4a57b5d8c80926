#!/usr/bin/python3
"""Machines through build/host/replay, against the topology each must give.

Two sources: tests/data/firmware.toml describes machines of our own, right and
wrong ones; ../shared/acpi, where it is there, holds tables of real machines with the
topology a right reader finds in them. Those tables came without a memory map:
one is made of the ranges SRAT names, all of it conventional memory.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import firmware_tables
from firmware_tables import span

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPLAY = ROOT / "build" / "host" / "replay"
REAL_MACHINES = ROOT.parent / "shared" / "acpi"
TIMEOUT_S = 60

OWN_MACHINES = ROOT / "tests" / "data" / "firmware.toml"
LOW_END = 1 << 20       # the allocator gets nothing below


def write_capture(folder, files):
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


# ---- Machines of our own ------------------------------------------------------

def check_nodes(got, wanted):
    nodes = {node["pxm"]: node for node in got["nodes"]}
    expect("domains", sorted(nodes), sorted(map(int, wanted)))
    for pxm, node in wanted.items():
        expect(f"memory of domain {pxm}", nodes[int(pxm)]["mem"],
               [list(span(word)) for word in node["mem"]])
        expect(f"CPUs of domain {pxm}", nodes[int(pxm)]["cpus"], node["cpus"])


def check_invariants(got):
    """What holds for every machine, right or wrong."""
    mem = sorted(piece for node in got["nodes"] for piece in node["mem"])
    expect("memory of all nodes", merge(mem), merge(got["usable"]))
    for start, end in got["usable"]:
        if start % 4096 or end % 4096 or start >= end or start < LOW_END:
            raise AssertionError(f"usable range {start:#x}-{end:#x}")
    for (_, end), (start, _) in zip(got["usable"], got["usable"][1:]):
        if end >= start:
            raise AssertionError(f"usable memory overlaps or is not merged at {start:#x}")
    for nid, order in enumerate(got["zonelists"]):
        distances = [got["distance"][nid][other] for other in order]
        expect(f"zonelist of node {nid}", distances, sorted(distances))


def check_own_machine(folder, machine):
    write_capture(folder, firmware_tables.capture_files(machine))
    got = replay(folder)
    wanted = machine["expect"]
    messages = "\n".join(got["messages"])

    check_invariants(got)
    expect("fatal", got["fatal"] is not None, wanted.get("fatal", False))
    if "usable" in wanted:
        expect("usable", got["usable"], [list(span(word)) for word in wanted["usable"]])
    if "nodes" in wanted:
        check_nodes(got, wanted["nodes"])
    for key in ("distance", "zonelists"):
        if key in wanted:
            expect(key, got[key], wanted[key])
    if wanted.get("silent"):
        expect("messages", got["messages"], [])
    for part in wanted.get("messages", []):
        if part not in messages:
            raise AssertionError(f"no message has \"{part}\": {got['messages']}")


def own_cases():
    for machine in tomllib.loads(OWN_MACHINES.read_text())["machine"]:
        yield machine["name"], lambda folder, machine=machine: check_own_machine(folder, machine)


# ---- Real machines ----------------------------------------------------------

def real_map(ranges):
    return b"".join(firmware_tables.descriptor(7, start, (end - start) // 4096, 8)
                    for start, end in ranges)


def machine_json(bsp):
    return json.dumps({"desc_size": firmware_tables.DESCRIPTOR_BYTES, "desc_version": 1,
                       "self": [0, 0], "bsp": bsp}).encode()


def make_real_capture(folder, expected, tables):
    ranges = [(r["start"], r["end"]) for r in expected["srat"]["ranges"] if not r["nvdimm"]]
    cpus = [cpu for node in expected["topology"]["nodes"] for cpu in node["cpus"]]
    files = {"map.bin": real_map(ranges), "machine.json": machine_json(min(cpus))}
    for signature, name in (("SRAT", "srat.bin"), ("SLIT", "slit.bin"), ("APIC", "madt.bin"),
                            ("HMAT", "hmat.bin")):
        if tables.with_suffix("." + signature).is_file():
            files[name] = tables.with_suffix("." + signature).read_bytes()
    write_capture(folder, files)


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
    write_capture(folder, {"machine.json": machine_json(0), "map.bin": real_map([(0, 1 << 30)]),
                           "madt.bin": madt.read_bytes()})
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
        yield (f"real machine {path.stem}",
               lambda folder, path=path: check_real_machine(folder, path))
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
    results = [run_case(name, check) for name, check in own_cases() if chosen in name]
    skipped = 0

    if REAL_MACHINES.is_dir():
        results += [run_case(name, check) for name, check in real_cases() if chosen in name]
    else:
        print("ok real machines # SKIP ../shared/acpi is not there")
        skipped = 1
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed, {skipped} skipped")
    return 0 if passed and passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
