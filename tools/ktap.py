"""Reads KTAP from a serial log and judges a boot by it.

A boot passed when QEMU's exit status says so AND the plan is complete AND no
`Bail out!` appeared. Each of the three alone can lie: a status can come from
QEMU itself, a log can be cut, a panic can follow the last test.
"""

import dataclasses
import re

STATUS_PASSED, STATUS_FAILED, STATUS_PANICKED = 33, 35, 37

INDENT = 2
VERSION_LINE = re.compile(r"^( *)KTAP version 1$")
PLAN_LINE = re.compile(r"^( *)1\.\.(\d+)\b")
POINT_LINE = re.compile(r"^( *)(not )?ok (\d+)(?: -)? ?(.*)$")
COMMENT_LINE = re.compile(r"^( *)# ?(.*)$")
TOTALS_LINE = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
SKIP_DIRECTIVE = re.compile(r"^(.*?)\s*# SKIP\b\s*(.*)$", re.IGNORECASE)
# OVMF paints its console with these; they may stand before the first KTAP line.
PAINTING = rb"\x1b\[[0-9;=?]*[A-Za-z]|\x1b[()][A-Z0-9]"
PAINT_SEQUENCE = re.compile(PAINTING)
# Such a sequence without its end, where a piece of output was cut.
OPEN_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;=?]{0,32}|[()])?\Z")
ESCAPE_SEQUENCE = re.compile(PAINTING.decode() + r"|[\x00\x08\x0e\x0f]")
# The line that stands open while a case runs.
RUNNING_LINE = re.compile(rb"^  # (.+)$")

# What took too long.
TIMEOUT_BOOT, TIMEOUT_CASE = "boot", "case"


@dataclasses.dataclass
class Point:
    """One result: a case, or a suite with its cases as children."""
    number: int
    name: str
    is_ok: bool
    skip_reason: str | None = None
    comments: list = dataclasses.field(default_factory=list)
    children: "Block | None" = None


@dataclasses.dataclass
class Block:
    """One `KTAP version 1` block: a plan and its points."""
    plan: int | None = None
    points: list = dataclasses.field(default_factory=list)
    name: str = "?"             # the suite's

    def problems(self, where="the log"):
        """Why this block is not complete: a list of sentences, empty when it is."""
        found = []
        if self.plan is None:
            return [f"{where} has no plan"]
        numbers = [point.number for point in self.points]
        if numbers != list(range(1, self.plan + 1)):
            last = f", the last \"{self.points[-1].name}\"" if self.points else ""
            found.append(f"{where} promised {self.plan} points and has {len(numbers)}{last}")
        for point in self.points:
            if point.children:
                found += point.children.problems(f"suite {point.name}")
                if point.is_ok and not all(child.is_ok for child in point.children.points):
                    found.append(f"suite {point.name} is ok though a case of it is not")
        return found

    def cases(self, suites=()):
        """Yields (suites above, point) for every point without children."""
        for point in self.points:
            if point.children:
                yield from point.children.cases((*suites, point.name))
            else:
                yield suites, point


@dataclasses.dataclass
class Log:
    """What a serial log says."""
    lines: list
    blocks: list = dataclasses.field(default_factory=list)      # one for each run of tests
    open_blocks: list = dataclasses.field(default_factory=list)
    bail_out: str | None = None
    totals: tuple | None = None
    running: str | None = None      # "suite / case": what ran when the log ended, or the panic came

    def cases(self):
        """All finished cases, those of a suite that never finished included."""
        for block in self.blocks:
            yield from block.cases()
        for block in self.open_blocks:
            yield from block.cases(("unfinished suite",))

    def counts(self):
        """(passed, failed, skipped) by our own count."""
        passed = failed = skipped = 0
        for _, point in self.cases():
            if not point.is_ok:
                failed += 1
            elif point.skip_reason is not None:
                skipped += 1
            else:
                passed += 1
        return passed, failed, skipped


def clean_lines(text):
    """@text (bytes or str) as lines without escape sequences and carriage returns."""
    if isinstance(text, (bytes, bytearray)):
        text = text.decode("utf-8", "replace")
    return [ESCAPE_SEQUENCE.sub("", line).rstrip("\r").split("\r")[-1]
            for line in text.split("\n")]


def clean_text(text):
    """@text (bytes) for a file."""
    return "\n".join(clean_lines(text)).encode()


class PaintRemover:
    """Cuts what paints a terminal out of a stream of bytes, wherever the pieces end."""

    def __init__(self):
        self.held = b""

    def feed(self, data):
        data = self.held + data
        open_sequence = OPEN_SEQUENCE.search(data)
        end = open_sequence.start() if open_sequence else len(data)
        self.held = data[end:]
        return PAINT_SEQUENCE.sub(b"", data[:end])


def make_point(match, comments):
    name, skip_reason = match[4], None
    if skip := SKIP_DIRECTIVE.match(name):
        name, skip_reason = skip[1], skip[2]
    return Point(int(match[3]), name, not match[2], skip_reason, comments)


