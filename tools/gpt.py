#!/usr/bin/python3
"""Writes a GPT with one EFI system partition to a disk image.

usage: tools/gpt.py IMAGE SECTOR_BYTES START_MIB PARTITION_MIB

For sectors of any size: Debian 12's sgdisk takes every file for a disk of 512-byte
sectors. The identifiers are fixed: the same input makes the same image.
"""

import os
import struct
import sys
import uuid
import zlib

MIB = 1 << 20
NR_ENTRIES, ENTRY_BYTES, HEADER_BYTES = 128, 128, 92
REVISION = 0x00010000
EFI_SYSTEM = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
DISK = uuid.UUID("51AB571C-0000-4000-8000-000000000001")
PARTITION = uuid.UUID("51AB571C-0000-4000-8000-000000000002")
NAME = "Slabstick"
CHS_TOO_LARGE = b"\xff\xff\xff"


def protective_mbr(nr_sectors):
    """One partition of type 0xEE over all, for programs that know no GPT."""
    record = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, CHS_TOO_LARGE, 1,
                         min(nr_sectors - 1, 0xFFFFFFFF))
    return bytes(446) + record + bytes(48) + b"\x55\xaa"


def entries(first, last):
    """The table of partitions; @last is inclusive, as on the disk."""
    entry = struct.pack("<16s16sQQQ72s", EFI_SYSTEM.bytes_le, PARTITION.bytes_le, first, last, 0,
                        NAME.encode("utf-16-le"))
    return entry + bytes((NR_ENTRIES - 1) * ENTRY_BYTES)


def header(at, other, table_at, table, usable):
    """A header for sector @at, whose twin is at @other."""
    def pack(checksum):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", REVISION, HEADER_BYTES, checksum, 0,
                           at, other, *usable, DISK.bytes_le, table_at, NR_ENTRIES, ENTRY_BYTES,
                           zlib.crc32(table))
    return pack(zlib.crc32(pack(0)))


def pieces(nr_sectors, sector_bytes, start_bytes, partition_bytes):
    """{sector: bytes} of what makes the disk a GPT disk."""
    table_sectors = -(-NR_ENTRIES * ENTRY_BYTES // sector_bytes)
    first = start_bytes // sector_bytes
    last = first + partition_bytes // sector_bytes - 1
    end = nr_sectors - 1
    usable = (2 + table_sectors, end - table_sectors - 1)
    if first < usable[0] or last > usable[1]:
        sys.exit("gpt.py: the partition has no room beside the tables")
    table = entries(first, last)
    return {0: protective_mbr(nr_sectors), 1: header(1, end, 2, table, usable), 2: table,
            end - table_sectors: table,
            end: header(end, 1, end - table_sectors, table, usable)}


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    path, (sector_bytes, start_mib, partition_mib) = sys.argv[1], map(int, sys.argv[2:])
    nr_sectors = os.path.getsize(path) // sector_bytes
    with open(path, "r+b") as image:
        for sector, data in pieces(nr_sectors, sector_bytes, start_mib * MIB,
                                   partition_mib * MIB).items():
            image.seek(sector * sector_bytes)
            image.write(data)


if __name__ == "__main__":
    main()
