"""What make test came to, for programs: JSON for tools/report, JUnit for CI servers."""

import dataclasses
import json
import pathlib
import xml.etree.ElementTree as ElementTree

import junit
import ktap



@dataclasses.dataclass
class Outcome:
    """One step."""
    name: str
    counts: tuple           # passed, failed, skipped
    seconds: float
    failures: list          # names
    lines: list             # what it printed
    log: str                # where that is kept
    junit: pathlib.Path | None = None   # its own cases, when it came so far as to write them

    def as_json(self):
        passed, failed, skipped = self.counts
        return {"name": self.name, "passed": passed, "failed": failed, "skipped": skipped,
                "seconds": round(self.seconds, 1), "failures": self.failures, "log": self.log}


def add_outcome(top, outcome):
    """A step that speaks KTAP has its cases; of others what failed is known by name."""
    suite = junit.add_suite(top, outcome.name, outcome.counts, outcome.seconds)
    if outcome.junit and outcome.junit.is_file():
        suite.extend(ElementTree.parse(outcome.junit).getroot())
    log = ktap.read_log("\n".join(outcome.lines))
    junit.add_log(suite, outcome.name, log)
    if not log.blocks:
        for name in outcome.failures:
            junit.add_case(suite, outcome.name, ktap.Point(0, name, False))
    problems = [f"{len(outcome.failures)} failed"] if outcome.failures else []
    junit.add_verdict(suite, outcome.name, problems, outcome.lines)


def write(folder, outcomes, sums):
    """test.json and test.xml in @folder."""
    folder.mkdir(parents=True, exist_ok=True)
    passed, failed, skipped = sums
    (folder / "test.json").write_text(json.dumps(
        {"passed": passed, "failed": failed, "skipped": skipped,
         "steps": [outcome.as_json() for outcome in outcomes]}, indent=1) + "\n",
        encoding="utf-8")
    top = junit.make_top()
    for outcome in outcomes:
        add_outcome(top, outcome)
    junit.write(folder / "test.xml", top)
