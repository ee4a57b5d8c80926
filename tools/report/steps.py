"""The steps of make test, from the file that tests/all.py leaves."""

from . import svg
from .markup import escape, grouped, section, table, tag, text


def row(step):
    passed, failed, skipped = (step[key] for key in ("passed", "failed", "skipped"))
    failures = tag("ul", *(tag("li", escape(name)) for name in step["failures"]),
                   class_="problems") if step["failures"] else ""
    return [text(step["name"]) + failures, grouped(passed),
            tag("span", grouped(failed), class_="failed") if failed else "0", grouped(skipped),
            f"{step['seconds']:.1f} s"]


def render(results):
    if not results:
        return ""
    steps = sorted(results["steps"], key=lambda step: step["failed"] == 0)
    longest = [(step["name"], [(step["seconds"], "slab", f"{step['seconds']:.0f} s")])
               for step in sorted(steps, key=lambda step: -step["seconds"])[:5]]
    return section("steps", f"make test: {len(steps)} steps",
                   table(["step", "passed", "failed", "skipped", "took"], [*map(row, steps)],
                         numeric=(1, 2, 3, 4)),
                   tag("figure", tag("figcaption", "The longest"),
                       svg.bars("the longest steps", longest)))
