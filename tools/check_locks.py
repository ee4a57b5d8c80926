#!/usr/bin/python3
"""Checks with clang that fields marked GUARDED_BY are used under their lock alone.

C lets the mark on a field name another field only since clang 19; where there is none,
nothing is checked, and said so. Then the check checks itself: for every marked field a
function that uses it without the lock is compiled, which clang must refuse. And every
spinlock guards a marked field, or GUARDS_NO_FIELD says what else; and those of mm stand,
each by a name of its own, in the table of mm/README.md, which has the order they nest in.

usage: check_locks.py "FLAGS" SOURCE...
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILERS = ["clang-22", "clang-21", "clang-20", "clang-19", "clang"]
ANALYSIS = ["-Wno-everything", "-Wthread-safety", "-fexperimental-late-parse-attributes",
            "-DCHECK_GUARDED_FIELDS", "-fsyntax-only"]
HEADER_FOLDERS = ("mm", "include", "arch")

# Locks that serialise something which no structure here holds.
GUARDS_NO_FIELD = {
    "sections.map_lock": "the vmemmap's page tables, which are the port's",
}

WARNING = re.compile(r"^(.*?):(\d+):\d+: (?:warning|error|fatal error): (.*)$", re.MULTILINE)
MARK = re.compile(r"(\w+)\s*((?:\[[^\]]*\]\s*)*)GUARDED_BY(_GLOBAL)?\((\w+)\)")
LOCK = re.compile(r"\bstruct spinlock (\w+)\s*$")

# The last function is at fault, and it alone.
PROBE = """
#include "mm/lock.h"
struct probe { struct spinlock lock; int field GUARDED_BY(lock); };
int probe_under_lock(struct probe *probe);
int probe_under_lock(struct probe *probe)
{
	spin_lock(&probe->lock);
	int field = probe->field;
	spin_unlock(&probe->lock);
	return field;
}
int probe_without(struct probe *probe);
int probe_without(struct probe *probe) { return probe->field; }
"""


@dataclasses.dataclass(frozen=True)
class Guarded:
    owner: str          # "struct zone", or a variable
    path: str           # from there
    is_array: bool
    lock: str           # beside it, or a variable

    @property
    def name(self):
        return ".".join(filter(None, [self.owner.removeprefix("struct "), self.path]))

    def use(self, function):
        """A function in one line that changes the field without its lock."""
        if self.owner.startswith("struct "):
            parameter, lvalue = f"{self.owner} *at", f"at->{self.path}"
        else:
            parameter, lvalue = "void", self.name
        lvalue += "[0]" if self.is_array else ""
        return f"void {function}({parameter}) {{ {lvalue} = {lvalue}; }}"


def strip(text):
    """@text without comments and preprocessor lines, line by line."""
    return re.sub(r"/\*.*?\*/|^#(?:\\\n|[^\n])*", lambda match: "\n" * match.group().count("\n"),
                  text, flags=re.DOTALL | re.MULTILINE)


class Marks:
    """The marked fields and the locks of one file."""

    def __init__(self, text):
        self.guarded, self.locks = [], []
        self.text = strip(text)
        self.at = 0
        self.read_block("", "")

    def next_piece(self):
        """The text up to the next of ; { }, and which of them it is."""
        match = re.compile(r"[;{}]").search(self.text, self.at)
        if not match:
            return "", ""
        piece = self.text[self.at:match.start()]
        self.at = match.end()
        return piece, match.group()

    def add(self, owner, path, piece):
        for name, dimensions, is_global, lock in MARK.findall(piece):
            place = (owner, path + name) if owner else (name, "")
            self.guarded.append(Guarded(*place, bool(dimensions), lock if is_global or not owner
                                        else f"{owner.removeprefix('struct ')}.{path}{lock}"))
        if match := LOCK.search(piece):
            self.locks.append(f"{owner.removeprefix('struct ')}.{path}{match[1]}" if owner
                              else match[1])

    def read_block(self, owner, path):
        """Reads until the block's end, of a structure if @owner, else of anything."""
        while True:
            piece, end = self.next_piece()
            if end in ("", "}"):
                return
            if end == ";":
                self.add(owner, path, piece)
                continue
            if piece.rstrip().endswith("="):
                self.add(owner, path, piece)    # a variable, initialised
            head = re.search(r"\bstruct\s+(?:[A-Z_]+(?:\([^)]*\))?\s+)?(\w*)\s*$", piece + " ")
            if not head:
                self.read_block("", "")
            elif owner:
                self.read_block(owner, path + self.name_behind() + ".")
            else:
                self.read_block(f"struct {head[1]}" if head[1] else self.name_behind(), "")

    def name_behind(self):
        """The declarator behind the block that begins here."""
        depth, at = 1, self.at
        while depth:
            depth += (self.text[at] == "{") - (self.text[at] == "}")
            at += 1
        match = re.compile(r"\s*(\w+)").match(self.text, at)
        return match[1] if match else ""


