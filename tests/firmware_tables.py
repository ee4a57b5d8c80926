"""Firmware tables and memory maps from descriptions in words.

Ranges are "START-END" with numbers in decimal, hexadecimal, or with K, M, G, T;
"END" may be "2^64". The words of each kind stand at the functions below.
"""

import json
import struct

PAGE_BYTES = 4096
DESCRIPTOR_BYTES = 48

EFI_TYPES = {
    "reserved": 0, "loader-code": 1, "loader-data": 2, "boot-code": 3, "boot-data": 4,
    "runtime-code": 5, "runtime-data": 6, "ram": 7, "unusable": 8, "acpi": 9, "nvs": 10,
    "mmio": 11, "mmio-port": 12, "pal": 13, "persistent": 14, "unaccepted": 15,
}
EFI_WB = 0x8
EFI_ATTRIBUTES = {"uncached": -EFI_WB, "special": 0x40000, "nv": 0x8000, "runtime": 1 << 63}

ENABLED, HOT_PLUGGABLE, NON_VOLATILE = 1, 2, 4
UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


def number(word):
    """16, 0x10, 16K, 2^64, 2^64-4K and sums like 4G+8."""
    for sign in ("+", "-"):
        head, found, tail = word.rpartition(sign)
        if found and head:
            return number(head) + (number(tail) if sign == "+" else -number(tail))
    if word == "2^64":
        return 1 << 64
    if word[-1] in UNITS:
        return int(word[:-1], 0) << UNITS[word[-1]]
    return int(word, 0)


def span(word):
    """("1M-2G") -> (1 MiB, 2 GiB). A start with a minus is written with "..": "2^64-4K..2^64"."""
    start, end = word.split("..") if ".." in word else word.split("-")
    return number(start), number(end)


def checksummed(table):
    table = bytearray(table)
    table[9] = 0
    table[9] = -sum(table) & 0xFF
    return bytes(table)


def table(signature, revision, body):
    header = struct.pack("<4sIBB6s8sI4sI", signature.encode(), 36 + len(body), revision, 0,
                         b"SLAB  ", b"SLABSTIC", 1, b"SLAB", 1)
    return checksummed(header + body)


def descriptor(efi_type, start, nr_pages, attributes, stride=DESCRIPTOR_BYTES):
    return struct.pack("<IIQQQQ", efi_type, 0, start, 0, nr_pages,
                       attributes & (1 << 64) - 1).ljust(stride, b"\0")


def memory_map(lines, stride=DESCRIPTOR_BYTES):
    """Lines "TYPE START-END [ATTRIBUTE...]" or "TYPE START pages=N [ATTRIBUTE...]"; TYPE may be
    a number."""
    content = b""
    for line in lines:
        kind, where, *words = line.split()
        attributes = EFI_WB
        start, nr_pages = None, None
        for word in words:
            if word.startswith("pages="):
                start, nr_pages = number(where), number(word[6:])
            else:
                attributes += EFI_ATTRIBUTES[word]
        if nr_pages is None:
            start, end = span(where)
            nr_pages = (end - start) // PAGE_BYTES
        content += descriptor(EFI_TYPES.get(kind, None) if kind in EFI_TYPES else int(kind, 0),
                              start, nr_pages, attributes, stride)
    return content


def flags_of(words):
    flags = 0 if "disabled" in words else ENABLED
    flags |= HOT_PLUGGABLE if "hotplug" in words else 0
    return flags | (NON_VOLATILE if "nv" in words else 0)


