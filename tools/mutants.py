#!/usr/bin/python3
"""Breaks sources in many small ways and asks whether the tests notice.

A mutant is a source with one operator, constant, condition or statement changed. It is
compiled and linked into a hosted unit program of its own (the tree is not touched), and
the suites that tests/mutants.toml names for the source run one after the other until one
fails, panics, is stopped by a sanitizer or does not end: the mutant is killed. Clang's
lock analysis kills too. A survivor that compiles to the code of the original is no
mutant; each other one must be excused in tests/mutants.toml, with the reason why no test
can tell. Exit status 1: a survivor has no excuse, or an excuse no survivor.
"""

import argparse
import bisect
import collections
import concurrent.futures
import dataclasses
import pathlib
import random
import re
import shlex
import subprocess
import sys
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "mutants.toml"
OBJECTS = ROOT / "build" / "host" / "unit.o"
WORK = ROOT / "build" / "mutants"

# (kind, pattern, replacement), applied to one place at a time. Binary operators have
# blanks around them, unary ones have not.
TOKENS = [
    ("border", r" < ", " <= "), ("border", r" <= ", " < "),
    ("border", r" > ", " >= "), ("border", r" >= ", " > "),
    ("equality", r" == ", " != "), ("equality", r" != ", " == "),
    ("logic", r" && ", " || "), ("logic", r" \|\| ", " && "), ("logic", r"!(?=[\w(])", ""),
    ("arithmetic", r" \+ ", " - "), ("arithmetic", r" - ", " + "),
    ("arithmetic", r" \* ", " + "), ("arithmetic", r" / ", " * "), ("arithmetic", r" % ", " / "),
    ("assignment", r" \+= ", " -= "), ("assignment", r" -= ", " += "),
    ("step", r"\+\+", "--"), ("step", r"(?<!-)--(?!-)", "++"),
    ("bits", r" & ", " | "), ("bits", r" \| ", " & "), ("bits", r" \^ ", " | "),
    ("bits", r" \|= ", " = "), ("bits", r" &= ", " = "), ("bits", r"~", ""),
    ("shift", r" << ", " >> "), ("shift", r" >> ", " << "), ("shift", r" <<= ", " >>= "),
    ("truth", r"\btrue\b", "false"), ("truth", r"\bfalse\b", "true"),
    ("twin", r"\bmin_u64\b", "max_u64"), ("twin", r"\bmax_u64\b", "min_u64"),
    ("twin", r"\balign_up\b", "align_down"), ("twin", r"\balign_down\b", "align_up"),
    ("twin", r"\blist_add_tail\b", "list_add"), ("twin", r"\blist_add\b", "list_add_tail"),
    ("twin", r"->next\b", "->prev"), ("twin", r"->prev\b", "->next"),
    ("twin", r"\bstart_pfn\b", "end_pfn"), ("twin", r"\bend_pfn\b", "start_pfn"),
    ("choice", r"\? ([^?:;,{}]+) : ([^?:;,{}()]+)(?=[;,)])", r"? \2 : \1"),
    ("jump", r"(?<=\t)(break|continue|return);", ";"),
    ("result", r"\breturn (?!true\b|false\b|NULL\b|0;)[^;{}]+;", "return 0;"),
]
NUMBER = re.compile(r"(?<![\w.])(\d+)(u?(?:ll)?)\b(?!\.)")
CONDITION = re.compile(r"\b(if|while) \(")
CONNECTIVE = re.compile(r" (&&|\|\|)(?=\s)")
# Where an operand of a connective begins or ends, outside parentheses.
OPERAND_END = re.compile(r"&&|\|\||[;,?:]|(?<![=!<>])=(?!=)")
# A call, an assignment or a step that stands alone, over as many lines as it has.
STATEMENT = re.compile(
    r"(?<=[;{})])\n(?:[ \t]*\n)*\t+"
    r"(?!(?:return|break|continue|goto|case|default|if|for|while|do|else|_Static_assert)\b)"
    r"(\*?\+\+[^;{}]*;|[\w>.-]+(?:\+\+|--);|[\w>.-]+\([^;{}]*;"
    r"|[\w>.\[\]*&()+-]+ (?:[-+|&^*/%]|<<|>>)?= [^;]*;)")