def analyse(compiler, flags, name, text):
    """What clang says of @text in place of file @name: [(line number, message)]."""
    run = subprocess.run([compiler, *flags, *ANALYSIS, "-iquote", str(pathlib.Path(name).parent),
                          "-x", "c", "-"], cwd=ROOT, input=text, text=True, capture_output=True,
                         check=False)
    found = [(file if file != "<stdin>" else name, int(line), message)
             for file, line, message in WARNING.findall(run.stderr)]
    if run.returncode and not found:
        found.append((name, 0, run.stderr.strip()[-200:] or f"status {run.returncode}"))
    return found


def find_compiler(flags):
    """The first that finds the probe's fault and nothing else, or None."""
    for compiler in filter(shutil.which, COMPILERS):
        found = analyse(compiler, flags, "probe.c", PROBE)
        if [line for _, line, _ in found] == [PROBE.count("\n")]:
            return compiler
    return None


def seeded(name, text, guarded):
    """@text, or what includes header @name, with a fault in each of the last lines."""
    above = text.rstrip("\n") if name.endswith(".c") else f'#include "{name}"'
    lines = [guarded_field.use(f"seed_{number}") for number, guarded_field in enumerate(guarded)]
    return "\n".join([above, *lines, ""]), above.count("\n") + 2


def unnoticed(compiler, flags, name, text):
    """The fields marked in file @name of whose use without a lock clang says nothing."""
    guarded = Marks(text).guarded
    if not guarded:
        return 0, []
    faulty, first = seeded(name, text, guarded)
    lines = {line: message for file, line, message in analyse(compiler, flags, name, faulty)
             if file == name}
    return len(guarded), [f"{name}: {field.name} without {field.lock} goes unnoticed"
                          for number, field in enumerate(guarded)
                          if "requires holding" not in lines.get(first + number, "")]


def idle_locks(texts):
    """Locks that guard no marked field and are not excused; excuses that are not needed."""
    locks, used = {}, set()
    for name, text in texts.items():
        marks = Marks(text)
        locks.update({lock: name for lock in marks.locks})
        used |= {guarded.lock for guarded in marks.guarded}
    for lock, name in locks.items():
        if lock not in used and lock not in GUARDS_NO_FIELD:
            yield f"{name}: {lock} guards no field that is marked"
    for lock in GUARDS_NO_FIELD:
        if lock in used or lock not in locks:
            yield f"tools/check_locks.py: {lock} needs no excuse"


def table_problems(texts, readme):
    """Locks of mm that the table in @readme does not have, or has though they are gone."""
    locks = {}
    for name, text in texts.items():
        for lock in Marks(text).locks if name.startswith(("mm/", "include/mm/")) else ():
            if locks.setdefault(lock, name) != name:
                yield f"{name}: {lock} is a lock of {locks[lock]}, too"
    listed = [lock for row in re.findall(r"^\| (`[^|]*lock`[^|]*) \|", readme, re.MULTILINE)
              for lock in re.findall(r"`([\w.]+)`", row)]
    for lock in sorted(locks.keys() - listed):
        yield f"mm/README.md: its table of locks does not have {lock} of {locks[lock]}"
    for lock in sorted(set(listed) - locks.keys()):
        yield f"mm/README.md: its table has {lock}, which is no lock"


def main():
    flags = [flag for flag in shlex.split(sys.argv[1]) if flag not in ("-MMD", "-MP", "-Werror")]
    sources = [name for name in sys.argv[2:] if name.endswith(".c")]
    compiler = find_compiler(flags)
    headers = [str(path.relative_to(ROOT)) for folder in HEADER_FOLDERS
               for path in sorted((ROOT / folder).rglob("*.h"))]
    texts = {name: (ROOT / name).read_text() for name in sources + headers}
    problems = [*idle_locks(texts), *table_problems(texts, (ROOT / "mm/README.md").read_text())]
    nr_fields = 0

    if compiler:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(lambda name: analyse(compiler, flags, name, texts[name]),
                                  sources):
                problems += [f"{name}:{line}: {message}" for name, line, message in found]
            for nr, found in pool.map(lambda name: unnoticed(compiler, flags, name, texts[name]),
                                      texts):
                nr_fields += nr
                problems += found
    for problem in sorted(set(problems)):
        print(problem)
    if problems:
        print(f"locks: {len(set(problems))} problems")
        return 1
    if compiler:
        print(f"locks: {nr_fields} fields are used under their locks, says {compiler}; without "
              "it is noticed of each")
    else:
        print("locks: skipped: it takes clang 19 or newer (sh tools/setup.sh --checkers)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
