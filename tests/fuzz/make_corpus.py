#!/usr/bin/python3
"""Writes the fuzzers' kept inputs, tests/fuzz/corpus/, from the machines of
tests/data/firmware.toml. Inputs that fuzzing found are kept beside them, under
names that begin with "found-"."""

import pathlib
import struct
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import firmware_tables  # noqa: E402

CORPUS = ROOT / "tests" / "fuzz" / "corpus"
# In the order in which fuzz_capture.c reads them; a bit each, but for the map.
PARTS = ["map.bin", "srat.bin", "slit.bin", "madt.bin", "hmat.bin", "srat2.bin", "spcr.bin"]
TABLES = {"fuzz_srat": "srat.bin", "fuzz_slit": "slit.bin", "fuzz_madt": "madt.bin",
          "fuzz_hmat": "hmat.bin"}
MAX_PART = 0xFFFF


def spcr(interface, space, address):
    body = struct.pack("<B3xBBBBQ", interface, space, 8, 0, 1, address).ljust(22, b"\0")
    return firmware_tables.table("SPCR", 2, (body + bytes([7])).ljust(44, b"\0"))


def capture(machine, files):
    present = sum(1 << i for i, name in enumerate(PARTS[1:]) if name in files)
    content = bytes([machine.get("desc_size", 48) & 0xFF, machine.get("bsp", 0) & 0xFF, present])
    for name in PARTS:
        part = files.get(name, b"")[:MAX_PART]
        content += struct.pack("<H", len(part)) + part
    return content


def root_memory():
    """RSDP at 16, XSDT at 64 with one SRAT at 128, RSDT at 256 with the same."""
    srat = firmware_tables.srat(["cpu 0 in 0"])
    memory = bytearray(512)
    memory[128:128 + len(srat)] = srat
    for at, signature, entry in ((64, "XSDT", struct.pack("<Q", 128)),
                                 (256, "RSDT", struct.pack("<I", 128))):
        root = firmware_tables.table(signature, 1, entry)
        memory[at:at + len(root)] = root
    memory[16:52] = b"RSD PTR " + struct.pack("<B6sBIIQB3x", 0, b"SLAB  ", 2, 256, 36, 64, 0)
    return bytes(memory)


def inputs():
    for index, machine in enumerate(tomllib.loads(
            (ROOT / "tests/data/firmware.toml").read_text())["machine"]):
        files = firmware_tables.capture_files(machine)
        yield "fuzz_capture", index, capture(machine, files)
        yield "fuzz_map", index, bytes([machine.get("desc_size", 48) & 0xFF]) + files["map.bin"]
        for fuzzer, name in TABLES.items():
            if name in files:
                yield fuzzer, index, files[name]
    for index, words in enumerate([(0, 1, 0x3F8), (0x12, 0, 0xFEDC9000), (3, 0, 0x9000000)]):
        yield "fuzz_spcr", index, spcr(*words)
    yield "fuzz_root", 0, root_memory()


def main():
    written = {}
    for fuzzer, index, content in inputs():
        if content in written.setdefault(fuzzer, set()):
            continue
        written[fuzzer].add(content)
        folder = CORPUS / fuzzer
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"made-{index:03}").write_bytes(content)
    print(f"{sum(map(len, written.values()))} inputs in {CORPUS}")


if __name__ == "__main__":
    main()