def srat_record(line):
    """"cpu ID in DOMAIN", "x2apic ID in DOMAIN", "mem START-END in DOMAIN [hotplug] [nv]",
    "initiator in DOMAIN", "raw HEX"; any with "disabled"."""
    words = line.split()
    flags = flags_of(words)
    if words[0] == "raw":
        return bytes.fromhex("".join(words[1:]))
    domain = number(words[words.index("in") + 1])
    if words[0] == "cpu":
        return struct.pack("<BBBBIB3sI", 0, 16, domain & 0xFF, number(words[1]), flags, 0,
                           (domain >> 8).to_bytes(3, "little"), 0)
    if words[0] == "x2apic":
        return struct.pack("<BBHIIIII", 2, 24, 0, domain, number(words[1]), flags, 0, 0)
    if words[0] == "mem":
        start, end = span(words[1])
        return struct.pack("<BBIHQQIIQ", 1, 40, domain, 0, start, (end - start) & (1 << 64) - 1,
                           0, flags, 0)
    assert words[0] == "initiator", line
    return struct.pack("<BBHIQQII", 5, 32, 0, domain, 0, 0, flags, 0)


def srat(lines, revision=3):
    return table("SRAT", revision, struct.pack("<IQ", 1, 0) + b"".join(map(srat_record, lines)))


def madt_record(line):
    """"cpu ID", "x2apic ID", "raw HEX"; with "disabled"."""
    words = line.split()
    if words[0] == "raw":
        return bytes.fromhex("".join(words[1:]))
    flags = flags_of(words)
    if words[0] == "cpu":
        return struct.pack("<BBBBI", 0, 8, 0, number(words[1]), flags)
    assert words[0] == "x2apic", line
    return struct.pack("<BBHIII", 9, 16, 0, number(words[1]), flags, 0)


def madt(lines, revision=4):
    return table("APIC", revision, struct.pack("<II", 0xFEE00000, 1)
                 + b"".join(map(madt_record, lines)))


def slit(matrix, count=None):
    """Rows of distances; @count is a number of localities that lies."""
    body = struct.pack("<Q", len(matrix) if count is None else count)
    return table("SLIT", 1, body + b"".join(bytes(row) for row in matrix))


HMAT_TYPES = {"latency": 0, "read-latency": 1, "write-latency": 2,
              "bandwidth": 3, "read-bandwidth": 4, "write-bandwidth": 5}


def hmat(matrices, revision=2):
    """Dictionaries: what, unit, initiators, targets, values (rows by initiator)."""
    body = bytes(4)
    for matrix in matrices:
        values = [value for row in matrix["values"] for value in row]
        domains = [*matrix["initiators"], *matrix["targets"]]
        content = struct.pack(f"<BBHIIIQ{len(domains)}I{len(values)}H", 0,
                              HMAT_TYPES[matrix["what"]], 0, len(matrix["initiators"]),
                              len(matrix["targets"]), 0, matrix["unit"], *domains, *values)
        body += struct.pack("<HHI", 1, 0, 8 + len(content)) + content
    return table("HMAT", revision, body)


def capture_files(machine):
    """The files of a capture folder from a description: see tests/data/firmware.toml."""
    stride = machine.get("desc_size", DESCRIPTOR_BYTES)
    files = {"map.bin": memory_map(machine["map"], max(stride, 40))
             + bytes.fromhex(machine.get("map_tail", ""))}
    revision = machine.get("srat_revision", 3)
    if "srat" in machine:
        files["srat.bin"] = srat(machine["srat"], revision)
    if "srat2" in machine:
        files["srat2.bin"] = srat(machine["srat2"], revision)
    if "slit" in machine:
        files["slit.bin"] = slit(machine["slit"], machine.get("slit_count")) \
            + bytes(machine.get("slit_tail", 0))
    if "madt" in machine:
        files["madt.bin"] = madt(machine["madt"])
    if "hmat" in machine:
        files["hmat.bin"] = hmat(machine["hmat"], machine.get("hmat_revision", 2))
    for name, offset, value in machine.get("break", []):
        content = bytearray(files[name])
        content[offset] = value
        files[name] = bytes(content)
    for name, length in machine.get("cut", []):
        files[name] = files[name][:length]
    facts = {"desc_size": stride, "desc_version": 1,
             "self": [number(word) for word in machine.get("self", ["0", "0"])],
             "bsp": machine.get("bsp", 0)}
    files["machine.json"] = json.dumps(facts).encode()
    return files
