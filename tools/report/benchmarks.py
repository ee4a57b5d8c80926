"""Benchmarks beside Linux's figures from the same emulator."""

import pathlib
import re
import tomllib

from . import svg
from .markup import section, table, text

BUDGETS = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/bench/budgets.toml"
DEFAULT_MACHINE = "bench"
BOOT_LINE = re.compile(r"^==== (\S+) \(\d+ s\)$")


def rows_of_log(lines, records):
    """@bench records of the log that tools/bench.py keeps: many boots, each with its machine."""
    machine, rows = DEFAULT_MACHINE, []
    for line in lines:
        if match := BOOT_LINE.match(line):
            machine = match[1]
        rows += [{**row, "machine": machine} for kind, row in records.read_records([line])
                 if kind == "bench"]
    return rows


def load_budgets():
    if not BUDGETS.is_file():
        return {"machine": {}, "row": []}
    return tomllib.loads(BUDGETS.read_text(encoding="utf-8"))


def budgets_by_row(budgets):
    """{(machine, name in its image): row}"""
    found = {}
    for row in budgets["row"]:
        machine = row.get("machine", DEFAULT_MACHINE)
        suffix = budgets["machine"].get(machine, {}).get("suffix", "")
        found[machine, row["name"].removesuffix(suffix)] = row
    return found


def compared(facts):
    """[(name, value, unit, budget, linux)] in the log's order."""
    known, rows = budgets_by_row(load_budgets()), {}
    for row in facts.rows("bench"):
        unit = next((key for key in ("instructions", "cycles", "ratio", "ns") if key in row), None)
        if unit is None:
            continue
        key = row.get("machine", DEFAULT_MACHINE), row.get("name", "?")
        budget = known.get(key, {})
        rows[key] = (budget.get("name", key[1]), float(row[unit]), unit, budget.get("budget"),
                     budget.get("linux") if unit == "instructions" else None)
    return list(rows.values())


def figure(value):
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def against_linux(rows):
    """Linux's bar is full; ours is its part. The figure says how many times less."""
    shown = [(name, [(value / linux, "ours", f"{figure(value)}: {linux / value:.1f} times less"
                      if value < linux else f"{figure(value)}: {value / linux:.1f} times more"),
                     (1, "linux", f"Linux {figure(linux)}")])
             for name, value, _, _, linux in rows if linux and value]
    if not shown:
        return ""
    return svg.bars("instructions beside Linux's, whose bar is full", shown, most=1)


def render(facts):
    rows = compared(facts)
    if not rows:
        return ""
    exact = all(unit in ("instructions", "ratio") for _, _, unit, _, _ in rows)
    about = ("Guest instructions an operation, exact and repeatable, all checks included; Linux's "
             "were counted in the same emulator." if exact else
             "Cycles of this machine: not to be compared with the budgets, which are instructions.")
    cells = [[text(name), figure(value), text(unit), figure(budget), figure(linux)]
             for name, value, unit, budget, linux in rows]
    return section("bench", "Benchmarks", against_linux(rows),
                   table(["row", "ours", "unit", "budget", "Linux"], cells, numeric=(1, 3, 4)),
                   about=about)