FIELD = re.compile(r"(?<=\n)\t+(\.\w+ = [^,{}]*,)(?=\n)")
LOCKING = re.compile(r"spin_\w*lock\(")
HEADING = re.compile(r"^[A-Za-z_].*?(\w+)(?:\(|(?:\[\w*\])* =)", re.MULTILINE)

# A mutant compiles four times as fast like this.
QUICK = ["-w", "-O0", "-g0"]

# A suite of a mutant may take this long, and so many times what it takes without one.
LEAST_TIMEOUT_S = 3
TIMEOUT_FACTOR = 10
MEASURE_TIMEOUT_S = 600
FAILURE = re.compile(r"^\s*(not ok .*|# panic: .*|.*runtime error: .*|.*ERROR: \w+Sanitizer.*)")


# ---- Making mutants ----

@dataclasses.dataclass(frozen=True)
class Mutant:
    kind: str
    where: str          # the function or table
    number: int         # of the line
    line: str           # as it is: without comments, in one line
    becomes: str
    text: str           # the whole source, changed


def mask(text):
    """@text with comments, strings and preprocessor lines blanked, place by place."""
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'|^#(?:\\\n|[^\n])*",
                  lambda match: re.sub(r"[^\n]", " ", match.group()), text,
                  flags=re.DOTALL | re.MULTILINE)


def squeeze(text):
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()


def closing(masked, at):
    """The place of the parenthesis that closes the one before @at."""
    depth = 1
    while depth:
        depth += (masked[at] in "([{") - (masked[at] in ")]}")
        at += 1
    return at - 1


def find_end(masked, at, step):
    """From @at in direction @step, the place before which the expression there ends."""
    depth = 0
    inwards, outwards = ("([{", ")]}") if step > 0 else (")]}", "([{")
    while 0 <= at < len(masked):
        depth += (masked[at] in inwards) - (masked[at] in outwards)
        if depth < 0 or (depth == 0 and OPERAND_END.match(masked, at if step > 0 else at - 1)):
            break
        if step < 0 and depth == 0 and masked.startswith("return ", at - 6):
            break
        at += step
    return at


def operands(masked, operator):
    """The extents of what stands on either side of the connective @operator."""
    for start, end in ((find_end(masked, operator.start() - 1, -1) + 1, operator.start()),
                       (operator.end(), find_end(masked, operator.end(), 1))):
        operand = masked[start:end]
        yield end - len(operand.lstrip()), start + len(operand.rstrip())


def changes(masked):
    """Yields (kind, start, end, replacement) of every change."""
    for kind, pattern, replacement in TOKENS:
        for match in re.finditer(pattern, masked):
            yield kind, *match.span(), match.expand(replacement)
    for match in NUMBER.finditer(masked):
        for other in {int(match.group(1)) + 1, 0} - {int(match.group(1))}:
            yield "constant", *match.span(), f"{other}{match.group(2)}"
    for match in CONDITION.finditer(masked):
        end = closing(masked, match.end())
        if match.group(1) == "if":
            yield "always", match.end(), end, "1"
        yield "never", match.end(), end, "0"
    for match in CONNECTIVE.finditer(masked):
        for start, end in operands(masked, match):
            yield "part", start, end, "true" if match.group(1) == "&&" else "false"
    for match in STATEMENT.finditer(masked):
        yield "statement", *match.span(1), ";"
    for match in FIELD.finditer(masked):
        yield "field", *match.span(1), ""


