#!/usr/bin/python3
"""Finishes the PE header of an EFI application that objcopy has written.

objcopy knows no NX_COMPAT flag, and its headers must satisfy firmware that maps
sections with their own permissions: every section aligned to 4 KiB, none both
writable and executable. Sets the flag, checks the rest, clears the time stamp
(the same sources make the same file). The file is rewritten only as a whole.
"""

import os
import struct
import sys

PAGE_BYTES = 4096
NX_COMPAT = 0x0100
MACHINE_X86_64 = 0x8664
MAGIC_PE32_PLUS = 0x20B
SUBSYSTEM_EFI_APPLICATION = 10
SECTION_EXECUTE, SECTION_WRITE = 0x20000000, 0x80000000
SECTION_HEADER_BYTES = 40


class BadImage(Exception):
    """The file is not the EFI application it should be."""


def require(condition, text):
    if not condition:
        raise BadImage(text)


def check_section(data, at):
    name = data[at:at + 8].rstrip(b"\0").decode("ascii", "replace")
    virtual_address, = struct.unpack_from("<I", data, at + 12)
    flags, = struct.unpack_from("<I", data, at + 36)
    require(virtual_address % PAGE_BYTES == 0, f"section {name} is not aligned to 4 KiB")
    both = SECTION_EXECUTE | SECTION_WRITE
    require(flags & both != both, f"section {name} is writable and executable")


def finish(data):
    """Returns the finished copy of the PE file @data; BadImage when it is none."""
    data = bytearray(data)
    require(len(data) > 0x40 and data[:2] == b"MZ", "no DOS header")
    pe, = struct.unpack_from("<I", data, 0x3C)
    require(pe + 24 + 112 <= len(data) and data[pe:pe + 4] == b"PE\0\0", "no PE header")
    machine, nr_sections, _, _, _, optional_bytes = struct.unpack_from("<HHIIIH", data, pe + 4)
    optional = pe + 24
    magic, = struct.unpack_from("<H", data, optional)
    section_alignment, = struct.unpack_from("<I", data, optional + 32)
    subsystem, dll_characteristics = struct.unpack_from("<HH", data, optional + 68)
    require(machine == MACHINE_X86_64, "not for x86_64")
    require(magic == MAGIC_PE32_PLUS, "not PE32+")
    require(subsystem == SUBSYSTEM_EFI_APPLICATION, "not an EFI application")
    require(section_alignment % PAGE_BYTES == 0 and section_alignment > 0,
            f"section alignment is {section_alignment}")
    sections = optional + optional_bytes
    require(sections + nr_sections * SECTION_HEADER_BYTES <= len(data), "truncated section table")
    for index in range(nr_sections):
        check_section(data, sections + index * SECTION_HEADER_BYTES)

    struct.pack_into("<I", data, pe + 8, 0)
    struct.pack_into("<H", data, optional + 70, dll_characteristics | NX_COMPAT)
    return bytes(data)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: finish_pe.py FROM TO")
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        data = file.read()
    try:
        data = finish(data)
    except BadImage as problem:
        sys.exit(f"{source}: {problem}")
    new = f"{target}.new.{os.getpid()}"
    try:
        with open(new, "wb") as file:
            file.write(data)
        os.replace(new, target)
    finally:
        if os.path.exists(new):
            os.unlink(new)


if __name__ == "__main__":
    main()
