"""From logs to what the report knows: a verdict, the tests, and records by kind."""

import dataclasses
import re

import ktap
import records

PAGE_BYTES = 4096
BANNER = re.compile(r"^Slabstick (\S+)$")
LAST_WORD = re.compile(r"^slabstick: (all is well|FAILED\b.*)$")
SUITE_BEGINS = re.compile(r"^  KTAP version 1$")
SUITE_ENDS = re.compile(r"^(not )?ok \d+")
SEVERITIES = ["high", "medium", "low", "info"]


def number(row, key, default=0):
    """The number that @row has at @key, whatever its base; @default where it has none."""
    try:
        return int(row.get(key, ""), 0)
    except ValueError:
        return default


def numbers(row, key):
    """A list of numbers with commas between."""
    return [int(word) for word in row.get(key, "").split(",") if word.isdigit()]


@dataclasses.dataclass
class Facts:
    log: ktap.Log
    by_kind: dict
    name: str = "run.log"

    def rows(self, kind):
        return self.by_kind.get(kind, [])

    def latest(self, kind, *keys):
        """The last record of each @keys: what was said again replaces what was said."""
        found = {}
        for row in self.rows(kind):
            found[tuple(row.get(key) for key in keys)] = row
        return list(found.values())

    def first(self, kind):
        return self.rows(kind)[0] if self.rows(kind) else {}

    # ---- The verdict ----

    def last_words(self):
        return [match[1] for match in map(LAST_WORD.match, self.log.lines) if match]

    def missing_end(self):
        """What the end of a whole log has and this one's has not: all that a lecture has."""
        if self.log.bail_out is not None or self.last_words():
            return []
        return ["its end, the line \"slabstick: all is well\" or \"slabstick: FAILED\""]

    def missing(self):
        """What a whole log has and this one has not."""
        has_banner = any(map(BANNER.match, self.log.lines))
        beginning = [] if has_banner else ["its beginning, the line \"Slabstick VERSION\""]
        return beginning + self.missing_end()

    def problems(self):
        """Why this run is no pass; empty: it is one."""
        found = ktap.log_problems(self.log)
        found += [f"the image says: {word}" for word in self.last_words()
                  if word.startswith("FAILED")]
        return found + [f"the log lacks {what}" for what in self.missing()]

    def verdict(self):
        if self.log.bail_out is not None:
            return "PANIC"
        if self.missing():
            return "UNFINISHED"
        return "FAIL" if self.problems() else "PASS"

    # ---- Tests ----

    def failures(self):
        return [(above, point) for above, point in self.log.cases() if not point.is_ok]

    def skips(self):
        return [(above, point) for above, point in self.log.cases()
                if point.is_ok and point.skip_reason is not None]

    # ---- The machine ----

    def version(self):
        found = [match[1] for match in map(BANNER.match, self.log.lines) if match]
        return self.first("machine").get("version") or (found[0] if found else "")

    def findings(self):
        """Each once, the severe ones first."""
        rank = {severity: index for index, severity in enumerate(SEVERITIES)}
        return sorted(self.latest("finding", "label", "text"),
                      key=lambda row: rank.get(row.get("severity"), len(rank)))

    def nodes(self):
        return sorted(self.latest("node", "nid"), key=lambda row: number(row, "nid"))

    def zones(self):
        return sorted(self.latest("zone", "nid", "name"),
                      key=lambda row: (number(row, "nid"), number(row, "start_pfn")))

    def ledger(self, side):
        return {row["name"]: number(row, "pages")
                for row in self.latest("ledger", "side", "name")
                if row.get("side") == side and "name" in row}

    def balances(self):
        """True, False, or None where the log has no ledger."""
        rows = [row for row in self.rows("ledger") if row.get("side") == "verdict"]
        return rows[-1].get("balances") == "yes" if rows else None


def lines_outside_of_suites(lines):
    """What is printed while a suite runs is of the machines that its cases pretend."""
    is_inside = False
    for line in lines:
        if SUITE_BEGINS.match(line):
            is_inside = True
        elif ktap.VERSION_LINE.match(line) or SUITE_ENDS.match(line):
            is_inside = False
        elif not is_inside:
            yield line


def read(text, name="run.log"):
    """Facts from the log of a run. @memory is told after which suite it was counted."""
    log, by_kind, suite = ktap.read_log(text), {}, "the start"
    for kind, row in records.read_records(lines_outside_of_suites(log.lines)):
        if kind == "test":
            suite = row.get("suite", "?")
        if kind == "memory":
            row["after"] = suite
        by_kind.setdefault(kind, []).append(row)
    return Facts(log, by_kind, name)
