#!/usr/bin/python3
"""Renders the log of a run as a report: text on standard output, HTML with --html.

Reads the verdict from the KTAP lines and everything else from the `@kind key=value`
records alone: whatever the image learns to record becomes a table without a change here.
"""

import argparse
import html
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ktap  # noqa: E402
import records  # noqa: E402

# Known kinds in the order of a reader's interest; others follow as they come.
TITLES = {
    "finding": "What the owner of this machine should know",
    "machine": "The machine",
    "node": "Nodes",
    "zone": "Zones",
    "latency": "Measured latency",
    "ledger": "Where every page went",
    "bench": "Benchmarks",
}
SEVERITIES = ["high", "medium", "low", "info"]

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; color: #222; }
table { border-collapse: collapse; margin: 0.5em 0 2em; }
th, td { padding: 0.2em 0.8em; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.failed, .high { color: #b00020; } .passed { color: #00701a; } .medium { color: #9a5b00; }
"""


def group_records(lines):
    """{kind: [record, ...]} in report order."""
    groups = {}
    for kind, pairs in records.read_records(lines):
        groups.setdefault(kind, []).append(pairs)
    rank = {severity: index for index, severity in enumerate(SEVERITIES)}
    groups.get("finding", []).sort(key=lambda row: rank.get(row.get("severity"), len(rank)))
    known = [kind for kind in TITLES if kind in groups]
    return {kind: groups[kind] for kind in [*known, *(k for k in groups if k not in TITLES)]}


def columns_of(rows):
    return list(dict.fromkeys(key for row in rows for key in row))


def is_number(text):
    return text.replace(".", "", 1).replace(",", "").lstrip("-").isdigit()


def summary(log):
    """(counts, failed case names, problems) of the run's tests."""
    failed = [" / ".join((*above, point.name)) for above, point in log.cases()
              if not point.is_ok]
    return log.counts(), failed, ktap.log_problems(log)


# ---- Text ------------------------------------------------------------------

def text_table(rows):
    columns = columns_of(rows)
    cells = [columns] + [[row.get(column, "") for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        yield "  " + "  ".join(
            cell.rjust(width) if is_number(cell) else cell.ljust(width)
            for cell, width in zip(line, widths)).rstrip()


def text_report(log, groups):
    (passed, failed, skipped), failures, problems = summary(log)
    yield f"Tests: {passed} passed, {failed} failed, {skipped} skipped"
    yield from (f"  failed: {name}" for name in failures)
    yield from (f"  {problem}" for problem in problems)
    for kind, rows in groups.items():
        yield ""
        yield TITLES.get(kind, kind)
        yield from text_table(rows)


# ---- HTML ------------------------------------------------------------------

def html_cell(column, text):
    classes = "number" if is_number(text) else text if column == "severity" else ""
    return f'<td class="{html.escape(classes)}">{html.escape(text)}</td>'


def html_table(rows):
    columns = columns_of(rows)
    yield "<table><tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in columns) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(html_cell(c, row.get(c, "")) for c in columns) + "</tr>"
    yield "</table>"


def html_report(log, groups):
    (passed, failed, skipped), failures, problems = summary(log)
    yield "<!doctype html><html lang='en'><meta charset='utf-8'><title>Slabstick report</title>"
    yield f"<style>{STYLE}</style><h1>Slabstick report</h1>"
    state = "failed" if problems else "passed"
    yield f"<p class='{state}'>{passed} passed, {failed} failed, {skipped} skipped</p><ul>"
    for line in [*failures, *problems]:
        yield f"<li class='failed'>{html.escape(line)}</li>"
    yield "</ul>"
    for kind, rows in groups.items():
        yield f"<h2>{html.escape(TITLES.get(kind, kind))}</h2>"
        yield from html_table(rows)
    yield "</html>"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("log", type=pathlib.Path)
    parser.add_argument("--html", type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.log.is_file():
        sys.exit(f"report: {arguments.log}: no such file; make run writes it")
    log = ktap.read_log(arguments.log.read_bytes())
    groups = group_records(log.lines)
    print("\n".join(text_report(log, groups)))
    if arguments.html:
        arguments.html.write_text("\n".join(html_report(log, groups)), encoding="utf-8")
        print(f"\n{arguments.html}")


if __name__ == "__main__":
    main()
