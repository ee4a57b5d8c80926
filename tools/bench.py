#!/usr/bin/python3
"""Boots the image under icount and compares every row with its budget.

The budgets and the machines stand in tests/bench/budgets.toml. The exit status is not
0 when a row exceeds its budget, is missing, or the check loop does not read 3.00.
"""

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import math
import os
import pathlib
import re
import sys
import tomllib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ktap  # noqa: E402
import qemu  # noqa: E402
import records  # noqa: E402

BUDGETS = qemu.ROOT / "tests" / "bench" / "budgets.toml"
ICOUNT = ["-icount", "shift=0,sleep=off"]
DEFAULT_TIMEOUT_S = 900
DEFAULT_MACHINE = "bench"
# The image keeps 1,024 bytes of options (COMMAND_LINE_BYTES of include/boot_info.h).
MAX_GLOBS_BYTES = 800


class Failed(Exception):
    """A boot gave no figures; the text says why."""


@dataclasses.dataclass
class Row:
    """One line of the table."""
    name: str
    machine: str
    value: float | None
    budget: float | None
    least: float | None
    linux: float | None
    is_known: bool = True       # it stands in budgets.toml

    def problem(self):
        if self.value is None:
            return "MISSING"
        if self.budget is not None and self.value > self.budget:
            return "OVER"
        if self.least is not None and self.value < self.least:
            return "BELOW"
        return ""


def check_ending(name, verdict):
    """A bench run has no plan; what it must not have is a panic or a wrong status."""
    if verdict.log.bail_out is not None:
        raise Failed(f"{name}: panic: {verdict.log.bail_out}")
    if verdict.exit_status != ktap.STATUS_PASSED:
        raise Failed(f"{name}: {verdict.reasons[0] if verdict.reasons else verdict.exit_status}")


def check_image(name, machine_row, verdict):
    """Its log says which image ran: a wrong one would give plausible figures."""
    for pattern in machine_row.get("expect", []):
        if not any(re.search(pattern, line) for line in verdict.log.lines):
            raise Failed(f"{name}: no line of the log matches {pattern!r}")


def name_in_image(row, machine_row):
    """What the image calls @row: another image's rows are told apart by a suffix here."""
    return row["name"].removesuffix(machine_row.get("suffix", ""))


def with_glob(options, glob):
    """@options with its bench= narrowed to @glob."""
    words = [word for word in options.split() if not word.startswith("bench=")]
    return " ".join([*words, f"bench={glob}"])


def image_globs(names, is_chosen):
    """What to put after bench=: the names, where they were chosen and fit; else all rows."""
    globs = ",".join(names)
    return globs if is_chosen and len(globs) < MAX_GLOBS_BYTES else None


def measure(name, machine_row, glob, arguments):
    """{row name: value} of one boot."""
    machine = qemu.machine_from_row({"accel": "tcg,thread=single", **machine_row})
    options = machine_row.get("options", "run=bench")
    if glob:
        options = with_glob(options, glob)
    image = arguments.image.with_name(machine_row.get("image", arguments.image.name))
    run = qemu.Run(machine, image, options,
                   arguments.timeout or machine_row.get("timeout", DEFAULT_TIMEOUT_S),
                   extra=ICOUNT)
    print(f"bench: {name}: {options}", file=sys.stderr, flush=True)
    verdict, output, seconds = qemu.boot(run)
    with open(arguments.log, "ab") as file:
        file.write(f"\n==== {name} ({seconds:.0f} s)\n".encode() + ktap.clean_text(output))
    check_ending(name, verdict)
    check_image(name, machine_row, verdict)
    values, unit = {}, "instructions"
    for kind, pairs in records.read_records(verdict.log.lines):
        if kind != "bench":
            continue
        if "cycles" in pairs:
            unit = "cycles"
        text = pairs.get("instructions", pairs.get("ratio", pairs.get("cycles")))
        values[pairs["name"] + machine_row.get("suffix", "")] = float(text)
    if unit != "instructions":
        raise Failed(f"{name}: the check loop does not read 3.00: the counter does not "
                     "count instructions")
    return values