def mutants(text):
    """All mutants of @text, in order of place."""
    masked = mask(text)
    headings = [(match.start(), match.group(1)) for match in HEADING.finditer(masked)]
    lines = [0] + [match.end() for match in re.finditer("\n", text)]
    found = {}
    for kind, start, end, replacement in changes(masked):
        changed = text[:start] + replacement + text[end:]
        number = bisect.bisect_right(lines, start)
        first, tail = lines[number - 1], text[end:text.index("\n", end)]
        heading = bisect.bisect_right(headings, (start, "~")) - 1
        found.setdefault(changed, Mutant(
            kind, headings[heading][1] if heading >= 0 else "", number,
            squeeze(text[first:end] + tail), squeeze(text[first:start] + replacement + tail),
            changed))
    return sorted(found.values(), key=lambda mutant: mutant.number)


# ---- Excuses ----

class Excuses:
    """Those of one source. Each names a function, a line, and what the line becomes."""

    def __init__(self, entries):
        self.entries = entries
        self.is_used = [False] * len(entries)

    def excuses(self, mutant):
        for index, entry in enumerate(self.entries):
            if (entry["in"], entry["line"]) == (mutant.where, mutant.line) and \
                    entry.get("becomes", mutant.becomes) == mutant.becomes:
                self.is_used[index] = True
                return True
        return False

    def unused(self):
        return [entry for entry, is_used in zip(self.entries, self.is_used) if not is_used]


def load_table():
    with TABLE.open("rb") as file:
        return tomllib.load(file)


# ---- Judging ----

