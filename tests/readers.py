#!/usr/bin/python3
"""Programs that others wrote read what the image prints.

One machine boots and prints its tables; then each reader is given what it reads, as a
user would give it. A reader that is not installed is skipped, with its Debian package.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

TIMEOUT_S = 400
READER_TIMEOUT_S = 120
TABLES = ["numa", "buddyinfo", "zoneinfo", "pagetypeinfo", "slabinfo", "vmallocinfo"]
# The first line of each table, and of what follows the last: acpi is shown behind them,
# for acpixtract reads on until the next table, and numactl's distances are bytes to it.
STARTS = {
    "numa": r"available: \d+ nodes ",
    "buddyinfo": r"Node 0, zone +\S+( +\d+){11} $",
    "zoneinfo": r"Node 0, zone +\S+$",
    "pagetypeinfo": r"Page block order:",
    "slabinfo": r"slabinfo - version: 2.1$",
    "vmallocinfo": r"0x[0-9a-f]+-0x[0-9a-f]+ ",
    "end": r"[A-Z]{4} @ 0x",
}
# Unequal nodes, one without a CPU: what merges or drops any of it is seen.
MACHINE = {
    "cpus": 2, "memory": "1G",
    "nodes": [{"memory": "512M", "cpus": "0"}, {"memory": "256M", "cpus": "1"},
              {"memory": "256M"}],
    "distances": [[10, 20, 30], [20, 10, 25], [30, 25, 10]],
}
NR_NODES, NR_CPUS = 3, 2
ZONES = ["DMA", "DMA32", "Normal", "Movable"]
PATHS = ":".join(["/usr/sbin", "/usr/bin", "/sbin", "/bin"])


class Failure(Exception):
    """What a reader made of it, and should not have."""


class Skip(Exception):
    """Why there is nothing to see."""


def require(is_so, what):
    if not is_so:
        raise Failure(what)


def reader(name, package):
    path = shutil.which(name) or shutil.which(name, path=PATHS)
    if not path:
        raise Skip(f"{name} is not installed (package {package})")
    return path


def run(command, folder, text=None):
    """What it prints; a status that is not 0 is a failure."""
    answer = subprocess.run([str(word) for word in command], cwd=folder, input=text, text=True,
                            capture_output=True, timeout=READER_TIMEOUT_S, check=False)
    require(answer.returncode == 0, f"{command[0]}: status {answer.returncode}: "
                                    f"{(answer.stderr or answer.stdout).strip()[-300:]}")
    return answer.stdout


def cut_tables(lines):
    """{table: its text}"""
    at, starts = 0, {}
    for name, pattern in STARTS.items():
        at = next((index for index in range(at, len(lines)) if re.match(pattern, lines[index])),
                  None)
        if at is None:
            raise Failure(f"the log has no {name}")
        starts[name] = at
    ends = [*starts.values()][1:]
    return {name: "\n".join(lines[start:end]) + "\n"
            for (name, start), end in zip(starts.items(), ends)}


# ---- Readers: each gets the log's path and the tables by name ----

def jc(name, tables, folder):
    return json.loads(run([reader("jc", "jc"), f"--proc-{name}"], folder, tables[name]))


def jc_buddyinfo(_, tables, folder):
    rows = jc("buddyinfo", tables, folder)
    require(len(rows) == len(tables["buddyinfo"].splitlines()), f"{len(rows)} zones")
    # Nothing has needed the whole machine: what waits is counted, all free memory is there.
    require(any(row["zone"].endswith("-pending") for row in rows), "nothing is pending")
    free = sum(count << order for row in rows for order, count in enumerate(row["free_chunks"]))
    require(free > 200000, f"{free} pages are free")
    for row, line in zip(rows, tables["buddyinfo"].splitlines()):
        require(row["free_chunks"] == [int(word) for word in line.split()[4:]], line)


def jc_zoneinfo(_, tables, folder):
    nodes = jc("zoneinfo", tables, folder)
    require([node["node"] for node in nodes] == list(range(NR_NODES)),
            f"nodes {[node['node'] for node in nodes]}")
    for node in nodes:
        require([zone for zone in ZONES if zone in node] == ZONES, f"zones of {node['node']}")
    managed = sum(node[zone]["pages"]["managed"] for node in nodes for zone in ZONES)
    ours = sum(int(count) for count in re.findall(r"managed +(\d+)", tables["zoneinfo"]))
    require(managed == ours > 200000, f"{managed} pages managed, not {ours}")


def jc_pagetypeinfo(_, tables, folder):
    found = jc("pagetypeinfo", tables, folder)
    require(found["page_block_order"] == 9, "the order of a pageblock")
    types = {row["type"] for row in found["free_pages"]}
    require(types == {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"}, str(types))
    # Memory that is not brought up has rows in buddyinfo, and no types yet.
    zones = [line for line in tables["buddyinfo"].splitlines() if "-pending" not in line]
    require(len(found["free_pages"]) == 5 * len(zones), "rows")


def jc_slabinfo(_, tables, folder):
    rows = {row["name"]: row for row in jc("slabinfo", tables, folder)}
    require(len(rows) == len(tables["slabinfo"].splitlines()) - 2, f"{len(rows)} caches")
    require(rows["kmalloc-64"]["obj_size"] == 64, "kmalloc-64")


def jc_vmallocinfo(_, tables, folder):
    rows = jc("vmallocinfo", tables, folder)
    require(len(rows) == len(tables["vmallocinfo"].splitlines()), f"{len(rows)} areas")
    require(all(int(row["end"], 16) - int(row["start"], 16) == row["size"] for row in rows),
            "sizes")


def slabtop(_, tables, folder):
    """It reads /proc/slabinfo alone: ours takes its place, for it and nobody else."""
    command = ["unshare", "-m", "sh", "-c", 'mount --bind slabinfo /proc/slabinfo && exec "$0" -o',
               reader("slabtop", "procps")]
    (folder / "slabinfo").write_text(tables["slabinfo"])
    probe = subprocess.run(["unshare", "-m", "mount", "--bind", folder / "slabinfo",
                            "/proc/slabinfo"], capture_output=True, timeout=60, check=False)
    if probe.returncode:
        raise Skip("nothing may be mounted over /proc/slabinfo here")
    said = run(command, folder)
    active = sum(int(line.split()[1]) for line in tables["slabinfo"].splitlines()[2:])
    require(re.search(rf"Total Objects.*: {active} /", said), f"not {active} objects: {said[:80]}")
    require(re.search(r"^ *\d+ .* kmalloc-64 *$", said, re.MULTILINE), "no kmalloc-64")


def acpixtract(log, _, folder):
    """The tables come out of the log as it is, byte for byte by their sums; iasl reads SRAT."""
    run([reader("acpixtract", "acpica-tools"), "-a", log], folder)
    found = {path.name[:4]: path.read_bytes() for path in folder.glob("*.dat")}
    require({"srat", "slit", "apic", "facp"} <= set(found), f"tables {sorted(found)}")
    for name, data in found.items():
        require(len(data) == int.from_bytes(data[4:8], "little"), f"{name}: length")
        require(sum(data) % 256 == 0, f"{name}: its sum is not 0")


def iasl(log, _, folder):
    run([reader("acpixtract", "acpica-tools"), "-a", log], folder)
    table = next(folder.glob("srat*.dat"))
    run([reader("iasl", "acpica-tools"), "-d", table.name], folder)
    domains = re.findall(r"Proximity Domain : 0000(\d+)",
                         table.with_suffix(".dsl").read_text(errors="replace"))
    require({int(domain) for domain in domains} == set(range(NR_NODES)), f"domains {domains}")


def prove(log, _, folder):
    said = run([reader("prove", "perl"), "--exec", "cat", log], folder)
    require("Result: PASS" in said and "Tests=1," in said, said.strip()[-200:])


def prove_of_a_failure(log, _, folder):
    """What never says no says nothing."""
    broken = folder / "broken.log"
    broken.write_text(re.sub(r"^ok 1 ", "not ok 1 ", log.read_text(), flags=re.MULTILINE))
    answer = subprocess.run([reader("prove", "perl"), "--exec", "cat", broken], cwd=folder,
                            capture_output=True, text=True, timeout=READER_TIMEOUT_S, check=False)
    require(answer.returncode != 0 and "Result: FAIL" in answer.stdout, "a failure passes")


def numactl(_, tables, folder):
    """What reads numactl -H reads these lines: no blank more or less."""
    del folder
    nodes = range(NR_NODES)
    shape = [r"available: 3 nodes \(0-2\)"]
    for nid in nodes:
        shape += [rf"node {nid} cpus:( \d+)*", rf"node {nid} size: \d+ MB",
                  rf"node {nid} free: \d+ MB"]
    shape += [r"node distances:", r"node   0   1   2 "]
    shape += [f"  {nid}: " + "".join(f"{distance:3} " for distance in MACHINE["distances"][nid])
              for nid in nodes]
    for line, pattern in zip(tables["numa"].splitlines(), shape):
        require(re.fullmatch(pattern, line), f"{line!r} is not {pattern!r}")


def lstopo(log, _, folder):
    """hwloc loads the nodes, keeps all of them, and draws them."""
    program = reader("lstopo-no-graphics", "hwloc-nox")
    run([sys.executable, ROOT / "tools" / "report", log, "--lstopo", "nodes.xml"], folder)
    said = run([program, "-i", "nodes.xml", "--of", "console"], folder)
    require(len(re.findall(r"NUMANode L#", said)) == NR_NODES, said)
    require(len(re.findall(r"\bPU L#", said)) == NR_CPUS, said)
    matrix = run([program, "-i", "nodes.xml", "--distances"], folder)
    for row in MACHINE["distances"]:
        require(re.search(r"^ *\d+ +" + " +".join(map(str, row)) + r"$", matrix, re.MULTILINE),
                f"no row {row}: {matrix}")
    run([program, "-i", "nodes.xml", "picture.svg"], folder)
    words = "".join(ElementTree.parse(folder / "picture.svg").getroot().itertext())
    require("NUMANode" in words, "the picture has no node")


READERS = [jc_buddyinfo, jc_zoneinfo, jc_pagetypeinfo, jc_slabinfo, jc_vmallocinfo, slabtop,
           acpixtract, iasl, prove, prove_of_a_failure, numactl, lstopo]


def boot(folder):
    """(path of the log, tables)"""
    run_of_it = qemu.Run(qemu.machine_from_row(MACHINE), timeout_s=TIMEOUT_S, options=
                         f"run=show,selftest show={','.join(TABLES)},acpi tests=format")
    verdict, output, _ = qemu.boot(run_of_it)
    if not verdict.is_passed:
        raise Failure(verdict.text())
    log = folder / "run.log"
    qemu.save_log(log, output)
    return log, cut_tables(verdict.log.lines)


def try_reader(read, log, tables):
    """("ok" or "not ok" or "skip", a word on it)"""
    with tempfile.TemporaryDirectory(prefix="slabstick-") as name:
        try:
            read(log, tables, pathlib.Path(name))
        except Skip as reason:
            return "skip", str(reason)
        except (Failure, OSError, ValueError, KeyError, StopIteration, ElementTree.ParseError,
                subprocess.TimeoutExpired) as problem:
            return "not ok", f"{type(problem).__name__}: {problem}"
    return "ok", ""


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    with tempfile.TemporaryDirectory(prefix="slabstick-") as name:
        try:
            log, tables = boot(pathlib.Path(name))
        except (Failure, qemu.CannotRun) as problem:
            print(f"not ok the machine prints its tables: {problem}\n0 passed, 1 failed, 0 skipped")
            return 1
        for read in READERS:
            state, word = try_reader(read, log, tables)
            counts[state] += 1
            print(f"{state} {read.__name__.replace('_', ' ')}" + (f": {word}" if word else ""),
                  flush=True)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
