"""Reads the `@kind key=value ...` records of a log, whose keys are stable."""

import re

RECORD_LINE = re.compile(r"^@([a-z_]+)\s+(.*)$")
# A value is a word, or everything between double quotes.
PAIR = re.compile(r'([A-Za-z0-9_]+)=("[^"]*"|\S*)')


def read_records(lines):
    """Yields (kind, {key: text}) for every record in @lines."""
    for line in lines:
        if match := RECORD_LINE.match(line.rstrip("\r\n")):
            pairs = {key: value.strip('"') for key, value in PAIR.findall(match[2])}
            if pairs:
                yield match[1], pairs