class Bench:
    """Builds mutants of one source and runs its suites on them, in several threads."""

    def __init__(self, source, suites):
        self.source, self.suites = source, suites
        self.compiler, *flags = shlex.split((OBJECTS / ".flags").read_text())
        self.flags = [flag for flag in flags if flag not in ("-MMD", "-MP", "-Werror")]
        # A mutant lies elsewhere, but its headers are those beside the source.
        self.flags += ["-iquote", str(pathlib.Path(source).parent)]
        made = subprocess.run(["make", "-n", "-B", "build/host/unit"], cwd=ROOT, text=True,
                              capture_output=True, check=True).stdout
        link = shlex.split(next(line for line in made.splitlines()
                                if line.endswith("-o build/host/unit")))
        others = [word for word in link
                  if word.endswith(".o") and not word.endswith(f"/{source}.o")]
        # In one piece: quick to link, and untouched by what is built meanwhile.
        WORK.mkdir(parents=True, exist_ok=True)
        self.rest = WORK / f"without-{pathlib.Path(source).stem}.o"
        subprocess.run(["ld", "-r", "-S", *others, "-o", self.rest], cwd=ROOT, check=True)
        self.timeouts_s = {}
        self.plain_code = None

    def write(self, text):
        """@text as a file of this thread's own."""
        broken = WORK / str(threading.get_ident()) / pathlib.Path(self.source).name
        broken.parent.mkdir(parents=True, exist_ok=True)
        broken.write_text(text)
        return broken

    def build(self, text):
        """The unit program with @text in it; None when it does not compile."""
        broken = self.write(text)
        made, program = broken.with_suffix(".o"), broken.with_name("unit")
        if subprocess.run([self.compiler, *self.flags, *QUICK, "-c", broken, "-o", made],
                          cwd=ROOT, capture_output=True, check=False).returncode:
            return None
        subprocess.run([self.compiler, *self.flags, self.rest, made, "-o", program], cwd=ROOT,
                       check=True)
        return program

    def has_broken_locking(self, text):
        """True when clang's lock analysis, which `make check` runs, refuses @text."""
        return subprocess.run(["clang", *self.flags, "-Wno-everything", "-Werror=thread-safety",
                               "-fsyntax-only", self.write(text)], cwd=ROOT,
                              capture_output=True, check=False).returncode != 0

    def code(self, text):
        """What @text compiles to where nothing instruments or describes it."""
        broken = self.write(text)
        flags = [flag for flag in self.flags if not flag.startswith(("-fsan", "-fno-san", "-g"))]
        # Each thread's file has another path, which assertions name.
        subprocess.run([self.compiler, *flags, f"-fmacro-prefix-map={broken.parent}=.", "-O2", "-w",
                        "-c", broken, "-o", broken.with_suffix(".plain")], cwd=ROOT, check=True)
        return broken.with_suffix(".plain").read_bytes()

    def run_suite(self, program, suite, timeout_s):
        """Why @suite does not pass, or None."""
        with subprocess.Popen([program, f"tests={suite}"], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as process:
            watchdog = threading.Timer(timeout_s, process.kill)
            watchdog.start()
            reason = next((match.group(1) for match in map(FAILURE.match, process.stdout)
                           if match), None)
            if reason:
                process.kill()
            status = process.wait()
            is_late = watchdog.finished.is_set()
            watchdog.cancel()
        if status == 0:
            return None
        return reason[:100] if reason else "no end" if is_late else f"status {status}"

    def measure(self, text):
        """Runs the suites on the source as it is: how long may a mutant take?"""
        program = self.build(text)
        for suite in self.suites:
            started = time.monotonic()
            if reason := self.run_suite(program, suite, MEASURE_TIMEOUT_S):
                sys.exit(f"mutants: without a mutant: {suite}: {reason}")
            self.timeouts_s[suite] = \
                LEAST_TIMEOUT_S + TIMEOUT_FACTOR * (time.monotonic() - started)
        self.plain_code = self.code(text)

    def judge(self, mutant):
        """What became of @mutant, and by whom."""
        if LOCKING.search(mutant.line) and self.has_broken_locking(mutant.text):
            return "killed", "clang's lock analysis"
        program = self.build(mutant.text)
        if not program:
            return "did not compile", ""
        for suite in self.suites:
            if reason := self.run_suite(program, suite, self.timeouts_s[suite]):
                return "killed", f"{suite}: {reason}"
        if self.code(mutant.text) == self.plain_code:
            return "compiled to the same code", ""
        return "survived", ""


def choose(text, arguments):
    """The mutants to try, and whether they are all there are."""
    found = mutants(text)
    chosen = [mutant for mutant in found if arguments.function in ("*", mutant.where)]
    if 0 < arguments.sample < len(chosen):
        chosen = random.Random(arguments.seed).sample(chosen, arguments.sample)
    return chosen, len(chosen) == len(found)


def try_source(source, table, arguments):
    """True when every survivor of @source is excused, and every excuse needed."""
    text = (ROOT / source).read_text()
    chosen, is_all = choose(text, arguments)
    bench = Bench(source, table["suites"])
    bench.measure(text)
    excuses = Excuses(table.get("excuse", []))
    counts, started = collections.Counter(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, (fate, by) in zip(chosen, pool.map(bench.judge, chosen)):
            if fate == "survived" and excuses.excuses(mutant):
                fate = "survived with an excuse"
            counts[fate] += 1
            if fate == "survived" or arguments.verbose:
                print(f"{source}:{mutant.number}: {fate}: {mutant.where}: {mutant.line}  ->  "
                      f"{mutant.becomes}  {by}", flush=True)
    unused = excuses.unused() if is_all else []
    for entry in unused:
        print(f"{source}: no survivor needs this excuse: {entry['in']}: {entry['line']}  ->  "
              f"{entry.get('becomes', '*')}")
    fates = ", ".join(f"{counts[fate]} {fate}" for fate in sorted(counts))
    print(f"{source}: {len(chosen)} mutants: {fates}; {time.monotonic() - started:.0f} s",
          flush=True)
    return not counts["survived"] and not unused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*",
                        help="such as mm/page/buddy.c; default: all of the table")
    parser.add_argument("--function", default="*", help="mutants of this function alone")
    parser.add_argument("--sample", type=int, default=0, help="this many, at random; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="say what killed each")
    arguments = parser.parse_args()
    table = load_table()
    if unknown := [source for source in arguments.sources if source not in table]:
        print(f"mutants: {', '.join(unknown)}: not in tests/mutants.toml, which says what suites "
              f"are to notice; it has: {', '.join(table)}", file=sys.stderr)
        return 2
    results = [try_source(source, table[source], arguments)
               for source in arguments.sources or table]
    print(f"mutants: {len(results)} sources, {results.count(False)} with a survivor or an excuse "
          "too many")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