def budget_of(row, values):
    if "times" not in row:
        return row.get("budget")
    times = row["times"]
    base = values.get(times.get("machine", DEFAULT_MACHINE), {}).get(times["row"])
    return None if base is None else math.floor(base * times["factor"])


def make_rows(budget_rows, values):
    rows = []
    for row in budget_rows:
        machine = row.get("machine", DEFAULT_MACHINE)
        rows.append(Row(row["name"], machine, values.get(machine, {}).get(row["name"]),
                        budget_of(row, values), row.get("min"), row.get("linux")))
    known = {row["name"] for row in budget_rows}
    for machine, found in values.items():
        rows += [Row(name, machine, value, None, None, None, False)
                 for name, value in found.items() if name not in known]
    return rows


def figure(value):
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.3f}".rstrip("0").rstrip(".") if value != 3 else "3.00"
    return f"{value:,.1f}" if value < 10000 else f"{value:,.0f}"


def print_table(rows):
    print(f"{'row':<28} {'ours':>12} {'budget':>12} {'Linux 6.1':>12} {'Linux/ours':>10}")
    for row in rows:
        label = row.name if row.machine == DEFAULT_MACHINE else f"{row.name} ({row.machine})"
        ratio = f"{row.linux / row.value:.1f}x" if row.linux and row.value else "-"
        print(f"{label:<28} {figure(row.value):>12} {figure(row.budget):>12} "
              f"{figure(row.linux):>12} {ratio:>10}  {row.problem()}".rstrip())


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-k", dest="glob", metavar="GLOB",
                        default=os.environ.get("BENCH") or None, help="only these rows")
    parser.add_argument("-j", dest="jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                        help="boots at once (default: the number of CPUs)")
    parser.add_argument("--timeout", type=float, help="seconds for each boot")
    parser.add_argument("--image", type=pathlib.Path, default=qemu.IMAGE)
    parser.add_argument("--log", type=pathlib.Path,
                        default=qemu.BUILD / "run" / "bench.log")
    return parser.parse_args()


def chosen_rows(rows, glob):
    """The rows that match, with those their budgets are multiples of."""
    chosen = [row for row in rows if not glob or fnmatch.fnmatchcase(row["name"], glob)]
    bases = [(row["times"].get("machine", DEFAULT_MACHINE), row["times"]["row"])
             for row in chosen if "times" in row]
    return [row for row in rows if row in chosen
            or (row.get("machine", DEFAULT_MACHINE), row["name"]) in bases]


def main():
    arguments = parse_arguments()
    with open(BUDGETS, "rb") as file:
        table = tomllib.load(file)
    budget_rows = chosen_rows(table["row"], arguments.glob)
    if not budget_rows:
        sys.exit(f"bench: no row matches {arguments.glob}")
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    arguments.log.unlink(missing_ok=True)
    wanted = {name: [name_in_image(row, machine_row) for row in budget_rows
                     if row.get("machine", DEFAULT_MACHINE) == name]
              for name, machine_row in table["machine"].items()}
    values, failures = {}, []
    # Counts do not depend on what else the host does, so boots may run side by side.
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        boots = {name: pool.submit(measure, name, table["machine"][name],
                                   image_globs(names, arguments.glob), arguments)
                 for name, names in wanted.items() if names}
        for name, boot in boots.items():
            try:
                values[name] = boot.result()
            except (Failed, qemu.CannotRun) as problem:
                failures.append(str(problem))
    rows = make_rows(budget_rows, values)
    print_table(rows)
    for failure in failures:
        print(f"failed: {failure}; log {arguments.log}")
    bad = [row for row in rows if row.problem()]
    for row in bad:
        print(f"failed: {row.name} ({row.machine}): {row.problem()}: {figure(row.value)}, "
              f"budget {figure(row.budget)}; log {arguments.log}")
    print(f"{len(rows) - len(bad)} passed, {len(bad)} failed, 0 skipped")
    return 1 if bad or failures else 0


if __name__ == "__main__":
    sys.exit(main())