class Reader:
    """Feeds on lines; the depth of a line is its indentation."""

    def __init__(self):
        self.stack = []
        self.comments = []
        self.log = Log([])

    def feed(self, line):
        self.log.lines.append(line)
        if match := VERSION_LINE.match(line):
            self.open_block(len(match[1]) // INDENT)
        elif line.startswith("Bail out!"):
            self.note_bail_out(line[len("Bail out!"):].strip())
        elif not self.stack:
            return
        elif match := PLAN_LINE.match(line):
            self.set_plan(len(match[1]) // INDENT, int(match[2]))
        elif match := POINT_LINE.match(line):
            self.add_point(len(match[1]) // INDENT, match)
        elif match := TOTALS_LINE.match(line):
            self.add_totals(tuple(int(count) for count in match.groups()))
        elif match := COMMENT_LINE.match(line):
            self.add_comment(match[2])

    def note_bail_out(self, text):
        """The first counts: others follow from it."""
        if self.log.bail_out is None:
            self.log.bail_out = text or "without a message"
            self.log.running = self.running_case()

    def running_case(self):
        """A case that runs has its name in the first comment since the last point."""
        if len(self.stack) < 2 or not self.comments:
            return None
        return f"{self.stack[-1].name} / {self.comments[0]}"

    def add_comment(self, text):
        if text.startswith("Subtest: "):
            self.stack[-1].name = text.removeprefix("Subtest: ")
        else:
            self.comments.append(text)

    def open_block(self, depth):
        """A new block ends those of its depth; one cut off there stays open for the verdict."""
        self.log.open_blocks += self.stack[max(depth, 1):]
        del self.stack[depth:]
        block = Block()
        if depth == 0:
            self.log.blocks.append(block)
        if depth == len(self.stack):
            self.stack.append(block)
        self.comments = []

    def set_plan(self, depth, plan):
        if depth < len(self.stack) and self.stack[depth].plan is None:
            self.stack[depth].plan = plan

    def add_point(self, depth, match):
        if depth >= len(self.stack):
            return
        point = make_point(match, self.comments)
        if self.comments[:1] == [point.name]:       # said while it ran
            del self.comments[0]
        self.comments = []
        if depth + 1 < len(self.stack):
            point.children = self.stack[depth + 1]
            del self.stack[depth + 1:]
        self.stack[depth].points.append(point)

    def add_totals(self, counts):
        sums = self.log.totals or (0, 0, 0)
        self.log.totals = tuple(a + b for a, b in zip(sums, counts))

    def finish(self):
        self.log.running = self.log.running or self.running_case()
        self.log.open_blocks += self.stack[1:]
        return self.log


def read_log(text):
    """Parses a whole serial log."""
    reader = Reader()
    for line in clean_lines(text):
        reader.feed(line)
    return reader.finish()


@dataclasses.dataclass
class Ending:
    """How QEMU ended."""
    exit_status: int | None
    timed_out: str | None = None        # TIMEOUT_*
    timeout_s: float = 0
    is_triple_fault: bool = False
    errors: str = ""


@dataclasses.dataclass
class Verdict:
    is_passed: bool
    reasons: list
    log: Log
    exit_status: int | None

    def text(self):
        return "passed" if self.is_passed else "; ".join(self.reasons)


def timeout_problem(ending, running):
    """Which case, when one ran."""
    if ending.timed_out == TIMEOUT_CASE:
        return f"timeout: {running} has not ended within {ending.timeout_s:g} s"
    return (f"timeout: no end within {ending.timeout_s:g} s, QEMU was killed"
            + (f" while {running} ran" if running else ""))


def ending_problems(ending, running=None):
    """What the way QEMU ended says against a pass."""
    status = ending.exit_status
    if ending.timed_out:
        return [timeout_problem(ending, running)]
    if ending.is_triple_fault:
        return ["triple fault: the machine reset without a verdict"]
    if status == STATUS_PASSED:
        return []
    if status == STATUS_FAILED:
        return ["the image reports failed tests (QEMU status 35)"]
    if status == STATUS_PANICKED:
        return ["the image reports a panic (QEMU status 37)"]
    if status == 0:
        return ["QEMU ended with status 0: the machine powered off or reset without a verdict"]
    if status is not None and status < 0:
        return [f"QEMU was killed by signal {-status}"]
    return [f"QEMU ended with status {status}: {ending.errors.strip() or 'no message'}"]


def log_problems(log):
    """What the log says against a pass."""
    found = []
    if log.bail_out is not None:
        found.append(f"panic: {log.bail_out}" + (f" in {log.running}" if log.running else ""))
    if not log.blocks:
        return found + ["the log holds no KTAP"]
    for block in log.blocks:
        found += block.problems()
    found += [f"a suite was not finished after {len(block.points)} of "
              f"{block.plan if block.plan is not None else '?'} cases: {block.name}"
              for block in log.open_blocks]
    failed = [" / ".join((*suites, point.name)) for suites, point in log.cases()
              if not point.is_ok]
    if failed:
        found.append("failed: " + ", ".join(failed[:5]) +
                     (f" and {len(failed) - 5} more" if len(failed) > 5 else ""))
    if log.totals is None:
        found.append("the last line with the totals is missing")
    elif log.totals != log.counts():
        found.append(f"the totals say {log.totals}, the points {log.counts()}")
    return found


def judge(text, ending):
    """The verdict of a boot, from its serial log and the way QEMU ended."""
    log = read_log(text)
    reasons = ending_problems(ending, log.running) + log_problems(log)
    return Verdict(not reasons, reasons, log, ending.exit_status)
