"""The tests: what failed first, then what was skipped, then each suite."""

from . import facts as reading
from . import svg
from .markup import escape, section, table, tag, text

NR_LAST_LINES = 40
LONG_US = 1000000


def name_of(above, point):
    return " / ".join((*above, point.name))


def failure(above, point):
    said = "\n".join(point.comments)
    return tag("div", tag("h3", text(name_of(above, point))),
               tag("pre", escape(said)) if said else tag("p", "It left no word."),
               class_="card bad")


def panic(log):
    """The message with what was printed behind it: registers, backtrace."""
    if log.bail_out is None:
        return ""
    at = next(index for index, line in enumerate(log.lines) if line.startswith("Bail out!"))
    lines = "\n".join(log.lines[at:at + NR_LAST_LINES])
    where = f" in {log.running}" if log.running else ""
    return tag("div", tag("h3", text(f"panic{where}: {log.bail_out}")),
               tag("pre", escape(lines)), class_="card bad")


def suites(facts):
    """[(name, cases, passed, failed, skipped, us or None)]"""
    times = {row.get("suite"): reading.number(row, "us") for row in facts.rows("test")}
    found = {}
    for above, point in facts.log.cases():
        found.setdefault(above[-1] if above else point.name, []).append(point)
    rows = []
    for name, points in found.items():
        failed = sum(not point.is_ok for point in points)
        skipped = sum(point.is_ok and point.skip_reason is not None for point in points)
        rows.append((name, points, len(points) - failed - skipped, failed, skipped,
                     times.get(name)))
    return rows


def case_list(points):
    return tag("ul", *(tag("li", text(point.name),
                           text(f" (skipped: {point.skip_reason})")
                           if point.skip_reason is not None else "",
                           class_=None if point.is_ok else "failed") for point in points))


def milliseconds(took_us):
    """A decimal where it tells something."""
    return f"{took_us / 1000:,.{0 if took_us >= LONG_US else 1}f} ms"


def suite_row(row, most_us):
    name, points, passed, failed, skipped, took_us = row
    cases = tag("details", tag("summary", text(name)), case_list(points))
    took = "" if took_us is None else milliseconds(took_us)
    bar = svg.stacked(f"{name} took {took}", [(took_us, "slab", took),
                                              (most_us - took_us, "none", "")],
                      height=8) if took_us else ""
    return [cases, text(passed),
            tag("span", text(failed), class_="failed") if failed else "0",
            text(skipped), tag("span", text(took), class_="took") + bar]


def render(facts):
    rows = suites(facts)
    failures = facts.failures()
    first = panic(facts.log) + "".join(failure(*case) for case in failures)
    skips = facts.skips()
    skipped = tag("details", tag("summary", text(f"{len(skips)} skipped, and why")),
                  tag("ul", *(tag("li", text(f"{name_of(above, point)}: {point.skip_reason}"))
                              for above, point in skips))) if skips else ""
    most_us = max((row[-1] or 0 for row in rows), default=0) or 1
    # A suite that failed stands before those that did not.
    ordered = sorted(rows, key=lambda row: row[3] == 0)
    return section("tests", f"Tests: {sum(len(row[1]) for row in rows)} cases in "
                            f"{len(rows)} suites",
                   first or tag("p", "Nothing failed.", class_="passed"), skipped,
                   table(["suite", "passed", "failed", "skipped", "took"],
                         [suite_row(row, most_us) for row in ordered], numeric=(1, 2, 3)))
